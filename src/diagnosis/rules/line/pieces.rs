//! T10: answers that arrive in pieces. The rule: pieces are legal, and worth a word only where a client with a short
//! patience would cut them, or has.

use super::Rule;
use crate::diagnosis::{Book, Confidence, Conversation, Diagnosis, Direction, Event, Millis, What};

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Pieces::default())]
}

const T10: Diagnosis = Diagnosis {
    id: "T10",
    title: "Answers arrive in pieces: no fault, but a client must wait for what the length field says",
    remedy: &[
        "Nothing to do for obiscope: it waits for the whole frame.",
        "In other clients raise the inter-octet time-out; 25 ms is too short over a network.",
        "Let the converter gather more before it sends (packing length or time).",
    ],
    specific: 3,
};

/// Common clients take a frame for ended after so long a pause; no line of 9600 baud makes one within a frame.
const PAUSE: Millis = 25;
/// Once is the network's doing.
const OFTEN: u32 = 3;
const KEPT: usize = 64;

#[derive(Debug, Default)]
struct Pieces {
    frames: u32,
    longest: Millis,
    /// How a frame began that was still coming when the client went on.
    left: Vec<u8>,
}

impl Rule for Pieces {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            // Once the answer has come, what else was on its way may be cut without harm.
            What::Unfinished(Direction::Received, octets) if talk.pending.is_some() => {
                let octets = octets.strip_prefix(&[0x7E]).unwrap_or(octets);
                self.left.clear();
                self.left.extend(octets.iter().take(KEPT));
            }
            What::Frame(seen) if seen.direction == Direction::Received => {
                let cut = !self.left.is_empty() && seen.octets.starts_with(&self.left);
                self.left.clear();
                if seen.sound().is_none() {
                    return;
                }
                if cut {
                    book.note(&T10, Confidence::Likely, || {
                        seen.evidence(None, "the client spoke while this frame was still coming")
                    });
                    book.entitle(
                        "T10",
                        "Answers arrive in pieces, and the client does not wait for the rest",
                    );
                    return;
                }
                if talk.pause < PAUSE {
                    return;
                }
                self.frames = self.frames.saturating_add(1);
                self.longest = self.longest.max(talk.pause);
                if self.frames >= OFTEN {
                    let longest = self.longest;
                    book.note(&T10, Confidence::Possible, || {
                        seen.evidence(
                            None,
                            format!(
                                "the {}th frame that came in pieces, {longest} ms apart at most",
                                self.frames
                            ),
                        )
                    });
                }
            }
            _ => {}
        }
    }
}
