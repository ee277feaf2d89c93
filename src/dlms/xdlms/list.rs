//! The lists inside with-list requests and answers, item by item. A list says how many items it has; what it says must be
//! what it holds. Offsets in errors count from the start of the list.
use super::action::{ActionResult, MethodRef, Returned};
use super::error::{ApduError, DataAccessResult};
use super::reader::Reader;
use crate::cosem::data::encode_length;
use crate::cosem::{AttributeRef, Data, Obis};

/// The attributes a with-list request names, each with its raw selection (selector, then data; empty when none).
#[derive(Clone, Debug)]
pub struct References<'a>(Items<'a>);

/// The answers in a with-list GET response.
#[derive(Clone, Debug)]
pub struct Answers<'a>(Items<'a>);

/// The values of a SET with list, each as its octets.
#[derive(Clone, Debug)]
pub struct Values<'a>(Items<'a>);

/// The results in a with-list SET response.
#[derive(Clone, Debug)]
pub struct Results<'a>(Items<'a>);

/// The methods an ACTION with list names.
#[derive(Clone, Debug)]
pub struct Methods<'a>(Items<'a>);

/// The outcomes in an ACTION response with list.
#[derive(Clone, Debug)]
pub struct Outcomes<'a>(Items<'a>);

#[derive(Clone, Debug)]
pub(super) struct Items<'a> {
    pub reader: Reader<'a>,
    pub left: usize,
}

impl<'a> Items<'a> {
    /// No item takes less than `least` octets: a count that needs more than there is, is a lie.
    pub fn new(list: &'a [u8], least: usize) -> Result<Self, ApduError> {
        let mut reader = Reader::new(list);
        let wrong = reader.error("a list that claims more than it holds");
        let left = reader.length("a list without its count")?;
        let fits = left
            .checked_mul(least)
            .is_some_and(|all| all <= reader.left());
        if fits {
            Ok(Self { reader, left })
        } else {
            Err(wrong)
        }
    }

    /// One item, or the end. After an error there is nothing more.
    pub fn item<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, ApduError>,
    ) -> Option<Result<T, ApduError>> {
        self.left = self.left.checked_sub(1)?;
        let item = read(&mut self.reader);
        if item.is_err() {
            self.left = 0;
        }
        Some(item)
    }
}

/// The list at the reader's place, and on to what stands behind it; `after` says where that is.
pub(super) fn part<'a>(
    reader: &mut Reader<'a>,
    after: impl FnOnce(&'a [u8]) -> Result<&'a [u8], ApduError>,
) -> Result<&'a [u8], ApduError> {
    let mut ahead = *reader;
    let all = ahead.rest();
    let behind = after(all).map_err(|error| ApduError {
        offset: reader.offset().saturating_add(error.offset),
        what: error.what,
    })?;
    reader.octets_of(all.len().saturating_sub(behind.len()))
}

impl<'a> References<'a> {
    /// `list`: count, then descriptors.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 10).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }

    /// What stands behind the list, once every item was taken.
    pub(super) fn after(mut self) -> Result<&'a [u8], ApduError> {
        for item in self.by_ref() {
            item?;
        }
        Ok(self.0.reader.rest())
    }
}

impl<'a> Iterator for References<'a> {
    type Item = Result<(AttributeRef, &'a [u8]), ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(|reader| {
            let attribute = attribute(reader)?;
            Ok((attribute, selection(reader)?))
        })
    }
}

impl<'a> Answers<'a> {
    /// `list`: count, then for each 00 and data, or 01 and why not.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 2).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }

    /// Octets behind what was taken.
    pub fn trailing(&self) -> usize {
        self.0.reader.left()
    }
}

impl Iterator for Answers<'_> {
    type Item = Result<Result<Data, DataAccessResult>, ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(|reader| {
            if reader.flag("an answer without its choice")? {
                let result = reader.byte("a data-access-result that is missing")?;
                return Ok(Err(DataAccessResult(result)));
            }
            Ok(Ok(reader.value("an answer that cannot be decoded")?.0))
        })
    }
}

