//! The only room that knows escape codes: the screen, its colours, its clipboard, its end.

pub mod clipboard;
pub mod hangup;
pub mod input;
pub mod screen;
pub mod theme;
