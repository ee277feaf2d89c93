//! When each poll's first octet leaves, beside when it should: looked at where it goes into the socket. The grid of a meter begins
//! with the earliest poll there was, so that none can be early.

use super::PERIOD;
use obiscope::meter::transport::{ConnectFuture, Connector, Lines, Stream};
use obiscope::meter::{Clock, Definition, tap::Tap};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Polls by lateness in tenths of a millisecond; the last is for all that are later.
static LATE: [AtomicU32; 50_001] = [const { AtomicU32::new(0) }; 50_001];
/// Silence before a poll.
const PAUSE: Duration = Duration::from_secs(1);

static ROUND: AtomicU32 = AtomicU32::new(0);

/// Grids too: a pause while connecting is no poll.
pub fn begin_anew() {
    ROUND.fetch_add(1, Ordering::Relaxed);
    for count in &LATE {
        count.store(0, Ordering::Relaxed);
    }
}

/// Milliseconds that so many of a thousand are not later than.
pub fn late(thousandths: u64) -> f64 {
    let counts: Vec<u64> = (LATE.iter())
        .map(|it| it.load(Ordering::Relaxed).into())
        .collect();
    let rank = (counts.iter().sum::<u64>() * thousandths).div_ceil(1000);
    let mut before = 0;
    for (tenths, count) in counts.iter().enumerate() {
        before += count;
        if before >= rank {
            return tenths as f64 / 10.0;
        }
    }
    f64::NAN
}

pub struct Watched;

impl Connector for Watched {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move { Ok(watched(Lines.connect(meter).await?)) })
    }

    fn open<'a>(&'a self, meter: &'a Definition, clock: Clock, tap: &'a Tap) -> ConnectFuture<'a> {
        Box::pin(async move { Ok(watched(Lines.open(meter, clock, tap).await?)) })
    }
}

fn watched(stream: Box<dyn Stream>) -> Box<dyn Stream> {
    Box::new(Line {
        stream,
        last: Instant::now(),
        anchor: None,
        round: 0,
    })
}

struct Line {
    stream: Box<dyn Stream>,
    last: Instant,
    anchor: Option<Instant>,
    round: u32,
}

impl Line {
    fn writes(&mut self) {
        let now = Instant::now();
        let silent = now - std::mem::replace(&mut self.last, now);
        if silent < PAUSE {
            return;
        }
        let round = ROUND.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.round, round) != round {
            self.anchor = None;
        }
        let anchor = *self.anchor.get_or_insert(now);
        let period = PERIOD.as_micros() as i64;
        let since = (now - anchor).as_micros() as i64;
        // Up to half a second early moves the grid; more is a poll that is very late.
        let mut late = since.rem_euclid(period);
        if late > period - 500_000 {
            self.anchor = anchor.checked_sub(Duration::from_micros((period - late) as u64));
            late = 0;
        }
        let tenths = usize::try_from(late / 100).unwrap_or(0).min(LATE.len() - 1);
        LATE[tenths].fetch_add(1, Ordering::Relaxed);
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if matches!(written, Poll::Ready(Ok(_))) {
            self.writes();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
