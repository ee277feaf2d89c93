//! From evidence to a named cause. The one rule: what is said of a conversation follows from what was seen of it alone,
//! so that live and afterwards the same is found; no I/O, no clock, memory that does not grow with the trace.
//!
//! [`Engine`] is told observations; it cuts both directions into frames ([`event`]), follows them ([`conversation`])
//! and asks every rule ([`rules`]) after each event; what the rules say is gathered and ranked ([`book`]). Of healthy
//! exchanges in a long row ([`pace`]) the rules hear the first and the last few ([`held`]).

pub mod book;
pub mod conversation;
mod cut;
mod direction;
mod engine;
pub mod event;
mod held;
mod marks;
mod note;
mod pace;
pub mod plausible;
pub mod rules;
mod settings;
#[cfg(test)]
mod tests;

pub use book::{Book, Diagnosis};
pub use conversation::{Brief, Conversation};
pub use direction::Guess;
pub use engine::Engine;
pub use event::{Apdu, Event, Hdlc, Link, Seen, What};
pub use note::{note_of, of_note};
pub use rules::Rule;
pub use settings::{Auth, Known, Settings};

use std::ops::Range;

/// Milliseconds of any epoch; only differences count.
pub type Millis = i64;

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    Possible,
    Likely,
    Certain,
}

impl Confidence {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// What a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The frame's number: from 1, over both directions, in the order in which frames were complete. None: no one frame.
    pub frame: Option<u64>,
    /// Octets of that frame as it is shown: the opening flag of an HDLC frame is octet 0.
    pub octets: Option<Range<usize>>,
    /// For people; may quote what came over the line, control characters made visible.
    pub text: String,
}

impl Evidence {
    /// Words about no one frame.
    pub fn words(text: impl Into<String>) -> Self {
        Self {
            frame: None,
            octets: None,
            text: text.into(),
        }
    }
}

/// `frame 12, octets 5-6: …`
impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(frame) = self.frame {
            write!(f, "frame {frame}")?;
            if let Some(octets) = &self.octets {
                let last = octets.end.saturating_sub(1);
                if octets.start >= last {
                    write!(f, ", octet {}", octets.start)?;
                } else {
                    write!(f, ", octets {}-{last}", octets.start)?;
                }
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.text)
    }
}

/// A cause with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `H1`.
    pub id: &'static str,
    /// One line a technician understands.
    pub title: String,
    pub confidence: Confidence,
    /// The first few.
    pub evidence: Vec<Evidence>,
    /// What to do, cheapest first.
    pub remedy: Vec<String>,
    /// How often it was seen.
    pub count: u64,
}

/// From the client's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Sent,
    Received,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectFailure {
    Refused,
    TimedOut,
    Unreachable,
    /// The name resolves to no address.
    Name,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closing {
    ByUs,
    ByPeer,
    /// The peer broke the connection off.
    Reset,
}

/// What was seen, as it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    Connecting,
    Connected,
    ConnectFailed(ConnectFailure),
    /// A chunk as written or read; frames may be spread over several.
    Bytes(Direction, &'a [u8]),
    Closed(Closing),
    /// Nothing more will come for what was asked: a time-out, or the end of the trace.
    Quiet,
    /// The meter took our proof of HLS, and its own is wrong or missing: in words. Only who has the secret can tell.
    Unproven(&'a str),
}
