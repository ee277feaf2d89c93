//! How much of a day there was a fresh reading, by the wall clock; ours and the original design's, over the same meter, the
//! same line and the same faults.

use crate::original;
use crate::schedule::{Noise, Plan, STEPS, Step, Trouble};
use crate::site::{Site, microstar};
use crate::world::World;
use obiscope::simulator::profile::Profile;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// How long the field meters take for an answer.
const ANSWER: Duration = Duration::from_millis(350);
/// A reading is fresh for two periods of the grid.
const FRESH: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(5);

/// The field's fault mix: what a converter on a shop floor does to a meter, hour by hour.
///
/// Each hour one answer is lost, one is changed by a bit, and one in a thousand pieces is late. Each day the converter
/// restarts twice (5 s), the connection is reset eight times at any step, another client has it for 20 s, the cable is out
/// for 20 s without a word, and the meter is without power for 30 s. The converter serves one client; it takes the next 1 s
/// after one that said goodbye, and 12 s after one that did not ("wait 10 to 15 s between connections"). Answers take
/// 350 ms; what they hold, 7E octets included, is the load curve's.
pub fn field(seed: u64, lasts: Duration) -> Plan {
    let mut dice = fastrand::Rng::with_seed(seed ^ 0x00F1_E1D0);
    let mut plan = Plan {
        episodes: Vec::new(),
        latency: Duration::from_millis(10),
        hold: (Duration::from_secs(1), Duration::from_secs(12)),
    };
    let seconds = lasts.as_secs();
    let late = Noise {
        delay: 1,
        ..Noise::default()
    };
    plan = plan.with(0, seconds, Trouble::Noise(late));
    let mut strew =
        |plan: Plan, each: u64, long: u64, what: &mut dyn FnMut(&mut fastrand::Rng) -> Trouble| {
            let mut plan = plan;
            for number in 0..(seconds / each) {
                let at = number * each + dice.u64(60..each);
                let what = what(&mut dice);
                plan = plan.with(at, long, what);
            }
            plan
        };
    let (hour, day) = (3_600, 86_400);
    plan = strew(plan, hour, 60, &mut |_| Trouble::LoseOne);
    plan = strew(plan, hour, 60, &mut |_| Trouble::FlipOne);
    plan = strew(plan, day / 2, 5, &mut |_| Trouble::Refuse);
    plan = strew(plan, day / 8, 10, &mut |dice| {
        Trouble::Reset(STEPS[dice.usize(0..STEPS.len())])
    });
    plan = strew(plan, day / 8 * 3, 10, &mut |_| Trouble::Reset(Step::Get));
    plan = strew(plan, day, 20, &mut |_| Trouble::Busy);
    plan = strew(plan, day, 20, &mut |_| Trouble::Cable);
    plan = strew(plan, day, 30, &mut |_| Trouble::Off);
    plan
}

fn meter(number: u64) -> Profile {
    Profile::microstar(number).delayed(ANSWER)
}

/// One line of the table.
pub struct Line {
    pub who: &'static str,
    /// Of the time, a reading no older than `FRESH` was there.
    pub fresh: f64,
    /// Of the periods, each brought one.
    pub periods: f64,
    /// Of the points of its own grid, each read before the next; the original has none.
    pub points: Option<f64>,
    /// As the original's supervisor counts: a look every 20 s, a problem where nothing is newer than 45 s or nothing is new.
    pub looks: f64,
    pub readings: usize,
    pub reconnects: u64,
    pub notes: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {:<35} | {:>7.2} % | {:>7.2} % | {:>9} | {:>7.2} % | {:>8} | {:>10} | {} |",
            self.who,
            self.fresh * 100.0,
            self.periods * 100.0,
            self.points
                .map_or("–".to_owned(), |it| format!("{:.2} %", it * 100.0)),
            self.looks * 100.0,
            self.readings,
            self.reconnects,
            self.notes
        )
    }
}

pub const HEADER: &str = "\
| by the wall clock                   | fresh     | periods   | points    | looks     | readings | reconnects | of it |
|-------------------------------------|-----------|-----------|-----------|-----------|----------|------------|-------|";

