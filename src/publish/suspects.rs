//! Which waiting message to send when connections keep ending over them. A message that was under way at several ends is
//! sent alone; if even so the connection ends, another one is sent first: when that one passes, the broker is well, and
//! the suspect gets its last chance. The rule: no message is set aside while no other gets through, for then the broker
//! is at fault and not the message.

use std::collections::VecDeque;

use crate::store::OutboxRow;

/// Ends of connections after which a message is sent alone.
pub(super) const ALONE: u32 = 3;
/// Ends after which another one must show that the broker is well.
pub(super) const WITNESS: u32 = 6;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Normal,
    /// One at a time, from the head.
    Alone,
    /// Another one is under way first.
    Witness,
    /// Another one passed on this connection: if it ends now, this row is to blame.
    LastChance(i64),
}

impl Mode {
    /// Whether messages go one at a time.
    pub(super) const fn is_alone(self) -> bool {
        !matches!(self, Self::Normal)
    }
}

/// Takes the next row to send from those that wait, and says how.
pub(super) fn next(mode: Mode, ahead: &mut VecDeque<OutboxRow>) -> Option<(Mode, OutboxRow)> {
    let attempts = ahead.front()?.attempts;
    let witness_passed = mode == Mode::Witness;
    if attempts >= WITNESS && witness_passed {
        let row = ahead.pop_front()?;
        return Some((Mode::LastChance(row.id), row));
    }
    if attempts >= WITNESS {
        let other = ahead.iter().position(|row| row.attempts < WITNESS);
        if let Some(row) = other.and_then(|at| ahead.remove(at)) {
            return Some((Mode::Witness, row));
        }
    }
    let mode = if attempts >= ALONE {
        Mode::Alone
    } else {
        Mode::Normal
    };
    Some((mode, ahead.pop_front()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    fn rows(attempts: &[u32]) -> VecDeque<OutboxRow> {
        let row = |(id, attempts): (i64, &u32)| OutboxRow {
            id,
            broker: 1,
            topic: "t".into(),
            payload: Vec::new(),
            created: jiff::Timestamp::UNIX_EPOCH,
            kind: Kind::Telemetry,
            device: None,
            retain: false,
            attempts: *attempts,
        };
        (0..).zip(attempts).map(row).collect()
    }

    fn taken(mode: Mode, ahead: &mut VecDeque<OutboxRow>) -> (Mode, i64) {
        let (mode, row) = next(mode, ahead).unwrap();
        (mode, row.id)
    }

    #[test]
    fn a_suspect_gets_a_last_chance_after_another_passed() {
        let mut ahead = rows(&[6, 7, 1, 0]);
        assert_eq!(taken(Mode::Normal, &mut ahead), (Mode::Witness, 2));
        assert_eq!(taken(Mode::Witness, &mut ahead), (Mode::LastChance(0), 0));
        // The first one passed: the next suspect needs a witness of its own.
        assert_eq!(taken(Mode::LastChance(0), &mut ahead), (Mode::Witness, 3));
        assert_eq!(taken(Mode::Witness, &mut ahead), (Mode::LastChance(1), 1));
        assert!(next(Mode::Normal, &mut ahead).is_none());
    }

    #[test]
    fn without_a_witness_nobody_is_to_blame() {
        let mut ahead = rows(&[9, 9]);
        assert_eq!(taken(Mode::Normal, &mut ahead), (Mode::Alone, 0));
        assert_eq!(taken(Mode::Alone, &mut ahead), (Mode::Alone, 1));
    }

    #[test]
    fn after_a_few_ends_one_goes_at_a_time() {
        let mut ahead = rows(&[3, 2]);
        assert_eq!(taken(Mode::Normal, &mut ahead), (Mode::Alone, 0));
        assert_eq!(taken(Mode::Alone, &mut ahead), (Mode::Normal, 1));
    }
}
