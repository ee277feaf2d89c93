//! The course of one value over a span of time. The rule: what was not read is a gap, and every number told is one that
//! was read or is marked as a mean.
use crate::meter::{Definition, MeterId};
use crate::store::{Point, Query, Series};
use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    #[default]
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Span {
    pub const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
            Self::Year => "1 y",
        }
    }

    pub const fn length(self) -> Duration {
        Duration::from_hours(match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
            Self::Year => 365 * 24,
        })
    }

    /// How a moment is written below a chart of this span.
    pub const fn moment(self) -> &'static str {
        match self {
            Self::Hour | Self::Day => "%H:%M",
            Self::Week => "%a %d %H:%M",
            Self::Month | Self::Year => "%Y-%m-%d",
        }
    }

    /// How often a chart that goes on is asked for anew.
    const fn renewed(self) -> Duration {
        match self {
            Self::Hour => Duration::from_secs(10),
            Self::Day => Duration::from_mins(1),
            Self::Week | Self::Month | Self::Year => Duration::from_mins(5),
        }
    }

    fn step(self, farther: bool) -> Self {
        let at = Self::ALL.iter().position(|span| *span == self).unwrap_or(0);
        let to = if farther {
            at + 1
        } else {
            at.saturating_sub(1)
        };
        Self::ALL.get(to).copied().unwrap_or(self)
    }
}

#[derive(Clone, Debug)]
pub struct Chart {
    pub meter: MeterId,
    /// Position of the object in the meter's definition.
    pub object: usize,
    pub span: Span,
    /// Its right end; `None` follows the time.
    pub until: Option<Timestamp>,
    /// The answer to `asked` is under way.
    pub waiting: bool,
    pub series: Result<Series, String>,
    /// What the series is of: begin, end, and how far apart readings may be without a gap between them.
    pub from: Timestamp,
    pub to: Timestamp,
    pub reach: Duration,
    ticket: u64,
    asked: Option<Instant>,
}

impl Chart {
    pub fn new(meter: MeterId, object: usize, now: Timestamp) -> Self {
        Self {
            meter,
            object,
            span: Span::default(),
            until: None,
            waiting: false,
            series: Ok(Series::default()),
            from: now,
            to: now,
            reach: Duration::ZERO,
            ticket: 0,
            asked: None,
        }
    }

    /// The question for what is to be shown now, in so many columns. What is on the screen stays until the answer.
    pub fn ask(
        &mut self,
        definition: &Definition,
        ticket: u64,
        columns: usize,
        now: super::Now,
    ) -> Option<Query> {
        let object = definition.objects.get(self.object)?;
        let to = self.until.unwrap_or(now.wall);
        let length = SignedDuration::try_from(self.span.length()).ok()?;
        let from = to.checked_sub(length).ok()?;
        (self.ticket, self.asked, self.waiting) = (ticket, Some(now.mono), true);
        (self.from, self.to) = (from, to);
        self.reach = super::meters::late(definition.every(object));
        Some(Query {
            meter: self.meter,
            key: object.key.clone(),
            from,
            to,
            points: columns,
        })
    }

    /// Takes the answer, unless another question was asked since.
    pub fn take(&mut self, ticket: u64, series: Result<Series, String>) -> bool {
        let mine = self.waiting && self.ticket == ticket;
        if mine {
            (self.series, self.waiting) = (series, false);
        }
        mine
    }

    /// Whether it follows the time and time has passed.
    pub fn is_old(&self, now: Instant) -> bool {
        let old = |at: Instant| now.saturating_duration_since(at) >= self.span.renewed();
        self.until.is_none() && !self.waiting && self.asked.is_some_and(old)
    }

    /// Half a span back or on; never beyond now.
    pub fn shift(&mut self, back: bool, now: Timestamp) {
        let half = SignedDuration::try_from(self.span.length() / 2).unwrap_or_default();
        let end = self.until.unwrap_or(now);
        let end = if back {
            end.checked_sub(half)
        } else {
            end.checked_add(half)
        };
        self.until = end.ok().filter(|end| *end < now);
        self.forget();
    }

    pub fn zoom(&mut self, farther: bool) {
        self.span = self.span.step(farther);
        self.forget();
    }

    pub fn choose(&mut self, back: bool, objects: usize) {
        let last = objects.saturating_sub(1);
        let to = if back {
            self.object.saturating_sub(1)
        } else {
            self.object + 1
        };
        self.object = to.min(last);
        self.forget();
    }

    pub fn follow(&mut self) {
        self.until = None;
        self.forget();
    }

    /// Numbers of another time or value must not stand under this one's name.
    fn forget(&mut self) {
        self.series = Ok(Series::default());
    }

    pub fn points(&self) -> &[Point] {
        self.series.as_ref().map_or(&[], |series| &series.points)
    }

