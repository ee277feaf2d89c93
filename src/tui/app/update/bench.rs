//! What a person does at the bench: probe, step, keep what worked. The rule: what may cost something is asked first, and
//! a secret that was refused goes out again only after a yes.
use super::{say, send};
use crate::cosem::hex;
use crate::headend::{Command, Level, MeterView, ProbeAsk, StepAsk};
use crate::meter::probe::{Pending, Report};
use crate::meter::{MeterId, Phase};
use crate::tui::app::action::Action;
use crate::tui::app::confirm::Confirm;
use crate::tui::app::form;
use crate::tui::app::input::Input;
use crate::tui::app::model::{Asked, Overlay};
use crate::tui::app::{Effect, Model, Pane, session};
use std::sync::Arc;

/// Whether it can work now; why not, if not.
pub fn enabled(model: &Model, action: Action) -> Result<(), &'static str> {
    if model.replay.is_some() {
        return Err("this is a replay: there is no meter to ask");
    }
    let Some(view) = model.meter() else {
        return Err("no meter is selected; a adds one");
    };
    let bench = view.bench.as_deref();
    let probe = bench.and_then(|bench| bench.as_probe());
    let need = |ok: bool, why| if ok { Ok(()) } else { Err(why) };
    match action {
        Action::Probe | Action::ProbeAll => need(
            !view.on_bench(),
            "it is on the bench already; x in its session ends that",
        ),
        Action::Step if view.on_bench() => match model.stepping() {
            None => Err("the probe has it; x in its session ends that"),
            Some(step) => need(!step.busy, "the step is under way"),
        },
        Action::RunOn | Action::SkipStep | Action::EditStep | Action::ByHand => {
            match model.stepping() {
                None => Err("no session is stepped through; s begins one"),
                Some(step) => need(!step.busy, "the step is under way"),
            }
        }
        Action::StopBench => need(bench.is_some(), "nothing of it is on the bench"),
        Action::Wait => need(
            probe.is_some_and(|it| {
                let in_vain = |report: &Report| report.working.is_none();
                it.waiting.is_some() || it.report.as_deref().is_some_and(in_vain)
            }),
            "nothing is waited for",
        ),
        Action::KeepWorking => need(
            session::to_keep(view).is_some(),
            "no other address has worked that could be kept",
        ),
        _ => Ok(()),
    }
}

pub fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(view) = model.meter().map(Arc::clone) else {
        return Vec::new();
    };
    let id = view.definition.id;
    let name = view.definition.name.clone();
    match action {
        Action::Probe => probe(model, &view, ProbeAsk::default()),
        Action::ProbeAll => {
            let options = asking(
                &view,
                ProbeAsk {
                    all_station: true,
                    ..ProbeAsk::default()
                },
            );
            confirm(model, Confirm::probe_all(&view, options))
        }
        Action::Wait if view.on_bench() => vec![send(model, Command::SkipWait(id), String::new())],
        Action::Wait => {
            let options = ProbeAsk {
                wait: true,
                ..ProbeAsk::default()
            };
            probe(model, &view, options)
        }
        Action::Step if model.stepping().is_none() => {
            look_at_session(model);
            if view.status.phase == Phase::Ready {
                return confirm(model, Confirm::step_ready(&view));
            }
            step(model, id, StepAsk::Begin)
        }
        Action::Step => go(model, &view, |yes| StepAsk::Next { yes }),
        Action::RunOn => go(model, &view, |yes| StepAsk::Run { yes }),
        Action::SkipStep => step(model, id, StepAsk::Skip),
        Action::EditStep => {
            if let Some(stepping) = model.stepping() {
                let form = form::step::edit(id, stepping);
                model.overlay = Some(Overlay::Form(Box::new(form)));
            }
            Vec::new()
        }
        Action::ByHand => {
            let pending = model.stepping().and_then(|step| step.pending.as_ref());
            let bytes = match pending {
                Some(Pending::Bytes { shown, .. }) => hex::spaced(shown),
                _ => String::new(),
            };
            model.overlay = Some(Overlay::Line(Asked::Hand(id), Input::new(bytes)));
            Vec::new()
        }
        Action::StopBench => vec![send(model, Command::StopBench(id), String::new())],
        Action::KeepWorking => {
            let done = format!("{name}: the address that worked is the saved one");
            vec![send(model, Command::KeepWorking(id), done)]
        }
        _ => Vec::new(),
    }
}

