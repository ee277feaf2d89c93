//! Wars and peace, as tables.

use super::*;
use crate::dlms::security::Secret;
use crate::store::Dialect;

/// Milliseconds from the start, and what happened.
pub(in crate::publish) fn history(events: &[(i64, Cause)]) -> Vec<Happening> {
    let happening = |(at, cause): &(i64, Cause)| Happening {
        at: Timestamp::from_millisecond(1_790_000_000_000 + at).unwrap(),
        what: "closed the connection".to_owned(),
        cause: *cause,
    };
    events.iter().map(happening).collect()
}

/// Connections that held so long, each lost in this way, with a second between.
fn lost(held: &[i64], cause: Cause) -> Vec<(i64, Cause)> {
    let mut events = Vec::new();
    let mut now = 0;
    for long in held {
        events.push((now, Cause::Connected));
        now += long;
        events.push((now, cause));
        now += 1_000;
    }
    events
}

#[test]
fn wars_are_seen() {
    for (name, events, count, said) in [
        (
            "silent",
            lost(&[5_000, 5_100, 4_900], Cause::Closed),
            3,
            false,
        ),
        (
            "longer",
            lost(&[30_000, 31_000, 29_000, 30_500], Cause::Closed),
            4,
            false,
        ),
        ("told once", lost(&[700], Cause::TakenOver), 1, true),
        ("told at once", lost(&[10, 20], Cause::TakenOver), 2, true),
        (
            "after a good time",
            lost(&[9_999_999, 5_000, 5_000, 5_100], Cause::Closed),
            3,
            false,
        ),
    ] {
        let mut events = events;
        let kicks = kicks(&history(&events)).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((kicks.count, kicks.said), (count, said), "{name}");
        // The same while connected again.
        let last = events.last().unwrap().0;
        events.push((last + 1_000, Cause::Connected));
        assert_eq!(
            super::kicks(&history(&events)).unwrap().count,
            count,
            "{name}"
        );
    }
}

#[test]
fn peace_is_left_alone() {
    let nightly = lost(
        &[86_395_000, 86_396_000, 86_395_500, 86_396_200],
        Cause::Closed,
    );
    let mut restarts = Vec::new();
    for start in [0, 10_000, 20_000, 30_000] {
        restarts.extend([
            (start, Cause::Connected),
            (start + 5_000, Cause::Closed),
            (start + 6_000, Cause::Unreachable),
        ]);
    }
    let poison = lost(&[40, 45, 42, 44], Cause::Closed);
    for (name, events) in [
        ("nothing", vec![]),
        ("healthy", vec![(0, Cause::Connected)]),
        ("restarts every night", nightly),
        ("restarts, and away meanwhile", restarts),
        ("a message that ends every connection", poison),
        ("twice is no rhythm", lost(&[5_000, 5_000], Cause::Closed)),
        (
            "at any time",
            lost(&[5_000, 20_000, 1_000, 60_000], Cause::Closed),
        ),
        (
            "no acknowledgement",
            lost(&[20_000, 20_000, 20_000], Cause::NoAcknowledgement),
        ),
        ("quota", lost(&[1_000, 1_000, 1_000], Cause::Quota)),
        (
            "clock set back",
            vec![(5_000, Cause::Connected), (0, Cause::Closed)],
        ),
        ("a good time since", {
            let mut events = lost(&[5_000, 5_000, 5_000], Cause::Closed);
            events.extend([(20_000, Cause::Connected), (9_000_000, Cause::Closed)]);
            events
        }),
    ] {
        assert_eq!(kicks(&history(&events)), None, "{name}");
    }
    let mut told = history(&lost(&[5_000, 5_000, 5_000], Cause::Closed));
    for happening in &mut told {
        happening.what = "sent us away: server shutting down (0x8B)".to_owned();
    }
    assert_eq!(kicks(&told), None, "a broker that says why it closes");
}

#[test]
fn pauses_grow_and_end_at_five_minutes() {
    let mut before = Duration::ZERO;
    for count in 1..300 {
        let pause = Kicks {
            count,
            held: vec![],
            said: true,
            last: Timestamp::UNIX_EPOCH,
        }
        .pause();
        assert!(pause >= before && pause <= Duration::from_mins(5));
        before = pause;
    }
    assert_eq!(before, Duration::from_mins(5));
}

#[test]
fn twins_in_our_own_database_are_named() {
    let broker = |id, url: &str, token: Option<&str>| {
        let mut broker =
            BrokerDefinition::new(format!("b{id}"), url, Dialect::ThingsBoard).unwrap();
        broker.id = id;
        broker.client_id = format!("c{id}");
        broker.token = token.map(Secret::new);
        broker
    };
    let one = broker(1, "mqtt://tb.example", Some("tok"));
    let all = [
        one.clone(),
        broker(2, "mqtt://TB.example", Some("tok")),
        broker(3, "mqtt://tb.example", Some("other")),
        broker(4, "mqtt://elsewhere", Some("tok")),
        broker(5, "mqtt://tb.example:1884", Some("tok")),
        BrokerDefinition {
            client_id: "c1".into(),
            ..broker(6, "mqtt://tb.example", None)
        },
        broker(7, "mqtt://tb.example", None),
    ];
    assert_eq!(twins(&one, &all), ["b2", "b6"]);
    assert!(twins(&all[6], &all).is_empty());
}
