//! The tap keeps order and bounds, writes what DESIGN promises, and shows no password.

use super::*;
use crate::dlms::hdlc::{Control, Frame, frame};
use crate::meter::veil::{Caution, Veil};

/// Follows the frames of one connection, or its wrapped APDUs, from the first.
#[derive(Clone, Debug, Default)]
struct Mask {
    veil: Veil,
    caution: Caution,
}

impl Mask {
    /// For a SET or ACTION whose value is a secret.
    fn value() -> Self {
        Self {
            veil: Veil::default(),
            caution: Caution::Told,
        }
    }

    /// Masks `chunk` in place; true when something was hidden.
    fn apply(&mut self, chunk: &mut [u8]) -> bool {
        match self.veil.over(Direction::Sent, chunk, self.caution) {
            Some(shown) => {
                chunk.copy_from_slice(&shown);
                true
            }
            None => false,
        }
    }

    fn hidden(&self) -> &[Vec<u8>] {
        self.veil.hidden()
    }
}

const T: Timestamp = Timestamp::UNIX_EPOCH;

fn sent(tap: &Tap, bytes: &[u8]) {
    tap.bytes(T, Direction::Sent, bytes);
}

#[test]
fn oldest_records_make_way_and_are_counted() {
    let tap = Tap::new(64);
    for n in 0..100u8 {
        sent(&tap, &[n; 20]);
    }
    assert_eq!(tap.next_seq(), 100);
    let (records, lost) = tap.since(0);
    assert_eq!(lost, 97);
    assert_eq!(
        records.iter().map(|r| r.seq).collect::<Vec<_>>(),
        [97, 98, 99]
    );
    for record in &records {
        let n = u8::try_from(record.seq).unwrap();
        let what = Chunk::Bytes {
            direction: Direction::Sent,
            bytes: vec![n; 20],
        };
        assert_eq!(record.what, what);
    }
    let (records, lost) = tap.since(99);
    assert_eq!((records.len(), lost), (1, 0));
    assert_eq!(tap.since(100), (Vec::new(), 0));
    assert_eq!(tap.since(u64::MAX), (Vec::new(), 0));
}

#[test]
fn a_chunk_larger_than_the_ring_and_a_flood_of_notes_stay_bounded() {
    let tap = Tap::new(64);
    sent(&tap, b"a");
    sent(&tap, &[0; 65]);
    assert_eq!(tap.since(0), (Vec::new(), 2));
    for _ in 0..1000 {
        tap.note(T, Note::Connected);
    }
    assert!(tap.since(0).0.len() <= 64 / 16);
    assert_eq!(tap.next_seq(), 1002);
}

