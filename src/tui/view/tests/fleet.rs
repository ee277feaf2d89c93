//! Ten thousand meters on the screen: what it looks like, and what it costs while nobody presses a key.
use super::pictures::keep;
use super::promises::Wire;
use super::{paint, press};
use crate::headend::{Ack, Alarm, Changes, Severity};
use crate::meter::MeterId;
use crate::store::{Point, Series};
use crate::tui::app::crowd::Crowd;
use crate::tui::app::fixture::{Moment, alarm, changes};
use crate::tui::app::shown::Target;
use crate::tui::app::{Effect, Key, Model, Msg, Now, update};
use crate::tui::pace::Slots;
use std::sync::Arc;
use std::time::Duration;

const SIZES: [(u16, u16); 5] = [(160, 45), (140, 40), (110, 32), (80, 24), (40, 12)];
const MANY: usize = 10_000;

fn later(moment: &Moment, ms: u64) -> Now {
    Now {
        wall: moment.now().wall + jiff::SignedDuration::from_millis(i64::try_from(ms).unwrap()),
        mono: moment.mono + Duration::from_millis(ms),
    }
}

fn still(id: i64, over: bool, now: Now) -> Arc<Alarm> {
    let severity = Severity::ALL[usize::try_from(id % 3).unwrap()];
    let mut alarm = alarm(id, severity, "no reading for 3 min, due every 5 s");
    alarm.name = format!("meter-{id:05}");
    alarm.meter = Some(MeterId(id));
    alarm.last = now.wall;
    alarm.cleared = over.then_some(now.wall);
    alarm.into()
}

/// The loop without its terminal: 2,000 meters polled a second, pictures when they are due. Bytes of each second.
fn left_alone(
    model: &mut Model,
    crowd: &mut Crowd,
    moment: &Moment,
    size: (u16, u16),
) -> Vec<usize> {
    let mut wire = Wire::new(size.0, size.1);
    wire.bytes(model);
    let begin = tokio::time::Instant::from_std(moment.mono);
    let mut slots = Slots::new(begin, false);
    let mut seconds = Vec::new();
    for tick in 1..=240_u64 {
        let ms = tick * 50;
        let now = later(moment, ms);
        let mut changes = crowd.polled(100, now);
        // As many alarms are seen to hold still, and a tenth of those comes or goes.
        if !model.alarms.is_empty() {
            let ids = (0..100).map(|n| (tick * 100 + n) % 10_000 + 1);
            changes.alarms = ids
                .map(|id| still(id.cast_signed(), tick % 10 == id % 10, now))
                .collect();
        }
        update(model, Msg::Changes(changes));
        if ms.is_multiple_of(1000) {
            update(model, Msg::Tick(now));
            seconds.push(0);
        }
        let at = begin + Duration::from_millis(ms);
        if (model.dirty && at >= slots.next()) || (model.stale && at >= slots.calm()) {
            let bytes = wire.bytes(model);
            (model.dirty, model.stale) = (false, false);
            slots.drawn(at, Duration::ZERO, bytes);
            if let Some(second) = seconds.last_mut() {
                *second += bytes;
            }
        }
    }
    seconds
}

#[test]
fn ten_thousand_changing_meters_cost_less_than_4_kb_a_second() {
    for (size, keys) in [
        ((160, 45), "1"),
        ((160, 45), "1 z o o o"),
        ((140, 40), "1 o o"),
        ((110, 32), "1 o"),
        ((80, 24), "1 S"),
        ((80, 24), "1 / m e t e r enter o o o o"),
        ((40, 12), "1"),
        ((140, 40), "v"),
        ((140, 40), "!"),
        ((160, 45), "! pgdn"),
    ] {
        let moment = Moment::new();
        let mut model = moment.model();
        model.size = size;
        let mut crowd = Crowd::new(MANY, moment.now());
        update(&mut model, Msg::Changes(crowd.all()));
        if keys.starts_with('!') {
            let alarms = (1..=10_000)
                .map(|id| still(id, false, moment.now()))
                .collect();
            let changes = Changes {
                alarms,
                ..Changes::default()
            };
            update(&mut model, Msg::Changes(changes));
        }
        press(&mut model, keys);
        let seconds = left_alone(&mut model, &mut crowd, &moment, size);
        let mean = seconds.iter().sum::<usize>() / seconds.len();
        assert!(
            mean < 4000,
            "{size:?} {keys}: {mean} bytes a second: {seconds:?}"
        );
    }
}

#[test]
fn only_rows_in_sight_are_looked_at() {
    let moment = Moment::new();
    let mut model = moment.model();
    let crowd = Crowd::new(MANY, moment.now());
    update(&mut model, Msg::Changes(crowd.all()));
    for size in SIZES {
        for keys in [
            "1", "end", "pgup", "S", "home", "S", "z", "z", "v", "end", "esc",
        ] {
            press(&mut model, keys);
            paint(&mut model, size);
            let of = |target: &Target| {
                matches!(
                    target,
                    Target::Meter(_) | Target::Group(_) | Target::Needy(_)
                )
            };
            let rows = model.shown.hits.iter().filter(|(_, target)| of(target));
            let rows = rows.count();
            assert!(rows <= 2 * usize::from(size.1), "{rows} rows at {size:?}");
        }
    }
}

