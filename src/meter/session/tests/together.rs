//! Several things in one request, and one by one where the meter has no lists or fails at them: against simulated meters,
//! and against one that grants everything and refuses it. In virtual time.

use super::counters::ciphering;
use super::*;
use crate::dlms::acse::{Aare, InitiateResponse};
use crate::dlms::association::{Answer, Ask};
use crate::dlms::security::Form;
use crate::dlms::wrapper;
use crate::meter::definition::TransportKind;
use crate::simulator::server::pipe;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const RELAY: MethodRef = MethodRef {
    class: 70,
    obis: Obis::new(0, 0, 96, 3, 10, 255),
    method: 1,
};

fn text(text: &str) -> Data {
    Data::OctetString(text.as_bytes().to_vec())
}

fn sent(session: &Session) -> u64 {
    session.link_counters().frames_sent
}

async fn with(conformance: Conformance) -> Session {
    let mut profile = Profile::generic(3);
    profile.conformance = conformance;
    let mut session = open(profile, "12345678").await;
    session.allow_writing();
    session
}

fn without(conformance: Conformance, bit: u8) -> Conformance {
    Conformance(conformance.0 & !(1 << (23 - bit)))
}

#[tokio::test(start_paused = true)]
async fn lists_are_written_and_run_in_one_request_or_many() {
    let all = Profile::generic(3).conformance;
    let none = without(all, Conformance::MULTIPLE_REFERENCES);
    let mut outcomes = Vec::new();
    for (conformance, frames) in [(all, 1), (none, 3)] {
        let mut session = with(conformance).await;
        let values = [
            (NOTE, text("one")),
            (VOLTAGE, Data::LongUnsigned(1)),
            (NOTE, text("two")),
        ];
        let before = sent(&session);
        let written = session.set_list(&values).await.unwrap();
        assert_eq!(sent(&session) - before, frames);
        assert_eq!(session.get(NOTE).await.unwrap(), Ok(text("two")));

        let calls = [
            (RELAY, Some(Data::Integer(0))),
            (MethodRef { method: 3, ..RELAY }, Some(Data::Integer(0))),
        ];
        let ran = session.action_list(&calls).await.unwrap();
        let state = reference(70, RELAY.obis);
        assert_eq!(session.get(state).await.unwrap(), Ok(Data::Boolean(false)));
        outcomes.push((written, ran));
        session.release().await;
    }
    assert_eq!(outcomes[0], outcomes[1]);
    let (written, ran) = &outcomes[0];
    assert!(written[0].is_ok() && written[1].is_err() && written[2].is_ok());
    assert!(ran[0].is_ok() && ran[1].is_err());
}

