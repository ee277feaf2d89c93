//! Looking at the history: curves for charts, and readings one by one. The rule: a look touches a bounded number of rows,
//! whatever the time it spans, and none of them are of another meter.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::cycle::{self, Number, SPAN_MS};
use super::series::{self, Named};
use super::summary::{self, Numbers};
use super::{CYCLES, MOST_POINTS, Page, Place, Point, Query, Recorded, STEPS, Series, Track};
use crate::cosem::Decimal;
use crate::meter::MeterId;
use crate::store::StoredReading;
use crate::store::error::Fault;
use crate::store::meters::timestamp;

/// Where rows of one step are: from 0, cycles, upwards.
fn step_of(tier: usize) -> i64 {
    tier.checked_sub(1)
        .and_then(|at| STEPS.get(at).copied())
        .unwrap_or(CYCLES)
}

/// A chart of so many points.
pub(super) fn chart(connection: &Connection, query: &Query) -> Result<Series, Fault> {
    let (from, to) = (query.from.as_millisecond(), query.to.as_millisecond());
    let points = query.points.clamp(1, MOST_POINTS);
    let wanted = to.saturating_sub(from).max(0) / i64::try_from(points).unwrap_or(1);
    // The coarsest that is fine enough.
    let tier = STEPS.partition_point(|step| step * 1_000 <= wanted);
    let unit = step_of(tier).max(1) * 1_000;
    let width = wanted.saturating_add(unit - 1) / unit * unit;
    let mut gathered = Gather::new(connection, query.meter, &query.key, width, points)?;
    gathered.exact = tier == 0;
    gathered.fetch(connection, tier, from, to)?;
    gathered.series()
}

/// Steps of exactly this width.
pub(super) fn steps(
    connection: &Connection,
    meter: MeterId,
    key: &str,
    (from, to): (i64, i64),
    width: i64,
) -> Result<Series, Fault> {
    let fits = |step: &i64| width % (step * 1_000) == 0;
    let tier = STEPS.iter().rposition(fits).map_or(0, |at| at + 1);
    let mut gathered = Gather::new(connection, meter, key, width, usize::MAX)?;
    gathered.fetch(connection, tier, from, to)?;
    gathered.series()
}

/// Points as they come, oldest first.
struct Gather {
    meter: MeterId,
    named: Vec<Named>,
    width: i64,
    most: usize,
    /// Each reading is a point while they are few enough.
    exact: bool,
    points: Vec<Held>,
    unit: Option<u8>,
}

struct Held {
    at: i64,
    min: f64,
    max: f64,
    sum: f64,
    first: Told,
    last: Told,
    count: u64,
}

/// An exact decimal, written out only when it is asked for.
#[derive(Clone)]
enum Told {
    Whole(Decimal),
    Text(String),
}

