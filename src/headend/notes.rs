//! What the store remembers of a meter between runs: last seen, last error, what worked. Rate-limited, so that a meter
//! polled every second does not write every second.

use crate::meter::known_good::link_json;
use crate::meter::session::Settled;
use crate::meter::{Definition, MeterStatus};
use crate::store::MeterNote;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

const SEEN_EVERY: Duration = Duration::from_mins(1);
const SAME_ERROR_EVERY: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Recorder {
    /// When the meter had last been heard at the last note.
    seen: Option<Instant>,
    error: Option<(Timestamp, String)>,
    /// The error that was looked at last.
    error_at: Option<Timestamp>,
    good: Option<String>,
    /// What it was made of: nothing else changes it.
    good_of: Option<(Instant, Settled)>,
}

impl Recorder {
    pub(super) fn look(
        &mut self,
        status: &MeterStatus,
        definition: &Definition,
        now: Timestamp,
    ) -> Vec<MeterNote> {
        let mut notes = Vec::new();
        if let Some(heard) = status.last_received
            && self
                .seen
                .is_none_or(|seen| heard.saturating_duration_since(seen) >= SEEN_EVERY)
        {
            self.seen = Some(heard);
            notes.push(MeterNote::Seen(now));
        }
        if let Some(error) = &status.last_error
            && self.error_at.replace(error.at) != Some(error.at)
        {
            let what = format!("{}: {}", error.what, error.try_next);
            let news = self.error.as_ref().is_none_or(|(at, said)| {
                let since = Duration::try_from(error.at.duration_since(*at)).unwrap_or_default();
                error.at != *at && (*said != what || since >= SAME_ERROR_EVERY)
            });
            if news {
                self.error = Some((error.at, what.clone()));
                notes.push(MeterNote::Error { at: error.at, what });
            }
        }
        if let Some(since) = status.ready_since {
            let settled = Settled {
                parameters: status.parameters,
                conformance: status.conformance,
                max_pdu: status.max_pdu,
            };
            if self.good_of.replace((since, settled)) == Some((since, settled)) {
                return notes;
            }
            let link = link_json(definition, settled);
            if self.good.as_ref() != Some(&link) {
                self.good = Some(link.clone());
                notes.push(MeterNote::Good { at: now, link });
            }
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::status::LastError;

    #[test]
    fn notes_are_few() {
        let meter = Definition::new("m", "h", 1);
        let start = Instant::now();
        let t = |s: i64| Timestamp::from_second(1_000_000 + s).unwrap();
        let mut status = MeterStatus::new(start, 0);
        let mut recorder = Recorder::default();
        assert_eq!(recorder.look(&status, &meter, t(0)), []);
        let mut seen = 0;
        for second in 0..=180u64 {
            status.last_received = Some(start + Duration::from_secs(second));
            seen += recorder.look(&status, &meter, t(0)).len();
        }
        assert_eq!(seen, 4);

        let error = |s, what: &str| {
            Some(LastError {
                at: t(s),
                what: what.into(),
                try_next: "x".into(),
            })
        };
        for (at, what, written) in [
            (0, "a", 1),
            (0, "a", 0),
            (10, "a", 0),
            (11, "b", 1),
            (50, "b", 0),
            (71, "b", 1),
        ] {
            status.last_error = error(at, what);
            assert_eq!(
                recorder.look(&status, &meter, t(at)).len(),
                written,
                "{at} {what}"
            );
        }
    }
}
