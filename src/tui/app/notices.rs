//! The one line that tells what just happened. The rule: an error stays until it was seen
//! (Esc) or another took its place; everything else goes by itself.
use crate::headend::{Level, Notice};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct Notices {
    error: Option<Notice>,
    passing: Option<(Notice, Instant)>,
}

impl Notices {
    pub fn add(&mut self, notice: Notice, now: Instant) {
        let stays = match notice.level {
            Level::Info => Duration::from_secs(4),
            Level::Warning => Duration::from_secs(8),
            Level::Error => {
                self.error = Some(notice);
                self.passing = None;
                return;
            }
        };
        self.passing = Some((notice, now + stays));
    }

    /// What to show now: the newest passing word, else the error that stands.
    pub fn current(&self) -> Option<&Notice> {
        self.passing
            .as_ref()
            .map(|(notice, _)| notice)
            .or(self.error.as_ref())
    }

    /// Lets what had its time go; true when something did.
    pub fn expire(&mut self, now: Instant) -> bool {
        let over = self
            .passing
            .as_ref()
            .is_some_and(|(_, until)| *until <= now);
        if over {
            self.passing = None;
        }
        over
    }

    /// Takes the shown one away; true when there was one.
    pub fn dismiss(&mut self) -> bool {
        self.passing.take().is_some() || self.error.take().is_some()
    }
}
