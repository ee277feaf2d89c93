//! What holds for every picture: it fits, it is safe, it is cheap, and it can be clicked.
use super::{paint, press};
use crate::headend::{Changes, Level, Notice, Severity};
use crate::meter::MeterId;
use crate::tui::app::fixture::{Moment, alarm, changes};
use crate::tui::app::{Code, Key, Model, Msg, update};
use crate::tui::view::{draw, theme};
use ratatui::{Terminal, TerminalOptions, Viewport, layout::Rect};

#[test]
fn every_size_and_every_state_draws() {
    let moment = Moment::new();
    let states = [
        "",
        "1",
        "2",
        "3",
        "4",
        "5",
        "3 up enter",
        "?",
        "a",
        "E",
        "d",
        ":",
        "/ x",
        "z",
        "space",
        "v",
        "!",
        "! a x",
        "! /",
        "2 c",
        "1 S left",
        "1 o o o O",
    ];
    let sizes = (1..=45_u16)
        .step_by(4)
        .flat_map(|w| [1, 2, 3, 5, 9, 12].map(|h| (w, h)))
        .chain([
            (72, 16),
            (80, 24),
            (119, 30),
            (120, 28),
            (300, 100),
            (120, 1),
            (1, 100),
        ]);
    for size in sizes {
        for state in states {
            for mut model in [moment.tracing(size), moment.model()] {
                update(
                    &mut model,
                    Msg::Changes(Changes {
                        alarms: vec![alarm(1, Severity::Critical, "breaker open").into()],
                        ..Changes::default()
                    }),
                );
                press(&mut model, state);
                paint(&mut model, size);
            }
        }
    }
}

#[test]
fn nothing_a_meter_says_can_drive_the_terminal() {
    let moment = Moment::new();
    let evil = "a\u{1b}[2J\r\n\u{7}\u{9b}31mb".to_owned();
    let mut view = moment.healthy();
    let definition = std::sync::Arc::make_mut(&mut view.definition);
    definition.name = evil.clone();
    definition.host = evil.clone();
    view.status.values[0].as_mut().unwrap().value =
        Ok(crate::cosem::Data::VisibleString(evil.clone().into_bytes()));
    view.status.rungs[1] = crate::meter::status::RungState::Failed { why: evil.clone() };
    view.status.phase = crate::meter::Phase::NeedsPerson;
    view.status.last_error = Some(crate::meter::status::LastError {
        at: moment.now().wall,
        what: evil.clone(),
        try_next: evil.clone(),
    });
    let mut broker = moment.broker();
    broker.definition.name = evil.clone();
    broker.status.last_topic = Some(evil.clone());
    broker.status.last_payload = Some(evil.clone());
    broker.status.last_error = Some((moment.now().wall, evil.clone()));
    let troubled = moment.troubled_broker();
    broker.status.findings = troubled.status.findings.clone();
    broker.status.depth = troubled.status.depth;
    broker.status.history = [crate::publish::Happening {
        at: moment.now().wall,
        what: evil.clone(),
        cause: crate::publish::Cause::Other,
    }]
    .into();
    let mut letter = troubled.letters[0].clone();
    (letter.topic, letter.reason) = (evil.clone(), evil.clone());
    broker.letters = [letter].into();
    let mut published = moment.published();
    published.broker = evil.clone();
    if let Some(trail) = &mut published.trail {
        (trail.topic, trail.payload) = (evil.as_str().into(), evil.as_bytes().into());
    }
    let mut wrong = alarm(1, Severity::Critical, &evil);
    (wrong.name, wrong.key) = (evil.clone(), evil.clone());
    wrong.value = Some(evil.clone());
    wrong.acknowledged = Some(crate::headend::Ack {
        by: evil.clone(),
        note: evil.clone(),
        at: moment.now().wall,
    });
    for size in [(200, 60), (80, 24), (40, 12), (20, 5)] {
        for keys in ["1", "2", "4", "5", "E", "d", "g", "v", "c", "1 S", "!"] {
            let mut model = moment.model();
            update(
                &mut model,
                Msg::Changes(Changes {
                    meters: vec![std::sync::Arc::new(view.clone())],
                    alarms: vec![std::sync::Arc::new(wrong.clone())],
                    brokers: vec![std::sync::Arc::new(broker.clone())],
                    published: vec![(
                        crate::meter::MeterId(1),
                        std::sync::Arc::new(published.clone()),
                    )],
                    notices: vec![Notice {
                        level: Level::Error,
                        text: evil.clone(),
                    }],
                    ..Changes::default()
                }),
            );
            press(&mut model, keys);
            let buffer = paint(&mut model, size);
            for cell in &buffer.content {
                assert!(
                    !cell.symbol().chars().any(char::is_control),
                    "{:?}",
                    cell.symbol()
                );
            }
        }
    }
}

