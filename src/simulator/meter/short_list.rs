//! Base names of a simulated meter's objects, its object list by short names, and what a short name stands for. Objects lie
//! evenly spaced in the order of their logical names; the association itself is at FA00, as everywhere.

use super::attributes::{array, octets, structure};
use crate::cosem::short_name::{ASSOCIATION, ASSOCIATION_CLASS, CURRENT, Member, member};
use crate::cosem::{AttributeRef, Data};
use crate::dlms::xdlms::MethodRef;
use crate::simulator::objects::{Object, Table};

const FIRST: u16 = 0x0100;
/// Room for every attribute and method of any class here.
const SPACE: u16 = 0xA0;
/// Version of the association shown by short names, and its attributes.
const VERSION: u8 = 2;
const ATTRIBUTES: i8 = 3;
const READ: u8 = 1;
const READ_AND_WRITE: u8 = 3;

/// What a short name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    Attribute(AttributeRef),
    Method(MethodRef),
    /// Of the association by short names itself.
    Association(Member),
}

/// Objects with their base names; the association by logical names is not shown.
fn named(table: &Table) -> impl Iterator<Item = (u16, &Object)> {
    let objects = table.iter().filter(|object| object.obis != CURRENT);
    objects.enumerate().filter_map(|(index, object)| {
        let above = u16::try_from(index).ok()?.checked_mul(SPACE)?;
        let base = FIRST
            .checked_add(above)
            .filter(|base| *base < ASSOCIATION)?;
        Some((base, object))
    })
}

pub(super) fn target(table: &Table, name: u16) -> Option<Target> {
    if let Some(offset) = name.checked_sub(ASSOCIATION) {
        return member(ASSOCIATION_CLASS, VERSION, ATTRIBUTES, offset).map(Target::Association);
    }
    let above = name.checked_sub(FIRST)?;
    let index = usize::from(above / SPACE);
    let (_, object) = named(table).nth(index)?;
    let found = member(
        object.class,
        object.version,
        object.attributes(),
        above % SPACE,
    )?;
    Some(match found {
        Member::Attribute(attribute) => Target::Attribute(AttributeRef {
            class: object.class,
            obis: object.obis,
            attribute,
        }),
        Member::Method(method) => Target::Method(MethodRef {
            class: object.class,
            obis: object.obis,
            method,
        }),
    })
}

/// Attribute 2 of the association: base name, class, version, logical name of each object.
pub(super) fn encode(table: &Table, out: &mut Vec<u8>) {
    array(named(table).count() + 1, out);
    let own = (ASSOCIATION, ASSOCIATION_CLASS, VERSION, CURRENT);
    let others = named(table).map(|(base, o)| (base, o.class, o.version, o.obis));
    for (base, class, version, obis) in others.chain([own]) {
        structure(4, out);
        Data::Long(base.cast_signed()).encode(out);
        Data::LongUnsigned(class).encode(out);
        Data::Unsigned(version).encode(out);
        octets(&obis.0, out);
    }
}

/// Attribute 3 of the association: base name, and the rights of each attribute and method.
pub(super) fn rights(table: &Table, writes: bool, out: &mut Vec<u8>) {
    array(named(table).count(), out);
    for (base, object) in named(table) {
        structure(3, out);
        Data::Long(base.cast_signed()).encode(out);
        array(usize::from(object.attributes().unsigned_abs()), out);
        for attribute in 1..=object.attributes() {
            structure(3, out);
            Data::Integer(attribute).encode(out);
            let write = writes && object.is_writable(attribute);
            Data::Enum(if write { READ_AND_WRITE } else { READ }).encode(out);
            super::object_list::selectors(object.selectors(attribute), out);
        }
        array(usize::from(object.methods().unsigned_abs()), out);
        for method in 1..=object.methods() {
            structure(2, out);
            Data::Integer(method).encode(out);
            Data::Boolean(writes && object.is_invocable(method)).encode(out);
        }
    }
}
