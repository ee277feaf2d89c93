//! The clock the association sees: it stands while a person looks at what is to go, so that no answer is late that was
//! never asked for. The rule: it never runs backwards, and never ahead of the real one.

use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Held {
    /// How long it stood so far.
    behind: Duration,
    since: Option<Instant>,
}

impl Held {
    pub(super) fn now(&self) -> std::time::Instant {
        let real = self.since.unwrap_or_else(Instant::now).into_std();
        real.checked_sub(self.behind).unwrap_or(real)
    }

    pub(super) fn hold(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    pub(super) fn run(&mut self) {
        if let Some(since) = self.since.take() {
            self.behind += since.elapsed();
        }
    }

    /// When it will be that time on a real clock, if it runs from now on.
    pub(super) fn real(&self, time: std::time::Instant) -> Instant {
        Instant::from_std(time.checked_add(self.behind).unwrap_or(time))
    }
}
