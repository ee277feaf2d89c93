//! IEC 62056-21 mode E: the sign-on before HDLC. The rule: read with the parity bit off; a port that goes on to HDLC was right.

mod rows;

use super::Rule;
use crate::cosem::hex::cut as hex;
use crate::diagnosis::event::ascii;
use crate::diagnosis::{Book, Confidence, Conversation, Direction, Event, Evidence, What};
use Confidence::{Certain, Likely, Possible};

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(SignOn::default())]
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    None,
    /// `/?!` sent.
    Called,
    /// An identification came; whether it offers mode E.
    Named { offers: bool },
    /// Acknowledged with mode E, and whether the meter's own acknowledgement came.
    Switched { offers: bool, confirmed: bool },
    /// Acknowledged with another mode.
    Otherwise,
}

#[derive(Debug, Default)]
struct SignOn {
    step: Step,
}

fn plain(octets: &[u8]) -> impl Iterator<Item = u8> + '_ {
    octets.iter().map(|octet| octet & 0x7F)
}

fn begins(octets: &[u8], with: &[u8]) -> bool {
    octets.len() >= with.len() && plain(octets).zip(with).all(|(is, due)| is == *due)
}

/// `/XXX5\2W…`: the sequence that offers the binary mode.
fn offers(octets: &[u8]) -> bool {
    let text: Vec<u8> = plain(octets).take(64).collect();
    text.windows(2).any(|two| two == [b'\\', b'2'])
}

fn words(text: String) -> Evidence {
    Evidence::words(text)
}

impl SignOn {
    fn sent(&mut self, line: &[u8], book: &mut Book) {
        if begins(line, b"/?") {
            if self.step == Step::Called {
                book.note(&rows::E1, Likely, || {
                    words("/?! was sent again, nothing came between".to_owned())
                });
            }
            self.step = Step::Called;
        } else if begins(line, &[0x06]) {
            let mode: Vec<u8> = plain(line).skip(1).take(3).collect();
            let offers = self.step == Step::Named { offers: true };
            self.step = if let [b'2', _, b'2'] = mode.as_slice() {
                Step::Switched {
                    offers,
                    confirmed: false,
                }
            } else {
                book.note(&rows::E3, Likely, || {
                    words(format!(
                        "acknowledged with {}; mode E is 06 32 b 32 0D 0A",
                        hex(line, 6)
                    ))
                });
                Step::Otherwise
            };
        }
    }

    fn received(&mut self, line: &[u8], book: &mut Book) {
        match self.step {
            _ if begins(line, b"/") && !begins(line, b"/?") => {
                if let Step::Switched { .. } = self.step {
                    book.note(&rows::E3, Likely, || {
                        words(format!("after the acknowledgement: {}", ascii(line, 40)))
                    });
                }
                self.step = Step::Named {
                    offers: offers(line),
                };
            }
            Step::Switched { offers, .. } if begins(line, &[0x06]) => {
                self.step = Step::Switched {
                    offers,
                    confirmed: true,
                };
            }
            Step::Switched { offers, .. } => {
                let (row, sure) = if offers {
                    (&rows::E3, Certain)
                } else {
                    (&rows::E2, Likely)
                };
                book.note(row, sure, || {
                    words(format!(
                        "after the acknowledgement the meter goes on in text: {}",
                        ascii(line, 40)
                    ))
                });
                self.step = Step::Otherwise;
            }
            Step::Otherwise => {
                book.note(&rows::E3, Certain, || {
                    words(format!("the meter goes on in text: {}", ascii(line, 40)))
                });
            }
            _ => {}
        }
    }

    fn junk(&mut self, octets: &[u8], book: &mut Book) {
        if let Step::Switched { .. } = self.step {
            book.note(&rows::E4, Likely, || {
                words(format!("after the acknowledgement: {}", hex(octets, 12)))
            });
            self.step = Step::None;
        }
    }

    /// Nothing answered what was last sent.
    fn silent(&mut self, book: &mut Book) {
        match self.step {
            Step::Called => {
                book.note(&rows::E1, Likely, || {
                    words("/?! was sent, nothing came".to_owned())
                });
            }
            Step::Switched {
                confirmed: true, ..
            } => {
                book.note(&rows::E5, Likely, || {
                    words(
                        "the meter repeated the acknowledgement, then did not answer SNRM"
                            .to_owned(),
                    )
                });
            }
            Step::Switched { offers: false, .. } => {
                book.note(&rows::E2, Likely, || {
                    words(
                        "the identification has no \\2, and after the acknowledgement nothing came"
                            .to_owned(),
                    )
                });
            }
            Step::Switched { .. } => {
                book.note(&rows::E5, Possible, || {
                    words("after the acknowledgement nothing came".to_owned())
                });
            }
            _ => {}
        }
        self.step = Step::None;
    }
}

impl Rule for SignOn {
    fn event(&mut self, _: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Text(Direction::Sent, line) => self.sent(line, book),
            What::Text(Direction::Received, line) => self.received(line, book),
            What::Junk(Direction::Received, octets) => self.junk(octets, book),
            What::Frame(seen)
                if seen.direction == Direction::Received && seen.sound().is_some() =>
            {
                self.step = Step::None;
            }
            What::Silence(_) | What::Quiet | What::Closed(_) => self.silent(book),
            _ => {}
        }
    }
}
