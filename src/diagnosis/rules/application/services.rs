//! GET, SET, ACTION and their answers. The rule: an answer is held against its own request: service, invoke-id, result.

use super::asked::Asked;
use super::errors::not_agreed;
use super::{Talk, association_rows as associations, results, service_rows as rows};
use crate::cosem::Data;
use crate::diagnosis::{Apdu, Book, Confidence, Evidence};
use crate::dlms::xdlms::{DataAccessResult, tag};
use Confidence::{Certain, Likely};

/// Invoke-ids kept of requests without an answer.
const GIVEN_UP: usize = 4;

impl Talk {
    pub(super) fn request_sent(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
        let Some(asked) = Asked::read(apdu) else {
            return;
        };
        if let Some(before) = self.asked.take().and_then(|before| before.invoke) {
            if self.given_up.len() >= GIVEN_UP {
                self.given_up.remove(0);
            }
            self.given_up.push(before);
        }
        if asked.tag != tag::RLRQ {
            self.owed(&asked, apdu, book);
        }
        self.leave_blocks(&asked, apdu, book);
        self.writes.asked(&asked, apdu);
        self.asked = Some(asked);
    }

    /// What should have come before this request.
    fn owed(&mut self, asked: &Asked, apdu: &Apdu<'_>, book: &mut Book) {
        if let Some(frame) = self.refused.take() {
            book.note(&associations::A12, Certain, || {
                apdu.evidence(
                    None,
                    format!("goes on with {asked} though the AARE of frame {frame} refused"),
                )
            });
        }
        let Some(agreed) = &mut self.agreed else {
            return;
        };
        if agreed.owes_proof {
            // Ciphered, it cannot be told from other requests.
            let clear = asked.by_logical_name().is_some();
            agreed.owes_proof = false;
            agreed.unproven =
                (clear && !asked.is_pass_3()) || matches!(asked.tag, 0xC8 | 0xC9 | 0xD0 | 0xD1);
            if agreed.unproven {
                book.note(&associations::A4, Likely, || {
                    apdu.evidence(
                        None,
                        format!("{asked} comes before pass 3 of the handshake"),
                    )
                });
            }
        }
        if let Some(most) = agreed.max_pdu.filter(|most| *most > 0)
            && asked.octets > usize::from(most)
        {
            book.note(&associations::A14, Certain, || {
                apdu.evidence(
                    None,
                    format!("{} octets, the meter takes {most}", asked.octets),
                )
            });
        }
    }

    pub(super) fn answer_came(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
        match apdu.tag() {
            Some(tag::EXCEPTION_RESPONSE) => return self.exception(apdu, book),
            Some(tag::CONFIRMED_SERVICE_ERROR) => return self.service_error(apdu, book),
            _ => {}
        }
        let asked = self.asked.take();
        let (Some(asked), Some(tag)) = (asked, apdu.tag()) else {
            return;
        };
        if !asked.expects(tag) {
            return book.note(&rows::X25, Likely, || {
                let name = tag::name(tag).unwrap_or("an unknown APDU");
                apdu.evidence(
                    Some(0..1),
                    format!("{asked} (frame {}) is answered by {name}", asked.frame),
                )
            });
        }
        if !matches!(
            tag,
            tag::GET_RESPONSE | tag::SET_RESPONSE | tag::ACTION_RESPONSE
        ) {
            if let Some(agreed) = &mut self.agreed {
                agreed.well = agreed.well.saturating_add(1);
            }
            return;
        }
        self.invoke(&asked, apdu, book);
        let octets = apdu.octets;
        let refused = match *octets {
            [tag::GET_RESPONSE, 1, _, 1, result, ..] => Some((result, 4)),
            [tag::SET_RESPONSE | tag::ACTION_RESPONSE, 1, _, result, ..] if result != 0 => {
                Some((result, 3))
            }
            [tag::GET_RESPONSE, 2, _, _, _, _, _, _, 1, result, ..] => Some((result, 9)),
            // Pass 4, or a method's answer: get-data-result 01 is a refusal too.
            [tag::ACTION_RESPONSE, 1, _, 0, 1, 1, result, ..] => Some((result, 6)),
            _ => None,
        };
        self.follow_blocks(&asked, apdu, book);
        self.writes.answered(&asked, apdu, book);
        match refused {
            Some((result, at)) => self.refused_access(&asked, result, at, apdu, book),
            None => self.granted(&asked, apdu, book),
        }
    }

