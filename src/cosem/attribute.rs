//! Which attribute of which object: the address of one thing to read. What it prints, it reads back.

use std::fmt;
use std::str::FromStr;

use super::obis::{Obis, padded};

/// One attribute of one object. `Display`: `3/1-1:32.7.0.255/2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeRef {
    pub class: u16,
    pub obis: Obis,
    /// 1 is the logical name, 0 stands for all, below 0 is the manufacturer's.
    pub attribute: i8,
}

/// What a person asked for on the command line or in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectSpec {
    /// An OBIS code alone: its value, scaled; class from the catalogue, else tried 3, 1, 4, 8.
    Value(Obis),
    /// `CLASS/OBIS/ATTRIBUTE`: the raw attribute.
    Attribute(AttributeRef),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {reason}")]
pub struct ObjectSpecError {
    pub text: String,
    pub reason: String,
}

impl ObjectSpec {
    pub fn obis(self) -> Obis {
        match self {
            Self::Value(obis) | Self::Attribute(AttributeRef { obis, .. }) => obis,
        }
    }
}

impl FromStr for ObjectSpec {
    type Err = ObjectSpecError;

    fn from_str(s: &str) -> Result<Self, ObjectSpecError> {
        let text = s.trim();
        let refuse = |reason: String| ObjectSpecError {
            text: text.chars().take(64).collect(),
            reason,
        };
        let code = |code: &str| {
            code.parse::<Obis>()
                .map_err(|e| refuse(format!("not an OBIS code: {}. {}", e.reason, OBJECT_FORMS)))
        };
        let mut parts = text.split('/').map(str::trim);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(obis), None, ..) => Ok(Self::Value(code(obis)?)),
            (Some(class), Some(obis), Some(attribute), None) => {
                let class = class.parse().ok().filter(|class| *class > 0);
                let attribute = attribute.parse().ok();
                Ok(Self::Attribute(AttributeRef {
                    class: class.ok_or_else(|| {
                        refuse(format!(
                            "the class is not a number from 1 to 65535. {OBJECT_FORMS}"
                        ))
                    })?,
                    obis: code(obis)?,
                    attribute: attribute.ok_or_else(|| {
                        refuse(format!(
                            "the attribute is not a number from -128 to 127. {OBJECT_FORMS}"
                        ))
                    })?,
                }))
            }
            _ => Err(refuse(format!("not CLASS/OBIS/ATTRIBUTE. {OBJECT_FORMS}"))),
        }
    }
}

const OBJECT_FORMS: &str = "Write 1-1:32.7.0 for the scaled value, or 3/1-1:32.7.0/2 (class/OBIS/attribute) for a raw attribute";

/// The short form of the code where it is a value: `1-1:32.7.0`.
impl fmt::Display for ObjectSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(obis) if f.width().is_none() => write!(f, "{obis:#}"),
            Self::Value(obis) => f.pad(&format!("{obis:#}")),
            Self::Attribute(attribute) => attribute.fmt(f),
        }
    }
}

impl fmt::Display for AttributeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format_args!("{}/{}/{}", self.class, self.obis, self.attribute);
        padded(f, text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AttributeRef, Obis, ObjectSpec};

    fn parse(text: &str) -> ObjectSpec {
        text.parse().unwrap()
    }

    #[test]
    fn a_code_alone_is_a_value() {
        let voltage = ObjectSpec::Value(Obis::new(1, 1, 32, 7, 0, 255));
        assert_eq!(parse(" 1-1:32.7.0 "), voltage);
        assert_eq!(parse("0101200700FF"), voltage);
        assert_eq!(voltage.to_string(), "1-1:32.7.0");
        assert_eq!(parse("1-1:1.8.0*3").to_string(), "1-1:1.8.0*3");
    }

    #[test]
    fn three_parts_are_an_attribute() {
        let clock = AttributeRef {
            class: 8,
            obis: Obis::new(0, 0, 1, 0, 0, 255),
            attribute: 2,
        };
        assert_eq!(parse("8/0-0:1.0.0.255/2"), ObjectSpec::Attribute(clock));
        assert_eq!(clock.to_string(), "8/0-0:1.0.0.255/2");
        assert_eq!(format!("{clock:<20}|"), "8/0-0:1.0.0.255/2   |");
        assert_eq!(
            parse("7 / 1-0:99.1.0 / -1").to_string(),
            "7/1-0:99.1.0.255/-1"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_an_example() {
        for (text, wanted) in [
            ("", "it is empty"),
            ("3/1-1:32.7.0", "not CLASS/OBIS/ATTRIBUTE"),
            ("3/1-1:32.7.0/2/1", "not CLASS/OBIS/ATTRIBUTE"),
            ("x/1-1:32.7.0/2", "the class is not a number"),
            ("0/1-1:32.7.0/2", "the class is not a number"),
            ("3/32.7.0/2", "channel"),
            ("3/1-1:32.7.0/200", "the attribute is not a number"),
            ("\u{1b}[2J", "OBIS"),
        ] {
            let error = text.parse::<ObjectSpec>().unwrap_err().to_string();
            assert!(error.contains(wanted), "{text:?}: {error}");
            assert!(error.contains("3/1-1:32.7.0/2"), "{error}");
            assert!(!error.contains('\u{1b}'));
        }
    }

    proptest! {
        #![proptest_config(crate::cosem::repeatable())]

        #[test]
        fn printed_is_read_back(class in 1_u16.., code: [u8; 6], attribute: i8, raw: bool) {
            let obis = Obis(code);
            let spec = if raw {
                ObjectSpec::Attribute(AttributeRef { class, obis, attribute })
            } else {
                ObjectSpec::Value(obis)
            };
            prop_assert_eq!(parse(&spec.to_string()), spec);
        }

        #[test]
        fn never_panics(text: String) {
            let _ = text.parse::<ObjectSpec>();
        }
    }
}
