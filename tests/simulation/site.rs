//! One head-end over a simulated world: started from a seed, taken forward in steps, looked at after each. The rule: what
//! is checked is what anybody outside could see: the status, the store, the bytes at the meters' terminals.

use crate::broker::{Broker, Ill};
use crate::schedule::Plan;
use crate::world::World;
use obiscope::cosem::ObjectSpec;
use obiscope::dlms::security::Secret;
use obiscope::headend::{Command, Headend, Level, MeterView, Options, Scope};
use obiscope::meter::{Clock, Definition, MeterId, Phase};
use obiscope::publish::Dial;
use obiscope::simulator::profile::Profile;
use obiscope::store::{BrokerDefinition, Dialect, Store, StoredReading};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Rows looked at in each step, for each object, beside those its interval can bring twice over; more where a store that
/// faltered brings many at once, or where a clock that was set makes new rows older than old ones.
const LOOK: usize = 10;
pub const LOOK_FAR: usize = 1_400;
/// No answer is older than this when it is stored: the timeout with its retries, and some.
const OLDEST_ANSWER: Duration = Duration::from_secs(40);

pub const BASE: &str = "2026-11-04T12:00:00Z";

pub struct Site {
    pub seed: u64,
    pub world: World,
    pub store: Store,
    pub headend: Headend,
    pub clock: Clock,
    ahead: &'static AtomicI64,
    pub broker: Option<Broker>,
    pub meters: Vec<Watched>,
    pub notices: Vec<String>,
    /// The store says no on purpose: what is read waits.
    pub store_falters: bool,
    pub look: usize,
    /// When it was looked last.
    looked: Instant,
}

/// What was seen of one meter so far.
pub struct Watched {
    pub name: String,
    pub id: MeterId,
    pub objects: Vec<Object>,
    /// Everything of these polls was stored, whole: since the run began.
    pub whole: Vec<Duration>,
    /// Polls of which anything was stored.
    pub any: u64,
    pub healthy: bool,
}

pub struct Object {
    key: String,
    obis: [u8; 6],
    every: Duration,
    /// The newest rows by their time, as they were last seen.
    seen: Vec<StoredReading>,
    /// Rows before this time were seen earlier and are out of sight; `None` while all of them are in sight.
    known_from: Option<jiff::Timestamp>,
    rows: u64,
    /// Those of them that hold a value.
    values: u64,
}

/// A meter to be watched.
pub struct Given {
    pub definition: Definition,
    pub profile: Profile,
    pub plan: Plan,
}

/// A field meter read as the original bridges did: five registers.
pub fn microstar(name: &str, number: u64, plan: Plan) -> Given {
    let mut definition = Definition::microstar(name, name, 1);
    definition.password = Some(Secret::new(&b"22222222"[..]));
    definition.objects.truncate(5);
    Given {
        definition,
        profile: Profile::microstar(number).named(name),
        plan,
    }
}

impl Site {
    pub async fn new(seed: u64, given: Vec<Given>, whole_log: bool) -> Self {
        Self::start(seed, given, whole_log, None).await
    }

    /// All of them to one broker, with its ills: from when, how long, in seconds.
    pub async fn publishing(
        seed: u64,
        given: Vec<Given>,
        whole_log: bool,
        ills: Vec<(u64, u64, Ill)>,
    ) -> Self {
        Self::start(seed, given, whole_log, Some(ills)).await
    }

