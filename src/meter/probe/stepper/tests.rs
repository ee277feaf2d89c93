//! The stepper against simulated meters, in virtual time: what was shown is what crosses the line, and nothing else does.

use super::*;
use crate::cosem::AttributeRef;
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::dlms::security::{Form, Keys, Protection, Secret, Security, Suite, SystemTitle};
use crate::dlms::xdlms::ExceptionResponse;
use crate::meter::attempts::{Attempts, Credential, InMemory};
use crate::meter::counters::{self, CounterName};
use crate::meter::definition::{Auth, TransportKind};
use crate::meter::fake::World;
use crate::meter::tap::{Chunk, Note};
use crate::meter::transport::{ConnectFuture, SharedConnector, Stream};
use crate::simulator::clients::client_keys;
use crate::simulator::profile::{Profile, Transport};
use crate::simulator::server::{SharedMeter, shared};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

const TITLE: SystemTitle = SystemTitle(*b"OBS\0\0\0\0\x01");

struct Bench {
    stepper: Stepper,
    connector: SharedConnector,
    tap: Tap,
    attempts: Arc<InMemory>,
    counters: Arc<counters::InMemory>,
    /// What reached the other end, as it was.
    wire: Arc<Mutex<Vec<u8>>>,
}

fn clock() -> Clock {
    Clock::From {
        base: "2026-11-20T12:00:00Z".parse().unwrap(),
        at: Instant::now(),
    }
}

/// A line that keeps what is said to the meter.
struct Spy {
    inner: SharedConnector,
    wire: Arc<Mutex<Vec<u8>>>,
}

impl Connector for Spy {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move {
            let mut theirs = self.inner.connect(meter).await?;
            let (ours, mut line) = tokio::io::duplex(1 << 16);
            let wire = self.wire.clone();
            tokio::spawn(async move {
                let (mut up, mut down) = ([0; 4096], [0; 4096]);
                loop {
                    tokio::select! {
                        read = line.read(&mut up) => match read {
                            Ok(n) if n > 0 => {
                                wire.lock().unwrap().extend_from_slice(&up[..n]);
                                if theirs.write_all(&up[..n]).await.is_err() { return; }
                            }
                            _ => return,
                        },
                        read = theirs.read(&mut down) => match read {
                            Ok(n) if n > 0 => {
                                if line.write_all(&down[..n]).await.is_err() { return; }
                            }
                            _ => return,
                        },
                    }
                }
            });
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }
}

fn bench(meter: &Definition, connector: SharedConnector) -> Bench {
    let (tap, attempts) = (Tap::new(1 << 16), Arc::new(InMemory::default()));
    let counters = Arc::new(counters::InMemory::default());
    let kept = Kept {
        counters: Some(counters.clone()),
        attempts: attempts.clone(),
        known_good: None,
    };
    let wire = Arc::new(Mutex::new(Vec::new()));
    let connector = Arc::new(Spy {
        inner: connector,
        wire: wire.clone(),
    });
    Bench {
        stepper: Stepper::new(meter, clock(), tap.clone(), kept, false),
        connector,
        tap,
        attempts,
        counters,
        wire,
    }
}

fn simulated(meter: &Definition, profile: Profile) -> (Bench, SharedMeter) {
    let (world, simulated) = (World::default(), shared(profile, clock().now()));
    world.meter("meter", &simulated);
    (bench(meter, world.connector()), simulated)
}

fn microstar(password: &str) -> Definition {
    let mut meter = Definition::microstar("m", "meter", 1);
    meter.password = Some(Secret::new(password));
    meter
}

fn generic(client: u8, auth: Auth) -> Definition {
    let mut meter = Definition::new("m", "meter", 1);
    meter.client = ClientAddress::new(client).unwrap();
    meter.server = ServerAddress::new(1, Some(17), None).unwrap();
    meter.max_info = 1024;
    meter.auth = auth;
    meter.password = auth.wants_password().then(|| Secret::new("12345678"));
    if client >= 64 || auth == Auth::HlsGmac {
        meter.security = Some(Security {
            suite: Suite::Zero,
            protection: (client >= 64).then_some(Protection::Both),
            form: Form::Dedicated,
            title: TITLE,
            keys: Keys::parse(&client_keys(Suite::Zero)).unwrap(),
        });
    }
    meter
}

