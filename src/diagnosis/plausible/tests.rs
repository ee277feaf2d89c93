//! Each implausible value is named, and forgotten when it is mended; a household's day is not.

use super::*;
use crate::diagnosis::Confidence;

const MINUTE: Millis = 60_000;

fn sample(obis: &str, raw: i128, scaler: i8, unit: u8, at: Millis) -> Sample {
    Sample {
        obis: obis.parse().unwrap(),
        value: Decimal::new(raw, scaler),
        scaler,
        unit: Some(Unit(unit)),
        at,
    }
}

fn low_voltage() -> Expected {
    Expected {
        voltage: Some(230.0),
        frequency: Some(50.0),
    }
}

/// The cycle as it is, three times in a row.
fn thrice(expected: Expected, samples: &[Sample]) -> Plausible {
    let mut plausible = Plausible::new(expected);
    for n in 0..3 {
        let cycle: Vec<_> = samples
            .iter()
            .map(|it| Sample {
                at: it.at + n * MINUTE,
                ..*it
            })
            .collect();
        plausible.cycle(&cycle);
    }
    plausible
}

fn first(samples: &[Sample]) -> Option<&'static str> {
    let found = thrice(low_voltage(), samples).findings();
    found.first().map(|finding| finding.id)
}

fn volts(c: u8, tenths: i128) -> Sample {
    sample(&format!("1-0:{c}.7.0.255"), tenths, -1, 35, 0)
}

fn amperes(c: u8, hundredths: i128) -> Sample {
    sample(&format!("1-0:{c}.7.0.255"), hundredths, -2, 33, 0)
}

fn watts(c: u8, watts: i128) -> Sample {
    sample(&format!("1-0:{c}.7.0.255"), watts, 0, 27, 0)
}

fn factor(c: u8, hundredths: i128) -> Sample {
    sample(&format!("1-0:{c}.7.0.255"), hundredths, -2, 255, 0)
}

fn hertz(raw: i128, scaler: i8) -> Sample {
    sample("1-0:14.7.0.255", raw, scaler, 44, 0)
}

#[test]
fn each_is_named() {
    for (due, samples) in [
        ("V1", vec![volts(32, 1500)]),
        ("V1", vec![volts(32, 4000)]),
        ("X19", vec![volts(32, 23_000)]),
        ("X19", vec![volts(32, 230)]),
        ("X22", vec![volts(32, 0)]),
        ("X22", vec![volts(32, 2300), volts(52, 2300), volts(72, 10)]),
        ("X22", vec![hertz(0, -2)]),
        ("X19", vec![hertz(5001, 0)]),
        ("V2", vec![hertz(5300, -2)]),
        ("V2", vec![hertz(6000, -2)]),
        ("X22", vec![factor(13, 130)]),
        (
            "X19",
            vec![
                volts(32, 2300),
                amperes(31, 500),
                watts(21, 11_500),
                factor(33, 100),
            ],
        ),
        (
            "V3",
            vec![
                volts(32, 2300),
                amperes(31, 500),
                watts(21, 400),
                factor(33, 95),
            ],
        ),
        (
            "V3",
            vec![volts(32, 2300), amperes(31, 500), watts(21, 1600)],
        ),
        (
            "V3",
            vec![
                volts(32, 2300),
                amperes(31, 500),
                watts(1, 46_000),
                factor(13, 100),
            ],
        ),
        (
            "V4",
            vec![
                watts(21, 500),
                watts(41, 500),
                watts(61, 500),
                watts(1, 1700),
            ],
        ),
        ("V9", vec![sample("1-0:32.7.0.255", 2300, -1, 32, 0)]),
        ("X21", vec![sample("1-0:1.8.0.255", 0xFFFF_FFFF, 0, 30, 0)]),
        ("X21", vec![sample("1-0:31.7.0.255", 0x7FFF, -2, 33, 0)]),
        ("X19", vec![sample("1-0:124.7.0.255", 40_000, -1, 35, 0)]),
    ] {
        assert_eq!(first(&samples), Some(due), "{samples:?}");
        let found = thrice(low_voltage(), &samples).findings();
        assert!(
            samples.iter().any(|it| concerns(&found[0], it.obis)),
            "{found:?}"
        );
    }
}

#[test]
fn what_may_well_be_is_left_alone() {
    for samples in [
        // Between phases, and both halves of a split one.
        vec![sample("1-0:124.7.0.255", 3980, -1, 35, 0)],
        vec![sample("1-0:12.7.0.255", 4600, -1, 35, 0)],
        // Three wires: the second phase is the reference.
        vec![volts(32, 3980), volts(52, 0), volts(72, 4000)],
        // One phase of a meter that lists three.
        vec![
            volts(32, 2300),
            volts(52, 0),
            volts(72, 0),
            amperes(31, 500),
            watts(1, 1150),
        ],
        // Three phases of which one is read.
        vec![volts(32, 2300), amperes(31, 500), watts(1, 3400)],
        // One phase feeds back.
        vec![
            watts(21, 500),
            watts(41, 500),
            watts(61, 0),
            watts(1, 700),
            watts(62, 300),
        ],
        vec![sample("1-0:32.7.0.255", 2300, -1, 255, 0)],
        vec![sample("1-0:1.8.0.255", 65_535, 0, 30, 0)],
        vec![factor(13, -95)],
    ] {
        let found = thrice(low_voltage(), &samples).findings();
        assert!(found.is_empty(), "{samples:?}: {found:?}");
    }
}

