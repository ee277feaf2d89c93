//! One connection, from CONNECT to its end. Everything in it is thrown away with it; the table remembers.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::calls;
use super::connection::{self, MAX_PACKET, OFFLINE, ONLINE};
use super::dialect;
use super::drain::{Control, Drain};
use super::incoming;
use super::line::{Client, Heard, Line};
use super::pump::Pump;
use super::status::Cause;
use super::words::Trouble;
use crate::store::{Kind, Message};

pub(super) enum End {
    Stopped,
    Paused,
    /// Connect anew at once: a person said so.
    Again,
    Lost(Trouble),
}

/// What the broker agreed to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreed {
    /// Messages under way at once.
    pub width: usize,
    /// Octets of the largest packet.
    pub most: usize,
}

/// A broker that lets us in answers SUBSCRIBE at once, or something is wrong with it.
const SUBSCRIBED: Duration = Duration::from_secs(10);
/// Messages that may come before that; as many requests as are carried out at once, and some news.
const EARLY: usize = 64;

pub(super) async fn run(drain: &mut Drain) -> End {
    let client_id = drain.broker.client_id.clone();
    let stop = drain.stop.clone();
    let opened = tokio::select! {
        biased;
        () = stop.cancelled() => return End::Stopped,
        opened = open(drain, &client_id) => opened,
    };
    let mut line = match opened {
        Ok(client) => Line::new(client, drain.broker.clone()),
        Err(what) => return End::Lost(Trouble::lasting(Cause::Refused, what)),
    };
    let answer = loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return End::Stopped,
            answer = line.events.recv() => break answer,
            // Whoever keeps us waiting does not keep a person waiting.
            Some(control) = drain.controls.recv() => if let Some(end) = told(drain, control) {
                return end;
            },
        }
    };
    let agreed = match answer {
        Some(Ok(Heard::Connected { receive_max, most })) => Agreed {
            width: usize::from(
                drain
                    .broker
                    .window
                    .min(receive_max.unwrap_or(u16::MAX))
                    .max(1),
            ),
            most: most.unwrap_or(MAX_PACKET).min(MAX_PACKET),
        },
        Some(Err(trouble)) => return End::Lost(trouble),
        Some(Ok(_)) | None => return End::Lost(Trouble::given_up()),
    };
    let end = match subscribe(drain, &mut line).await {
        Ok(early) => serve(drain, &mut line, agreed, early).await,
        Err(end) => end,
    };
    if !matches!(end, End::Lost(_)) {
        if let Some(topic) = &drain.broker.status_topic {
            // A proper DISCONNECT keeps the last will from being sent.
            let _ = line.publish(status(topic, OFFLINE));
        }
        say_goodbye(&mut line).await;
    }
    end
}

/// What a person tells us while we wait for the broker; what it ends, if anything.
fn told(drain: &mut Drain, control: Control) -> Option<End> {
    match control {
        Control::Pause => Some(End::Paused),
        Control::Replace(broker) => {
            drain.replace(*broker);
            Some(End::Again)
        }
        Control::Resume | Control::Flush | Control::Reconnect => None,
    }
}

async fn serve(drain: &mut Drain, line: &mut Line, agreed: Agreed, early: Vec<Heard>) -> End {
    drain.connected();
    drain.count().await;
    let mut pump = Pump::new(agreed);
    // Who asked on the last connection is gone, and on this one its number may be another's.
    while drain.answers.1.try_recv().is_ok() {}
    if drain.broker.dialect.is_thingsboard() {
        pump.ask(calls::limits_question());
        drain.gate.asked(Instant::now());
    } else {
        drain.gate.open();
    }
    pump.greet(greeting(drain));
    pump.heard(drain, early);
    pump.run(drain, line).await
}

async fn open(drain: &Drain, client_id: &str) -> Result<Client, String> {
    match &drain.dial {
        Some(dial) => Ok(Client::Given(dial.dial(&drain.broker, client_id))),
        None => connection::open(&drain.broker, client_id).await,
    }
}

fn status(topic: &str, words: &str) -> Message {
    Message {
        retain: true,
        ..Message::new(Kind::Lifecycle, topic, words)
    }
}

/// What goes out first on every connection: a platform keeps nothing of the last one.
fn greeting(drain: &Drain) -> Vec<Message> {
    let mut first: Vec<Message> = (drain.broker.status_topic.iter())
        .map(|topic| status(topic, ONLINE))
        .collect();
    first.extend(dialect::greeting(&drain.broker, &drain.roster.borrow()));
    first
}

/// What the broker sends before it answers is heard too: it may deliver as soon as it has our SUBSCRIBE.
async fn subscribe(drain: &mut Drain, line: &mut Line) -> Result<Vec<Heard>, End> {
    let mut early = Vec::new();
    let filters = incoming::subscriptions(&drain.broker);
    if filters.is_empty() {
        return Ok(early);
    }
    if line.subscribe(&filters).is_err() {
        return Err(End::Lost(Trouble::given_up()));
    }
    let stop = drain.stop.clone();
    let until = Instant::now() + SUBSCRIBED;
    loop {
        let heard = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(End::Stopped),
            heard = timeout_at(until, line.events.recv()) => heard,
            Some(control) = drain.controls.recv() => match told(drain, control) {
                Some(end) => return Err(end),
                None => continue,
            },
        };
        match heard {
            Ok(Some(Ok(Heard::Subscribed { refused }))) => {
                if refused > 0 {
                    drain.error(format!(
                        "{} refuses {refused} of {} subscriptions: what the platform asks there is not heard",
                        drain.broker.endpoint(),
                        filters.len()
                    ));
                }
                return Ok(early);
            }
            Ok(Some(Ok(said @ Heard::Message { .. }))) if early.len() < EARLY => early.push(said),
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(trouble))) => return Err(End::Lost(trouble)),
            Ok(None) => return Err(End::Lost(Trouble::given_up())),
            Err(_) => {
                return Err(End::Lost(Trouble::passing(
                    Cause::NoAcknowledgement,
                    format!("{} did not answer SUBSCRIBE", drain.broker.endpoint()),
                )));
            }
        }
    }
}

pub(super) async fn say_goodbye(line: &mut Line) {
    if line.disconnect().is_ok() {
        let gone = async { while line.events.recv().await.is_some() {} };
        drop(timeout(Duration::from_secs(1), gone).await);
    }
}
