//! What is wrong with one meter, seen in its status, its health, its polls and in time that passes. Pure. The rule: an alarm is
//! over when something says so: a link that stands, a value that came; not when nothing is heard any more.

mod health;

use super::board::{Board, Said, TOUCH, What};
use super::values::{CAUSES, Verdict, Watched};
use crate::cosem::data::printable;
use crate::diagnosis::{Confidence, Finding, plausible};
use crate::meter::recovery::{Breaker, Cause};
use crate::meter::{Definition, MeterStatus, Phase, Poll};
use crate::store::{Alarm, Severity};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

const PERSON: &str = "needs-person";
const BREAKER: &str = "breaker";
const WATCHDOG: &str = "watchdog";
const RESTING: &str = "resting";
const SILENT: &str = "silent";

/// However short the intervals, a shorter silence is none.
const LEAST_SILENCE: Duration = Duration::from_mins(1);
/// So long without another bite a watchdog's alarm stands.
const QUIET: Duration = Duration::from_mins(10);
/// After a start a finding needs so many polls to be made again.
const POLLS: u64 = 5;
/// What is remembered of a meter; nothing is allocated for one whose objects have no limits.
#[derive(Debug, Default)]
pub struct Watch {
    /// Since when values are expected of it.
    on: Option<Instant>,
    /// It ran in this run of the program.
    ran: bool,
    value: Option<Instant>,
    /// When it was said last that none comes.
    told: Option<Instant>,
    /// How often its watchdogs bit, and when one did last.
    bites: u64,
    bitten: Option<Instant>,
    published: Option<Mark>,
    /// When it is to be looked at though nothing happened.
    due: Option<Instant>,
    values: Vec<Watched>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    made: u64,
    acknowledged: u64,
}

impl Watch {
    pub(super) fn begin_anew(&mut self, now: Instant) {
        *self = Self {
            on: self.on.map(|_| now),
            ran: self.ran,
            bites: self.bites,
            due: self.due,
            ..Self::default()
        };
    }

    pub(super) fn is_due(&self, at: Instant) -> bool {
        self.due == Some(at)
    }

    /// When to look again, where that is sooner than was planned; never at once.
    pub(super) fn next(&mut self, now: Instant, meter: &Definition) -> Option<Instant> {
        let bitten = self.bitten.map(|at| at + QUIET);
        let told = self.told.map(|at| at + TOUCH);
        let silence = (self.overdue(meter)).map(|it| told.map_or(it, |told| it.max(told)));
        let next = [silence, bitten].into_iter().flatten().min()?;
        let next = next.max(now + super::EVERY);
        if self.due.is_some_and(|due| due <= next) {
            return None;
        }
        self.due = Some(next);
        Some(next)
    }

    /// When a silence becomes an alarm.
    fn overdue(&self, meter: &Definition) -> Option<Instant> {
        let since = self.on.map(|on| self.value.map_or(on, |it| it.max(on)))?;
        if meter.overdue == 0 || meter.objects.is_empty() {
            return None;
        }
        since.checked_add(allowed(meter))
    }

