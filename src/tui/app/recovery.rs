//! What keeps a meter read, in words: the breaker, what rests, what was done so far. The rule: nothing is said as long as
//! nothing had to be done.

use super::words;
use crate::cosem::data::printable;
use crate::meter::MeterStatus;
use crate::meter::recovery::{Breaker, Cause, Level};
use std::time::Instant;

/// The breaker and what rests: what a person should see at once.
pub fn pauses(status: &MeterStatus, now: Instant) -> Vec<String> {
    let recovery = &status.recovery;
    let left = |until: tokio::time::Instant| {
        let left = until.into_std().saturating_duration_since(now);
        if left.is_zero() {
            "now".to_owned()
        } else {
            format!("in {}", words::clock(left))
        }
    };
    let mut said = Vec::new();
    match recovery.breaker {
        Breaker::Closed => {}
        Breaker::Open { until } => said.push(format!(
            "breaker open: too many reconnects; one try {}",
            left(until)
        )),
        Breaker::HalfOpen => said.push("breaker half-open: this try decides".to_owned()),
    }
    for resting in &*recovery.resting {
        said.push(format!(
            "{} rests, asked again {}: {}",
            printable(&resting.key),
            left(resting.next),
            printable(&resting.why)
        ));
    }
    said
}

/// What each level did, once a new connection was needed.
pub fn done(status: &MeterStatus) -> Option<String> {
    let recovery = &status.recovery;
    let causes: Vec<_> = (Cause::ALL.into_iter())
        .filter(|cause| recovery.reconnects(*cause) > 0)
        .map(|cause| format!("{} {}", cause.word(), recovery.reconnects(cause)))
        .collect();
    if causes.is_empty() {
        return None;
    }
    let levels = Level::ALL.map(|level| (level, status.acted(level)));
    let levels: Vec<_> = (levels.iter().filter(|(_, acted)| *acted > 0))
        .map(|(level, acted)| format!("{} {acted}", level.word()))
        .collect();
    Some(format!("{} ({})", levels.join(", "), causes.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::ObjectSpec;
    use crate::meter::recovery::Resting;
    use std::time::Duration;

    #[test]
    fn nothing_is_said_of_a_meter_that_needed_nothing() {
        let now = tokio::time::Instant::now();
        let status = MeterStatus::new(now, 0);
        assert!(pauses(&status, now.into_std()).is_empty() && done(&status).is_none());
    }

    #[test]
    fn the_breaker_what_rests_and_the_causes_are_named() {
        let now = tokio::time::Instant::now();
        let mut status = MeterStatus::new(now, 0);
        status.counters.resyncs = 2;
        status.recovery.breaker = Breaker::Open {
            until: now + Duration::from_secs(134),
        };
        let spec = ObjectSpec::Value(crate::cosem::Obis::new(1, 1, 14, 7, 0, 255));
        let resting = Resting {
            spec,
            key: "frequency".to_owned(),
            since: now,
            why: "object-\u{1b}undefined".to_owned(),
            next: now,
            times: 1,
        };
        status.recovery.resting = [resting].into();
        status.recovery.count(Cause::NoAnswer);
        status.recovery.count(Cause::Person);
        let said = pauses(&status, now.into_std());
        assert_eq!(
            said[0],
            "breaker open: too many reconnects; one try in 2 m 14 s"
        );
        assert!(said[1].starts_with("frequency rests, asked again now: object-"));
        assert!(!said[1].contains('\u{1b}'));
        assert_eq!(
            done(&status).unwrap(),
            "resync 2, reconnect 2 (no answer 1, person 1)"
        );
    }
}
