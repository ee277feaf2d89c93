//! The byte stream of one session with its tap, its buffers and its one timer.
//! Every wait is cancel-safe: what was queued stays queued, what came is handed over or still in the stream.

use crate::diagnosis::Observation;
use crate::dlms::security::Secret;
use crate::meter::clock::Clock;
use crate::meter::tap::{Direction, Note, Tap, echo::EchoMask};
use crate::meter::transport::Stream;
use crate::meter::veil::{Caution, Veil};
use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Read at once. Longer than any frame of 2030 bytes of information; a window of such frames comes in several reads.
const INPUT: usize = 2048;

pub(super) enum Heard {
    /// So many bytes stand in `Wire::heard`.
    Bytes,
    Timeout,
    /// FIN from the meter.
    Closed,
}

pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// What the last read brought. It is read into the stack first, so that a meter that waits, as most do most of the
    /// time, holds no more than its answers are long.
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    /// Armed no later than needed. Deadlines move on with every answer; re-arming each time would cost more than the
    /// answer, so it is left to ring early once in a while.
    timer: Pin<Box<Sleep>>,
    /// Least time between what was heard and what is said, for meters that cannot turn round faster.
    turn_round: Duration,
    heard_at: Option<Instant>,
    pause: Option<Pin<Box<Sleep>>>,
    tap: Tap,
    clock: Clock,
    anchor: Anchor,
    /// Keeps secrets out of the tap.
    veil: Veil,
    /// While something secret goes out.
    pub(super) mask: Option<Masking>,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
}

/// What is announced of a secret on its way: an echo of our own frame is known by the octets that were hidden.
#[derive(Default)]
pub(in crate::meter) struct Masking {
    caution: Caution,
    echoes: Vec<EchoMask>,
}

/// A value in blocks hides a piece in each; the echo of one comes before the next goes.
const MOST_ECHOES: usize = 16;

impl Masking {
    /// For a SET or ACTION whose value is a secret.
    pub(super) fn value() -> Self {
        Self {
            caution: Caution::Told,
            echoes: Vec::new(),
        }
    }

    /// What was hidden in what went out last.
    pub(in crate::meter) fn sent(&mut self, hidden: &[Vec<u8>]) {
        for octets in hidden {
            let echo = EchoMask::new(Secret::new(octets.as_slice()));
            if !self.echoes.contains(&echo) {
                self.echoes.push(echo);
            }
        }
        let surplus = self.echoes.len().saturating_sub(MOST_ECHOES);
        self.echoes.drain(..surplus);
    }

    /// What comes in as it may be shown; `None` where no secret comes back in it.
    pub(in crate::meter) fn received(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut starred: Option<Vec<u8>> = None;
        for echo in &mut self.echoes {
            let shown = starred.as_deref().unwrap_or(bytes);
            if let Some(copy) = echo.apply(shown) {
                starred = Some(copy);
            }
        }
        starred
    }
}

impl Wire {
    pub(super) fn new(
        stream: Box<dyn Stream>,
        clock: Clock,
        tap: Tap,
        turn_round: Duration,
    ) -> Self {
        tap.note(clock.now(), Note::Connected);
        Self {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            turn_round,
            heard_at: None,
            pause: None,
            tap,
            anchor: Anchor::new(clock),
            clock,
            veil: Veil::default(),
            mask: None,
            bytes_sent: 0,
            bytes_received: 0,
        }
    }

    pub(super) fn note(&self, note: Note) {
        self.tap.note(self.clock.now(), note);
    }

    pub(super) fn observe(&self, what: &Observation<'_>) {
        self.tap.observe(self.clock.now(), what);
    }

    pub(super) fn observe_with(&self, what: &Observation<'_>, detail: &str) {
        self.tap.observe_with(self.clock.now(), what, Some(detail));
    }

    /// The wall-clock time at `now`.
    pub(super) fn stamp(&mut self, now: Instant) -> jiff::Timestamp {
        self.anchor.stamp(self.clock, now)
    }

    /// Adds to what goes out with the next `turn`.
    pub(super) fn queue(&mut self, now: Instant, bytes: &[u8]) {
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        self.output.extend_from_slice(bytes);
        self.bytes_sent += bytes.len() as u64;
        let at = self.stamp(now);
        let caution = self
            .mask
            .as_ref()
            .map_or(Caution::Said, |mask| mask.caution);
        let Some(shown) = self.veil.over(Direction::Sent, bytes, caution) else {
            return self.tap.bytes(at, Direction::Sent, bytes);
        };
        if let Some(mask) = &mut self.mask {
            mask.sent(self.veil.hidden());
        }
        self.tap.masked(at, Direction::Sent, &shown);
    }

