//! The object list of an association: by logical names (class 15, attribute 2) and by short names (class 12). An entry
//! that cannot be read is named and costs only itself.

use super::access::Access;
use super::{Data, Obis};

/// The list, and what was wrong with entries left out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectList {
    pub objects: Vec<ObjectEntry>,
    pub problems: Vec<ObjectListError>,
}

/// One object the association shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEntry {
    pub class: u16,
    pub version: u8,
    pub obis: Obis,
    /// The base name, where the list is one of short names.
    pub short_name: Option<u16>,
    /// As listed; a list of short names has none.
    pub attributes: Vec<AttributeEntry>,
    pub methods: Vec<MethodEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeEntry {
    pub id: i8,
    pub access: Access,
    /// Selective access selectors, such as 1 by range and 2 by entry.
    pub selectors: Vec<i128>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodEntry {
    pub id: i8,
    pub access: Access,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectListError {
    #[error("the object list is no array but {0}")]
    NoArray(&'static str),
    #[error("entry {index} of the object list (counted from 1): {what}")]
    Entry { index: usize, what: &'static str },
}

/// The current association by logical names, its object list.
pub const CURRENT_LIST: super::AttributeRef = super::AttributeRef {
    class: ASSOCIATION_LN,
    obis: CURRENT,
    attribute: 2,
};
/// Class of the association by logical names.
const ASSOCIATION_LN: u16 = 15;
/// The current association.
const CURRENT: Obis = Obis::new(0, 0, 40, 0, 0, 255);

impl ObjectList {
    /// From attribute 2 of class 15 or class 12.
    pub fn from_data(data: &Data) -> Result<Self, ObjectListError> {
        let (Data::Array(_) | Data::CompactArray(_)) = data else {
            return Err(ObjectListError::NoArray(data.type_name()));
        };
        let entries = data.elements().unwrap_or_default();
        let version = association_version(entries);
        let mut list = Self::default();
        for (index, data) in entries.iter().enumerate() {
            match entry(data, version) {
                Ok(object) => list.objects.push(object),
                Err(what) => list.problems.push(ObjectListError::Entry {
                    index: index.saturating_add(1),
                    what,
                }),
            }
        }
        Ok(list)
    }

    /// Adds the rights an association by short names lists apart (class 12, attribute 3: base name, attributes,
    /// methods). What is of another shape, or about no object of this list, is left out.
    pub fn add_rights(&mut self, data: &Data) {
        for element in data.elements().unwrap_or_default() {
            let Some([base, attributes, methods]) = element.elements() else {
                continue;
            };
            let rights = Data::Structure(vec![attributes.clone(), methods.clone()]);
            let found = short_name(base).and_then(|base| {
                let mut objects = self.objects.iter_mut();
                objects.find(|object| object.short_name == Some(base))
            });
            if let (Some(object), Ok((attributes, methods))) = (found, access_rights(&rights, 0)) {
                (object.attributes, object.methods) = (attributes, methods);
            }
        }
    }

    /// The object of this class and code.
    pub fn find(&self, class: u16, obis: Obis) -> Option<&ObjectEntry> {
        self.objects
            .iter()
            .find(|object| object.class == class && object.obis == obis)
    }
}

impl ObjectEntry {
    /// What the association allows with this attribute; `None` when the list does not say.
    pub fn attribute(&self, id: i8) -> Option<Access> {
        let found = self.attributes.iter().find(|entry| entry.id == id);
        found.map(|entry| entry.access)
    }

    /// What the association allows with this method; `None` when the list does not say.
    pub fn method(&self, id: i8) -> Option<Access> {
        let found = self.methods.iter().find(|entry| entry.id == id);
        found.map(|entry| entry.access)
    }
}

/// The list names the association itself, and its version says what the modes mean. Without it, the modes are those of
/// the versions 0 to 2, which nearly every meter has.
fn association_version(entries: &[Data]) -> u8 {
    let mut version = None;
    for data in entries {
        if let Some([class, v, name, ..]) = data.elements()
            && class.as_integer() == Some(i128::from(ASSOCIATION_LN))
            && let Some(v) = v.as_integer().and_then(|v| u8::try_from(v).ok())
        {
            if name.as_obis() == Some(CURRENT) {
                return v;
            }
            version.get_or_insert(v);
        }
    }
    version.unwrap_or_default()
}

fn entry(data: &Data, version: u8) -> Result<ObjectEntry, &'static str> {
    match data.elements() {
        Some([class, v, name, rights]) if name.as_octets().is_some() => {
            let (attributes, methods) = access_rights(rights, version)?;
            Ok(ObjectEntry {
                class: number(class).ok_or("the class is no number")?,
                version: number(v).ok_or("the version is no number")?,
                obis: name.as_obis().ok_or("the logical name is not six octets")?,
                short_name: None,
                attributes,
                methods,
            })
        }
        Some([base, class, v, name]) => Ok(ObjectEntry {
            class: number(class).ok_or("the class is no number")?,
            version: number(v).ok_or("the version is no number")?,
            obis: name.as_obis().ok_or("the logical name is not six octets")?,
            short_name: Some(short_name(base).ok_or("the base name is no number")?),
            attributes: Vec::new(),
            methods: Vec::new(),
        }),
        Some(_) => Err("not four fields"),
        None => Err("no structure"),
    }
}

/// A base name is a signed 16-bit number whose bits are meant (FA00 is sent as -1536).
fn short_name(data: &Data) -> Option<u16> {
    match data {
        Data::Long(name) => Some(name.cast_unsigned()),
        other => number(other),
    }
}

fn number<T: TryFrom<i128>>(data: &Data) -> Option<T> {
    T::try_from(data.as_integer()?).ok()
}

type Rights = (Vec<AttributeEntry>, Vec<MethodEntry>);

fn access_rights(data: &Data, version: u8) -> Result<Rights, &'static str> {
    let Some([attributes, methods]) = data.elements() else {
        return Err("the access rights are not two lists");
    };
    let of_attributes = attributes.elements().unwrap_or_default();
    let of_methods = methods.elements().unwrap_or_default();
    Ok((
        of_attributes
            .iter()
            .map(|data| attribute_right(data, version))
            .collect::<Option<_>>()
            .ok_or("an attribute's access right has another shape")?,
        of_methods
            .iter()
            .map(|data| method_right(data, version))
            .collect::<Option<_>>()
            .ok_or("a method's access right has another shape")?,
    ))
}

fn attribute_right(data: &Data, version: u8) -> Option<AttributeEntry> {
    let [id, mode, selectors @ ..] = data.elements()? else {
        return None;
    };
    let selectors = selectors.first().and_then(Data::elements);
    Some(AttributeEntry {
        id: number(id)?,
        access: Access::attribute(number(mode)?, version),
        selectors: selectors
            .unwrap_or_default()
            .iter()
            .filter_map(Data::as_integer)
            .collect(),
    })
}

fn method_right(data: &Data, version: u8) -> Option<MethodEntry> {
    let [id, mode, ..] = data.elements()? else {
        return None;
    };
    let mode = match mode {
        Data::Boolean(allowed) => u8::from(*allowed),
        other => number(other)?,
    };
    Some(MethodEntry {
        id: number(id)?,
        access: Access::method(mode, version),
    })
}

#[cfg(test)]
mod tests {
    use super::{ObjectList, ObjectListError};
    use crate::cosem::{Data, Obis};

    fn octets(code: [u8; 6]) -> Data {
        Data::OctetString(code.to_vec())
    }

    fn object(class: u16, version: u8, code: [u8; 6], mode: u8) -> Data {
        let right = |mode| Data::Structure(vec![Data::Integer(2), Data::Enum(mode), Data::Null]);
        let method = Data::Structure(vec![Data::Integer(1), Data::Boolean(true)]);
        Data::Structure(vec![
            Data::LongUnsigned(class),
            Data::Unsigned(version),
            octets(code),
            Data::Structure(vec![
                Data::Array(vec![right(mode)]),
                Data::Array(vec![method]),
            ]),
        ])
    }

    #[test]
    fn the_association_s_version_says_what_the_modes_mean() {
        let clock = [0, 0, 1, 0, 0, 255];
        let list = |version| {
            let own = object(15, version, [0, 0, 40, 0, 0, 255], 1);
            let data = Data::Array(vec![object(8, 0, clock, 5), own]);
            let list = ObjectList::from_data(&data).unwrap();
            list.find(8, Obis(clock)).unwrap().attribute(2).unwrap()
        };
        assert_eq!(list(2).to_string(), "write (authenticated request)");
        assert_eq!(list(3).to_string(), "read (authenticated request)");
    }

    #[test]
    fn a_bad_entry_costs_only_itself() {
        let code = [1, 0, 1, 8, 0, 255];
        let data = Data::Array(vec![Data::Null, object(3, 0, code, 1)]);
        let list = ObjectList::from_data(&data).unwrap();
        assert_eq!(list.objects.len(), 1);
        assert_eq!(
            list.problems,
            [ObjectListError::Entry {
                index: 1,
                what: "no structure"
            }]
        );
        let none = ObjectList::from_data(&Data::Unsigned(1)).unwrap_err();
        assert_eq!(none.to_string(), "the object list is no array but unsigned");
    }

    #[test]
    fn short_names_have_a_base_name_and_no_rights() {
        let data = Data::Array(vec![Data::Structure(vec![
            Data::Long(-1536),
            Data::LongUnsigned(12),
            Data::Unsigned(2),
            octets([0, 0, 40, 0, 0, 255]),
        ])]);
        let list = ObjectList::from_data(&data).unwrap();
        assert_eq!(list.objects[0].short_name, Some(0xFA00));
        assert_eq!(list.objects[0].class, 12);
    }
}
