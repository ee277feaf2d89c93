//! What a meter says about its locks: communication port protection (class 124) and the state of the association, asked
//! without a secret. The rule: what is not told costs nothing.

use super::{Outcome, Prober, Step};
use crate::cosem::{AttributeRef, Data, Obis};
use crate::dlms::hdlc::ClientAddress;
use crate::meter::definition::Auth;
use crate::meter::session::Session;
use tokio::time::Instant;

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

impl Prober<'_> {
    /// As the public client, on a connection of its own: the link stands, so someone is there to ask.
    pub(super) async fn ask_about_locks(&mut self) {
        let Ok(public) = ClientAddress::new(16) else {
            return;
        };
        if self.meter.client == public && self.meter.auth == Auth::None {
            return;
        }
        let mut meter = self.meter.clone();
        (meter.client, meter.auth) = (public, Auth::None);
        (meter.password, meter.security) = (None, None);
        self.trying("the public client: what does the meter say about locks?".to_owned());
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
        let Ok(stream) = stream else { return };
        let session = Session::new(&meter, stream, self.clock, self.tap.clone());
        let session = self.session.insert(session);
        let (outcome, words) = match session.establish(&mut no_ladder).await {
            Ok(()) => {
                read(session, &mut self.report.facts).await;
                let words = match self.report.facts.len() {
                    0 => "the public client is let in; nothing is told of locks".to_owned(),
                    _ => self.report.facts.join("; "),
                };
                (Outcome::Ok, words)
            }
            Err(error) => (Outcome::Refused, format!("the public client: {error}")),
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
    }
}

pub(super) async fn read(session: &mut Session, facts: &mut Vec<String>) {
    const STATUS: [&str; 3] = ["not locked", "locked for a time", "locked"];
    const ASSOCIATED: [&str; 3] = ["not associated", "association pending", "associated"];
    let protection = |attribute| of(124, PROTECTION, attribute);
    let Some(status) = number(session, protection(8)).await else {
        if let Some(state) = number(session, of(15, ASSOCIATION, 8)).await {
            facts.extend(named(&ASSOCIATED, state).map(|state| format!("this client is {state}")));
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
        facts.extend(named(&ASSOCIATED, state).map(|state| format!("this client is {state}")));
    }
}

fn named(names: &'static [&'static str], value: i128) -> Option<&'static str> {
    names.get(usize::try_from(value).ok()?).copied()
}

async fn number(session: &mut Session, attribute: AttributeRef) -> Option<i128> {
    let value: Data = session.get(attribute).await.ok()?.ok()?;
    value.as_integer()
}
