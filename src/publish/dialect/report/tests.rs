//! What is told when: strategies over a day of readings, and exactness at the edges.

use super::super::tests::{gone, poll, reading};
use super::*;
use crate::cosem::{Obis, ObjectSpec};

fn objects(when: &str) -> Vec<PolledObject> {
    let spec = ObjectSpec::Value(Obis::new(1, 1, 32, 7, 0, 255));
    vec![PolledObject {
        report: when.parse().unwrap(),
        ..PolledObject::new(spec, "v")
    }]
}

fn whom() -> (i64, String) {
    (1, "m".to_owned())
}

fn at_second(second: i64, reading: Reading) -> Poll {
    let at = jiff::Timestamp::from_second(1_700_000_000 + second).unwrap();
    Poll {
        at,
        ..poll(vec![Reading { at, ..reading }])
    }
}

fn volts(second: i64, raw: i32) -> Poll {
    at_second(
        second,
        reading(32, "v", Ok(Data::DoubleLong(raw)), Some((-2, 35))),
    )
}

/// Which of these are told, when each is stored.
fn told(when: &str, polls: &[Poll]) -> Vec<usize> {
    let mut reported = Reported::default();
    let objects = objects(when);
    let each = polls.iter().enumerate().filter_map(|(number, poll)| {
        let chosen = reported.choose(&whom(), &objects, poll);
        let any = !chosen.readings.is_empty();
        assert!(chosen.readings.iter().all(|it| poll.readings.contains(it)));
        reported.settle(whom(), &objects, &chosen);
        any.then_some(number)
    });
    each.collect()
}

#[test]
fn each_strategy_tells_its_own() {
    let polls: Vec<_> = [
        (0, 13540),
        (5, 13540),
        (10, 13541),
        (15, 13580),
        (20, 13590),
        (25, 13591),
        (30, 13580),
        (600, 13580),
    ]
    .map(|(second, raw)| volts(second, raw))
    .into();
    assert_eq!(told("every", &polls), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(told("change", &polls), [0, 2, 3, 4, 5, 6]);
    // From what was told last, so that a slow creep is seen: 135.40, then 135.90.
    assert_eq!(told("change:0.5", &polls), [0, 4]);
    assert_eq!(told("change:0.51", &polls), [0, 5]);
    assert_eq!(told("10m", &polls), [0, 7]);
    assert_eq!(told("10s", &polls), [0, 2, 4, 6, 7]);
    assert_eq!(told("change:0.5,10s", &polls), [0, 2, 4, 6, 7]);
    assert_eq!(told("change:0.5,10m", &polls), [0, 4, 7]);
    // A percent of 135.40 is 1.354.
    assert_eq!(told("change:0.3%", &polls), [0, 4]);
    assert_eq!(told("change:1%", &polls), [0]);
}

#[test]
fn errors_are_told_when_they_come_and_go() {
    let failed = |second| at_second(second, reading(32, "v", gone(), None));
    let polls = [
        volts(0, 1),
        failed(1),
        failed(2),
        volts(3, 1),
        volts(4, 1),
        at_second(5, reading(32, "v", Ok(Data::Boolean(true)), None)),
    ];
    assert_eq!(told("change:5", &polls), [0, 1, 3, 5]);
    assert_eq!(told("10m", &polls), [0]);
}

#[test]
fn what_was_not_stored_was_not_told() {
    let mut reported = Reported::default();
    let objects = objects("change");
    let first = volts(0, 1);
    for _ in 0..3 {
        // The disk is full: nothing is settled.
        assert_eq!(reported.choose(&whom(), &objects, &first), first);
    }
    reported.settle(whom(), &objects, &first);
    assert!(
        reported
            .choose(&whom(), &objects, &volts(1, 1))
            .readings
            .is_empty()
    );
    // Another broker, or another device there, knows nothing of it.
    for other in [(2, "m".to_owned()), (1, "n".to_owned())] {
        assert_eq!(
            reported
                .choose(&other, &objects, &volts(1, 1))
                .readings
                .len(),
            1
        );
    }
    reported.settle((2, "m".to_owned()), &objects, &volts(1, 1));
    assert_eq!(
        reported
            .choose(&whom(), &objects, &volts(2, 1))
            .readings
            .len(),
        1
    );
}

#[test]
fn a_clock_put_back_does_not_silence() {
    let polls = [volts(10_000, 1), volts(10_001, 1), volts(0, 1), volts(1, 1)];
    assert_eq!(told("10m", &polls), [0, 2]);
}

#[test]
fn edges_are_exact() {
    let number = |raw, scaler| Decimal::new(raw, scaler);
    let by = |text: &str| text.parse::<Report>().unwrap().change.unwrap();
    // 0.1 + 0.2 is 0.3 here.
    assert!(moved(by("change:0.3"), number(0, 0), number(3, -1)));
    assert!(!moved(
        by("change:0.3"),
        number(0, 0),
        number(2_999_999_999, -10)
    ));
    // The same number by another scaler.
    assert!(!moved(by("change"), number(1_000, -3), number(1, 0)));
    assert!(moved(by("change"), number(1_001, -3), number(1, 0)));
    assert!(moved(by("change:10%"), number(-100, 0), number(-110, 0)));
    assert!(!moved(by("change:10%"), number(-100, 0), number(-109, 0)));
    // Of nothing everything is more than a percent.
    assert!(moved(by("change:1%"), number(0, 0), number(1, -9)));
    // Too large to calculate with: told rather than kept back.
    assert!(moved(
        by("change:1"),
        number(i128::MIN, 0),
        number(i128::MAX, 0)
    ));
    assert!(moved(by("change:1"), number(1, 127), number(1, -128)));
    assert!(moved(by("change:1%"), number(i128::MIN, 0), number(0, 0)));
}
