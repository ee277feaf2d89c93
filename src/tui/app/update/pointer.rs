//! The mouse. The rule: it acts on what the last picture put under it, and a place that was
//! not drawn is no place.
use super::changes::after_selection;
use super::{overlay, perform};
use crate::tui::app::action::Action;
use crate::tui::app::model::Overlay;
use crate::tui::app::shown::Target;
use crate::tui::app::{Effect, Model, Mouse, MouseKind, Pane};

/// Rows a turn of the wheel moves.
const WHEEL: isize = 3;

pub fn mouse(model: &mut Model, mouse: Mouse) -> Vec<Effect> {
    let target = model.shown.hit(mouse.x, mouse.y);
    match mouse.kind {
        MouseKind::WheelUp => wheel(model, mouse, -WHEEL),
        MouseKind::WheelDown => wheel(model, mouse, WHEEL),
        // Held and moved: selects along, but never runs or answers anything.
        MouseKind::Drag => match target {
            Some(Target::Run(_) | Target::Answer(_)) | None => Vec::new(),
            Some(target) => click(model, target),
        },
        MouseKind::Click => target.map_or_else(Vec::new, |target| click(model, target)),
    }
}

fn wheel(model: &mut Model, mouse: Mouse, by: isize) -> Vec<Effect> {
    let action = if by < 0 { Action::Up } else { Action::Down };
    match &mut model.overlay {
        Some(Overlay::Help(_)) => {
            for _ in 0..WHEEL {
                overlay::perform(model, action);
            }
            Vec::new()
        }
        Some(
            Overlay::Palette(_) | Overlay::Overview(_) | Overlay::Alarms(_) | Overlay::Chart(_),
        ) => overlay::perform(model, action),
        Some(Overlay::Form(form)) => {
            form.go(by < 0);
            Vec::new()
        }
        Some(Overlay::Confirm(_)) => Vec::new(),
        None | Some(Overlay::Filter(..) | Overlay::Line(..)) => {
            // The pane under the pointer scrolls, and the eye stays where it was.
            let Some(pane) = model.shown.pane_at(mouse.x, mouse.y) else {
                return Vec::new();
            };
            let focus = std::mem::replace(&mut model.focus, pane);
            let effects = perform::step(model, by);
            model.focus = focus;
            effects
        }
    }
}

fn click(model: &mut Model, target: Target) -> Vec<Effect> {
    match target {
        Target::Run(action) => return perform::perform(model, action),
        Target::Pane(pane) => model.focus = pane,
        Target::Meter(id) => {
            model.focus = Pane::Meters;
            model.meters.select(id);
            return after_selection(model);
        }
        Target::Value(row) => {
            model.focus = Pane::Values;
            model.values.selected = row;
        }
        Target::Frame(seq) => {
            model.focus = Pane::Trace;
            model.trace.choose(seq);
        }
        Target::Field(field) => {
            model.focus = Pane::Trace;
            model.trace.field = field;
            model.trace.step_field(0);
        }
        Target::Broker(broker) => {
            model.focus = Pane::Mqtt;
            model.mqtt.selected = broker;
        }
        Target::FormField(field) => {
            if let Some(Overlay::Form(form)) = &mut model.overlay {
                form.focus = field.min(form.fields.len().saturating_sub(1));
                form.leaving = false;
            }
        }
        Target::PaletteRow(row) => {
            if let Some(Overlay::Palette(palette)) = &mut model.overlay {
                palette.selected = row;
                return overlay::perform(model, Action::Accept);
            }
        }
        Target::Answer(yes) => {
            let action = if yes { Action::Yes } else { Action::Cancel };
            return overlay::perform(model, action);
        }
        Target::Group(state) => {
            model.focus = Pane::Meters;
            model.meters.toggle(state);
        }
        Target::Needy(row) => {
            if let Some(Overlay::Overview(overview)) = &mut model.overlay {
                overview.selected = row;
                return overlay::perform(model, Action::Accept);
            }
        }
        Target::Alarm(id) => {
            if let Some(Overlay::Alarms(list)) = &mut model.overlay {
                list.choose(id);
            }
        }
        Target::Overlay => {}
    }
    Vec::new()
}
