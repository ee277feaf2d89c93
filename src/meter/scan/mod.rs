//! Knocking at a port: is it open, does DLMS answer, and in which of its two dresses. The rule: no password, no association
//! that stays, one connection at a time to a host, and what was opened is ended with DISC and FIN.

mod range;

pub use range::{Hosts, MANY_HOSTS, Ports, RangeError};

use super::clock::Clock;
use super::definition::{Auth, Definition, TransportKind};
use super::probe::line::{Heard, Line};
use super::session::{Session, SessionError};
use super::tap::Tap;
use super::transport::{Connector, Held};
use crate::dlms::association::Failure;
use crate::dlms::hdlc::{ClientAddress, Control, ServerAddress};
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::sleep;

/// What stands at one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// No answer to TCP: nobody there, or a filter.
    Silent,
    Refused,
    /// Another obiscope has it, which is named: nothing was asked.
    Held(String),
    /// Something on the way says so, in its words.
    Unreachable(String),
    Open(Open),
}

/// What an open port said to DLMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It takes the connection and ends it: a converter that has its one client already does so.
    Ended,
    /// Nothing came back: another service, or a meter at another address.
    Mute,
    /// Octets came back, but none that answer us.
    Strange,
    Dlms(Spoken),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// HDLC, else the wrapper.
    pub hdlc: bool,
    pub client: ClientAddress,
    pub server: ServerAddress,
    /// It takes a link from this client, or an association; else it only says that it will not.
    pub welcome: bool,
}

/// The port registered for DLMS/COSEM over TCP: there the wrapper is likelier (IEC 62056-47).
const REGISTERED: u16 = 4059;
/// A converter needs a moment to notice that the last client left.
pub const PAUSE: Duration = Duration::from_millis(500);
/// SNRM and DISC are the link layer's own and answered at once, even on a slow line.
const SNRM: Control = Control::Snrm { poll: true };
const DISC: Control = Control::Disc { poll: true };

/// Client, upper, lower, octets: what most meters that listen to anybody listen to.
const ADDRESSES: [(u8, u16, Option<u16>, u8); 3] =
    [(16, 1, None, 1), (1, 1, None, 1), (16, 1, Some(1), 2)];

/// The public client at this place, without any secret.
pub fn public(host: IpAddr, port: u16, spoken: Option<&Spoken>, timeout: Duration) -> Definition {
    let mut meter = Definition::new(format!("{host}:{port}"), host.to_string(), port);
    meter.auth = Auth::None;
    meter.retries = 0;
    meter.timeout = timeout;
    if let Some(spoken) = spoken {
        (meter.client, meter.server) = (spoken.client, spoken.server);
        if !spoken.hdlc {
            meter.transport = TransportKind::WrapperTcp;
        }
    }
    meter
}

/// Opens the port, asks in both dresses where the first brings nothing, closes it.
pub async fn knock(
    host: IpAddr,
    port: u16,
    connector: &dyn Connector,
    clock: Clock,
    timeout: Duration,
) -> Port {
    let wrapper_first = port == REGISTERED;
    let mut heard = match knock_as(wrapper_first, host, port, connector, clock, timeout).await {
        Ok(heard) => heard,
        Err(error) => return closed(&error),
    };
    if !matches!(heard, Open::Dlms(_)) {
        sleep(PAUSE).await;
        // The port was open a moment ago: one that is not now has one client at a time, and still has us.
        let second = knock_as(!wrapper_first, host, port, connector, clock, timeout).await;
        heard = match (heard, second) {
            (_, Ok(second @ Open::Dlms(_))) | (Open::Ended, Ok(second)) => second,
            (first, Err(_) | Ok(Open::Ended)) => first,
            (Open::Strange, _) | (_, Ok(Open::Strange)) => Open::Strange,
            (first, Ok(_)) => first,
        };
    }
    Port::Open(heard)
}

/// The error is the connection's: the port did not open.
async fn knock_as(
    wrapper: bool,
    host: IpAddr,
    port: u16,
    connector: &dyn Connector,
    clock: Clock,
    timeout: Duration,
) -> io::Result<Open> {
    let mut meter = public(host, port, None, timeout);
    if wrapper {
        meter.transport = TransportKind::WrapperTcp;
    }
    let stream = connector.connect(&meter).await?;
    if !wrapper {
        return Ok(over_hdlc(
            Line::new(stream, clock, Tap::new(0), Duration::ZERO),
            timeout,
        )
        .await);
    }
    let mut session = Session::new(&meter, stream, clock, Tap::new(0)).asking_once();
    let answer = session.establish(&mut |_, _| {}).await;
    session.release().await;
    let (client, server) = (meter.client, meter.server);
    let spoken = |welcome| {
        Open::Dlms(Spoken {
            hdlc: false,
            client,
            server,
            welcome,
        })
    };
    Ok(match answer {
        Ok(()) => spoken(true),
        Err(SessionError::Association(Failure::Refused { .. } | Failure::Exception(_))) => {
            spoken(false)
        }
        Err(SessionError::Closed | SessionError::Io(_)) => Open::Ended,
        Err(error) if super::evidence::is_silence(&error) => Open::Mute,
        Err(_) => Open::Strange,
    })
}

async fn over_hdlc(mut line: Line, timeout: Duration) -> Open {
    let mut heard = Open::Mute;
    for (client, upper, lower, size) in ADDRESSES {
        let (Ok(client), Ok(server)) = (
            ClientAddress::new(client),
            ServerAddress::new(upper, lower, Some(size)),
        ) else {
            continue;
        };
        let spoken = |server, welcome| {
            Open::Dlms(Spoken {
                hdlc: true,
                client,
                server,
                welcome,
            })
        };
        match line.ask(client, server, SNRM, timeout).await {
            Ok(Heard::Ua(from)) => {
                // Let go at once; unanswered it may have worked.
                let _ = line.ask(client, from, DISC, timeout).await;
                heard = spoken(from, true);
                break;
            }
            Ok(Heard::Dm(from)) => {
                heard = spoken(from, false);
                break;
            }
            Ok(Heard::Other) => heard = Open::Strange,
            Ok(Heard::Silence) => {}
            Err(_) if heard == Open::Mute => {
                heard = Open::Ended;
                break;
            }
            Err(_) => break,
        }
    }
    line.close().await;
    heard
}

fn closed(error: &io::Error) -> Port {
    if let Some(held) = Held::of(error) {
        return Port::Held(held.by.clone());
    }
    match error.kind() {
        io::ErrorKind::TimedOut => Port::Silent,
        io::ErrorKind::ConnectionRefused => Port::Refused,
        _ => Port::Unreachable(error.to_string()),
    }
}
