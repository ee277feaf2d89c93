//! The screen: a pure core (`app`) that turns messages into a model and effects, and a
//! read-only picture of that model (`view`). The rule: neither reads a clock, a socket or a key.
pub mod app;
pub mod pace;
mod recorded;
pub mod run;

pub mod term;
pub mod view;
