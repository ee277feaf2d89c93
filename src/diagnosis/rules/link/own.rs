//! H3 to H6, H27, H32: what the client itself does wrong. The rule: its frames are held to the standard and to the UA.

use super::Rule;
use crate::cosem::hex::cut as hex;
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::{
    Book, Confidence, Conversation, Diagnosis, Direction, Event, Evidence, Seen, What,
};
use crate::dlms::hdlc::{Control, FLAG, LLC_COMMAND, LLC_RESPONSE, Parameters, fcs};

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(Own),
        Box::new(InnerFlag::default()),
        Box::new(Llc::default()),
    ]
}

const H3: Diagnosis = Diagnosis {
    id: "H3",
    title: "The client sends malformed frames, which a meter ignores",
    remedy: &["Mend the client: length, HCS, FCS and the lengths inside SNRM must all fit."],
    specific: 9,
};
const H4: Diagnosis = Diagnosis {
    id: "H4",
    title: "UA without parameters means 128 octets and a window of 1, and the client does not keep to it",
    remedy: &["Send at most 128 octets of information a frame, one frame at a time."],
    specific: 8,
};
const H5: Diagnosis = Diagnosis {
    id: "H5",
    title: "The client does not take a UA whose sizes are written in one octet",
    remedy: &["Mend the client: values of 1, 2 and 4 octets are all legal in UA."],
    specific: 7,
};
const H6: Diagnosis = Diagnosis {
    id: "H6",
    title: "The client sends longer frames than the UA allows",
    remedy: &["Segment to what the UA says the meter can receive (parameter 06)."],
    specific: 8,
};
pub(in crate::diagnosis::rules) const H27: Diagnosis = Diagnosis {
    id: "H27",
    title: "A frame was cut at a 7E inside it: octets 7E are legal there",
    remedy: &[
        "Mend the client: a frame ends where its length field says, not at the next 7E.",
        "Reconnecting only helps until the next 7E comes.",
    ],
    specific: 9,
};
const H32: Diagnosis = Diagnosis {
    id: "H32",
    title: "The LLC header is wrong: E6 E6 00 asks, E6 E7 00 answers",
    remedy: &[
        "Mend whoever sends it.",
        "E6 E6 from the meter may be an echo.",
    ],
    specific: 7,
};

/// What holds where the UA says nothing.
const DEFAULT: usize = 128;

#[derive(Debug)]
struct Own;

impl Rule for Own {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Frame(seen) if seen.direction == Direction::Sent => {
                well_formed(seen, book);
                fits(talk, seen, book);
                again(talk, seen, book);
            }
            What::Junk(Direction::Sent, octets) => {
                book.note(&H3, Confidence::Likely, || {
                    Evidence::words(format!("sent, and no frame: {}", hex(octets, 16)))
                });
            }
            _ => {}
        }
    }
}

fn well_formed(seen: &Seen<'_>, book: &mut Book) {
    let Some(hdlc) = seen.hdlc() else { return };
    let end = seen.octets.len();
    let mut say = |octets, text: String| {
        book.note(&H3, Confidence::Certain, || seen.evidence(octets, text));
    };
    let Some(frame) = hdlc.frame else {
        return say(
            None,
            "its addresses do not end, or there is no room for its checks".to_owned(),
        );
    };
    if hdlc.hcs_ok == Some(false) {
        let at = frame.hcs_at().map(|at| at..at.saturating_add(2));
        say(at, "HCS wrong".to_owned());
    }
    if !hdlc.fcs_ok {
        let [low, high] = seen
            .octets
            .split_last_chunk::<2>()
            .map_or(0, |(checked, _)| fcs::fcs(checked))
            .to_le_bytes();
        say(
            Some(end.saturating_sub(2)..end),
            format!("FCS wrong: these octets give {low:02X} {high:02X}"),
        );
    }
    if let Control::Snrm { .. } = hdlc.control
        && let Err(error) = Parameters::decode_raw(hdlc.information())
    {
        let at = frame
            .hcs_at()
            .unwrap_or_default()
            .saturating_add(2)
            .saturating_add(error.offset);
        say(
            Some(at..at.saturating_add(1)),
            format!("SNRM's parameters: {}", error.what),
        );
    }
}

fn fits(talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
    let Some(hdlc) = seen.hdlc() else { return };
    if !matches!(hdlc.control, Control::Information { .. })
        || talk.ua.is_none()
        || talk.phase != Phase::Up
    {
        return;
    }
    let length = hdlc.information().len();
    match talk.granted {
        None if length > DEFAULT => book.note(&H4, Confidence::Certain, || {
            seen.evidence(None, format!("{length} octets of information"))
        }),
        Some(granted) if length > granted.max_info_receive.into() => {
            book.note(&H6, Confidence::Certain, || {
                let most = granted.max_info_receive;
                seen.evidence(
                    None,
                    format!("{length} octets of information; the UA allows {most}"),
                )
            });
        }
        _ => {}
    }
}

