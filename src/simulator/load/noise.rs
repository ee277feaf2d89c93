//! Randomness as a pure function of (seed, stream, index): the same picture on every machine, in any order, after any jump in time.

/// One round of SplitMix64.
const fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// 64 bits that belong to this place.
pub(in crate::simulator) const fn bits(seed: u64, stream: u64, index: i64) -> u64 {
    mix(seed ^ mix(stream ^ mix(index.cast_unsigned())))
}

/// A whole number in `0..=span`.
pub(in crate::simulator) const fn whole(seed: u64, stream: u64, index: i64, span: u32) -> u32 {
    let wide = (bits(seed, stream, index) >> 32) * (span as u64 + 1);
    (wide >> 32) as u32
}

/// A number in `-1.0..1.0`.
#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits fit a double exactly; that is the point of the shift"
)]
pub(super) fn signed(seed: u64, stream: u64, index: i64) -> f64 {
    (bits(seed, stream, index) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Smooth wandering in `-1.0..1.0`: random knots every `step` seconds, smoothstep between them.
pub(super) fn wander(seed: u64, stream: u64, second: i64, step: u32) -> f64 {
    let knot = second.div_euclid(i64::from(step));
    #[expect(
        clippy::cast_precision_loss,
        reason = "a remainder below a day is exact in a double"
    )]
    let u = second.rem_euclid(i64::from(step)) as f64 / f64::from(step);
    let before = signed(seed, stream, knot);
    let after = signed(seed, stream, knot.wrapping_add(1));
    before + (after - before) * (3.0 - 2.0 * u) * u * u
}
