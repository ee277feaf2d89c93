//! Short names: the 16-bit numbers by which older meters call attributes and methods. Attribute n of an object lies 8·(n−1)
//! above its base name; where methods begin, each class says for itself, and a class not in the table has none here: the
//! wrong method is worse than no method.

use super::object_list::ObjectList;
use super::{AttributeRef, Obis};
use std::collections::BTreeMap;

/// Base name of the current association (class 12), the one that is known before anything was read.
pub const ASSOCIATION: u16 = 0xFA00;
/// Class of the association by short names.
pub const ASSOCIATION_CLASS: u16 = 12;
/// The current association's logical name.
pub const CURRENT: Obis = Obis::new(0, 0, 40, 0, 0, 255);
/// Its object list.
pub const OBJECT_LIST: AttributeRef = association(2);
/// Its list of access rights; version 0 has none.
pub const ACCESS_RIGHTS: AttributeRef = association(3);
/// Its method `reply_to_HLS_authentication`.
pub const REPLY_TO_HLS: u16 = 0xFA58;

const STEP: u16 = 8;

/// The base names of the objects a meter shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortNames {
    objects: BTreeMap<Obis, Vec<Named>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named {
    class: u16,
    version: u8,
    base: u16,
}

/// Why there is no short name for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nameless {
    /// The meter lists no object of that logical name.
    NoObject,
    /// It lists one, of another class.
    OtherClass,
    /// The class has no such attribute or method, or it is not known where its methods begin.
    NoOffset,
}

/// What a short name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    Attribute(i8),
    Method(i8),
}

impl Default for ShortNames {
    /// Only the association itself.
    fn default() -> Self {
        let own = Named {
            class: ASSOCIATION_CLASS,
            version: 2,
            base: ASSOCIATION,
        };
        Self {
            objects: BTreeMap::from([(CURRENT, vec![own])]),
        }
    }
}

impl ShortNames {
    /// From the association's object list; entries without a base name are left out.
    pub fn from_list(list: &ObjectList) -> Self {
        let mut names = Self {
            objects: BTreeMap::new(),
        };
        for object in &list.objects {
            if let Some(base) = object.short_name {
                names.objects.entry(object.obis).or_default().push(Named {
                    class: object.class,
                    version: object.version,
                    base,
                });
            }
        }
        // Some lists leave out the association they belong to.
        if names.find(ASSOCIATION_CLASS, CURRENT).is_err() {
            let Self { objects: own } = Self::default();
            for (obis, own) in own {
                names.objects.entry(obis).or_default().extend(own);
            }
        }
        names
    }

