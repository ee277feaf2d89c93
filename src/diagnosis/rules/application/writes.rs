//! X17: writes that had no effect. The rule: only what is read back proves it; a refusal alone is named by its result.

use super::asked::Asked;
use super::service_rows::X17;
use crate::cosem::Obis;
use crate::diagnosis::{Apdu, Book, Confidence, Evidence};
use crate::dlms::xdlms::tag;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Attributes whose last value is remembered.
const KEPT: usize = 8;

type Target = (u16, Obis, i8);

#[derive(Debug, Default)]
pub(super) struct Writes {
    /// Marks of the values last read.
    read: Vec<(Target, u64)>,
    /// The value on its way.
    writing: Option<(Target, u64)>,
    written: Option<Written>,
}

#[derive(Clone, Copy, Debug)]
struct Written {
    target: Target,
    value: u64,
    /// Frame of the answer, and the result in it.
    frame: u64,
    result: u8,
}

fn mark(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    hasher.finish()
}

impl Writes {
    pub(super) fn asked(&mut self, asked: &Asked, apdu: &Apdu<'_>) {
        // Service, choice, invoke-id, class, name, attribute, no selection, value.
        let value = apdu.octets.get(13..).filter(|_| !asked.selective);
        self.writing = match (asked.tag, asked.target, value) {
            (tag::SET_REQUEST, Some(target), Some(value)) => Some((target, mark(value))),
            _ => None,
        };
    }

    pub(super) fn answered(&mut self, asked: &Asked, apdu: &Apdu<'_>, book: &mut Book) {
        match (apdu.octets, self.writing) {
            (&[tag::SET_RESPONSE, 1, _, result, ..], Some((target, value))) => {
                self.written = Some(Written {
                    target,
                    value,
                    frame: apdu.first,
                    result,
                });
            }
            ([tag::GET_RESPONSE, 1, _, 0, ..], _) if !asked.selective => {
                if let (Some(target), Some(value)) = (asked.target, apdu.octets.get(4..)) {
                    self.came(target, mark(value), apdu, book);
                }
            }
            _ => {}
        }
    }

    fn came(&mut self, target: Target, value: u64, apdu: &Apdu<'_>, book: &mut Book) {
        let before = self.read.iter().position(|(it, _)| *it == target);
        let before = before.map(|at| self.read.remove(at).1);
        if let Some(written) = self.written.filter(|it| it.target == target) {
            self.written = None;
            // Accepted values may be kept in another form: then only the very value of before says that nothing changed.
            let as_before = match before {
                Some(before) => before == value,
                None => written.result != 0,
            };
            if value != written.value && as_before {
                let (_, obis, attribute) = target;
                book.add(&X17, Confidence::Certain, || {
                    let said = match written.result {
                        0 => "the meter said success",
                        _ => "the meter refused the write",
                    };
                    vec![
                        apdu.evidence(
                            Some(4..apdu.octets.len()),
                            format!("{obis} attribute {attribute} is not what was written"),
                        ),
                        Evidence {
                            frame: Some(written.frame),
                            octets: None,
                            text: format!("{said}: result {}", written.result),
                        },
                    ]
                });
            }
        }
        if self.read.len() >= KEPT {
            self.read.remove(0);
        }
        self.read.push((target, value));
    }
}
