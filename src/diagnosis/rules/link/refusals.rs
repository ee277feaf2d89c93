//! H8, H9, H12, H14 to H19, H21: the meter says no at the link. The rule: its own words, bit by bit.

use super::Rule;
use super::silence::INACTIVITY;
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::rules::transport::span;
use crate::diagnosis::{
    Book, Confidence, Conversation, Diagnosis, Direction, Event, Hdlc, Seen, What,
};
use crate::dlms::hdlc::{Control, FrameReject};

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Refusals::default())]
}

const H8: Diagnosis = Diagnosis {
    id: "H8",
    title: "The meter refuses to connect now (DM): busy with another client, or not ready",
    remedy: &[
        "Stop whoever else reads this meter.",
        "Wait for the meter's inactivity time: obiscope probe --wait.",
        "Send DISC with the same client and server, then SNRM: obiscope probe does.",
    ],
    specific: 6,
};
const H9: Diagnosis = Diagnosis {
    id: "H9",
    title: "DM to DISC means already disconnected: that is good, not an error",
    remedy: &["Go on with SNRM."],
    specific: 4,
};
const H12: Diagnosis = Diagnosis {
    id: "H12",
    title: "The meter has closed the link in between: it is no longer connected (DM)",
    remedy: &[
        "Begin again with SNRM.",
        "Read something more often than the inactivity time (--poll), or release after each reading.",
    ],
    specific: 7,
};
const H14: Diagnosis = Diagnosis {
    id: "H14",
    title: "The meter does not know this kind of frame in this state (FRMR W)",
    remedy: &[
        "Begin again with SNRM.",
        "Some meters take requests in UI frames only.",
    ],
    specific: 7,
};
const H15: Diagnosis = Diagnosis {
    id: "H15",
    title: "The meter refuses information in this kind of frame (FRMR X)",
    remedy: &[
        "Send SNRM without parameters.",
        "Look at the frame that was refused.",
    ],
    specific: 7,
};
const H16: Diagnosis = Diagnosis {
    id: "H16",
    title: "The frame was too long for the meter (FRMR Y)",
    remedy: &["Send no more than the UA allows, 128 where it says nothing: --max-info 128."],
    specific: 7,
};
pub(super) const H17: Diagnosis = Diagnosis {
    id: "H17",
    title: "The meter finds N(R) invalid (FRMR Z): the client's count of answers is wrong",
    remedy: &[
        "Begin again with SNRM; both counts start at zero after UA.",
        "Mend the client: N(R) is the N(S) of the last frame received plus one.",
    ],
    specific: 8,
};
pub(super) const H18: Diagnosis = Diagnosis {
    id: "H18",
    title: "The meter finds N(S) invalid (FRMR V): the counts were not set to zero after SNRM",
    remedy: &[
        "Begin again with SNRM; both counts start at zero after UA.",
        "Mend the client: N(S) counts its own I frames since UA, modulo 8.",
    ],
    specific: 8,
};
const H19: Diagnosis = Diagnosis {
    id: "H19",
    title: "FRMR with its reason bits in reversed order",
    remedy: &["Read the bits from the other end; begin again with SNRM."],
    specific: 6,
};
const H21: Diagnosis = Diagnosis {
    id: "H21",
    title: "The meter is busy (RNR)",
    remedy: &[
        "Ask with RR until it is ready; do not send the request again.",
        "Give it more time, it may be reading its flash memory: --timeout 15s.",
    ],
    specific: 7,
};

#[derive(Debug, Default)]
struct Refusals {
    idle: Option<i64>,
    /// DISC answered with DM, in a row.
    farewells: u32,
}

impl Rule for Refusals {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        let What::Frame(seen) = event.what else {
            return;
        };
        if seen.direction == Direction::Sent {
            self.idle = talk.idle(event.at);
            if matches!(seen.control(), Some(Control::Snrm { .. })) {
                self.farewells = 0;
            }
            return;
        }
        let Some(hdlc) = seen.sound() else { return };
        match hdlc.control {
            Control::Dm { .. } => self.dm(talk, seen, book),
            Control::Frmr { .. } => frmr(talk, seen, hdlc, book),
            Control::ReceiveNotReady { .. } => {
                book.note(&H21, Confidence::Certain, || {
                    seen.at_control("RNR: not ready to receive")
                });
            }
            _ => {}
        }
    }
}

impl Refusals {
    fn dm(&mut self, talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
        let asked = talk.last_sent.and_then(|sent| sent.control);
        match asked {
            Some(Control::Snrm { .. }) => {
                book.note(&H8, Confidence::Certain, || {
                    seen.at_control("DM answers SNRM")
                });
            }
            Some(Control::Disc { .. }) => {
                self.farewells = self.farewells.saturating_add(1);
                if self.farewells > 1 {
                    book.note(&H9, Confidence::Possible, || {
                        seen.at_control("DM answers DISC again: there is nothing to disconnect")
                    });
                }
            }
            // Where no link was open, DM says nothing new.
            Some(_) if matches!(talk.phase, Phase::Up | Phase::Unknown) => {
                book.note(&H12, Confidence::Certain, || {
                    let idle = self.idle.unwrap_or_default();
                    let limit = talk.settings.inactivity.unwrap_or(INACTIVITY);
                    let why = if idle >= limit {
                        format!(", after {} without traffic", span(idle))
                    } else {
                        String::new()
                    };
                    seen.at_control(format!("DM answers a request{why}"))
                });
            }
            _ => {}
        }
    }
}

fn frmr(talk: &Conversation, seen: &Seen<'_>, hdlc: &Hdlc<'_>, book: &mut Book) {
    let at = hdlc
        .frame
        .and_then(|frame| frame.hcs_at())
        .map(|hcs| hcs.saturating_add(2));
    let Some(reject) = FrameReject::decode(hdlc.information()) else {
        book.note(&H14, Confidence::Likely, || {
            seen.at_control("FRMR without a reason")
        });
        book.entitle("H14", "The meter rejects a frame and says no reason (FRMR)");
        return;
    };
    let say = || seen.evidence(at.map(|at| at..at.saturating_add(3)), reject.to_string());
    let low = reject.reasons & 0x1F;
    if low == 0 {
        book.note(&H19, Confidence::Certain, say);
        return;
    }
    let bits = [
        (0x01, &H14),
        (0x02, &H15),
        (0x04, &H16),
        (0x08, &H17),
        (0x10, &H18),
    ];
    for (bit, diagnosis) in bits {
        if low & bit != 0 {
            book.note(diagnosis, Confidence::Certain, say);
        }
    }
    // Why the meter finds so is its own word against a healthy count: say what was sent.
    if low & 0x18 != 0 && talk.sent_number.is_some() {}
}
