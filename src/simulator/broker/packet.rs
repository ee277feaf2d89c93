//! MQTT packets of a client, read from bytes: 3.1.1 and 5 in one shape. The rule: what the standard forbids is a
//! `Fault` with the reason MQTT 5 has for it, never a guess. Clause and table numbers are those of MQTT 5.0.

use super::fields::{Fields, Properties};
use super::reason;
use tokio_util::bytes::{Bytes, BytesMut};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V311,
    V5,
}

/// What ends a connection, and the MQTT 5 reason code for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub u8);

pub(super) const MALFORMED: Fault = Fault(reason::MALFORMED_PACKET);
pub(super) const PROTOCOL: Fault = Fault(reason::PROTOCOL_ERROR);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Publish {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    pub topic: String,
    /// 0 with QoS 0.
    pub packet: u16,
    pub payload: Bytes,
    /// MQTT 5: as they came, for those it is forwarded to (clause 3.3.2.3); no topic alias, no length.
    pub properties: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub version: Version,
    pub clean: bool,
    pub keep_alive: u16,
    pub client: String,
    pub will: Option<Publish>,
    pub user: Option<String>,
    pub has_password: bool,
    /// MQTT 5: publishes with QoS 1 it takes at a time.
    pub receive_max: Option<u16>,
    pub max_packet: Option<u32>,
    /// MQTT 5: it wishes its session to be kept.
    pub keeps_session: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    pub path: String,
    pub qos: u8,
    pub no_local: bool,
    pub retain_as_published: bool,
    /// 0: send retained messages; 1: only on a new subscription; 2: not (clause 3.8.3.1).
    pub retain_handling: u8,
}

/// What comes after CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Publish(Publish),
    PubAck(u16),
    Subscribe { packet: u16, filters: Vec<Filter> },
    Unsubscribe { packet: u16, filters: Vec<String> },
    PingReq,
    Disconnect { with_will: bool },
}

/// One packet cut from the stream: its first byte and what follows its length.
pub(super) struct Frame {
    pub first: u8,
    pub body: Bytes,
}

/// None: more bytes are needed. A packet longer than `most` is refused before it is buffered.
pub(super) fn cut(stream: &mut BytesMut, most: usize) -> Result<Option<Frame>, Fault> {
    let mut length = 0_usize;
    for at in 0..4 {
        let Some(byte) = stream.get(1 + at) else {
            return Ok(None);
        };
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            let header = 2 + at;
            if header + length > most {
                return Err(Fault(reason::PACKET_TOO_LARGE));
            }
            if stream.len() < header + length {
                return Ok(None);
            }
            let mut whole = stream.split_to(header + length).freeze();
            let first = whole.first().copied().ok_or(MALFORMED)?;
            return Ok(Some(Frame {
                first,
                body: whole.split_off(header),
            }));
        }
    }
    Err(MALFORMED)
}

/// CONNECT says the version of what follows; before it nothing else is read.
pub(super) fn connect(frame: Frame) -> Result<Connect, Fault> {
    if frame.first != 0x10 {
        return Err(PROTOCOL);
    }
    let mut fields = Fields(frame.body);
    let name = fields.text()?;
    let version = match (name.as_str(), fields.byte()?) {
        ("MQTT", 4) => Version::V311,
        ("MQTT", 5) => Version::V5,
        _ => return Err(Fault(reason::UNSUPPORTED_PROTOCOL_VERSION)),
    };
    let flags = fields.byte()?;
    let will_qos = flags >> 3 & 3;
    let has_will = flags & 4 != 0;
    if flags & 1 != 0 || will_qos == 3 || !has_will && flags & 0x38 != 0 {
        return Err(MALFORMED);
    }
    if version == Version::V311 && flags & 0xC0 == 0x40 {
        // A password without a user name, 3.1.1 clause 3.1.2.9.
        return Err(MALFORMED);
    }
    let keep_alive = fields.number()?;
    let properties = match version {
        Version::V5 => Properties::read(&mut fields, Properties::OF_CONNECT)?,
        Version::V311 => Properties::default(),
    };
    if properties.number(0x21) == Some(0) || properties.number(0x27) == Some(0) {
        return Err(PROTOCOL);
    }
    let client = fields.text()?;
    let will = if has_will {
        Some(will(&mut fields, version, flags)?)
    } else {
        None
    };
    let user = if flags & 0x80 == 0 {
        None
    } else {
        Some(fields.text()?)
    };
    let has_password = flags & 0x40 != 0;
    if has_password {
        drop(fields.binary()?);
    }
    fields.end()?;
    Ok(Connect {
        version,
        clean: flags & 2 != 0,
        keep_alive,
        client,
        will,
        user,
        has_password,
        receive_max: properties
            .number(0x21)
            .and_then(|most| u16::try_from(most).ok()),
        max_packet: properties.number(0x27),
        keeps_session: properties.number(0x11).is_some_and(|seconds| seconds > 0),
    })
}

