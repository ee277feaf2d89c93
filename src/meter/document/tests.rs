//! Every form read back as it was written, other writers' captures, and what must not leave the house.
use super::*;
use crate::meter::tap::Direction;
use std::path::Path;

fn read(text: &str) -> Vec<Entry> {
    read_bytes(text.as_bytes().to_vec())
}

fn read_bytes(bytes: Vec<u8>) -> Vec<Entry> {
    from_bytes(Path::new("log"), bytes)
        .collect::<Result<_, _>>()
        .unwrap()
}

fn fails(bytes: &[u8]) -> String {
    let last = from_bytes(Path::new("log"), bytes.to_vec()).last();
    last.unwrap().unwrap_err().to_string()
}

fn written(entries: &[Entry], format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    write(entries, format, &mut out).unwrap();
    out
}

fn chunks(entries: &[Entry]) -> Vec<(Direction, Vec<u8>)> {
    entries
        .iter()
        .filter_map(|entry| match &entry.what {
            Chunk::Bytes { direction, bytes } => Some((*direction, bytes.clone())),
            Chunk::Note(_) => None,
        })
        .collect()
}

fn session(name: &str) -> Vec<Entry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    open(&folder.join(name))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

const JSONL: &str = r#"{"at":"2026-11-20T14:32:14.102Z","meter":"house 1","note":"connected"}
{"at":"2026-11-20T14:32:14.103Z","meter":"house 1","dir":"tx","hex":"7EA0070303938C117E"}
{"at":"2026-11-20T14:32:14.131Z","meter":"house 1","note":"mark: look here"}
{"at":"2026-11-20T14:32:14.132Z","meter":"other","dir":"rx","hex":"FF00"}
{"at":"2026-11-20T14:32:15.132Z","meter":"house 1","note":"closed"}
"#;

#[test]
fn json_lines_come_back_to_the_letter() {
    let entries = read(JSONL);
    let text = String::from_utf8(written(&entries, Format::Jsonl)).unwrap();
    assert_eq!(read(&text), entries);
    // The zone is this computer's; all else is as it was.
    let zoned = crate::meter::clock::rfc3339(entries[0].at);
    assert_eq!(
        text.lines().next(),
        Some(
            JSONL
                .lines()
                .next()
                .unwrap()
                .replace("2026-11-20T14:32:14.102Z", &zoned)
                .as_str()
        )
    );
}

#[test]
fn text_keeps_everything_and_hex_all_but_the_times() {
    let entries = read(JSONL);
    assert_eq!(read_bytes(written(&entries, Format::Text)), entries);
    let back = read_bytes(written(&entries, Format::Hex));
    assert_eq!(chunks(&back), chunks(&entries));
    assert_eq!(back.len(), entries.len());
}

#[test]
fn pcapng_comes_back_with_names_times_and_notes() {
    let entries = read(JSONL);
    let back = read_bytes(written(&entries, Format::Pcapng));
    assert_eq!(chunks(&back), chunks(&entries));
    let bytes = |all: &[Entry]| -> Vec<_> {
        all.iter()
            .filter(|entry| matches!(entry.what, Chunk::Bytes { .. }))
            .map(|entry| (entry.at, entry.meter.clone()))
            .collect()
    };
    assert_eq!(bytes(&back), bytes(&entries));
    let said = |entry: &Entry| matches!(&entry.what, Chunk::Note(Note::Text(text)) if text == "mark: look here");
    assert!(back.iter().any(said), "{back:?}");
}

#[test]
fn a_recorded_session_survives_every_form() {
    let entries = session("c_hdlc_gxc_low.txt");
    assert!(entries.len() > 50);
    for format in Format::ALL {
        let back = read_bytes(written(&entries, format));
        assert_eq!(chunks(&back), chunks(&entries), "{format:?}");
    }
}

#[test]
fn logs_without_direction_are_told_apart() {
    let with = chunks(&session("c_hdlc_gxc_low.txt"));
    let bare: Vec<String> = with
        .iter()
        .map(|(_, bytes)| {
            bytes
                .iter()
                .fold(String::new(), |hex, octet| format!("{hex}{octet:02X} "))
                + "\n"
        })
        .collect();
    assert_eq!(chunks(&read(&bare.concat())), with);
}

