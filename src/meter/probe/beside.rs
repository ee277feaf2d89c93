//! What is no fault, works here, and trips other clients: small frames, a UA of few words, answers in pieces. The rule:
//! said beside the findings, with the number it has in the table of diagnoses.

use super::{Outcome, Step};
use crate::dlms::hdlc::{Control, Decoder, Frame, Item};
use crate::dlms::xdlms::Conformance;
use crate::meter::Definition;
use crate::meter::session::Settled;
use crate::meter::tap::{Chunk, Direction, Tap};
use jiff::{SignedDuration, Timestamp};

/// Within a frame; less is a converter's ordinary packing.
const GAP: SignedDuration = SignedDuration::from_millis(15);
/// What a request for a few objects fits in.
const SMALL_PDU: u16 = 128;

pub(super) fn notes(
    meter: &Definition,
    settled: Settled,
    steps: &[Step],
    tap: &Tap,
) -> Vec<String> {
    let mut notes = Vec::new();
    let heard = Heard::of(tap);
    match heard.ua.as_deref() {
        Some([]) => notes.push(
            "UA carries no parameters, so 128 octets and window 1 hold; a client that wants them in words fails here (H4)"
                .to_owned(),
        ),
        Some(information) if is_short(information) => notes.push(
            "UA gives its sizes in one byte each, which is allowed; a client that wants two fails here (H5)".to_owned(),
        ),
        _ => {}
    }
    if let Some(parameters) = settled.parameters {
        let takes = parameters.max_info_transmit;
        if takes < meter.max_info {
            notes.push(format!(
                "the meter takes {takes} octets a frame where {} were proposed, and gets no more; a client that does not keep to it fails here (H6)",
                meter.max_info
            ));
        }
    }
    if let Some(most) = settled.max_pdu.filter(|most| (1..SMALL_PDU).contains(most)) {
        notes.push(format!(
            "the meter takes requests of at most {most} octets: lists are asked one by one; a client that does not keep to it fails here (A14)"
        ));
    }
    let in_vain = steps
        .iter()
        .any(|step| step.step == "list" && step.outcome == Outcome::Refused);
    let blocks = settled
        .conformance
        .is_none_or(|granted| granted.has(Conformance::BLOCK_GET));
    if in_vain && !blocks {
        notes.push(
            "the meter grants no block transfer, so what is longer than one answer, as the list of objects, cannot be read: ask for single attributes (A15)"
                .to_owned(),
        );
    }
    if let Some(gap) = heard.gap {
        notes.push(format!(
            "answers come in pieces up to {} ms apart; a client that takes a pause for the end of a frame fails here (T10)",
            gap.as_millis()
        ));
    }
    notes
}

#[derive(Default)]
struct Heard {
    /// The information field of the first UA.
    ua: Option<Vec<u8>>,
    /// The longest pause within a frame.
    gap: Option<SignedDuration>,
}

impl Heard {
    fn of(tap: &Tap) -> Self {
        let mut heard = Self::default();
        let mut decoder = Decoder::new();
        let mut unfinished: Option<Timestamp> = None;
        for record in tap.since(0).0 {
            let Chunk::Bytes { direction, bytes } = record.what else {
                continue;
            };
            if direction == Direction::Sent {
                decoder.clear();
                unfinished = None;
                continue;
            }
            decoder.push(&bytes);
            let mut whole = false;
            while let Some(item) = decoder.next() {
                let Item::Frame { octets, .. } = item else {
                    continue;
                };
                whole = true;
                let Ok(frame) = Frame::parse(octets) else {
                    continue;
                };
                if let Control::Ua { .. } = frame.control() {
                    heard.ua.get_or_insert_with(|| frame.information().to_vec());
                }
            }
            let gap = unfinished.map(|before| record.at.duration_since(before));
            let gap = gap.filter(|gap| whole && *gap >= GAP);
            heard.gap = heard.gap.max(gap);
            unfinished = (!whole).then_some(record.at);
        }
        heard
    }
}

/// `81 80 len`, then 05 or 06 of one octet (IEC 62056-46, 6.4.4.4.3.2).
fn is_short(information: &[u8]) -> bool {
    matches!(information, [0x81, 0x80, _, 5 | 6, 1, ..])
}
