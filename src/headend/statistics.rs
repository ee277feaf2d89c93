//! How the gateway is doing, for the platform: once a minute, as telemetry of its own device or beside its status topic. The
//! rule: it goes through the outbox like any reading, but never takes a reading's place there.

use super::state::AtBroker;
use super::{Inner, lock};
use crate::meter::health::{Health, Share};
use crate::store::{BrokerDefinition, Dialect, Kind, Limits, Message, QueueDepth};
use serde_json::{Map, Value, json};
use std::sync::Weak;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const EVERY: Duration = Duration::from_mins(1);

/// Ends with the head-end.
pub(super) async fn run(inner: Weak<Inner>) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if lock(&inner.polls).is_none() {
            return;
        }
        let brokers: Vec<BrokerDefinition> = lock(&inner.state).broker_definitions();
        for broker in brokers {
            let Some(topic) = topic(&broker) else {
                continue;
            };
            let Some(values) = of(&inner, broker.id) else {
                continue;
            };
            let now = inner.clock.now();
            let message = message(&broker, topic, now.as_millisecond(), &values);
            let depth = lock(&inner.state).depth_of(broker.id).unwrap_or_default();
            if !has_room(&broker.limits, &depth) {
                continue;
            }
            if let Err(error) = inner.store.enqueue(broker.id, now, vec![message]).await {
                tracing::warn!("statistics for broker {}: {error}", broker.name);
            }
            lock(&inner.state).wake(broker.id);
        }
    }
}

/// None: nobody there would look at it.
fn topic(broker: &BrokerDefinition) -> Option<String> {
    match broker.dialect {
        Dialect::ThingsBoardGateway => Some("v1/devices/me/telemetry".to_owned()),
        Dialect::Json | Dialect::Template => {
            let status = broker.status_topic.as_ref()?;
            Some(format!("{status}/statistics"))
        }
        // The token is a meter's own, and a Home Assistant knows only what was announced.
        Dialect::ThingsBoard | Dialect::HomeAssistant => None,
    }
}

fn message(broker: &BrokerDefinition, topic: String, ts: i64, values: &Value) -> Message {
    let payload = if broker.dialect == Dialect::ThingsBoardGateway {
        json!({ "ts": ts, "values": values })
    } else {
        let mut flat = values.clone();
        flat["ts"] = ts.into();
        flat
    };
    Message::new(Kind::Statistics, topic, payload.to_string())
}

/// A queue that is half full leaves its room to readings.
fn has_room(limits: &Limits, depth: &QueueDepth) -> bool {
    depth.waiting < limits.rows / 2 && depth.bytes < limits.bytes / 2
}

/// None: there is no such broker.
pub(super) fn of(inner: &Inner, broker: i64) -> Option<Value> {
    let AtBroker {
        name: broker,
        status,
        meters,
    } = lock(&inner.state).at_broker(broker)?;
    let now = inner.clock.now();
    let alarms = lock(&inner.state).alarms.standing();
    let up = meters.iter().filter(|it| it.ready).count();
    let oldest = status
        .depth
        .oldest
        .map_or(0, |at| now.duration_since(at).as_secs().max(0));
    let each = meters.iter();
    let of_meters: Map<String, Value> = each
        .map(|it| (it.device.clone(), meter(&it.health)))
        .collect();
    Some(json!({
        "broker": broker,
        "devicesTotal": meters.len(),
        "devicesUp": up,
        "devicesDown": meters.len() - up,
        "messagesSent": status.acknowledged,
        "messagesReceived": status.received,
        "bytesSent": status.bytes_sent,
        "bytesReceived": status.bytes_received,
        "queueDepth": status.depth.waiting,
        "queueBytes": status.depth.bytes,
        "oldestUnsentSeconds": oldest,
        "deadLetters": status.depth.dead,
        "dropped": status.depth.dropped,
        "reconnects": status.reconnects,
        "alarms": alarms,
        "meters": of_meters,
    }))
}

/// `success` is the share of the values due in the last hour that came, in per cent with one decimal, so that its type is always
/// the same; polls, and points of the grid that brought nothing, count from the start of the program.
fn meter(health: &Health) -> Value {
    let percent = |share: Share| share.percent().unwrap_or(0.0);
    json!({
        "polls": health.cycles,
        "failed": health.missed,
        "success": percent(health.hour),
        "successDay": percent(health.day),
        "availabilityDay": percent(health.available_day),
        "band": health.band.word(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_always_a_decimal() {
        for (good, of, success) in [
            (0, 0, "0.0"),
            (12, 12, "100.0"),
            (2, 3, "66.6"),
            (0, 8, "0.0"),
        ] {
            let health = Health {
                hour: Share::new(good, of),
                ..Health::default()
            };
            let json = meter(&health).to_string();
            assert!(json.contains(&format!(r#""success":{success}"#)), "{json}");
        }
    }

    #[test]
    fn a_queue_under_pressure_keeps_its_room_for_readings() {
        let limits = Limits {
            rows: 100,
            bytes: 100_000,
            age: None,
        };
        let depth = |waiting, bytes| QueueDepth {
            waiting,
            bytes,
            ..QueueDepth::default()
        };
        assert!(has_room(&limits, &depth(49, 0)));
        assert!(!has_room(&limits, &depth(50, 0)));
        assert!(!has_room(&limits, &depth(0, 50_000)));
    }

    #[test]
    fn only_who_would_look_is_told() {
        for (dialect, status, wanted) in [
            (
                Dialect::ThingsBoardGateway,
                None,
                Some("v1/devices/me/telemetry"),
            ),
            (Dialect::Json, None, None),
            (Dialect::Json, Some("s"), Some("s/statistics")),
            (Dialect::Template, Some("a/b"), Some("a/b/statistics")),
            (Dialect::ThingsBoard, Some("s"), None),
            (Dialect::HomeAssistant, Some("s"), None),
        ] {
            let mut broker = BrokerDefinition::new("b", "mqtt://h", dialect).unwrap();
            broker.status_topic = status.map(str::to_owned);
            assert_eq!(topic(&broker).as_deref(), wanted);
        }
    }
}
