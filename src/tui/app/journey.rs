//! From a value to its PUBACK, in words. The rule: each step is said with its time, and none that is not known.
use crate::headend::{MeterView, Published};
use jiff::{Timestamp, tz::TimeZone};
use std::fmt::Write;

/// `polled 14:32:14.123 → stored .125 → sent .130 → PUBACK .138 (8 ms)`; nothing for a meter that publishes
/// nowhere.
pub fn words(view: &MeterView, published: Option<&Published>, zone: &TimeZone) -> Option<String> {
    view.definition.publish.as_ref()?;
    let Some(published) = published else {
        return Some("no poll was stored yet".to_owned());
    };
    let broker = crate::cosem::data::printable(&published.broker);
    let mut last = published.read;
    let mut step = |at: Timestamp| {
        let text = clock(at, last, zone);
        last = at;
        text
    };
    let read = published.read.to_zoned(zone.clone());
    let mut said = format!("polled {}", read.strftime("%H:%M:%S.%3f"));
    let _ = write!(said, " → stored {}", step(published.stored));
    if published.messages == 0 {
        let _ = write!(said, " → nothing of it is due for {broker}");
        return Some(said);
    }
    let Some(trail) = &published.trail else {
        let _ = write!(said, " → waits for {broker}");
        return Some(said);
    };
    let _ = write!(said, " → sent {}", step(trail.sent));
    match published.acknowledged() {
        Some(at) => {
            let took = at.duration_since(trail.sent).unsigned_abs();
            let took = super::words::took(took);
            let _ = write!(said, " → PUBACK {} ({took})", step(at));
        }
        None => {
            let _ = write!(said, ", no PUBACK yet");
        }
    }
    Some(said)
}

/// Whether a value is of the poll that is followed.
pub fn is_of(published: &Published, read: Timestamp) -> bool {
    // A poll is told with the time it began; its values came between then and when it was stored.
    (published.read..=published.stored).contains(&read)
}

/// Within the same second only what differs.
fn clock(at: Timestamp, before: Timestamp, zone: &TimeZone) -> String {
    let form = if at.as_second() == before.as_second() {
        ".%3f"
    } else {
        "%H:%M:%S.%3f"
    };
    at.to_zoned(zone.clone()).strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Trail;
    use crate::tui::app::fixture::Moment;

    #[test]
    fn each_step_is_told_once_it_is_known() {
        let mut view = Moment::new().healthy();
        let at = |ms: i64| Timestamp::from_millisecond(1_795_444_334_000 + ms).unwrap();
        let zone = TimeZone::UTC;
        assert!(view.definition.publish.is_some());
        assert_eq!(words(&view, None, &zone).unwrap(), "no poll was stored yet");
        let mut published = Published {
            broker_id: 1,
            broker: "lab".to_owned(),
            device: "microstar-001".to_owned(),
            read: at(123),
            stored: at(125),
            messages: 0,
            trail: None,
        };
        let said = |published: &Published| words(&view, Some(published), &zone).unwrap();
        let head = "polled 14:32:14.123 → stored .125 → ";
        assert_eq!(
            said(&published),
            format!("{head}nothing of it is due for lab")
        );
        published.messages = 2;
        assert_eq!(said(&published), format!("{head}waits for lab"));
        let mut trail = Trail {
            read: at(123),
            topic: "t".into(),
            payload: (*b"{}").into(),
            sent: at(1130),
            acknowledged: Some(at(1138)),
            parts: 2,
            taken: 1,
        };
        published.trail = Some(trail.clone());
        let sent = format!("{head}sent 14:32:15.130");
        assert_eq!(said(&published), format!("{sent}, no PUBACK yet"));
        trail.taken = 2;
        published.trail = Some(trail);
        assert_eq!(said(&published), format!("{sent} → PUBACK .138 (8 ms)"));
        assert!(is_of(&published, at(124)) && !is_of(&published, at(122)));
        std::sync::Arc::make_mut(&mut view.definition).publish = None;
        assert_eq!(words(&view, Some(&published), &zone), None);
    }
}