/// SNRM right after a UA: the client did not take it.
fn again(talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
    let (Some(Control::Snrm { .. }), Some(sent), Some(ua), Some(last)) =
        (seen.control(), talk.last_sent, talk.ua, talk.last_received)
    else {
        return;
    };
    let taken = last.number != ua.number
        || sent.number > ua.number
        || !matches!(sent.control, Some(Control::Snrm { .. }))
        || sent.server != seen.hdlc().and_then(|hdlc| hdlc.server);
    if taken || talk.phase != Phase::Up {
        return;
    }
    let diagnosis = match ua.information {
        0 => &H4,
        // Two sizes of one octet and two windows of four, or all of one.
        1..=21 => &H5,
        _ => return,
    };
    book.note(diagnosis, Confidence::Possible, || Evidence {
        frame: Some(ua.number),
        octets: None,
        text: format!("a right UA, and yet frame {} asks again", seen.number),
    });
    if ua.information == 0 {
        book.entitle("H4", "The client does not take a UA without parameters");
    }
}

/// A whole frame with a 7E inside, and a client that behaves as if it had been broken.
#[derive(Debug, Default)]
struct InnerFlag {
    /// The last whole frame received that has one: where.
    inside: Option<(u64, usize)>,
}

impl Rule for InnerFlag {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Frame(seen) if seen.direction == Direction::Received => {
                let at = seen
                    .sound()
                    .and_then(|_| seen.octets.iter().position(|octet| *octet == FLAG));
                self.inside = at.map(|at| (seen.number, at));
            }
            What::Frame(seen) => {
                let send = match seen.control() {
                    Some(Control::Information { send, .. }) => Some(send),
                    _ => None,
                };
                let repeats = send.is_some() && send == talk.sent_number
                    || matches!(seen.control(), Some(Control::Snrm { .. }))
                        && talk.phase == Phase::Up;
                if let Some((number, at)) = self.inside.take()
                    && repeats
                {
                    book.note(&H27, Confidence::Likely, || Evidence {
                        frame: Some(number),
                        octets: Some(at.saturating_add(1)..at.saturating_add(2)),
                        text: format!("a whole frame with a 7E inside; frame {} asks again as if it were broken", seen.number),
                    });
                }
            }
            What::Unfinished(_, octets) | What::Junk(_, octets) => cut(talk, octets, book),
            _ => {}
        }
    }
}

/// A beginning that ends in 7E although its length says more, with a right header.
fn cut(talk: &Conversation, octets: &[u8], book: &mut Book) {
    let octets = octets.strip_prefix(&[FLAG]).unwrap_or(octets);
    let [high, low, .., FLAG] = *octets else {
        return;
    };
    let claimed = usize::from(u16::from_be_bytes([high, low]) & 0x07FF);
    let here = octets.len().saturating_sub(1);
    let header = (7..=13).any(|end| octets.get(..end).is_some_and(fcs::ends_right));
    if high >> 4 != 0xA || claimed <= here || !header {
        return;
    }
    book.note(&H27, Confidence::Likely, || {
        let after = talk.last_sent.map_or(0, |sent| sent.number);
        Evidence::words(format!(
            "after frame {after}: its length says {claimed} octets, and it is cut at a 7E after {here}: {}",
            hex(octets, 16)
        ))
    });
}

/// The LLC header in front of the first segment.
#[derive(Debug, Default)]
struct Llc {
    going_on: [bool; 2],
}

impl Rule for Llc {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        let What::Frame(seen) = event.what else {
            return;
        };
        let Some(hdlc) = seen.sound() else { return };
        let Control::Information { send, .. } = hdlc.control else {
            self.going_on = if matches!(hdlc.control, Control::Snrm { .. } | Control::Ua { .. }) {
                [false, false]
            } else {
                self.going_on
            };
            return;
        };
        let (side, right, last) = match seen.direction {
            Direction::Sent => (0, LLC_COMMAND, talk.sent_number),
            Direction::Received => (1, LLC_RESPONSE, talk.received_number),
        };
        // The same frame again says nothing new; a trace may begin in the middle of an APDU.
        let repeated = Some(send) == last;
        let Some(going_on) = self.going_on.get_mut(side) else {
            return;
        };
        let first = !*going_on;
        if !repeated {
            *going_on = hdlc.segmented;
        }
        let information = hdlc.information();
        if first
            && !repeated
            && !information.starts_with(&right)
            && last.is_some() | talk.ua.is_some()
        {
            let at = hdlc
                .frame
                .and_then(|frame| frame.hcs_at())
                .unwrap_or_default()
                .saturating_add(2);
            let sure = if seen.direction == Direction::Sent {
                Confidence::Certain
            } else {
                Confidence::Likely
            };
            book.note(&H32, sure, || {
                let text = format!(
                    "{} where {} was due",
                    hex(information.get(..3).unwrap_or(information), 3),
                    hex(&right, 3)
                );
                seen.evidence(Some(at..at.saturating_add(3)), text)
            });
        }
    }
}