#[test]
fn pasted_logs_have_times() {
    let entries = read("[12:39:25] TX 7E A0 07 03 03 93 8C 11 7E\nRX7EA0\n");
    assert_eq!(entries[0].at.to_string(), "1970-01-01T12:39:25Z");
    assert_eq!(entries[1].at, entries[0].at);
    assert_eq!(chunks(&entries)[1], (Direction::Received, vec![0x7E, 0xA0]));
}

#[test]
fn bad_input_is_named_with_its_place() {
    assert!(fails(b"TX 7E\nTX 7G\n").contains("log line 2, column 5: 'G' is not a hex digit"));
    assert!(fails(b"").contains("no bytes of any meter"));
    let mut capture = written(&read(JSONL), Format::Pcapng);
    capture.truncate(capture.len() - 7);
    assert!(
        fails(&capture).contains("ends inside"),
        "{}",
        fails(&capture)
    );
}

/// A LLS association whose password is `Gurux`, as the C client and meter spoke it.
#[test]
fn a_password_is_in_no_form_and_checksums_fit() {
    let mut entries = session("c_hdlc_gxc_low.txt");
    let has = |entries: &[Entry]| {
        chunks(entries)
            .iter()
            .any(|(_, b)| b.windows(5).any(|w| w == b"Gurux"))
    };
    let trouble = |entries: &[Entry]| -> usize {
        chunks(entries)
            .iter()
            .flat_map(|(_, b)| crate::dlms::explain::explain(b).frames)
            .filter(|frame| !frame.fcs_ok)
            .count()
    };
    assert!(has(&entries));
    let before = trouble(&entries);
    redact(&mut entries, Redaction::default());
    assert!(!has(&entries));
    assert_eq!(trouble(&entries), before);
    assert!(entries.iter().any(|entry| entry.masked));
}

#[test]
fn a_broken_frame_leaks_nothing_and_stays_broken() {
    let mut entries = session("c_hdlc_gxc_low.txt");
    for entry in &mut entries {
        if let Chunk::Bytes { bytes, .. } = &mut entry.what
            && bytes.windows(5).any(|w| w == b"Gurux")
        {
            let end = bytes.len();
            bytes[end - 2] ^= 0x55;
        }
    }
    redact(&mut entries, Redaction::default());
    let all = chunks(&entries);
    assert!(!all.iter().any(|(_, b)| b.windows(5).any(|w| w == b"Gurux")));
    let broken = |b: &Vec<u8>| {
        crate::dlms::explain::explain(b)
            .frames
            .iter()
            .any(|f| !f.fcs_ok)
    };
    assert!(all.iter().any(|(_, b)| broken(b)));
}

#[test]
fn serials_go_on_request() {
    let title = [0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48];
    let has = |entries: &[Entry]| {
        chunks(entries)
            .iter()
            .any(|(_, b)| b.windows(8).any(|w| w == title))
    };
    let mut entries = session("c_hdlc_gxpy_gmac.txt");
    redact(&mut entries, Redaction::default());
    assert!(has(&entries));
    redact(
        &mut entries,
        Redaction {
            secrets: true,
            serials: true,
        },
    );
    assert!(!has(&entries));
}

/// All that is said of a trace: what a screen explains, and what the rules find.
fn said_of(entries: &[Entry]) -> Vec<String> {
    use crate::diagnosis::{Engine, Observation, Settings};
    let mut engine = Engine::new(Settings::default());
    let mut said = Vec::new();
    for entry in entries {
        if let Chunk::Bytes { direction, bytes } = &entry.what {
            let at = entry.at.as_millisecond();
            engine.observe(at, &Observation::Bytes((*direction).into(), bytes));
            for frame in crate::dlms::explain::explain(bytes).frames {
                let marks = (frame.fcs_ok, frame.hcs_ok, frame.length_ok, frame.trouble);
                said.push(format!("{} {} {marks:?}", frame.kind, frame.link));
            }
        }
    }
    engine.observe(0, &Observation::Quiet);
    for finding in engine.findings() {
        said.push(format!("{finding:?}"));
    }
    said
}

