//! In-memory lines to one simulated meter, connection faults and all. The rule: to the prober they are what a socket is.
use obiscope::meter::tap::Tap;
use obiscope::meter::transport::{ConnectFuture, Connector, Stream, hand_over_as_is};
use obiscope::meter::{Clock, Definition};
use obiscope::simulator::fault::{Argument, Fault, Kind};
use obiscope::simulator::server::{SharedMeter, pipe};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::Instant;

pub struct Lines {
    meter: SharedMeter,
    fault: Option<Fault>,
    /// Until when a port that a connection left is held.
    held: Arc<Mutex<Option<Instant>>>,
    /// Connections that stand: never more than one.
    open: Arc<AtomicUsize>,
}

impl Lines {
    pub fn to(meter: &SharedMeter, fault: Option<Fault>) -> Self {
        Self {
            meter: meter.clone(),
            fault,
            held: Arc::default(),
            open: Arc::default(),
        }
    }

    fn open_one(&self) -> io::Result<Box<dyn Stream>> {
        let kind = self.fault.map(|fault| fault.kind);
        if kind == Some(Kind::Refuse) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        if kind == Some(Kind::Reset) {
            return Ok(Box::new(Broken));
        }
        let hold = match self.fault {
            Some(Fault {
                kind: Kind::HoldsPort,
                argument: Argument::Time(time),
            }) => Some(time),
            _ => None,
        };
        if self
            .held
            .lock()
            .unwrap()
            .is_some_and(|until| Instant::now() < until)
        {
            let (ours, theirs) = tokio::io::duplex(64);
            drop(theirs);
            return Ok(Box::new(ours));
        }
        Ok(Box::new(Open {
            stream: pipe(&self.meter),
            hold,
            held: self.held.clone(),
            count: {
                assert_eq!(
                    self.open.fetch_add(1, Ordering::Relaxed),
                    0,
                    "one at a time"
                );
                self.open.clone()
            },
        }))
    }
}

impl Connector for Lines {
    fn connect<'a>(&'a self, _: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async { self.open_one() })
    }

    fn open<'a>(&'a self, meter: &'a Definition, clock: Clock, tap: &'a Tap) -> ConnectFuture<'a> {
        Box::pin(async move {
            let stream = self.open_one()?;
            if meter.mode_e {
                return hand_over_as_is(stream, clock, tap).await;
            }
            Ok(stream)
        })
    }
}

struct Open {
    stream: DuplexStream,
    hold: Option<Duration>,
    held: Arc<Mutex<Option<Instant>>>,
    count: Arc<AtomicUsize>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        if let Some(hold) = self.hold {
            *self.held.lock().unwrap() = Some(Instant::now() + hold);
        }
    }
}

impl AsyncRead for Open {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Open {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Accepted, then reset.
struct Broken;

impl AsyncRead for Broken {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
