//! Carries out an action. The rule: an action that cannot work now says why instead of doing
//! nothing.
use super::changes::{after_selection, toggle_freeze};
use super::{bench, overlay, say, send};
use crate::headend::{Command, Level};
use crate::meter::Phase;
use crate::meter::document::{self, Format};
use crate::tui::app::action::{Action, Place};
use crate::tui::app::confirm::Confirm;
use crate::tui::app::input::Input;
use crate::tui::app::model::{Asked, Overlay};
use crate::tui::app::overview::Overview;
use crate::tui::app::palette::Palette;
use crate::tui::app::{Effect, Model, Pane, form, help::Help, values};

/// Whether an action can work now; why not, if not.
pub fn enabled(model: &Model, action: Action) -> Result<(), &'static str> {
    let need = |ok: bool, why| if ok { Ok(()) } else { Err(why) };
    let phase = model.meter().map(|view| &view.status.phase);
    let here = model.place();
    let on_bench = model.meter().is_some_and(|view| view.on_bench());
    match action {
        Action::StartStop | Action::Reconnect | Action::PollNow | Action::Proceed if on_bench => {
            Err("it is on the bench; x in its session lets it go")
        }
        Action::Probe
        | Action::ProbeAll
        | Action::Step
        | Action::RunOn
        | Action::SkipStep
        | Action::EditStep
        | Action::ByHand
        | Action::StopBench
        | Action::Wait
        | Action::KeepWorking => bench::enabled(model, action),
        Action::EditMeter | Action::DeleteMeter | Action::StartStop | Action::Reconnect => {
            need(phase.is_some(), "no meter is selected; a adds one")
        }
        Action::Open if here == Place::Pane(Pane::Meters) => {
            need(phase.is_some(), "no meter is selected; a adds one")
        }
        Action::Copy => need(copied(model).is_some(), "there is nothing to copy here"),
        Action::PollNow => need(
            phase == Some(&Phase::Ready),
            "the meter is not connected; r tries now",
        ),
        Action::Proceed => need(
            phase == Some(&Phase::NeedsPerson) && model.replay.is_none(),
            "the meter does not wait for a go-ahead",
        ),
        Action::Freeze => need(
            model.meter().is_some() || model.frozen.is_some(),
            "no meter is selected; a adds one",
        ),
        Action::Follow => need(
            !model.trace.follow || model.frozen.is_some(),
            "already following",
        ),
        Action::Left | Action::Right | Action::Open if here == Place::Pane(Pane::Trace) => {
            need(model.trace.explained().is_some(), "no frame is selected")
        }
        Action::NextTrouble | Action::PreviousTrouble => {
            let more = model.replay.as_ref().is_some_and(|replay| !replay.over());
            need(more || model.trace.any_trouble(), "no frame here is wrong")
        }
        Action::ReplayStep | Action::Faster | Action::Slower => {
            need(model.replay.is_some(), "this is no replay")
        }
        Action::Proof => need(
            model.trace.findings().next().is_some(),
            "nothing was found in these frames",
        ),
        Action::Mark | Action::Annotate => {
            need(model.trace.selected().is_some(), "no frame is selected")
        }
        Action::NextMark | Action::PreviousMark => need(
            !model.trace.marks.is_empty(),
            "no frame is marked; m marks one",
        ),
        Action::TestPublish
        | Action::HoldBroker
        | Action::FlushBroker
        | Action::ReconnectBroker
        | Action::DropWaiting
        | Action::RetryDead
        | Action::EmptyDead => super::brokers::enabled(model, action),
        Action::Frame => need(
            model.pictured().is_some(),
            "no meter is selected; a adds one",
        ),
        Action::Order | Action::Reverse | Action::Group | Action::NextNeedy | Action::Chart => {
            super::list::enabled(model, action)
        }
        Action::Left | Action::Right if here == Place::Pane(Pane::Meters) => {
            super::list::enabled(model, action)
        }
        Action::Alarms => need(!model.alarms.is_empty(), "there is no alarm, and was none"),
        Action::SaveTrace => need(!model.trace.is_empty(), "there are no frames to save"),
        _ => Ok(()),
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm an action, and the table of actions is long"
)]
pub fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    if action == Action::Quit {
        return vec![Effect::Quit];
    }
    if model.overlay.is_some() {
        return overlay::perform(model, action);
    }
    if let Err(why) = enabled(model, action) {
        say(model, Level::Info, why);
        return Vec::new();
    }
    match action {
        Action::Help => model.overlay = Some(Overlay::Help(Help::new(model.place()))),
        Action::Palette => {
            model.overlay = Some(Overlay::Palette(Palette::new(model.place())));
        }
        Action::Freeze => match &mut model.replay {
            Some(replay) => replay.toggle(),
            None => toggle_freeze(model),
        },
        Action::ReplayStep => return super::replay::step(model),
        Action::Faster | Action::Slower => {
            if let Some(replay) = &mut model.replay {
                replay.faster(action == Action::Slower);
            }
        }
        Action::Proof => proof(model),
        Action::Mark => {
            if model.trace.toggle_mark() == Some(true) {
                say(
                    model,
                    Level::Info,
                    "marked; n writes a note beside it, ] goes to the next",
                );
            }
        }
        Action::Annotate => {
            let row = model.trace.selected_seq();
            let text = row
                .and_then(|seq| model.trace.marks.of(seq))
                .unwrap_or_default();
            model.overlay = Some(Overlay::Line(Asked::Note, Input::new(text)));
        }
        Action::NextMark | Action::PreviousMark => {
            if model
                .trace
                .jump_mark(action == Action::PreviousMark)
                .is_none()
            {
                say(model, Level::Info, "no marked frame passes the filter");
            }
        }
        Action::Zoom => model.zoom = !model.zoom,
        Action::NextPane => model.focus = model.focus.step(false),
        Action::PreviousPane => model.focus = model.focus.step(true),
        Action::Go(pane) => model.focus = pane,
        Action::Up => return step(model, -1),
        Action::Down => return step(model, 1),
        Action::PageUp => return step(model, -page(model)),
        Action::PageDown => return step(model, page(model)),
        Action::Top => return step(model, isize::MIN),
        Action::Bottom => return step(model, isize::MAX),
        Action::Open if model.meters.on_heading().is_some() && model.focus == Pane::Meters => {
            model.meters.fold(!model.meters.is_folded());
        }
        Action::Left | Action::Right if model.focus == Pane::Meters => {
            model.meters.fold(action == Action::Left);
        }
        Action::Order | Action::Reverse | Action::Group | Action::NextNeedy => {
            return super::list::perform(model, action);
        }
        Action::Overview => model.overlay = Some(Overlay::Overview(Overview::default())),
        Action::Alarms => super::alarms::open(model),
        Action::Chart => return super::chart::open(model),
        Action::Herald => {
            let word = model.herald.turn();
            say(model, Level::Info, word);
        }
        Action::Left => model.trace.step_field(-1),
        Action::Right => model.trace.step_field(1),
        Action::Open if model.focus == Pane::Trace => {
            model.trace.walking = !model.trace.walking;
            model.trace.step_field(0);
        }
        Action::Open | Action::EditMeter => {
            if let Some(view) = model.meter() {
                let form = form::meter::edit(&view.definition, &model.mqtt.names());
                model.overlay = Some(Overlay::Form(Box::new(form)));
            }
        }
        Action::AddMeter => {
            let form = form::meter::add(&model.mqtt.names());
            model.overlay = Some(Overlay::Form(Box::new(form)));
        }
        Action::DeleteMeter => ask(model, Confirm::delete),
        Action::Proceed => ask(model, Confirm::proceed),
        Action::StartStop | Action::PollNow | Action::Reconnect => {
            return command(model, action).into_iter().collect();
        }
        Action::Probe
        | Action::ProbeAll
        | Action::Step
        | Action::RunOn
        | Action::SkipStep
        | Action::EditStep
        | Action::ByHand
        | Action::StopBench
        | Action::Wait
        | Action::KeepWorking => return bench::perform(model, action),
        Action::Frame => super::brokers::to_frame(model),
        Action::TestPublish
        | Action::HoldBroker
        | Action::FlushBroker
        | Action::ReconnectBroker
        | Action::DropWaiting
        | Action::RetryDead
        | Action::EmptyDead => return super::brokers::perform(model, action),
        Action::Back => back(model),
        Action::Follow => follow(model),
        Action::Filter => {
            let typed = match model.focus {
                Pane::Trace => Input::new(model.trace.filter_text()),
                _ => Input::new(model.meters.filter()),
            };
            model.overlay = Some(Overlay::Filter(model.focus, typed));
        }
        Action::NextTrouble => trouble(model, false),
        Action::PreviousTrouble => trouble(model, true),
        Action::Copy => {
            if let Some((what, text)) = copied(model) {
                say(
                    model,
                    Level::Info,
                    format!("{what} sent to the clipboard of your terminal"),
                );
                return vec![Effect::Copy(text)];
            }
        }
        Action::SaveTrace => {
            let name = file_name(model);
            model.overlay = Some(Overlay::Line(Asked::File, Input::new(name)));
        }
        Action::Mouse => {
            model.mouse = !model.mouse;
            let text = if model.mouse {
                "the mouse is ours again: click selects, the wheel scrolls"
            } else {
                "the mouse belongs to your terminal: mark text with it; M takes it back"
            };
            say(model, Level::Info, text);
            return vec![Effect::Mouse(model.mouse)];
        }
        Action::Repaint => return vec![Effect::Repaint],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit
        | Action::NextField
        | Action::PreviousField
        | Action::Accept
        | Action::Cancel
        | Action::Acknowledge
        | Action::Nearer
        | Action::Farther
        | Action::Yes => {}
    }
    Vec::new()
}

