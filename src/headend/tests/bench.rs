//! The bench, in virtual time: a meter in a person's hands is not polled, and comes back however that ends.

use super::*;
use crate::dlms::hdlc::ServerAddress;
use crate::headend::{At, BenchView, ProbeAsk, ProbeView, StepAsk, StepView};
use crate::meter::MeterId;
use crate::meter::attempts::{Attempts, Counted, Credential, Outcome};
use crate::meter::probe::{Mark, Pending, StepName};
use crate::meter::tap::{Chunk, Direction};

/// Asked at 1/1 in two octets, where the meter knows 1 in one.
fn elsewhere(name: &str) -> Definition {
    let mut meter = microstar(name, "22222222");
    meter.server = ServerAddress::new(1, Some(1), Some(2)).unwrap();
    meter.enabled = false;
    meter
}

impl Site {
    fn id(&self, name: &str) -> MeterId {
        self.view(name).definition.id
    }

    fn bench(&self, name: &str) -> Arc<BenchView> {
        self.view(name).bench.clone().unwrap()
    }

    fn probed(&self, name: &str) -> ProbeView {
        self.bench(name).as_probe().unwrap().clone()
    }

    fn stepped(&self, name: &str) -> StepView {
        self.bench(name).as_step().unwrap().clone()
    }

    async fn probe(&self, name: &str, options: ProbeAsk) -> Result<(), String> {
        let meter = self.id(name);
        self.headend
            .command(Command::Probe { meter, options })
            .await
    }

    async fn step(&self, name: &str, ask: StepAsk) -> Result<(), String> {
        let meter = self.id(name);
        self.headend.command(Command::Step { meter, ask }).await
    }

    /// One step, and until it is done.
    async fn steps(&self, name: &str, ask: StepAsk) {
        self.step(name, ask).await.unwrap();
        self.rests(name).await;
    }

    async fn rests(&self, name: &str) {
        self.until(name, |v| {
            let bench = v.bench.as_ref();
            bench.is_some_and(|b| b.is_over() || b.as_step().is_some_and(|s| !s.busy))
        })
        .await;
    }

    async fn over(&self, name: &str) {
        self.until(name, |v| v.bench.as_ref().is_some_and(|b| b.is_over()))
            .await;
    }

    /// Control octets that went out, in order.
    fn sent(&self, name: &str) -> Vec<u8> {
        let (records, _) = self.headend.trace(self.id(name)).unwrap().since(0);
        let sent = records.into_iter().filter_map(|record| match record.what {
            Chunk::Bytes {
                direction: Direction::Sent,
                bytes,
            } => bytes.get(5).copied(),
            _ => None,
        });
        sent.collect()
    }
}

const SNRM: u8 = 0x93;
const DISC: u8 = 0x53;

fn next() -> StepAsk {
    StepAsk::Next { yes: false }
}

#[tokio::test(start_paused = true)]
async fn a_probe_while_it_is_polled() {
    let site = site(vec![microstar("a", "22222222")], |_| {}).await;
    let (meter, _) = site.add("a");
    site.until("a", |v| v.status.counters.polls >= 2).await;
    let polls = site.view("a").status.counters.polls;
    site.probe("a", ProbeAsk::default()).await.unwrap();
    // The answer comes at once; the meter is still being let go of.
    assert_eq!(site.bench("a").at, At::Borrowing);
    let two = site.probe("a", ProbeAsk::default()).await;
    assert!(two.unwrap_err().contains("on the bench"));
    let two = site.step("a", StepAsk::Begin).await;
    assert!(two.unwrap_err().contains("on the bench"));
    for command in [Command::Stop, Command::PollNow, Command::Reconnect] {
        let refused = site.headend.command(command(site.id("a"))).await;
        assert!(refused.unwrap_err().contains("on the bench"));
    }
    site.until("a", |v| v.status.phase == Phase::Lent).await;
    assert!(!associated(&meter), "released before it is lent");
    site.over("a").await;
    let probe = site.probed("a");
    let report = probe.report.unwrap();
    assert!(report.working.unwrap().association && !probe.stopped);
    assert_eq!(probe.steps, report.steps);
    assert!(probe.trying.is_none() && probe.waiting.is_none());
    assert_eq!(site.view("a").status.counters.polls, polls, "it was lent");
    site.until("a", |v| v.status.counters.polls > polls + 2)
        .await;
    // Each SNRM but the poller's last was followed by DISC: owner, bench, owner.
    let links: Vec<u8> = site.sent("a");
    let links: Vec<u8> = links
        .into_iter()
        .filter(|c| [SNRM, DISC].contains(c))
        .collect();
    assert_eq!(links, [SNRM, DISC, SNRM, DISC, SNRM]);
    site.headend
        .command(Command::StopBench(site.id("a")))
        .await
        .unwrap();
    assert!(site.view("a").bench.is_none(), "the report is closed");
}

