//! IEC 62056-21 mode E: the sign-on before HDLC.

use super::Rule;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    Vec::new()
}