#[test]
fn symbols_are_all_known_to_the_ascii_table() {
    let moment = Moment::new();
    let mut seen = std::collections::BTreeSet::new();
    for keys in [
        "1",
        "2",
        "3 up",
        "4",
        "5",
        "?",
        "a tab tab",
        "d",
        ":",
        "space",
        "v",
        "c",
        "1 S left",
    ] {
        for size in [(200, 60), (80, 24), (40, 12), (20, 5)] {
            for meter in 1..=3 {
                let mut model = moment.tracing(size);
                model.meters.select(MeterId(meter));
                press(&mut model, keys);
                for cell in &paint(&mut model, size).content {
                    seen.insert(cell.symbol().to_owned());
                }
            }
        }
    }
    let known =
        |symbol: &str| symbol.is_ascii() || theme::SYMBOLS.iter().any(|(from, _)| *from == symbol);
    let unknown: Vec<_> = seen.into_iter().filter(|s| !known(s)).collect();
    assert_eq!(unknown, [""; 0]);
    for (symbol, ascii) in theme::SYMBOLS {
        assert_eq!(
            unicode_width::UnicodeWidthStr::width(*symbol),
            1,
            "{symbol}"
        );
        assert_eq!(ascii.len(), 1, "{symbol}");
    }
}

/// What a real terminal gets for one more picture of this model.
pub(super) struct Wire {
    terminal: Terminal<ratatui::backend::CrosstermBackend<Count>>,
    count: Count,
}

#[derive(Clone, Default)]
struct Count(std::rc::Rc<std::cell::Cell<usize>>);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Wire {
    pub(super) fn new(width: u16, height: u16) -> Self {
        let count = Count::default();
        let backend = ratatui::backend::CrosstermBackend::new(count.clone());
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        Self {
            terminal: Terminal::with_options(backend, TerminalOptions { viewport }).unwrap(),
            count,
        }
    }

    pub(super) fn bytes(&mut self, model: &mut Model) -> usize {
        self.count.0.set(0);
        let mut shown = None;
        self.terminal
            .draw(|frame| shown = Some(draw(model, frame)))
            .unwrap();
        update(model, Msg::Shown(shown.unwrap()));
        self.count.0.get()
    }
}

/// Twenty values a second, all of them other than before.
#[test]
fn twenty_changing_values_cost_less_than_600_bytes_a_second() {
    let moment = Moment::new();
    let mut model = moment.model();
    let mut wire = Wire::new(140, 44);
    let mut costs = Vec::new();
    for second in 0..120_i64 {
        let mut view = moment.healthy();
        let definition = std::sync::Arc::make_mut(&mut view.definition);
        definition.objects.truncate(9);
        let more = definition.objects.clone();
        for round in [1, 2] {
            for mut object in more.clone() {
                object.key = format!("{}_{round}", object.key);
                definition.objects.push(object);
            }
        }
        definition.objects.truncate(20);
        let base: Vec<_> = view.status.values[..9].to_vec();
        view.status.values = (0..20)
            .map(|i| {
                let mut reading = base[i % 9].clone().unwrap();
                reading.key = view.definition.objects[i].key.clone();
                reading.at = moment.now().wall + jiff::SignedDuration::from_secs(second);
                let wobble = (second * 37 + i64::try_from(i).unwrap() * 11) % 29;
                if let Ok(crate::cosem::Data::DoubleLong(raw)) = &mut reading.value {
                    *raw += i32::try_from(wobble).unwrap();
                }
                Some(reading)
            })
            .collect();
        let later = std::time::Duration::from_secs(second.try_into().unwrap());
        let now = crate::tui::app::Now {
            wall: moment.now().wall + jiff::SignedDuration::from_secs(second),
            mono: moment.mono + later,
        };
        view.status.last_received = Some(tokio::time::Instant::from_std(now.mono));
        update(&mut model, Msg::Tick(now));
        update(&mut model, changes(vec![view]));
        costs.push(wire.bytes(&mut model));
    }
    let settled = &costs[60..];
    let mean = settled.iter().sum::<usize>() / settled.len();
    assert!(costs[0] < 20_000, "first paint {}", costs[0]);
    assert!(mean < 600, "{mean} bytes a second: {settled:?}");
}

