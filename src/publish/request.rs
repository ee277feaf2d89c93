//! What a platform asks of us. The rule: every request is answered, whatever becomes of it.

use tokio::sync::oneshot;

#[derive(Debug)]
pub struct Request {
    /// None: the gateway itself is meant.
    pub device: Option<String>,
    pub method: String,
    pub params: serde_json::Value,
    pub reply: oneshot::Sender<serde_json::Value>,
}
