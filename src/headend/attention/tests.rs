//! Who needs a person, and in which order: by made-up views, no meter runs.

use super::*;
use crate::diagnosis::Finding;
use crate::meter::health::{Health, ObjectHealth};
use crate::meter::status::LastError;
use crate::meter::{Definition, MeterStatus, Phase};

/// A ready meter of four objects whose last hour is all there.
fn view(name: &str, now: Instant) -> MeterView {
    let mut definition = Definition::microstar(name, "h", 1);
    definition.objects.truncate(4);
    let mut status = MeterStatus::new(now, 4);
    status.phase = Phase::Ready;
    MeterView {
        definition: definition.into(),
        status,
        health: Arc::new(health([100; 4], now)),
        bench: None,
        attention: None,
    }
}

/// So many of a hundred for each object.
fn health(good: [u64; 4], now: Instant) -> Health {
    let objects = good.map(|good| ObjectHealth {
        hour: Share::new(good, 100),
        day: Share::new(good, 100),
        last_value: None,
    });
    let hour = Share::new(good.iter().sum(), 400);
    Health {
        band: Band::of(hour),
        hour,
        day: hour,
        objects: Box::new(objects),
        watched: Duration::from_hours(3),
        last_value: Some(now),
        ..Health::default()
    }
}

fn error(what: &str) -> LastError {
    LastError {
        at: jiff::Timestamp::UNIX_EPOCH,
        what: what.to_owned(),
        try_next: "look there".to_owned(),
    }
}

fn waiting(now: Instant) -> Phase {
    Phase::Waiting {
        until: now,
        failures: 3,
    }
}

fn finding(confidence: Confidence) -> Finding {
    Finding {
        id: "V7",
        title: "the clock is 9 minutes behind".to_owned(),
        confidence,
        evidence: Vec::new(),
        remedy: vec!["set it".to_owned()],
        count: 1,
    }
}

/// Name, and what makes it so.
type Case = (&'static str, fn(&mut MeterView, Instant));

const CASES: [(Case, Option<(Urgency, &str)>); 15] = [
    (("well", |_, _| {}), None),
    (
        ("refused", |it, _| {
            it.status.phase = Phase::NeedsPerson;
            it.status.last_error = Some(error("the password was refused"));
            it.status.asks = vec!["two tries are left".to_owned()];
        }),
        Some((
            Urgency::NeedsPerson,
            "the password was refused: two tries are left",
        )),
    ),
    (
        ("gone", |it, now| {
            it.status.phase = waiting(now);
            it.status.last_error = Some(error("no route to host"));
            let mut health = health([50; 4], now);
            health.last_value = now.checked_sub(Duration::from_mins(134));
            it.health = Arc::new(health);
        }),
        Some((Urgency::Down, "no value for 2 h 14 min: no route to host")),
    ),
    (
        ("never", |it, now| {
            it.status.phase = Phase::Connecting;
            let mut health = health([0; 4], now);
            health.last_value = None;
            health.watched = Duration::from_mins(11);
            it.health = Arc::new(health);
        }),
        Some((Urgency::Down, "not one value in the 11 min it is tried")),
    ),
    (
        ("between two tries", |it, now| {
            it.status.phase = waiting(now);
            it.status.last_error = Some(error("timed out"));
        }),
        None,
    ),
    (
        ("mute", |it, now| it.health = Arc::new(health([0; 4], now))),
        Some((Urgency::Down, "0 of 400 values due came (0.0%)")),
    ),
    (
        ("critical", |it, now| {
            it.health = Arc::new(health([40, 40, 0, 40], now));
        }),
        Some((
            Urgency::Critical,
            "120 of 400 values due came (30.0%): 1 of 4 objects bring nothing: frequency",
        )),
    ),
    (
        ("degraded", |it, now| {
            it.health = Arc::new(health([80; 4], now));
            it.status.phase = waiting(now);
            it.status.last_error = Some(error("timed out"));
        }),
        Some((
            Urgency::Degraded,
            "320 of 400 values due came (80.0%): timed out",
        )),
    ),
    // An hour of next to nothing says nothing, in neither direction.
    (
        ("hourly, and missed once", |it, now| {
            let mut health = health([95; 4], now);
            (health.hour, health.band) = (Share::new(0, 1), Band::Down);
            it.health = Arc::new(health);
        }),
        None,
    ),
    (
        ("hourly", |it, now| {
            let mut health = health([70; 4], now);
            (health.hour, health.band) = (Share::new(1, 1), Band::Healthy);
            it.health = Arc::new(health);
            it.status.last_error = Some(error("timed out"));
        }),
        Some((
            Urgency::Degraded,
            "280 of 400 values due came (70.0%): timed out",
        )),
    ),
    (
        ("one object", |it, now| {
            let mut health = health([100, 100, 100, 0], now);
            // The others are read more often.
            health.hour = Share::new(3_900, 4_000);
            it.health = Arc::new(health);
        }),
        Some((
            Urgency::Object,
            "1 of 4 objects bring nothing: active_power",
        )),
    ),
    (
        ("strange", |it, _| {
            it.status.findings = Arc::new([finding(Confidence::Certain)]);
        }),
        Some((Urgency::Finding, "the clock is 9 minutes behind (V7)")),
    ),
    (
        ("perhaps", |it, _| {
            it.status.findings = Arc::new([finding(Confidence::Possible)]);
        }),
        None,
    ),
    (
        ("stopped", |it, now| {
            it.status.phase = Phase::Stopped;
            it.health = Arc::new(health([0; 4], now));
        }),
        None,
    ),
    (
        ("new", |it, now| {
            it.status.phase = Phase::Connecting;
            let mut health = health([0; 4], now);
            health.hour = Share::new(0, 4);
            health.day = Share::new(0, 4);
            health.last_value = None;
            health.objects = Box::default();
            health.watched = Duration::from_secs(5);
            it.health = Arc::new(health);
        }),
        None,
    ),
];

#[test]
fn each_cause_is_said_in_words_and_in_its_rank() {
    let now = Instant::now() + Duration::from_hours(10);
    let mut views = Vec::new();
    for ((name, make), ought) in CASES {
        let mut it = view(name, now);
        make(&mut it, now);
        let attention = Attention::of(&it, now);
        let is = attention.as_ref().map(|it| (it.urgency, it.why.as_str()));
        assert_eq!(is, ought, "{name}");
        if attention.is_some_and(|it| it.urgency != Urgency::Down) && name != "critical" {
            assert!(!Attention::of(&it, now).unwrap().what_to_do.is_empty());
        }
        views.push(Arc::new(it));
    }
    views.reverse();
    let names = |most| -> Vec<String> {
        let ranked = ranked(&views, now, most);
        ranked.into_iter().map(|it| it.name).collect()
    };
    assert_eq!(
        names(100),
        [
            "refused",
            "mute",
            "never",
            "gone",
            "critical",
            "hourly",
            "degraded",
            "one object",
            "strange"
        ]
    );
    assert_eq!(names(2), ["refused", "mute"]);
}

#[test]
fn words_of_a_meter_are_data() {
    let now = Instant::now();
    let mut it = view("m", now);
    it.status.phase = Phase::NeedsPerson;
    it.status.last_error = Some(error("refused\x1b[2J"));
    assert!(!Attention::of(&it, now).unwrap().why.contains('\x1b'));
}
