//! A template as parts: text, and places to fill in. `{name}` is a place, `{{` and `}}` are braces. The rule: a name that is
//! not known is refused with those that are.

use super::place::Place;

#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Place {
        place: Place,
        /// It stands within a string of JSON.
        quoted: bool,
    },
}

#[derive(Debug)]
pub(super) struct Template {
    pub parts: Vec<Part>,
    /// It begins as an object or array of JSON.
    pub json: bool,
}

/// Longer than any payload that is read by people; what is longer was meant for something else.
const LONGEST: usize = 16 * 1024;

impl Template {
    pub(super) fn parse(template: &str) -> Result<Self, String> {
        if template.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        if template.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        let mut strings = Strings::default();
        while let Some(c) = rest.chars().next() {
            let after = rest.get(c.len_utf8()..).unwrap_or("");
            let twice = after.starts_with(c);
            match c {
                '{' | '}' if twice => {
                    strings.pass(c);
                    text.push(c);
                    rest = after.get(1..).unwrap_or("");
                }
                '{' => {
                    let (name, behind) = after.split_once('}').ok_or_else(|| {
                        format!("a brace is opened and not closed; write {{{{ for a brace, and {} for what is filled in", Place::all())
                    })?;
                    let place = Place::named(name).ok_or_else(|| {
                        format!(
                            "{{{}}} is not known; there are {}",
                            shown(name),
                            Place::all()
                        )
                    })?;
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(Part::Place {
                        place,
                        quoted: strings.within,
                    });
                    rest = behind;
                }
                '}' => {
                    return Err(
                        "a brace is closed that was not opened; write }} for a brace".to_owned(),
                    );
                }
                c => {
                    strings.pass(c);
                    text.push(c);
                    rest = after;
                }
            }
        }
        parts.push(Part::Text(text));
        let json = matches!(parts.first(), Some(Part::Text(text)) if text.trim_start().starts_with(['{', '[']));
        Ok(Self { parts, json })
    }

    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place { place, .. } => Some(*place),
            Part::Text(_) => None,
        })
    }

    pub(super) fn names(&self, place: Place) -> bool {
        self.places().any(|it| it == place)
    }

    pub(super) fn is_of_a_reading(&self) -> bool {
        self.places().any(Place::is_of_a_reading)
    }

    pub(super) fn filled(&self, fill: impl Fn(Place) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Place { place, .. } => fill(*place),
        };
        self.parts.iter().map(part).collect()
    }
}

/// Whether one stands within a string of JSON.
#[derive(Default)]
struct Strings {
    within: bool,
    escaped: bool,
}

impl Strings {
    fn pass(&mut self, c: char) {
        match c {
            _ if self.escaped => self.escaped = false,
            '\\' if self.within => self.escaped = true,
            '"' => self.within = !self.within,
            _ => {}
        }
    }
}

fn shown(name: &str) -> String {
    let name: String = name.chars().take(40).collect();
    crate::cosem::data::printable(&name)
}
