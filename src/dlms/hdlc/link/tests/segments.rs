//! APDUs longer than a frame, both ways, windows of one and of three.

use super::*;

fn meter(max_info: u16, window: u8) -> Parameters {
    Parameters {
        max_info_transmit: max_info,
        max_info_receive: max_info,
        window_transmit: window,
        window_receive: window,
    }
}

fn apdu(size: u8) -> Vec<u8> {
    (0..size).collect()
}

#[test]
fn out_in_segments_one_at_a_time() {
    let mut line = Line::up(meter(32, 1));
    let apdu = apdu(70);
    line.send(&apdu);
    assert_eq!(
        line.said(),
        [format!(
            "03<21 I N(S)=0 N(R)=0 P/F+ E6E600{}",
            hex(&apdu[..29])
        )]
    );
    line.hear(0x31, &[]);
    assert_eq!(
        line.said(),
        [format!("03<21 I N(S)=1 N(R)=0 P/F+ {}", hex(&apdu[29..61]))]
    );
    // This one is lost, and its repetition too; RR finds out.
    line.time_out();
    line.said();
    line.time_out();
    assert_eq!(line.said(), ["03<21 RR N(R)=0 P/F"]);
    line.hear(0x31, &[]);
    assert_eq!(
        line.said(),
        [format!("03<21 I N(S)=1 N(R)=0 P/F+ {}", hex(&apdu[29..61]))]
    );
    line.hear(0x51, &[]);
    assert_eq!(
        line.said(),
        [format!("03<21 I N(S)=2 N(R)=0 P/F {}", hex(&apdu[61..]))]
    );
    line.events();
    line.answer(0x70, &[0xC4]);
    line.got(&[0xC4]);
}

#[test]
fn out_in_a_window_of_three() {
    let mut line = Line::up(meter(32, 3));
    let apdu = apdu(150);
    line.send(&apdu);
    let said = line.said();
    assert_eq!(
        said[0],
        format!("03<21 I N(S)=0 N(R)=0+ E6E600{}", hex(&apdu[..29]))
    );
    assert_eq!(
        said[1],
        format!("03<21 I N(S)=1 N(R)=0+ {}", hex(&apdu[29..61]))
    );
    assert_eq!(
        said[2],
        format!("03<21 I N(S)=2 N(R)=0 P/F+ {}", hex(&apdu[61..93]))
    );
    // The second was lost on the way.
    line.hear(0x31, &[]);
    assert_eq!(line.events(), [resent("I frame", 1)]);
    let said = line.said();
    assert_eq!(
        said[0],
        format!("03<21 I N(S)=1 N(R)=0+ {}", hex(&apdu[29..61]))
    );
    assert_eq!(
        said[1],
        format!("03<21 I N(S)=2 N(R)=0+ {}", hex(&apdu[61..93]))
    );
    assert_eq!(
        said[2],
        format!("03<21 I N(S)=3 N(R)=0 P/F+ {}", hex(&apdu[93..125]))
    );
    // The meter says so itself this time.
    line.hear(0x79, &[]);
    let said = line.said();
    assert_eq!(
        said[0],
        format!("03<21 I N(S)=3 N(R)=0+ {}", hex(&apdu[93..125]))
    );
    assert_eq!(
        said[1],
        format!("03<21 I N(S)=4 N(R)=0 P/F {}", hex(&apdu[125..]))
    );
    line.events();
    line.answer(0xB0, &[0xC4]);
    line.got(&[0xC4]);
}

