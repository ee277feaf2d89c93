//! What another program wrote into its log, and what it really means. The rule: its words are a hint, never proof.

use super::link::CUT;
use crate::cosem::data::printable;
use crate::diagnosis::{Book, Confidence, Diagnosis, Evidence};

/// Words, and what they come from: readers that end a frame at the first 7E say them.
const WORDS: [(&str, &Diagnosis, &str); 9] = [
    (
        "Invalid HDLC frame boundary",
        &CUT,
        "only a reader that ends frames at the next 7E meets a frame this short; the length field says where a frame ends",
    ),
    (
        "Incomplete HDLC frame",
        &CUT,
        "the frame was cut before its length field says it ends",
    ),
    (
        "unterminated HDLC address",
        &CUT,
        "the rest of a frame was read as a frame",
    ),
    (
        "Invalid payload length for frame",
        &CUT,
        "the frame was cut before its length field says it ends",
    ),
    (
        "Checksum mismatch",
        &CUT,
        "the checksum of a frame cut at a 7E inside it cannot be right",
    ),
    (
        "Unexpected receive sequence",
        &super::link::STUCK,
        "the count of received frames has gone wrong",
    ),
    (
        "Invoke-ID mismatch",
        &super::line::LATE,
        "the answer to an earlier request was taken for this one's",
    ),
    (
        "Unexpected response to SNRM",
        &super::line::RESIDUE,
        "something older was still on its way",
    ),
    (
        "Expected I-frame",
        &super::line::RESIDUE,
        "something older was still on its way",
    ),
];

/// Told one line of a log.
pub(in crate::diagnosis) fn line(number: usize, text: &str, book: &mut Book) {
    for (words, diagnosis, meaning) in WORDS {
        let Some(at) = text.find(words) else { continue };
        let sure = if at == 0 || words != "Expected I-frame" {
            Confidence::Likely
        } else {
            Confidence::Possible
        };
        book.note(diagnosis, sure, || {
            let said: String = text.trim().chars().take(60).collect();
            Evidence::words(format!(
                "line {number}, \"{}\": {meaning}",
                printable(&said)
            ))
        });
        return;
    }
}
