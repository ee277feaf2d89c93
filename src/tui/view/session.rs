//! The session of one meter: the ladder, the silence it allows, what is wrong, what was
//! agreed, the counters. The rule: what is wrong stands directly under the ladder.
use super::canvas::{Canvas, cells, wrap};
use super::{panel, theme};
use crate::cosem::data::printable;
use crate::headend::MeterView;
use crate::meter::Phase;
use crate::meter::definition::form_name;
use crate::tui::app::action::{Action, key_of};
use crate::tui::app::shown::Window;
use crate::tui::app::{Model, Pane, recovery, session, words};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Sentences of proof shown.
const PROOFS: usize = 2;
/// Further findings told by their titles.
const OTHERS: usize = 4;
/// Width of one counter with its name.
const CELL: usize = 18;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, focused: bool) {
    let about = model
        .meter()
        .map(|view| printable(&view.definition.name))
        .unwrap_or_default();
    let inner = panel::pane(canvas, area, Pane::Session, focused, &about);
    let Some(view) = model.meter() else {
        return panel::empty(canvas, inner, &["", "Select a meter to see its session."]);
    };
    let lines = lines(view, model, inner);
    let window = Window::at(model.session.top, inner.height.into(), lines.len());
    canvas.shown.session = window;
    if window.len > window.page {
        let text = format!("{} of {}", window.rows().end, window.len);
        panel::chip(canvas, area, &text, theme::muted());
    }
    for (y, line) in (inner.y..).zip(lines.get(window.rows()).unwrap_or_default()) {
        canvas.line(inner.x, y, inner.width, line);
    }
}

fn lines(view: &MeterView, model: &Model, inner: Rect) -> Vec<Line<'static>> {
    let width = usize::from(inner.width.saturating_sub(2)).max(1);
    let mut lines = Vec::new();
    if let Some(bench) = &view.bench {
        return super::bench::lines(view, bench, model, width);
    }
    if inner.height < 15 && session::finding(view).is_some() {
        // Where room is short, what is wrong needs it more than the steps that went well.
        lines.push(short_ladder(view, model));
    } else {
        ladder(&mut lines, view, model, width);
    }
    lines.push(gauge(view, model, width));
    // Nothing is waited for in a replay.
    let left = session::lets_go(view, model.now.mono).filter(|_| model.replay.is_none());
    if let Some(left) = left {
        let text = format!(
            " the meter lets go of an old link in {}",
            words::clock(left)
        );
        for text in wrap(&text, width) {
            lines.push(Line::styled(format!(" {text}"), theme::warn()));
        }
    }
    for text in recovery::pauses(&view.status, model.now.mono) {
        let text = super::canvas::cut(&text, width.saturating_sub(1));
        lines.push(Line::styled(format!(" {text}"), theme::warn()));
    }
    found(&mut lines, view, width);
    trouble(&mut lines, view, model, width);
    about_link(&mut lines, view, width);
    numbers(&mut lines, view, width);
    if let Some(text) = recovery::done(&view.status) {
        for text in wrap(&text, width) {
            lines.push(Line::styled(format!(" {text}"), theme::muted()));
        }
    }
    lines
}

fn rung_style(sign: &str) -> Style {
    match sign {
        "●" => theme::good(),
        "✗" => theme::bad(),
        "◐" => theme::accent(),
        _ => theme::muted(),
    }
}

/// Every rung by its sign alone.
fn short_ladder(view: &MeterView, model: &Model) -> Line<'static> {
    let mut spans = Vec::new();
    let climbed = |(index, _): &(usize, &_)| session::climbs(view, *index);
    for (index, rung) in session::RUNGS.iter().enumerate().filter(climbed) {
        let (sign, _) = session::rung(view, index, model.now.mono);
        spans.push(Span::raw(format!(" {} ", session::rung_name(*rung))));
        spans.push(Span::styled(sign, rung_style(sign)));
    }
    Line::from(spans)
}

