//! A profile written down as it comes: numbers scaled exactly, times as the meter shows them. No more than the rows of one
//! part are held.

use super::cursor::{Cursor, Row};
use super::partial::{Asked, Partial, Saved};
use super::{Args, Column};
use crate::cli::Failure;
use crate::cosem::Data;
use crate::cosem::data::printable;
use crate::cosem::decode::decode;
use crate::cosem::profile::CaptureObject;
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

    /// What it is, for JSON.
    fn about(&self) -> Value {
        let unit = self.scaler_unit.map(|s| s.unit);
        json!({
            "obis": self.object.attribute.obis.to_string(),
            "class": self.object.attribute.class,
            "attribute": self.object.attribute.attribute,
            "index": self.object.index,
            "name": self.object.attribute.obis.describe(),
            "unit": unit.map(crate::cosem::Unit::symbol),
        })
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

/// Where rows go as they come.
pub(super) struct Output<'a> {
    out: &'a mut dyn Write,
    form: Form,
    csv: Option<Partial>,
    /// Columns as wide as the widest cell so far.
    widths: Vec<usize>,
    begun: bool,
    rows: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    /// The file is all that was asked for.
    Nothing,
}

impl<'a> Output<'a> {
    /// Opens the CSV file, where one is asked for; and how far an earlier run came.
    pub fn open(
        args: &Args,
        asked: Asked,
        out: &'a mut dyn Write,
    ) -> Result<(Self, Option<Saved>), Failure> {
        let (csv, saved) = match &args.csv {
            Some(path) => {
                let (csv, saved) = Partial::open(path, args.resume, asked)?;
                (Some(csv), saved)
            }
            None => (None, None),
        };
        let form = match (args.json, &csv) {
            (true, _) => Form::Json,
            (false, Some(_)) => Form::Nothing,
            (false, None) => Form::Table,
        };
        let output = Self {
            out,
            form,
            csv,
            widths: Vec::new(),
            begun: false,
            rows: 0,
        };
        Ok((output, saved))
    }

    /// The headings; not again in a file that has them.
    pub fn begin(&mut self, columns: &[Column], resumed: bool) -> io::Result<()> {
        self.begun = true;
        let headings: Vec<_> = columns.iter().map(Column::heading).collect();
        if let Some(csv) = self.csv.as_mut().filter(|_| !resumed) {
            line(&headings, csv)?;
        }
        match self.form {
            Form::Json => {
                let columns: Vec<_> = columns.iter().map(Column::about).collect();
                write!(
                    self.out,
                    "{{\"columns\":{},\"rows\":[",
                    Value::Array(columns)
                )
            }
            // They are printed with the first rows, whose widths they share.
            Form::Table => {
                self.widths = headings.iter().map(|heading| heading.width()).collect();
                Ok(())
            }
            Form::Nothing => Ok(()),
        }
    }

    pub fn rows(&mut self, columns: &[Column], rows: &[Row]) -> io::Result<()> {
        if let Some(csv) = &mut self.csv {
            for row in rows {
                line(&cells(columns, row), csv)?;
            }
        }
        match self.form {
            Form::Json => {
                for row in rows {
                    let pairs = columns.iter().zip(row);
                    let row: Value = pairs.map(|(column, data)| column.json(data)).collect();
                    let comma = if self.rows == 0 { "" } else { "," };
                    write!(self.out, "{comma}{row}")?;
                    self.rows += 1;
                }
            }
            Form::Table => {
                let mut lines: Vec<Vec<String>> = Vec::with_capacity(rows.len() + 1);
                if self.rows == 0 {
                    lines.push(columns.iter().map(Column::heading).collect());
                }
                lines.extend(rows.iter().map(|row| cells(columns, row)));
                self.rows += rows.len() as u64;
                self.table(&lines)?;
            }
            Form::Nothing => {}
        }
        self.out.flush()
    }

    fn table(&mut self, lines: &[Vec<String>]) -> io::Result<()> {
        for line in lines {
            for (width, cell) in self.widths.iter_mut().zip(line) {
                *width = (*width).max(cell.width());
            }
        }
        for line in lines {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(&self.widths) {
                text.push_str(cell);
                text.push_str(&" ".repeat(width - cell.width() + 2));
            }
            writeln!(self.out, "{}", text.trim_end())?;
        }
        Ok(())
    }

