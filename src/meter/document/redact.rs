//! Takes secrets, and on request serial numbers, out of a document. The one rule: better a star too many than a
//! password; lengths stay, a checksum that was right is made right again, and one that was wrong stays wrong.
//!
//! A frame is looked at in three ways, since each sees what another may miss: field by field, which needs no right
//! checksum; octet by octet over segments; and for the octets of a secret already met, wherever they come again.

use super::{Entry, serials};
use crate::dlms::explain::{self, What, explain_piece, split};
use crate::dlms::hdlc::{Frame, fcs::fcs};
use crate::meter::tap::mask::Mask;
use crate::meter::tap::{Chunk, Direction, Note};
use std::ops::Range;

const STAR: u8 = b'*';
/// Shorter ones would be found by chance all over a trace.
const SHORTEST: usize = 4;
/// Secrets and serials remembered.
const MOST: usize = 64;

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// Passwords, keys, tokens.
    pub secrets: bool,
    /// Serial numbers, device names, system titles.
    pub serials: bool,
}

impl Default for Redaction {
    fn default() -> Self {
        Self {
            secrets: true,
            serials: false,
        }
    }
}

/// One direction of one connection, and where its octets stand in the document.
pub(super) struct Stream {
    pub direction: Direction,
    pub bytes: Vec<u8>,
    hidden: Vec<bool>,
    /// Entry and where it begins.
    parts: Vec<(usize, usize)>,
}

pub fn redact(entries: &mut [Entry], what: Redaction) {
    let mut streams = streams(entries);
    let mut known = Vec::new();
    if what.secrets {
        for stream in &mut streams {
            stream.hide_secrets(&mut known);
        }
    }
    if what.serials {
        known.extend(serials::find(entries));
        for stream in &mut streams {
            for range in serials::titles(&stream.bytes) {
                known.push(stream.bytes.get(range).unwrap_or_default().to_vec());
            }
        }
    }
    known.sort();
    known.dedup();
    // What holds another must go first, or a piece of it stays.
    known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for stream in &mut streams {
        for secret in &known {
            stream.hide_again(secret);
        }
        stream.give_back(entries);
    }
    for entry in entries {
        for secret in &known {
            hide_in_words(entry, secret);
        }
    }
}

fn streams(entries: &[Entry]) -> Vec<Stream> {
    use std::collections::HashMap;
    let mut all: Vec<Stream> = Vec::new();
    let mut open: HashMap<(&str, Direction), usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        match &entry.what {
            Chunk::Bytes { direction, bytes } => {
                let at = *open.entry((&entry.meter, *direction)).or_insert_with(|| {
                    all.push(Stream {
                        direction: *direction,
                        bytes: Vec::new(),
                        hidden: Vec::new(),
                        parts: Vec::new(),
                    });
                    all.len() - 1
                });
                if let Some(stream) = all.get_mut(at) {
                    stream.parts.push((index, stream.bytes.len()));
                    stream.bytes.extend(bytes);
                    stream.hidden.resize(stream.bytes.len(), false);
                }
            }
            Chunk::Note(Note::Text(_)) => {}
            Chunk::Note(_) => open.retain(|(meter, _), _| *meter != entry.meter),
        }
    }
    all
}

impl Stream {
    fn hide_secrets(&mut self, known: &mut Vec<Vec<u8>>) {
        let way = match self.direction {
            Direction::Sent => explain::Direction::ToMeter,
            Direction::Received => explain::Direction::FromMeter,
        };
        let mut mask = Mask::judged();
        for piece in split(&self.bytes) {
            if let Some(explained) = explain_piece(&self.bytes, &piece, Some(way)) {
                for field in explained.fields.iter().filter(|field| field.secret) {
                    let range = field.offset..field.offset.saturating_add(field.length);
                    learn(self.bytes.get(range.clone()), known);
                    hide(&mut self.hidden, range);
                }
            }
            if self.direction == Direction::Sent {
                let mut masked = self
                    .bytes
                    .get(piece.range.clone())
                    .unwrap_or_default()
                    .to_vec();
                // The checksum, made anew over the stars, is no secret.
                let end = match piece.what {
                    What::Frame => masked.len().saturating_sub(3),
                    _ => masked.len(),
                };
                if mask.apply(&mut masked) {
                    let pairs = masked
                        .iter()
                        .zip(self.bytes.get(piece.range.clone()).unwrap_or_default());
                    let changed = pairs
                        .take(end)
                        .enumerate()
                        .filter(|(_, (new, old))| new != old);
                    for (n, _) in changed {
                        hide(
                            &mut self.hidden,
                            piece.range.start + n..piece.range.start + n + 1,
                        );
                    }
                }
            }
        }
    }

