//! A recorded conversation as whole, plain APDUs: segments joined, wrappers off, ciphered ones opened.

use obiscope::dlms::acse::{Aare, Aarq, InitiateRequest, UserInformation};
use obiscope::dlms::hdlc::{Control, Frame, Parameters};
use obiscope::dlms::security::{Keys, Opening, SystemTitle, open};
use obiscope::dlms::wrapper;
use obiscope::dlms::xdlms::tag;

/// The test keys of both meters.
const KEYS: &str = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";

#[derive(Debug)]
pub enum Said {
    Client(Vec<u8>),
    Meter(Vec<u8>),
    /// The meter's UA.
    Link(Parameters),
}

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    let octet = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks(2).map(octet).collect()
}

/// What opens the APDUs of this association.
struct Opener {
    keys: Keys,
    client: Option<SystemTitle>,
    meter: Option<SystemTitle>,
}

impl Opener {
    fn plain(&self, apdu: Vec<u8>, by_client: bool) -> Vec<u8> {
        if !apdu.first().copied().is_some_and(tag::is_ciphered) {
            return apdu;
        }
        let with = Opening {
            peer_title: if by_client { self.client } else { self.meter },
            ..Opening::new(&self.keys)
        };
        let opened = open(&apdu, &with).unwrap_or_else(|error| panic!("{error}: {apdu:02X?}"));
        assert!(opened.verified || opened.control.0 & 0x10 == 0);
        opened.plain
    }

    /// Titles and dedicated key come with AARQ and AARE.
    fn associate(&mut self, apdu: &[u8]) {
        let title = |octets: &Option<Vec<u8>>| {
            let octets = octets.as_deref()?;
            SystemTitle::try_from(octets).ok()
        };
        match apdu.first() {
            Some(&tag::AARQ) => {
                let aarq = Aarq::decode(apdu).unwrap();
                self.client = title(&aarq.calling_title);
                self.keys.dedicated = None;
                if let UserInformation::Ciphered(inside) = aarq.user_information {
                    let plain = self.plain(inside, true);
                    let initiate = InitiateRequest::decode(&plain).unwrap();
                    self.keys.dedicated = initiate.dedicated_key;
                }
            }
            Some(&tag::AARE) => {
                let aare = Aare::decode(apdu).unwrap();
                self.meter = title(&aare.responding_title);
            }
            _ => {}
        }
    }

    /// An AARE whose user-information is opened too.
    fn open_inside(&self, apdu: Vec<u8>) -> Vec<u8> {
        if apdu.first() != Some(&tag::AARE) {
            return apdu;
        }
        let mut aare = Aare::decode(&apdu).unwrap();
        let UserInformation::Ciphered(inside) = aare.user_information else {
            return apdu;
        };
        aare.user_information = UserInformation::from_apdu(&self.plain(inside, false));
        let mut plain = Vec::new();
        aare.encode(&mut plain);
        plain
    }
}

pub fn apdus(text: &str) -> Vec<Said> {
    let mut opener = Opener {
        keys: Keys::parse(KEYS).unwrap(),
        client: None,
        meter: None,
    };
    let mut all = Vec::new();
    let mut joined = Vec::new();
    for line in text.lines() {
        let Some((who @ ("TX" | "RX"), octets)) = line.split_once(' ') else {
            continue;
        };
        let (by_client, octets) = (who == "TX", hex(octets));
        let whole = if let Ok(header) = wrapper::Header::parse(&octets) {
            assert_eq!(octets.len(), 8 + usize::from(header.length));
            octets[8..].to_vec()
        } else {
            let frame = Frame::parse(&octets[1..octets.len() - 1]).unwrap();
            assert!(frame.fcs_ok() && frame.hcs_ok() != Some(false), "{line}");
            match frame.control() {
                Control::Information { .. } => joined.extend_from_slice(frame.information()),
                Control::Ua { .. } if !frame.information().is_empty() => {
                    let parameters = Parameters::decode(frame.information()).unwrap();
                    all.push(Said::Link(parameters));
                    continue;
                }
                _ => continue,
            }
            if frame.segmented() {
                continue;
            }
            let llc = [0xE6, if by_client { 0xE6 } else { 0xE7 }, 0];
            std::mem::take(&mut joined)
                .strip_prefix(&llc)
                .unwrap()
                .to_vec()
        };
        opener.associate(&whole);
        let plain = opener.open_inside(opener.plain(whole, by_client));
        all.push(if by_client {
            Said::Client(plain)
        } else {
            Said::Meter(plain)
        });
    }
    all
}
