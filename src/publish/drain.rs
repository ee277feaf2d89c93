//! One task per broker: connect, drain the outbox in order, and after a loss wait longer each time.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{Event, Outgoing, Packet};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::connection;
use super::generation::{self, End};
use super::rate::Rate;
use super::words::{Trouble, explain};
use crate::meter::Clock;
use crate::store::{BrokerDefinition, Store, StoreError};

/// First and longest pause after a loss.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// Even a lucky draw waits this long.
const LEAST: Duration = Duration::from_millis(100);
/// The pause after a refusal that will not mend itself.
const REFUSED: Duration = Duration::from_mins(1);
/// A connection that held this long counts as good even if there was nothing to send.
const PROVEN: Duration = Duration::from_mins(1);

#[derive(Clone, Debug, PartialEq)]
pub enum BrokerPhase {
    Connecting,
    Connected,
    Waiting {
        until: Instant,
    },
    /// Refused in a way that will not mend itself (bad token, unknown certificate); tried again once a minute.
    Refused,
    Stopped,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerStatus {
    pub phase: BrokerPhase,
    pub since: Instant,
    pub waiting: u64,
    pub oldest: Option<jiff::Timestamp>,
    /// Since the program started.
    pub acknowledged: u64,
    /// Ever: messages that could not be sent at all.
    pub rejected: u64,
    /// Acknowledged in the last 60 s.
    pub per_minute: u64,
    /// Smoothed.
    pub ack_latency: Option<Duration>,
    pub last_topic: Option<String>,
    /// At most 4 KiB, control characters visible.
    pub last_payload: Option<String>,
    pub last_error: Option<(jiff::Timestamp, String)>,
    /// Connections after the first.
    pub reconnects: u64,
}

pub struct PublisherHandle {
    pub status: watch::Receiver<BrokerStatus>,
    /// Rows were added.
    pub wake: Arc<Notify>,
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

/// On `stop`: flushes for at most `flush`, then disconnects. What is left stays in the table.
pub fn spawn(
    broker: BrokerDefinition,
    store: Store,
    clock: Clock,
    flush: Duration,
    seed: u64,
) -> PublisherHandle {
    let now = Instant::now();
    let (status, watched) = watch::channel(BrokerStatus {
        phase: BrokerPhase::Connecting,
        since: now,
        waiting: 0,
        oldest: None,
        acknowledged: 0,
        rejected: 0,
        per_minute: 0,
        ack_latency: None,
        last_topic: None,
        last_payload: None,
        last_error: None,
        reconnects: 0,
    });
    let wake = Arc::new(Notify::new());
    let stop = CancellationToken::new();
    let drain = Drain {
        broker,
        store,
        clock,
        flush,
        status,
        wake: Arc::clone(&wake),
        stop: stop.clone(),
        unremoved: Vec::new(),
        failures: 0,
        rate: Rate::new(now),
        random: fastrand::Rng::with_seed(seed),
    };
    PublisherHandle {
        status: watched,
        wake,
        stop,
        task: tokio::spawn(drain.run()),
    }
}

/// What outlives a connection.
pub(super) struct Drain {
    pub broker: BrokerDefinition,
    pub store: Store,
    clock: Clock,
    pub flush: Duration,
    status: watch::Sender<BrokerStatus>,
    pub wake: Arc<Notify>,
    pub stop: CancellationToken,
    /// Acknowledged, but the table would not let go of them yet.
    pub unremoved: Vec<i64>,
    /// Connections lost in a row without one acknowledgement.
    failures: u32,
    rate: Rate,
    random: fastrand::Rng,
}

impl Drain {
    async fn run(mut self) {
        self.count().await;
        let mut first = true;
        while !self.stop.is_cancelled() {
            self.phase(BrokerPhase::Connecting);
            if !std::mem::take(&mut first) {
                self.status.send_modify(|status| status.reconnects += 1);
            }
            let began = Instant::now();
            match generation::run(&mut self).await {
                End::Stopped => break,
                End::Lost(trouble) => {
                    if began.elapsed() >= PROVEN {
                        self.failures = 0;
                    }
                    self.pause(trouble).await;
                }
            }
        }
        self.count().await;
        self.phase(BrokerPhase::Stopped);
    }

