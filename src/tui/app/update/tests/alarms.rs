//! Alarms: acknowledged with a name that is remembered, told to who does not look, and the way to the meter.
use super::*;
use crate::headend::{Ack, Alarm, Changes, Command, Severity};
use crate::tui::app::fixture::{Moment, alarm, wall};
use crate::tui::app::{Pane, model::Overlay};

fn came(model: &mut Model, alarms: &[&Alarm]) -> Vec<Effect> {
    let alarms = (alarms.iter())
        .map(|it| std::sync::Arc::new((*it).clone()))
        .collect();
    update(
        model,
        Msg::Changes(Changes {
            alarms,
            ..Changes::default()
        }),
    )
}

#[test]
fn a_name_is_asked_once_and_the_list_stays() {
    let mut model = Moment::new().lively((80, 24));
    press(&mut model, "!");
    assert!(model.overlay.is_none(), "there is nothing to look at");
    let (one, two) = (
        alarm(7, Severity::Critical, "silent"),
        alarm(8, Severity::Warning, "high"),
    );
    came(&mut model, &[&one, &two]);
    let effects = press(&mut model, "! a enter");
    assert!(effects.is_empty(), "nobody said who it is");
    let effects = press(&mut model, "A n n a : space h i enter");
    let [
        Effect::Command {
            ticket,
            command: Command::Acknowledge { alarm: 7, by, note },
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((by.as_str(), note.as_str()), ("Anna", "hi"));
    let (ticket, result) = (*ticket, Ok(()));
    update(&mut model, Msg::CommandDone { ticket, result });
    assert!(matches!(model.overlay, Some(Overlay::Alarms(_))));
    let effects = press(&mut model, "down a enter");
    assert!(
        matches!(&effects[..], [Effect::Command { command: Command::Acknowledge { alarm: 8, by, note }, .. }]
            if by == "Anna" && note.is_empty()),
        "{effects:?}"
    );
    // Who is known already is told instead.
    let mut known = one;
    known.acknowledged = Some(Ack::new("Bo", "", wall()).unwrap());
    came(&mut model, &[&known]);
    assert!(press(&mut model, "home a").is_empty());
    let said = &model.notices.current().unwrap().text;
    assert_eq!(said, "Bo knows of it already");
    press(&mut model, "esc");
    assert!(model.overlay.is_none());
}

#[test]
fn from_an_alarm_to_the_value_it_is_about() {
    let mut model = Moment::new().lively((80, 24));
    let mut high = alarm(7, Severity::Critical, "over 253");
    high.key = "frequency".to_owned();
    let mut gone = alarm(8, Severity::Warning, "silent");
    gone.meter = Some(crate::meter::MeterId(999));
    came(&mut model, &[&high, &gone]);
    press(&mut model, "3 ! end enter");
    assert!(matches!(model.overlay, Some(Overlay::Alarms(_))));
    press(&mut model, "/ 2 5 3 enter enter");
    assert!(model.overlay.is_none());
    assert_eq!(model.focus, Pane::Meters);
    let view = model.meter().unwrap();
    assert_eq!(view.definition.id, crate::meter::MeterId(1));
    let object = &view.definition.objects[model.values.selected];
    assert_eq!(object.key, "frequency");
    // With a filter, Esc first shows all again.
    press(&mut model, "! / x x enter esc");
    assert!(matches!(&model.overlay, Some(Overlay::Alarms(list)) if list.filter.is_open()));
}

#[test]
fn a_critical_alarm_calls_who_asked_for_it_and_a_known_one_does_not() {
    let mut model = Moment::new().lively((80, 24));
    let calls = |effects: &[Effect]| {
        let calls = |it: &&Effect| matches!(it, Effect::Herald(_));
        effects.iter().filter(calls).count()
    };
    let critical = alarm(7, Severity::Critical, "silent");
    assert_eq!(calls(&came(&mut model, &[&critical])), 0, "off until asked");
    press(&mut model, "B");
    assert_eq!(calls(&came(&mut model, &[&critical])), 0, "no news");
    let warning = alarm(8, Severity::Warning, "high");
    assert_eq!(calls(&came(&mut model, &[&warning])), 0);
    let new = alarm(9, Severity::Critical, "breaker open");
    assert_eq!(calls(&came(&mut model, &[&new])), 1);
}
