//! Requests of the platform that are being carried out, for one connection. The rule: each gets an answer, in time or saying
//! that it is late; no more than a few are under way at once, and when the connection ends nobody waits for them any more.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::drain::Drain;
use super::incoming::{self, Asked, Incoming, LIMITS_METHOD, OWN_QUESTION, Place};
use super::limits::Sizes;
use super::request::{Request, is_named, refusal};
use crate::cosem::data::printable;
use crate::store::{Kind, Message, Protocol};

/// Under way at once on one connection.
const MOST: usize = 16;
/// Below the ten seconds ThingsBoard itself waits.
const PATIENCE: Duration = Duration::from_secs(8);
const LONGEST: Duration = Duration::from_mins(1);
/// Own messages remembered, to know them when they come back.
const REMEMBERED: usize = 64;

/// The device's own attributes look the same in both directions.
const ATTRIBUTES: &str = "v1/devices/me/attributes";

#[derive(Default)]
pub(super) struct Calls {
    /// Aborted with the connection.
    waiting: JoinSet<()>,
    said: VecDeque<u64>,
}

/// The question every connection to a ThingsBoard begins with.
pub(super) fn limits_question() -> Message {
    let payload = serde_json::json!({ "method": LIMITS_METHOD, "params": {} });
    let topic = format!("v1/devices/me/rpc/request/{OWN_QUESTION}");
    Message::new(Kind::Lifecycle, topic, payload.to_string())
}

impl Calls {
    /// Something of ours goes out that a plain broker may send back.
    pub fn says(&mut self, drain: &Drain, message: &Message) {
        if message.topic == ATTRIBUTES && drain.broker.protocol == Protocol::V311 {
            if self.said.len() >= REMEMBERED {
                self.said.pop_front();
            }
            self.said.push_back(digest(&message.payload));
        }
    }

    /// What the platform's limits say of sizes, where it told them.
    pub fn hear(
        &mut self,
        drain: &mut Drain,
        most: usize,
        topic: &str,
        payload: &[u8],
    ) -> Option<Sizes> {
        if topic == ATTRIBUTES {
            let digest = digest(payload);
            if let Some(at) = self.said.iter().position(|said| *said == digest) {
                self.said.remove(at);
                return None;
            }
        }
        match incoming::parse(&drain.broker, topic, payload) {
            Incoming::Limits(limits) => {
                return Some(drain.gate.answered(&limits, tokio::time::Instant::now()));
            }
            Incoming::Asked(asked) => self.ask(drain, most, asked),
            Incoming::Echo => {}
            Incoming::Unclear => tracing::debug!(
                "{} sent something on {} that asks nothing",
                drain.broker.name,
                printable(topic)
            ),
        }
        None
    }

    fn ask(&mut self, drain: &Drain, most: usize, asked: Asked) {
        while self.waiting.try_join_next().is_some() {}
        let answers = drain.answers.0.clone();
        let (reply, answer) = oneshot::channel();
        let Asked {
            device,
            method,
            params,
            notice,
            place,
        } = asked;
        if let Some(Place::Plain { device, .. }) = &place
            && !drain
                .roster
                .borrow()
                .iter()
                .any(|it| is_named(&it.name, device))
        {
            // Anyone's meters share a plain broker: whoever has this one answers.
            return;
        }
        let patience = patience(&params);
        let refused = match &drain.requests {
            None => Some(refusal("nobody here carries out requests", 501)),
            Some(_) if self.waiting.len() >= MOST => Some(refusal(BUSY, 429)),
            Some(requests) => {
                let request = Request {
                    device,
                    method,
                    params,
                    notice,
                    reply,
                };
                match requests.try_send(request) {
                    Ok(()) => None,
                    Err(TrySendError::Full(_)) => Some(refusal(BUSY, 429)),
                    Err(TrySendError::Closed(_)) => {
                        Some(refusal("the program is about to end", 503))
                    }
                }
            }
        };
        let Some(place) = place else { return };
        if let Some(refused) = refused {
            // Whoever floods us beyond this gets no word at all.
            drop(answers.try_send(place.message(&refused, most)));
            return;
        }
        self.waiting
            .spawn(wait(answer, patience, place, most, answers));
    }
}

const BUSY: &str = "too many requests at once; ask again later";

async fn wait(
    answer: oneshot::Receiver<Value>,
    patience: Duration,
    place: Place,
    most: usize,
    answers: mpsc::Sender<Message>,
) {
    let answer = match timeout(patience, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => refusal("it was given up", 500),
        Err(_) => refusal("Request timeout", 408),
    };
    // Closed: the publisher ends.
    drop(answers.send(place.message(&answer, most)).await);
}

/// `timeout` in the parameters: seconds, or milliseconds where it is beyond what anyone waits in seconds.
fn patience(params: &Value) -> Duration {
    let Some(said) = params.get("timeout").and_then(Value::as_f64) else {
        return PATIENCE;
    };
    let seconds = if said > 120.0 { said / 1000.0 } else { said };
    let patience = Duration::try_from_secs_f64(seconds).unwrap_or(PATIENCE);
    patience.clamp(Duration::from_millis(100), LONGEST)
}

fn digest(payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patience_is_told_in_seconds_or_milliseconds_and_bounded() {
        for (params, wanted) in [
            (json!({"timeout": 3}), 3_000),
            (json!({"timeout": 1.5}), 1_500),
            (json!({"timeout": 5_000}), 5_000),
            (json!({"timeout": 1e300}), 8_000),
            (json!({"timeout": -1}), 8_000),
            (json!({"timeout": 0}), 100),
            (json!({"timeout": 100}), 60_000),
            (json!({"timeout": "x"}), 8_000),
            (json!([1]), 8_000),
            (Value::Null, 8_000),
        ] {
            assert_eq!(patience(&params), Duration::from_millis(wanted), "{params}");
        }
    }
}
