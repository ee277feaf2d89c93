//! A broker as a person defines it: where it is, who we are there, and what payload it wants.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::dlms::security::Secret;
use crate::meter::definition::FieldError;

/// The shape of topic and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `meters/{device}/telemetry`, value, unit and OBIS code per measurement.
    Json,
    /// `v1/devices/me/telemetry`, `{"ts":…,"values":{…}}`.
    ThingsBoard,
}

impl Dialect {
    /// As written on the command line and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::ThingsBoard => "thingsboard",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        [Self::Json, Self::ThingsBoard]
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or_else(|| {
                wrong(
                    "dialect",
                    format!("{text:?} is not known; write json or thingsboard"),
                )
            })
    }
}

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
    pub dialect: Dialect,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// An access token: it travels as the user name, without a password.
    pub token: Option<Secret>,
    /// Made when first saved and kept, so that no two installations push each other out.
    pub client_id: String,
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
            dialect,
            user: None,
            password: None,
            token: None,
            client_id: new_client_id(),
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
            if let Some(password) = password {
                self.password = Some(Secret::new(percent_decoded(password)));
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
        if found.is_empty() { Ok(()) } else { Err(found) }
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

fn split_host_port(place: &str) -> Result<(String, Option<u16>), &'static str> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest
            .split_once(']')
            .ok_or("the bracket of the IPv6 address is not closed")?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port),
            None if rest.is_empty() => None,
            None => return Err("something stands between the address and its port"),
        };
        (host, port)
    } else {
        match place.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("an IPv6 address goes in brackets");
            }
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        }
    };
    if host.is_empty() {
        return Err("the host is missing");
    }
    if host
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || "/?#".contains(c))
    {
        return Err("the host holds a character no host has, or a path follows it");
    }
    let port = match port {
        None => None,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err("the port is not a number from 1 to 65535"),
        },
    };
    Ok((host.to_owned(), port))
}

/// `%40` → `@`; a percent sign without two hex digits stays as it is.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let byte = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = byte {
            out.push(high << 4 | low);
            rest = &after[2..];
        } else {
            out.push(first);
            rest = after;
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| value.try_into().ok())
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
