//! How a poll becomes messages, one file a dialect. Pure. The rule: numbers are exact decimals, never floats, and print
//! the decimals their scaler implies, so that a key's type does not flip from one sample to the next.
//!
//! Beside telemetry a dialect says what a connection begins with, and what the platform is told when meters come, go or
//! change.

mod gateway;
mod homeassistant;
mod json;
mod report;
mod template;
mod thingsboard;
mod value;

pub use report::Reported;
pub(super) use value::level_of;
pub use value::plain_text;

use std::collections::BTreeMap;

use super::Device;
use crate::meter::definition::FieldError;
use crate::meter::{MeterId, Poll};
use crate::store::{BrokerDefinition, Dialect, Kind, Message, OutboxRow};

/// `seq`: the device's number of this poll, for the dialects that carry one.
pub fn render(broker: &BrokerDefinition, device: &Device, seq: u64, poll: &Poll) -> Vec<Message> {
    if poll.readings.is_empty() {
        return Vec::new();
    }
    match broker.dialect {
        Dialect::Json => vec![json::render(device, seq, poll)],
        Dialect::ThingsBoard => thingsboard::render(device, poll).into_iter().collect(),
        Dialect::ThingsBoardGateway => gateway::render(device, poll).into_iter().collect(),
        Dialect::Template => template::render(broker, device, seq, poll),
        Dialect::HomeAssistant => homeassistant::render(device, poll),
    }
}

/// What a connection begins with, beside what waits in the table: a platform keeps nothing of the last one.
pub(super) fn greeting(broker: &BrokerDefinition, devices: &[Device]) -> Vec<Message> {
    match broker.dialect {
        Dialect::ThingsBoard => thingsboard::greeting(devices, asks(broker)),
        Dialect::ThingsBoardGateway => gateway::greeting(devices, asks(broker)),
        Dialect::HomeAssistant => homeassistant::greeting(broker, devices),
        Dialect::Json | Dialect::Template => Vec::new(),
    }
}

/// Names a device to the platform, before which it knows nothing of it.
pub(super) fn introduces(message: &Message) -> bool {
    message.topic == gateway::CONNECT
}

/// What the platform is to be told when the devices behind a broker are others than before: for the outbox, so that it is
/// told in order with their readings, even when nobody is there now.
pub fn changes(broker: &BrokerDefinition, before: &[Device], after: &[Device]) -> Vec<Message> {
    match broker.dialect {
        Dialect::ThingsBoard => thingsboard::changes(before, after),
        Dialect::ThingsBoardGateway => gateway::changes(&Changed::of(before, after), asks(broker)),
        Dialect::HomeAssistant => homeassistant::changes(broker, &Changed::of(before, after)),
        Dialect::Json | Dialect::Template => Vec::new(),
    }
}

/// Whether the interval a platform holds for a meter is followed, and so asked for.
fn asks(broker: &BrokerDefinition) -> bool {
    broker.allow.iter().any(|method| method == "set_interval")
}

/// The devices that are not as they were: of a thousand it is mostly one.
struct Changed<'a> {
    /// As they were; those that are gone too.
    old: Vec<&'a Device>,
    /// As they are; those that came too.
    new: Vec<&'a Device>,
    /// All there are now.
    all: &'a [Device],
}

impl<'a> Changed<'a> {
    fn of(before: &'a [Device], after: &'a [Device]) -> Self {
        let by_meter = |devices: &'a [Device]| -> BTreeMap<MeterId, &'a Device> {
            devices.iter().map(|it| (it.meter, it)).collect()
        };
        let (was, is) = (by_meter(before), by_meter(after));
        let others = |these: &'a [Device], those: &BTreeMap<MeterId, &'a Device>| {
            let other = |it: &&Device| those.get(&it.meter) != Some(it);
            these.iter().filter(other).collect()
        };
        Self {
            old: others(before, &is),
            new: others(after, &was),
            all: after,
        }
    }

    /// The same meter as it was.
    fn was(&self, device: &Device) -> Option<&'a Device> {
        let same = |it: &&&Device| it.meter == device.meter;
        self.old.iter().find(same).copied()
    }
}

/// Whether several rows may travel in one message.
pub(super) fn packs(broker: &BrokerDefinition) -> bool {
    broker.dialect == Dialect::ThingsBoardGateway
}

/// One message of the first of these rows and as many after it as fit into so many octets; how many that were.
pub(super) fn pack(rows: &[OutboxRow], most: usize) -> (Message, usize) {
    let Some(row) = rows.first() else {
        return (Message::new(Kind::Telemetry, "", ""), 0);
    };
    if let Some(packed) = gateway::pack(rows, most) {
        return packed;
    }
    let message = Message {
        topic: row.topic.clone(),
        payload: row.payload.clone(),
        kind: row.kind,
        device: row.device.clone(),
        retain: row.retain,
    };
    (message, 1)
}

/// What a person wrote for this dialect alone: every field that is wrong, with what is right.
pub fn check(broker: &BrokerDefinition) -> Result<(), Vec<FieldError>> {
    let wrong = template::check(broker);
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// A message of this device, not retained.
fn of_device(kind: Kind, device: &Device, topic: impl Into<String>, payload: String) -> Message {
    Message {
        device: Some(device.name.clone()),
        ..Message::new(kind, topic, payload)
    }
}

#[cfg(test)]
mod tests;
