//! Alarms of simulated meters: raised, counted and cleared by themselves, and what of them outlives the program.

use super::*;
use crate::store::{Ack, Alarm, AlarmQuery, Severity};

impl Site {
    fn standing(&self, name: &str) -> Vec<String> {
        let all = self.headend.alarms();
        let mut causes: Vec<_> = (all.iter().filter(|it| it.name == name && it.stands()))
            .map(|it| it.cause.clone())
            .collect();
        causes.sort();
        causes
    }

    fn alarm(&self, cause: &str) -> Arc<Alarm> {
        let mut all = self.headend.alarms().into_iter();
        all.find(|it| it.cause == cause).unwrap()
    }

    /// Another head-end over what the one before left behind, without having been told to end.
    async fn killed(self) -> Self {
        let Self {
            world,
            store,
            headend,
            clock,
        } = self;
        drop(headend);
        let headend = Headend::start(Options {
            store: store.clone(),
            connector: world.connector(),
            clock,
            seed: 8,
            trace_bytes: 64 * 1024,
        })
        .await
        .unwrap();
        Self {
            world,
            store,
            headend,
            clock,
        }
    }

    async fn stored(&self) -> Vec<Alarm> {
        let query = AlarmQuery {
            cleared: true,
            limit: 100,
            ..AlarmQuery::default()
        };
        self.store.alarms(query).await.unwrap()
    }
}

fn limited(name: &str, limits: &str) -> Definition {
    let mut meter = microstar(name, "22222222");
    meter.objects[0].limits = limits.parse().unwrap();
    meter
}