    /// The bytes of the last `Heard::Bytes`.
    pub(super) fn heard(&self) -> &[u8] {
        &self.input
    }

    /// Writes what is queued and waits for bytes, the end, or the deadline, whichever is first.
    /// Also the time at which that was.
    pub(super) async fn turn(
        &mut self,
        deadline: Option<std::time::Instant>,
    ) -> (Instant, io::Result<Heard>) {
        let deadline = deadline.map(Instant::from_std);
        let heard = poll_fn(|cx| self.poll_turn(cx, deadline)).await;
        let now = Instant::now();
        if matches!(heard, Ok(Heard::Bytes)) {
            self.bytes_received += self.input.len() as u64;
            self.heard_at = Some(now);
            self.record_received(now);
        }
        (now, heard)
    }

    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
    ) -> Poll<io::Result<Heard>> {
        if self.written < self.output.len() && self.may_speak(cx) {
            self.poll_write(cx)?;
        }
        let mut space = [const { MaybeUninit::uninit() }; INPUT];
        let mut buffer = ReadBuf::uninit(&mut space);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer)? {
            Poll::Ready(()) => {
                self.input.clear();
                self.input.extend_from_slice(buffer.filled());
                let heard = if self.input.is_empty() {
                    Heard::Closed
                } else {
                    Heard::Bytes
                };
                return Poll::Ready(Ok(heard));
            }
            Poll::Pending => {}
        }
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        if self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(Ok(Heard::Timeout));
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// The meter has had its pause since it spoke.
    fn may_speak(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(heard) = self.heard_at.filter(|_| !self.turn_round.is_zero()) else {
            return true;
        };
        let at = heard + self.turn_round;
        if Instant::now() >= at {
            self.pause = None;
            return true;
        }
        let pause = self
            .pause
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if pause.deadline() != at {
            pause.as_mut().reset(at);
        }
        pause.as_mut().poll(cx).is_ready()
    }

    /// Writes as much as the stream takes now.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut stream = Pin::new(&mut self.stream);
        while let Some(rest) = self.output.get(self.written..).filter(|r| !r.is_empty()) {
            match stream.as_mut().poll_write(cx, rest)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(n) => self.written += n,
                Poll::Pending => return Ok(()),
            }
        }
        // Streams that buffer are asked to send; TCP has nothing to do.
        let _ = stream.poll_flush(cx)?;
        Ok(())
    }

    fn record_received(&mut self, now: Instant) {
        let at = self.stamp(now);
        let bytes = self.input.as_slice();
        let veiled = self.veil.over(Direction::Received, bytes, Caution::Said);
        let seen = veiled.as_deref().unwrap_or(bytes);
        let starred = self.mask.as_mut().and_then(|mask| mask.received(seen));
        match starred.or(veiled) {
            Some(copy) => self.tap.masked(at, Direction::Received, &copy),
            None => self.tap.bytes(at, Direction::Received, bytes),
        }
    }

    /// Last words on the way out, without waiting: whatever the stream takes at once.
    pub(super) fn say_without_waiting(&mut self, bytes: &[u8]) {
        self.queue(Instant::now(), bytes);
        let _ = self.poll_write(&mut Context::from_waker(Waker::noop()));
    }

    /// FIN, then what the meter still sends is read away (unread bytes would turn our close into RST).
    pub(super) async fn close(&mut self) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _ = self.stream.shutdown().await;
        self.input.resize(INPUT, 0);
        for _ in 0..64 {
            match self.stream.read(&mut self.input).await {
                Ok(n) if n > 0 => {}
                _ => break,
            }
        }
    }
}

/// Wall-clock time out of monotonic time: one look at the wall clock a second, not two a frame. Times within a second
/// are therefore as far apart as they were, whatever sets the clock.
struct Anchor {
    at: Instant,
    wall: jiff::Timestamp,
}

const ANCHOR_HOLDS: std::time::Duration = std::time::Duration::from_secs(1);

impl Anchor {
    fn new(clock: Clock) -> Self {
        Self {
            at: Instant::now(),
            wall: clock.now(),
        }
    }

    fn stamp(&mut self, clock: Clock, now: Instant) -> jiff::Timestamp {
        let since = now.saturating_duration_since(self.at);
        if since >= ANCHOR_HOLDS {
            *self = Self::new(clock);
            return self.wall;
        }
        let since = jiff::SignedDuration::try_from(since).unwrap_or_default();
        self.wall.checked_add(since).unwrap_or(self.wall)
    }
}
