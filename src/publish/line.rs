//! One connection's client, MQTT 3.1.1 or 5, told in the same words. The rule: `poll` of the crate must never be dropped
//! half-way, so it has a task of its own that only polls, and after the first error it never polls again: that would
//! connect anew, with what the lost connection held.

use rumqttc::v5;
use rumqttc::{AsyncClient, Event, EventLoop, Outgoing, Packet, QoS};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::connection;
use super::given::{Ends, Said, Told};
use super::verdict::{Verdict, verdict};
use super::words::{Trouble, explain, five};
use crate::store::{BrokerDefinition, Message};

/// Events that may wait to be heard; beyond, the connection's task waits.
const HEARD: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Connected {
        /// Publishes the broker takes at once, where it says.
        receive_max: Option<u16>,
        /// Octets of the largest packet it takes, where it says.
        most: Option<usize>,
    },
    /// The next message that was submitted went out under this packet id.
    Sent(u16),
    Acknowledged(u16, Verdict),
    /// All filters of one request were answered; how many of them with a refusal.
    Subscribed {
        refused: usize,
    },
    Message {
        topic: String,
        payload: Vec<u8>,
    },
    /// Our DISCONNECT is out.
    Left,
    Other,
}

pub(super) enum Client {
    V311(AsyncClient, Box<EventLoop>),
    V5(v5::AsyncClient, Box<v5::EventLoop>),
    Given(Ends),
}

enum Sender {
    V311(AsyncClient),
    V5(v5::AsyncClient),
    Given(mpsc::UnboundedSender<Said>),
}

pub(super) struct Line {
    sender: Sender,
    pub events: mpsc::Receiver<Result<Heard, Trouble>>,
    poller: AbortHandle,
}

/// The connection's queue is full or its task is gone.
pub(super) struct Gone;

impl Line {
    pub(super) fn new(client: Client, broker: BrokerDefinition) -> Self {
        let (tell, events) = mpsc::channel(HEARD);
        let (sender, poller) = match client {
            Client::V311(client, polled) => (
                Sender::V311(client),
                tokio::spawn(poll(*polled, broker, tell)).abort_handle(),
            ),
            Client::V5(client, polled) => (
                Sender::V5(client),
                tokio::spawn(poll_five(*polled, broker, tell)).abort_handle(),
            ),
            Client::Given(Ends { said, told }) => (
                Sender::Given(said),
                tokio::spawn(hear_given(told, tell)).abort_handle(),
            ),
        };
        Self {
            sender,
            events,
            poller,
        }
    }

    /// Beside the running one: under a client id of its own, and without the last will that would say it is gone.
    pub(super) async fn apart(broker: &BrokerDefinition, prefix: &str) -> Result<Self, String> {
        let client_id = format!("{prefix}{:010x}", fastrand::u64(..1 << 40));
        let mut quiet = broker.clone();
        quiet.status_topic = None;
        let client = connection::open(&quiet, &client_id).await?;
        Ok(Self::new(client, quiet))
    }

    /// CONNACK until then; `late` are the words where it does not come.
    pub(super) async fn connected(&mut self, until: Instant, late: String) -> Result<(), String> {
        match timeout_at(until, self.events.recv()).await {
            Ok(Some(Ok(Heard::Connected { .. }))) => Ok(()),
            Ok(Some(Err(trouble))) => Err(trouble.what),
            Ok(Some(Ok(_)) | None) => Err(Trouble::given_up().what),
            Err(_) => Err(late),
        }
    }

    pub(super) fn publish(&self, message: Message) -> Result<(), Gone> {
        if let Sender::Given(said) = &self.sender {
            return say(said, Said::Publish(message));
        }
        let Message {
            topic,
            payload,
            retain,
            ..
        } = message;
        let done = match &self.sender {
            Sender::V311(client) => client
                .try_publish(topic, QoS::AtLeastOnce, retain, payload)
                .is_ok(),
            Sender::V5(client) => client
                .try_publish(topic, v5::mqttbytes::QoS::AtLeastOnce, retain, payload)
                .is_ok(),
            Sender::Given(_) => false,
        };
        if done { Ok(()) } else { Err(Gone) }
    }

    /// At QoS 1; with MQTT 5, what we publish ourselves does not come back to us.
    pub(super) fn subscribe(&self, filters: &[String]) -> Result<(), Gone> {
        let done = match &self.sender {
            Sender::V311(client) => client
                .try_subscribe_many(
                    filters
                        .iter()
                        .map(|path| rumqttc::SubscribeFilter::new(path.clone(), QoS::AtLeastOnce)),
                )
                .is_ok(),
            Sender::V5(client) => client
                .try_subscribe_many(filters.iter().map(|path| {
                    let mut filter =
                        v5::mqttbytes::v5::Filter::new(path, v5::mqttbytes::QoS::AtLeastOnce);
                    filter.nolocal = true;
                    filter
                }))
                .is_ok(),
            Sender::Given(said) => return say(said, Said::Subscribe(filters.to_vec())),
        };
        if done { Ok(()) } else { Err(Gone) }
    }