fn page(model: &Model) -> isize {
    let window = match model.focus {
        Pane::Meters => model.shown.meters,
        Pane::Values => model.shown.values,
        Pane::Trace => model.shown.trace,
        Pane::Session => model.shown.session,
        Pane::Mqtt => model.shown.broker,
    };
    isize::try_from(window.page.saturating_sub(1).max(1)).unwrap_or(1)
}

/// Moves what the focused pane selects; `isize::MIN` and `MAX` are the ends.
pub fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    match model.focus {
        Pane::Meters => {
            model.meters.step(by);
            return after_selection(model);
        }
        Pane::Values => {
            let rows = model.pictured().map_or(0, |view| values::rows(view));
            model.values.step(by, rows);
        }
        Pane::Trace if model.trace.walking => model.trace.step_field(by),
        Pane::Trace => match by {
            isize::MAX => follow(model),
            isize::MIN => model.trace.to_top(),
            by => model.trace.step(by),
        },
        Pane::Session => {
            // The picture knows how long the text is and puts a larger number right.
            model.session.top = model.session.top.saturating_add_signed(by);
        }
        Pane::Mqtt => model.mqtt.step(by, model.shown.broker),
    }
    Vec::new()
}

fn follow(model: &mut Model) {
    if model.frozen.is_some() {
        toggle_freeze(model);
    }
    model.trace.follow();
}

