//! What is read from a meter: the poll over its objects on the grid, and what someone asks for in between. Every object
//! of a poll gets an answer, be it that its turn did not come.

use super::live::Exit;
use super::pace::Grid;
use super::{Order, Owner};
use crate::cosem::{AttributeRef, ObjectSpec};
use crate::meter::definition::Definition;
use crate::meter::reading::{Poll, Reading, ReadingError};
use crate::meter::session::{Session, SessionError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Values of a slow cycle are shown as they come, but not more often than this.
const SHOW_EVERY: Duration = Duration::from_millis(100);

impl Owner {
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let polled = !self.definition.objects.is_empty();
        polled.then(|| self.grid.map_or(now, |grid| grid.next()))
    }

    /// One poll over all objects.
    pub(super) async fn cycle(
        &mut self,
        session: &mut Session,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), Exit> {
        let meter = Arc::clone(&self.definition);
        if meter.objects.is_empty() {
            return Ok(());
        }
        self.in_exchange = true;
        let started = Instant::now();
        let grid = self.grid.get_or_insert(Grid::new(started, meter.poll));
        let missed_before = grid.serve(started);
        let at = self.clock.now();
        let board = self.board.clone();
        let mut due: Vec<_> = (0..meter.objects.len()).collect();
        (self.healing.objects).arrange(&meter.objects, &mut due, started);
        let mut readings = Vec::with_capacity(meter.objects.len());
        let mut lost_over = None;
        let reading = async {
            let (mut fresh, mut shown) = (Vec::new(), started);
            let mut result = Ok(());
            for index in due {
                let object = &meter.objects[index];
                match session.read(object.spec, &object.key).await {
                    Ok(reading) => {
                        fresh.push((index, reading.clone()));
                        readings.push((index, reading));
                    }
                    Err(error) => {
                        lost_over = Some((index, error.to_string()));
                        result = Err(error);
                        break;
                    }
                }
                if shown.elapsed() >= SHOW_EVERY {
                    shown = Instant::now();
                    board.values(&mut fresh, session);
                }
            }
            board.values(&mut fresh, session);
            result
        };
        let outcome = self.obeying(orders, reading).await;

        let missed = missed_before + self.grid.as_mut().map_or(0, |g| g.pass(Instant::now()));
        let brought = readings.iter().any(|(_, r)| r.value.is_ok());
        let whole = outcome.is_ok();
        self.board.cycle(started.elapsed(), !brought, missed);
        if brought || matches!(outcome, Ok(Ok(()))) && !readings.is_empty() {
            self.proven();
        }
        let lost_over = lost_over.as_ref().map(|(at, why)| (*at, why.as_str()));
        let bitten = self.cycle_over(&readings, lost_over, whole);
        self.complete(&meter, &mut readings, lost_over.map(|(_, why)| why));
        let readings: Vec<_> = readings.into_iter().map(|(_, reading)| reading).collect();
        self.judge(&readings);
        if brought || matches!(outcome, Ok(Ok(()))) {
            let poll = Poll {
                meter: meter.id,
                at,
                readings,
            };
            self.hand_on(poll, orders).await?;
        }
        outcome.map_err(Exit::Told)?.map_err(Exit::Lost)?;
        bitten.map_or(Ok(()), |next| Err(Exit::Told(next)))
    }

    /// What was not asked has its reason, too; in the definition's order.
    fn complete(
        &self,
        meter: &Definition,
        readings: &mut Vec<(usize, Reading)>,
        why: Option<&str>,
    ) {
        if readings.len() == meter.objects.len() {
            return readings.sort_by_key(|(index, _)| *index);
        }
        let (now, at) = (Instant::now(), self.clock.now());
        let read: HashSet<_> = readings.iter().map(|(index, _)| *index).collect();
        for (index, object) in meter.objects.iter().enumerate() {
            if read.contains(&index) {
                continue;
            }
            let rests = self.healing.objects.why_resting(object.spec, now);
            let error = match (rests, why) {
                (Some(words), _) => ReadingError::Resting(words),
                (None, Some(why)) => ReadingError::Link(why.to_owned()),
                (None, None) => continue,
            };
            readings.push((index, unread(object.spec, &object.key, at, error)));
        }
        readings.sort_by_key(|(index, _)| *index);
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
        let limit = self.definition.poll;
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
        let reading = async {
            let mut readings = Vec::with_capacity(specs.len());
            for spec in specs {
                readings.push(session.read(spec, &obis(spec).key()).await?);
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
