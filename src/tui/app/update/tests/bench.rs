//! What a person does at the bench.
use super::*;
use crate::headend::{ProbeAsk, StepAsk};
use crate::meter::MeterId;
use crate::meter::probe::Pending;
use crate::tui::app::action::Place;
use crate::tui::app::fixture::{Moment, changes};

fn confirm(model: &Model) -> String {
    match &model.overlay {
        Some(Overlay::Confirm(confirm)) => {
            format!("{} {}", confirm.question, confirm.consequence.join(" "))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_probe_asks_first_where_it_costs_something() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    assert!(press(&mut model, "p").is_empty());
    assert!(confirm(&model).contains("ends the association and begins anew"));
    let effects = press(&mut model, "y");
    assert!(matches!(
        command(&effects).1,
        Command::Probe {
            meter: MeterId(1),
            options: ProbeAsk {
                confirmed: false,
                ..
            }
        }
    ));
    // Nobody answers there: nothing is lost by asking.
    model.meters.select(MeterId(2));
    let effects = press(&mut model, "p");
    assert!(matches!(
        command(&effects).1,
        Command::Probe {
            meter: MeterId(2),
            ..
        }
    ));
    let mut refused = moment.needs_person();
    refused.status.asks = vec!["this secret of client 1 was refused twice".to_owned()];
    update(&mut model, changes(vec![refused]));
    model.meters.select(MeterId(3));
    assert!(press(&mut model, "p").is_empty());
    assert!(confirm(&model).contains("was refused twice"));
    assert!(press(&mut model, "enter").is_empty(), "No is marked");
    press(&mut model, "p");
    let effects = press(&mut model, "y");
    let Command::Probe { options, .. } = command(&effects).1 else {
        panic!()
    };
    assert!(options.confirmed);
}

#[test]
fn a_report_is_kept_waited_after_and_closed() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    update(&mut model, changes(vec![moment.probed()]));
    model.meters.select(MeterId(2));
    press(&mut model, "4");
    let effects = press(&mut model, "K");
    assert!(matches!(
        command(&effects).1,
        Command::KeepWorking(MeterId(2))
    ));
    assert!(press(&mut model, "w").is_empty(), "it works");
    let effects = press(&mut model, "x");
    assert!(matches!(
        command(&effects).1,
        Command::StopBench(MeterId(2))
    ));
    update(&mut model, changes(vec![moment.waiting()]));
    let effects = press(&mut model, "w");
    assert!(matches!(command(&effects).1, Command::SkipWait(MeterId(2))));
    assert!(press(&mut model, "p").is_empty());
    assert!(notice(&model).contains("on the bench already"));
    assert!(press(&mut model, "r").is_empty(), "polling rests");
    assert!(notice(&model).contains("on the bench"));
}

#[test]
fn a_session_is_stepped_through() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    model.meters.select(MeterId(2));
    let effects = press(&mut model, "s");
    let begun = |effects: &[Effect]| match command(effects).1 {
        Command::Step { ask, .. } => ask.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(begun(&effects), StepAsk::Begin);
    update(&mut model, changes(vec![moment.stepping()]));
    assert_eq!(model.place(), Place::Stepper);
    assert_eq!(begun(&press(&mut model, "s")), StepAsk::Next { yes: false });
    assert_eq!(begun(&press(&mut model, "r")), StepAsk::Run { yes: false });
    assert_eq!(begun(&press(&mut model, "n")), StepAsk::Skip);
    // By hand: prefilled, asked, and bad hex comes back.
    press(&mut model, "h backspace enter");
    assert!(matches!(&model.overlay, Some(Overlay::Line(..))));
    let effects = press(&mut model, "E enter");
    let StepAsk::Hand(typed) = begun(&effects) else {
        panic!("the bench is asked first")
    };
    assert!(model.overlay.is_none());
    let mut told = moment.stepping();
    let bench = std::sync::Arc::make_mut(told.bench.as_mut().unwrap());
    if let crate::headend::Work::Step(step) = &mut bench.work {
        step.hand = Some(std::sync::Arc::new(crate::headend::ByHand {
            pending: Pending::Bytes {
                step: crate::meter::probe::StepName::ByHand,
                shown: typed.clone(),
                asks: Some("this secret was refused once".to_owned()),
            },
            written: crate::dlms::security::Secret::new(typed),
        }));
    }
    update(&mut model, changes(vec![told]));
    assert!(confirm(&model).contains("This secret was refused once."));
    assert!(confirm(&model).contains("7E A0 07 03 21 93 0F 01 7E"));
    let effects = press(&mut model, "y");
    assert!(matches!(begun(&effects), StepAsk::ByHand(bytes) if bytes.len() == 9));
    update(&mut model, changes(vec![moment.stepping()]));
    assert!(model.overlay.is_none(), "asked once");
    // Settings: one field changed, the rest as it was.
    press(&mut model, "e backspace backspace 1 enter");
    let Some(Overlay::Form(form)) = &model.overlay else {
        panic!("the form stays until it is done")
    };
    assert!(form.error.is_none());
    let mut view = moment.stepping();
    let effects = press(&mut model, "ctrl-l");
    drop(effects);
    model.overlay = None;
    // A refused secret takes a yes.
    let bench = std::sync::Arc::make_mut(view.bench.as_mut().unwrap());
    if let crate::headend::Work::Step(step) = &mut bench.work
        && let Some(Pending::Bytes { asks, .. }) = &mut step.pending
    {
        *asks = Some("this secret was refused once; the last try was today".to_owned());
    }
    update(&mut model, changes(vec![view]));
    assert!(press(&mut model, "s").is_empty());
    assert!(confirm(&model).contains("refused once"));
    assert_eq!(begun(&press(&mut model, "y")), StepAsk::Next { yes: true });
    press(&mut model, "3");
    assert_eq!(model.place(), Place::Pane(crate::tui::app::Pane::Trace));
    assert!(press(&mut model, "1 s").is_empty(), "still asked");
}

#[test]
fn settings_become_a_definition_of_the_bench() {
    let moment = Moment::new();
    let mut model = moment.lively((80, 24));
    update(&mut model, changes(vec![moment.stepping()]));
    model.meters.select(MeterId(2));
    press(&mut model, "4 e tab");
    press(&mut model, "backspace 1 / 1 tab");
    let effects = press(&mut model, "enter");
    let Some(Overlay::Form(form)) = &model.overlay else {
        panic!()
    };
    let wrong = form.fields.iter().find(|field| field.error.is_some());
    assert!(
        effects.is_empty() == wrong.is_some(),
        "{:?}",
        wrong.map(|field| &field.error)
    );
}
