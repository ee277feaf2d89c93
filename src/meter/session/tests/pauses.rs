//! The pause a meter needs between its last octet and our first, on a line that notes when each came. In virtual time.

use super::*;
use crate::simulator::server::pipe;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Notes the shortest time from hearing to speaking.
struct Stopwatch {
    line: DuplexStream,
    heard: Option<Instant>,
    shortest: Arc<Mutex<Option<Duration>>>,
}

impl AsyncRead for Stopwatch {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(&mut self.line).poll_read(cx, into);
        if read.is_ready() {
            self.heard = Some(Instant::now());
        }
        read
    }
}

impl AsyncWrite for Stopwatch {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if let Some(heard) = self.heard {
            let mut shortest = self.shortest.lock().unwrap();
            let paused = heard.elapsed();
            *shortest = Some(shortest.map_or(paused, |least| least.min(paused)));
        }
        Pin::new(&mut self.line).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn the_meter_gets_its_pause_before_every_frame() {
    for turn_round in [Duration::ZERO, Duration::from_millis(30)] {
        let clock = Clock::From {
            base: "2025-11-20T12:00:00Z".parse().unwrap(),
            at: Instant::now(),
        };
        let meter = shared(Profile::microstar(3), clock.now());
        let shortest = Arc::new(Mutex::new(None));
        let line = Stopwatch {
            line: pipe(&meter),
            heard: None,
            shortest: Arc::clone(&shortest),
        };
        let mut definition = Definition::microstar("m", "meter", 1);
        definition.password = Some(Secret::new(*b"22222222"));
        definition.turn_round = turn_round;
        let mut session = Session::new(&definition, Box::new(line), clock, Tap::new(1 << 16));
        session.establish(&mut |_, _| {}).await.unwrap();
        let clock = reference(8, Obis::new(0, 0, 1, 0, 0, 255));
        for _ in 0..5 {
            session.get(clock).await.unwrap().unwrap();
        }
        session.keep_alive().await.unwrap();
        session.release().await;
        assert_eq!(*shortest.lock().unwrap(), Some(turn_round));
    }
}
