//! Health by made-up times: nothing here waits or runs.

use super::spread::Spread;
use super::*;
use proptest::prelude::*;

const POLL: Duration = Duration::from_secs(5);

/// A meter of so many objects, on duty from the beginning, and its clock.
struct Bed {
    vitals: Vitals,
    start: Instant,
    at: Duration,
    poll: Duration,
    objects: usize,
}

impl Bed {
    fn new(objects: usize, poll: Duration) -> Self {
        Self::from(Instant::now(), objects, poll)
    }

    fn from(start: Instant, objects: usize, poll: Duration) -> Self {
        let vitals = Vitals::new(start, poll, &vec![poll; objects]);
        vitals.duty(start, true);
        Self {
            vitals,
            start,
            at: Duration::ZERO,
            poll,
            objects,
        }
    }

    fn now(&self) -> Instant {
        self.start + self.at
    }

    fn pass(&mut self, time: Duration) {
        self.at += time;
    }

    /// A poll at the point of the grid that stands now; which objects bring something.
    fn poll(&mut self, took: Duration, brings: impl Fn(usize) -> bool) {
        let ticks = self.at.as_millis() / self.poll.as_millis();
        let point = self.start + self.poll * u32::try_from(ticks).unwrap();
        self.vitals.began(self.now());
        self.pass(took);
        for object in 0..self.objects {
            self.vitals.tried(object, point, brings(object));
        }
        let any = (0..self.objects).any(brings);
        self.vitals.ended(self.now(), point, took, any);
    }

    /// Polls on the grid for so long, or none at all.
    fn run(&mut self, time: Duration, brings: Option<&dyn Fn(usize) -> bool>) {
        let until = self.at + time;
        while self.at < until {
            let Some(brings) = brings else {
                self.at = until;
                break;
            };
            let took = self.poll / 5;
            self.poll(took, brings);
            self.pass(self.poll.saturating_sub(took));
        }
    }

    fn health(&self) -> Health {
        self.vitals.health(self.now())
    }
}

const fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

#[test]
fn a_meter_that_was_away_for_half_the_day_was_half_available() {
    let mut bed = Bed::new(5, POLL);
    bed.run(hours(12), Some(&|_| true));
    let health = bed.health();
    assert_eq!(health.band, Band::Healthy);
    assert_eq!(health.day.to_string(), "100.0%");
    assert_eq!(health.day.of, 12 * 720 * 5);
    bed.run(hours(12), None);
    let health = bed.health();
    assert_eq!(health.available_day.to_string(), "50.0%");
    assert_eq!(health.available.to_string(), "50.0%");
    assert_eq!(health.day, Share::new(12 * 720 * 5, 24 * 720 * 5));
    assert_eq!(health.hour.good, 0);
    assert_eq!(health.band, Band::Down);
    assert_eq!(health.missed, 12 * 720);
    assert_eq!(health.watched, hours(24));
    assert_eq!(health.age(bed.now()).unwrap().as_secs() / 60, 12 * 60);
}

#[test]
fn looking_often_changes_nothing() {
    let start = Instant::now();
    let seen = |every: Option<u64>| {
        let mut bed = Bed::from(start, 3, POLL);
        for part in 0..600 {
            match part % 7 {
                0..3 => bed.run(Duration::from_mins(1), Some(&|object| object != 1)),
                3 => bed.run(Duration::from_secs(35), None),
                _ => bed.run(Duration::from_mins(2), Some(&|_| true)),
            }
            if every.is_some_and(|every| part % every == 0) {
                bed.health();
            }
        }
        bed.health()
    };
    assert_eq!(seen(None), seen(Some(1)));
    assert_eq!(seen(None), seen(Some(3)));
}

#[test]
fn one_object_that_fails_is_told_alone() {
    let mut bed = Bed::new(4, POLL);
    bed.run(hours(1), Some(&|object| object != 2));
    let health = bed.health();
    assert_eq!(health.hour.to_string(), "75.0%");
    assert_eq!(health.band, Band::Degraded);
    assert_eq!(health.available_hour.to_string(), "100.0%");
    let each: Vec<_> = health.objects.iter().map(|it| Band::of(it.hour)).collect();
    assert_eq!(
        each,
        [Band::Healthy, Band::Healthy, Band::Down, Band::Healthy]
    );
    assert_eq!(health.objects[2].last_value, None);
}

