//! One frame out, one answer in, for the ladder. The rule: every octet passes the tap, every wait is bounded, and what
//! was opened is closed.

use crate::diagnosis::{Closing, Observation};
use crate::dlms::hdlc::{ClientAddress, Control, Decoder, Frame, Item, ServerAddress, frame};
use crate::meter::clock::Clock;
use crate::meter::tap::{Direction, Note, Tap};
use crate::meter::transport::Stream;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Silence before a command, so that no old answer is taken for a new one.
const QUIET: Duration = Duration::from_millis(200);
const LONGEST_DRAIN: Duration = Duration::from_secs(2);

/// What came back to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// From this address.
    Ua(ServerAddress),
    Dm(ServerAddress),
    /// Octets, but no answer to us.
    Other,
    Silence,
}

pub struct Line {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    tap: Tap,
    clock: Clock,
    turn_round: Duration,
    heard_at: Option<Instant>,
    open: bool,
}

impl Line {
    pub fn new(stream: Box<dyn Stream>, clock: Clock, tap: Tap, turn_round: Duration) -> Self {
        tap.note(clock.now(), Note::Connected);
        Self {
            stream,
            decoder: Decoder::new(),
            tap,
            clock,
            turn_round,
            heard_at: None,
            open: true,
        }
    }

    /// Sends SNRM or DISC and waits for its answer.
    pub async fn ask(
        &mut self,
        client: ClientAddress,
        server: ServerAddress,
        control: Control,
        patience: Duration,
    ) -> io::Result<Heard> {
        self.drain().await?;
        let (mut octets, mut bytes) = (Vec::new(), Vec::new());
        server.encode(&mut octets);
        frame::build(&octets, &[client.octet()], control, false, &[], &mut bytes)
            .map_err(io::Error::other)?;
        self.send(&bytes).await?;
        let until = Instant::now() + patience;
        let mut heard = Heard::Silence;
        loop {
            if !self.read(until).await? {
                if heard == Heard::Silence {
                    self.tap.observe(self.clock.now(), &Observation::Quiet);
                }
                return Ok(heard);
            }
            heard = Heard::Other;
            if let Some(answer) = self.answer(client) {
                return Ok(answer);
            }
        }
    }

    /// One octet sequence as it is.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(heard) = self.heard_at {
            sleep_until(heard + self.turn_round).await;
        }
        self.tap.bytes(self.clock.now(), Direction::Sent, bytes);
        let written = self.stream.write_all(bytes).await;
        self.kept(written)
    }

    fn answer(&mut self, client: ClientAddress) -> Option<Heard> {
        let mut found = None;
        while let Some(item) = self.decoder.next() {
            let Item::Frame { octets, .. } = item else {
                continue;
            };
            let Ok(frame) = Frame::parse(octets) else {
                continue;
            };
            if !frame.fcs_ok() || frame.destination() != [client.octet()] {
                continue;
            }
            let Ok((source, _)) = ServerAddress::decode(frame.source()) else {
                continue;
            };
            match frame.control() {
                Control::Ua { .. } => found = Some(Heard::Ua(source)),
                Control::Dm { .. } => found = Some(Heard::Dm(source)),
                _ => {}
            }
        }
        found
    }

    /// Says nothing for so long; an error where the other side ends it.
    pub async fn listen(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        while self.read(until).await? {}
        Ok(())
    }

    async fn drain(&mut self) -> io::Result<()> {
        let end = Instant::now() + LONGEST_DRAIN;
        while Instant::now() < end && self.read(Instant::now() + QUIET).await? {}
        self.decoder.clear();
        Ok(())
    }

    /// What comes until then; false when nothing does.
    async fn read(&mut self, until: Instant) -> io::Result<bool> {
        let mut chunk = [0; 512];
        let Ok(read) = timeout_at(until, self.stream.read(&mut chunk)).await else {
            return Ok(false);
        };
        match self.kept(read)? {
            0 => {
                self.closed(Closing::ByPeer);
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            n => {
                self.heard_at = Some(Instant::now());
                self.tap
                    .bytes(self.clock.now(), Direction::Received, &chunk[..n]);
                self.decoder.push(&chunk[..n]);
                Ok(true)
            }
        }
    }

    fn kept<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            self.closed(Closing::Reset);
        }
        result
    }

    fn closed(&mut self, how: Closing) {
        self.open = false;
        self.tap
            .observe(self.clock.now(), &Observation::Closed(how));
    }

    /// FIN.
    pub async fn close(mut self) {
        let limit = Instant::now() + QUIET;
        let _ = timeout_at(limit, self.stream.shutdown()).await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.tap.note(self.clock.now(), Note::Closed);
    }
}
