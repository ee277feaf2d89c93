//! The session one step at a time: what is to go is known before it goes. The rule: nothing leaves unasked but the
//! release, and a secret is counted as everywhere.

use super::Kept;
use crate::cosem::{AttributeRef, Obis};
use crate::diagnosis::{Closing, Finding, Observation};
use crate::dlms::association::{Association, Authentication, Event, Fresh, State};
use crate::meter::attempts::{Counted, Credential, Outcome};
use crate::meter::clock::Clock;
use crate::meter::definition::Definition;
use crate::meter::evidence;
use crate::meter::randomness::Randomness;
use crate::meter::session::{Session, config_of};
use crate::meter::tap::mask::Mask;
use crate::meter::tap::{Direction, Note, Tap};
use crate::meter::transport::{Connector, Stream};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

const RELEASE_WAIT: Duration = Duration::from_secs(2);
/// A challenge for any mechanism.
const CHALLENGE: usize = 32;
const LOGICAL_DEVICE_NAME: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(0, 0, 42, 0, 0, 255),
    attribute: 2,
};

/// What the next step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    Connect,
    /// As they would be shown: a password is stars. `asks`: a refused secret is in them, and a person must say yes.
    Bytes {
        shown: Vec<u8>,
        asks: Option<String>,
    },
    Ready,
    /// Why; the next step begins anew.
    Over(String),
}

/// Chunks as they crossed the line, true for sent.
pub type Said = Vec<(bool, Vec<u8>)>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    pub said: Said,
    pub findings: Vec<Finding>,
}

pub struct Stepper {
    meter: Definition,
    clock: Clock,
    tap: Tap,
    kept: Kept,
    confirmed: bool,
    association: Association,
    stream: Option<Box<dyn Stream>>,
    /// To go next.
    out: Vec<u8>,
    over: Option<String>,
    counted: bool,
    mask: Mask,
    said: Said,
}

impl Stepper {
    pub fn new(meter: &Definition, clock: Clock, tap: Tap, kept: Kept, confirmed: bool) -> Self {
        let mut meter = meter.clone();
        meter.retries = 0;
        tap.diagnose(evidence::settings(&meter, kept.known_good.as_ref()));
        Self {
            association: Association::new(config_of(&meter)),
            meter,
            clock,
            tap,
            kept,
            confirmed,
            stream: None,
            out: Vec::new(),
            over: None,
            counted: false,
            mask: Mask::default(),
            said: Vec::new(),
        }
    }

    pub fn meter(&self) -> &Definition {
        &self.meter
    }

    pub async fn pending(&mut self) -> Pending {
        if let Some(words) = &self.over {
            return Pending::Over(words.clone());
        }
        if self.stream.is_none() {
            return Pending::Connect;
        }
        if self.out.is_empty() {
            return Pending::Ready;
        }
        let mut shown = self.out.clone();
        self.mask.clone().apply(&mut shown);
        let asks = match self.shows_secret() {
            Some(who) if !self.confirmed => match self.kept.attempts.record(who).await {
                Ok(record) if record.asks() => Some(record.words(&self.meter).join("; ")),
                Ok(_) => None,
                Err(error) => Some(error.to_string()),
            },
            _ => None,
        };
        Pending::Bytes { shown, asks }
    }

    /// The next step; what crossed the line. `yes`: a refused secret may go.
    pub async fn go(&mut self, connector: &dyn Connector, yes: bool) -> Said {
        self.confirmed |= yes;
        if self.over.take().is_some() {
            self.begin();
            self.turn().await;
        } else if self.stream.is_none() {
            self.connect(connector).await;
        } else if self.out.is_empty() {
            let now = Instant::now().into_std();
            if let Err(error) = self.association.get(now, LOGICAL_DEVICE_NAME) {
                self.over = Some(error.to_string());
            }
            self.turn().await;
        } else if self.may_go().await {
            self.send().await;
            self.turn().await;
        }
        std::mem::take(&mut self.said)
    }

