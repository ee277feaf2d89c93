//! What is worth a line in the log: a meter that came or went, a broker that came or went, notices. The rule: what goes
//! on as it was is not said again.

use crate::headend::{Changes, Level, MeterView};
use crate::meter::{MeterId, Phase};
use crate::publish::{Cause, Happening};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Teller {
    meters: HashMap<MeterId, Said>,
    /// Of each broker, how many happenings were told.
    brokers: HashMap<i64, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Ready,
    Stopped,
    NeedsYou(String),
    Trouble(String),
}

impl Teller {
    pub(super) fn tell(&mut self, changes: Changes) {
        for meter in &changes.meters {
            self.meter(meter);
        }
        for id in &changes.removed {
            self.meters.remove(id);
        }
        for broker in &changes.brokers {
            let name = &broker.definition.name;
            let (status, id) = (&broker.status, broker.definition.id);
            let told = self.brokers.insert(id, status.happenings).unwrap_or(0);
            for happened in news(&status.history, status.happenings, told) {
                if happened.cause == Cause::Connected {
                    tracing::info!("broker {name}: connected");
                } else {
                    tracing::warn!("broker {name}: {}", happened.what);
                }
            }
        }
        for id in &changes.removed_brokers {
            self.brokers.remove(id);
        }
        for notice in changes.notices {
            match notice.level {
                Level::Info => tracing::info!("{}", notice.text),
                Level::Warning => tracing::warn!("{}", notice.text),
                Level::Error => tracing::error!("{}", notice.text),
            }
        }
    }

    fn meter(&mut self, view: &MeterView) {
        let id = view.definition.id;
        let Some(now) = said(view) else { return };
        if self.meters.get(&id) == Some(&now) {
            return;
        }
        let name = &view.definition.name;
        match &now {
            Said::Ready => tracing::info!("meter {name}: ready"),
            Said::Stopped => tracing::info!("meter {name}: stopped"),
            Said::NeedsYou(why) => tracing::error!("meter {name}: needs you: {why}"),
            Said::Trouble(why) => tracing::warn!("meter {name}: {why}"),
        }
        self.meters.insert(id, now);
    }
}

/// Of those that are still known, what was not told: `ever` there were, and `told` of them.
fn news(known: &[Happening], ever: u64, told: u64) -> &[Happening] {
    // Fewer than were told: its publisher began anew.
    let new = ever.checked_sub(told).unwrap_or(ever);
    let new = usize::try_from(new).unwrap_or(usize::MAX);
    known
        .get(known.len().saturating_sub(new)..)
        .unwrap_or_default()
}

/// None on the way from one to the other.
fn said(view: &MeterView) -> Option<Said> {
    let why = || {
        let error = view.status.last_error.as_ref();
        error.map_or_else(String::new, |error| {
            format!("{} {}", error.what, error.try_next)
        })
    };
    match view.status.phase {
        Phase::Ready => Some(Said::Ready),
        Phase::Stopped => Some(Said::Stopped),
        Phase::NeedsPerson => Some(Said::NeedsYou(why())),
        Phase::Waiting { .. } => Some(Said::Trouble(why())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn what_happened_is_told_once_also_after_the_clock_was_set_back() {
        let happening = |(at, what): (i64, &str)| Happening {
            at: Timestamp::from_second(at).unwrap(),
            what: what.to_owned(),
            cause: Cause::Other,
        };
        let known = [(9_000, "a"), (100, "b"), (100, "c")].map(happening);
        let words = |ever, told| -> String {
            let news = news(&known, ever, told).iter();
            news.map(|it| it.what.as_str()).collect()
        };
        assert_eq!(words(3, 0), "abc");
        assert_eq!(words(3, 1), "bc");
        assert_eq!(words(3, 3), "");
        // Of many only the last are still known.
        assert_eq!(words(70, 2), "abc");
        // Removed and added anew.
        assert_eq!(words(2, 69), "bc");
    }
}
