//! The sheet labelled ranges are written on, and the cursor that reads octets for it.
//!
//! The one rule: a range is only ever written for octets the cursor really holds, so no field can
//! point outside the input. A silent sheet runs the same walk and keeps only whether trouble was met.
use super::Field;
use super::opener::Opener;
use crate::cosem::data::printable;
use crate::dlms::security::Secret;
use std::ops::Range;

/// More fields than this in one frame help nobody; a hostile array of 60 000 nulls stops here.
const MOST_FIELDS: usize = 4096;

/// A cursor over part of the explained bytes; positions are absolute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Octets<'a> {
    all: &'a [u8],
    /// Position of the first of `all`.
    base: usize,
    at: usize,
    end: usize,
    /// The octets go on in a later segment: their end is not a fault.
    pub cut: bool,
}

impl<'a> Octets<'a> {
    pub fn new(all: &'a [u8], span: Range<usize>, cut: bool) -> Self {
        let end = span.end.min(all.len());
        Self {
            all,
            base: 0,
            at: span.start.min(end),
            end,
            cut,
        }
    }
    /// Octets that stand in for the explained ones from `at` on, such as what a ciphertext deciphers to.
    pub fn instead(octets: &'a [u8], at: usize) -> Self {
        Self {
            all: octets,
            base: at,
            at,
            end: at.saturating_add(octets.len()),
            cut: false,
        }
    }
    /// What was read from `start` on.
    pub fn since(&self, start: usize) -> &'a [u8] {
        let range = start.saturating_sub(self.base)..self.at.saturating_sub(self.base);
        self.all.get(range).unwrap_or_default()
    }
    pub fn at(&self) -> usize {
        self.at
    }
    pub fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }
    pub fn rest(&self) -> &'a [u8] {
        let range = self.at.saturating_sub(self.base)..self.end.saturating_sub(self.base);
        self.all.get(range).unwrap_or_default()
    }
    pub fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }
    /// `n` octets, or none of them.
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..n)?;
        self.at = self.at.saturating_add(n);
        Some(taken)
    }
    /// The next `n` octets (or as many as there are) as their own cursor; steps over them. What is
    /// short of `n` may only be forgiven in the last of a segment.
    pub fn part(&mut self, n: usize) -> Octets<'a> {
        let held = n.min(self.left());
        let end = self.at.saturating_add(held);
        let part = Octets {
            all: self.all,
            base: self.base,
            at: self.at,
            end,
            cut: self.cut && held < n,
        };
        self.at = end;
        part
    }
}

/// A field whose end is not known yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot(Option<usize>, usize);

#[derive(Debug)]
pub(super) struct Sheet {
    fields: Vec<Field>,
    fill: bool,
    trouble: bool,
    blamed: bool,
    depth: u8,
    source: Option<&'static str>,
    /// Fields beyond the most a sheet holds.
    untold: usize,
    /// Opens what is ciphered, where keys are known.
    pub opener: Option<Opener>,
    /// What was deciphered, and where it stands.
    pub deciphered: Vec<(usize, Secret)>,
}