    pub(super) fn status(
        &mut self,
        board: &mut Board,
        at: Timestamp,
        now: Instant,
        meter: &Definition,
        status: &MeterStatus,
    ) {
        let all = |cause| about(meter, "", cause);
        match status.phase {
            Phase::Stopped => {
                if std::mem::take(&mut self.ran) {
                    board.clear_those(at, meter.id, |_| true);
                    *self = Self {
                        bites: self.bites,
                        ..Self::default()
                    };
                }
                return;
            }
            // Nobody polls: what there is stays as it is.
            Phase::Lent => {
                (self.on, self.published) = (None, None);
                return;
            }
            _ if self.on.is_none() => (self.on, self.ran) = (Some(now), true),
            _ => {}
        }
        let ready = status.phase == Phase::Ready;
        let error = status.last_error.as_ref().map_or("", |it| &it.what);
        if status.phase == Phase::NeedsPerson {
            let ask = status.asks.first().map_or("", String::as_str);
            let text = || said(&said("it waits for a person to say go on", error), ask);
            let say = || words(Severity::Critical, &text());
            board.raise(at, &meter.name, all(PERSON), say);
        }
        // Somebody said go on, and it is away. Refused again soon, it is the same alarm.
        if let Phase::Waiting { .. } = status.phase {
            board.clear(at, all(PERSON));
        }
        let recovery = &status.recovery;
        if let Breaker::Open { .. } = recovery.breaker {
            let text = || {
                let tried = format!(
                    "the circuit breaker is open after {} reconnects: one try every {}",
                    recovery.recent,
                    humantime::format_duration(meter.recovery.breaker_pause)
                );
                said(&tried, error)
            };
            let say = || words(Severity::Warning, &text());
            board.raise(at, &meter.name, all(BREAKER), say);
        }
        self.watchdogs(board, at, now, meter, status);
        // One that was just taken out of the poll, or renamed, rests there a little longer.
        let polled = |key: &str| meter.objects.iter().any(|it| it.key == key);
        for it in recovery.resting.iter().filter(|it| polled(&it.key)) {
            let text = || said(&format!("{} is left alone for a while", it.key), &it.why);
            let say = || words(Severity::Warning, &text());
            board.raise(at, &meter.name, about(meter, &it.key, RESTING), say);
        }
        for finding in status.findings.iter().filter(|it| matters(it)) {
            let what = all(finding.id);
            board.raise(at, &meter.name, what, || found(finding));
        }
        if ready && board.has(meter.id) {
            let settled = status.counters.polls >= POLLS;
            let stays = |it: &Alarm| {
                status
                    .findings
                    .iter()
                    .any(|f| f.id == it.cause && matters(f))
            };
            board.clear_those(at, meter.id, |it| match it.cause.as_str() {
                PERSON => true,
                BREAKER => recovery.breaker == Breaker::Closed,
                cause if plausible::is_one(cause) => settled && !stays(it),
                _ => false,
            });
        }
    }

    fn watchdogs(
        &mut self,
        board: &mut Board,
        at: Timestamp,
        now: Instant,
        meter: &Definition,
        status: &MeterStatus,
    ) {
        let recovery = &status.recovery;
        let bites: u64 = (Cause::WATCHDOGS.iter())
            .map(|it| u64::from(recovery.fired(*it)))
            .sum();
        let times = bites.saturating_sub(self.bites);
        self.bites = bites;
        if times == 0 {
            // One of an earlier run goes like any other.
            let what = about(meter, "", WATCHDOG);
            if self.bitten.is_none() && board.has(meter.id) && board.stands(what) {
                self.bitten = self.on;
            }
            return;
        }
        self.bitten = Some(now);
        let text = || {
            let each: Vec<String> = (Cause::WATCHDOGS.iter())
                .filter(|it| recovery.fired(**it) > 0)
                .map(|it| {
                    let word = it.word().trim_start_matches("watchdog ");
                    format!("{word} {}", recovery.fired(*it))
                })
                .collect();
            let list = each.join(", ");
            let error = status.last_error.as_ref().map_or("", |it| &it.what);
            said(
                &format!("a watchdog opened the link anew (since the start: {list})"),
                error,
            )
        };
        let say = || words(Severity::Warning, &text());
        let what = about(meter, "", WATCHDOG);
        board.happened(at, &meter.name, what, times, say);
    }

    pub(super) fn poll(
        &mut self,
        board: &mut Board,
        at: Timestamp,
        now: Instant,
        meter: &Definition,
        poll: &Poll,
    ) {
        let good = || poll.readings.iter().filter(|it| it.value.is_ok());
        if good().next().is_some() {
            (self.value, self.told) = (Some(now), None);
            if board.has(meter.id) {
                board.clear_those(at, meter.id, |it| match it.cause.as_str() {
                    SILENT => true,
                    RESTING => good().any(|reading| reading.key == it.key),
                    _ => false,
                });
            }
        }
        for reading in good() {
            let object = meter.objects.iter().find(|it| it.key == reading.key);
            let limits = object.map(|it| it.limits).filter(|it| !it.is_none());
            let Some((limits, value)) = limits.zip(reading.decimal()) else {
                continue;
            };
            let place = self.values.iter().position(|it| it.key == reading.key);
            let place = place.unwrap_or_else(|| {
                self.values.push(Watched::new(&reading.key));
                self.values.len() - 1
            });
            let watched = &mut self.values[place];
            let stands = CAUSES.map(|cause| board.stands(about(meter, &reading.key, cause)));
            let Some(verdicts) = watched.judge(&limits, reading.at, value, stands) else {
                continue;
            };
            for (place, verdict) in verdicts.into_iter().enumerate() {
                let what = about(meter, &reading.key, CAUSES[place]);
                match verdict {
                    Verdict::Unsettled => {}
                    Verdict::Well => board.clear(reading.at, what),
                    Verdict::Beyond => {
                        let unit = reading.scaler_unit.map_or("", |it| it.unit.symbol());
                        let say = || Said {
                            value: Some(value.to_string()),
                            ..words(
                                Severity::Warning,
                                &watched.words(place, &limits, reading.at, (value, unit)),
                            )
                        };
                        board.raise(reading.at, &meter.name, what, say);
                    }
                }
            }
        }
    }