fn measure(
    who: &'static str,
    readings: &[Duration],
    lasts: Duration,
    reconnects: u64,
    notes: String,
) -> Line {
    let mut fresh = Duration::ZERO;
    for (place, at) in readings.iter().enumerate() {
        let next = readings.get(place + 1).copied().unwrap_or(lasts);
        fresh += next.saturating_sub(*at).min(FRESH);
    }
    let periods = lasts.as_secs() / PERIOD.as_secs();
    let mut hit = vec![false; usize::try_from(periods).unwrap()];
    for at in readings {
        if let Some(hit) = hit.get_mut(usize::try_from(at.as_secs() / PERIOD.as_secs()).unwrap()) {
            *hit = true;
        }
    }
    let (mut looks, mut problems, mut place, mut before) = (0_u32, 0_u32, 0, None);
    let mut at = Duration::from_secs(20);
    while at <= lasts {
        while readings.get(place).is_some_and(|reading| *reading <= at) {
            place += 1;
        }
        let newest = place.checked_sub(1).map(|newest| readings[newest]);
        let stale = newest.is_none_or(|it| at.abs_diff(it) > Duration::from_secs(45));
        looks += 1;
        problems += u32::from(stale || newest == before);
        before = newest;
        at += Duration::from_secs(20);
    }
    let hits = u32::try_from(hit.iter().filter(|hit| **hit).count()).unwrap();
    Line {
        who,
        fresh: fresh.as_secs_f64() / lasts.as_secs_f64(),
        periods: f64::from(hits) / f64::from(u32::try_from(periods).unwrap()),
        points: None,
        looks: 1.0 - f64::from(problems) / f64::from(looks),
        readings: readings.len(),
        reconnects,
        notes,
    }
}

pub async fn ours(seed: u64, lasts: Duration) -> Line {
    let mut given = microstar("m1", 1, field(seed, lasts));
    given.profile = meter(1).named("m1");
    let mut site = Site::new(seed, vec![given], false).await;
    site.run(lasts, Duration::from_mins(1)).await;
    let status = &site.view("m1").status;
    let (counters, points) = (status.counters, status.points[4]);
    let readings = site.meters[0].whole.clone();
    let notes = format!(
        "{} missed, {} failed, {} resyncs",
        counters.polls_missed, counters.polls_failed, counters.resyncs
    );
    let reconnects = counters.reconnects;
    site.end().await;
    let mut line = measure("obiscope", &readings, lasts, reconnects, notes);
    line.points = Some(f64::from(points.read) / f64::from(points.due));
    line
}

/// With the faults, or with a line on which nothing goes wrong.
pub async fn theirs(seed: u64, lasts: Duration, faults: bool, supervised: bool) -> Line {
    let world = World::new(false);
    let mut plan = field(seed, lasts);
    if !faults {
        plan.episodes.clear();
    }
    let wall = crate::site::BASE.parse().unwrap();
    // The seed its line draws from is the one ours had.
    world.meter(
        "m1",
        meter(1),
        plan,
        wall,
        fastrand::Rng::with_seed(seed).u64(..),
    );
    let day = original::day(&world, "m1", lasts, supervised).await;
    let readings: Vec<Duration> = day.published.iter().map(|(at, _)| *at).collect();
    let whole = day.published.iter().filter(|(_, read)| *read == 5).count();
    let mut notes = format!(
        "{whole} whole; {} empty cycles, {} reads failed: {} checksum, {} boundary",
        day.empty, day.reads_failed, day.checksum, day.framing
    );
    if supervised {
        // Writing to a string cannot fail.
        let _ = write!(notes, "; {} restarts", day.restarts);
    }
    let who = match (faults, supervised) {
        (false, false) => "the original, a line without faults",
        (false, true) => "… the same, with its supervisor",
        (true, false) => "the original, the same faults",
        (true, true) => "… with its supervisor",
    };
    measure(who, &readings, lasts, day.reconnects, notes)
}
