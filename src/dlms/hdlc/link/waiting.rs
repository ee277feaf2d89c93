//! How long we wait, and what we do when it was in vain: the drain, the response timeout, the pause of a busy meter.
//! The rule: every wait has an end, and the end is a frame sent again or a failure named.

use super::{Due, Link, LinkFailure, LinkState, MAX_DRAIN};
use std::time::{Duration, Instant};

/// Between two questions to a meter that is busy.
const PAUSE: Duration = Duration::from_millis(200);

/// A frame that keeps coming may hold up the response timeout this many times over: 2 KiB at 2400 baud take 9 s.
const SLOW_LINE: u32 = 4;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Asked {
    #[default]
    Information,
    ReceiveReady,
}

impl Asked {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Information => "I frame",
            Self::ReceiveReady => "RR",
        }
    }
}

/// One question and its answer, as far as patience goes.
#[derive(Default)]
pub(super) struct Exchange {
    /// What we said last.
    pub(super) asked: Asked,
    /// Timeouts since anything useful came.
    tries: u8,
    /// Frames repeated at the meter's word since anything useful came.
    pub(super) reasks: u8,
    /// A frame for us came damaged: likely the answer.
    pub(super) damaged: bool,
    /// A busy meter is asked again until then.
    patience: Option<Instant>,
    /// Until then the answer to a command given up may still come.
    late: Option<Instant>,
}

impl Exchange {
    pub(super) fn begin(&mut self) {
        *self = Self {
            late: self.late,
            ..Self::default()
        };
    }

    /// Something useful came.
    pub(super) fn progress(&mut self) {
        self.tries = 0;
        self.reasks = 0;
        self.damaged = false;
        self.patience = None;
    }

    pub(super) fn may_be_late(&self, now: Instant) -> bool {
        self.late.is_some_and(|late| now < late)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Quiet,
    Response,
    Pause,
}

#[derive(Default)]
pub(super) struct Timer {
    kind: Kind,
    since: Option<Instant>,
    deadline: Option<Instant>,
    /// When the meter is reminded, before the deadline.
    early: Option<Instant>,
    /// When the rest of an unfinished frame is no longer awaited, where octets may not pause for long.
    rest: Option<Instant>,
    /// Bytes thrown away while draining.
    drained: usize,
}

impl Timer {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// When something is to be done next.
    pub(super) fn next(&self) -> Option<Instant> {
        [self.deadline, self.rest, self.early]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn reminds(&self, now: Instant) -> bool {
        self.early.is_some_and(|early| early <= now)
    }

    pub(super) fn rest_is_late(&self, now: Instant) -> bool {
        self.rest.is_some_and(|rest| rest <= now)
    }

    pub(super) fn stop(&mut self) {
        self.deadline = None;
        self.early = None;
        self.rest = None;
    }

    fn start(&mut self, kind: Kind, now: Instant, deadline: Instant) {
        self.kind = kind;
        self.since = Some(now);
        self.deadline = Some(deadline);
        self.early = None;
        self.rest = None;
    }
}

/// A wait beyond any clock is as good as a year.
fn after(now: Instant, wait: Duration) -> Instant {
    const YEAR: Duration = Duration::from_hours(8760);
    now.checked_add(wait.min(YEAR)).unwrap_or(now)
}

impl Link {
    pub(super) fn start_draining(&mut self, now: Instant) {
        self.timer.drained = 0;
        let quiet = after(now, self.config.quiet.min(MAX_DRAIN));
        self.timer.start(Kind::Quiet, now, quiet);
        self.handle_timeout(now);
    }

    pub(super) fn drain(&mut self, now: Instant, bytes: &[u8]) {
        self.timer.drained = self.timer.drained.saturating_add(bytes.len());
        let end = after(self.timer.since.unwrap_or(now), MAX_DRAIN);
        self.timer.deadline = Some(after(now, self.config.quiet).min(end));
        self.handle_timeout(now);
    }

    pub(super) fn wait_for_response(&mut self, now: Instant) {
        let deadline = after(now, self.config.response_timeout);
        self.timer.start(Kind::Response, now, deadline);
        self.remind_early(now);
    }

    /// Only the answer to an APDU is hurried, and only before the first timeout.
    fn remind_early(&mut self, now: Instant) {
        let hurries = self.state == LinkState::Connected
            && self.due == Due::Answer
            && self.exchange.tries == 0;
        let early = self
            .waits()
            .filter(|_| hurries)
            .map(|wait| after(now, wait));
        self.timer.early = early.filter(|early| self.timer.deadline.is_some_and(|at| *early < at));
    }

