//! The prober against simulated meters, in virtual time.

use super::*;
use crate::dlms::security::Secret;
use crate::meter::attempts::{Credential, InMemory};
use crate::meter::fake::World;
use crate::meter::tap::Chunk;
use crate::simulator::profile::Profile;
use crate::simulator::server::{SharedMeter, shared};
use tokio::sync::mpsc::unbounded_channel;

struct Probed {
    report: Report,
    took: Duration,
    tap: Tap,
    attempts: Arc<InMemory>,
    meter: SharedMeter,
}

async fn probe(meter: &Definition, options: Options) -> Probed {
    let clock = Clock::From {
        base: "2026-11-20T12:00:00Z".parse().unwrap(),
        at: Instant::now(),
    };
    let world = World::default();
    let simulated = shared(Profile::microstar(4), clock.now());
    world.meter("meter", &simulated);
    let tap = Tap::new(1 << 16);
    let attempts = Arc::new(InMemory::default());
    let kept = Kept {
        counters: None,
        attempts: attempts.clone(),
        known_good: None,
    };
    let connector = world.connector();
    let (say, _heard) = unbounded_channel();
    let began = Instant::now();
    let mut prober = Prober::new(meter, &*connector, clock, tap.clone(), kept, options, say);
    prober.run().await;
    let report = prober.end().await;
    Probed {
        report,
        took: began.elapsed(),
        tap,
        attempts,
        meter: simulated,
    }
}

fn microstar(server: &str, password: &str) -> Definition {
    let mut meter = Definition::microstar("m", "meter", 1);
    meter.server = server.parse().unwrap();
    meter.password = Some(Secret::new(password));
    meter
}

fn sent(tap: &Tap) -> Vec<Vec<u8>> {
    let records = tap.since(0).0.into_iter();
    let sent = records.filter_map(|record| match record.what {
        Chunk::Bytes {
            direction: crate::meter::tap::Direction::Sent,
            bytes,
        } => Some(bytes),
        _ => None,
    });
    sent.collect()
}

#[tokio::test(start_paused = true)]
async fn the_wrong_size_of_address_is_found_within_half_a_minute() {
    let given = microstar("1/1", "22222222");
    let probed = probe(&given, Options::default()).await;
    let working = probed.report.working.unwrap();
    assert_eq!(
        working.server,
        ServerAddress::new(1, None, Some(1)).unwrap()
    );
    assert_eq!((working.client.sap(), working.association), (1, false));
    assert!(probed.took < Duration::from_secs(30), "{:?}", probed.took);
    // No password on the ladder, nor before it: no AARQ ever went out.
    let aarq = |bytes: &Vec<u8>| {
        bytes
            .windows(4)
            .any(|part| part == [0xE6, 0xE6, 0x00, 0x60])
    };
    assert!(!sent(&probed.tap).iter().any(aarq));
    let who = Credential::of(&given).unwrap();
    assert_eq!(probed.attempts.record(who).await.unwrap().total, 0);
    // The last word was DISC to the address that answered.
    let last = sent(&probed.tap).pop().unwrap();
    assert_eq!(last[..6], [0x7E, 0xA0, 0x07, 0x03, 0x03, 0x53]);
    let first = probed.report.findings.first().map(|finding| finding.id);
    assert_eq!(first, Some("H1"), "{:?}", probed.report.findings);
}

#[tokio::test(start_paused = true)]
async fn right_settings_end_in_an_association_and_nothing_is_found() {
    let probed = probe(&microstar("1", "22222222"), Options::default()).await;
    let report = &probed.report;
    assert!(
        report.working.is_some_and(|it| it.association),
        "{report:?}"
    );
    let names: Vec<_> = report
        .steps
        .iter()
        .map(|it| (it.step, it.outcome))
        .collect();
    assert_eq!(
        names,
        [
            ("tcp", Outcome::Ok),
            ("snrm", Outcome::Ok),
            ("aarq", Outcome::Ok),
            ("read", Outcome::Ok),
            ("read", Outcome::Ok),
            ("list", Outcome::Ok),
            ("read", Outcome::Ok),
            ("read", Outcome::Ok),
            ("read", Outcome::Ok),
            ("read", Outcome::Ok),
            ("read", Outcome::Ok),
            ("read", Outcome::Ok),
            ("release", Outcome::Ok),
        ]
    );
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert!(
        !probed
            .meter
            .lock()
            .unwrap()
            .is_associated(std::time::Instant::now())
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_shown_once_and_only_once() {
    let given = microstar("1", "00000000");
    let probed = probe(&given, Options::default()).await;
    let report = &probed.report;
    assert_eq!(report.working, None);
    let aarq = report.steps.iter().find(|it| it.step == "aarq").unwrap();
    assert_eq!(aarq.outcome, Outcome::Refused);
    let who = Credential::of(&given).unwrap();
    let record = probed.attempts.record(who).await.unwrap();
    assert_eq!((record.total, record.refused_so), (1, 1));
    // The public client was asked about locks, without a secret.
    assert!(
        report.steps.iter().any(|it| it.step == "lock"),
        "{:?}",
        report.steps
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_inactivity_time_can_be_cut_short() {
    let given = microstar("1/1", "22222222");
    let skip = Arc::new(Notify::new());
    skip.notify_one();
    let options = Options {
        wait: Some(skip),
        ..Options::default()
    };
    let probed = probe(&given, options).await;
    assert!(probed.took < Duration::from_secs(40), "{:?}", probed.took);
    let options = Options {
        wait: Some(Arc::default()),
        ..Options::default()
    };
    let probed = probe(&given, options).await;
    assert!(probed.took > given.inactivity, "{:?}", probed.took);
    assert!(probed.report.working.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_the_meter_told_of_its_locks_is_kept_at_the_end() {
    let given = microstar("1", "00000000");
    let attempts = Arc::new(InMemory::default());
    let kept = Kept {
        counters: None,
        attempts: attempts.clone(),
        known_good: None,
    };
    let connector = World::default().connector();
    let (say, _heard) = unbounded_channel();
    let mut prober = Prober::new(
        &given,
        &*connector,
        Clock::System,
        Tap::new(1 << 10),
        kept,
        Options::default(),
        say,
    );
    prober.report.facts = vec!["failed tries so far: 1".to_owned()];
    let report = prober.end().await;
    let who = Credential::of(&given).unwrap();
    let told = attempts.record(who).await.unwrap().told.unwrap();
    assert_eq!(told.facts, report.facts);
}
