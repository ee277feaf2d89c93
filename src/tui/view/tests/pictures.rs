//! Pictures, with their styles, at the sizes people have.
use super::{dump, paint, press};
use crate::headend::Changes;
use crate::meter::{MeterId, document};
use crate::tui::app::fixture::{Moment, changes, h1};
use crate::tui::app::replay::{Batch, End, Replay};
use crate::tui::app::{Model, Msg, update};

pub(super) fn keep(name: &str, model: &mut Model, size: (u16, u16)) {
    let picture = dump(&paint(model, size));
    insta::with_settings!({
        snapshot_path => "../../../../tests/snapshots_tui",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), picture);
    });
}

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 36), (40, 12), (20, 5)];

#[test]
fn no_meters_yet() {
    for size in SIZES {
        keep("no_meters", &mut Moment::new().model(), size);
    }
}

#[test]
fn a_healthy_meter() {
    for size in SIZES.into_iter().chain([(200, 60)]) {
        keep("healthy", &mut Moment::new().tracing(size), size);
    }
}

#[test]
fn values_alone() {
    let mut model = Moment::new().lively((80, 24));
    press(&mut model, "2 down");
    keep("values", &mut model, (80, 24));
}

#[test]
fn a_meter_that_is_retried() {
    for size in SIZES {
        let mut model = Moment::new().lively(size);
        model.meters.select(MeterId(2));
        update(&mut model, changes(Vec::new()));
        keep("retrying", &mut model, size);
        press(&mut model, "4");
        if size == (80, 24) {
            keep("retrying_session", &mut model, size);
        }
    }
}

#[test]
fn a_meter_that_needs_a_person() {
    for size in SIZES {
        let mut model = Moment::new().lively(size);
        model.meters.select(MeterId(3));
        update(&mut model, changes(Vec::new()));
        press(&mut model, "4");
        keep("needs_person", &mut model, size);
    }
}

#[test]
fn a_frame_taken_apart() {
    for size in [(80, 24), (120, 36), (40, 12), (200, 60)] {
        let mut model = Moment::new().tracing(size);
        paint(&mut model, size);
        press(&mut model, "3 up up up");
        press(&mut model, &"left ".repeat(2));
        keep("frame", &mut model, size);
    }
}

#[test]
fn session_and_broker() {
    let mut model = Moment::new().lively((80, 24));
    press(&mut model, "4");
    keep("session", &mut model, (80, 24));
    press(&mut model, "5");
    keep("mqtt", &mut model, (80, 24));
}

#[test]
fn a_broker_in_trouble() {
    for size in [(80, 24), (40, 12), (140, 40)] {
        let moment = Moment::new();
        let mut model = moment.lively(size);
        let change = Changes {
            brokers: vec![std::sync::Arc::new(moment.troubled_broker())],
            ..Changes::default()
        };
        update(&mut model, Msg::Changes(change));
        press(&mut model, "5 z");
        keep("mqtt_trouble", &mut model, size);
        if size == (80, 24) {
            press(&mut model, "end");
            keep("mqtt_trouble_end", &mut model, size);
            press(&mut model, "D");
            keep("mqtt_drop", &mut model, size);
        }
    }
}

#[test]
fn a_value_on_its_way() {
    for size in [(80, 24), (140, 40)] {
        let mut model = Moment::new().lively(size);
        press(&mut model, "2");
        keep("values_way", &mut model, size);
    }
}

#[test]
fn a_session_without_a_link_and_with_proofs() {
    for size in [(80, 24), (40, 12)] {
        let moment = Moment::new();
        let mut model = moment.lively(size);
        update(&mut model, changes(vec![moment.ciphered()]));
        press(&mut model, "4");
        keep("ciphered", &mut model, size);
    }
}

#[test]
fn help() {
    for size in [(80, 24), (120, 36), (40, 12)] {
        let mut model = Moment::new().lively(size);
        model.about = vec![("database".into(), "/home/me/obiscope.db".into())];
        press(&mut model, "3 ?");
        keep("help", &mut model, size);
    }
}

