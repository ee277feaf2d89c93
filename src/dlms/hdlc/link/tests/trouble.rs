//! Meters that refuse, that are busy, that speak out of turn; lines with strangers on them.

use super::*;

#[test]
fn busy_is_waited_out_and_nothing_is_sent_twice() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    line.hear(0x35, &[]);
    assert_eq!(line.events(), [notice(LinkNotice::Busy)]);
    for _ in 0..5 {
        assert_eq!(line.said(), [] as [&str; 0]);
        assert!(line.time_out() < TIMEOUT);
        assert_eq!(line.said(), ["03<21 RR N(R)=0 P/F"]);
        line.hear(0x35, &[]);
    }
    line.events();
    line.time_out();
    line.answer(0x30, &[0xC4]);
    line.got(&[0xC4]);
    assert_eq!(line.link.counters().resent, 0);
}

#[test]
fn busy_before_it_took_the_frame() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    line.hear(0x15, &[]);
    line.time_out();
    assert_eq!(line.said(), ["03<21 RR N(R)=0 P/F"]);
    line.hear(0x11, &[]);
    assert_eq!(line.said(), ["03<21 I N(S)=0 N(R)=0 P/F E6E600C0"]);
}

#[test]
fn busy_for_ever_is_a_failure() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    let start = line.now;
    let mut failure = None;
    for _ in 0..1000 {
        line.hear(0x35, &[]);
        if let Some(LinkEvent::Failed(reason)) = line.events().pop() {
            failure = Some(reason.to_string());
            break;
        }
        line.time_out();
    }
    assert_eq!(line.now - start, TIMEOUT * 3);
    assert!(failure.unwrap().contains("stays busy"));
    // The same for a meter that has nothing to say each time it is asked.
    let mut line = Line::plain();
    line.send(&[0xC0]);
    let start = line.now;
    for _ in 0..1000 {
        line.hear(0x31, &[]);
        if line.link.state() == LinkState::Disconnected {
            break;
        }
        line.time_out();
    }
    assert_eq!(line.link.state(), LinkState::Disconnected);
    assert_eq!(line.now - start, TIMEOUT * 3);
}

#[test]
fn dm_in_every_state_of_a_connected_link() {
    let mut line = Line::plain();
    line.hear(0x1F, &[]);
    assert_eq!(
        line.events(),
        [failed(LinkFailure::Dm {
            what: "an idle line"
        })]
    );
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.hear(0x1F, &[]);
    assert_eq!(line.events(), [failed(LinkFailure::Dm { what: "I frame" })]);
    assert_eq!(line.link.poll_timeout(), None);
    let mut line = Line::plain();
    line.link.poll(line.now).unwrap();
    line.hear(0x1F, &[]);
    assert_eq!(line.events(), [failed(LinkFailure::Dm { what: "RR" })]);
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.hear_segment(0x30, &[1]);
    line.hear(0x1F, &[]);
    assert_eq!(line.events(), [failed(LinkFailure::Dm { what: "RR" })]);
}

#[test]
fn frmr_is_told_in_words() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.hear(0x97, &[0x54, 0x00, 0x10]);
    let [LinkEvent::Failed(failure)] = &line.events()[..] else {
        panic!()
    };
    let text = failure.to_string();
    assert!(
        text.starts_with(
            "the meter rejected our frame (FRMR): it refuses the command 54 (I N(S)=2 N(R)=2 P/F)"
        ),
        "{text}"
    );
    assert!(
        text.contains("N(S) is invalid (V)") && text.contains("V(S)=0 V(R)=0"),
        "{text}"
    );
}