#[test]
fn what_a_person_stopped_does_not_count() {
    let mut bed = Bed::new(1, POLL);
    bed.run(hours(1), Some(&|_| true));
    bed.vitals.duty(bed.now(), false);
    bed.pass(hours(5));
    assert_eq!(bed.health().day.to_string(), "100.0%");
    bed.vitals.duty(bed.now(), true);
    bed.run(hours(1), Some(&|_| true));
    let health = bed.health();
    assert_eq!(health.start, Share::new(2 * 720, 2 * 720));
    assert_eq!(health.watched, hours(2));
    assert_eq!(health.available.to_string(), "100.0%");
}

#[test]
fn nothing_due_is_unknown_and_a_failed_try_is_told_at_once() {
    let mut bed = Bed::new(2, hours(1));
    assert_eq!(bed.health().band, Band::Unknown);
    bed.pass(Duration::from_secs(7));
    bed.vitals.failed(bed.now());
    let health = bed.health();
    assert_eq!((health.band, health.hour), (Band::Down, Share::new(0, 2)));
    // Half a minute later it goes: nothing was missed.
    bed.pass(Duration::from_secs(30));
    bed.poll(Duration::from_secs(1), |_| true);
    let health = bed.health();
    assert_eq!((health.hour, health.missed), (Share::new(2, 2), 0));
    // Nothing is due before the next hour, whatever fails.
    bed.vitals.failed(bed.now());
    assert_eq!(bed.health().hour, Share::new(2, 2));
}

#[test]
fn a_poll_that_takes_longer_than_its_period_is_late_and_not_lost() {
    let mut bed = Bed::new(1, POLL);
    bed.poll(Duration::from_secs(12), |_| true);
    // The points at 5 s and 10 s; that at 10 s may still be served.
    let health = bed.health();
    assert_eq!(health.start, Share::new(1, 2));
    bed.pass(Duration::from_secs(1));
    bed.poll(Duration::from_secs(1), |_| true);
    assert_eq!(bed.health().start, Share::new(2, 3));
    // Again within the same point: asked for by hand.
    bed.poll(Duration::from_millis(500), |_| true);
    assert_eq!(bed.health().start, Share::new(2, 3));
    assert_eq!(bed.health().cycles, 3);
}

#[test]
fn an_hour_forgets_what_is_older_and_days_forget_too() {
    let mut bed = Bed::new(1, POLL);
    bed.run(hours(30), Some(&|_| true));
    assert_eq!(bed.health().day.of, 24 * 720);
    bed.run(Duration::from_mins(70), None);
    let health = bed.health();
    assert_eq!(health.hour, Share::new(0, 60 * 12));
    bed.pass(hours(24 * 30));
    let health = bed.health();
    assert_eq!(health.day.good, 0);
    assert!((24 * 720..=26 * 720).contains(&health.day.of), "{health:?}");
    assert_eq!(health.start.of, 720 * (30 + 24 * 30) + 70 * 12);
}

#[test]
fn other_objects_keep_what_is_known_of_those_that_stay() {
    let mut bed = Bed::new(2, POLL);
    bed.run(hours(1), Some(&|object| object == 1));
    let plan = [(Some(1), POLL), (None, POLL)];
    bed.vitals.plan(bed.now(), POLL, plan);
    let health = bed.health();
    assert_eq!(health.objects[0].hour, Share::new(720, 720));
    assert_eq!(health.objects[1].hour, Share::default());
    bed.vitals.another(bed.now(), POLL, &[POLL]);
    assert_eq!(bed.health().start, Share::default());
    bed.pass(POLL);
    assert_eq!(bed.health().start, Share::new(0, 1), "still on duty");
}

