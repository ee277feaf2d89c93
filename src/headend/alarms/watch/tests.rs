//! One meter and time that passes: what is raised, and what says that it is over.

use super::*;
use crate::diagnosis::Evidence;
use crate::meter::health::{Band, Health, Share};
use crate::meter::recovery::{Recovery, Resting};
use crate::meter::status::LastError;
use std::sync::Arc;

/// One meter, and time that passes.
struct Bench {
    meter: Definition,
    watch: Watch,
    board: Board,
    start: Instant,
    seconds: u64,
    status: MeterStatus,
}

impl Bench {
    fn new() -> Self {
        let start = Instant::now();
        let mut meter = Definition::microstar("m", "h", 1);
        meter.id = crate::meter::MeterId(1);
        let mut status = MeterStatus::new(start, 9);
        status.phase = Phase::Ready;
        status.counters.polls = 100;
        let mut bench = Self {
            meter,
            watch: Watch::default(),
            board: Board::default(),
            start,
            seconds: 0,
            status,
        };
        bench.look();
        bench
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + Duration::from_secs(self.seconds)
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_secs(self.seconds)
    }

    /// The status is seen; what stands.
    fn look(&mut self) -> Vec<String> {
        let (at, now) = (self.at(), self.now());
        self.watch
            .status(&mut self.board, at, now, &self.meter, &self.status);
        self.stands()
    }

    fn healthy(&mut self, health: &Health) -> Vec<String> {
        let (at, now) = (self.at(), self.now());
        self.watch
            .health(&mut self.board, at, now, &self.meter, health);
        self.stands()
    }

    /// Each second until then whoever is due is looked at.
    fn pass(&mut self, seconds: u64) -> Vec<String> {
        for _ in 0..seconds {
            self.seconds += 1;
            let (at, now) = (self.at(), self.now());
            let _ = self.watch.next(now, &self.meter);
            if self.watch.due.is_some_and(|due| due <= now) {
                self.watch
                    .time_is_up(&mut self.board, at, now, &self.meter, &self.status);
            }
        }
        self.stands()
    }

    fn value(&mut self) -> Vec<String> {
        let at = self.at();
        let object = &self.meter.objects[0];
        let reading = crate::meter::Reading {
            spec: object.spec,
            key: object.key.clone(),
            attribute: crate::cosem::AttributeRef {
                class: 3,
                obis: crate::cosem::Obis::new(1, 1, 32, 7, 0, 255),
                attribute: 2,
            },
            scaler_unit: None,
            at,
            value: Ok(crate::cosem::Data::Unsigned(1)),
        };
        let poll = Poll {
            meter: self.meter.id,
            at,
            readings: vec![reading],
        };
        let now = self.now();
        self.watch
            .poll(&mut self.board, at, now, &self.meter, &poll);
        self.stands()
    }

    fn stands(&self) -> Vec<String> {
        let all = self.board.all();
        let mut causes: Vec<_> = (all.iter().filter(|it| it.stands()))
            .map(|it| format!("{}{}", it.cause, it.key))
            .collect();
        causes.sort();
        causes
    }

    fn text(&self) -> String {
        self.board.all().last().unwrap().text.clone()
    }
}

const NOTHING: [&str; 0] = [];

fn error(what: &str) -> LastError {
    LastError {
        at: Timestamp::UNIX_EPOCH,
        what: what.to_owned(),
        try_next: String::new(),
    }
}

fn finding(id: &'static str, confidence: Confidence) -> Finding {
    Finding {
        id,
        title: "The meter's clock is off".to_owned(),
        confidence,
        evidence: vec![Evidence::words("9 min\u{7} behind")],
        remedy: Vec::new(),
        count: 1,
    }
}

#[test]
fn one_that_does_well_has_none_and_costs_nothing() {
    let mut it = Bench::new();
    for _ in 0..100 {
        it.pass(5);
        it.value();
        it.look();
    }
    assert_eq!(it.stands(), NOTHING);
    assert_eq!(it.board.all().len(), 0);
    assert_eq!(it.watch.values.capacity(), 0);
    assert!(size_of::<Watch>() <= 192, "{}", size_of::<Watch>());
}

