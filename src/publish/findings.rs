//! What is wrong between us and a broker, by name: the table of publishing diagnoses. Pure. The rule: each says what it rests
//! on and what to do, and goes when what it rests on is over.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::status::{Cause, Happening};
use super::takeover::Kicks;
use crate::cosem::data::printable;
use crate::diagnosis::{Confidence, Diagnosis, Evidence, Finding};
use crate::store::{BrokerDefinition, Dialect, QueueDepth};

const P1: Diagnosis = Diagnosis {
    id: "P1",
    title: "Another client has our token or client id: the two push each other out",
    remedy: &[
        "find the twin: another obiscope, a gateway or a script with the same token or client id, and stop one of them",
        "give each its own: a device of its own in ThingsBoard (one connection per token), or another client id",
        "nobody to be found: set a new token in the platform and here with `obiscope broker edit NAME --token-env VAR`",
    ],
    specific: 8,
};

const P2: Diagnosis = Diagnosis {
    id: "P2",
    title: "The broker does not accept the token, or user and password",
    remedy: &[
        "copy the token from the device's page in the platform and set it with `obiscope broker edit NAME --token-env VAR`",
        "for a plain broker check user and password, and what its access list allows them",
        "the device may have been deleted in the platform, or its credentials changed",
    ],
    specific: 8,
};

const P3: Diagnosis = Diagnosis {
    id: "P3",
    title: "Gateway messages are not acknowledged: \"Is gateway\" is not ticked on the token's device",
    remedy: &[
        "in ThingsBoard open the device of this token, tick \"Is gateway\" and save; then reconnect",
        "or use the token of a device that is a gateway",
        "or choose the dialect thingsboard, with a token and a broker for each meter",
    ],
    specific: 9,
};

const P4: Diagnosis = Diagnosis {
    id: "P4",
    title: "The platform's rate limit holds us back",
    remedy: &[
        "let meters be polled less often, or report values on change only",
        "raise the limits in the tenant's profile (Rate limits), for devices behind a gateway those of gateways",
        "nothing is lost: what waits goes out as fast as the platform takes it",
    ],
    specific: 6,
};

/// The id of what says that a queue is full, or nearly.
pub const QUEUE_FULL: &str = "P5";

const P5: Diagnosis = Diagnosis {
    id: QUEUE_FULL,
    title: "The queue is full: the oldest readings are dropped unsent",
    remedy: &[
        "bring the connection back: what waits is then sent",
        "raise the limits of the queue with `obiscope broker edit NAME`, or let meters be polled less often",
    ],
    specific: 7,
};

const P6: Diagnosis = Diagnosis {
    id: "P6",
    title: "The broker acknowledges too slowly: as many messages as may be are under way",
    remedy: &[
        "look at the broker's load and at the way to it (ack latency)",
        "a larger window lets more messages be under way at once, if the broker allows it",
    ],
    specific: 4,
};

const P7: Diagnosis = Diagnosis {
    id: "P7",
    title: "The payload says no time: after an outage all values would bear the time they arrived",
    remedy: &[
        "put a placeholder for the time into the payload's template",
        "for ThingsBoard the shape is {\"ts\":MILLISECONDS,\"values\":{…}}",
    ],
    specific: 5,
};

const P8: Diagnosis = Diagnosis {
    id: "P8",
    title: "Messages were given up on: the broker will not take them as they are",
    remedy: &[
        "look at them and at the reason of each: `obiscope mqtt dead NAME`",
        "once what was wrong is mended send them again with `obiscope mqtt dead NAME --retry`; the receiver has a gap until then",
        "or throw them away with `--empty`",
    ],
    specific: 3,
};

/// Share of a limit from which on a person is told.
const NEARLY: u64 = 80;
/// What is older than this is no news, unless it lasts.
const RECENT: SignedDuration = SignedDuration::from_mins(10);
/// Being held back or waiting for acknowledgements less long than this is daily business.
const LASTING: Duration = Duration::from_secs(10);

/// What is known of one broker.
pub(super) struct Seen<'a> {
    pub broker: &'a BrokerDefinition,
    pub now: Timestamp,
    pub history: &'a [Happening],
    pub kicks: Option<Kicks>,
    /// Brokers in our own database that would push this one out.
    pub twins: &'a [String],
    pub depth: QueueDepth,
    /// Messages dropped by the limits since the program started.
    pub dropped: u64,
    /// When last a message of the table was acknowledged.
    pub acknowledged: Option<Timestamp>,
    /// The platform's limits in words.
    pub limits: Option<String>,
    /// For how long the limits have held messages back.
    pub held_back: Duration,
    /// For how long as many as may be have been under way.
    pub full: Duration,
    pub window: usize,
}

