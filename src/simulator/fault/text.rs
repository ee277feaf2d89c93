//! A fault as it is typed: `NAME` or `NAME=ARGUMENT`, and back. The one rule: what is not understood is refused with what
//! would have been.

use super::catalogue::{ROWS, Row};
use super::{Argument, Fault};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What a fault takes behind its `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    None,
    Time,
    /// Both bounds allowed.
    Number(u32, u32),
    /// Two octets: `1/13`.
    Pair,
    /// `1m/3`; without the number: 3.
    After,
    /// Above 0, up to 1.
    Rate,
}

const LONGEST: Duration = Duration::from_hours(24 * 366);
const MILLION: f64 = 1e6;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("no fault is called {name:?}; {}", suggestion(.nearest))]
    Name {
        name: String,
        nearest: Vec<&'static str>,
    },
    #[error("{name} takes no argument; leave out {argument:?}")]
    Superfluous {
        name: &'static str,
        argument: String,
    },
    #[error(
        "{argument:?} is nothing {name} can do; it takes {takes}, for example {name}={example}"
    )]
    Argument {
        name: &'static str,
        argument: String,
        takes: String,
        example: &'static str,
    },
}

fn suggestion(nearest: &[&str]) -> String {
    if nearest.is_empty() {
        "--list-faults shows them all".to_owned()
    } else {
        format!(
            "did you mean {}? --list-faults shows them all",
            nearest.join(" or ")
        )
    }
}

impl Form {
    pub(super) fn read(self, text: &str) -> Option<Argument> {
        match self {
            Self::None => None,
            Self::Time => time(text).map(Argument::Time),
            Self::Number(least, most) => {
                let number = text.parse().ok()?;
                (least..=most)
                    .contains(&number)
                    .then_some(Argument::Number(number))
            }
            Self::Pair => {
                let (first, second) = text.split_once('/')?;
                Some(Argument::Pair(first.parse().ok()?, second.parse().ok()?))
            }
            Self::After => {
                let (long, count) = text.split_once('/').unwrap_or((text, "3"));
                let count = count
                    .parse()
                    .ok()
                    .filter(|count| (1..=100).contains(count))?;
                Some(Argument::After(time(long)?, count))
            }
            Self::Rate => {
                let rate: f64 = text.parse().ok()?;
                let parts = (rate * MILLION).round();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "held to 1..=1e6 first"
                )]
                (1.0..=MILLION)
                    .contains(&parts)
                    .then_some(Argument::Rate(parts as u32))
            }
        }
    }

    fn takes(self) -> String {
        match self {
            Self::None => "nothing".to_owned(),
            Self::Time => "a time".to_owned(),
            Self::Number(least, most) => format!("a number from {least} to {most}"),
            Self::Pair => "two numbers up to 255 with / between them".to_owned(),
            Self::After => "a time, and after how many with / before it".to_owned(),
            Self::Rate => "a rate above 0 and up to 1".to_owned(),
        }
    }
}

fn time(text: &str) -> Option<Duration> {
    let time = humantime::parse_duration(text).ok()?;
    (Duration::from_millis(1)..=LONGEST)
        .contains(&time)
        .then_some(time)
}

impl FromStr for Fault {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let (name, argument) = match text.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let Some(row) = ROWS.iter().find(|row| row.name == name) else {
            return Err(Unknown::Name {
                name: name.chars().take(40).collect(),
                nearest: nearest(name),
            });
        };
        let Some(argument) = argument else {
            return Ok(Self::of(row.kind));
        };
        let said: String = argument.chars().take(40).collect();
        let (Form::Time | Form::Number(..) | Form::Pair | Form::After | Form::Rate) = row.form
        else {
            return Err(Unknown::Superfluous {
                name: row.name,
                argument: said,
            });
        };
        match row.form.read(argument) {
            Some(argument) => Ok(Self {
                kind: row.kind,
                argument,
            }),
            None => Err(Unknown::Argument {
                name: row.name,
                argument: said,
                takes: row.form.takes(),
                example: row.example.unwrap_or_default(),
            }),
        }
    }
}

/// As it is typed.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::catalogue::row(self.kind).name)?;
        match self.argument {
            Argument::None => Ok(()),
            Argument::Time(time) => write!(f, "={}", compact(time)),
            Argument::Number(number) => write!(f, "={number}"),
            Argument::Pair(first, second) => write!(f, "={first}/{second}"),
            Argument::After(time, count) => write!(f, "={}/{count}", compact(time)),
            Argument::Rate(parts) => write!(f, "={}", f64::from(parts) / MILLION),
        }
    }
}

/// `1m30s`: no blanks, so that a shell takes it as one word.
fn compact(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}

/// Up to three names that look like it, best first.
fn nearest(name: &str) -> Vec<&'static str> {
    // Longer than any name by far: nothing is near, and nothing is worth the work.
    if name.len() > 64 {
        return Vec::new();
    }
    let name = name.to_ascii_lowercase().replace('_', "-");
    let mut near: Vec<(usize, &str)> = Vec::new();
    for Row { name: known, .. } in ROWS {
        let inside = name.len() >= 3 && known.contains(&name) || name.contains(known);
        let away = if inside { 1 } else { distance(&name, known) };
        let allowed = (known.len() / 3).clamp(1, 4);
        if away <= allowed && near.iter().all(|(_, other)| other != known) {
            near.push((away, known));
        }
    }
    near.sort_by_key(|(away, _)| *away);
    near.into_iter().take(3).map(|(_, known)| known).collect()
}

/// Edits from one to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (y, above) in b.bytes().zip(row.iter().skip(1)) {
            let here = (before + usize::from(x != y)).min(above + 1).min(left + 1);
            before = *above;
            left = here;
            next.push(here);
        }
        row = next;
    }
    row.last().copied().unwrap_or(a.len())
}
