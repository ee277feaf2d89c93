//! Asking for a profile: what its columns are, then its rows, in parts where the meter can give parts. A meter without
//! selective access gives the whole buffer, and the rows wanted are picked out here.
//!
//! One long file: every way of asking moves the same cursor, and a break of the link may come between any two lines.

use super::cursor::{Cursor, Entries, Range, Row};
use super::partial::{Saved, failure, named};
use super::write::Output;
use super::{Args, Column};
use crate::cli::Failure;
use crate::cli::exit::ExitKind;
use crate::cli::progress::Progress;
use crate::cli::visit::{Errand, Trouble, get};
use crate::cosem::profile::{CaptureObject, capture_objects, rows, step};
use crate::cosem::value::in_the_manner_of;
use crate::cosem::{AttributeRef, Data, DateTime, ScalerUnit};
use crate::dlms::association::GetError;
use crate::dlms::xdlms::{Conformance, Selection};
use crate::meter::Definition;
use crate::meter::session::{Session, SessionError};
use std::io::{self, Write};

/// Class 7, its attributes.
const CLASS: u16 = 7;
const BUFFER: i8 = 2;
const CAPTURE_OBJECTS: i8 = 3;
const CAPTURE_PERIOD: i8 = 4;
const SORT_METHOD: i8 = 5;
const ENTRIES_IN_USE: i8 = 7;
/// The sort method that puts the newest row first.
const LIFO: i128 = 2;
/// Parts read to find where the last row went, before giving it up.
const MOST_SEARCHED: u32 = 64;

/// One profile being read; outlives a lost connection.
pub(super) struct Fetching<'a> {
    args: &'a Args,
    output: Output<'a>,
    head: Option<Head>,
    cursor: Cursor,
    /// The columns an earlier run saw.
    resumed: Option<Vec<String>>,
    rows: u64,
    total: Option<u64>,
    line: Progress,
    err: &'a mut dyn Write,
}

/// What a buffer's rows are.
struct Head {
    columns: Vec<Column>,
    objects: Vec<CaptureObject>,
    /// Seconds from one row to the next in the buffer.
    step: i64,
    newest_first: bool,
}

/// What came for a part of the buffer.
enum Part {
    Rows(Vec<Row>),
    /// The meter granted selective access and does not give it.
    NotInParts(GetError),
    TooLarge(GetError),
}

impl Errand for Fetching<'_> {
    type Done = ();

    async fn at_the_meter(&mut self, session: &mut Session, _: &Definition) -> Result<(), Trouble> {
        let head = match self.head.take() {
            Some(head) => head,
            None => self.begin(session).await?,
        };
        let done = self.all(session, &head).await;
        self.head = Some(head);
        done
    }

    fn done_so_far(&self) -> u64 {
        self.rows
    }

    fn lost(&mut self, words: &str) {
        let _ = self.line.clear(self.err);
        let _ = writeln!(self.err, "obiscope: {words}");
    }
}

impl<'a> Fetching<'a> {
    pub fn new(
        args: &'a Args,
        output: Output<'a>,
        saved: Option<Saved>,
        err: &'a mut dyn Write,
    ) -> Self {
        let mut fetching = Self {
            args,
            output,
            head: None,
            cursor: Cursor::Start,
            resumed: None,
            rows: 0,
            total: None,
            line: Progress::new(),
            err,
        };
        if let Some(saved) = saved {
            fetching.cursor = saved.cursor;
            fetching.resumed = Some(saved.columns);
            fetching.rows = saved.rows;
            fetching.total = saved.total;
        }
        fetching
    }

    /// Gives the file its name, or says what is left and how to go on.
    pub fn end(mut self, done: Result<(), Failure>) -> Result<ExitKind, Failure> {
        self.line.clear(self.err)?;
        let csv = self.args.csv.clone();
        let of_file = |error: io::Error| match &csv {
            Some(path) => failure(path, &error),
            None => error.into(),
        };
        match done {
            Ok(()) => {
                let columns = self.head.map_or_else(Vec::new, |head| head.columns);
                self.output.finish(&columns).map_err(of_file)?;
                writeln!(self.err, "{} row(s)", self.rows)?;
                Ok(ExitKind::Done)
            }
            Err(mut failure) => {
                let why = failure.words.lines().next().unwrap_or_default().to_owned();
                if let Some(note) = self.output.leave(self.rows, &why)? {
                    failure.words.push_str("\nnote: ");
                    failure.words.push_str(&note);
                }
                Err(failure)
            }
        }
    }

