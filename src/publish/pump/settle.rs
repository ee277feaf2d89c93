//! What becomes of messages the broker answered: out of the table, sent again, or set aside. The rule: only a message that
//! is refused for its own sake is set aside, and what cannot be stored now is tried again.

use tokio::time::Instant;

use super::{LOOK, Pump, REMOVE};
use crate::cosem::data::printable;
use crate::publish::drain::Drain;
use crate::publish::status::Cause;
use crate::publish::suspects::{ALONE, Mode};
use crate::publish::verdict::Verdict;
use crate::publish::window::Load;
use crate::publish::words::Trouble;

/// Refusals without a clear cause, after which a message is set aside.
const REFUSALS: u32 = 5;

impl Pump {
    /// The connection ended over what was under way, it seems.
    pub(super) async fn blame(&self, drain: &mut Drain, what: &str) {
        let under_way = self.window.under_way();
        if let Mode::LastChance(row) = self.mode
            && under_way.contains(&row)
        {
            let reason = format!(
                "each connection ended while it was under way, while others passed: {what}"
            );
            if let Err(full) = set_aside(drain, row, &reason).await {
                drain.error(full.what);
            }
            return;
        }
        if let Err(error) = drain.store.attempted(under_way).await {
            drain.error(error.to_string());
        }
    }

    /// Carries out what the broker thinks of messages it did not take.
    pub(super) async fn settle(&mut self, drain: &mut Drain) -> Result<(), Trouble> {
        let mut ends = Ok(());
        for (load, verdict) in std::mem::take(&mut self.refused) {
            let place = drain.broker.endpoint();
            let topic = printable(&load.topic);
            match verdict {
                Verdict::Taken => {}
                // Not of the table: told, and the readings go on.
                Verdict::Later(why) | Verdict::Forbidden(why) if load.rows.is_empty() => {
                    drain.error(format!("{place} refused a message on {topic}: {why}"));
                }
                Verdict::Later(why) => {
                    ends = Err(Trouble::passing(
                        Cause::Quota,
                        format!("{place} takes no more for now: {why} on {topic}"),
                    ));
                }
                Verdict::Forbidden(why) => {
                    ends = Err(Trouble::lasting(
                        Cause::Forbidden,
                        format!(
                            "{place} does not let us publish on {topic}: {why}; may this client publish there?"
                        ),
                    ));
                }
                Verdict::Never(why) | Verdict::Unclear(why) => {
                    let never = matches!(verdict, Verdict::Never(_));
                    if self.judge(drain, &load, never, why).await? {
                        ends = Err(Trouble::passing(
                            Cause::Other,
                            format!(
                                "{place} refused a message on {topic}: {why}; it is sent again"
                            ),
                        )
                        .blameless());
                    }
                }
            }
        }
        ends
    }

    /// True when it is to be sent again on another connection.
    async fn judge(
        &self,
        drain: &mut Drain,
        load: &Load,
        never: bool,
        why: &str,
    ) -> Result<bool, Trouble> {
        Ok(match load.rows.as_slice() {
            [] => {
                drain.error(format!(
                    "{} refused a message on {}: {why}",
                    drain.broker.endpoint(),
                    printable(&load.topic)
                ));
                false
            }
            // Without a clear cause it is the message's only where another got through on this connection.
            [row] if never || (load.attempts + 1 >= REFUSALS && self.passed) => {
                let reason = format!("the broker refused it: {why}");
                set_aside(drain, *row, &reason).await?;
                false
            }
            rows => {
                // Several in one message: each by itself shows which of them it is.
                let times = if rows.len() > 1 { ALONE } else { 1 };
                for _ in 0..times {
                    if let Err(error) = drain.store.attempted(rows.to_vec()).await {
                        drain.error(error.to_string());
                    }
                }
                true
            }
        })
    }

    pub(super) async fn remove_if_due(&mut self, drain: &mut Drain) {
        let idle = self.window.is_empty() && self.ahead.is_empty();
        let due = self.remove_by.is_some_and(|by| Instant::now() >= by);
        if !self.clean || due || idle || drain.unremoved.len() >= REMOVE.0 {
            self.remove(drain).await;
        }
    }

    pub(super) async fn remove(&mut self, drain: &mut Drain) {
        self.remove_by = None;
        self.clean |= drain.unremoved.is_empty();
        if drain.unremoved.is_empty() {
            return;
        }
        let rows = drain.unremoved.clone();
        match drain.store.acknowledged(rows).await {
            Ok(()) => {
                drain.unremoved.clear();
                self.clean = true;
            }
            Err(error) => {
                // Kept, and tried again: at the latest with the next look.
                self.remove_by = Some(Instant::now() + LOOK);
                drain.error(error.to_string());
            }
        }
    }
}

/// An error where so many were set aside already that a person must look first.
pub(super) async fn set_aside(drain: &mut Drain, row: i64, reason: &str) -> Result<(), Trouble> {
    let at = drain.clock.now();
    match drain.store.reject(row, reason, at).await {
        Ok(true) => {
            drain.error(format!("a message was set aside: {reason}"));
            drain.count().await;
        }
        Ok(false) => {
            return Err(Trouble::lasting(
                Cause::Forbidden,
                format!(
                    "a thousand messages were set aside already, the next is due ({reason}): nothing more is sent until \
                     they were looked at, `obiscope mqtt dead` shows them"
                ),
            ));
        }
        Err(error) => drain.error(error.to_string()),
    }
    Ok(())
}
