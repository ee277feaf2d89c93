//! Requests that nobody answers. The rule: the silence is named by what was asked, where that tells more than the silence.

use super::asked::Asked;
use super::errors::missing;
use super::{Talk, association_rows as associations, service_rows as rows};
use crate::diagnosis::{Book, Brief, Confidence, Evidence};
use crate::dlms::xdlms::tag;
use Confidence::Likely;

impl Talk {
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
            let asked = self.asked.filter(Asked::is_dedicated);
            if asked.is_some() {
                self.failed(asked.as_ref(), brief.number, book);
            }
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
