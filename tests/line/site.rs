//! A whole head-end with its store in memory, and what a test wants to know of it.

use super::{Faults, Line, PASSWORD, World, clock, microstar};
use obiscope::cosem::{AttributeRef, Decimal, ObjectSpec};
use obiscope::headend::{Headend, MeterView, Options};
use obiscope::meter::{Clock, Definition, MeterId};
use obiscope::simulator::profile::Profile;
use obiscope::store::{Store, StoredReading};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

pub struct Site {
    pub store: Store,
    pub headend: Headend,
    clock: Clock,
}

impl Site {
    pub async fn start(world: &World, meters: Vec<Definition>, seed: u64) -> Self {
        let store = Store::in_memory().unwrap();
        for meter in meters {
            store.save_meter(meter).await.unwrap();
        }
        let clock = clock();
        let options = Options {
            store: store.clone(),
            connector: Arc::new(world.clone()),
            clock,
            seed,
            trace_bytes: 1 << 20,
        };
        let headend = Headend::start(options).await.unwrap();
        Self {
            store,
            headend,
            clock,
        }
    }

    /// One Microstar behind one line.
    pub async fn one(faults: Faults) -> (Self, Line) {
        Self::one_of(microstar("m", PASSWORD), faults).await
    }

    pub async fn one_of(meter: Definition, faults: Faults) -> (Self, Line) {
        let world = World::default();
        let line = world.line("m", Profile::microstar(7), faults);
        (Self::start(&world, vec![meter], 1).await, line)
    }

    pub fn view(&self, name: &str) -> Arc<MeterView> {
        let views = self.headend.meters();
        views
            .into_iter()
            .find(|v| v.definition.name == name)
            .unwrap()
    }

    pub fn id(&self, name: &str) -> MeterId {
        self.view(name).definition.id
    }

    pub async fn until(&self, name: &str, fits: impl Fn(&MeterView) -> bool) -> Arc<MeterView> {
        let seen = async {
            while !fits(&self.view(name)) {
                self.headend.changed().await;
                self.headend.take_changes();
            }
        };
        let waited = timeout(Duration::from_hours(1), seen).await;
        assert!(waited.is_ok(), "it never came: {:#?}", self.view(name));
        self.view(name)
    }

    pub async fn polls(&self, name: &str, more: u64) -> Arc<MeterView> {
        let polls = self.view(name).status.counters.polls;
        self.until(name, |v| v.status.counters.polls >= polls + more)
            .await
    }

    pub async fn readings(&self, name: &str, key: &str) -> Vec<StoredReading> {
        let id = self.id(name);
        self.store.readings(id, key, 1_000_000).await.unwrap()
    }

    fn instant(&self, at: jiff::Timestamp) -> Instant {
        let Clock::From { base, at: anchor } = self.clock else {
            unreachable!()
        };
        anchor + Duration::try_from(at.duration_since(base)).unwrap()
    }

    /// Each stored value is one the meter said, in its unit, no more than a minute old; how many there are.
    pub async fn all_true(&self, name: &str, line: &Line) -> usize {
        let mut values = 0;
        for object in &self.view(name).definition.objects {
            let attribute: AttributeRef = match object.spec {
                ObjectSpec::Value(obis) => AttributeRef {
                    class: 3,
                    obis,
                    attribute: 2,
                },
                ObjectSpec::Attribute(attribute) => attribute,
            };
            for reading in self.readings(name, &object.key).await {
                let Some(raw) = &reading.raw else {
                    assert!(reading.error.is_some() && reading.value.is_none());
                    continue;
                };
                values += 1;
                let raw: serde_json::Value = serde_json::from_str(raw).unwrap();
                let at = self.instant(reading.at);
                assert!(line.said(attribute, &raw, at), "{name}: {reading:?}");
                let (scaler, unit) = line.scaler_unit(attribute);
                assert_eq!(reading.unit, Some(unit), "{name}: {reading:?}");
                let exact = Decimal::new(raw.as_i64().unwrap().into(), scaler);
                assert_eq!(reading.value, Some(exact.to_string()), "{name}");
            }
        }
        values
    }

    /// Traces of all meters and what was stored, as text.
    pub async fn log(&self) -> String {
        let mut log = String::new();
        for view in self.headend.meters() {
            let name = &view.definition.name;
            let (records, lost) = self.headend.trace(view.definition.id).unwrap().since(0);
            let _ = writeln!(log, "{name}: {:?} lost {lost}", view.status.counters);
            for record in records {
                let _ = writeln!(log, "{} {:?}", record.at, record.what);
            }
            for reading in self.readings(name, "voltage_l1").await {
                let _ = writeln!(log, "{reading:?}");
            }
        }
        log
    }
}
