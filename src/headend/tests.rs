//! The whole with simulated meters over pipes and a store in memory, in virtual time; once with a real broker.

mod alarms;
mod bench;

use super::*;
use crate::dlms::security::Secret;
use crate::meter::fake::{Line, World};
use crate::meter::{Definition, Phase};
use crate::simulator::broker;
use crate::simulator::profile::Profile;
use crate::simulator::server::{SharedMeter, shared};
use crate::store::{BrokerDefinition, Dialect};
use jiff::SignedDuration;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

mod platform;
mod vital;

const SECOND: Duration = Duration::from_secs(1);

struct Site {
    world: World,
    store: Store,
    headend: Headend,
    clock: Clock,
}

fn clock() -> Clock {
    Clock::From {
        base: "2026-11-20T14:32:07Z".parse().unwrap(),
        at: Instant::now(),
    }
}

async fn site(meters: Vec<Definition>, prepare: impl FnOnce(&World)) -> Site {
    let store = Store::in_memory().unwrap();
    for meter in meters {
        store.save_meter(meter).await.unwrap();
    }
    let world = World::default();
    prepare(&world);
    let clock = clock();
    let headend = Headend::start(Options {
        store: store.clone(),
        connector: world.connector(),
        clock,
        seed: 7,
        trace_bytes: 64 * 1024,
    })
    .await
    .unwrap();
    Site {
        world,
        store,
        headend,
        clock,
    }
}

fn microstar(name: &str, password: &str) -> Definition {
    let mut definition = Definition::microstar(name, name, 1);
    definition.password = Some(Secret::new(password.as_bytes()));
    definition
}

fn simulated(profile: Profile) -> SharedMeter {
    shared(profile, clock().now())
}

fn associated(meter: &SharedMeter) -> bool {
    meter
        .lock()
        .unwrap()
        .is_associated(Instant::now().into_std())
}

impl Site {
    fn view(&self, name: &str) -> Arc<MeterView> {
        let views = self.headend.meters();
        views
            .into_iter()
            .find(|v| v.definition.name == name)
            .unwrap()
    }

    fn add(&self, name: &str) -> (SharedMeter, Line) {
        let meter = simulated(Profile::microstar(1));
        let line = self.world.meter(name, &meter);
        (meter, line)
    }

    /// Takes changes as a screen does, until `fits`; an hour of virtual time is for ever.
    async fn until(&self, name: &str, fits: impl Fn(&MeterView) -> bool) {
        let seen = async {
            while !fits(&self.view(name)) {
                self.headend.changed().await;
                self.headend.take_changes();
            }
        };
        let waited = tokio::time::timeout(Duration::from_hours(1), seen).await;
        assert!(waited.is_ok(), "it never came: {:#?}", self.view(name));
    }
}

#[tokio::test(start_paused = true)]
async fn none_waits_for_another() {
    let names = ["dead", "gone", "slow", "locked", "good", "fine"];
    let meters = names.map(|n| {
        microstar(
            n,
            if n == "locked" {
                "33333333"
            } else {
                "22222222"
            },
        )
    });
    let site = site(meters.to_vec(), |world| {
        world.silent("dead");
        let slow = Profile::microstar(3).delayed(Duration::from_millis(1500));
        world.meter("slow", &simulated(slow));
        for name in ["locked", "good", "fine"] {
            world.meter(name, &simulated(Profile::microstar(4)));
        }
    })
    .await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    for name in ["good", "fine"] {
        let id = site.view(name).definition.id;
        let readings = site.store.readings(id, "voltage_l1", 1000).await.unwrap();
        assert!(readings.len() >= 119, "{name}: {}", readings.len());
        for pair in readings.windows(2) {
            let between = pair[1].at.duration_since(pair[0].at);
            assert_eq!(between, SignedDuration::from_secs(5), "{name}");
        }
        assert_eq!(site.view(name).status.counters.polls_missed, 0, "{name}");
    }
    assert_eq!(site.view("locked").status.phase, Phase::NeedsPerson);
    assert!(site.view("slow").status.counters.polls > 20);
    for name in ["dead", "gone"] {
        let status = &site.view(name).status;
        assert!(
            status.counters.connects == 0 && status.last_error.is_some(),
            "{name}"
        );
    }
    let notes = site
        .store
        .meter_notes(site.view("dead").definition.id)
        .await
        .unwrap();
    assert!(notes.last_error.unwrap().1.contains("no answer"));
    let notes = site
        .store
        .meter_notes(site.view("good").definition.id)
        .await
        .unwrap();
    let (_, link) = notes.last_good.unwrap();
    let link: serde_json::Value = serde_json::from_str(&link).unwrap();
    assert_eq!(link["server"]["bytes"], 1);
    assert!(
        site.clock.now().duration_since(notes.last_seen.unwrap()) <= SignedDuration::from_secs(66)
    );
}

