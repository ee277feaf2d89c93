//! Readings, steps and network figures as lines: for people, as CSV, or one JSON object each with the names `read` gives.

use super::super::table::Table;
use crate::cosem::data::printable;
use crate::cosem::{Obis, Unit};
use crate::meter::clock::rfc3339;
use crate::store::{Point, Recorded, Series, Track, Traffic};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    Csv,
    Json,
}

/// Lines of a table that share their widths.
const LINES: usize = 1_000;

pub(super) struct Output<'a> {
    form: Form,
    out: &'a mut dyn Write,
    table: Table<8>,
    waiting: usize,
    headed: bool,
}

impl<'a> Output<'a> {
    pub fn new(form: Form, out: &'a mut dyn Write) -> Self {
        Self {
            form,
            out,
            table: Table::new([false, false, false, true, true, true, true, true]),
            waiting: 0,
            headed: false,
        }
    }

    pub fn reading(&mut self, it: &Recorded) -> io::Result<()> {
        let unit = it.unit.map(|code| Unit(code).symbol());
        if self.form == Form::Json {
            let mut object = about(&it.key, it.class, &it.obis, it.attribute);
            if let Some(error) = &it.error {
                object["error"] = json!({ "kind": null, "code": null, "name": error });
            } else {
                object["value"] = it.value.clone().into();
                object["unit"] = unit.into();
                object["unit_code"] = it.unit.into();
                object["scaler"] = it.scaler.into();
                // It is JSON already; should it not be, it is text.
                let raw = it.raw.as_deref().unwrap_or("null");
                object["raw"] = serde_json::from_str(raw).unwrap_or_else(|_| raw.into());
            }
            object["at"] = rfc3339(it.at).into();
            return writeln!(self.out, "{object}");
        }
        let value = it.value.as_ref().or(it.error.as_ref());
        let value = value.map_or("", String::as_str);
        if self.form == Form::Csv {
            self.head("at,key,obis,class,attribute,value,unit,scaler,raw,error")?;
            let read = it.value.as_deref().unwrap_or_default();
            return self.line(&[
                &rfc3339(it.at),
                &it.key,
                &it.obis,
                &it.class.to_string(),
                &it.attribute.to_string(),
                read,
                unit.unwrap_or_default(),
                &it.scaler
                    .map(|scaler| scaler.to_string())
                    .unwrap_or_default(),
                it.raw.as_deref().unwrap_or_default(),
                it.error.as_deref().unwrap_or_default(),
            ]);
        }
        let cells = [
            rfc3339(it.at),
            printable(&it.key),
            short(&it.obis),
            printable(value),
            unit.unwrap_or_default().to_owned(),
            String::new(),
            String::new(),
            String::new(),
        ];
        self.row(cells)
    }

    pub fn point(&mut self, track: &Track, series: &Series, it: &Point) -> io::Result<()> {
        let unit = series.unit.map(|code| Unit(code).symbol());
        let step = humantime::format_duration(series.step).to_string();
        if self.form == Form::Json {
            let mut object = about(&track.key, track.class, &track.obis, track.attribute);
            object["value"] = it.last.clone().into();
            object["unit"] = unit.into();
            object["unit_code"] = series.unit.into();
            object["first"] = it.first.clone().into();
            for (name, level) in [("min", it.min), ("mean", it.mean), ("max", it.max)] {
                object[name] = level.into();
            }
            object["count"] = it.count.into();
            object["step"] = step.into();
            object["at"] = rfc3339(it.at).into();
            return writeln!(self.out, "{object}");
        }
        let (min, mean, max) = (level(it.min), level(it.mean), level(it.max));
        if self.form == Form::Csv {
            self.head("at,step,key,obis,class,attribute,min,mean,max,first,last,unit,count")?;
            return self.line(&[
                &rfc3339(it.at),
                &step,
                &track.key,
                &track.obis,
                &track.class.to_string(),
                &track.attribute.to_string(),
                &min,
                &mean,
                &max,
                &it.first,
                &it.last,
                unit.unwrap_or_default(),
                &it.count.to_string(),
            ]);
        }
        if !self.headed {
            self.headed = true;
            let names = ["at", "key", "obis", "min", "mean", "max", "last", "count"];
            self.row(names.map(str::to_owned))?;
        }
        let last = format!("{} {}", it.last, unit.unwrap_or_default());
        self.row([
            rfc3339(it.at),
            printable(&track.key),
            short(&track.obis),
            min,
            mean,
            max,
            last.trim_end().to_owned(),
            it.count.to_string(),
        ])
    }

