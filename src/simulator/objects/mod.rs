//! The objects a simulated meter shows. One table per kind of meter, built once and shared by all of them: an entry says
//! where its value comes from, never the value itself.

mod generic;
mod microstar;

use super::load::Counted;
use super::profile::ProfileKind;
use crate::cosem::Obis;
use std::sync::{Arc, LazyLock};

/// One COSEM object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Object {
    pub class: u16,
    pub version: u8,
    pub obis: Obis,
    pub source: Source,
}

/// Where the value (attribute 2 and what goes with it) comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    Text(Text),
    Register(Register),
    /// A moment in the past, as a date-time; meters keep such stamps in class 1 or 3.
    Stamp {
        days_ago: u16,
    },
    Clock,
    Association,
    SapAssignment,
    HdlcSetup,
    /// Class 7, of the objects `captured` names.
    LoadProfile,
    /// An octet-string a client may write.
    Note,
    /// Class 70.
    Relay,
    /// Class 18.
    ImageTransfer,
    /// Class 64.
    SecuritySetup,
    /// The last invocation counter taken from a client of this suite.
    InvocationCounter {
        suite: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    Serial,
    LogicalDeviceName,
    Firmware,
    Model,
}

/// A number with its scaler and unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Register {
    pub quantity: Quantity,
    pub scaler: i8,
    /// Unit code (class 3, `scaler_unit`).
    pub unit: u8,
    pub number: Number,
}

/// The data type a register's value travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Unsigned,
    LongUnsigned,
    DoubleLong,
    DoubleLongUnsigned,
    Long64Unsigned,
}

/// What is measured, in the resolution of `load`. Phases count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Voltage(usize),
    Current(usize),
    Frequency,
    /// The household feeds nothing back: the outward direction stays at nothing.
    Power(Counted, Way, Option<usize>),
    PowerFactor(Option<usize>),
    /// Rate 0 is the total.
    Energy(Counted, Way, u8),
    PhaseEnergy(Counted, usize),
    /// Since the first of the month.
    Month(Counted, Way, u8),
    MonthPowerFactor(u8),
    /// Mean power of the demand interval that runs, as if it ended now.
    RisingDemand(Counted, Way),
    /// Mean power of the last whole demand interval.
    LastDemand,
    /// The highest mean power of any demand interval of this month.
    MaximumDemand,
    CumulativeDemand(Counted, Way, u8),
    /// 81.7.E: between two phasors, E = `to` × 10 + `from`; 0–2 U1–U3, 4–6 I1–I3. 0.1 degree.
    Angle(u8),
    Tariff,
    Constant(i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

/// Objects in the order of their logical names.
#[derive(Clone, Debug)]
pub struct Table {
    objects: Vec<Object>,
}

impl Table {
    fn new(mut objects: Vec<Object>) -> Self {
        objects.sort_by_key(|object| object.obis);
        objects.dedup_by_key(|object| object.obis);
        Self { objects }
    }

    pub fn find(&self, obis: Obis) -> Option<&Object> {
        let at = self
            .objects
            .binary_search_by_key(&obis, |object| object.obis)
            .ok()?;
        self.objects.get(at)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Object> {
        self.objects.iter()
    }

    /// The same with harmonics of voltages and currents added until there are `least` objects, channel by channel
    /// (65 channels of 720 are the end of it).
    pub(super) fn grown(&self, least: usize) -> Self {
        let harmonics = (0..=64u8).flat_map(|channel| {
            [31, 32, 51, 52, 71, 72].into_iter().flat_map(move |c| {
                (1..=120u8).map(move |order| Obis::new(1, channel, c, 7, order, 255))
            })
        });
        let mut all = self.clone();
        let missing = least.saturating_sub(all.objects.len());
        let new = harmonics.filter(|obis| self.find(*obis).is_none());
        all.objects.extend(new.take(missing).map(|obis| {
            let register = Register {
                quantity: Quantity::Constant(i32::from(obis.0[4])),
                scaler: -2,
                unit: NO_UNIT,
                number: Number::LongUnsigned,
            };
            Object::new(3, 0, obis, Source::Register(register))
        }));
        Self::new(all.objects)
    }
}

static MICROSTAR: LazyLock<Arc<Table>> =
    LazyLock::new(|| Arc::new(Table::new(microstar::objects())));
static GENERIC: LazyLock<Arc<Table>> = LazyLock::new(|| Arc::new(Table::new(generic::objects())));

/// The table of this kind of meter.
pub fn table(kind: ProfileKind) -> &'static Arc<Table> {
    match kind {
        ProfileKind::Microstar => &MICROSTAR,
        ProfileKind::Generic => &GENERIC,
    }
}

/// The registers the load profile keeps beside the time: energy, power and a voltage.
pub fn captured(kind: ProfileKind) -> [Obis; 3] {
    let channel = match kind {
        ProfileKind::Microstar => 1,
        ProfileKind::Generic => 0,
    };
    [(1, 8), (1, 7), (32, 7)].map(|(c, d)| Obis::new(1, channel, c, d, 0, 255))
}

const LOAD_PROFILE: Object = Object::new(7, 1, Obis::new(1, 0, 99, 1, 0, 255), Source::LoadProfile);

impl Object {
    const fn new(class: u16, version: u8, obis: Obis, source: Source) -> Self {
        Self {
            class,
            version,
            obis,
            source,
        }
    }

    /// Attributes are numbered from 1 to this (Blue Book, the versions used here).
    pub fn attributes(&self) -> i8 {
        match (self.class, self.version) {
            (3, _) => 3,
            (4, _) => 5,
            (5 | 8 | 23, _) | (15, 1) => 9,
            (7 | 15, _) => 8,
            (70, _) => 4,
            (18, _) => 7,
            (64, 1) => 6,
            _ => 2,
        }
    }

    /// Whether a client that proved itself may write this attribute.
    pub fn is_writable(&self, attribute: i8) -> bool {
        matches!(
            (self.source, attribute),
            (Source::Clock | Source::Note, 2) | (Source::Relay, 4) | (Source::ImageTransfer, 5)
        )
    }

    /// Whether a client that proved itself may run this method: setting the clock to the quarter, to the minute and by
    /// seconds; both relay commands; clearing the profile; transfer, verification and activation of an image.
    pub fn is_invocable(&self, method: i8) -> bool {
        matches!(
            (self.source, method),
            (Source::Clock, 1 | 3 | 6)
                | (Source::Relay, 1 | 2)
                | (Source::LoadProfile, 1)
                | (Source::ImageTransfer, 1..=4)
        )
    }

    /// Access selectors of this attribute: by range and by entry.
    pub fn selectors(&self, attribute: i8) -> &'static [i8] {
        match (self.source, attribute) {
            (Source::LoadProfile, 2) => &[1, 2],
            _ => &[],
        }
    }

    /// Methods are numbered from 1 to this.
    pub fn methods(&self) -> i8 {
        match self.class {
            3 | 4 => 1,
            5 | 7 | 70 => 2,
            8 => 6,
            15 | 18 => 4,
            64 => 8,
            _ => 0,
        }
    }
}

