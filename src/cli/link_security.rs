//! The link options for ciphering and keys. The rule: a key is never an argument; it comes from a file only its owner can
//! read, from a variable, or from a person at the terminal.

use super::link_options::OptionsError;
use super::prompt;
use crate::cosem::Obis;
use crate::dlms::security::{Form, Keys, Protection, Secret, Security, Suite, SystemTitle};
use crate::meter::Definition;
use crate::meter::definition::{
    self, FORMS, PROTECTIONS, form_named, protection_named, suite_named,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Some kilobytes of keys and remarks; what is longer is another file.
const LONGEST: u64 = 64 * 1024;

#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Link options")]
pub struct SecurityOptions {
    /// How APDUs are protected [usual: none]
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(PROTECTIONS).map(|name| Protected(protection_named(&name).flatten())))]
    pub security: Option<Protected>,
    /// What ciphered APDUs look like: general-glo, glo-… or, under a key of each association's own, ded-… [usual: global]
    #[arg(long, value_name = "FORM", value_parser = PossibleValuesParser::new(FORMS).map(|name| form_named(&name).unwrap_or_default()))]
    pub ciphering: Option<Form>,
    /// Security suite [usual: 0]
    #[arg(long, value_name = "SUITE", value_parser = PossibleValuesParser::new(["0", "1", "2"]).map(|name| suite_named(&name).unwrap_or_default()))]
    pub suite: Option<Suite>,
    /// Our own system title, 16 hex digits [usual: one of its own for each meter]
    #[arg(long, value_name = "HEX")]
    pub system_title: Option<SystemTitle>,
    /// Environment variable that holds the keys: ek=HEX ak=HEX …
    #[arg(long, value_name = "VAR", conflicts_with = "keys_file")]
    pub keys_env: Option<String>,
    /// File that holds the keys, readable by its owner alone: ek=HEX ak=HEX dk=HEX …
    #[arg(long, value_name = "FILE")]
    pub keys_file: Option<PathBuf>,
    /// Where the public client reads the invocation counter; none does without [usual: 0-0:43.1.0.255]
    #[arg(long, value_name = "OBIS|none", value_parser = counter_object)]
    pub counter_object: Option<CounterObject>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protected(pub Option<Protection>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterObject(pub Option<Obis>);

pub(super) fn counter_object(text: &str) -> Result<CounterObject, String> {
    if text == "none" {
        return Ok(CounterObject(None));
    }
    let obis: Obis = text
        .parse()
        .map_err(|error| format!("{error}; or write none"))?;
    Ok(CounterObject(Some(obis)))
}

impl SecurityOptions {
    /// Lays the options over `meter`, and asks for keys that are missing if there is a terminal.
    pub(super) fn apply(&self, meter: &mut Definition) -> Result<(), OptionsError> {
        if let Some(CounterObject(object)) = self.counter_object {
            meter.counter_object = object;
        }
        let keys = self.given_keys()?;
        let given = self.security.is_some_and(|it| it.0.is_some())
            || self.ciphering.is_some()
            || self.suite.is_some()
            || self.system_title.is_some()
            || keys.is_some();
        if meter.security.is_none() && (given || meter.auth.wants_title()) {
            meter.security = Some(Security {
                suite: Suite::default(),
                protection: None,
                form: Form::default(),
                title: own_title()?,
                keys: Keys::default(),
            });
        }
        let Some(security) = &mut meter.security else {
            return Ok(());
        };
        security.protection = self.security.map_or(security.protection, |it| it.0);
        security.form = self.ciphering.unwrap_or(security.form);
        security.suite = self.suite.unwrap_or(security.suite);
        security.title = self.system_title.unwrap_or(security.title);
        if security.protection.is_none() {
            let idle = [
                ("--ciphering", self.ciphering.is_some()),
                ("keys", keys.is_some() && !meter.auth.wants_keys()),
            ];
            if let Some((what, _)) = idle.iter().find(|it| it.1) {
                return Err(OptionsError(format!(
                    "{what}: nothing here is ciphered or signed; say --security auth, enc or auth-enc, \
                     or --auth hls-gmac or hls-ecdsa for keys"
                )));
            }
        }
        if let Some(keys) = keys {
            security.keys = keys;
        }
        let wanted = security.protection.is_some() || meter.auth.wants_keys();
        if wanted && security.keys == Keys::default() {
            let place = meter.endpoint();
            if let Some(security) = &mut meter.security {
                security.keys = ask(&place)?;
            }
        }
        Ok(())
    }

    fn given_keys(&self) -> Result<Option<Keys>, OptionsError> {
        keys(self.keys_env.as_deref(), self.keys_file.as_deref())
    }
}

/// From a variable or a file.
pub(super) fn keys(
    variable: Option<&str>,
    file: Option<&Path>,
) -> Result<Option<Keys>, OptionsError> {
    let text = match (variable, file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(OptionsError(
                "keys: give the variable or the file, not both".to_owned(),
            ));
        }
        (Some(variable), None) => {
            let found = std::env::var_os(variable).map(OsString::into_encoded_bytes);
            let found = found.ok_or_else(|| {
                OptionsError(format!(
                    "keys: the environment variable {variable} is not set; set it, or name a file instead"
                ))
            })?;
            Zeroizing::new(found)
        }
        (None, Some(file)) => from_file(file)?,
    };
    parse(&text).map(Some)
}

