//! Which layout fits, and where its parts go. The rule: sizes depend on the screen and on how many meters there are, so
//! that what a meter says never moves anything.
use crate::tui::app::Pane;
use crate::tui::app::shown::Class;
use ratatui::layout::Rect;

pub fn class(area: Rect) -> Class {
    match (area.width, area.height) {
        (120.., 28..) => Class::Wide,
        (72.., 16..) => Class::Normal,
        (32.., 9..) => Class::Narrow,
        _ => Class::Tiny,
    }
}

/// The parts of a screen with panes.
pub struct Parts {
    pub header: Rect,
    /// Only in the normal layout.
    pub tabs: Rect,
    pub body: Rect,
    /// What just happened, or what is wrong with the selected meter.
    pub notice: Rect,
    pub footer: Rect,
}

/// `area` as header, tabs (if any), body, notice and footer.
pub fn parts(area: Rect, tabs: bool) -> Parts {
    let row = |y: u16| Rect::new(area.x, area.y + y, area.width, 1).intersection(area);
    let top = 1 + u16::from(tabs);
    let bottom = area.height.saturating_sub(2);
    Parts {
        header: row(0),
        tabs: if tabs { row(1) } else { Rect::ZERO },
        body: Rect::new(area.x, area.y + top, area.width, bottom.saturating_sub(top))
            .intersection(area),
        notice: row(bottom),
        footer: row(bottom + 1),
    }
}

/// Lines of a session that stands, with its frame.
const SESSION: u16 = 26;

/// All five panes: meters over session on the left; values, trace and broker on the right. With a meter on the bench its
/// session needs the room, and its values, which rest, do not. A long list of meters takes what a session leaves.
pub fn wide(body: Rect, bench: bool, meters: usize) -> [(Pane, Rect); 5] {
    let left = match body.width {
        160.. => 46,
        136.. => 42,
        _ => 38,
    };
    let right = body.width.saturating_sub(left);
    let few = (body.height / 4).clamp(7, 20).min(body.height);
    let rows = u16::try_from(meters).unwrap_or(u16::MAX).saturating_add(2);
    let meters = rows.clamp(few, few.max(body.height.saturating_sub(SESSION)));
    let mqtt = if body.height >= 50 { 8 } else { 4 }.min(body.height);
    let values = (body.height * 2 / 5).clamp(8, 24).min(body.height - mqtt);
    let trace = body.height.saturating_sub(values + mqtt);
    let (x, y) = (body.x, body.y);
    if bench {
        let session = (body.height * 3 / 5).max(8).min(body.height);
        let lower = body.height - meters;
        return [
            (Pane::Meters, Rect::new(x, y, left, meters)),
            (Pane::Session, Rect::new(x + left, y, right, session)),
            (
                Pane::Trace,
                Rect::new(x + left, y + session, right, body.height - session),
            ),
            (
                Pane::Values,
                Rect::new(x, y + meters, left, lower.saturating_sub(mqtt)),
            ),
            (
                Pane::Mqtt,
                Rect::new(x, body.bottom().saturating_sub(mqtt), left, mqtt.min(lower)),
            ),
        ];
    }
    [
        (Pane::Meters, Rect::new(x, y, left, meters)),
        (Pane::Values, Rect::new(x + left, y, right, values)),
        (Pane::Trace, Rect::new(x + left, y + values, right, trace)),
        (
            Pane::Session,
            Rect::new(x, y + meters, left, body.height - meters),
        ),
        (
            Pane::Mqtt,
            Rect::new(x + left, y + values + trace, right, mqtt),
        ),
    ]
}

/// A box of this size in the middle, or as much of it as fits.
pub fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    )
}
