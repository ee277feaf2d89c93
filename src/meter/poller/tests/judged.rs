//! What the values of simulated meters show: nothing where they are healthy, the cause where they are not, and nothing
//! again once it is mended.

use super::*;
use crate::meter::definition::Nominal;
use crate::meter::{PolledObject, judge};

const DAY: u64 = 24 * 60;

fn with_objects(mut definition: Definition, channel: u8) -> Definition {
    let more = [1, 13, 14, 21, 31, 32, 33, 41, 51, 52, 53, 61, 71, 72, 73]
        .map(|c| format!("1-{channel}:{c}.7.0.255"))
        .into_iter()
        .chain([
            format!("1-{channel}:1.8.0.255"),
            "8/0-0:1.0.0.255/2".to_owned(),
        ]);
    definition.objects = more
        .map(|spec| PolledObject::new(spec.parse().unwrap(), spec))
        .collect();
    definition.poll = Duration::from_mins(1);
    definition
}

fn nominal(voltage: f64, frequency: f64) -> Nominal {
    Nominal {
        voltage: Some(voltage),
        frequency: Some(frequency),
    }
}

fn field() -> Definition {
    let mut definition = with_objects(microstar("22222222"), 1);
    definition.nominal = nominal(131.0, 60.0);
    definition
}

/// The findings after so many polls, and that nothing was found before `from`.
async fn after(polls: u64, definition: Definition, profile: Profile) -> Vec<Finding> {
    let mut it = run_with(definition, profile);
    let mut read = 0;
    for _ in 0..polls {
        let poll = it.poll().await;
        read += poll.readings.iter().filter(|it| it.value.is_ok()).count();
        let found = it.status().findings;
        assert!(
            found.is_empty() || polls != DAY,
            "{found:?} after {:?}",
            poll.at
        );
    }
    assert!(read > 8 * usize::try_from(polls).unwrap(), "{read}");
    let polls = it.status().counters.polls;
    it.until(|s| s.counters.polls > polls).await;
    let found = it.status().findings.to_vec();
    it.order(Order::Shutdown).await;
    found
}

#[tokio::test(start_paused = true)]
async fn a_day_of_field_meters_is_left_alone() {
    for seed in [1, 4] {
        let found = after(DAY, field(), Profile::microstar(seed)).await;
        assert!(found.is_empty(), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_of_a_meter_by_the_book_is_left_alone() {
    let mut definition = Definition::new("m", "meter", 1);
    definition.server = "1/17".parse().unwrap();
    let mut definition = with_objects(definition, 0);
    definition.nominal = nominal(230.0, 50.0);
    let found = after(DAY, definition, Profile::generic(3)).await;
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_fast_polls_is_left_alone() {
    let mut definition = field();
    definition.poll = 5 * SECOND;
    definition.nominal = Nominal::default();
    let found = after(
        720,
        definition,
        Profile::microstar(9).delayed(Duration::from_millis(40)),
    );
    let found = found.await;
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn each_is_named() {
    let mut wrong_voltage = field();
    wrong_voltage.nominal.voltage = Some(230.0);
    let mut wrong_frequency = field();
    wrong_frequency.nominal.frequency = Some(50.0);
    let late = |seconds| {
        let mut profile = Profile::microstar(7);
        profile.clock_offset = jiff::SignedDuration::from_secs(seconds);
        profile
    };
    let sagging = {
        let mut profile = Profile::microstar(7);
        profile.supply.voltage = 9_000;
        profile
    };
    for (due, definition, profile) in [
        ("V1", wrong_voltage, Profile::microstar(7)),
        ("V1", field(), sagging),
        ("V2", wrong_frequency, Profile::microstar(7)),
        ("V7", field(), late(437)),
        ("X23", field(), late(3600)),
    ] {
        let found = after(4, definition, profile).await;
        let first = found.first().unwrap_or_else(|| panic!("{due}"));
        assert_eq!(first.id, due, "{found:?}");
        assert!(!first.evidence.is_empty() && !first.remedy.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_nominal_value_takes_the_finding_back() {
    let mut wrong = field();
    wrong.nominal.voltage = Some(230.0);
    let mut it = run(wrong);
    let status = it.until(|s| !s.findings.is_empty()).await;
    assert_eq!(status.findings[0].id, "V1");
    it.order(Order::Replace(Box::new(field()))).await;
    let status = it.until(|s| s.findings.is_empty()).await;
    assert_eq!(status.counters.reconnects, 0, "no new link for it");
    let merged = judge::merged(Vec::new(), status.findings.to_vec());
    assert!(merged.is_empty());
}