    async fn start(
        seed: u64,
        given: Vec<Given>,
        whole_log: bool,
        ills: Option<Vec<(u64, u64, Ill)>>,
    ) -> Self {
        let wall: jiff::Timestamp = BASE.parse().unwrap();
        // One a run; a clock is copied about freely.
        let ahead: &'static AtomicI64 = Box::leak(Box::new(AtomicI64::new(0)));
        let clock = Clock::Set {
            base: wall,
            at: Instant::now(),
            ahead,
        };
        let world = World::new(whole_log);
        let store = Store::in_memory().unwrap();
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut healthy = Vec::new();
        let broker = ills.map(|ills| Broker::new(&world, dice.u64(..), ills));
        if broker.is_some() {
            let mut lab = BrokerDefinition::new("lab", "mqtt://lab", Dialect::Json).unwrap();
            "obiscope-simulated".clone_into(&mut lab.client_id);
            store.save_broker(lab).await.unwrap();
        }
        for mut it in given {
            it.definition.publish = broker.as_ref().map(|_| "lab".to_owned());
            healthy.push(it.plan.episodes.is_empty() && it.plan.hold == Default::default());
            world.meter(&it.definition.host, it.profile, it.plan, wall, dice.u64(..));
            if let Some(converter) = world.look().converters.get_mut(&it.definition.host) {
                converter.polled = it
                    .definition
                    .objects
                    .iter()
                    .map(|it| obis(it.spec))
                    .collect();
            }
            store.save_meter(it.definition).await.unwrap();
        }
        let options = Options {
            store: store.clone(),
            connector: Arc::new(world.clone()),
            clock,
            seed: dice.u64(..),
            trace_bytes: 16 * 1024,
        };
        let dial = broker
            .clone()
            .map(|broker| Arc::new(broker) as Arc<dyn Dial>);
        let headend = Headend::start_on(options, Scope::default(), dial)
            .await
            .unwrap();
        let meters = (headend.meters().iter().zip(healthy))
            .map(|(view, healthy)| Watched::of(&view.definition, healthy))
            .collect();
        Self {
            seed,
            world,
            store,
            headend,
            clock,
            ahead,
            broker,
            meters,
            notices: Vec::new(),
            store_falters: false,
            look: LOOK,
            looked: Instant::now(),
        }
    }

    pub fn view(&self, name: &str) -> Arc<MeterView> {
        let views = self.headend.meters();
        views
            .into_iter()
            .find(|view| view.definition.name == name)
            .unwrap()
    }

    pub async fn command(&self, command: Command) -> Result<(), String> {
        self.headend.command(command).await
    }

    /// The computer slept, and its wall clock knows.
    pub fn suspend(&self, time: Duration) {
        self.world.sleep(time);
        self.set_clock(i64::try_from(time.as_millis()).unwrap());
    }

    /// The wall clock leaps by so many milliseconds.
    pub fn set_clock(&self, by: i64) {
        self.ahead.fetch_add(by, Ordering::Relaxed);
    }

