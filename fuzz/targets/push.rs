//! Any octets as what a line or peer pushes, in pieces, with silences, as datagrams: no panic, what is held stays small,
//! every wait ends, no control character in what a person reads, and a repetition is never a new reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooms::dlms::push::{Event, Guard, Pushed, Reader, Stream};
use rooms::dlms::security::{Keys, SystemTitle};
use rooms::{Script, bounded};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let text = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
    Keys::parse(text).expect("good keys")
});

/// A frame of 64 KiB, one message being joined, and the blocks of another.
const HELD: usize = 512 << 10;

fn reader(choice: u8) -> Reader {
    let mut reader = Reader::new();
    if choice & 1 == 0 {
        reader = reader.with_keys(KEYS.clone()).expect("good keys");
    }
    if choice & 2 != 0 {
        reader = reader.with_title(SystemTitle(*b"GRX\0\0\0\0\x01"));
    }
    if choice & 4 != 0 {
        reader = reader.unverified_too();
    }
    reader
}

fn clean(text: &str) {
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

fn check(pushed: &Pushed) {
    assert_ne!(pushed.notification.is_some(), pushed.problem.is_some());
    if let Some(problem) = &pushed.problem {
        clean(&problem.to_string());
    }
    for value in pushed.notification.iter().flat_map(|n| &n.values) {
        clean(&value.text());
        clean(&value.name());
    }
}

/// What the stream tells now, read as it comes and then once more.
fn hear(stream: &mut Stream, reader: &mut Reader) {
    assert!(stream.held() <= HELD, "{} octets are held", stream.held());
    while let Some(event) = stream.next_event() {
        match event {
            Event::Note(note) => clean(&note.to_string()),
            Event::Apdu(apdu) => {
                clean(&apdu.link);
                let first = reader.read(&apdu);
                check(&first);
                let again = reader.read(&apdu);
                let titled = matches!(first.guard, Guard::Opened { title: Some(_), .. });
                if titled && first.notification.is_some() {
                    assert!(!again.is_reading(), "a repetition was taken as new");
                }
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    bounded(|| {
        let mut script = Script::new(input);
        let choice = script.byte();
        let (mut stream, mut reader) = (Stream::new(), reader(choice));
        let mut now = Instant::now();
        while !script.is_over() {
            let act = script.byte();
            let octets = script.piece();
            if choice & 8 == 0 {
                let size = usize::from(act & 63) + 1;
                for part in octets.chunks(if act == 0 { usize::MAX } else { size }) {
                    stream.receive(now, part);
                    hear(&mut stream, &mut reader);
                }
            } else {
                stream.datagram(now, octets);
                hear(&mut stream, &mut reader);
            }
            if act >= 64 {
                now += Duration::from_millis(u64::from(act) * 20);
                stream.handle_timeout(now);
                hear(&mut stream, &mut reader);
            }
        }
        for _ in 0..16 {
            let Some(due) = stream.poll_timeout() else {
                break;
            };
            now = now.max(due);
            stream.handle_timeout(now);
            hear(&mut stream, &mut reader);
        }
        assert_eq!(stream.poll_timeout(), None, "its timers do not rest");
        stream.end(now);
        hear(&mut stream, &mut reader);
        assert_eq!(stream.held(), 0);
    });
});
