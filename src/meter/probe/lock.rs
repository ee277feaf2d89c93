//! What a meter says about its locks: communication port protection (class 124) and the state of the association, asked
//! without a secret. The rule: what is not told costs nothing.

use super::{Outcome, Prober, Step};
use crate::cosem::{AttributeRef, Data, Obis};
use crate::dlms::association::Failure;
use crate::dlms::hdlc::ClientAddress;
use crate::meter::definition::Auth;
use crate::meter::evidence;
use crate::meter::session::{Session, SessionError};
use tokio::time::Instant;

/// The client that everyone may be.
const PUBLIC: u8 = 16;
/// Communication port protection of the port we are on.
const PROTECTION: Obis = Obis::new(0, 0, 44, 2, 0, 255);
/// The association in use.
const ASSOCIATION: Obis = Obis::new(0, 0, 40, 0, 0, 255);

const fn of(class: u16, obis: Obis, attribute: i8) -> AttributeRef {
    AttributeRef {
        class,
        obis,
        attribute,
    }
}

/// What came of asking as the public client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Public {
    LetIn,
    /// AARQ was answered, with no.
    Refused,
    /// No answer to go by.
    Unknown,
}

impl Prober<'_> {
    /// The link stands, so someone is there to ask; who is the public client already knows the answer.
    pub(super) async fn ask_about_locks(&mut self) {
        if self.meter.client.sap() != PUBLIC || self.meter.auth != Auth::None {
            self.ask_public().await;
        }
    }

    /// On a connection of its own, without a secret.
    pub(super) async fn ask_public(&mut self) -> Public {
        let Ok(public) = ClientAddress::new(PUBLIC) else {
            return Public::Unknown;
        };
        let mut meter = self.meter.clone();
        (meter.client, meter.auth) = (public, Auth::None);
        (meter.password, meter.security) = (None, None);
        self.trying(
            "the public client: is it let in, what does the meter say about locks?".to_owned(),
        );
        tokio::time::sleep(super::PAUSE).await;
        let started = Instant::now();
        let mut no_ladder = |_, _| {};
        let stream = Session::connect(
            &meter,
            self.connector,
            self.clock,
            &self.tap,
            &mut no_ladder,
        )
        .await;
        let Ok(stream) = stream else {
            return Public::Unknown;
        };
        let session = Session::new(&meter, stream, self.clock, self.tap.clone());
        let session = self.session.insert(session);
        let (public, outcome, words) = match session.establish(&mut no_ladder).await {
            Ok(()) => {
                read(session, &mut self.report.facts).await;
                let words = match self.report.facts.len() {
                    0 => "the public client is let in; nothing is told of locks".to_owned(),
                    _ => self.report.facts.join("; "),
                };
                (Public::LetIn, Outcome::Ok, words)
            }
            Err(error) => {
                let (public, outcome) = match &error {
                    SessionError::Association(Failure::Refused { .. } | Failure::Exception(_)) => {
                        (Public::Refused, Outcome::Refused)
                    }
                    error if evidence::is_silence(error) => (Public::Unknown, Outcome::Silent),
                    _ => (Public::Unknown, Outcome::Failed),
                };
                (public, outcome, format!("the public client: {error}"))
            }
        };
        if let Some(session) = self.session.take() {
            session.release().await;
        }
        self.step(Step {
            step: "lock",
            outcome,
            took: started.elapsed(),
            words,
            asked: None,
        });
        public
    }
}

pub(super) async fn read(session: &mut Session, facts: &mut Vec<String>) {
    const STATUS: [&str; 3] = ["not locked", "locked for a time", "locked"];
    let protection = |attribute| of(124, PROTECTION, attribute);
    let Some(status) = number(session, protection(8)).await else {
        if let Some(state) = number(session, of(15, ASSOCIATION, 8)).await {
            facts.extend(standing(state));
        }
        return;
    };
    let words = named(&STATUS, status).map_or_else(|| format!("status {status}"), str::to_owned);
    facts.push(format!("this port is {words} (class 124)"));
    for (attribute, what) in [
        (3, "failed tries allowed before it locks"),
        (4, "seconds the first lock lasts"),
        (9, "failed tries so far"),
    ] {
        if let Some(value) = number(session, protection(attribute)).await {
            facts.push(format!("{what}: {value}"));
        }
    }
    if let Some(state) = number(session, of(15, ASSOCIATION, 8)).await {
        facts.extend(standing(state));
    }
}

/// The state of the association that asks; that it stands is no news.
fn standing(state: i128) -> Option<String> {
    const OTHERWISE: [&str; 2] = ["not associated", "association pending"];
    named(&OTHERWISE, state).map(|state| format!("this client is {state}"))
}

fn named(names: &[&'static str], value: i128) -> Option<&'static str> {
    names.get(usize::try_from(value).ok()?).copied()
}

async fn number(session: &mut Session, attribute: AttributeRef) -> Option<i128> {
    let value: Data = session.get(attribute).await.ok()?.ok()?;
    value.as_integer()
}
