//! Keys while something lies over the panes. The rule: what is typed goes into the field
//! under the cursor and nowhere else.
use super::{perform, say, send};
use crate::headend::Level;
use crate::tui::app::action::{Action, Place};
use crate::tui::app::confirm::Then;
use crate::tui::app::form::{self, Saving};
use crate::tui::app::model::Overlay;
use crate::tui::app::shown::Window;
use crate::tui::app::{Effect, Key, Model, Pane};

pub fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    match model.overlay.take() {
        Some(Overlay::Help(mut help)) => {
            let window = model.shown.overlay;
            let page = window.page.saturating_sub(1).max(1);
            let last = Window::last(window.page, window.len);
            help.top = match action {
                Action::Up => help.top.saturating_sub(1),
                Action::Down => help.top + 1,
                Action::PageUp => help.top.saturating_sub(page),
                Action::PageDown => help.top + page,
                Action::Top => 0,
                Action::Bottom => last,
                _ => return Vec::new(),
            }
            .min(last);
            model.overlay = Some(Overlay::Help(help));
        }
        Some(Overlay::Confirm(mut confirm)) => {
            let yes = match action {
                Action::Yes => true,
                Action::Accept => confirm.marked_yes,
                Action::NextField => {
                    confirm.marked_yes = !confirm.marked_yes;
                    model.overlay = Some(Overlay::Confirm(confirm));
                    return Vec::new();
                }
                _ => false,
            };
            if yes {
                return match confirm.then {
                    Then::Command(command, done) => vec![send(model, command, done)],
                    Then::Broker(broker, command) => vec![Effect::Broker { broker, command }],
                };
            }
        }
        Some(Overlay::Palette(mut palette)) => match action {
            Action::Up | Action::Down => {
                palette.step(action == Action::Up);
                model.overlay = Some(Overlay::Palette(palette));
            }
            Action::Accept => return run(model, palette.chosen()),
            _ => {}
        },
        Some(Overlay::Filter(pane, input)) => {
            if action == Action::Cancel {
                set_filter(model, pane, "");
                return super::changes::after_selection(model);
            }
            set_filter(model, pane, input.text());
            return super::changes::after_selection(model);
        }
        Some(Overlay::Line(asked, input)) if action == Action::Accept => {
            return super::perform::line(model, asked, input.text());
        }
        Some(Overlay::Overview(overview)) => return super::list::overview(model, overview, action),
        Some(Overlay::Alarms(list)) => return super::alarms::perform(model, list, action),
        Some(Overlay::Chart(chart)) => return super::chart::perform(model, *chart, action),
        Some(Overlay::Form(form)) => return in_form(model, form, action),
        Some(Overlay::Line(..)) | None => {}
    }
    Vec::new()
}

/// Runs what the command line found; what belongs to a pane takes the eye there.
fn run(model: &mut Model, chosen: Option<&crate::tui::app::action::Entry>) -> Vec<Effect> {
    let Some(entry) = chosen else {
        say(model, Level::Info, "no command of that name; ? lists all");
        return Vec::new();
    };
    match entry.place {
        Place::Pane(pane) => model.focus = pane,
        Place::Stepper => model.focus = Pane::Session,
        _ => {}
    }
    perform::perform(model, entry.action)
}

fn in_form(model: &mut Model, mut form: Box<form::Form>, action: Action) -> Vec<Effect> {
    let mut effects = Vec::new();
    match action {
        Action::NextField | Action::PreviousField => {
            form.leaving = false;
            form.go(action == Action::PreviousField);
        }
        Action::Left | Action::Right => form.sideways(action == Action::Left),
        Action::Accept if matches!(form.saving, Saving::Asked(_)) => {}
        Action::Accept => {
            form.leaving = false;
            match form.command() {
                Err(errors) => form.show_errors(errors),
                Ok((command, done)) => {
                    form.show_errors(Vec::new());
                    let effect = send(model, command, done);
                    form.saving = Saving::Asked(model.tickets);
                    effects.push(effect);
                }
            }
        }
        Action::Cancel => {
            if !form.changed() || form.leaving || matches!(form.saving, Saving::Asked(_)) {
                return effects;
            }
            form.leaving = true;
        }
        _ => {}
    }
    model.overlay = Some(Overlay::Form(form));
    effects
}

/// A key that no action took.
pub fn typed(model: &mut Model, key: Key) {
    match &mut model.overlay {
        Some(Overlay::Form(form)) => {
            form.key(key);
        }
        Some(Overlay::Palette(palette)) => palette.key(key),
        Some(Overlay::Line(_, input)) => {
            input.key(key);
        }
        Some(Overlay::Alarms(list)) => {
            if let Some(typing) = &mut list.typing {
                typing.input().key(key);
                super::alarms::follow(model);
            }
        }
        Some(Overlay::Filter(pane, input)) => {
            input.key(key);
            let (pane, text) = (*pane, input.text().to_owned());
            set_filter(model, pane, &text);
        }
        _ => {}
    }
}

pub fn paste(model: &mut Model, text: &str) {
    match &mut model.overlay {
        Some(Overlay::Form(form)) => form.paste(text),
        Some(Overlay::Line(_, input)) => input.insert(text),
        Some(Overlay::Alarms(list)) if list.typing.is_some() => {
            if let Some(typing) = &mut list.typing {
                typing.input().insert(text);
            }
            super::alarms::follow(model);
        }
        Some(Overlay::Palette(palette)) => {
            palette.input.insert(text);
            palette.selected = 0;
        }
        Some(Overlay::Filter(pane, input)) => {
            input.insert(text);
            let (pane, text) = (*pane, input.text().to_owned());
            set_filter(model, pane, &text);
        }
        _ => say(
            model,
            Level::Info,
            "pasted text goes into fields only; press a key to open one",
        ),
    }
}

/// Filters while it is being typed.
fn set_filter(model: &mut Model, pane: Pane, text: &str) {
    match pane {
        Pane::Trace => model.trace.set_filter(text),
        _ => model.meters.set_filter(text, &model.fleet),
    }
}
