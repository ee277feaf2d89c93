//! T12, H28: octets that make no frame. The rule: before any frame came it is the line's settings, later it is noise; what
//! is a frame but for its format is named so.

use super::Rule;
use super::damage::{LONGEST, claimed};
use crate::cosem::hex::cut as hex;
use crate::diagnosis::{
    Book, Confidence, Conversation, Diagnosis, Direction, Event, Evidence, What,
};
use crate::dlms::hdlc::fcs;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Noise::default())]
}

pub(super) const T12: Diagnosis = Diagnosis {
    id: "T12",
    title: "Wrong parity or data bits: what comes is no frame, octet after octet",
    remedy: &[
        "Set the converter to 8N1, 8E1 or 7E1 in turn (RS-485 is mostly 9600 8N1); on a serial line --parity even, or none.",
        "Then try the other speeds: --baud 9600, 2400, 19200.",
        "Check A/B and ground of RS-485.",
    ],
    specific: 6,
};
pub(super) const H28: Diagnosis = Diagnosis {
    id: "H28",
    title: "Octets between frames belong to no frame: noise, lost octets, or another protocol",
    remedy: &[
        "Look at them as text: another device may talk on this line.",
        "Check parity and baud rate.",
    ],
    specific: 1,
};

/// The format octet of what is a whole frame but for it.
pub(super) fn disguise(octets: &[u8]) -> Option<u8> {
    let format = *octets.first()?;
    if format >> 4 == 0xA || octets.len() > LONGEST || claimed(octets) != Some(octets.len()) {
        return None;
    }
    let right = |first: u8| {
        let mut trial = octets.to_vec();
        if let Some(octet) = trial.first_mut() {
            *octet = first;
        }
        fcs::ends_right(&trial)
    };
    (right(format) || right(0xA0 | format & 0x0F)).then_some(format)
}

/// Octets that make no frame.
#[derive(Debug, Default)]
struct Noise {
    octets: u64,
    runs: u32,
}

impl Rule for Noise {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Junk(Direction::Received, octets) if disguise(octets).is_none() => {
                self.octets = self.octets.saturating_add(octets.len() as u64);
                self.runs = self.runs.saturating_add(1);
                if talk.received.sound > 0 {
                    book.note(&H28, Confidence::Possible, || {
                        Evidence::words(format!("after frame {}: {}", last(talk), hex(octets, 16)))
                    });
                } else if talk.hdlc_sent
                    && !octets.iter().all(|o| (0x20..0x7F).contains(&(o & 0x7F)))
                {
                    let how = parity(octets);
                    let sure = if how.is_some() || self.octets >= 16 {
                        Confidence::Likely
                    } else {
                        Confidence::Possible
                    };
                    book.note(&T12, sure, || {
                        let how = how.unwrap_or("no frame in what came");
                        Evidence::words(format!("{how}: {}", hex(octets, 16)))
                    });
                }
            }
            // Frames come through after all.
            What::Frame(seen)
                if self.octets > 0
                    && seen.direction == Direction::Received
                    && seen.sound().is_some() =>
            {
                self.octets = 0;
                book.withdraw("T12");
            }
            _ => {}
        }
    }
}

fn last(talk: &Conversation) -> u64 {
    let of = |brief: Option<crate::diagnosis::Brief>| brief.map_or(0, |brief| brief.number);
    of(talk.last_sent).max(of(talk.last_received))
}

fn parity(octets: &[u8]) -> Option<&'static str> {
    if octets.len() < 4 {
        return None;
    }
    if octets.iter().all(|octet| octet & 0x80 == 0) {
        return Some("every octet has lost its highest bit: 7 data bits where 8 are sent");
    }
    if octets.iter().all(|octet| octet.count_ones() % 2 == 0) {
        return Some("every octet has even parity: 8 data bits where 7E1 is sent");
    }
    None
}