#[tokio::test(start_paused = true)]
async fn the_address_that_worked_is_kept() {
    let site = site(vec![elsewhere("a")], |_| {}).await;
    let (_meter, _) = site.add("a");
    let id = site.id("a");
    assert!(
        site.headend
            .command(Command::KeepWorking(id))
            .await
            .is_err()
    );
    site.probe("a", ProbeAsk::default()).await.unwrap();
    site.over("a").await;
    assert_eq!(site.view("a").status.phase, Phase::Stopped, "as it was");
    let bench = site.bench("a");
    assert_eq!(bench.findings.first().map(|f| f.id), Some("H1"));
    let working = site.probed("a").report.unwrap().working.unwrap();
    assert_eq!(working.server.size(), 1);
    site.headend
        .command(Command::KeepWorking(id))
        .await
        .unwrap();
    assert!(site.probed("a").kept);
    let saved = site.store.meter_named("a").await.unwrap();
    assert_eq!(saved.server, working.server);
    assert_eq!(site.view("a").definition.server, working.server);
    assert!(
        site.store
            .meter_notes(id)
            .await
            .unwrap()
            .last_good
            .is_some()
    );
    site.headend.command(Command::Start(id)).await.unwrap();
    site.until("a", |v| v.status.phase == Phase::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn what_worked_of_one_device_is_not_kept_with_another() {
    let site = site(vec![elsewhere("a")], |_| {}).await;
    let (_meter, _) = site.add("a");
    let id = site.id("a");
    site.probe("a", ProbeAsk::default()).await.unwrap();
    site.over("a").await;
    let mut moved = (*site.view("a").definition).clone();
    moved.port += 1;
    let server = moved.server;
    site.headend
        .command(Command::Save(Box::new(moved)))
        .await
        .unwrap();
    let refused = site.headend.command(Command::KeepWorking(id)).await;
    assert!(refused.unwrap_err().contains("nothing was kept"));
    assert!(!site.probed("a").kept);
    assert_eq!(site.store.meter_named("a").await.unwrap().server, server);
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_skipped_or_stopped() {
    let site = site(vec![elsewhere("a")], |_| {}).await;
    let (_meter, _) = site.add("a");
    let id = site.id("a");
    let wait = ProbeAsk {
        wait: true,
        ..ProbeAsk::default()
    };
    assert!(site.headend.command(Command::SkipWait(id)).await.is_err());
    let waits = |v: &MeterView| {
        let probe = v.bench.as_ref().and_then(|b| b.as_probe());
        probe.is_some_and(|p| p.waiting.is_some())
    };
    site.probe("a", wait).await.unwrap();
    site.until("a", waits).await;
    let until = site.probed("a").waiting.unwrap();
    assert!(until.duration_since(Instant::now()) > 170 * SECOND);
    tokio::time::sleep(20 * SECOND).await;
    assert_eq!(site.probed("a").waiting, Some(until), "the same countdown");
    site.headend.command(Command::SkipWait(id)).await.unwrap();
    let skipped = Instant::now();
    site.over("a").await;
    assert!(site.probed("a").report.unwrap().working.is_some());
    assert!(skipped.elapsed() < 60 * SECOND);

    site.probe("a", wait).await.unwrap();
    site.until("a", waits).await;
    let stopped = Instant::now();
    site.headend.command(Command::StopBench(id)).await.unwrap();
    site.over("a").await;
    assert!(stopped.elapsed() < 4 * SECOND);
    let probe = site.probed("a");
    assert!(probe.stopped && probe.report.is_some());
}

#[tokio::test(start_paused = true)]
async fn leaving_ends_the_bench_and_releases() {
    for steps in [false, true] {
        let site = site(vec![microstar("a", "22222222")], |_| {}).await;
        let meter = simulated(Profile::microstar(1).delayed(Duration::from_millis(200)));
        site.world.meter("a", &meter);
        site.until("a", |v| v.status.phase == Phase::Ready).await;
        if steps {
            site.step("a", StepAsk::Begin).await.unwrap();
            site.rests("a").await;
            site.steps("a", StepAsk::Run { yes: false }).await;
        } else {
            site.probe("a", ProbeAsk::default()).await.unwrap();
            for _ in 0..10_000 {
                if associated(&meter) && site.view("a").status.phase == Phase::Lent {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert!(associated(&meter), "{steps}");
        let asked = Instant::now();
        site.headend.shutdown().await;
        assert!(asked.elapsed() < 5 * SECOND);
        assert!(!associated(&meter), "{steps}");
        let last = site.sent("a").into_iter().next_back();
        assert_eq!(last, Some(DISC), "{steps}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_in_steps() {
    let site = site(vec![microstar("a", "22222222")], |_| {}).await;
    let (meter, _) = site.add("a");
    site.until("a", |v| v.status.phase == Phase::Ready).await;
    assert!(site.step("a", next()).await.is_err(), "nothing was begun");
    site.step("a", StepAsk::Begin).await.unwrap();
    site.rests("a").await;
    assert!(!associated(&meter));
    let step = site.stepped("a");
    let connect = matches!(
        step.pending,
        Some(Pending::Act {
            step: StepName::Connect,
            ..
        })
    );
    assert!(connect, "{:?}", step.pending);
    let marked = |site: &Site| {
        let picture = site.stepped("a").picture;
        let next = picture.iter().find(|stage| stage.mark == Mark::Next);
        next.map(|stage| stage.step)
    };
    let mut seen = Vec::new();
    for _ in 0..12 {
        if associated(&meter) {
            break;
        }
        let before = site.sent("a").len();
        let pending = site.stepped("a").pending;
        if let Some(Pending::Bytes { step, shown, .. }) = &pending {
            seen.push(*step);
            assert_eq!(marked(&site), Some(*step));
            assert!(!site.stepped("a").explained.is_empty());
            let text = String::from_utf8_lossy(shown).into_owned();
            assert!(!text.contains("22222222"), "the password is stars");
        }
        site.steps("a", next()).await;
        if let Some(Pending::Bytes { shown, .. }) = &pending {
            assert_eq!(site.sent("a").len(), before + 1, "one frame a step");
            let step = site.stepped("a");
            assert_eq!(step.said[0].bytes, *shown, "what was shown went out");
            assert!(step.said.len() > 1 && !step.said[1].sent);
            assert!(!step.said[1].frames.is_empty());
        }
    }
    assert!(associated(&meter));
    assert!(seen.contains(&StepName::Snrm) && seen.contains(&StepName::Aarq));
    site.step("a", StepAsk::Release).await.unwrap();
    site.over("a").await;
    assert!(!associated(&meter));
    assert!(site.step("a", next()).await.is_err(), "it is over");
    site.until("a", |v| v.status.phase == Phase::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_secret_goes_only_after_a_yes() {
    let mut meter = microstar("a", "22222222");
    meter.enabled = false;
    let site = site(vec![meter], |_| {}).await;
    let (simulated, _) = site.add("a");
    let who = Credential::of(&site.view("a").definition).unwrap();
    let counted = site.store.count(who.clone(), false, site.clock.now()).await;
    assert_eq!(counted, Ok(Counted::Yes));
    site.store.note(who, Outcome::Refused).await;
    site.step("a", StepAsk::Begin).await.unwrap();
    site.rests("a").await;
    site.steps("a", StepAsk::Run { yes: false }).await;
    let Some(Pending::Bytes {
        step: StepName::Aarq,
        asks: Some(asks),
        ..
    }) = site.stepped("a").pending
    else {
        panic!("{:?}", site.stepped("a").pending);
    };
    assert!(asks.contains("refused once") && !associated(&simulated));
    site.steps("a", StepAsk::Run { yes: true }).await;
    assert!(associated(&simulated));
    site.steps("a", StepAsk::Run { yes: false }).await;
    site.step("a", StepAsk::Release).await.unwrap();
    site.over("a").await;
    assert!(!associated(&simulated));
}

#[tokio::test(start_paused = true)]
async fn another_secret_that_is_accepted_says_nothing_of_the_refused_one() {
    let site = site(vec![microstar("a", "00000000")], |_| {}).await;
    let (simulated, _) = site.add("a");
    site.until("a", |v| v.status.phase == Phase::NeedsPerson)
        .await;
    site.step("a", StepAsk::Begin).await.unwrap();
    site.rests("a").await;
    let edit = StepAsk::Edit {
        meter: Box::new(microstar("a", "22222222")),
        proposal: site.stepped("a").proposal,
    };
    site.steps("a", edit).await;
    site.steps("a", StepAsk::Run { yes: false }).await;
    assert!(associated(&simulated));
    site.step("a", StepAsk::Release).await.unwrap();
    site.over("a").await;
    site.until("a", |v| v.status.phase != Phase::Lent).await;
    assert_eq!(site.view("a").status.phase, Phase::NeedsPerson);
    let who = Credential::of(&site.view("a").definition).unwrap();
    assert_eq!(site.store.record(who).await.unwrap().refused_so, 1);
}

#[tokio::test(start_paused = true)]
async fn settings_hold_for_the_bench_alone_and_a_frame_may_be_written_by_hand() {
    let site = site(vec![elsewhere("a")], |_| {}).await;
    let (simulated, _) = site.add("a");
    site.step("a", StepAsk::Begin).await.unwrap();
    site.rests("a").await;
    let mut meter = (*site.stepped("a").definition).clone();
    meter.server = ServerAddress::new(1, None, Some(1)).unwrap();
    let edit = StepAsk::Edit {
        meter: Box::new(meter),
        proposal: crate::meter::probe::Proposal::default(),
    };
    site.steps("a", edit).await;
    assert_eq!(site.stepped("a").definition.server.size(), 1);
    assert_eq!(site.view("a").definition.server.size(), 2);
    // Until the stream stands.
    for _ in 0..3 {
        site.steps("a", next()).await;
        if matches!(site.stepped("a").pending, Some(Pending::Bytes { .. })) {
            break;
        }
    }
    let disc = vec![0x7E, 0xA0, 0x07, 0x03, 0x03, 0x53, 0x80, 0xD7, 0x7E];
    site.steps("a", StepAsk::ByHand(disc.clone())).await;
    let (records, _) = site.headend.trace(site.id("a")).unwrap().since(0);
    let marked = records.windows(2).any(|pair| {
        let by_hand =
            matches!(&pair[0].what, Chunk::Note(note) if format!("{note:?}").contains("by hand"));
        by_hand && matches!(&pair[1].what, Chunk::Bytes { bytes, .. } if *bytes == disc)
    });
    assert!(marked, "{records:?}");
    site.step("a", StepAsk::Release).await.unwrap();
    site.over("a").await;
    assert!(!associated(&simulated));
}

#[tokio::test(start_paused = true)]
async fn a_secret_by_hand_goes_only_after_it_was_told_of() {
    let mut meter = microstar("a", "22222222");
    meter.enabled = false;
    let site = site(vec![meter], |_| {}).await;
    let (simulated, _) = site.add("a");
    site.step("a", StepAsk::Begin).await.unwrap();
    site.rests("a").await;
    let aarq = loop {
        match site.stepped("a").pending {
            Some(Pending::Bytes {
                step: StepName::Aarq,
                shown,
                ..
            }) => break shown,
            Some(Pending::Over(words)) => panic!("{words}"),
            _ => site.steps("a", next()).await,
        }
    };
    site.steps("a", StepAsk::ByHand(aarq.clone())).await;
    assert!(site.bench("a").trouble.is_some() && !associated(&simulated));
    site.steps("a", StepAsk::Hand(aarq.clone())).await;
    let told = site.stepped("a").hand.unwrap();
    assert!(matches!(&told.pending, Pending::Bytes { asks: Some(_), shown, .. } if *shown == aarq));
    site.steps("a", StepAsk::ByHand(aarq)).await;
    assert!(associated(&simulated));
    site.step("a", StepAsk::Release).await.unwrap();
    site.over("a").await;
    assert!(!associated(&simulated));
}
