//! Taking back, letting go, closing. The rule: what a person did not let go never goes, and whatever was opened is released.

use super::picture::{Mark, StepName};
use super::{At, Stepper};
use crate::dlms::association::{Event, State};
use std::time::Duration;
use tokio::time::Instant;

/// How long the release unasked may take at the end.
const RELEASE_WAIT: Duration = Duration::from_secs(2);

impl Stepper {
    /// What is asked for can be taken back, or nothing is.
    pub(super) fn take_back(&mut self) -> bool {
        if self.association.state() == State::Ready {
            return true;
        }
        if !self.fresh || !self.association.withdraw() {
            return false;
        }
        (self.fresh, self.out) = (false, Vec::new());
        true
    }

    /// Lets go of the link, unasked: RLRQ where an association stands, DISC where SNRM went.
    pub(super) async fn release(&mut self) {
        self.take_back();
        if self.step != StepName::DiscEnd {
            self.out.clear();
        }
        self.held.run();
        if self.meter.transport.is_hdlc() && self.line.owed().is_none()
            || self.shows_secret().is_some()
        {
            // Nothing is held there for us; or it was not sent, and is not sent now.
            self.association.reset();
        }
        let limit = Instant::now() + RELEASE_WAIT;
        self.association.release(self.held.now(), RELEASE_WAIT);
        while self.line.is_open() && Instant::now() < limit {
            while let Some(bytes) = self.association.poll_transmit() {
                self.out.extend_from_slice(bytes);
            }
            let bytes = std::mem::take(&mut self.out);
            if !bytes.is_empty() {
                if self.secrets.set_aside(&mut self.association).await.is_err() {
                    break;
                }
                self.line.write(&bytes).await;
            }
            let over = std::iter::from_fn(|| self.association.poll_event())
                .any(|event| matches!(event, Event::Released));
            let Some(until) = self.association.poll_timeout().filter(|_| !over) else {
                break;
            };
            match self.line.read(self.held.real(until).min(limit)).await {
                Some(bytes) => self.association.handle_bytes(self.held.now(), &bytes),
                None => self.association.handle_timeout(self.held.now()),
            }
        }
        // A link that the association knows nothing of: it failed, or was opened by hand.
        if let Some(disc) = self.line.owed().map(<[u8]>::to_vec) {
            self.line.write(&disc).await;
            self.line.unnumbered_answer(RELEASE_WAIT).await;
        }
        self.association.reset();
        self.secrets.give_back(&self.association).await;
    }

    pub(super) async fn close(&mut self) {
        self.line.close().await;
        self.secrets.give_back(&self.association).await;
        self.picture.mark(StepName::Close, Mark::Done, "");
        self.at = At::Over("the session is over, in order".to_owned());
    }
}