#[test]
fn the_form_of_a_new_meter_with_an_error() {
    for size in [(80, 24), (120, 36), (40, 12)] {
        let mut model = Moment::new().lively(size);
        press(&mut model, "a f e e d e r tab");
        update(&mut model, Msg::Paste("10.0.4.7".into()));
        press(&mut model, "tab tab backspace 3 0 0 enter");
        keep("form_error", &mut model, size);
    }
}

#[test]
fn a_question() {
    for size in [(80, 24), (120, 36), (40, 12)] {
        let mut model = Moment::new().lively(size);
        model.meters.select(MeterId(3));
        press(&mut model, "g");
        keep("confirm", &mut model, size);
    }
}

#[test]
fn command_line_filter_and_freeze() {
    let mut model = Moment::new().tracing((80, 24));
    press(&mut model, ": r e");
    keep("palette", &mut model, (80, 24));
    press(&mut model, "esc 3 / r x");
    keep("filter", &mut model, (80, 24));
    press(&mut model, "enter 2 space");
    keep("frozen", &mut model, (80, 24));
}

/// A meter that does not answer, with the cause named and the frame that proves it.
fn named(size: (u16, u16)) -> Model {
    let moment = Moment::new();
    let mut model = moment.lively(size);
    model.meters.select(MeterId(2));
    let mut view = moment.retrying();
    view.status.findings = [h1()].into();
    update(&mut model, changes(vec![view]));
    let mut records = crate::tui::app::fixture::records();
    records.truncate(2);
    let rows = crate::tui::app::Assembler::new().rows(&records);
    update(
        &mut model,
        Msg::Trace {
            meter: MeterId(2),
            rows,
            lost: 0,
            findings: Some(vec![h1()]),
        },
    );
    model
}

#[test]
fn a_named_cause() {
    for size in [(140, 40), (80, 24), (40, 12)] {
        let mut model = named(size);
        keep("named", &mut model, size);
        press(&mut model, "4");
        keep("named_session", &mut model, size);
        press(&mut model, "f");
        assert_eq!(model.trace.selected().unwrap().frame, Some(1));
        assert_eq!(model.trace.current_field().unwrap().offset, 3);
        keep("named_proof", &mut model, size);
    }
}

#[test]
fn marks_and_where_they_are_written() {
    for size in [(140, 40), (80, 24), (40, 12)] {
        let mut model = Moment::new().tracing(size);
        press(&mut model, "3 up up n l o o k enter up m");
        keep("marks", &mut model, size);
        press(&mut model, "w");
        keep("write", &mut model, size);
    }
}

#[test]
fn a_trace_played_again() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/traces/c_hdlc_gxpy_low_badpw.txt"
    );
    let entries: Vec<_> = document::open(std::path::Path::new(path))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for size in [(140, 40), (80, 24), (40, 12)] {
        let moment = Moment::new();
        let mut model = moment.model();
        model.size = size;
        let first = Batch {
            entries: entries.clone(),
            read: Some(1.0),
            end: Some(End::Whole),
        };
        let replay = Replay::new(first, 2.0, moment.mono);
        let views = replay.views();
        model.replay = Some(Box::new(replay));
        let first = Changes {
            meters: views,
            ..Changes::default()
        };
        update(&mut model, Msg::Changes(first));
        update(&mut model, Msg::Play(std::time::Duration::from_millis(450)));
        press(&mut model, "3 space . . + ");
        keep("replay", &mut model, size);
        press(&mut model, "space");
        update(&mut model, Msg::Play(std::time::Duration::from_mins(1)));
        assert!(model.replay.as_ref().unwrap().over());
        press(&mut model, "4");
        keep("replay_end", &mut model, size);
    }
}

#[test]
fn on_the_bench() {
    for size in [(140, 40), (80, 24), (40, 12)] {
        let moment = Moment::new();
        let views = [
            ("probed", moment.probed()),
            ("probe_waits", moment.waiting()),
            ("stepping", moment.stepping()),
        ];
        for (name, view) in views {
            let mut model = moment.lively(size);
            model.meters.select(MeterId(2));
            update(&mut model, changes(vec![view]));
            press(&mut model, "4");
            keep(name, &mut model, size);
        }
    }
}