fn will(fields: &mut Fields, version: Version, flags: u8) -> Result<Publish, Fault> {
    let properties = match version {
        Version::V5 => Properties::read(fields, Properties::OF_WILL)?.forwarded(),
        Version::V311 => Bytes::new(),
    };
    let topic = fields.text()?;
    Ok(Publish {
        qos: flags >> 3 & 3,
        retain: flags & 0x20 != 0,
        topic,
        payload: fields.binary()?,
        properties,
        ..Publish::default()
    })
}

pub(super) fn read(frame: Frame, version: Version) -> Result<Packet, Fault> {
    let (kind, flags) = (frame.first >> 4, frame.first & 0x0F);
    let mut fields = Fields(frame.body);
    // The four lower bits are given for every packet but PUBLISH (table 2-2).
    let expected = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
    if kind != 3 && flags != expected {
        return Err(MALFORMED);
    }
    let packet = match kind {
        3 => return publish(flags, fields, version).map(Packet::Publish),
        4 => {
            let packet = fields.identifier()?;
            // Reason and properties of a PUBACK change nothing for us: the message is done with.
            return Ok(Packet::PubAck(packet));
        }
        8 => subscribe(&mut fields, version)?,
        10 => unsubscribe(&mut fields, version)?,
        12 => Packet::PingReq,
        14 => disconnect(&mut fields, version)?,
        // A second CONNECT, QoS 2, AUTH, or what only a server sends.
        _ => return Err(PROTOCOL),
    };
    fields.end()?;
    Ok(packet)
}

fn publish(flags: u8, mut fields: Fields, version: Version) -> Result<Publish, Fault> {
    let qos = flags >> 1 & 3;
    match qos {
        3 => return Err(MALFORMED),
        2 => return Err(Fault(reason::QOS_NOT_SUPPORTED)),
        _ => {}
    }
    let topic = fields.text()?;
    let packet = if qos == 0 { 0 } else { fields.identifier()? };
    let properties = match version {
        Version::V5 => Properties::read(&mut fields, Properties::OF_PUBLISH)?,
        Version::V311 => Properties::default(),
    };
    if properties.number(0x23).is_some() {
        // We gave no Topic Alias Maximum, so it is 0 (clause 3.2.2.3.8).
        return Err(Fault(reason::TOPIC_ALIAS_INVALID));
    }
    if topic.is_empty() || topic.contains(['+', '#']) {
        return Err(Fault(reason::TOPIC_NAME_INVALID));
    }
    Ok(Publish {
        dup: flags & 8 != 0,
        qos,
        retain: flags & 1 != 0,
        topic,
        packet,
        payload: fields.0,
        properties: properties.forwarded(),
    })
}

fn subscribe(fields: &mut Fields, version: Version) -> Result<Packet, Fault> {
    let packet = fields.identifier()?;
    if version == Version::V5 {
        let properties = Properties::read(fields, Properties::OF_SUBSCRIBE)?;
        if properties.number(0x0B).is_some() {
            // Our CONNACK says that they are not available.
            return Err(Fault(reason::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED));
        }
    }
    let mut filters = Vec::new();
    while !fields.0.is_empty() {
        let path = fields.text()?;
        let options = fields.byte()?;
        let reserved = if version == Version::V5 { 0xC0 } else { 0xFC };
        if options & 3 == 3 || options & 0x30 == 0x30 || options & reserved != 0 {
            return Err(MALFORMED);
        }
        filters.push(Filter {
            path,
            qos: (options & 3).min(1),
            no_local: options & 4 != 0,
            retain_as_published: options & 8 != 0,
            retain_handling: options >> 4,
        });
    }
    if filters.is_empty() {
        return Err(PROTOCOL);
    }
    Ok(Packet::Subscribe { packet, filters })
}

fn unsubscribe(fields: &mut Fields, version: Version) -> Result<Packet, Fault> {
    let packet = fields.identifier()?;
    if version == Version::V5 {
        Properties::read(fields, Properties::OF_UNSUBSCRIBE)?;
    }
    let mut filters = Vec::new();
    while !fields.0.is_empty() {
        filters.push(fields.text()?);
    }
    if filters.is_empty() {
        return Err(PROTOCOL);
    }
    Ok(Packet::Unsubscribe { packet, filters })
}

/// Its reason may be left out, and its properties too (clause 3.14.2).
fn disconnect(fields: &mut Fields, version: Version) -> Result<Packet, Fault> {
    if version == Version::V311 || fields.0.is_empty() {
        return Ok(Packet::Disconnect { with_will: false });
    }
    let reason = fields.byte()?;
    if !fields.0.is_empty() {
        Properties::read(fields, Properties::OF_DISCONNECT)?;
    }
    Ok(Packet::Disconnect {
        with_will: reason != reason::SUCCESS,
    })
}
