//! A small MQTT 3.1.1 broker on rumqttc's public codec: for the demo and for tests. Can misbehave on demand.
//!
//! The rule: it listens on loopback only, and a message is in the receiver's hands before it is
//! acknowledged. QoS 0 and 1, wildcards, take-over of a client id; no retained messages, no wills, no
//! sessions kept. It shares its codec with our client, so it proves delivery, not interoperability.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode,
    UnsubAck,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::bytes::BytesMut;
use tokio_util::sync::CancellationToken;

/// A larger packet ends the connection.
const MAX_PACKET: usize = 1024 * 1024;
const MAX_CLIENTS: usize = 64;
/// Forwarded messages a slow subscriber may fall behind; more are not forwarded to it.
const BACKLOG: usize = 256;
/// How long a new connection may keep its CONNECT to itself.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub topic: String,
    pub payload: Vec<u8>,
}

pub struct Broker {
    pub address: SocketAddr,
    /// Every PUBLISH, before its PUBACK. Drop it where nobody reads it.
    pub received: mpsc::UnboundedReceiver<Received>,
    /// Ends when `stop` was given and every connection is closed.
    pub task: JoinHandle<()>,
}

#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// Refuse CONNECT with this code (4, 5 …).
    pub refuse: Option<u8>,
    /// Accept but never PUBACK.
    pub never_ack: bool,
    /// Close the connection on this many publishes: the last of them is received but not acknowledged.
    pub drop_after: Option<u32>,
}

/// Port 0 takes a free one; an address that is not loopback is refused.
pub async fn start(
    listen: SocketAddr,
    behaviour: Behaviour,
    stop: CancellationToken,
) -> io::Result<Broker> {
    if !listen.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{listen} is not a loopback address; the simulated broker has no passwords"),
        ));
    }
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let (deliver, received) = mpsc::unbounded_channel();
    let hub = Arc::new(Hub {
        behaviour,
        deliver,
        clients: Mutex::default(),
    });
    let task = tokio::spawn(accept(listener, hub, stop));
    Ok(Broker {
        address,
        received,
        task,
    })
}

