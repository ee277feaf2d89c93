//! What a person may set between two steps, and how it is written: `client=1 max-info=256`, `conformance=+with-list`.
//! The rule: a setting is taken whole or not at all, and no secret is written here.

use crate::cosem::{AttributeRef, ObjectSpec, catalogue};
use crate::dlms::association::Config;
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::dlms::xdlms::Conformance;
use crate::meter::definition::{Auth, Definition};
use crate::meter::session::config_of;

/// What the AARQ proposes beside the definition; `None` is what every session proposes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    pub conformance: Option<Conformance>,
    /// The longest APDU we take; 0 and FFFF say there is no limit.
    pub max_pdu: Option<u16>,
}

impl Proposal {
    /// What a session of this meter proposes then.
    pub fn conformance(self, meter: &Definition) -> Conformance {
        self.conformance
            .unwrap_or_else(|| config_of(meter).conformance)
    }

    pub fn max_pdu(self, meter: &Definition) -> u16 {
        self.max_pdu.unwrap_or_else(|| config_of(meter).max_pdu)
    }

    pub(super) fn config(self, meter: &Definition) -> Config {
        let mut config = config_of(meter);
        config.conformance = self.conformance.unwrap_or(config.conformance);
        config.max_pdu = self.max_pdu.unwrap_or(config.max_pdu);
        config
    }
}

/// The one attribute a GET asks of what a person named: of a code alone the value, in the class it usually has.
pub fn attribute_of(object: ObjectSpec) -> AttributeRef {
    match object {
        ObjectSpec::Attribute(attribute) => attribute,
        ObjectSpec::Value(obis) => AttributeRef {
            class: catalogue::usual_class(obis).unwrap_or(3),
            obis,
            attribute: 2,
        },
    }
}

/// The names a person may write before `=`.
pub const EDITABLE: [&str; 8] = [
    "client",
    "server",
    "size",
    "auth",
    "max-info",
    "window",
    "conformance",
    "max-pdu",
];

/// `text` laid over what is set: words `KEY=VALUE`, of which `conformance` may go over several words.
pub fn edited(
    meter: &Definition,
    proposal: Proposal,
    text: &str,
) -> Result<(Definition, Proposal), String> {
    let (mut meter, mut proposal) = (meter.clone(), proposal);
    let mut last = "";
    for part in text.split_whitespace() {
        let (key, value) = match part.split_once('=') {
            Some(pair) => pair,
            // `conformance=+access -get`, `conformance +access`
            None if part == "conformance" || last == "conformance" => ("conformance", part),
            None => return Err(format!("{part}: write KEY=VALUE, as in client=16")),
        };
        last = if key == "conformance" { key } else { "" };
        if value.is_empty() || value == "conformance" {
            continue;
        }
        set(&mut meter, &mut proposal, key, value).map_err(|words| format!("{key}: {words}"))?;
    }
    Ok((meter, proposal))
}

fn set(
    meter: &mut Definition,
    proposal: &mut Proposal,
    key: &str,
    value: &str,
) -> Result<(), String> {
    match key {
        "client" => {
            let sap = value.parse().map_err(|_| "a number, 0 to 127".to_owned())?;
            meter.client = ClientAddress::new(sap).map_err(|error| error.to_string())?;
        }
        "server" => {
            let server: Result<ServerAddress, _> = value.parse();
            meter.server = server.map_err(|error| error.to_string())?;
        }
        "size" => {
            let size = value.parse().map_err(|_| "1, 2 or 4".to_owned())?;
            let (upper, lower) = (meter.server.upper(), meter.server.lower());
            let lower = lower.filter(|_| size != 1);
            meter.server =
                ServerAddress::new(upper, lower, Some(size)).map_err(|error| error.to_string())?;
        }
        "auth" => meter.auth = auth(meter, value)?,
        "max-info" => {
            let size = value.parse().ok().filter(|size| (32..=2030).contains(size));
            meter.max_info = size.ok_or("32 to 2030")?;
        }
        "window" => {
            let window = value.parse().ok().filter(|window| (1..=7).contains(window));
            meter.window = window.ok_or("1 to 7")?;
        }
        "conformance" if value == "default" => proposal.conformance = None,
        "conformance" => {
            proposal.conformance = Some(conformance(proposal.conformance(meter), value)?);
        }
        "max-pdu" if value == "default" => proposal.max_pdu = None,
        "max-pdu" => {
            let size = value.parse().map_err(|_| "0 to 65535; 0 is no limit")?;
            proposal.max_pdu = Some(size);
        }
        _ => return Err(format!("one of {}", EDITABLE.join(", "))),
    }
    Ok(())
}

