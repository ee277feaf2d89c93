//! One TCP connection from its first byte to its last. The rule: it ends at once when it is told to, whatever it waits for,
//! and what was written before goes out first unless it is reset.

use super::answer::{self, Terms};
use super::hub::{Farewell, Hub};
use super::packet::{self, Connect, Fault, Frame, Version};
use super::reason;
use super::session::Session;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::bytes::BytesMut;

/// A larger packet ends the connection.
const MAX_PACKET: usize = 1024 * 1024;
/// How long a new connection may keep its CONNECT to itself.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// For the last bytes of a connection that ends.
const FAREWELL_WAIT: Duration = Duration::from_millis(200);

pub(super) async fn serve(
    stream: TcpStream,
    hub: Arc<Hub>,
    number: u64,
    mut told: watch::Receiver<Option<Farewell>>,
) {
    // Slower without it, nothing else.
    drop(stream.set_nodelay(true));
    let mut line = Line {
        stream,
        incoming: BytesMut::with_capacity(4096),
        outgoing: BytesMut::with_capacity(4096),
    };
    let mut session = None;
    // Dropped in the middle it leaves only whole packets behind: what is half sent is still in `outgoing`.
    let farewell = tokio::select! {
        biased;
        farewell = farewell(&mut told) => farewell,
        // A failed connection is its client's affair.
        end = converse(&mut line, &mut session, &hub, number) => end.unwrap_or(Farewell::Quiet),
    };
    hub.leave(number);
    if let Some(session) = session {
        if let Farewell::Saying(reason) = farewell {
            answer::disconnect(&mut line.outgoing, session.version, reason);
        }
        session.end();
    }
    line.close(farewell).await;
}

async fn farewell(told: &mut watch::Receiver<Option<Farewell>>) -> Farewell {
    match told.wait_for(Option::is_some).await {
        Ok(farewell) => farewell.unwrap_or(Farewell::Quiet),
        Err(_) => Farewell::Quiet,
    }
}

async fn converse(
    line: &mut Line,
    session: &mut Option<Session>,
    hub: &Arc<Hub>,
    number: u64,
) -> io::Result<Farewell> {
    if hub.behaviour.borrow().hang {
        return line.ignore().await;
    }
    let first = timeout(CONNECT_WAIT, line.first()).await??;
    let connect = match first.map(packet::connect) {
        Ok(Ok(connect)) => connect,
        Ok(Err(Fault(reason::UNSUPPORTED_PROTOCOL_VERSION))) => {
            // In the words of 3.1.1, which every version can read (its clause 3.1.2.2).
            let terms = Terms::default();
            answer::connack(&mut line.outgoing, Version::V311, 1, &terms);
            return Ok(Farewell::Quiet);
        }
        _ => return Ok(Farewell::Quiet),
    };
    let wait = hub.behaviour.borrow().connack_after;
    if !wait.is_zero() {
        sleep(wait).await;
    }
    if let Some(code) = refused(hub, &connect) {
        let terms = Terms::default();
        answer::connack(&mut line.outgoing, connect.version, code, &terms);
        return Ok(Farewell::Quiet);
    }
    let session = session.insert(Session::enter(hub, number, connect, &mut line.outgoing));
    loop {
        line.flush().await?;
        let wake = session.wakes();
        let Line {
            stream,
            incoming,
            outgoing,
        } = line;
        tokio::select! {
            biased;
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            () = session.forward(outgoing) => {}
            // `read_buf` loses nothing when it is dropped: bytes stay in `incoming`.
            read = more(stream, incoming) => {
                read?;
                session.heard = Instant::now();
                loop {
                    let frame = match packet::cut(incoming, session.most) {
                        Ok(Some(frame)) => frame,
                        Ok(None) => break,
                        Err(Fault(reason)) => return Ok(Farewell::Saying(reason)),
                    };
                    if let Some(end) = session.take(frame, outgoing)? {
                        return Ok(end);
                    }
                }
            }
        }
        if let Some(end) = session.tick(&mut line.outgoing) {
            return Ok(end);
        }
    }
}

/// With which code, in either version's notation.
fn refused(hub: &Hub, connect: &Connect) -> Option<u8> {
    let told = hub.behaviour.borrow().refuse;
    if told.is_some() {
        return told;
    }
    if connect.version == Version::V311 && connect.client.is_empty() && !connect.clean {
        return Some(reason::CLIENT_IDENTIFIER_NOT_VALID);
    }
    if connect.will.as_ref().is_some_and(|will| will.qos > 1) {
        return Some(reason::QOS_NOT_SUPPORTED);
    }
    let platform = hub.platform.as_ref()?;
    platform.refuses(connect.user.as_deref())
}

struct Line {
    stream: TcpStream,
    incoming: BytesMut,
    outgoing: BytesMut,
}

async fn more(stream: &mut TcpStream, incoming: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(incoming).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

impl Line {
    async fn first(&mut self) -> io::Result<Result<Frame, Fault>> {
        loop {
            match packet::cut(&mut self.incoming, MAX_PACKET) {
                Ok(Some(frame)) => return Ok(Ok(frame)),
                Ok(None) => more(&mut self.stream, &mut self.incoming).await?,
                Err(fault) => return Ok(Err(fault)),
            }
        }
    }

    /// Reads and says nothing until the other side goes.
    async fn ignore(&mut self) -> io::Result<Farewell> {
        loop {
            more(&mut self.stream, &mut self.incoming).await?;
            self.incoming.clear();
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all_buf(&mut self.outgoing).await
    }

    /// FIN first, then a moment for what is still under way: unread bytes would turn the close into a
    /// reset, which could take our last acknowledgement with it.
    async fn close(mut self, farewell: Farewell) {
        if farewell == Farewell::Abrupt {
            // Then dropping it resets the connection.
            drop(self.stream.set_zero_linger());
            return;
        }
        let mut rest = [0; 4096];
        let goodbye = async {
            self.flush().await?;
            self.stream.shutdown().await?;
            for _ in 0..256 {
                if self.stream.read(&mut rest).await? == 0 {
                    break;
                }
            }
            io::Result::Ok(())
        };
        drop(timeout(FAREWELL_WAIT, goodbye).await);
    }
}

pub(super) const fn most(told: Option<u32>) -> usize {
    match told {
        Some(told) if (told as usize) < MAX_PACKET => told as usize,
        _ => MAX_PACKET,
    }
}
