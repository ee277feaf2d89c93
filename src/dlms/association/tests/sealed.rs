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
        .expect("an AARQ with a challenge");
    all.split_off(start)
}

struct Recorded {
    form: Form,
    dedicated: Option<&'static str>,
    secret: &'static str,
}

const CLEAR: Recorded = Recorded {
    form: Form::Global,
    dedicated: None,
    secret: "",
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
    let mechanism = match aarq.mechanism {
        Mechanism::HlsMd5 => HlsMechanism::Md5,
        Mechanism::HlsSha1 => HlsMechanism::Sha1,
        Mechanism::HlsGmac => HlsMechanism::Gmac,
        Mechanism::HlsSha256 => HlsMechanism::Sha256,
        other => panic!("{other:?}"),
    };
    let config = Config {
        authentication: Authentication::Hls {
            mechanism,
            secret: Secret::new(recorded.secret),
        },
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
        challenge: aarq.secret.as_ref().unwrap().expose().to_vec(),
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
        assert_eq!(
            pending,
            std::slice::from_ref(apdu),
            "{pending:02X?} instead of {apdu:02X?}"
        );
        pending.clear();
    }
    assert!(ready);
    (answered, refused)
}

macro_rules! session {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/data/traces/", $name, ".txt"))
    };
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

/// The recorded session up to where the meter accepted, and its next answers.
fn opened() -> (Wired, Vec<Vec<u8>>) {
    let apdus = apdus(session!("p_wrap_gxpy_ciph_glo"));
    let (config, fresh) = set_up(&Aarq::decode(&apdus[0].1).unwrap(), &CLEAR);
    let mut wired = Wired::new(config);
    wired.client.renew(fresh);
    wired.client.connect(wired.now).unwrap();
    let mut answers: Vec<_> = apdus
        .into_iter()
        .filter_map(|(ours, apdu)| (!ours).then_some(apdu))
        .collect();
    (wired, answers.split_off(0))
}

fn associated() -> (Wired, Vec<Vec<u8>>) {
    let (mut wired, mut answers) = opened();
    for answer in answers.drain(..2) {
        wired.sent();
        wired.reply(&answer);
    }
    assert_eq!(wired.client.state(), State::Ready);
    wired.events();
    (wired, answers)
}