    /// Goes on for so long, looking every `step`.
    pub async fn run(&mut self, time: Duration, step: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let next = (Instant::now() + step).min(end);
            tokio::time::sleep_until(next).await;
            // Whatever else is due in this moment is done first.
            tokio::time::sleep(Duration::from_millis(3)).await;
            self.check().await;
        }
    }

    pub async fn check(&mut self) {
        let changes = self.headend.take_changes();
        {
            let mut inner = self.world.look();
            inner.settle();
            let at = inner.at();
            for notice in changes.notices {
                inner.log.add(at, "notice", &notice.text, &[]);
                if notice.level != Level::Info {
                    self.notices.push(notice.text);
                }
            }
        }
        let mut broken = Vec::new();
        for number in 0..self.meters.len() {
            self.look_at_rows(number, &mut broken).await;
        }
        let views: BTreeMap<MeterId, Arc<MeterView>> = (self.headend.meters().into_iter())
            .map(|view| (view.definition.id, view))
            .collect();
        for number in 0..self.meters.len() {
            let view = &views[&self.meters[number].id];
            self.look_at_counts(number, view, &mut broken);
        }
        self.looked = Instant::now();
        broken.append(&mut self.world.look().broken);
        if let Some(broker) = &self.broker {
            broken.append(&mut broker.look().broken);
        }
        if !broken.is_empty() {
            let log = self.world.look().log.tail();
            panic!(
                "seed {}:\n{}\nthe last of the log:\n{log}",
                self.seed,
                broken.join("\n")
            );
        }
    }

    /// What came into the store since: nothing twice, nothing the meter did not say.
    async fn look_at_rows(&mut self, number: usize, broken: &mut Vec<String>) {
        let meter = &mut self.meters[number];
        let mut fresh_whole = Vec::new();
        let last_object = meter.objects.len() - 1;
        for (place, object) in meter.objects.iter_mut().enumerate() {
            let since = self.looked.elapsed().as_millis() / object.every.as_millis();
            let look = self.look + 2 * usize::try_from(since).unwrap();
            let rows = self
                .store
                .readings(meter.id, &object.key, look)
                .await
                .unwrap();
            // They come in order of their time. Those that fell out of sight are older than all of them.
            let begins = rows.first().map(|row| row.at);
            let gone = |row: &&StoredReading| {
                (rows.len() < look || Some(row.at) >= begins) && !rows.contains(row)
            };
            if object.seen.iter().any(|row| gone(&row)) {
                broken.push(format!(
                    "{}: a stored reading of {} is gone",
                    meter.name, object.key
                ));
            }
            if let Some(pair) = rows.windows(2).find(|pair| pair[0].at == pair[1].at) {
                broken.push(format!(
                    "{}: two readings of {} at {}",
                    meter.name, object.key, pair[0].at
                ));
            }
            let known_from = object.known_from;
            object.known_from = begins.filter(|_| rows.len() >= look);
            let seen = std::mem::replace(&mut object.seen, rows);
            let fresh = |row: &&StoredReading| {
                known_from.is_none_or(|from| row.at >= from) && !seen.contains(row)
            };
            let mut inner = self.world.look();
            let now = inner.at();
            let wall = self.clock.now();
            for row in object.seen.iter().filter(fresh) {
                object.rows += 1;
                object.values += u64::from(row.raw.is_some());
                let ago = wall.duration_since(row.at).as_millis();
                let ago = Duration::from_millis(u64::try_from(ago).unwrap_or(0));
                let at = now.saturating_sub(ago);
                inner.log.add(
                    at,
                    &meter.name,
                    &format!("stored {} {:?}", object.key, row.raw),
                    &[],
                );
                let witness = &inner.converters[&meter.name].witness;
                if let Some(raw) = &row.raw
                    && at > witness.since() + OLDEST_ANSWER
                    && !witness.said_it(object.obis, raw, now, ago + OLDEST_ANSWER)
                {
                    broken.push(format!(
                        "{}: {} = {raw} was stored at {at:?}, which the meter never said; it said {}",
                        meter.name,
                        object.key,
                        witness.last_of(object.obis, at)
                    ));
                }
                if place == last_object && row.value.is_some() && row.error.is_none() {
                    fresh_whole.push(at);
                }
            }
        }
        meter.any = meter.objects[0].rows;
        meter.whole.extend(fresh_whole);
    }

    fn look_at_counts(&mut self, number: usize, view: &MeterView, broken: &mut Vec<String>) {
        let name = self.meters[number].name.clone();
        let meter = &mut self.meters[number];
        let (status, counters) = (&view.status, view.status.counters);
        let mut inner = self.world.look();
        let at = inner.at();
        inner.log.add(
            at,
            &name,
            &format!("{:?} {counters:?}", phase(&status.phase)),
            &[],
        );
        let handed_on = counters.polls - counters.polls_failed - counters.polls_lost;
        if !self.store_falters && handed_on != meter.any {
            broken.push(format!(
                "{at:?} {name}: {handed_on} polls were handed on, {} are stored",
                meter.any
            ));
        }
        let first = inner.converters[&name].first_get.map(|at| inner.began + at);
        // Polls beside the grid, at most.
        let extra = counters.connects + counters.resyncs;
        for (object, it) in meter.objects.iter().zip(&status.points) {
            let told = u64::from(it.read)
                + [it.busy, it.away, it.paused, it.resting]
                    .map(u64::from)
                    .iter()
                    .sum::<u64>();
            if told != u64::from(it.due) {
                broken.push(format!("{at:?} {name} {}: {it:?}", object.key));
            }
            // While it waits for the next point, every one before it is in the books, and no other.
            if let (Phase::Ready, Some(next), Some(anchor)) =
                (&status.phase, status.next_poll, first)
                && next > Instant::now()
            {
                let passed = (next - anchor).as_nanos().div_ceil(object.every.as_nanos());
                if u128::from(it.due) != passed {
                    broken.push(format!(
                        "{at:?} {name} {}: {passed} points of the grid passed: {it:?}",
                        object.key
                    ));
                }
            }
            let read = u64::from(it.read);
            if !self.store_falters
                && counters.polls_lost == 0
                && !(read..=read + extra).contains(&object.values)
            {
                broken.push(format!(
                    "{at:?} {name} {}: {} values are stored, with {extra} beside the grid at most: {it:?}",
                    object.key, object.values
                ));
            }
        }
        let converter = &inner.converters[&name];
        if converter.witness.after_refusal > 0 {
            broken.push(format!(
                "{at:?} {name}: the password went out again after it was refused"
            ));
        }
        if meter.healthy && counters.polls_missed + counters.polls_failed + counters.polls_lost > 0
        {
            broken.push(format!(
                "{at:?} {name}: healthy, and not all of its polls were there: {counters:?}"
            ));
        }
    }

    /// Lets go of all; afterwards no meter may be associated that could be told.
    pub async fn end(mut self) -> World {
        self.check().await;
        self.headend.shutdown().await;
        if let Some(broker) = &self.broker {
            self.compare(broker);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let world = self.world.clone();
        let mut inner = world.look();
        inner.settle();
        let mut broken = std::mem::take(&mut inner.broken);
        for (host, converter) in &inner.converters {
            if converter.held > 0 {
                broken.push(format!("{host}: a stream is still open"));
            }
        }
        for meter in &self.meters {
            if meter.healthy && inner.is_associated(&meter.name) {
                broken.push(format!("{}: still associated after the end", meter.name));
            }
        }
        assert!(
            broken.is_empty(),
            "seed {}:\n{}",
            self.seed,
            broken.join("\n")
        );
        drop(inner);
        world
    }
}

