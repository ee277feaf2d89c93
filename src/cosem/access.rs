//! Access rights as an association's object list gives them (class 15, attribute 2). What a mode means depends on the
//! association's version; a mode no version knows keeps its number.

use std::fmt;

/// How an attribute may be accessed, or a method invoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// GET is allowed. Never set for a method.
    pub read: bool,
    /// SET is allowed. Never set for a method.
    pub write: bool,
    /// ACTION is allowed. Never set for an attribute.
    pub call: bool,
    /// What the request and the answer must carry, as the bits of version 3: 2 to 4 the request authenticated,
    /// encrypted, signed; 5 to 7 the same for the answer.
    pub protection: u8,
    /// The octet as sent, when its meaning is not known.
    pub unknown: Option<u8>,
}

const NOTHING: Access = Access {
    read: false,
    write: false,
    call: false,
    protection: 0,
    unknown: None,
};
const AUTHENTICATED_REQUEST: u8 = 1 << 2;
/// Bits 2 to 7.
const PROTECTION: u8 = 0xFC;
/// The first version of the association whose modes are bits.
const BITS_SINCE: u8 = 3;

/// In the order of their bits, from 2.
const PROTECTIONS: [(u8, &str); 6] = [
    (1 << 2, "authenticated request"),
    (1 << 3, "encrypted request"),
    (1 << 4, "signed request"),
    (1 << 5, "authenticated answer"),
    (1 << 6, "encrypted answer"),
    (1 << 7, "signed answer"),
];

impl Access {
    /// An attribute's mode. Versions 0 to 2: 0 none, 1 read, 2 write, 3 both, 4 to 6 the same authenticated.
    pub fn attribute(mode: u8, association_version: u8) -> Self {
        if association_version >= BITS_SINCE {
            return Self {
                read: mode & 1 != 0,
                write: mode & 2 != 0,
                protection: mode & PROTECTION,
                ..NOTHING
            };
        }
        let plain = if mode > 3 {
            mode.saturating_sub(3)
        } else {
            mode
        };
        if plain > 3 {
            return Self {
                unknown: Some(mode),
                ..NOTHING
            };
        }
        Self {
            read: plain & 1 != 0,
            write: plain & 2 != 0,
            protection: if mode > 3 { AUTHENTICATED_REQUEST } else { 0 },
            ..NOTHING
        }
    }

    /// A method's mode. Version 0 has a boolean, 1 and 2 an enum with 2 for authenticated, 3 bits.
    pub fn method(mode: u8, association_version: u8) -> Self {
        if association_version >= BITS_SINCE {
            return Self {
                call: mode & 1 != 0,
                protection: mode & PROTECTION,
                ..NOTHING
            };
        }
        match mode {
            0 => NOTHING,
            1 => Self {
                call: true,
                ..NOTHING
            },
            2 => Self {
                call: true,
                protection: AUTHENTICATED_REQUEST,
                ..NOTHING
            },
            other => Self {
                unknown: Some(other),
                ..NOTHING
            },
        }
    }
}

/// `none`, `read`, `write`, `read-write`, `call`; behind it in brackets what the messages must carry.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(mode) = self.unknown {
            return write!(f, "unknown mode {mode}");
        }
        f.write_str(match (self.read, self.write, self.call) {
            (true, true, _) => "read-write",
            (true, false, _) => "read",
            (false, true, _) => "write",
            (false, false, true) => "call",
            (false, false, false) => "none",
        })?;
        let named = PROTECTIONS
            .iter()
            .filter(|(bit, _)| self.protection & bit != 0);
        for (index, (_, name)) in named.enumerate() {
            write!(f, "{}{name}", if index == 0 { " (" } else { ", " })?;
        }
        if self.protection != 0 {
            f.write_str(")")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Access;

    #[test]
    fn attribute_modes_of_every_version() {
        let shown = |mode, version| Access::attribute(mode, version).to_string();
        let early: Vec<_> = (0..8).map(|mode| shown(mode, 2)).collect();
        assert_eq!(
            early,
            [
                "none",
                "read",
                "write",
                "read-write",
                "read (authenticated request)",
                "write (authenticated request)",
                "read-write (authenticated request)",
                "unknown mode 7"
            ]
        );
        assert_eq!(shown(255, 1), "unknown mode 255");
        assert_eq!(shown(3, 3), "read-write");
        // Bits, not the numbers of the versions before: 5 is read with an authenticated request.
        assert_eq!(shown(5, 3), "read (authenticated request)");
        assert_eq!(
            shown(0x6D, 3),
            "read (authenticated request, encrypted request, authenticated answer, encrypted answer)"
        );
    }

    #[test]
    fn method_modes_of_every_version() {
        let shown = |mode, version| Access::method(mode, version).to_string();
        assert_eq!(shown(0, 0), "none");
        assert_eq!(shown(1, 0), "call");
        assert_eq!(shown(2, 2), "call (authenticated request)");
        assert_eq!(shown(3, 2), "unknown mode 3");
        assert_eq!(shown(1, 3), "call");
        assert_eq!(shown(0x11, 3), "call (signed request)");
        assert_eq!(shown(2, 3), "none");
    }
}
