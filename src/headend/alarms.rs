//! What is wrong, raised and cleared by itself: in whom it is looked for, when, and how it reaches the store and the log. The
//! rule: only a meter that moved is looked at, or one whose time is up; a meter without alarms costs nothing but its turn.

mod board;
mod values;
mod watch;

use super::changes::Level;
use super::commands::words;
use super::fleet::State;
use super::{Inner, lock};
use crate::cosem::data::printable;
use crate::meter::health::Health;
use crate::meter::{Clock, Definition, MeterId, MeterStatus, Poll};
use crate::store::{Ack, Alarm, AlarmQuery, Severity, StoreError};
use board::{Board, News};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
pub(super) use watch::Watch;

/// Between two looks at whose time is up; also how late the store hears of an alarm.
const EVERY: Duration = Duration::from_secs(1);
/// Between two looks at what is too old to be kept.
const TRIM_EVERY: Duration = Duration::from_hours(1);
/// Meters looked at, and alarms stored, in one go.
const LOT: usize = 512;
/// Lines of one second in the log; a broker that goes away is not told ten thousand times.
const LINES: usize = 20;
/// What is over and still shown after a start.
const SHOWN: usize = 200;

pub(super) struct Alarms {
    clock: Clock,
    board: Board,
    due: BinaryHeap<Reverse<(Instant, MeterId)>>,
    /// The program ends, which is nothing a meter does.
    ended: bool,
}

impl Default for Alarms {
    fn default() -> Self {
        Self {
            clock: Clock::System,
            board: Board::default(),
            due: BinaryHeap::new(),
            ended: false,
        }
    }
}

impl Alarms {
    pub(super) fn all(&self) -> Vec<Arc<Alarm>> {
        self.board.all()
    }

    pub(super) fn standing(&self) -> usize {
        self.board.standing()
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.board.is_dirty()
    }

    pub(super) fn take_moved(&mut self) -> Vec<Arc<Alarm>> {
        self.board.take_moved()
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn of_health(
        &mut self,
        meter: &Definition,
        watch: &mut Watch,
        health: &Health,
        now: Instant,
    ) {
        if !self.ended {
            watch.health(&mut self.board, self.clock.now(), now, meter, health);
        }
    }

    fn of_status(
        &mut self,
        meter: &Definition,
        watch: &mut Watch,
        status: &MeterStatus,
        now: Instant,
    ) {
        if !self.ended {
            watch.status(&mut self.board, self.clock.now(), now, meter, status);
            self.plan(now, meter, watch);
        }
    }

    fn of_poll(&mut self, meter: &Definition, watch: &mut Watch, poll: &Poll, now: Instant) {
        if !self.ended {
            watch.poll(&mut self.board, self.clock.now(), now, meter, poll);
        }
    }

    /// A look without anything having happened, when its time is up.
    fn plan(&mut self, now: Instant, meter: &Definition, watch: &mut Watch) {
        if let Some(at) = watch.next(now, meter) {
            self.due.push(Reverse((at, meter.id)));
        }
    }
}

impl State {
    pub(super) fn look_for_alarms(&mut self, id: MeterId, status: &MeterStatus) {
        if let Some(meter) = self.meters.get_mut(&id) {
            let watch = &mut meter.watched;
            self.alarms
                .of_status(&meter.definition, watch, status, Instant::now());
        }
    }

    /// Another device, or other limits.
    pub(super) fn redefined(&mut self, before: &Definition) {
        let (at, now) = (self.alarms.clock.now(), Instant::now());
        let Some(meter) = self.meters.get_mut(&before.id) else {
            return;
        };
        if before.is_elsewhere(&meter.definition) {
            self.alarms.board.clear_those(at, before.id, |_| true);
            meter.watched.begin_anew(now);
        }
        meter
            .watched
            .adopt(&mut self.alarms.board, at, &meter.definition);
        self.alarms.plan(now, &meter.definition, &mut meter.watched);
    }

    /// The meter starts: what it was edited to while nothing ran ends what stood.
    pub(super) fn adopt_alarms(&mut self, id: MeterId) {
        let at = self.alarms.clock.now();
        if let Some(meter) = self.meters.get_mut(&id) {
            let board = &mut self.alarms.board;
            meter.watched.adopt(board, at, &meter.definition);
        }
    }

    /// The meter is gone.
    pub(super) fn forget_alarms(&mut self, id: MeterId) {
        let at = self.alarms.clock.now();
        self.alarms.board.clear_those(at, id, |_| true);
    }