#[test]
fn nothing_found_in_a_trace_is_lost_with_its_secrets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    let mut masked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let Ok(entries) = open(&path).and_then(std::iter::Iterator::collect::<Result<Vec<_>, _>>)
        else {
            continue;
        };
        let mut redacted = entries.clone();
        redact(&mut redacted, Redaction::default());
        assert_eq!(redacted.len(), entries.len());
        let length = |all: &[Entry]| chunks(all).iter().map(|(_, b)| b.len()).collect::<Vec<_>>();
        assert_eq!(length(&redacted), length(&entries));
        for (new, old) in said_of(&redacted).into_iter().zip(said_of(&entries)) {
            assert_eq!(new, old, "{}", path.display());
        }
        masked += redacted.iter().filter(|entry| entry.masked).count();
        let mut again = redacted.clone();
        redact(&mut again, Redaction::default());
        assert_eq!(chunks(&again), chunks(&redacted), "{}", path.display());
    }
    assert!(masked > 20, "{masked}");
}

/// Passwords, keys, challenges and proofs of the recorded sessions, in every form that is written, in every spelling.
#[test]
fn no_form_spells_a_secret() {
    for (name, secrets) in [
        ("c_hdlc_gxc_low.txt", vec![b"Gurux".to_vec()]),
        ("c_wrap_gxpy_low.txt", vec![b"Gurux".to_vec()]),
    ] {
        let mut entries = session(name);
        let note = format!("password {} {}", "Gurux", "47 75 72 75 78");
        entries.insert(0, Entry::note(entries[0].at, "4775727578", &note));
        redact(&mut entries, Redaction::default());
        for format in Format::ALL {
            let out = written(&entries, format);
            let text = String::from_utf8_lossy(&out).to_uppercase();
            for secret in &secrets {
                assert!(
                    !out.windows(secret.len()).any(|w| w == secret),
                    "{format:?}"
                );
                for between in ["", " ", ":", "-"] {
                    let pairs: Vec<_> = secret.iter().map(|o| format!("{o:02X}")).collect();
                    assert!(!text.contains(&pairs.join(between)), "{name} {format:?}");
                }
            }
        }
    }
}

#[test]
fn a_long_trace_waits_for_nothing_and_a_cut_one_comes_whole() {
    let entries = session("c_hdlc_gxc_low.txt");
    // Octet by octet, and never the end of the last frame.
    let mut pieces: Vec<Entry> = entries
        .iter()
        .flat_map(|entry| match &entry.what {
            Chunk::Bytes { direction, bytes } => bytes
                .iter()
                .map(|octet| Entry {
                    what: Chunk::Bytes {
                        direction: *direction,
                        bytes: vec![*octet],
                    },
                    ..entry.clone()
                })
                .collect(),
            Chunk::Note(_) => vec![entry.clone()],
        })
        .collect();
    pieces.pop();
    let mut whole = pieces.clone();
    redact(&mut whole, Redaction::default());
    assert_eq!(whole.len(), pieces.len());
    let joined: Vec<u8> = chunks(&whole).into_iter().flat_map(|(_, b)| b).collect();
    assert!(!joined.windows(5).any(|w| w == b"Gurux"));
}

#[test]
fn packets_out_of_order_twice_and_lost() {
    let entries = read(JSONL);
    let whole = written(&entries, Format::Pcapng);
    // Blocks as they stand; the last ones turned round must not change what is read.
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < whole.len() {
        let length = u32::from_le_bytes(whole[at + 4..at + 8].try_into().unwrap()) as usize;
        blocks.push(whole[at..at + length].to_vec());
        at += length;
    }
    // Every packet twice.
    let twice: Vec<u8> = blocks[..2]
        .concat()
        .into_iter()
        .chain(
            blocks[2..]
                .iter()
                .flat_map(|b| [b.clone(), b.clone()].concat()),
        )
        .collect();
    let payload = |entries: &[Entry]| chunks(entries).iter().map(|(_, b)| b.len()).sum::<usize>();
    assert_eq!(payload(&read_bytes(twice)), payload(&entries));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_anyone_gives_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), kind in 0..4_u8) {
        let lead: &[u8] = match kind {
            0 => &[0x0A, 0x0D, 0x0D, 0x0A, 28, 0, 0, 0, 0x4D, 0x3C, 0x2B, 0x1A],
            1 => &[0xD4, 0xC3, 0xB2, 0xA1],
            2 => b"TX ",
            _ => &[],
        };
        let all = [lead, &bytes].concat();
        let mut entries: Vec<Entry> = from_bytes(Path::new("x"), all).map_while(Result::ok).collect();
        redact(&mut entries, Redaction { secrets: true, serials: true });
        let _ = written(&entries, Format::Pcapng);
    }
}
