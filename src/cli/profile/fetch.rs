//! Asking for a profile: what its columns are, then its rows, in parts where the meter can give parts. A meter without
//! selective access gives the whole buffer, and the rows wanted are picked out here.

use super::{Args, Column, Profile};
use crate::cli::visit::{Trouble, get};
use crate::cosem::profile::{CaptureObject, capture_objects, rows, step};
use crate::cosem::value::in_the_manner_of;
use crate::cosem::{AttributeRef, Data, DateTime, ScalerUnit};
use crate::dlms::association::GetError;
use crate::dlms::xdlms::{Conformance, Selection};
use crate::meter::session::{Session, SessionError};
use std::io::Write;

/// Rows asked for at a time: a lost exchange costs no more than these.
const PART: u32 = 96;

/// Class 7, its attributes.
const CLASS: u16 = 7;
const BUFFER: i8 = 2;
const CAPTURE_OBJECTS: i8 = 3;
const CAPTURE_PERIOD: i8 = 4;
const SORT_METHOD: i8 = 5;
const ENTRIES_IN_USE: i8 = 7;
/// The sort method that puts the newest row first.
const LIFO: i128 = 2;

pub(super) async fn profile(
    session: &mut Session,
    args: &Args,
    err: &mut dyn Write,
) -> Result<Profile, Trouble> {
    let of = |attribute| AttributeRef {
        class: CLASS,
        obis: args.obis,
        attribute,
    };
    let captured = get(session, of(CAPTURE_OBJECTS)).await?;
    let captured =
        captured.map_err(|error| Trouble::refused(format!("profile {}", args.obis), error))?;
    let objects =
        capture_objects(&captured).map_err(|error| Trouble::Refused(error.to_string()))?;
    let period = get(session, of(CAPTURE_PERIOD))
        .await?
        .unwrap_or(Data::Null);
    let order = get(session, of(SORT_METHOD)).await?.ok();
    let newest_first = order.as_ref().and_then(Data::as_integer) == Some(LIFO);
    let buffer = Buffer {
        attribute: of(BUFFER),
        step: step(&period, order.as_ref()),
        objects: &objects,
    };
    let by_parts = session.grants(Conformance::SELECTIVE_ACCESS);
    let wanted = match (args.from.zip(args.to), args.last) {
        (Some((from, to)), _) if by_parts => buffer.range(session, from, to).await?,
        (Some((from, to)), _) => {
            let all = buffer.whole(session).await?;
            let time = objects.iter().position(CaptureObject::is_time);
            let time = time.ok_or_else(|| {
                Trouble::Usage("the profile captures no time: --last N picks rows".to_owned())
            })?;
            let inside = |row: &Vec<Data>| {
                let at = row.get(time).and_then(Data::as_date_time);
                at.and_then(|at| at.civil())
                    .is_some_and(|at| from <= at && at <= to)
            };
            all.into_iter().filter(inside).collect()
        }
        (None, last) if by_parts => {
            let used = get(session, of(ENTRIES_IN_USE)).await?;
            let used = used.ok().and_then(|data| data.as_integer());
            match used.and_then(|used| u32::try_from(used).ok()) {
                Some(used) => {
                    let count = last.unwrap_or(used).min(used);
                    let (first, end) = if newest_first {
                        (1, count)
                    } else {
                        (used - count + 1, used)
                    };
                    buffer.entries(session, first, end, err).await?
                }
                None => last_of(buffer.whole(session).await?, last, newest_first),
            }
        }
        (None, last) => last_of(buffer.whole(session).await?, last, newest_first),
    };
    writeln!(err, "{} row(s)", wanted.len())?;
    let mut columns = Vec::with_capacity(objects.len());
    for object in &objects {
        columns.push(Column {
            object: *object,
            scaler_unit: scaler_unit(session, object).await?,
        });
    }
    Ok(Profile {
        columns,
        rows: wanted,
    })
}

/// The newest rows, in the order the meter gives them.
fn last_of(mut all: Vec<Vec<Data>>, last: Option<u32>, newest_first: bool) -> Vec<Vec<Data>> {
    let keep = last.map_or(all.len(), |last| last as usize);
    if newest_first {
        all.truncate(keep);
        return all;
    }
    all.split_off(all.len().saturating_sub(keep))
}

