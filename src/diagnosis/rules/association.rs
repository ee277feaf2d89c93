//! AARQ and AARE: what an association is refused for.

use super::Rule;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    Vec::new()
}
