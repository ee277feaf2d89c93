//! Their meter in a ciphered association after HLS-GMAC: read, written and released by ours, over HDLC and the wrapper.
use crate::their_meter::Store;
use crate::{NOTE, framed, frames};
use dlms_cosem_rs as rs;
use obiscope::cosem::Data;
use obiscope::dlms::association::{Association, Authentication, Carrier, Config, Event, Fresh};
use obiscope::dlms::hdlc::link::LinkConfig;
use obiscope::dlms::hdlc::{ClientAddress, Control, Parameters};
use obiscope::dlms::security::hls::HlsMechanism;
use obiscope::dlms::security::{Form, Keys, Protection, Secret, Security, Suite, SystemTitle};
use obiscope::dlms::wrapper::{self, WrapperConfig};
use rs::security::{FixedRandom, KeyRing, KeySet, RustCryptoProvider, SecurityPolicy};
use rs::server::{Server, ServerConfig};
use std::time::{Duration, Instant};

const EK: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const AK: [u8; 16] = [
    0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF,
];
const CLIENT: u8 = 0x21;
const METER: u8 = 0x03;

struct Line {
    client: Association,
    meter: Server<Store, RustCryptoProvider<FixedRandom>, 8192>,
    now: Instant,
    send: u8,
    receive: u8,
    tags: Vec<u8>,
}

fn hdlc() -> Carrier {
    let mut link = LinkConfig::new(ClientAddress::PUBLIC, "1".parse().unwrap());
    link.quiet = Duration::ZERO;
    link.propose = Some(Parameters {
        max_info_transmit: 2030,
        max_info_receive: 2030,
        window_transmit: 1,
        window_receive: 1,
    });
    Carrier::Hdlc(link)
}

fn line(carrier: Carrier, form: Form, max_pdu: u16) -> Line {
    let keys = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
    let mut config = Config {
        authentication: Authentication::Hls {
            mechanism: HlsMechanism::Gmac,
            secret: Secret::new(""),
        },
        security: Some(Security {
            suite: Suite::Zero,
            protection: Some(Protection::Both),
            form,
            title: SystemTitle(*b"MMM\0\0\xBC\x61\x4E"),
            keys: Keys::parse(keys).unwrap(),
        }),
        read_only: false,
        max_answer: 1 << 16,
        ..Config::new(carrier)
    };
    // General protection besides the usual.
    config.conformance.0 |= 0x40_0000;
    let server = ServerConfig {
        system_title: Some(rs::security::SystemTitle::new(*b"RSM\0\0\0\0\x01")),
        mechanism: rs::acse::AuthMechanism::HighGmac,
        security: SecurityPolicy {
            authenticated: true,
            encrypted: true,
            key_set: if form == Form::Dedicated {
                KeySet::Dedicated
            } else {
                KeySet::GlobalUnicast
            },
            ..SecurityPolicy::NONE
        },
        max_pdu_size: max_pdu,
        ..ServerConfig::default()
    };
    let provider = RustCryptoProvider::with_rng(KeyRing::new(EK, AK), FixedRandom(0x5A));
    let mut line = Line {
        client: Association::new(config),
        meter: Server::new(server, Store::default(), provider),
        now: Instant::now(),
        send: 0,
        receive: 0,
        tags: Vec::new(),
    };
    line.client.renew(Fresh {
        challenge: (1..=16).collect(),
        counter: 1,
        dedicated: (form == Form::Dedicated).then(|| Secret::new(vec![7; 16])),
    });
    line.client.connect(line.now).unwrap();
    line.until(|event| matches!(event, Event::Ready { .. }));
    line
}

impl Line {
    fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        for _ in 0..1000 {
            while let Some(event) = self.client.poll_event() {
                if wanted(&event) {
                    return event;
                }
                assert!(
                    matches!(event, Event::Step(_) | Event::LinkUp(_)),
                    "{event:?}"
                );
            }
            let mut sent = Vec::new();
            while let Some(octets) = self.client.poll_transmit() {
                sent.extend_from_slice(octets);
            }
            if sent.is_empty() {
                self.now = self.client.poll_timeout().unwrap();
                self.client.handle_timeout(self.now);
            } else if matches!(self.client.config().carrier, Carrier::Wrapper(_)) {
                let reply = self.reply(&sent[wrapper::HEADER_LENGTH..]);
                let mut bytes = Vec::new();
                wrapper::build(1, 16, &reply, &mut bytes).unwrap();
                self.client.handle_bytes(self.now, &bytes);
            } else {
                for (control, information) in frames(&sent) {
                    self.frame(control, &information);
                }
            }
        }
        panic!("no end");
    }

    fn reply(&mut self, apdu: &[u8]) -> Vec<u8> {
        self.tags.push(apdu[0]);
        let mut out = vec![0; 4096];
        let length = self.meter.handle(apdu, &mut out).unwrap();
        out.truncate(length);
        out
    }

    fn frame(&mut self, control: Control, information: &[u8]) {
        let answer = match control {
            Control::Information { .. } => {
                self.receive = (self.receive + 1) % 8;
                let apdu = self.reply(information.strip_prefix(&[0xE6, 0xE6, 0]).unwrap());
                let control = Control::Information {
                    send: self.send,
                    receive: self.receive,
                    poll: true,
                };
                self.send = (self.send + 1) % 8;
                framed(
                    CLIENT,
                    METER,
                    control,
                    &[&[0xE6, 0xE7, 0][..], &apdu].concat(),
                )
            }
            Control::Snrm { .. } | Control::Disc { .. } => {
                framed(CLIENT, METER, Control::Ua { poll: true }, information)
            }
            other => panic!("{other:?}"),
        };
        self.client.handle_bytes(self.now, &answer);
    }
}

#[test]
fn what_we_write_sealed_they_hold_and_give_back() {
    for carrier in [hdlc(), Carrier::Wrapper(WrapperConfig::tcp(16, 1))] {
        for (form, tag) in [(Form::Global, 0xC8)] {
            for max_pdu in [1024, 160] {
                let mut line = line(carrier.clone(), form, max_pdu);
                let note: Vec<u8> = (0..250).collect();
                let value = Data::OctetString(note.clone());
                line.client.set(line.now, NOTE, &value).unwrap();
                let set = line.until(|event| matches!(event, Event::Set(_)));
                assert_eq!(set, Event::Set(Ok(())), "{form:?} {max_pdu}");
                line.client.get(line.now, NOTE).unwrap();
                let got = line.until(|event| matches!(event, Event::Got(_)));
                assert_eq!(got, Event::Got(Ok(value)), "{form:?} {max_pdu}");
                assert!(line.tags.contains(&tag), "{:02X?}", line.tags);
                line.client.release(line.now, Duration::from_secs(1));
                line.until(|event| matches!(event, Event::Released));
                assert!(line.tags.contains(&0x62));
            }
        }
    }
}