    pub(super) fn disconnect(&self) -> Result<(), Gone> {
        let done = match &self.sender {
            Sender::V311(client) => client.try_disconnect().is_ok(),
            Sender::V5(client) => client.try_disconnect().is_ok(),
            Sender::Given(said) => return say(said, Said::Disconnect),
        };
        if done { Ok(()) } else { Err(Gone) }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

type Tell = mpsc::Sender<Result<Heard, Trouble>>;

fn say(said: &mpsc::UnboundedSender<Said>, what: Said) -> Result<(), Gone> {
    said.send(what).map_err(|_| Gone)
}

async fn hear_given(mut told: mpsc::Receiver<Told>, tell: Tell) {
    while let Some(told) = told.recv().await {
        if !pass_on(&tell, told.heard()).await {
            return;
        }
    }
}

async fn poll(mut events: EventLoop, broker: BrokerDefinition, tell: Tell) {
    let mut connected = false;
    loop {
        let heard = match events.poll().await {
            Ok(event) => Ok(three(event)),
            Err(error) => {
                // Acknowledgements that came right before the end are in here.
                for event in std::mem::take(&mut events.state.events) {
                    if !pass_on(&tell, Ok(three(event))).await {
                        return;
                    }
                }
                Err(explain(&error, &broker, connected))
            }
        };
        connected |= matches!(heard, Ok(Heard::Connected { .. }));
        if !pass_on(&tell, heard).await {
            return;
        }
    }
}

async fn poll_five(mut events: v5::EventLoop, broker: BrokerDefinition, tell: Tell) {
    let mut connected = false;
    loop {
        let heard = match events.poll().await {
            Ok(event) => Ok(fifth(event)),
            Err(error) => {
                for event in std::mem::take(&mut events.state.events) {
                    if !pass_on(&tell, Ok(fifth(event))).await {
                        return;
                    }
                }
                Err(five::explain(&error, &broker, connected))
            }
        };
        connected |= matches!(heard, Ok(Heard::Connected { .. }));
        if !pass_on(&tell, heard).await {
            return;
        }
    }
}

/// False when there is nothing more to poll for.
async fn pass_on(tell: &Tell, heard: Result<Heard, Trouble>) -> bool {
    if matches!(heard, Ok(Heard::Other)) {
        return !tell.is_closed();
    }
    let last = matches!(heard, Err(_) | Ok(Heard::Left));
    tell.send(heard).await.is_ok() && !last
}

fn three(event: Event) -> Heard {
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Heard::Connected {
            receive_max: None,
            most: None,
        },
        Event::Incoming(Packet::PubAck(ack)) => Heard::Acknowledged(ack.pkid, Verdict::Taken),
        Event::Incoming(Packet::SubAck(ack)) => Heard::Subscribed {
            refused: (ack.return_codes.iter())
                .filter(|code| matches!(code, rumqttc::SubscribeReasonCode::Failure))
                .count(),
        },
        // Retained: said to whoever came before us, not asked now.
        Event::Incoming(Packet::Publish(publish)) if publish.retain => Heard::Other,
        Event::Incoming(Packet::Publish(publish)) => Heard::Message {
            topic: publish.topic,
            payload: publish.payload.to_vec(),
        },
        Event::Outgoing(Outgoing::Publish(packet)) => Heard::Sent(packet),
        Event::Outgoing(Outgoing::Disconnect) => Heard::Left,
        _ => Heard::Other,
    }
}

fn fifth(event: v5::Event) -> Heard {
    use v5::mqttbytes::v5::{Packet, SubscribeReasonCode};
    match event {
        v5::Event::Incoming(Packet::ConnAck(ack)) => {
            let said = ack.properties;
            Heard::Connected {
                receive_max: said.as_ref().and_then(|said| said.receive_max),
                most: said
                    .and_then(|said| said.max_packet_size)
                    .and_then(|most| most.try_into().ok()),
            }
        }
        v5::Event::Incoming(Packet::PubAck(ack)) => {
            Heard::Acknowledged(ack.pkid, verdict(ack.reason))
        }
        v5::Event::Incoming(Packet::SubAck(ack)) => Heard::Subscribed {
            refused: (ack.return_codes.iter())
                .filter(|code| !matches!(code, SubscribeReasonCode::Success(_)))
                .count(),
        },
        v5::Event::Incoming(Packet::Publish(publish)) if publish.retain => Heard::Other,
        v5::Event::Incoming(Packet::Publish(publish)) => Heard::Message {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload.to_vec(),
        },
        v5::Event::Outgoing(Outgoing::Publish(packet)) => Heard::Sent(packet),
        v5::Event::Outgoing(Outgoing::Disconnect) => Heard::Left,
        _ => Heard::Other,
    }
}