impl Told {
    fn text(self) -> String {
        match self {
            Self::Whole(decimal) => decimal.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl Gather {
    fn new(
        connection: &Connection,
        meter: MeterId,
        key: &str,
        width: i64,
        most: usize,
    ) -> Result<Self, Fault> {
        let mut named = series::all(connection, meter)?;
        named.retain(|it| it.key == key);
        Ok(Self {
            meter,
            named,
            width: width.max(1),
            most,
            exact: false,
            points: Vec::new(),
            unit: None,
        })
    }

    fn of(&self, number: u32) -> Option<(i8, Option<u8>)> {
        let named = self.named.iter().find(|it| it.number == number)?;
        Some((named.scale(), named.unit))
    }

    /// Rows of a step and, where it has none yet or none any more, of those beside it.
    fn fetch(
        &mut self,
        connection: &Connection,
        tier: usize,
        from: i64,
        to: i64,
    ) -> Result<(), Fault> {
        if self.named.is_empty() || from >= to {
            return Ok(());
        }
        let step = step_of(tier);
        let width = step * 1_000;
        let (from, to) = if step == CYCLES {
            (from, to)
        } else {
            // A step that is half in is in.
            (
                from.div_euclid(width) * width,
                to.saturating_add(width - 1).div_euclid(width) * width,
            )
        };
        let mut done = from;
        if let Some(above) = STEPS.get(tier).map(|step| step * 1_000) {
            let oldest = oldest(connection, self.meter, step, from, to)?;
            let gone = oldest.unwrap_or(to).div_euclid(above) * above;
            if gone > from {
                done = self.coarser(connection, tier + 1, from, gone)?.max(done);
            }
        }
        done = self.rows(connection, step, done, to)?.max(done);
        // The newest step is not over: what there is of it is in the finer ones.
        if tier > 0 && done < to {
            self.finer(connection, tier - 1, done, to)?;
        }
        Ok(())
    }

    /// Upwards only. Up to where there was something.
    fn coarser(
        &mut self,
        connection: &Connection,
        tier: usize,
        from: i64,
        to: i64,
    ) -> Result<i64, Fault> {
        let step = step_of(tier);
        let mut done = from;
        if let Some(above) = STEPS.get(tier).map(|step| step * 1_000) {
            let oldest = oldest(connection, self.meter, step, from, to)?;
            let gone = oldest.unwrap_or(to).div_euclid(above) * above;
            if gone > from {
                done = self.coarser(connection, tier + 1, from, gone)?;
            }
        }
        Ok(self.rows(connection, step, done, to)?.max(done))
    }

    /// Downwards only.
    fn finer(
        &mut self,
        connection: &Connection,
        tier: usize,
        from: i64,
        to: i64,
    ) -> Result<(), Fault> {
        let done = self.rows(connection, step_of(tier), from, to)?.max(from);
        if tier > 0 && done < to {
            self.finer(connection, tier - 1, done, to)?;
        }
        Ok(())
    }

    /// Takes rows of one step; the end of the last one.
    fn rows(
        &mut self,
        connection: &Connection,
        step: i64,
        from: i64,
        to: i64,
    ) -> Result<i64, Fault> {
        let mut query = connection.prepare_cached(ROWS)?;
        let mut rows = query.query(params![self.meter.0, step, from, to])?;
        let mut done = from;
        while let Some(row) = rows.next()? {
            #[cfg(test)]
            TOUCHED.set(TOUCHED.get() + 1);
            let at: i64 = row.get(0)?;
            let body = row.get_ref(1)?.as_blob().unwrap_or_default();
            if step == CYCLES {
                for entry in cycle::entries(body) {
                    let at = at.saturating_add(entry.after.into());
                    let Some((scaler, unit)) = self.of(entry.number) else {
                        continue;
                    };
                    if let Some(number) = entry.value.decimal(scaler) {
                        self.see(unit);
                        self.add(single(at, number));
                    }
                }
            } else {
                done = at.saturating_add(step * 1_000);
                for (number, sum) in summary::entries(body) {
                    let Some((scaler, unit)) = self.of(number) else {
                        continue;
                    };
                    self.see(unit);
                    let (min, max) = sum.bounds(scaler);
                    let whole = |raw: i64| Told::Whole(Decimal::new(raw.into(), scaler));
                    let total = sum.sum(scaler);
                    let (first, last) = match sum.numbers {
                        Numbers::Whole { first, last, .. } => (whole(first), whole(last)),
                        Numbers::Float { first, last, .. } => (Told::Text(first), Told::Text(last)),
                    };
                    self.add(Held {
                        at,
                        min,
                        max,
                        sum: total,
                        first,
                        last,
                        count: sum.count,
                    });
                }
            }
        }
        Ok(done)
    }

    fn see(&mut self, unit: Option<u8>) {
        self.unit = unit.or(self.unit);
    }

    fn add(&mut self, new: Held) {
        if self.exact {
            self.points.push(new);
            // No more is ever held than a chart shows a few times over.
            if self.points.len() > self.most.saturating_mul(4) {
                self.fold();
            }
            return;
        }
        push(&mut self.points, self.width, new);
    }

    fn fold(&mut self) {
        self.exact = false;
        let each = std::mem::take(&mut self.points);
        for point in each {
            push(&mut self.points, self.width, point);
        }
    }

    fn series(mut self) -> Result<Series, Fault> {
        if self.exact && self.points.len() > self.most {
            self.fold();
        }
        let step = if self.exact { 0 } else { self.width };
        let points = self.points.into_iter().map(|held| {
            Ok(Point {
                at: timestamp(held.at)?,
                min: held.min,
                mean: mean(held.sum, held.count),
                max: held.max,
                first: held.first.text(),
                last: held.last.text(),
                count: held.count,
            })
        });
        Ok(Series {
            step: Duration::from_millis(step.unsigned_abs()),
            unit: self.unit,
            points: points.collect::<Result<_, Fault>>()?,
        })
    }
}

#[cfg(test)]
thread_local! {
    /// Rows looked at, for tests that count them.
    pub(super) static TOUCHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Through the key alone; seen by a test.
pub(super) const ROWS: &str = "SELECT at_ms, body FROM history
     WHERE meter = ? AND step = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms, again";

fn oldest(
    connection: &Connection,
    meter: MeterId,
    step: i64,
    from: i64,
    to: i64,
) -> Result<Option<i64>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT min(at_ms) FROM history WHERE meter = ? AND step = ? AND at_ms >= ? AND at_ms < ?",
    )?;
    Ok(query.query_row(params![meter.0, step, from, to], |row| row.get(0))?)
}

fn single(at: i64, number: Number<'_>) -> Held {
    let (float, told) = match number {
        Number::Whole(raw, scaler) => {
            let decimal = Decimal::new(raw.into(), scaler);
            (decimal.to_f64(), Told::Whole(decimal))
        }
        Number::Text(float, text) => (float, Told::Text(text.to_owned())),
    };
    Held {
        at,
        min: float,
        max: float,
        sum: float,
        first: told.clone(),
        last: told,
        count: 1,
    }
}

/// Into the step it belongs to; one that lags behind by a moment belongs to the newest.
fn push(points: &mut Vec<Held>, width: i64, mut new: Held) {
    new.at = new.at.div_euclid(width) * width;
    match points.last_mut() {
        Some(last) if last.at >= new.at => {
            last.min = last.min.min(new.min);
            last.max = last.max.max(new.max);
            last.sum += new.sum;
            last.last = new.last;
            last.count = last.count.saturating_add(new.count);
        }
        _ => points.push(new),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of readings")]
fn mean(sum: f64, count: u64) -> f64 {
    sum / count as f64
}

/// Rows looked through for readings of one key; beyond them it was not read for long.
const LOOK_BACK: i64 = 50_000;

/// The last so many of one key, oldest first; none that are further back than [`LOOK_BACK`] rows.
pub(in crate::store) fn readings(
    connection: &Connection,
    meter: MeterId,
    key: &str,
    limit: usize,
) -> Result<Vec<StoredReading>, Fault> {
    let mut named = series::all(connection, meter)?;
    named.retain(|it| it.key == key);
    let mut found = Vec::new();
    if named.is_empty() {
        return Ok(found);
    }
    let mut query = connection.prepare_cached(
        "SELECT at_ms, body FROM history WHERE meter = ? AND step = 0 ORDER BY at_ms DESC, again DESC LIMIT ?",
    )?;
    let mut rows = query.query([meter.0, LOOK_BACK])?;
    while let Some(row) = rows.next()? {
        if found.len() >= limit {
            break;
        }
        let at: i64 = row.get(0)?;
        let body = row.get_ref(1)?.as_blob().unwrap_or_default();
        let mut of_row = Vec::new();
        for entry in cycle::entries(body) {
            let Some(it) = named.iter().find(|it| it.number == entry.number) else {
                continue;
            };
            let error = match entry.value {
                cycle::Value::Error(error) => Some(error.to_owned()),
                _ => None,
            };
            of_row.push(StoredReading {
                obis: it.obis.clone(),
                at: timestamp(at.saturating_add(entry.after.into()))?,
                value: entry.value.text(it.scale()),
                raw: entry.value.raw(),
                unit: it.unit,
                error,
            });
        }
        of_row.reverse();
        found.extend(of_row);
    }
    found.truncate(limit);
    found.reverse();
    Ok(found)
}

/// What was ever kept of a meter.
pub(super) fn tracks(connection: &Connection, meter: MeterId) -> Result<Vec<Track>, Fault> {
    let mut found: Vec<Track> = Vec::new();
    for it in series::all(connection, meter)? {
        let track = Track {
            key: it.key,
            class: it.class,
            obis: it.obis,
            attribute: it.attribute,
            unit: it.unit,
        };
        // In another scale it is the same; the newest unit counts.
        let same = |held: &Track| {
            (&held.key, held.class, &held.obis, held.attribute)
                == (&track.key, track.class, &track.obis, track.attribute)
        };
        match found.iter_mut().find(|held| same(held)) {
            Some(held) => held.unit = track.unit.or(held.unit),
            None => found.push(track),
        }
    }
    Ok(found)
}

/// Readings as they came, a page of so many rows at a time.
pub(super) fn page(
    connection: &Connection,
    meter: MeterId,
    keys: &[String],
    (from, to): (Timestamp, Timestamp),
    after: Option<Place>,
    rows: usize,
) -> Result<Page, Fault> {
    let mut named = series::all(connection, meter)?;
    named.retain(|it| keys.contains(&it.key));
    let (from, to) = (from.as_millisecond(), to.as_millisecond());
    let begin = from.saturating_sub(SPAN_MS);
    let (at, again) = after.map_or((begin, -1), |it| (it.at, it.again));
    let mut query = connection.prepare_cached(
        "SELECT at_ms, again, body FROM history
         WHERE meter = ?1 AND step = 0 AND (at_ms, again) > (?2, ?3) AND at_ms < ?4
         ORDER BY at_ms, again LIMIT ?5",
    )?;
    let limit = i64::try_from(rows).unwrap_or(i64::MAX);
    let mut found = query.query(params![meter.0, at, again, to, limit])?;
    let mut page = Page::default();
    let mut seen = 0;
    while let Some(row) = found.next()? {
        seen += 1;
        let place = Place {
            at: row.get(0)?,
            again: row.get(1)?,
        };
        page.next = Some(place);
        let body = row.get_ref(2)?.as_blob().unwrap_or_default();
        for entry in cycle::entries(body) {
            let at = place.at.saturating_add(entry.after.into());
            let Some(it) = named.iter().find(|it| it.number == entry.number) else {
                continue;
            };
            if !(from..to).contains(&at) {
                continue;
            }
            let whole = matches!(entry.value, cycle::Value::Whole(_));
            let number = entry.value.decimal(it.scale()).is_some();
            let error = match entry.value {
                cycle::Value::Error(error) => Some(error.to_owned()),
                _ => None,
            };
            page.readings.push(Recorded {
                at: timestamp(at)?,
                key: it.key.clone(),
                class: it.class,
                obis: it.obis.clone(),
                attribute: it.attribute,
                value: entry.value.text(it.scale()),
                raw: entry.value.raw(),
                scaler: it.scaler.filter(|_| number || whole),
                unit: it.unit.filter(|_| number || whole),
                error,
            });
        }
    }
    if seen < rows {
        page.next = None;
    }
    Ok(page)
}
