//! Real TCP: nodelay, connect timeout, FIN on close. Host names are resolved, each address tried in turn.

use super::handover::Switch;
use super::{ConnectFuture, Connector, Stream};
use crate::meter::definition::Definition;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Connector for Tcp {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move { Ok(Box::new(connect(meter).await?) as Box<dyn Stream>) })
    }
}

pub(super) async fn connect(meter: &Definition) -> io::Result<Line> {
    let connecting = TcpStream::connect((meter.host.as_str(), meter.port));
    let stream = tokio::time::timeout(meter.timeout, connecting)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(Line(stream))
}

/// A TCP stream that empties its receive buffer before it closes: Linux answers unread bytes with RST.
pub(super) struct Line(TcpStream);

impl Drop for Line {
    fn drop(&mut self) {
        let mut scrap = [0; 1024];
        // Bounded: a peer that never stops sending must not hold us.
        for _ in 0..64 {
            // Past tokio, whose word on what is there may be old.
            #[cfg(unix)]
            let read = rustix::io::read(&self.0, &mut scrap).ok();
            #[cfg(not(unix))]
            let read = self.0.try_read(&mut scrap).ok();
            if read.is_none_or(|n| n == 0) {
                return;
            }
        }
    }
}

impl Switch for Line {
    /// The speed is the converter's.
    fn switch(&mut self, _: u32) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_drop_with_unread_bytes_ends_in_fin_not_rst() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let meter = Definition::new("m", "localhost", port);
        let ours = Tcp.connect(&meter).await.unwrap();
        let (mut theirs, _) = listener.accept().await.unwrap();
        theirs.write_all(b"never read").await.unwrap();
        theirs.flush().await.unwrap();
        drop(ours);
        let mut rest = Vec::new();
        // After RST this would be ConnectionReset.
        assert_eq!(theirs.read_to_end(&mut rest).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_closed_port_is_refused_with_its_own_kind() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut meter = Definition::new("m", "127.0.0.1", port);
        meter.timeout = Duration::from_secs(2);
        let error = Tcp.connect(&meter).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