    async fn connect(&mut self, connector: &dyn Connector) {
        if self.meter.security.is_some() {
            let words = "a session with keys is not stepped through; `obiscope probe` walks it";
            self.over = Some(words.to_owned());
            return;
        }
        let mut no_ladder = |_, _| {};
        let opened = Session::connect(
            &self.meter,
            connector,
            self.clock,
            &self.tap,
            &mut no_ladder,
        )
        .await;
        match opened {
            Ok(stream) => {
                self.tap.note(self.clock.now(), Note::Connected);
                self.stream = Some(stream);
                self.begin();
                self.turn().await;
            }
            Err(error) => self.over = Some(error.to_string()),
        }
    }

    /// A new association on the stream there is; where there is none, connecting comes first.
    fn begin(&mut self) {
        (self.counted, self.mask) = (false, Mask::default());
        self.out.clear();
        self.association = Association::new(config_of(&self.meter));
        if self.stream.is_none() {
            return;
        }
        if matches!(
            self.association.config().authentication,
            Authentication::Hls { .. }
        ) {
            let challenge = Randomness::System.octets(CHALLENGE).unwrap_or_default();
            self.association.renew(Fresh {
                challenge,
                ..Fresh::default()
            });
        }
        if let Err(error) = self.association.connect(Instant::now().into_std()) {
            self.over = Some(error.to_string());
        }
    }

    /// Other settings: what stands is released, then from SNRM on.
    pub async fn edit(&mut self, meter: &Definition) -> Said {
        self.release().await;
        self.meter = meter.clone();
        self.meter.retries = 0;
        self.over = None;
        self.tap
            .diagnose(evidence::settings(meter, self.kept.known_good.as_ref()));
        self.begin();
        if self.stream.is_some() {
            self.turn().await;
        }
        std::mem::take(&mut self.said)
    }

    /// As it is, marked in the trace; then whatever comes within the time of an answer.
    pub async fn by_hand(&mut self, bytes: &[u8]) -> Said {
        let words = "the next frame was written by hand".to_owned();
        self.tap.note(self.clock.now(), Note::Text(words));
        self.write(bytes).await;
        let until = Instant::now() + self.meter.timeout;
        let mut limit = until;
        while let Some(bytes) = self.read(limit).await {
            self.association
                .handle_bytes(Instant::now().into_std(), &bytes);
            limit = until.min(Instant::now() + Duration::from_millis(300));
        }
        self.events();
        std::mem::take(&mut self.said)
    }

    fn shows_secret(&self) -> Option<Credential> {
        let due = match (
            &self.association.config().authentication,
            self.association.state(),
        ) {
            (Authentication::Lls(_), state) => state == State::Associating,
            (Authentication::Hls { .. }, state) => state == State::Proving,
            (Authentication::None, _) => false,
        };
        Credential::of(&self.meter).filter(|_| due && !self.counted)
    }

    /// Counted, where there is anything to count.
    async fn may_go(&mut self) -> bool {
        let Some(who) = self.shows_secret() else {
            return true;
        };
        let (confirmed, at) = (self.confirmed, self.clock.now());
        match self.kept.attempts.count(who, confirmed, at).await {
            Ok(Counted::Yes) => {
                (self.confirmed, self.counted) = (false, true);
                true
            }
            Ok(Counted::Asks(_)) => false,
            Err(error) => {
                self.over = Some(error.to_string());
                false
            }
        }
    }

    async fn noted(&mut self, outcome: Outcome) {
        if std::mem::take(&mut self.counted)
            && let Some(who) = Credential::of(&self.meter)
        {
            self.kept.attempts.note(who, outcome).await;
        }
    }

