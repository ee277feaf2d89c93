//! What the line does to octets: echo, another protocol, residues. The rule: what came is held against what was sent.

mod damage;
mod echo;
mod late;
mod noise;
mod other;
mod pieces;

use super::Rule;
pub(super) use late::{T6 as RESIDUE, T7 as LATE, is_left_over};

/// T6 to T20 but for those of connections and silence.
pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    [
        echo::rules(),
        damage::rules(),
        noise::rules(),
        late::rules(),
        other::rules(),
        pieces::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
