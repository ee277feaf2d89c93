//! Rate limits as ThingsBoard states them ("10:1,300:60": so many in so many seconds). The rule: one token bucket per window,
//! and a message passes only if every bucket has room for it.

use std::time::Duration;
use tokio::time::Instant;

/// The three limits of a session; empty means none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub messages: String,
    pub telemetry_messages: String,
    pub telemetry_points: String,
}

impl Rates {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "messages": self.messages,
            "telemetryMessages": self.telemetry_messages,
            "telemetryDataPoints": self.telemetry_points,
        })
    }
}

#[derive(Debug)]
struct Bucket {
    most: f64,
    per_second: f64,
    level: f64,
    at: Instant,
}

#[derive(Debug)]
struct Buckets(Vec<Bucket>);

impl Buckets {
    /// What cannot be read limits nothing.
    fn new(text: &str, now: Instant) -> Self {
        let windows = text.split(',').filter_map(|window| {
            let (most, seconds) = window.trim().split_once(':')?;
            let most: u32 = most.trim().parse().ok()?;
            let seconds: u32 = seconds.trim().parse().ok().filter(|it| *it > 0)?;
            Some(Bucket {
                most: f64::from(most),
                per_second: f64::from(most) / f64::from(seconds),
                level: f64::from(most),
                at: now,
            })
        });
        Self(windows.collect())
    }

    fn take(&mut self, count: u32, now: Instant) -> bool {
        for bucket in &mut self.0 {
            let passed: Duration = now.saturating_duration_since(bucket.at);
            bucket.at = now;
            bucket.level += passed.as_secs_f64() * bucket.per_second;
            bucket.level = bucket.level.min(bucket.most);
        }
        let count = f64::from(count);
        let room = self.0.iter().all(|bucket| bucket.level >= count);
        if room {
            for bucket in &mut self.0 {
                bucket.level -= count;
            }
        }
        room
    }
}

#[derive(Debug)]
pub(super) struct Budget {
    messages: Buckets,
    telemetry_messages: Buckets,
    telemetry_points: Buckets,
}

impl Budget {
    pub fn new(rates: &Rates, now: Instant) -> Self {
        Self {
            messages: Buckets::new(&rates.messages, now),
            telemetry_messages: Buckets::new(&rates.telemetry_messages, now),
            telemetry_points: Buckets::new(&rates.telemetry_points, now),
        }
    }

    /// Telemetry costs one telemetry message and its points, everything else (no points) one message.
    pub fn allows(&mut self, points: Option<u32>, now: Instant) -> bool {
        match points {
            None => self.messages.take(1, now),
            Some(points) => {
                self.telemetry_messages.take(1, now) && self.telemetry_points.take(points, now)
            }
        }
    }
}
