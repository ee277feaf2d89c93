//! One task per broker: connect, drain the outbox in order, and after a loss wait longer each time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::device::Device;
use super::findings::{self, Seen};
use super::generation::{self, End};
use super::given::Dial;
use super::limits::Gate;
use super::line::Line;
use super::rate::Rate;
use super::request::Request;
use super::status::{BrokerPhase, BrokerStatus, Cause, Happening, Latencies};
use super::takeover;
use super::trail::Trails;
use super::words::Trouble;
use crate::meter::Clock;
use crate::store::{BrokerDefinition, Message, QueueDepth, Store};

/// First and longest pause after a loss.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// Even a lucky draw waits this long.
const LEAST: Duration = Duration::from_millis(100);
/// The pause after a refusal that will not mend itself.
const REFUSED: Duration = Duration::from_mins(1);
/// A connection that held this long counts as good even if there was nothing to send.
const PROVEN: Duration = Duration::from_mins(1);
/// Answers that may wait to be sent.
const ANSWERS: usize = 64;

pub struct Spawn {
    pub broker: BrokerDefinition,
    pub store: Store,
    pub clock: Clock,
    /// How long may still be sent after `stop`.
    pub flush: Duration,
    pub seed: u64,
    /// The meters that publish here.
    pub roster: watch::Receiver<Arc<[Device]>>,
    /// Who carries out what the platform asks; nobody: it is told so.
    pub requests: Option<mpsc::Sender<Request>>,
}

/// What a person or the head-end tells a running publisher.
#[derive(Debug)]
pub enum Control {
    /// Let go of the broker and stay away; readings go on waiting in the table.
    Pause,
    Resume,
    /// Now, whatever pause was due.
    Flush,
    Reconnect,
    /// Another definition of the same broker.
    Replace(Box<BrokerDefinition>),
}