fn ladder(lines: &mut Vec<Line<'static>>, view: &MeterView, model: &Model, width: usize) {
    let now = model.now.mono;
    for (index, rung) in session::RUNGS.iter().enumerate() {
        let (sign, text) = session::rung(view, index, now);
        let style = rung_style(sign);
        let text = super::canvas::cut(&printable(&text), width.saturating_sub(8));
        let said = match sign {
            "✗" => theme::bad(),
            "·" => theme::muted(),
            _ => Style::new(),
        };
        lines.push(Line::from(vec![
            Span::raw(format!(" {:<6} ", session::rung_name(*rung))),
            Span::styled(format!("{sign} "), style),
            Span::styled(text, said),
        ]));
    }
}

/// The silence so far against the silence allowed.
fn gauge(view: &MeterView, model: &Model, width: usize) -> Line<'static> {
    let Some((idle, allowed)) = session::idle(view, model.now.mono) else {
        let text = match &view.status.phase {
            Phase::Waiting { failures, .. } => {
                let tries = if *failures == 1 { "try" } else { "tries" };
                format!(
                    " {}, {failures} {tries} failed",
                    words::state(&view.status, model.now.mono)
                )
            }
            _ => format!(" {}", words::state(&view.status, model.now.mono)),
        };
        return Line::styled(text, theme::muted());
    };
    let text = format!(" idle {} of {} ", words::span(idle), words::span(allowed));
    let bar = width.saturating_sub(text.len() + 2).min(24);
    let share = idle.as_millis().saturating_mul(bar as u128) / allowed.as_millis().max(1);
    let full = usize::try_from(share).unwrap_or(bar).min(bar);
    let style = match full * 4 {
        late if late >= bar * 3 && bar > 0 => theme::bad(),
        late if late >= bar * 2 && bar > 0 => theme::warn(),
        _ => theme::good(),
    };
    Line::from(vec![
        Span::raw(text),
        Span::styled("▕", theme::muted()),
        Span::styled("█".repeat(full), style),
        Span::raw(" ".repeat(bar - full)),
        Span::styled("▏", theme::muted()),
    ])
}

/// What is wrong by name: how sure, by which frames, what to do; the others by their titles.
pub(super) fn found(lines: &mut Vec<Line<'static>>, view: &MeterView, width: usize) {
    let Some((first, others)) = view.findings().split_first() else {
        return;
    };
    lines.push(Line::raw(""));
    let sure = first.confidence.name();
    let indent = first.id.len() + 3;
    let titles = wrap(
        &printable(&first.title),
        width.saturating_sub(indent + sure.len() + 1),
    );
    for (n, text) in titles.into_iter().enumerate() {
        if n > 0 {
            lines.push(Line::styled(
                format!("{:indent$}{text}", ""),
                theme::strong(),
            ));
            continue;
        }
        let gap = width.saturating_sub(indent + usize::from(cells(&text)) + sure.len());
        lines.push(Line::from(vec![
            Span::styled(
                format!(" {}  ", first.id),
                theme::bad().patch(theme::strong()),
            ),
            Span::styled(text, theme::strong()),
            Span::styled(format!("{:gap$}{sure}", ""), theme::warn()),
        ]));
    }
    let inside = width.saturating_sub(indent).max(8);
    for evidence in first.evidence.iter().take(PROOFS) {
        for text in wrap(&printable(&evidence.to_string()), inside) {
            lines.push(Line::raw(format!("{:indent$}{text}", "")));
        }
    }
    for remedy in &first.remedy {
        for (n, text) in wrap(&printable(remedy), inside.saturating_sub(2))
            .into_iter()
            .enumerate()
        {
            let lead = if n == 0 { "→ " } else { "  " };
            lines.push(Line::from(vec![
                Span::styled(format!("{:indent$}{lead}", ""), theme::accent()),
                Span::raw(text),
            ]));
        }
    }
    if first
        .evidence
        .iter()
        .any(|evidence| evidence.frame.is_some())
    {
        lines.push(Line::from(vec![
            Span::styled(
                format!("{:indent$}{}  ", "", key_of(Action::Proof)),
                theme::accent().patch(theme::strong()),
            ),
            Span::raw("see the frames that prove it"),
        ]));
    }
    for other in others.iter().take(OTHERS) {
        let text = format!(
            " {}  {}, {}",
            other.id,
            printable(&other.title),
            other.confidence.name()
        );
        lines.push(Line::styled(
            super::canvas::cut(&text, width),
            theme::muted(),
        ));
    }
}

