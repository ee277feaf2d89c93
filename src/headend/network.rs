//! What went over the wire of each meter, a row a minute, and the history kept tidy. The rule: each meter's own counters, looked
//! at every second for the peaks; a store that says no loses that minute and nothing else.

use super::fleet::State;
use super::{Inner, lock};
use crate::dlms::hdlc::link::LinkCounters;
use crate::meter::{Counters, MeterId};
use crate::store::Traffic;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const LOOK: Duration = Duration::from_secs(1);
/// Looks that make a row.
const ROW: u32 = 60;
/// Rows kept together.
const PART: usize = 512;
/// Rows between two tidyings; one goes over every meter once.
const TIDY: u32 = 10;

/// One meter since its last row.
struct Meter {
    counted: (Counters, LinkCounters),
    traffic: Traffic,
}

/// Ends with the head-end.
pub(super) async fn run(inner: Weak<Inner>) {
    let mut ticks = interval_at(Instant::now() + LOOK, LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut meters: BTreeMap<MeterId, Meter> = BTreeMap::new();
    let (mut looks, mut rows, mut before) = (0, 0, 0);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if lock(&inner.polls).is_none() {
            return;
        }
        let now = inner.clock.now();
        inner.by_lots(|state, lot| look(&mut meters, state, lot, now));
        let removals = lock(&inner.state).removals();
        if removals != before {
            before = removals;
            let state = lock(&inner.state);
            meters.retain(|id, _| state.has_meter(*id));
        }
        looks += 1;
        if looks < ROW {
            continue;
        }
        looks = 0;
        let acknowledged = inner.store.take_acknowledged();
        let done: Vec<_> = (meters.iter_mut())
            .map(|(id, meter)| (*id, meter.row(now, acknowledged.get(id).copied())))
            .filter(|(_, traffic)| !traffic.is_idle())
            .collect();
        // In parts: readings have their turn between.
        for part in done.chunks(PART) {
            if let Err(error) = inner.store.keep_network(part.to_vec()).await {
                tracing::warn!("what went over the wire in the last minute is not kept: {error}");
                break;
            }
        }
        rows += 1;
        if rows % TIDY == 1 {
            // Beside the looks: after a change of what is kept it takes its time.
            let store = inner.store.clone();
            tokio::spawn(async move {
                match store.tidy(now).await {
                    Ok(0) => {}
                    Ok(gone) => tracing::info!("history: {gone} old rows removed"),
                    Err(error) => tracing::warn!("old rows of the history stay: {error}"),
                }
            });
        }
    }
}

fn look(meters: &mut BTreeMap<MeterId, Meter>, state: &State, lot: &[MeterId], now: Timestamp) {
    for id in lot {
        let Some(at_work) = state.meters.get(id) else {
            continue;
        };
        let meter = meters.entry(*id).or_insert_with(|| Meter {
            counted: Default::default(),
            traffic: Traffic::none(now),
        });
        let status = at_work.status.borrow();
        meter.look((status.counters, status.link));
    }
}

impl Meter {
    fn look(&mut self, (counters, link): (Counters, LinkCounters)) {
        let (before, before_link) = self.counted;
        // A meter that was started anew counts from nothing.
        let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        let asked = since(counters.gets, before.gets);
        let sent = since(counters.bytes_sent, before.bytes_sent);
        let received = since(counters.bytes_received, before.bytes_received);
        let traffic = &mut self.traffic;
        traffic.requests += asked;
        traffic.responses += asked.saturating_sub(since(counters.get_errors, before.get_errors));
        traffic.frames_sent += since(link.frames_sent, before_link.frames_sent);
        traffic.frames_received += since(link.frames_received, before_link.frames_received);
        traffic.bytes_sent += sent;
        traffic.bytes_received += received;
        traffic.peak_sent = traffic.peak_sent.max(sent);
        traffic.peak_received = traffic.peak_received.max(received);
        self.counted = (counters, link);
    }

    /// What it came to; the next one begins.
    fn row(&mut self, now: Timestamp, acknowledged: Option<(u64, u64)>) -> Traffic {
        let (messages, message_bytes) = acknowledged.unwrap_or_default();
        let done = std::mem::replace(&mut self.traffic, Traffic::none(now));
        Traffic {
            // A clock that was put back makes no negative time.
            span: Duration::try_from(now.duration_since(done.at)).unwrap_or_default(),
            messages,
            message_bytes,
            ..done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(gets: u64, errors: u64, sent: u64) -> (Counters, LinkCounters) {
        let counters = Counters {
            gets,
            get_errors: errors,
            bytes_sent: sent,
            bytes_received: 2 * sent,
            ..Counters::default()
        };
        let link = LinkCounters {
            frames_sent: gets,
            frames_received: gets,
            ..LinkCounters::default()
        };
        (counters, link)
    }

    #[test]
    fn a_row_is_what_came_in_its_time_and_its_peak() {
        let begin: Timestamp = "2026-11-20T14:32:00Z".parse().unwrap();
        let end = begin + Duration::from_mins(1);
        let mut meter = Meter {
            counted: Default::default(),
            traffic: Traffic::none(begin),
        };
        for at in [counted(5, 0, 100), counted(10, 1, 400), counted(12, 1, 450)] {
            meter.look(at);
        }
        let row = meter.row(end, Some((3, 900)));
        assert_eq!((row.requests, row.responses, row.frames_sent), (12, 11, 12));
        assert_eq!((row.bytes_sent, row.bytes_received), (450, 900));
        assert_eq!((row.peak_sent, row.peak_received), (300, 600));
        assert_eq!((row.messages, row.message_bytes), (3, 900));
        assert_eq!((row.at, row.span), (begin, Duration::from_mins(1)));
        // Started anew: it counts from nothing, and so does the row.
        meter.look(counted(2, 0, 40));
        let row = meter.row(end + Duration::from_mins(1), None);
        assert_eq!((row.requests, row.bytes_sent, row.messages), (2, 40, 0));
        assert!(!row.is_idle());
        assert!(meter.row(end, None).is_idle());
    }
}
