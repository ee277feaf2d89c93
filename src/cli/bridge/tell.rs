//! What is worth a line in the log: a meter that came or went, a broker that came or went, notices. The rule: what goes
//! on as it was is not said again.

use crate::headend::{Changes, Level, MeterView};
use crate::meter::{MeterId, Phase};
use crate::publish::Cause;
use jiff::Timestamp;
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Teller {
    meters: HashMap<MeterId, Said>,
    /// Of each broker, the last happening that was told.
    brokers: HashMap<i64, Timestamp>,
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
            let told = self.brokers.get(&broker.definition.id).copied();
            for happened in broker.status.history.iter() {
                if told.is_some_and(|told| happened.at <= told) {
                    continue;
                }
                if happened.cause == Cause::Connected {
                    tracing::info!("broker {name}: connected");
                } else {
                    tracing::warn!("broker {name}: {}", happened.what);
                }
            }
            if let Some(last) = broker.status.history.last() {
                self.brokers.insert(broker.definition.id, last.at);
            }
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
