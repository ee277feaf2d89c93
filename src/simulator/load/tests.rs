//! The load's promises: registers agree digit for digit, counters never run back and are the integral of the power.

use super::*;
use proptest::prelude::*;

const MICROSTAR: Supply = Supply {
    voltage: 13_100,
    frequency: 6_000,
    utc_offset: -5 * 3600,
};
/// 2025-11-20 12:00 UTC.
const NOON: i64 = 1_763_640_000;

/// 1990 to 2100.
fn any_time() -> impl Strategy<Value = i64> {
    631_152_000i64..4_102_444_800
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn registers_agree(seed: u64, unix in any_time()) {
        let load = Load::new(seed, MICROSTAR);
        let snapshot = load.snapshot(unix);
        for phase in snapshot.phases {
            let volt_ampere = u64::from(phase.voltage) * u64::from(phase.current);
            prop_assert_eq!(u64::from(phase.apparent), (volt_ampere + 5_000) / 10_000);
            let active = (volt_ampere * u64::from(phase.power_factor) + 5_000_000) / 10_000_000;
            prop_assert_eq!(u64::from(phase.active), active);
            let (p, q, s) = (f64::from(phase.active), f64::from(phase.reactive), f64::from(phase.apparent));
            prop_assert!((s * s - p * p - q * q).abs() <= 2.0 * q + 1.0);
            prop_assert!((11_800..14_000).contains(&phase.voltage), "{}", phase.voltage);
            prop_assert!((50..60_000).contains(&phase.current), "{}", phase.current);
            prop_assert!((700..=1000).contains(&phase.power_factor), "{}", phase.power_factor);
        }
        prop_assert!((5_996..=6_004).contains(&snapshot.frequency));
        let sum: u32 = snapshot.phases.iter().map(|phase| phase.active).sum();
        prop_assert_eq!(snapshot.active(), sum);
    }

    #[test]
    fn counters_never_run_back(seed: u64, unix in any_time(), step in prop_oneof![1i64..3, 1i64..200_000, 1i64..1_000_000_000]) {
        let load = Load::new(seed, MICROSTAR);
        let (before, after) = (load.energy(unix), load.energy(unix + step));
        for counted in [Counted::Active, Counted::Reactive, Counted::Apparent] {
            for rate in 0..=4 {
                prop_assert!(after.total(counted, rate) >= before.total(counted, rate));
            }
            let rates: u64 = (1..=4).map(|rate| after.total(counted, rate)).sum();
            prop_assert_eq!(after.total(counted, 0), rates);
            let phases: u64 = (0..3).map(|phase| after.phase(counted, phase)).sum();
            prop_assert!(rates.abs_diff(phases) <= 4);
        }
    }

    /// The rule the closed form stands on: whatever the day, a tariff window holds the same energy.
    #[test]
    fn windows_are_the_same_every_day(seed: u64, day in 7_000i64..48_000) {
        for (i, appliances) in household::PHASES.into_iter().enumerate() {
            let consumers = Consumers::new(seed ^ i as u64, appliances);
            for (_, start, end) in TARIFFS {
                let first = consumers.energy(0, end) - consumers.energy(0, start);
                let other = consumers.energy(day, end) - consumers.energy(day, start);
                prop_assert!((first.active - other.active).abs() < 1.0, "{first:?} {other:?}");
                prop_assert!((first.reactive - other.reactive).abs() < 1.0);
            }
        }
    }
}

/// One hour at a time, around every kind of border: midnight, tariff changes, plain hours.
#[test]
fn energy_is_the_integral_of_power() {
    for (seed, start) in [
        (1, NOON),
        (2, NOON + 16_000),
        (3, NOON + 61_000),
        (4, NOON + 25_000),
    ] {
        let load = Load::new(seed, MICROSTAR);
        let (mut active, mut reactive, mut apparent) = (0u32, 0u32, 0u32);
        for unix in start..start + 3600 {
            let snapshot = load.snapshot(unix);
            active += snapshot.active();
            reactive += snapshot.reactive();
            apparent += snapshot.apparent();
        }
        let gained = load.energy(start + 3600).since(&load.energy(start));
        let hours = |sum: u32| f64::from(sum) / 36_000.0;
        let off = (hours(active) - gained.exact(Counted::Active)).abs();
        assert!(off < 0.2, "{off} Wh");
        // The power factor has three digits, so Q, which is made from it, has fewer than P.
        let off = (hours(reactive) - gained.exact(Counted::Reactive)).abs();
        assert!(off < 0.005 * hours(apparent), "{off} varh");
        let off = (hours(apparent) - gained.exact(Counted::Apparent)).abs();
        assert!(off < 0.05 * hours(apparent), "{off} VAh");
    }
}

#[test]
fn it_moves_like_a_household() {
    let load = Load::new(7, MICROSTAR);
    let day: Vec<u32> = (0..1440)
        .map(|minute| load.snapshot(NOON + minute * 60).active())
        .collect();
    let (least, most) = (day.iter().min().unwrap(), day.iter().max().unwrap());
    assert!(*most > 5 * least, "{least} to {most}");
    // Steps of appliances, and flicker in between.
    assert!(day.windows(2).any(|pair| pair[0].abs_diff(pair[1]) > 8_000));
    let seconds: Vec<u32> = (0..60).map(|s| load.snapshot(NOON + s).active()).collect();
    assert!(seconds.windows(2).filter(|pair| pair[0] != pair[1]).count() > 40);
    let other = Load::new(8, MICROSTAR);
    assert_ne!(load.snapshot(NOON), other.snapshot(NOON));
}

/// The same seed and time give the same registers, on any machine and in any release.
#[test]
fn a_second_that_must_not_change() {
    let load = Load::new(1, MICROSTAR);
    let again = Load::new(1, MICROSTAR);
    assert_eq!(load.snapshot(NOON), again.snapshot(NOON));
    assert_eq!(load.energy(NOON), again.energy(NOON));
    let first = Phase {
        voltage: 13_073,
        current: 935,
        active: 1_150,
        reactive: 413,
        apparent: 1_222,
        power_factor: 941,
    };
    assert_eq!(load.snapshot(NOON).phases[0], first);
}
