//! What a person does to meters: add, edit, delete, start, stop, go on.
use super::*;
use crate::meter::{MeterId, Phase};
use crate::tui::app::fixture::{Moment, changes};

#[test]
fn a_meter_is_added() {
    let mut model = Moment::new().model();
    press(&mut model, "a");
    kinds(&mut model, "feeder-7");
    press(&mut model, "tab");
    update(&mut model, Msg::Paste("10.0.4.7:4059\n".into()));
    let effects = press(&mut model, "enter");
    let (ticket, saved) = command(&effects);
    assert!(matches!(saved, Command::Save(d) if d.name == "feeder-7" && d.port == 4059));
    assert!(
        press(&mut model, "enter").is_empty(),
        "saving once is enough"
    );
    let result = Err("there is a meter called feeder-7 already".to_owned());
    update(&mut model, Msg::CommandDone { ticket, result });
    let Some(Overlay::Form(form)) = &model.overlay else {
        panic!("the form stays open when saving failed");
    };
    assert_eq!(
        form.error.as_deref(),
        Some("there is a meter called feeder-7 already")
    );
    let effects = press(&mut model, "enter");
    let (ticket, _) = command(&effects);
    update(
        &mut model,
        Msg::CommandDone {
            ticket,
            result: Ok(()),
        },
    );
    assert!(model.overlay.is_none());
    assert_eq!(notice(&model), "feeder-7 saved");
}

#[test]
fn a_changed_form_is_not_lost_by_one_esc() {
    let mut model = Moment::new().model();
    press(&mut model, "a esc");
    assert!(model.overlay.is_none(), "nothing was typed");
    press(&mut model, "a x esc");
    assert!(model.overlay.is_some());
    press(&mut model, "y");
    press(&mut model, "esc");
    assert!(model.overlay.is_some(), "typing went on: asked again");
    press(&mut model, "esc");
    assert!(model.overlay.is_none());
}

#[test]
fn letters_typed_into_a_form_fire_nothing() {
    let mut model = Moment::new().lively((80, 24));
    press(&mut model, "a");
    assert!(press(&mut model, "q d t p r g ? : space 1").is_empty());
    let Some(Overlay::Form(form)) = &model.overlay else {
        panic!()
    };
    assert_eq!(form.field("name"), "qdtprg?: 1");
    assert!(matches!(press(&mut model, "ctrl-c")[..], [Effect::Quit]));
}

#[test]
fn pasting_over_the_panes_fires_no_keys() {
    let mut model = Moment::new().lively((80, 24));
    let effects = update(&mut model, Msg::Paste("qdy".into()));
    assert!(effects.is_empty() && model.overlay.is_none());
}

#[test]
fn deleting_asks_and_no_is_the_answer_unless_moved() {
    let mut model = Moment::new().lively((80, 24));
    assert!(press(&mut model, "d enter").is_empty());
    assert!(model.overlay.is_none());
    assert!(press(&mut model, "d n").is_empty());
    assert!(press(&mut model, "d esc").is_empty());
    for keys in ["d y", "d tab enter", "d right enter"] {
        let effects = press(&mut model, keys);
        assert!(
            matches!(command(&effects).1, Command::Delete(MeterId(1))),
            "{keys}"
        );
    }
    press(&mut model, "d");
    let Some(Overlay::Confirm(confirm)) = &model.overlay else {
        panic!()
    };
    assert!(confirm.question.contains("microstar-001"));
    assert!(!confirm.marked_yes);
}

#[test]
fn a_refused_password_is_sent_again_only_after_a_question() {
    let mut model = Moment::new().lively((80, 24));
    assert!(press(&mut model, "g").is_empty(), "this one is ready");
    assert!(notice(&model).contains("does not wait"));
    model.meters.select(MeterId(3));
    for keys in ["g y", "r y"] {
        let effects = press(&mut model, keys);
        assert!(
            matches!(command(&effects).1, Command::Proceed(MeterId(3))),
            "{keys}"
        );
    }
    assert!(press(&mut model, "g enter").is_empty());
}

#[test]
fn start_stop_poll_and_reconnect() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    let effects = press(&mut model, "t");
    assert!(matches!(command(&effects).1, Command::Stop(MeterId(1))));
    let effects = press(&mut model, "P");
    assert!(matches!(command(&effects).1, Command::PollNow(MeterId(1))));
    let mut stopped = moment.healthy();
    stopped.status.phase = Phase::Stopped;
    update(&mut model, changes(vec![stopped]));
    let effects = press(&mut model, "t");
    assert!(matches!(command(&effects).1, Command::Start(MeterId(1))));
    assert!(press(&mut model, "P").is_empty());
    assert!(notice(&model).contains("not connected"));
    model.meters.select(MeterId(2));
    let effects = press(&mut model, "r");
    let (ticket, reconnect) = command(&effects);
    assert!(matches!(reconnect, Command::Reconnect(MeterId(2))));
    let result = Err("it is\u{1b}[2J gone".to_owned());
    update(&mut model, Msg::CommandDone { ticket, result });
    assert!(notice(&model).contains("gone") && !notice(&model).contains('\u{1b}'));
}

#[test]
fn without_a_meter_every_key_says_why() {
    let mut model = Moment::new().model();
    for key in [
        "E", "d", "t", "p", "P", "s", "r", "g", "y", "space", "enter",
    ] {
        press(&mut model, "1");
        assert!(press(&mut model, key).is_empty(), "{key}");
        assert!(
            model.overlay.is_none() && !notice(&model).is_empty(),
            "{key}"
        );
        press(&mut model, "esc");
    }
}