/// Likeliest first.
pub(super) fn find(seen: &Seen<'_>) -> Vec<Finding> {
    let found = [
        takeover(seen),
        credentials(seen),
        no_gateway(seen),
        rate(seen),
        queue(seen),
        window(seen),
        no_time(seen),
        given_up(seen),
    ];
    let mut found: Vec<(u8, Finding)> = found.into_iter().flatten().collect();
    found.sort_by(|(a, one), (b, other)| {
        (other.confidence, b)
            .cmp(&(one.confidence, a))
            .then(one.id.cmp(other.id))
    });
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn named(
    diagnosis: &'static Diagnosis,
    confidence: Confidence,
    evidence: Vec<String>,
    count: u64,
) -> (u8, Finding) {
    let finding = Finding {
        id: diagnosis.id,
        title: diagnosis.title.to_owned(),
        confidence,
        evidence: evidence.into_iter().map(Evidence::words).collect(),
        remedy: diagnosis.remedy.iter().map(|it| (*it).to_owned()).collect(),
        count,
    };
    (diagnosis.specific, finding)
}

type Found = Option<(u8, Finding)>;

fn recent(seen: &Seen<'_>, at: Timestamp) -> bool {
    seen.now.duration_since(at) <= RECENT
}

/// The last loss, and whether it is what keeps us away or was just now.
fn last_loss<'a>(seen: &Seen<'a>) -> Option<&'a Happening> {
    seen.history
        .iter()
        .rev()
        .find(|it| it.cause != Cause::Connected)
}

fn takeover(seen: &Seen<'_>) -> Found {
    let kicks = seen.kicks.as_ref().filter(|kicks| recent(seen, kicks.last));
    if kicks.is_none() && seen.twins.is_empty() {
        return None;
    }
    let mut evidence = Vec::new();
    let mut confidence = Confidence::Likely;
    if let Some(kicks) = kicks {
        let times: Vec<String> = (kicks.held.iter().rev().take(5).rev())
            .map(|held| format!("{:.1} s", held.as_secs_f64()))
            .collect();
        let times = times.join(", ");
        if kicks.said {
            confidence = Confidence::Certain;
            evidence.push(format!(
                "the broker said that another client took our place (SESSION_TAKEN_OVER), {} in a row; connections held {times}",
                kicks.count
            ));
        } else {
            evidence.push(format!(
                "{} connections in a row ended without a word after {times}, and each time the broker took us again at once",
                kicks.count
            ));
        }
    }
    for twin in seen.twins.iter().take(3) {
        if kicks.is_some() {
            confidence = Confidence::Certain;
        }
        evidence.push(format!(
            "broker {} in our own database goes to the same place with the same token or client id",
            printable(twin)
        ));
    }
    let count = kicks.map_or(1, |kicks| kicks.count as u64);
    let (specific, mut finding) = named(&P1, confidence, evidence, count);
    if let Some(twin) = seen.twins.first() {
        let words = format!(
            "let all meters publish to one of {} and {}, or give each a token of its own",
            printable(&seen.broker.name),
            printable(twin)
        );
        finding.remedy.insert(0, words);
    }
    Some((specific, finding))
}

fn credentials(seen: &Seen<'_>) -> Found {
    let last = seen.history.last()?;
    let codes = ["CONNACK 4", "CONNACK 5", "CONNACK 0x86", "CONNACK 0x87"];
    let refused = last.cause == Cause::Refused && codes.iter().any(|it| last.what.contains(it));
    let since = (seen.history.iter().rev())
        .take_while(|it| it.cause == Cause::Refused)
        .count();
    refused.then(|| {
        named(
            &P2,
            Confidence::Certain,
            vec![last.what.clone()],
            since as u64,
        )
    })
}

fn no_gateway(seen: &Seen<'_>) -> Found {
    if seen.broker.dialect != Dialect::ThingsBoardGateway {
        return None;
    }
    let silent =
        |it: &&Happening| it.cause == Cause::NoAcknowledgement && it.what.contains("v1/gateway/");
    let last = seen.history.iter().rev().find(silent)?;
    if seen.acknowledged.is_some_and(|at| at > last.at) {
        return None;
    }
    let count = seen.history.iter().filter(silent).count() as u64;
    let confidence = if count > 1 {
        Confidence::Certain
    } else {
        Confidence::Likely
    };
    let evidence = vec![
        last.what.clone(),
        "a ThingsBoard leaves v1/gateway/… of a token that is no gateway unanswered, and keeps the connection"
            .to_owned(),
    ];
    Some(named(&P3, confidence, evidence, count))
}

