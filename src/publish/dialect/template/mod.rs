//! `template`: topic and payload as a site with its own broker wants them. One message a reading, or one a poll where
//! neither names anything of a single reading. The rule: a template is checked when it is given, and whatever a meter sends
//! and a device is called, the payload stays the JSON it was meant to be and the topic within its levels.

mod parse;
mod place;

use self::parse::{Part, Template};
use self::place::{Place, Scene};
use super::value::topic_level;
use super::{Device, of_device};
use crate::meter::Poll;
use crate::meter::definition::FieldError;
use crate::store::{BrokerDefinition, Dialect, Kind, Message, fit_topic};

const EXAMPLE: &str =
    r#"for example --topic 'site/{device}/{key}' --payload '{{"value":{value},"ts":{ts}}}'"#;

pub(super) fn render(
    broker: &BrokerDefinition,
    device: &Device,
    seq: u64,
    poll: &Poll,
) -> Vec<Message> {
    // Both were checked when they were saved.
    let Ok((topic, payload)) = templates(broker) else {
        return Vec::new();
    };
    let message = |scene: &Scene<'_>| {
        let topic = topic.topic(scene);
        of_device(Kind::Telemetry, device, topic, payload.payload(scene))
    };
    let scene = Scene {
        device,
        seq,
        poll,
        reading: None,
    };
    if !topic.is_of_a_reading() && !payload.is_of_a_reading() {
        return vec![message(&scene)];
    }
    // A failed read has no value to fill in, unless the template has a place for what went wrong.
    let all = payload.names(Place::Error);
    let told = poll.readings.iter().filter(|it| all || it.value.is_ok());
    told.map(|reading| {
        message(&Scene {
            reading: Some(reading),
            ..scene
        })
    })
    .collect()
}

fn templates(broker: &BrokerDefinition) -> Result<(Template, Template), FieldError> {
    let template = |field, text: &Option<String>| {
        let missing = || wrong(field, format!("the template dialect needs one; {EXAMPLE}"));
        let text = text.as_deref().ok_or_else(missing)?;
        Template::parse(text).map_err(|problem| wrong(field, problem))
    };
    Ok((
        template("topic", &broker.topic)?,
        template("payload", &broker.payload)?,
    ))
}

/// What is wrong with a broker's templates.
pub(super) fn check(broker: &BrokerDefinition) -> Vec<FieldError> {
    if broker.dialect != Dialect::Template {
        let given = [("topic", &broker.topic), ("payload", &broker.payload)];
        return given
            .into_iter()
            .filter(|(_, text)| text.is_some())
            .map(|(field, _)| {
                let dialect = broker.dialect;
                wrong(
                    field,
                    format!("the {dialect} dialect has its own; choose --dialect template"),
                )
            })
            .collect();
    }
    match templates(broker) {
        Err(problem) => vec![problem],
        Ok((topic, payload)) => {
            let problems = [
                check_topic(&topic).map_err(|problem| wrong("topic", problem)),
                payload
                    .check_payload()
                    .map_err(|problem| wrong("payload", problem)),
            ];
            problems.into_iter().filter_map(Result::err).collect()
        }
    }
}

fn check_topic(topic: &Template) -> Result<(), String> {
    if let Some(place) = topic.places().find(|place| !place.fits_a_topic()) {
        return Err(format!(
            "{{{}}} changes with every message, and a topic must not; put it into the payload",
            place.name()
        ));
    }
    let shown = topic.filled(|_| "x".to_owned());
    fit_topic(&shown).map_err(|problem| format!("{problem}; {EXAMPLE}"))
}

impl Template {
    fn topic(&self, scene: &Scene<'_>) -> String {
        self.filled(|place| match topic_level(&place.plain(scene)) {
            level if level.is_empty() => "_".to_owned(),
            level => level,
        })
    }

    fn payload(&self, scene: &Scene<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Place { place, .. } if !self.json => out.push_str(&place.plain(scene)),
                Part::Place {
                    place,
                    quoted: true,
                } => out.push_str(&place.within_quotes(scene)),
                Part::Place { place, .. } => out.push_str(&place.literal(scene)),
            }
        }
        out
    }

    /// One that begins as JSON must be JSON, whatever stands in its places.
    fn check_payload(&self) -> Result<(), String> {
        if !self.json {
            return Ok(());
        }
        let mut sample = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => sample.push_str(text),
                Part::Place { .. } => sample.push('1'),
            }
        }
        match serde_json::from_str::<serde_json::Value>(&sample) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!(
                "it begins as JSON and is none: with 1 in every place it reads {sample} ({error}); {EXAMPLE}"
            )),
        }
    }
}

fn wrong(field: &'static str, problem: impl Into<String>) -> FieldError {
    FieldError {
        field,
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests;
