//! What the core wants done outside itself. The rule: the loop carries these out without
//! awaiting them, and answers with a message.
use crate::headend::{BrokerCommand, Command};
use crate::meter::MeterId;
use crate::store::Query;

#[derive(Clone, Debug)]
pub enum Effect {
    /// Hand to the head-end; answer with `Msg::CommandDone` and the same ticket.
    Command {
        ticket: u64,
        command: Command,
    },
    /// Hand to the head-end; answer with `Msg::Notice`.
    Broker {
        broker: i64,
        command: BrokerCommand,
    },
    /// From now on send `Msg::Trace` for this meter (from what its tap still holds), and for
    /// no other. `None`: for none.
    FollowTrace(Option<MeterId>),
    /// Put text on the clipboard (OSC 52). The core has already said so to the user.
    Copy(String),
    /// Read the course of a value from the store; answer with `Msg::History` and the same ticket.
    History {
        ticket: u64,
        query: Query,
    },
    /// Reach a person who does not look at the screen: bytes for the terminal that are no picture.
    Herald(Vec<u8>),
    /// Write text to a file of this name in the data directory; answer with `Msg::Notice`.
    WriteFile {
        name: String,
        contents: Vec<u8>,
    },
    /// Switch mouse capture.
    Mouse(bool),
    /// Paint every cell again.
    Repaint,
    /// Give the terminal back to the shell until it says go on.
    Suspend,
    Quit,
}