#[test]
fn silence_is_told_after_its_intervals_and_a_minute_at_least() {
    for (poll, overdue, seconds) in [(5, 5, 60), (30, 5, 150), (1, 5, 60), (5, 100, 500)] {
        let mut it = Bench::new();
        (it.meter.poll, it.meter.overdue) = (Duration::from_secs(poll), overdue);
        it.value();
        it.status.phase = Phase::Connecting;
        it.status.last_error = Some(error("nothing listens there"));
        assert_eq!(it.pass(seconds - 1), NOTHING, "{poll} {overdue}");
        assert_eq!(it.pass(2), ["silent"], "{poll} {overdue}");
        assert!(
            it.text().ends_with("nothing listens there"),
            "{}",
            it.text()
        );
        // One that goes on is the same, and says for how long.
        it.pass(600);
        assert_eq!(it.board.all()[0].count, 1);
        assert!(it.text().contains("no reading for 1"), "{}", it.text());
        assert_eq!(it.value(), NOTHING);
    }
    let mut it = Bench::new();
    it.meter.overdue = 0;
    assert_eq!(it.pass(10_000), NOTHING);
    // Objects that are read seldom are not missed sooner.
    let mut it = Bench::new();
    for object in &mut it.meter.objects {
        object.every = Some(Duration::from_mins(15));
    }
    assert_eq!(it.pass(4_499), NOTHING);
    assert_eq!(it.pass(2), ["silent"]);
}

#[test]
fn nothing_is_missed_of_one_that_is_stopped_lent_or_waits_for_a_person() {
    let mut it = Bench::new();
    it.status.phase = Phase::Lent;
    it.look();
    assert_eq!(it.pass(3_600), NOTHING);
    it.status.phase = Phase::Ready;
    it.look();
    assert_eq!(it.pass(59), NOTHING);
    assert_eq!(it.pass(2), ["silent"]);
    it.status.phase = Phase::Stopped;
    assert_eq!(it.look(), NOTHING);
    assert_eq!(it.pass(3_600), NOTHING);
    it.status.phase = Phase::NeedsPerson;
    it.status.last_error = Some(error("the password was refused"));
    it.status.asks = vec!["two tries are left".to_owned()];
    assert_eq!(it.look(), ["needs-person"]);
    assert_eq!(
        it.text(),
        "it waits for a person to say go on: the password was refused: two tries are left"
    );
    assert_eq!(it.pass(3_600), ["needs-person"]);
    it.status.phase = Phase::Connecting;
    assert_eq!(it.look(), ["needs-person"]);
    it.status.phase = Phase::Ready;
    assert_eq!(it.look(), NOTHING);
    // Refused again soon after somebody said go on, it is the same.
    it.status.phase = Phase::NeedsPerson;
    assert_eq!(it.look(), ["needs-person"]);
    it.status.phase = Phase::Waiting {
        until: it.now(),
        failures: 1,
    };
    assert_eq!(it.look(), NOTHING);
    it.status.phase = Phase::NeedsPerson;
    assert_eq!(it.look(), ["needs-person"]);
    let counts: Vec<_> = (it.board.all().iter())
        .filter(|it| it.cause == PERSON)
        .map(|it| it.count)
        .collect();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn the_breaker_until_the_link_stands_again() {
    let mut it = Bench::new();
    for (breaker, phase, ought) in [
        (Breaker::Open { until: it.now() }, Phase::Connecting, true),
        (Breaker::HalfOpen, Phase::Connecting, true),
        (Breaker::Open { until: it.now() }, Phase::Connecting, true),
        (Breaker::Closed, Phase::Connecting, true),
        (Breaker::Closed, Phase::Ready, false),
    ] {
        it.status.recovery.breaker = breaker;
        it.status.phase = phase;
        let ought: &[&str] = if ought { &["breaker"] } else { &[] };
        assert_eq!(it.look(), ought, "{breaker:?}");
    }
    assert_eq!(it.board.all()[0].count, 1);
}

#[test]
fn a_watchdog_is_counted_and_over_after_a_quiet_while() {
    let mut it = Bench::new();
    it.meter.overdue = 0;
    for bites in 1..=3 {
        it.status.recovery.count_fired(Cause::Silence);
        assert_eq!(it.look(), ["watchdog"]);
        assert_eq!(it.board.all()[0].count, bites);
        assert_eq!(it.pass(500), ["watchdog"]);
    }
    assert!(it.text().contains("silence 3"), "{}", it.text());
    assert_eq!(it.pass(101), NOTHING);
    // Not while it is away.
    it.status.recovery.count_fired(Cause::LinkErrors);
    it.status.phase = Phase::Connecting;
    it.look();
    assert_eq!(it.pass(5_000), ["watchdog"]);
    it.status.phase = Phase::Ready;
    assert_eq!(it.pass(601), NOTHING);
}

#[test]
fn an_object_at_rest_until_it_brings_a_value() {
    let mut it = Bench::new();
    let object = it.meter.objects[0].clone();
    let resting = Resting {
        spec: object.spec,
        key: object.key.clone(),
        since: it.now(),
        why: "object-undefined".to_owned(),
        next: it.now(),
        times: 1,
    };
    it.status.recovery.resting = Arc::new([resting.clone()]);
    assert_eq!(it.look(), ["restingvoltage_l1"]);
    it.status.recovery = Recovery::default();
    assert_eq!(it.look(), ["restingvoltage_l1"]);
    assert_eq!(it.value(), NOTHING);
    // Or until it is not read any more, which the poller may hear of later.
    it.status.recovery.resting = Arc::new([resting]);
    assert_eq!(it.look(), ["restingvoltage_l1"]);
    it.meter.objects[0].key = "u1".to_owned();
    let at = it.at();
    it.watch.adopt(&mut it.board, at, &it.meter);
    assert_eq!(it.look(), NOTHING);
    it.board
        .raise(it.at(), "m", about(&it.meter, "x", RESTING), || {
            words(Severity::Info, "x")
        });
    let at = it.at();
    it.watch.adopt(&mut it.board, at, &it.meter);
    assert_eq!(it.stands(), NOTHING);
}

#[test]
fn findings_about_values_and_no_others() {
    let mut it = Bench::new();
    it.status.findings = Arc::new([
        finding("V7", Confidence::Certain),
        finding("V5", Confidence::Likely),
        finding("V1", Confidence::Possible),
        finding("H1", Confidence::Certain),
    ]);
    assert_eq!(it.look(), ["V5", "V7"]);
    let severities: Vec<_> = it.board.all().iter().map(|it| it.severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Info]);
    assert_eq!(it.text(), "The meter's clock is off: 9 min\\u{7} behind");
    // Just started: it has not been judged yet.
    it.status.findings = Arc::default();
    it.status.counters.polls = 2;
    assert_eq!(it.look(), ["V5", "V7"]);
    it.status.counters.polls = 5;
    assert_eq!(it.look(), NOTHING);
}

