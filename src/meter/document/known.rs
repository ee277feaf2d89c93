//! Secrets and serials already met, found wherever they come again: in bytes, and in words as text and hex. The one
//! rule: what is too short or mere filler would be found everywhere, and is not remembered.

use super::Entry;
use crate::meter::tap::{Chunk, Note};
use crate::meter::veil::STAR;
use std::collections::HashMap;

/// Found by so many octets first; shorter ones would be found by chance all over a trace.
const LEAD: usize = 4;
/// A key has 32 octets, a password rarely more; what is longer is ciphertext.
const LONGEST: usize = 64;
/// Enough for a fleet; a trace of hostile length ends here.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Known {
    by_lead: HashMap<[u8; LEAD], Vec<Vec<u8>>>,
    words: Vec<String>,
    count: usize,
}

impl Known {
    pub(super) fn learn(&mut self, octets: &[u8]) {
        let telling = octets.iter().any(|o| !matches!(o, 0 | 0xFF | &STAR));
        let Some(lead) = octets.first_chunk::<LEAD>() else {
            return;
        };
        if !telling || octets.len() > LONGEST || self.count >= MOST {
            return;
        }
        let same = self.by_lead.entry(*lead).or_default();
        if same.iter().any(|other| other == octets) {
            return;
        }
        same.push(octets.to_vec());
        self.count += 1;
        self.words.extend(words(octets));
        // What holds another must go first, or a piece of it stays.
        self.words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    }

    /// Marks every place of `bytes` where one of them stands.
    pub(super) fn hide(&self, bytes: &[u8], hidden: &mut [bool]) {
        if self.by_lead.is_empty() {
            return;
        }
        for (at, window) in bytes.windows(LEAD).enumerate() {
            let Some(same) = window
                .first_chunk::<LEAD>()
                .and_then(|lead| self.by_lead.get(lead))
            else {
                continue;
            };
            let rest = bytes.get(at..).unwrap_or_default();
            for secret in same.iter().filter(|secret| rest.starts_with(secret)) {
                if let Some(places) = hidden.get_mut(at..at + secret.len()) {
                    places.fill(true);
                }
            }
        }
    }

    /// In notes and in the meter's name.
    pub(super) fn hide_in_words(&self, entry: &mut Entry) {
        for word in &self.words {
            let starred = |text: &mut String| {
                if text.contains(word.as_str()) {
                    *text = text.replace(word.as_str(), &"*".repeat(word.chars().count()));
                }
            };
            starred(&mut entry.meter);
            if let Chunk::Note(Note::Text(text)) = &mut entry.what {
                starred(text);
            }
        }
    }
}

/// As text, and as people write bytes.
fn words(octets: &[u8]) -> Vec<String> {
    let mut forms: Vec<String> = Vec::new();
    if let Ok(text) = std::str::from_utf8(octets) {
        forms.push(text.to_owned());
    }
    for between in ["", " ", ":", "-"] {
        let pairs: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let hex = pairs.join(between);
        forms.push(hex.to_uppercase());
        forms.push(hex);
    }
    forms
}