/// What went wrong last, what to try, and which key does it.
fn trouble(lines: &mut Vec<Line<'static>>, view: &MeterView, model: &Model, width: usize) {
    let status = &view.status;
    if let Some(error) = &status.last_error {
        let over = session::finding(view).is_none();
        let at = error.at.to_zoned(model.zone.clone());
        let when = at.strftime("%H:%M:%S").to_string();
        let (title, style) = if over {
            (format!(" last error, {when}, since mended"), theme::muted())
        } else {
            (format!(" ✗ {when}"), theme::bad())
        };
        lines.push(Line::raw(""));
        lines.push(Line::styled(title, style));
        for text in wrap(&printable(&error.what), width.saturating_sub(3)) {
            let style = if over { Style::new() } else { theme::strong() };
            lines.push(Line::styled(format!("   {text}"), style));
        }
        for (n, text) in wrap(&printable(&error.try_next), width.saturating_sub(5))
            .into_iter()
            .enumerate()
        {
            let lead = if n == 0 { "   → " } else { "     " };
            lines.push(Line::from(vec![
                Span::styled(lead, theme::accent()),
                Span::raw(text),
            ]));
        }
    }
    let next = session::what_next(&status.phase);
    for (key, does) in next {
        lines.push(Line::from(vec![
            Span::styled(
                format!("   {key}  "),
                theme::accent().patch(theme::strong()),
            ),
            Span::raw(does),
        ]));
    }
}

fn about_link(lines: &mut Vec<Line<'static>>, view: &MeterView, width: usize) {
    let d = &view.definition;
    lines.push(Line::raw(""));
    let mut link = wrap(&printable(&d.endpoint()), width);
    let addresses = format!("client {} → server {}", d.client.sap(), d.server);
    match link.last_mut() {
        Some(last) if cells(last) + cells(&addresses) + 2 <= width.try_into().unwrap_or(0) => {
            last.push_str("  ");
            last.push_str(&addresses);
        }
        _ => link.push(addresses),
    }
    lines.extend(link.into_iter().map(|text| Line::raw(format!(" {text}"))));
    if let Some(security) = d.security.as_ref().filter(|it| it.protection.is_some()) {
        let form = form_name(security.form);
        let words = format!("ciphered: {form}, {}", security.suite);
        lines.extend(
            wrap(&words, width)
                .into_iter()
                .map(|text| Line::raw(format!(" {text}"))),
        );
    }
    if d.read_only {
        lines.push(Line::styled(" read-only", theme::accent()));
    }
    if let Some(agreed) = session::agreed(&view.status) {
        lines.push(Line::raw(format!(" {agreed}")));
    }
    if let Some(conformance) = session::conformance(&view.status) {
        for text in wrap(&conformance, width) {
            lines.push(Line::styled(format!(" {text}"), theme::muted()));
        }
    }
}

/// The counters in as many columns as fit.
fn numbers(lines: &mut Vec<Line<'static>>, view: &MeterView, width: usize) {
    lines.push(Line::raw(""));
    let columns = ((width + 2) / CELL).clamp(1, 4);
    let mut counters: Vec<(&str, String)> = session::counters(&view.status)
        .into_iter()
        .map(|(name, n)| (name, words::short(n)))
        .collect();
    let rtt = view.status.counters.round_trip_us;
    if rtt > 0 {
        let text = words::took(std::time::Duration::from_micros(rtt));
        counters.push(("round trip", text));
    }
    for row in counters.chunks(columns) {
        let mut spans = Vec::new();
        for (name, n) in row {
            let bad = n != "0" && matches!(*name, "bad FCS" | "bad GETs" | "bad polls");
            let style = if bad { theme::warn() } else { Style::new() };
            spans.push(Span::styled(format!(" {name:<10}"), theme::muted()));
            spans.push(Span::styled(format!("{n:>7}"), style));
        }
        lines.push(Line::from(spans));
    }
}
