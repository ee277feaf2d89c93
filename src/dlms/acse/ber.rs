//! BER as ACSE uses it: one-octet tags, definite lengths. A field never reaches past the one it lies in.
use super::AcseError;

/// One field: where its tag stands in the APDU, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    pub tag: u8,
    /// Of the tag, from the start of the APDU.
    pub offset: usize,
    pub contents: &'a [u8],
    /// Of the contents, from the start of the APDU.
    pub contents_offset: usize,
}

/// Fields one after another.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Fields<'a> {
    /// `offset` is where `bytes` start in the APDU.
    pub const fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self {
            rest: bytes,
            offset,
        }
    }

    /// The next field; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Field<'a>>, AcseError> {
        let offset = self.offset;
        let error = |what| AcseError { offset, what };
        let Some((&tag, after)) = self.rest.split_first() else {
            return Ok(None);
        };
        if tag & 0x1F == 0x1F {
            return Err(error("a tag of more than one octet"));
        }
        let (length, used) = length(after).map_err(error)?;
        let contents = after
            .get(used..)
            .and_then(|rest| rest.get(..length))
            .ok_or(AcseError {
                offset,
                what: "a field that is longer than what holds it",
            })?;
        let header = used.saturating_add(1);
        let contents_offset = offset.saturating_add(header);
        self.rest = after.get(used.saturating_add(length)..).unwrap_or_default();
        self.offset = contents_offset.saturating_add(length);
        Ok(Some(Field {
            tag,
            offset,
            contents,
            contents_offset,
        }))
    }
}

impl<'a> Field<'a> {
    /// The fields within this one.
    pub const fn fields(&self) -> Fields<'a> {
        Fields::new(self.contents, self.contents_offset)
    }

    pub const fn error(&self, what: &'static str) -> AcseError {
        AcseError {
            offset: self.offset,
            what,
        }
    }

    /// The single field within this one.
    pub fn only(&self, missing: &'static str) -> Result<Field<'a>, AcseError> {
        let mut fields = self.fields();
        let inner = fields.next()?.ok_or(self.error(missing))?;
        match fields.next()? {
            None => Ok(inner),
            Some(more) => Err(more.error("a second value where one is due")),
        }
    }

    /// A small non-negative integer in this field's contents.
    pub fn small_integer(&self) -> Result<u8, AcseError> {
        match self.contents {
            // Leading zeros are how BER keeps 128… positive.
            [0, 0, 0, value] | [0, 0, value] | [0, value] | [value] => Ok(*value),
            _ => Err(self.error("an integer that is not one octet")),
        }
    }
}

/// The APDU as one field with this tag that fills it.
pub fn open<'a>(apdu: &'a [u8], tag: u8, wrong: &'static str) -> Result<Field<'a>, AcseError> {
    let mut fields = Fields::new(apdu, 0);
    if apdu.first() != Some(&tag) {
        return Err(AcseError {
            offset: 0,
            what: wrong,
        });
    }
    let field = fields.next()?.ok_or(AcseError {
        offset: 0,
        what: wrong,
    })?;
    if fields.rest.is_empty() {
        Ok(field)
    } else {
        Err(AcseError {
            offset: fields.offset,
            what: "bytes after the end that the length tells",
        })
    }
}

/// A length and how many octets it took.
fn length(bytes: &[u8]) -> Result<(usize, usize), &'static str> {
    let (&first, rest) = bytes.split_first().ok_or("a tag without a length")?;
    if first < 0x80 {
        return Ok((usize::from(first), 1));
    }
    let count = usize::from(first & 0x7F);
    if count == 0 {
        return Err("an indefinite length");
    }
    if count > 4 {
        return Err("a length of more than four octets");
    }
    let octets = rest.get(..count).ok_or("a length that is cut off")?;
    let value = octets
        .iter()
        .fold(0_usize, |value, octet| value << 8 | usize::from(*octet));
    Ok((value, count.saturating_add(1)))
}

/// Appends one field.
pub fn field(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    wrap(out, tag, |out| out.extend_from_slice(contents));
}

/// Appends a field around whatever `inside` appends.
pub fn wrap(out: &mut Vec<u8>, tag: u8, inside: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let start = out.len();
    inside(out);
    let length = out.len().saturating_sub(start);
    let octets = length.to_be_bytes();
    let used = octets
        .iter()
        .position(|octet| *octet != 0)
        .map_or(&[][..], |first| octets.get(first..).unwrap_or_default());
    match used {
        [] => out.insert(start, 0),
        [short] if *short < 0x80 => out.insert(start, *short),
        // At most eight octets, so the count fits beside the bit.
        long => {
            let form = 0x80 | u8::try_from(long.len()).unwrap_or(8);
            out.splice(
                start..start,
                std::iter::once(form).chain(long.iter().copied()),
            );
        }
    }
}
