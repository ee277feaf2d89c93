//! Whether another client pushes us out, from the history of the connection. Pure. The rule: what recurs in its own rhythm
//! while the broker stays reachable is a twin; a broker that goes away and comes back is none.

use std::time::Duration;

use jiff::Timestamp;

use super::status::{Cause, Happening};
use crate::store::BrokerDefinition;

/// A connection shorter than this ended over what was sent on it, not over someone else's CONNECT.
const SHORTEST: Duration = Duration::from_millis(300);
/// One that held longer was no kick of a regular war.
const BRIEF: Duration = Duration::from_mins(2);
/// Drops in a row that make a rhythm.
const RHYTHM: usize = 3;
/// First and longest pause while it is pushed out by its name.
const PAUSE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(5));

/// How the connection was lost again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kicks {
    /// In a row, up to now.
    pub count: usize,
    /// How long the connections held.
    pub held: Vec<Duration>,
    /// The broker said so itself.
    pub said: bool,
    pub last: Timestamp,
}

/// None: nothing looks like it.
pub(super) fn kicks(history: &[Happening]) -> Option<Kicks> {
    let mut held = Vec::new();
    let mut said = false;
    let mut last = None;
    // From the newest on: each loss right after a connection, each connection right after a loss.
    let mut rest = history;
    if let Some((newest, before)) = rest.split_last()
        && newest.cause == Cause::Connected
    {
        rest = before;
    }
    while let [before @ .., began, ended] = rest {
        let Ok(long) = Duration::try_from(ended.at.duration_since(began.at)) else {
            break;
        };
        let by_name = ended.cause == Cause::TakenOver;
        // A broker of MQTT 5 that says why it closed had another reason.
        let silent = ended.cause == Cause::Closed && !ended.what.contains("(0x");
        let brief = (SHORTEST..=BRIEF).contains(&long);
        if began.cause != Cause::Connected || !(by_name || silent && brief) {
            break;
        }
        if silent && !regular(&held, long) {
            break;
        }
        said |= by_name;
        last = last.or(Some(ended.at));
        held.push(long);
        rest = before;
    }
    held.reverse();
    let count = held.len();
    (said || count >= RHYTHM).then_some(Kicks {
        count,
        held,
        said,
        last: last?,
    })
}

/// Whether one more is in the rhythm of the others: within a fifth of them, or half a second.
fn regular(held: &[Duration], more: Duration) -> bool {
    let Some((shortest, longest)) = held.iter().min().zip(held.iter().max()) else {
        return true;
    };
    let (low, high) = (more.min(*shortest), more.max(*longest));
    high.saturating_sub(low) <= (high / 5).max(Duration::from_millis(500))
}

impl Kicks {
    /// Longer each time, so that two that push each other out do not do so all day.
    pub fn pause(&self) -> Duration {
        let doublings = u32::try_from(self.count.saturating_sub(1))
            .unwrap_or(8)
            .min(8);
        (PAUSE.0 * 2_u32.pow(doublings)).min(PAUSE.1)
    }
}

/// Other brokers in our own database that would push this one out, by name.
pub(super) fn twins(broker: &BrokerDefinition, all: &[BrokerDefinition]) -> Vec<String> {
    let same_place = |other: &&BrokerDefinition| {
        other.id != broker.id
            && other.port == broker.port
            && other.host.eq_ignore_ascii_case(&broker.host)
    };
    let same_name = |other: &&BrokerDefinition| {
        let token = broker.token.is_some() && broker.token == other.token;
        let user =
            broker.dialect.is_thingsboard() && broker.user.is_some() && broker.user == other.user;
        token || user || broker.client_id == other.client_id
    };
    (all.iter().filter(same_place).filter(same_name))
        .map(|other| other.name.clone())
        .collect()
}

#[cfg(test)]
mod tests;
