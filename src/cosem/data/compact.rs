//! Compact arrays (tag 19): the type said once, then the bare contents of every element.
//! A description can multiply (array of array of nothing), so every expanded value is paid for from the budget
//! that the octets of the array itself give it.

use super::decode::{Budget, MAX_DEPTH, RESERVE, Reader};
use super::{CompactArray, Data, DataError, DataErrorKind};

/// Green Book `TypeDescription`, read into a tree whose depth is bounded before anything walks it.
enum Shape {
    Scalar { tag: u8, tag_at: usize },
    Array { count: u16, element: Box<Shape> },
    Structure(Vec<Shape>),
}

impl Reader<'_> {
    pub(super) fn compact_array(
        &mut self,
        depth: usize,
        budget: &mut Budget,
    ) -> Result<CompactArray, DataError> {
        let described = self.rest();
        let shape = self.shape(depth, budget)?;
        let length = described.len().saturating_sub(self.rest().len());
        let description = described.get(..length).unwrap_or_default().to_vec();

        let length = self.length(|n| n)?;
        let mut inside = self.part(length)?;
        let contents = inside.rest().to_vec();
        // Not the length field: it may be written in more octets than it needs.
        let before = budget.narrow(description.len().saturating_add(contents.len()));
        let mut elements = Vec::with_capacity(length.min(RESERVE));
        while !inside.rest().is_empty() {
            let at = inside.offset();
            let element = inside.element(&shape, budget).map_err(within_contents)?;
            if inside.offset() == at {
                return Err(inside.error(DataErrorKind::Malformed(
                    "compact-array whose elements take no bytes, yet has contents",
                )));
            }
            elements.push(element);
        }
        budget.widen(before);
        Ok(CompactArray {
            description,
            contents,
            elements,
        })
    }

    fn shape(&mut self, depth: usize, budget: &mut Budget) -> Result<Shape, DataError> {
        budget.spend(self)?;
        let tag_at = self.offset();
        let tag = self.byte()?;
        let fail = |kind| {
            Err(DataError {
                offset: tag_at,
                kind,
            })
        };
        let below = depth.saturating_add(1);
        match tag {
            1 | 2 if depth >= MAX_DEPTH => fail(DataErrorKind::TooDeep(MAX_DEPTH)),
            1 => {
                let count = u16::from_be_bytes(self.array()?);
                let element = Box::new(self.shape(below, budget)?);
                Ok(Shape::Array { count, element })
            }
            2 => {
                let count = self.length(|n| n)?;
                let mut fields = Vec::with_capacity(count.min(RESERVE));
                for _ in 0..count {
                    fields.push(self.shape(below, budget)?);
                }
                Ok(Shape::Structure(fields))
            }
            19 => fail(DataErrorKind::Malformed(
                "compact-array inside the type description of a compact-array",
            )),
            _ if super::type_name(tag).is_none() => fail(DataErrorKind::UnknownTag(tag)),
            _ => Ok(Shape::Scalar { tag, tag_at }),
        }
    }

    fn element(&mut self, shape: &Shape, budget: &mut Budget) -> Result<Data, DataError> {
        budget.spend(self)?;
        match shape {
            Shape::Scalar { tag, tag_at } => self.scalar(*tag, *tag_at),
            Shape::Array { count, element } => {
                let mut values = Vec::with_capacity(usize::from(*count).min(RESERVE));
                for _ in 0..*count {
                    values.push(self.element(element, budget)?);
                }
                Ok(Data::Array(values))
            }
            Shape::Structure(fields) => {
                let mut values = Vec::with_capacity(fields.len().min(RESERVE));
                for field in fields {
                    values.push(self.element(field, budget)?);
                }
                Ok(Data::Structure(values))
            }
        }
    }
}

/// The input goes on, only the contents do not: not the kind of early end that more bytes would mend.
fn within_contents(error: DataError) -> DataError {
    match error.kind {
        DataErrorKind::Truncated { .. } => DataError {
            kind: DataErrorKind::Malformed("compact-array contents stop inside an element"),
            ..error
        },
        _ => error,
    }
}
