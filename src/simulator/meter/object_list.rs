//! The association's object list (class 15, attribute 2): every object with its access rights. All attributes may be read
//! but the secret; what may be written or invoked is for clients that proved themselves.

use super::attributes::{array, octets, structure};
use crate::cosem::Data;
use crate::simulator::objects::{Object, Table};

const ASSOCIATION: u16 = 15;
const SECRET: i8 = 7;
const READ: u8 = 1;
const READ_AND_WRITE: u8 = 3;

pub(super) fn encode(table: &Table, writes: bool, out: &mut Vec<u8>) {
    array(table.iter().len(), out);
    for object in table.iter() {
        structure(4, out);
        Data::LongUnsigned(object.class).encode(out);
        Data::Unsigned(object.version).encode(out);
        octets(&object.obis.0, out);
        rights(object, writes, out);
    }
}

fn rights(object: &Object, writes: bool, out: &mut Vec<u8>) {
    structure(2, out);
    array(usize::from(object.attributes().unsigned_abs()), out);
    for attribute in 1..=object.attributes() {
        let mode = if object.class == ASSOCIATION && attribute == SECRET {
            0
        } else if writes && object.is_writable(attribute) {
            READ_AND_WRITE
        } else {
            READ
        };
        structure(3, out);
        Data::Integer(attribute).encode(out);
        Data::Enum(mode).encode(out);
        selectors(object.selectors(attribute), out);
    }
    array(usize::from(object.methods().unsigned_abs()), out);
    for method in 1..=object.methods() {
        structure(2, out);
        Data::Integer(method).encode(out);
        // Version 0 of the association has a boolean here, later ones an enum; meters mix them.
        Data::Boolean(writes && object.is_invocable(method)).encode(out);
    }
}

pub(super) fn selectors(selectors: &[i8], out: &mut Vec<u8>) {
    if selectors.is_empty() {
        return Data::Null.encode(out);
    }
    array(selectors.len(), out);
    for selector in selectors {
        Data::Integer(*selector).encode(out);
    }
}