    /// How many objects have a name.
    pub fn len(&self) -> usize {
        self.objects.values().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub fn attribute(&self, of: AttributeRef) -> Result<u16, Nameless> {
        let object = self.find(of.class, of.obis)?;
        attribute(object.base, of.attribute).ok_or(Nameless::NoOffset)
    }

    pub fn method(&self, class: u16, obis: Obis, id: i8) -> Result<u16, Nameless> {
        let object = self.find(class, obis)?;
        method(object.base, class, object.version, id).ok_or(Nameless::NoOffset)
    }

    fn find(&self, class: u16, obis: Obis) -> Result<Named, Nameless> {
        let named = self.objects.get(&obis).ok_or(Nameless::NoObject)?;
        let found = named.iter().find(|object| object.class == class);
        found.copied().ok_or(Nameless::OtherClass)
    }
}

const fn association(attribute: i8) -> AttributeRef {
    AttributeRef {
        class: ASSOCIATION_CLASS,
        obis: CURRENT,
        attribute,
    }
}

/// The short name of attribute `id`, counted from 1, of the object at `base`.
pub fn attribute(base: u16, id: i8) -> Option<u16> {
    base.checked_add(steps(id)?)
}

/// The short name of method `id`, counted from 1.
pub fn method(base: u16, class: u16, version: u8, id: i8) -> Option<u16> {
    let Methods {
        offset,
        first,
        last,
    } = methods(class, version)?;
    if !(first..=last).contains(&id) {
        return None;
    }
    base.checked_add(offset)?
        .checked_add(steps(id.checked_sub(first)?.checked_add(1)?)?)
}

/// What lies `offset` above an object's base name, where the object has so many attributes.
pub fn member(class: u16, version: u8, attributes: i8, offset: u16) -> Option<Member> {
    if !offset.is_multiple_of(STEP) {
        return None;
    }
    let id = i8::try_from(offset.checked_div(STEP)?)
        .ok()?
        .checked_add(1)?;
    if id <= attributes {
        return Some(Member::Attribute(id));
    }
    let methods = methods(class, version)?;
    let beyond = offset.checked_sub(methods.offset)?.checked_div(STEP)?;
    let id = i8::try_from(beyond).ok()?.checked_add(methods.first)?;
    (id <= methods.last).then_some(Member::Method(id))
}

fn steps(id: i8) -> Option<u16> {
    let before = id.checked_sub(1)?;
    u16::try_from(before).ok()?.checked_mul(STEP)
}

/// Where a class's methods begin, and which they are.
struct Methods {
    offset: u16,
    first: i8,
    last: i8,
}

/// Method offsets of the interface classes (Blue Book part 1, the tables of each class). Two independent readings of them
/// agree on every line; what only one of them has is left out.
fn methods(class: u16, version: u8) -> Option<Methods> {
    let (offset, first, last) = match (class, version) {
        // Register
        (3, _) => (0x28, 1, 1),
        // Register table; security setup
        (61, _) | (64, 0) => (0x28, 1, 2),
        // Extended register; push setup
        (4, _) | (40, 0) => (0x38, 1, 1),
        // Demand register
        (5, _) => (0x48, 1, 2),
        // Register activation
        (6, _) => (0x30, 1, 3),
        // Profile generic; methods 3 and 4 of its first versions read the buffer.
        (7, 0) => (0x58, 1, 4),
        (7, _) => (0x58, 1, 2),
        (8, _) => (0x60, 1, 6),
        // Script table
        (9, _) => (0x20, 1, 1),
        // Special days table
        (11, _) => (0x10, 1, 2),
        // Association: 3 read_by_logicalname … 8 reply_to_HLS_authentication
        (12, 1..) => (0x30, 3, 8),
        (18, _) => (0x40, 1, 4),
        // Activity calendar
        (20, _) => (0x50, 1, 1),
        // IPv4 setup
        (42, _) => (0x60, 1, 3),
        // Security setup
        (64, _) => (0x30, 1, 8),
        (70, _) => (0x20, 1, 2),
        // M-Bus client
        (72, 0) => (0x60, 1, 8),
        _ => return None,
    };
    Some(Methods {
        offset,
        first,
        last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::object_list::ObjectEntry;

    #[test]
    fn attributes_and_methods_by_their_offsets() {
        assert_eq!(attribute(ASSOCIATION, 2), Some(0xFA08));
        assert_eq!(method(ASSOCIATION, 12, 2, 8), Some(REPLY_TO_HLS));
        assert_eq!(method(0x28, 3, 0, 1), Some(0x50));
        assert_eq!(method(0x100, 8, 0, 6), Some(0x188));
        assert_eq!(method(0x100, 70, 0, 2), Some(0x128));
        assert_eq!(method(0x100, 70, 0, 3), None);
        assert_eq!(method(0x100, 12, 2, 2), None);
        assert_eq!(method(0x100, 1, 0, 1), None);
        assert_eq!(attribute(0x100, 0), None);
        assert_eq!(attribute(0x100, -1), None);
        assert_eq!(attribute(0xFFF8, 2), None);
        assert_eq!(attribute(0x100, i8::MAX), Some(0x100 + 126 * 8));
    }

    #[test]
    fn members_are_found_again() {
        for (class, version, attributes) in
            [(3, 0, 3), (7, 1, 8), (8, 0, 9), (12, 2, 4), (70, 0, 4)]
        {
            for id in 1..=attributes {
                let offset = attribute(0, id).unwrap();
                assert_eq!(
                    member(class, version, attributes, offset),
                    Some(Member::Attribute(id))
                );
            }
            for id in 1..=8 {
                if let Some(offset) = method(0, class, version, id) {
                    assert_eq!(
                        member(class, version, attributes, offset),
                        Some(Member::Method(id)),
                        "{class} {id}"
                    );
                }
            }
        }
        assert_eq!(member(3, 0, 3, 0x29), None);
        assert_eq!(member(3, 0, 3, 0x18), None);
        assert_eq!(member(3, 0, 3, 0x30), None);
        assert_eq!(member(1, 0, 2, 0xFFF8), None);
    }

    #[test]
    fn names_from_a_list() {
        let clock = Obis::new(0, 0, 1, 0, 0, 255);
        let entry = ObjectEntry {
            class: 8,
            version: 0,
            obis: clock,
            short_name: Some(0x2BC0),
            attributes: Vec::new(),
            methods: Vec::new(),
        };
        let list = ObjectList {
            objects: vec![entry],
            problems: Vec::new(),
        };
        let names = ShortNames::from_list(&list);
        let time = AttributeRef {
            class: 8,
            obis: clock,
            attribute: 2,
        };
        assert_eq!(names.attribute(time), Ok(0x2BC8));
        assert_eq!(names.attribute(OBJECT_LIST), Ok(0xFA08));
        assert_eq!(names.method(8, clock, 1), Ok(0x2C20));
        assert_eq!(names.method(8, clock, 7), Err(Nameless::NoOffset));
        let other = AttributeRef { class: 1, ..time };
        assert_eq!(names.attribute(other), Err(Nameless::OtherClass));
        assert_eq!(names.method(8, Obis([0; 6]), 1), Err(Nameless::NoObject));
        assert_eq!((names.len(), ShortNames::default().len()), (2, 1));
    }
}