fn refused(wired: &mut Wired) -> SecurityError {
    match &mut wired.outcomes()[..] {
        [Event::Got(Err(GetError::Security(error)))] => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn replays_forgeries_and_clear_answers_are_refused_and_the_association_goes_on() {
    let (mut wired, answers) = associated();
    assert_eq!(wired.get()[0], 0xC8);
    wired.reply(&answers[2]);
    assert!(matches!(wired.outcomes()[..], [Event::Got(Ok(_))]));
    wired.get();
    wired.reply(&answers[2]);
    assert!(matches!(
        refused(&mut wired),
        SecurityError::CounterTooLow { .. }
    ));
    wired.get();
    let mut forged = answers[3].clone();
    *forged.last_mut().unwrap() ^= 1;
    wired.reply(&forged);
    assert!(matches!(
        refused(&mut wired),
        SecurityError::TagMismatch { .. }
    ));
    wired.get();
    wired.reply(&hex("C401C1001200EB"));
    assert!(matches!(
        refused(&mut wired),
        SecurityError::Weak { got: None, .. }
    ));
    wired.get();
    wired.reply(&answers[3][..9]);
    refused(&mut wired);
    // The meter's word that it could not open ours comes in clear.
    let before = wired.client.invocation_counter().unwrap();
    wired.get();
    assert_eq!(wired.client.invocation_counter(), Some(before + 1));
    wired.reply(&hex("D8010600000100"));
    match &wired.outcomes()[..] {
        [Event::Got(Err(error))] => assert_eq!(error.expected_counter(), Some(256)),
        other => panic!("{other:?}"),
    }
    assert_eq!(wired.client.state(), State::Ready);
}

#[test]
fn counters_rise_and_are_never_used_twice() {
    let (mut wired, _) = associated();
    let start = wired.client.invocation_counter().unwrap();
    let sealed = wired.get();
    assert_eq!(counter(&sealed), start);
    wired.client.renew(Fresh::default());
    assert_eq!(wired.client.invocation_counter(), Some(start + 1));
    wired.reply(&hex("D80103"));
    wired.client.renew(Fresh {
        counter: u32::MAX,
        ..Fresh::default()
    });
    wired.outcomes();
    wired.client.get(wired.now, VOLTAGE).unwrap();
    assert_eq!(wired.sent().len(), 0);
    assert_eq!(refused(&mut wired), SecurityError::CounterExhausted);
    assert_eq!(wired.client.state(), State::Ready);
}

#[test]
fn a_datagram_that_comes_twice_does_not_spoil_the_next_answer() {
    let apdus = apdus(session!("p_wrap_gxpy_ciph_glo"));
    let (mut config, fresh) = set_up(&Aarq::decode(&apdus[0].1).unwrap(), &CLEAR);
    config.carrier = super::wired::over_udp().carrier;
    let mut wired = Wired::new(config);
    wired.client.renew(fresh);
    wired.client.connect(wired.now).unwrap();
    wired.reply(&apdus[1].1);
    wired.reply(&apdus[3].1);
    wired.outcomes();
    wired.sent();
    wired.align();
    let first = wired.get();
    wired.reply(&apdus[3].1);
    assert!(matches!(
        wired.events()[..],
        [Event::Notice(Notice::Refused(
            SecurityError::CounterTooLow { .. }
        ))]
    ));
    // Asked again, it is sealed anew.
    wired.time_out();
    let second = wired.one();
    assert_eq!(counter(&second), counter(&first) + 1);
    wired.reply(&apdus[9].1);
    assert!(matches!(wired.outcomes()[..], [Event::Got(Ok(_))]));
}

fn failed(wired: &mut Wired) -> Failure {
    match wired.outcomes().pop() {
        Some(Event::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_meter_that_does_not_prove_itself_is_not_believed() {
    let apdus = apdus(session!("p_hdlc_gxpy_hls_md5"));
    let aarq = Aarq::decode(&apdus[0].1).unwrap();
    let recorded = Recorded {
        secret: "12345678",
        ..CLEAR
    };
    let start = || {
        let (config, fresh) = set_up(&aarq, &recorded);
        let mut wired = Wired::new(config);
        wired.client.renew(fresh);
        wired.client.connect(wired.now).unwrap();
        wired.sent();
        wired
    };
    let theirs = Aare::decode(&apdus[1].1).unwrap();
    let challenges: [(Option<Vec<u8>>, &str); 3] = [
        (None, "no challenge"),
        (Some(vec![1; 4]), "has 4 octets"),
        (
            Some(aarq.secret.as_ref().unwrap().expose().to_vec()),
            "reflected",
        ),
    ];
    for (challenge, words) in challenges {
        let mut wired = start();
        let mut answer = Vec::new();
        Aare {
            authentication_value: challenge,
            ..theirs.clone()
        }
        .encode(&mut answer);
        wired.reply(&answer);
        let failure = failed(&mut wired);
        assert!(failure.to_string().contains(words), "{failure}");
        assert!(failure.is_authentication());
        assert_eq!(wired.sent().len(), 0);
    }
    let mut proof = apdus[3].1.clone();
    *proof.last_mut().unwrap() ^= 1;
    for (answer, words) in [
        (proof, "proof is not accepted"),
        (hex("C701C10300"), "refused our proof: read-write-denied"),
        (hex("C701C10000"), "none of its own"),
        (hex("D80101"), "refused our proof"),
    ] {
        let mut wired = start();
        wired.reply(&apdus[1].1);
        assert_eq!(wired.sent(), [apdus[2].1.clone()]);
        assert_eq!(wired.client.state(), State::Proving);
        wired.reply(&answer);
        let failure = failed(&mut wired);
        assert!(failure.to_string().contains(words), "{failure}");
        assert!(failure.is_authentication());
    }
    let mut wired = start();
    let mut answer = Vec::new();
    Aare::accepted(InitiateResponse::new(Conformance(0x1E1D), 1024)).encode(&mut answer);
    wired.reply(&answer);
    assert!(
        failed(&mut wired)
            .to_string()
            .contains("without a challenge")
    );
}

#[test]
fn without_a_fresh_challenge_nothing_is_sent() {
    let apdus = apdus(session!("p_hdlc_gxpy_hls_md5"));
    let (config, _) = set_up(&Aarq::decode(&apdus[0].1).unwrap(), &CLEAR);
    let mut wired = Wired::new(config);
    assert!(wired.client.connect(wired.now).is_err());
    wired.client.renew(Fresh {
        challenge: vec![7; 7],
        ..Fresh::default()
    });
    assert!(wired.client.connect(wired.now).is_err());
    assert_eq!((wired.sent().len(), wired.client.state()), (0, State::Idle));
}