impl Sheet {
    pub fn filling() -> Self {
        Self {
            fields: Vec::new(),
            fill: true,
            trouble: false,
            blamed: false,
            depth: 0,
            source: None,
            untold: 0,
            opener: None,
            deciphered: Vec::new(),
        }
    }
    pub fn silent() -> Self {
        Self {
            fill: false,
            ..Self::filling()
        }
    }
    /// An empty one, filled in or silent as this one is.
    pub fn another(&self) -> Self {
        Self {
            fill: self.fill,
            ..Self::filling()
        }
    }
    pub fn into_fields(mut self) -> Vec<Field> {
        if self.untold > 0
            && let Some(last) = self.fields.last()
        {
            let (offset, depth) = (last.offset.saturating_add(last.length), last.depth);
            let value = format!("{} more fields are not shown", self.untold);
            self.fields.push(Field {
                name: "…".to_owned(),
                offset,
                value,
                depth,
                ..Field::default()
            });
        }
        self.fields
    }
    pub fn trouble(&self) -> bool {
        self.trouble
    }
    /// Something was wrong, rather than refused.
    pub fn blamed(&self) -> bool {
        self.blamed
    }
    /// The frame is sound, but it says no.
    pub fn refuses(&mut self) {
        self.trouble = true;
    }
    /// Where the readings from here on come from; gives back what it was before.
    pub fn source(&mut self, source: Option<&'static str>) -> Option<&'static str> {
        std::mem::replace(&mut self.source, source)
    }
    fn push(&mut self, name: &str, at: usize, length: usize, value: String) -> Slot {
        if self.fields.len() >= MOST_FIELDS {
            self.untold = self.untold.saturating_add(1);
            return Slot(None, at);
        }
        let value = if value.chars().any(char::is_control) {
            printable(&value)
        } else {
            value
        };
        let field = Field {
            name: name.to_owned(),
            offset: at,
            length,
            value,
            depth: self.depth,
            source: self.source,
            ..Field::default()
        };
        self.fields.push(field);
        Slot(self.fields.len().checked_sub(1), at)
    }

    /// A whole field.
    pub fn put(
        &mut self,
        name: &str,
        at: usize,
        length: usize,
        value: impl FnOnce() -> String,
    ) -> Slot {
        if !self.fill {
            return Slot(None, at);
        }
        self.push(name, at, length, value())
    }
    /// A field that is wrong.
    pub fn wrong(
        &mut self,
        name: &str,
        at: usize,
        length: usize,
        value: impl FnOnce() -> String,
        problem: impl FnOnce() -> String,
    ) {
        let slot = self.put(name, at, length, value);
        self.blame(slot, problem);
    }
    /// Begins a field whose parts come next, one deeper.
    #[must_use]
    pub fn open(&mut self, name: &str, at: usize, value: impl FnOnce() -> String) -> Slot {
        let slot = self.put(name, at, 0, value);
        self.depth = self.depth.saturating_add(1);
        slot
    }
    pub fn close(&mut self, slot: Slot, end: usize) {
        self.depth = self.depth.saturating_sub(1);
        if let Some(field) = self.field(slot) {
            field.length = end.saturating_sub(slot.1);
        }
    }
    /// Says what is wrong with a field already written; the first reason stays.
    pub fn blame(&mut self, slot: Slot, problem: impl FnOnce() -> String) {
        self.trouble = true;
        self.blamed = true;
        if let Some(field) = self.field(slot) {
            field.problem.get_or_insert_with(problem);
        }
    }
    pub fn say(&mut self, slot: Slot, value: impl FnOnce() -> String) {
        if let Some(field) = self.field(slot) {
            let value = value();
            field.value = if value.chars().any(char::is_control) {
                printable(&value)
            } else {
                value
            };
        }
    }
    pub fn hide(&mut self, slot: Slot) {
        if let Some(field) = self.field(slot) {
            field.secret = true;
        }
    }
    /// How deep what is written next stands.
    pub fn depth(&self) -> u8 {
        self.depth
    }
    /// Fields of octets that are spread over several frames, at the one place here they belong to.
    pub fn graft(&mut self, from: Self, at: usize) {
        self.trouble |= from.trouble;
        self.blamed |= from.blamed;
        self.opener = self.opener.take().or(from.opener);
        let room = MOST_FIELDS.saturating_sub(self.fields.len());
        self.untold = self
            .untold
            .saturating_add(from.untold)
            .saturating_add(from.fields.len().saturating_sub(room));
        let depth = self.depth;
        self.fields
            .extend(from.fields.into_iter().take(room).map(|field| Field {
                offset: at,
                length: 0,
                depth: field.depth.saturating_add(depth),
                ..field
            }));
    }
    fn field(&mut self, slot: Slot) -> Option<&mut Field> {
        slot.0.and_then(|index| self.fields.get_mut(index))
    }

    /// `n` octets as one field. When fewer are left: says so and gives None.
    pub fn octets<'a>(
        &mut self,
        from: &mut Octets<'a>,
        name: &str,
        n: usize,
        say: impl FnOnce(&'a [u8]) -> String,
    ) -> Option<&'a [u8]> {
        let at = from.at();
        let Some(taken) = from.take(n) else {
            self.short(from, name, n);
            return None;
        };
        self.put(name, at, n, || say(taken));
        Some(taken)
    }
    pub fn octet(
        &mut self,
        from: &mut Octets<'_>,
        name: &str,
        say: impl FnOnce(u8) -> String,
    ) -> Option<u8> {
        let value = from.peek();
        self.octets(from, name, 1, |_| value.map(say).unwrap_or_default())?;
        value
    }
    pub fn word(
        &mut self,
        from: &mut Octets<'_>,
        name: &str,
        say: impl FnOnce(u16) -> String,
    ) -> Option<u16> {
        let value = from
            .rest()
            .first_chunk()
            .map(|two| u16::from_be_bytes(*two));
        self.octets(from, name, 2, |_| value.map(say).unwrap_or_default())?;
        value
    }
    pub fn long(
        &mut self,
        from: &mut Octets<'_>,
        name: &str,
        say: impl FnOnce(u32) -> String,
    ) -> Option<u32> {
        let value = from
            .rest()
            .first_chunk()
            .map(|four| u32::from_be_bytes(*four));
        self.octets(from, name, 4, |_| value.map(say).unwrap_or_default())?;
        value
    }

