//! High level security and ciphering: keys, titles, counters.

use super::Rule;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    Vec::new()
}
