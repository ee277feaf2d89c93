//! What a line and its converters do to bytes. Pure but for the dice.

use super::dice::Dice;
use super::{Faults, Kind};
use std::time::Duration;

/// The longest piece of an answer that comes in pieces.
const PIECE: u32 = 12;

/// Bytes of the meter, as they arrive.
pub(super) fn damage(faults: &Faults, dice: &mut Dice, bytes: &mut Vec<u8>) {
    if faults.has(Kind::DroppedFf) {
        bytes.retain(|octet| *octet != 0xFF);
    }
    if faults.has(Kind::DoubledFf) {
        let doubled = bytes.iter().flat_map(|octet| {
            let times = if *octet == 0xFF { 2 } else { 1 };
            std::iter::repeat_n(*octet, times)
        });
        *bytes = doubled.collect();
    }
    if faults.has(Kind::Parity) {
        even_parity(bytes);
    }
    if let Some(rate) = faults.number(Kind::BitFlips) {
        for octet in bytes {
            if dice.in_a_million(rate) {
                *octet |= 1 << dice.up_to(7);
            }
        }
    }
}

/// Seven bits each, the eighth makes their number even.
pub(super) fn even_parity(bytes: &mut [u8]) {
    for octet in bytes {
        let seven = *octet & 0x7F;
        *octet = seven | if seven.count_ones() % 2 == 1 { 0x80 } else { 0 };
    }
}

/// How much of the request comes back.
pub(super) fn echo<'a>(faults: &Faults, bytes: &'a [u8]) -> &'a [u8] {
    if faults.has(Kind::Echo) || faults.has(Kind::EchoOnly) {
        return bytes;
    }
    match faults.number(Kind::EchoPart) {
        Some(most) => {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            bytes.get(..most).unwrap_or(bytes)
        }
        None => &[],
    }
}

/// Cuts an answer; each piece with the pause before it.
pub(super) fn pieces(bytes: &[u8], apart: Duration, dice: &mut Dice) -> Vec<(Duration, Vec<u8>)> {
    let most = u32::try_from(apart.as_millis()).unwrap_or(u32::MAX).max(1);
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = usize::try_from(1 + dice.up_to(PIECE - 1)).unwrap_or(1);
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        let pause = if pieces.is_empty() {
            0
        } else {
            1 + dice.up_to(most - 1)
        };
        pieces.push((Duration::from_millis(pause.into()), piece.to_vec()));
        rest = behind;
    }
    pieces
}
