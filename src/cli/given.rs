//! A value to write that stands in no argument list: from a file or a variable, as passwords and keys come. The rule: what
//! is a secret is taken in no other way, for every user of the machine may read the argument list.

use super::Failure;
use super::saved::secret;
use std::path::PathBuf;
use zeroize::Zeroizing;

#[derive(Clone, Debug, Default, clap::Args)]
pub struct Given {
    /// File whose first line is the value: the way for keys and passwords
    #[arg(long, value_name = "FILE", conflicts_with = "value_env")]
    pub value_file: Option<PathBuf>,
    /// Environment variable that holds the value
    #[arg(long, value_name = "VAR")]
    pub value_env: Option<String>,
}

impl Given {
    /// The value, from wherever it was given; `None` where it was given nowhere.
    pub fn value(
        &self,
        argument: Option<&str>,
        is_secret: bool,
    ) -> Result<Option<Zeroizing<String>>, Failure> {
        let elsewhere = secret(
            "value",
            self.value_env.as_deref(),
            self.value_file.as_deref(),
        )
        .map_err(|error| Failure::usage(&error.to_string()))?;
        match (argument, elsewhere) {
            (Some(_), Some(_)) => Err(Failure::usage(
                "give the value as an argument, by --value-file or by --value-env, one of them",
            )),
            (Some(_), None) if is_secret => Err(Failure::usage(
                "this is a secret, and every user of this machine can read arguments: give it by --value-file FILE or \
                 --value-env VAR; nothing was sent",
            )),
            (Some(text), None) => Ok(Some(Zeroizing::new(text.to_owned()))),
            (None, Some(secret)) => match std::str::from_utf8(secret.expose()) {
                Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
                Err(_) => Err(Failure::usage(
                    "the value is no text; write octets as 0x and hexadecimal",
                )),
            },
            (None, None) => Ok(None),
        }
    }
}