    /// What the file holds counts from now on.
    pub fn keep(
        &mut self,
        objects: &[CaptureObject],
        rows: u64,
        total: Option<u64>,
        cursor: &Cursor,
    ) -> io::Result<()> {
        match &mut self.csv {
            Some(csv) => csv.keep(objects, rows, total, cursor),
            None => Ok(()),
        }
    }

    /// All of it came.
    pub fn finish(mut self, columns: &[Column]) -> io::Result<()> {
        match self.form {
            Form::Json => writeln!(self.out, "]}}")?,
            Form::Table if self.rows == 0 => self.rows(columns, &[])?,
            _ => {}
        }
        self.csv.map_or(Ok(()), Partial::finish)
    }

    /// It broke off after `rows` rows in all: JSON still ends as JSON, and says why. What else is to be told.
    pub fn leave(self, rows: u64, why: &str) -> io::Result<Option<String>> {
        if self.begun && self.form == Form::Json {
            writeln!(self.out, "],\"error\":{}}}", Value::from(why))?;
        }
        Ok(self.csv.and_then(|csv| csv.leave(rows)))
    }
}

fn cells(columns: &[Column], row: &[Data]) -> Vec<String> {
    let pairs = columns.iter().zip(row);
    pairs.map(|(column, data)| column.text(data)).collect()
}

fn line(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    let quoted: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
    write!(out, "{}\r\n", quoted.join(","))
}

/// RFC 4180; a text that a spreadsheet would run as a formula is held back by a quote in front.
pub(in crate::cli) fn quoted(cell: &str) -> String {
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
    use crate::cosem::{AttributeRef, Obis, ScalerUnit, Unit};

    fn columns() -> Vec<Column> {
        let column = |class, scaler_unit| Column {
            object: CaptureObject {
                attribute: AttributeRef {
                    class,
                    obis: Obis::new(1, 0, 32, 7, 0, 255),
                    attribute: 2,
                },
                index: 0,
            },
            scaler_unit,
        };
        let volts = ScalerUnit {
            scaler: -1,
            unit: Unit(35),
        };
        vec![column(3, Some(volts)), column(1, None)]
    }

    fn rows() -> Vec<Row> {
        vec![
            vec![
                Data::LongUnsigned(2305),
                Data::VisibleString(b"a,\"b".to_vec()),
            ],
            vec![Data::Null, Data::Long(-5)],
        ]
    }

    fn written(form: Form, finish: bool) -> String {
        let mut out = Vec::new();
        let mut output = Output {
            out: &mut out,
            form,
            csv: None,
            widths: Vec::new(),
            begun: false,
            rows: 0,
        };
        output.begin(&columns(), false).unwrap();
        for row in rows() {
            output.rows(&columns(), &[row]).unwrap();
        }
        if finish {
            output.finish(&columns()).unwrap();
        } else {
            assert_eq!(output.leave(2, "lost").unwrap(), None);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_scaled_and_text_that_cannot_harm() {
        let json: Value = serde_json::from_str(&written(Form::Json, true)).unwrap();
        assert_eq!(json["columns"][0]["unit"], "V");
        assert_eq!(
            json["rows"],
            serde_json::json!([["230.5", "a,\"b"], [null, -5]])
        );
        assert_eq!(json.get("error"), None);
        assert!(written(Form::Table, true).starts_with("1-0:32.7.0 V  1-0:32.7.0\n230.5"));
        let lines: Vec<_> = rows().iter().map(|row| cells(&columns(), row)).collect();
        let mut csv = Vec::new();
        for cells in lines {
            line(&cells, &mut csv).unwrap();
        }
        let csv = String::from_utf8(csv).unwrap();
        assert_eq!(csv, "230.5,\"\"\"a,\\\"\"b\"\"\"\r\n,-5\r\n");
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("-5.2"), "-5.2");
    }

    #[test]
    fn json_that_broke_off_is_still_json_and_says_so() {
        let json: Value = serde_json::from_str(&written(Form::Json, false)).unwrap();
        assert_eq!(json["rows"].as_array().unwrap().len(), 2);
        assert_eq!(json["error"], "lost");
    }
}