    /// What falls into each of so many columns; `None` is a gap.
    pub fn columns(&self, count: usize) -> Vec<Option<Column>> {
        let mut columns = vec![None; count];
        let begin = self.from.as_millisecond();
        let length = self.to.as_millisecond().saturating_sub(begin).max(1);
        let wide = i64::try_from(count).unwrap_or(1);
        let column = |at: i64| usize::try_from(at.saturating_sub(begin).max(0) * wide / length);
        let step = self.series.as_ref().map_or(Duration::ZERO, |s| s.step);
        let reach = i64::try_from(self.reach.max(step).as_millis()).unwrap_or(i64::MAX);
        let points = self.points();
        for (point, next) in points
            .iter()
            .zip(points.iter().skip(1).map(Some).chain([None]))
        {
            let at = point.at.as_millisecond();
            // A reading stands until the next, as far as one may be expected to reach.
            let stands = at.saturating_add(reach);
            let until = next.map_or(stands, |next| next.at.as_millisecond().min(stands));
            let (Ok(first), Ok(last)) =
                (column(at), column(until.min(self.to.as_millisecond()) - 1))
            else {
                continue;
            };
            for column in columns.iter_mut().take(last.max(first) + 1).skip(first) {
                let column: &mut Option<Column> = column;
                match column {
                    Some(known) => known.add(point),
                    None => *column = Some(Column::of(point)),
                }
            }
        }
        columns
    }

    /// Lowest, mean and highest of all of it, with the moments of the ends.
    pub fn figures(&self) -> Option<Figures> {
        let points = self.points();
        let low = points.iter().min_by(|a, b| a.min.total_cmp(&b.min))?;
        let high = points.iter().max_by(|a, b| a.max.total_cmp(&b.max))?;
        let count: u64 = points.iter().map(|point| point.count).sum();
        #[expect(clippy::cast_precision_loss, reason = "a mean for the eye")]
        let mean =
            points.iter().map(|p| p.mean * p.count as f64).sum::<f64>() / count.max(1) as f64;
        Some(Figures {
            min: (low.min, low.at),
            mean,
            max: (high.max, high.at),
            last: points.last()?.last.clone(),
            count,
        })
    }
}

/// Readings under one column of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    pub min: f64,
    pub mean: f64,
    pub max: f64,
    points: u32,
}

impl Column {
    fn of(point: &Point) -> Self {
        Self {
            min: point.min,
            mean: point.mean,
            max: point.max,
            points: 1,
        }
    }

    fn add(&mut self, point: &Point) {
        self.min = self.min.min(point.min);
        self.max = self.max.max(point.max);
        self.points += 1;
        self.mean += (point.mean - self.mean) / f64::from(self.points);
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub min: (f64, Timestamp),
    pub mean: f64,
    pub max: (f64, Timestamp),
    /// Exactly as it was read.
    pub last: String,
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::app::fixture::wall;

    fn point(at: Timestamp, value: f64) -> Point {
        Point {
            at,
            min: value,
            mean: value,
            max: value,
            first: value.to_string(),
            last: value.to_string(),
            count: 1,
        }
    }

    fn hour(points: Vec<Point>) -> Chart {
        let mut chart = Chart::new(MeterId(1), 0, wall());
        chart.from = wall() - SignedDuration::from_hours(1);
        chart.reach = Duration::from_mins(2);
        chart.series = Ok(Series {
            points,
            ..Series::default()
        });
        chart
    }

    #[test]
    fn a_gap_is_a_gap_and_a_reading_stands_until_the_next() {
        let begin = wall() - SignedDuration::from_hours(1);
        let minute = |n: i64| begin + SignedDuration::from_mins(n);
        let chart = hour(
            (0..60)
                .filter(|n| !(20..40).contains(n))
                .map(|n| point(minute(n), f64::from(u8::try_from(n).unwrap())))
                .collect(),
        );
        let columns = chart.columns(60);
        assert!(columns[..20].iter().all(Option::is_some));
        assert!(columns[22..40].iter().all(Option::is_none));
        assert!(columns[40..].iter().all(Option::is_some));
        let between = chart.columns(120)[1].unwrap().mean;
        assert!(between.abs() < f64::EPSILON, "between two minutes");
        let figures = chart.figures().unwrap();
        assert_eq!(
            (figures.min, figures.max),
            ((0.0, minute(0)), (59.0, minute(59)))
        );
        assert_eq!((figures.last.as_str(), figures.count), ("59", 40));
        assert!(chart.columns(0).is_empty());
        assert_eq!(hour(Vec::new()).figures(), None);
    }

    #[test]
    fn it_shifts_by_half_spans_and_ends_at_now() {
        let mut chart = Chart::new(MeterId(1), 0, wall());
        chart.shift(true, wall());
        assert_eq!(chart.until, Some(wall() - SignedDuration::from_mins(30)));
        chart.shift(false, wall());
        assert_eq!(chart.until, None, "what comes is followed again");
        for _ in 0..9 {
            chart.zoom(true);
        }
        assert_eq!(chart.span, Span::Year);
        chart.zoom(false);
        assert_eq!(chart.span, Span::Month);
    }

    #[test]
    fn an_answer_to_an_older_question_is_let_go() {
        let moment = crate::tui::app::fixture::Moment::new();
        let definition = moment.healthy().definition;
        let mut chart = Chart::new(MeterId(1), 0, wall());
        chart.ask(&definition, 1, 80, moment.now()).unwrap();
        let query = chart.ask(&definition, 2, 80, moment.now()).unwrap();
        assert_eq!((query.key.as_str(), query.points), ("voltage_l1", 80));
        assert!(!chart.take(1, Ok(Series::default())) && chart.waiting);
        assert!(chart.take(2, Err("the disk is gone".into())));
        assert!(!chart.is_old(moment.mono));
        assert!(chart.is_old(moment.mono + Duration::from_secs(10)));
    }
}