impl Bench {
    async fn go(&mut self) -> Said {
        self.stepper.go(&*self.connector, false).await
    }

    fn wire(&self) -> Vec<u8> {
        self.wire.lock().unwrap().clone()
    }

    /// One step, with all that is promised of it; its name.
    async fn step(&mut self) -> Option<StepName> {
        let before = self.wire();
        let pending = self.stepper.pending().await;
        // However long a person looks at it.
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(self.wire(), before, "nothing goes unasked");
        assert_eq!(self.stepper.pending().await, pending, "and it stays");
        let said = self.go().await;
        tokio::task::yield_now().await;
        let went = self.wire().split_off(before.len());
        let sent: Vec<_> = said.iter().filter(|(sent, _)| *sent).collect();
        match pending {
            Pending::Act { step, .. } => {
                assert!(went.is_empty() && sent.is_empty(), "{step:?} sends nothing");
                Some(step)
            }
            Pending::Bytes { step, shown, .. } => {
                assert_eq!(sent.len(), 1, "{step:?}");
                assert_eq!(sent[0].1, shown, "{step:?}: said as shown");
                assert_eq!(fixed(&went), went, "{step:?}: checksums");
                assert_eq!(fixed(&shown), shown, "{step:?}: checksums of what is shown");
                self.same_but_secret(&shown, &went);
                Some(step)
            }
            Pending::Over(_) => {
                assert!(went.is_empty() && sent.is_empty());
                None
            }
        }
    }

    /// Where they differ, a secret was starred, and the checksum made to fit.
    fn same_but_secret(&self, shown: &[u8], went: &[u8]) {
        let password = self.stepper.meter().password.clone();
        let password = password.map(|it| it.expose().to_vec()).unwrap_or_default();
        assert_eq!(shown.len(), went.len());
        let hides = |octets: &[u8]| octets.windows(password.len()).any(|it| it == password);
        assert!(password.is_empty() || !hides(shown));
        let starred = went.iter().zip(shown);
        let starred: Vec<u8> = starred
            .map(|(went, shown)| if *shown == b'*' { b'*' } else { *went })
            .collect();
        assert_eq!(
            shown,
            if starred == went {
                starred
            } else {
                fixed(&starred)
            }
        );
    }

    async fn run(&mut self) -> Vec<StepName> {
        let mut names = Vec::new();
        while !matches!(self.stepper.pending().await, Pending::Over(_)) {
            names.extend(self.step().await);
            assert!(names.len() < 30, "{names:?}");
        }
        names
    }

    fn marks(&self) -> Vec<(StepName, Mark)> {
        let stages = self.stepper.picture();
        stages.iter().map(|it| (it.step, it.mark)).collect()
    }

    fn mark(&self, step: StepName) -> Mark {
        self.marks().into_iter().find(|it| it.0 == step).unwrap().1
    }

    async fn until(&mut self, wanted: StepName) {
        for _ in 0..20 {
            match self.stepper.pending().await {
                Pending::Act { step, .. } | Pending::Bytes { step, .. } if step == wanted => return,
                Pending::Over(words) => panic!("over before {wanted:?}: {words}"),
                _ => drop(self.go().await),
            }
        }
        panic!("never came to {wanted:?}");
    }
}

use StepName::{Aarq, Close, Connect, Disc, DiscEnd, Drain, Get, HlsPass3, Rlrq, Snrm};

#[tokio::test(start_paused = true)]
async fn a_password_through_all_steps_each_shown_before_it_goes() {
    let meter = microstar("22222222");
    let (mut bench, simulated) = simulated(&meter, Profile::microstar(4));
    let names = bench.run().await;
    assert_eq!(
        names,
        [Connect, Drain, Disc, Snrm, Aarq, Get, Rlrq, DiscEnd, Close]
    );
    let marks = bench.marks();
    assert_eq!(marks.len(), 10);
    for (step, mark) in marks {
        let due = if step == HlsPass3 {
            Mark::NotUsed
        } else {
            Mark::Done
        };
        assert_eq!(mark, due, "{step:?}");
    }
    assert!(
        !simulated
            .lock()
            .unwrap()
            .is_associated(std::time::Instant::now())
    );
    let record = bench
        .attempts
        .record(Credential::of(&meter).unwrap())
        .await
        .unwrap();
    assert_eq!(
        (record.total, record.refused, record.open_so),
        (1, 0, 0),
        "counted once"
    );
    let wire = bench.wire();
    assert!(wire.windows(8).any(|it| it == b"22222222"));
    let records = format!("{:?}", bench.tap.since(0));
    assert!(
        !records.contains("50, 50, 50, 50, 50, 50, 50, 50"),
        "stars in the trace"
    );
    let end = bench.stepper.end().await;
    assert_eq!(
        (end.said.len(), end.findings.len()),
        (0, 0),
        "{:?}",
        end.findings
    );
}

