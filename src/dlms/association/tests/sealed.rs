//! Recorded sessions with high-level security and ciphering: fed the meter's answers, our client says what the recorded one
//! said, octet for octet, under the recorded challenges, titles, counters and keys.
use super::wired::{Wired, over_tcp};
use super::*;
use crate::dlms::acse::{Aarq, InitiateRequest, Mechanism, UserInformation};
use crate::dlms::association::transfer::Service;
use crate::dlms::security::hls::HlsMechanism;
use crate::dlms::security::{
    Form, Keys, Opening, Protection, Security, SecurityError, Suite, SystemTitle, open,
};
use crate::dlms::wrapper;

const KEYS: &str = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";

/// APDUs in order, ours or not; HDLC segments joined. From the AARQ that asks for high-level security on.
fn apdus(session: &str) -> Vec<(bool, Vec<u8>)> {
    let mut all: Vec<(bool, Vec<u8>)> = Vec::new();
    let mut joined = Vec::new();
    for line in session.lines().filter(|line| line.starts_with(['T', 'R'])) {
        let octets = hex(&line[3..]);
        let ours = line.starts_with("TX");
        if let [0x7E, frame @ .., 0x7E] = &octets[..] {
            let frame = Frame::parse(frame).unwrap();
            if !matches!(frame.control(), Control::Information { .. }) {
                continue;
            }
            joined.extend_from_slice(frame.information());
            if !frame.segmented() {
                all.push((ours, joined[3..].to_vec()));
                joined.clear();
            }
        } else {
            all.push((ours, octets[wrapper::HEADER_LENGTH..].to_vec()));
        }
    }
    let start = all
        .iter()
        .position(|(_, apdu)| apdu[0] == 0x60 && Aarq::decode(apdu).unwrap().secret.is_some())
        .unwrap_or_default();
    all.split_off(start)
}

struct Recorded {
    form: Form,
    dedicated: Option<&'static str>,
    secret: &'static str,
    /// Requests are compared as they were before they were sealed.
    by_meaning: bool,
}

const CLEAR: Recorded = Recorded {
    form: Form::Global,
    dedicated: None,
    secret: "",
    by_meaning: false,
};

fn counter(sealed: &[u8]) -> u32 {
    // Tag, then in the general form the title, then length, control and counter.
    let mut rest = &sealed[1..];
    if matches!(sealed[0], 0xDB | 0xDC) {
        rest = &rest[9..];
    }
    let used = crate::cosem::data::decode_length(rest).unwrap().1;
    u32::from_be_bytes(rest[used + 1..used + 5].try_into().unwrap())
}

/// How the recorded client was set up, from its AARQ.
fn set_up(aarq: &Aarq, recorded: &Recorded) -> (Config, Fresh) {
    let mut text = KEYS.to_owned();
    if let Some(key) = recorded.dedicated {
        text.push_str(" dk=");
        text.push_str(key);
    }
    let keys = Keys::parse(&text).unwrap();
    let title = aarq
        .calling_title
        .as_deref()
        .map(|title| SystemTitle::try_from(title).unwrap());
    let (initiate, start, ciphered) = match &aarq.user_information {
        UserInformation::Request(request) => (request.clone(), 1, false),
        UserInformation::Ciphered(sealed) => {
            let with = Opening {
                peer_title: title,
                ..Opening::new(&keys)
            };
            let plain = open(sealed, &with).unwrap().plain;
            (
                InitiateRequest::decode(&plain).unwrap(),
                counter(sealed),
                true,
            )
        }
        other => panic!("{other:?}"),
    };
    let hls = |mechanism| Authentication::Hls {
        mechanism,
        secret: Secret::new(recorded.secret),
    };
    let authentication = match aarq.mechanism {
        Mechanism::None => Authentication::None,
        Mechanism::Lls => Authentication::Lls(aarq.secret.clone().unwrap()),
        Mechanism::HlsMd5 => hls(HlsMechanism::Md5),
        Mechanism::HlsSha1 => hls(HlsMechanism::Sha1),
        Mechanism::HlsGmac => hls(HlsMechanism::Gmac),
        Mechanism::HlsSha256 => hls(HlsMechanism::Sha256),
        other => panic!("{other:?}"),
    };
    let config = Config {
        authentication,
        security: title.map(|title| Security {
            suite: Suite::Zero,
            protection: ciphered.then_some(Protection::Both),
            form: recorded.form,
            title,
            keys,
        }),
        conformance: initiate.conformance,
        max_pdu: initiate.max_pdu,
        read_only: false,
        max_answer: 1 << 16,
        ..over_tcp()
    };
    let fresh = Fresh {
        challenge: (aarq.secret.as_ref())
            .map(|secret| secret.expose().to_vec())
            .unwrap_or_default(),
        counter: start,
        dedicated: None,
    };
    (config, fresh)
}

