//! Where in the waiting bytes the next frame lies: every flag is looked at as a possible beginning.
//! The rule: a right checksum beats any wrong one, and no wrong one holds up a right one.

use crate::dlms::hdlc::{
    FLAG, fcs,
    frame::{self, MIN_LENGTH, NoLayout},
};

/// What is known about the waiting bytes as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Survey {
    /// A frame opens at this flag; so many octets follow it. Everything before is junk. `header_right`:
    /// its HCS was found right.
    Frame {
        at: usize,
        length: usize,
        header_right: bool,
    },
    /// Nothing is complete; what lies before `from` is junk.
    Wait { from: usize },
}

/// What is known about one flag as the beginning of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidate {
    /// No frame begins here.
    Not,
    /// Not even its header is all here, or nothing vouches for it yet but its size.
    Open,
    /// The header check failed; it may still turn out a damaged frame with a closing flag where it should be.
    Weak,
    /// The header check is right, the rest is on its way.
    Sure,
    /// A whole frame.
    Whole(usize),
    /// A whole frame whose HCS is right.
    Proven(usize),
    /// Complete but damaged: to be taken unless something better begins inside it.
    Damaged(usize),
}

/// `ended`: no more bytes will come.
pub(super) fn survey(waiting: &[u8], ended: bool) -> Survey {
    let mut first_possible = None;
    let mut damaged: Option<(usize, usize)> = None;
    let mut open_inside = false;
    let mut at = 0;
    while let Some(found) = waiting
        .get(at..)
        .and_then(|rest| rest.iter().position(|octet| *octet == FLAG))
    {
        at = at.saturating_add(found);
        let after = at.saturating_add(1);
        if damaged.is_some_and(|(start, length)| at > start.saturating_add(length)) {
            break;
        }
        match candidate(waiting.get(after..).unwrap_or_default(), ended) {
            Candidate::Not => {}
            Candidate::Open => {
                first_possible.get_or_insert(at);
                // Given up on, a damaged frame waits for nothing: its last octet may look like a flag.
                open_inside |= damaged.is_some() && !ended;
            }
            Candidate::Weak => {
                first_possible.get_or_insert(at);
            }
            Candidate::Sure => return Survey::Wait { from: at },
            Candidate::Whole(length) => {
                return Survey::Frame {
                    at,
                    length,
                    header_right: false,
                };
            }
            Candidate::Proven(length) => {
                return Survey::Frame {
                    at,
                    length,
                    header_right: true,
                };
            }
            Candidate::Damaged(length) => {
                damaged.get_or_insert((at, length));
            }
        }
        at = after;
    }
    match damaged {
        Some((at, _)) if open_inside => Survey::Wait {
            from: first_possible.map_or(at, |first| at.min(first)),
        },
        Some((at, length)) => Survey::Frame {
            at,
            length,
            header_right: false,
        },
        None => Survey::Wait {
            from: first_possible.unwrap_or(waiting.len()),
        },
    }
}

/// `rest` is what follows the flag.
fn candidate(rest: &[u8], ended: bool) -> Candidate {
    let unless_ended = |candidate| if ended { Candidate::Not } else { candidate };
    let length = match *rest {
        // A flag at the very end may open the next frame, however long that takes.
        [] => return Candidate::Open,
        [format] if format >> 4 == 0xA => return unless_ended(Candidate::Open),
        [_] => return Candidate::Not,
        [high, low, ..] => match frame::length(high, low) {
            Some(length) if length >= MIN_LENGTH => length,
            _ => return Candidate::Not,
        },
    };
    let octets = rest.get(..length);
    let closing = rest.get(length).map(|octet| *octet == FLAG);
    let layout = match frame::layout(rest.get(..length).unwrap_or(rest)) {
        Ok(layout) => Some(layout),
        Err(NoLayout::Short) if octets.is_none() => return unless_ended(Candidate::Open),
        Err(NoLayout::Short) => return Candidate::Not,
        Err(NoLayout::Endless { .. }) => None,
    };
    let fcs_right = || octets.is_some_and(fcs::ends_right);

    if let Some(layout) = layout {
        let header = layout.header();
        let hcs_end = header.saturating_add(2);
        match length.checked_sub(header) {
            None | Some(0 | 1 | 3) => return Candidate::Not,
            Some(2) => {
                return match closing {
                    _ if fcs_right() => Candidate::Whole(length),
                    None => unless_ended(Candidate::Open),
                    Some(true) => Candidate::Damaged(length),
                    Some(false) => Candidate::Not,
                };
            }
            Some(_) => {}
        }
        let Some(checked) = rest.get(..hcs_end) else {
            return unless_ended(Candidate::Open);
        };
        // No real device has an address of three octets: such a header must prove itself by its FCS.
        if layout.is_legal() && fcs::ends_right(checked) {
            return match (octets, closing) {
                (None, _) => unless_ended(Candidate::Sure),
                (Some(_), Some(true)) => Candidate::Proven(length),
                (Some(_), _) if fcs_right() => Candidate::Proven(length),
                (Some(_), None) => {
                    if ended {
                        Candidate::Damaged(length)
                    } else {
                        Candidate::Sure
                    }
                }
                // Octets were lost: the length runs into what followed.
                (Some(_), Some(false)) => Candidate::Damaged(length),
            };
        }
    }
    // The header is wrong, or its addresses never end: only what stands at the far end can speak for it.
    match closing {
        None | Some(true) if fcs_right() => Candidate::Whole(length),
        None => unless_ended(Candidate::Weak),
        Some(true) if layout.is_some() => Candidate::Damaged(length),
        Some(_) => Candidate::Not,
    }
}
