//! T8, T9: what we send comes back. The rule: octets equal to ours and no meter's.

use super::Rule;
use crate::cosem::hex::cut as hex;
use crate::diagnosis::{
    Book, Confidence, Conversation, Diagnosis, Direction, Event, Evidence, What,
};

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Echo::default())]
}

const T8: Diagnosis = Diagnosis {
    id: "T8",
    title: "The line echoes: what is sent comes back before the answer",
    remedy: &[
        "Nothing to do here: the echo is taken off before the answer is read.",
        "Switch the converter's local echo off (RS-485 half duplex).",
        "Turn the optical head a little: it may see its own light.",
    ],
    specific: 7,
};
const T9: Diagnosis = Diagnosis {
    id: "T9",
    title: "Only our own echo comes back: the meter does not hear us, or not at this address or speed",
    remedy: &[
        "Seat the optical head right, its cable pointing down.",
        "Check baud rate and parity; an optical port usually starts at 300 7E1 (mode E).",
        "Check the meter's address, also in other sizes.",
        "Swap A and B of RS-485.",
    ],
    specific: 8,
};

#[derive(Debug, Default)]
struct Echo {
    /// The last octets sent, in part.
    sent: Vec<u8>,
    echoed: Option<u64>,
    answered: bool,
}

const KEPT: usize = 128;
/// Shorter runs may be the same by chance.
const LEAST: usize = 3;

impl Rule for Echo {
    fn event(&mut self, _: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Frame(seen) if seen.direction == Direction::Sent => {
                self.sent.clear();
                self.sent.extend(seen.octets.iter().take(KEPT));
            }
            What::Frame(seen) => {
                self.answered = true;
                if self.echoed.is_some() {
                    book.withdraw("T9");
                    if self.echoed.take().is_some() && !book.has("T8") {
                        book.note(&T8, Confidence::Certain, || {
                            seen.evidence(None, "the meter's answer follows the echo")
                        });
                    }
                }
            }
            What::Echo(seen) => {
                self.echoed = Some(seen.number);
                let say = || {
                    seen.evidence(
                        Some(0..seen.octets.len()),
                        format!("came back as it was sent: {}", hex(seen.octets, 12)),
                    )
                };
                if self.answered {
                    book.note(&T8, Confidence::Certain, say);
                } else {
                    book.note(&T9, Confidence::Likely, say);
                }
            }
            What::Junk(Direction::Received, octets)
            | What::Unfinished(Direction::Received, octets) => {
                let octets = octets.strip_prefix(&[0x7E]).unwrap_or(octets);
                if octets.len() >= LEAST
                    && self.sent.windows(octets.len()).any(|part| part == octets)
                {
                    self.echoed = Some(0);
                    book.note(&T8, Confidence::Likely, || {
                        Evidence::words(format!(
                            "part of what was sent came back: {}",
                            hex(octets, 12)
                        ))
                    });
                }
            }
            What::Silence(_) | What::Quiet if self.echoed.is_some() && !self.answered => {
                book.note(&T9, Confidence::Certain, || {
                    Evidence::words("nothing but the echo came")
                });
            }
            _ => {}
        }
    }
}
