//! The brokers readings go to. The rule: what waits is told beside what arrived.
use super::shown::Window;
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
    /// First line shown about the chosen one.
    pub details_top: usize,
}

impl MqttPane {
    /// Takes what changed; brokers keep the order they came in.
    pub fn apply(&mut self, changed: Vec<Arc<BrokerView>>, removed: &[i64]) {
        for view in changed {
            let id = view.definition.id;
            match self.brokers.iter_mut().find(|b| b.definition.id == id) {
                Some(old) => *old = view,
                None => self.brokers.push(view),
            }
        }
        self.brokers
            .retain(|it| !removed.contains(&it.definition.id));
        self.selected = self.selected.min(self.brokers.len().saturating_sub(1));
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

    /// One step chooses another broker, where there are several; all else scrolls what is told of the chosen one.
    pub fn step(&mut self, by: isize, window: Window) {
        let last = self.brokers.len().saturating_sub(1);
        if last > 0 && by.abs() == 1 {
            self.selected = self.selected.saturating_add_signed(by).min(last);
            self.details_top = 0;
            return;
        }
        let bottom = Window::last(window.page, window.len);
        self.details_top = self.details_top.saturating_add_signed(by).min(bottom);
    }
}

/// Octets in the few cells there are: `512 B`, `1.0 MB`.
pub fn octets(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{}.{} kB", n / 1_000, n % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{} MB", n / 1_000_000, n % 1_000_000 / 100_000),
        _ => format!(
            "{}.{} GB",
            n / 1_000_000_000,
            n % 1_000_000_000 / 100_000_000
        ),
    }
}

/// A queue's course in eighths of its highest; what is not empty is at least one higher than what is.
pub fn levels(trend: &[u64]) -> Vec<usize> {
    let most = trend.iter().copied().max().unwrap_or(0).max(1);
    let level = |n: &u64| (n * 7).div_ceil(most).min(7);
    (trend.iter().map(level))
        .map(|level| usize::try_from(level).unwrap_or(7))
        .collect()
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
