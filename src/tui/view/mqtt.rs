//! Where readings go. The rule: what still waits and what was refused are told as plainly as
//! what arrived.
use super::canvas::{Canvas, Piece, cells, fit};
use super::{broker, panel, theme};
use crate::cosem::data::printable;
use crate::headend::BrokerView;
use crate::publish::BrokerPhase;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::{Model, Pane, mqtt};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub fn phase_style(phase: &BrokerPhase) -> Style {
    match phase {
        BrokerPhase::Connected => theme::good(),
        BrokerPhase::Connecting => theme::accent(),
        BrokerPhase::Waiting { .. } => theme::warn(),
        BrokerPhase::Refused => theme::bad(),
        BrokerPhase::Paused | BrokerPhase::Stopped => theme::muted(),
    }
}

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, focused: bool) {
    let about = model
        .mqtt
        .chosen()
        .map(|broker| printable(&broker.definition.name))
        .unwrap_or_default();
    let inner = panel::pane(canvas, area, Pane::Mqtt, focused, &about);
    let Some(chosen) = model.mqtt.chosen() else {
        let lines = [
            "No broker yet: readings stay on this computer.",
            "obiscope broker add NAME --url mqtt://HOST --dialect json",
        ];
        return panel::empty(canvas, inner, &lines);
    };
    let count = model.mqtt.brokers().len();
    if count > 1 && inner.height <= 3 {
        let text = format!("{} of {count}", model.mqtt.selected + 1);
        panel::chip(canvas, area, &text, theme::muted());
    }
    if inner.height <= 3 {
        canvas.shown.brokers = Window::at(model.mqtt.selected, 1, count);
        return short(canvas, inner, chosen, model);
    }
    let list = u16::try_from(count)
        .unwrap_or(u16::MAX)
        .min(inner.height / 3)
        .max(1);
    let list = Rect {
        height: list,
        ..inner
    };
    rows(canvas, list, model, focused);
    let rest = Rect {
        y: list.bottom() + 1,
        height: inner.height.saturating_sub(list.height + 1),
        ..inner
    };
    details(canvas, area, rest, chosen, model);
}

/// State and numbers in one line, as many as fit.
fn summary(
    canvas: &mut Canvas<'_>,
    x: u16,
    y: u16,
    width: u16,
    broker: &BrokerView,
    model: &Model,
) {
    let (sign, words) = mqtt::state(broker, model.now.mono);
    let style = phase_style(&broker.status.phase);
    // An even column, where there is something beside it.
    let state = if width >= 48 { 24 } else { 0 };
    let mut pieces = vec![Piece::new(
        0,
        vec![Span::styled(
            format!("{:<state$}", format!("{sign} {words}")),
            style,
        )],
    )];
    for (rank, (name, number)) in (1_u8..).zip(mqtt::numbers(broker)) {
        let bad = name == "rejected" && number != "0";
        let style = if bad { theme::bad() } else { Style::new() };
        pieces.push(Piece::new(
            rank,
            vec![
                Span::styled(format!("{name} "), theme::muted()),
                Span::styled(number, style),
            ],
        ));
    }
    fit(&mut pieces, width.into(), 3);
    let mut spans = Vec::new();
    for piece in pieces {
        spans.extend(piece.spans);
        spans.push(Span::raw("   "));
    }
    canvas.line(x, y, width, &Line::from(spans));
}

fn short(canvas: &mut Canvas<'_>, inner: Rect, broker: &BrokerView, model: &Model) {
    let (x, width) = (inner.x + 1, inner.width.saturating_sub(2));
    summary(canvas, x, inner.y, width, broker, model);
    if inner.height < 2 {
        return;
    }
    let error = broker
        .status
        .last_error
        .as_ref()
        .filter(|_| broker.status.phase != BrokerPhase::Connected);
    if let Some((_, error)) = error {
        let text = format!("✗ {}", printable(error));
        return canvas.put(x, inner.y + 1, width, &text, theme::bad());
    }
    let topic = broker
        .status
        .last_topic
        .as_deref()
        .unwrap_or("nothing sent yet");
    let payload = broker.status.last_payload.as_deref().unwrap_or("");
    let topic = printable(topic);
    canvas.put(x, inner.y + 1, width, &topic, theme::accent());
    let used = cells(&topic) + 2;
    let rest = width.saturating_sub(used);
    canvas.put(
        x + used,
        inner.y + 1,
        rest,
        &printable(payload),
        Style::new(),
    );
}

fn rows(canvas: &mut Canvas<'_>, list: Rect, model: &Model, focused: bool) {
    let brokers = model.mqtt.brokers();
    let window = Window::around(
        model.mqtt.top,
        model.mqtt.selected,
        list.height.into(),
        brokers.len(),
    );
    canvas.shown.brokers = window;
    for (y, index) in (list.y..).zip(window.rows()) {
        let Some(broker) = brokers.get(index) else {
            continue;
        };
        let area = Rect::new(list.x, y, list.width, 1);
        canvas.hit(area, Target::Broker(index));
        if index == model.mqtt.selected && brokers.len() > 1 {
            canvas.style(area, theme::selected());
            let mark = if focused {
                theme::accent()
            } else {
                theme::muted()
            };
            canvas.put(area.x, y, 1, "▌", mark);
        }
        let name = printable(&broker.definition.name);
        let column = 14.min(area.width / 4);
        canvas.put(area.x + 1, y, column, &name, theme::strong());
        summary(
            canvas,
            area.x + column + 2,
            y,
            area.width.saturating_sub(column + 3),
            broker,
            model,
        );
    }
}

fn details(canvas: &mut Canvas<'_>, pane: Rect, area: Rect, chosen: &BrokerView, model: &Model) {
    let width = usize::from(area.width.saturating_sub(3));
    let lines = broker::lines(chosen, model, width);
    let window = Window::at(model.mqtt.details_top, area.height.into(), lines.len());
    canvas.shown.broker = window;
    if window.len > window.page {
        let text = format!("{} of {}", window.rows().end, window.len);
        panel::chip(canvas, pane, &text, theme::muted());
    }
    for (y, line) in (area.y..).zip(lines.get(window.rows()).unwrap_or_default()) {
        canvas.line(area.x + 1, y, area.width.saturating_sub(2), line);
    }
}
