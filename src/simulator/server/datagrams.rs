//! A meter that is spoken to in datagrams: one wrapper PDU in each. The rule: while one client is associated, datagrams
//! from elsewhere are not heard.

use super::{Connected, SharedMeter, with};
use crate::dlms::wrapper::{HEADER_LENGTH, Header};
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Larger than any datagram.
const LARGEST: usize = 64 * 1024;
/// A socket that fails must not be asked in a loop.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn serve(socket: &UdpSocket, meter: &SharedMeter, stop: &CancellationToken) {
    with(meter, |meter| meter.connected(Instant::now().into_std()));
    let _over = Connected(meter);
    let mut incoming = vec![0; LARGEST];
    let mut outgoing = Vec::new();
    let mut client: Option<SocketAddr> = None;
    let mut stopped = pin!(stop.cancelled());
    loop {
        let deadline = with(meter, |meter| {
            let now = Instant::now().into_std();
            meter.poll_transmit(now, &mut outgoing);
            meter.poll_timeout()
        });
        if let Some(client) = client {
            for datagram in datagrams(&outgoing) {
                // What is lost on its way is lost: so are datagrams.
                let _ = socket.send_to(datagram, client).await;
            }
        }
        outgoing.clear();
        let alarm = async {
            match deadline {
                Some(deadline) => sleep_until(Instant::from_std(deadline)).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = &mut stopped => return,
            received = socket.recv_from(&mut incoming) => match received {
                Ok((length, from)) => {
                    let bytes = incoming.get(..length).unwrap_or_default();
                    with(meter, |meter| {
                        let now = Instant::now().into_std();
                        if client.is_none_or(|client| client == from) || !meter.is_associated(now) {
                            client = Some(from);
                            meter.handle_bytes(now, bytes);
                        }
                    });
                }
                // A client that is gone makes the system say so here; it is no fault of ours.
                Err(_) => sleep(PAUSE).await,
            },
            () = alarm => with(meter, |meter| meter.handle_timeout(Instant::now().into_std())),
        }
    }
}

/// Cuts what the meter says into its PDUs.
fn datagrams(mut octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let header = Header::parse(octets).ok()?;
        let (datagram, rest) =
            octets.split_at_checked(HEADER_LENGTH + usize::from(header.length))?;
        octets = rest;
        Some(datagram)
    })
}
