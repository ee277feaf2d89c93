//! What was heard, for people or as JSON. Text from a meter is data: control characters are visible wherever it stands.

use super::super::table::Table;
use crate::cosem::data::printable;
use crate::cosem::hex;
use crate::dlms::push::{Apdu, Guard, Notification, Pushed, Sealed, Source, Value};
use crate::dlms::security::SystemTitle;
use crate::meter::Clock;
use crate::meter::clock::rfc3339;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) struct Show<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    json: bool,
    raw: bool,
    clock: Clock,
}

impl<'a> Show<'a> {
    pub(super) fn new(
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        json: bool,
        raw: bool,
        clock: Clock,
    ) -> Self {
        Self {
            out,
            err,
            json,
            raw,
            clock,
        }
    }

    fn at(&self) -> String {
        rfc3339(self.clock.now())
    }

    fn line(&mut self, value: &serde_json::Value) -> io::Result<()> {
        writeln!(self.out, "{value}")?;
        self.out.flush()
    }

    /// Ready: from here on nothing is missed.
    pub(super) fn listening(&mut self, on: &str, by: &str) -> io::Result<()> {
        if self.json {
            let line = json!({"kind": "listening", "at": self.at(), "on": on, "by": by});
            return self.line(&line);
        }
        let words = format!("listening on {on} ({by}); nothing is sent, Ctrl-C ends");
        self.say(&words);
        Ok(())
    }

    /// About the listening itself.
    pub(super) fn say(&mut self, words: &str) {
        // Nobody left to tell is no reason to stop listening.
        let _ = writeln!(self.err, "obiscope: {}", printable(words));
    }

    /// About what was heard and could not be used.
    pub(super) fn note(&mut self, from: &str, words: &str) -> io::Result<()> {
        let words = printable(words);
        if self.json {
            let line = json!({"kind": "note", "at": self.at(), "from": from, "note": words});
            return self.line(&line);
        }
        writeln!(self.out, "{}  {from}  {words}", self.at())?;
        self.out.flush()
    }

    pub(super) fn pushed(&mut self, from: &str, apdu: &Apdu, pushed: &Pushed) -> io::Result<()> {
        if self.json {
            let line = self.object(from, apdu, pushed);
            return self.line(&line);
        }
        let carried = carried(apdu);
        let what = pushed
            .notification
            .as_ref()
            .map_or("not read", |it| it.service.name());
        writeln!(
            self.out,
            "{}  from {from}  {carried}  {what}  {}",
            self.at(),
            guard(&pushed.guard)
        )?;
        if let Some(problem) = &pushed.problem {
            writeln!(self.out, "  {}", printable(&problem.to_string()))?;
        }
        if let Some(replay) = &pushed.replay {
            writeln!(self.out, "  NOT A NEW READING: {replay}")?;
        }
        if let Some(notification) = &pushed.notification {
            self.values(notification)?;
        }
        if self.raw {
            writeln!(self.out, "  as sent  {}", hex::joined(&apdu.octets, ""))?;
            if let Some(plain) = &pushed.plain {
                writeln!(self.out, "  opened   {}", hex::joined(plain, ""))?;
            }
        }
        self.out.flush()
    }

    fn values(&mut self, notification: &Notification) -> io::Result<()> {
        let mut told = String::new();
        if let Some(time) = notification.time {
            let _ = write!(told, "  meter's time {time}");
        }
        if let Some(list) = &notification.list {
            let _ = write!(told, "  list {}", printable(list));
        }
        if let Some(pattern) = notification.pattern {
            let _ = write!(told, "  read as {pattern}'s");
        }
        if !told.is_empty() {
            writeln!(self.out, "{told}")?;
        }
        let mut table = Table::new([false, false, true, false]);
        for value in &notification.values {
            let code = value
                .obis
                .map_or_else(String::new, |obis| format!("{obis:#}"));
            table.add([
                format!("  {code}"),
                value.name(),
                printable(&value.text()),
                value.unit.map_or("", crate::cosem::Unit::symbol).to_owned(),
            ]);
        }
        table.print(self.out)?;
        if notification.more > 0 {
            writeln!(self.out, "  and {} more values", notification.more)?;
        }
        Ok(())
    }

