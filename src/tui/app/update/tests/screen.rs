//! What a person does to the screen: look, freeze, filter, copy, scroll, leave.
use super::*;
use crate::headend::Changes;
use crate::meter::MeterId;
use crate::tui::app::fixture::{Moment, changes, records};
use crate::tui::app::shown::{Area, Shown, Target};
use crate::tui::app::{Assembler, Code, Mouse, MouseKind, Now, Pane};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn the_trace_follows_the_selected_meter() {
    let moment = Moment::new();
    let mut model = moment.model();
    let effects = update(&mut model, changes(vec![moment.healthy()]));
    assert!(matches!(
        effects[..],
        [Effect::FollowTrace(Some(MeterId(1)))]
    ));
    let effects = update(
        &mut model,
        changes(vec![moment.healthy(), moment.retrying()]),
    );
    assert!(effects.is_empty(), "the selection stays on its meter");
    let effects = press(&mut model, "up");
    assert!(matches!(
        effects[..],
        [Effect::FollowTrace(Some(MeterId(2)))]
    ));
    let rows = Assembler::new().rows(&records());
    let msg = |meter| Msg::Trace {
        meter,
        rows: rows.clone(),
        lost: 3,
        findings: None,
    };
    update(&mut model, msg(MeterId(1)));
    assert_eq!(model.trace.held(), 0, "rows of another meter are late");
    update(&mut model, msg(MeterId(2)));
    assert_eq!((model.trace.held(), model.trace.lost), (10, 3));
    let effects = update(
        &mut model,
        Msg::Changes(Changes {
            removed: vec![MeterId(2), MeterId(1)],
            ..Changes::default()
        }),
    );
    assert!(matches!(effects[..], [Effect::FollowTrace(None)]));
    assert!(model.fleet.is_empty() && model.trace.held() == 0);
}

#[test]
fn freeze_holds_values_and_frames_and_counts_what_comes() {
    let moment = Moment::new();
    let mut model = moment.tracing((80, 24));
    press(&mut model, "space");
    let mut newer = moment.healthy();
    for reading in newer.status.values.iter_mut().flatten() {
        reading.at += jiff::SignedDuration::from_secs(5);
    }
    update(&mut model, changes(vec![newer.clone()]));
    update(&mut model, changes(vec![newer]));
    let frozen = model.frozen.as_ref().unwrap();
    assert_eq!(frozen.newer, 1, "the same reading counts once");
    assert_ne!(
        model.pictured().unwrap().status,
        model.meter().unwrap().status
    );
    press(&mut model, "3 F");
    assert!(model.frozen.is_none() && model.trace.follow);
    press(&mut model, "space");
    press(&mut model, "1 down");
    assert!(model.frozen.is_none(), "another meter is another picture");
}

#[test]
fn filters_narrow_while_typed_and_esc_clears() {
    let mut model = Moment::new().tracing((80, 24));
    press(&mut model, "1 / f e e d");
    assert_eq!(model.meters.passing(), 1);
    press(&mut model, "enter");
    assert_eq!(model.meters.selected(), Some(MeterId(2)));
    press(&mut model, "esc");
    assert_eq!(model.meters.passing(), 3);
    press(&mut model, "/ n e e d s");
    assert!(model.meters.meters().eq([MeterId(3)]));
    press(&mut model, "esc");
    assert_eq!(model.meters.passing(), 3);
}

#[test]
fn the_command_line_runs_what_it_finds() {
    let mut model = Moment::new().tracing((80, 24));
    press(&mut model, ":");
    kinds(&mut model, "next-err");
    press(&mut model, "enter");
    assert_eq!(model.focus, Pane::Trace);
    assert!(model.trace.selected().unwrap().trouble());
    press(&mut model, ": z z z z enter");
    assert!(notice(&model).contains("no command"));
}

#[test]
fn copy_says_where_it_went() {
    let mut model = Moment::new().tracing((80, 24));
    for (keys, wanted) in [
        ("1 y", "127.0.0.1:3333"),
        ("2 y", "Voltage L1 1-1:32.7.0 135.40 V"),
        ("5 y", "{\"device_id\""),
    ] {
        let effects = press(&mut model, keys);
        let [Effect::Copy(text)] = &effects[..] else {
            panic!("{keys}: {effects:?}")
        };
        assert!(text.starts_with(wanted), "{text}");
        assert!(notice(&model).contains("clipboard of your terminal"));
    }
    press(&mut model, "3 home down");
    let effects = press(&mut model, "y");
    assert!(matches!(&effects[..], [Effect::Copy(hex)] if hex == "7E A0 07 03 21 93 0F 01 7E"));
    press(&mut model, "w");
    let effects = press(&mut model, "enter");
    assert!(
        matches!(&effects[..], [Effect::WriteFile { name, contents }]
        if name == "trace-microstar-001-20261120-143215.jsonl" && contents.split(|b| *b == b'\n').count() == 11)
    );
}

