//! `thingsboard-gateway`: many meters behind one token. The rule: each device is connected by name and type before
//! anything else is said of it, and what is packed together is the same rows in the same order.
//!
//! Rows of several devices share a message. ThingsBoard then acknowledges when all of them are taken, or refuses all; the
//! pump answers a refusal by sending each row by itself, which finds the guilty one, and what was taken before is taken
//! again under the same time, which changes nothing. A message a device and poll would be safe without that, but cost a
//! gateway with a hundred meters its whole allowance of messages (60 a minute is usual).

use super::super::request::INTERVAL;
use super::thingsboard;
use super::value::quoted;
use super::{Changed, Device, of_device};
use crate::meter::Poll;
use crate::store::{Kind, Message, OutboxRow};

const TELEMETRY: &str = "v1/gateway/telemetry";
const ATTRIBUTES: &str = "v1/gateway/attributes";
/// Octets and rows of one message. ThingsBoard's transport takes 65,536 octets unless told otherwise, and does not say so.
const LARGEST: usize = 60_000;
const ROWS: usize = 100;
/// What MQTT adds to topic and payload at most, with room to spare.
const HEADER: usize = 32;
/// Attributes of several devices in one message, octets.
const ATTRIBUTES_TOGETHER: usize = 16_000;

pub(super) fn render(device: &Device, poll: &Poll) -> Option<Message> {
    let sample = thingsboard::sample(poll)?;
    let payload = format!("{{{}:[{sample}]}}", quoted(&device.name));
    Some(of_device(Kind::Telemetry, device, TELEMETRY, payload))
}

pub(super) fn greeting(devices: &[Device], asks: bool) -> Vec<Message> {
    let mut messages: Vec<_> = devices.iter().map(connect).collect();
    messages.extend(attributes(devices.iter()));
    messages.extend(devices.iter().filter(|_| asks).map(question));
    messages
}

/// For what the platform holds for a device; known again by the device's name.
fn question(device: &Device) -> Message {
    let payload = format!(
        r#"{{"id":{},"device":{},"client":false,"keys":[{}]}}"#,
        device.meter.0,
        quoted(&device.name),
        quoted(INTERVAL)
    );
    of_device(
        Kind::Lifecycle,
        device,
        "v1/gateway/attributes/request",
        payload,
    )
}

/// Where a device is named to the platform.
pub(super) const CONNECT: &str = "v1/gateway/connect";

fn connect(device: &Device) -> Message {
    let (name, kind) = (quoted(&device.name), quoted(&device.kind));
    let payload = format!(r#"{{"device":{name},"type":{kind}}}"#);
    of_device(Kind::Lifecycle, device, CONNECT, payload)
}

fn disconnect(device: &Device) -> Message {
    let payload = format!(r#"{{"device":{}}}"#, quoted(&device.name));
    of_device(Kind::Lifecycle, device, "v1/gateway/disconnect", payload)
}

fn attributes<'a>(devices: impl Iterator<Item = &'a Device>) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut together = String::new();
    for device in devices.filter(|device| !device.attributes.is_empty()) {
        let name = quoted(&device.name);
        let member = format!("{name}:{}", thingsboard::attributes(device));
        // Two meters under one name: a key must not come twice in one object.
        let again = together.contains(&format!("{name}:{{"));
        if !together.is_empty() && (again || together.len() + member.len() > ATTRIBUTES_TOGETHER) {
            messages.push(std::mem::take(&mut together));
        }
        if !together.is_empty() {
            together.push(',');
        }
        together.push_str(&member);
    }
    messages.extend(Some(together).filter(|it| !it.is_empty()));
    (messages.into_iter())
        .map(|members| Message::new(Kind::Attributes, ATTRIBUTES, format!("{{{members}}}")))
        .collect()
}

/// What went is disconnected, unless another meter goes by its name; what came or is called otherwise is connected.
pub(super) fn changes(changed: &Changed<'_>, asks: bool) -> Vec<Message> {
    let named = |name: &str| changed.all.iter().any(|it| it.name == name);
    let gone = changed.old.iter().filter(|it| !named(&it.name));
    let mut messages: Vec<_> = gone.map(|device| disconnect(device)).collect();
    let other = |device: &Device, same: fn(&Device, &Device) -> bool| {
        let was = changed.was(device);
        was.is_none_or(|was| was.name != device.name || !same(was, device))
    };
    for device in &changed.new {
        if other(device, |was, is| was.kind == is.kind) {
            messages.push(connect(device));
        }
    }
    let new = changed.new.iter().copied();
    let told = new.filter(|device| other(device, |was, is| was.attributes == is.attributes));
    messages.extend(attributes(told));
    if asks {
        let came = changed.new.iter().filter(|it| changed.was(it).is_none());
        messages.extend(came.map(|device| question(device)));
    }
    messages
}

/// What stands between the brackets of a row that was rendered here: its samples.
fn samples(row: &OutboxRow) -> Option<(&str, &str)> {
    if row.kind != Kind::Telemetry || row.topic != TELEMETRY || row.retain {
        return None;
    }
    let device = row.device.as_deref()?;
    let inner = std::str::from_utf8(&row.payload).ok()?;
    let inner = inner.strip_prefix('{')?.strip_prefix(&quoted(device))?;
    let inner = inner.strip_prefix(":[")?.strip_suffix("]}")?;
    Some((device, inner))
}

/// Of rows that cannot share a message, `None`: the first goes as it is.
pub(super) fn pack(rows: &[OutboxRow], most: usize) -> Option<(Message, usize)> {
    let most = most
        .min(LARGEST)
        .checked_sub(HEADER + TELEMETRY.len() + "{}".len())?;
    let mut devices: Vec<(&str, Vec<&str>)> = Vec::new();
    let (mut size, mut taken) = (0, 0);
    for row in rows.iter().take(ROWS) {
        let Some((device, inner)) = samples(row) else {
            break;
        };
        let place = devices.iter().position(|(name, _)| *name == device);
        // A comma, and for a device that is new its name and brackets.
        let more = inner.len() + 1 + place.map_or(quoted(device).len() + ":[]".len(), |_| 0);
        if size + more > most {
            break;
        }
        size += more;
        taken += 1;
        match place.and_then(|place| devices.get_mut(place)) {
            Some((_, all)) => all.push(inner),
            None => devices.push((device, vec![inner])),
        }
    }
    if taken < 2 {
        return None;
    }
    let members: Vec<_> = (devices.iter())
        .map(|(device, all)| format!("{}:[{}]", quoted(device), all.join(",")))
        .collect();
    let payload = format!("{{{}}}", members.join(","));
    let mut message = Message::new(Kind::Telemetry, TELEMETRY, payload);
    if let [(device, _)] = devices.as_slice() {
        message.device = Some((*device).to_owned());
    }
    Some((message, taken))
}
