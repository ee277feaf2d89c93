//! From a recorded session on: what is forged, said again, in clear, twice or unasked; proofs that are none.
use super::*;

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

/// A push of the recorded meter, under a counter it has not used yet.
fn push(keys: &str, counter: u32, protection: Protection) -> Vec<u8> {
    let keys = Keys::parse(keys).unwrap();
    let how = crate::dlms::security::Sealing {
        suite: Suite::Zero,
        protection,
        form: Form::General,
        title: SystemTitle(*b"GRX\0\0\0\0\x01"),
        keys: &keys,
        counter,
    };
    let mut out = Vec::new();
    crate::dlms::security::seal(&hex(PUSHED), &how, &mut out).unwrap();
    out
}

/// A data-notification with one long-unsigned.
const PUSHED: &str = "0F00000001001203E7";

#[test]
fn pushes_between_and_amid_requests_are_opened_and_answer_nothing() {
    let (mut wired, _) = associated();
    let title = wired.client.guard.as_ref().unwrap().peer_title();
    assert_eq!(title, Some(SystemTitle(*b"GRX\0\0\0\0\x01")));
    let heard = |wired: &mut Wired, apdu: &[u8]| {
        wired.reply(apdu);
        wired.events()
    };
    let opened = Event::Unsolicited(hex(PUSHED));
    let first = push(KEYS, 10_000, Protection::Both);
    assert_eq!(heard(&mut wired, &first), std::slice::from_ref(&opened));
    wired.client.get(wired.now, VOLTAGE).unwrap();
    wired.sent();
    wired.events();
    let second = push(KEYS, 10_001, Protection::Authentication);
    assert_eq!(heard(&mut wired, &second), [opened]);
    assert_eq!(wired.client.state(), State::Reading, "still waiting");
    let other_keys = KEYS.replace("ek=00", "ek=FF");
    for refused in [
        first,
        push(&other_keys, 10_002, Protection::Both),
        push(KEYS, 10_003, Protection::Encryption),
        hex(PUSHED),
    ] {
        let events = heard(&mut wired, &refused);
        // On a stream what cannot be opened may be the answer that is due: then the request ends with the reason.
        assert!(
            matches!(
                events[..],
                [Event::Notice(Notice::Refused(_)) | Event::Got(Err(GetError::Security(_)))]
            ),
            "{events:?} for {refused:02X?}"
        );
        if wired.client.state() == State::Ready {
            wired.client.get(wired.now, VOLTAGE).unwrap();
            wired.sent();
            wired.events();
        }
        assert_eq!(wired.client.state(), State::Reading);
    }
}
