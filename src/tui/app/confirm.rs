//! A question before something that cannot be taken back. The rule: it names the thing and
//! what will happen, and the marked answer is No until it is moved.
use crate::dlms::explain::{Direction, explain_from};
use crate::headend::{BrokerCommand, Command, MeterView, ProbeAsk, StepAsk};
use crate::meter::{MeterId, Phase};

#[derive(Clone, Debug)]
pub struct Confirm {
    pub question: String,
    pub consequence: Vec<String>,
    /// What Yes is called here.
    pub yes: &'static str,
    pub no: &'static str,
    pub marked_yes: bool,
    pub then: Then,
}

/// What follows Yes.
#[derive(Clone, Debug)]
pub enum Then {
    /// The command, and words for the notice.
    Command(Command, String),
    /// What a broker is told; the answer has the words.
    Broker(i64, BrokerCommand),
}

impl Confirm {
    pub fn delete(view: &MeterView) -> Self {
        let d = &view.definition;
        Self {
            question: format!("Delete {} ({})?", d.name, d.endpoint()),
            consequence: vec![
                "Its session is released and its settings leave this computer.".to_owned(),
                "Nothing is changed in the meter. This cannot be undone.".to_owned(),
            ],
            yes: "Delete it",
            no: "No, keep it",
            marked_yes: false,
            then: Then::Command(Command::Delete(d.id), format!("{} deleted", d.name)),
        }
    }

    pub fn proceed(view: &MeterView) -> Self {
        let d = &view.definition;
        let mut consequence = Vec::new();
        if let Some(error) = &view.status.last_error {
            consequence.push(format!("Last time: {}", error.what));
        }
        consequence.push(if d.password.is_some() {
            format!(
                "The saved password is sent once, as client {}.",
                d.client.sap()
            )
        } else {
            format!("One association is tried, as client {}.", d.client.sap())
        });
        if view.status.asks.is_empty() {
            consequence
                .push("Many meters lock for minutes after a few wrong passwords.".to_owned());
        }
        consequence.extend(view.status.asks.iter().map(|words| sentence(words)));
        Self {
            question: format!("Try {} once more?", d.name),
            consequence,
            yes: "Try once",
            no: "No, leave it",
            marked_yes: false,
            then: Then::Command(Command::Proceed(d.id), format!("{}: trying once", d.name)),
        }
    }

    /// A probe that costs something: the association that stands, or one more try with a refused secret.
    pub fn probe(view: &MeterView, options: ProbeAsk) -> Self {
        let mut consequence = Vec::new();
        if view.status.phase == Phase::Ready {
            consequence
                .push("It works; the probe ends the association and begins anew.".to_owned());
        }
        consequence.push("Polling rests meanwhile and goes on by itself.".to_owned());
        if options.confirmed {
            consequence.push("The saved secret is sent once.".to_owned());
            consequence.extend(view.status.asks.iter().map(|words| sentence(words)));
        }
        Self {
            question: format!("Probe {}?", view.definition.name),
            consequence,
            yes: "Probe it",
            no: "No, leave it",
            marked_yes: false,
            then: Then::Command(
                Command::Probe {
                    meter: view.definition.id,
                    options,
                },
                String::new(),
            ),
        }
    }

    pub fn probe_all(view: &MeterView, options: ProbeAsk) -> Self {
        let mut this = Self::probe(view, options);
        let all = "All-station addresses are asked too: every meter on that line answers at once. Right only where one meter is on it.";
        this.consequence.insert(0, all.to_owned());
        this
    }

    pub fn step_ready(view: &MeterView) -> Self {
        let meter = view.definition.id;
        Self {
            question: format!("Step through a session with {}?", view.definition.name),
            consequence: vec![
                "It works; stepping ends the association and begins anew.".to_owned(),
                "Polling rests meanwhile and goes on when the bench is left.".to_owned(),
            ],
            yes: "Take it to the bench",
            no: "No, leave it",
            marked_yes: false,
            then: Then::Command(
                Command::Step {
                    meter,
                    ask: StepAsk::Begin,
                },
                String::new(),
            ),
        }
    }

    /// The next step shows a secret that was refused.
    pub fn secret(view: &MeterView, words: &str, ask: StepAsk) -> Self {
        Self {
            question: format!("Show {} the secret once more?", view.definition.name),
            consequence: words.split("; ").map(sentence).collect(),
            yes: "Send it once",
            no: "No, leave it",
            marked_yes: false,
            then: Then::Command(
                Command::Step {
                    meter: view.definition.id,
                    ask,
                },
                String::new(),
            ),
        }
    }

    /// `shown`: the bytes as they will be shown; `asks`: what the secret in them takes.
    pub fn by_hand(meter: MeterId, bytes: &[u8], shown: &[u8], asks: Option<&str>) -> Self {
        let mut consequence = Vec::new();
        let asked = asks.into_iter().flat_map(|words| words.split("; "));
        consequence.extend(asked.map(sentence));
        for frame in explain_from(shown, Some(Direction::ToMeter)).frames {
            consequence.push(format!("{}  {}  {}", frame.kind, frame.link, frame.summary));
            let wrong = frame
                .fields
                .iter()
                .filter_map(|field| field.problem.as_ref());
            consequence.extend(wrong.map(|problem| format!("! {problem}")));
        }
        consequence.push(crate::cosem::hex::spaced(shown));
        consequence.push("They go as they are, marked in the trace. Stars in a secret's place are sent as the secret, and counted.".to_owned());
        Self {
            question: format!("Send these {} bytes?", bytes.len()),
            consequence,
            yes: "Send them",
            no: "No",
            marked_yes: false,
            then: Then::Command(
                Command::Step {
                    meter,
                    ask: StepAsk::ByHand(bytes.to_vec()),
                },
                String::new(),
            ),
        }
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
