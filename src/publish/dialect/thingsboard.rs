//! `thingsboard`: a meter that is a device of ThingsBoard with a token of its own. Topic `v1/devices/me/telemetry`,
//! `{"ts":ms,"values":{KEY:value}}`; failed reads and numbers that JSON cannot write are left out, and nothing is sent when
//! nothing is left. ThingsBoard turns any string that parses as a number into one (serial number `"00012345"` becomes
//! 12345), in telemetry and in attributes, so such a string goes out with a `#` before it.

use super::super::request::INTERVAL;
use super::value::{Members, Value, looks_numeric, quoted};
use super::{Device, of_device};
use crate::meter::Poll;
use crate::store::{Kind, Message};

pub(super) fn render(device: &Device, poll: &Poll) -> Option<Message> {
    let topic = "v1/devices/me/telemetry";
    Some(of_device(Kind::Telemetry, device, topic, sample(poll)?))
}

/// `{"ts":ms,"values":{…}}`; `None` when there is nothing to say.
pub(super) fn sample(poll: &Poll) -> Option<String> {
    let mut out = format!(r#"{{"ts":{},"values":{{"#, poll.at.as_millisecond());
    let mut object = Members::new(&mut out);
    for reading in &poll.readings {
        let Ok(data) = &reading.value else { continue };
        match Value::of(reading, data) {
            Value::Literal(literal) => object.member(&reading.key, &literal),
            Value::Text(text) => object.member(&reading.key, &unmistakable(&text)),
            Value::NotANumber | Value::Secret => {}
        }
    }
    let any = !object.is_empty();
    out.push_str("}}");
    any.then_some(out)
}

/// Text that stays text.
fn unmistakable(text: &str) -> String {
    if looks_numeric(text) {
        quoted(&format!("#{text}"))
    } else {
        quoted(text)
    }
}

/// With one token there is one device: the attributes of several would overwrite each other.
pub(super) fn greeting(devices: &[Device], asks: bool) -> Vec<Message> {
    let [device] = devices else { return Vec::new() };
    let topic = "v1/devices/me/attributes";
    let mut messages = vec![of_device(
        Kind::Attributes,
        device,
        topic,
        attributes(device),
    )];
    if asks {
        let payload = format!(r#"{{"sharedKeys":{}}}"#, quoted(INTERVAL));
        let topic = "v1/devices/me/attributes/request/1";
        messages.push(of_device(Kind::Lifecycle, device, topic, payload));
    }
    messages
}

pub(super) fn changes(before: &[Device], after: &[Device]) -> Vec<Message> {
    match (before, after) {
        ([before], [after]) if before.attributes == after.attributes => Vec::new(),
        _ => greeting(after, false),
    }
}

/// `{NAME:value,…}` of what is known of a device.
pub(super) fn attributes(device: &Device) -> String {
    let mut out = String::from("{");
    let mut object = Members::new(&mut out);
    for (name, literal) in &device.attributes {
        match serde_json::from_str(literal) {
            Ok(serde_json::Value::String(text)) => object.member(name, &unmistakable(&text)),
            Ok(_) => object.member(name, literal),
            Err(_) => {}
        }
    }
    out.push('}');
    out
}