    fn invoke(&mut self, asked: &Asked, apdu: &Apdu<'_>, book: &mut Book) {
        let (Some(asked_id), Some(&got)) = (asked.invoke, apdu.octets.get(2)) else {
            return;
        };
        if asked_id & 0x0F == got & 0x0F {
            return;
        }
        let late = self.given_up.iter().any(|id| id & 0x0F == got & 0x0F);
        book.note(&rows::X12, Likely, || {
            let of = if late {
                ": that of an earlier request without an answer, so it comes late"
            } else {
                ""
            };
            apdu.evidence(
                Some(2..3),
                format!(
                    "invoke-id {} answers {asked} with invoke-id {}{of}",
                    got & 0x0F,
                    asked_id & 0x0F
                ),
            )
        });
    }

    fn granted(&mut self, asked: &Asked, apdu: &Apdu<'_>, book: &mut Book) {
        if let Some(agreed) = &mut self.agreed {
            agreed.well = agreed.well.saturating_add(1);
        }
        let [tag::GET_RESPONSE, 1, _, 0, data @ ..] = apdu.octets else {
            return;
        };
        if let Some((124, _, member @ (2 | 8))) = asked.target
            && let [0x16, state @ (1 | 2)] = *data
            && (member == 8 || state == 1)
        {
            book.note(&associations::L1, Certain, || {
                apdu.evidence(
                    Some(4..6),
                    format!("communication port protection, attribute {member}: {state}"),
                )
            });
        }
        if let Err(error) = Data::decode(data) {
            book.note(&rows::X18, Likely, || {
                apdu.evidence(
                    Some(4..apdu.octets.len()),
                    format!("the answer to {asked}: {error}"),
                )
            });
        }
    }

    fn refused_access(
        &mut self,
        asked: &Asked,
        result: u8,
        at: usize,
        apdu: &Apdu<'_>,
        book: &mut Book,
    ) {
        let words = format!("{asked} is answered {}", DataAccessResult(result));
        let octets = Some(at..at.saturating_add(1));
        if asked.is_pass_3() {
            return self.proof_refused(words, false, apdu, book);
        }
        if self.unproven(&words, apdu, book) {
            return;
        }
        if let Some(bit) = self.lacks(asked) {
            return not_agreed(bit, &words, apdu, book);
        }
        self.failed(Some(asked), apdu.first, book);
        let diagnosis = if asked.is_list() && !matches!(result, 3 | 4 | 9) {
            &rows::X15
        } else {
            results::of_access(result)
        };
        book.note(diagnosis, Certain, || apdu.evidence(octets, words));
    }

    /// Refused because the proof has not been given.
    pub(super) fn unproven(&self, words: &str, apdu: &Apdu<'_>, book: &mut Book) -> bool {
        let unproven = self.agreed.is_some_and(|agreed| agreed.unproven);
        if unproven {
            book.note(&associations::A4, Certain, || {
                apdu.evidence(None, format!("{words}, before pass 3 of the handshake"))
            });
        }
        unproven
    }

    pub(super) fn lacks(&self, asked: &Asked) -> Option<u8> {
        asked.lacks(self.agreed?.conformance?)
    }

    /// A ciphered association in which nothing works. Where the meter blames the counter or the keys of what was sealed
    /// as the AARQ was, that says more.
    pub(super) fn failed(&mut self, asked: Option<&Asked>, frame: u64, book: &mut Book) {
        let Some(agreed) = &mut self.agreed else {
            return;
        };
        agreed.badly = agreed.badly.saturating_add(1);
        let (badly, well) = (agreed.badly, agreed.well);
        if !agreed.ciphered || badly < 3 || well > 1 {
            return;
        }
        let dedicated = asked.is_some_and(Asked::is_dedicated);
        book.note(&associations::A23, Certain, || Evidence {
            frame: Some(frame),
            octets: None,
            text: format!(
                "the association was accepted, {badly} {}requests in it failed",
                if dedicated { "dedicated-ciphered " } else { "" }
            ),
        });
    }
}