#[test]
fn the_ends_and_pages_of_a_long_list() {
    let moment = Moment::new();
    let mut model = moment.model();
    let crowd = Crowd::new(MANY, moment.now());
    update(&mut model, Msg::Changes(crowd.all()));
    let size = (80, 24);
    paint(&mut model, size);
    press(&mut model, "end");
    assert_eq!(model.meters.selected(), Some(MeterId(10_000)));
    paint(&mut model, size);
    let page = model.shown.meters.page;
    press(&mut model, "pgup");
    assert_eq!(model.meters.index(), MANY - 1 - (page - 1));
    press(&mut model, "home pgdn");
    assert_eq!(model.meters.index(), page - 1);
    for key in "/ 0 9 9 9 9".split(' ') {
        update(&mut model, Msg::Key(Key::parse(key).unwrap()));
    }
    assert_eq!(model.meters.passing(), 1);
    assert_eq!(model.meters.selected(), Some(MeterId(9999)));
}

#[test]
fn a_large_fleet() {
    for size in SIZES {
        let moment = Moment::new();
        let mut model = moment.model();
        model.size = size;
        let crowd = Crowd::new(MANY, moment.now());
        update(&mut model, Msg::Changes(crowd.all()));
        keep("fleet", &mut model, size);
        press(&mut model, "S left");
        if size == (80, 24) {
            keep("fleet_grouped", &mut model, size);
        }
        press(&mut model, "v down");
        keep("overview", &mut model, size);
    }
}

/// Standing of each kind, one known of, two over.
fn alarming(model: &mut Model) {
    let mut all = vec![
        alarm(1, Severity::Critical, "over long ago"),
        alarm(2, Severity::Info, "the clock is 8 s behind"),
        alarm(
            3,
            Severity::Warning,
            "voltage_l1 is 254.10 V: over 253, for 2 min; the phases beside it are not, so look at the neutral first",
        ),
        alarm(4, Severity::Critical, "no reading for 3 min, due every 5 s"),
        alarm(5, Severity::Warning, "active_power is 5634.8 W: over 5000"),
        alarm(6, Severity::Warning, "a value that came and went"),
    ];
    let at = model.now.wall;
    all[0].cleared = Some(at - jiff::SignedDuration::from_hours(30));
    all[0].first = at - jiff::SignedDuration::from_hours(40);
    all[2].key = "voltage_l1".to_owned();
    all[2].cause = "high".to_owned();
    all[2].value = Some("254.10".to_owned());
    all[2].count = 1204;
    (all[3].name, all[3].meter) = ("feeder-7".to_owned(), Some(MeterId(2)));
    all[3].first = at - jiff::SignedDuration::from_mins(3);
    all[4].key = "active_power".to_owned();
    all[4].acknowledged = Some(Ack::new("Jürgen", "the pump runs until noon", at).unwrap());
    all[5].cleared = Some(at - jiff::SignedDuration::from_mins(4));
    let alarms = all.into_iter().map(Arc::new).collect();
    update(
        model,
        Msg::Changes(Changes {
            alarms,
            ..Changes::default()
        }),
    );
}

#[test]
fn alarms_that_stand_and_that_are_over() {
    for size in SIZES {
        let mut model = Moment::new().lively(size);
        alarming(&mut model);
        keep("alarms_header", &mut model, size);
        press(&mut model, "! down");
        keep("alarms", &mut model, size);
    }
    for size in [(80, 24), (40, 12)] {
        let mut model = Moment::new().lively(size);
        model.person = "anna".to_owned();
        alarming(&mut model);
        press(&mut model, "! a s e e n");
        keep("alarms_acknowledge", &mut model, size);
        press(&mut model, "esc / o v e r enter");
        keep("alarms_filtered", &mut model, size);
    }
    let mut model = Moment::new().lively((20, 5));
    alarming(&mut model);
    keep("alarms_header", &mut model, (20, 5));
}

#[test]
fn nobody_needs_anyone() {
    let mut model = Moment::new().model();
    press(&mut model, "v");
    keep("overview_empty", &mut model, (80, 24));
}

#[test]
fn a_chart_with_a_gap() {
    for size in SIZES {
        let moment = Moment::new();
        let mut model = moment.lively(size);
        let effects = update(&mut model, Msg::Key(Key::char('c')));
        let [Effect::History { ticket, query }] = &effects[..] else {
            panic!("{effects:?}")
        };
        let point = |n: i64| {
            let wave = f64::from(u8::try_from((n * 7) % 24).unwrap());
            let mean = 225.0 + (wave - 12.0).abs() / 4.0;
            Point {
                at: query.from + jiff::SignedDuration::from_mins(n),
                min: mean - 0.5,
                mean,
                max: mean + 1.25,
                first: format!("{mean:.2}"),
                last: format!("{mean:.2}"),
                count: 12,
            }
        };
        let result = Ok(Series {
            step: Duration::from_mins(1),
            unit: Some(35),
            points: (0..60)
                .filter(|n| !(22..31).contains(n))
                .map(point)
                .collect(),
        });
        let ticket = *ticket;
        // One limit in sight, one far off.
        let mut view = crate::headend::MeterView::clone(model.meter().unwrap());
        let objects = &mut Arc::make_mut(&mut view.definition).objects;
        objects[0].limits = "high:230,low:200".parse().unwrap();
        update(&mut model, changes(vec![view]));
        if size == (80, 24) {
            keep("chart_waits", &mut model, size);
        }
        update(&mut model, Msg::History { ticket, result });
        keep("chart", &mut model, size);
        let effects = update(&mut model, Msg::Key(Key::char('-')));
        let [Effect::History { ticket, .. }] = &effects[..] else {
            panic!("{effects:?}")
        };
        let ticket = *ticket;
        let answer = |result| Msg::History { ticket, result };
        if size == (80, 24) {
            update(&mut model, answer(Ok(Series::default())));
            keep("chart_empty", &mut model, size);
        }
    }
}
