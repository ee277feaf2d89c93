//! The hand on a running broker: change how it behaves, end connections, take it down and up again. The rule: what was changed
//! holds for the next packet of every connection.

use super::behaviour::Behaviour;
use super::hub::{Farewell, Hub};
use super::packet::Publish;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot};
use tokio_util::bytes::Bytes;

/// How a broker goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As on SIGTERM: MQTT 5 is told (0x8B), what was written is sent, connections are closed.
    Graceful,
    /// As on SIGKILL or a cut cable: connections are reset, what was under way is gone.
    Abrupt,
}

pub(super) enum Order {
    Down(Ending, oneshot::Sender<io::Result<()>>),
    Up(oneshot::Sender<io::Result<()>>),
}

#[derive(Clone)]
pub struct Handle {
    hub: Arc<Hub>,
    orders: mpsc::Sender<Order>,
}

impl Handle {
    pub(super) fn new(hub: Arc<Hub>, orders: mpsc::Sender<Order>) -> Self {
        Self { hub, orders }
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.hub.behaviour.send_replace(Arc::new(behaviour));
    }

    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        self.hub
            .behaviour
            .send_modify(|behaviour| change(Arc::make_mut(behaviour)));
    }

    pub fn behaviour(&self) -> Behaviour {
        self.hub.behaviour.borrow().as_ref().clone()
    }

    /// Closes every connection without a word; the port stays open.
    pub fn drop_all(&self) {
        self.hub.end_all(Farewell::Quiet);
    }

    /// Resets every connection; the port stays open.
    pub fn reset_all(&self) {
        self.hub.end_all(Farewell::Abrupt);
    }

    /// Ends every connection; MQTT 5 is told this reason in a DISCONNECT.
    pub fn disconnect_all(&self, reason: u8) {
        self.hub.end_all(Farewell::Saying(reason));
    }

    /// The ids of those who are connected.
    pub fn clients(&self) -> Vec<String> {
        self.hub.clients()
    }

    /// How many subscribed something that this topic matches.
    pub fn subscribers(&self, topic: &str) -> usize {
        self.hub.subscribers(topic)
    }

    /// How often a CONNECT was accepted.
    pub fn accepted(&self) -> u64 {
        self.hub.accepted.load(Ordering::Relaxed)
    }

    /// How often somebody came to the port.
    pub fn arrived(&self) -> u64 {
        self.hub.arrived.load(Ordering::Relaxed)
    }

    /// Says something to its subscribers by itself, with QoS 1.
    pub fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        self.hub.route(
            None,
            &Publish {
                qos: 1,
                retain,
                topic: topic.to_owned(),
                payload: Bytes::from(payload.into()),
                ..Publish::default()
            },
        );
    }

    /// Goes down and holds the port; who connects is refused. Returns when every connection has ended.
    pub async fn down(&self, ending: Ending) -> io::Result<()> {
        self.order(|done| Order::Down(ending, done)).await
    }

    /// Listens again on the same port. It has forgotten what it retained.
    pub async fn up(&self) -> io::Result<()> {
        self.order(Order::Up).await
    }

    pub async fn restart(&self, ending: Ending) -> io::Result<()> {
        self.down(ending).await?;
        self.up().await
    }

    async fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<io::Result<()>>) -> Order,
    ) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the broker was stopped");
        let (done, answer) = oneshot::channel();
        self.orders.send(order(done)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}
