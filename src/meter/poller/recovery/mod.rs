//! What keeps a meter read: pauses that grow, a circuit breaker, watchdogs, objects rested alone. The rule: whatever heals
//! is counted under its cause and shown, and no level goes past what only a person may decide.

mod back_off;
mod breaker;
mod objects;

use super::cycle::LostOver;
use super::{Next, Owner};
use crate::meter::definition::{Definition, PolledObject, RecoverySettings};
use crate::meter::reading::{Reading, ReadingError};
use crate::meter::recovery::{Breaker, Cause, Recovery};
use crate::meter::tap::Note;
use breaker::CircuitBreaker;
use objects::Ailing;
use std::time::Duration;
use tokio::time::Instant;

/// Polls without a value before silence means something, however rarely the meter is polled.
const SILENT_POLLS: u32 = 3;

/// What the owner remembers of trouble.
#[derive(Debug, Default)]
pub(super) struct Healing {
    breaker: CircuitBreaker,
    pub(super) objects: Ailing,
    /// Why the next connection is a new one; `None` for a first.
    cause: Option<Cause>,
    /// In a row, on this link.
    failed_cycles: u32,
    /// A new link brought no value either: the fault is not the link's.
    renewed_in_vain: bool,
    /// When the silence has lasted too long; only while associated.
    pub(super) silent_at: Option<Instant>,
    /// The association stands since then.
    ready_at: Option<Instant>,
    /// A value came since then.
    value_on_link: bool,
}

impl Healing {
    pub(super) fn is_paused(&self) -> bool {
        self.breaker.is_open()
    }

    /// A person says try: the breaker lets one through.
    pub(super) fn wished(&mut self, cause: Option<Cause>) {
        self.breaker.one_try();
        self.cause = cause;
    }

    /// Another device, or the same with other objects.
    pub(super) fn adopt(&mut self, old: &Definition, new: &Definition) {
        if old.is_elsewhere(new) {
            (self.breaker, self.objects) = Default::default();
            (self.failed_cycles, self.renewed_in_vain) = (0, false);
        } else if old.objects != new.objects {
            self.objects.keep_only(&new.objects);
        }
    }
}

fn longest_silence(meter: &Definition) -> Option<Duration> {
    let polls = meter.interval().saturating_mul(SILENT_POLLS);
    (!meter.objects.is_empty()).then(|| meter.recovery.silence.max(polls))
}

impl Owner {
    fn settings(&self) -> RecoverySettings {
        self.definition.recovery
    }

    /// A new connection is about to be tried.
    pub(super) fn begin_attempt(&mut self) {
        let (now, settings) = (Instant::now(), self.settings());
        let cause = self.healing.cause.take();
        let trouble = cause.is_some_and(Cause::is_trouble);
        self.healing.breaker.attempt(now, trouble, &settings);
        self.healing.failed_cycles = 0;
        self.show_breaker(|recovery| {
            if let Some(cause) = cause {
                recovery.count(cause);
            }
        });
    }

    /// The association stands: the watchdogs wake.
    pub(super) fn begin_watch(&mut self) {
        let now = Instant::now();
        self.healing.ready_at = Some(now);
        self.healing.value_on_link = false;
        self.healing.silent_at = longest_silence(&self.definition).map(|time| now + time);
    }

    pub(super) fn end_watch(&mut self) {
        (self.healing.ready_at, self.healing.silent_at) = (None, None);
    }

    /// What led to trouble, for when the next connection is tried.
    pub(super) fn blame(&mut self, cause: Cause) {
        self.healing.cause = Some(cause);
        if Cause::WATCHDOGS.contains(&cause) {
            self.board.recovery(|it| it.count_fired(cause));
        }
    }

    /// When the next connection may be tried. The breaker's word goes before the growing pause.
    pub(super) fn next_try(&mut self) -> Instant {
        let (now, settings) = (Instant::now(), self.settings());
        let trouble = self.healing.cause.is_none_or(Cause::is_trouble);
        let opened = (trouble.then(|| self.healing.breaker.failed(now, &settings))).flatten();
        let Some(until) = opened else {
            let held = self.board.may_hold_link(self.definition.inactivity);
            let pause = back_off::pause(self.failures, held, &settings, &mut self.rng);
            self.show_breaker(|it| it.back_offs = it.back_offs.saturating_add(1));
            return now + pause;
        };
        let pause = humantime::format_duration(settings.breaker_pause);
        self.remark(format!(
            "circuit breaker open: too many reconnects, nothing is tried for {pause}, then once"
        ));
        self.show_breaker(|it| it.opened = it.opened.saturating_add(1));
        until
    }

    /// A value came: whatever led to pauses is over.
    pub(super) fn healed(&mut self) {
        let healing = &mut self.healing;
        (healing.failed_cycles, healing.renewed_in_vain) = (0, false);
        healing.value_on_link = true;
        healing.silent_at = longest_silence(&self.definition).map(|time| Instant::now() + time);
        if healing.breaker.state() == Breaker::HalfOpen {
            healing.breaker.worked();
            self.remark("circuit breaker closed: values come again".to_owned());
            self.show_breaker(|_| {});
        }
    }

    /// What is read has changed: how long a silence may last, too.
    pub(super) fn renew_silence(&mut self) {
        if self.healing.silent_at.is_some() {
            let longest = longest_silence(&self.definition);
            self.healing.silent_at = longest.map(|time| Instant::now() + time);
        }
    }