impl Wired {
    /// The next request is the first of a round, as the recorded ones are.
    fn align(&mut self) {
        while self.client.transfer.begin(Service::Get).id() != 15 {}
    }

    /// Asks what the recorded client asked, under its counter and invoke-id.
    fn ask_recorded(&mut self, apdu: &[u8], keys: &Keys, title: Option<SystemTitle>) {
        let mut plain = apdu.to_vec();
        if crate::dlms::xdlms::tag::is_ciphered(apdu[0]) {
            let with = Opening {
                peer_title: title,
                ..Opening::new(keys)
            };
            plain = open(apdu, &with).unwrap().plain;
            self.client.guard.as_mut().unwrap().raise(counter(apdu));
        }
        let service = match (plain[0], plain[1]) {
            (0xC0, 3) => Service::List(plain[3].into()),
            (0xC0, _) => Service::Get,
            (0xC1, _) => Service::Set,
            (0xC3, _) => Service::Action,
            other => panic!("{other:02X?}"),
        };
        let wanted = plain[2] & 15;
        while self.client.transfer.begin(service).id() != wanted {}
        self.client.request = plain;
        self.client.state = State::Reading;
        self.client.send_request(self.now);
    }
}

/// The plain request; of pass 3 and of the release only what does not hang on the counter.
fn meaning(apdu: &[u8], keys: &Keys, title: Option<SystemTitle>) -> Vec<u8> {
    let with = Opening {
        peer_title: title,
        ..Opening::new(keys)
    };
    let mut plain = match apdu[0] {
        0x62 => apdu[..1].to_vec(),
        tag if crate::dlms::xdlms::tag::is_ciphered(tag) => open(apdu, &with).unwrap().plain,
        _ => apdu.to_vec(),
    };
    if plain.len() > 16 && plain[3..].starts_with(&hex("000F0000280000FF01")) {
        plain.truncate(16);
        plain[2] = 0;
    }
    plain
}

/// Plays the whole session; how many values and results came, and how many of them were refused.
fn replay(session: &str, recorded: &Recorded) -> (usize, usize) {
    let apdus = apdus(session);
    let (config, fresh) = set_up(&Aarq::decode(&apdus[0].1).unwrap(), recorded);
    let keys = config
        .security
        .as_ref()
        .map(|security| security.keys.clone())
        .unwrap_or_default();
    let title = config.security.as_ref().map(|security| security.title);
    let sealed = config.is_ciphered();
    let mut wired = Wired::new(config);
    wired.client.renew(fresh);
    wired.client.connect(wired.now).unwrap();
    let (mut answered, mut refused, mut ready) = (0, 0, false);
    let mut pending = wired.sent();
    for (ours, apdu) in &apdus {
        if !*ours {
            wired.reply(apdu);
            for event in wired.outcomes() {
                match event {
                    Event::Ready { .. } => ready = true,
                    Event::Got(Ok(_))
                    | Event::GotList(Ok(_))
                    | Event::Set(Ok(()))
                    | Event::Acted(Ok(_)) => answered += 1,
                    Event::Got(Err(GetError::Access(_) | GetError::Undecodable(_)))
                    | Event::Set(Err(SetError::Access(_)))
                    | Event::Acted(Err(ActionError::Result(_))) => refused += 1,
                    Event::Released => {}
                    other => panic!("{other:?} after {apdu:02X?}"),
                }
            }
            pending = wired.sent();
            continue;
        }
        if pending.is_empty() {
            if apdu[0] == 0x62 {
                assert!(ready);
                if sealed {
                    // 62 len 80 01 00 BE len 04 len, then what is sealed.
                    let at = 9;
                    wired
                        .client
                        .guard
                        .as_mut()
                        .unwrap()
                        .raise(counter(&apdu[at..]));
                }
                wired.client.release(wired.now, Duration::from_secs(2));
            } else {
                wired.ask_recorded(apdu, &keys, title);
            }
            pending = wired.sent();
        }
        if recorded.by_meaning {
            let mean: Vec<_> = pending
                .iter()
                .map(|apdu| meaning(apdu, &keys, title))
                .collect();
            assert_eq!(mean, [meaning(apdu, &keys, title)]);
        } else {
            assert_eq!(
                pending,
                std::slice::from_ref(apdu),
                "{pending:02X?} instead of {apdu:02X?}"
            );
        }
        pending.clear();
    }
    assert!(ready);
    (answered, refused)
}

