//! A question before something that cannot be taken back. The rule: it names the thing and
//! what will happen, and the marked answer is No until it is moved.
use crate::headend::{Command, MeterView};

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
        for words in &view.status.asks {
            let mut letters = words.chars();
            let first = letters
                .next()
                .map(|letter| letter.to_uppercase().to_string());
            consequence.push(format!(
                "{}{}.",
                first.unwrap_or_default(),
                letters.as_str()
            ));
        }
        Self {
            question: format!("Try {} once more?", d.name),
            consequence,
            yes: "Try once",
            no: "No, leave it",
            marked_yes: false,
            then: Then::Command(Command::Proceed(d.id), format!("{}: trying once", d.name)),
        }
    }
}
