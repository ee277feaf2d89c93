//! The core of the screen: messages in, model changed, effects out. The rule: no terminal,
//! no task and no clock in here; everything arrives as data.
pub mod action;
pub mod alarms;
pub mod attention;
pub mod chart;
pub mod confirm;
pub mod crowd;
pub mod effect;
#[cfg(test)]
pub(crate) mod fixture;
pub mod fleet;
pub mod form;
pub mod help;
pub mod herald;
pub mod input;
pub mod journey;
pub mod key;
pub mod meters;
pub mod model;
pub mod mqtt;
pub mod msg;
pub mod notices;
pub mod order;
pub mod overview;
pub mod palette;
pub mod pane;
pub mod pretty;
pub mod recovery;
pub mod replay;
pub mod session;
pub mod shown;
pub mod sieve;
pub mod trace;
pub mod trend;
pub mod update;
pub mod values;
pub mod words;

pub use action::Action;
pub use effect::Effect;
pub use key::{Code, Key, Mouse, MouseKind};
pub use model::Model;
pub use msg::{Line, Msg, Now};
pub use pane::Pane;
pub use shown::Shown;
pub use trace::{Assembler, TraceRow};
pub use update::update;
