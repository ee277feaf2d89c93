//! What a person may ask of a broker: answered in words. The rule: nothing that waits is lost but by `DropWaiting`, and
//! the table is the truth.

use super::changes::{BrokerView, Level, Published};
use super::commands::words;
use super::{Headend, Inner, lock};
use crate::publish::{BrokerPhase, Control, QUEUE_FULL, Trail, test_message, where_to_look};
use crate::store::{BrokerDefinition, DeadLetter};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

#[derive(Clone, Debug)]
pub enum BrokerCommand {
    /// Let go of it and stay away; readings go on waiting.
    Pause,
    Resume,
    /// Send what waits now, whatever pause was due.
    Flush,
    Reconnect,
    /// All that waits, unsent.
    DropWaiting,
    /// Messages given up on go back into the queue; `None`: all.
    RetryDead(Option<Vec<i64>>),
    EmptyDead(Option<Vec<i64>>),
    /// One message through the queue; the answer is its acknowledgement.
    TestPublish,
}

/// A publisher hears at once, unless it is waiting for the network, and that is bounded too.
const HEARD_WITHIN: Duration = Duration::from_secs(2);
/// How long a test message may take.
const TRIED_FOR: Duration = Duration::from_secs(20);
/// Dead letters that are shown.
const LETTERS: usize = 100;

const GONE: &str = "that broker is no longer there";

impl Headend {
    /// Carried out and answered in words, or refused in words.
    pub async fn broker(&self, id: i64, command: BrokerCommand) -> Result<String, String> {
        self.inner.broker(id, command).await
    }
}

impl Inner {
    async fn broker(&self, id: i64, command: BrokerCommand) -> Result<String, String> {
        let name = lock(&self.state)
            .broker_name(id)
            .ok_or_else(|| GONE.to_owned())?;
        match command {
            BrokerCommand::Pause => {
                self.control(id, Control::Pause).await?;
                Ok(format!("{name}: paused; readings wait in the queue"))
            }
            BrokerCommand::Resume => {
                self.control(id, Control::Resume).await?;
                Ok(format!("{name}: connecting again"))
            }
            BrokerCommand::Flush => {
                let depth = self.store.depth(id).await.map_err(words)?;
                self.control(id, Control::Flush).await?;
                Ok(match depth.waiting {
                    0 => format!("{name}: nothing waits"),
                    waiting => format!("{name}: sending {} now", messages(waiting)),
                })
            }
            BrokerCommand::Reconnect => {
                self.control(id, Control::Reconnect).await?;
                Ok(format!("{name}: connecting anew"))
            }
            BrokerCommand::DropWaiting => {
                let gone = self.store.drop_waiting(id).await.map_err(words)?;
                self.recount(id);
                Ok(format!("{name}: {} dropped unsent", messages(gone)))
            }
            BrokerCommand::RetryDead(ids) => {
                let moved = self.store.retry_dead(id, ids).await.map_err(words)?;
                self.recount(id);
                Ok(format!("{name}: {} back in the queue", messages(moved)))
            }
            BrokerCommand::EmptyDead(ids) => {
                let gone = self.store.empty_dead(id, ids).await.map_err(words)?;
                self.recount(id);
                Ok(format!("{name}: {} thrown away", messages(gone)))
            }
            BrokerCommand::TestPublish => self.try_out(id, &name).await,
        }
    }

    /// Wakes the publisher: it counts what waits and looks at the table.
    fn recount(&self, id: i64) {
        lock(&self.state).wake(id);
    }

    async fn control(&self, id: i64, control: Control) -> Result<(), String> {
        let sender = lock(&self.state)
            .control_of(id)
            .ok_or_else(|| GONE.to_owned())?;
        let sent = sender.send_timeout(control, HEARD_WITHIN).await;
        sent.map_err(|_| "its publisher does not answer; restart obiscope".to_owned())
    }