#[tokio::test(start_paused = true)]
async fn no_authentication_and_high_level_and_ciphered() {
    let mut wrapper = generic(16, Auth::None);
    wrapper.transport = TransportKind::WrapperTcp;
    let all = [
        Connect, Drain, Disc, Snrm, Aarq, HlsPass3, Get, Rlrq, DiscEnd, Close,
    ];
    let without = |left: &[StepName]| {
        let mut steps = all.to_vec();
        steps.retain(|it| !left.contains(it));
        steps
    };
    for (meter, profile, steps) in [
        (
            generic(16, Auth::None),
            Profile::generic(3),
            without(&[HlsPass3]),
        ),
        (
            generic(37, Auth::HlsGmac),
            Profile::generic(3),
            all.to_vec(),
        ),
        (
            generic(64, Auth::HlsGmac),
            Profile::generic(3),
            all.to_vec(),
        ),
        (generic(35, Auth::HlsMd5), Profile::generic(3), all.to_vec()),
        (
            generic(68, Auth::Lls),
            Profile::generic(3),
            without(&[HlsPass3]),
        ),
        (
            wrapper,
            Profile::generic(3).over(Transport::WrapperTcp),
            without(&[HlsPass3, Disc, Snrm, DiscEnd]),
        ),
    ] {
        let words = format!("client {} {}", meter.client, meter.auth);
        let (mut bench, simulated) = simulated(&meter, profile);
        assert_eq!(bench.run().await, steps, "{words}");
        for (step, mark) in bench.marks() {
            let due = if steps.contains(&step) {
                Mark::Done
            } else {
                Mark::NotUsed
            };
            assert_eq!(mark, due, "{words} {step:?}");
        }
        assert!(
            !simulated
                .lock()
                .unwrap()
                .is_associated(std::time::Instant::now())
        );
        let who = Credential::of(&meter);
        if let Some(who) = who {
            let record = bench.attempts.record(who).await.unwrap();
            assert_eq!(
                (record.total, record.refused, record.open_so),
                (1, 0, 0),
                "{words}"
            );
        }
        if let Some(security) = &meter.security {
            let key = security.keys.encryption.as_ref().unwrap();
            let next = bench.counters.next(CounterName::new(TITLE, key));
            // AARQ, proof and the ACTION with it, GET, RLRQ; the proof alone where nothing is sealed.
            let used = match (security.protection, meter.auth.is_high_level()) {
                (None, _) => 1,
                (Some(_), true) => 5,
                (Some(_), false) => 3,
            };
            assert_eq!(next, used, "{words}: what was not used was given back");
        }
        assert!(bench.stepper.end().await.findings.is_empty(), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_ciphered_is_explained_in_clear() {
    let meter = generic(64, Auth::HlsGmac);
    let (mut bench, _meter) = simulated(&meter, Profile::generic(3));
    let mut words = Vec::new();
    loop {
        let pending = bench.stepper.pending().await;
        if let Pending::Bytes { shown, .. } = &pending {
            for frame in bench.stepper.explain_pending(shown) {
                words.push(frame.summary);
            }
        }
        if matches!(pending, Pending::Over(_)) {
            break;
        }
        let said = bench.go().await;
        for frame in bench.stepper.explain(&said).concat() {
            words.push(frame.summary);
        }
    }
    let words = words.join("\n");
    assert!(words.contains("0-0:42.0.0"), "{words}");
    assert!(words.contains("verified"), "{words}");
    assert!(!words.contains("NOT VERIFIED"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn objects_are_asked_for_by_name_and_steps_left_out() {
    let (mut bench, simulated) = simulated(&microstar("22222222"), Profile::microstar(4));
    assert!(!bench.stepper.skip().await, "connecting cannot be left out");
    bench.go().await;
    assert!(bench.stepper.skip().await && bench.stepper.skip().await);
    assert_eq!(bench.wire(), b"");
    assert_eq!(
        (bench.mark(Drain), bench.mark(Disc)),
        (Mark::NotUsed, Mark::NotUsed)
    );
    assert_eq!(bench.step().await, Some(Snrm));
    assert!(!bench.stepper.skip().await, "AARQ cannot");
    assert!(!bench.stepper.ask(LOGICAL_DEVICE_NAME).await);
    assert_eq!(bench.step().await, Some(Aarq));
    let voltage = AttributeRef {
        class: 3,
        obis: "1-1:32.7.0".parse().unwrap(),
        attribute: 2,
    };
    assert!(bench.stepper.ask(voltage).await);
    assert_eq!(bench.step().await, Some(Get));
    assert_eq!(bench.mark(Get), Mark::Done);
    // RLRQ is next; another object may still be asked for, as often as one likes.
    for _ in 0..2 {
        assert!(matches!(
            bench.stepper.pending().await,
            Pending::Bytes { step: Rlrq, .. }
        ));
        assert!(bench.stepper.ask(voltage).await);
        assert!(bench.stepper.ask(LOGICAL_DEVICE_NAME).await);
        assert_eq!(bench.step().await, Some(Get));
        assert_eq!(bench.mark(Get), Mark::Done);
    }
    assert!(bench.stepper.skip().await, "RLRQ can");
    assert_eq!(bench.step().await, Some(DiscEnd));
    assert_eq!(bench.step().await, Some(Close));
    assert!(
        !simulated
            .lock()
            .unwrap()
            .is_associated(std::time::Instant::now())
    );
    assert!(bench.stepper.end().await.findings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_end_releases_whatever_stands() {
    let meter = microstar("22222222");
    // By the last frame that went: nothing, the DISC before, SNRM …
    let ends: [(StepName, &[&str]); 8] = [
        (Connect, &[]),
        (Drain, &[]),
        (Disc, &[]),
        (Snrm, &[]),
        (Aarq, &["DISC"]),
        (Get, &["RLRQ", "DISC"]),
        (Rlrq, &["RLRQ", "DISC"]),
        (DiscEnd, &["DISC"]),
    ];
    for (step, due) in ends {
        let (mut bench, simulated) = simulated(&meter, Profile::microstar(4));
        bench.until(step).await;
        let began = Instant::now();
        let end = bench.stepper.end().await;
        assert!(began.elapsed() < Duration::from_secs(1), "{step:?}");
        let sent: Vec<_> = end.said.iter().filter(|it| it.0).collect();
        let kinds: Vec<_> = sent
            .iter()
            .flat_map(|it| explained(&it.1, true, &mut None))
            .map(|it| it.kind)
            .collect();
        assert_eq!(kinds, due, "{step:?}");
        assert!(
            !simulated
                .lock()
                .unwrap()
                .is_associated(std::time::Instant::now())
        );
        let record = bench
            .attempts
            .record(Credential::of(&meter).unwrap())
            .await
            .unwrap();
        let shown = !matches!(step, Connect | Drain | Disc | Snrm | Aarq);
        assert_eq!(
            (record.total, record.open_so),
            (u32::from(shown), 0),
            "{step:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn settings_are_edited_midway() {
    let (mut bench, simulated) = simulated(&microstar("22222222"), Profile::microstar(4));
    bench.until(Get).await;
    let text = "max-info=256 window=2 conformance=+access max-pdu=512";
    let (meter, proposal) = edited(bench.stepper.meter(), bench.stepper.proposal(), text).unwrap();
    bench.stepper.propose(proposal);
    let said = bench.stepper.edit(&meter).await;
    assert!(said.iter().any(|it| it.0), "what stood was released");
    assert!(
        !simulated
            .lock()
            .unwrap()
            .is_associated(std::time::Instant::now())
    );
    let before = bench.wire().len();
    assert_eq!(
        bench.run().await,
        [Disc, Snrm, Aarq, Get, Rlrq, DiscEnd, Close]
    );
    let wire = bench.wire().split_off(before);
    let has = |octets: &[u8]| wire.windows(octets.len()).any(|it| it == octets);
    assert!(
        has(&[0x06, 0x02, 0x01, 0x00]),
        "max info 256 as two octets: {wire:02X?}"
    );
    assert!(
        has(&[0x00, 0x7E, 0x5F]) && has(&[0x02, 0x00]),
        "{wire:02X?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_password_asks_before_it_goes_once_more() {
    let meter = microstar("00000000");
    let (mut bench, _meter) = simulated(&meter, Profile::microstar(4));
    bench.until(Aarq).await;
    bench.go().await;
    assert!(matches!(bench.stepper.pending().await, Pending::Over(_)));
    assert_eq!(bench.mark(Aarq), Mark::Failed);
    bench.go().await;
    bench.until(Aarq).await;
    let Pending::Bytes {
        asks: Some(asks), ..
    } = bench.stepper.pending().await
    else {
        panic!("it asks");
    };
    assert!(asks.contains("refused once"), "{asks}");
    let before = bench.wire();
    assert!(bench.go().await.is_empty());
    assert_eq!(bench.wire(), before, "nothing goes without a yes");
    bench.stepper.go(&*bench.connector, true).await;
    let record = bench
        .attempts
        .record(Credential::of(&meter).unwrap())
        .await
        .unwrap();
    assert_eq!((record.total, record.refused_so), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn frames_by_hand_are_marked_and_lead_on() {
    let meter = microstar("22222222");
    let (mut bench, simulated) = simulated(&meter, Profile::microstar(4));
    assert!(matches!(
        bench.stepper.hand(b"\x7E").await,
        Pending::Over(_)
    ));
    bench.until(Snrm).await;
    let Pending::Bytes { shown: snrm, .. } = bench.stepper.pending().await else {
        panic!();
    };
    // Of another client: nobody there answers, and the same is to go as before.
    let mut other = snrm.clone();
    other[4] = 0x05;
    let other = fixed(&other);
    bench.stepper.by_hand(&other).await;
    assert!(
        matches!(bench.stepper.pending().await, Pending::Bytes { step: Snrm, shown, .. } if shown == snrm)
    );
    // The same by hand: the answer leads on.
    let said = bench.stepper.by_hand(&snrm).await;
    assert_eq!(said[0], (true, snrm));
    let Pending::Bytes {
        step: Aarq,
        shown: aarq,
        ..
    } = bench.stepper.pending().await
    else {
        panic!("{:?}", bench.stepper.pending().await);
    };
    // As it is shown, with stars: the password goes, counted, and stays unseen.
    assert!(aarq.windows(8).any(|it| it == b"********"));
    let Pending::Bytes {
        asks: Some(_),
        shown,
        ..
    } = bench.stepper.hand(&aarq).await
    else {
        panic!("a secret is told of");
    };
    assert_eq!(shown, aarq);
    let said = bench.stepper.by_hand(&aarq).await;
    assert_eq!(said[0], (true, aarq));
    assert!(bench.wire().windows(8).any(|it| it == b"22222222"));
    assert!(matches!(
        bench.stepper.pending().await,
        Pending::Bytes { step: Get, .. }
    ));
    assert_eq!(bench.mark(Aarq), Mark::Done);
    let record = bench
        .attempts
        .record(Credential::of(&meter).unwrap())
        .await
        .unwrap();
    assert_eq!((record.total, record.refused), (1, 0));
    let marked =
        |note: &Chunk| matches!(note, Chunk::Note(Note::Text(text)) if text.contains("by hand"));
    let records = bench.tap.since(0).0;
    assert_eq!(records.iter().filter(|it| marked(&it.what)).count(), 3);
    assert!(!format!("{records:?}").contains("50, 50, 50, 50, 50, 50, 50, 50"));
    let said = bench.stepper.end().await.said;
    assert_eq!(said.iter().filter(|it| it.0).count(), 2, "RLRQ and DISC");
    assert!(
        !simulated
            .lock()
            .unwrap()
            .is_associated(std::time::Instant::now())
    );
}

#[tokio::test(start_paused = true)]
async fn a_password_nobody_gave_us_is_starred_and_counted_when_it_goes_by_hand() {
    let meter = microstar("22222222");
    let (mut bench, _meter) = simulated(&meter, Profile::microstar(4));
    bench.until(Aarq).await;
    let Pending::Bytes { shown, .. } = bench.stepper.pending().await else {
        panic!();
    };
    let at = shown.windows(8).position(|it| it == b"********").unwrap();
    let mut wrong = shown.clone();
    wrong[at..at + 8].copy_from_slice(b"12345678");
    let wrong = fixed(&wrong);
    let said = bench.stepper.by_hand(&wrong).await;
    assert_eq!(said[0].1, shown, "starred");
    assert!(bench.wire().windows(8).any(|it| it == b"12345678"));
    let mut other = meter.clone();
    other.password = Some(Secret::new("12345678"));
    let record = bench
        .attempts
        .record(Credential::of(&other).unwrap())
        .await
        .unwrap();
    assert_eq!((record.total, record.refused_so), (1, 1));
    assert!(!format!("{:?}", bench.tap.since(0)).contains("49, 50, 51, 52, 53, 54, 55, 56"));
}

/// A meter that does with each frame what it is told.
async fn scripted(mut line: DuplexStream, answers: Vec<Option<Vec<u8>>>) {
    let mut chunk = [0; 4096];
    for answer in answers {
        match line.read(&mut chunk).await {
            Ok(n) if n > 0 => {}
            _ => return,
        }
        match answer {
            Some(bytes) => line.write_all(&bytes).await.unwrap(),
            None => return,
        }
    }
    while line.read(&mut chunk).await.is_ok_and(|n| n > 0) {}
}

struct Script(Mutex<Vec<Vec<Option<Vec<u8>>>>>);

impl Connector for Script {
    fn connect<'a>(&'a self, _meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(4096);
            let answers = self.0.lock().unwrap().pop().unwrap_or_default();
            tokio::spawn(scripted(theirs, answers));
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }
}

/// From server 1 to client 16.
fn answer(control: u8, information: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x7E, 0xA0, 0, 0x21, 0x03, control];
    if !information.is_empty() {
        frame.extend_from_slice(&[0, 0]);
        frame.extend_from_slice(information);
    }
    frame.extend_from_slice(&[0, 0]);
    frame[2] = u8::try_from(frame.len() - 1).unwrap();
    frame.push(0x7E);
    fixed(&frame)
}

#[tokio::test(start_paused = true)]
async fn dm_frmr_silence_and_hanging_up() {
    let (ua, dm) = (answer(0x73, &[]), answer(0x1F, &[]));
    let frmr = answer(0x97, &[0x10, 0x00, 0x01]);
    for (answers, failed, words) in [
        (vec![Some(ua.clone()), Some(dm.clone())], Snrm, "DM"),
        (vec![Some(ua.clone()), Some(frmr.clone())], Snrm, "FRMR"),
        (
            vec![Some(ua.clone()), Some(ua.clone()), Some(frmr)],
            Aarq,
            "FRMR",
        ),
        (vec![Some(ua.clone()), Some(ua.clone()), Some(dm)], Aarq, ""),
        (vec![Some(ua.clone()), Some(Vec::new())], Snrm, "no answer"),
        (vec![None], Disc, "closed"),
        (vec![Some(ua.clone()), None], Snrm, "closed"),
        (vec![Some(ua.clone()), Some(ua), None], Aarq, "closed"),
    ] {
        let meter = Definition::new("m", "meter", 1);
        let script = Arc::new(Script(Mutex::new(vec![answers])));
        let mut bench = bench(&meter, script);
        bench.run().await;
        let Pending::Over(over) = bench.stepper.pending().await else {
            panic!("run ends where it is over");
        };
        assert!(over.contains(words), "{failed:?}: {over}");
        assert_eq!(bench.mark(failed), Mark::Failed, "{over}");
        let end = bench.stepper.end().await;
        // A DISC at most.
        assert!(
            end.said.iter().filter(|it| it.0).count() <= 1,
            "{:?}",
            end.said
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_forged_counter_is_not_followed_unless_a_person_takes_it_for_true() {
    let meter = generic(64, Auth::HlsGmac);
    let (mut bench, _meter) = simulated(&meter, Profile::generic(3));
    bench.until(Get).await;
    let forged = ExceptionResponse {
        state: 1,
        service: 6,
        counter: Some(0xFFFF_FF00),
    };
    let Stepper {
        secrets,
        association,
        ..
    } = &mut bench.stepper;
    assert!(
        secrets
            .counter_refused(&forged, association)
            .unwrap()
            .is_err()
    );
    secrets.accepted = forged.counter;
    let taken = secrets.counter_refused(&forged, association).unwrap();
    assert_eq!(taken.ok(), forged.counter);
}

#[tokio::test(start_paused = true)]
async fn a_yes_is_to_what_stands_there_alone() {
    let meter = microstar("00000000");
    let (mut bench, _meter) = simulated(&meter, Profile::microstar(4));
    bench.stepper.go(&*bench.connector, true).await;
    assert!(!bench.stepper.secrets.confirmed, "connecting shows nothing");
    bench.until(Aarq).await;
    bench.stepper.go(&*bench.connector, true).await;
    assert!(!bench.stepper.secrets.confirmed);
    bench.stepper.secrets.confirmed = true;
    bench.stepper.edit(&meter).await;
    assert!(
        !bench.stepper.secrets.confirmed,
        "it was for other settings"
    );
}

#[tokio::test(start_paused = true)]
async fn stars_by_hand_are_the_challenge_and_the_proof_that_were_to_go() {
    let meter = generic(35, Auth::HlsMd5);
    let (mut bench, _meter) = simulated(&meter, Profile::generic(3));
    for (step, secret) in [(Aarq, false), (HlsPass3, true)] {
        bench.until(step).await;
        let Pending::Bytes { shown, .. } = bench.stepper.pending().await else {
            panic!();
        };
        let out = bench.stepper.out.clone();
        assert!(shown != out && shown.contains(&b'*'), "{step:?}");
        let Pending::Bytes {
            shown: same, asks, ..
        } = bench.stepper.hand(&shown).await
        else {
            panic!();
        };
        assert_eq!((same, asks.is_some()), (shown.clone(), secret), "{step:?}");
        bench.stepper.by_hand(&shown).await;
        assert!(bench.wire().ends_with(&out), "{step:?}");
    }
    assert_eq!(bench.mark(HlsPass3), Mark::Done);
    let record = bench.attempts.record(Credential::of(&meter).unwrap());
    let record = record.await.unwrap();
    assert_eq!((record.total, record.refused, record.open_so), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_password_by_hand_is_told_of_whatever_the_settings_say() {
    let (mut other, _other) = simulated(&microstar("22222222"), Profile::microstar(4));
    other.until(Aarq).await;
    let aarq = other.stepper.out.clone();
    let (mut bench, _meter) = simulated(&generic(35, Auth::HlsMd5), Profile::generic(3));
    bench.until(Aarq).await;
    let Pending::Bytes {
        shown,
        asks: Some(_),
        ..
    } = bench.stepper.hand(&aarq).await
    else {
        panic!("a secret is told of");
    };
    assert!(!shown.windows(8).any(|it| it == b"22222222"));
}

#[tokio::test(start_paused = true)]
async fn a_short_password_is_looked_for_in_its_place_alone() {
    let (mut bench, _meter) = simulated(&microstar("0"), Profile::microstar(4));
    bench.until(Aarq).await;
    let aarq = bench.stepper.out.clone();
    assert!(bench.stepper.shown_by(&aarq).is_some());
    assert!(bench.stepper.shown_by(b"\xC0\x01\xC1\x00\x030").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_hand_is_noted_and_silence_stays_open() {
    let meter = microstar("00000000");
    let (mut bench, _meter) = simulated(&meter, Profile::microstar(4));
    bench.until(Snrm).await;
    let snrm = bench.stepper.out.clone();
    bench.until(Aarq).await;
    let aarq = bench.stepper.out.clone();
    bench.go().await;
    assert!(matches!(bench.stepper.pending().await, Pending::Over(_)));
    // Nothing is under way any more that could follow the answer.
    bench.stepper.by_hand(&snrm).await;
    bench.stepper.by_hand(&aarq).await;
    let who = Credential::of(&meter).unwrap();
    let record = bench.attempts.record(who.clone()).await.unwrap();
    assert_eq!((record.total, record.refused_so, record.open_so), (2, 2, 0));
    let mut elsewhere = aarq;
    elsewhere[4] = 0x05;
    bench.stepper.by_hand(&fixed(&elsewhere)).await;
    let record = bench.attempts.record(who).await.unwrap();
    assert_eq!((record.total, record.refused_so, record.open_so), (3, 2, 1));
}