    async fn send(&mut self) {
        let bytes = std::mem::take(&mut self.out);
        self.write(&bytes).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        let mut shown = bytes.to_vec();
        let at = self.clock.now();
        if self.mask.apply(&mut shown) {
            self.tap.masked(at, Direction::Sent, &shown);
        } else {
            self.tap.bytes(at, Direction::Sent, &shown);
        }
        self.said.push((true, shown));
        if let Ok(Ok(())) = timeout(self.meter.timeout, stream.write_all(bytes)).await {
            return;
        }
        self.lost(Closing::Reset);
    }

    async fn read(&mut self, until: Instant) -> Option<Vec<u8>> {
        let stream = self.stream.as_mut()?;
        let mut chunk = vec![0; 2048];
        match timeout_at(until, stream.read(&mut chunk)).await {
            Err(_) => None,
            Ok(Ok(n)) if n > 0 => {
                chunk.truncate(n);
                self.tap
                    .bytes(self.clock.now(), Direction::Received, &chunk);
                self.said.push((false, chunk.clone()));
                Some(chunk)
            }
            Ok(read) => {
                self.lost(if read.is_ok() {
                    Closing::ByPeer
                } else {
                    Closing::Reset
                });
                None
            }
        }
    }

    fn lost(&mut self, how: Closing) {
        self.tap
            .observe(self.clock.now(), &Observation::Closed(how));
        self.stream = None;
        self.over = Some("the other side closed the connection".to_owned());
    }

    /// Time and bytes until something is to be sent, or nothing more is awaited.
    async fn turn(&mut self) {
        loop {
            while let Some(bytes) = self.association.poll_transmit() {
                self.out.extend_from_slice(bytes);
            }
            let ended = self.events();
            if let Some(outcome) = ended {
                self.noted(outcome).await;
            }
            if !self.out.is_empty() || self.over.is_some() {
                return;
            }
            let Some(until) = self.association.poll_timeout() else {
                return;
            };
            match self.read(Instant::from_std(until)).await {
                Some(bytes) => self
                    .association
                    .handle_bytes(Instant::now().into_std(), &bytes),
                None if self.stream.is_none() => return,
                None => self.association.handle_timeout(Instant::now().into_std()),
            }
        }
    }

    fn events(&mut self) -> Option<Outcome> {
        let mut ended = None;
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Ready { .. } => ended = Some(Outcome::Accepted),
                Event::Failed(failure) => {
                    ended = Some(if failure.is_authentication() {
                        Outcome::Refused
                    } else {
                        Outcome::Unclear
                    });
                    self.tap.observe(self.clock.now(), &Observation::Quiet);
                    self.over = Some(failure.to_string());
                }
                _ => {}
            }
        }
        ended
    }

    async fn release(&mut self) {
        self.out.clear();
        if self.shows_secret().is_some() {
            // It was not sent, and is not sent now.
            self.association.reset();
        }
        self.association
            .release(Instant::now().into_std(), RELEASE_WAIT);
        let limit = Instant::now() + RELEASE_WAIT;
        while self.stream.is_some() && Instant::now() < limit {
            while let Some(bytes) = self.association.poll_transmit() {
                self.out.extend_from_slice(bytes);
            }
            if !self.out.is_empty() {
                self.send().await;
            }
            let over = std::iter::from_fn(|| self.association.poll_event())
                .any(|event| matches!(event, Event::Released));
            let Some(until) = self.association.poll_timeout().filter(|_| !over) else {
                return;
            };
            match self.read(Instant::from_std(until).min(limit)).await {
                Some(bytes) => self
                    .association
                    .handle_bytes(Instant::now().into_std(), &bytes),
                None => self.association.handle_timeout(Instant::now().into_std()),
            }
        }
    }

    pub async fn end(mut self) -> End {
        self.noted(Outcome::Unclear).await;
        self.release().await;
        if let Some(mut stream) = self.stream.take() {
            let _ = timeout(Duration::from_millis(100), stream.shutdown()).await;
            self.tap.note(self.clock.now(), Note::Closed);
        }
        End {
            said: std::mem::take(&mut self.said),
            findings: self.tap.findings(),
        }
    }
}
