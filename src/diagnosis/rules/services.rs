//! GET, SET, ACTION and their refusals.

use super::Rule;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    Vec::new()
}
