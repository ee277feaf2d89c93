//! The rules, a file a section. The rule for rules: each is told every event, keeps little, says what it can prove and no more.

pub mod application;
pub(super) mod causes;
pub mod line;
pub mod link;
pub(super) mod logged;
pub mod sign_on;
pub mod transport;

use super::{Book, Conversation, Event};

/// One named cause, or a few that are told apart at the same place. `talk` is what was known before the event.
///
/// Of healthy GETs in a row a rule hears the first sixteen and, once something else comes, the last eight before it:
/// what it keeps of them must not reach further back. `talk` counts them all.
pub trait Rule: std::fmt::Debug + Send {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book);
}

/// Every rule there is, fresh.
pub(super) fn all() -> Vec<Box<dyn Rule>> {
    [
        transport::rules(),
        line::rules(),
        sign_on::rules(),
        link::rules(),
        application::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
