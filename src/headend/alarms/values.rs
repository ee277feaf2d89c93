//! Values held against their object's limits. Pure: a reading says when it was taken. The rule: what was not read is neither
//! beyond a limit nor well; numbers are compared exactly.

use crate::cosem::Decimal;
use crate::meter::definition::{Limits, Rate};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// The causes of value alarms, as [`Watched::judge`] answers them.
pub(super) const CAUSES: [&str; 3] = ["high", "low", "rate"];

/// Readings a rate is measured from, evenly over its time.
const SAMPLES: u32 = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Beyond,
    Well,
    /// Not for long enough, or not far enough back: it stays as it is.
    Unsettled,
}

/// What is remembered of one object that has limits.
#[derive(Debug)]
pub(super) struct Watched {
    pub key: String,
    /// By cause: since when it was beyond in every reading.
    beyond: [Option<Timestamp>; 3],
    samples: VecDeque<(Timestamp, Decimal)>,
    last: Option<Timestamp>,
    /// From which reading the value moved too far.
    from: Option<(Timestamp, Decimal)>,
}

impl Watched {
    pub fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            beyond: [None; 3],
            samples: VecDeque::new(),
            last: None,
            from: None,
        }
    }

    /// By cause; `stands` says which of them are alarms now. None: this reading was judged before.
    pub fn judge(
        &mut self,
        limits: &Limits,
        at: Timestamp,
        value: Decimal,
        stands: [bool; 3],
    ) -> Option<[Verdict; 3]> {
        match self.last {
            Some(last) if last == at => return None,
            // The clock was put back: for how long anything held is not known.
            Some(last) if last > at => *self = Self::new(&self.key),
            _ => {}
        }
        self.last = Some(at);
        let back = limits.hysteresis;
        let high = limits.high.map(|high| {
            let well = high.plus(back.negative()).unwrap_or(high);
            (value.compare(high).is_gt(), value.compare(well).is_le())
        });
        let low = limits.low.map(|low| {
            let well = low.plus(back).unwrap_or(low);
            (value.compare(low).is_lt(), value.compare(well).is_ge())
        });
        let rate = limits.rate.map(|rate| {
            let over = self.moved(rate, at, value);
            (over, !over)
        });
        let mut verdicts = [Verdict::Well; 3];
        for (cause, it) in [high, low, rate].into_iter().enumerate() {
            let Some((beyond, well)) = it else { continue };
            verdicts[cause] = if beyond {
                let since = *self.beyond[cause].get_or_insert(at);
                if stands[cause] || span(since, at) >= limits.delay {
                    Verdict::Beyond
                } else {
                    Verdict::Unsettled
                }
            } else {
                self.beyond[cause] = None;
                if well || !stands[cause] {
                    Verdict::Well
                } else {
                    Verdict::Unsettled
                }
            };
        }
        Some(verdicts)
    }

    /// Whether it is farther from a reading within the time than it may be; where there is none, whether it moved faster since
    /// the last.
    fn moved(&mut self, rate: Rate, at: Timestamp, value: Decimal) -> bool {
        while (self.samples.get(1)).is_some_and(|(next, _)| span(*next, at) > rate.per) {
            self.samples.pop_front();
        }
        let far = self.samples.iter().find(|(then, before)| {
            let (apart, time) = (value.wide(*before), span(*then, at).max(rate.per));
            let times = |it: Decimal, by: Duration| {
                let by = i128::try_from(by.as_millis()).unwrap_or(i128::MAX);
                it.times(by)
            };
            match (times(apart, rate.per), times(rate.change, time)) {
                (Some(moved), Some(allowed)) => moved.compare(allowed).is_gt(),
                // The change has few digits.
                _ => true,
            }
        });
        self.from = far.copied();
        let newest = self.samples.back();
        if newest.is_none_or(|(then, _)| span(*then, at) >= rate.per / SAMPLES) {
            self.samples.push_back((at, value));
        }
        self.from.is_some()
    }

    /// `voltage_l1 is 254.1 V: over 253`
    pub fn words(
        &self,
        cause: usize,
        limits: &Limits,
        at: Timestamp,
        (value, unit): (Decimal, &str),
    ) -> String {
        let key = &self.key;
        let with = |value: Decimal| format!("{value} {unit}").trim_end().to_owned();
        let shown = with(value);
        match (cause, limits.high, limits.low, limits.rate) {
            (0, Some(high), _, _) => format!("{key} is {shown}: over {high}"),
            (1, _, Some(low), _) => format!("{key} is {shown}: under {low}"),
            (_, _, _, Some(rate)) => {
                let per = humantime::format_duration(rate.per);
                let (then, before) = self.from.unwrap_or((at, value));
                let time =
                    humantime::format_duration(Duration::from_secs(span(then, at).as_secs()));
                let way = if value.compare(before).is_lt() {
                    "fell"
                } else {
                    "rose"
                };
                let (before, change) = (with(before), rate.change);
                format!(
                    "{key} {way} from {before} to {shown} within {time}: more than {change} within {per}"
                )
            }
            _ => format!("{key} is {shown}"),
        }
    }
}

fn span(before: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(before)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
