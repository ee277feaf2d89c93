//! The brokers readings go to. The rule: what waits is told beside what arrived.
use super::words;
use crate::headend::BrokerView;
use crate::publish::BrokerPhase;
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug, Default)]
pub struct MqttPane {
    brokers: Vec<Arc<BrokerView>>,
    pub selected: usize,
    pub top: usize,
}

impl MqttPane {
    /// Takes what changed; brokers keep the order they came in.
    pub fn apply(&mut self, changed: Vec<Arc<BrokerView>>) {
        for view in changed {
            let id = view.definition.id;
            match self.brokers.iter_mut().find(|b| b.definition.id == id) {
                Some(old) => *old = view,
                None => self.brokers.push(view),
            }
        }
    }

    pub fn brokers(&self) -> &[Arc<BrokerView>] {
        &self.brokers
    }

    pub fn names(&self) -> Vec<String> {
        self.brokers
            .iter()
            .map(|broker| broker.definition.name.clone())
            .collect()
    }

    pub fn by_name(&self, name: &str) -> Option<&Arc<BrokerView>> {
        self.brokers.iter().find(|b| b.definition.name == name)
    }

    pub fn chosen(&self) -> Option<&Arc<BrokerView>> {
        self.brokers.get(self.selected)
    }

    pub fn step(&mut self, by: isize) {
        self.selected = self
            .selected
            .saturating_add_signed(by)
            .min(self.brokers.len().saturating_sub(1));
    }
}

/// Sign and words of a broker's state.
pub fn state(view: &BrokerView, now: Instant) -> (&'static str, String) {
    let since = now.saturating_duration_since(view.status.since.into_std());
    match &view.status.phase {
        BrokerPhase::Connected => ("●", format!("connected {}", words::running(since))),
        BrokerPhase::Connecting => ("◐", "connecting".to_owned()),
        BrokerPhase::Waiting { until } => {
            let left = until.into_std().saturating_duration_since(now);
            ("◐", format!("retry in {}", words::countdown(left)))
        }
        BrokerPhase::Refused => ("✗", "refused, needs you".to_owned()),
        BrokerPhase::Paused => ("·", "paused".to_owned()),
        BrokerPhase::Stopped => ("·", "stopped".to_owned()),
    }
}

/// The numbers of a broker, in the order they are dropped from the right.
pub fn numbers(view: &BrokerView) -> Vec<(&'static str, String)> {
    let s = &view.status;
    let mut all = vec![
        ("waiting", words::count(s.depth.waiting)),
        ("acknowledged", words::count(s.acknowledged)),
        ("per min", words::count(s.per_minute)),
    ];
    if let Some(latency) = s.latency {
        all.push(("ack", words::took(latency.p50)));
    }
    all.push(("rejected", words::count(s.depth.rejected)));
    all.push(("reconnects", words::count(s.reconnects)));
    all
}