impl Site {
    /// What the broker has in the end: a message of every poll that was stored, numbered without a gap.
    fn compare(&self, broker: &Broker) {
        let hall = broker.look();
        for meter in &self.meters {
            let topic = hall
                .taken
                .iter()
                .find(|(topic, _)| topic.contains(&meter.name));
            let numbers: Vec<u64> = topic
                .iter()
                .flat_map(|(_, taken)| taken.keys().copied())
                .collect();
            let wanted: Vec<u64> = (1..=meter.any).collect();
            // The polls of the last moments, after the last look, come on top.
            assert!(
                numbers.len() <= wanted.len() + 2 && numbers.starts_with(&wanted),
                "seed {}: {}: {} polls are stored, the broker has {} messages",
                self.seed,
                meter.name,
                wanted.len(),
                numbers.len()
            );
        }
    }
}

fn obis(spec: ObjectSpec) -> [u8; 6] {
    match spec {
        ObjectSpec::Value(obis) => obis.0,
        ObjectSpec::Attribute(attribute) => attribute.obis.0,
    }
}

fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Ready => "ready",
        Phase::Waiting { .. } => "waiting",
        Phase::NeedsPerson => "needs a person",
        Phase::Stopped => "stopped",
        _ => "on its way",
    }
}

impl Watched {
    fn of(definition: &Definition, healthy: bool) -> Self {
        let objects = definition.objects.iter().map(|object| Object {
            key: object.key.clone(),
            obis: obis(object.spec),
            every: definition.every(object),
            seen: Vec::new(),
            known_from: None,
            rows: 0,
            values: 0,
        });
        Self {
            name: definition.name.clone(),
            id: definition.id,
            objects: objects.collect(),
            whole: Vec::new(),
            any: 0,
            healthy,
        }
    }
}