fn probe(model: &mut Model, view: &MeterView, options: ProbeAsk) -> Vec<Effect> {
    look_at_session(model);
    let options = asking(view, options);
    if options.confirmed || view.status.phase == Phase::Ready {
        return confirm(model, Confirm::probe(view, options));
    }
    let meter = view.definition.id;
    let command = Command::Probe { meter, options };
    vec![send(model, command, String::new())]
}

/// The poller knows whether the secret was refused; where it does, the question counts as the yes.
fn asking(view: &MeterView, options: ProbeAsk) -> ProbeAsk {
    let told = matches!(view.status.phase, Phase::NeedsPerson | Phase::Stopped);
    ProbeAsk {
        confirmed: told && !view.status.asks.is_empty(),
        ..options
    }
}

fn look_at_session(model: &mut Model) {
    model.focus = Pane::Session;
    model.session.top = 0;
}

fn confirm(model: &mut Model, confirm: Confirm) -> Vec<Effect> {
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
    Vec::new()
}

fn step(model: &mut Model, meter: MeterId, ask: StepAsk) -> Vec<Effect> {
    model.session.top = 0;
    vec![send(model, Command::Step { meter, ask }, String::new())]
}

/// On, unless a refused secret would go: then after a question.
fn go(model: &mut Model, view: &MeterView, ask: fn(bool) -> StepAsk) -> Vec<Effect> {
    let pending = model.stepping().and_then(|step| step.pending.as_ref());
    if let Some(Pending::Bytes {
        asks: Some(words), ..
    }) = pending
    {
        let question = Confirm::secret(view, words, ask(true));
        return confirm(model, question);
    }
    step(model, view.definition.id, ask(false))
}

/// Bytes that were typed go after a question, and that after the bench said what is in them.
pub fn by_hand(model: &mut Model, meter: MeterId, text: &str) -> Vec<Effect> {
    if let Some(bytes) = unhex(text) {
        model.hand = Some((meter, bytes.clone()));
        step(model, meter, StepAsk::Hand(bytes))
    } else {
        say(
            model,
            Level::Warning,
            "write whole bytes in hex, such as 7E A0 07 03 03 53 80 D7 7E",
        );
        model.overlay = Some(Overlay::Line(Asked::Hand(meter), Input::new(text)));
        Vec::new()
    }
}

/// The bench said what is in the bytes that were typed.
pub fn told(model: &mut Model) {
    let free = model.overlay.is_none();
    let Some((meter, bytes)) = model.hand.take_if(|_| free) else {
        return;
    };
    if model.meters.selected() != Some(meter) {
        return;
    }
    let hand = model.stepping().filter(|step| !step.busy);
    let hand = hand.and_then(|step| step.hand.clone());
    match hand.filter(|hand| hand.written.expose() == bytes) {
        None => model.hand = Some((meter, bytes)),
        Some(hand) => match &hand.pending {
            Pending::Bytes { shown, asks, .. } => {
                confirm(
                    model,
                    Confirm::by_hand(meter, &bytes, shown, asks.as_deref()),
                );
            }
            Pending::Over(words) | Pending::Act { words, .. } => {
                say(model, Level::Warning, words.clone());
            }
        },
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[char]| {
        let [high, low] = pair else { return None };
        u8::try_from(high.to_digit(16)? << 4 | low.to_digit(16)?).ok()
    };
    digits.chunks(2).map(pair).collect()
}
