//! What the broker sends, written as bytes: one function per packet, checked against the tables of both standards in
//! the tests. Reason codes are sent as they are given, known or not: that is what a test may want.

use super::packet::{Publish, Version};
use super::reason;
use tokio_util::bytes::{BufMut, BytesMut};

/// What a CONNACK of MQTT 5 tells about the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms<'a> {
    pub receive_max: Option<u16>,
    pub max_packet: Option<u32>,
    /// The client gave none.
    pub assigned: Option<&'a str>,
    /// The client wished to have its session kept.
    pub no_session: bool,
}

/// The session is never present.
pub(super) fn connack(out: &mut BytesMut, version: Version, code: u8, terms: &Terms) {
    if version == Version::V311 {
        out.put_slice(&[0x20, 2, 0, reason::in_311(code)]);
        return;
    }
    let code = reason::in_5(code);
    let mut properties = BytesMut::new();
    if code == reason::SUCCESS {
        if terms.no_session {
            properties.put_u8(0x11);
            properties.put_u32(0);
        }
        if let Some(most) = terms.receive_max {
            properties.put_u8(0x21);
            properties.put_u16(most.max(1));
        }
        // QoS 2, subscription identifiers and shared subscriptions are not served.
        properties.put_slice(&[0x24, 1, 0x29, 0, 0x2A, 0]);
        if let Some(most) = terms.max_packet {
            properties.put_u8(0x27);
            properties.put_u32(most.max(1));
        }
        if let Some(name) = terms.assigned {
            properties.put_u8(0x12);
            string(&mut properties, name.as_bytes());
        }
    }
    out.put_u8(0x20);
    // The properties are fewer than 128 bytes: their length is one.
    variable(out, 3 + properties.len());
    out.put_slice(&[0, code]);
    variable(out, properties.len());
    out.put_slice(&properties);
}

/// MQTT 3.1.1 has no reason: a refusal looks like a success there.
pub(super) fn puback(out: &mut BytesMut, version: Version, packet: u16, reason: u8) {
    if version == Version::V311 || reason == reason::SUCCESS {
        out.put_slice(&[0x40, 2]);
        out.put_u16(packet);
    } else {
        out.put_slice(&[0x40, 3]);
        out.put_u16(packet);
        out.put_u8(reason);
    }
}

pub(super) fn suback(out: &mut BytesMut, version: Version, packet: u16, codes: &[u8]) {
    out.put_u8(0x90);
    codes_of(out, version, packet, codes);
}

pub(super) fn unsuback(out: &mut BytesMut, version: Version, packet: u16, codes: &[u8]) {
    out.put_u8(0xB0);
    // 3.1.1 has nothing but the packet identifier.
    let codes = if version == Version::V5 { codes } else { &[] };
    codes_of(out, version, packet, codes);
}

fn codes_of(out: &mut BytesMut, version: Version, packet: u16, codes: &[u8]) {
    let properties = usize::from(version == Version::V5);
    variable(out, 2 + properties + codes.len());
    out.put_u16(packet);
    out.put_bytes(0, properties);
    out.put_slice(codes);
}

pub(super) fn pingresp(out: &mut BytesMut) {
    out.put_slice(&[0xD0, 0]);
}

/// Only MQTT 5 lets a server say it. With the empty properties that could be left out: rumqttc waits for them.
pub(super) fn disconnect(out: &mut BytesMut, version: Version, reason: u8) {
    if version == Version::V5 {
        out.put_slice(&[0xE0, 2, reason, 0]);
    }
}

pub(super) fn publish(out: &mut BytesMut, version: Version, message: &Publish) {
    let numbered = message.qos > 0;
    let mut length = 2 + message.topic.len() + message.payload.len();
    length += if numbered { 2 } else { 0 };
    if version == Version::V5 {
        length += width(message.properties.len()) + message.properties.len();
    }
    let flags = u8::from(message.dup) << 3 | message.qos << 1 | u8::from(message.retain);
    out.reserve(5 + length);
    out.put_u8(0x30 | flags);
    variable(out, length);
    string(out, message.topic.as_bytes());
    if numbered {
        out.put_u16(message.packet);
    }
    if version == Version::V5 {
        variable(out, message.properties.len());
        out.put_slice(&message.properties);
    }
    out.put_slice(&message.payload);
}

/// The size of it on the wire.
pub(super) fn size(version: Version, message: &Publish) -> usize {
    let mut length = 2 + message.topic.len() + message.payload.len();
    length += if message.qos > 0 { 2 } else { 0 };
    if version == Version::V5 {
        length += width(message.properties.len()) + message.properties.len();
    }
    1 + width(length) + length
}

/// Cut to what the length can say.
fn string(out: &mut BytesMut, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.put_u16(length);
    out.put_slice(&bytes[..usize::from(length)]);
}

fn width(number: usize) -> usize {
    match number {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

fn variable(out: &mut BytesMut, mut number: usize) {
    for _ in 0..4 {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.put_u8(low & 0x7F);
            return;
        }
        out.put_u8(low | 0x80);
    }
}
