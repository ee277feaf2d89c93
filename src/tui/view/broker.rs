//! Everything about one broker: numbers, what is wrong by name, the selected meter's newest message and where it is, what
//! was given up on, how the connection went. The rule: what is wrong stands above what went well.
use super::canvas::{cut, wrap};
use super::theme;
use crate::cosem::data::printable;
use crate::diagnosis::Finding;
use crate::headend::BrokerView;
use crate::publish::{BrokerPhase, Cause, TREND};
use crate::tui::app::{Model, journey, mqtt, pretty, words};
use jiff::Timestamp;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::fmt::Write;

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// Dead letters told one by one.
const LETTERS: usize = 5;
/// Sentences of proof shown of a finding.
const PROOFS: usize = 2;

type Lines = Vec<Line<'static>>;

pub fn lines(broker: &BrokerView, model: &Model, width: usize) -> Lines {
    let mut lines = Vec::new();
    about(&mut lines, broker);
    numbers(&mut lines, broker, model, width);
    for finding in broker.status.findings.iter() {
        found(&mut lines, finding, width);
    }
    trouble(&mut lines, broker, model, width);
    letters(&mut lines, broker, model, width);
    message(&mut lines, broker, model, width);
    history(&mut lines, broker, model, width);
    lines
}

fn about(lines: &mut Lines, broker: &BrokerView) {
    let d = &broker.definition;
    let place = format!(
        "{}  dialect {}  MQTT {}  client {}",
        printable(&d.url()),
        d.dialect.name(),
        d.protocol.name(),
        printable(&d.client_id)
    );
    lines.push(Line::styled(place, theme::muted()));
}

/// Name and text, the names one below the other.
fn row(lines: &mut Lines, name: &str, text: Vec<Span<'static>>) {
    let mut spans = vec![Span::styled(format!("{name:<13}"), theme::muted())];
    spans.extend(text);
    lines.push(Line::from(spans));
}

fn numbers(lines: &mut Lines, broker: &BrokerView, model: &Model, width: usize) {
    let s = &broker.status;
    let mut waiting = words::count(s.depth.waiting);
    if let Some(oldest) = s.depth.oldest.filter(|_| s.depth.waiting > 0) {
        let since = model.now.wall.duration_since(oldest).unsigned_abs();
        let bytes = mqtt::octets(s.depth.bytes);
        let _ = write!(waiting, ", {bytes}, oldest {} old", words::span(since));
    }
    let full = broker.nearly_full();
    let style = match s.depth.waiting {
        _ if full => theme::bad(),
        0 => Style::new(),
        _ => theme::warn(),
    };
    let mut spans = vec![Span::styled(waiting, style)];
    if full {
        let text = "  nearly full: the oldest will be dropped";
        spans.push(Span::styled(text, theme::bad()));
    }
    row(lines, "waiting", spans);
    if width >= 13 + TREND {
        let course = mqtt::levels(&s.trend)
            .into_iter()
            .filter_map(|level| BARS.get(level).copied())
            .collect::<String>();
        row(
            lines,
            "last 60 s",
            vec![Span::styled(course, theme::accent())],
        );
    }
    let rate = format!(
        "{}, {} in the last minute",
        words::count(s.acknowledged),
        words::count(s.per_minute)
    );
    row(lines, "acknowledged", vec![Span::raw(rate)]);
    if let Some(l) = s.latency {
        let text = format!(
            "p50 {}  p99 {}  most {}",
            words::took(l.p50),
            words::took(l.p99),
            words::took(l.max)
        );
        row(lines, "took", vec![Span::raw(text)]);
    }
    let traffic = format!(
        "sent {}  received {} in {}  reconnects {}",
        mqtt::octets(s.bytes_sent),
        mqtt::octets(s.bytes_received),
        words::count(s.received),
        words::count(s.reconnects)
    );
    row(lines, "traffic", vec![Span::raw(traffic)]);
    let given_up = format!(
        "{} given up on, {} dropped unsent",
        words::count(s.depth.rejected),
        words::count(s.depth.dropped)
    );
    let style = if s.depth.rejected + s.depth.dropped > 0 {
        theme::bad()
    } else {
        Style::new()
    };
    row(lines, "lost", vec![Span::styled(given_up, style)]);
}

fn found(lines: &mut Lines, finding: &Finding, width: usize) {
    let indent = finding.id.len() + 2;
    let inside = width.saturating_sub(indent).max(8);
    lines.push(Line::raw(""));
    let title = format!(
        "{}, {}",
        printable(&finding.title),
        finding.confidence.name()
    );
    for (nth, text) in wrap(&title, inside).into_iter().enumerate() {
        let lead = if nth == 0 { finding.id } else { "" };
        lines.push(Line::from(vec![
            Span::styled(
                format!("{lead:<indent$}"),
                theme::bad().patch(theme::strong()),
            ),
            Span::styled(text, theme::strong()),
        ]));
    }
    for evidence in finding.evidence.iter().take(PROOFS) {
        for text in wrap(&printable(&evidence.to_string()), inside) {
            lines.push(Line::raw(format!("{:indent$}{text}", "")));
        }
    }
    for remedy in &finding.remedy {
        let all = wrap(&printable(remedy), inside.saturating_sub(2));
        for (nth, text) in all.into_iter().enumerate() {
            let lead = if nth == 0 { "→ " } else { "  " };
            lines.push(Line::from(vec![
                Span::styled(format!("{:indent$}{lead}", ""), theme::accent()),
                Span::raw(text),
            ]));
        }
    }
}

