//! TCP and UDP: only ever read from. The rule: a bounded number of peers, each a bounded buffer ahead.

use super::heard::Heard;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::sleep;

/// Read at a time; so many chunks may wait to be looked at, then the peers wait.
const CHUNK: usize = 4096;
const AHEAD: usize = 32;

/// After a failed accept (no file descriptors left): no busy loop.
const REST: Duration = Duration::from_millis(200);

pub(super) struct Tcp {
    pub address: String,
    listener: TcpListener,
    to_us: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
    tasks: HashMap<u64, AbortHandle>,
    next_id: u64,
}

impl Tcp {
    pub(super) async fn bind(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| named(address, &error))?;
        let (to_us, heard) = mpsc::channel(AHEAD);
        Ok(Self {
            address: listener.local_addr()?.to_string(),
            listener,
            to_us,
            heard,
            tasks: HashMap::new(),
            next_id: 0,
        })
    }

    /// May be dropped at any await without losing anything.
    pub(super) async fn next(&mut self) -> Heard {
        tokio::select! {
            Some(heard) = self.heard.recv() => {
                if let Heard::Ended { id, .. } = &heard {
                    self.tasks.remove(id);
                }
                heard
            }
            accepted = self.listener.accept() => match accepted {
                Ok((stream, from)) => {
                    let id = self.next_id;
                    self.next_id = self.next_id.wrapping_add(1);
                    let task = tokio::spawn(read(id, stream, self.to_us.clone()));
                    self.tasks.insert(id, task.abort_handle());
                    Heard::Began { id, from: from.to_string() }
                }
                Err(error) => {
                    sleep(REST).await;
                    Heard::Trouble(format!("a connection could not be taken: {error}"))
                }
            },
        }
    }

    pub(super) fn close(&mut self, id: u64) {
        if let Some(task) = self.tasks.remove(&id) {
            task.abort();
        }
    }
}

async fn read(id: u64, mut stream: TcpStream, to_us: mpsc::Sender<Heard>) {
    let mut chunk = vec![0; CHUNK];
    let why = loop {
        match stream.read(&mut chunk).await {
            Ok(0) => break None,
            Ok(count) => {
                let bytes = chunk.get(..count).unwrap_or_default().to_vec();
                if to_us.send(Heard::Bytes { id, bytes }).await.is_err() {
                    return;
                }
            }
            Err(error) => break Some(error.to_string()),
        }
    };
    // Nobody to tell: the listener has ended.
    let _ = to_us.send(Heard::Ended { id, why }).await;
}

pub(super) struct Udp {
    pub address: String,
    socket: UdpSocket,
    datagram: Vec<u8>,
}

impl Udp {
    pub(super) async fn bind(address: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)
            .await
            .map_err(|error| named(address, &error))?;
        Ok(Self {
            address: socket.local_addr()?.to_string(),
            socket,
            datagram: vec![0; 65_536],
        })
    }

    pub(super) async fn next(&mut self) -> Heard {
        match self.socket.recv_from(&mut self.datagram).await {
            Ok((count, from)) => Heard::Datagram {
                from,
                bytes: self.datagram.get(..count).unwrap_or_default().to_vec(),
            },
            Err(error) => {
                sleep(REST).await;
                Heard::Trouble(format!("a datagram could not be taken: {error}"))
            }
        }
    }
}

/// Datagrams of one sender belong together.
pub(super) fn peer_id(from: SocketAddr) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    from.hash(&mut hasher);
    hasher.finish()
}

fn named(address: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}
