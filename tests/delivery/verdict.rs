//! What the sink's file says: every reading there, how many twice, and the sequence of each device without a gap.

use crate::kills::Plan;
use crate::roles::{METERS, NUMBER};
use obiscope::simulator::broker::read_sink;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

pub const HEADER: &str =
    "seed  readings  broker kills  process kills  missing  duplicates         most copies  seconds";

/// From so many readings on, 3 % is the bound whatever was killed.
const LONG: u64 = 20_000;

pub struct Verdict {
    seed: u64,
    readings: u64,
    broker_kills: u64,
    process_kills: u64,
    duplicates: u64,
    most: u64,
    took: Duration,
}

impl fmt::Display for Verdict {
    #[expect(clippy::cast_precision_loss, reason = "a share to two decimals")]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:>4}  {:>8}  {:>12}  {:>13}  {:>7}  {:>10} ({:.2} %)  {:>11}  {:>7.1}",
            self.seed,
            self.readings,
            self.broker_kills,
            self.process_kills,
            0,
            self.duplicates,
            100.0 * self.duplicates as f64 / self.readings as f64,
            self.most,
            self.took.as_secs_f64(),
        )
    }
}

pub fn judge(plan: &Plan, sink: &Path, progress: &Path, took: Duration) -> Verdict {
    let payloads = read_sink(sink).unwrap().into_iter().map(|it| it.payload);
    let (duplicates, most) = arrivals(payloads, plan.readings);
    nothing_forgotten(progress);
    Verdict::new(plan, plan.readings, duplicates, most, took)
}

impl Verdict {
    /// Fails where too many came twice.
    pub fn new(plan: &Plan, readings: u64, duplicates: u64, most: u64, took: Duration) -> Self {
        // In a short run a handful of kills weighs more: each may repeat a window and what was not yet out of the table.
        let kills = plan.broker_kills + plan.process_kills;
        let allowed = match readings * 3 / 100 {
            share if readings >= LONG => share,
            share => share.max(kills * 150),
        };
        assert!(
            duplicates < allowed,
            "{duplicates} of {readings} came twice"
        );
        Self {
            seed: plan.seed,
            readings,
            broker_kills: plan.broker_kills,
            process_kills: plan.process_kills,
            duplicates,
            most,
            took,
        }
    }
}

/// Checks that nothing is missing; how many came more than once, and the most copies of one.
pub fn arrivals(payloads: impl Iterator<Item = Vec<u8>>, readings: u64) -> (u64, u64) {
    // (device, seq) → (number, copies)
    let mut found: BTreeMap<(String, u64), (u64, u64)> = BTreeMap::new();
    for payload in payloads {
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        let device = payload["device_id"].as_str().unwrap().to_owned();
        let seq = payload["seq"].as_u64().unwrap();
        let number = payload["measurements"][NUMBER]["value"].as_u64().unwrap();
        let entry = found.entry((device, seq)).or_insert((number, 0));
        assert_eq!(entry.0, number, "one sequence number, two readings");
        entry.1 += 1;
    }
    let mut missing = Vec::new();
    for place in 0..METERS {
        for number in 1..=readings / METERS {
            // Committed together: the sequence counts as the readings do, without a gap.
            match found.get(&(format!("m{place}"), number)) {
                Some((told, _)) => assert_eq!(*told, number, "m{place}: the sequence has a gap"),
                None => missing.push((place, number)),
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} are missing: {missing:?}",
        missing.len()
    );
    assert_eq!(found.len() as u64, readings, "more than were read");
    let copies = found.values().map(|(_, copies)| *copies);
    let total: u64 = copies.clone().sum();
    (total - readings, copies.max().unwrap_or(0))
}

/// What one life had committed, the next one knows.
fn nothing_forgotten(progress: &Path) {
    let text = std::fs::read_to_string(progress).unwrap();
    let mut before: Vec<u64> = vec![0; usize::try_from(METERS).unwrap()];
    for line in text.lines() {
        let now: Vec<u64> = line
            .split(' ')
            .skip(1)
            .map(|number| number.parse().unwrap())
            .collect();
        for (before, now) in before.iter().zip(&now) {
            assert!(now >= before, "{line}: it had come to {before} already");
        }
        before = now;
    }
}
