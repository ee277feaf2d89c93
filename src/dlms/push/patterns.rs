//! Lists that do not say what they hold: there the position, or the list's name, gives the meaning.
//! The rule: only what the makers' published lists say; a list that is not here keeps its raw values.

use crate::cosem::{Data, Obis, ScalerUnit, Unit};

/// A maker's list, by the identifier it sends.
#[derive(Debug)]
pub(super) struct Pattern {
    /// For people and JSON.
    pub name: &'static str,
    identifier: &'static str,
    /// Scaler and unit of what is sent without.
    scale: fn(Obis) -> Option<ScalerUnit>,
}

/// Kaifa, Norway and Sweden (`KFM_001`).
static KAIFA: Pattern = Pattern {
    name: "Kaifa",
    identifier: "KFM_001",
    scale: kaifa,
};

static PATTERNS: [&Pattern; 3] = [
    &KAIFA,
    &Pattern {
        name: "Kamstrup",
        identifier: "Kamstrup_V0001",
        scale: kamstrup,
    },
    // Says everything itself.
    &Pattern {
        name: "Aidon",
        identifier: "AIDON_V0001",
        scale: |_| None,
    },
];

impl Pattern {
    pub(super) fn scale(&self, obis: Obis) -> Option<ScalerUnit> {
        (self.scale)(obis)
    }
}

pub(super) fn by_identifier(text: &[u8]) -> Option<&'static Pattern> {
    PATTERNS
        .into_iter()
        .find(|pattern| pattern.identifier.as_bytes() == text)
}

/// What each position of `elements` means; `tagged_time`: the date-time of the notification had a tag, as only Kaifa
/// writes it.
pub(super) fn by_position(
    elements: &[Data],
    tagged_time: bool,
) -> Option<(&'static Pattern, Vec<Obis>)> {
    if tagged_time && let [Data::DoubleLongUnsigned(_)] = elements {
        return Some((&KAIFA, vec![total(1, 7)]));
    }
    let named = elements.first()?.as_octets() == Some(KAIFA.identifier.as_bytes());
    if !named {
        return None;
    }
    let mut meaning = vec![
        Obis::new(1, 0, 0, 2, 129, 255),
        Obis::new(0, 0, 96, 1, 0, 255),
        Obis::new(0, 0, 96, 1, 7, 255),
    ];
    meaning.extend([1, 2, 3, 4].map(|c| total(c, 7)));
    match elements.len() {
        9 | 14 => meaning.extend([31, 32].map(|c| total(c, 7))),
        13 | 18 => meaning.extend([31, 51, 71, 32, 52, 72].map(|c| total(c, 7))),
        _ => return None,
    }
    if matches!(elements.len(), 14 | 18) {
        meaning.push(CLOCK);
        meaning.extend([1, 2, 3, 4].map(|c| total(c, 8)));
    }
    Some((&KAIFA, meaning))
}

pub(super) const CLOCK: Obis = Obis::new(0, 0, 1, 0, 0, 255);

/// Where meters put the identifier of their list: C 0, D 2, E 129.
pub(super) const fn is_list_identifier(obis: Obis) -> bool {
    matches!(obis.0, [_, _, 0, 2, 129, _])
}

const fn total(c: u8, d: u8) -> Obis {
    Obis::new(1, 0, c, d, 0, 255)
}

const fn unit(scaler: i8, unit: u8) -> ScalerUnit {
    ScalerUnit {
        scaler,
        unit: Unit(unit),
    }
}

/// W, var, mA, 0.1 V, Wh, varh.
fn kaifa(obis: Obis) -> Option<ScalerUnit> {
    match obis.0 {
        [1, _, 1 | 2, 7, 0, 255] => Some(unit(0, 27)),
        [1, _, 3 | 4, 7, 0, 255] => Some(unit(0, 29)),
        [1, _, 31 | 51 | 71, 7, 0, 255] => Some(unit(-3, 33)),
        [1, _, 32 | 52 | 72, 7, 0, 255] => Some(unit(-1, 35)),
        [1, _, 1 | 2, 8, 0, 255] => Some(unit(0, 30)),
        [1, _, 3 | 4, 8, 0, 255] => Some(unit(0, 32)),
        _ => None,
    }
}

/// W, var, 0.01 A, V, 10 Wh, 10 varh.
fn kamstrup(obis: Obis) -> Option<ScalerUnit> {
    match obis.0 {
        [1, _, 1 | 2, 7, 0, 255] => Some(unit(0, 27)),
        [1, _, 3 | 4, 7, 0, 255] => Some(unit(0, 29)),
        [1, _, 31 | 51 | 71, 7, 0, 255] => Some(unit(-2, 33)),
        [1, _, 32 | 52 | 72, 7, 0, 255] => Some(unit(0, 35)),
        [1, _, 1 | 2, 8, 0, 255] => Some(unit(1, 30)),
        [1, _, 3 | 4, 8, 0, 255] => Some(unit(1, 32)),
        _ => None,
    }
}