#[test]
fn in_in_segments_one_at_a_time() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    line.hear_segment(0x30, &[0xE6, 0xE7, 0x00, 1, 2]);
    assert_eq!(line.said(), ["03<21 RR N(R)=1 P/F"]);
    // Our RR was lost: the timeout sends it again, the meter its segment, which is dropped but acknowledged.
    line.time_out();
    assert_eq!(line.said(), ["03<21 RR N(R)=1 P/F"]);
    line.hear_segment(0x30, &[0xE6, 0xE7, 0x00, 1, 2]);
    assert_eq!(line.said(), ["03<21 RR N(R)=1 P/F"]);
    assert_eq!(
        line.events(),
        [resent("RR", 1), notice(LinkNotice::Duplicate)]
    );
    // LLC only counts in the first segment.
    line.hear_segment(0x32, &[0xE6, 0xE7, 0x00]);
    assert_eq!(line.said(), ["03<21 RR N(R)=2 P/F"]);
    line.hear(0x34, &[3]);
    line.got(&[1, 2, 0xE6, 0xE7, 0x00, 3]);
    assert_eq!(
        line.said(),
        [] as [&str; 0],
        "the next I frame acknowledges"
    );
    line.send(&[0xC0]);
    assert_eq!(line.said(), ["03<21 I N(S)=1 N(R)=3 P/F E6E600C0"]);
}

#[test]
fn in_in_a_window_of_three() {
    let mut line = Line::up(meter(32, 3));
    line.send(&[0xC0]);
    line.said();
    line.hear_segment(0x20, &[0xE6, 0xE7, 0x00, 1]);
    line.hear_segment(0x22, &[2]);
    assert_eq!(line.said(), [] as [&str; 0]);
    line.hear_segment(0x34, &[3]);
    assert_eq!(line.said(), ["03<21 RR N(R)=3 P/F"]);
    // The first of the next window is lost: what follows is dropped and asked for.
    line.hear_segment(0x28, &[5]);
    line.hear_segment(0x3A, &[6]);
    assert_eq!(line.said(), ["03<21 RR N(R)=3 P/F"]);
    assert_eq!(
        line.events(),
        [out_of_sequence(3, 4), out_of_sequence(3, 5)]
    );
    line.hear_segment(0x26, &[4]);
    line.hear_segment(0x28, &[5]);
    line.hear(0x3A, &[6]);
    line.got(&[1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_full_window_is_acknowledged_even_if_the_meter_keeps_the_turn() {
    let mut line = Line::plain();
    line.send(&[0xC0]);
    line.said();
    line.hear_segment(0x20, &[0xE6, 0xE7, 0x00, 1]);
    assert_eq!(line.said(), ["03<21 RR N(R)=1 P/F"]);
    line.hear(0x22, &[2]);
    line.got(&[1, 2]);
}

#[test]
fn the_window_end_lost_is_asked_for_after_the_timeout() {
    let mut line = Line::up(meter(32, 3));
    line.send(&[0xC0]);
    line.said();
    line.hear_segment(0x20, &[0xE6, 0xE7, 0x00, 1]);
    line.time_out();
    assert_eq!(line.said(), ["03<21 RR N(R)=1 P/F"]);
    line.events();
    line.hear(0x32, &[2]);
    line.got(&[1, 2]);
}

#[test]
fn an_apdu_has_a_largest_size() {
    let mut line = Line::up(meter(2030, 7));
    line.send(&[0xC0]);
    let mut failure = None;
    let mut heard = 0usize;
    for number in 0u32..5000 {
        line.hear_segment(0x30 | (((number & 7) as u8) << 1), &[0x55; 2030]);
        heard += 2030;
        line.said();
        if let Some(LinkEvent::Failed(reason)) = line.link.poll_event() {
            failure = Some(reason);
            break;
        }
    }
    assert!((MAX_APDU..MAX_APDU + 2031).contains(&heard));
    assert!(
        failure
            .unwrap()
            .to_string()
            .contains("goes past 4194304 bytes")
    );
    // Memory goes back with the next connection.
    line.link.connect(line.now).unwrap();
    assert!(line.link.apdu().is_empty());
}

#[test]
fn an_early_answer_ends_the_sending() {
    let mut line = Line::up(meter(32, 1));
    line.send(&apdu(70));
    line.said();
    // Refused after the first segment.
    line.answer(0x30, &[0xD8, 1, 1]);
    line.got(&[0xD8, 1, 1]);
    line.send(&[0xC0]);
    assert_eq!(line.said(), ["03<21 I N(S)=1 N(R)=1 P/F E6E600C0"]);
}
