//! How a meter calls its objects, as people, files and the store write it.

use crate::dlms::association::Naming;

/// By logical names, by short names.
pub const NAMINGS: [&str; 2] = ["ln", "sn"];

pub const fn naming_name(naming: Naming) -> &'static str {
    match naming {
        Naming::LogicalName => "ln",
        Naming::ShortName => "sn",
    }
}

pub fn naming_named(name: &str) -> Option<Naming> {
    match name {
        "ln" => Some(Naming::LogicalName),
        "sn" => Some(Naming::ShortName),
        _ => None,
    }
}
