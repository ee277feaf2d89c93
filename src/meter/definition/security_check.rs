//! What authentication, ciphering and keys need of each other. Every refusal says which option mends it.

use super::check::Wrong;
use super::{Auth, Definition};
use crate::dlms::security::{Form, Protection, Secret, Security, Suite};

impl Definition {
    pub(super) fn check_security(&self, wrong: &mut Wrong) {
        let Some(security) = &self.security else {
            if self.auth == Auth::HlsSha256 {
                wrong.add(
                    "system-title",
                    "HLS SHA-256 proves with our system title; give one of 16 hex digits",
                );
            } else if self.auth.wants_keys() {
                wrong.add(
                    "keys",
                    format!(
                        "{} proves itself with keys; give them, for example ek=HEX ak=HEX in a file",
                        self.auth.words()
                    ),
                );
            }
            return;
        };
        let ciphers = security.protection.is_some();
        if (ciphers || self.auth == Auth::HlsGmac) && security.keys.encryption.is_none() {
            wrong.add("keys", "the encryption key is missing: add ek=HEX");
        }
        let authenticates = security.protection.is_some_and(Protection::authenticates);
        if (authenticates || self.auth == Auth::HlsGmac) && security.keys.authentication.is_none() {
            wrong.add("keys", "the authentication key is missing: add ak=HEX");
        }
        check_lengths(security, wrong);
        if security.form == Form::Dedicated
            && security.protection == Some(Protection::Authentication)
        {
            wrong.add(
                "ciphering",
                "with security auth the dedicated key itself would travel in clear; choose enc or auth-enc, or global",
            );
        }
        if !ciphers && security.form != Form::General && security.form != Form::Global {
            wrong.add(
                "ciphering",
                "dedicated keys cipher; choose a security other than none, or another ciphering",
            );
        }
        if self.auth == Auth::HlsEcdsa {
            check_signing(security, wrong);
        }
    }
}

fn check_lengths(security: &Security, wrong: &mut Wrong) {
    let (keys, suite) = (&security.keys, security.suite);
    for (name, key) in [
        ("ek", &keys.encryption),
        ("ak", &keys.authentication),
        ("bk", &keys.broadcast),
        ("dk", &keys.dedicated),
        ("kek", &keys.wrapping),
    ] {
        let length = key.as_ref().map(|key| key.expose().len());
        if let Some(length) = length.filter(|it| *it != suite.key_length()) {
            let wanted = suite.key_length();
            wrong.add(
                "keys",
                format!("{name} has {length} octets, {suite} wants {wanted}"),
            );
        }
    }
}

fn check_signing(security: &Security, wrong: &mut Wrong) {
    let scalar = match security.suite {
        Suite::Zero => {
            wrong.add("suite", "HLS ECDSA needs suite 1 or 2");
            return;
        }
        Suite::One => 32,
        Suite::Two => 48,
    };
    let ours = security
        .keys
        .signing
        .as_ref()
        .map(|k| Secret::expose(k).len());
    let theirs = security.keys.peer_signing.as_ref().map(Vec::len);
    if ours != Some(scalar) {
        wrong.add(
            "keys",
            format!(
                "HLS ECDSA in {} needs our private key: sk=HEX of {scalar} octets",
                security.suite
            ),
        );
    }
    if theirs != Some(2 * scalar) {
        wrong.add(
            "keys",
            format!(
                "HLS ECDSA in {} needs the meter's public key: pk=HEX of {} octets",
                security.suite,
                2 * scalar
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::dlms::security::{Form, Keys, Protection, Secret, Security, Suite, SystemTitle};
    use crate::meter::definition::{Auth, Definition, SerialLine, TransportKind};

    fn wrong(meter: &Definition) -> Vec<String> {
        let all = meter.check().err().unwrap_or_default();
        all.iter().map(ToString::to_string).collect()
    }

    fn ciphered(keys: &str) -> Definition {
        let mut meter = Definition::new("m", "h", 1);
        meter.auth = Auth::HlsGmac;
        meter.security = Some(Security {
            suite: Suite::Zero,
            protection: Some(Protection::Both),
            form: Form::General,
            title: SystemTitle(*b"OBS00001"),
            keys: Keys::parse(keys).unwrap(),
        });
        meter
    }

    const EK: &str = "ek=000102030405060708090A0B0C0D0E0F";
    const AK: &str = "ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";

    #[test]
    fn keys_go_with_what_they_serve() {
        assert_eq!(wrong(&ciphered(&format!("{EK} {AK}"))), [""; 0]);
        assert!(wrong(&ciphered(EK))[0].contains("ak=HEX"));
        assert!(wrong(&ciphered(AK))[0].contains("ek=HEX"));
        let mut meter = ciphered(&format!("{EK} {AK}"));
        if let Some(security) = &mut meter.security {
            security.suite = Suite::Two;
        }
        assert_eq!(wrong(&meter).len(), 2);
        assert!(
            wrong(&meter)[0].contains("16 octets"),
            "{:?}",
            wrong(&meter)
        );
        meter.security = None;
        assert!(wrong(&meter)[0].contains("HLS GMAC proves itself with keys"));
        meter.auth = Auth::HlsSha256;
        assert!(wrong(&meter)[0].starts_with("password"));
        meter.password = Some(Secret::new("x"));
        assert!(wrong(&meter)[0].starts_with("system-title"));
        let mut meter = ciphered(&format!("{EK} {AK}"));
        if let Some(security) = &mut meter.security {
            security.form = Form::Dedicated;
            security.protection = Some(Protection::Authentication);
        }
        assert!(wrong(&meter)[0].contains("in clear"));
        let mut meter = ciphered(EK);
        meter.auth = Auth::HlsEcdsa;
        assert!(wrong(&meter).iter().any(|w| w.contains("suite 1 or 2")));
    }

    #[test]
    fn lines_and_hand_over() {
        let mut meter = Definition::new("m", "h", 1);
        meter.mode_e = true;
        assert_eq!(wrong(&meter), [""; 0]);
        meter.transport = TransportKind::WrapperTcp;
        assert!(wrong(&meter)[0].contains("mode E"));
        let mut meter = Definition::microstar("m", "", 0).on_serial("/dev/ttyUSB0");
        meter.password = Some(Secret::new("22222222"));
        assert_eq!(wrong(&meter), [""; 0]);
        assert_eq!(meter.turn_round.as_millis(), 30);
        assert_eq!(meter.endpoint(), "/dev/ttyUSB0");
        assert_eq!(meter.transport_words(), "serial 9600 8N1");
        let mut line = SerialLine::new("");
        (line.baud, line.data_bits, line.stop_bits) = (1, 7, 3);
        meter.transport = TransportKind::Serial(line);
        assert_eq!(wrong(&meter).len(), 4);
    }
}
