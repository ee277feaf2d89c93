//! How much a platform takes, and when the next message may go. The rule: in no stretch of time as long as one of its windows
//! does more than 80 % of that window's limit go out. Time comes in as data.
//!
//! A bucket that fills evenly lets nearly twice its size through in one window (full at first, and filled again meanwhile), so
//! what went out is remembered instead, in slots of a twentieth of the window.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// As ThingsBoard's own client does.
const SHARE: u64 = 80;
const SLOTS: u64 = 20;
/// Windows in one limit, and the longest of them: what is beyond is no limit anyone set.
const MOST_WINDOWS: usize = 8;
const LONGEST: u64 = 31 * 86_400;
/// How long the answer to getSessionLimits is awaited; a plain broker never gives one.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// What a message costs, and whose budget pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// All devices behind a gateway share one.
    behind: bool,
    /// Of telemetry; all else has none.
    points: Option<u64>,
}

impl Cost {
    pub fn of(topic: &str, payload: &[u8]) -> Self {
        Self {
            behind: topic.starts_with("v1/gateway/"),
            points: topic.ends_with("/telemetry").then(|| points(payload)),
        }
    }
}

/// Data points in telemetry of any form; what is no JSON counts as one.
pub(super) fn points(payload: &[u8]) -> u64 {
    fn within(value: &Value) -> usize {
        match value {
            Value::Array(rows) => rows.iter().map(within).sum(),
            Value::Object(object) => match object.get("values") {
                Some(Value::Object(values)) => values.len(),
                // By device.
                _ if !object.is_empty() && object.values().all(Value::is_array) => {
                    object.values().map(within).sum()
                }
                _ => object.len(),
            },
            _ => 1,
        }
    }
    serde_json::from_slice(payload).map_or(1, |value| within(&value) as u64)
}

/// What the platform said about sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub payload: Option<usize>,
    pub under_way: Option<usize>,
}

/// Stands before everything that goes out, on every connection of one broker.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Nothing goes before the limits are known, or this has passed.
    waits: Option<Instant>,
    told: Option<(Value, Value)>,
    own: Budget,
    behind: Budget,
}

impl Gate {
    /// A new connection, whose limits were asked for just now.
    pub fn asked(&mut self, now: Instant) {
        self.waits = Some(now + ANSWER);
        self.own.messages.spend(1, now);
    }

    /// A connection on which nobody asks.
    pub fn open(&mut self) {
        self.waits = None;
    }

    /// What is said again changes nothing: what went out is not forgotten over a reconnect.
    pub fn answered(&mut self, said: &Value, now: Instant) -> Sizes {
        self.waits = None;
        let rates = |name: &str| said.get(name).cloned().unwrap_or(Value::Null);
        let told = (rates("rateLimits"), rates("gatewayRateLimits"));
        if self.told.as_ref() != Some(&told) {
            self.own = Budget::read(&told.0);
            self.behind = Budget::read(&told.1);
            self.own.messages.spend(1, now);
            self.told = Some(told);
        }
        let size = |name: &str| {
            let size = said.get(name)?.as_u64().filter(|size| *size > 0)?;
            usize::try_from(size).ok()
        };
        Sizes {
            payload: size("maxPayloadSize"),
            under_way: size("maxInflightMessages"),
        }
    }

    /// Whether anything is limited.
    pub fn limits(&self) -> bool {
        self.own.limits() || self.behind.limits()
    }

    /// In words, for people.
    pub fn words(&self) -> Option<String> {
        let (own, behind) = self.told.as_ref()?;
        let rates = if self.behind.limits() { behind } else { own };
        let mut all = Vec::new();
        for (name, what) in [
            ("messages", "messages"),
            ("telemetryMessages", "telemetry messages"),
            ("telemetryDataPoints", "data points"),
        ] {
            if let Some(text) = rates
                .get(name)
                .and_then(Value::as_str)
                .filter(|it| !it.is_empty())
            {
                let text: String = text.chars().take(80).collect();
                all.push(format!("{what} {}", crate::cosem::data::printable(&text)));
            }
        }
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Until when nothing at all goes, for the answer is awaited.
    pub fn holds(&self, now: Instant) -> Option<Instant> {
        self.waits.filter(|until| now < *until)
    }

    /// None: it may go now.
    pub fn not_before(&mut self, cost: Cost, now: Instant) -> Option<Instant> {
        self.budget(cost).not_before(cost.points, now)
    }

    pub fn spend(&mut self, cost: Cost, now: Instant) {
        let points = cost.points;
        self.budget(cost).spend(points, now);
    }

    /// How many data points may go now in one message of this kind.
    pub fn room(&mut self, cost: Cost, now: Instant) -> u64 {
        self.budget(cost).points.room(now)
    }

    fn budget(&mut self, cost: Cost) -> &mut Budget {
        if cost.behind {
            &mut self.behind
        } else {
            &mut self.own
        }
    }
}

#[derive(Debug, Default)]
struct Budget {
    messages: Windows,
    telemetry: Windows,
    points: Windows,
}

impl Budget {
    fn read(rates: &Value) -> Self {
        let windows = |name: &str| {
            let text = rates.get(name).and_then(Value::as_str);
            Windows::parse(text.unwrap_or_default())
        };
        Self {
            messages: windows("messages"),
            telemetry: windows("telemetryMessages"),
            points: windows("telemetryDataPoints"),
        }
    }

