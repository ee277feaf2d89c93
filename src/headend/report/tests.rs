//! The report in the log: its words, by made-up views.

use super::*;
use crate::meter::health::{Health, Share};
use crate::meter::status::LastError;
use crate::meter::{Definition, MeterId, MeterStatus, Phase};
use std::time::Duration;

fn view(id: i64, name: &str, good: u64, now: Instant) -> Arc<MeterView> {
    let mut definition = Definition::microstar(name, "h", 1);
    definition.id = MeterId(id);
    let mut status = MeterStatus::new(now, definition.objects.len());
    status.phase = Phase::Ready;
    status.counters.gets = 2468;
    let share = Share::new(good, 1000);
    let health = Health {
        band: Band::of(share),
        hour: share,
        day: share,
        start: share,
        cycles: 1234,
        watched: Duration::from_secs(6170),
        last_value: Some(now),
        acknowledged: 1102,
        acknowledged_bytes: 120_534,
        ..Health::default()
    };
    Arc::new(MeterView {
        definition: definition.into(),
        status,
        health: Arc::new(health),
        bench: None,
        attention: None,
    })
}

#[test]
fn a_meter_is_told_of_in_the_form_that_scripts_read() {
    let now = Instant::now();
    let views = [view(1, "medidor_principal", 895, now)];
    let lines = lines(&Totals::default(), &views, false, now);
    assert_eq!(lines[0], "SYSTEM STATUS REPORT");
    assert_eq!(
        lines[4..6],
        [
            "Meter 1 (medidor_principal): Cycles=1234, Success=89.5%, MQTT=1102, Runtime=6170s",
            "  └─ Network: DLMS 2468 req, MQTT 1102 msg (120534 bytes)",
        ]
    );
    assert_eq!(
        lines[6],
        "  └─ degraded: 895 of 1000 values due came (89.5%)"
    );
}

#[test]
fn of_thousands_only_those_that_do_not_do_well() {
    let now = Instant::now();
    let mut views: Vec<_> = (1..=5_000)
        .map(|id| view(id, &format!("m{id}"), 1000, now))
        .collect();
    assert_eq!(lines(&Totals::default(), &views, true, now).len(), 4);
    for (it, id) in views[100..130].iter_mut().zip(100..) {
        *it = view(id, "weak", 100, now);
    }
    let mut locked = (*view(777, "locked\x1b[2J", 990, now)).clone();
    locked.status.phase = Phase::NeedsPerson;
    locked.status.last_error = Some(LastError {
        at: jiff::Timestamp::UNIX_EPOCH,
        what: "the password was refused".to_owned(),
        try_next: "check it".to_owned(),
    });
    views[776] = Arc::new(locked);
    let lines = lines(&Totals::default(), &views, true, now);
    assert!(lines[4].starts_with("Meter 777 (locked"), "{}", lines[4]);
    assert!(!lines[4].contains('\x1b'));
    assert_eq!(
        lines[6],
        "  └─ needs you: the password was refused; check it"
    );
    assert_eq!(lines.len(), 4 + 20 * 3 + 1);
    assert_eq!(lines.last().unwrap(), "and 11 more that do not do well");
}