    /// The watchdog of silence, and the new connection that is wished for after a while; that one costs no poll that is due.
    pub(super) fn link_is_over(&mut self, nothing_due: bool) -> Option<Next> {
        let now = Instant::now();
        if self.healing.silent_at.is_some_and(|at| at <= now) {
            return Some(self.silent());
        }
        let age = now.duration_since(self.healing.ready_at?);
        let preventive = self.settings().preventive?;
        (nothing_due && age >= preventive).then(|| {
            self.blame(Cause::Preventive);
            Next::Wait
        })
    }

    pub(super) fn silent(&mut self) -> Next {
        let time = longest_silence(&self.definition).unwrap_or_default();
        let time = humantime::format_duration(time);
        self.bite(Cause::Silence, format!("no value came for {time}"))
    }

    fn bite(&mut self, watchdog: Cause, what: String) -> Next {
        self.remark(format!("{}: {what}", watchdog.word()));
        self.board.trouble(
            what,
            "the link is made anew by itself; if it helps nothing, look at the values that were refused, and whether this \
             client may read them"
                .to_owned(),
        );
        self.blame(watchdog);
        Next::Wait
    }

    /// What a cycle says: of the objects, and of the link. `readings`: what was answered, by place; `lost`: over which
    /// object the link ended, and how; `whole`: it was not broken off.
    pub(super) fn cycle_over(
        &mut self,
        readings: &[(usize, Reading)],
        lost: Option<(&LostOver, &str)>,
        whole: bool,
    ) -> Option<Next> {
        let brought = readings.iter().any(|(_, it)| it.value.is_ok());
        if brought {
            self.healed();
        }
        self.judge_objects(readings, lost, brought);
        if readings.is_empty() && lost.is_none() && whole {
            // Everything rests: nothing was asked, so nothing is silent.
            self.healing.silent_at = None;
            return None;
        }
        if brought || !whole {
            return None;
        }
        let healing = &mut self.healing;
        if healing.silent_at.is_none() {
            healing.silent_at = longest_silence(&self.definition).map(|time| Instant::now() + time);
        }
        healing.failed_cycles = healing.failed_cycles.saturating_add(1);
        let most = self.settings().failed_cycles;
        // The link that is lost is made anew anyway.
        if self.healing.failed_cycles < most || lost.is_some() || self.healing.renewed_in_vain {
            return None;
        }
        self.healing.renewed_in_vain = true;
        let count = self.healing.failed_cycles;
        Some(self.bite(
            Cause::FailedCycles,
            format!("{count} polls in a row brought not one value"),
        ))
    }

    fn judge_objects(
        &mut self,
        readings: &[(usize, Reading)],
        lost: Option<(&LostOver, &str)>,
        brought: bool,
    ) {
        let (now, settings) = (Instant::now(), self.settings());
        let mut rested = Vec::new();
        let mut changed = false;
        // Where nothing at all comes it is not this object, until a new link has shown that it is not the link.
        let definition = &self.definition;
        // Objects that are well and had no turn now speak for the link, too.
        let well = |(place, object): (usize, &PolledObject)| {
            readings.iter().all(|(read, _)| *read != place)
                && !self.healing.objects.is_ailing(object.spec)
        };
        let vouched = self.healing.value_on_link && definition.objects.iter().enumerate().any(well);
        let own_fault = brought || self.healing.renewed_in_vain || vouched;
        for (index, reading) in readings {
            let Some(object) = definition.objects.get(*index) else {
                continue;
            };
            match &reading.value {
                Err(ReadingError::Get(error)) if own_fault => {
                    let why = error.to_string();
                    if self.healing.objects.refused(object, &why, now, &settings) {
                        rested.push(format!("{} is rested: {why}", object.key));
                    }
                }
                Ok(_) => changed |= self.healing.objects.answered(object.spec),
                Err(_) => {}
            }
        }
        if let Some((over, why)) = lost {
            let others = !readings.is_empty() || vouched;
            let objects = over.places.iter();
            let objects: Vec<_> = objects
                .filter_map(|it| definition.objects.get(*it))
                .collect();
            let ailing = &mut self.healing.objects;
            match objects[..] {
                [object] if ailing.lost(object, others, why, now, &settings) => {
                    rested.push(format!(
                        "{} is rested: the link is lost whenever it is asked",
                        object.key
                    ));
                }
                // Which of them it was shows when each is asked by itself.
                [_, _, ..] => objects.iter().for_each(|it| ailing.suspect(it, why)),
                _ => {}
            }
        }
        if changed || !rested.is_empty() {
            self.show_resting(rested.len());
        }
        for words in rested {
            self.remark(words);
        }
    }

    /// Somebody asked, and it answered: it need not rest.
    pub(super) fn wake_objects(&mut self, readings: &[Reading]) {
        let mut woken = false;
        for reading in readings.iter().filter(|it| it.value.is_ok()) {
            woken |= self.healing.objects.answered(reading.spec);
        }
        if woken {
            self.show_resting(0);
        }
    }

    /// What rests is shown as it is now; so many more were rested.
    pub(super) fn show_resting(&mut self, more: usize) {
        let resting = self.healing.objects.resting();
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        self.board.recovery(|it| {
            it.resting = resting.into();
            it.rested = it.rested.saturating_add(more);
        });
    }

    fn show_breaker(&mut self, more: impl FnOnce(&mut Recovery)) {
        let settings = self.settings();
        let recent = self.healing.breaker.recent(Instant::now(), &settings);
        let breaker = self.healing.breaker.state();
        self.board.recovery(|it| {
            (it.breaker, it.recent) = (breaker, recent);
            more(it);
        });
    }

    /// A line in the trace, where it happened.
    fn remark(&self, words: String) {
        self.tap.note(self.clock.now(), Note::Text(words));
    }
}
