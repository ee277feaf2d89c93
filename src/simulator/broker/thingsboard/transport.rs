//! What becomes of one message: who may send it, whether there is budget for it, and how each outcome looks in either version of
//! MQTT. The rule: only MQTT 5 is told why; over 3.1.1 a refusal is a close or, behind a gateway, looks like success.

use super::payload::Malformed;
use super::state::State;
use super::{Version, device, gateway, provision};
use crate::simulator::broker::behaviour::{Close, Fate};
use crate::simulator::broker::packet::Publish;
use crate::simulator::broker::reason;
use tokio::time::Instant;

/// All that can be subscribed.
pub(super) const SUBSCRIBED: [&str; 9] = [
    "v1/devices/me/attributes",
    "v1/devices/me/attributes/response/+",
    "v1/devices/me/rpc/request/+",
    "v1/devices/me/rpc/response/+",
    "v1/gateway/attributes",
    "v1/gateway/attributes/response",
    "v1/gateway/rpc",
    "v1/gateway/disconnect",
    provision::RESPONSE,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// Logged there and nothing else: no PUBACK, no close.
    Ignored,
    BadPayload,
    UnknownTopic,
    /// Gateway telemetry without any device.
    Empty,
    TooLarge,
    /// On a rate limit, with whether it came on a gateway topic.
    OverLimit {
        gateway: bool,
    },
    TooManyDevices,
}

impl From<Malformed> for Outcome {
    fn from(_: Malformed) -> Self {
        Self::BadPayload
    }
}

impl Outcome {
    pub fn fate(self, version: Version) -> Fate {
        let five = version == Version::V5;
        let fate = |reason, ack, close| Fate { reason, ack, close };
        match self {
            Self::Taken => Fate::TAKEN,
            Self::Ignored => fate(reason::NOT_AUTHORIZED, false, None),
            Self::BadPayload if five => fate(reason::PAYLOAD_FORMAT_INVALID, true, None),
            Self::BadPayload => fate(reason::PAYLOAD_FORMAT_INVALID, false, Some(Close::Silently)),
            Self::UnknownTopic => fate(reason::TOPIC_NAME_INVALID, true, None),
            Self::Empty => fate(
                reason::IMPLEMENTATION_SPECIFIC_ERROR,
                true,
                Some(Close::Saying(reason::IMPLEMENTATION_SPECIFIC_ERROR)),
            ),
            Self::TooLarge => fate(
                reason::PACKET_TOO_LARGE,
                false,
                Some(Close::Saying(reason::PACKET_TOO_LARGE)),
            ),
            // The device API of 3.1.1 is kinder: no PUBACK, so the client still has it.
            Self::OverLimit { gateway } => fate(
                reason::QUOTA_EXCEEDED,
                five || gateway,
                Some(Close::Saying(reason::QUOTA_EXCEEDED)),
            ),
            Self::TooManyDevices => fate(reason::QUOTA_EXCEEDED, true, None),
        }
    }
}

pub(super) fn receive(state: &mut State, number: u64, message: &Publish, now: Instant) -> Outcome {
    let Some(session) = state.sessions.get(&number) else {
        return Outcome::Ignored;
    };
    let most = state.settings.limits.as_ref();
    let most = most.map_or(65_536, |limits| limits.max_payload);
    if message.payload.len() > most {
        return Outcome::TooLarge;
    }
    let gateway = session.gateway();
    let topic = message.topic.as_str();
    let Ok(text) = std::str::from_utf8(&message.payload) else {
        return Outcome::BadPayload;
    };
    let Some(account) = session.account.clone() else {
        return match topic {
            provision::REQUEST => {
                let reply = provision::answer(state, text);
                state.answer(number, provision::RESPONSE, &reply);
                Outcome::Taken
            }
            _ => Outcome::Ignored,
        };
    };
    let outcome = if let Some(rest) = topic.strip_prefix("v1/gateway/") {
        if gateway {
            gateway::receive(state, number, rest, text, now)
        } else {
            return Outcome::Ignored;
        }
    } else if let Some(rest) = topic.strip_prefix("v1/devices/me/") {
        device::receive(state, number, &account, rest, text, now)
    } else {
        return Outcome::UnknownTopic;
    };
    outcome.unwrap_or_else(|refused| refused)
}

impl State {
    pub(super) fn answer(&self, number: u64, topic: &str, payload: &serde_json::Value) {
        if let Some(session) = self.sessions.get(&number) {
            session.say(topic, payload);
        }
    }

    /// Counts a message of this session against its limits, or those of what is behind the gateway.
    pub(super) fn spend(
        &mut self,
        number: u64,
        behind: bool,
        points: Option<usize>,
        now: Instant,
    ) -> Result<(), Outcome> {
        let limits = match &self.settings.limits {
            Some(limits) if self.settings.enforce => limits,
            _ => return Ok(()),
        };
        let Some(session) = self.sessions.get(&number) else {
            return Ok(());
        };
        let rates = if behind {
            &limits.gateway
        } else {
            &limits.device
        };
        let budget = self
            .budgets
            .entry((session.token.clone(), behind))
            .or_insert_with(|| super::budget::Budget::new(rates, now));
        let points = points.map(|points| u32::try_from(points).unwrap_or(u32::MAX));
        if budget.allows(points, now) {
            Ok(())
        } else {
            Err(Outcome::OverLimit { gateway: behind })
        }
    }
}

/// The server's clock, for values that came without a time.
pub(super) fn server_time() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
