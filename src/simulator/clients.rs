//! Who a simulated meter talks to: client addresses, how each proves itself, and the keys. The one rule: these secrets are
//! published with the program, so they protect nothing but the tests.

use crate::dlms::acse::Mechanism;
use crate::dlms::security::hls::HlsMechanism;
use crate::dlms::security::{Keys, Protection, Secret, Suite};

/// A client the meter serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub sap: u8,
    pub access: Access,
    /// What ciphered APDUs and the GMAC and ECDSA proofs need; without it nothing is ciphered.
    pub security: Option<ClientSecurity>,
}

/// How it must prove itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Not at all; it may only read.
    Public,
    Password(Secret),
    /// In four passes; the secret is of use for MD5, SHA-1 and SHA-256.
    Hls {
        mechanism: HlsMechanism,
        secret: Secret,
    },
}

/// The meter's view of what it shares with one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecurity {
    pub suite: Suite,
    /// Anything weaker is refused; `None` leaves it to the client.
    pub required: Option<Protection>,
    pub keys: Keys,
}

/// The password, and the secret of MD5, SHA-1 and SHA-256.
pub const SECRET: &str = "12345678";

const SUITE_0: &str = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
const SUITE_2: &str = "ek=000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F \
                       ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF";

/// The meter's key pair is that of RFC 6979, A.2.5 (P-256).
const METER_P256: (&str, &str) = (
    "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
     7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
);
/// RFC 6979, A.2.6 (P-384).
const METER_P384: (&str, &str) = (
    "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
    "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13\
     8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
);
const CLIENT_P256: (&str, &str) = (
    "1111111111111111111111111111111111111111111111111111111111111111",
    "0217E617F0B6443928278F96999E69A23A4F2C152BDF6D6CDF66E5B80282D4ED\
     194A7DEBCB97712D2DDA3CA85AA8765A56F45FC758599652F2897C65306E5794",
);
const CLIENT_P384: (&str, &str) = (
    "111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
    "386E767EA5CB716C9CD620FF7342129C892A6FCCEFE612140C80BFF59E943468019DDA16E5079B0C1D9001D23A624B6D\
     D088D0C3826394194787403E8A7D07E5E22F7E9C0B8E80FA1FAFF5D28B4BB597B267F0B87023CA61FC8454BDDEFD2E0E",
);

fn key_text(suite: Suite, (own, _): (&str, &str), (_, peer): (&str, &str)) -> String {
    match suite {
        Suite::Zero => SUITE_0.to_owned(),
        Suite::One => format!("{SUITE_0} sk={own} pk={peer}"),
        Suite::Two => format!("{SUITE_2} sk={own} pk={peer}"),
    }
}

/// The keys of a client as a key file has them.
pub fn client_keys(suite: Suite) -> String {
    match suite {
        Suite::Two => key_text(suite, CLIENT_P384, METER_P384),
        _ => key_text(suite, CLIENT_P256, METER_P256),
    }
}

impl ClientSecurity {
    /// The published keys, from the meter's side.
    pub fn published(suite: Suite, required: Option<Protection>) -> Self {
        let text = match suite {
            Suite::Two => key_text(suite, METER_P384, CLIENT_P384),
            _ => key_text(suite, METER_P256, CLIENT_P256),
        };
        Self {
            suite,
            required,
            // Constants, all legal: the tests read each of them.
            keys: Keys::parse(&text).unwrap_or_default(),
        }
    }
}

impl Access {
    pub const fn mechanism(&self) -> Mechanism {
        match self {
            Self::Public => Mechanism::None,
            Self::Password(_) => Mechanism::Lls,
            Self::Hls { mechanism, .. } => Mechanism::from_arc(mechanism.number()),
        }
    }
}

impl Client {
    pub fn public(sap: u8) -> Self {
        Self {
            sap,
            access: Access::Public,
            security: None,
        }
    }

    pub fn password(sap: u8, password: &str) -> Self {
        Self {
            sap,
            access: Access::Password(Secret::new(password.as_bytes())),
            security: None,
        }
    }

    fn hls(sap: u8, mechanism: HlsMechanism) -> Self {
        Self {
            sap,
            access: Access::Hls {
                mechanism,
                secret: Secret::new(SECRET.as_bytes()),
            },
            security: None,
        }
    }

    fn secured(mut self, suite: Suite, required: Option<Protection>) -> Self {
        self.security = Some(ClientSecurity::published(suite, required));
        self
    }
}

/// The generic meter's clients: one for each way to prove oneself (32 + its number), and from 64 on those that must cipher.
pub(super) fn generic() -> Vec<Client> {
    let both = Some(Protection::Both);
    vec![
        Client::password(1, SECRET),
        Client::public(16),
        Client::password(17, "00000000"),
        Client::hls(35, HlsMechanism::Md5),
        Client::hls(36, HlsMechanism::Sha1),
        Client::hls(37, HlsMechanism::Gmac).secured(Suite::Zero, None),
        Client::hls(38, HlsMechanism::Sha256),
        Client::hls(39, HlsMechanism::Ecdsa).secured(Suite::One, None),
        Client::hls(64, HlsMechanism::Gmac).secured(Suite::Zero, both),
        Client::hls(65, HlsMechanism::Ecdsa).secured(Suite::One, both),
        Client::hls(66, HlsMechanism::Ecdsa).secured(Suite::Two, both),
        Client::hls(67, HlsMechanism::Gmac).secured(Suite::Two, both),
        Client::password(68, SECRET).secured(Suite::Zero, both),
        Client::hls(69, HlsMechanism::Gmac).secured(Suite::Zero, Some(Protection::Authentication)),
        Client::hls(70, HlsMechanism::Gmac).secured(Suite::Zero, Some(Protection::Encryption)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlms::security::curve::public_of;

    #[test]
    fn published_keys_are_keys_and_pairs() {
        for suite in [Suite::Zero, Suite::One, Suite::Two] {
            let meter = ClientSecurity::published(suite, None).keys;
            let client = Keys::parse(&client_keys(suite)).unwrap();
            assert_eq!(
                meter.encryption.as_ref().unwrap().expose().len(),
                suite.key_length()
            );
            assert_eq!(meter.encryption, client.encryption);
            assert_eq!(meter.authentication, client.authentication);
            for (own, other) in [(&meter, &client), (&client, &meter)] {
                if let Some(private) = &own.signing {
                    let public = public_of(suite, private).unwrap();
                    assert_eq!(Some(public), other.peer_signing);
                }
            }
            assert_eq!(meter.signing.is_some(), suite != Suite::Zero);
        }
    }

    #[test]
    fn every_address_fits_one_octet_of_hdlc_and_is_there_once() {
        let saps: Vec<u8> = generic().iter().map(|client| client.sap).collect();
        assert!(saps.is_sorted_by(|a, b| a < b));
        assert!(saps.iter().all(|sap| *sap < 128));
    }
}
