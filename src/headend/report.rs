//! The status report for the log, in the form the bridges before had, with figures that are true. The rule: however many meters
//! there are, it stays short enough to be read, and what is wrong stands in it with its reason.

use super::attention::{Attention, Urgency, ranked};
use super::changes::MeterView;
use super::health::{PhaseGroup, Totals};
use super::{Inner, lock};
use crate::cosem::data::printable;
use crate::meter::health::Band;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// So many meters are all told of; of more, only those that do not do well.
const ALL: u64 = 50;
/// Of these, so many.
const WORST: usize = 20;

/// Ends with the head-end.
pub(super) async fn run(inner: Weak<Inner>) {
    let Some(every) = inner.upgrade().and_then(|it| it.scope.report_every) else {
        return;
    };
    let mut ticks = interval_at(Instant::now() + every, every);
    // Not those that were missed while the machine slept.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if lock(&inner.polls).is_none() {
            return;
        }
        if !tracing::enabled!(tracing::Level::INFO) {
            continue;
        }
        let (totals, now) = (inner.totals(), Instant::now());
        let many = totals.meters > ALL;
        let mut views = Vec::new();
        inner.by_lots(|state, lot| {
            let lot = state.views_of(lot);
            // Of thousands only those that are told of are held.
            views.extend((lot.into_iter()).filter(|it| !many || Attention::of(it, now).is_some()));
        });
        for line in lines(&totals, &views, many, now) {
            tracing::info!("{line}");
        }
    }
}

/// `views`: all of them, but of `many` only those that need attention have to be there.
fn lines(totals: &Totals, views: &[Arc<MeterView>], many: bool, now: Instant) -> Vec<String> {
    let mut lines = vec!["SYSTEM STATUS REPORT".to_owned(), meters(totals)];
    lines.push(format!(
        "Cycles={}, Success={} (1 h {}, 24 h {}), Availability={} (24 h {}), Missed={}, Reconnects={}",
        totals.cycles,
        totals.start,
        totals.hour,
        totals.day,
        totals.available,
        totals.available_day,
        totals.missed,
        totals.reconnects,
    ));
    lines.push(format!(
        "Network: DLMS {} req, {} B sent, {} B received; stored {} values; MQTT {} of {} msg acknowledged ({} bytes)",
        totals.requests,
        totals.bytes_sent,
        totals.bytes_received,
        totals.stored,
        totals.acknowledged,
        totals.published,
        totals.acknowledged_bytes,
    ));
    let attention = ranked(views, now, usize::MAX);
    if !many {
        let mut why: BTreeMap<_, _> = attention.iter().map(|it| (it.meter, it)).collect();
        for view in views {
            meter(&mut lines, view, why.remove(&view.definition.id));
        }
        return lines;
    }
    let ill: Vec<&Attention> = (attention.iter())
        .filter(|it| it.urgency <= Urgency::Degraded)
        .collect();
    let by_id: BTreeMap<_, _> = views.iter().map(|it| (it.definition.id, it)).collect();
    for it in ill.iter().take(WORST) {
        if let Some(view) = by_id.get(&it.meter) {
            meter(&mut lines, view, Some(it));
        }
    }
    if ill.len() > WORST {
        let more = ill.len() - WORST;
        lines.push(format!("and {more} more that do not do well"));
    }
    lines
}

fn meters(totals: &Totals) -> String {
    let group = |group| totals.group(group);
    let band = |band| totals.band(band);
    format!(
        "{} meters: {} ready, {} connecting, {} waiting to try again, {} need you, {} stopped, {} on the bench; \
         {} healthy, {} degraded, {} critical, {} down, {} not known yet",
        totals.meters,
        group(PhaseGroup::Ready),
        group(PhaseGroup::Busy),
        group(PhaseGroup::Retry),
        group(PhaseGroup::NeedsPerson),
        group(PhaseGroup::Stopped),
        group(PhaseGroup::Bench),
        band(Band::Healthy),
        band(Band::Degraded),
        band(Band::Critical),
        band(Band::Down),
        band(Band::Unknown),
    )
}

fn meter(lines: &mut Vec<String>, view: &MeterView, attention: Option<&Attention>) {
    let health = &view.health;
    lines.push(format!(
        "Meter {} ({}): Cycles={}, Success={}, MQTT={}, Runtime={}s",
        view.definition.id.0,
        printable(&view.definition.name),
        health.cycles,
        health.start,
        health.acknowledged,
        health.watched.as_secs(),
    ));
    lines.push(format!(
        "  └─ Network: DLMS {} req, MQTT {} msg ({} bytes)",
        view.status.counters.gets, health.acknowledged, health.acknowledged_bytes,
    ));
    if let Some(it) = attention {
        let help = if it.what_to_do.is_empty() {
            String::new()
        } else {
            format!("; {}", it.what_to_do)
        };
        lines.push(format!("  └─ {}: {}{help}", it.urgency.word(), it.why));
    }
}

#[cfg(test)]
mod tests;
