//! Each implausible value is named; a household's day is not.
use super::*;

fn sample(obis: &str, raw: i128, scaler: i8, unit: u8, at: Millis) -> Sample {
    Sample {
        obis: obis.parse().unwrap(),
        value: Decimal::new(raw, scaler),
        unit: Some(Unit(unit)),
        at,
    }
}

fn first(samples: &[Sample]) -> Option<&'static str> {
    let mut plausible = Plausible::new(Expected {
        voltage: Some(230.0),
        frequency: Some(50.0),
    });
    for sample in samples {
        plausible.observe(sample);
    }
    plausible.findings().first().map(|finding| finding.id)
}

#[test]
fn each_is_named() {
    let u = |raw, at| sample("1-0:32.7.0.255", raw, -1, 35, at);
    let i = |raw| sample("1-0:31.7.0.255", raw, -2, 33, 0);
    let p = |raw| sample("1-0:21.7.0.255", raw, 0, 27, 0);
    let energy = |raw, at| sample("1-0:1.8.0.255", raw, 0, 30, at);
    let total = |raw, at| sample("1-0:1.7.0.255", raw, 0, 27, at);
    for (due, samples) in [
        ("V1", vec![u(1500, 0)]),
        ("X19", vec![u(23000, 0)]),
        ("X22", vec![u(0, 0)]),
        ("X22", vec![sample("1-0:14.7.0.255", 0, -2, 44, 0)]),
        ("X19", vec![sample("1-0:14.7.0.255", 5001, 0, 44, 0)]),
        ("V2", vec![sample("1-0:14.7.0.255", 5300, -2, 44, 0)]),
        ("X22", vec![sample("1-0:13.7.0.255", 130, -2, 255, 0)]),
        (
            "X19",
            vec![
                u(2300, 0),
                i(500),
                p(11_500),
                sample("1-0:33.7.0.255", 100, -2, 255, 0),
            ],
        ),
        (
            "V3",
            vec![
                u(2300, 0),
                i(500),
                p(400),
                sample("1-0:33.7.0.255", 95, -2, 255, 0),
            ],
        ),
        ("V3", vec![u(2300, 0), i(500), p(1600)]),
        (
            "V4",
            vec![
                p(500),
                sample("1-0:41.7.0.255", 500, 0, 27, 0),
                sample("1-0:61.7.0.255", 500, 0, 27, 0),
                total(900, 0),
            ],
        ),
        (
            "V5",
            (0..20)
                .flat_map(|n| [total(1000, n * 60_000), energy(5000, n * 60_000)])
                .collect(),
        ),
        ("V6", vec![energy(5000, 0), energy(4999, 1000)]),
        (
            "V8",
            vec![u(2300, 0), sample("1-0:32.7.0.255", 23000, -2, 35, 1000)],
        ),
        ("V9", vec![sample("1-0:32.7.0.255", 2300, -1, 32, 0)]),
        ("X21", vec![sample("1-0:1.8.0.255", 0xFFFF_FFFF, 0, 30, 0)]),
        ("X21", vec![sample("1-0:31.7.0.255", 0x7FFF, -2, 33, 0)]),
    ] {
        assert_eq!(first(&samples), Some(due), "{samples:?}");
    }
}

#[test]
fn the_power_nobody_looked_at_is_seen() {
    // 136 V, 1.3 A and 0.6 W, as a meter with its current transformer on the wrong wire gave for weeks.
    let samples = [
        sample("1-1:32.7.0.255", 13600, -2, 35, 0),
        sample("1-1:31.7.0.255", 1302, -3, 33, 0),
        sample("1-1:1.7.0.255", 6, -1, 27, 0),
    ];
    let mut plausible = Plausible::new(Expected::default());
    for sample in &samples {
        plausible.observe(sample);
    }
    let found = plausible.findings();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].id, found[0].confidence),
        ("V3", Confidence::Possible)
    );
}

#[test]
fn a_household_is_left_alone() {
    let mut plausible = Plausible::new(Expected {
        voltage: Some(230.0),
        frequency: Some(50.0),
    });
    let mut energy: i128 = 56_281_000;
    for minute in 0..600_i128 {
        let at = Millis::try_from(minute).unwrap() * 60_000;
        let current = 100 + minute % 37 * 11;
        let volts = 2300 + minute % 23;
        let watts = volts * current * 95 / 100_000;
        // In thousandths of a watt-hour, shown in whole ones.
        energy += watts * 1000 / 60;
        for sample in [
            sample("1-0:32.7.0.255", volts, -1, 35, at),
            sample("1-0:31.7.0.255", current, -2, 33, at),
            sample("1-0:14.7.0.255", 4998 + minute % 5, -2, 44, at),
            sample("1-0:13.7.0.255", 95, -2, 255, at),
            sample("1-0:1.7.0.255", watts, 0, 27, at),
            sample("1-0:1.8.0.255", energy / 1000, 0, 30, at),
        ] {
            plausible.observe(&sample);
        }
    }
    let found = plausible.findings();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn clocks() {
    // 2002-12-04 10:06:11, deviation -120 minutes: 08:06:11 UTC.
    let clock = |deviation: i16, status: u8| {
        let [high, low] = deviation.to_be_bytes();
        crate::cosem::DateTime {
            raw: [0x07, 0xD2, 12, 4, 3, 10, 6, 11, 0xFF, high, low, status],
        }
    };
    let utc: Millis = 1_038_989_171_000;
    for (due, clock, at) in [
        (None, clock(-120, 0), utc),
        (Some("V7"), clock(-120, 0), utc + 400_000),
        (Some("X23"), clock(120, 0), utc),
        (Some("X23"), clock(-60, 0), utc),
        (Some("X23"), clock(i16::MIN, 0), utc),
        (Some("X23"), clock(-120, 1), utc),
    ] {
        let mut plausible = Plausible::default();
        plausible.clock(&clock, at);
        assert_eq!(plausible.findings().first().map(|f| f.id), due, "{clock:?}");
    }
}
