//! How the broker misbehaves. The rule: every misbehaviour is a field of its own, all may be combined and changed while it
//! runs, and what chance decides comes from the seed.

use super::packet::Publish;
use super::reason;
use super::topic::matches;
use std::time::Duration;

/// The default does nothing wrong.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a misbehaviour of its own, and any may be combined with any other"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    pub seed: u64,
    /// Take the TCP connection and never say a word.
    pub hang: bool,
    /// How long CONNACK waits.
    pub connack_after: Duration,
    /// Refuse CONNECT with this code: 1 to 5 as MQTT 3.1.1 has them, from 0x80 as MQTT 5 has them. The other version's client
    /// gets the nearest it knows.
    pub refuse: Option<u8>,
    /// Told in a CONNACK of MQTT 5, and a client that has more under way is sent away with 0x93.
    pub receive_max: Option<u16>,
    /// In bytes, told in a CONNACK of MQTT 5. A larger packet ends the connection (MQTT 5: with 0x95).
    pub max_packet: Option<u32>,
    /// Receive, but never PUBACK.
    pub never_ack: bool,
    /// The first message of each connection gets no PUBACK.
    pub withhold_first: bool,
    /// No PUBACK for a message whose payload contains this; it is taken.
    pub withhold: Option<Vec<u8>>,
    /// How late a PUBACK is.
    pub ack_after: Duration,
    /// PUBACKs are collected in groups of so many and sent in an order that chance decides; an incomplete group goes after a
    /// moment of silence. Below 2 they go in order.
    pub shuffle: usize,
    /// Every PUBACK comes twice.
    pub duplicate_acks: bool,
    /// After each PUBACK one for a packet identifier that is not in use.
    pub stray_acks: bool,
    /// The first that fits a message decides its PUBACK.
    pub answers: Vec<Answer>,
    /// Close the connection on a message whose payload contains this; it is not taken.
    pub poison: Option<Vec<u8>>,
    /// Close the connection on this many messages: the last of them is received but not acknowledged.
    pub drop_after: Option<u32>,
    /// Close each connection when it is this old.
    pub drop_every: Option<Duration>,
    /// On this many messages of a connection: MQTT 5 is told this reason in a DISCONNECT; both are closed. The last of them is
    /// received but not acknowledged.
    pub disconnect_after: Option<(u32, u8)>,
    /// Whatever is closed by one of the above is reset (RST), with what was still on its way.
    pub abrupt: bool,
}

/// What a PUBACK says: below 0x80 the message was taken. To a client of MQTT 3.1.1 every reason looks like success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub reason: u8,
    /// Close the connection after it.
    pub close: bool,
    /// Only for topics that match this filter.
    pub topic: Option<String>,
    /// Only for payloads that contain this.
    pub containing: Option<Vec<u8>>,
}

impl Answer {
    pub fn new(reason: u8) -> Self {
        Self {
            reason,
            close: false,
            topic: None,
            containing: None,
        }
    }

    pub fn closing(self) -> Self {
        Self {
            close: true,
            ..self
        }
    }

    pub fn on(self, filter: impl Into<String>) -> Self {
        Self {
            topic: Some(filter.into()),
            ..self
        }
    }

    pub fn containing(self, text: impl Into<Vec<u8>>) -> Self {
        Self {
            containing: Some(text.into()),
            ..self
        }
    }

    fn fits(&self, message: &Publish) -> bool {
        self.topic
            .as_ref()
            .is_none_or(|filter| matches(&message.topic, filter))
            && self
                .containing
                .as_ref()
                .is_none_or(|text| contains(&message.payload, text))
    }
}

/// What becomes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    /// Below 0x80 it is taken.
    pub reason: u8,
    pub ack: bool,
    pub close: Option<Close>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    Silently,
    /// With a DISCONNECT where the version has one.
    Saying(u8),
}

impl Fate {
    pub const TAKEN: Self = Self {
        reason: reason::SUCCESS,
        ack: true,
        close: None,
    };

    pub fn taken(self) -> bool {
        self.reason < 0x80
    }
}

impl Behaviour {
    /// `nth`: the first message of a connection is 1.
    pub(super) fn fate(&self, message: &Publish, nth: u32) -> Fate {
        let cut = |reason, close| Fate {
            reason,
            ack: false,
            close: Some(close),
        };
        if let Some(text) = &self.poison
            && contains(&message.payload, text)
        {
            return cut(reason::PAYLOAD_FORMAT_INVALID, Close::Silently);
        }
        if self.drop_after.is_some_and(|count| nth >= count) {
            return cut(reason::SUCCESS, Close::Silently);
        }
        if let Some((count, reason)) = self.disconnect_after
            && nth >= count
        {
            return cut(reason::SUCCESS, Close::Saying(reason));
        }
        let withheld =
            (self.withhold.as_ref()).is_some_and(|text| contains(&message.payload, text));
        let ack = !(self.never_ack || withheld || self.withhold_first && nth == 1);
        match self.answers.iter().find(|answer| answer.fits(message)) {
            Some(answer) => Fate {
                reason: answer.reason,
                ack,
                close: answer.close.then_some(Close::Silently),
            },
            None => Fate { ack, ..Fate::TAKEN },
        }
    }
}

/// Every payload contains the empty text.
fn contains(payload: &[u8], text: &[u8]) -> bool {
    text.is_empty() || payload.windows(text.len()).any(|part| part == text)
}
