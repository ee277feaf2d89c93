//! A broker as a person defines it: where it is, who we are there, and what payload it wants.

mod choice;
mod url;

use std::path::PathBuf;
use std::time::Duration;

pub use choice::{Dialect, Protocol};
use url::{percent_decoded, split_host_port};

use crate::dlms::security::Secret;
use crate::meter::definition::FieldError;

/// How much may wait for a broker. What goes over makes the oldest messages go, unsent; a person is told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub rows: u64,
    /// Topics and payloads.
    pub bytes: u64,
    /// None: however old.
    pub age: Option<Duration>,
}

impl Default for Limits {
    /// Two million messages or a gibibyte: a hundred meters at one message a minute fill that in two weeks.
    fn default() -> Self {
        Self {
            rows: 2_000_000,
            bytes: 1 << 30,
            age: None,
        }
    }
}

/// What a request from the platform may change, where it is named in [`BrokerDefinition::allow`].
pub const CHANGING: [&str; 4] = ["write", "clock_sync", "set_interval", "reconnect"];

/// Messages under way at once, unless told otherwise. ThingsBoard closes a session that queues more than 100.
pub const WINDOW: u16 = 20;
const KEEP_ALIVE: Duration = Duration::from_mins(1);

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerDefinition {
    /// 0 until saved.
    pub id: i64,
    pub name: String,
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub tls: bool,
    /// Certificates to trust instead of the system's, PEM.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key, PEM; both or none.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub dialect: Dialect,
    pub protocol: Protocol,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// An access token: it travels as the user name, without a password.
    pub token: Option<Secret>,
    /// Made when first saved and kept, so that no two installations push each other out.
    pub client_id: String,
    pub keep_alive: Duration,
    /// Messages under way at once, 1 to 100.
    pub window: u16,
    pub limits: Limits,
    /// Templates of topic and payload, for [`Dialect::Template`].
    pub topic: Option<String>,
    pub payload: Option<String>,
    /// Says `online` while we are there and `offline` when we are not (last will), retained.
    pub status_topic: Option<String>,
    /// What the platform calls this kind of device; ThingsBoard's device profile.
    pub device_type: Option<String>,
    /// Those of [`CHANGING`] that the platform may ask for.
    pub allow: Vec<String>,
}

impl BrokerDefinition {
    /// `url` as in [`Self::set_url`].
    pub fn new(name: impl Into<String>, url: &str, dialect: Dialect) -> Result<Self, FieldError> {
        let mut broker = Self {
            id: 0,
            name: name.into(),
            host: String::new(),
            port: 1883,
            tls: false,
            ca: None,
            cert: None,
            key: None,
            dialect,
            protocol: Protocol::of(dialect),
            user: None,
            password: None,
            token: None,
            client_id: new_client_id(),
            keep_alive: KEEP_ALIVE,
            window: WINDOW,
            limits: Limits::default(),
            topic: None,
            payload: None,
            status_topic: None,
            device_type: None,
            allow: Vec::new(),
        };
        broker.set_url(url)?;
        Ok(broker)
    }

