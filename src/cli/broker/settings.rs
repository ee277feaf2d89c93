//! What can be said of a broker beside its address: who we are there, how it is spoken to, what may wait for it. The rule:
//! what can be checked without connecting is checked when it is given.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::argument;
use crate::cli::saved::{Error, secret};
use crate::publish::{check_ca, check_pair, dialect};
use crate::store::{BrokerDefinition, CHANGING, Dialect, Protocol};

#[derive(Debug, Default, Args)]
pub struct Login {
    /// User name for the broker
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Take the password from this environment variable
    #[arg(long, value_name = "VAR")]
    password_env: Option<String>,
    /// Take the password from this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take an access token (sent as user name) from this environment variable
    #[arg(long, value_name = "VAR")]
    token_env: Option<String>,
    /// Take an access token from this file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Our own certificate, PEM; with --key
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The key of our certificate, PEM
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Args)]
pub struct Settings {
    /// 3.1.1 or 5; ThingsBoard says what it refuses by 5 only
    #[arg(long, value_name = "VERSION")]
    mqtt: Option<String>,
    /// Longest silence before we ask whether the broker is there, such as 1m
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    keep_alive: Option<Duration>,
    /// Messages under way at once, 1 to 100
    #[arg(long, value_name = "N", value_parser = |text: &str| argument::whole::<u16>(text, 1, 100))]
    window: Option<u16>,
    /// Messages that may wait; over it the oldest go unsent
    #[arg(long, value_name = "N", value_parser = |text: &str| argument::whole::<u32>(text, 1, u32::MAX))]
    max_rows: Option<u32>,
    /// Bytes that may wait, such as 500MiB
    #[arg(long, value_name = "SIZE", value_parser = octets)]
    max_bytes: Option<u64>,
    /// How old a message may grow unsent, such as 30days
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    max_age: Option<Duration>,
    /// Where messages go, for --dialect template, such as site/{device}/{key}
    #[arg(long, value_name = "TEMPLATE")]
    topic: Option<String>,
    /// What they say, for --dialect template, such as {{"value":{value},"ts":{ts}}}
    #[arg(long, value_name = "TEMPLATE")]
    payload: Option<String>,
    /// Where online and offline (our last will) are said, retained
    #[arg(long, value_name = "TOPIC")]
    status_topic: Option<String>,
    /// What the platform calls our meters: ThingsBoard's device profile; dlms unless given
    #[arg(long, value_name = "NAME")]
    device_type: Option<String>,
    #[arg(long, value_name = "METHOD", value_delimiter = ',', help = allow_help())]
    allow: Vec<String>,
}

/// What an edit takes back.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one switch each")]
pub struct Without {
    /// Forget user, password and token before taking new ones
    #[arg(long)]
    no_login: bool,
    /// Trust the system's certificates again
    #[arg(long, conflicts_with = "ca")]
    no_ca: bool,
    /// Show no certificate of ours any more
    #[arg(long, conflicts_with_all = ["cert", "key"])]
    no_cert: bool,
    /// Messages may wait however long
    #[arg(long, conflicts_with = "max_age")]
    no_max_age: bool,
    /// Say nowhere whether we are there
    #[arg(long, conflicts_with = "status_topic")]
    no_status_topic: bool,
    /// Call our meters dlms again
    #[arg(long, conflicts_with = "device_type")]
    no_device_type: bool,
    /// Let the platform change nothing
    #[arg(long, conflicts_with = "allow")]
    no_allow: bool,
}

fn allow_help() -> String {
    format!(
        "What the platform may ask for that changes something: {}; may be repeated",
        CHANGING.join(", ")
    )
}

/// A number of octets: `65536`, `64KiB`, `500MiB`, `1GiB`.
fn octets(text: &str) -> Result<u64, String> {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let found = units
        .iter()
        .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
    let (number, size) = found.unwrap_or((text, 1_u64));
    (number.trim().parse::<u64>().ok())
        .and_then(|number| number.checked_mul(size))
        .filter(|octets| i64::try_from(*octets).is_ok())
        .ok_or_else(|| format!("{text:?} is not a size; write 65536, 64KiB, 500MiB or 1GiB"))
}

