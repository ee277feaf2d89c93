//! The wrapper over UDP as a byte stream: one PDU out is one datagram, datagrams in are handed on whole or in pieces.
//! The rule: a datagram is no end of anything. An empty one is passed over, a port nobody listens on is an error.

use crate::dlms::wrapper::{HEADER_LENGTH, Header};
use crate::meter::definition::Definition;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UdpSocket;

/// The longest datagram there is.
const LONGEST: usize = 65_535;

pub(super) struct Datagrams {
    socket: UdpSocket,
    received: Box<[u8]>,
    taken: usize,
    length: usize,
}

/// A connected socket: what others send is not ours.
pub(super) async fn connect(meter: &Definition) -> io::Result<Datagrams> {
    let looking = tokio::net::lookup_host((meter.host.as_str(), meter.port));
    let found = tokio::time::timeout(meter.timeout, looking)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in found {
        let any = match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        match socket.connect(address).await {
            Ok(()) => {
                return Ok(Datagrams {
                    socket,
                    received: vec![0; LONGEST].into_boxed_slice(),
                    taken: 0,
                    length: 0,
                });
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl AsyncRead for Datagrams {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.taken == this.length {
            let mut whole = ReadBuf::new(&mut this.received);
            ready!(this.socket.poll_recv(cx, &mut whole))?;
            this.length = whole.filled().len();
            this.taken = 0;
        }
        let rest = &this.received[this.taken..this.length];
        let piece = &rest[..rest.len().min(buf.remaining())];
        buf.put_slice(piece);
        this.taken += piece.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Datagrams {
    /// The first PDU of `bytes`; what is no PDU goes as it is.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let pdu = Header::parse(bytes).ok();
        let pdu = pdu.and_then(|header| bytes.get(..HEADER_LENGTH + usize::from(header.length)));
        self.socket.poll_send(cx, pdu.unwrap_or(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_pdu_is_a_datagram_and_an_empty_one_is_no_end() {
        let meter = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = meter.local_addr().unwrap().port();
        let mut ours = connect(&Definition::new("m", "127.0.0.1", port))
            .await
            .unwrap();
        let two = [0, 1, 0, 16, 0, 1, 0, 1, 0xAA, 0, 1, 0, 16, 0, 1, 0, 0];
        ours.write_all(&two).await.unwrap();
        let mut got = [0; 64];
        let (first, from) = meter.recv_from(&mut got).await.unwrap();
        assert_eq!(got[..first], two[..9]);
        let second = meter.recv(&mut got).await.unwrap();
        assert_eq!(got[..second], two[9..]);

        meter.send_to(&[], from).await.unwrap();
        meter.send_to(&[7; 3000], from).await.unwrap();
        let mut piece = [0; 2048];
        assert_eq!(ours.read(&mut piece).await.unwrap(), 2048);
        assert_eq!(ours.read(&mut piece).await.unwrap(), 952);
        drop(meter);
        ours.write_all(&two[..9]).await.unwrap();
        let refused = ours.read(&mut piece).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
