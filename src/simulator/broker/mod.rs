//! A small MQTT broker, 3.1.1 and 5 on one port: for the demo and for tests of delivery. Misbehaves on demand, and can play a
//! ThingsBoard.
//!
//! The rule: it listens on loopback only, and a message is in the receiver's hands, and in the sink's file, before it is
//! acknowledged. QoS 0 and 1, wildcards, retained messages, last wills, take-over of a client id; it keeps no session. Its
//! codec is its own and not our client's, so that one does not forgive the other's mistakes.

mod acks;
mod answer;
mod behaviour;
mod connection;
mod deliveries;
mod door;
mod fields;
mod handle;
mod hub;
mod packet;
pub mod reason;
mod session;
mod sink;
#[cfg(test)]
mod tests;
pub mod thingsboard;
pub mod topic;

pub use behaviour::{Answer, Behaviour};
pub use handle::{Ending, Handle};
pub use sink::{Received, read_sink};

use hub::Hub;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use thingsboard::ThingsBoard;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub struct Broker {
    pub address: SocketAddr,
    /// Every PUBLISH, before its PUBACK. Drop it where nobody reads it.
    pub received: mpsc::UnboundedReceiver<Received>,
    /// Ends when `stop` was given and every connection is closed.
    pub task: JoinHandle<()>,
    /// Changes it while it runs.
    pub handle: Handle,
}

/// What a broker may have beside its behaviour.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub behaviour: Behaviour,
    /// Every PUBLISH is appended to this file before its PUBACK; `read_sink` reads it.
    pub sink: Option<PathBuf>,
    /// Be this platform: nothing is forwarded from client to client then.
    pub platform: Option<ThingsBoard>,
}

/// Port 0 takes a free one; an address that is not loopback is refused.
pub async fn start(
    listen: SocketAddr,
    behaviour: Behaviour,
    stop: CancellationToken,
) -> io::Result<Broker> {
    let options = Options {
        behaviour,
        ..Options::default()
    };
    start_with(listen, options, stop).await
}

/// As `start`, with a sink or a platform.
pub async fn start_with(
    listen: SocketAddr,
    options: Options,
    stop: CancellationToken,
) -> io::Result<Broker> {
    if !listen.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{listen} is not a loopback address; the simulated broker has no passwords"),
        ));
    }
    let sink = options.sink.as_deref().map(sink::Sink::open).transpose()?;
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let (deliver, received) = mpsc::unbounded_channel();
    let hub = Arc::new(Hub::new(options.behaviour, deliver, sink, options.platform));
    let (orders, order) = mpsc::channel(4);
    let handle = Handle::new(Arc::clone(&hub), orders);
    let task = tokio::spawn(door::watch(listener, address, hub, order, stop));
    Ok(Broker {
        address,
        received,
        task,
        handle,
    })
}