    /// Those whose time is up, a lot at a time; whether there are more.
    fn sweep(&mut self, now: Instant) -> bool {
        for _ in 0..LOT {
            let first = self.alarms.due.peek().filter(|it| it.0.0 <= now);
            let Some(&Reverse((at, id))) = first else {
                return false;
            };
            self.alarms.due.pop();
            let Some(meter) = self.meters.get_mut(&id) else {
                continue;
            };
            if !meter.watched.is_due(at) || self.alarms.ended {
                continue;
            }
            let status = meter.status.borrow();
            let wall = self.alarms.clock.now();
            let (board, definition) = (&mut self.alarms.board, &meter.definition);
            (meter.watched).time_is_up(board, wall, now, definition, &status);
            self.alarms.plan(now, definition, &mut meter.watched);
        }
        true
    }
}

impl Inner {
    /// What stood at the end of the last run stands, until it is seen to be over.
    pub(super) async fn load_alarms(&self, meters: &[Definition]) -> Result<(), StoreError> {
        let last = self.store.last_alarm().await?;
        let mut found = BTreeMap::new();
        for (cleared, limit) in [(false, usize::MAX), (true, SHOWN)] {
            let query = AlarmQuery {
                cleared,
                limit,
                ..AlarmQuery::default()
            };
            let alarms = self.store.alarms(query).await?;
            found.extend(alarms.into_iter().map(|alarm| (alarm.id, alarm)));
        }
        let meters: BTreeMap<MeterId, &Definition> = meters.iter().map(|it| (it.id, it)).collect();
        let named = self.scope.only.is_some();
        // Of meters that others look after nothing is known here.
        found.retain(|_, alarm| {
            let meter = alarm.meter.and_then(|id| meters.get(&id));
            meter.is_none_or(|it| !alarm.stands() || self.scope.has(&it.name))
        });
        let now = self.clock.now();
        let mut over = Vec::new();
        for alarm in found.values_mut().filter(|it| it.stands()) {
            let meter = alarm.meter.and_then(|id| meters.get(&id));
            // Gone, or switched off: nobody will ever look whether it is over.
            if !meter.is_some_and(|it| it.enabled || named) {
                alarm.cleared = Some(now);
                over.push(Arc::new(alarm.clone()));
            }
        }
        let mut state = lock(&self.state);
        state.alarms.clock = self.clock;
        state.alarms.board.load(last, found.into_values().collect());
        state.alarms.board.put_back(over);
        Ok(())
    }

    /// What polls say of values.
    pub(super) fn judge(&self, polls: &[Poll]) {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let now = Instant::now();
        for poll in polls {
            if let Some(meter) = state.meters.get_mut(&poll.meter) {
                let watch = &mut meter.watched;
                state.alarms.of_poll(&meter.definition, watch, poll, now);
            }
        }
        if state.alarms.is_dirty() {
            self.changed.notify_waiters();
        }
    }

    pub(super) async fn acknowledge(&self, id: i64, by: &str, note: &str) -> Result<(), String> {
        let ack = Ack::new(by, note, self.clock.now())?;
        // It may be too young to be stored.
        self.store_alarms().await.map_err(words)?;
        let done = self.store.acknowledge_alarm(id, ack.clone()).await;
        done.map_err(words)?;
        lock(&self.state).alarms.board.acknowledge(id, &ack);
        self.changed.notify_waiters();
        Ok(())
    }

    /// What another process acknowledged.
    pub(super) async fn take_up_alarms(&self) {
        let query = AlarmQuery {
            cleared: true,
            limit: board::OVER,
            ..AlarmQuery::default()
        };
        let standing = AlarmQuery {
            limit: usize::MAX,
            ..AlarmQuery::default()
        };
        for query in [query, standing] {
            if let Ok(stored) = self.store.alarms(query).await {
                let acks: BTreeMap<i64, &Ack> = (stored.iter())
                    .filter_map(|it| Some((it.id, it.acknowledged.as_ref()?)))
                    .collect();
                lock(&self.state).alarms.board.take_over(&acks);
            }
        }
        self.changed.notify_waiters();
    }

    /// All of them, unless the store says no: then they wait for the next time.
    pub(super) async fn store_alarms(&self) -> Result<(), StoreError> {
        let _one = self.storing_alarms.lock().await;
        loop {
            let alarms = lock(&self.state).alarms.board.take_unsaved(LOT);
            if alarms.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.store.save_alarms(alarms.clone()).await {
                lock(&self.state).alarms.board.put_back(alarms);
                return Err(error);
            }
        }
    }

    async fn tick(&self) {
        let now = Instant::now();
        while lock(&self.state).sweep(now) {
            // Meters have their turn between.
            tokio::task::yield_now().await;
        }
        let news = {
            let mut state = lock(&self.state);
            if state.alarms.is_dirty() {
                self.changed.notify_waiters();
            }
            state.alarms.board.take_news()
        };
        say(&news);
        if let Err(error) = self.store_alarms().await {
            let text = format!("alarms are not stored yet, tried again every second: {error}");
            self.notice(Level::Error, text);
        }
    }
}

fn say(news: &[News]) {
    for it in news.iter().take(LINES) {
        match it {
            News::Raised(it) if it.severity == Severity::Critical => {
                tracing::error!("{}", line("alarm", it));
            }
            News::Raised(it) if it.severity == Severity::Info => {
                tracing::info!("{}", line("alarm", it));
            }
            News::Raised(it) => tracing::warn!("{}", line("alarm", it)),
            News::Cleared(it) => tracing::info!("{}", line("alarm over", it)),
        }
    }
    if news.len() > LINES {
        let more = news.len() - LINES;
        tracing::warn!("and {more} more alarms that came or went; see `obiscope alarms`");
    }
}

/// `alarm 7 (high, 2nd time): meter house: voltage_l1 is 254.1 V: over 253`
fn line(what: &str, alarm: &Alarm) -> String {
    let times = match alarm.count {
        1 => String::new(),
        count => format!(", {count} times"),
    };
    let name = printable(&alarm.name);
    format!(
        "{what} {} ({}{times}): meter {name}: {}",
        alarm.id, alarm.cause, alarm.text
    )
}

/// Ends with the head-end.
pub(super) async fn run(inner: Weak<Inner>) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut trim = Instant::now();
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if lock(&inner.polls).is_none() {
            return;
        }
        inner.tick().await;
        // Not about alarms, but as often: no timer of its own.
        inner.tell_if_due().await;
        if Instant::now() >= trim {
            trim = Instant::now() + TRIM_EVERY;
            if let Err(error) = inner.store.trim_alarms(inner.clock.now()).await {
                tracing::warn!("old alarms are not removed yet: {error}");
            }
        }
    }
}