const VAR: u8 = 29;
const VAR_HOUR: u8 = 32;
const VOLT_AMPERE: u8 = 28;
const VOLT_AMPERE_HOUR: u8 = 31;
const WATT: u8 = 27;
const WATT_HOUR: u8 = 30;
const AMPERE: u8 = 33;
const VOLT: u8 = 35;
const HERTZ: u8 = 44;
const DEGREE: u8 = 8;
const NO_UNIT: u8 = 255;

const fn power_unit(counted: Counted) -> u8 {
    match counted {
        Counted::Active => WATT,
        Counted::Reactive => VAR,
        Counted::Apparent => VOLT_AMPERE,
    }
}

const fn energy_unit(counted: Counted) -> u8 {
    match counted {
        Counted::Active => WATT_HOUR,
        Counted::Reactive => VAR_HOUR,
        Counted::Apparent => VOLT_AMPERE_HOUR,
    }
}

/// Value group C of the six sums: P+ P− Q+ Q− S+ S−. Phases add 20, 40 and 60.
const SUMS: [(u8, Counted, Way); 6] = [
    (1, Counted::Active, Way::In),
    (2, Counted::Active, Way::Out),
    (3, Counted::Reactive, Way::In),
    (4, Counted::Reactive, Way::Out),
    (9, Counted::Apparent, Way::In),
    (10, Counted::Apparent, Way::Out),
];

/// Value group C of each phase before 20, 40 and 60 are added, for the quantities that have no sum.
const CURRENT: u8 = 11;
const VOLTAGE: u8 = 12;
const POWER_FACTOR: u8 = 13;
