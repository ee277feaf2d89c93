//! How long to wait before the next connection. The rule: full jitter, so that many meters that went away together do not
//! come back together, over a floor that a converter needs to notice that the last client left. Pure.

use crate::meter::definition::RecoverySettings;
use std::time::Duration;

/// Under this a converter may still be closing the last connection.
const FLOOR: Duration = Duration::from_secs(1);
/// A meter that may hold an old link is asked no oftener than this once the pauses have grown.
const HELD_FLOOR: Duration = Duration::from_secs(15);

/// Anything between the floor and a ceiling that doubles with every failure in a row. `held`: how long the meter may still
/// hold an old link for us; inside that the floor grows, too, since every SNRM in vain could keep the link alive.
pub fn pause(
    failures: u32,
    held: Option<Duration>,
    settings: &RecoverySettings,
    rng: &mut fastrand::Rng,
) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let ceiling = (settings.back_off)
        .saturating_mul(1 << doublings)
        .min(settings.back_off_max)
        .max(FLOOR);
    let floor = match held {
        Some(left) => FLOOR.max((ceiling / 2).min(HELD_FLOOR).min(left)),
        None => FLOOR,
    };
    floor + ceiling.saturating_sub(floor).mul_f64(rng.f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(failures: u32, held: Option<Duration>) -> Vec<Duration> {
        let mut rng = fastrand::Rng::with_seed(7);
        let settings = RecoverySettings::default();
        (0..500)
            .map(|_| pause(failures, held, &settings, &mut rng))
            .collect()
    }

    #[test]
    fn pauses_fill_all_between_a_second_and_a_doubling_ceiling() {
        for (failures, most) in [
            (0, 2),
            (1, 2),
            (2, 4),
            (3, 8),
            (5, 32),
            (6, 60),
            (u32::MAX, 60),
        ] {
            let most = Duration::from_secs(most);
            let many = many(failures, None);
            assert!(
                many.iter().all(|p| (FLOOR..=most).contains(p)),
                "{failures}"
            );
            let span = most.saturating_sub(FLOOR);
            assert!(*many.iter().max().unwrap() > FLOOR + span.mul_f64(0.95));
            assert!(*many.iter().min().unwrap() < FLOOR + span.mul_f64(0.05));
        }
    }

    #[test]
    fn a_meter_that_may_hold_a_link_is_not_hammered() {
        let long = Some(Duration::from_mins(3));
        for (failures, least) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (9, 15)] {
            let least = Duration::from_secs(least);
            assert!(
                many(failures, long).iter().all(|p| *p >= least),
                "{failures}"
            );
        }
        let soon = Some(Duration::from_secs(3));
        assert!(*many(9, soon).iter().min().unwrap() < Duration::from_secs(5));
    }

    #[test]
    fn a_ceiling_set_low_holds() {
        let mut rng = fastrand::Rng::with_seed(7);
        let settings = "backoff=1s,backoff-max=1s".parse().unwrap();
        let long = Some(Duration::from_mins(3));
        assert_eq!(pause(9, long, &settings, &mut rng), FLOOR);
    }
}