    async fn pause(&mut self, trouble: Trouble) {
        self.failures = self.failures.saturating_add(1);
        self.error(trouble.what);
        let pause = if trouble.refused {
            // The seconds keep several brokers behind one address from knocking at once.
            REFUSED + Duration::from_millis(self.random.u64(0..5_000))
        } else {
            back_off(self.failures, &mut self.random)
        };
        let until = Instant::now() + pause;
        self.phase(if trouble.refused {
            BrokerPhase::Refused
        } else {
            BrokerPhase::Waiting { until }
        });
        let stop = self.stop.clone();
        loop {
            self.count().await;
            let recount = until.min(Instant::now() + Duration::from_secs(1));
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep_until(recount) => {}
            }
            if Instant::now() >= until {
                return;
            }
        }
    }

    pub(super) fn phase(&self, phase: BrokerPhase) {
        self.status.send_modify(|status| {
            status.phase = phase;
            status.since = Instant::now();
        });
    }

    pub(super) fn error(&self, what: String) {
        let at = self.clock.now();
        self.status
            .send_modify(|status| status.last_error = Some((at, what)));
    }

    /// What waits, from the table.
    pub(super) async fn count(&mut self) {
        let found = async {
            let depth = self.store.depth(self.broker.id).await?;
            Ok::<_, StoreError>((depth, self.store.rejected(self.broker.id).await?))
        };
        let found = found.await;
        let per_minute = self.rate.per_minute(Instant::now());
        match found {
            Ok((depth, rejected)) => self.status.send_if_modified(|status| {
                let before = (
                    status.waiting,
                    status.oldest,
                    status.rejected,
                    status.per_minute,
                );
                status.waiting = depth.waiting;
                status.oldest = depth.oldest;
                status.rejected = rejected;
                status.per_minute = per_minute;
                before != (depth.waiting, depth.oldest, rejected, per_minute)
            }),
            Err(error) => {
                self.error(error.to_string());
                true
            }
        };
    }

    /// Rows that are gone from the table for good. The first of a connection proves it.
    pub(super) fn acknowledged(&mut self, count: u64, latency: Duration) {
        self.failures = 0;
        let now = Instant::now();
        self.rate.add(now, count);
        let per_minute = self.rate.per_minute(now);
        self.status.send_modify(|status| {
            status.acknowledged += count;
            status.per_minute = per_minute;
            status.waiting = status.waiting.saturating_sub(count);
            if status.waiting == 0 {
                status.oldest = None;
            }
            status.ack_latency = Some(match status.ack_latency {
                Some(before) => (before * 7 + latency) / 8,
                None => latency,
            });
        });
    }

    pub(super) fn sent(&self, topic: String, payload: String) {
        self.status.send_modify(|status| {
            status.last_topic = Some(topic);
            status.last_payload = Some(payload);
        });
    }
}

/// Full jitter under a doubling ceiling.
fn back_off(failures: u32, random: &mut fastrand::Rng) -> Duration {
    let doubled = BACK_OFF.0 * 2_u32.saturating_pow(failures.saturating_sub(1).min(10));
    LEAST.max(doubled.min(BACK_OFF.1).mul_f64(random.f64()))
}

/// `broker test`: connect, wait for CONNACK, disconnect; publishes nothing. How long CONNACK took, or
/// what went wrong in words. Uses a client id of its own, so that a running bridge is not pushed out.
pub async fn test(broker: &BrokerDefinition, wait: Duration) -> Result<Duration, String> {
    let began = Instant::now();
    let client_id = format!("obiscope-t{:010x}", fastrand::u64(..1 << 40));
    let (client, mut events) = connection::open(broker, &client_id).await?;
    let connect = async {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(began.elapsed()),
                Ok(_) => {}
                Err(error) => return Err(explain(&error, broker, false).what),
            }
        }
    };
    let took = timeout(wait, connect).await.unwrap_or_else(|_| {
        Err(format!(
            "{} did not answer within {}",
            broker.endpoint(),
            humantime::format_duration(wait)
        ))
    })?;
    if client.try_disconnect().is_ok() {
        let goodbye = async {
            while let Ok(event) = events.poll().await {
                if event == Event::Outgoing(Outgoing::Disconnect) {
                    break;
                }
            }
        };
        drop(timeout(Duration::from_secs(1), goodbye).await);
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_are_spread() {
        let mut random = fastrand::Rng::with_seed(1);
        for failures in 1..200 {
            let ceiling = Duration::from_secs(1 << (failures - 1).min(6)).min(BACK_OFF.1);
            let pauses: Vec<_> = (0..100).map(|_| back_off(failures, &mut random)).collect();
            assert!(pauses.iter().all(|it| (LEAST..=ceiling).contains(it)));
            assert!(pauses.iter().any(|it| *it > ceiling * 4 / 5));
            assert!(pauses.iter().any(|it| *it < ceiling / 5));
        }
    }
}