    async fn try_out(&self, id: i64, name: &str) -> Result<String, String> {
        let (broker, mut status, trails) = lock(&self.state)
            .publisher(id)
            .ok_or_else(|| GONE.to_owned())?;
        match &status.borrow().phase {
            BrokerPhase::Connected => {}
            BrokerPhase::Paused => return Err(format!("{name} is paused; resume it first")),
            _ => return Err(format!("{name} is not connected; see why in the MQTT pane")),
        }
        let at = self.clock.now();
        let message = test_message(&broker, at);
        let topic = message.topic.clone();
        let began = Instant::now();
        let dropped = self.store.enqueue(id, at, vec![message]).await;
        dropped.map_err(words)?;
        self.recount(id);
        let same = |trail: &Trail| trail.read.as_millisecond() == at.as_millisecond();
        let acknowledged = async {
            loop {
                if let Some(trail) = trails.of_test().filter(same)
                    && trail.done(1).is_some()
                {
                    return Some(());
                }
                status.changed().await.ok()?;
            }
        };
        match timeout(TRIED_FOR, acknowledged).await {
            Ok(Some(())) => Ok(format!(
                "{name} acknowledged the test message on {topic} after {} ms; {}",
                began.elapsed().as_millis(),
                where_to_look(&broker, &topic)
            )),
            _ => Err(format!(
                "{name} has not acknowledged the test message on {topic} within {} s; it stays in the queue",
                TRIED_FOR.as_secs()
            )),
        }
    }

    /// A broker as it is saved now: started, changed or left as it is.
    pub(super) async fn take_up_broker(self: &Arc<Self>, definition: BrokerDefinition) -> bool {
        let id = definition.id;
        let known = lock(&self.state).replace_broker(&definition);
        match known {
            None => self.start_broker(definition),
            Some(false) => return false,
            Some(true) => {
                self.changed.notify_waiters();
                let name = definition.name.clone();
                let control = Control::Replace(Box::new(definition));
                if let Err(why) = self.control(id, control).await {
                    self.notice(Level::Warning, format!("{name}: {why}"));
                }
            }
        }
        true
    }

    /// Takes it out of the fleet; its publisher says goodbye by itself.
    pub(super) async fn stop_broker(&self, id: i64) {
        let handle = lock(&self.state).remove_broker(id);
        self.changed.notify_waiters();
        if let Some(handle) = handle {
            handle.stop.cancel();
            let _ = timeout(HEARD_WITHIN, handle.task).await;
        }
    }
}

fn messages(number: u64) -> String {
    let noun = if number == 1 { "message" } else { "messages" };
    format!("{number} {noun}")
}

/// Hears of everything a publisher tells, and brings the dead letters up to date when their number moved.
pub(super) async fn watch(
    inner: Weak<Inner>,
    id: i64,
    mut status: watch::Receiver<crate::publish::BrokerStatus>,
) {
    let mut seen = (0, 0);
    while status.changed().await.is_ok() {
        let Some(inner) = inner.upgrade() else { return };
        let depth = status.borrow_and_update().depth;
        let now = (depth.dead, depth.rejected);
        let letters: Option<Arc<[DeadLetter]>> = if now == seen {
            None
        } else {
            let found = inner.store.dead_letters(id, LETTERS).await;
            found.ok().map(|letters| {
                seen = now;
                letters.into()
            })
        };
        lock(&inner.state).broker_moved(id, letters);
        inner.changed.notify_waiters();
    }
}

impl Published {
    /// With what the publisher knows of it by now.
    pub(super) fn followed(&self, trail: Option<Trail>) -> Self {
        let same = |trail: &Trail| trail.read.as_millisecond() == self.read.as_millisecond();
        Self {
            trail: trail.filter(same),
            ..self.clone()
        }
    }

    /// When the broker had everything that was to be published of it.
    pub fn acknowledged(&self) -> Option<jiff::Timestamp> {
        self.trail.as_ref()?.done(self.messages)
    }
}

impl BrokerView {
    /// What a person should know of it although all seems to run: a limit that bites, or soon will.
    pub fn nearly_full(&self) -> bool {
        self.status.findings.iter().any(|it| it.id == QUEUE_FULL)
    }
}