#[tokio::test(start_paused = true)]
async fn adding_changing_and_removing_take_effect_at_once() {
    let site = site(vec![], |_| {}).await;
    let (first, _) = site.add("a");
    let (second, _) = site.add("b");
    let command = |c| site.headend.command(c);
    command(Command::Save(Box::new(microstar("a", "22222222"))))
        .await
        .unwrap();
    site.until("a", |v| v.status.phase == Phase::Ready).await;
    assert!(associated(&first));
    // The same name again is refused, and nothing else happens.
    let twice = command(Command::Save(Box::new(microstar("a", "22222222")))).await;
    assert!(twice.unwrap_err().contains('a'));
    let mut bad = microstar("c", "22222222");
    bad.port = 0;
    assert!(
        command(Command::Save(Box::new(bad)))
            .await
            .unwrap_err()
            .contains("port")
    );
    assert_eq!(site.headend.meters().len(), 1);

    let mut moved = (*site.view("a").definition).clone();
    moved.host = "b".into();
    command(Command::Save(Box::new(moved.clone())))
        .await
        .unwrap();
    site.until("a", |v| {
        v.status.counters.reconnects == 1 && v.status.phase == Phase::Ready
    })
    .await;
    assert!(!associated(&first) && associated(&second));

    assert!(
        command(Command::Start(moved.id))
            .await
            .unwrap_err()
            .contains("runs")
    );
    assert!(command(Command::Proceed(moved.id)).await.is_err());
    command(Command::Stop(moved.id)).await.unwrap();
    site.until("a", |v| v.status.phase == Phase::Stopped).await;
    assert!(!associated(&second));
    assert!(
        command(Command::PollNow(moved.id))
            .await
            .unwrap_err()
            .contains("stopped")
    );
    command(Command::Start(moved.id)).await.unwrap();
    site.until("a", |v| v.status.phase == Phase::Ready).await;

    command(Command::Delete(moved.id)).await.unwrap();
    assert!(!associated(&second));
    assert_eq!(site.headend.take_changes().removed, [moved.id]);
    assert!(site.headend.meters().is_empty() && site.headend.trace(moved.id).is_none());
    assert!(site.store.meters().await.unwrap().is_empty());
    assert!(command(Command::Stop(moved.id)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn shutdown_releases_all_meters_together() {
    let names: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
    let meters = names.iter().map(|n| microstar(n, "22222222")).collect();
    let mut simulators = Vec::new();
    let site = site(meters, |world| {
        for name in &names {
            let slow = Profile::microstar(1).delayed(Duration::from_millis(200));
            let meter = simulated(slow);
            world.meter(name, &meter);
            simulators.push(meter);
        }
        world.silent("m3");
    })
    .await;
    tokio::time::sleep(4 * SECOND).await;
    assert_eq!(simulators.iter().filter(|m| associated(m)).count(), 19);
    let asked = Instant::now();
    site.headend.shutdown().await;
    assert!(asked.elapsed() < 5 * SECOND, "{:?}", asked.elapsed());
    assert_eq!(simulators.iter().filter(|m| associated(m)).count(), 0);
    assert!(matches!(
        site.store.meters().await,
        Err(StoreError::Stopped)
    ));
    site.headend.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_headend_still_releases() {
    let meter = simulated(Profile::microstar(1));
    let site = site(vec![microstar("a", "22222222")], |world| {
        world.meter("a", &meter);
    })
    .await;
    site.until("a", |v| v.status.counters.polls > 0).await;
    drop(site);
    tokio::time::sleep(3 * SECOND).await;
    assert!(!associated(&meter));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_a_notice_and_polling_goes_on() {
    let site = site(vec![microstar("a", "22222222")], |_| {}).await;
    let (_meter, _line) = site.add("a");
    site.until("a", |v| v.status.counters.polls >= 1).await;
    site.store.close().await;
    site.headend.take_changes();
    let polls = site.view("a").status.counters.polls;
    site.until("a", |v| v.status.counters.polls >= polls).await;
    tokio::time::sleep(30 * SECOND).await;
    let notices = site.headend.take_changes().notices;
    // Six polls failed to be stored; that is said once.
    assert_eq!(
        notices.iter().filter(|n| n.level == Level::Error).count(),
        1,
        "{notices:?}"
    );
    assert!(site.view("a").status.counters.polls >= polls + 5);
}

#[tokio::test(start_paused = true)]
async fn changes_are_coalesced_and_the_first_bring_all() {
    let site = site(
        vec![microstar("a", "22222222"), microstar("b", "22222222")],
        |_| {},
    )
    .await;
    assert_eq!(site.headend.take_changes().meters.len(), 2);
    let (_meter, _line) = site.add("a");
    tokio::time::sleep(Duration::from_mins(2)).await;
    site.headend.changed().await;
    assert_eq!(site.headend.take_changes().meters.len(), 2);
    assert!(site.headend.take_changes().meters.is_empty());
}

/// Real time and real TCP to the broker; the meter is a pipe.
#[tokio::test]
async fn what_is_read_is_published() {
    let stop = CancellationToken::new();
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut lab = broker::start(listen, broker::Behaviour::default(), stop.clone())
        .await
        .unwrap();
    let store = Store::in_memory().unwrap();
    let url = format!("mqtt://{}", lab.address);
    let definition = BrokerDefinition::new("lab", &url, Dialect::Json).unwrap();
    store.save_broker(definition).await.unwrap();
    let mut meter = microstar("a", "22222222");
    meter.publish = Some("lab".into());
    meter.device = Some("microstar-001".into());
    store.save_meter(meter).await.unwrap();
    let world = World::default();
    world.meter("a", &shared(Profile::microstar(1), Clock::System.now()));
    let headend = Headend::start(Options {
        store: store.clone(),
        connector: world.connector(),
        clock: Clock::System,
        seed: 1,
        trace_bytes: 1024,
    })
    .await
    .unwrap();
    let received = tokio::time::timeout(10 * SECOND, lab.received.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(received.topic, "meters/microstar-001/telemetry");
    let payload: serde_json::Value = serde_json::from_slice(&received.payload).unwrap();
    assert_eq!(payload["measurements"]["voltage_l1"]["unit_code"], 35);
    headend.shutdown().await;
    stop.cancel();
}

/// A meter that moves before it is even in the fleet must not be lost sight of.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_moves_at_once_is_heard_of() {
    let meters = (0..100).map(|n| microstar(&format!("m{n}"), "22222222"));
    // Nobody is there: each goes from connecting to waiting at once.
    let site = site(meters.collect(), |_| {}).await;
    let mut heard = std::collections::HashMap::new();
    let all = async {
        while heard.len() < 100 || heard.values().any(|waits| !waits) {
            site.headend.changed().await;
            for view in site.headend.take_changes().meters {
                let waits = matches!(view.status.phase, Phase::Waiting { .. });
                heard.insert(view.definition.id, waits);
            }
        }
    };
    let all = tokio::time::timeout(Duration::from_secs(5), all).await;
    assert!(all.is_ok(), "some meters seem to connect for ever");
    site.headend.shutdown().await;
}

/// For a minute nothing can be stored: the meter is read on, and what was read is stored when there is room again.
#[tokio::test(start_paused = true)]
async fn a_full_disk_loses_nothing_that_was_read() {
    let site = site(vec![microstar("m", "22222222")], |world| {
        world.meter("m", &simulated(Profile::microstar(4)));
    })
    .await;
    let stored = async || {
        let id = site.view("m").definition.id;
        site.store.readings(id, "voltage_l1", 1000).await.unwrap()
    };
    site.until("m", |view| view.status.counters.polls >= 3)
        .await;
    // What is free in the last pages fills first.
    site.store.limit_pages(1).await.unwrap();
    let mut full = 0;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_mins(1)).await;
        let now = stored().await.len();
        if now == std::mem::replace(&mut full, now) {
            break;
        }
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(stored().await.len(), full);
    site.store.limit_pages(1_000_000).await.unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    let readings = stored().await;
    assert!(readings.len() >= full + 24, "{} of {full}", readings.len());
    for pair in readings.windows(2) {
        let between = pair[1].at.duration_since(pair[0].at);
        assert_eq!(between, SignedDuration::from_secs(5));
    }
    assert_eq!(site.view("m").status.counters.polls_missed, 0);
    site.headend.shutdown().await;
}
