//! The budget in virtual time.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const TELEMETRY: &str = "v1/devices/me/telemetry";
const BEHIND: &str = "v1/gateway/telemetry";

#[expect(clippy::needless_pass_by_value, reason = "made in the call")]
fn gate(own: Value, behind: Value, now: Instant) -> Gate {
    let mut gate = Gate::default();
    gate.asked(now);
    gate.answered(
        &json!({"rateLimits": own, "gatewayRateLimits": behind}),
        now,
    );
    gate
}

/// Sends as fast as the gate lets for so long: when each message went.
fn flood(gate: &mut Gate, cost: Cost, start: Instant, long: Duration) -> Vec<Instant> {
    let mut now = start;
    let mut sent = Vec::new();
    // Without limits time would not pass.
    while now < start + long && sent.len() < 50_000 {
        if let Some(later) = gate.not_before(cost, now) {
            assert!(later > now, "no standing still");
            now = later;
        } else {
            gate.spend(cost, now);
            sent.push(now);
        }
    }
    sent
}

fn most_within(sent: &[Instant], window: Duration) -> usize {
    let mut most = 0;
    let mut first = 0;
    for (last, at) in sent.iter().enumerate() {
        while *at - sent[first] >= window {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

#[test]
fn a_flood_goes_at_four_fifths_of_each_window() {
    let start = Instant::now();
    let limits = json!({"telemetryMessages": "200:1,6000:60,14000:3600"});
    let mut gate = gate(limits, Value::Null, start);
    let cost = Cost::of(TELEMETRY, b"{}");
    let sent = flood(&mut gate, cost, start, Duration::from_hours(2));
    for (limit, seconds) in [(200, 1), (6000, 60), (14_000, 3600)] {
        let most = most_within(&sent, Duration::from_secs(seconds));
        assert!(most <= limit * 4 / 5, "{most} in {seconds} s");
    }
    // Close to it all the same: the longest window decides.
    assert!(sent.len() > 14_000 * 8 / 10 * 19 / 10, "{}", sent.len());
}

#[test]
fn devices_behind_a_gateway_have_a_budget_of_their_own() {
    let now = Instant::now();
    let mut gate = gate(
        json!({"messages": "10:1", "telemetryMessages": "10:1"}),
        json!({"messages": "5:1", "telemetryDataPoints": "20:1"}),
        now,
    );
    let three = br#"{"M-1":[{"ts":1,"values":{"a":1,"b":2}}],"M-2":[{"ts":1,"values":{"a":1}}]}"#;
    let cost = Cost::of(BEHIND, three);
    assert_eq!(cost.points, Some(3));
    for _ in 0..5 {
        assert_eq!(gate.not_before(cost, now), None);
        gate.spend(cost, now);
    }
    assert_eq!(gate.room(cost, now), 1, "15 of 16");
    assert!(gate.not_before(cost, now).is_some());
    let own = Cost::of(TELEMETRY, br#"{"ts":1,"values":{"a":1}}"#);
    assert_eq!(gate.not_before(own, now), None);
    // Attributes are no telemetry: they cost one message.
    let attributes = Cost::of("v1/gateway/attributes", b"{}");
    for _ in 0..4 {
        assert_eq!(gate.not_before(attributes, now), None);
        gate.spend(attributes, now);
    }
    assert!(gate.not_before(attributes, now).is_some());
}

#[test]
fn points_are_counted_in_every_form() {
    for (payload, count) in [
        (r#"{"a":1,"b":2}"#, 2),
        (r#"{"ts":1,"values":{"a":1,"b":2,"c":3}}"#, 3),
        (
            r#"[{"ts":1,"values":{"a":1}},{"ts":2,"values":{"a":1,"b":1}}]"#,
            3,
        ),
        (r#"{"M-1":[{"a":1,"b":2}]}"#, 2),
        ("{}", 0),
        ("no json", 1),
    ] {
        assert_eq!(points(payload.as_bytes()), count, "{payload}");
    }
}

#[test]
fn nothing_goes_before_the_answer_or_two_seconds() {
    let now = Instant::now();
    let mut gate = Gate::default();
    assert_eq!(gate.holds(now), None);
    gate.asked(now);
    assert_eq!(gate.holds(now), Some(now + ANSWER));
    assert_eq!(
        gate.holds(now + ANSWER),
        None,
        "a plain broker never answers"
    );
    assert!(!gate.limits());
    gate.asked(now);
    let sizes = gate.answered(
        &json!({"maxPayloadSize": 1000, "maxInflightMessages": 7}),
        now,
    );
    assert_eq!((sizes.payload, sizes.under_way), (Some(1000), Some(7)));
    assert_eq!(gate.holds(now), None);
}

#[test]
fn a_reconnect_does_not_buy_a_new_budget() {
    let now = Instant::now();
    let limits = json!({"telemetryMessages": "10:60"});
    let mut gate = gate(limits.clone(), Value::Null, now);
    let cost = Cost::of(TELEMETRY, b"{}");
    for _ in 0..8 {
        assert_eq!(gate.not_before(cost, now), None);
        gate.spend(cost, now);
    }
    gate.asked(now);
    gate.answered(&json!({"rateLimits": limits}), now);
    assert!(gate.not_before(cost, now).is_some());
    assert!(gate.words().unwrap().contains("telemetry messages 10:60"));
}

#[test]
fn strange_limits_neither_stop_nor_crash() {
    let now = Instant::now();
    for text in [
        "",
        "x",
        "0:1",
        "5:0",
        "5",
        ":",
        "-1:1",
        "99999999999999999999:1",
        "1:1",
        "5:99999999999",
    ] {
        let mut gate = gate(
            json!({"telemetryDataPoints": text, "messages": 7}),
            json!([]),
            now,
        );
        let cost = Cost::of(TELEMETRY, br#"{"a":1,"b":2,"c":3}"#);
        let sent = flood(&mut gate, cost, now, Duration::from_millis(1));
        assert!(!sent.is_empty(), "{text}");
        if sent.len() > 100 {
            continue;
        }
        assert_eq!(text, "1:1");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_over_four_fifths_in_any_window(
        limit in 2_u64..60,
        seconds in 1_u64..30,
        sizes in prop::collection::vec((1_u64..8, 0_u64..900), 1..150),
    ) {
        let start = Instant::now();
        let mut gate = gate(json!({"telemetryDataPoints": format!("{limit}:{seconds}")}), Value::Null, start);
        let mut now = start;
        let mut sent: Vec<Instant> = Vec::new();
        for (points, pause) in sizes {
            let points = points.min((limit * 4 / 5).max(1));
            let cost = Cost { behind: false, points: Some(points) };
            now += Duration::from_millis(pause);
            while let Some(later) = gate.not_before(cost, now) {
                prop_assert!(later > now);
                now = later;
            }
            gate.spend(cost, now);
            sent.extend((0..points).map(|_| now));
        }
        let most = most_within(&sent, Duration::from_secs(seconds));
        prop_assert!(most as u64 <= (limit * 4 / 5).max(1), "{most} of {limit}");
    }
}