#[test]
fn without_a_nominal_value_only_the_absurd_is_named() {
    let plain = |samples: &[Sample]| {
        let found = thrice(Expected::default(), samples).findings();
        found.first().map(|it| (it.id, it.confidence))
    };
    for (due, samples) in [
        (None, vec![volts(32, 1500)]),
        (None, vec![volts(32, 6300)]),
        (None, vec![hertz(5998, -2), volts(32, 1360)]),
        (None, vec![volts(32, 63_510)]),
        (Some(("X19", Confidence::Likely)), vec![hertz(60, 2)]),
        (
            Some(("X19", Confidence::Possible)),
            vec![volts(32, 230_000)],
        ),
        (Some(("X19", Confidence::Possible)), vec![volts(32, 136)]),
        (Some(("X22", Confidence::Likely)), vec![hertz(300, 0)]),
    ] {
        assert_eq!(plain(&samples), due, "{samples:?}");
    }
    // A railway says so.
    let railway = Expected {
        frequency: Some(16.7),
        ..Expected::default()
    };
    assert!(thrice(railway, &[hertz(1670, -2)]).findings().is_empty());
}

#[test]
fn a_phase_that_was_there_is_missed() {
    let mut plausible = Plausible::new(Expected::default());
    plausible.cycle(&[volts(32, 1300), volts(52, 1290), volts(72, 1310)]);
    assert!(plausible.findings().is_empty());
    plausible.cycle(&[volts(32, 1300), volts(52, 0), volts(72, 0)]);
    let found = plausible.findings();
    assert_eq!(found[0].id, "X22");
    assert_eq!(found[0].evidence.len(), 2, "both phases: {found:?}");
}

#[test]
fn the_power_nobody_looked_at_is_seen() {
    // 136 V, 1.3 A and 0.6 W, as a meter with its current transformer on the wrong wire gave for weeks.
    let samples = [
        sample("1-1:32.7.0.255", 13600, -2, 35, 0),
        sample("1-1:31.7.0.255", 1302, -3, 33, 0),
        sample("1-1:1.7.0.255", 6, -1, 27, 0),
    ];
    let found = thrice(Expected::default(), &samples).findings();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].id, found[0].confidence),
        ("V3", Confidence::Possible)
    );
    // A single look says so too.
    let mut once = Plausible::at_once(Expected::default());
    once.cycle(&samples);
    assert_eq!(once.findings()[0].id, "V3");
}

#[test]
fn a_load_switched_in_the_middle_of_a_cycle_is_no_contradiction() {
    let mut plausible = Plausible::new(low_voltage());
    for n in 0..200 {
        let (before, after) = if n % 2 == 0 { (100, 1000) } else { (1000, 100) };
        // Every other cycle the current is the old one, the power the new.
        let old = if n % 4 < 2 { after } else { before };
        let cycle: Vec<_> = [volts(32, 2300), amperes(31, old), watts(1, 23 * after / 10)]
            .into_iter()
            .map(|it| Sample {
                at: n64(n) * 5000,
                ..it
            })
            .collect();
        plausible.cycle(&cycle);
        assert!(
            plausible.findings().is_empty(),
            "{n}: {:?}",
            plausible.findings()
        );
    }
}

fn n64(n: i128) -> Millis {
    Millis::try_from(n).unwrap()
}

#[test]
fn what_is_mended_is_forgotten() {
    let at = |raw, n: Millis| Sample {
        at: n * 5000,
        ..volts(32, raw)
    };
    let mut plausible = Plausible::new(low_voltage());
    plausible.cycle(&[at(1500, 0)]);
    plausible.cycle(&[at(1501, 1)]);
    assert_eq!(plausible.findings()[0].count, 2);
    for n in 2..5 {
        assert_eq!(plausible.findings().len(), 1, "{n}");
        plausible.cycle(&[at(2300, n)]);
    }
    assert!(plausible.findings().is_empty());
    // Polled once in a quarter of an hour, one good value is enough.
    plausible.cycle(&[at(1500, 10)]);
    plausible.cycle(&[at(2300, 10 + 180)]);
    assert!(plausible.findings().is_empty());
    // What nobody reads any more is not spoken of.
    plausible.cycle(&[at(1500, 200)]);
    plausible.keep_only(|_| false);
    assert!(plausible.findings().is_empty());
}