#[test]
fn bands_begin_where_they_are_said_to() {
    for (good, of, band) in [
        (0, 0, Band::Unknown),
        (0, 9, Band::Down),
        (1, 1_000_000, Band::Critical),
        (499, 1_000, Band::Critical),
        (500, 1_000, Band::Degraded),
        (899, 1_000, Band::Degraded),
        (900, 1_000, Band::Healthy),
        (1_000, 1_000, Band::Healthy),
    ] {
        assert_eq!(Band::of(Share::new(good, of)), band, "{good} of {of}");
    }
    assert_eq!(Share::new(99_999, 100_000).to_string(), "99.9%");
    assert_eq!(Share::default().to_string(), "-");
}

#[test]
fn percentiles_are_right_to_a_fifth() {
    let mut spread = Spread::default();
    assert_eq!(spread.percentiles(), None);
    for ms in 1..=1_000 {
        spread.add(Duration::from_millis(ms));
    }
    let it = spread.percentiles().unwrap();
    for (is, ought) in [(it.p50, 500.0), (it.p90, 900.0), (it.p99, 990.0)] {
        let off = is.as_secs_f64() * 1_000.0 / ought;
        assert!((0.8..=1.2).contains(&off), "{is:?} for {ought} ms");
    }
    // The window after the next knows nothing of it.
    spread.turn();
    assert!(spread.percentiles().is_some());
    spread.turn();
    assert_eq!(spread.percentiles(), None);
    for _ in 0..200_000 {
        spread.add(Duration::from_hours(1));
    }
    spread.add(Duration::ZERO);
    let it = spread.percentiles().unwrap();
    assert!(it.p50 > Duration::from_secs(47) && it.p99 <= Duration::from_secs(68));
}

#[test]
fn a_meter_costs_about_a_kilobyte() {
    let counted = allocation_counter::measure(|| {
        let vitals = Vitals::new(Instant::now(), POLL, &[POLL; 5]);
        std::mem::forget(vitals);
    });
    println!("{} bytes for 5 objects", counted.bytes_current);
    assert!(counted.bytes_current <= 1_200, "{counted:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn never_more_than_all_and_every_sum_the_same(
        steps in prop::collection::vec((0_u8..6, 1_u64..40_000, any::<u8>()), 1..200),
        poll in 1_000_u64..60_000,
    ) {
        let poll = Duration::from_millis(poll);
        let mut bed = Bed::new(3, poll);
        let (mut on, mut begun) = (true, 1);
        for (what, ms, bits) in steps {
            let time = Duration::from_millis(ms);
            match what {
                0 => bed.pass(time),
                1 => bed.pass(time * 100),
                2 => bed.vitals.failed(bed.now()),
                3 if bits < 40 => {
                    on = !on;
                    begun += 1;
                    bed.vitals.duty(bed.now(), on);
                }
                _ => bed.poll(time / 4, |object| bits >> object & 1 == 1),
            }
            let health = bed.health();
            let mut shares = vec![
                health.hour, health.day, health.start,
                health.available_hour, health.available_day, health.available,
            ];
            shares.extend(health.objects.iter().flat_map(|it| [it.hour, it.day]));
            for share in shares {
                prop_assert!(share.good <= share.of, "{share:?}");
            }
            let sum = |part: fn(&ObjectHealth) -> Share| {
                health.objects.iter().fold(Share::default(), |sum, it| sum + part(it))
            };
            prop_assert_eq!(sum(|it| it.hour), health.hour);
            prop_assert_eq!(sum(|it| it.day), health.day);
            prop_assert!(health.hour.of <= health.day.of && health.day.of <= health.start.of);
            prop_assert!(health.hour.good <= health.day.good && health.day.good <= health.start.good);
            prop_assert!(u128::from(health.available.of) <= health.watched.as_millis() + begun * poll.as_millis());
        }
        // All of it is accounted for: as many points as there were periods, but for the begun ones.
        if on && bed.health().watched == bed.at {
            let periods = u64::try_from(bed.at.as_millis() / poll.as_millis()).unwrap();
            let due = bed.health().start.of / 3;
            prop_assert!(due.abs_diff(periods) <= 1, "{due} of {periods}");
        }
    }
}
