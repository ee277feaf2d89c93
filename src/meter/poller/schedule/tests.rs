//! The grids as data: no task, no clock.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn meter(every: &[u64]) -> Definition {
    let mut meter = Definition::new("m", "h", 1);
    meter.objects = (every.iter().enumerate())
        .map(|(n, seconds)| {
            let mut object =
                PolledObject::new(format!("1-0:{n}.8.0").parse().unwrap(), n.to_string());
            object.every = (*seconds > 0).then(|| SECOND * u32::try_from(*seconds).unwrap());
            object
        })
        .collect();
    meter
}

/// Who is read in a poll that begins now and takes no time.
fn poll(it: &mut Schedule, meter: &Definition, now: Instant, points: &mut [Points]) -> Vec<usize> {
    it.begin(meter, now, false, points);
    let read: Vec<_> = (0..meter.objects.len())
        .filter(|n| it.reads(meter, &meter.objects[*n]))
        .collect();
    it.end(meter, now, |_| Ok(()), points);
    read
}

#[test]
fn what_is_due_together_is_read_together_and_no_grid_drifts() {
    let meter = meter(&[0, 15, 10, 0]);
    let (mut it, mut points) = (Schedule::default(), [Points::default(); 4]);
    let start = Instant::now();
    let mut seen = Vec::new();
    let mut now = start;
    while now < start + 60 * SECOND {
        // A little late each time.
        let at = now + Duration::from_millis(130);
        let read = poll(
            &mut it,
            &meter,
            if seen.is_empty() { start } else { at },
            &mut points,
        );
        seen.push(((now - start).as_secs(), read));
        now = it.due(&meter, at).unwrap();
    }
    let of = |n: usize| -> Vec<u64> {
        let read = seen.iter().filter(|(_, read)| read.contains(&n));
        read.map(|(at, _)| *at).collect()
    };
    assert_eq!(of(0), [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]);
    assert_eq!(of(1), [0, 15, 30, 45]);
    assert_eq!(of(2), [0, 10, 20, 30, 40, 50]);
    assert_eq!(of(3), of(0));
    assert_eq!(seen.len(), 12, "nothing by itself");
    assert!(points.iter().all(|points| points.read == points.due));
}

#[test]
fn a_tick_during_another_objects_poll_is_served_after_it() {
    let meter = meter(&[0, 7]);
    let (mut it, mut points) = (Schedule::default(), [Points::default(); 2]);
    let start = Instant::now();
    poll(&mut it, &meter, start, &mut points);
    // The quick object's poll of second 5 lasts until second 8.
    it.begin(&meter, start + 5 * SECOND, false, &mut points);
    it.end(&meter, start + 8 * SECOND, |_| Ok(()), &mut points);
    let now = start + 8 * SECOND;
    assert_eq!(it.due(&meter, now), Some(start + 7 * SECOND));
    assert_eq!(poll(&mut it, &meter, now, &mut points), [1]);
    assert_eq!((points[1].due, points[1].read), (2, 2));
    // One that lasts over its own next tick missed that.
    it.begin(&meter, start + 10 * SECOND, false, &mut points);
    assert_eq!(
        it.end(&meter, start + 16 * SECOND, |_| Ok(()), &mut points),
        1
    );
    assert_eq!(points[0].busy, 1);
}

#[test]
fn a_new_object_is_read_at_once_and_the_others_go_on() {
    let old = meter(&[0, 3_600]);
    let (mut it, mut points) = (Schedule::default(), [Points::default(); 3]);
    let start = Instant::now();
    poll(&mut it, &old, start, &mut points);
    let now = start + 7 * SECOND;
    poll(&mut it, &old, now, &mut points);
    let new = meter(&[0, 3_600, 60]);
    it.adopt(&old, &new, now);
    assert_eq!(it.due(&new, now), Some(now));
    assert_eq!(poll(&mut it, &new, now, &mut points), [2]);
    assert_eq!(points[2].due, 0, "no tick of its grid");
    assert_eq!(it.due(&new, now), Some(start + 10 * SECOND));
    // A pause that ends is no reason to read the hourly one again.
    assert_eq!(
        poll(&mut it, &new, start + 60 * SECOND, &mut points),
        [0, 2]
    );
    let mut other = new.clone();
    other.poll = 6 * SECOND;
    it.adopt(&new, &other, now);
    assert_eq!(it.due(&other, now), Some(now));
    assert_eq!(poll(&mut it, &other, now, &mut points).len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens in whatever order: each tick that went by is in the books once.
    #[test]
    fn every_tick_is_read_or_has_its_cause(
        steps in prop::collection::vec((0u8..4, 0u64..40_000, 0u64..9_000, 0usize..4), 1..60)
    ) {
        let meter = meter(&[0, 15, 7]);
        let (mut it, mut points) = (Schedule::default(), [Points::default(); 3]);
        let start = Instant::now();
        let mut now = start;
        it.begin(&meter, now, true, &mut points);
        it.end(&meter, now, |_| Ok(()), &mut points);
        for (what, pause, took, read) in steps {
            now += Duration::from_millis(pause);
            match what {
                0 | 1 => {
                    it.begin(&meter, now, what == 0, &mut points);
                    now += Duration::from_millis(took);
                    it.end(&meter, now, |n| if n < read { Ok(()) } else { Err(Cause::Away) }, &mut points);
                }
                2 => drop(it.turns(&meter, now, Cause::Away, &mut points)),
                _ => drop(it.turns(&meter, now, Cause::Paused, &mut points)),
            }
            for points in &points {
                prop_assert_eq!(points.due, points.read + points.busy + points.away + points.paused);
            }
        }
        it.begin(&meter, now, true, &mut points);
        it.end(&meter, now, |_| Ok(()), &mut points);
        let passed = (now - start).as_secs();
        for (points, period) in points.iter().zip([5, 15, 7]) {
            prop_assert_eq!(u64::from(points.due), passed / period + 1);
            prop_assert_eq!(points.due, points.read + points.busy + points.away + points.paused);
        }
    }
}