    pub fn traffic(&mut self, it: &Traffic) -> io::Result<()> {
        let each = |bytes: u64, of: u64| bytes.checked_div(of).unwrap_or(0);
        let figures = [
            ("requests", it.requests),
            ("responses", it.responses),
            ("frames_sent", it.frames_sent),
            ("frames_received", it.frames_received),
            ("bytes_sent", it.bytes_sent),
            ("bytes_received", it.bytes_received),
            (
                "average_payload",
                each(
                    it.bytes_sent + it.bytes_received,
                    it.frames_sent + it.frames_received,
                ),
            ),
            ("messages", it.messages),
            ("message_bytes", it.message_bytes),
            ("average_message", each(it.message_bytes, it.messages)),
            ("sent_per_second", rate(it.bytes_sent, it.span)),
            ("received_per_second", rate(it.bytes_received, it.span)),
            ("peak_sent_per_second", it.peak_sent),
            ("peak_received_per_second", it.peak_received),
        ];
        let seconds = it.span.as_secs_f64();
        if self.form == Form::Json {
            let mut object = json!({ "at": rfc3339(it.at), "seconds": seconds });
            for (name, figure) in figures {
                object[name] = figure.into();
            }
            return writeln!(self.out, "{object}");
        }
        if self.form == Form::Csv {
            let names: Vec<_> = figures.iter().map(|(name, _)| *name).collect();
            self.head(&format!("at,seconds,{}", names.join(",")))?;
            let mut cells = vec![rfc3339(it.at), seconds.to_string()];
            cells.extend(figures.iter().map(|(_, figure)| figure.to_string()));
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            return self.line(&cells);
        }
        if !self.headed {
            self.headed = true;
            let names = [
                "at",
                "requests",
                "frames out/in",
                "bytes out",
                "bytes in",
                "a second out/in",
                "peak out/in",
                "messages",
            ];
            self.row(names.map(str::to_owned))?;
        }
        self.row([
            rfc3339(it.at),
            format!("{}/{}", it.responses, it.requests),
            format!("{}/{}", it.frames_sent, it.frames_received),
            it.bytes_sent.to_string(),
            it.bytes_received.to_string(),
            format!(
                "{}/{}",
                rate(it.bytes_sent, it.span),
                rate(it.bytes_received, it.span)
            ),
            format!("{}/{}", it.peak_sent, it.peak_received),
            format!("{} ({} B)", it.messages, it.message_bytes),
        ])
    }

    fn head(&mut self, names: &str) -> io::Result<()> {
        if std::mem::replace(&mut self.headed, true) {
            return Ok(());
        }
        write!(self.out, "{names}\r\n")
    }

    fn line(&mut self, cells: &[&str]) -> io::Result<()> {
        let quoted: Vec<_> = cells
            .iter()
            .map(|cell| super::super::profile::quoted(&printable(cell)))
            .collect();
        write!(self.out, "{}\r\n", quoted.join(","))
    }

    fn row(&mut self, cells: [String; 8]) -> io::Result<()> {
        self.table.add(cells);
        self.waiting += 1;
        if self.waiting >= LINES {
            self.flush()?;
        }
        Ok(())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.waiting = 0;
        self.table.print(self.out)
    }

    pub fn end(&mut self) -> io::Result<()> {
        self.flush()?;
        self.out.flush()
    }
}

fn about(key: &str, class: u16, obis: &str, attribute: i8) -> Value {
    json!({ "obis": obis, "class": class, "attribute": attribute, "key": key })
}

fn short(obis: &str) -> String {
    obis.parse::<Obis>()
        .map_or_else(|_| printable(obis), |obis| format!("{obis:#}"))
}

/// What a float of a chart is worth.
fn level(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn rate(bytes: u64, span: Duration) -> u64 {
    let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    bytes.saturating_mul(1_000).checked_div(span).unwrap_or(0)
}