impl<'a> Values<'a> {
    /// `list`: count, then data.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 1).map(Self)
    }

    /// What stands behind the values taken so far.
    pub(super) fn behind(&self) -> &'a [u8] {
        let mut reader = self.0.reader;
        reader.rest()
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<&'a [u8], ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0
            .item(|reader| Ok(reader.value("a value that cannot be decoded")?.1))
    }
}

impl<'a> Results<'a> {
    /// `list`: count, then one octet each.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 1).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }

    pub(super) fn skip_all(list: &'a [u8]) -> Result<&'a [u8], ApduError> {
        let mut results = Self::new(list)?;
        for result in results.by_ref() {
            result?;
        }
        Ok(results.0.reader.rest())
    }
}

impl Iterator for Results<'_> {
    type Item = Result<DataAccessResult, ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0
            .item(|reader| Ok(DataAccessResult(reader.byte("a result that is missing")?)))
    }
}

impl<'a> Methods<'a> {
    /// `list`: count, then descriptors.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 9).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }

    pub(super) fn after(mut self) -> Result<&'a [u8], ApduError> {
        for item in self.by_ref() {
            item?;
        }
        Ok(self.0.reader.rest())
    }
}

impl Iterator for Methods<'_> {
    type Item = Result<MethodRef, ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(super::action::method)
    }
}

impl<'a> Outcomes<'a> {
    /// `list`: count, then a result and what stands behind it.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 2).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }

    /// Octets behind the last outcome.
    pub fn trailing(&self) -> usize {
        self.0.reader.left()
    }
}

impl<'a> Iterator for Outcomes<'a> {
    type Item = Result<(ActionResult, Returned<'a>), ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(|reader| {
            let result = ActionResult(reader.byte("an outcome without its result")?);
            if !reader.flag("a return value that is neither there nor not")? {
                return Ok((result, Returned::Nothing));
            }
            Ok((
                result,
                if reader.flag("a return value without its choice")? {
                    Returned::Error(DataAccessResult(
                        reader.byte("a data-access-result that is missing")?,
                    ))
                } else {
                    Returned::Data(reader.value("a return value that cannot be decoded")?.1)
                },
            ))
        })
    }
}

/// Count, then each method: the list of an ACTION with list.
pub fn encode_methods(methods: &[MethodRef], out: &mut Vec<u8>) {
    encode_length(methods.len(), out);
    for one in methods {
        super::action::put_method(*one, out);
    }
}

/// Count, then each attribute without selection: the list of a GET with list.
pub fn encode_references(attributes: &[AttributeRef], out: &mut Vec<u8>) {
    encode_length(attributes.len(), out);
    for one in attributes {
        put_attribute(*one, &[], out);
    }
}

/// Class, logical name, attribute.
pub(super) fn attribute(reader: &mut Reader<'_>) -> Result<AttributeRef, ApduError> {
    let class = reader.u16("a reference without its class")?;
    let obis = Obis(reader.array("a reference without its logical name")?);
    let attribute = reader.byte("a reference without its attribute")?;
    Ok(AttributeRef {
        class,
        obis,
        attribute: attribute.cast_signed(),
    })
}

/// 00, or 01 and what selects: selector and data.
pub(super) fn selection<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], ApduError> {
    if !reader.flag("a reference without its access selection")? {
        return Ok(&[]);
    }
    let mut ahead = *reader;
    ahead.byte("an access selection that is empty")?;
    let (_, parameters) = ahead.value("selection parameters that cannot be decoded")?;
    reader.octets_of(parameters.len().saturating_add(1))
}

pub(super) fn put_attribute(attribute: AttributeRef, access: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&attribute.class.to_be_bytes());
    out.extend_from_slice(&attribute.obis.0);
    out.push(attribute.attribute.cast_unsigned());
    out.push(u8::from(!access.is_empty()));
    out.extend_from_slice(access);
}
