//! The explanation as JSON: one object, its frames written one at a time.
//!
//! The one rule: the shape is stable; keys are added, never renamed.
use super::Found;
use crate::cli::findings;
use crate::cosem::hex;
use crate::diagnosis::Finding;
use crate::dlms::explain::{Direction, Explained, Field, Framing, What};
use serde::Serialize;
use std::io::{Result, Write};

#[derive(Serialize)]
struct Frame<'a> {
    kind: &'a str,
    offset: usize,
    hex: String,
    length_ok: bool,
    /// Null without an information field.
    hcs_ok: Option<bool>,
    /// Null where the framing has no FCS.
    fcs_ok: Option<bool>,
    client: Option<u8>,
    server: Option<Server>,
    fields: Vec<Part<'a>>,
    apdu: Option<Apdu<'a>>,
    framing: &'static str,
    link: &'a str,
    summary: &'a str,
    trouble: bool,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

#[derive(Serialize)]
struct Server {
    upper: u16,
    lower: Option<u16>,
    bytes: Option<u8>,
}

#[derive(Serialize)]
struct Apdu<'a> {
    kind: &'a str,
    offset: usize,
    length: usize,
    summary: &'a str,
    fields: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    name: &'a str,
    offset: usize,
    length: usize,
    value: &'a str,
    depth: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
    /// What this one is made of; in `apdu` only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Junk {
    offset: usize,
    hex: String,
}

pub(super) fn write<'a>(
    found: impl Iterator<Item = Found<'a>>,
    findings: &[(Option<String>, Finding)],
    out: &mut dyn Write,
) -> Result<()> {
    let mut junk = Vec::new();
    let mut rest = String::new();
    write!(out, "{{\"frames\":[")?;
    let mut first = true;
    for one in found {
        match one.what {
            What::Junk => junk.push(Junk {
                offset: one.offset,
                hex: hex::joined(one.octets, ""),
            }),
            What::Rest => rest.push_str(&hex::joined(one.octets, "")),
            _ => {}
        }
        if let Some(explained) = &one.explained {
            if !first {
                write!(out, ",")?;
            }
            first = false;
            serde_json::to_writer(&mut *out, &frame(&one, explained))?;
        }
    }
    write!(out, "],\"rest\":\"{rest}\",\"junk\":")?;
    serde_json::to_writer(&mut *out, &junk)?;
    write!(out, ",\"findings\":")?;
    serde_json::to_writer(&mut *out, &findings::json(findings))?;
    writeln!(out, "}}")?;
    out.flush()
}

fn frame<'a>(one: &'a Found<'a>, explained: &'a Explained) -> Frame<'a> {
    let hdlc = explained.framing == Framing::Hdlc;
    Frame {
        kind: &explained.kind,
        offset: explained.offset,
        hex: hex::joined(one.octets, ""),
        length_ok: explained.length_ok,
        hcs_ok: explained.hcs_ok,
        fcs_ok: hdlc.then_some(explained.fcs_ok),
        client: explained.client,
        server: explained.server.map(|server| Server {
            upper: server.upper(),
            lower: server.lower(),
            bytes: hdlc.then_some(server.size()),
        }),
        fields: explained.fields.iter().map(flat).collect(),
        apdu: apdu(explained),
        framing: match explained.framing {
            Framing::Hdlc => "hdlc",
            Framing::Wrapper => "wrapper",
            Framing::Mbus => "m-bus",
            Framing::Bare => "none",
        },
        link: &explained.link,
        summary: &explained.summary,
        trouble: explained.trouble,
        complete: one.what != What::Rest,
        dir: one.stream.direction.map(|direction| match direction {
            Direction::ToMeter => "tx",
            Direction::FromMeter => "rx",
        }),
        at: one.line.and_then(|chunk| chunk.at.as_deref()),
        meter: one.stream.meter.as_deref(),
        line: one.line.map(|chunk| chunk.line),
    }
}

fn apdu(explained: &Explained) -> Option<Apdu<'_>> {
    let (offset, length) = explained.apdu?;
    let at = explained
        .fields
        .iter()
        .position(|field| field.name == "APDU" && field.offset == offset)?;
    let mut fields = explained.fields.get(at..)?.iter().peekable();
    let depth = fields.next()?.depth;
    Some(Apdu {
        kind: &explained.kind,
        offset,
        length,
        summary: &explained.summary,
        fields: nested(&mut fields, depth),
    })
}

/// The fields below `depth`, each with its own below it.
fn nested<'a>(
    fields: &mut std::iter::Peekable<std::slice::Iter<'a, Field>>,
    depth: u8,
) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    while let Some(field) = fields.next_if(|field| field.depth > depth) {
        let mut part = flat(field);
        part.fields = nested(fields, field.depth);
        parts.push(part);
    }
    parts
}

fn flat(field: &Field) -> Part<'_> {
    Part {
        name: &field.name,
        offset: field.offset,
        length: field.length,
        value: &field.value,
        depth: field.depth,
        problem: field.problem.as_deref(),
        source: field.source,
        secret: field.secret,
        fields: Vec::new(),
    }
}