/// The program may be started from another folder next time.
fn whole(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

impl Login {
    pub(super) fn apply(self, broker: &mut BrokerDefinition) -> Result<(), Error> {
        let password = secret(
            "password",
            self.password_env.as_deref(),
            self.password_file.as_deref(),
        )?;
        let token = secret(
            "token",
            self.token_env.as_deref(),
            self.token_file.as_deref(),
        )?;
        if let Some(token) = &token
            && token.expose().iter().all(u8::is_ascii_whitespace)
        {
            return Err(Error::Input("token: it is empty".to_owned()));
        }
        broker.user = self.user.or(broker.user.take());
        broker.password = password.or(broker.password.take());
        broker.token = token.or(broker.token.take());
        broker.ca = self.ca.map(whole).or(broker.ca.take());
        broker.cert = self.cert.map(whole).or(broker.cert.take());
        broker.key = self.key.map(whole).or(broker.key.take());
        Ok(())
    }
}

impl Without {
    pub(super) fn apply(&self, broker: &mut BrokerDefinition) {
        if self.no_login {
            broker.user = None;
            broker.password = None;
            broker.token = None;
        }
        if self.no_ca {
            broker.ca = None;
        }
        if self.no_cert {
            broker.cert = None;
            broker.key = None;
        }
        if self.no_max_age {
            broker.limits.age = None;
        }
        if self.no_status_topic {
            broker.status_topic = None;
        }
        if self.no_device_type {
            broker.device_type = None;
        }
        if self.no_allow {
            broker.allow.clear();
        }
    }
}

impl Settings {
    pub(super) fn apply(self, broker: &mut BrokerDefinition) -> Result<(), Error> {
        if let Some(mqtt) = self.mqtt {
            broker.protocol = mqtt.parse()?;
        }
        broker.keep_alive = self.keep_alive.unwrap_or(broker.keep_alive);
        broker.window = self.window.unwrap_or(broker.window);
        let limits = &mut broker.limits;
        limits.rows = self.max_rows.map_or(limits.rows, u64::from);
        limits.bytes = self.max_bytes.unwrap_or(limits.bytes);
        limits.age = self.max_age.or(limits.age);
        broker.topic = self.topic.or(broker.topic.take());
        broker.payload = self.payload.or(broker.payload.take());
        broker.status_topic = self.status_topic.or(broker.status_topic.take());
        broker.device_type = self.device_type.or(broker.device_type.take());
        if !self.allow.is_empty() {
            broker.allow = self.allow;
            broker.allow.sort_unstable();
            broker.allow.dedup();
        }
        Ok(())
    }
}

/// Another dialect: what was only the old one's own goes, what was its usual becomes the new one's.
pub(super) fn set_dialect(broker: &mut BrokerDefinition, dialect: Dialect) {
    if broker.protocol == Protocol::of(broker.dialect) {
        broker.protocol = Protocol::of(dialect);
    }
    if dialect != Dialect::Template {
        broker.topic = None;
        broker.payload = None;
    }
    broker.dialect = dialect;
}

/// Home Assistant shows a sensor as gone by this topic, so there is one.
pub(super) fn usual_status_topic(broker: &mut BrokerDefinition) {
    if broker.dialect == Dialect::HomeAssistant && broker.status_topic.is_none() {
        broker.status_topic = Some(format!("{}/status", broker.client_id));
    }
}

/// Everything that can be known to be wrong without connecting.
pub(super) fn check(broker: &BrokerDefinition) -> Result<(), Error> {
    broker.check()?;
    dialect::check(broker)?;
    if let Some(kind) = &broker.device_type
        && (kind.trim().is_empty() || kind.chars().any(char::is_control) || kind.len() > 255)
    {
        return Err(Error::Input(
            "device-type: give it a name of 1 to 255 printable characters, such as dlms".to_owned(),
        ));
    }
    if let Some(ca) = &broker.ca {
        check_ca(ca).map_err(|problem| Error::Input(format!("ca: {problem}")))?;
    }
    if let Some((cert, key)) = broker.cert.as_ref().zip(broker.key.as_ref()) {
        check_pair(cert, key).map_err(|problem| Error::Input(format!("cert: {problem}")))?;
    }
    Ok(())
}
