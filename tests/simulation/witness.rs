//! What the simulated meter really said, seen at its own terminals, before any line could change it. The rule: it knows
//! nothing of the client under test; it reads the few octets it needs by itself.

use obiscope::cosem::Data;
use std::collections::VecDeque;
use std::time::Duration;

/// Answers remembered; a reading is looked up soon after it was given.
const KEPT: usize = 512;

#[derive(Debug, Default)]
pub struct Witness {
    asked: Option<[u8; 6]>,
    answers: VecDeque<Answer>,
    pub passwords: u64,
    /// AARQs with a secret after the last one was refused and before anybody said go on.
    pub after_refusal: u64,
    pub refusals: u64,
    pub gets: u64,
    refused: bool,
    /// Answers in which an octet between the flags is 7E.
    pub interior: u64,
    pub frames: u64,
}

#[derive(Debug)]
struct Answer {
    at: Duration,
    obis: [u8; 6],
    raw: String,
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

/// Class, OBIS code and attribute of a GET.
fn request(bytes: &[u8]) -> Option<&[u8]> {
    let at = find(bytes, &[0xE6, 0xE6, 0x00, 0xC0, 0x01])?;
    bytes.get(at + 6..at + 15)
}

/// Of which object a frame asks something.
pub fn asked(bytes: &[u8]) -> Option<[u8; 6]> {
    request(bytes)?.get(2..8)?.try_into().ok()
}

impl Witness {
    /// What arrived at the meter.
    pub fn heard(&mut self, bytes: &[u8]) {
        if let Some(request) = request(bytes) {
            self.gets += 1;
            let value = request[8] == 2;
            self.asked = value.then(|| request[2..8].try_into().unwrap());
        }
        // The mechanism-name of LLS: a secret is in it.
        if find(bytes, &[0xE6, 0xE6, 0x00, 0x60]).is_some()
            && find(bytes, &[0x60, 0x85, 0x74, 0x05, 0x08, 0x02, 0x01]).is_some()
        {
            self.passwords += 1;
            self.after_refusal += u64::from(self.refused);
        }
    }

    /// What it said.
    pub fn said(&mut self, at: Duration, bytes: &[u8]) {
        self.frames += 1;
        let inner = bytes
            .get(1..bytes.len().saturating_sub(1))
            .unwrap_or_default();
        self.interior += u64::from(inner.contains(&0x7E));
        if let Some(place) = find(bytes, &[0xA2, 0x03, 0x02, 0x01])
            && find(bytes, &[0xE6, 0xE7, 0x00, 0x61]).is_some()
        {
            self.refused = bytes.get(place + 4).is_some_and(|result| *result != 0);
            self.refusals += u64::from(self.refused);
        }
        // What it says again comes before the answer to what was asked last.
        let mark = [0xE6, 0xE7, 0x00, 0xC4, 0x01];
        let Some(place) = bytes.windows(mark.len()).rposition(|part| part == mark) else {
            return;
        };
        let (Some(obis), Some(body)) = (self.asked.take(), bytes.get(place + 6..)) else {
            return;
        };
        if let Some((0, data)) = body.split_first()
            && let Ok((data, _)) = Data::decode(data)
        {
            if self.answers.len() >= KEPT {
                self.answers.pop_front();
            }
            let raw = data.to_json().to_string();
            self.answers.push_back(Answer { at, obis, raw });
        }
    }

    /// A person said that the refused secret may go out once more.
    pub fn allowed(&mut self) {
        self.refused = false;
    }

    /// Whether it said this of the object within the time before `until`.
    pub fn said_it(&self, obis: [u8; 6], raw: &str, until: Duration, within: Duration) -> bool {
        self.answers.iter().rev().any(|answer| {
            answer.obis == obis
                && answer.raw == raw
                && answer.at <= until
                && until.saturating_sub(answer.at) <= within
        })
    }

    /// The last few answers of an object, for the words of a failure.
    pub fn last_of(&self, obis: [u8; 6], around: Duration) -> String {
        let near = |answer: &&Answer| {
            answer.obis == obis && answer.at.abs_diff(around) < Duration::from_secs(30)
        };
        let near = self.answers.iter().filter(near);
        let words: Vec<String> = near.map(|it| format!("{:?} {}", it.at, it.raw)).collect();
        words.join(", ")
    }

    /// The oldest moment of which it still knows everything.
    pub fn since(&self) -> Duration {
        match self.answers.front() {
            Some(first) if self.answers.len() >= KEPT => first.at,
            _ => Duration::ZERO,
        }
    }
}