    const fn attribute(&self, attribute: i8) -> AttributeRef {
        AttributeRef {
            class: CLASS,
            obis: self.args.obis,
            attribute,
        }
    }

    /// Columns with their units, and the order of the rows.
    async fn begin(&mut self, session: &mut Session) -> Result<Head, Trouble> {
        let captured = get(session, self.attribute(CAPTURE_OBJECTS)).await?;
        let captured = captured
            .map_err(|error| Trouble::refused(format!("profile {}", self.args.obis), error))?;
        let objects =
            capture_objects(&captured).map_err(|error| Trouble::Refused(error.to_string()))?;
        if let Some(before) = &self.resumed
            && *before != named(&objects)
        {
            return Err(Trouble::refused(
                format!("profile {}", self.args.obis),
                format!(
                    "it captured {} when the read began and captures {} now; start anew without --resume",
                    before.join(", "),
                    named(&objects).join(", ")
                ),
            ));
        }
        let period = get(session, self.attribute(CAPTURE_PERIOD))
            .await?
            .unwrap_or(Data::Null);
        let order = get(session, self.attribute(SORT_METHOD)).await?.ok();
        let mut columns = Vec::with_capacity(objects.len());
        for object in &objects {
            columns.push(Column {
                object: *object,
                scaler_unit: scaler_unit(session, object).await?,
            });
        }
        self.output.begin(&columns, self.resumed.is_some())?;
        Ok(Head {
            columns,
            step: step(&period, order.as_ref()),
            newest_first: order.as_ref().and_then(Data::as_integer) == Some(LIFO),
            objects,
        })
    }

    async fn all(&mut self, session: &mut Session, head: &Head) -> Result<(), Trouble> {
        if self.cursor == Cursor::Start {
            self.cursor = self.start(session, head).await?;
        }
        loop {
            match self.cursor.clone() {
                Cursor::Entries(entries) if entries.left > 0 => {
                    self.entries(session, head, entries).await?;
                }
                Cursor::Range(range) => self.range(session, head, range).await?,
                Cursor::Whole => {
                    let all = self.whole(session, head).await?;
                    self.took(head, &all, Cursor::Done)?;
                }
                Cursor::Start | Cursor::Entries(_) | Cursor::Done => return Ok(()),
            }
        }
    }

    async fn start(&mut self, session: &mut Session, head: &Head) -> Result<Cursor, Trouble> {
        if let Some((from, to)) = self.args.from.zip(self.args.to) {
            head.time()?;
            if session.grants(Conformance::SELECTIVE_ACCESS) {
                let widen = 1;
                return Ok(Cursor::Range(Range { from, to, widen }));
            }
            return Ok(Cursor::Whole);
        }
        if !session.grants(Conformance::SELECTIVE_ACCESS) {
            return Ok(Cursor::Whole);
        }
        let Some(used) = self.used(session).await? else {
            return Ok(Cursor::Whole);
        };
        let count = self.args.last.unwrap_or(used).min(used);
        self.total = Some(u64::from(count));
        Ok(Cursor::Entries(Entries {
            next: if head.newest_first {
                1
            } else {
                used - count + 1
            },
            left: count,
            last: None,
            before: None,
        }))
    }

    async fn used(&self, session: &mut Session) -> Result<Option<u32>, SessionError> {
        let used = get(session, self.attribute(ENTRIES_IN_USE)).await?;
        let used = used.ok().and_then(|data| data.as_integer());
        Ok(used.and_then(|used| u32::try_from(used).ok()))
    }

    /// The next part by number. It begins with the row read last; where that is another row, the buffer moved meanwhile
    /// and the row is looked for.
    async fn entries(
        &mut self,
        session: &mut Session,
        head: &Head,
        mut entries: Entries,
    ) -> Result<(), Trouble> {
        let (begin, end, anchored) = entries.part();
        let before = entries.before.as_ref().map(|kept| kept.0.as_slice());
        let before = before.filter(|_| anchored);
        let mut some = match self.numbered(session, head, begin, end, before).await? {
            Part::Rows(rows) => rows,
            Part::NotInParts(error) if self.rows == 0 => return self.in_one(&error),
            Part::NotInParts(error) | Part::TooLarge(error) => {
                return Err(self.refused(begin, end, &error));
            }
        };
        if anchored {
            let last = entries.last.as_ref().map(|kept| &kept.0);
            if some.first() == last {
                some.remove(0);
            } else {
                entries.next = self.moved(session, head, &entries).await?;
                self.cursor = Cursor::Entries(entries);
                return Ok(());
            }
        }
        if some.is_empty() {
            self.line.clear(self.err)?;
            let left = entries.left;
            writeln!(
                self.err,
                "obiscope: the meter ends {left} row(s) before the entries it says are in use"
            )?;
            entries.left = 0;
        }
        entries.advance(&some);
        self.took(head, &some, Cursor::Entries(entries))
    }

