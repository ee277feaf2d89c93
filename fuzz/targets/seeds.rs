//! Writes what the fuzzers begin with, from the recorded conversations of `tests/data`: `seeds TRACES OUT` makes
//! OUT/TARGET/NAME for every target.

use rooms::dlms::hdlc::{Control, Frame};
use rooms::dlms::wrapper;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

// The counters of the build want a runtime to count in.
extern crate libfuzzer_sys as _;

/// One line of a conversation.
struct Said {
    by_client: bool,
    octets: Vec<u8>,
}

/// One APDU of it, and the information fields it came in.
struct Apdu {
    by_client: bool,
    octets: Vec<u8>,
}

struct Out(PathBuf);

impl Out {
    fn seed(&self, target: &str, octets: &[u8]) {
        let mut hasher = DefaultHasher::new();
        octets.hash(&mut hasher);
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).expect("a folder for seeds");
        let name = folder.join(format!("{:016x}", hasher.finish()));
        fs::write(name, octets).expect("a seed");
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.trim().chars().map(|c| c.to_digit(16)).collect();
    let pairs = digits?;
    let octet = |pair: &[u32]| u8::try_from(pair[0] * 16 + *pair.get(1)?).ok();
    pairs.chunks(2).map(octet).collect()
}

fn conversation(text: &str) -> Vec<Said> {
    let said = |line: &str| {
        let (who, octets) = line.split_once(' ')?;
        Some(Said {
            by_client: match who {
                "TX" => true,
                "RX" => false,
                _ => return None,
            },
            octets: hex(octets)?,
        })
    };
    text.lines().filter_map(said).collect()
}

fn apdus(conversation: &[Said]) -> Vec<Apdu> {
    let mut all = Vec::new();
    let mut joined = Vec::new();
    for said in conversation {
        let by_client = said.by_client;
        if let Ok(header) = wrapper::Header::parse(&said.octets) {
            let end = wrapper::HEADER_LENGTH + usize::from(header.length);
            if let Some(apdu) = said.octets.get(wrapper::HEADER_LENGTH..end) {
                let octets = apdu.to_vec();
                all.push(Apdu { by_client, octets });
            }
            continue;
        }
        let inside = said.octets.get(1..said.octets.len().saturating_sub(1));
        let Some(Ok(frame)) = inside.map(Frame::parse) else {
            continue;
        };
        let Control::Information { .. } = frame.control() else {
            continue;
        };
        joined.extend_from_slice(frame.information());
        if !frame.segmented() {
            let whole = std::mem::take(&mut joined);
            let octets = whole.get(3..).unwrap_or_default().to_vec();
            all.push(Apdu { by_client, octets });
        }
    }
    all
}

fn word(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// The conversation as acts of the link's script.
fn link(apdus: &[Apdu]) -> Vec<u8> {
    let mut script = vec![100, 0, 0, 6, 1, 0, 10, 0, 0];
    for apdu in apdus {
        if apdu.by_client {
            script.push(1);
            script.extend(word(apdu.octets.len()));
        } else {
            script.extend([11, 100]);
            script.extend(word(apdu.octets.len()));
            script.extend_from_slice(&apdu.octets);
        }
    }
    script.push(3);
    script
}

/// The conversation as acts of the association's script.
fn association(apdus: &[Apdu]) -> Vec<u8> {
    let mut script = vec![0, 0, 1, 0, 0];
    for apdu in apdus {
        let first = apdu.octets.get(..2).unwrap_or_default();
        match (apdu.by_client, first) {
            (true, [0xC0, 1]) => script.push(3),
            (true, [0xC0, 3]) => script.extend([5, 2]),
            (true, [0xC1, _]) => script.extend([6, 0, 12]),
            (true, [0xC3, _]) => script.extend([7, 0, 1, 1]),
            (true, _) => {}
            (false, _) => {
                script.extend([14, 1]);
                script.extend(word(apdu.octets.len()));
                script.extend_from_slice(&apdu.octets);
            }
        }
    }
    script
}

/// Values in answers, whole or joined from blocks.
fn values(apdus: &[Apdu]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut joined = Vec::new();
    for apdu in apdus {
        match &*apdu.octets {
            [0xC4, 1, _, 0, data @ ..] => all.push(data.to_vec()),
            [0xC4, 2, _, last, _, _, _, _, 0, rest @ ..] => {
                let Ok((_, used)) = rooms::cosem::data::decode_length(rest) else {
                    continue;
                };
                joined.extend_from_slice(&rest[used..]);
                if *last != 0 {
                    all.push(std::mem::take(&mut joined));
                }
            }
            _ => {}
        }
    }
    all
}

fn sow(path: &Path, out: &Out) {
    let text = fs::read_to_string(path).expect("a trace");
    let conversation = conversation(&text);
    let mut stream = vec![7];
    for said in &conversation {
        stream.extend_from_slice(&said.octets);
        out.seed("frames", &[&[3], &*said.octets].concat());
        out.seed("explain", &said.octets);
    }
    stream.truncate(4000);
    out.seed("frames", &stream);
    out.seed("explain", &stream[1..]);
    let apdus = apdus(&conversation);
    for apdu in &apdus {
        out.seed("apdu", &apdu.octets);
        for title in [0, 4, 8, 12] {
            out.seed(
                "security",
                &[&[0, title, 0, 0, 0, 0, 0, 0, 0], &*apdu.octets].concat(),
            );
        }
        out.seed(
            "security",
            &[&[1, 2, 0, 1, 0, 9, 1, 0, 0], &*apdu.octets].concat(),
        );
        out.seed("explain", &apdu.octets);
    }
    for (n, part) in apdus.chunks(24).enumerate() {
        out.seed("link", &link(part));
        let mut script = association(part);
        if n > 0 {
            // What led there: accepted, all granted.
            script.splice(5..5, [2, 0x7E, 0x1F, 4, 0]);
        }
        out.seed("association", &script);
        // The same behind a wrapper, and ciphered.
        for choice in [1, 3, 16, 17, 49, 50] {
            script[0] = choice;
            out.seed("association", &script);
        }
    }
    for value in values(&apdus) {
        for class in [0, 4, 5, 11] {
            out.seed("axdr", &[&[class, 2, 4], &*value].concat());
        }
    }
}

/// What meters push, recorded and published: the octets of each line behind a choice of how they come.
fn pushes(folder: &Path, out: &Out) {
    for entry in fs::read_dir(folder).expect("the pushes") {
        let text = fs::read_to_string(entry.expect("a file").path()).expect("text");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for octets in lines.filter_map(|line| hex(line.rsplit(' ').next()?)) {
            for choice in [0, 1, 2, 4, 8] {
                let act = [&[choice, 0], &word(octets.len())[..], &octets].concat();
                out.seed("push", &[&act[..], &act[1..]].concat());
            }
        }
    }
}

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(traces), Some(out)) = (arguments.next(), arguments.next()) else {
        eprintln!("seeds TRACES OUT");
        std::process::exit(2);
    };
    let out = Out(out);
    for entry in fs::read_dir(&traces).expect("the traces") {
        let path = entry.expect("a trace").path();
        if path.extension().is_some_and(|end| end == "txt") {
            sow(&path, &out);
        }
    }
    pushes(&traces.with_file_name("push"), &out);
}
