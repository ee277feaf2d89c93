//! What a meter says it is: its serial number and firmware. The rule: it is asked once an association, for what was not in
//! vain before, and never in a way that costs the association twice.

use crate::cosem::{AttributeRef, Data, Obis, data::printable};
use std::fmt;

/// Text longer than this is no serial number.
const LONGEST: usize = 64;

/// As text; `None` where the meter does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub serial: Option<String>,
    pub firmware: Option<String>,
}

/// What is asked for, in this order: device ID 1, and the active firmware (Blue Book, abstract objects and 1-0:0.2.0).
pub(super) const ASKED: [AttributeRef; 2] = [
    value(Obis::new(0, 0, 96, 1, 0, 255)),
    value(Obis::new(1, 0, 0, 2, 0, 255)),
];

const fn value(obis: Obis) -> AttributeRef {
    AttributeRef {
        class: 1,
        obis,
        attribute: 2,
    }
}

impl Identity {
    pub(super) fn of(answers: [Option<Data>; 2]) -> Self {
        let [serial, firmware] = answers.map(|data| text(&data?));
        Self { serial, firmware }
    }

    /// How `now` shows another meter or other firmware than this; what one of them does not say is no difference.
    pub fn differs(&self, now: &Self) -> Option<Change> {
        let changed = |what, before: &Option<String>, now: &Option<String>| {
            let (before, now) = (before.as_ref()?, now.as_ref()?);
            (before != now).then(|| Change {
                what,
                before: before.clone(),
                now: now.clone(),
            })
        };
        changed("serial", &self.serial, &now.serial)
            .or_else(|| changed("firmware", &self.firmware, &now.firmware))
    }

    /// What it does not say now it said before.
    pub(super) fn or(self, before: Option<&Self>) -> Self {
        let before = before.cloned().unwrap_or_default();
        Self {
            serial: self.serial.or(before.serial),
            firmware: self.firmware.or(before.firmware),
        }
    }
}

/// Another meter, or another firmware, in the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    what: &'static str,
    before: String,
    now: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, before, now } = self;
        write!(f, "meter changed: {what} {before} -> {now}")
    }
}

/// Octets that are text as text, others in hex; control characters made visible.
fn text(data: &Data) -> Option<String> {
    let text = match data {
        Data::OctetString(octets) | Data::VisibleString(octets) | Data::Utf8String(octets)
            if octets.is_ascii() =>
        {
            String::from_utf8_lossy(octets).trim().to_owned()
        }
        other => other.to_text(),
    };
    let text: String = printable(&text).chars().take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}