    /// The answer takes longer than answers do: RR, and the wait goes on as long as it was set.
    pub(super) fn remind(&mut self, now: Instant) {
        self.pace.remind(now);
        // The answer to this may cross the one we wait for, and come after the next question.
        self.exchange.late = Some(after(now, self.config.response_timeout));
        let (since, deadline) = (self.timer.since, self.timer.deadline);
        self.send_ready(now);
        self.timer.since = since;
        self.timer.deadline = deadline;
        self.remind_early(now);
        self.resent("RR", self.pace.doublings(), 1);
    }

    /// Half a frame is here: on a slow line the rest is worth waiting for.
    pub(super) fn wait_for_the_rest(&mut self, now: Instant) {
        let (Some(since), Some(deadline)) = (self.timer.since, self.timer.deadline) else {
            return;
        };
        let unfinished = !self.decoder.pending().is_empty();
        let pause = self.config.inter_octet;
        self.timer.rest = None;
        if unfinished {
            // It speaks.
            self.timer.early = None;
        }
        if self.timer.kind == Kind::Response && unfinished {
            let timeout = self.config.response_timeout;
            let longest = after(since, timeout.saturating_mul(SLOW_LINE));
            let mut rest = after(now, timeout);
            if !pause.is_zero() {
                rest = after(now, pause);
                self.timer.rest = Some(rest);
            }
            self.timer.deadline = Some(deadline.max(rest.min(longest)));
        }
    }

    /// The pause within a frame was too long: the rest will not come. Within what did may lie what we wait for.
    pub(super) fn forget_unfinished(&mut self, now: Instant) {
        self.timer.rest = None;
        self.decoder.flush();
        self.take_frames(now);
    }

    /// The meter is busy: RR in a while, but not for ever.
    pub(super) fn ask_again_later(&mut self, now: Instant) {
        let tries = self.config.retries.saturating_add(1);
        let patience = self.config.response_timeout.saturating_mul(tries.into());
        let end = *self
            .exchange
            .patience
            .get_or_insert_with(|| after(now, patience));
        if end <= now {
            return self.fail(LinkFailure::NoAnswer {
                what: "I frame (the meter stays busy)",
                timeout: patience,
                tries,
            });
        }
        let pause = PAUSE.min(self.config.response_timeout);
        self.timer
            .start(Kind::Pause, now, after(now, pause).min(end));
    }

    pub(super) fn time_is_up(&mut self, now: Instant) {
        match self.timer.kind {
            Kind::Quiet => {
                let drained = std::mem::take(&mut self.timer.drained);
                self.count_junk(drained);
                self.state = LinkState::Connecting;
                self.send_unnumbered(now);
            }
            Kind::Pause => self.send_ready(now),
            Kind::Response => {
                self.forget_unfinished(now);
                if self.timer.deadline.is_some_and(|deadline| deadline <= now) {
                    self.try_again(now);
                }
            }
        }
    }

    fn try_again(&mut self, now: Instant) {
        let asks_ready = self.due == Due::Poll || self.asks_where_it_stands();
        let what = match self.state {
            LinkState::Connecting => "SNRM",
            LinkState::Disconnecting => "DISC",
            _ if self.due == Due::Poll || self.outgoing.unacknowledged() == 0 => "RR",
            _ => "I frame",
        };
        let tries = self.exchange.tries.saturating_add(1);
        if tries > self.config.retries {
            return self.fail(LinkFailure::NoAnswer {
                what,
                timeout: self.config.response_timeout,
                tries,
            });
        }
        self.exchange.tries = tries;
        self.exchange.late = Some(after(now, self.config.response_timeout));
        match self.state {
            LinkState::Connected if !asks_ready => return self.repeat_window(now, tries),
            LinkState::Connected => self.send_ready(now),
            _ => self.send_unnumbered(now),
        }
        self.resent(if asks_ready { "RR" } else { what }, tries, 1);
    }

    /// Whether RR is the better question than the I frame again: the meter has our frames, or it did answer and the
    /// answer was damaged, or the I frame was repeated in vain. RR makes it tell its N(R), and some meters refuse an
    /// I frame they have already.
    fn asks_where_it_stands(&self) -> bool {
        self.state == LinkState::Connected
            && (self.outgoing.unacknowledged() == 0
                || self.exchange.damaged
                || self.exchange.tries & 1 == 1)
    }
}
