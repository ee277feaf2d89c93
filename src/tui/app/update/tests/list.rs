//! Ten thousand meters: order, groups and filter; the selection stays, and nothing costs more than what changed.
use super::*;
use crate::headend::{Changes, MeterView};
use crate::meter::{MeterId, Phase};
use crate::store::Series;
use crate::tui::app::crowd::Crowd;
use crate::tui::app::fixture::{Moment, changes};
use crate::tui::app::fleet::State;
use crate::tui::app::meters::Row;
use crate::tui::app::order::Order;
use crate::tui::app::{Now, Pane, attention};
use std::time::Duration;

fn many(moment: &Moment, n: usize) -> (Model, Crowd) {
    let mut model = moment.model();
    let crowd = Crowd::new(n, moment.now());
    update(&mut model, Msg::Changes(crowd.all()));
    (model, crowd)
}

fn later(moment: &Moment, ms: u64) -> Now {
    Now {
        wall: moment.now().wall + jiff::SignedDuration::from_millis(i64::try_from(ms).unwrap()),
        mono: moment.mono + Duration::from_millis(ms),
    }
}

fn only(meters: Vec<MeterView>) -> Msg {
    changes(meters)
}

/// The same list made from nothing: what is kept step by step must agree with it.
fn agrees(model: &Model) {
    let mut fresh = crate::tui::app::meters::MetersPane::default();
    fresh.set_filter(model.meters.filter(), &model.fleet);
    fresh.set_ordering(model.meters.ordering(), &model.fleet);
    assert!(model.meters.meters().eq(fresh.meters()));
    for index in 0..model.meters.len() {
        assert!(model.meters.row(index).is_some());
    }
    assert_eq!(model.meters.row(model.meters.len()), None);
}

#[test]
fn the_order_kept_step_by_step_is_the_order_made_anew() {
    let moment = Moment::new();
    let (mut model, mut crowd) = many(&moment, 600);
    press(&mut model, "1");
    let mut at = 0;
    for keys in [
        "",
        "o",
        "o",
        "o",
        "o",
        "O",
        "S",
        "o",
        "/ r e t r y enter",
        "o",
        "esc S",
    ] {
        press(&mut model, keys);
        for _ in 0..4 {
            at += 6000;
            let now = later(&moment, at);
            update(&mut model, Msg::Changes(crowd.polled(97, now)));
            update(&mut model, Msg::Tick(now));
            agrees(&model);
        }
        let gone = MeterId(i64::try_from(at / 1000).unwrap());
        let removed = Changes {
            removed: vec![gone],
            ..Changes::default()
        };
        update(&mut model, Msg::Changes(removed));
        agrees(&model);
        assert!(model.meters.selected().is_none_or(|id| id != gone));
    }
}

#[test]
fn the_selection_is_a_meter_whatever_moves() {
    let moment = Moment::new();
    let (mut model, mut crowd) = many(&moment, 2000);
    press(&mut model, "1 o o o");
    assert_eq!(model.meters.ordering().order, Order::Oldest);
    press(&mut model, "down down down");
    let chosen = model.meters.selected().unwrap();
    let before = model.meters.index();
    for n in 1..4 {
        let now = later(&moment, n * 6000);
        update(&mut model, Msg::Changes(crowd.polled(500, now)));
        assert_eq!(model.meters.selected(), Some(chosen));
        update(&mut model, Msg::Tick(now));
        assert_eq!(model.meters.selected(), Some(chosen));
        let row = model.meters.row(model.meters.index());
        assert_eq!(row, Some(Row::Meter(chosen)));
    }
    assert_ne!(model.meters.index(), before, "its row moved");
}

#[test]
fn a_restless_order_stands_still_long_enough_to_be_read() {
    let moment = Moment::new();
    let (mut model, mut crowd) = many(&moment, 1000);
    press(&mut model, "1 o o o");
    let mut turns = 0;
    let mut last: Vec<_> = model.meters.meters().collect();
    for second in 1..=20 {
        let now = later(&moment, second * 1000);
        update(&mut model, Msg::Changes(crowd.polled(200, now)));
        update(&mut model, Msg::Tick(now));
        let order: Vec<_> = model.meters.meters().collect();
        turns += usize::from(order != last);
        last = order;
    }
    assert_eq!(turns, 4, "every five seconds");
}

#[test]
fn groups_fold_and_their_headings_count() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    press(&mut model, "1 S");
    let heading = |state, meters, folded| {
        Some(Row::Heading {
            state,
            meters,
            folded,
        })
    };
    assert_eq!(model.meters.row(0), heading(State::NeedsPerson, 1, false));
    assert_eq!(model.meters.row(1), Some(Row::Meter(MeterId(3))));
    assert_eq!(model.meters.row(2), heading(State::Retry, 1, false));
    assert_eq!(model.meters.len(), 6);
    assert_eq!(model.meters.selected(), Some(MeterId(1)));
    press(&mut model, "left");
    assert_eq!(model.meters.row(4), heading(State::Ready, 1, true));
    assert_eq!((model.meters.len(), model.meters.index()), (5, 4));
    assert_eq!(
        model.meters.selected(),
        Some(MeterId(1)),
        "still what one looks at"
    );
    press(&mut model, "enter");
    assert!(
        model.overlay.is_none(),
        "a heading unfolds, it is no meter to edit"
    );
    assert_eq!(model.meters.len(), 6);
    press(&mut model, "left home left");
    assert_eq!(model.meters.len(), 4);
    // It gets well while its group is folded, and comes to stand under another heading.
    let mut well = moment.needs_person();
    well.status.phase = Phase::Ready;
    update(&mut model, only(vec![well]));
    update(&mut model, Msg::Tick(later(&moment, 2000)));
    assert_eq!(model.meters.row(2), heading(State::Ready, 2, true));
    press(&mut model, "S");
    assert_eq!(model.meters.len(), 3);
    press(&mut model, "h");
    assert!(notice(&model).contains("S groups"));
}

