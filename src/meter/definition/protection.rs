//! The names that files, options and the database have for what a definition says of security, and the keys as one
//! text. The rule: a name is written and read in one place, so that both always fit.

use crate::dlms::security::{Form, Keys, Protection, Secret, Suite, SystemTitle};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// `none` is no protection: the keys serve the proof only.
pub const PROTECTIONS: [&str; 4] = ["none", "auth", "enc", "auth-enc"];
pub const FORMS: [&str; 3] = ["general", "global", "dedicated"];

pub const fn protection_name(protection: Option<Protection>) -> &'static str {
    let [none, authentication, encryption, both] = PROTECTIONS;
    match protection {
        None => none,
        Some(Protection::Authentication) => authentication,
        Some(Protection::Encryption) => encryption,
        Some(Protection::Both) => both,
    }
}

pub fn protection_named(name: &str) -> Option<Option<Protection>> {
    [
        None,
        Some(Protection::Authentication),
        Some(Protection::Encryption),
        Some(Protection::Both),
    ]
    .into_iter()
    .find(|it| protection_name(*it) == name)
}

pub const fn form_name(form: Form) -> &'static str {
    let [general, global, dedicated] = FORMS;
    match form {
        Form::General => general,
        Form::Global => global,
        Form::Dedicated => dedicated,
    }
}

pub fn form_named(name: &str) -> Option<Form> {
    [Form::General, Form::Global, Form::Dedicated]
        .into_iter()
        .find(|it| form_name(*it) == name)
}

pub fn suite_named(name: &str) -> Option<Suite> {
    name.parse().ok().and_then(Suite::from_number)
}

/// The maker's letters of a system title nobody chose.
const MAKER: [u8; 3] = *b"OBS";

/// A system title no other client has: two that share title and key would share nonces.
pub fn own_title() -> Result<SystemTitle, getrandom::Error> {
    let mut title = [0; 8];
    getrandom::fill(&mut title)?;
    title[..3].copy_from_slice(&MAKER);
    Ok(SystemTitle(title))
}

/// The keys as [`Keys::parse`] reads them; for the database, and for nothing that a person sees.
pub fn key_text(keys: &Keys) -> Secret {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    for (name, key) in [
        ("ek", &keys.encryption),
        ("bk", &keys.broadcast),
        ("ak", &keys.authentication),
        ("dk", &keys.dedicated),
        ("kek", &keys.wrapping),
        ("sk", &keys.signing),
        ("kak", &keys.agreement),
    ] {
        if let Some(key) = key {
            word(&mut text, name, key.expose());
        }
    }
    for (name, key) in [("pk", &keys.peer_signing), ("pkak", &keys.peer_agreement)] {
        if let Some(key) = key {
            word(&mut text, name, key);
        }
    }
    Secret::new(text.as_bytes())
}

fn word(text: &mut String, name: &str, key: &[u8]) {
    let _ = write!(text, "{name}=");
    for octet in key {
        let _ = write!(text, "{octet:02x}");
    }
    text.push('\n');
}

/// Which keys there are, by name alone: `ek ak`.
pub fn key_names(keys: &Keys) -> String {
    let there = [
        ("ek", keys.encryption.is_some()),
        ("bk", keys.broadcast.is_some()),
        ("ak", keys.authentication.is_some()),
        ("dk", keys.dedicated.is_some()),
        ("kek", keys.wrapping.is_some()),
        ("sk", keys.signing.is_some()),
        ("kak", keys.agreement.is_some()),
        ("pk", keys.peer_signing.is_some()),
        ("pkak", keys.peer_agreement.is_some()),
    ];
    let names: Vec<_> = there.iter().filter(|it| it.1).map(|it| it.0).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_come_back() {
        for name in PROTECTIONS {
            assert_eq!(protection_name(protection_named(name).unwrap()), name);
        }
        for name in FORMS {
            assert_eq!(form_name(form_named(name).unwrap()), name);
        }
        assert_eq!(suite_named("2"), Some(Suite::Two));
        assert_eq!(suite_named("3"), None);
        let written = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
        let keys = Keys::parse(written).unwrap();
        let text = key_text(&keys);
        let text = std::str::from_utf8(text.expose()).unwrap();
        assert_eq!(Keys::parse(text).unwrap(), keys);
        assert_eq!(key_names(&keys), "ek ak");
    }
}