    fn limits(&self) -> bool {
        !(self.messages.0.is_empty() && self.telemetry.0.is_empty() && self.points.0.is_empty())
    }

    fn not_before(&mut self, points: Option<u64>, now: Instant) -> Option<Instant> {
        match points {
            None => self.messages.not_before(1, now),
            Some(points) => self
                .telemetry
                .not_before(1, now)
                .max(self.points.not_before(points, now)),
        }
    }

    fn spend(&mut self, points: Option<u64>, now: Instant) {
        match points {
            None => self.messages.spend(1, now),
            Some(points) => {
                self.telemetry.spend(1, now);
                self.points.spend(points, now);
            }
        }
    }
}

/// All of them must have room. None: no limit.
#[derive(Debug, Default)]
struct Windows(Vec<Window>);

impl Windows {
    /// `"200:1,6000:60"`: so many in so many seconds. What cannot be read limits nothing.
    fn parse(text: &str) -> Self {
        let windows = text.split(',').filter_map(|window| {
            let (most, seconds) = window.trim().split_once(':')?;
            let most: u64 = most.trim().parse().ok().filter(|most| *most > 0)?;
            let seconds: u64 = seconds.trim().parse().ok()?;
            (1..=LONGEST)
                .contains(&seconds)
                .then(|| Window::new(most, Duration::from_secs(seconds)))
        });
        Self(windows.take(MOST_WINDOWS).collect())
    }

    fn not_before(&mut self, count: u64, now: Instant) -> Option<Instant> {
        (self.0.iter_mut())
            .filter_map(|window| window.not_before(count, now))
            .max()
    }

    fn spend(&mut self, count: u64, now: Instant) {
        for window in &mut self.0 {
            window.spend(count, now);
        }
    }

    fn room(&mut self, now: Instant) -> u64 {
        let rooms = self.0.iter_mut().map(|window| {
            window.forget(now);
            window.most.saturating_sub(window.spent)
        });
        rooms.min().unwrap_or(u64::MAX)
    }
}

#[derive(Debug)]
struct Window {
    most: u64,
    slot: Duration,
    /// When a slot began and what went out in it, oldest first.
    slots: VecDeque<(Instant, u64)>,
    spent: u64,
}

impl Window {
    fn new(limit: u64, length: Duration) -> Self {
        Self {
            // One at a time must go, or nothing ever does.
            most: (limit.saturating_mul(SHARE) / 100).max(1),
            slot: length / u32::try_from(SLOTS).unwrap_or(1),
            slots: VecDeque::new(),
            spent: 0,
        }
    }

    /// A slot's last spending may be as late as its end: only a whole window after that is it over.
    fn over(&self, began: Instant) -> Instant {
        began + self.slot * (u32::try_from(SLOTS).unwrap_or(1) + 1)
    }

    fn forget(&mut self, now: Instant) {
        while let Some((began, count)) = self.slots.front().copied()
            && now >= self.over(began)
        {
            self.slots.pop_front();
            self.spent = self.spent.saturating_sub(count);
        }
    }

    fn not_before(&mut self, count: u64, now: Instant) -> Option<Instant> {
        self.forget(now);
        // More than ever fits goes alone: split it nobody can here.
        let count = count.min(self.most);
        let mut spent = self.spent;
        let mut free = None;
        for (began, gone) in &self.slots {
            if spent.saturating_add(count) <= self.most {
                break;
            }
            spent = spent.saturating_sub(*gone);
            free = Some(self.over(*began));
        }
        free
    }

    fn spend(&mut self, count: u64, now: Instant) {
        self.forget(now);
        self.spent = self.spent.saturating_add(count);
        match self.slots.back_mut() {
            Some((began, gone)) if now < *began + self.slot => *gone = gone.saturating_add(count),
            _ => self.slots.push_back((now, count)),
        }
    }
}

#[cfg(test)]
mod tests;
