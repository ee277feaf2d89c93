//! From finished polls to the store and the outbox, as many at once as there are, then the publishers are woken. The
//! rule: a store that says no for now (a full disk, a lock) is asked again until it takes what was read; meanwhile the
//! meters are read on, and what has no more room here is counted by them as lost.

use super::changes::{Level, Published};
use super::{Inner, fleet::Outlet, fleet::State, lock};
use crate::meter::{MeterId, Poll, PolledObject};
use crate::publish::dialect::{self, Reported};
use crate::store::{Committed, Render, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

/// Polls that share one wait for the disk.
const LOT: usize = 64;
/// Between two lots, unless so much waits that a lot is full: each is a wait for the disk, and what comes meanwhile shares
/// the next one.
const APART: Duration = Duration::from_millis(10);
/// Between two tries to store the same.
const AGAIN: Duration = Duration::from_secs(1);

/// A poll, where its messages go, and whom to tell.
struct Finished {
    poll: Arc<Poll>,
    outlet: Option<(i64, Render)>,
    wake: Option<Arc<Notify>>,
    thinned: Option<Thinned>,
    published: Option<Published>,
}

/// What the broker is told of a poll, where that is not everything.
struct Thinned {
    whom: (i64, String),
    objects: Vec<PolledObject>,
    told: Arc<Poll>,
}

/// What each meter's receiver was told last.
type Reports = BTreeMap<MeterId, Reported>;
type Done = Result<Committed, StoreError>;

/// Ends when no meter is left that could bring a poll.
pub(super) async fn run(inner: Weak<Inner>, mut polls: mpsc::Receiver<Poll>) {
    let mut came = Vec::with_capacity(LOT);
    let (mut reports, mut removals) = (Reports::new(), 0);
    let mut not_before = Instant::now();
    loop {
        sleep_until(not_before).await;
        let many = polls.recv_many(&mut came, LOT).await;
        if many == 0 {
            return;
        }
        not_before = Instant::now() + if many < LOT { APART } else { Duration::ZERO };
        if let Some(inner) = inner.upgrade() {
            inner.judge(&came);
        }
        while !came.is_empty() {
            let finished: Vec<Finished> = {
                let Some(inner) = inner.upgrade() else { return };
                let state = lock(&inner.state);
                if state.removals() != removals {
                    removals = state.removals();
                    reports.retain(|meter, _| state.has_meter(*meter));
                }
                next_lot(&state, &reports, &mut came)
            };
            let done = loop {
                match attempt(&inner, &finished).await {
                    Ok(done) => break done,
                    Err(again) => sleep(again).await,
                }
            };
            let Some(inner) = inner.upgrade() else { return };
            for (it, done) in finished.iter().zip(done) {
                if done.is_ok() {
                    settle(&mut reports, it);
                }
                told(&inner, it, done);
            }
            inner.learn(finished.iter().map(|it| &*it.poll)).await;
        }
    }
}

/// From the front of what came, up to a second poll of a meter that is not told everything: what the first one tells counts
/// only when it is stored.
fn next_lot(state: &State, reports: &Reports, came: &mut Vec<Poll>) -> Vec<Finished> {
    let mut thinned = BTreeSet::new();
    let mut lot = Vec::new();
    let mut rest = Vec::new();
    for poll in came.drain(..) {
        // A meter that was deleted meanwhile has no row to hang readings on.
        if !state.has_meter(poll.meter) {
            continue;
        }
        if !rest.is_empty() || thinned.contains(&poll.meter) {
            rest.push(poll);
            continue;
        }
        let meter = poll.meter;
        let it = finished(state.outlet(meter), reports.get(&meter), poll);
        if it.thinned.is_some() {
            thinned.insert(meter);
        }
        lot.push(it);
    }
    *came = rest;
    lot
}

fn settle(reports: &mut Reports, it: &Finished) {
    if let Some(thinned) = &it.thinned {
        reports.entry(it.poll.meter).or_default().settle(
            thinned.whom.clone(),
            &thinned.objects,
            &thinned.told,
        );
    } else {
        reports.remove(&it.poll.meter);
    }
}

/// An answer for each, or after how long to try again.
async fn attempt(inner: &Weak<Inner>, finished: &[Finished]) -> Result<Vec<Done>, Duration> {
    let Some(inner) = inner.upgrade() else {
        return Ok(Vec::new());
    };
    let lot = (finished.iter())
        .map(|it| (Arc::clone(&it.poll), it.outlet.clone()))
        .collect();
    match inner.store.commit_polls(lot).await {
        Ok(done) => Ok(done),
        Err(error @ StoreError::Stopped) => {
            inner.notice(Level::Error, format!("readings not stored: {error}"));
            Ok(Vec::new())
        }
        Err(error) => {
            inner.notice(
                Level::Error,
                format!("readings are not stored yet, tried again every second: {error}"),
            );
            Err(AGAIN)
        }
    }
}

fn told(inner: &Inner, finished: &Finished, done: Done) {
    match done {
        Ok(committed) => {
            let readings = &finished.poll.readings;
            let values = readings.iter().filter(|it| it.value.is_ok()).count();
            lock(&inner.state).stored(finished.poll.meter, values, committed.telemetry);
            if committed.dropped > 0 {
                inner.notice(
                    Level::Error,
                    "the queue for a broker is full: its oldest messages are dropped unsent; see the MQTT pane"
                        .to_owned(),
                );
            }
            if let Some(published) = &finished.published {
                let published = Published {
                    stored: inner.clock.now(),
                    messages: committed.telemetry,
                    ..published.clone()
                };
                lock(&inner.state).committed(finished.poll.meter, published);
                inner.changed.notify_waiters();
            }
            if let Some(wake) = &finished.wake {
                wake.notify_one();
            }
        }
        Err(error) => inner.notice(Level::Error, format!("readings not stored: {error}")),
    }
}

fn finished(outlet: Option<Outlet>, reported: Option<&Reported>, poll: Poll) -> Finished {
    let poll = Arc::new(poll);
    let Some(outlet) = outlet else {
        return Finished {
            poll,
            outlet: None,
            wake: None,
            thinned: None,
            published: None,
        };
    };
    let Outlet {
        broker,
        device,
        objects,
        wake,
    } = outlet;
    let published = Published {
        broker_id: broker.id,
        broker: broker.name.clone(),
        device: device.name.clone(),
        read: poll.at,
        stored: poll.at,
        messages: 0,
        trail: None,
    };
    let thinned = Reported::matters(&objects).then(|| {
        let whom = (broker.id, device.name.clone());
        let told = match reported {
            Some(reported) => Arc::new(reported.choose(&whom, &objects, &poll)),
            None => Arc::clone(&poll),
        };
        Thinned {
            whom,
            objects,
            told,
        }
    });
    let told = Arc::clone(thinned.as_ref().map_or(&poll, |thinned| &thinned.told));
    let id = broker.id;
    let render: Render = Arc::new(move |seq| dialect::render(&broker, &device, seq, &told));
    Finished {
        poll,
        outlet: Some((id, render)),
        wake: Some(wake),
        thinned,
        published: Some(published),
    }
}
