//! What is tried on a serial line, and what a stranger cannot do to the peers of a listener.
use super::args::Parity;
use super::heard::{Ears, Heard};
use super::serial::candidates;
use super::show::Show;
use super::{MOST_PEERS, NOISE_EVERY};
use crate::dlms::push::Reader;
use crate::meter::Clock;
use std::time::{Duration, Instant};

fn tried(baud: Option<u32>, parity: Option<Parity>) -> String {
    let all: Vec<_> = candidates(baud, parity)
        .iter()
        .map(ToString::to_string)
        .collect();
    all.join(", ")
}

#[test]
fn what_is_given_is_kept_and_the_rest_tried() {
    assert_eq!(
        tried(None, None),
        "2400 8E1, 2400 8N1, 9600 8N1, 115200 8N1"
    );
    assert_eq!(tried(Some(2400), None), "2400 8E1, 2400 8N1");
    assert_eq!(tried(Some(19_200), None), "19200 8N1, 19200 8E1");
    assert_eq!(
        tried(None, Some(Parity::Even)),
        "2400 8E1, 9600 8E1, 115200 8E1"
    );
    assert_eq!(tried(Some(300), Some(Parity::Odd)), "300 8O1");
}

#[test]
fn the_silent_make_room_and_noise_is_told_now_and_then() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let show = Show::new(&mut out, &mut err, true, false, Clock::System);
    let mut ears = Ears::new(Reader::new(), show, None);
    let now = Instant::now();
    let most = u64::try_from(MOST_PEERS).unwrap();
    for id in 0..most {
        let from = format!("peer {id}");
        assert_eq!(ears.hear(now, Heard::Began { id, from }).unwrap(), None);
    }
    let soon = now + Duration::from_mins(1);
    for id in (0..most).filter(|id| *id != 7) {
        let bytes = vec![0x55];
        ears.hear(soon, Heard::Bytes { id, bytes }).unwrap();
    }
    let from = "one more".to_owned();
    let gone = ears.hear(soon, Heard::Began { id: most, from }).unwrap();
    assert_eq!(gone, Some(7));
    // What was under way when it went is let go in silence.
    let bytes = vec![0x55];
    ears.hear(soon, Heard::Bytes { id: 7, bytes }).unwrap();

    for _ in 0..10 {
        let bytes = vec![0x55; 4096];
        ears.hear(soon, Heard::Bytes { id: most, bytes }).unwrap();
    }
    let bytes = vec![0x55; 4096];
    ears.hear(soon + NOISE_EVERY, Heard::Bytes { id: most, bytes })
        .unwrap();
    ears.end().unwrap();
    drop(ears);
    let said = String::from_utf8(out).unwrap();
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.contains("one more"))
        .collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(
        lines[0].contains("noise: 4096 octets") && lines[1].contains("noise: 40960 octets"),
        "{said}"
    );
}