#[tokio::test(start_paused = true)]
async fn access_says_the_same_whole_or_one_by_one() {
    let asks = [
        Ask::Get(VOLTAGE, None),
        Ask::Set(NOTE, text("by access")),
        Ask::Get(NOTE, None),
        Ask::Set(VOLTAGE, Data::LongUnsigned(1)),
        Ask::Action(RELAY, Some(Data::Integer(0))),
    ];
    for break_on_error in [false, true] {
        let mut outcomes = Vec::new();
        for (whole, frames) in [(true, 1), (false, 5 - u64::from(break_on_error))] {
            let clock = Clock::From {
                base: "2025-11-20T12:00:00Z".parse().unwrap(),
                at: Instant::now(),
            };
            // Only who ciphers asks for ACCESS.
            let definition = ciphering(64, Form::Global);
            let line = Box::new(pipe(&shared(Profile::generic(3), clock.now())));
            let mut session = Session::new(&definition, line, clock, Tap::new(1 << 16));
            session.establish(&mut |_, _| {}).await.unwrap();
            session.allow_writing();
            assert!(session.grants(Conformance::ACCESS));
            if !whole {
                session.objects.set_fails_at(Together::Access);
            }
            let before = sent(&session);
            outcomes.push(session.access(&asks, break_on_error).await.unwrap());
            assert_eq!(sent(&session) - before, frames);
            session.release().await;
        }
        assert_eq!(outcomes[0], outcomes[1]);
        let answers = &outcomes[0];
        assert_eq!(answers[2], Answer::Got(Ok(text("by access"))));
        assert!(matches!(answers[3], Answer::Set(Err(_))));
        let Answer::Acted(relay) = &answers[4] else {
            panic!("{answers:?}")
        };
        assert_eq!(relay.is_err(), break_on_error);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_in_lists_before_it_is_allowed() {
    let mut session = generic().await;
    let before = session.traffic().bytes_sent;
    let values = [(NOTE, text("a")), (NOTE, text("b"))];
    assert!(session.set_list(&values).await.is_err());
    let calls = [(RELAY, None), (RELAY, None)];
    assert!(session.action_list(&calls).await.is_err());
    let asks = [Ask::Set(NOTE, text("a")), Ask::Action(RELAY, None)];
    assert!(session.access(&asks, false).await.is_err());
    assert_eq!(session.traffic().bytes_sent, before);
    assert_eq!(session.set_list(&[]).await.unwrap(), []);
    session.release().await;
}

/// Grants all, answers single requests, and whole ones with `refusal`; the first two octets of each that came.
async fn fails_at_lists(refusal: &'static [u8]) -> (Session, Arc<Mutex<Vec<[u8; 2]>>>) {
    let (line, mut theirs) = tokio::io::duplex(4096);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut header = [0; 8];
        while theirs.read_exact(&mut header).await.is_ok() {
            let length = usize::from(u16::from_be_bytes([header[6], header[7]]));
            let mut apdu = vec![0; length];
            theirs.read_exact(&mut apdu).await.unwrap();
            log.lock().unwrap().push([apdu[0], apdu[1]]);
            let invoke = apdu[2];
            let mut answer = match apdu[..2] {
                [0xC0, 1] => vec![0xC4, 1, invoke, 0, 0x11, 5],
                [0xC1, 1] => vec![0xC5, 1, invoke, 0],
                [0xC3, 1] => vec![0xC7, 1, invoke, 0, 0],
                [0x62, _] => vec![0x63, 0x80, 0],
                _ => refusal.to_vec(),
            };
            if apdu[0] == 0x60 {
                answer.clear();
                let all = Conformance(0x00_7E1F).with(Conformance::ACCESS);
                Aare::accepted(InitiateResponse::new(all, 1024)).encode(&mut answer);
            }
            let mut out = Vec::new();
            wrapper::build(1, 1, &answer, &mut out).unwrap();
            if theirs.write_all(&out).await.is_err() {
                return;
            }
        }
    });
    let mut definition = Definition::microstar("m", "meter", 1);
    definition.password = Some(Secret::new(*b"12345678"));
    definition.transport = TransportKind::WrapperTcp;
    let clock = Clock::System;
    let mut session = Session::new(&definition, Box::new(line), clock, Tap::new(1 << 16));
    session.establish(&mut |_, _| {}).await.unwrap();
    session.allow_writing();
    asked.lock().unwrap().clear();
    (session, asked)
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_fails_at_lists_is_asked_one_by_one_from_then_on() {
    let take = |asked: &Arc<Mutex<Vec<[u8; 2]>>>| std::mem::take(&mut *asked.lock().unwrap());
    let values = [(NOTE, text("a")), (NOTE, text("b"))];
    let calls = [(RELAY, None), (RELAY, None)];
    let asks = [Ask::Get(NOTE, None), Ask::Set(NOTE, text("a"))];

    let (mut session, asked) = fails_at_lists(b"\xD8\x01\x02").await;
    let written = session.set_list(&values).await.unwrap();
    assert_eq!(written, [Ok(()), Ok(())]);
    assert_eq!(take(&asked), [[0xC1, 4], [0xC1, 1], [0xC1, 1]]);
    session.set_list(&values).await.unwrap();
    assert_eq!(take(&asked), [[0xC1, 1], [0xC1, 1]], "remembered");
    let ran = session.action_list(&calls).await.unwrap();
    assert_eq!(ran, [Ok(None), Ok(None)]);
    assert_eq!(take(&asked), [[0xC3, 3], [0xC3, 1], [0xC3, 1]]);
    session.access(&asks, false).await.unwrap();
    session.access(&asks, false).await.unwrap();
    let single = [[0xC0, 1], [0xC1, 1]];
    let came = take(&asked);
    assert_eq!(came[0][0], 0xD9);
    assert_eq!(came[1..], [single, single].concat());
    assert!(
        !session.objects.fails_at(Together::Get),
        "reading was not tried"
    );
    session.release().await;

    // What cannot be understood may have been done: it is not done again.
    let (mut session, asked) = fails_at_lists(b"\xC5\x05\xC1\x09").await;
    let written = session.set_list(&values).await.unwrap();
    assert_eq!(take(&asked), [[0xC1, 4]]);
    assert!(
        written.len() == 2 && written.iter().all(Result::is_err),
        "{written:?}"
    );
    session.release().await;

    // A secret goes by itself, whatever the meter can.
    let (mut session, asked) = fails_at_lists(b"\xD8\x01\x02").await;
    let secret = AttributeRef {
        class: 15,
        obis: Obis::new(0, 0, 40, 0, 0, 255),
        attribute: 7,
    };
    let both = [(NOTE, text("a")), (secret, text("hunter22"))];
    session.set_list(&both).await.unwrap();
    assert_eq!(take(&asked), [[0xC1, 1], [0xC1, 1]]);
    session.release().await;
}