    /// The number after that of the row read last, wherever it went: towards the end where new rows come first, towards
    /// the beginning where old ones go.
    async fn moved(
        &mut self,
        session: &mut Session,
        head: &Head,
        entries: &Entries,
    ) -> Result<u32, Trouble> {
        let gone = || {
            Trouble::refused(
                format!("profile {}", self.args.obis),
                format!(
                    "the row read last (entry {}) is no longer in the buffer: it was reset, or ran over. \
                     Start anew without --resume",
                    entries.next.saturating_sub(1)
                ),
            )
        };
        let last = entries.last.as_ref().map(|kept| &kept.0);
        let used = self.used(session).await?.unwrap_or(u32::MAX);
        let size = super::cursor::PART;
        let mut at = entries.next.saturating_sub(1).clamp(1, used.max(1));
        for _ in 0..MOST_SEARCHED {
            let (begin, end) = if head.newest_first {
                (at, at.saturating_add(size - 1).min(used))
            } else {
                (at.saturating_sub(size - 1).max(1), at)
            };
            let rows = match self.numbered(session, head, begin, end, None).await? {
                Part::Rows(rows) => rows,
                Part::NotInParts(error) | Part::TooLarge(error) => {
                    return Err(self.refused(begin, end, &error));
                }
            };
            let found = if head.newest_first {
                rows.iter().position(|row| Some(row) == last)
            } else {
                rows.iter().rposition(|row| Some(row) == last)
            };
            if let Some(found) = found {
                let found = u32::try_from(found).unwrap_or(u32::MAX);
                return Ok(begin.saturating_add(found).saturating_add(1));
            }
            if head.newest_first && end < used {
                at = end + 1;
            } else if !head.newest_first && begin > 1 {
                at = begin - 1;
            } else {
                break;
            }
        }
        Err(gone())
    }

    /// Entries `begin` to `end`, counted from 1, both included.
    async fn numbered(
        &self,
        session: &mut Session,
        head: &Head,
        begin: u32,
        end: u32,
        before: Option<&[Data]>,
    ) -> Result<Part, Trouble> {
        let selection = Selection::entries(begin, end);
        let place = format!("entries {begin} to {end}");
        let part = self.part(session, head, &selection, &place, before).await?;
        let asked = end.saturating_sub(begin).saturating_add(1) as usize;
        match part {
            Part::Rows(rows) if rows.len() > asked => Err(Trouble::refused(
                format!("profile {}, {place}", self.args.obis),
                format!("{asked} row(s) were asked for and {} came", rows.len()),
            )),
            part => Ok(part),
        }
    }

    /// The next part by time.
    async fn range(
        &mut self,
        session: &mut Session,
        head: &Head,
        mut range: Range,
    ) -> Result<(), Trouble> {
        let Some((from, to)) = range.part(head.step.saturating_abs(), head.newest_first) else {
            self.cursor = Cursor::Done;
            return Ok(());
        };
        // No deviation: the times are the meter's own.
        let unspecified = DateTime { raw: [0xFF; 12] };
        let stamp = |civil| Data::OctetString(in_the_manner_of(&unspecified, civil).raw.to_vec());
        let (time, column) = head.time()?;
        let selection = Selection::Range {
            column,
            from: stamp(from),
            to: stamp(to),
            columns: Vec::new(),
        };
        let place = format!("{from} to {to}");
        let some = match self.part(session, head, &selection, &place, None).await? {
            Part::Rows(rows) => rows,
            Part::NotInParts(error) if self.rows == 0 => return self.in_one(&error),
            Part::TooLarge(_) if range.widen > 1 => {
                range.widen = 1;
                self.cursor = Cursor::Range(range);
                return Ok(());
            }
            Part::NotInParts(error) | Part::TooLarge(error) => {
                let place = format!("profile {}, {place}", self.args.obis);
                return Err(Trouble::refused(place, error));
            }
        };
        let some: Vec<_> = some
            .into_iter()
            .filter(|row| inside(row, time, from, to).unwrap_or(true))
            .collect();
        range.advance(from, to, head.newest_first, some.len());
        self.took(head, &some, Cursor::Range(range))
    }

