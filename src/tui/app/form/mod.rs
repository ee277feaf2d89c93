//! A form: fields with a label, an example and what is wrong with them. The rule: nothing is
//! saved before every field was checked, and nothing typed is lost without a question.
mod access;
pub mod meter;
pub mod step;
#[cfg(test)]
mod tests;

use super::input::Input;
use super::key::Key;
use crate::headend::Command;

/// What a field holds and how it is edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Never shown; empty keeps the old one.
    Secret,
    /// One of these, moved through with left and right.
    Choice(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct Field {
    /// The name errors use, that of the command line.
    pub name: &'static str,
    pub label: &'static str,
    /// What is right, with an example.
    pub hint: &'static str,
    /// What nothing typed stands for.
    pub empty: &'static str,
    pub kind: Kind,
    pub input: Input,
    pub error: Option<String>,
    /// Typed into since the form opened.
    pub touched: bool,
}

impl Field {
    fn new(name: &'static str, label: &'static str, hint: &'static str, text: String) -> Self {
        Self {
            name,
            label,
            hint,
            empty: "",
            kind: Kind::Text,
            input: Input::new(text),
            error: None,
            touched: false,
        }
    }

    fn empty(self, empty: &'static str) -> Self {
        Self { empty, ..self }
    }

    fn secret(name: &'static str, label: &'static str, hint: &'static str) -> Self {
        Self {
            kind: Kind::Secret,
            ..Self::new(name, label, hint, String::new())
        }
    }

    fn choice(
        name: &'static str,
        label: &'static str,
        hint: &'static str,
        options: Vec<String>,
        chosen: &str,
    ) -> Self {
        Self {
            kind: Kind::Choice(options),
            ..Self::new(name, label, hint, chosen.to_owned())
        }
    }

    pub fn text(&self) -> &str {
        self.input.text()
    }

    /// What may be shown of it: the text, or a star a character.
    pub fn shown(&self) -> String {
        match self.kind {
            Kind::Secret => "*".repeat(self.text().chars().count()),
            _ => self.text().to_owned(),
        }
    }

    /// How many characters stand before the cursor; none in a choice.
    pub fn cursor(&self) -> Option<usize> {
        match self.kind {
            Kind::Choice(_) => None,
            _ => Some(self.input.before().chars().count()),
        }
    }

    /// Next or previous choice, round and round.
    fn turn(&mut self, back: bool) {
        let Kind::Choice(options) = &self.kind else {
            return;
        };
        let Some(last) = options.len().checked_sub(1) else {
            return;
        };
        let at = options
            .iter()
            .position(|option| option == self.input.text());
        let to = match (at, back) {
            (None, _) => 0,
            (Some(0), true) => last,
            (Some(at), true) => at - 1,
            (Some(at), false) if at == last => 0,
            (Some(at), false) => at + 1,
        };
        let chosen = options[to].clone();
        self.input.set(&chosen);
        self.touched = true;
        self.error = None;
    }
}

/// How far saving has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Saving {
    #[default]
    Editing,
    /// Waits for the answer to this command.
    Asked(u64),
}

#[derive(Clone, Debug)]
pub struct Form {
    pub title: String,
    pub fields: Vec<Field>,
    pub focus: usize,
    /// What is wrong with the whole.
    pub error: Option<String>,
    pub saving: Saving,
    /// Esc was pressed on a changed form: the next Esc closes it.
    pub leaving: bool,
    pub of: Of,
}

/// What the fields describe.
#[derive(Clone, Debug)]
pub enum Of {
    Meter(meter::Base),
    /// Settings of the session that is stepped through.
    Step(step::Base),
}

/// Fields that are wrong, and why.
pub type Wrong = Vec<(&'static str, String)>;

impl Form {
    /// What the fields ask for, and what is said when it is done; or every field that is wrong.
    pub fn command(&self) -> Result<(Command, String), Wrong> {
        match &self.of {
            Of::Meter(base) => {
                let definition = meter::read(self, base)?;
                let done = format!("{} saved", definition.name);
                Ok((Command::Save(Box::new(definition)), done))
            }
            Of::Step(base) => step::read(self, base),
        }
    }

    pub fn field(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .map_or("", Field::text)
    }

    pub fn changed(&self) -> bool {
        self.fields.iter().any(|field| field.touched)
    }

    /// The field under the cursor.
    pub fn current(&self) -> Option<&Field> {
        self.fields.get(self.focus)
    }

    pub fn go(&mut self, back: bool) {
        let last = self.fields.len().saturating_sub(1);
        self.focus = match (self.focus, back) {
            (0, true) => last,
            (at, true) => at - 1,
            (at, false) if at >= last => 0,
            (at, false) => at + 1,
        };
    }

    /// A key that no action of the form took. True when it did something.
    pub fn key(&mut self, key: Key) -> bool {
        let Some(field) = self.fields.get_mut(self.focus) else {
            return false;
        };
        self.leaving = false;
        if matches!(field.kind, Kind::Choice(_)) {
            if key == Key::char(' ') {
                field.turn(false);
                self.after_choice();
                return true;
            }
            return false;
        }
        let before = field.input.clone();
        let took = field.input.key(key);
        if field.input.text() != before.text() {
            field.touched = true;
            field.error = None;
        }
        took
    }

    /// Left and right: another choice, or along the text.
    pub fn sideways(&mut self, back: bool) {
        let Some(field) = self.fields.get_mut(self.focus) else {
            return;
        };
        if matches!(field.kind, Kind::Choice(_)) {
            field.turn(back);
            self.after_choice();
        } else {
            let code = if back {
                super::key::Code::Left
            } else {
                super::key::Code::Right
            };
            field.input.key(Key::new(code));
        }
    }

    pub fn paste(&mut self, text: &str) {
        if let Some(field) = self.fields.get_mut(self.focus)
            && !matches!(field.kind, Kind::Choice(_))
        {
            field.input.insert(text.trim_end_matches(['\r', '\n']));
            field.touched = true;
            field.error = None;
        }
    }

    fn after_choice(&mut self) {
        if self
            .fields
            .get(self.focus)
            .is_some_and(|f| f.name == "preset")
        {
            meter::apply_preset(self);
        }
    }

    /// Puts what is wrong beside its field and the cursor on the first of them; what belongs
    /// to no field goes to the foot of the form.
    pub fn show_errors(&mut self, errors: Vec<(&str, String)>) {
        self.error = None;
        for field in &mut self.fields {
            field.error = None;
        }
        for (name, problem) in errors {
            match self.fields.iter_mut().find(|field| field.name == name) {
                Some(field) if field.error.is_none() => field.error = Some(problem),
                Some(_) => {}
                None => self.error = Some(format!("{name}: {problem}")),
            }
        }
        if let Some(first) = self.fields.iter().position(|f| f.error.is_some()) {
            self.focus = first;
        }
    }
}