#[test]
fn down_by_its_band_once_that_says_something() {
    let mut it = Bench::new();
    let down = |of, watched| Health {
        band: Band::Down,
        hour: Share::new(0, of),
        watched: Duration::from_secs(watched),
        ..Health::default()
    };
    assert_eq!(it.healthy(&down(4, 3_600)), NOTHING);
    assert_eq!(it.healthy(&down(100, 599)), NOTHING);
    assert_eq!(it.healthy(&down(100, 600)), ["down"]);
    assert_eq!(it.board.all()[0].severity, Severity::Critical);
    assert_eq!(it.text(), "none of 100 values due in the last hour came");
    assert_eq!(it.healthy(&Health::default()), ["down"]);
    let critical = Health {
        band: Band::Critical,
        ..down(100, 600)
    };
    assert_eq!(it.healthy(&critical), NOTHING);
}

#[test]
fn published_and_acknowledged_are_held_together() {
    let mut it = Bench::new();
    it.meter.overdue = 0;
    it.meter.publish = Some("lab".to_owned());
    let health = |published, acknowledged| Health {
        band: Band::Healthy,
        published,
        acknowledged,
        ..Health::default()
    };
    // Seconds, made, acknowledged.
    for (seconds, made, came, ought) in [
        (0, 100, 100, false),
        (299, 160, 100, false),
        (1, 160, 130, false),
        (300, 220, 159, true),
        (299, 280, 159, true),
        // Too few to say anything.
        (300, 229, 159, true),
        (300, 340, 340, false),
    ] {
        it.pass(seconds);
        let ought: &[&str] = if ought { &["publish"] } else { &[] };
        assert_eq!(it.healthy(&health(made, came)), ought, "{made} {came}");
    }
    it.healthy(&health(340, 340));
    it.pass(300);
    assert_eq!(it.healthy(&health(400, 341)), ["publish"]);
    it.meter.publish = None;
    assert_eq!(it.healthy(&health(400, 341)), NOTHING);
}
