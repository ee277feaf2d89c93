//! The bench in the session pane: how a probe goes and what it found, or the session that is stepped through. The rule:
//! what is to be done next stands first, with its key.
use super::canvas::{cells, cut, wrap};
use super::{session, theme};
use crate::cosem::data::printable;
use crate::cosem::hex;
use crate::dlms::explain::Explained;
use crate::headend::{At, BenchView, Exchange, MeterView, ProbeView, StepView, Work};
use crate::meter::Definition;
use crate::meter::probe::{Mark, Outcome, Pending, Report, Step, words as probed};
use crate::tui::app::action::{Action, key_of};
use crate::tui::app::{Model, session as session_app, words};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// From here on the picture of the session stands beside the bytes.
const TWO_COLUMNS: usize = 70;
const PICTURE: usize = 34;

pub fn lines(
    view: &MeterView,
    bench: &BenchView,
    model: &Model,
    width: usize,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if bench.at == At::Borrowing {
        lines.push(Line::styled(
            " the poller lets go of the meter …",
            theme::accent(),
        ));
    }
    if let Some(trouble) = &bench.trouble {
        text(&mut lines, "✗ ", trouble, width, theme::bad());
    }
    match &bench.work {
        Work::Probe(it) => probe(&mut lines, view, it, model, width),
        Work::Step(it) => {
            step(&mut lines, bench, it, width);
            session::found(&mut lines, view, width);
        }
    }
    lines
}

fn text(lines: &mut Vec<Line<'static>>, lead: &str, said: &str, width: usize, style: Style) {
    let indent = usize::from(cells(lead));
    for (n, part) in wrap(&printable(said), width.saturating_sub(indent + 1))
        .into_iter()
        .enumerate()
    {
        let lead = if n == 0 {
            lead.to_owned()
        } else {
            " ".repeat(indent)
        };
        lines.push(Line::styled(format!(" {lead}{part}"), style));
    }
}

fn key(action: Action, does: &str) -> Line<'static> {
    Line::from(vec![
        Span::styled(
            format!(" {}  ", key_of(action)),
            theme::accent().patch(theme::strong()),
        ),
        Span::raw(does.to_owned()),
    ])
}

fn probe(
    lines: &mut Vec<Line<'static>>,
    view: &MeterView,
    probe: &ProbeView,
    model: &Model,
    width: usize,
) {
    if let Some(until) = probe.waiting {
        let left = until.into_std().saturating_duration_since(model.now.mono);
        let said = format!("the meter lets go of an old link in {}", words::clock(left));
        text(lines, "◐ ", &said, width, theme::warn());
        lines.push(key(Action::Wait, "do not wait"));
    } else if let Some(trying) = &probe.trying {
        text(lines, "◐ ", trying, width, theme::accent());
    }
    if let Some(report) = &probe.report {
        conclusion(lines, view, probe, report, width);
        session::found(lines, view, width);
        left(lines, report, asked(view, probe), width);
        lines.push(Line::raw(""));
    }
    for step in probe.steps.iter().rev() {
        one_step(lines, step, width);
    }
    if let Some(report) = &probe.report {
        for fact in &report.facts {
            text(lines, "meter: ", fact, width, theme::muted());
        }
        for note in &report.beside {
            text(lines, "note: ", note, width, theme::muted());
        }
        if let Some(before) = &report.before {
            let said = format!("it answered {before}");
            text(lines, "before: ", &said, width, theme::muted());
        }
    }
}

/// The meter as it was probed.
fn asked<'a>(view: &'a MeterView, probe: &'a ProbeView) -> &'a Definition {
    probe.meter.as_deref().unwrap_or(&view.definition)
}

fn conclusion(
    lines: &mut Vec<Line<'static>>,
    view: &MeterView,
    probe: &ProbeView,
    report: &Report,
    width: usize,
) {
    match &report.working {
        Some(working) => {
            let said = probed::works(working, asked(view, probe));
            text(lines, "● ", &said, width, theme::good());
            if probe.kept {
                text(lines, "● ", "kept with the meter", width, theme::good());
            } else if session_app::to_keep(view).is_some() {
                lines.push(key(Action::KeepWorking, "keep this address with the meter"));
            }
        }
        None if probe.stopped => {
            text(lines, "· ", "stopped before its end", width, theme::muted());
        }
        None => {
            let said = probed::in_vain(report);
            text(lines, "✗ ", said, width, theme::bad());
            lines.push(key(
                Action::Wait,
                "wait until the meter has let go of an old link, then again",
            ));
        }
    }
    lines.push(key(Action::StopBench, "close this report"));
    if let Some(said) = probed::no_finding(report).filter(|_| !probe.stopped) {
        text(lines, "  ", said, width, theme::muted());
    }
}

