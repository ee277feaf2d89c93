//! Which tag a ciphered APDU has for a plain one, and back (Green Book, ASN.1 of the xDLMS APDUs).
//!
//! The one rule: a service that has no tag of its own goes inside the general form.

/// How ciphered APDUs are dressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// `glo-get-request` and its like, under the global key.
    #[default]
    Global,
    /// `ded-get-request` and its like, under the key of this association alone.
    Dedicated,
    /// `general-glo-ciphering`; `general-ded-ciphering` once a dedicated key is set.
    General,
}

pub(super) const GENERAL_GLO: u8 = 0xDB;
pub(super) const GENERAL_DED: u8 = 0xDC;
pub(super) const GENERAL: u8 = 0xDD;
pub(super) const GENERAL_SIGNING: u8 = 0xDF;

/// Initiate request and response are under the global key always: they bring the dedicated one.
pub(super) const fn is_initiate(plain: u8) -> bool {
    matches!(plain, 0x01 | 0x08)
}

pub(super) const fn glo(plain: u8) -> Option<u8> {
    Some(match plain {
        0x01 => 0x21,
        0x05 => 0x25,
        0x06 => 0x26,
        0x08 => 0x28,
        0x0C => 0x2C,
        0x0D => 0x2D,
        0x0E => 0x2E,
        0x16 => 0x36,
        0x18 => 0x38,
        0xC0 => 0xC8,
        0xC1 => 0xC9,
        0xC2 => 0xCA,
        0xC3 => 0xCB,
        0xC4 => 0xCC,
        0xC5 => 0xCD,
        0xC7 => 0xCF,
        _ => return None,
    })
}

pub(super) const fn ded(plain: u8) -> Option<u8> {
    match glo(plain) {
        Some(tag @ 0xC8..) => Some(tag.wrapping_add(0x08)),
        Some(tag) => Some(tag.wrapping_add(0x20)),
        None => None,
    }
}

/// The plain tag a glo- or ded- tag stands for, and whether the dedicated key is used.
pub(super) const fn plain(tag: u8) -> Option<(u8, bool)> {
    let (glo_tag, dedicated) = match tag {
        0x41..=0x5F => (tag.wrapping_sub(0x20), true),
        0xD0..=0xD7 => (tag.wrapping_sub(0x08), true),
        _ => (tag, false),
    };
    let bare = match glo_tag {
        0x21 | 0x25 | 0x26 | 0x28 | 0x2C..=0x2E | 0x36 | 0x38 => glo_tag.wrapping_sub(0x20),
        0xC8..=0xCD | 0xCF => glo_tag.wrapping_sub(0x08),
        _ => return None,
    };
    Some((bare, dedicated))
}
