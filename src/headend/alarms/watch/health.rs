//! What is wrong by a meter's figures: nothing comes of it, or nothing of it arrives. Pure. The rule: too few of anything say
//! nothing.

use super::super::board::Board;
use super::{Mark, PERSON, Watch, about, words};
use crate::meter::Definition;
use crate::meter::health::{Band, Health};
use crate::store::Severity;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

const DOWN: &str = "down";
const PUBLISH: &str = "publish";

/// Without a value for so long a meter whose band is down is an alarm.
const LONG: Duration = Duration::from_mins(10);
/// Below so many values due a band says little.
const FEW: u64 = 5;
/// Least time and messages over which publishing is judged.
const WINDOW: Duration = Duration::from_mins(5);
const MESSAGES: u64 = 10;

impl Watch {
    /// As it was looked at last.
    pub(in crate::headend::alarms) fn health(
        &mut self,
        board: &mut Board,
        at: Timestamp,
        now: Instant,
        meter: &Definition,
        health: &Health,
    ) {
        if self.on.is_none() {
            return;
        }
        let what = about(meter, "", DOWN);
        let age = health.age(now).unwrap_or(health.watched);
        let long = age >= meter.interval().saturating_mul(3).max(LONG);
        // What a person must do about it is said already.
        let known = board.has(meter.id) && board.stands(about(meter, "", PERSON));
        if known {
            board.clear(at, what);
        } else if health.band == Band::Down && health.hour.of.max(health.day.of) >= FEW && long {
            let share = if health.hour.of > 0 {
                (health.hour, "hour")
            } else {
                (health.day, "day")
            };
            let text = || {
                let (share, time) = share;
                format!("none of {} values due in the last {time} came", share.of)
            };
            board.raise(at, &meter.name, what, || words(Severity::Critical, &text()));
        } else if !matches!(health.band, Band::Down | Band::Unknown) {
            board.clear(at, what);
        }
        self.publishing(board, at, now, meter, health);
    }

    /// What was acknowledged, of what was made to be sent.
    fn publishing(
        &mut self,
        board: &mut Board,
        at: Timestamp,
        now: Instant,
        meter: &Definition,
        health: &Health,
    ) {
        let what = about(meter, "", PUBLISH);
        let Some(broker) = &meter.publish else {
            self.published = None;
            board.clear(at, what);
            return;
        };
        let mark = Mark {
            at: now,
            made: health.published,
            acknowledged: health.acknowledged,
        };
        let before = *self.published.get_or_insert(mark);
        let made = mark.made.saturating_sub(before.made);
        let came = mark.acknowledged.saturating_sub(before.acknowledged);
        let time = now.saturating_duration_since(before.at);
        if time < WINDOW || made < MESSAGES {
            return;
        }
        self.published = Some(mark);
        if came.saturating_mul(2) >= made {
            board.clear(at, what);
            return;
        }
        let text = || {
            let time = humantime::format_duration(Duration::from_secs(time.as_secs()));
            format!(
                "broker {broker} acknowledged {came} of {made} messages in {time}: the others wait; see `obiscope mqtt queue {broker}`"
            )
        };
        let say = || words(Severity::Warning, &text());
        board.raise(at, &meter.name, what, say);
    }
}