pub struct PublisherHandle {
    pub status: watch::Receiver<BrokerStatus>,
    /// Rows were added.
    pub wake: Arc<Notify>,
    pub control: mpsc::Sender<Control>,
    /// What became of the newest message of each device.
    pub trails: Trails,
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

/// On `stop`: flushes for at most `flush`, then disconnects. What is left stays in the table.
pub fn spawn(spawn: Spawn) -> PublisherHandle {
    spawn_on(spawn, None)
}

/// The same, to a broker that is handed in.
pub fn spawn_on(spawn: Spawn, dial: Option<Arc<dyn Dial>>) -> PublisherHandle {
    let now = Instant::now();
    let (status, watched) = watch::channel(BrokerStatus::new(now));
    let (control, controls) = mpsc::channel(16);
    let wake = Arc::new(Notify::new());
    let stop = CancellationToken::new();
    let trails = Trails::default();
    let drain = Drain {
        random: fastrand::Rng::with_seed(spawn.seed),
        broker: spawn.broker,
        dial,
        store: spawn.store,
        clock: spawn.clock,
        flush: spawn.flush,
        roster: spawn.roster,
        requests: spawn.requests,
        answers: mpsc::channel(ANSWERS),
        status,
        controls,
        trails: trails.clone(),
        wake: Arc::clone(&wake),
        stop: stop.clone(),
        unremoved: Vec::new(),
        failures: 0,
        rate: Rate::new(now),
        latencies: Latencies::default(),
        ticked: None,
        gate: Gate::default(),
        twins: Vec::new(),
        acknowledged_at: None,
        dropped_before: None,
        introduced: false,
        held_since: None,
        full_since: None,
    };
    PublisherHandle {
        status: watched,
        wake,
        control,
        trails,
        stop,
        task: tokio::spawn(drain.run()),
    }
}

/// What outlives a connection.
pub(super) struct Drain {
    pub broker: BrokerDefinition,
    /// None: over the network.
    pub dial: Option<Arc<dyn Dial>>,
    pub store: Store,
    pub clock: Clock,
    pub flush: Duration,
    pub roster: watch::Receiver<Arc<[Device]>>,
    pub requests: Option<mpsc::Sender<Request>>,
    /// What goes out beside the table: answers to the platform. Lost with the connection, as who asked is gone too.
    pub answers: (mpsc::Sender<Message>, mpsc::Receiver<Message>),
    status: watch::Sender<BrokerStatus>,
    pub controls: mpsc::Receiver<Control>,
    pub trails: Trails,
    pub wake: Arc<Notify>,
    pub stop: CancellationToken,
    /// Acknowledged, but not yet out of the table.
    pub unremoved: Vec<i64>,
    /// Connections lost in a row without one acknowledgement.
    failures: u32,
    rate: Rate,
    latencies: Latencies,
    /// When what waits was last put into the trend.
    ticked: Option<Instant>,
    random: fastrand::Rng,
    /// What the platform takes; outlives a connection, as its counting does.
    pub gate: Gate,
    /// Brokers in our own database that would push this one out.
    twins: Vec<String>,
    /// When last a row was.
    acknowledged_at: Option<jiff::Timestamp>,
    /// Dropped by the limits when the program started.
    dropped_before: Option<u64>,
    /// A whole greeting went out once: the platform knows every meter there is, and newer ones come by the table.
    pub introduced: bool,
    /// Since when the limits hold messages back, and since when the window is full.
    pub held_since: Option<Instant>,
    pub full_since: Option<Instant>,
}

/// What comes after a pause.
enum Next {
    Connect,
    Stop,
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
            self.look_for_twins().await;
            let began = Instant::now();
            let next = match generation::run(&mut self).await {
                End::Stopped => break,
                End::Again => Next::Connect,
                End::Paused => self.paused().await,
                End::Lost(trouble) => {
                    if began.elapsed() >= PROVEN {
                        self.failures = 0;
                    }
                    self.pause(trouble).await
                }
            };
            if matches!(next, Next::Stop) {
                break;
            }
        }
        self.count().await;
        self.phase(BrokerPhase::Stopped);
    }

    async fn pause(&mut self, trouble: Trouble) -> Next {
        self.failures = self.failures.saturating_add(1);
        self.lost(&trouble);
        let spread = Duration::from_millis(self.random.u64(0..5_000));
        let kicks = takeover::kicks(&self.status.borrow().history);
        let pause = match kicks {
            // The seconds keep several brokers behind one address from knocking at once.
            _ if trouble.refused => REFUSED + spread,
            // Two clients that push each other out must not do so every second.
            Some(kicks) if trouble.cause == Cause::TakenOver => kicks.pause() + spread,
            // What was acknowledged in between proves the broker and not our place at it.
            Some(kicks) if trouble.cause == Cause::Closed => {
                let failures = u32::try_from(kicks.count).unwrap_or(u32::MAX);
                back_off(failures.max(self.failures), &mut self.random)
            }
            _ => back_off(self.failures, &mut self.random),
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
                () = stop.cancelled() => return Next::Stop,
                Some(control) = self.controls.recv() => match control {
                    Control::Pause => return Box::pin(self.paused()).await,
                    Control::Replace(broker) => {
                        self.replace(*broker);
                        return Next::Connect;
                    }
                    Control::Resume | Control::Flush | Control::Reconnect => return Next::Connect,
                },
                () = sleep_until(recount) => {}
            }
            if Instant::now() >= until {
                return Next::Connect;
            }
        }
    }

    /// Until a person says go on.
    async fn paused(&mut self) -> Next {
        self.phase(BrokerPhase::Paused);
        let stop = self.stop.clone();
        loop {
            self.count().await;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Next::Stop,
                control = self.controls.recv() => match control {
                    Some(Control::Pause) => {}
                    Some(Control::Replace(broker)) => self.replace(*broker),
                    Some(Control::Resume | Control::Flush | Control::Reconnect) => return Next::Connect,
                    None => return Next::Stop,
                },
                () = sleep_until(Instant::now() + Duration::from_secs(1)) => {}
            }
        }
    }

    /// It may lead to another platform, which was told nothing yet.
    pub(super) fn replace(&mut self, broker: BrokerDefinition) {
        self.broker = broker;
        self.introduced = false;
    }

    pub(super) fn phase(&self, phase: BrokerPhase) {
        self.status.send_modify(|status| {
            status.phase = phase;
            status.since = Instant::now();
        });
    }

    pub(super) fn connected(&self) {
        let at = self.clock.now();
        self.status.send_modify(|status| {
            status.phase = BrokerPhase::Connected;
            status.since = Instant::now();
            status.happened(Happening {
                at,
                what: "connected".to_owned(),
                cause: Cause::Connected,
            });
        });
    }

    fn lost(&self, trouble: &Trouble) {
        let at = self.clock.now();
        self.status.send_modify(|status| {
            status.last_error = Some((at, trouble.what.clone()));
            status.happened(Happening {
                at,
                what: trouble.what.clone(),
                cause: trouble.cause,
            });
        });
    }

    pub(super) fn error(&self, what: String) {
        let at = self.clock.now();
        self.status
            .send_modify(|status| status.last_error = Some((at, what)));
    }

    /// What waits, from the table; once a second.
    pub(super) async fn count(&mut self) {
        if self.roster.has_changed().unwrap_or(false) {
            self.trails.keep_only(&self.roster.borrow_and_update());
        }
        let found = self.store.depth(self.broker.id).await;
        let per_minute = self.rate.per_minute(Instant::now());
        let latency = self.latencies.measure();
        let second = self
            .ticked
            .is_none_or(|at| at.elapsed() >= Duration::from_millis(900));
        if second {
            self.ticked = Some(Instant::now());
        }
        if let Ok(depth) = &found {
            self.diagnose(*depth);
        }
        match found {
            Ok(depth) => self.status.send_if_modified(|status| {
                let quiet = !second
                    || status.trend.iter().all(|waiting| *waiting == depth.waiting)
                        && !status.trend.is_empty();
                if second {
                    status.tick(depth.waiting);
                }
                let before = (status.depth, status.per_minute, status.latency);
                (status.depth, status.per_minute, status.latency) = (depth, per_minute, latency);
                !quiet || before != (depth, per_minute, latency)
            }),
            Err(error) => {
                self.error(error.to_string());
                true
            }
        };
    }

    async fn look_for_twins(&mut self) {
        if let Ok(all) = self.store.brokers().await {
            self.twins = takeover::twins(&self.broker, &all);
        }
    }

    fn diagnose(&mut self, depth: QueueDepth) {
        let before = *self.dropped_before.get_or_insert(depth.dropped);
        let long = |since: Option<Instant>| since.map_or(Duration::ZERO, |it| it.elapsed());
        let history = Arc::clone(&self.status.borrow().history);
        let found = findings::find(&Seen {
            broker: &self.broker,
            now: self.clock.now(),
            history: &history,
            kicks: takeover::kicks(&history),
            twins: &self.twins,
            depth,
            dropped: depth.dropped.saturating_sub(before),
            acknowledged: self.acknowledged_at,
            limits: self.gate.words(),
            held_back: long(self.held_since),
            full: long(self.full_since),
            window: self.broker.window.into(),
        });
        self.status.send_if_modified(|status| {
            let news = *status.findings != *found;
            if news {
                status.findings = found.into();
            }
            news
        });
    }

    /// The first row of a connection proves it.
    pub(super) fn acknowledged(&mut self, latencies: &[Duration], rows: usize) {
        let now = Instant::now();
        let count = rows as u64;
        if count > 0 {
            self.failures = 0;
            self.acknowledged_at = Some(self.clock.now());
        }
        self.rate.add(now, count);
        for latency in latencies {
            self.latencies.add(*latency);
        }
        let per_minute = self.rate.per_minute(now);
        let latencies = &self.latencies;
        self.status.send_modify(|status| {
            // Sorting them is for once a second; only the first are told at once.
            if status.latency.is_none() {
                status.latency = latencies.measure();
            }
            status.acknowledged += count;
            status.per_minute = per_minute;
            status.depth.waiting = status.depth.waiting.saturating_sub(count);
            if status.depth.waiting == 0 {
                status.depth.oldest = None;
            }
        });
    }

    /// Octets that went out since, and the last of them to look at.
    pub(super) fn sent(&self, bytes: u64, topic: String, payload: String) {
        self.status.send_modify(|status| {
            status.bytes_sent += bytes;
            status.last_topic = Some(topic);
            status.last_payload = Some(payload);
        });
    }

    pub(super) fn received(&self, bytes: usize) {
        self.status.send_modify(|status| {
            status.received += 1;
            status.bytes_received += bytes as u64;
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
    let mut line = Line::apart(broker, "obiscope-t").await?;
    let late = format!(
        "{} did not answer within {}",
        broker.endpoint(),
        humantime::format_duration(wait)
    );
    line.connected(began + wait, late).await?;
    let took = began.elapsed();
    generation::say_goodbye(&mut line).await;
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
