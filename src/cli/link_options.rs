//! The link options every command takes beside a TARGET. A password is never an argument: those stand in the process
//! list.

use super::link_line::LineOptions;
use super::link_security::SecurityOptions;
use super::saved::secret;
use super::{argument, prompt};
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::dlms::security::Secret;
use crate::meter::Definition;
use crate::meter::definition::{Auth, NAMINGS, naming_named};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Link options")]
pub struct LinkOptions {
    /// Client address (SAP), 0 to 127 [usual: 16, the public client]
    #[arg(long, value_name = "SAP", value_parser = argument::client)]
    pub client: Option<ClientAddress>,
    /// Server address, 1 or, with a lower part, 1/17 [usual: 1]
    #[arg(long, value_name = "UPPER[/LOWER]")]
    pub server: Option<ServerAddress>,
    /// Bytes the server address travels in: 1, 2 or 4
    #[arg(long, value_name = "BYTES")]
    pub address_size: Option<u8>,
    /// How the meter calls its objects: by logical names (ln) or by short names (sn) [usual: ln]
    #[arg(long, value_name = "NAMING", value_parser = PossibleValuesParser::new(NAMINGS))]
    pub naming: Option<String>,
    /// How to authenticate
    #[arg(long, value_name = "MECHANISM", value_parser = PossibleValuesParser::new(Auth::ALL.map(Auth::name)).try_map(|name| name.parse::<Auth>()))]
    pub auth: Option<Auth>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "VAR", conflicts_with = "password_file")]
    pub password_env: Option<String>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// How long to wait for one answer [usual: 7s]
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    pub timeout: Option<Duration>,
    /// The meter's inactivity timeout, such as 120s; 0s for none
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    pub inactivity: Option<Duration>,
    /// Largest information field proposed, 32 to 2030 bytes
    #[arg(long, value_name = "BYTES", value_parser = |text: &str| argument::whole::<u16>(text, 32, 2030))]
    pub max_info: Option<u16>,
    /// Window proposed, 1 to 7
    #[arg(long, value_name = "FRAMES", value_parser = |text: &str| argument::whole::<u8>(text, 1, 7))]
    pub window: Option<u8>,
    /// Append every byte sent and received to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    #[command(flatten)]
    pub line: LineOptions,
    #[command(flatten)]
    pub security: SecurityOptions,
}

/// What is wrong with the options, and what would be right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OptionsError(pub String);

impl LinkOptions {
    /// Lays the options over `meter`; what was not given stays. Asks for a missing password if there is a terminal.
    pub fn apply(&self, meter: &mut Definition) -> Result<(), OptionsError> {
        self.apply_address(meter)?;
        self.line.apply(meter)?;
        meter.naming = (self.naming.as_deref())
            .and_then(naming_named)
            .unwrap_or(meter.naming);
        meter.auth = self.auth.unwrap_or(meter.auth);
        if let Some(timeout) = self.timeout {
            meter.timeout = timeout;
        }
        if let Some(inactivity) = self.inactivity {
            meter.inactivity = inactivity;
        }
        meter.max_info = self.max_info.unwrap_or(meter.max_info);
        meter.window = self.window.unwrap_or(meter.window);
        if let Some(password) = self.given_password()? {
            meter.password = Some(password);
            if self.auth.is_none() && meter.auth == Auth::None {
                meter.auth = Auth::Lls;
            }
        }
        if meter.auth.wants_password() && meter.password.is_none() {
            meter.password = Some(ask(meter)?);
        }
        self.security.apply(meter)
    }

    fn apply_address(&self, meter: &mut Definition) -> Result<(), OptionsError> {
        meter.client = self.client.unwrap_or(meter.client);
        if self.server.is_some() || self.address_size.is_some() {
            let server = self.server.unwrap_or(meter.server);
            let size = self.address_size.or(self.server.map(ServerAddress::size));
            meter.server = ServerAddress::new(server.upper(), server.lower(), size)
                .map_err(|e| OptionsError(format!("--address-size: {e}")))?;
        }
        Ok(())
    }

    fn given_password(&self) -> Result<Option<Secret>, OptionsError> {
        secret(
            "password",
            self.password_env.as_deref(),
            self.password_file.as_deref(),
        )
        .map_err(|error| OptionsError(error.to_string()))
    }
}

fn ask(meter: &Definition) -> Result<Secret, OptionsError> {
    if !std::io::stderr().is_terminal() {
        let what = match meter.auth {
            Auth::Lls => "low-level security",
            other => other.words(),
        };
        return Err(OptionsError(format!(
            "{what} needs a password: --password-env VAR or --password-file FILE \
             (there is no terminal to ask on)"
        )));
    }
    let question = format!(
        "Password of client {} at {}",
        meter.client.sap(),
        meter.endpoint()
    );
    prompt::password(&question).map_err(|e| OptionsError(format!("no password was given: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlms::association::Naming;
    use std::time::Duration;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        link: LinkOptions,
    }

    fn apply(args: &[&str]) -> Result<Definition, OptionsError> {
        use clap::Parser;
        let cli = Cli::try_parse_from(std::iter::once(&"x").chain(args)).unwrap();
        let mut meter = Definition::new("m", "h", 1);
        cli.link.apply(&mut meter).map(|()| meter)
    }

    #[test]
    fn what_is_given_is_laid_over_the_rest() {
        let meter = apply(&["--client", "1", "--server", "1/17", "--address-size", "4"]).unwrap();
        assert_eq!(meter.client.sap(), 1);
        assert_eq!((meter.server.upper(), meter.server.lower()), (1, Some(17)));
        assert_eq!(meter.server.size(), 4);
        assert_eq!(meter.timeout, Duration::from_secs(7));
        assert_eq!(
            apply(&["--naming", "sn"]).unwrap().naming,
            Naming::ShortName
        );
        let meter = apply(&["--timeout", "500ms", "--inactivity", "3m", "--window", "3"]).unwrap();
        assert_eq!(meter.timeout, Duration::from_millis(500));
        assert_eq!(meter.inactivity, Duration::from_mins(3));
        assert_eq!((meter.window, meter.max_info), (3, 128));
    }

    #[test]
    fn a_password_comes_from_a_file_and_means_lls() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        std::fs::write(&path, "22222222\r\nsecond line\n").unwrap();
        let meter = apply(&["--password-file", path.to_str().unwrap()]).unwrap();
        assert_eq!(meter.auth, Auth::Lls);
        assert_eq!(meter.password, Some(Secret::new(*b"22222222")));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (args, word) in [
            (["--address-size", "3"], "1, 2 or 4"),
            (
                ["--password-env", "OBISCOPE_NO_SUCH_VARIABLE"],
                "OBISCOPE_NO_SUCH_VARIABLE",
            ),
        ] {
            let error = apply(&args).unwrap_err().to_string();
            assert!(error.contains(word), "{args:?}: {error}");
        }
    }
}
