//! What a person may ask of the running whole: carried out at once, or refused with words that say why.

use super::bench::{Bench, ON_BENCH, ProbeAsk, StepAsk};
use super::{Inner, lock};
use crate::meter::poller::Order;
use crate::meter::{Definition, MeterId, Phase};
use std::sync::Arc;
use std::time::Duration;

/// `Start` and `Stop` hold for this run; `Definition::enabled` says what holds at the next start.
#[derive(Clone, Debug)]
pub enum Command {
    /// Insert (id 0) or change; a running meter follows without a restart of anything else.
    Save(Box<Definition>),
    Delete(MeterId),
    Start(MeterId),
    Stop(MeterId),
    PollNow(MeterId),
    Reconnect(MeterId),
    /// After a refused password: try again.
    Proceed(MeterId),
    /// Take the meter to the bench and find out why it does not answer.
    Probe {
        meter: MeterId,
        options: ProbeAsk,
    },
    /// Step through a session on the bench.
    Step {
        meter: MeterId,
        ask: StepAsk,
    },
    /// End what goes on there, and let the meter go; close what has ended.
    StopBench(MeterId),
    /// Of a probe: on without waiting.
    SkipWait(MeterId),
    /// Of a probe: the address that worked becomes the meter's own.
    KeepWorking(MeterId),
    /// Somebody knows of this alarm.
    Acknowledge {
        alarm: i64,
        by: String,
        note: String,
    },
}

/// An owner hears orders at once; one that does not is stuck, and that is worth saying.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

impl Inner {
    pub(super) async fn command(self: &Arc<Self>, command: Command) -> Result<(), String> {
        match command {
            Command::Save(definition) => self.save(*definition).await,
            Command::Delete(id) => self.delete(id).await,
            Command::Start(id) => match self.free(id)? {
                Phase::Stopped => self.order(id, Order::Start).await,
                _ => Err("it runs already".to_owned()),
            },
            Command::Stop(id) => match self.free(id)? {
                Phase::Stopped => Err("it is stopped already".to_owned()),
                _ => self.order(id, Order::Stop).await,
            },
            Command::PollNow(id) => match self.free(id)? {
                Phase::Stopped => Err("it is stopped: start it first".to_owned()),
                Phase::NeedsPerson => Err(WRONG_PASSWORD.to_owned()),
                _ => self.order(id, Order::PollNow).await,
            },
            Command::Reconnect(id) => match self.free(id)? {
                Phase::NeedsPerson => Err(WRONG_PASSWORD.to_owned()),
                _ => self.order(id, Order::Reconnect).await,
            },
            Command::Proceed(id) => match self.free(id)? {
                Phase::NeedsPerson => self.order(id, Order::Proceed).await,
                _ => Err("it does not wait for anyone".to_owned()),
            },
            Command::Probe { meter, options } => self.probe(meter, options).await,
            Command::Step { meter, ask } => self.step(meter, ask).await,
            Command::StopBench(id) => self.stop_bench(id),
            Command::SkipWait(id) => self.skip_wait(id),
            Command::KeepWorking(id) => self.keep_bench(id).await,
            Command::Acknowledge { alarm, by, note } => self.acknowledge(alarm, &by, &note).await,
        }
    }

    async fn save(self: &Arc<Self>, definition: Definition) -> Result<(), String> {
        sound(&definition)?;
        let _one = self.one_command.lock().await;
        self.put(definition).await
    }

    /// Changes a meter as it is saved now: whoever asks may have looked long ago. False when it was so already.
    pub(super) async fn change(
        self: &Arc<Self>,
        id: MeterId,
        change: impl FnOnce(&mut Definition) + Send,
    ) -> Result<bool, String> {
        let _one = self.one_command.lock().await;
        let saved = self.store.meter(id).await.map_err(words)?;
        let saved = saved.filter(|_| lock(&self.state).has_meter(id));
        let saved = saved.ok_or_else(|| GONE.to_owned())?;
        let mut changed = saved.clone();
        change(&mut changed);
        if changed == saved {
            return Ok(false);
        }
        sound(&changed)?;
        self.put(changed).await.map(|()| true)
    }

    /// Under `one_command`.
    async fn put(self: &Arc<Self>, definition: Definition) -> Result<(), String> {
        if let Some(name) = &definition.publish {
            self.find_broker(name).await?;
        }
        if let Some(why) = lock(&self.state).too_often(&definition) {
            return Err(why);
        }
        let saved = self.store.save_meter(definition).await.map_err(words)?;
        let id = saved.id;
        let known = lock(&self.state).replace(saved.clone());
        if !known {
            self.start_meter(saved, None, Duration::ZERO);
            self.tell_roster().await;
            return Ok(());
        }
        self.changed.notify_waiters();
        self.tell_roster().await;
        self.order(id, Order::Replace(Box::new(saved))).await
    }

    /// A broker that was saved after we started is taken up now.
    async fn find_broker(self: &Arc<Self>, name: &str) -> Result<(), String> {
        if lock(&self.state).has_broker(name) {
            return Ok(());
        }
        let brokers = self.store.brokers().await.map_err(words)?;
        match brokers.into_iter().find(|b| b.name == name) {
            Some(broker) => {
                self.start_broker(broker);
                Ok(())
            }
            None => Err(format!(
                "publish: there is no broker named {name:?}; add it with `obiscope broker add`"
            )),
        }
    }

    async fn delete(&self, id: MeterId) -> Result<(), String> {
        let _one = self.one_command.lock().await;
        if !lock(&self.state).has_meter(id) {
            return Err(GONE.to_owned());
        }
        self.store.delete_meter(id).await.map_err(words)?;
        self.stop_meter(id).await;
        lock(&self.state).roster.forget(id);
        self.tell_roster().await;
        Ok(())
    }

    pub(super) fn phase(&self, id: MeterId) -> Result<Phase, String> {
        lock(&self.state).phase(id).ok_or_else(|| GONE.to_owned())
    }

    /// Its phase, where nobody has it on the bench.
    fn free(&self, id: MeterId) -> Result<Phase, String> {
        let state = lock(&self.state);
        if state.bench(id).is_some_and(Bench::is_working) {
            return Err(ON_BENCH.to_owned());
        }
        state.phase(id).ok_or_else(|| GONE.to_owned())
    }

    pub(super) async fn order(&self, id: MeterId, order: Order) -> Result<(), String> {
        let orders = lock(&self.state)
            .orders(id)
            .ok_or_else(|| GONE.to_owned())?;
        match orders.send_timeout(order, HEARD_WITHIN).await {
            Ok(()) => Ok(()),
            Err(_) => Err("the meter's task does not answer; restart obiscope".to_owned()),
        }
    }
}

fn sound(definition: &Definition) -> Result<(), String> {
    definition.check().map_err(|wrong| {
        let each: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        each.join("; ")
    })
}

pub(super) const GONE: &str = "that meter is no longer there";
const WRONG_PASSWORD: &str =
    "the meter refused the password or keys: correct them, or go on with the same ones (proceed)";

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
pub(super) fn words(error: crate::store::StoreError) -> String {
    error.to_string()
}