/// The next command, and what is left to try.
fn left(lines: &mut Vec<Line<'static>>, report: &Report, meter: &Definition, width: usize) {
    if let Some(command) = probed::command(report, meter, &meter.name) {
        text(lines, "next: ", &command, width, Style::new());
    }
    let offers = probed::offers(report, meter, &meter.name);
    if !offers.is_empty() {
        text(lines, "", "left to try:", width, theme::muted());
    }
    for offer in offers {
        text(lines, "  - ", &offer, width, Style::new());
    }
}

fn outcome(outcome: Outcome) -> (&'static str, Style) {
    match outcome {
        Outcome::Ok => ("●", theme::good()),
        Outcome::Silent => ("◐", theme::warn()),
        Outcome::Refused | Outcome::Failed => ("✗", theme::bad()),
        Outcome::Skipped => ("·", theme::muted()),
    }
}

fn one_step(lines: &mut Vec<Line<'static>>, step: &Step, width: usize) {
    let (sign, style) = outcome(step.outcome);
    let took = words::took(step.took);
    let asked = step.asked.map_or_else(String::new, |(client, server)| {
        let mut octets = Vec::new();
        server.encode(&mut octets);
        format!("{} client {client}  ", hex::spaced(&octets))
    });
    let head = format!(" {:<6} ", step.step);
    let name = step.outcome.name();
    let time = format!(" {name:<8}{took:>7}  ");
    let indent = head.len() + 1 + time.chars().count();
    let said = printable(&format!("{asked}{}", step.words));
    let narrow = width < indent + 24;
    let room = if narrow {
        width.saturating_sub(4)
    } else {
        width.saturating_sub(indent)
    };
    let mut parts = wrap(&said, room).into_iter();
    let first = if narrow {
        String::new()
    } else {
        parts.next().unwrap_or_default()
    };
    lines.push(Line::from(vec![
        Span::raw(head),
        Span::styled(sign, style),
        Span::styled(time, theme::muted()),
        Span::raw(first),
    ]));
    let indent = if narrow { 3 } else { indent };
    lines.extend(parts.map(|part| Line::styled(format!("{:indent$}{part}", ""), theme::muted())));
}

fn step(lines: &mut Vec<Line<'static>>, bench: &BenchView, step: &StepView, width: usize) {
    if width < TWO_COLUMNS {
        if bench.is_over() {
            lines.push(key(Action::StopBench, "close"));
        }
        pending(lines, step, width);
        said(lines, step, width);
        lines.push(Line::raw(""));
        picture(lines, step, width);
        return;
    }
    let mut left = Vec::new();
    picture(&mut left, step, PICTURE - 1);
    left.push(Line::raw(""));
    settings(&mut left, step, PICTURE - 1);
    let mut right = Vec::new();
    if bench.is_over() {
        right.push(key(
            Action::StopBench,
            "the meter is given back; close this",
        ));
    }
    let room = width - PICTURE;
    pending(&mut right, step, room);
    said(&mut right, step, room);
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    for _ in 0..rows {
        let mut line = Line::from(spans(left.next()));
        let gap = PICTURE.saturating_sub(line.width());
        line.spans.push(Span::raw(" ".repeat(gap)));
        line.spans.extend(spans(right.next()));
        lines.push(line);
    }
}

