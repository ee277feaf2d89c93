//! How the list of meters stands, and the way from the whole fleet to one meter.
use super::changes::after_selection;
use super::say;
use crate::headend::Level;
use crate::tui::app::action::Action;
use crate::tui::app::model::Overlay;
use crate::tui::app::overview::Overview;
use crate::tui::app::{Effect, Model, Pane, attention};

/// Whether an action can work now; why not, if not.
pub fn enabled(model: &Model, action: Action) -> Result<(), &'static str> {
    let need = |ok: bool, why| if ok { Ok(()) } else { Err(why) };
    match action {
        Action::Order | Action::Reverse | Action::Group => {
            need(model.fleet.len() > 1, "there is nothing to put in order")
        }
        Action::Left | Action::Right => need(
            model.meters.ordering().grouped,
            "the list is not grouped; S groups it by state",
        ),
        Action::NextNeedy => need(attention::len(model) > 0, "no meter needs you"),
        Action::Chart if model.replay.is_some() => Err("a replay has no history"),
        Action::Chart => need(
            model
                .meter()
                .is_some_and(|view| !view.definition.objects.is_empty()),
            "no meter with values is selected",
        ),
        _ => Ok(()),
    }
}

pub fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    let mut ordering = model.meters.ordering();
    match action {
        Action::Order => {
            ordering.order = ordering.order.next();
            ordering.reversed = false;
        }
        Action::Reverse => ordering.reversed = !ordering.reversed,
        Action::Group => ordering.grouped = !ordering.grouped,
        Action::NextNeedy => {
            return match attention::after(model, model.meters.selected()) {
                Some(id) => go_to(model, id),
                None => Vec::new(),
            };
        }
        _ => return Vec::new(),
    }
    model.focus = Pane::Meters;
    model.meters.set_ordering(ordering, &model.fleet);
    let turned = if ordering.reversed {
        ", turned round"
    } else {
        ""
    };
    let grouped = if ordering.grouped { ", by state" } else { "" };
    let text = format!("meters {}{turned}{grouped}", ordering.order.word());
    say(model, Level::Info, text);
    after_selection(model)
}

/// A meter that the filter hides is shown again.
pub fn go_to(model: &mut Model, id: crate::meter::MeterId) -> Vec<Effect> {
    model.focus = Pane::Meters;
    model.meters.select(id);
    if model.meters.selected() != Some(id) {
        model.meters.set_filter("", &model.fleet);
        model.meters.select(id);
    }
    after_selection(model)
}

/// Keys over the overview.
pub fn overview(model: &mut Model, mut overview: Overview, action: Action) -> Vec<Effect> {
    let len = attention::len(model);
    let page = isize::try_from(model.shown.overlay.page.max(1)).unwrap_or(1);
    match action {
        Action::Up => overview.step(-1, len),
        Action::Down => overview.step(1, len),
        Action::PageUp => overview.step(-page, len),
        Action::PageDown => overview.step(page, len),
        Action::Top => overview.step(isize::MIN, len),
        Action::Bottom => overview.step(isize::MAX, len),
        Action::Accept => {
            return match attention::nth(model, overview.selected) {
                Some(id) => go_to(model, id),
                None => Vec::new(),
            };
        }
        _ => return Vec::new(),
    }
    model.overlay = Some(Overlay::Overview(overview));
    Vec::new()
}
