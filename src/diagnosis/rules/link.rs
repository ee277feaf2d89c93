//! The HDLC link: who is addressed, how it opens and closes, how frames are counted. The rule: a meter's silence is by design.

mod addresses;
mod freed;
mod numbers;
mod own;
mod refusals;
mod silence;

use super::Rule;
pub(super) use numbers::H20 as STUCK;
pub(super) use own::H27 as CUT;

/// H1 to H32 but for damage of octets.
pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    [
        silence::rules(),
        addresses::rules(),
        freed::rules(),
        refusals::rules(),
        numbers::rules(),
        own::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