#[test]
fn changes_beside_the_selected_meter_wait_for_their_picture() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    (model.dirty, model.stale) = (false, false);
    update(&mut model, changes(vec![moment.retrying()]));
    assert!(!model.dirty && model.stale);
    update(&mut model, changes(vec![moment.healthy()]));
    assert!(model.dirty);
}

#[test]
fn the_way_to_who_needs_a_person() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    press(&mut model, "1 / f e e d enter n");
    assert_eq!(model.meters.selected(), Some(MeterId(3)));
    assert_eq!(model.meters.filter(), "", "a filter that hides it is gone");
    press(&mut model, "home 2 v enter");
    assert_eq!(model.meters.selected(), Some(MeterId(3)));
    assert_eq!(model.focus, Pane::Meters);
    assert!(model.overlay.is_none());
}

#[test]
fn a_call_goes_out_only_when_it_was_asked_for() {
    let moment = Moment::new();
    let mut model = moment.model();
    let mut well = moment.needs_person();
    well.status.phase = Phase::Ready;
    let fall = |model: &mut Model, at: u64| {
        update(model, Msg::Tick(later(&moment, at)));
        update(model, only(vec![well.clone()]));
        update(model, only(vec![moment.needs_person()]))
    };
    assert!(!(fall(&mut model, 0).iter()).any(|e| matches!(e, Effect::Herald(_))));
    press(&mut model, "B B");
    let effects = fall(&mut model, 1000);
    let text = "\x1b]9;obiscope: pump-house password refused\x07";
    assert!(matches!(&effects[..], [Effect::Herald(bytes)] if bytes == text.as_bytes()));
    assert!(fall(&mut model, 2000).is_empty(), "not twice in a breath");
}

#[test]
fn a_chart_asks_the_store_and_goes_on_by_itself() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    let asked = |effects: Vec<Effect>| match effects.into_iter().next() {
        Some(Effect::History { ticket, query }) => (ticket, query),
        other => panic!("{other:?}"),
    };
    let (ticket, query) = asked(press(&mut model, "2 down c"));
    assert_eq!(
        (query.meter, query.key.as_str()),
        (MeterId(1), "current_l1")
    );
    assert_eq!(query.to.duration_since(query.from).as_hours(), 1);
    let answer = |ticket| Msg::History {
        ticket,
        result: Ok(Series::default()),
    };
    assert!(
        update(&mut model, Msg::Tick(later(&moment, 20_000))).is_empty(),
        "not before the answer"
    );
    update(&mut model, answer(ticket));
    let (ticket, _) = asked(update(&mut model, Msg::Tick(later(&moment, 21_000))));
    update(&mut model, answer(ticket));
    let (_, query) = asked(press(&mut model, "- left"));
    assert_eq!(query.to.duration_since(query.from).as_hours(), 24);
    let (_, query) = asked(press(&mut model, "up"));
    assert_eq!(query.key, "voltage_l1");
    press(&mut model, "esc");
    update(&mut model, answer(99));
    assert!(model.overlay.is_none());
}

#[test]
fn who_is_not_well_is_told_in_order_of_urgency() {
    use crate::meter::health::{Band, Health, Share};
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    let ill = |band, good| {
        let mut view = moment.retrying();
        view.health = std::sync::Arc::new(Health {
            band,
            day: Share::new(good, 1000),
            ..Health::default()
        });
        view
    };
    let listed = |model: &Model| {
        let needy = model.fleet.needy().iter();
        needy.map(|(_, id)| *id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&model), [MeterId(3)]);
    update(&mut model, only(vec![ill(Band::Critical, 123)]));
    assert_eq!(listed(&model), [MeterId(3), MeterId(2)]);
    assert_eq!(model.fleet.in_band(Band::Critical), 1);
    let why = |model: &Model| attention::why(model.fleet.get(MeterId(2)).unwrap());
    let said = why(&model);
    assert!(
        said.starts_with("123 of 1000 values due came (12.3%): no answer"),
        "{said}"
    );
    let said = attention::summary(&model).unwrap();
    assert_eq!(said, "1 needs you: pump-house password refused");
    press(&mut model, "n n");
    assert_eq!(model.meters.selected(), Some(MeterId(2)));
    press(&mut model, "n");
    assert_eq!(model.meters.selected(), Some(MeterId(3)));
    update(&mut model, only(vec![ill(Band::Healthy, 990)]));
    assert_eq!(listed(&model), [MeterId(3)]);
    assert_eq!(model.fleet.sums().day, Share::new(990, 1000));
}