    fn hide_again(&mut self, secret: &[u8]) {
        if secret.len() < SHORTEST {
            return;
        }
        for at in places(&self.bytes, secret) {
            hide(&mut self.hidden, at..at + secret.len());
        }
    }

    /// Puts the stars into the document.
    fn give_back(&self, entries: &mut [Entry]) {
        if !self.hidden.contains(&true) {
            return;
        }
        let mut shown = self.bytes.clone();
        for (octet, hidden) in shown.iter_mut().zip(&self.hidden) {
            if *hidden {
                *octet = STAR;
            }
        }
        for piece in split(&self.bytes).filter(|piece| piece.what == What::Frame) {
            mend(&self.bytes, &mut shown, piece.range);
        }
        for (n, (index, from)) in self.parts.iter().enumerate() {
            let to = self.parts.get(n + 1).map_or(shown.len(), |(_, to)| *to);
            let new = shown.get(*from..to).unwrap_or_default();
            if let Some(entry) = entries.get_mut(*index)
                && let Chunk::Bytes { bytes, .. } = &mut entry.what
                && bytes != new
            {
                new.clone_into(bytes);
                entry.masked = true;
            }
        }
    }
}

/// The FCS of a frame whose octets were hidden, if it was right before.
fn mend(before: &[u8], after: &mut [u8], range: Range<usize>) {
    let (Some(old), Some(new)) = (before.get(range.clone()), after.get_mut(range)) else {
        return;
    };
    if old == new {
        return;
    }
    let from = old.iter().position(|octet| *octet != 0x7E).unwrap_or(0);
    let Some([high, low]) = old.get(from..from + 2) else {
        return;
    };
    let end = from + (usize::from(high & 7) << 8 | usize::from(*low));
    let right = old
        .get(from..end)
        .and_then(|octets| Frame::parse(octets).ok())
        .is_some_and(|frame| frame.fcs_ok());
    let Some(check) = end.checked_sub(2).filter(|check| right && *check > from) else {
        return;
    };
    let made = fcs(new.get(from..check).unwrap_or_default()).to_le_bytes();
    if let Some(place) = new.get_mut(check..end) {
        place.copy_from_slice(&made);
    }
}

fn hide(hidden: &mut [bool], range: Range<usize>) {
    if let Some(octets) = hidden.get_mut(range) {
        octets.fill(true);
    }
}

fn learn(secret: Option<&[u8]>, known: &mut Vec<Vec<u8>>) {
    // Filler would be found everywhere.
    let telling = |octets: &&[u8]| {
        octets.len() > SHORTEST && octets.iter().any(|o| !matches!(o, 0 | 0xFF | &STAR))
    };
    if let Some(secret) = secret.filter(telling)
        && known.len() < MOST
        && !known.iter().any(|other| other == secret)
    {
        known.push(secret.to_vec());
    }
}

fn places(hay: &[u8], needle: &[u8]) -> Vec<usize> {
    let windows = hay.windows(needle.len()).enumerate();
    windows
        .filter(|(_, window)| *window == needle)
        .map(|(at, _)| at)
        .collect()
}

/// In notes and in the meter's name, as text and as hex.
fn hide_in_words(entry: &mut Entry, secret: &[u8]) {
    if secret.len() < SHORTEST {
        return;
    }
    let mut forms: Vec<String> = Vec::new();
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(text.to_owned());
    }
    let hex = secret
        .iter()
        .fold(String::new(), |hex, octet| format!("{hex}{octet:02X}"));
    forms.push(hex.to_lowercase());
    forms.push(hex);
    for form in forms {
        let stars = "*".repeat(form.chars().count());
        if entry.meter.contains(&form) {
            entry.meter = entry.meter.replace(&form, &stars);
        }
        if let Chunk::Note(Note::Text(text)) = &mut entry.what
            && text.contains(&form)
        {
            *text = text.replace(&form, &stars);
        }
    }
}