fn rate(seen: &Seen<'_>) -> Found {
    let refused: Vec<&Happening> = (seen.history.iter())
        .filter(|it| it.cause == Cause::Quota && recent(seen, it.at))
        .collect();
    let limits = seen.limits.clone().unwrap_or_default();
    if let Some(last) = refused.last() {
        let mut evidence = vec![last.what.clone()];
        if !limits.is_empty() {
            evidence.push(format!("limits it told: {limits}"));
        }
        return Some(named(
            &P4,
            Confidence::Certain,
            evidence,
            refused.len() as u64,
        ));
    }
    (seen.held_back >= LASTING && seen.depth.waiting > 0).then(|| {
        let evidence = vec![
            format!(
                "{} wait while we keep to 80 % of its limits: {limits}",
                messages(seen.depth.waiting)
            ),
            format!("held back for {} s now", seen.held_back.as_secs()),
        ];
        named(&P4, Confidence::Certain, evidence, 1)
    })
}

/// Before it bites and when it does.
fn queue(seen: &Seen<'_>) -> Found {
    let (limits, depth) = (&seen.broker.limits, &seen.depth);
    let share = |held: u64, most: u64| {
        let share = u128::from(held) * 100 / u128::from(most.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    };
    let mut evidence = Vec::new();
    let mut fullest = 0;
    for (held, most, what) in [
        (depth.waiting, limits.rows, "messages"),
        (depth.bytes, limits.bytes, "bytes"),
    ] {
        let full = share(held, most);
        fullest = fullest.max(full);
        if full >= NEARLY {
            evidence.push(format!("{held} of {most} {what} ({full} %)"));
        }
    }
    if let (Some(age), Some(oldest)) = (limits.age, depth.oldest) {
        let old = Duration::try_from(seen.now.duration_since(oldest)).unwrap_or_default();
        let full = share(old.as_secs(), age.as_secs());
        fullest = fullest.max(full);
        if full >= NEARLY {
            evidence.push(format!(
                "the oldest waits for {} s, and after {} s it is dropped",
                old.as_secs(),
                age.as_secs()
            ));
        }
    }
    if evidence.is_empty() {
        return None;
    }
    if seen.dropped > 0 {
        evidence.insert(0, format!("{} dropped unsent", messages(seen.dropped)));
    }
    let bites = seen.dropped > 0 || fullest >= 100;
    let (specific, mut finding) = named(&P5, Confidence::Certain, evidence, seen.dropped.max(1));
    if !bites {
        "The queue is nearly full: soon the oldest readings will be dropped unsent"
            .clone_into(&mut finding.title);
    }
    if let Some(last) = last_loss(seen).filter(|_| !connected(seen)) {
        finding.evidence.push(Evidence::words(last.what.clone()));
    }
    Some((specific, finding))
}

fn connected(seen: &Seen<'_>) -> bool {
    seen.history
        .last()
        .is_some_and(|it| it.cause == Cause::Connected)
}

fn window(seen: &Seen<'_>) -> Found {
    let more = seen.depth.waiting > seen.window as u64;
    (seen.full >= LASTING && more && connected(seen)).then(|| {
        let evidence = vec![format!(
            "{} under way for {} s, {} wait behind",
            messages(seen.window as u64),
            seen.full.as_secs(),
            seen.depth.waiting
        )];
        named(&P6, Confidence::Likely, evidence, 1)
    })
}

fn no_time(seen: &Seen<'_>) -> Found {
    let payload = seen.broker.payload.as_deref()?;
    if seen.broker.dialect != Dialect::Template || says_a_time(payload) {
        return None;
    }
    let cut: String = payload.chars().take(80).collect();
    let evidence = vec![format!("the template is {}", printable(&cut))];
    Some(named(&P7, Confidence::Likely, evidence, 1))
}

/// For as long as they are there to be looked at.
fn given_up(seen: &Seen<'_>) -> Found {
    let dead = seen.depth.dead;
    (dead > 0).then(|| {
        let were = if dead == 1 { "was" } else { "were" };
        let mut evidence = vec![format!(
            "{} {were} given up on and can be looked at",
            messages(dead)
        )];
        if seen.depth.rejected > dead {
            evidence.push(format!("{} ever", messages(seen.depth.rejected)));
        }
        named(&P8, Confidence::Certain, evidence, dead)
    })
}

/// Any placeholder of a time.
fn says_a_time(template: &str) -> bool {
    template.split('{').skip(1).any(|part| {
        let name = part.split(['}', ':', '.']).next().unwrap_or_default();
        let name = name.trim();
        name == "ts" || name == "at" || name.contains("time") || name.starts_with("ts_")
    })
}

fn messages(count: u64) -> String {
    match count {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    }
}

#[cfg(test)]
mod tests;
