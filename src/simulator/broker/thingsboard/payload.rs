//! Telemetry and attributes as the server reads them. The rule: a shape it does not take is an error for the whole message,
//! unless it is one that the server skips.

use super::Stored;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

pub(super) type Values = BTreeMap<String, Stored>;
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Not what the server takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<serde_json::Error> for Malformed {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

pub(super) fn members(text: &str) -> Result<Members<'_>, Malformed> {
    Ok(serde_json::from_str(text)?)
}

pub(super) fn values(text: &str) -> Result<Values, Malformed> {
    let members = members(text)?.into_iter();
    Ok(members
        .filter_map(|(key, raw)| Some((key, Stored::new(raw)?)))
        .collect())
}

/// `{"k":v}` with the server's time, `{"ts":ms,"values":{…}}`, or an array of either.
pub(super) fn telemetry(text: &str, now: i64) -> Result<Vec<(i64, Values)>, Malformed> {
    if text.trim_start().starts_with('[') {
        let rows: Vec<&RawValue> = serde_json::from_str(text)?;
        rows.into_iter().map(|it| row(it.get(), now)).collect()
    } else {
        Ok(vec![row(text, now)?])
    }
}

fn row(text: &str, now: i64) -> Result<(i64, Values), Malformed> {
    let members = members(text)?;
    match (members.get("ts"), members.get("values")) {
        (Some(ts), Some(inner)) => Ok((serde_json::from_str(ts.get())?, values(inner.get())?)),
        _ => Ok((now, values(text)?)),
    }
}

/// Rows behind a gateway: `metadata` is not a value there but must hold these three if it is given.
pub(super) fn from_gateway(text: &str, now: i64) -> Result<Vec<(i64, Values)>, Malformed> {
    let rows: Vec<&RawValue> = serde_json::from_str(text)?;
    let mut all = Vec::new();
    for text in rows {
        if let Some(metadata) = members(text.get())?.get("metadata") {
            let metadata = members(metadata.get())?;
            let complete = ["connector", "receivedTs", "publishedTs"]
                .iter()
                .all(|key| metadata.contains_key(*key));
            if !complete {
                return Err(Malformed);
            }
        }
        let (ts, mut values) = row(text.get(), now)?;
        values.remove("metadata");
        all.push((ts, values));
    }
    Ok(all)
}
