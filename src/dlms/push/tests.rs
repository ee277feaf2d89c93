//! Pushes of real meters and of others' code: whole, chopped, in noise, damaged.

mod anything;
mod framing;
mod meters;

use super::{Event, Note, Pushed, Reader, Stream};
use crate::dlms::security::Keys;
use std::time::{Duration, Instant};

/// Published pushes by name.
fn published(name: &str) -> Vec<u8> {
    include_str!("../../../tests/data/push/han.txt")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .map(octets)
        .unwrap()
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// What the Gurux C server pushed: over HDLC, then in a wrapper.
fn recorded() -> Vec<Vec<u8>> {
    include_str!("../../../tests/data/push/c_push_datanotification.txt")
        .lines()
        .filter_map(|line| line.strip_prefix("RX "))
        .map(octets)
        .collect()
}

const RECORDED_KEYS: &str =
    "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";

fn reader(keys: &str) -> Reader {
    Reader::new().with_keys(Keys::parse(keys).unwrap()).unwrap()
}

fn drain(stream: &mut Stream) -> Vec<Event> {
    std::iter::from_fn(|| stream.next_event()).collect()
}

/// Everything `bytes` gave in the end, when they came in chunks of these sizes.
fn heard(bytes: &[u8], chunk: usize) -> Vec<Event> {
    let now = Instant::now();
    let mut stream = Stream::new();
    let mut events = Vec::new();
    for chunk in bytes.chunks(chunk) {
        stream.receive(now, chunk);
        events.extend(drain(&mut stream));
    }
    stream.end(now + Duration::from_secs(1));
    events.extend(drain(&mut stream));
    events
}

fn notes(events: &[Event]) -> Vec<&Note> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Note(note) => Some(note),
            Event::Apdu(_) => None,
        })
        .collect()
}

/// The pushes in `bytes`, read; nothing else may be in them.
fn pushed(bytes: &[u8], reader: &mut Reader) -> Vec<Pushed> {
    heard(bytes, bytes.len())
        .iter()
        .map(|event| match event {
            Event::Apdu(apdu) => reader.read(apdu),
            Event::Note(note) => panic!("{note}"),
        })
        .collect()
}
