//! One APDU out, one in: numbers, repetition, lateness.

use super::*;

const ASK: &str = "03<21 I N(S)=0 N(R)=0 P/F E6E600C0";

#[test]
fn numbers_advance_on_both_sides_and_wrap() {
    let mut line = Line::plain();
    for round in 0..20u8 {
        let (n, next) = (round & 7, (round + 1) & 7);
        line.send(&[0xC0, round]);
        assert_eq!(
            line.said(),
            [format!("03<21 I N(S)={n} N(R)={n} P/F E6E600C0{round:02X}")]
        );
        line.answer(0x10 | (n << 1) | (next << 5), &[0xC4, round]);
        line.got(&[0xC4, round]);
    }
    assert_eq!(line.link.counters().frames_sent, 21);
    assert_eq!(line.link.counters().frames_received, 21);
}

#[test]
fn an_answer_in_any_pieces() {
    let mut line = Line::plain();
    for round in 0..8u8 {
        line.send(&[0xC0]);
        let control = 0x10 | (round << 1) | (((round + 1) & 7) << 5);
        let bytes = line.frame(control, false, &[0xE6, 0xE7, 0x00, 0xC4, 0x7E, round]);
        for octet in bytes.chunks(usize::from(round) + 1) {
            line.link.handle_bytes(line.now, octet);
        }
        line.got(&[0xC4, 0x7E, round]);
    }
}

#[test]
fn llc_may_be_missing_and_the_answer_empty() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.hear(0x30, &[0xC4, 0x01]);
    line.got(&[0xC4, 0x01]);
    line.send(&[0xC0]);
    line.hear(0x52, &[]);
    line.got(&[]);
}

#[test]
fn a_lost_request_goes_again_and_is_answered() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    assert_eq!(line.said(), [ASK]);
    assert_eq!(line.time_out(), TIMEOUT);
    assert_eq!(line.said(), [ASK]);
    assert_eq!(line.events(), [resent("I frame", 1)]);
    line.answer(0x30, &[0xC4]);
    line.got(&[0xC4]);
    assert_eq!(line.link.counters().resent, 1);
}

#[test]
fn after_the_i_frame_rr_asks_where_the_meter_stands() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.time_out();
    line.said();
    line.time_out();
    assert_eq!(line.said(), ["03<21 RR N(R)=0 P/F"]);
    assert_eq!(line.events(), [resent("I frame", 1), resent("RR", 2)]);
    // It never got the request: again, at once.
    line.hear(0x11, &[]);
    assert_eq!(line.said(), [ASK]);
    line.answer(0x30, &[0xC4]);
    assert_eq!(line.events(), [resent("I frame", 1), LinkEvent::Apdu]);
}

#[test]
fn a_lost_answer_comes_again_for_the_same_i_frame_or_for_rr() {
    for timeouts in [1, 2] {
        let mut line = Line::plain();
        line.send(&[0xC0]);
        for _ in 0..timeouts {
            line.time_out();
        }
        line.events();
        line.answer(0x30, &[0xC4]);
        line.got(&[0xC4]);
    }
    // The meter says it has the request; the answer follows when asked for.
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.time_out();
    line.said();
    line.hear(0x31, &[]);
    assert_eq!(line.said(), [] as [&str; 0]);
    assert!(line.time_out() < TIMEOUT);
    assert_eq!(line.said(), ["03<21 RR N(R)=0 P/F"]);
    line.events();
    line.answer(0x30, &[0xC4]);
    line.got(&[0xC4]);
}

#[test]
fn a_damaged_answer_is_asked_for_with_rr() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    let mut bytes = line.frame(0x30, false, &[0xE6, 0xE7, 0x00, 0xC4]);
    bytes[11] ^= 4;
    line.link.handle_bytes(line.now, &bytes);
    assert_eq!(line.events(), [notice(LinkNotice::BadFcs)]);
    assert_eq!(line.said(), [] as [&str; 0]);
    line.time_out();
    assert_eq!(line.said(), ["03<21 RR N(R)=0 P/F"]);
    line.events();
    line.answer(0x30, &[0xC4]);
    line.got(&[0xC4]);
    assert_eq!(line.link.counters().bad_fcs, 1);

    let mut bytes = line.frame(0x52, false, &[0xE6, 0xE7, 0x00, 0xC4]);
    bytes[6] ^= 4;
    line.send(&[0xC0]);
    line.link.handle_bytes(line.now, &bytes);
    assert_eq!(line.events(), [notice(LinkNotice::BadHcs)]);
}

