//! What a person asks of the broker under the eye, and the way from a value to its frame. The rule: what cannot be taken
//! back is asked about, with what it costs.
use super::say;
use crate::cosem::data::printable;
use crate::headend::{BrokerCommand, BrokerView, Level};
use crate::publish::BrokerPhase;
use crate::tui::app::action::Action;
use crate::tui::app::confirm::{Confirm, Then};
use crate::tui::app::model::Overlay;
use crate::tui::app::{Effect, Model, Pane};

/// Why an action cannot work now.
pub fn enabled(model: &Model, action: Action) -> Result<(), &'static str> {
    let Some(broker) = model.mqtt.chosen() else {
        return Err("no broker yet; `obiscope broker add` saves one");
    };
    let status = &broker.status;
    let need = |ok: bool, why| if ok { Ok(()) } else { Err(why) };
    match action {
        Action::TestPublish => need(
            status.phase == BrokerPhase::Connected,
            "the broker is not connected; C tries now",
        ),
        Action::DropWaiting => need(status.depth.waiting > 0, "nothing waits"),
        Action::RetryDead | Action::EmptyDead => {
            need(status.depth.dead > 0, "nothing was given up on")
        }
        _ => Ok(()),
    }
}

pub fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(broker) = model.mqtt.chosen().cloned() else {
        return Vec::new();
    };
    let paused = broker.status.phase == BrokerPhase::Paused;
    let command = match action {
        Action::TestPublish => {
            let name = printable(&broker.definition.name);
            say(
                model,
                Level::Info,
                format!("{name}: a test message is under way"),
            );
            BrokerCommand::TestPublish
        }
        Action::HoldBroker if paused => BrokerCommand::Resume,
        Action::HoldBroker => BrokerCommand::Pause,
        Action::FlushBroker => BrokerCommand::Flush,
        Action::ReconnectBroker => BrokerCommand::Reconnect,
        Action::RetryDead => BrokerCommand::RetryDead(None),
        Action::DropWaiting => return ask(model, drop_waiting(&broker, model)),
        Action::EmptyDead => return ask(model, empty_dead(&broker)),
        _ => return Vec::new(),
    };
    vec![Effect::Broker {
        broker: broker.definition.id,
        command,
    }]
}

fn ask(model: &mut Model, confirm: Confirm) -> Vec<Effect> {
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
    Vec::new()
}

fn messages(number: u64) -> String {
    let noun = if number == 1 { "message" } else { "messages" };
    format!("{number} {noun}")
}

fn drop_waiting(broker: &BrokerView, model: &Model) -> Confirm {
    let depth = &broker.status.depth;
    let mut consequence = Vec::new();
    if let Some(oldest) = depth.oldest {
        let at = oldest.to_zoned(model.zone.clone());
        consequence.push(
            at.strftime("The oldest was read %Y-%m-%d %H:%M:%S.")
                .to_string(),
        );
    }
    consequence.push("The platform will have a gap there. This cannot be undone.".to_owned());
    Confirm {
        question: format!(
            "Drop {} for {}, unsent?",
            messages(depth.waiting),
            printable(&broker.definition.name)
        ),
        consequence,
        yes: "Drop them",
        no: "No, keep them",
        marked_yes: false,
        then: Then::Broker(broker.definition.id, BrokerCommand::DropWaiting),
    }
}

fn empty_dead(broker: &BrokerView) -> Confirm {
    let mut consequence = Vec::new();
    if let Some(letter) = broker.letters.first() {
        consequence.push(format!("The last one: {}.", printable(&letter.reason)));
    }
    consequence.push("They will never be sent. This cannot be undone.".to_owned());
    Confirm {
        question: format!(
            "Throw away {} that {} never took?",
            messages(broker.status.depth.dead),
            printable(&broker.definition.name)
        ),
        consequence,
        yes: "Throw away",
        no: "No, keep them",
        marked_yes: false,
        then: Then::Broker(broker.definition.id, BrokerCommand::EmptyDead(None)),
    }
}

/// From the selected value to the frame it came in.
pub fn to_frame(model: &mut Model) {
    let reading = model.pictured().and_then(|view| {
        let reading = view.status.values.get(model.values.selected)?.as_ref()?;
        Some((reading.at, format!("{:#}", reading.obis())))
    });
    let Some((at, code)) = reading else {
        say(model, Level::Info, "it was not read yet");
        return;
    };
    if model.trace.choose_answer(at, &code) {
        model.focus = Pane::Trace;
        say(model, Level::Info, format!("the frame {code} came in"));
    } else {
        say(model, Level::Info, "the frame it came in is no longer held");
    }
}