fn back(model: &mut Model) {
    if model.notices.dismiss() {
    } else if model.trace.walking {
        model.trace.walking = false;
    } else if model.focus == Pane::Trace && !model.trace.filter_text().is_empty() {
        model.trace.set_filter("");
    } else if model.focus == Pane::Meters && !model.meters.filter().is_empty() {
        model.meters.set_filter("", &model.fleet);
    } else if model.frozen.is_some() {
        toggle_freeze(model);
    } else {
        model.zoom = false;
    }
}

fn trouble(model: &mut Model, back: bool) {
    model.focus = Pane::Trace;
    if !back && super::replay::seek(model) {
        return;
    }
    match model.trace.jump(back) {
        None => say(model, Level::Info, "no frame shown here is wrong"),
        Some(true) if back => say(model, Level::Info, "from the end again"),
        Some(true) => say(model, Level::Info, "from the beginning again"),
        Some(false) => {}
    }
}

fn ask(model: &mut Model, question: fn(&crate::headend::MeterView) -> Confirm) {
    if let Some(view) = model.meter() {
        let confirm = question(view);
        model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
    }
}

fn command(model: &mut Model, action: Action) -> Option<Effect> {
    let view = model.meter()?;
    let (id, name) = (view.definition.id, view.definition.name.clone());
    let stopped = view.status.phase == Phase::Stopped;
    let needs_person = view.status.phase == Phase::NeedsPerson;
    let (command, done) = match action {
        Action::StartStop if stopped => (Command::Start(id), format!("{name} started")),
        Action::StartStop => (Command::Stop(id), format!("{name} stopped")),
        Action::PollNow => (Command::PollNow(id), format!("{name}: reading now")),
        // Connecting again would send the refused password again: that takes a question.
        Action::Reconnect if needs_person => {
            ask(model, Confirm::proceed);
            return None;
        }
        Action::Reconnect if stopped => (Command::Start(id), format!("{name} started")),
        _ => (Command::Reconnect(id), format!("{name}: connecting again")),
    };
    Some(send(model, command, done))
}

