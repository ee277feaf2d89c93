//! GET, SET, ACTION and their answers. The rule: an answer is held against its own request: service, invoke-id, result.

use super::asked::Asked;
use super::{Talk, association_rows as associations, results, service_rows as rows};
use crate::cosem::Data;
use crate::diagnosis::{Apdu, Book, Brief, Confidence, Evidence};
use crate::dlms::xdlms::{Conformance, DataAccessResult, ExceptionResponse, ServiceError, tag};
use Confidence::{Certain, Likely, Possible};

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
        if let Some((block, frame)) = self.block.filter(|_| !asked.is_next()) {
            self.block = None;
            if asked.tag != tag::GENERAL_BLOCK_TRANSFER {
                book.note(&rows::X11, Likely, || {
                    apdu.evidence(None, format!("block {block} (frame {frame}) was not the last, yet the next was not asked for: {asked}"))
                });
            }
        }
        if let Some(write) = self.refused_write.take()
            && write.target != asked.target
            && asked.tag != tag::RLRQ
        {
            book.note(&rows::X17, Possible, || {
                apdu.evidence(
                    None,
                    format!(
                        "goes on after the meter refused {write} (frame {})",
                        write.frame
                    ),
                )
            });
        }
        self.asked = Some(asked);
    }

    /// What should have come before this request.
    fn owed(&mut self, asked: &Asked, apdu: &Apdu<'_>, book: &mut Book) {
        if let Some(frame) = self.refused.take() {
            book.explain_away("A30", "A12");
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
        self.follow_blocks(apdu);
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

    fn follow_blocks(&mut self, apdu: &Apdu<'_>) {
        self.block = match *apdu.octets {
            [tag::GET_RESPONSE, 2, _, 0, a, b, c, d, 0, ..] => {
                Some((u32::from_be_bytes([a, b, c, d]), apdu.first))
            }
            _ => None,
        };
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
        self.failed(apdu, book);
        let diagnosis = if asked.is_list() && !matches!(result, 3 | 4 | 9) {
            &rows::X15
        } else {
            results::of_access(result)
        };
        book.note(diagnosis, Certain, || apdu.evidence(octets, words));
        if matches!(asked.tag, tag::SET_REQUEST | tag::ACTION_REQUEST) {
            self.refused_write = Some(*asked);
        }
    }

    /// Refused because the proof has not been given.
    fn unproven(&self, words: &str, apdu: &Apdu<'_>, book: &mut Book) -> bool {
        let unproven = self.agreed.is_some_and(|agreed| agreed.unproven);
        if unproven {
            book.note(&associations::A4, Certain, || {
                apdu.evidence(None, format!("{words}, before pass 3 of the handshake"))
            });
        }
        unproven
    }

    fn lacks(&self, asked: &Asked) -> Option<u8> {
        asked.lacks(self.agreed?.conformance?)
    }

    /// A ciphered association in which nothing works.
    fn failed(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
        let Some(agreed) = &mut self.agreed else {
            return;
        };
        agreed.badly = agreed.badly.saturating_add(1);
        let (badly, well) = (agreed.badly, agreed.well);
        if agreed.ciphered && badly >= 3 && well <= 1 {
            book.note(&associations::A23, Likely, || {
                apdu.evidence(
                    None,
                    format!("the association was accepted, {badly} requests in it failed"),
                )
            });
        }
    }

    fn exception(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
        let asked = self.asked.take();
        self.block = None;
        // A body that cannot be read still says its two codes.
        let &[_, state, service, ..] = apdu.octets else {
            return;
        };
        let exception = ExceptionResponse::decode(apdu.octets).unwrap_or(ExceptionResponse {
            state,
            service,
            counter: None,
        });
        if asked.is_none() && self.aarq_excepted(Some(&exception), apdu, book) {
            return;
        }
        let what = asked.map_or_else(|| "a request".to_owned(), |asked| asked.to_string());
        let words = format!("{what} is answered {exception}");
        let diagnosis = results::of_exception(state, service);
        let plain = matches!(diagnosis.id, "X13" | "X26");
        if asked.is_some_and(|asked| asked.tag == tag::RLRQ) && plain {
            // Without an association there is nothing to release, and the meter says so.
            if self.agreed.is_none() && self.fresh {
                return;
            }
            return book.note(&associations::A28, Certain, || {
                apdu.evidence(Some(0..3), words)
            });
        }
        let pass_3 = asked.is_some_and(|asked| asked.is_pass_3());
        if pass_3 && plain {
            return self.proof_refused(words, state == 1, apdu, book);
        }
        if plain && self.unproven(&words, apdu, book) {
            return;
        }
        if let Some(asked) = asked.filter(|_| plain) {
            if let Some(bit) = self.lacks(&asked) {
                if asked.is_list() && bit == Conformance::MULTIPLE_REFERENCES {
                    return book.note(&rows::X15, Certain, || apdu.evidence(Some(0..3), words));
                }
                if !self.mixed_names(&asked, &words, apdu, book) {
                    not_agreed(bit, &words, apdu, book);
                }
                return;
            }
            if self.mixed_names(&asked, &words, apdu, book) {
                return;
            }
            if asked.is_list() {
                return book.note(&rows::X15, Likely, || apdu.evidence(Some(0..3), words));
            }
            if self.agreed.is_none() && self.fresh {
                return book.note(&associations::A30, Certain, || {
                    apdu.evidence(Some(0..3), words)
                });
            }
        }
        self.failed(apdu, book);
        book.note(diagnosis, Certain, || {
            apdu.evidence(Some(0..apdu.octets.len().min(7)), words)
        });
        if let Some(counter) = exception.counter {
            book.suggest(
                "A21",
                format!("the next request needs an invocation counter above {counter}"),
            );
        }
    }

    /// GET in an association of short names, or READ in one of logical names.
    fn mixed_names(&self, asked: &Asked, words: &str, apdu: &Apdu<'_>, book: &mut Book) -> bool {
        let name = self.agreed.and_then(|agreed| agreed.vaa_name);
        let mixed = matches!(
            (asked.by_logical_name(), name),
            (Some(true), Some(0xFA00)) | (Some(false), Some(0x0007))
        );
        if mixed {
            book.note(&associations::A16, Certain, || {
                apdu.evidence(Some(0..3), words)
            });
        }
        mixed
    }

    fn service_error(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
        let asked = self.asked.take();
        let Ok(error) = ServiceError::decode(apdu.octets) else {
            return;
        };
        if error.kind == 6 {
            self.aarq_excepted(None, apdu, book);
            return book.note(&associations::A13, Certain, || {
                apdu.evidence(Some(0..4), error.to_string())
            });
        }
        let what = asked.map_or_else(|| "a request".to_owned(), |asked| asked.to_string());
        let words = format!("{what} is answered {error}");
        match asked {
            Some(asked) if asked.tag == tag::RLRQ => {
                book.note(&associations::A28, Certain, || {
                    apdu.evidence(Some(0..4), words)
                });
            }
            Some(asked) => {
                if let Some(bit) = self.lacks(&asked) {
                    not_agreed(bit, &words, apdu, book);
                }
                self.failed(apdu, book);
                book.note(&rows::X16, Certain, || apdu.evidence(Some(0..4), words));
            }
            None => {
                self.aarq_excepted(None, apdu, book);
                book.note(&rows::X16, Certain, || apdu.evidence(Some(0..4), words));
            }
        }
    }

    pub(super) fn request_unanswered(&mut self, brief: &Brief, book: &mut Book) {
        let silent = |text: String| Evidence {
            frame: Some(brief.number),
            octets: None,
            text,
        };
        let tag = brief.tag.unwrap_or_default();
        if tag == tag::RLRQ {
            self.asked = None;
            if self.agreed.is_none() && self.fresh {
                return;
            }
            book.note(&associations::A28, Likely, || {
                silent("RLRQ got no answer".to_owned())
            });
        } else if let Some((block, frame)) = self.block.take() {
            book.note(&rows::X11, Likely, || {
                silent(format!(
                    "after block {block} (frame {frame}) the next was asked for and did not come"
                ))
            });
        } else if tag::is_ciphered(tag) {
            book.note(&associations::A22, Likely, || {
                silent("a ciphered request got no answer".to_owned())
            });
        } else if let Some(asked) = self.asked
            && let Some(bit) = self.lacks(&asked)
        {
            book.note(&associations::A15, Likely, || {
                silent(missing(bit, &format!("{asked} got no answer")))
            });
        }
    }

    /// The conversation ends here.
    pub(super) fn over(&mut self, book: &mut Book) {
        self.asked = None;
        if let Some((block, frame)) = self.block.take() {
            book.note(&rows::X11, Likely, || Evidence {
                frame: Some(frame),
                octets: None,
                text: format!("block {block} is not the last, and nothing follows it"),
            });
        }
        self.agreed = None;
    }
}

fn missing(bit: u8, words: &str) -> String {
    let name = Conformance::bit_name(bit).unwrap_or("this");
    format!("{words}; {name} (bit {bit}) is not in the agreed conformance")
}

fn not_agreed(bit: u8, words: &str, apdu: &Apdu<'_>, book: &mut Book) {
    book.note(&associations::A15, Certain, || {
        apdu.evidence(None, missing(bit, words))
    });
}
