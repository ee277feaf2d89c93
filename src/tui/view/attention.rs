//! Who needs a person, on the lower edge of the panes. The rule: it takes no room from anything, and is there at every size.
use super::canvas::{Canvas, cells, cut};
use super::theme;
use crate::tui::app::action::Action;
use crate::tui::app::fleet::State;
use crate::tui::app::shown::Target;
use crate::tui::app::{Model, attention, words};
use ratatui::layout::Rect;

/// Over the lower edge of the widest pane at the bottom.
pub fn draw(canvas: &mut Canvas<'_>, body: Rect, model: &Model) {
    let Some(text) =
        attention::summary(model).filter(|_| body.height > 2 && model.replay.is_none())
    else {
        return;
    };
    let y = body.bottom() - 1;
    // Panes that lie side by side end in corners.
    let corner = (body.left() + 1..body.right()).rfind(|x| canvas.symbol(*x, y) == "╰");
    let left = corner.unwrap_or(body.left());
    let room = body.right().saturating_sub(left + 6);
    if room < 16 {
        return;
    }
    let text = format!(" ✗ {} ", cut(&text, usize::from(room) - 4));
    let width = cells(&text);
    canvas.put(left + 2, y, width, &text, theme::bad());
    canvas.hit(
        Rect::new(left + 2, y, width, 1),
        Target::Run(Action::Overview),
    );
}

/// `✗ 3 need you` and its width, where only that fits.
pub fn chip(model: &Model, room: u16) -> Option<(String, u16)> {
    let count = model.fleet.count(State::NeedsPerson);
    let verb = if count == 1 { "needs" } else { "need" };
    let count = words::short(u64::try_from(count).ok().filter(|n| *n > 0)?);
    let text = format!("✗ {count} {verb} you");
    let width = cells(&text);
    (width <= room).then_some((text, width))
}