    /// The octets end inside `name`, which wants `wanted`: what is left of them is that field.
    pub fn short(&mut self, from: &mut Octets<'_>, name: &str, wanted: usize) {
        let (at, held) = (from.at(), from.left());
        let slot = self.put(name, at, held, || hex(from.rest()));
        let _ = from.take(held);
        if from.cut {
            self.say(slot, || "continues in the next segment".to_owned());
        } else {
            self.blame(slot, || {
                format!("ends early: {} wanted, {held} here", count(wanted, "octet"))
            });
        }
    }
    /// What stands where nothing more is due.
    pub fn extra(&mut self, from: &mut Octets<'_>) {
        let (at, held) = (from.at(), from.left());
        if held > 0 {
            self.wrong(
                "extra",
                at,
                held,
                || hex(from.rest()),
                || format!("{} beyond the end of what this is", count(held, "octet")),
            );
            let _ = from.take(held);
        }
    }
    /// An A-XDR length as its own field; a length that promises more than there is is named here.
    pub fn length(&mut self, from: &mut Octets<'_>, name: &str) -> Option<usize> {
        let at = from.at();
        match crate::cosem::data::decode_length(from.rest()) {
            Ok((said, used)) => {
                let _ = from.take(used);
                let slot = self.put(name, at, used, || said.to_string());
                self.promised(slot, said, from);
                Some(said)
            }
            Err(error) => {
                let held = from.left();
                if from.cut {
                    self.short(from, name, 1);
                } else {
                    self.wrong(
                        name,
                        at,
                        held,
                        || hex(from.rest()),
                        || error.kind.to_string(),
                    );
                    let _ = from.take(held);
                }
                None
            }
        }
    }
    /// Blames `slot` when it promises more octets than follow.
    pub fn promised(&mut self, slot: Slot, said: usize, from: &Octets<'_>) {
        let follow = from.left();
        if said > follow && !from.cut {
            self.blame(slot, || {
                format!(
                    "says {said}, but {} {} follow",
                    follow,
                    plural(follow, "octet")
                )
            });
        }
    }
}

/// Octets in hex, spaced; long ones are cut.
pub(super) fn hex(octets: &[u8]) -> String {
    crate::cosem::hex::cut(octets, 64)
}
pub(super) fn count(n: usize, noun: &str) -> String {
    format!("{n} {}", plural(n, noun))
}
fn plural(n: usize, noun: &str) -> String {
    if n == 1 {
        noun.to_owned()
    } else {
        format!("{noun}s")
    }
}
