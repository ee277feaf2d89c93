//! A profile written down: numbers scaled exactly, times as the meter shows them.

use super::{Column, Profile};
use crate::cosem::Data;
use crate::cosem::data::printable;
use crate::cosem::decode::decode;
use serde_json::{Value, json};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

impl Column {
    fn heading(&self) -> String {
        let mut text = format!("{:#}", self.object.attribute.obis);
        if self.object.attribute.attribute != 2 {
            text.extend(["/", &self.object.attribute.attribute.to_string()]);
        }
        if self.object.index != 0 {
            text.extend(["[", &self.object.index.to_string(), "]"]);
        }
        if let Some(unit) = self.scaler_unit.filter(|s| !s.unit.symbol().is_empty()) {
            text.extend([" ", unit.unit.symbol()]);
        }
        text
    }

    fn text(&self, data: &Data) -> String {
        let number = self.scaler_unit.zip(data.as_integer());
        let text = match number {
            Some((scaler, raw)) => scaler.apply(raw).to_string(),
            None if *data == Data::Null => String::new(),
            // An element of an attribute is not the attribute.
            None if self.object.index != 0 => data.to_text(),
            None => decode(
                self.object.attribute.class,
                self.object.attribute.attribute,
                data,
            )
            .to_text(),
        };
        printable(&text)
    }

    fn json(&self, data: &Data) -> Value {
        match data {
            Data::Null => Value::Null,
            // Exact decimals are strings, as everywhere.
            _ if self.scaler_unit.is_some() => self.text(data).into(),
            _ if data.as_date_time().is_some() => self.text(data).into(),
            other => other.to_json(),
        }
    }
}

pub(super) fn table(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = vec![profile.columns.iter().map(Column::heading).collect()];
    for row in &profile.rows {
        lines.push(cells(profile, row));
    }
    let mut widths = vec![0; profile.columns.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(cell);
            text.push_str(&" ".repeat(width - cell.width() + 2));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

fn cells(profile: &Profile, row: &[Data]) -> Vec<String> {
    let pairs = profile.columns.iter().zip(row);
    pairs.map(|(column, data)| column.text(data)).collect()
}

pub(super) fn json(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let columns: Vec<_> = profile
        .columns
        .iter()
        .map(|column| {
            let unit = column.scaler_unit.map(|s| s.unit);
            json!({
                "obis": column.object.attribute.obis.to_string(),
                "class": column.object.attribute.class,
                "attribute": column.object.attribute.attribute,
                "index": column.object.index,
                "name": column.object.attribute.obis.describe(),
                "unit": unit.map(crate::cosem::Unit::symbol),
            })
        })
        .collect();
    let rows: Vec<Value> = profile
        .rows
        .iter()
        .map(|row| {
            let pairs = profile.columns.iter().zip(row);
            pairs.map(|(column, data)| column.json(data)).collect()
        })
        .collect();
    writeln!(out, "{}", json!({ "columns": columns, "rows": rows }))
}

pub(super) fn csv(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let headings: Vec<_> = profile.columns.iter().map(Column::heading).collect();
    line(&headings, out)?;
    for row in &profile.rows {
        line(&cells(profile, row), out)?;
    }
    Ok(())
}

fn line(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    let quoted: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
    write!(out, "{}\r\n", quoted.join(","))
}

/// RFC 4180; a text that a spreadsheet would run as a formula is held back by a quote in front.
fn quoted(cell: &str) -> String {
    let number = cell.parse::<f64>().is_ok();
    let formula = cell.starts_with(['=', '+', '-', '@']) && !number;
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::profile::CaptureObject;
    use crate::cosem::{AttributeRef, Obis, ScalerUnit, Unit};

    #[test]
    fn numbers_scaled_and_text_that_cannot_harm() {
        let object = |class| CaptureObject {
            attribute: AttributeRef {
                class,
                obis: Obis::new(1, 0, 32, 7, 0, 255),
                attribute: 2,
            },
            index: 0,
        };
        let volts = Some(ScalerUnit {
            scaler: -1,
            unit: Unit(35),
        });
        let profile = Profile {
            columns: vec![
                Column {
                    object: object(3),
                    scaler_unit: volts,
                },
                Column {
                    object: object(1),
                    scaler_unit: None,
                },
            ],
            rows: vec![
                vec![
                    Data::LongUnsigned(2305),
                    Data::VisibleString(b"a,\"b".to_vec()),
                ],
                vec![Data::Null, Data::Long(-5)],
            ],
        };
        let written = |write: fn(&Profile, &mut dyn Write) -> io::Result<()>| {
            let mut out = Vec::new();
            write(&profile, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            written(csv),
            "1-0:32.7.0 V,1-0:32.7.0\r\n230.5,\"\"\"a,\\\"\"b\"\"\"\r\n,-5\r\n"
        );
        let json: Value = serde_json::from_str(&written(json)).unwrap();
        assert_eq!(json["columns"][0]["unit"], "V");
        assert_eq!(
            json["rows"],
            serde_json::json!([["230.5", "a,\"b"], [null, -5]])
        );
        assert!(written(table).starts_with("1-0:32.7.0 V  1-0:32.7.0\n230.5"));
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("-5.2"), "-5.2");
    }
}