#[test]
fn the_late_answer_is_the_answer_and_its_copy_is_not() {
    let mut line = Line::plain();
    line.send(&[0xC0, 1]);
    line.time_out();
    line.events();
    line.answer(0x30, &[0xC4, 1]);
    line.got(&[0xC4, 1]);
    line.said();
    line.send(&[0xC0, 2]);
    assert_eq!(line.said(), ["03<21 I N(S)=1 N(R)=1 P/F E6E600C002"]);
    // The meter answers the repetition too: with its I frame again, or saying where it stands.
    line.answer(0x30, &[0xC4, 1]);
    line.hear(0x31, &[]);
    assert_eq!(line.events(), [notice(LinkNotice::Duplicate)]);
    assert_eq!(line.said(), [] as [&str; 0], "neither starts anything");
    line.answer(0x52, &[0xC4, 2]);
    line.got(&[0xC4, 2]);
}

#[test]
fn silence_ends_after_the_retries() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    let start = line.now;
    let (said, failure) = line.until_failure();
    assert_eq!(said, [ASK, "03<21 RR N(R)=0 P/F"]);
    assert_eq!(
        failure,
        LinkFailure::NoAnswer {
            what: "I frame",
            timeout: TIMEOUT,
            tries: 3
        }
    );
    assert_eq!(line.now - start, TIMEOUT * 3);
    line.answer(0x30, &[0xC4]);
    assert_eq!(line.events(), []);
}

#[test]
fn a_slow_line_is_given_time_but_not_without_end() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    let start = line.now;
    let bytes = line.frame(
        0x30,
        false,
        &[&[0xE6, 0xE7, 0x00][..], &[0xC4; 120]].concat(),
    );
    for octet in &bytes[..100] {
        line.now += Duration::from_millis(100);
        line.link.handle_timeout(line.now);
        line.link.handle_bytes(line.now, &[*octet]);
    }
    assert!(line.now - start > TIMEOUT);
    line.link.handle_bytes(line.now, &bytes[100..]);
    line.got(&[0xC4; 120]);

    line.send(&[0xC0]);
    let start = line.now;
    line.link.handle_bytes(line.now, &[0x7E]);
    let header = [0xA7, 0xFF, 0x21];
    for second in 1..100usize {
        line.now += Duration::from_secs(1);
        line.link
            .handle_bytes(line.now, header.get(second - 1..second).unwrap_or(&[0x02]));
        line.link.handle_timeout(line.now);
        if !line.events().is_empty() {
            break;
        }
    }
    assert!(line.now - start <= TIMEOUT * 4);
}

#[test]
fn half_a_frame_of_before_does_not_swallow_the_answer() {
    let mut line = Line::plain();
    let old = line.frame(0x30, false, &[0x55; 100]);
    line.link.handle_bytes(line.now, &old[..50]);
    assert_eq!(line.events(), []);
    line.send(&[0xC0]);
    assert_eq!(line.events(), [notice(LinkNotice::Junk(49))]);
    line.answer(0x30, &[0xC4]);
    line.got(&[0xC4]);

    // The same in the middle of the wait: the timeout finds what was swallowed.
    line.send(&[0xC0]);
    let whole = line.frame(0x52, false, &[0xE6, 0xE7, 0x00, 0xC5]);
    line.link
        .handle_bytes(line.now, &[&old[..50], &whole].concat());
    assert_eq!(line.events(), []);
    line.time_out();
    assert_eq!(
        line.events(),
        [LinkEvent::Apdu, notice(LinkNotice::Junk(49))]
    );
    assert_eq!(line.link.apdu(), [0xC5]);
}

#[test]
fn a_poll_keeps_the_link_alive_and_an_apdu_may_wait_behind_it() {
    let mut line = Line::plain();
    line.link.poll(line.now).unwrap();
    line.link.poll(line.now).unwrap();
    assert_eq!(line.said(), ["03<21 RR N(R)=0 P/F"]);
    line.send(&[0xC0]);
    assert!(line.link.send(line.now, &[0xC1]).is_err());
    assert_eq!(line.said(), [] as [&str; 0]);
    line.hear(0x11, &[]);
    assert_eq!(line.said(), [ASK]);
    line.answer(0x30, &[0xC4]);
    line.got(&[0xC4]);
    line.link.poll(line.now).unwrap();
    line.hear(0x35, &[]);
    assert_eq!(line.events(), [notice(LinkNotice::Busy)]);
    assert_eq!(line.link.poll_timeout(), None);
    line.link.poll(line.now).unwrap();
    line.said();
    let (said, failure) = line.until_failure();
    assert_eq!(said, ["03<21 RR N(R)=1 P/F", "03<21 RR N(R)=1 P/F"]);
    assert_eq!(
        failure,
        LinkFailure::NoAnswer {
            what: "RR",
            timeout: TIMEOUT,
            tries: 3
        }
    );
}
