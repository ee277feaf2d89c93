//! The first line: how many meters are in which state, the broker, the time; and the tabs.
//! The rule: the clock shows minutes, since a ticking second would be sent all day long.
use super::canvas::{Canvas, Piece, fit};
use super::theme;
use crate::cosem::data::printable;
use crate::headend::Severity;
use crate::tui::app::fleet::State;
use crate::tui::app::replay::Replay;
use crate::tui::app::shown::Target;
use crate::tui::app::{Action, Model, Pane, mqtt, words};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let at = model.now.wall.to_zoned(model.zone.clone());
    let clock = at.strftime("%H:%M %Z").to_string();
    let mut pieces = vec![Piece::new(
        5,
        vec![Span::styled(" obiscope", theme::strong())],
    )];
    if model.demo {
        pieces.push(Piece::new(4, vec![Span::styled("DEMO", theme::warn())]));
    }
    if let Some(replay) = &model.replay {
        pieces.push(Piece::new(1, vec![replay_chip(replay)]));
    }
    if let Some(frozen) = &model.frozen {
        pieces.push(Piece::new(1, vec![frozen_chip(model, frozen.newer)]));
    }
    if let Some(fps) = model.line.slow {
        let text = format!("! slow line, {fps} pictures/s");
        pieces.push(Piece::new(2, vec![Span::styled(text, theme::warn())]));
    }
    if model.trace.lost > 0 {
        let text = format!("! {} frames missed", words::count(model.trace.lost));
        pieces.push(Piece::new(3, vec![Span::styled(text, theme::warn())]));
    }
    pieces.extend(meters(model));
    pieces.extend(alarms(model));
    pieces.extend(broker(model));
    pieces.push(Piece::new(7, vec![Span::styled(clock, theme::muted())]));
    fit(&mut pieces, usize::from(area.width.saturating_sub(1)), 2);
    // What stands last stands at the right edge.
    let last = pieces
        .pop_if(|piece| piece.rank == 7)
        .map(|piece| piece.spans);
    let mut spans = Vec::new();
    let mut x = area.x;
    for piece in pieces {
        let width = u16::try_from(piece.width()).unwrap_or(0);
        if piece.rank == ALARMS {
            canvas.hit(Rect::new(x, area.y, width, 1), Target::Run(Action::Alarms));
        }
        x = x.saturating_add(width + 2);
        spans.extend(piece.spans);
        spans.push(Span::raw("  "));
    }
    canvas.line(area.x, area.y, area.width, &Line::from(spans));
    if let Some(clock) = last {
        let line = Line::from(clock);
        let width = u16::try_from(line.width()).unwrap_or(0);
        let x = area.right().saturating_sub(width + 1);
        canvas.line(x, area.y, width, &line);
    }
}

/// ` REPLAY ▶ ×2  12 of 340 `
fn replay_chip(replay: &Replay) -> Span<'static> {
    let state = match (replay.over(), replay.playing) {
        (true, _) => "at its end",
        (_, true) => "▶",
        (_, false) => "held",
    };
    let text = format!(" REPLAY {state} {}  {} ", replay.pace(), replay.progress());
    Span::styled(text, theme::warn().patch(theme::reversed()))
}

fn frozen_chip(model: &Model, newer: u64) -> Span<'static> {
    let frames = u64::try_from(model.trace.beyond()).unwrap_or(0);
    let text = format!(
        " FROZEN  {} readings, {} frames newer ",
        words::count(newer),
        words::count(frames)
    );
    Span::styled(text, theme::warn().patch(theme::reversed()))
}

/// How many meters are in which state, none left unsaid.
fn meters<'a>(model: &Model) -> Vec<Piece<'a>> {
    let n = model.fleet.len();
    let noun = if n == 1 { "meter" } else { "meters" };
    let total = format!("{} {noun}", words::count(u64::try_from(n).unwrap_or(0)));
    let mut pieces = vec![Piece::new(8, vec![Span::raw(total)])];
    for (state, rank) in [
        (State::Ready, 3),
        (State::Busy, 6),
        (State::Retry, 2),
        (State::NeedsPerson, 1),
        (State::Stopped, 6),
    ] {
        let count = model.fleet.count(state);
        if count > 0 {
            let count = words::count(u64::try_from(count).unwrap_or(0));
            let text = format!("{} {count} {}", state.sign(), state.word());
            let style = super::meters::state_style(state);
            pieces.push(Piece::new(rank, vec![Span::styled(text, style)]));
        }
    }
    pieces
}

/// Kept about as long as who needs a person.
const ALARMS: u8 = 2;

/// Of the alarms nobody acknowledged, how many there are of the worst kind and of the next.
fn alarms<'a>(model: &Model) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for severity in Severity::ALL.into_iter().rev() {
        let count = model.alarms.unknown(severity);
        if count == 0 {
            continue;
        }
        let (sign, style) = super::alarms::sign(severity);
        let count = words::count(u64::try_from(count).unwrap_or(0));
        let text = format!("{sign} {count} {}", severity.word());
        let mut spans = vec![Span::styled(text, style)];
        let mut rank = 9;
        if pieces.is_empty() {
            spans.insert(0, Span::raw("alarms "));
            rank = ALARMS;
        }
        pieces.push(Piece::new(rank, spans));
    }
    pieces
}

/// The broker of the selected meter, else the first.
fn broker<'a>(model: &Model) -> Vec<Piece<'a>> {
    let of_meter = model
        .meter()
        .and_then(|view| view.definition.publish.as_deref())
        .and_then(|name| model.mqtt.by_name(name));
    let Some(broker) = of_meter.or_else(|| model.mqtt.chosen()) else {
        return Vec::new();
    };
    let (sign, words) = mqtt::state(broker, model.now.mono);
    let word = words.split(' ').next().unwrap_or("").to_owned();
    let name = printable(&broker.definition.name);
    let mut pieces = vec![Piece::new(
        4,
        vec![
            Span::raw(format!("{name} ")),
            Span::styled(
                format!("{sign} {word}"),
                super::mqtt::phase_style(&broker.status.phase),
            ),
        ],
    )];
    let waiting = format!("{} waiting", words::count(broker.status.depth.waiting));
    pieces.push(Piece::new(9, vec![Span::raw(waiting)]));
    if let Some(latency) = broker.status.latency.map(|it| it.p50) {
        let text = format!("ack {}", words::took(latency));
        pieces.push(Piece::new(10, vec![Span::styled(text, theme::muted())]));
    }
    pieces
}

/// The panes by number; the open one is bold and marked.
pub fn tabs(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let mut x = area.x + 1;
    for pane in Pane::ALL {
        let text = format!(" {} {} ", pane.number(), pane.title());
        let width = super::canvas::cells(&text);
        let style = if pane == model.focus {
            theme::accent()
                .patch(theme::strong())
                .patch(theme::reversed())
        } else {
            theme::muted()
        };
        if x + width > area.right() {
            return;
        }
        canvas.put(x, area.y, width, &text, style);
        canvas.hit(Rect::new(x, area.y, width, 1), Target::Pane(pane));
        x += width + 1;
    }
    // Which meter all of them are about.
    if let Some(view) = model.meter() {
        let name = printable(&view.definition.name);
        let room = area.right().saturating_sub(x + 1);
        canvas.put_right(x, area.y, room, &name, theme::strong());
    }
}
