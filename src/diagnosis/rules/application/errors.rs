//! Exceptions and service errors in place of an answer. The rule: what was asked, and whether it was agreed on, decides the
//! name before the code does.

use super::asked::Asked;
use super::{Talk, association_rows as associations, results, service_rows as rows};
use crate::diagnosis::{Apdu, Book, Confidence};
use crate::dlms::xdlms::{Conformance, ExceptionResponse, ServiceError, tag};
use Confidence::{Certain, Likely};

impl Talk {
    pub(super) fn exception(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
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
        // Keys and counters are named by the meter itself, but for those of the association alone.
        if !matches!(diagnosis.id, "A21" | "A22") || asked.is_some_and(|asked| asked.is_dedicated())
        {
            self.failed(asked.as_ref(), apdu.first, book);
        }
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

    pub(super) fn service_error(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
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
                self.failed(Some(&asked), apdu.first, book);
                book.note(&rows::X16, Certain, || apdu.evidence(Some(0..4), words));
            }
            None => {
                self.aarq_excepted(None, apdu, book);
                book.note(&rows::X16, Certain, || apdu.evidence(Some(0..4), words));
            }
        }
    }
}

pub(super) fn missing(bit: u8, words: &str) -> String {
    let name = Conformance::bit_name(bit).unwrap_or("this");
    format!("{words}; {name} (bit {bit}) is not in the agreed conformance")
}

pub(super) fn not_agreed(bit: u8, words: &str, apdu: &Apdu<'_>, book: &mut Book) {
    book.note(&associations::A15, Certain, || {
        apdu.evidence(None, missing(bit, words))
    });
}