    /// `mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT]`; a password in it becomes a [`Secret`] and is not shown again.
    pub fn set_url(&mut self, url: &str) -> Result<(), FieldError> {
        let bad = |problem: &str| {
            wrong(
                "url",
                format!(
                    "{problem}; write mqtt://HOST[:PORT] or mqtts://HOST[:PORT], such as mqtt://192.168.1.10:1883"
                ),
            )
        };
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| bad("it has no scheme"))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(bad("the scheme is not mqtt or mqtts")),
        };
        // The last @: a password may hold one that was not percent-encoded.
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = split_host_port(place).map_err(bad)?;
        if let Some(login) = login {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (login, None),
            };
            let user = String::from_utf8(percent_decoded(user))
                .map_err(|_| bad("the user name is not text"))?;
            self.user = Some(user).filter(|user| !user.is_empty());
            // Whoever comes by another name has another password.
            self.password = password.map(|password| Secret::new(percent_decoded(password)));
            if self.dialect.is_thingsboard()
                && self.password.is_none()
                && let Some(token) = self.user.take()
            {
                // ThingsBoard's users are tokens.
                self.token = Some(Secret::new(token));
            }
        }
        self.host = host;
        self.port = port.unwrap_or(if tls { 8883 } else { 1883 });
        self.tls = tls;
        Ok(())
    }

    /// Without user, password or token.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        format!("{scheme}://{}", self.endpoint())
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    pub fn endpoint(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Every field that is wrong, each with what is right.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut found = Vec::new();
        let unfit = self.name.chars().any(char::is_control) || self.name.chars().count() > 100;
        if self.name.trim().is_empty() || unfit {
            found.push(wrong(
                "name",
                "give it a name of 1 to 100 printable characters, such as lab",
            ));
        }
        if self.host.is_empty()
            || self
                .host
                .chars()
                .any(|c| c.is_whitespace() || c.is_control())
        {
            found.push(wrong(
                "url",
                "the host is missing; write mqtt://HOST[:PORT]",
            ));
        }
        if self.port == 0 {
            found.push(wrong(
                "url",
                "port 0 cannot be connected to; MQTT uses 1883, with TLS 8883",
            ));
        }
        if self.tls && self.host.contains(':') {
            found.push(wrong(
                "url",
                "TLS needs a host name or an IPv4 address: a certificate is checked against it",
            ));
        }
        if self.ca.is_some() && !self.tls {
            found.push(wrong(
                "ca",
                "certificates are used with TLS only; write mqtts:// in the url",
            ));
        }
        if self.token.is_some() && (self.user.is_some() || self.password.is_some()) {
            found.push(wrong(
                "token",
                "a token travels as the user name; give either it or user and password",
            ));
        }
        if self.password.is_some() && self.user.is_none() {
            found.push(wrong(
                "password",
                "MQTT takes a password only with a user name; add --user",
            ));
        }
        for (field, secret) in [("password", &self.password), ("token", &self.token)] {
            let Some(secret) = secret else { continue };
            if secret.is_empty() || secret.expose().len() > usize::from(u16::MAX) {
                found.push(wrong(field, "it is empty or over 65535 bytes long"));
            } else if std::str::from_utf8(secret.expose()).is_err() {
                found.push(wrong(field, "it is not UTF-8 text, which MQTT asks for"));
            }
        }
        self.check_session(&mut found);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    fn check_session(&self, found: &mut Vec<FieldError>) {
        if self.cert.is_some() != self.key.is_some() {
            found.push(wrong(
                "cert",
                "a certificate and its key go together; give --cert and --key",
            ));
        }
        if self.cert.is_some() && !self.tls {
            found.push(wrong(
                "cert",
                "certificates are used with TLS only; write mqtts:// in the url",
            ));
        }
        if !(1..=100).contains(&self.window) {
            found.push(wrong(
                "window",
                "1 to 100 messages may be under way at once",
            ));
        }
        let seconds = Duration::from_secs(5)..=Duration::from_secs(u16::MAX.into());
        if !seconds.contains(&self.keep_alive) {
            found.push(wrong("keep-alive", "it is 5 s to 65535 s, 0 is not taken"));
        }
        if self.limits.rows == 0 || self.limits.bytes < 64 * 1024 {
            found.push(wrong(
                "limits",
                "at least one message and 64 KiB must have room, or nothing is ever sent",
            ));
        }
        if self.limits.age.is_some_and(|age| age.is_zero()) {
            found.push(wrong("max-age", "an age of nothing keeps nothing"));
        }
        if let Some(topic) = &self.status_topic
            && let Err(problem) = fit_topic(topic)
        {
            found.push(wrong("status-topic", problem));
        }
        for method in &self.allow {
            if !CHANGING.contains(&method.as_str()) {
                found.push(wrong(
                    "allow",
                    format!("{method:?} is not known; choose of {}", CHANGING.join(", ")),
                ));
            }
        }
    }
}

/// Whether a message may be published there (MQTT 3.1.1 clause 4.7).
pub fn fit_topic(topic: &str) -> Result<(), &'static str> {
    match topic {
        "" => Err("the topic is empty"),
        _ if topic.len() > usize::from(u16::MAX) => Err("the topic is over 65535 bytes long"),
        _ if topic.contains(['+', '#']) => {
            Err("+ and # are for subscribing: a message goes to one topic")
        }
        _ if topic.chars().any(char::is_control) => {
            Err("the topic holds a control character (NUL or the like)")
        }
        _ => Ok(()),
    }
}

/// 21 characters: every MQTT 3.1.1 server must take 23.
pub(super) fn new_client_id() -> String {
    format!("obiscope-{:012x}", fastrand::u64(..1 << 48))
}

fn wrong(field: &'static str, problem: impl Into<String>) -> FieldError {
    FieldError {
        field,
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_where_and_who() {
        let broker = |url: &str| BrokerDefinition::new("lab", url, Dialect::Json).unwrap();
        assert_eq!(broker("mqtt://10.0.0.1").url(), "mqtt://10.0.0.1:1883");
        assert_eq!(broker("mqtts://b.example/").url(), "mqtts://b.example:8883");
        assert_eq!(broker("MQTT://[::1]:1884").url(), "mqtt://[::1]:1884");
        let full = broker("mqtt://me%40home:p%3Ass%@host:1");
        assert_eq!(full.user.as_deref(), Some("me@home"));
        assert_eq!(full.password.as_ref().unwrap().expose(), b"p:ss%");
        assert_eq!(full.url(), "mqtt://host:1");
        assert_eq!(full.client_id.len(), 21);
        assert!(full.check().is_ok());
    }

    #[test]
    fn a_wrong_url_is_refused_without_showing_its_password() {
        for url in [
            "host",
            "http://h",
            "mqtt://",
            "mqtt://h:0",
            "mqtt://h:x",
            "mqtt://::1:1883",
            "mqtt://[::1",
            "mqtt://[::1]x",
            "mqtt://h/path",
            "mqtt://a b",
            "mqtt://u:hunter2@h:99999",
        ] {
            let error = BrokerDefinition::new("lab", url, Dialect::Json)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("url: "), "{url}: {error}");
            assert!(!error.contains("hunter2"));
        }
    }

    #[test]
    fn fields_that_contradict_each_other_are_named() {
        let mut broker = BrokerDefinition::new(" ", "mqtt://h", Dialect::ThingsBoard).unwrap();
        broker.ca = Some("ca.pem".into());
        broker.token = Some(Secret::new("t"));
        broker.password = Some(Secret::new(vec![0xFF]));
        let fields: Vec<_> = broker
            .check()
            .unwrap_err()
            .iter()
            .map(|error| error.field)
            .collect();
        assert_eq!(fields, ["name", "ca", "token", "password", "password"]);
    }
}
