//! Ten thousand meters on the screen: what it looks like, and what it costs while nobody presses a key.
use super::pictures::keep;
use super::promises::Wire;
use super::{paint, press};
use crate::meter::MeterId;
use crate::store::{Point, Series};
use crate::tui::app::crowd::Crowd;
use crate::tui::app::fixture::Moment;
use crate::tui::app::shown::Target;
use crate::tui::app::{Effect, Key, Model, Msg, Now, update};
use crate::tui::pace::Slots;
use std::time::Duration;

const SIZES: [(u16, u16); 5] = [(160, 45), (140, 40), (110, 32), (80, 24), (40, 12)];
const MANY: usize = 10_000;

fn later(moment: &Moment, ms: u64) -> Now {
    Now {
        wall: moment.now().wall + jiff::SignedDuration::from_millis(i64::try_from(ms).unwrap()),
        mono: moment.mono + Duration::from_millis(ms),
    }
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
        update(model, Msg::Changes(crowd.polled(100, now)));
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
    ] {
        let moment = Moment::new();
        let mut model = moment.model();
        model.size = size;
        let mut crowd = Crowd::new(MANY, moment.now());
        update(&mut model, Msg::Changes(crowd.all()));
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
