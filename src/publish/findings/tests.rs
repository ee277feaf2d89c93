//! Each row of the table, and what is none.

use super::*;
use crate::publish::takeover::kicks;
use crate::store::Limits;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn happened(seconds: i64, cause: Cause, what: &str) -> Happening {
    Happening {
        at: at(seconds),
        what: what.to_owned(),
        cause,
    }
}

struct Case {
    dialect: Dialect,
    payload: Option<&'static str>,
    history: Vec<Happening>,
    twins: Vec<String>,
    depth: QueueDepth,
    dropped: u64,
    acknowledged: Option<Timestamp>,
    held_back: u64,
    full: u64,
    now: i64,
}

fn healthy() -> Case {
    Case {
        dialect: Dialect::ThingsBoardGateway,
        payload: None,
        history: vec![happened(0, Cause::Connected, "connected")],
        twins: vec![],
        depth: QueueDepth {
            waiting: 3,
            bytes: 500,
            oldest: Some(at(99)),
            ..QueueDepth::default()
        },
        dropped: 0,
        acknowledged: Some(at(98)),
        held_back: 0,
        full: 0,
        now: 100,
    }
}

impl Case {
    fn found(&self) -> Vec<Finding> {
        let mut broker = BrokerDefinition::new("lab", "mqtt://h", self.dialect).unwrap();
        broker.limits = Limits {
            rows: 1_000,
            bytes: 100_000,
            age: Some(Duration::from_hours(1)),
        };
        broker.payload = self.payload.map(str::to_owned);
        find(&Seen {
            broker: &broker,
            now: at(self.now),
            history: &self.history,
            kicks: kicks(&self.history),
            twins: &self.twins,
            depth: self.depth,
            dropped: self.dropped,
            acknowledged: self.acknowledged,
            limits: Some("messages 10:1".to_owned()),
            held_back: Duration::from_secs(self.held_back),
            full: Duration::from_secs(self.full),
            window: 20,
        })
    }
}

/// The only finding.
fn one(case: &Case, id: &str, confidence: Confidence, evidence: &str) -> Finding {
    let found = case.found();
    let ids: Vec<_> = found.iter().map(|it| it.id).collect();
    assert_eq!(ids, [id], "{found:#?}");
    let finding = found.into_iter().next().unwrap();
    assert_eq!(finding.confidence, confidence, "{finding:#?}");
    let said: Vec<_> = finding.evidence.iter().map(ToString::to_string).collect();
    assert!(said.join("\n").contains(evidence), "{said:?}");
    assert!(!finding.remedy.is_empty() && finding.count > 0);
    finding
}

fn war(cause: Cause) -> Vec<Happening> {
    let mut history = Vec::new();
    for start in [0, 10, 20] {
        history.push(happened(start, Cause::Connected, "connected"));
        history.push(happened(start + 5, cause, "h:1883 closed the connection"));
    }
    history
}

#[test]
fn health_has_none() {
    assert_eq!(healthy().found(), []);
    let mut nightly = healthy();
    nightly.history = (0..6)
        .flat_map(|day| {
            [
                happened(day * 86_400, Cause::Connected, "connected"),
                happened(day * 86_400 + 86_390, Cause::Closed, "closed"),
                happened(day * 86_400 + 86_392, Cause::Unreachable, "refused"),
            ]
        })
        .chain([happened(6 * 86_400, Cause::Connected, "connected")])
        .collect();
    nightly.now = 6 * 86_400 + 60;
    nightly.depth.oldest = None;
    assert_eq!(nightly.found(), []);
}

#[test]
fn a_twin_is_p1() {
    let mut case = Case {
        history: war(Cause::Closed),
        ..healthy()
    };
    one(&case, "P1", Confidence::Likely, "3 connections in a row");
    case.twins = vec!["roof".to_owned()];
    let finding = one(
        &case,
        "P1",
        Confidence::Certain,
        "broker roof in our own database",
    );
    assert!(finding.remedy[0].contains("lab and roof"), "{finding:#?}");
    case.history = healthy().history;
    one(&case, "P1", Confidence::Likely, "roof");
    case.twins.clear();
    case.history = war(Cause::TakenOver);
    let finding = one(&case, "P1", Confidence::Certain, "SESSION_TAKEN_OVER");
    assert_eq!(finding.count, 3);
    case.history
        .push(happened(30, Cause::Connected, "connected"));
    case.now = 26 + 600;
    case.depth.oldest = None;
    assert_eq!(case.found(), [], "over since ten minutes");
}