macro_rules! session {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/traces/",
            $name,
            ".txt"
        ))
    };
}

mod refusals;

/// Gurux C and Gurux Python as clients, both meters. What they say when they leave is their own.
#[test]
fn in_clear_over_the_wrapper() {
    let recorded = Recorded {
        by_meaning: true,
        ..CLEAR
    };
    for session in [
        session!("c_wrap_gxc_none"),
        session!("c_wrap_gxpy_low"),
        session!("p_wrap_gxc_none"),
        session!("p_wrap_gxpy_low"),
    ] {
        let (answered, _) = replay(session, &recorded);
        assert!(answered > 0, "{answered}");
    }
}

#[test]
fn high_level_security_by_digest() {
    for (session, secret) in [
        (session!("p_hdlc_gxpy_hls_md5"), "12345678"),
        (session!("p_hdlc_gxpy_hls_sha1"), "12345678"),
    ] {
        let (answered, _) = replay(session, &Recorded { secret, ..CLEAR });
        assert!(answered > 3, "{answered}");
    }
}

#[test]
fn high_level_security_with_titles() {
    for session in [
        session!("p_hdlc_gxpy_hls_gmac"),
        session!("p_hdlc_gxpy_hls_sha256"),
    ] {
        let (answered, _) = replay(
            session,
            &Recorded {
                secret: "12345678",
                ..CLEAR
            },
        );
        assert!(answered > 3, "{answered}");
    }
}

#[test]
fn ciphered_under_the_global_key() {
    for session in [
        session!("p_hdlc_gxpy_ciph_glo"),
        session!("p_wrap_gxpy_ciph_glo"),
    ] {
        let (answered, _) = replay(session, &CLEAR);
        assert!(answered > 3, "{answered}");
    }
}

#[test]
fn ciphered_in_the_general_form() {
    for session in [
        session!("p_hdlc_gxpy_ciph_general"),
        session!("c_hdlc_gxpy_gmac"),
        session!("c_hdlc_gxpy_gmac_general"),
    ] {
        let general = Recorded {
            form: Form::General,
            ..CLEAR
        };
        assert!(replay(session, &general).0 > 3);
    }
}

/// dlms-cosem (u9n) uses the general form though no general protection was granted, and seals pass 3 under the counter of the
/// proof in it, and another invoke-id. We do neither: without the grant a meter need not know the form, and a counter is used once. So its requests
/// and ours are the same before they are sealed, and the meter's answers, in that form, are taken.
#[test]
fn ciphered_in_the_general_form_without_asking() {
    let recorded = Recorded {
        form: Form::General,
        by_meaning: true,
        ..CLEAR
    };
    // A value, and the object list in blocks.
    assert_eq!(replay(session!("c_wrap_u9n_gmac"), &recorded), (2, 0));
}

#[test]
fn ciphered_under_a_dedicated_key() {
    const KEY: Option<&str> = Some("00112233445566778899AABBCCDDEEFF");
    for (session, form) in [
        (session!("p_hdlc_gxpy_ciph_ded"), Form::Dedicated),
        (session!("c_hdlc_gxpy_gmac_glo_ded"), Form::Dedicated),
        (session!("p_hdlc_gxpy_ciph_gended"), Form::General),
    ] {
        let (answered, _) = replay(
            session,
            &Recorded {
                form,
                dedicated: KEY,
                ..CLEAR
            },
        );
        assert!(answered > 3, "{answered}");
    }
}
