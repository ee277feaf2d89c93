//! Keys over the alarms. The rule: a line being typed is the list's own, so that what it is about stays in sight.
use super::list::go_to;
use super::{say, send};
use crate::headend::{Ack, Alarm, Command, Level};
use crate::tui::app::action::Action;
use crate::tui::app::alarms::{List, Typing, lead, name_and_note};
use crate::tui::app::input::Input;
use crate::tui::app::model::Overlay;
use crate::tui::app::sieve::Sieve;
use crate::tui::app::{Effect, Model};

pub fn open(model: &mut Model) {
    let mut list = List::default();
    list.step(0, &model.alarms.rows(&list.filter));
    model.overlay = Some(Overlay::Alarms(Box::new(list)));
}

pub fn perform(model: &mut Model, mut list: Box<List>, action: Action) -> Vec<Effect> {
    let effects = match list.typing.take() {
        Some(typing) => typed(model, &mut list, typing, action),
        None => match moved(model, &mut list, action) {
            After::Stay(effects) => effects,
            After::Close(effects) => return effects,
        },
    };
    model.overlay = Some(Overlay::Alarms(list));
    effects
}

enum After {
    Stay(Vec<Effect>),
    Close(Vec<Effect>),
}

fn moved(model: &mut Model, list: &mut List, action: Action) -> After {
    let rows = model.alarms.rows(&list.filter);
    let page = isize::try_from(model.shown.overlay.page.max(1)).unwrap_or(1);
    let chosen = rows.get(list.row(&rows)).map(|alarm| (*alarm).clone());
    match action {
        Action::Up => list.step(-1, &rows),
        Action::Down => list.step(1, &rows),
        Action::PageUp => list.step(-page, &rows),
        Action::PageDown => list.step(page, &rows),
        Action::Top => list.step(isize::MIN, &rows),
        Action::Bottom => list.step(isize::MAX, &rows),
        Action::Filter => list.typing = Some(Typing::Filter(Input::new(list.filter.text()))),
        Action::Acknowledge => match chosen {
            None => say(model, Level::Info, "no alarm is chosen"),
            Some(alarm) => acknowledge(model, list, &alarm),
        },
        Action::Accept => {
            let meter = chosen.as_ref().and_then(|alarm| alarm.meter);
            let Some(meter) = meter.filter(|id| model.fleet.get(*id).is_some()) else {
                say(model, Level::Info, "the meter of this alarm is gone");
                return After::Stay(Vec::new());
            };
            let effects = go_to(model, meter);
            let key = chosen.map(|alarm| alarm.key.clone()).unwrap_or_default();
            let object = (model.meter())
                .and_then(|view| view.definition.objects.iter().position(|it| it.key == key));
            if let Some(object) = object {
                model.values.selected = object;
            }
            return After::Close(effects);
        }
        Action::Cancel if !list.filter.is_open() => sift(model, list, ""),
        _ => return After::Close(Vec::new()),
    }
    After::Stay(Vec::new())
}

/// Asks for name and note, unless somebody knows of it.
fn acknowledge(model: &mut Model, list: &mut List, alarm: &Alarm) {
    if let Some(ack) = &alarm.acknowledged {
        let by = crate::cosem::data::printable(&ack.by);
        say(model, Level::Info, format!("{by} knows of it already"));
        return;
    }
    let input = Input::new(lead(&model.person));
    list.typing = Some(Typing::Acknowledge(alarm.id, input));
}

fn typed(model: &mut Model, list: &mut List, typing: Typing, action: Action) -> Vec<Effect> {
    match (action, typing) {
        (Action::Cancel, Typing::Filter(_)) => sift(model, list, ""),
        (Action::Cancel, Typing::Acknowledge(..)) | (Action::Accept, Typing::Filter(_)) => {}
        (Action::Accept, Typing::Acknowledge(alarm, input)) => {
            let (by, note) = name_and_note(input.text());
            let (by, note) = (by.to_owned(), note.to_owned());
            // What the head-end would refuse is told while it can still be mended.
            if let Err(why) = Ack::new(&by, &note, model.now.wall) {
                say(model, Level::Warning, why);
                list.typing = Some(Typing::Acknowledge(alarm, input));
                return Vec::new();
            }
            model.person.clone_from(&by);
            let done = format!("{by} knows of alarm {alarm}");
            return vec![send(model, Command::Acknowledge { alarm, by, note }, done)];
        }
        (_, typing) => list.typing = Some(typing),
    }
    Vec::new()
}

/// A key or a paste went into the line.
pub fn follow(model: &mut Model) {
    let Some(Overlay::Alarms(list)) = &mut model.overlay else {
        return;
    };
    if let Some(Typing::Filter(input)) = &list.typing {
        list.filter = Sieve::new(input.text());
        let rows = model.alarms.rows(&list.filter);
        list.step(0, &rows);
    }
}

fn sift(model: &Model, list: &mut List, text: &str) {
    // The chosen one stays chosen when more come into sight.
    list.step(0, &model.alarms.rows(&list.filter));
    list.filter = Sieve::new(text);
}
