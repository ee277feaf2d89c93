//! How a fleet starts, and what a meter can keep up with. The rule: starts are spread evenly, by place and a little chance,
//! so that as many meters with one period do not fire in one moment, then or ever after.

use crate::meter::{Definition, MeterStatus};
use std::collections::BTreeSet;
use std::time::Duration;

/// Meters that connect at the same time.
pub(super) const CONNECTS: usize = 64;
/// From one start to the next, until so many are as many as fit in a period.
const APART: Duration = Duration::from_millis(20);

/// When each of `count` meters starts; polls follow from there, each on its own grid.
#[derive(Clone, Debug)]
pub(super) struct Ramp {
    count: u32,
    rng: fastrand::Rng,
}

impl Ramp {
    pub(super) fn new(count: usize, seed: u64) -> Self {
        Self {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Of the meter in this place, from 0. One alone starts at once.
    pub(super) fn start(&mut self, place: usize, poll: Duration) -> Duration {
        if self.count < 2 {
            return Duration::ZERO;
        }
        let spread = APART.saturating_mul(self.count).min(poll);
        let step = spread / self.count;
        let place = u32::try_from(place).unwrap_or(u32::MAX) % self.count;
        step.saturating_mul(place) + step.mul_f64(self.rng.f64())
    }
}

/// What the meter would be asked in a second, in seconds of its time.
fn load(meter: &Definition, each: Duration) -> f64 {
    let often = meter.objects.iter().map(|it| meter.every(it).as_secs_f64());
    often
        .map(|every| each.as_secs_f64() / every.max(0.001))
        .sum()
}

/// Why it cannot be polled like this, by how long its answers were seen to take; `None` where it can, or does already.
pub(super) fn too_often(
    old: &Definition,
    new: &Definition,
    status: &MeterStatus,
) -> Option<String> {
    let each = status.each.filter(|_| !old.is_elsewhere(new))?;
    let wanted = load(new, each);
    if wanted <= 1.0 || wanted <= load(old, each) {
        return None;
    }
    let span = |time: Duration| {
        let rounded = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        humantime::format_duration(rounded).to_string()
    };
    let often: BTreeSet<_> = new.objects.iter().map(|it| new.every(it)).collect();
    let often: Vec<_> = often.into_iter().map(span).collect();
    let enough = Duration::from_secs_f64((new.poll.as_secs_f64() * wanted).ceil().min(86_400.0));
    Some(format!(
        "poll: {} objects every {} are more than the meter can do: it takes {} for each, as measured; choose a poll of {} \
         or longer, fewer objects, or a longer interval for some (OBJECT@15m)",
        new.objects.len(),
        often.join(" or "),
        span(each),
        span(enough),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn starts_fill_the_period_evenly_and_few_start_soon() {
        let mut ramp = Ramp::new(10_000, 7);
        let mut slots = [0; 100];
        for place in 0..10_000 {
            let start = ramp.start(place, 5 * SECOND);
            assert!(start < 5 * SECOND);
            slots[usize::try_from(start.as_millis() / 50).unwrap()] += 1;
        }
        assert!(slots.iter().all(|n| (99..=101).contains(n)), "{slots:?}");
        let mut few = Ramp::new(5, 7);
        let starts: Vec<_> = (0..5).map(|n| few.start(n, 5 * SECOND)).collect();
        assert!(starts.is_sorted() && starts[4] < SECOND / 10, "{starts:?}");
        assert_eq!(Ramp::new(1, 7).start(0, SECOND), Duration::ZERO);
        let (mut a, mut b) = (Ramp::new(9, 1), Ramp::new(9, 2));
        assert_ne!(a.start(1, SECOND), b.start(1, SECOND));
    }

    #[test]
    fn what_was_measured_says_what_a_meter_can_do() {
        let old = Definition::microstar("m", "h", 1);
        let mut status = MeterStatus::new(Instant::now(), 9);
        let mut new = old.clone();
        new.poll = SECOND;
        assert_eq!(too_often(&old, &new, &status), None, "nothing is known");
        status.each = Some(Duration::from_millis(300));
        let why = too_often(&old, &new, &status).unwrap();
        for words in ["9 objects every 1s", "300ms for each", "3s", "@15m"] {
            assert!(why.contains(words), "{words}: {why}");
        }
        for object in &mut new.objects[2..] {
            object.every = Some(60 * SECOND);
        }
        assert_eq!(too_often(&old, &new, &status), None);
        // What is too much already may be made less.
        status.each = Some(2 * SECOND);
        new.objects.clone_from(&old.objects);
        new.poll = 6 * SECOND;
        assert_eq!(too_often(&old, &new, &status), None);
    }
}