#[test]
fn what_happened_is_told_for_an_hour() {
    let energy = |raw, at| sample("1-0:1.8.0.255", raw, 0, 30, at);
    let mut back = Plausible::default_for_tests();
    back.cycle(&[energy(5000, 0)]);
    back.cycle(&[energy(4999, MINUTE)]);
    let mut scaler = Plausible::default_for_tests();
    scaler.cycle(&[volts(32, 2300)]);
    scaler.cycle(&[sample("1-0:32.7.0.255", 23_000, -2, 35, MINUTE)]);
    for (due, plausible, good) in [
        ("V6", &mut back, energy(5001, 0)),
        (
            "V8",
            &mut scaler,
            sample("1-0:32.7.0.255", 23_001, -2, 35, 0),
        ),
    ] {
        assert_eq!(plausible.findings()[0].id, due);
        for (minute, stands) in [(5, true), (50, true), (62, false)] {
            let at = minute * MINUTE;
            plausible.cycle(&[Sample { at, ..good }]);
            assert_eq!(!plausible.findings().is_empty(), stands, "{due} {minute}");
        }
    }
    // A float's decimals come and go with the number; its scaler does not.
    let float = |raw, places| Sample {
        value: Decimal::new(raw, places),
        scaler: 0,
        ..volts(32, 0)
    };
    let mut plausible = Plausible::new(low_voltage());
    plausible.cycle(&[float(2301, -1)]);
    plausible.cycle(&[float(230, 0)]);
    assert!(plausible.findings().is_empty());
}

impl Plausible {
    fn default_for_tests() -> Self {
        Self::new(Expected::default())
    }
}

/// Cycles of power and energy, one every `every`, of a meter that counts `shown` times what flows.
fn counting(every: Millis, power: i128, shown: f64, for_minutes: Millis) -> Plausible {
    let mut plausible = Plausible::new(Expected::default());
    let mut at = 0;
    while at < for_minutes * MINUTE {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "small whole numbers"
        )]
        let counted = (at as f64 / 3_600_000.0 * power as f64 * shown) as i128;
        plausible.cycle(&[
            sample("1-0:1.7.0.255", power, 0, 27, at),
            sample("1-0:1.8.0.255", 5_000_000 + counted, 0, 30, at),
        ]);
        at += every;
    }
    plausible
}

#[test]
fn energy_goes_with_power() {
    let id = |plausible: Plausible| plausible.findings().first().map(|it| it.id);
    assert_eq!(id(counting(5_000, 1000, 1.0, 180)), None);
    assert_eq!(id(counting(5_000, 1000, 0.0, 20)), Some("V5"));
    // A minute at a kilowatt is less than what some registers step by.
    assert_eq!(id(counting(5_000, 1000, 0.0, 2)), None);
    // Current transformers of 200/5 counted in one of them.
    assert_eq!(id(counting(5_000, 4000, 1.0 / 40.0, 240)), Some("V10"));
    assert_eq!(id(counting(60_000, 400, 40.0, 120)), Some("V10"));
    // Looked at once in ten minutes, half of the load may have been missed.
    assert_eq!(id(counting(600_000, 1000, 3.0, 600)), None);
}

#[test]
fn a_household_is_left_alone() {
    let mut plausible = Plausible::new(low_voltage());
    let mut energy: i128 = 56_281_000;
    for minute in 0..600_i128 {
        let at = n64(minute) * MINUTE;
        let current = 100 + minute % 37 * 11;
        let volts = 2300 + minute % 23;
        let watts = volts * current * 95 / 100_000;
        // In thousandths of a watt-hour, shown in whole ones.
        energy += watts * 1000 / 60;
        plausible.cycle(&[
            sample("1-0:32.7.0.255", volts, -1, 35, at),
            sample("1-0:31.7.0.255", current, -2, 33, at),
            sample("1-0:14.7.0.255", 4998 + minute % 5, -2, 44, at),
            sample("1-0:13.7.0.255", 95, -2, 255, at),
            sample("1-0:1.7.0.255", watts, 0, 27, at),
            sample("1-0:1.8.0.255", energy / 1000, 0, 30, at),
        ]);
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
    let place = Obis::new(0, 0, 1, 0, 0, 255);
    let utc: Millis = 1_038_989_171_000;
    for (due, clock, at) in [
        (None, clock(-120, 0), utc),
        (None, clock(-120, 0x80), utc),
        (None, clock(-120, 0xFF), utc),
        (Some("V7"), clock(-120, 0), utc + 400_000),
        (Some("V7"), clock(-120, 0), utc + 30 * 86_400_000),
        (Some("V7"), clock(i16::MIN, 0), utc + 400_000),
        (Some("X23"), clock(120, 0), utc),
        (Some("X23"), clock(-60, 0), utc),
        (Some("X23"), clock(i16::MIN, 0), utc),
        (Some("X23"), clock(-120, 1), utc),
    ] {
        let mut plausible = Plausible::new(Expected::default());
        plausible.clock(place, &clock, at);
        let found = plausible.findings();
        assert_eq!(found.first().map(|f| f.id), due, "{clock:?}");
        if let Some(found) = found.first() {
            assert!(concerns(found, place));
        }
    }
    let mut plausible = Plausible::new(Expected::default());
    plausible.clock(place, &clock(-120, 1), utc);
    for n in 1..4 {
        assert_eq!(plausible.findings().len(), 1);
        let good = crate::cosem::DateTime {
            raw: clock(-120, 0).raw,
        };
        plausible.clock(place, &good, utc + n);
    }
    assert!(plausible.findings().is_empty());
}
