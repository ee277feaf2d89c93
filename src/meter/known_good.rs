//! Link parameters that worked: kept when an association stands, shown when none does any more.

use super::clock::local_day;
use super::definition::Definition;
use super::session::Settled;
use crate::dlms::hdlc::{ClientAddress, Parameters, ServerAddress};
use jiff::Timestamp;
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct KnownGood {
    pub at: Timestamp,
    pub client: ClientAddress,
    pub server: ServerAddress,
    /// What the meter settled on, where it was noted.
    pub parameters: Option<Parameters>,
}

impl KnownGood {
    pub fn of(meter: &Definition, settled: Settled, at: Timestamp) -> Self {
        Self {
            at,
            client: meter.client,
            server: meter.server,
            parameters: settled.parameters,
        }
    }

    /// As it was kept by [`link_json`]; `None` where that makes no sense.
    pub fn read(at: Timestamp, link: &str) -> Option<Self> {
        let link: Value = serde_json::from_str(link).ok()?;
        let number = |value: &Value| value.as_u64();
        let client = u8::try_from(number(&link["client"])?).ok()?;
        let server = &link["server"];
        let lower = match number(&server["lower"]) {
            Some(lower) => Some(u16::try_from(lower).ok()?),
            None => None,
        };
        let size = u8::try_from(number(&server["bytes"])?).ok()?;
        let upper = u16::try_from(number(&server["upper"])?).ok()?;
        Some(Self {
            at,
            client: ClientAddress::new(client).ok()?,
            server: ServerAddress::new(upper, lower, Some(size)).ok()?,
            parameters: parameters(&link["parameters"]),
        })
    }

    /// `03 (one byte) as client 1 on 12 Nov 2026`
    pub fn words(&self) -> String {
        let mut octets = Vec::new();
        self.server.encode(&mut octets);
        let size = match octets.len() {
            1 => "one byte",
            2 => "two bytes",
            _ => "four bytes",
        };
        let (octets, client) = (crate::cosem::hex::spaced(&octets), self.client.sap());
        format!(
            "{octets} ({size}) as client {client} on {}",
            local_day(self.at)
        )
    }
}

fn parameters(value: &Value) -> Option<Parameters> {
    let size = |key: &str| u16::try_from(value[key].as_u64()?).ok();
    let window = |key: &str| u8::try_from(value[key].as_u64()?).ok();
    Some(Parameters {
        max_info_transmit: size("max_info_transmit")?,
        max_info_receive: size("max_info_receive")?,
        window_transmit: window("window_transmit")?,
        window_receive: window("window_receive")?,
    })
}

/// How it is kept.
pub fn link_json(meter: &Definition, settled: Settled) -> String {
    let server = meter.server;
    let parameters = settled.parameters.map(|p| {
        json!({
            "max_info_transmit": p.max_info_transmit,
            "max_info_receive": p.max_info_receive,
            "window_transmit": p.window_transmit,
            "window_receive": p.window_receive,
        })
    });
    json!({
        "client": meter.client.sap(),
        "server": { "upper": server.upper(), "lower": server.lower(), "bytes": server.size() },
        "parameters": parameters,
        "conformance": settled.conformance.map(|c| format!("{:06X}", c.0)),
        "max_pdu": settled.max_pdu,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let mut meter = Definition::microstar("m", "h", 1);
        let settled = Settled {
            parameters: Some(Parameters::default()),
            ..Settled::default()
        };
        let at = "2026-11-12T12:00:00Z".parse().unwrap();
        let good = KnownGood::of(&meter, settled, at);
        let back = KnownGood::read(at, &link_json(&meter, settled));
        assert_eq!(back.as_ref(), Some(&good));
        assert_eq!(good.words(), "03 (one byte) as client 1 on 12 Nov 2026");
        meter.server = ServerAddress::new(1, Some(17), Some(4)).unwrap();
        let back = KnownGood::read(at, &link_json(&meter, Settled::default())).unwrap();
        assert_eq!((back.server, back.parameters), (meter.server, None));
        for nonsense in [
            "",
            "{}",
            "[]",
            r#"{"client":300,"server":{"upper":1,"bytes":1}}"#,
        ] {
            assert_eq!(KnownGood::read(at, nonsense), None);
        }
    }
}
