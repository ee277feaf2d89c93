//! AARQ, AARE, HLS pass 3 and the release. The rule: a refusal is one finding by its own name, and what makes it more
//! likely (an older association, a mechanism of the maker's) stands beside it.

use super::verdict::{refusal, verdict_octets};
use super::{Agreed, Talk, association_rows as rows, lengths};
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::{Apdu, Book, Brief, Confidence, Conversation, Evidence};
use crate::dlms::acse::{Aare, Aarq, ApplicationContext, Diagnostic, UserInformation, result_name};
use crate::dlms::xdlms::ExceptionResponse;
use Confidence::{Certain, Likely, Possible};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What stays of an AARQ.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field that the AARQ has or has not"
)]
pub(super) struct Asking {
    pub octets: usize,
    context: Option<ApplicationContext>,
    pub mechanism: u8,
    ciphered: bool,
    /// Of a ciphered InitiateRequest; suites 1 and 2 can sign.
    suite: u8,
    /// Carries A9.
    identified: bool,
    /// Tells two requests with the same secret from others, and nothing else of it.
    mark: u64,
    /// On a link that had an association already.
    again: bool,
    answered: bool,
}

impl Talk {
    pub(super) fn aarq_sent(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
        if let Some(wrong) = lengths::check(apdu.octets) {
            book.note(&rows::A1, Certain, || {
                let right = wrong.right.map_or_else(
                    || "nothing that follows fits it".to_owned(),
                    |right| format!("{right} octets follow: it should say {right} ({right:02X})"),
                );
                apdu.evidence(
                    Some(wrong.octets.clone()),
                    format!(
                        "the length of field {:02X} in the AARQ says {} ({:02X}), but {right}",
                        wrong.tag, wrong.said, wrong.said
                    ),
                )
            });
            book.entitle(
                "A1",
                "The AARQ has a wrong length inside: a meter may ignore it",
            );
        }
        let read = Aarq::decode(apdu.octets).ok();
        let mut hasher = DefaultHasher::new();
        if let Some(aarq) = &read {
            aarq.mechanism.arc().hash(&mut hasher);
            if let Some(secret) = &aarq.secret {
                secret.expose().hash(&mut hasher);
                // Starred out before it was recorded: which one it was nobody can tell.
                if secret.expose().iter().all(|octet| *octet == b'*') {
                    apdu.first.hash(&mut hasher);
                }
            }
        }
        self.aarq = Some(Asking {
            octets: apdu.octets.len(),
            context: read.as_ref().map(|aarq| aarq.context),
            mechanism: read.as_ref().map_or(0, |aarq| aarq.mechanism.arc()),
            ciphered: read
                .as_ref()
                .is_some_and(|aarq| matches!(aarq.user_information, UserInformation::Ciphered(_))),
            suite: read.as_ref().map_or(0, suite),
            identified: read.as_ref().is_some_and(|aarq| aarq.other(0xA9).is_some()),
            mark: hasher.finish(),
            again: self.agreed.is_some(),
            answered: false,
        });
        self.asked = None;
        self.refused = None;
        self.block = None;
    }

    pub(super) fn aare_came(
        &mut self,
        conversation: &Conversation,
        apdu: &Apdu<'_>,
        book: &mut Book,
    ) {
        let Ok(aare) = Aare::decode(apdu.octets) else {
            return;
        };
        if let Some(asking) = &mut self.aarq {
            asking.answered = true;
        }
        if aare.result == 0 {
            self.accepted(&aare, apdu, book);
        } else {
            self.refused_by(conversation, &aare, apdu, book);
        }
    }

