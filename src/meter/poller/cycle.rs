//! What is read from a meter: the poll over its objects on the grid, and what someone asks for in between. Every object
//! of a poll gets an answer, be it that its turn did not come.

use super::board::Board;
use super::live::Exit;
use super::{Next, Order, Owner};
use crate::cosem::{AttributeRef, ObjectSpec};
use crate::meter::definition::Definition;
use crate::meter::judge::Judge;
use crate::meter::reading::{Poll, Reading, ReadingError};
use crate::meter::session::{Session, SessionError};
use crate::meter::status::Cause;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Values of a slow cycle are shown as they come, but not more often than this.
const SHOW_EVERY: Duration = Duration::from_millis(100);

impl Owner {
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.schedule.due(&self.definition, now)
    }

    /// From now on ticks of the grids go by for this reason.
    pub(super) fn ticks_go_by(&mut self, cause: Cause) {
        let (schedule, meter) = (&mut self.schedule, &self.definition);
        let counts = !schedule.is_for(Cause::Paused);
        let now = Instant::now();
        let missed = (self.board).book(|points| schedule.turns(meter, now, cause, points));
        if let Some(missed) = missed.filter(|missed| counts && *missed > 0) {
            self.board.count(|c| c.polls_missed += missed);
        }
    }

    /// Those that went by are in the books; the time from here on is nobody's, and the next poll begins all grids anew.
    pub(super) fn stop_ticking(&mut self) {
        self.ticks_go_by(Cause::Paused);
        self.ticks_go_by(Cause::Busy);
        self.schedule.forget();
    }

    /// Another meter under the same address has other scalers: that is noticed before the first value is shown.
    pub(super) async fn identify(
        &mut self,
        session: &mut Session,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), Exit> {
        if !self.definition.identify || self.definition.objects.is_empty() {
            return Ok(());
        }
        self.in_exchange = true;
        // On the heap: it is once an association.
        let asked = self.obeying(orders, Box::pin(session.identify())).await;
        let change = asked.map_err(Exit::Told)?.map_err(Exit::Lost)?;
        if change.is_some() {
            self.judge = Judge::new(&self.definition);
            // What the other one refused this one may give.
            self.healing.objects.forget();
            self.show_resting(0);
        }
        self.board.identity(session.objects.identity());
        Ok(())
    }

    /// One poll: of all objects when someone asks, else of those that are due.
    pub(super) async fn cycle(
        &mut self,
        session: &mut Session,
        orders: &mut mpsc::Receiver<Order>,
        all: bool,
    ) -> Result<(), Exit> {
        let meter = Arc::clone(&self.definition);
        if meter.objects.is_empty() {
            return Ok(());
        }
        self.in_exchange = true;
        let started = Instant::now();
        let schedule = &mut self.schedule;
        let missed = (self.board).book(|points| schedule.begin(&meter, started, all, points));
        let mut due = std::mem::take(&mut self.due);
        schedule.places(&meter, &mut due);
        self.board.vitals.began(started);
        let at = self.clock.now();
        let board = self.board.clone();
        let mut order = std::mem::take(&mut self.order);
        order.clone_from(&due);
        (self.healing.objects).arrange(&meter.objects, &mut order, started);
        let ailing = &self.healing.objects;
        let suspect = |place: &usize| {
            (meter.objects.get(*place)).is_some_and(|object| ailing.is_suspect(object.spec))
        };
        let healthy = order.iter().position(suspect).unwrap_or(order.len());
        let mut readings = Vec::with_capacity(meter.objects.len());
        let mut lost_over = None;
        let reading = read_all(
            session,
            &meter,
            Places {
                places: &order,
                healthy,
            },
            &board,
            &mut readings,
            &mut lost_over,
        );
        let outcome = self.obeying(orders, reading).await;

        if !Arc::ptr_eq(&meter, &self.definition) {
            (self.due, self.order) = (due, order);
            return Err(self.broken_off(&meter, at, started, readings, outcome));
        }
        let now = Instant::now();
        let cause = match &outcome {
            Err(_) => Cause::Paused,
            Ok(_) => Cause::Away,
        };
        let answered = order.get(..readings.len()).unwrap_or_default();
        let was_read = |place: usize| {
            if answered.contains(&place) {
                Ok(())
            } else if order.contains(&place) {
                Err(cause)
            } else {
                Err(Cause::Resting)
            }
        };
        let schedule = &mut self.schedule;
        let point = schedule.quickest_point().unwrap_or(started);
        let served: Vec<_> = due
            .iter()
            .map(|place| schedule.point(&meter, meter.objects.get(*place)?))
            .collect();
        let over = (self.board).book(|points| schedule.end(&meter, now, was_read, points));
        let missed = missed.unwrap_or(0) + over.unwrap_or(0);
        let brought = readings.iter().any(|(_, r)| r.value.is_ok());
        let whole = matches!(outcome, Ok(Ok(())));
        if let Some(count) = u32::try_from(order.len()).ok().filter(|_| whole && brought) {
            self.board.each(started.elapsed() / count.max(1));
        }
        self.tell_health(&due, served, &readings);
        let took = started.elapsed();
        (self.board.vitals).ended(now, point, took, brought);
        self.board.cycle(took, !brought, missed);
        if brought || whole && !readings.is_empty() {
            self.proven();
        }
        let why = match &outcome {
            Ok(Err(error)) => Some(error.to_string()),
            _ => None,
        };
        let lost = lost_over.as_ref().zip(why.as_deref());
        let bitten = self.cycle_over(&readings, lost, outcome.is_ok());
        self.complete(&meter, &due, &mut readings, why.as_deref());
        (self.due, self.order) = (due, order);
        let readings: Vec<_> = readings.into_iter().map(|(_, reading)| reading).collect();
        self.judge(&readings);
        if brought || whole {
            let poll = Poll {
                meter: meter.id,
                at,
                readings,
            };
            if outcome.is_ok() {
                self.hand_on(poll, orders).await?;
            } else if self.polls.try_send(poll).is_err() {
                // Whoever wants the meter let go does not wait for a full store.
                self.board.count(|c| c.polls_lost += 1);
            }
        }
        outcome.map_err(Exit::Told)?.map_err(Exit::Lost)?;
        bitten.map_or(Ok(()), |next| Err(Exit::Told(next)))
    }

    /// Another definition holds already: the places and ticks of this poll are nobody's now. What was read is read.
    fn broken_off(
        &mut self,
        meter: &Definition,
        at: jiff::Timestamp,
        started: Instant,
        readings: Vec<(usize, Reading)>,
        outcome: Result<Result<(), SessionError>, Next>,
    ) -> Exit {
        let brought = readings.iter().any(|(_, reading)| reading.value.is_ok());
        (self.board.vitals).ended(Instant::now(), started, started.elapsed(), brought);
        let readings = readings.into_iter().map(|(_, reading)| reading).collect();
        let poll = Poll {
            meter: meter.id,
            at,
            readings,
        };
        if brought && self.polls.try_send(poll).is_err() {
            self.board.count(|c| c.polls_lost += 1);
        }
        match outcome {
            Err(next) => Exit::Told(next),
            Ok(Err(error)) => Exit::Lost(error),
            Ok(Ok(())) => Exit::Told(Next::Connect),
        }
    }

    /// Of each object that was due: the tick that was served, and whether a value came.
    fn tell_health(
        &self,
        due: &[usize],
        served: Vec<Option<Instant>>,
        readings: &[(usize, Reading)],
    ) {
        for (place, served) in due.iter().zip(served) {
            let value = |(it, reading): &(usize, Reading)| it == place && reading.value.is_ok();
            let came = readings.iter().any(value);
            if let Some(served) = served {
                self.board.vitals.tried(*place, served, came);
            }
        }
    }

    /// What was due and not asked has its reason, too; in the definition's order.
    fn complete(
        &self,
        meter: &Definition,
        due: &[usize],
        readings: &mut Vec<(usize, Reading)>,
        why: Option<&str>,
    ) {
        if readings.len() < due.len() {
            let (now, at) = (Instant::now(), self.clock.now());
            let read = readings.len();
            for place in due {
                let answered = readings.iter().take(read).any(|(it, _)| it == place);
                let Some(object) = meter.objects.get(*place).filter(|_| !answered) else {
                    continue;
                };
                let rests = self.healing.objects.why_resting(object.spec, now);
                let error = match (rests, why) {
                    (Some(words), _) => ReadingError::Resting(words),
                    (None, Some(why)) => ReadingError::Link(why.to_owned()),
                    (None, None) => continue,
                };
                readings.push((*place, unread(object.spec, &object.key, at, error)));
            }
        }
        readings.sort_by_key(|(place, _)| *place);
    }

    /// What is found of values is shown at once.
    fn judge(&mut self, readings: &[Reading]) {
        if self.judge.cycle(readings) {
            self.looked = None;
        }
    }

    /// To the head-end. One that does not keep up may hold this meter for a period, then the poll is lost and counted.
    async fn hand_on(
        &mut self,
        poll: Poll,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), Exit> {
        let Err(mpsc::error::TrySendError::Full(poll)) = self.polls.try_send(poll) else {
            return Ok(());
        };
        let polls = self.polls.clone();
        let limit = self.definition.interval();
        let sending = tokio::time::timeout(limit, polls.send(poll));
        let sent = self.obeying(orders, sending).await;
        if !matches!(sent, Ok(Ok(_))) {
            self.board.count(|c| c.polls_lost += 1);
        }
        sent.map(|_| ()).map_err(Exit::Told)
    }

    /// Answers the oldest read that was asked for from outside.
    pub(super) async fn read_asked(
        &mut self,
        session: &mut Session,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), Exit> {
        self.in_exchange = true;
        let (specs, reply) = self.reads.remove(0);
        if reply.is_closed() {
            return Ok(());
        }
        // Asked for by itself it has its turn; among others, one over which the link is lost would cost them all.
        let (now, at, several) = (Instant::now(), self.clock.now(), specs.len() > 1);
        let resting = |spec| {
            let words = self.healing.objects.why_resting(spec, now);
            words.filter(|_| several)
        };
        let specs: Vec<_> = specs
            .into_iter()
            .map(|spec| (spec, resting(spec)))
            .collect();
        let reading = async {
            let mut readings = Vec::with_capacity(specs.len());
            for (spec, resting) in specs {
                let key = obis(spec).key();
                readings.push(match resting {
                    Some(words) => unread(spec, &key, at, ReadingError::Resting(words)),
                    None => session.read(spec, &key).await?,
                });
            }
            Ok::<_, SessionError>(readings)
        };
        let outcome = self.obeying(orders, reading).await;
        let (answer, result) = match outcome {
            Ok(Ok(readings)) => {
                self.wake_objects(&readings);
                self.judge(&readings);
                self.proven();
                (Ok(readings), Ok(()))
            }
            Ok(Err(error)) => (Err(error.to_string()), Err(Exit::Lost(error))),
            Err(next) => {
                let why = "the meter was let go before the read was done".to_owned();
                (Err(why), Err(Exit::Told(next)))
            }
        };
        // Whoever asked may have gone.
        let _ = reply.send(answer);
        self.board.session(session);
        result
    }
}