#[test]
fn a_refused_token_is_p2() {
    for code in ["CONNACK 4", "CONNACK 5", "CONNACK 0x86", "CONNACK 0x87"] {
        let what = format!("h:1883 refused: not authorised ({code}); check the token");
        let mut case = healthy();
        case.history.push(happened(50, Cause::Refused, &what));
        one(&case, "P2", Confidence::Certain, code);
        case.history
            .push(happened(60, Cause::Connected, "connected"));
        assert_eq!(case.found(), []);
    }
    let mut case = healthy();
    case.history
        .push(happened(50, Cause::Refused, "its certificate has expired"));
    assert_eq!(case.found(), []);
}

#[test]
fn a_gateway_that_is_none_is_p3() {
    let what = "h:1883 did not acknowledge a message on v1/gateway/connect within 20 s";
    let mut case = healthy();
    case.acknowledged = None;
    case.history
        .push(happened(20, Cause::NoAcknowledgement, what));
    one(&case, "P3", Confidence::Likely, "v1/gateway/connect");
    case.history
        .push(happened(21, Cause::Connected, "connected"));
    case.history
        .push(happened(41, Cause::NoAcknowledgement, what));
    let finding = one(&case, "P3", Confidence::Certain, "unanswered");
    assert!(finding.remedy[0].contains("Is gateway"));
    case.acknowledged = Some(at(60));
    assert_eq!(case.found(), [], "ticked meanwhile");
    case.acknowledged = None;
    case.dialect = Dialect::ThingsBoard;
    assert_eq!(case.found(), []);
}

#[test]
fn a_rate_limit_is_p4() {
    let mut case = healthy();
    case.history.push(happened(
        50,
        Cause::Quota,
        "sent us away: more than it takes (0x97)",
    ));
    one(&case, "P4", Confidence::Certain, "0x97");
    let mut case = Case {
        held_back: 15,
        ..healthy()
    };
    one(&case, "P4", Confidence::Certain, "messages 10:1");
    case.held_back = 5;
    assert_eq!(case.found(), [], "a moment is no matter");
}

#[test]
fn a_full_queue_is_p5_before_and_when_it_bites() {
    let mut case = healthy();
    case.depth.waiting = 800;
    let finding = one(
        &case,
        "P5",
        Confidence::Certain,
        "800 of 1000 messages (80 %)",
    );
    assert!(finding.title.contains("nearly full"), "{finding:?}");
    case.depth.waiting = 1_000;
    case.dropped = 7;
    let finding = one(
        &case,
        "P5",
        Confidence::Certain,
        "7 messages dropped unsent",
    );
    assert!(finding.title.contains("is full"), "{finding:?}");
    let mut case = healthy();
    case.depth.bytes = 95_000;
    one(&case, "P5", Confidence::Certain, "95000 of 100000 bytes");
    let mut case = healthy();
    case.now = 99 + 3_000;
    one(&case, "P5", Confidence::Certain, "waits for 3000 s");
    let mut case = healthy();
    case.dropped = 7;
    assert_eq!(case.found(), [], "it is over");
}

#[test]
fn a_window_that_stays_full_is_p6() {
    let mut case = Case {
        full: 12,
        ..healthy()
    };
    assert_eq!(case.found(), [], "nothing waits behind");
    case.depth.waiting = 500;
    one(
        &case,
        "P6",
        Confidence::Likely,
        "20 messages under way for 12 s",
    );
}

#[test]
fn a_template_without_time_is_p7() {
    let mut case = Case {
        dialect: Dialect::Template,
        payload: Some(r#"{"v":{value}}"#),
        ..healthy()
    };
    one(&case, "P7", Confidence::Likely, "the template is");
    for with in [
        "{ts}",
        "{ts_ms}",
        r#"{"at":"{time}","v":{value}}"#,
        "{at}",
        "{timestamp}",
    ] {
        case.payload = Some(with);
        assert_eq!(case.found(), [], "{with}");
    }
}

#[test]
fn dead_letters_are_p8() {
    let mut case = healthy();
    case.depth.rejected = 9;
    assert_eq!(case.found(), [], "sent again or thrown away");
    case.depth.dead = 1;
    let finding = one(
        &case,
        "P8",
        Confidence::Certain,
        "1 message was given up on",
    );
    assert_eq!(finding.count, 1);
    case.depth.dead = 7;
    one(&case, "P8", Confidence::Certain, "9 messages ever");
}

#[test]
fn the_surest_stands_first() {
    let mut case = Case {
        full: 60,
        history: war(Cause::TakenOver),
        ..healthy()
    };
    case.history
        .push(happened(30, Cause::Connected, "connected"));
    case.depth.waiting = 950;
    let ids: Vec<_> = case.found().iter().map(|it| it.id).collect();
    assert_eq!(ids, ["P1", "P5", "P6"]);
}