#[test]
fn a_tick_draws_only_when_a_second_passed() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    model.dirty = false;
    let later = |ms: u64| Now {
        wall: moment.now().wall + jiff::SignedDuration::from_millis(i64::try_from(ms).unwrap()),
        mono: moment.mono + Duration::from_millis(ms),
    };
    update(&mut model, Msg::Tick(later(400)));
    assert!(!model.dirty);
    update(&mut model, Msg::Shown(Shown::default()));
    assert!(!model.dirty);
    update(&mut model, Msg::Tick(later(1000)));
    assert!(model.dirty);
    press(&mut model, "y");
    assert!(!notice(&model).is_empty());
    update(&mut model, Msg::Tick(later(6000)));
    assert!(notice(&model).is_empty(), "a word in passing passes");
}

#[test]
fn errors_stay_until_seen() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    let error = Notice {
        level: Level::Error,
        text: "the disk is full".into(),
    };
    update(&mut model, Msg::Notice(error));
    let now = Now {
        wall: moment.now().wall + jiff::SignedDuration::from_hours(9),
        mono: moment.mono + Duration::from_hours(9),
    };
    update(&mut model, Msg::Tick(now));
    assert_eq!(notice(&model), "the disk is full");
    press(&mut model, "esc");
    assert_eq!(notice(&model), "");
}

#[test]
fn panes_zoom_help_and_leaving() {
    let mut model = Moment::new().lively((80, 24));
    press(&mut model, "tab tab");
    assert_eq!(model.focus, Pane::Trace);
    press(&mut model, "shift-tab 5 tab");
    assert_eq!(model.focus, Pane::Meters);
    press(&mut model, "z");
    assert!(model.zoom);
    press(&mut model, "esc");
    assert!(!model.zoom);
    press(&mut model, "? q");
    assert!(model.overlay.is_none(), "q closes the help first");
    assert!(matches!(press(&mut model, "q")[..], [Effect::Quit]));
    assert!(matches!(press(&mut model, "ctrl-z")[..], [Effect::Suspend]));
    assert!(matches!(press(&mut model, "M")[..], [Effect::Mouse(false)]));
}

#[test]
fn the_wheel_scrolls_what_lies_under_it() {
    let mut model = Moment::new().lively((120, 36));
    let all = Area {
        x: 0,
        y: 0,
        width: 50,
        height: 20,
    };
    let mut shown = Shown {
        hits: vec![(all, Target::Pane(Pane::Values)), (all, Target::Value(0))],
        ..Shown::default()
    };
    update(&mut model, Msg::Shown(shown.clone()));
    let wheel = Mouse {
        x: 5,
        y: 5,
        kind: MouseKind::WheelDown,
    };
    update(&mut model, Msg::Mouse(wheel));
    assert_eq!((model.values.selected, model.focus), (3, Pane::Meters));
    shown.hits.push((all, Target::Run(action::Action::Quit)));
    update(&mut model, Msg::Shown(shown));
    let drag = Mouse {
        kind: MouseKind::Drag,
        ..wheel
    };
    assert!(
        update(&mut model, Msg::Mouse(drag)).is_empty(),
        "a drag runs nothing"
    );
    let click = Mouse {
        kind: MouseKind::Click,
        ..wheel
    };
    assert!(matches!(
        update(&mut model, Msg::Mouse(click))[..],
        [Effect::Quit]
    ));
}

#[test]
fn ten_thousand_meters_are_counted_and_kept_in_order() {
    let moment = Moment::new();
    let mut model = moment.model();
    let views = (1..=10_000)
        .rev()
        .map(|n| {
            let mut view = moment.retrying();
            let definition = std::sync::Arc::make_mut(&mut view.definition);
            definition.id = MeterId(n);
            definition.name = format!("meter-{n:05}");
            Arc::new(view)
        })
        .collect();
    let all = Changes {
        meters: views,
        ..Changes::default()
    };
    update(&mut model, Msg::Changes(all));
    assert_eq!(model.meters.selected(), Some(MeterId(1)));
    assert_eq!(
        model.fleet.count(crate::tui::app::fleet::State::Retry),
        10_000
    );
    press(&mut model, "end");
    assert_eq!(model.meters.selected(), Some(MeterId(10_000)));
    update(&mut model, Msg::Key(Key::new(Code::Home)));
    assert_eq!(model.meters.index(), 0);
}

#[test]
fn no_sequence_of_keys_panics() {
    let moment = Moment::new();
    let mut random = fastrand::Rng::with_seed(7);
    let keys: Vec<Key> = action::TABLE
        .iter()
        .flat_map(|entry| entry.keys)
        .filter_map(|key| Key::parse(key))
        .chain("axz19:/-=,".chars().map(Key::char))
        .collect();
    for _ in 0..20 {
        let mut model = moment.tracing((80, 24));
        for _ in 0..300 {
            let key = keys[random.usize(..keys.len())];
            for effect in update(&mut model, Msg::Key(key)) {
                if let Effect::Command { ticket, .. } = effect {
                    let result = if random.bool() {
                        Ok(())
                    } else {
                        Err("no".into())
                    };
                    update(&mut model, Msg::CommandDone { ticket, result });
                }
            }
        }
    }
}