/// What `copy` would copy, and what it is called.
fn copied(model: &Model) -> Option<(&'static str, String)> {
    let view = model.pictured()?;
    match model.focus {
        Pane::Meters => Some(("address", view.definition.endpoint())),
        Pane::Values => {
            let now = model.pictured_now().wall;
            let row = values::row(view, model.values.selected, now, &model.zone)?;
            let text = format!("{} {} {} {}", row.name, row.code, row.value, row.unit);
            Some(("value", text.trim_end().to_owned()))
        }
        Pane::Trace => {
            let row = model
                .trace
                .selected()
                .filter(|row| !row.bytes().is_empty())?;
            Some(("frame", row.hex()))
        }
        Pane::Session => {
            let error = view.status.last_error.as_ref()?;
            let text = format!("{} {}", error.what, error.try_next);
            Some(("last error", crate::cosem::data::printable(&text)))
        }
        Pane::Mqtt => {
            let broker = model.mqtt.chosen()?;
            let payload = broker.status.last_payload.as_ref()?;
            Some(("payload", crate::cosem::data::printable(payload)))
        }
    }
}

/// What was typed is taken.
pub fn line(model: &mut Model, asked: Asked, text: &str) -> Vec<Effect> {
    match asked {
        Asked::Note => {
            model.trace.annotate(text);
            Vec::new()
        }
        Asked::File => save_trace(model, text.trim()),
        Asked::Hand(meter) => bench::by_hand(model, meter, text),
    }
}

fn proof(model: &mut Model) {
    let best = model
        .meter()
        .and_then(|view| view.findings().first())
        .map(|finding| finding.id);
    let found = model
        .trace
        .jump_proof(best)
        .or_else(|| model.trace.jump_proof(None));
    match found {
        Some(id) => {
            model.focus = Pane::Trace;
            say(
                model,
                Level::Info,
                format!("this frame proves {id}; f goes to the next"),
            );
        }
        None => say(
            model,
            Level::Info,
            "the frames that prove it are no longer held",
        ),
    }
}

/// `trace-NAME-20261120-143215.jsonl`.
fn file_name(model: &Model) -> String {
    let name = model.meter().map_or("meter", |view| &view.definition.name);
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let at = model.now.wall.to_zoned(model.zone.clone());
    format!("trace-{safe}-{}.jsonl", at.strftime("%Y%m%d-%H%M%S"))
}

fn save_trace(model: &mut Model, name: &str) -> Vec<Effect> {
    let Some(view) = model.meter() else {
        return Vec::new();
    };
    let Some(format) = Format::of(std::path::Path::new(name)) else {
        let text = "end the name in .jsonl, .txt, .hex or .pcapng; w asks again";
        say(model, Level::Warning, text);
        return Vec::new();
    };
    let entries = model.trace.document(&view.definition.name);
    let mut contents = Vec::new();
    if let Err(error) = document::write(&entries, format, &mut contents) {
        say(model, Level::Error, error.to_string());
        return Vec::new();
    }
    vec![Effect::WriteFile {
        name: name.to_owned(),
        contents,
    }]
}