fn auth(meter: &Definition, value: &str) -> Result<Auth, String> {
    let auth: Auth = value.parse()?;
    if auth.wants_password() && meter.password.is_none() {
        return Err("there is no password yet; e password asks for one".to_owned());
    }
    let keys = meter.security.as_ref();
    let missing = match auth {
        Auth::HlsGmac => keys.is_none_or(|it| it.keys.encryption.is_none()),
        Auth::HlsEcdsa => keys.is_none_or(|it| it.keys.signing.is_none()),
        _ => auth.wants_title() && keys.is_none(),
    };
    if missing {
        return Err("it proves with keys or titles that are not given: start with --keys-env or --keys-file, and --system-title".to_owned());
    }
    Ok(auth)
}

/// `0x007E1F`, or names with their signs, laid over what is proposed: `+access`, `-block-transfer-with-get`. The short
/// names `with-list` and `block-get` and the like are known too.
fn conformance(from: Conformance, value: &str) -> Result<Conformance, String> {
    if let Some(hex) = value.strip_prefix("0x") {
        let bits = u32::from_str_radix(hex, 16).ok();
        let bits = bits.filter(|bits| *bits < 1 << 24);
        return Ok(Conformance(bits.ok_or("six hex digits, as in 0x007E1F")?));
    }
    let mut proposed = from;
    for word in value.split(',') {
        let (on, name) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
            (Some(name), _) => (true, name),
            (None, Some(name)) => (false, name),
            (None, None) => return Err(format!("{word}: +NAME, -NAME, 0x… or default")),
        };
        let name = match name {
            "with-list" => "multiple-references",
            "block-get" => "block-transfer-with-get",
            "block-set" => "block-transfer-with-set",
            "block-action" => "block-transfer-with-action",
            name => name,
        };
        let bit = (0..24).find(|bit| Conformance::bit_name(*bit) == Some(name));
        let bit = bit.ok_or_else(|| {
            let names: Vec<_> = Conformance(0xFF_FFFF).names().collect();
            format!("{name} is no bit of it; they are {}", names.join(" "))
        })?;
        let with = proposed.with(bit);
        proposed = if on {
            with
        } else {
            Conformance(with.0 ^ Conformance(0).with(bit).0)
        };
    }
    Ok(proposed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str) -> Result<(Definition, Proposal), String> {
        edited(&Definition::new("m", "h", 1), Proposal::default(), text)
    }

    #[test]
    fn what_can_be_edited() {
        let (new, _) = edit("client=1 server=1/1 size=4 max-info=256 window=3").unwrap();
        assert_eq!((new.client.sap(), new.server.size()), (1, 4));
        assert_eq!((new.max_info, new.window), (256, 3));
        for wrong in [
            "client=300",
            "size=3",
            "auth=lls",
            "window=9",
            "x=1",
            "client",
            "max-pdu=70000",
            "auth=hls-gmac",
            "conformance=access",
            "conformance=+nonsense",
            "conformance=0x1000000",
        ] {
            assert!(edit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_conformance_block_by_names_and_by_number() {
        let of = |text| edit(text).unwrap().1;
        assert_eq!(
            of("conformance=0x00301D").conformance,
            Some(Conformance(0x00_301D))
        );
        let usual = config_of(&Definition::new("m", "h", 1)).conformance;
        let got = of("conformance +access -block-get").conformance.unwrap();
        assert!(got.has(Conformance::ACCESS) && !got.has(Conformance::BLOCK_GET));
        assert_eq!(
            got.0 ^ usual.0,
            Conformance(0)
                .with(Conformance::ACCESS)
                .with(Conformance::BLOCK_GET)
                .0
        );
        assert_eq!(of("conformance=+access,-access").conformance, Some(usual));
        assert_eq!(
            of("conformance=+access conformance=default").conformance,
            None
        );
        let both = of("conformance=-with-list max-pdu=512");
        assert_eq!(both.max_pdu, Some(512));
        assert!(
            !both
                .conformance
                .unwrap()
                .has(Conformance::MULTIPLE_REFERENCES)
        );
    }
}