async fn accept(listener: TcpListener, hub: Arc<Hub>, stop: CancellationToken) {
    let mut clients = JoinSet::new();
    let mut number = 0_u64;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept(), if clients.len() < MAX_CLIENTS => match accepted {
                Ok((stream, _)) => {
                    number += 1;
                    clients.spawn(serve(stream, number, Arc::clone(&hub), stop.child_token()));
                }
                // Out of file handles, say: do not spin on it.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

/// What all connections share.
struct Hub {
    behaviour: Behaviour,
    deliver: mpsc::UnboundedSender<Received>,
    clients: Mutex<HashMap<u64, Client>>,
}

struct Client {
    id: String,
    filters: Vec<String>,
    forward: mpsc::Sender<Publish>,
    /// Closes the connection.
    leave: CancellationToken,
}

impl Hub {
    fn clients(&self) -> MutexGuard<'_, HashMap<u64, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client id belongs to the one who came last.
    fn enter(&self, number: u64, client: Client) {
        let mut clients = self.clients();
        for other in clients.values().filter(|other| other.id == client.id) {
            other.leave.cancel();
        }
        clients.insert(number, client);
    }

    fn publish(&self, publish: &Publish) {
        // A receiver that was dropped is no reason to stop serving.
        drop(self.deliver.send(Received {
            topic: publish.topic.clone(),
            payload: publish.payload.to_vec(),
        }));
        for client in self.clients().values() {
            if client.filters.iter().any(|it| matches(&publish.topic, it)) {
                drop(client.forward.try_send(publish.clone()));
            }
        }
    }
}

async fn serve(stream: TcpStream, number: u64, hub: Arc<Hub>, leave: CancellationToken) {
    let mut connection = Connection {
        stream,
        incoming: BytesMut::with_capacity(4096),
        outgoing: BytesMut::with_capacity(4096),
        publishes: 0,
    };
    drop(connection.stream.set_nodelay(true));
    // A failed connection is its client's affair.
    drop(connection.converse(number, &hub, &leave).await);
    hub.clients().remove(&number);
    connection.close().await;
}

struct Connection {
    stream: TcpStream,
    incoming: BytesMut,
    outgoing: BytesMut,
    publishes: u32,
}

impl Connection {
    async fn converse(
        &mut self,
        number: u64,
        hub: &Hub,
        leave: &CancellationToken,
    ) -> io::Result<()> {
        let first = tokio::select! {
            biased;
            () = leave.cancelled() => return Ok(()),
            first = self.read(Some(Instant::now() + CONNECT_WAIT)) => first?,
        };
        let Packet::Connect(connect) = first else {
            return Ok(());
        };
        if let Some(code) = hub.behaviour.refuse {
            return self
                .write(Packet::ConnAck(ConnAck::new(refusal(code), false)))
                .await;
        }
        let (forward, mut forwarded) = mpsc::channel(BACKLOG);
        hub.enter(
            number,
            Client {
                id: connect.client_id.clone(),
                filters: Vec::new(),
                forward,
                leave: leave.clone(),
            },
        );
        self.write(Packet::ConnAck(ConnAck::new(
            ConnectReturnCode::Success,
            false,
        )))
        .await?;
        let patience = patience(&connect);
        loop {
            let until = patience.map(|patience| Instant::now() + patience);
            // `read` loses nothing when it is dropped: bytes stay in `incoming`.
            let go_on = tokio::select! {
                biased;
                () = leave.cancelled() => return Ok(()),
                Some(publish) = forwarded.recv() => { self.forward(publish).await?; true }
                packet = self.read(until) => self.answer(packet?, number, hub).await?,
            };
            if !go_on {
                return Ok(());
            }
        }
    }

    /// False when the conversation is over.
    async fn answer(&mut self, packet: Packet, number: u64, hub: &Hub) -> io::Result<bool> {
        match packet {
            Packet::Publish(publish) => {
                self.publishes += 1;
                hub.publish(&publish);
                let last = hub
                    .behaviour
                    .drop_after
                    .is_some_and(|count| self.publishes >= count);
                if publish.qos == QoS::AtLeastOnce && !last && !hub.behaviour.never_ack {
                    self.write(Packet::PubAck(PubAck::new(publish.pkid)))
                        .await?;
                }
                Ok(!last)
            }
            Packet::Subscribe(subscribe) => {
                let granted = subscribe
                    .filters
                    .iter()
                    .map(|_| SubscribeReasonCode::Success(QoS::AtMostOnce))
                    .collect();
                if let Some(client) = hub.clients().get_mut(&number) {
                    client
                        .filters
                        .extend(subscribe.filters.into_iter().map(|filter| filter.path));
                    client.filters.truncate(BACKLOG);
                }
                self.write(Packet::SubAck(SubAck::new(subscribe.pkid, granted)))
                    .await?;
                Ok(true)
            }
            Packet::Unsubscribe(unsubscribe) => {
                if let Some(client) = hub.clients().get_mut(&number) {
                    client
                        .filters
                        .retain(|filter| !unsubscribe.topics.contains(filter));
                }
                self.write(Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)))
                    .await?;
                Ok(true)
            }
            Packet::PingReq => {
                self.write(Packet::PingResp).await?;
                Ok(true)
            }
            Packet::PubAck(_) => Ok(true),
            // DISCONNECT, a second CONNECT, QoS 2: the end.
            _ => Ok(false),
        }
    }

    /// QoS 0 is what every subscription is granted.
    async fn forward(&mut self, mut publish: Publish) -> io::Result<()> {
        publish.qos = QoS::AtMostOnce;
        publish.dup = false;
        publish.pkid = 0;
        self.write(Packet::Publish(publish)).await
    }

    async fn read(&mut self, until: Option<Instant>) -> io::Result<Packet> {
        loop {
            match Packet::read(&mut self.incoming, MAX_PACKET) {
                Ok(packet) => return Ok(packet),
                Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            let more = self.stream.read_buf(&mut self.incoming);
            let count = match until {
                Some(until) => timeout_at(until, more)
                    .await
                    .map_err(|_| io::ErrorKind::TimedOut)??,
                None => more.await?,
            };
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn write(&mut self, packet: Packet) -> io::Result<()> {
        packet
            .write(&mut self.outgoing, MAX_PACKET)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.stream.write_all_buf(&mut self.outgoing).await
    }

    /// FIN first, then a moment for what is still under way: unread bytes would turn the close into a
    /// reset, which could take our last acknowledgement with it.
    async fn close(mut self) {
        drop(self.stream.shutdown().await);
        let mut rest = [0; 4096];
        let drain = async {
            for _ in 0..256 {
                match self.stream.read(&mut rest).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        drop(tokio::time::timeout(Duration::from_millis(200), drain).await);
    }
}

/// One and a half times the keep-alive, MQTT 3.1.1 clause 3.1.2.10; 0 means for ever.
fn patience(connect: &Connect) -> Option<Duration> {
    (connect.keep_alive > 0).then(|| Duration::from_millis(u64::from(connect.keep_alive) * 1_500))
}

fn refusal(code: u8) -> ConnectReturnCode {
    match code {
        1 => ConnectReturnCode::RefusedProtocolVersion,
        2 => ConnectReturnCode::BadClientId,
        3 => ConnectReturnCode::ServiceUnavailable,
        4 => ConnectReturnCode::BadUserNamePassword,
        _ => ConnectReturnCode::NotAuthorized,
    }
}

/// `+` is one level, `#` the rest and the level above it; neither matches a first `$` (clause 4.7).
fn matches(topic: &str, filter: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
#[path = "broker_tests.rs"]
mod tests;
