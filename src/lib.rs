//! obiscope: the terminal workbench for DLMS/COSEM electricity meters.
//!
//! The house has rooms, listed here from the ground up. A room uses only rooms above it in this list
//! (`tests/rooms.rs` reads the `crate::` paths and names file and line of any breach), so each can be
//! understood with what is already known.
//!
//! - [`cosem`]: what a meter means. OBIS codes, the Data type and its A-XDR codec, date-times, units,
//!   exact decimals, interface classes. Pure.
//! - [`dlms`]: what travels. HDLC frames and the link, ACSE, xDLMS, the association as one value, and
//!   [`dlms::explain`], which labels the bytes of anything. Sans-I/O: bytes and `Instant`s in, bytes and
//!   events out; no task, no clock, no panic on any input.
//! - [`diagnosis`]: from evidence to a named cause. Observations of a conversation in, ranked findings out,
//!   live and offline the same; one small rule a cause. Pure.
//! - [`simulator`]: meters that answer as real ones do, and a small MQTT broker; for the demo, for tests,
//!   for learning.
//! - [`meter`]: one meter, alive. Its definition, its transport, the session over it, the poller that owns
//!   both, and the one tap every byte passes.
//! - [`store`]: SQLite on one thread. Meters, brokers, the outbox, the history of readings (which is looked at on a second
//!   connection); numbered migrations in `assets/`.
//! - [`publish`]: MQTT. Payload dialects, what a platform asks, and the task that drains the outbox through a window, on PUBACK.
//! - [`headend`]: the running whole behind one handle. Commands in, changes out, snapshots to look at.
//! - [`tui`]: the screen. `app` is its core (messages in, model changed, effects out), `view` draws the
//!   model, `term` is the only room that knows escape codes, `run` the only loop.
//! - [`cli`]: the command line, one file a subcommand.
//!
//! How data flows:
//!
//! ```text
//! meter ⇄ transport ⇄ dlms::association ─► Reading ─► store (readings + outbox) ─► publish ─► broker
//!            │ every chunk, both ways                        ▲                                  │
//!            └─► tap ─► trace pane, trace file               └──────── row removed ◄── PUBACK ◄─┘
//! ```
//!
//! What holds everywhere: one task owns one link, and everyone else asks that owner. What was read is
//! stored before it is published, with the time it was read. Every way out releases the meter. Time,
//! randomness and links are handed in, so that the whole can run in virtual time from one seed.

pub mod cli;
pub mod cosem;
pub mod diagnosis;
pub mod dlms;
pub mod headend;
pub mod meter;
pub mod publish;
pub mod simulator;
pub mod store;
pub mod tui;
