//! What went over the wire, a row a meter and minute. The rule: each meter's own, counted where its octets pass and where the
//! broker acknowledged them; nothing is shared out between meters.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::NETWORK;
use super::octets::{Reader, Writer};
use super::record::{Grown, insert, length};
use crate::meter::MeterId;
use crate::store::error::Fault;
use crate::store::meters::timestamp;

/// One meter in one span of time, of a minute as a rule. Octets of the link, framing included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// When the span began.
    pub at: Timestamp,
    pub span: Duration,
    /// Attributes asked for, and those that came.
    pub requests: u64,
    pub responses: u64,
    pub frames_sent: u64,
    pub frames_received: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// The most in one second.
    pub peak_sent: u64,
    pub peak_received: u64,
    /// Acknowledged by the broker; topic and payload.
    pub messages: u64,
    pub message_bytes: u64,
}

impl Traffic {
    /// Nothing, from this time on.
    pub const fn none(at: Timestamp) -> Self {
        Self {
            at,
            span: Duration::ZERO,
            requests: 0,
            responses: 0,
            frames_sent: 0,
            frames_received: 0,
            bytes_sent: 0,
            bytes_received: 0,
            peak_sent: 0,
            peak_received: 0,
            messages: 0,
            message_bytes: 0,
        }
    }

    /// True where nothing went either way.
    pub const fn is_idle(&self) -> bool {
        self.requests == 0 && self.bytes_sent == 0 && self.bytes_received == 0 && self.messages == 0
    }

    fn numbers(&self) -> [u64; 11] {
        [
            u64::try_from(self.span.as_millis()).unwrap_or(u64::MAX),
            self.requests,
            self.responses,
            self.frames_sent,
            self.frames_received,
            self.bytes_sent,
            self.bytes_received,
            self.peak_sent,
            self.peak_received,
            self.messages,
            self.message_bytes,
        ]
    }

    fn read(at: Timestamp, body: &[u8]) -> Option<Self> {
        let mut from = Reader(body);
        let mut next = || from.number::<u64>();
        Some(Self {
            at,
            span: Duration::from_millis(next()?),
            requests: next()?,
            responses: next()?,
            frames_sent: next()?,
            frames_received: next()?,
            bytes_sent: next()?,
            bytes_received: next()?,
            peak_sent: next()?,
            peak_received: next()?,
            messages: next()?,
            message_bytes: next()?,
        })
    }
}

/// Of meters that are still there; the others' go.
pub(super) fn keep(connection: &mut Connection, rows: &[(MeterId, Traffic)]) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let mut grown = Grown::default();
    for (meter, traffic) in rows {
        let known = transaction
            .prepare_cached("SELECT 1 FROM meter WHERE id = ?")?
            .exists([meter.0])?;
        if !known {
            continue;
        }
        let mut body = Writer(Vec::with_capacity(24));
        for number in traffic.numbers() {
            body.number(number.into());
        }
        if insert(
            &transaction,
            *meter,
            NETWORK,
            traffic.at.as_millisecond(),
            &body.0,
        )? {
            grown.add(NETWORK, 1, length(&body.0));
        }
    }
    grown.settle(&transaction)?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn rows(
    connection: &Connection,
    meter: MeterId,
    (from, to): (Timestamp, Timestamp),
    limit: usize,
) -> Result<Vec<Traffic>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT at_ms, body FROM history
         WHERE meter = ? AND step = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms, again LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (from, to) = (from.as_millisecond(), to.as_millisecond());
    let mut rows = query.query(params![meter.0, NETWORK, from, to, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let at = timestamp(row.get(0)?)?;
        let body = row.get_ref(1)?.as_blob().unwrap_or_default();
        found.extend(Traffic::read(at, body));
    }
    Ok(found)
}

/// Acknowledged since last asked, by meter.
#[derive(Debug, Default)]
pub(in crate::store) struct Acknowledged(BTreeMap<MeterId, (u64, u64)>);

impl Acknowledged {
    pub fn add(&mut self, meter: MeterId, bytes: u64) {
        let (messages, all) = self.0.entry(meter).or_default();
        *messages += 1;
        *all += bytes;
    }

    /// Messages and their octets.
    pub fn take(&mut self) -> BTreeMap<MeterId, (u64, u64)> {
        std::mem::take(&mut self.0)
    }
}