/// What a poll asks for, in order.
struct Places<'a> {
    places: &'a [usize],
    /// So many from the front may go together; each after them is asked by itself, since the link may be lost over it.
    healthy: usize,
}

/// Over which of them the link was lost: the first, and how many were asked together.
pub(super) struct LostOver {
    pub places: Vec<usize>,
}

/// The objects of these places in order, several in a request where the meter allows it. What came before an error is kept.
async fn read_all(
    session: &mut Session,
    meter: &Definition,
    Places { places, healthy }: Places<'_>,
    board: &Board,
    readings: &mut Vec<(usize, Reading)>,
    lost_over: &mut Option<LostOver>,
) -> Result<(), SessionError> {
    let object = |place: &usize| meter.objects.get(*place);
    let (mut fresh, mut shown) = (Vec::new(), Instant::now());
    let mut result = Ok(());
    let mut by_itself = 0;
    while result.is_ok()
        && let Some(rest) = places.get(readings.len()..).filter(|rest| !rest.is_empty())
    {
        let before = readings.len();
        let allowed = rest.get(..healthy.saturating_sub(before)).unwrap_or(rest);
        let together = if before < by_itself || allowed.len() < 2 {
            1
        } else {
            let specs = allowed.iter().filter_map(object).map(|it| it.spec);
            session.together(specs).max(1)
        };
        let asked = rest.get(..together).unwrap_or(rest);
        if together > 1 {
            let part: Vec<_> = (asked.iter().filter_map(object))
                .map(|it| (it.spec, it.key.as_str()))
                .collect();
            match Box::pin(session.read_together(&part)).await {
                Ok(Some(list)) => readings.extend(asked.iter().copied().zip(list)),
                // These one by one; whether others may go together, the session knows.
                Ok(None) => by_itself = before + part.len(),
                Err(error) => result = Err(error),
            }
        } else if let Some((place, object)) = asked.first().and_then(|it| Some((*it, object(it)?)))
        {
            match session.read(object.spec, &object.key).await {
                Ok(reading) => readings.push((place, reading)),
                Err(error) => result = Err(error),
            }
        } else {
            break;
        }
        if result.is_err() {
            *lost_over = Some(LostOver {
                places: asked.to_vec(),
            });
        }
        fresh.extend(readings.iter().skip(before).cloned());
        if shown.elapsed() >= SHOW_EVERY {
            shown = Instant::now();
            board.values(&mut fresh, session);
        }
    }
    board.values(&mut fresh, session);
    result
}

fn obis(spec: ObjectSpec) -> crate::cosem::Obis {
    match spec {
        ObjectSpec::Value(obis) => obis,
        ObjectSpec::Attribute(attribute) => attribute.obis,
    }
}

/// What stands in a poll for an object whose turn did not come.
fn unread(spec: ObjectSpec, key: &str, at: jiff::Timestamp, error: ReadingError) -> Reading {
    let attribute = match spec {
        ObjectSpec::Attribute(attribute) => attribute,
        ObjectSpec::Value(obis) => AttributeRef {
            class: 3,
            obis,
            attribute: 2,
        },
    };
    Reading {
        spec,
        key: key.to_owned(),
        attribute,
        scaler_unit: None,
        at,
        value: Err(error),
    }
}
