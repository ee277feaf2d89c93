//! Their meter in a ciphered association: read, written and released by ours in every form, with every protection, after a
//! password and after HLS-GMAC, over HDLC and the wrapper. The one rule: what they differ in is written down, with who is
//! right and why, and bridged in one place.
use crate::their_meter::Store;
use crate::{NOTE, framed, frames};
use dlms_cosem_rs as rs;
use obiscope::cosem::Data;
use obiscope::dlms::association::{Association, Authentication, Carrier, Config, Event, Fresh};
use obiscope::dlms::hdlc::link::LinkConfig;
use obiscope::dlms::hdlc::{ClientAddress, Control, Parameters};
use obiscope::dlms::security::hls::HlsMechanism;
use obiscope::dlms::security::{
    Form, Keys, Opening, Protection, Sealing, Secret, Security, Suite, SystemTitle, open, seal,
};
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

const OURS: SystemTitle = SystemTitle(*b"MMM\0\0\xBC\x61\x4E");
const THEIRS: SystemTitle = SystemTitle(*b"RSM\0\0\0\0\x01");
const KEYS: &str = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF \
                    dk=07070707070707070707070707070707";

/// One way to be sealed.
#[derive(Clone, Debug)]
struct Case {
    carrier: Carrier,
    form: Form,
    dedicated: bool,
    protection: Protection,
    hls: bool,
    max_pdu: u16,
    /// Pass 3 and 4 are put under the key they expect; see [`their_pass_3`].
    bridged: bool,
}

