//! What a value may look like. Shapes are data, so that one small reader serves every class.

/// The shape of one attribute or of one field in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A choice the object makes, or a plain number: shown as it came.
    Any,
    /// A key or password.
    Hidden,
    Enum(&'static [(u8, &'static str)]),
    /// Names of single bits.
    Bits(&'static [(u32, &'static str)]),
    /// A logical name in six octets.
    Obis,
    /// Twelve octets.
    DateTime,
    /// Five octets.
    Date,
    /// Four octets.
    Time,
    /// An octet-string that is text where it is printable.
    Text,
    Ipv4,
    Ipv6,
    Mac,
    /// An object identifier, in arcs or encoded.
    Name,
    ScalerUnit,
    List(&'static Shape),
    Fields(&'static [(&'static str, Shape)]),
    /// Versions of a class differ: the first that fits.
    OneOf(&'static [Shape]),
}

/// The number of an enum's name, whatever its case.
pub(in crate::cosem) fn code_of(shape: &Shape, name: &str) -> Option<i128> {
    let Shape::Enum(names) = shape else {
        return None;
    };
    let found = names.iter().find(|(_, n)| n.eq_ignore_ascii_case(name))?;
    Some(i128::from(found.0))
}

/// The shape of field `at` of a structure.
pub(in crate::cosem) fn field(shape: &Shape, at: usize) -> &'static Shape {
    match shape {
        Shape::Fields(fields) => fields.get(at).map_or(&Shape::Any, |(_, shape)| shape),
        _ => &Shape::Any,
    }
}

/// The shape of a list's elements.
pub(in crate::cosem) fn element(shape: &Shape) -> &'static Shape {
    match shape {
        Shape::List(element) => element,
        _ => &Shape::Any,
    }
}
