//! Their client in a ciphered association with our simulated meter, after HLS-GMAC, under the global and the dedicated key.
use crate::{NOTE, RELAY};
use dlms_cosem_rs as rs;
use obiscope::dlms::security::{
    Form, Keys, Opening, Protection, Sealing, Secret, Suite, SystemTitle, open, seal,
};
use obiscope::dlms::wrapper::{HEADER_LENGTH, build};
use obiscope::simulator::meter::SimulatedMeter;
use obiscope::simulator::profile::{Profile, Transport};
use rs::axdr::{Data, DataBuf};
use rs::client::{AssociationStep, ClientConfig, ClientSession, Response};
use rs::security::{
    FixedRandom, Key, KeyRing, KeySet, KeyUsage, RustCryptoProvider, SecurityPolicy,
};
use rs::xdlms::{ActionResult, AttributeDescriptor, MethodDescriptor};
use std::time::Instant;

const EK: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const AK: [u8; 16] = [
    0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF,
];
const DK: [u8; 16] = [7; 16];
const THEIRS: SystemTitle = SystemTitle(*b"RSC\0\0\0\0\x09");

type Session = ClientSession<RustCryptoProvider<FixedRandom>, 4096>;

struct Line {
    meter: SimulatedMeter,
    client: Session,
    now: Instant,
    sap: u16,
    /// First octets of what the meter answered.
    tags: Vec<u8>,
}

impl Line {
    fn exchange(&mut self, apdu: &[u8]) -> Vec<u8> {
        let mut octets = Vec::new();
        build(self.sap, 1, apdu, &mut octets).unwrap();
        self.meter.handle_bytes(self.now, &octets);
        let mut answer = Vec::new();
        self.meter.poll_transmit(self.now, &mut answer);
        let answer = answer.get(HEADER_LENGTH..).unwrap_or_default().to_vec();
        self.tags.extend(answer.first());
        answer
    }

    fn ask(&mut self, ask: impl FnOnce(&mut Session, &mut [u8]) -> usize) -> Option<DataBuf> {
        let mut out = vec![0; 4096];
        let length = ask(&mut self.client, &mut out);
        let answer = self.exchange(&out[..length]);
        let mut scratch = vec![0; 4096];
        match self.client.handle_response(&answer, &mut scratch).unwrap() {
            Response::Data(data) => Some(DataBuf::from_data(&data).unwrap()),
            Response::Ok | Response::Released => None,
            Response::ActionResult { result, value } => {
                assert_eq!(result, ActionResult::Success);
                assert!(value.is_none());
                None
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Puts an APDU under another key, as it was sealed otherwise: see `sealed::their_pass_3` for why.
fn resealed(apdu: &[u8], by: SystemTitle, form: Form, protection: Protection) -> Vec<u8> {
    let text = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
    let keys = Keys {
        dedicated: Some(Secret::new(DK.to_vec())),
        ..Keys::parse(text).unwrap()
    };
    let with = Opening {
        peer_title: Some(by),
        ..Opening::new(&keys)
    };
    let opened = open(apdu, &with).unwrap();
    let how = Sealing {
        suite: Suite::Zero,
        protection,
        form,
        title: by,
        keys: &keys,
        counter: opened.counter,
    };
    let mut out = Vec::new();
    seal(&opened.plain, &how, &mut out).unwrap();
    out
}

fn line(sap: u16, protection: Protection, dedicated: bool) -> Line {
    let now = Instant::now();
    let profile = Profile::generic(3).over(Transport::WrapperTcp);
    let title = profile.system_title();
    let config = ClientConfig {
        system_title: Some(rs::security::SystemTitle::new(THEIRS.0)),
        mechanism: rs::acse::AuthMechanism::HighGmac,
        security: SecurityPolicy {
            authenticated: protection.authenticates(),
            encrypted: protection.encrypts(),
            key_set: if dedicated {
                KeySet::Dedicated
            } else {
                KeySet::GlobalUnicast
            },
            ..SecurityPolicy::NONE
        },
        ..ClientConfig::default()
    };
    let mut keys = KeyRing::new(EK, AK);
    if dedicated {
        keys.set(KeyUsage::Dedicated, Key::new(DK));
    }
    let provider = RustCryptoProvider::with_rng(keys, FixedRandom(0x5A));
    let mut line = Line {
        meter: SimulatedMeter::new(profile, now, "2025-11-20T12:00:00Z".parse().unwrap()),
        client: ClientSession::new(config, provider),
        now,
        sap,
        tags: Vec::new(),
    };
    line.meter.connected(now);
    let mut out = vec![0; 1024];
    let length = line.client.associate_request(&mut out).unwrap();
    let aare = line.exchange(&out[..length]);
    let step = line.client.handle_associate_response(&aare).unwrap();
    assert_eq!(step, AssociationStep::HlsReplyRequired, "{aare:02X?}");
    let length = line.client.hls_reply_request(&mut out).unwrap();
    let mut pass_3 = out[..length].to_vec();
    if dedicated {
        pass_3 = resealed(&pass_3, THEIRS, Form::Global, protection);
    }
    let mut pass_4 = line.exchange(&pass_3);
    if dedicated {
        pass_4 = resealed(&pass_4, title, Form::Dedicated, protection);
    }
    let step = line.client.handle_hls_reply_response(&pass_4).unwrap();
    assert_eq!(step, AssociationStep::Established);
    line
}

#[test]
fn they_prove_themselves_write_switch_and_read_sealed() {
    for (sap, protection) in [
        (64, Protection::Both),
        (69, Protection::Authentication),
        (70, Protection::Encryption),
    ] {
        for dedicated in [false, true] {
            let mut line = line(sap, protection, dedicated);
            let note = AttributeDescriptor::new(NOTE.class, rs::Obis(NOTE.obis.0), NOTE.attribute);
            let text = Data::OctetString(b"sealed by them");
            assert_eq!(
                line.ask(|client, out| client.set_request(note, None, text, out).unwrap()),
                None
            );
            let back = line.ask(|client, out| client.get_request(note, None, out).unwrap());
            assert_eq!(back, Some(DataBuf::OctetString(b"sealed by them".to_vec())));
            let off = MethodDescriptor::new(70, rs::Obis(RELAY.0), 1);
            let zero = Some(Data::Integer(0));
            line.ask(|client, out| client.action_request(off, zero, out).unwrap());
            let state = AttributeDescriptor::new(70, rs::Obis(RELAY.0), 3);
            let state = line.ask(|client, out| client.get_request(state, None, out).unwrap());
            assert_eq!(state, Some(DataBuf::Enum(0)));
            let answered: &[u8] = if dedicated {
                &[0x61, 0xCF, 0xD5, 0xD4, 0xD7, 0xD4]
            } else {
                &[0x61, 0xCF, 0xCD, 0xCC, 0xCF, 0xCC]
            };
            assert_eq!(line.tags, answered, "{protection:?}");
            line.ask(|client, out| client.release_request(out).unwrap());
        }
    }
}
