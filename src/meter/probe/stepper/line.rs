//! The stream a person steps over: what crosses it, both ways, as it may be shown. The rule: every octet passes the tap
//! first, and what SNRM opened is known until a DISC went.

use super::Said;
use crate::diagnosis::{Closing, Observation};
use crate::dlms::hdlc::{Control, Decoder, Frame, Item, frame};
use crate::dlms::security::Secret;
use crate::meter::clock::Clock;
use crate::meter::session::Masking;
use crate::meter::tap::echo::EchoMask;
use crate::meter::tap::{Direction, Note, Tap};
use crate::meter::transport::Stream;
use crate::meter::veil::{Caution, Veil};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

/// Silence after which the line counts as empty, and how long that is waited for.
pub(super) const QUIET: Duration = Duration::from_millis(200);
const LONGEST_DRAIN: Duration = Duration::from_secs(2);
const CLOSE_WAIT: Duration = Duration::from_millis(100);
/// More would not be looked at by a person; the line is read on, and the tap has it all.
const MOST_SHOWN: usize = 1 << 20;

pub(super) struct Line {
    stream: Option<Box<dyn Stream>>,
    tap: Tap,
    clock: Clock,
    /// Least time between what was heard and what is said.
    turn_round: Duration,
    /// For a stream that takes no bytes.
    patience: Duration,
    heard_at: Option<Instant>,
    /// Keeps secrets out of the tap and off the screen.
    veil: Veil,
    /// While an association is made: a password comes back as an echo.
    pub(super) mask: Option<Masking>,
    /// A password as octets, while a frame by hand is under way.
    echo: Option<EchoMask>,
    pub(super) said: Said,
    /// SNRM went out to these addresses and no DISC since: the DISC that ends it.
    owed: Option<Vec<u8>>,
}

impl Line {
    pub(super) fn new(clock: Clock, tap: Tap) -> Self {
        Self {
            stream: None,
            tap,
            clock,
            turn_round: Duration::ZERO,
            patience: Duration::ZERO,
            heard_at: None,
            veil: Veil::default(),
            mask: None,
            echo: None,
            said: Vec::new(),
            owed: None,
        }
    }

    pub(super) fn open(&mut self, stream: Box<dyn Stream>) {
        self.note(Note::Connected);
        (self.heard_at, self.owed) = (None, None);
        self.veil = Veil::default();
        self.stream = Some(stream);
    }

    pub(super) fn set_pace(&mut self, turn_round: Duration, patience: Duration) {
        (self.turn_round, self.patience) = (turn_round, patience);
    }

    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    pub(super) fn note(&self, note: Note) {
        self.tap.note(self.clock.now(), note);
    }

    pub(super) fn observe(&self, what: &Observation<'_>) {
        self.tap.observe(self.clock.now(), what);
    }

    /// The DISC that is owed.
    pub(super) fn owed(&self) -> Option<&[u8]> {
        self.owed.as_deref()
    }

    pub(super) fn forgive(&mut self) {
        self.owed = None;
    }

    /// As it may be shown before it goes.
    pub(super) fn would_show(&self, bytes: &[u8]) -> Vec<u8> {
        let shown = self
            .veil
            .clone()
            .over(Direction::Sent, bytes, Caution::Said);
        shown.unwrap_or_else(|| bytes.to_vec())
    }

