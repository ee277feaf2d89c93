//! What a platform asks of us. The rule: every request is answered, whatever becomes of it.

use tokio::sync::oneshot;

use super::dialect::level_of;
/// The shared attribute that sets a meter's interval, in seconds, where `set_interval` is allowed. ThingsBoard sends it when
/// it changes; what it was set to while we were away must be asked for.
pub const INTERVAL: &str = "poll_interval";

/// A method called, or news told, by the platform.
#[derive(Debug)]
pub struct Request {
    /// As the platform calls it. None: the gateway itself is meant.
    pub device: Option<String>,
    pub method: String,
    pub params: serde_json::Value,
    /// The platform tells us something (`attributes`, `attributes_deleted`, `device_renamed`, `device_deleted`,
    /// `device_disconnected`) and calls nothing: what changes something need not be allowed for it.
    pub notice: bool,
    /// Closed when nobody waits any more: what has not begun by then need not begin.
    pub reply: oneshot::Sender<serde_json::Value>,
}

/// Whether a device of this name is meant, told as it is or as the level of a topic.
pub fn is_named(device: &str, told: &str) -> bool {
    device == told || level_of(device).eq(told.chars())
}

/// An error as ThingsBoard's own gateway words it.
pub fn refusal(words: impl Into<String>, code: u16) -> serde_json::Value {
    serde_json::json!({ "error": words.into(), "code": code })
}