    async fn whole(&self, session: &mut Session, head: &Head) -> Result<Vec<Row>, Trouble> {
        let data = get(session, self.attribute(BUFFER)).await?;
        let data = data.map_err(|error| Trouble::refused(self.attribute(BUFFER), error))?;
        let mut all = self.table(head, &data, "the whole buffer", None)?;
        if let Some((from, to)) = self.args.from.zip(self.args.to) {
            let (time, _) = head.time()?;
            all.retain(|row| inside(row, time, from, to).unwrap_or(false));
        }
        let keep = self.args.last.map_or(all.len(), |last| last as usize);
        if head.newest_first {
            all.truncate(keep);
            return Ok(all);
        }
        Ok(all.split_off(all.len().saturating_sub(keep)))
    }

    /// A part as asked for; a lost exchange gets one try to find the meter again on the same connection.
    async fn part(
        &self,
        session: &mut Session,
        head: &Head,
        selection: &Selection,
        place: &str,
        before: Option<&[Data]>,
    ) -> Result<Part, Trouble> {
        let buffer = self.attribute(BUFFER);
        let answer = match session.get_with(buffer, selection).await {
            Err(error) if error.may_resynchronise() => {
                session.establish(&mut |_, _| {}).await?;
                session.get_with(buffer, selection).await?
            }
            other => other?,
        };
        match answer {
            Ok(data) => Ok(Part::Rows(self.table(head, &data, place, before)?)),
            Err(error @ GetError::TooLarge(_)) => Ok(Part::TooLarge(error)),
            Err(error) => Ok(Part::NotInParts(error)),
        }
    }

    fn table(
        &self,
        head: &Head,
        data: &Data,
        place: &str,
        before: Option<&[Data]>,
    ) -> Result<Vec<Row>, Trouble> {
        rows(data, &head.objects, head.step, before).map_err(|error| {
            let what = format!("profile {}, {place}", self.args.obis);
            Trouble::refused(what, error)
        })
    }

    fn refused(&self, begin: u32, end: u32, error: &GetError) -> Trouble {
        let what = format!("profile {}, entries {begin} to {end}", self.args.obis);
        Trouble::refused(what, error)
    }

    /// Before the first row the other way is still open.
    fn in_one(&mut self, error: &GetError) -> Result<(), Trouble> {
        self.line.clear(self.err)?;
        writeln!(
            self.err,
            "obiscope: the meter gives no part of the buffer ({error}); asking for all of it"
        )?;
        self.total = None;
        self.cursor = Cursor::Whole;
        Ok(())
    }

    /// Rows that are new, and where it goes on.
    fn took(&mut self, head: &Head, some: &[Row], next: Cursor) -> Result<(), Trouble> {
        self.output.rows(&head.columns, some)?;
        self.rows += some.len() as u64;
        self.output
            .keep(&head.objects, self.rows, self.total, &next)?;
        self.cursor = next;
        let text = match self.total {
            Some(total) => format!("{} of {total} rows", self.rows),
            None => format!("{} rows", self.rows),
        };
        self.line.show(self.err, &text)?;
        Ok(())
    }
}

impl Head {
    /// The column of the time, and its number.
    fn time(&self) -> Result<(usize, CaptureObject), Trouble> {
        let mut columns = self.objects.iter().copied().enumerate();
        columns.find(|(_, object)| object.is_time()).ok_or_else(|| {
            Trouble::Usage("the profile captures no time: --last N picks rows".to_owned())
        })
    }
}

/// Whether a row is from this time; `None` where it does not say.
fn inside(
    row: &[Data],
    time: usize,
    from: jiff::civil::DateTime,
    to: jiff::civil::DateTime,
) -> Option<bool> {
    let at = row.get(time)?.as_date_time()?.civil()?;
    // Both ends are whole seconds, a stamp may have hundredths.
    let at = at.with().subsec_nanosecond(0).build().ok()?;
    Some(from <= at && at <= to)
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
