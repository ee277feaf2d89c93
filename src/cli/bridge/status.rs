//! How the whole goes, in a line of words or one JSON object. The rule: what waits and what was given up stands beside
//! what arrived.

use crate::cli::argument::counted;
use crate::cosem::data::printable;
use crate::headend::{BrokerView, Headend, MeterView, Totals};
use crate::meter::Phase;
use crate::meter::health::Band;
use crate::publish::BrokerPhase;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Status {
    meters: usize,
    ready: usize,
    need_you: usize,
    stopped: usize,
    polls: u64,
    failed: u64,
    lost: u64,
    totals: Totals,
    brokers: Vec<Arc<BrokerView>>,
}

impl Status {
    pub(super) fn of(headend: &Headend) -> Self {
        Self {
            totals: headend.totals(),
            ..Self::count(&headend.meters(), headend.brokers())
        }
    }

    fn count(meters: &[Arc<MeterView>], brokers: Vec<Arc<BrokerView>>) -> Self {
        let mut status = Self {
            meters: meters.len(),
            brokers,
            ..Self::default()
        };
        for meter in meters {
            match meter.status.phase {
                Phase::Ready => status.ready += 1,
                Phase::NeedsPerson => status.need_you += 1,
                Phase::Stopped => status.stopped += 1,
                _ => {}
            }
            let counters = &meter.status.counters;
            status.polls += counters.polls;
            status.failed += counters.polls_failed;
            status.lost += counters.polls_lost;
        }
        status
    }

    /// Connecting, or waiting to try again.
    const fn waiting(&self) -> usize {
        self.meters - self.ready - self.need_you - self.stopped
    }

    pub(super) fn words(&self) -> String {
        let mut out = format!(
            "{}: {} ready, {} waiting, {} need you",
            counted(self.meters as u64, "meter", "meters"),
            self.ready,
            self.waiting(),
            self.need_you
        );
        if self.stopped > 0 {
            let _ = write!(out, ", {} stopped", self.stopped);
        }
        let _ = write!(out, "; {}", counted(self.polls, "poll", "polls"));
        if self.failed > 0 {
            let _ = write!(out, ", {} failed", self.failed);
        }
        if self.lost > 0 {
            let _ = write!(out, ", {} lost", self.lost);
        }
        for broker in &self.brokers {
            out.push('\n');
            of_broker(&mut out, broker);
        }
        out
    }

    /// Meters in each band, and shares in per cent; null where nothing was due yet.
    fn health(&self) -> Value {
        let totals = &self.totals;
        let bands = Band::ALL.map(|band| (band.word().to_owned(), totals.band(band).into()));
        json!({
            "bands": Value::Object(bands.into_iter().collect()),
            "success_hour": totals.hour.percent(),
            "success_day": totals.day.percent(),
            "availability_day": totals.available_day.percent(),
            "missed": totals.missed,
            "stored": totals.stored,
            "published": totals.published,
            "acknowledged": totals.acknowledged,
        })
    }

    pub(super) fn json(&self, event: &str, at: Timestamp) -> Value {
        let brokers: Vec<Value> = self.brokers.iter().map(|it| broker_json(it)).collect();
        json!({
            "at": at.to_string(),
            "event": event,
            "meters": {
                "total": self.meters,
                "ready": self.ready,
                "waiting": self.waiting(),
                "need_you": self.need_you,
                "stopped": self.stopped,
            },
            "health": self.health(),
            "polls": self.polls,
            "polls_failed": self.failed,
            "polls_lost": self.lost,
            "brokers": brokers,
        })
    }
}

fn phase(broker: &BrokerView) -> &'static str {
    match broker.status.phase {
        BrokerPhase::Connecting => "connecting",
        BrokerPhase::Connected => "connected",
        BrokerPhase::Waiting { .. } => "waiting",
        BrokerPhase::Refused => "refused",
        BrokerPhase::Paused => "paused",
        BrokerPhase::Stopped => "stopped",
    }
}

fn of_broker(out: &mut String, broker: &BrokerView) {
    let status = &broker.status;
    let depth = &status.depth;
    let _ = write!(
        out,
        "broker {} {}: {} acknowledged, {} in the queue",
        printable(&broker.definition.name),
        phase(broker),
        status.acknowledged,
        depth.waiting
    );
    if let Some(oldest) = depth.oldest.filter(|_| depth.waiting > 0) {
        let _ = write!(out, " since {oldest:.0}");
    }
    if broker.nearly_full() {
        out.push_str(", nearly full");
    }
    if depth.dropped > 0 {
        let _ = write!(out, ", {} dropped", depth.dropped);
    }
    if depth.dead > 0 {
        let _ = write!(out, ", {} dead", depth.dead);
    }
    if status.phase != BrokerPhase::Connected
        && let Some((_, error)) = &status.last_error
    {
        let _ = write!(out, "; {}", printable(error));
    }
}

fn broker_json(broker: &BrokerView) -> Value {
    let status = &broker.status;
    let depth = &status.depth;
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    json!({
        "name": broker.definition.name,
        "phase": phase(broker),
        "waiting": depth.waiting,
        "bytes": depth.bytes,
        "oldest": depth.oldest.map(|at| at.to_string()),
        "acknowledged": status.acknowledged,
        "per_minute": status.per_minute,
        "latency_ms": status.latency.map(|it| json!({"p50": ms(it.p50), "p99": ms(it.p99)})),
        "dropped": depth.dropped,
        "dead": depth.dead,
        "reconnects": status.reconnects,
        "last_error": status.last_error.as_ref().map(|(_, what)| what),
    })
}
