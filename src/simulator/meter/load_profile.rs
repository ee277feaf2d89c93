//! The load profile (class 7): quarter-hours, a month of them unless the meter is made otherwise, worked out from the
//! load's curves when they are asked for. A row is what
//! its registers showed at the end of its interval; rows go by true time, whatever the meter's clock was set to meanwhile.

use super::attributes::{Reader, array, octets, structure};
use super::registers::INTERVAL;
use super::wall;
use crate::cosem::profile::CaptureObject;
use crate::cosem::{AttributeRef, Data, Obis};
use crate::dlms::xdlms::{DataAccessResult, Selection};
use crate::simulator::objects::{self, Object, Source};
use std::ops::RangeInclusive;

/// First in, first out.
const FIFO: u8 = 1;
const REFUSED: DataAccessResult = DataAccessResult::SCOPE_OF_ACCESS_VIOLATED;

impl Reader<'_> {
    /// Any attribute but 1, the buffer whole.
    pub fn load_profile(&mut self, attribute: i8, out: &mut Vec<u8>) {
        match attribute {
            2 => {
                let columns = self.columns();
                let rows = 1..=self.rows().1;
                self.buffer(rows, &columns, out);
            }
            3 => {
                let columns = self.columns();
                array(columns.len(), out);
                for column in columns {
                    column.to_data().encode(out);
                }
            }
            4 => Data::DoubleLongUnsigned(900).encode(out),
            5 => Data::Enum(FIFO).encode(out),
            6 => CaptureObject::CLOCK.to_data().encode(out),
            7 => number(self.rows().1, out),
            _ => number(self.profile.rows.into(), out),
        }
    }

    /// The part of the buffer that was asked for.
    pub fn select(&mut self, access: &[u8], out: &mut Vec<u8>) -> Result<(), DataAccessResult> {
        let (rows, columns) = match Selection::decode(access) {
            Ok(Selection::Range {
                column,
                from,
                to,
                columns,
            }) => (self.range(column, &from, &to)?, self.chosen(columns)?),
            Ok(Selection::Entries {
                from,
                to,
                first_column,
                last_column,
            }) => {
                let last = if to == 0 { i64::MAX } else { to.into() };
                let rows = i64::from(from.max(1))..=last.min(self.rows().1);
                (rows, self.between(first_column, last_column)?)
            }
            Ok(Selection::Other { .. }) => return Err(REFUSED),
            Err(_) => return Err(DataAccessResult::TYPE_UNMATCHED),
        };
        self.buffer(rows, &columns, out);
        Ok(())
    }

    fn columns(&self) -> Vec<CaptureObject> {
        let registers = objects::captured(self.profile.kind).map(|obis| CaptureObject {
            attribute: AttributeRef {
                class: 3,
                obis,
                attribute: 2,
            },
            index: 0,
        });
        [CaptureObject::CLOCK]
            .into_iter()
            .chain(registers)
            .collect()
    }

    fn chosen(&self, asked: Vec<CaptureObject>) -> Result<Vec<CaptureObject>, DataAccessResult> {
        let all = self.columns();
        if asked.is_empty() {
            return Ok(all);
        }
        if asked.iter().all(|column| all.contains(column)) {
            Ok(asked)
        } else {
            Err(REFUSED)
        }
    }

    /// Columns by number from 1; 0 as the last is the last there is.
    fn between(&self, first: u16, last: u16) -> Result<Vec<CaptureObject>, DataAccessResult> {
        let all = self.columns();
        let first = usize::from(first.max(1)) - 1;
        let last = match usize::from(last) {
            0 => all.len(),
            last => last.min(all.len()),
        };
        match all.get(first..last) {
            Some(columns) if !columns.is_empty() => Ok(columns.to_vec()),
            _ => Err(REFUSED),
        }
    }

    /// The end of the newest interval, and how many rows there are up to it.
    fn rows(&self) -> (i64, i64) {
        let unix = self.unix();
        let newest = unix - unix.rem_euclid(INTERVAL);
        let since = self.kept.cleared.map_or(i64::MAX, |cleared| {
            (newest - cleared).div_euclid(INTERVAL) + 1
        });
        (newest, since.clamp(0, self.profile.rows.into()))
    }

    /// Rows by their time, as numbers from 1.
    fn range(
        &self,
        column: CaptureObject,
        from: &Data,
        to: &Data,
    ) -> Result<RangeInclusive<i64>, DataAccessResult> {
        if column.attribute != CaptureObject::CLOCK.attribute {
            return Err(REFUSED);
        }
        let (newest, count) = self.rows();
        let oldest = newest - (count - 1) * INTERVAL;
        let from = self.moment_of(from)?.map_or(1, |from| {
            (from.saturating_sub(oldest) + INTERVAL - 1).div_euclid(INTERVAL) + 1
        });
        let to = self.moment_of(to)?.map_or(count, |to| {
            to.saturating_sub(oldest).div_euclid(INTERVAL) + 1
        });
        Ok(from.max(1)..=to.min(count))
    }

    /// Seconds since 1970; `None` when the year is left open.
    fn moment_of(&self, data: &Data) -> Result<Option<i64>, DataAccessResult> {
        let wrong = DataAccessResult::TYPE_UNMATCHED;
        let time = data.as_date_time().ok_or(wrong)?;
        if time.year().is_none() {
            return Ok(None);
        }
        wall::timestamp(time, self.profile)
            .map(|timestamp| Some(timestamp.as_second()))
            .ok_or(wrong)
    }

    fn buffer(&mut self, rows: RangeInclusive<i64>, columns: &[CaptureObject], out: &mut Vec<u8>) {
        let (newest, count) = self.rows();
        let oldest = newest - (count - 1) * INTERVAL;
        array(rows.clone().count(), out);
        let first = *rows.start();
        for row in rows {
            let unix = oldest + (row - 1) * INTERVAL;
            structure(columns.len(), out);
            for column in columns {
                if column.attribute.class != 8 {
                    self.captured(column.attribute.obis, unix, out);
                } else if row > first && self.profile.leaves_out_known_times() {
                    Data::Null.encode(out);
                } else {
                    self.moment(unix, out);
                }
            }
        }
    }

    fn captured(&mut self, obis: Obis, unix: i64, out: &mut Vec<u8>) {
        match self.profile.objects.find(obis) {
            Some(Object {
                source: Source::Register(register),
                ..
            }) => self.number_at(*register, unix, out),
            _ => octets(&[], out),
        }
    }
}

fn number(value: i64, out: &mut Vec<u8>) {
    Data::DoubleLongUnsigned(value.try_into().unwrap_or(u32::MAX)).encode(out);
}
