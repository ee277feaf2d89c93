//! The hand-over of IEC 62056-21 mode E: sign on at 300 7E1, read who is there, ask for HDLC, change speed.
//! The rule: every byte of it passes the tap, every wait has an end, and who cannot do it is told by name.

use super::Stream;
use super::ident::Ident;
use crate::cosem::data::printable;
use crate::meter::clock::Clock;
use crate::meter::tap::{Direction, Note, Tap};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout_at};

/// A line whose speed can change.
pub(super) trait Switch {
    /// To HDLC's eight bits without parity, at `baud`.
    fn switch(&mut self, baud: u32) -> io::Result<()>;
}

const SIGN_ON: &[u8] = b"/?!\r\n";
/// A second sign-on wakes meters that slept through the first.
const TRIES: u32 = 2;
/// Reaction 1.5 s at most (6.5.2), then 23 characters of ten bits at 300 baud.
const IDENT: Duration = Duration::from_secs(3);
/// The least time between a meter's last character and our next (6.5.2, reaction time).
const REACTION: Duration = Duration::from_millis(200);
/// For the meter's acknowledgement of ours; some send none.
const ACKNOWLEDGED: Duration = Duration::from_millis(1500);
/// Longer than any identification; noise has no line end.
const LONGEST: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// Nothing, or nothing that is an identification.
    #[error(
        "no identification came to the mode E sign-on /?! ({})",
        heard_words(*heard)
    )]
    NoIdent { heard: usize },
    /// The baud letter is none of modes C and E.
    #[error(
        "meter {maker}{letter} ({text}) speaks IEC 62056-21 mode {mode}, which has no way over to HDLC"
    )]
    OtherMode {
        maker: String,
        letter: char,
        text: String,
        mode: char,
    },
    /// It answered the request for HDLC with mode C.
    #[error(
        "meter {maker}{letter} ({text}) stays in IEC 62056-21 mode C (baud letter {letter}): it answered the request for HDLC with {answered}"
    )]
    OnlyModeC {
        maker: String,
        letter: char,
        text: String,
        answered: &'static str,
    },
}

fn heard_words(heard: usize) -> String {
    match heard {
        0 => "nothing was heard".to_owned(),
        1 => "1 byte of something else was heard".to_owned(),
        n => format!("{n} bytes of something else were heard"),
    }
}

impl HandoverError {
    /// What to try next.
    pub fn advice(&self) -> String {
        match self {
            Self::NoIdent { .. } => {
                "place the head again, check that the line runs at 300 baud 7E1 there; a meter that speaks HDLC at once \
                 wants no mode E (leave out --mode-e)"
            }
            Self::OtherMode { .. } => {
                "read it with a tool for IEC 62056-21; DLMS may be on another port of this meter"
            }
            Self::OnlyModeC { .. } => {
                "read its list with a tool for IEC 62056-21 mode C, or look whether DLMS is on another port, or whether \
                 the meter speaks HDLC at once (leave out --mode-e)"
            }
        }
        .to_owned()
    }
}

impl From<HandoverError> for io::Error {
    fn from(error: HandoverError) -> Self {
        Self::other(error)
    }
}

/// From sign-on to the changed speed; then the stream carries HDLC.
pub(super) async fn hand_over<S: Stream + Switch>(
    stream: &mut S,
    fastest: u32,
    clock: Clock,
    tap: &Tap,
) -> io::Result<()> {
    let mut line = Line { stream, clock, tap };
    let ident = line.sign_on().await?;
    let text = printable(&ident.text);
    let Some((letter, baud)) = ident.choose(fastest) else {
        let mode = if ident.letter.is_ascii_uppercase() {
            'B'
        } else {
            'A'
        };
        return Err(HandoverError::OtherMode {
            maker: ident.maker,
            letter: ident.letter,
            text,
            mode,
        }
        .into());
    };
    sleep(REACTION).await;
    let request = [
        0x06,
        b'2',
        u8::try_from(letter).unwrap_or(b'0'),
        b'2',
        b'\r',
        b'\n',
    ];
    line.send(&request).await?;
    let answer = line.line(Instant::now() + ACKNOWLEDGED).await?;
    let answered = match answer.iter().map(|b| b & 0x7F).find(|b| *b != 0) {
        Some(0x02) => Some("its data list (STX)"),
        Some(0x01) => Some("programming mode (SOH)"),
        Some(b'/') => Some("its identification again"),
        Some(0x15) => Some("NAK"),
        // Its acknowledgement; or the new speed already, or noise: HDLC will tell.
        Some(_) | None => None,
    };
    if let Some(answered) = answered {
        let (maker, letter) = (ident.maker, ident.letter);
        return Err(HandoverError::OnlyModeC {
            maker,
            letter,
            text,
            answered,
        }
        .into());
    }
    line.stream.switch(baud)?;
    let confirmed = match answer.first() {
        None => ", though it did not acknowledge",
        Some(_) => "",
    };
    line.note(format!(
        "meter {}{} ({text}) changes to HDLC at {baud} baud{confirmed}",
        ident.maker, ident.letter
    ));
    Ok(())
}

struct Line<'a, S> {
    stream: &'a mut S,
    clock: Clock,
    tap: &'a Tap,
}

impl<S: Stream> Line<'_, S> {
    async fn sign_on(&mut self) -> io::Result<Ident> {
        let mut heard = 0;
        for _ in 0..TRIES {
            self.send(SIGN_ON).await?;
            let until = Instant::now() + IDENT;
            loop {
                let line = self.line(until).await?;
                heard += line.len();
                if line.is_empty() {
                    break;
                }
                // Noise before the slash belongs to no ident.
                let from = line.iter().position(|b| b & 0x7F == b'/').unwrap_or(0);
                if let Some(ident) = Ident::parse(line.get(from..).unwrap_or_default()) {
                    return Ok(ident);
                }
                if line.starts_with(&SIGN_ON[..3]) {
                    // An optical head gives back what it sends.
                    heard -= line.len();
                }
            }
        }
        Err(HandoverError::NoIdent { heard }.into())
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tap.bytes(self.clock.now(), Direction::Sent, bytes);
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// One line without its CR LF; what came of it by `until`, empty for silence. A meter that hangs up is an error.
    async fn line(&mut self, until: Instant) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut octet = [0];
        while line.len() < LONGEST {
            match timeout_at(until, self.stream.read(&mut octet)).await {
                Err(_) => break,
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(_)) => line.push(octet[0]),
            }
            if octet[0] & 0x7F == b'\n' {
                break;
            }
        }
        if !line.is_empty() {
            self.tap.bytes(self.clock.now(), Direction::Received, &line);
        }
        while line
            .last()
            .is_some_and(|b| matches!(b & 0x7F, b'\r' | b'\n'))
        {
            line.pop();
        }
        Ok(line)
    }

    fn note(&self, words: String) {
        self.tap.note(self.clock.now(), Note::Text(words));
    }
}