/// With the line's own style in each: two lines stand in one.
fn spans(line: Option<Line<'static>>) -> Vec<Span<'static>> {
    let line = line.unwrap_or_default();
    let style = line.style;
    let patched = |span: Span<'static>| Span::styled(span.content, style.patch(span.style));
    line.spans.into_iter().map(patched).collect()
}

fn picture(lines: &mut Vec<Line<'static>>, step: &StepView, width: usize) {
    for stage in step.picture.iter() {
        let (sign, style, said) = match stage.mark {
            Mark::Todo => ("·", theme::muted(), Style::new()),
            Mark::Next => ("→", theme::accent(), theme::strong()),
            Mark::Waiting => ("◐", theme::accent(), Style::new()),
            Mark::Done => ("●", theme::good(), Style::new()),
            Mark::Failed => ("✗", theme::bad(), theme::bad()),
            Mark::NotUsed => ("·", theme::muted(), theme::muted()),
        };
        let words = match (stage.mark, stage.words.as_str()) {
            (Mark::Next, "") => "next",
            (Mark::NotUsed, "") => "not used",
            (_, words) => words,
        };
        let words = cut(&printable(words), width.saturating_sub(14));
        lines.push(Line::from(vec![
            Span::styled(format!(" {:<10} ", stage.step.name()), said),
            Span::styled(format!("{sign} "), style),
            Span::styled(words, said),
        ]));
    }
}

fn settings(lines: &mut Vec<Line<'static>>, step: &StepView, width: usize) {
    let d = &step.definition;
    let mut octets = Vec::new();
    d.server.encode(&mut octets);
    let all = format!(
        "client {} → server {}, {}; {}; info {} window {}; conformance {:06X}",
        d.client.sap(),
        d.server,
        hex::spaced(&octets),
        d.auth.name(),
        d.max_info,
        d.window,
        step.proposal.conformance(d).0
    );
    text(lines, "", &all, width, theme::muted());
}

/// What goes next: its bytes, and what they say.
fn pending(lines: &mut Vec<Line<'static>>, step: &StepView, width: usize) {
    if step.busy {
        lines.push(Line::styled(
            " ◐ under way: the answer is awaited",
            theme::accent(),
        ));
    }
    match &step.pending {
        None => {}
        Some(Pending::Over(why)) => {
            text(lines, "✗ ", &format!("over: {why}"), width, theme::bad());
            lines.push(key(Action::Step, "begin again"));
        }
        Some(Pending::Act { step, words }) => {
            let said = format!("next: {}: {words}", step.name());
            text(lines, "→ ", &said, width, theme::strong());
        }
        Some(Pending::Bytes {
            step: name,
            shown,
            asks,
        }) => {
            let said = format!("next: {}, {} bytes, not sent yet", name.name(), shown.len());
            text(lines, "→ ", &said, width, theme::strong());
            if let Some(asks) = asks {
                text(lines, "! ", asks, width, theme::warn());
            }
            bytes(lines, shown, &step.explained, theme::tx(), width);
        }
    }
}

/// What the last step brought.
fn said(lines: &mut Vec<Line<'static>>, step: &StepView, width: usize) {
    for Exchange {
        sent,
        bytes: octets,
        frames,
    } in step.said.iter()
    {
        let (lead, style) = if *sent {
            ("→ TX  ", theme::tx())
        } else {
            ("← RX  ", theme::rx())
        };
        if *sent {
            lines.push(Line::raw(""));
        }
        let words: Vec<String> = frames.iter().map(summary).collect();
        text(lines, lead, &words.join("; "), width, theme::strong());
        if !sent {
            bytes(lines, octets, frames, style, width);
        }
    }
}

fn summary(frame: &Explained) -> String {
    let words = [&frame.kind, &frame.link, &frame.summary];
    let words: Vec<&str> = words
        .into_iter()
        .map(String::as_str)
        .filter(|it| !it.is_empty())
        .collect();
    words.join("  ")
}

/// The bytes in lines, then their fields as the trace shows them.
fn bytes(
    lines: &mut Vec<Line<'static>>,
    octets: &[u8],
    frames: &[Explained],
    style: Style,
    width: usize,
) {
    let per_line = match width {
        0..52 => 8,
        52..100 => 16,
        _ => 32,
    };
    for (n, part) in octets.chunks(per_line).enumerate() {
        lines.push(Line::from(vec![
            Span::styled(format!(" {:03X}  ", n * per_line), theme::muted()),
            Span::styled(hex::spaced(part), style),
        ]));
    }
    let names = (width * 2 / 5).min(30);
    for field in frames.iter().flat_map(|frame| &frame.fields) {
        let indent = usize::from(field.depth).saturating_mul(2).min(width / 4);
        let name = cut(&printable(&field.name), names.saturating_sub(indent));
        let value = match &field.problem {
            Some(problem) => format!("✗ {}  {problem}", field.value),
            None => field.value.clone(),
        };
        let room = width.saturating_sub(names + 6);
        let (value, style) = (
            cut(&printable(&value), room),
            if field.problem.is_some() {
                theme::bad()
            } else {
                Style::new()
            },
        );
        let gap = names.saturating_sub(indent + usize::from(cells(&name))) + 1;
        lines.push(Line::from(vec![
            Span::styled(format!(" {:03X} ", field.offset), theme::muted()),
            Span::raw(format!("{:indent$}{name}{:gap$}", "", "")),
            Span::styled(value, style),
        ]));
    }
}