#[test]
fn a_stranger_changes_nothing() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    let (client, meter) = (line.client.clone(), line.meter.clone());
    for (to, from) in [
        (vec![0x41], meter.clone()),
        (client.clone(), vec![0x05]),
        (meter.clone(), client.clone()),
    ] {
        (line.client, line.meter) = (to, from);
        line.answer(0x30, &[0xC4, 9]);
        line.hear(0x1F, &[]);
        assert_eq!(line.events(), vec![notice(LinkNotice::Foreign); 2]);
    }
    (line.client, line.meter) = (client, meter);
    line.answer(0x30, &[0xC4, 1]);
    line.got(&[0xC4, 1]);
    assert_eq!(line.link.counters().dropped, 6);
}

/// Client 1 and server 1 bear the same octet: an RR of ours looks just like one of the meter's.
fn same_octet() -> Line {
    Line::with(LinkConfig {
        client: ClientAddress::MANAGEMENT,
        ..Line::new(None).link.config().clone()
    })
}

#[test]
fn what_comes_back_of_ours_is_no_answer_and_said_once() {
    let mut line = same_octet();
    let echo = |line: &mut Line| {
        let echo = line.link.poll_transmit().unwrap().to_vec();
        line.link.handle_bytes(line.now, &echo);
        line.events()
    };
    line.link.connect(line.now).unwrap();
    assert_eq!(echo(&mut line), [notice(LinkNotice::Echo)]);
    line.hear(0x73, &[]);
    line.send(&[0x60]);
    line.events();
    assert_eq!(echo(&mut line), []);
    line.answer(0x30, &[0x61]);
    line.got(&[0x61]);
    // The RR that came back is not the meter's; the same octets again are.
    line.link.poll(line.now).unwrap();
    assert_eq!(echo(&mut line), []);
    assert!(line.link.poll_timeout().is_some());
    line.hear(0x31, &[]);
    assert_eq!(line.link.poll_timeout(), None);
}

#[test]
fn an_echo_is_told_by_its_llc_where_snrm_did_not_come_back() {
    let mut line = same_octet();
    line.link.connect(line.now).unwrap();
    line.said();
    line.hear(0x73, &[]);
    line.send(&[0x60]);
    let echo = line.link.poll_transmit().unwrap().to_vec();
    line.events();
    line.link.handle_bytes(line.now, &echo);
    assert_eq!(line.events(), [notice(LinkNotice::Foreign)]);
    line.answer(0x30, &[0x61]);
    line.got(&[0x61]);
}

#[test]
fn numbers_that_fit_nothing_are_dropped() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    // N(R)=5 acknowledges what was never sent.
    line.answer(0xB0, &[0xC4]);
    line.hear(0xB1, &[]);
    assert_eq!(line.events(), vec![out_of_sequence(1, 5); 2]);
    // In turn, though it does not acknowledge: it is the answer, and the meter's word counts for the next number.
    line.answer(0x10, &[0xC4]);
    assert_eq!(line.events(), [out_of_sequence(1, 0), LinkEvent::Apdu]);
    line.send(&[0xC0]);
    assert_eq!(line.said(), ["03<21 I N(S)=0 N(R)=1 P/F E6E600C0"]);
}

#[test]
fn a_confused_meter_does_not_keep_us_asking_for_ever() {
    // Always the wrong N(S).
    let mut line = Line::plain();
    line.send(&[0xC0]);
    for _ in 0..20 {
        line.answer(0x36, &[0xC4]);
    }
    assert!(matches!(
        line.events().pop(),
        Some(LinkEvent::Failed(LinkFailure::Protocol(_)))
    ));
    // Always REJ, or RR that acknowledges nothing.
    for control in [0x19, 0x11] {
        let mut line = Line::plain();
        line.send(&[0xC0]);
        for _ in 0..20 {
            line.hear(control, &[]);
        }
        assert!(matches!(
            line.events().pop(),
            Some(LinkEvent::Failed(LinkFailure::Protocol(_)))
        ));
    }
}