struct Line {
    client: Association,
    meter: Server<Store, RustCryptoProvider<FixedRandom>, 8192>,
    now: Instant,
    send: u8,
    receive: u8,
    tags: Vec<u8>,
    bridged: bool,
    protection: Protection,
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

fn line(case: &Case) -> Line {
    let authentication = if case.hls {
        Authentication::Hls {
            mechanism: HlsMechanism::Gmac,
            secret: Secret::new(""),
        }
    } else {
        Authentication::Lls(Secret::new("12345678"))
    };
    let mut keys = Keys::parse(KEYS).unwrap();
    if !case.dedicated {
        keys.dedicated = None;
    }
    let mut config = Config {
        authentication,
        security: Some(Security {
            suite: Suite::Zero,
            protection: Some(case.protection),
            form: case.form,
            title: OURS,
            keys,
        }),
        read_only: false,
        max_answer: 1 << 16,
        ..Config::new(case.carrier.clone())
    };
    // General protection besides the usual.
    config.conformance.0 |= 0x40_0000;
    let server = ServerConfig {
        system_title: Some(rs::security::SystemTitle::new(THEIRS.0)),
        mechanism: if case.hls {
            rs::acse::AuthMechanism::HighGmac
        } else {
            rs::acse::AuthMechanism::Low
        },
        password: (!case.hls).then(|| rs::security::Secret::new(b"12345678").unwrap()),
        security: SecurityPolicy {
            authenticated: case.protection.authenticates(),
            encrypted: case.protection.encrypts(),
            key_set: if case.dedicated {
                KeySet::Dedicated
            } else {
                KeySet::GlobalUnicast
            },
            ..SecurityPolicy::NONE
        },
        max_pdu_size: case.max_pdu,
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
        bridged: case.bridged,
        protection: case.protection,
    };
    line.client.renew(Fresh {
        challenge: (1..=16).collect(),
        counter: 1,
        dedicated: None,
    });
    line.client.connect(line.now).unwrap();
    line
}

/// Our pass 3 goes out as glo-action-request, theirs is awaited as ded-action-request.
///
/// Ours stands: in every recorded session with a dedicated key (`p_hdlc_gxpy_ciph_ded`, `p_hdlc_gxpy_ciph_gended` and
/// `c_hdlc_gxpy_gmac_glo_ded` of `tests/data/traces`: two clients, two meters) passes 3 and 4 are `CB` and `CF`, under the
/// global key, and the dedicated key serves from the first request after them. It is for the services of an established
/// association, which this is not before pass 4; they say so too of the proof inside, which they make under the global key.
fn their_pass_3(apdu: &[u8], protection: Protection) -> Vec<u8> {
    resealed(apdu, OURS, Form::Dedicated, protection)
}

fn our_pass_4(apdu: &[u8], protection: Protection) -> Vec<u8> {
    resealed(apdu, THEIRS, Form::Global, protection)
}

fn resealed(apdu: &[u8], by: SystemTitle, form: Form, protection: Protection) -> Vec<u8> {
    let keys = Keys::parse(KEYS).unwrap();
    let opened = open(
        apdu,
        &Opening {
            peer_title: Some(by),
            ..Opening::new(&keys)
        },
    )
    .unwrap();
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
        let bridged = self.bridged && apdu[0] == 0xCB;
        let apdu = if bridged {
            their_pass_3(apdu, self.protection)
        } else {
            apdu.to_vec()
        };
        let mut out = vec![0; 4096];
        let length = self.meter.handle(&apdu, &mut out).unwrap();
        out.truncate(length);
        if bridged {
            out = our_pass_4(&out, self.protection);
        }
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

/// Written, read back, released.
fn round(case: &Case) {
    let mut line = line(case);
    line.until(|event| matches!(event, Event::Ready { .. }));
    // Longer than one APDU of the smaller size.
    let value = Data::OctetString((0..250).collect());
    line.client.set(line.now, NOTE, &value).unwrap();
    let set = line.until(|event| matches!(event, Event::Set(_)));
    assert_eq!(set, Event::Set(Ok(())), "{case:?}");
    line.client.get(line.now, NOTE).unwrap();
    let got = line.until(|event| matches!(event, Event::Got(_)));
    assert_eq!(got, Event::Got(Ok(value)), "{case:?}");
    let tag = match (case.form, case.dedicated) {
        (Form::Global, _) => 0xC8,
        (Form::Dedicated, _) => 0xD0,
        (Form::General, false) => 0xDB,
        (Form::General, true) => 0xDC,
    };
    assert!(line.tags.contains(&tag), "{case:?}: {:02X?}", line.tags);
    line.client.release(line.now, Duration::from_secs(1));
    line.until(|event| matches!(event, Event::Released));
    assert!(line.tags.contains(&0x62));
}

#[test]
fn what_we_write_sealed_they_hold_and_give_back() {
    let mut rounds = 0;
    for carrier in [hdlc(), Carrier::Wrapper(WrapperConfig::tcp(16, 1))] {
        for (form, dedicated) in [
            (Form::Global, false),
            (Form::Dedicated, true),
            (Form::General, false),
            (Form::General, true),
        ] {
            for protection in [
                Protection::Both,
                Protection::Authentication,
                Protection::Encryption,
            ] {
                for (hls, max_pdu) in [(false, 1024), (false, 160), (true, 1024), (true, 160)] {
                    round(&Case {
                        carrier: carrier.clone(),
                        form,
                        dedicated,
                        protection,
                        hls,
                        max_pdu,
                        bridged: hls && dedicated,
                    });
                    rounds += 1;
                }
            }
        }
    }
    assert_eq!(rounds, 96);
}

/// Until the day they take it: then the bridge can go.
#[test]
fn pass_3_under_the_global_key_they_refuse_and_we_say_so() {
    let mut line = line(&Case {
        carrier: hdlc(),
        form: Form::Dedicated,
        dedicated: true,
        protection: Protection::Both,
        hls: true,
        max_pdu: 1024,
        bridged: false,
    });
    let Event::Failed(failure) = line.until(|event| matches!(event, Event::Failed(_))) else {
        panic!()
    };
    assert!(failure.to_string().contains("decipher"), "{failure}");
    assert_eq!(line.tags, [0x60, 0xCB]);
}