struct Buffer<'a> {
    attribute: AttributeRef,
    step: i64,
    objects: &'a [CaptureObject],
}

impl Buffer<'_> {
    fn table(&self, data: &Data, before: Option<&[Data]>) -> Result<Vec<Vec<Data>>, Trouble> {
        rows(data, self.objects, self.step, before)
            .map_err(|error| Trouble::Refused(format!("profile {}: {error}", self.attribute.obis)))
    }

    async fn whole(&self, session: &mut Session) -> Result<Vec<Vec<Data>>, Trouble> {
        let data = get(session, self.attribute).await?;
        let data = data.map_err(|error| Trouble::refused(self.attribute, error))?;
        self.table(&data, None)
    }

    /// Entries `first` to `last`, counted from 1, both included.
    async fn entries(
        &self,
        session: &mut Session,
        first: u32,
        last: u32,
        err: &mut dyn Write,
    ) -> Result<Vec<Vec<Data>>, Trouble> {
        let mut all: Vec<Vec<Data>> = Vec::new();
        let mut next = first;
        while next <= last {
            let end = last.min(next.saturating_add(PART - 1));
            let selection = Selection::entries(next, end);
            let data = part(session, self.attribute, &selection).await?;
            let data = data.map_err(|error| Trouble::refused(self.attribute, error))?;
            let mut some = self.table(&data, all.last().map(Vec::as_slice))?;
            let asked = (end - next + 1) as usize;
            if some.len() > asked {
                let got = some.len();
                let why = format!("{asked} row(s) were asked for and {got} came");
                return Err(Trouble::refused(self.attribute, why));
            }
            all.append(&mut some);
            if end < last {
                writeln!(err, "{} of {} rows", all.len(), last - first + 1)?;
            }
            next = end.saturating_add(1);
            if next == u32::MAX {
                break;
            }
        }
        Ok(all)
    }

    async fn range(
        &self,
        session: &mut Session,
        from: jiff::civil::DateTime,
        to: jiff::civil::DateTime,
    ) -> Result<Vec<Vec<Data>>, Trouble> {
        let time = self.objects.iter().find(|object| object.is_time());
        let time = time.ok_or_else(|| {
            Trouble::Usage("the profile captures no time: --last N picks rows".to_owned())
        })?;
        // No deviation: the times are the meter's own.
        let unspecified = DateTime { raw: [0xFF; 12] };
        let stamp = |civil| Data::OctetString(in_the_manner_of(&unspecified, civil).raw.to_vec());
        let selection = Selection::Range {
            column: *time,
            from: stamp(from),
            to: stamp(to),
            columns: Vec::new(),
        };
        let data = part(session, self.attribute, &selection).await?;
        let data = data.map_err(|error| Trouble::refused(self.attribute, error))?;
        self.table(&data, None)
    }
}

/// Part of the buffer; a lost exchange gets one try to find the meter again on the same connection.
async fn part(
    session: &mut Session,
    attribute: AttributeRef,
    selection: &Selection,
) -> Result<Result<Data, GetError>, SessionError> {
    match session.get_with(attribute, selection).await {
        Err(error) if error.may_resynchronise() => {
            session.establish(&mut |_, _| {}).await?;
            session.get_with(attribute, selection).await
        }
        other => other,
    }
}

/// Of the registers among the columns; a meter that keeps it back costs only the scaling, which then shows as raw.
async fn scaler_unit(
    session: &mut Session,
    object: &CaptureObject,
) -> Result<Option<ScalerUnit>, SessionError> {
    // The attributes that scaler and unit count for.
    let attribute = match (object.attribute.class, object.attribute.attribute) {
        (3 | 4, 2) => 3,
        (5, 2 | 3) => 4,
        _ => return Ok(None),
    };
    let place = AttributeRef {
        attribute,
        ..object.attribute
    };
    let data = get(session, place).await?;
    Ok(data.ok().and_then(|data| ScalerUnit::from_data(&data)))
}