#[test]
fn the_file_is_complete_json_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let tap = Tap::new(16);
    tap.record_to(&path, "feeder \"7\"").unwrap();
    tap.note(T, Note::Connected);
    for _ in 0..50 {
        sent(&tap, &[0x7E, 0xA0]);
    }
    tap.bytes(T, Direction::Received, &[0x0F]);
    tap.masked(T, Direction::Sent, b"**");
    tap.note(T, Note::Text("a \"b\"\n".into()));
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 54);
    assert_eq!(lines[0]["note"], "connected");
    assert_eq!(lines[0]["meter"], "feeder \"7\"");
    assert_eq!(lines[1]["dir"], "tx");
    assert_eq!(lines[1]["hex"], "7EA0");
    assert_eq!(lines[1].get("masked"), None);
    assert_eq!(lines[51]["dir"], "rx");
    assert_eq!(lines[52]["masked"], true);
    assert_eq!(lines[53]["note"], "a \"b\"\n");
    let at: Timestamp = lines[0]["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at, T);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// An AARQ with the secret in the middle: application context, mechanism fields, secret, user information.
fn aarq(secret: &[u8]) -> Vec<u8> {
    let length = |n: usize| -> Vec<u8> {
        let byte = u8::try_from(n).unwrap();
        if byte < 0x80 {
            vec![byte]
        } else {
            vec![0x81, byte]
        }
    };
    let mut body = b"\xA1\x09\x06\x07\x60\x85\x74\x05\x08\x01\x01".to_vec();
    body.extend(b"\x8A\x02\x07\x80\x8B\x07\x60\x85\x74\x05\x08\x02\x01");
    let mut value = vec![0x80];
    value.extend(length(secret.len()));
    value.extend(secret);
    body.push(0xAC);
    body.extend(length(value.len()));
    body.extend(value);
    body.extend(b"\xBE\x10\x04\x0E\x01\x00\x00\x00\x06\x5F\x1F\x04\x00\x00\x7E\x1F\x04\xB0");
    let mut all = vec![0xE6, 0xE6, 0x00, 0x60];
    all.extend(length(body.len()));
    all.extend(body);
    all
}

fn in_frames(information: &[u8], size: usize) -> Vec<Vec<u8>> {
    let last = information.len().div_ceil(size) - 1;
    information
        .chunks(size)
        .enumerate()
        .map(|(n, part)| {
            let send = u8::try_from(n % 8).unwrap();
            let control = Control::Information {
                send,
                receive: 0,
                poll: true,
            };
            let mut out = Vec::new();
            frame::build(&[0x03], &[0x03], control, n < last, part, &mut out).unwrap();
            out
        })
        .collect()
}

#[test]
fn a_password_is_starred_however_the_aarq_is_cut_and_frames_stay_right() {
    for secret in [&b"22222222"[..], b"x", &[b'p'; 100]] {
        let apdu = aarq(secret);
        for size in [1, 5, 32, 128] {
            let mut mask = Mask::default();
            let mut shown = Vec::new();
            for (n, chunk) in in_frames(&apdu, size).into_iter().enumerate() {
                // Every third frame goes out twice, as after a timeout.
                for _ in 0..=usize::from(n % 3 == 0) {
                    let mut copy = chunk.clone();
                    let hidden = mask.apply(&mut copy);
                    assert_eq!(
                        hidden,
                        copy != chunk || shown_is_star(&copy, &chunk, hidden)
                    );
                    let frame = Frame::parse(&copy[1..copy.len() - 1]).unwrap();
                    assert!(frame.fcs_ok());
                    assert_eq!(frame.hcs_ok(), Some(true));
                    if copy.len() == chunk.len() && n * size == shown.len() {
                        shown.extend_from_slice(frame.information());
                    }
                }
            }
            assert_eq!(
                shown,
                aarq(&vec![b'*'; secret.len()]),
                "{secret:?} in {size}"
            );
        }
    }
}

/// A secret that already is a star changes nothing; told apart only by `hidden`.
fn shown_is_star(copy: &[u8], chunk: &[u8], hidden: bool) -> bool {
    hidden && copy == chunk
}

#[test]
fn other_frames_and_garbage_pass_untouched() {
    let mut mask = Mask::default();
    for chunk in [
        &b""[..],
        b"\x7E",
        b"\x7E\xA0",
        b"\x7E\xA7\xFF\x01\x02\x03\x7E",
        b"\x7E\xA0\x07\x03\x03\x93\x8C\x11\x7E",
        b"\xFF\xFF\xFF\xFF\xFF",
        b"\x00\x00\x00\x00\x00\x00",
    ] {
        let mut copy = chunk.to_vec();
        assert!(!mask.apply(&mut copy));
        assert_eq!(copy, chunk);
    }
}

#[test]
fn stamps_never_run_backwards_unless_the_clock_was_set_back() {
    let at = |ms: i64| Timestamp::from_millisecond(1_763_640_000_000 + ms).unwrap();
    let tap = Tap::new(1024);
    for ms in [0, 10, 5, 20, -1_900, 30] {
        tap.bytes(at(ms), Direction::Sent, b"a");
    }
    let stamps = |tap: &Tap| -> Vec<_> { tap.since(0).0.iter().map(|r| r.at).collect() };
    assert_eq!(stamps(&tap), [0, 10, 10, 20, 20, 30].map(at));
    tap.bytes(at(-3_600_000), Direction::Sent, b"a");
    let (records, _) = tap.since(6);
    let Chunk::Note(Note::Text(text)) = &records[0].what else {
        panic!("{records:?}")
    };
    assert!(text.contains("set back by 1h"), "{text}");
    assert_eq!(records[1].at, at(-3_600_000));
}

const KEY: &[u8] = b"0123456789ABCDEF";

/// A request with its LLC octets.
fn llc(apdu: &[u8]) -> Vec<u8> {
    [b"\xE6\xE6\x00", apdu].concat()
}

fn set_secret(secret: &[u8]) -> Vec<u8> {
    let mut apdu = b"\xC1\x01\xC1\x00\x0F\x00\x00\x28\x00\x00\xFF\x07\x00\x09".to_vec();
    apdu.push(u8::try_from(secret.len()).unwrap());
    apdu.extend(secret);
    apdu
}

fn key_transfer(key: &[u8]) -> Vec<u8> {
    let mut apdu = b"\xC3\x01\xC1\x00\x40\x00\x00\x2B\x00\x00\xFF\x02\x01\x01\x02".to_vec();
    for id in 0..2 {
        apdu.extend([0x02, 0x02, 0x16, id, 0x09]);
        apdu.push(u8::try_from(key.len()).unwrap());
        apdu.extend(key);
    }
    apdu
}

fn shows(shown: &[u8], secret: &[u8]) -> bool {
    shown
        .windows(4)
        .any(|four| secret.windows(4).any(|s| s == four))
}

#[test]
fn the_value_of_a_secret_is_starred_in_segments_blocks_and_wrapped() {
    let mut first =
        b"\xC1\x02\xC1\x00\x0F\x00\x00\x28\x00\x00\xFF\x07\x00\x00\x00\x00\x00\x01\x08\x09\x10"
            .to_vec();
    first.extend(&KEY[..6]);
    let mut next = b"\xC1\x03\xC1\x01\x00\x00\x00\x02\x0A".to_vec();
    next.extend(&KEY[6..]);
    let unknown = [&b"\xD9\x40\x00\x00\x00\x00"[..], KEY].concat();
    let whole = [set_secret(KEY), key_transfer(KEY), unknown];
    for apdus in [&whole[..1], &whole[1..2], &whole[2..], &[first, next]] {
        for size in [1, 7, 32, 128] {
            let mut mask = Mask::value();
            let mut send = 0;
            for apdu in apdus {
                let mut shown = Vec::new();
                let mut hidden = Vec::new();
                let parts = in_frames(&llc(apdu), size);
                let last = parts.len() - 1;
                for (n, _) in parts.iter().enumerate() {
                    // N(S) runs on from one APDU to the next.
                    let control = Control::Information {
                        send: send % 8,
                        receive: 0,
                        poll: true,
                    };
                    let information = llc(apdu);
                    let part = information.chunks(size).nth(n).unwrap();
                    let mut frame = Vec::new();
                    frame::build(&[3], &[3], control, n < last, part, &mut frame).unwrap();
                    send += 1;
                    mask.apply(&mut frame);
                    hidden.extend(mask.hidden().iter().flatten().copied());
                    let parsed = Frame::parse(&frame[1..frame.len() - 1]).unwrap();
                    assert!(parsed.fcs_ok());
                    shown.extend_from_slice(parsed.information());
                }
                assert_eq!(shown.len(), llc(apdu).len());
                assert!(!shows(&shown, KEY), "{size}: {shown:02X?}");
                assert_eq!(shown[..4], llc(apdu)[..4], "what it is is still shown");
                assert!(!hidden.is_empty());
            }
        }
        for apdu in apdus {
            let mut wrapped = vec![0, 1, 0, 1, 0, 1, 0];
            wrapped.push(u8::try_from(apdu.len()).unwrap());
            wrapped.extend(apdu);
            let before = wrapped.clone();
            assert!(Mask::value().apply(&mut wrapped));
            assert!(!shows(&wrapped, KEY));
            assert_eq!(wrapped[..9], before[..9]);
        }
    }
}

#[test]
fn a_password_is_starred_in_a_wrapped_aarq_too() {
    let apdu = aarq(b"22222222");
    let apdu = &apdu[3..];
    let mut wrapped = vec![0, 1, 0, 1, 0, 1, 0, u8::try_from(apdu.len()).unwrap()];
    wrapped.extend(apdu);
    let mut mask = Mask::default();
    assert!(mask.apply(&mut wrapped));
    assert!(!shows(&wrapped, b"22222222"));
    assert_eq!(wrapped[8..], aarq(b"********")[3..]);
    // Keys are hidden whoever announced them; a ciphered value that is secret is hidden whole.
    let mut proof = [
        &b"\x00\x01\x00\x01\x00\x01\x00\x20"[..],
        &key_transfer(KEY)[..32],
    ]
    .concat();
    assert!(mask.apply(&mut proof));
    let mut ciphered = b"\x00\x01\x00\x01\x00\x01\x00\x09\xC9\x07\x30\x00\x00\x00\x01AB".to_vec();
    assert!(Mask::value().apply(&mut ciphered));
}

/// How a connection ended, that nothing came, and that a proof was wrong: no bytes say it, so the file does.
#[test]
fn what_is_found_live_is_found_in_the_file() {
    use crate::diagnosis::{ConnectFailure, of_note};
    use crate::meter::document::{from_reader, said};
    let folder = std::env::temp_dir().join(format!("obiscope-tap-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("found.jsonl");
    let _ = std::fs::remove_file(&path);
    let at = |ms: i64| Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap();
    let snrm = [0x7E, 0xA0, 0x07, 0x03, 0x03, 0x93, 0x8C, 0x11, 0x7E];
    let refused = Observation::ConnectFailed(ConnectFailure::Refused);
    let courses: [&[Observation<'_>]; 5] = [
        &[Observation::Closed(Closing::ByPeer)],
        &[Observation::Closed(Closing::Reset)],
        &[Observation::Quiet, Observation::Quiet],
        &[Observation::Unproven("it differs from what was asked")],
        &[],
    ];
    for course in courses {
        let _ = std::fs::remove_file(&path);
        let tap = Tap::new(4096);
        tap.record_to(&path, "m").unwrap();
        tap.diagnose(Settings::default());
        let told = Some("h:1: Connection refused (os error 111)");
        if course.is_empty() {
            tap.observe_with(at(0), &refused, told);
        }
        for round in [0, 60_000] {
            tap.note(at(round + 1), Note::Connected);
            tap.bytes(at(round + 2), Direction::Sent, &snrm);
            for (n, what) in (0..).zip(course) {
                tap.observe(at(round + 10_000 + n), what);
            }
            tap.note(at(round + 20_000), Note::Closed);
        }
        let mut engine = Engine::new(Settings::default());
        let file = std::fs::File::open(&path).unwrap();
        for entry in from_reader(&path, file).unwrap() {
            let entry = entry.unwrap();
            let seen = match &entry.what {
                Chunk::Bytes { direction, bytes } => {
                    Some(Observation::Bytes((*direction).into(), bytes))
                }
                Chunk::Note(note) => of_note(said(note)),
            };
            if let Some(seen) = seen {
                engine.observe(entry.at.as_millisecond(), &seen);
            }
        }
        let live = tap.findings();
        assert!(!live.is_empty(), "{course:?}");
        assert_eq!(engine.findings(), live, "{course:?}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
