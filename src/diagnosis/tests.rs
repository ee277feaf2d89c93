//! The engine on recorded sessions and on faults made by hand: a healthy session has no finding, a fault its own first.

mod faults;
mod healthy;
mod held;
mod play;