fn parse(text: &[u8]) -> Result<Keys, OptionsError> {
    let text = std::str::from_utf8(text)
        .map_err(|_| OptionsError("keys: this is no text; write ek=HEX ak=HEX".to_owned()))?;
    Keys::parse(text).map_err(|error| OptionsError(format!("keys: {error}")))
}

fn from_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, OptionsError> {
    let shown = path.display();
    let unreadable =
        |error: io::Error| OptionsError(format!("keys: {shown} cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    // Pipes and the like are nobody else's to read.
    if about.is_file() {
        owners_alone(path, &about)?;
    }
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    file.take(LONGEST)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    Ok(text)
}

#[cfg(unix)]
fn owners_alone(path: &Path, about: &Metadata) -> Result<(), OptionsError> {
    use std::os::unix::fs::PermissionsExt;
    let (shown, mode) = (path.display(), about.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        return Err(OptionsError(format!(
            "keys: {shown} may be read by others (mode {mode:04o}), so these keys are not used; \
             first: chmod 600 {shown}"
        )));
    }
    Ok(())
}

/// Elsewhere a file's rights are not a mode; who may read it is the system's to guard.
#[cfg(not(unix))]
fn owners_alone(_: &Path, _: &Metadata) -> Result<(), OptionsError> {
    Ok(())
}

fn ask(place: &str) -> Result<Keys, OptionsError> {
    if !io::stderr().is_terminal() {
        return Err(OptionsError(
            "ciphering and HLS GMAC or ECDSA need keys: --keys-file FILE or --keys-env VAR with ek=HEX ak=HEX \
             (there is no terminal to ask on)"
                .to_owned(),
        ));
    }
    let question = format!("Keys for {place} (ek=HEX ak=HEX)");
    let typed = prompt::password(&question)
        .map_err(|e| OptionsError(format!("no keys were given: {e}")))?;
    parse(Secret::expose(&typed))
}

pub(super) fn own_title() -> Result<SystemTitle, OptionsError> {
    definition::own_title()
        .map_err(|error| OptionsError(format!("no system title could be made: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::definition::Auth;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        security: SecurityOptions,
    }

    fn apply(mut meter: Definition, args: &[&str]) -> Result<Definition, OptionsError> {
        use clap::Parser;
        let cli = Cli::try_parse_from(std::iter::once(&"x").chain(args)).unwrap();
        cli.security.apply(&mut meter).map(|()| meter)
    }

    const TEXT: &str =
        "# lab meters\nek=000102030405060708090A0B0C0D0E0F\nak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF\n";

    #[test]
    fn keys_of_a_file_that_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, TEXT).unwrap();
        let file = ["--keys-file", path.to_str().unwrap()];
        for mode in [0o644, 0o640, 0o604] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = apply(Definition::new("m", "h", 1), &file).unwrap_err().0;
            assert!(error.contains("chmod 600"), "{error}");
            assert!(!error.contains("0001"), "{error}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let mut args = file.to_vec();
        args.extend(["--security", "auth-enc", "--ciphering", "general"]);
        args.extend(["--system-title", "4D4D4D0000BC614E"]);
        let meter = apply(Definition::new("m", "h", 1), &args).unwrap();
        let security = meter.security.clone().unwrap();
        assert_eq!(security.protection, Some(Protection::Both));
        assert_eq!(security.form, Form::General);
        assert_eq!(security.title.hex(), "4D4D4D0000BC614E");
        assert!(security.keys.encryption.is_some());

        // What is saved stays, but for what is given.
        let meter = apply(
            meter,
            &["--ciphering", "dedicated", "--counter-object", "none"],
        )
        .unwrap();
        let changed = meter.security.clone().unwrap();
        assert_eq!(
            (changed.form, changed.title),
            (Form::Dedicated, security.title)
        );
        assert_eq!(changed.keys, security.keys);
        assert_eq!(meter.counter_object, None);
        let meter = apply(meter, &["--security", "none"]).unwrap();
        assert_eq!(meter.security.unwrap().protection, None);
    }

    #[test]
    fn without_keys_and_with_wrong_ones() {
        let plain = Definition::new("m", "h", 1);
        assert_eq!(
            apply(plain.clone(), &["--security", "none"]).unwrap(),
            plain
        );
        let mut gmac = plain.clone();
        gmac.auth = Auth::HlsGmac;
        // A terminal may or may not be there when tests run; without one this is the answer.
        if !io::stderr().is_terminal() {
            let error = apply(gmac, &[]).unwrap_err().0;
            assert!(error.contains("--keys-file"), "{error}");
        }
        let error = apply(plain.clone(), &["--keys-env", "OBISCOPE_NO_SUCH"])
            .unwrap_err()
            .0;
        assert!(error.contains("OBISCOPE_NO_SUCH"), "{error}");
        assert_ne!(own_title().unwrap(), own_title().unwrap());
        assert_eq!(own_title().unwrap().maker(), Some("OBS"));
        let error = parse(b"ek=00zz").unwrap_err().0;
        assert!(!error.contains("zz"), "{error}");
    }
}