    fn accepted(&mut self, aare: &Aare, apdu: &Apdu<'_>, book: &mut Book) {
        let asking = self.aarq;
        let mechanism = asking.map_or(0, |asking| asking.mechanism);
        let response = match aare.user_information {
            UserInformation::Initiate(response) => Some(response),
            _ => None,
        };
        let context = aare.context.or(asking.and_then(|asking| asking.context));
        let ciphered = matches!(
            context,
            Some(ApplicationContext::LnCiphered | ApplicationContext::SnCiphered)
        );
        let untitled = aare.responding_title.as_ref().is_none_or(Vec::is_empty);
        if untitled && (ciphered || mechanism == 5) {
            book.note(&rows::A27, Likely, || {
                apdu.evidence(
                    None,
                    "the AARE accepts but its responding title (A4) is missing or empty",
                )
            });
        }
        let by_name = match context {
            Some(ApplicationContext::Ln | ApplicationContext::LnCiphered) => Some(0x0007),
            Some(ApplicationContext::Sn | ApplicationContext::SnCiphered) => Some(0xFA00),
            _ => None,
        };
        if let (Some(due), Some(response)) = (by_name, response)
            && response.vaa_name != due
            && matches!(response.vaa_name, 0x0007 | 0xFA00)
        {
            book.note(&rows::A16, Likely, || {
                apdu.evidence(
                    None,
                    format!(
                        "the context calls for VAA name {due:04X}, the AARE says {:04X}",
                        response.vaa_name
                    ),
                )
            });
        }
        let mark = asking.map(|asking| asking.mark);
        if mark.is_some() && self.wrong_secret == mark {
            book.note(&rows::A26, Certain, || {
                apdu.evidence(
                    verdict_octets(apdu.octets),
                    "accepted now, with the very secret that was refused before",
                )
            });
        }
        self.refused = None;
        self.agreed = Some(Agreed {
            conformance: response.map(|response| response.conformance),
            max_pdu: response.map(|response| response.max_pdu),
            vaa_name: response.map(|response| response.vaa_name),
            ciphered,
            mechanism,
            owes_proof: mechanism >= 2 || aare.diagnostic == Diagnostic::User(14),
            ..Agreed::default()
        });
    }

    fn refused_by(
        &mut self,
        conversation: &Conversation,
        aare: &Aare,
        apdu: &Apdu<'_>,
        book: &mut Book,
    ) {
        let error = match &aare.user_information {
            UserInformation::ServiceError(error) => Some(error),
            _ => None,
        };
        let asking = self.aarq;
        let again = asking.is_some_and(|asking| asking.again);
        let vendor = asking.is_some_and(|asking| asking.mechanism == 2);
        let (diagnosis, mut confidence) = refusal(aare.result, aare.diagnostic, error);
        if vendor && diagnosis.id == "A2" {
            confidence = Possible;
        }
        let words = || {
            let mut text = format!("AARE: {}, {}", result_name(aare.result), aare.diagnostic);
            if let Some(error) = error {
                text.push_str(", ");
                text.push_str(&error.to_string());
            }
            if diagnosis.id == "A2" && conversation.ua.is_some() {
                text.push_str(
                    "; the link opened and the AARQ was answered, so the port is not locked",
                );
            }
            apdu.evidence(verdict_octets(apdu.octets), text)
        };
        book.note(diagnosis, confidence, words);
        if vendor {
            book.note(&rows::A25, Likely, || {
                apdu.evidence(
                    verdict_octets(apdu.octets),
                    "mechanism 2 was asked for and refused",
                )
            });
        }
        if again && matches!(diagnosis.id, "A8" | "A9") {
            book.note(&rows::A18, Likely, || {
                apdu.evidence(
                    verdict_octets(apdu.octets),
                    "an association was open on this link already, and was not released",
                )
            });
        }
        if asking.is_some_and(|asking| asking.identified) && matches!(diagnosis.id, "A8" | "A10") {
            // calling-AE-invocation-identifier-not-recognized.
            let sure = if aare.diagnostic == Diagnostic::User(6) {
                Certain
            } else {
                Possible
            };
            book.note(&rows::A29, sure, || {
                apdu.evidence(
                    verdict_octets(apdu.octets),
                    "the AARQ that was refused carries a calling AE invocation identifier (A9)",
                )
            });
        }
        if diagnosis.id == "A2" {
            self.wrong_secret = asking.map(|asking| asking.mark);
            let count = book.count("A2");
            if count >= 2 {
                book.suggest(
                    "A2",
                    format!("stop now: {count} refusals here already, the next may lock the meter"),
                );
            }
        }
        self.agreed = None;
        self.refused = Some(apdu.first);
    }