    /// What the definition does not say any more cannot be an alarm.
    pub(super) fn adopt(&mut self, board: &mut Board, at: Timestamp, meter: &Definition) {
        let object = |key: &str| meter.objects.iter().find(|it| it.key == key);
        self.values
            .retain(|it| object(&it.key).is_some_and(|it| !it.limits.is_none()));
        // Not `overdue`: one that has just started is not yet waited for.
        let missed = meter.overdue > 0 && !meter.objects.is_empty();
        board.clear_those(at, meter.id, |it| {
            let limits = object(&it.key).map(|it| it.limits);
            let gone = limits.is_none();
            match it.cause.as_str() {
                "high" => limits.is_none_or(|it| it.high.is_none()),
                "low" => limits.is_none_or(|it| it.low.is_none()),
                "rate" => limits.is_none_or(|it| it.rate.is_none()),
                RESTING => gone,
                SILENT => !missed,
                _ => false,
            }
        });
    }

    pub(super) fn time_is_up(
        &mut self,
        board: &mut Board,
        at: Timestamp,
        now: Instant,
        meter: &Definition,
        status: &MeterStatus,
    ) {
        self.due = None;
        if self.bitten.is_some_and(|bitten| now >= bitten + QUIET) {
            self.bitten = None;
            if status.phase == Phase::Ready {
                board.clear(at, about(meter, "", WATCHDOG));
            } else if board.stands(about(meter, "", WATCHDOG)) {
                // Once more, when it may have found back.
                self.bitten = Some(now);
            }
        }
        let Some(since) = self.overdue(meter).filter(|overdue| now >= *overdue) else {
            return;
        };
        // Again in a while, to say for how long.
        self.told = Some(now);
        if status.phase == Phase::NeedsPerson {
            return;
        }
        let silent = now.saturating_duration_since(since) + allowed(meter);
        let text = || {
            let seconds =
                |it: Duration| humantime::format_duration(Duration::from_secs(it.as_secs()));
            let every = humantime::format_duration(meter.interval());
            let none = format!("no reading for {}, due every {every}", seconds(silent));
            let error = status.last_error.as_ref().map_or("", |it| &it.what);
            said(&none, error)
        };
        let what = about(meter, "", SILENT);
        board.raise(at, &meter.name, what, || words(Severity::Warning, &text()));
    }
}

/// How long a meter may be silent.
fn allowed(meter: &Definition) -> Duration {
    let intervals = meter.interval().saturating_mul(meter.overdue.into());
    intervals.max(LEAST_SILENCE)
}

fn about<'a>(meter: &Definition, key: &'a str, cause: &'static str) -> What<'a> {
    What {
        meter: meter.id,
        key,
        cause,
    }
}

fn matters(finding: &Finding) -> bool {
    plausible::is_one(finding.id) && finding.confidence >= Confidence::Likely
}

fn found(finding: &Finding) -> Said {
    let severity = if finding.confidence == Confidence::Certain {
        Severity::Warning
    } else {
        Severity::Info
    };
    let evidence = finding.evidence.first().map_or("", |it| &it.text);
    words(severity, &said(&finding.title, evidence))
}

fn words(severity: Severity, text: &str) -> Said {
    Said {
        severity,
        text: printable(text),
        value: None,
    }
}

fn said(one: &str, two: &str) -> String {
    if two.is_empty() {
        one.to_owned()
    } else {
        format!("{one}: {two}")
    }
}

#[cfg(test)]
mod tests;