    /// While a frame from a person's hand is under way: `secret` is starred wherever it stands, there and back; `mask`:
    /// by structure too.
    pub(super) fn starred(&mut self, secret: Option<&Secret>, mask: bool) {
        self.echo = secret.map(|secret| EchoMask::new(secret.clone()));
        if mask {
            self.mask.get_or_insert_default();
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        if let Some(heard) = self.heard_at {
            sleep_until(heard + self.turn_round).await;
        }
        let Some(stream) = &mut self.stream else {
            return;
        };
        let at = self.clock.now();
        let mut starred = self.veil.over(Direction::Sent, bytes, Caution::Said);
        if let Some(mask) = &mut self.mask {
            mask.sent(self.veil.hidden());
        }
        if let Some(echo) = &self.echo {
            let shown = starred.as_deref().unwrap_or(bytes);
            starred = echo.anew().apply(shown).or(starred);
        }
        let shown = if let Some(shown) = starred {
            self.tap.masked(at, Direction::Sent, &shown);
            shown
        } else {
            self.tap.bytes(at, Direction::Sent, bytes);
            bytes.to_vec()
        };
        self.said.push((true, shown));
        // Before it goes: whoever breaks the write off must not leave a link standing.
        let settled = owes(&mut self.owed, bytes);
        let written = timeout(self.patience, async {
            stream.write_all(bytes).await?;
            stream.flush().await
        });
        match written.await {
            Ok(Ok(())) if settled => self.owed = None,
            Ok(Ok(())) => {}
            _ => self.lost(Closing::Reset),
        }
    }

    /// What comes until then. `None`: nothing, or the line is no longer open.
    pub(super) async fn read(&mut self, until: Instant) -> Option<Vec<u8>> {
        let stream = self.stream.as_mut()?;
        let mut chunk = vec![0; 2048];
        let read = timeout_at(until, stream.read(&mut chunk)).await.ok()?;
        match read {
            Ok(n) if n > 0 => {
                chunk.truncate(n);
                self.heard(&chunk);
                Some(chunk)
            }
            read => {
                self.lost(if read.is_ok() {
                    Closing::ByPeer
                } else {
                    Closing::Reset
                });
                None
            }
        }
    }

    /// Reads until the line is quiet.
    pub(super) async fn drain(&mut self) {
        let end = Instant::now() + LONGEST_DRAIN;
        while Instant::now() < end && self.read(Instant::now() + QUIET).await.is_some() {}
    }

    /// What came while nobody listened.
    pub(super) async fn pick_up(&mut self) -> Vec<u8> {
        let mut came = Vec::new();
        while came.len() < MOST_SHOWN
            && let Some(bytes) = self.read(Instant::now()).await
        {
            came.extend_from_slice(&bytes);
        }
        came
    }

    /// UA or DM to `client`, or whatever else comes in that time; true for those two.
    pub(super) async fn unnumbered_answer(&mut self, wait: Duration) -> bool {
        let (until, mut decoder) = (Instant::now() + wait, Decoder::new());
        while let Some(bytes) = self.read(until).await {
            decoder.push(&bytes);
            if controls(&mut decoder)
                .iter()
                .any(|it| matches!(it, Control::Ua { .. } | Control::Dm { .. }))
            {
                return true;
            }
        }
        false
    }

    fn heard(&mut self, chunk: &[u8]) {
        self.heard_at = Some(Instant::now());
        let veiled = self.veil.over(Direction::Received, chunk, Caution::Said);
        let seen = veiled.as_deref().unwrap_or(chunk);
        let echoed = self.mask.as_mut().and_then(|mask| mask.received(seen));
        let mut starred = echoed.or(veiled);
        if let Some(echo) = &mut self.echo {
            starred = echo.apply(starred.as_deref().unwrap_or(chunk)).or(starred);
        }
        let at = self.clock.now();
        let shown = if let Some(shown) = starred {
            self.tap.masked(at, Direction::Received, &shown);
            shown
        } else {
            self.tap.bytes(at, Direction::Received, chunk);
            chunk.to_vec()
        };
        // However the network cut it, to a person it is one answer.
        match self.said.last_mut() {
            Some((false, bytes)) if bytes.len() < MOST_SHOWN => bytes.extend_from_slice(&shown),
            Some((false, _)) => {}
            _ => self.said.push((false, shown)),
        }
    }

    fn lost(&mut self, how: Closing) {
        self.observe(&Observation::Closed(how));
        (self.stream, self.owed) = (None, None);
        self.note(Note::Closed);
    }

    /// FIN, and what the meter still sends is read away: unread bytes would turn our close into RST.
    pub(super) async fn close(&mut self) {
        if let Some(stream) = &mut self.stream {
            let _ = timeout(CLOSE_WAIT, stream.shutdown()).await;
            let limit = Instant::now() + CLOSE_WAIT;
            let mut rest = [0; 2048];
            let mut read = async || -> io::Result<usize> { stream.read(&mut rest).await };
            while let Ok(Ok(n)) = timeout_at(limit, read()).await
                && n > 0
            {}
            self.note(Note::Closed);
        }
        (self.stream, self.owed) = (None, None);
    }
}

/// Notes what an SNRM in it opens; true where a DISC comes last, so that nothing is owed once it went.
fn owes(owed: &mut Option<Vec<u8>>, bytes: &[u8]) -> bool {
    let (mut decoder, mut settled) = (Decoder::new(), false);
    decoder.push(bytes);
    while let Some(item) = decoder.next() {
        let Item::Frame { octets, .. } = item else {
            continue;
        };
        let Ok(frame) = Frame::parse(octets) else {
            continue;
        };
        match frame.control() {
            Control::Snrm { .. } if frame.fcs_ok() => {
                *owed = disc(frame.destination(), frame.source());
                settled = false;
            }
            Control::Disc { .. } => settled = true,
            _ => {}
        }
    }
    settled
}

/// DISC between these addresses, as they travel.
pub(super) fn disc(server: &[u8], client: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let control = Control::Disc { poll: true };
    frame::build(server, client, control, false, &[], &mut bytes).ok()?;
    Some(bytes)
}

fn controls(decoder: &mut Decoder) -> Vec<Control> {
    let mut found = Vec::new();
    while let Some(item) = decoder.next() {
        if let Item::Frame { octets, .. } = item
            && let Ok(frame) = Frame::parse(octets)
            && frame.fcs_ok()
        {
            found.push(frame.control());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_owed_before_its_snrm_goes_and_settled_by_a_disc_that_went() {
        let snrm = [0x7E, 0xA0, 0x07, 0x03, 0x21, 0x93, 0x0F, 0x01, 0x7E];
        let mut owed = None;
        assert!(!owes(&mut owed, &snrm));
        let bye = owed.clone().unwrap();
        assert!(owes(&mut owed, &bye) && owed.is_some());
        let again = [&bye[..], &snrm[..]].concat();
        assert!(!owes(&mut owed, &again));
    }

    #[test]
    fn what_is_shown_of_one_answer_has_an_end() {
        let mut line = Line::new(Clock::System, Tap::new(0));
        for _ in 0..4 {
            line.heard(&vec![0; MOST_SHOWN / 2]);
        }
        let octets: usize = line.said.iter().map(|it| it.1.len()).sum();
        assert_eq!((line.said.len(), octets), (1, MOST_SHOWN));
    }
}