/// Ten frames a second in the focused trace, a picture for each.
#[test]
fn a_streaming_trace_costs_less_than_15_kb_a_second() {
    let moment = Moment::new();
    let mut model = moment.tracing((140, 40));
    press(&mut model, "3");
    let mut wire = Wire::new(140, 40);
    wire.bytes(&mut model);
    let templates: Vec<_> = model.trace.visible(5).take(4).cloned().collect();
    let mut total = 0;
    for n in 0..300_u64 {
        let mut row = templates[usize::try_from(n % 4).unwrap()].clone();
        row.seq = 100 + n;
        row.at += jiff::SignedDuration::from_millis(i64::try_from(n * 101).unwrap());
        let msg = Msg::Trace {
            meter: MeterId(1),
            rows: vec![row],
            lost: 0,
            findings: None,
        };
        update(&mut model, msg);
        total += wire.bytes(&mut model);
    }
    let rate = total / 30;
    assert!(rate < 15_000, "{rate} bytes a second");
}

#[test]
fn a_quiet_screen_sends_nothing_new() {
    let moment = Moment::new();
    let mut model = moment.tracing((140, 44));
    let mut wire = Wire::new(140, 44);
    wire.bytes(&mut model);
    let quiet = wire.bytes(&mut model);
    assert!(quiet <= 25, "{quiet} bytes for an unchanged picture");
}

#[test]
fn following_jumps_by_half_a_page() {
    let moment = Moment::new();
    let size = (140, 44);
    let mut model = moment.tracing(size);
    press(&mut model, "3");
    let mut tops = Vec::new();
    let template = model.trace.visible(5).next().unwrap().clone();
    for seq in 100..160 {
        let mut row = template.clone();
        row.seq = seq;
        update(
            &mut model,
            Msg::Trace {
                meter: MeterId(1),
                rows: vec![row],
                lost: 0,
                findings: None,
            },
        );
        paint(&mut model, size);
        tops.push(model.shown.trace.top);
    }
    let page = model.shown.trace.page;
    let moves = tops.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(moves <= 60 / (page / 2) + 1, "{moves} moves, page {page}");
    let last = model.shown.trace;
    assert!(
        last.top + last.page >= last.len,
        "the newest row is in sight"
    );
}

#[test]
fn a_click_lands_where_the_picture_put_it() {
    use crate::tui::app::shown::Target;
    use crate::tui::app::{Mouse, MouseKind, Pane};
    let size = (120, 36);
    let mut model = Moment::new().tracing(size);
    paint(&mut model, size);
    let place = |model: &Model, wanted: Target| {
        let found = model.shown.hits.iter().find(|(_, t)| *t == wanted);
        found.map(|(area, _)| (area.x + 1, area.y)).unwrap()
    };
    let click = |model: &mut Model, (x, y)| {
        let kind = MouseKind::Click;
        update(model, Msg::Mouse(Mouse { x, y, kind }))
    };
    let at = place(&model, Target::Meter(MeterId(3)));
    click(&mut model, at);
    assert_eq!(model.meters.selected(), Some(MeterId(3)));
    let at = place(&model, Target::Pane(Pane::Session));
    click(&mut model, at);
    assert_eq!(model.focus, Pane::Session);
    click(&mut model, (65_535, 65_535));
    press(&mut model, "a");
    paint(&mut model, size);
    let focus = model.focus;
    click(&mut model, (0, 2));
    assert_eq!(model.focus, focus, "under a form nothing is clickable");
    update(&mut model, Msg::Key(Key::new(Code::Esc)));
    assert!(model.overlay.is_none());
}
