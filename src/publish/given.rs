//! A broker handed in from outside instead of one behind a socket: for simulations, in which nothing may wait for the
//! network. The rule: it says no more and no less than a connection tells of itself.

use super::line::Heard;
use super::status::Cause;
use super::verdict::Verdict;
use super::words::Trouble;
use crate::store::{BrokerDefinition, Message};
use tokio::sync::mpsc;

pub trait Dial: Send + Sync {
    /// Opens a connection; how that goes is told like everything else.
    fn dial(&self, broker: &BrokerDefinition, client_id: &str) -> Ends;
}

/// Our ends of a connection. Dropping `said` hangs up.
pub struct Ends {
    pub said: mpsc::UnboundedSender<Said>,
    /// Its end, or `Closed` or `Refused`, ends the connection.
    pub told: mpsc::Receiver<Told>,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// At QoS 1. Its packet id comes back in `Told::Sent`.
    Publish(Message),
    Subscribe(Vec<String>),
    Disconnect,
}

/// What a connection tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Connected,
    /// The next message went out under this packet id.
    Sent(u16),
    /// PUBACK.
    Taken(u16),
    Subscribed,
    Message {
        topic: String,
        payload: Vec<u8>,
    },
    /// Our DISCONNECT is out.
    Left,
    /// Nobody there.
    Unreachable(String),
    /// Hung up without a word.
    Closed(String),
    /// Another client has our name.
    TakenOver(String),
    /// Not let in.
    Refused(String),
}

impl Told {
    pub(super) fn heard(self) -> Result<Heard, Trouble> {
        Ok(match self {
            Self::Connected => Heard::Connected {
                receive_max: None,
                most: None,
            },
            Self::Sent(packet) => Heard::Sent(packet),
            Self::Taken(packet) => Heard::Acknowledged(packet, Verdict::Taken),
            Self::Subscribed => Heard::Subscribed { refused: 0 },
            Self::Message { topic, payload } => Heard::Message { topic, payload },
            Self::Left => Heard::Left,
            Self::Unreachable(what) => return Err(Trouble::passing(Cause::Unreachable, what)),
            Self::Closed(what) => return Err(Trouble::passing(Cause::Closed, what)),
            Self::TakenOver(what) => return Err(Trouble::passing(Cause::TakenOver, what)),
            Self::Refused(what) => return Err(Trouble::lasting(Cause::Refused, what)),
        })
    }
}