#[tokio::test(start_paused = true)]
async fn a_value_beyond_its_limit_until_the_limit_is_another() {
    let site = site(vec![limited("a", "high:1,hysteresis:0.5")], |_| {}).await;
    site.add("a");
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(site.standing("a"), ["high"]);
    let alarm = site.alarm("high");
    assert_eq!((alarm.key.as_str(), alarm.count), ("voltage_l1", 1));
    assert!(alarm.text.ends_with("V: over 1"), "{}", alarm.text);
    assert!(alarm.value.is_some() && alarm.last > alarm.first);
    let moved = site.headend.take_changes().alarms;
    assert_eq!(moved.len(), 1);
    assert_eq!(site.stored().await[0].cause, "high");

    let ack = |alarm, by: &str| Command::Acknowledge {
        alarm,
        by: by.to_owned(),
        note: "on my way".to_owned(),
    };
    let said = site.headend.command(ack(alarm.id, " ")).await;
    assert!(said.unwrap_err().contains("say who"));
    site.headend.command(ack(alarm.id, "Ana")).await.unwrap();
    let again = site.headend.command(ack(alarm.id, "Bo")).await;
    assert!(again.unwrap_err().contains("Ana"));
    let moved = site.headend.take_changes().alarms;
    assert_eq!(moved[0].acknowledged.as_ref().unwrap().by, "Ana");

    // Within the limit it is over, without anybody having said so.
    let id = site.view("a").definition.id;
    let mut other = limited("a", "high:1000");
    other.id = id;
    let save = Command::Save(Box::new(other.clone()));
    site.headend.command(save).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(site.standing("a"), [""; 0]);
    // Beyond it again, it is the same once more.
    other.objects[0].limits = "high:2".parse().unwrap();
    site.headend
        .command(Command::Save(Box::new(other)))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let alarm = site.alarm("high");
    assert_eq!((site.stored().await.len(), alarm.count), (1, 2));
    assert!(alarm.acknowledged.is_some() && alarm.stands());
    // And gone with its meter, but not from the record.
    site.headend.command(Command::Delete(id)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(site.stored().await[0].cleared.is_some());
    site.headend.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_away_is_told_and_one_that_comes_back_is_well() {
    let mut meter = microstar("a", "22222222");
    meter.recovery = "breaker=3".parse().unwrap();
    let locked = microstar("locked", "33333333");
    let site = site(vec![meter, locked], |world| {
        world.meter("locked", &simulated(Profile::microstar(4)));
    })
    .await;
    let (_, line) = site.add("a");
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(site.standing("a"), [""; 0]);
    assert_eq!(site.standing("locked"), ["needs-person"]);
    assert_eq!(site.alarm("needs-person").severity, Severity::Critical);
    line.unplug();
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!(!site.standing("a").contains(&"silent".to_owned()));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(site.standing("a").contains(&"silent".to_owned()));
    tokio::time::sleep(Duration::from_mins(90)).await;
    let standing = site.standing("a");
    assert_eq!(standing, ["breaker", "down", "silent"]);
    let stored = site.stored().await.len();
    line.plug_in();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(site.standing("a"), [""; 0]);
    // For as long as that, there was one of each.
    assert_eq!(site.stored().await.len(), stored);
    assert!(site.alarm("breaker").count == 1 && site.alarm("silent").count == 1);
    assert_eq!(site.standing("locked"), ["needs-person"]);
    // Stopped by a person: nobody waits for it.
    let id = site.view("locked").definition.id;
    site.headend.command(Command::Stop(id)).await.unwrap();
    site.until("locked", |it| it.status.phase == Phase::Stopped)
        .await;
    assert_eq!(site.standing("locked"), [""; 0]);
    site.headend.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_stood_at_a_kill_stands_once_and_what_is_over_is_cleared() {
    let away = microstar("away", "22222222");
    let site = site(vec![limited("a", "high:1"), away], |_| {}).await;
    site.add("a");
    let (_, line) = site.add("away");
    tokio::time::sleep(Duration::from_secs(30)).await;
    line.unplug();
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(site.standing("a"), ["high"]);
    assert_eq!(site.standing("away"), ["silent"]);
    let before = site.stored().await;
    let site = site.killed().await;
    // Before anything was read, they stand as they did.
    assert_eq!(site.standing("a"), ["high"]);
    assert_eq!(site.headend.take_changes().alarms.len(), before.len());
    line.plug_in();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(site.standing("a"), ["high"]);
    assert_eq!(site.standing("away"), [""; 0]);
    let after = site.stored().await;
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|it| it.count == 1), "{after:#?}");
    // An end in good order ends no alarm.
    let ids: Vec<_> = after.iter().filter(|it| it.stands()).collect();
    assert_eq!(ids.len(), 1);
    // Switched off meanwhile: nobody will look at it again.
    let mut meter = (*site.view("a").definition).clone();
    meter.enabled = false;
    site.store.save_meter(meter).await.unwrap();
    let site = site.killed().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(site.standing("a"), [""; 0]);
    assert!(site.stored().await.iter().all(|it| !it.stands()));
    site.headend.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_edited_away_while_nothing_ran_is_cleared_at_the_start() {
    let away = ["limits", "deaf", "kept"];
    let meters = away.map(|name| limited(name, "high:1")).to_vec();
    let site = site(meters, |_| {}).await;
    let lines = away.map(|name| site.add(name).1);
    tokio::time::sleep(Duration::from_secs(30)).await;
    for line in &lines {
        line.unplug();
    }
    tokio::time::sleep(Duration::from_mins(2)).await;
    for name in away {
        assert_eq!(site.standing(name), ["high", "silent"]);
    }
    for name in ["limits", "deaf"] {
        let mut meter = (*site.view(name).definition).clone();
        if name == "limits" {
            meter.objects[0].limits = "low:1".parse().unwrap();
        } else {
            meter.overdue = 0;
        }
        site.store.save_meter(meter).await.unwrap();
    }
    // Nobody answers: only the definitions say what is over.
    let site = site.killed().await;
    assert_eq!(site.standing("limits"), ["silent"]);
    assert_eq!(site.standing("deaf"), ["high"]);
    assert_eq!(site.standing("kept"), ["high", "silent"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let stored = site.stored().await;
    assert_eq!(stored.iter().filter(|it| it.stands()).count(), 4);
    site.headend.shutdown().await;
}

/// Another process says that somebody knows; the files are real.
#[tokio::test]
async fn acknowledged_beside_a_head_end_that_runs() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("obiscope.db");
    let store = Store::open(&path).unwrap();
    let meter = store.save_meter(microstar("a", "22222222")).await.unwrap();
    let now = clock().now();
    let alarm = Alarm {
        id: 1,
        meter: Some(meter.id),
        name: "a".to_owned(),
        key: String::new(),
        cause: "silent".to_owned(),
        severity: Severity::Warning,
        text: "no reading".to_owned(),
        first: now,
        last: now,
        count: 1,
        value: None,
        acknowledged: None,
        cleared: None,
    };
    store.save_alarms(vec![Arc::new(alarm)]).await.unwrap();
    let world = World::default();
    world.silent("a");
    let headend = Headend::start(Options {
        store: store.clone(),
        connector: world.connector(),
        clock: Clock::System,
        seed: 1,
        trace_bytes: 1024,
    })
    .await
    .unwrap();
    let known = || {
        let all = headend.alarms();
        all[0].acknowledged.as_ref().map(|it| it.by.clone())
    };
    assert_eq!(known(), None);
    let beside = Store::open(&path).unwrap();
    let ack = Ack::new("Ana", "", now).unwrap();
    assert_eq!(beside.acknowledge_alarms(ack).await.unwrap(), 1);
    beside.close().await;
    let seen = async {
        while known().is_none() {
            headend.changed().await;
            headend.take_changes();
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), seen).await;
    assert!(waited.is_ok());
    assert_eq!(known().as_deref(), Some("Ana"));
    headend.shutdown().await;
}