    pub(super) fn aarq_unanswered(
        &mut self,
        conversation: &Conversation,
        brief: &Brief,
        book: &mut Book,
    ) {
        let silent = |text: String| Evidence {
            frame: Some(brief.number),
            octets: None,
            text,
        };
        // Where SNRM was not answered there is no link, and whoever speaks on it is not heard.
        let hdlc = brief.control.is_some();
        if hdlc && !matches!(conversation.phase, Phase::Up | Phase::Unknown) {
            return;
        }
        let asking = self.aarq.filter(|asking| !asking.answered);
        let length = asking.map_or(brief.information, |asking| asking.octets.saturating_add(3));
        let room = conversation
            .granted
            .map_or(128, |granted| usize::from(granted.max_info_receive));
        if hdlc && brief.information > room {
            book.note(&rows::A1, Certain, || {
                silent(format!(
                    "the AARQ of {length} octets went in one frame; the meter takes {room}"
                ))
            });
            book.entitle("A1", "The AARQ is longer than a frame the meter takes");
        } else {
            let sure = if asking.is_some_and(|asking| asking.ciphered) {
                Possible
            } else {
                Likely
            };
            book.note(&rows::A1, sure, || {
                silent("the link was up, the AARQ got no answer".to_owned())
            });
        }
        if asking.is_some_and(|asking| asking.ciphered) {
            book.note(&rows::A22, Likely, || {
                silent("the AARQ carries a ciphered InitiateRequest and got no answer".to_owned())
            });
        }
        if asking.is_some_and(|asking| asking.identified) {
            book.note(&rows::A29, Possible, || {
                silent("the AARQ without an answer carries A9".to_owned())
            });
        }
        if let Some(asking) = &mut self.aarq {
            asking.answered = true;
        }
    }

    /// An exception or service error in place of an AARE. True where the AARQ was what it answers.
    pub(super) fn aarq_excepted(
        &mut self,
        exception: Option<&ExceptionResponse>,
        apdu: &Apdu<'_>,
        book: &mut Book,
    ) -> bool {
        let Some(asking) = self.aarq.as_mut().filter(|asking| !asking.answered) else {
            return false;
        };
        asking.answered = true;
        let again = asking.again;
        if let Some(exception) = exception.filter(|exception| !matches!(exception.service, 4..=6)) {
            let diagnosis = if again { &rows::A18 } else { &rows::A17 };
            book.note(diagnosis, Likely, || {
                apdu.evidence(
                    Some(0..3),
                    format!("the AARQ is answered by an exception: {exception}"),
                )
            });
            return true;
        }
        false
    }

    /// What HLS pass 3 was answered with, where that is a refusal.
    pub(super) fn proof_refused(
        &self,
        words: String,
        signing: bool,
        apdu: &Apdu<'_>,
        book: &mut Book,
    ) {
        let mechanism = self.agreed.map_or(0, |agreed| agreed.mechanism);
        let suite = self.aarq.map_or(0, |asking| asking.suite);
        // Not the proof is refused but the service that brings it.
        let unsigned = signing && (mechanism == 7 || suite > 0);
        if unsigned {
            book.note(&rows::A24, Likely, || apdu.evidence(None, words.clone()));
        }
        let sure = if unsigned { Possible } else { Certain };
        book.note(&rows::A19, sure, || apdu.evidence(None, words));
    }
}

/// The suite that the security control of a ciphered InitiateRequest names (its low four bits).
fn suite(aarq: &Aarq) -> u8 {
    match &aarq.user_information {
        // Tag, length, security control.
        UserInformation::Ciphered(inner) => match inner.as_slice() {
            [0x21, length, control, ..] if *length < 0x80 => control & 0x0F,
            _ => 0,
        },
        _ => 0,
    }
}
