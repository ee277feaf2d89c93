//! Interface classes: attributes and methods by name. Names are the standard's; what it does not name stays a number.

mod table;

/// One interface class. `attributes[0]` is attribute 1, `methods[0]` is method 1; where versions differ, the list is
/// that of the version with the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    pub id: u16,
    pub name: &'static str,
    pub attributes: &'static [&'static str],
    pub methods: &'static [&'static str],
}

impl Class {
    /// The name of attribute `id`, counted from 1.
    pub fn attribute(&self, id: i8) -> Option<&'static str> {
        numbered(self.attributes, id)
    }

    /// The name of method `id`, counted from 1.
    pub fn method(&self, id: i8) -> Option<&'static str> {
        numbered(self.methods, id)
    }
}

fn numbered(names: &[&'static str], id: i8) -> Option<&'static str> {
    let index = usize::try_from(id).ok()?.checked_sub(1)?;
    names.get(index).copied()
}

/// By class id; version differences are left to the names.
pub fn class(id: u16) -> Option<&'static Class> {
    let index = table::CLASSES
        .binary_search_by_key(&id, |class| class.id)
        .ok()?;
    table::CLASSES.get(index)
}

/// Every class known by name, in order of id.
pub fn classes() -> &'static [Class] {
    table::CLASSES
}

#[cfg(test)]
mod tests {
    use super::{class, classes};

    #[test]
    fn the_table_is_in_order_and_complete() {
        assert!(classes().is_sorted_by(|a, b| a.id < b.id));
        for class in classes() {
            assert_eq!(class.attribute(1), Some("logical_name"), "{}", class.id);
            let names = class.attributes.iter().chain(class.methods);
            for name in names {
                let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(name.chars().all(snake), "{name}");
            }
        }
    }

    #[test]
    fn attributes_and_methods_by_number() {
        let register = class(3).unwrap();
        assert_eq!(register.name, "Register");
        assert_eq!(register.attribute(3), Some("scaler_unit"));
        assert_eq!(register.attribute(4), None);
        assert_eq!(register.attribute(0), None);
        assert_eq!(register.attribute(-1), None);
        assert_eq!(register.method(1), Some("reset"));
        let association = class(15).unwrap();
        assert_eq!(association.attribute(8), Some("association_status"));
        assert_eq!(association.method(1), Some("reply_to_hls_authentication"));
        assert_eq!(class(7).unwrap().attribute(8), Some("profile_entries"));
        assert_eq!(class(8).unwrap().method(6), Some("shift_time"));
        assert_eq!(class(23).unwrap().attribute(8), Some("inactivity_time_out"));
        assert_eq!(class(70).unwrap().method(2), Some("remote_reconnect"));
        assert_eq!(class(2), None);
        assert_eq!(class(u16::MAX), None);
    }
}
