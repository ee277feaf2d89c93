//! How bytes reach a meter: TCP, UDP, a serial line; a trait so that tests and simulations hand in pipes.
//! A connection is ended with FIN, never with RST: many converters stay blocked for minutes after one.

mod handover;
#[cfg(test)]
mod handover_tests;
mod ident;
mod owner;
mod serial;
mod tcp;
mod udp;

pub use handover::HandoverError;
pub use owner::Held;
pub use tcp::Tcp;

use super::clock::Clock;
use super::definition::{Definition, TransportKind};
use super::tap::Tap;
use handover::Switch;
use owner::owned;
use std::pin::Pin;
use std::sync::Arc;
use std::{future::Future, io};
use tokio::io::{AsyncRead, AsyncWrite};

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub type ConnectFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

pub trait Connector: Send + Sync {
    /// Opens one byte stream to the meter, or says within `meter.timeout` why not.
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a>;

    /// The same for a line on which something must be said before HDLC begins; `tap` gets those bytes too.
    fn open<'a>(
        &'a self,
        meter: &'a Definition,
        _clock: Clock,
        _tap: &'a Tap,
    ) -> ConnectFuture<'a> {
        self.connect(meter)
    }
}

pub type SharedConnector = Arc<dyn Connector>;

/// Whatever the definition says, on this computer: TCP, UDP, serial, with the hand-over of mode E where it is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines;

impl Connector for Lines {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move {
            let at = meter.endpoint();
            Ok(match &meter.transport {
                TransportKind::HdlcTcp | TransportKind::WrapperTcp => {
                    Box::new(owned(&at, tcp::connect(meter)).await?) as Box<dyn Stream>
                }
                TransportKind::WrapperUdp => Box::new(owned(&at, udp::connect(meter)).await?),
                TransportKind::Serial(line) => {
                    Box::new(owned(&at, async { serial::open(line) }).await?)
                }
            })
        })
    }

    fn open<'a>(&'a self, meter: &'a Definition, clock: Clock, tap: &'a Tap) -> ConnectFuture<'a> {
        if !meter.mode_e {
            return self.connect(meter);
        }
        Box::pin(async move {
            let handed_over = async {
                match &meter.transport {
                    TransportKind::Serial(line) => {
                        let port = serial::open_for_hand_over(line)?;
                        handed_over(port, line.baud, clock, tap).await
                    }
                    // The converter behind it keeps its own speed; what we ask for only has to be one the meter offers.
                    _ => handed_over(tcp::connect(meter).await?, u32::MAX, clock, tap).await,
                }
            };
            Ok(Box::new(owned(&meter.endpoint(), handed_over).await?) as Box<dyn Stream>)
        })
    }
}

/// The hand-over of mode E on a line whose speed somebody else minds, or that has none.
pub async fn hand_over_as_is(
    stream: Box<dyn Stream>,
    clock: Clock,
    tap: &Tap,
) -> io::Result<Box<dyn Stream>> {
    handed_over(stream, u32::MAX, clock, tap).await
}

impl Switch for Box<dyn Stream> {
    fn switch(&mut self, _: u32) -> io::Result<()> {
        Ok(())
    }
}

async fn handed_over<S: Stream + Switch + 'static>(
    mut stream: S,
    fastest: u32,
    clock: Clock,
    tap: &Tap,
) -> io::Result<Box<dyn Stream>> {
    handover::hand_over(&mut stream, fastest, clock, tap).await?;
    Ok(Box::new(stream))
}
