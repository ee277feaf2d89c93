//! Keys in the MQTT pane: what they ask of the head-end, and what they ask the person first.
use super::{Effect, Model, Msg, Overlay, notice, press, update};
use crate::headend::Changes;
use crate::publish::BrokerPhase;
use crate::tui::app::Pane;
use crate::tui::app::fixture::Moment;
use std::sync::Arc;

fn at_broker(broker: crate::headend::BrokerView) -> Model {
    let mut model = Moment::new().lively((80, 24));
    let change = Changes {
        brokers: vec![Arc::new(broker)],
        ..Changes::default()
    };
    update(&mut model, Msg::Changes(change));
    press(&mut model, "5");
    model
}

fn asked(effects: &[Effect]) -> String {
    match effects {
        [Effect::Broker { broker: 1, command }] => format!("{command:?}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_broker_is_tried_held_and_flushed() {
    let moment = Moment::new();
    let mut model = at_broker(moment.broker());
    assert_eq!(asked(&press(&mut model, "T")), "TestPublish");
    assert_eq!(asked(&press(&mut model, "H")), "Pause");
    assert_eq!(asked(&press(&mut model, "F")), "Flush");
    assert_eq!(asked(&press(&mut model, "C")), "Reconnect");
    // Nothing waits and nothing was given up on.
    for key in ["D", "R", "X"] {
        assert!(press(&mut model, key).is_empty());
        assert!(model.overlay.is_none());
    }
    let mut broker = moment.broker();
    broker.status.phase = BrokerPhase::Paused;
    let mut model = at_broker(broker);
    assert_eq!(asked(&press(&mut model, "H")), "Resume");
    assert!(press(&mut model, "T").is_empty());
}

#[test]
fn what_is_thrown_away_is_asked_about() {
    let mut model = at_broker(Moment::new().troubled_broker());
    assert!(press(&mut model, "D").is_empty());
    let Some(Overlay::Confirm(confirm)) = &model.overlay else {
        unreachable!("no question");
    };
    assert_eq!(confirm.question, "Drop 1204 messages for lab, unsent?");
    assert!(confirm.consequence[0].starts_with("The oldest was read 2026-"));
    assert!(press(&mut model, "n").is_empty());
    press(&mut model, "D");
    assert_eq!(asked(&press(&mut model, "y")), "DropWaiting");
    assert_eq!(asked(&press(&mut model, "R")), "RetryDead(None)");
    assert!(press(&mut model, "X").is_empty());
    assert_eq!(asked(&press(&mut model, "y")), "EmptyDead(None)");
}

#[test]
fn a_removed_broker_leaves_the_pane() {
    let mut model = at_broker(Moment::new().broker());
    let change = Changes {
        removed_brokers: vec![1],
        ..Changes::default()
    };
    update(&mut model, Msg::Changes(change));
    assert!(model.mqtt.chosen().is_none());
    assert!(press(&mut model, "T").is_empty());
}

#[test]
fn a_value_leads_to_its_frame() {
    let mut model = Moment::new().tracing((80, 24));
    let answers: Vec<_> = (model.trace.visible(0))
        .filter(|row| row.took.is_some() && row.about.is_some())
        .map(|row| (row.seq, row.at, row.about.clone().unwrap()))
        .collect();
    let (seq, at, about) = answers.last().unwrap().clone();
    assert!(model.trace.choose_answer(at, &about));
    assert_eq!(model.trace.selected_seq(), Some(seq));
    let before = at - jiff::SignedDuration::from_hours(1);
    assert!(!model.trace.choose_answer(before, &about));
    // No frame here is about the first value.
    press(&mut model, "2 enter");
    assert_eq!(model.focus, Pane::Values);
    assert_eq!(notice(&model), "the frame it came in is no longer held");
}
