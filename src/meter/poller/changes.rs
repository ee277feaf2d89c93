//! Changes that were asked for from outside: one attribute, or the clock. The rule: nothing is written to a meter marked
//! read-only, no key or password by this way, and what was written is read back; what nobody waits for any more before its turn
//! comes is not written.

use super::live::Exit;
use super::orders::MOST_READS;
use super::{Order, Owner, WriteOrder};
use crate::cosem::decode::{secret, shape};
use crate::cosem::{AttributeRef, Data, value};
use crate::meter::clock::Clock;
use crate::meter::drift::{Drift, TIME};
use crate::meter::session::{Session, SessionError};
use crate::meter::status::Phase;
use tokio::sync::{mpsc, oneshot};

/// What was there, what was sent, what is there now.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub attribute: AttributeRef,
    /// `None` where it cannot be read.
    pub before: Option<Data>,
    pub sent: Data,
    pub after: Option<Data>,
}

/// The meter's clock beside ours, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Synced {
    pub before: Drift,
    pub after: Option<Drift>,
}

pub(super) enum Change {
    Write(Box<WriteOrder>),
    Clock {
        reply: oneshot::Sender<Result<Synced, String>>,
    },
}

impl Change {
    /// Whoever asked may be gone; then nobody needs it.
    pub(super) fn refuse(self, why: &str) {
        match self {
            Self::Write(order) => drop(order.reply.send(Err(why.to_owned()))),
            Self::Clock { reply } => drop(reply.send(Err(why.to_owned()))),
        }
    }

    fn is_forgotten(&self) -> bool {
        match self {
            Self::Write(order) => order.reply.is_closed(),
            Self::Clock { reply } => reply.is_closed(),
        }
    }
}

/// The meter's answer, or why not; the outer error ends the exchange.
type Answer<T> = Result<Result<T, String>, SessionError>;

impl Owner {
    pub(super) fn queue_change(&mut self, change: Change) {
        if self.definition.read_only {
            change.refuse("the meter is marked read-only: nothing is written to it");
        } else if !self.board.is(&Phase::Ready) {
            change.refuse(self.board.phase_words());
        } else if self.changes.len() >= MOST_READS {
            change.refuse("too many changes wait already");
        } else {
            self.changes.push(change);
        }
    }

    /// Carries out the oldest.
    pub(super) async fn change_asked(
        &mut self,
        session: &mut Session,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), Exit> {
        let change = self.changes.remove(0);
        if change.is_forgotten() {
            return Ok(());
        }
        self.in_exchange = true;
        let clock = self.clock;
        let result = match change {
            Change::Write(order) => {
                let WriteOrder {
                    attribute,
                    value,
                    reply,
                } = *order;
                let work = write(session, attribute, &value);
                let outcome = self.obeying(orders, work).await;
                self.answered(outcome, reply)
            }
            Change::Clock { reply } => {
                let outcome = self.obeying(orders, sync(session, clock)).await;
                self.answered(outcome, reply)
            }
        };
        session.forbid_writing();
        self.board.session(session);
        result
    }

    fn answered<T>(
        &mut self,
        outcome: Result<Answer<T>, super::Next>,
        reply: oneshot::Sender<Result<T, String>>,
    ) -> Result<(), Exit> {
        let (answer, result) = match outcome {
            Ok(Ok(answer)) => {
                self.proven();
                (answer, Ok(()))
            }
            Ok(Err(error)) => {
                let words = format!("{error}; whether it was written is not known");
                (Err(words), Err(Exit::Lost(error)))
            }
            Err(next) => {
                let words =
                    "the meter was let go before it was done; whether it was written is not known";
                (Err(words.to_owned()), Err(Exit::Told(next)))
            }
        };
        // Whoever asked may have gone.
        drop(reply.send(answer));
        result
    }
}

async fn write(session: &mut Session, attribute: AttributeRef, text: &str) -> Answer<Written> {
    if secret::attribute(attribute.class, attribute.attribute) {
        return Ok(Err(format!(
            "{attribute} holds a key or password, which is not set this way"
        )));
    }
    // Write-only attributes exist; their type must then be named.
    let before = session.get(attribute).await?.ok();
    let typed = match &before {
        Some(data) => value::parse(text, data, shape(attribute.class, attribute.attribute)),
        None => value::parse_typed(text),
    };
    let sent = match typed {
        Ok(sent) => sent,
        Err(error) => return Ok(Err(format!("{attribute}: {error}"))),
    };
    session.allow_writing();
    if let Err(refused) = session.set(attribute, &sent).await? {
        return Ok(Err(format!("{attribute} was not set: {refused}")));
    }
    let after = session.get(attribute).await?.ok();
    Ok(Ok(Written {
        attribute,
        before,
        sent,
        after,
    }))
}

async fn sync(session: &mut Session, clock: Clock) -> Answer<Synced> {
    let shown = match session.get(TIME).await? {
        Ok(shown) => shown,
        Err(error) => return Ok(Err(format!("the clock: {error}"))),
    };
    let Some(before) = Drift::of(&shown, clock.now()) else {
        return Ok(Err("the clock shows no date-time".to_owned()));
    };
    session.allow_writing();
    let time = before.correction(&shown, clock.now());
    if let Err(refused) = session.set(TIME, &time).await? {
        return Ok(Err(format!("the clock was not set: {refused}")));
    }
    let after = session.get(TIME).await?.ok();
    Ok(Ok(Synced {
        before,
        after: after.and_then(|shown| Drift::of(&shown, clock.now())),
    }))
}