    fn object(&self, from: &str, apdu: &Apdu, pushed: &Pushed) -> serde_json::Value {
        let kind = match (&pushed.notification, &pushed.replay) {
            (None, _) => "unread",
            (Some(_), Some(_)) => "replay",
            (Some(_), None) => "notification",
        };
        let verified = pushed.guard.is_verified();
        let mut line = json!({
            "kind": kind,
            "at": self.at(),
            "from": from,
            "framing": apdu.framing.key(),
            "link": apdu.link,
            "frames": apdu.frames,
            "blocks": apdu.blocks,
            "verified": verified,
            "security": security(&pushed.guard),
        });
        let Some(fields) = line.as_object_mut() else {
            return line;
        };
        if let Some(problem) = &pushed.problem {
            fields.insert("problem".into(), printable(&problem.to_string()).into());
        }
        if let Some(replay) = &pushed.replay {
            let replay = json!({"counter": replay.got, "highest": replay.highest});
            fields.insert("replay".into(), replay);
        }
        if let Some(notification) = &pushed.notification {
            let values: Vec<_> = notification
                .values
                .iter()
                .map(|value| value_object(value, verified))
                .collect();
            fields.extend([
                ("service".into(), notification.service.name().into()),
                (
                    "time".into(),
                    notification.time.map(|time| time.to_string()).into(),
                ),
                (
                    "list".into(),
                    notification.list.as_deref().map(printable).into(),
                ),
                ("pattern".into(), notification.pattern.into()),
                ("values".into(), values.into()),
                ("more".into(), notification.more.into()),
            ]);
        }
        if self.raw {
            fields.insert("apdu".into(), hex::joined(&apdu.octets, "").into());
            fields.insert(
                "plain".into(),
                pushed
                    .plain
                    .as_deref()
                    .map(|plain| hex::joined(plain, ""))
                    .into(),
            );
        }
        line
    }
}

fn value_object(value: &Value, verified: bool) -> serde_json::Value {
    json!({
        "obis": value.obis.map(|obis| obis.to_string()),
        "class": value.class,
        "attribute": value.attribute,
        "name": value.name(),
        "key": value.obis.map(crate::cosem::Obis::key),
        "position": value.position,
        "value": printable(&value.text()),
        "unit": value.unit.map(crate::cosem::Unit::symbol),
        "unit_code": value.unit.map(|unit| unit.0),
        "scaler": value.number.filter(|_| value.unit.is_some()).map(|number| number.scaler),
        "raw": value.data.to_json(),
        "type": value.data.type_name(),
        "meaning": match value.source {
            Source::Sent => "sent",
            Source::Scaled => "scaled by list",
            Source::Position => "by position",
            Source::Unknown => "unknown",
        },
        "verified": verified,
    })
}

/// `HDLC (UI 41 → 0883, 3 frames)`
fn carried(apdu: &Apdu) -> String {
    let mut parts = Vec::new();
    if !apdu.link.is_empty() {
        parts.push(apdu.link.clone());
    }
    if apdu.frames > 1 {
        parts.push(format!("{} frames", apdu.frames));
    }
    if apdu.blocks > 0 {
        parts.push(format!("{} general blocks", apdu.blocks));
    }
    let name = apdu.framing.name();
    if parts.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({})", parts.join(", "))
    }
}

fn guard(guard: &Guard) -> String {
    let by = |title: Option<SystemTitle>| {
        title.map_or_else(String::new, |title| format!(", title {title}"))
    };
    match guard {
        Guard::Clear => "in clear, NOT VERIFIED".to_owned(),
        Guard::Sealed(Sealed { title, counter, .. }) => {
            let counter =
                counter.map_or_else(String::new, |counter| format!(", counter {counter}"));
            format!("sealed{}{counter}", by(*title))
        }
        Guard::Opened {
            title,
            counter,
            control,
            verified,
        } => {
            let how = match (verified, control.protection()) {
                (true, _) => "verified",
                (false, Some(protection)) if protection.authenticates() => {
                    "NOT VERIFIED (tag not checked)"
                }
                (false, _) => "NOT VERIFIED (no tag)",
            };
            format!("{how}{}, counter {counter}", by(*title))
        }
        Guard::Signed { title, verified } => {
            let how = if *verified {
                "signature verified"
            } else {
                "signed, NOT VERIFIED"
            };
            format!("{how}{}", by(*title))
        }
    }
}

fn security(guard: &Guard) -> serde_json::Value {
    let title = |title: &Option<SystemTitle>| title.map(|title| title.hex());
    match guard {
        Guard::Clear => serde_json::Value::Null,
        Guard::Sealed(sealed) => json!({
            "state": "sealed",
            "title": title(&sealed.title),
            "counter": sealed.counter,
            "control": sealed.control.map(|control| control.0),
        }),
        Guard::Opened {
            title: from,
            counter,
            control,
            verified,
        } => json!({
            "state": "opened",
            "title": title(from),
            "counter": counter,
            "control": control.0,
            "suite": control.suite_number(),
            "protection": control.protection().map(crate::dlms::security::Protection::name),
            "verified": verified,
        }),
        Guard::Signed {
            title: from,
            verified,
        } => json!({"state": "signed", "title": title(from), "verified": verified}),
    }
}
