//! The link options every command takes beside a TARGET. A password is never an argument: those stand in the process
//! list.

use super::saved::secret;
use super::{argument, prompt};
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::dlms::security::Secret;
use crate::meter::Definition;
use crate::meter::definition::{Auth, TransportKind};
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
    /// How to authenticate
    #[arg(long, value_enum, value_name = "MECHANISM")]
    pub auth: Option<Mechanism>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "VAR", conflicts_with = "password_file")]
    pub password_env: Option<String>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// How frames travel
    #[arg(long, value_enum, value_name = "KIND")]
    pub transport: Option<Transport>,
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
    later: Later,
}

/// Options whose names are settled and whose work is not in this version: refused by name, never ignored.
#[derive(Clone, Debug, Default, clap::Args)]
struct Later {
    #[arg(long, hide = true, value_name = "KIND")]
    security: Option<String>,
    #[arg(long, hide = true, value_name = "KIND")]
    ciphering: Option<String>,
    #[arg(long, hide = true, value_name = "HEX")]
    system_title: Option<String>,
    #[arg(long, hide = true, value_name = "VAR")]
    keys_env: Option<String>,
    #[arg(long, hide = true, value_name = "FILE")]
    keys_file: Option<PathBuf>,
}

impl Later {
    fn refuse(&self) -> Result<(), OptionsError> {
        if let Some(security) = self.security.as_deref().filter(|it| *it != "none") {
            return Err(OptionsError(format!(
                "--security {security} is not in this version; use none, or leave it out"
            )));
        }
        for (option, given) in [
            ("--ciphering", self.ciphering.is_some()),
            ("--system-title", self.system_title.is_some()),
            ("--keys-env", self.keys_env.is_some()),
            ("--keys-file", self.keys_file.is_some()),
        ] {
            if given {
                return Err(OptionsError(format!(
                    "{option} goes with ciphered associations, which are not in this version; leave it out"
                )));
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mechanism {
    None,
    Lls,
    #[value(hide = true)]
    HlsMd5,
    #[value(hide = true)]
    HlsSha1,
    #[value(hide = true)]
    HlsGmac,
    #[value(hide = true)]
    HlsSha256,
    #[value(hide = true)]
    HlsEcdsa,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    HdlcTcp,
    #[value(hide = true)]
    WrapperTcp,
    #[value(hide = true)]
    WrapperUdp,
    #[value(hide = true)]
    Serial,
}

/// What is wrong with the options, and what would be right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OptionsError(pub String);

impl LinkOptions {
    /// Lays the options over `meter`; what was not given stays. Asks for a missing password if there is a terminal.
    pub fn apply(&self, meter: &mut Definition) -> Result<(), OptionsError> {
        self.later.refuse()?;
        self.apply_address(meter)?;
        if let Some(mechanism) = self.auth {
            meter.auth = match mechanism {
                Mechanism::None => Auth::None,
                Mechanism::Lls => Auth::Lls,
                other => return Err(later("--auth", &other, "none or lls")),
            };
        }
        match self.transport {
            None => {}
            Some(Transport::HdlcTcp) => meter.transport = TransportKind::HdlcTcp,
            Some(other) => return Err(later("--transport", &other, "hdlc-tcp")),
        }
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
            if self.auth.is_none() {
                meter.auth = Auth::Lls;
            }
        }
        if meter.auth == Auth::Lls && meter.password.is_none() {
            meter.password = Some(ask(meter)?);
        }
        Ok(())
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
        return Err(OptionsError(
            "low-level security needs a password: --password-env VAR or --password-file FILE \
             (there is no terminal to ask on)"
                .to_owned(),
        ));
    }
    let question = format!(
        "Password of client {} at {}",
        meter.client.sap(),
        meter.endpoint()
    );
    prompt::password(&question).map_err(|e| OptionsError(format!("no password was given: {e}")))
}

fn later(option: &str, value: &impl clap::ValueEnum, now: &str) -> OptionsError {
    let value = value
        .to_possible_value()
        .map(|v| v.get_name().to_owned())
        .unwrap_or_default();
    OptionsError(format!(
        "{option} {value} is not in this version; use {now}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn what_is_not_there_yet_is_refused_by_name() {
        for (args, word) in [
            (["--auth", "hls-gmac"], "hls-gmac is not in this version"),
            (["--transport", "serial"], "serial is not in this version"),
            (["--address-size", "3"], "1, 2 or 4"),
            (
                ["--security", "auth"],
                "--security auth is not in this version",
            ),
            (["--keys-env", "X"], "--keys-env goes with ciphered"),
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