fn trouble(lines: &mut Lines, broker: &BrokerView, model: &Model, width: usize) {
    let s = &broker.status;
    let Some((at, error)) = &s.last_error else {
        return;
    };
    let (lead, style) = if s.phase == BrokerPhase::Connected {
        ("last error, since mended:", theme::muted())
    } else {
        ("✗", theme::bad())
    };
    lines.push(Line::raw(""));
    let text = format!("{lead} {} {}", clock(*at, model), printable(error));
    for text in wrap(&text, width) {
        lines.push(Line::styled(text, style));
    }
}

fn letters(lines: &mut Lines, broker: &BrokerView, model: &Model, width: usize) {
    let dead = broker.status.depth.dead;
    if dead == 0 {
        return;
    }
    lines.push(Line::raw(""));
    let title = format!("{} given up on, newest first", words::count(dead));
    lines.push(Line::styled(title, theme::bad()));
    for letter in broker.letters.iter().take(LETTERS) {
        let text = format!(
            "{}  {}  {}",
            clock(letter.at, model),
            printable(&letter.topic),
            printable(&letter.reason)
        );
        let mut wrapped = wrap(&text, width.saturating_sub(10)).into_iter();
        lines.push(Line::raw(wrapped.next().unwrap_or_default()));
        lines.extend(wrapped.map(|text| Line::raw(format!("{:10}{text}", ""))));
    }
    let shown = broker.letters.len().min(LETTERS) as u64;
    if dead > shown {
        let name = printable(&broker.definition.name);
        let more = dead - shown;
        let text = format!("and {more} more: obiscope mqtt dead {name}");
        lines.push(Line::styled(cut(&text, width), theme::muted()));
    }
}

/// The selected meter's newest message where it goes to this broker; else the last one of all.
fn message(lines: &mut Lines, broker: &BrokerView, model: &Model, width: usize) {
    let view = model
        .meter()
        .filter(|view| view.definition.publish.as_ref() == Some(&broker.definition.name));
    let published = view.and_then(|view| model.published.get(&view.definition.id));
    let journey = view.zip(published).and_then(|(view, published)| {
        let words = journey::words(view, Some(published), &model.zone)?;
        Some((printable(&view.definition.name), words))
    });
    let trail = published.and_then(|it| it.trail.as_ref());
    let (topic, payload) = match (trail, &broker.status.last_topic) {
        (Some(trail), _) => (
            printable(&trail.topic),
            String::from_utf8_lossy(&trail.payload).into_owned(),
        ),
        (None, Some(topic)) => {
            let payload = broker.status.last_payload.clone().unwrap_or_default();
            (printable(topic), payload)
        }
        (None, None) => {
            lines.push(Line::raw(""));
            lines.push(Line::styled("nothing sent yet", theme::muted()));
            return;
        }
    };
    lines.push(Line::raw(""));
    if let Some((name, words)) = journey {
        for (nth, text) in wrap(&words, width.saturating_sub(13))
            .into_iter()
            .enumerate()
        {
            let name = if nth == 0 {
                cut(&name, 12)
            } else {
                String::new()
            };
            lines.push(Line::from(vec![
                Span::styled(format!("{name:<13}"), theme::strong()),
                Span::raw(text),
            ]));
        }
    }
    lines.extend((wrap(&topic, width).into_iter()).map(|text| Line::styled(text, theme::accent())));
    match pretty::lines(&payload, width) {
        Some(all) => {
            let all = all.into_iter().map(|text| printable(&text));
            lines.extend(all.map(|text| Line::raw(cut(&text, width))));
        }
        None => lines.extend(wrap(&printable(&payload), width).into_iter().map(Line::raw)),
    }
}

fn history(lines: &mut Lines, broker: &BrokerView, model: &Model, width: usize) {
    if broker.status.history.is_empty() {
        return;
    }
    lines.push(Line::raw(""));
    lines.push(Line::styled("connection, newest first", theme::muted()));
    for happened in broker.status.history.iter().rev() {
        let (sign, style) = if happened.cause == Cause::Connected {
            ("●", theme::good())
        } else {
            ("✗", theme::warn())
        };
        let all = wrap(&printable(&happened.what), width.saturating_sub(11));
        for (nth, text) in all.into_iter().enumerate() {
            let lead = if nth == 0 {
                vec![
                    Span::styled(format!("{} ", clock(happened.at, model)), theme::muted()),
                    Span::styled(format!("{sign} "), style),
                ]
            } else {
                vec![Span::raw(format!("{:11}", ""))]
            };
            let mut spans = lead;
            spans.push(Span::raw(text));
            lines.push(Line::from(spans));
        }
    }
}

fn clock(at: Timestamp, model: &Model) -> String {
    at.to_zoned(model.zone.clone())
        .strftime("%H:%M:%S")
        .to_string()
}