#[test]
fn pushed_apdus_are_told_apart_from_answers() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.hear(0x13, &[0xE6, 0xE7, 0x00, 0x0F, 1]);
    assert_eq!(line.events(), [LinkEvent::Unnumbered(vec![0x0F, 1])]);
    line.answer(0x30, &[0xC4]);
    line.got(&[0xC4]);
    // To all clients; without LLC; and in a numbered frame between answers.
    line.client = vec![0xFF];
    line.hear(0x03, &[0x0F, 2]);
    line.client = vec![0x21];
    line.hear_segment(0x32, &[0xE6, 0xE7, 0x00, 0x0F]);
    assert_eq!(line.said().pop().unwrap(), "03<21 RR N(R)=2 P/F");
    assert_eq!(line.link.apdu(), [0xC4], "the last answer stays");
    line.send(&[0xC0]);
    line.hear(0x34, &[3]);
    assert_eq!(
        line.events(),
        [
            LinkEvent::Unnumbered(vec![0x0F, 2]),
            LinkEvent::Unnumbered(vec![0x0F, 3])
        ]
    );
    assert_eq!(line.said(), ["03<21 I N(S)=1 N(R)=3 P/F E6E600C0"]);
}

#[test]
fn a_flood_is_counted_not_hoarded() {
    let mut line = Line::plain();
    line.client = vec![0x41];
    let foreign = line.frame(0x11, false, &[]).repeat(10_000);
    line.link.handle_bytes(line.now, &foreign);
    line.client = vec![0x21];
    let pushed = line.frame(0x13, false, &[1; 10]).repeat(10_000);
    line.link.handle_bytes(line.now, &pushed);
    assert!(line.events().len() <= 2 * MAX_EVENTS);
    assert_eq!(line.link.counters().frames_received, 20_001);
}

#[test]
fn an_idle_link_is_small() {
    let mut line = Line::plain();
    for round in 0..16u8 {
        line.send(&[0xC0; 40]);
        line.said();
        line.answer(
            0x10 | ((round & 7) << 1) | (((round + 1) & 7) << 5),
            &[0xC4; 40],
        );
        line.events();
    }
    let Line { link, .. } = line;
    let heap = link.outgoing.capacity()
        + link.incoming.capacity()
        + link.output.bytes.capacity()
        + link.decoder.capacity()
        + link.events.capacity() * size_of::<LinkEvent>();
    assert!(
        size_of::<Link>() + heap < 2048,
        "{} + {heap}",
        size_of::<Link>()
    );
    // It is not told what travels.
    assert!(!format!("{link:?}").contains("C0"));
}

#[test]
fn a_pause_within_a_frame_ends_it_only_after_the_inter_octet_time() {
    const PAUSE: Duration = Duration::from_millis(300);
    let mut line = Line::with(LinkConfig {
        quiet: Duration::ZERO,
        inter_octet: PAUSE,
        ..LinkConfig::new(ClientAddress::PUBLIC, "1".parse().unwrap())
    });
    line.link.connect(line.now).unwrap();
    line.said();
    line.hear(0x73, &[]);
    line.events();
    line.send(b"\xC0");
    line.said();

    // Octets that come one by one, each just in time, are one frame.
    let answer = line.frame(0x30, false, &[&LLC_RESPONSE[..], b"\xC4"].concat());
    for octet in &answer {
        line.link.handle_bytes(line.now, &[*octet]);
        if line.link.poll_timeout().is_some() {
            line.now += PAUSE.saturating_sub(Duration::from_millis(1));
            line.link.handle_timeout(line.now);
        }
    }
    line.got(b"\xC4");

    // The rest was lost for good: what waits is forgotten, and the question goes again when the answer is due.
    line.send(b"\xC0");
    line.said();
    line.link.handle_bytes(line.now, &answer[..5]);
    assert_eq!(line.time_out(), PAUSE);
    assert_eq!(line.time_out(), TIMEOUT.saturating_sub(PAUSE));
    assert_eq!(line.link.counters().resent, 1);
    line.answer(0x52, b"\xC5");
    let events = line.events();
    assert!(events.contains(&LinkEvent::Apdu), "{events:?}");
}
