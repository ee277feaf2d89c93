//! The generic meter's objects: channel 0, each class where the standard puts it, and a different data type for nearly
//! every quantity, so that a reader that expects one type is found out.

use super::{
    AMPERE, CURRENT, DEGREE, HERTZ, LOAD_PROFILE, NO_UNIT, Number, Object, POWER_FACTOR, Quantity,
    Register, SUMS, Source, Text, VOLT, VOLTAGE, WATT, Way, energy_unit, power_unit,
};
use crate::cosem::Obis;
use crate::simulator::load::Counted;

const fn number(quantity: Quantity, scaler: i8, unit: u8, number: Number) -> Source {
    Source::Register(Register {
        quantity,
        scaler,
        unit,
        number,
    })
}

const fn register(c: u8, d: u8, e: u8, source: Source) -> Object {
    Object::new(3, 0, Obis::new(1, 0, c, d, e, 255), source)
}

pub(super) fn objects() -> Vec<Object> {
    let mut all = abstract_objects();
    all.extend(sums());
    all.extend(phases());
    all.extend(demand());
    all
}

fn abstract_objects() -> Vec<Object> {
    let a = |c, d, e| Obis::new(0, 0, c, d, e, 255);
    let text = |obis, text| Object::new(1, 0, obis, Source::Text(text));
    let count = |obis, quantity, number_type| {
        Object::new(1, 0, obis, number(quantity, 0, NO_UNIT, number_type))
    };
    vec![
        Object::new(8, 0, a(1, 0, 0), Source::Clock),
        Object::new(23, 1, a(22, 0, 0), Source::HdlcSetup),
        Object::new(15, 1, a(40, 0, 0), Source::Association),
        Object::new(17, 0, a(41, 0, 0), Source::SapAssignment),
        text(a(42, 0, 0), Text::LogicalDeviceName),
        Object::new(64, 1, a(43, 0, 0), Source::SecuritySetup),
        counter(0),
        counter(1),
        counter(2),
        Object::new(18, 0, a(44, 0, 0), Source::ImageTransfer),
        text(a(96, 1, 0), Text::Serial),
        text(a(96, 1, 1), Text::Model),
        Object::new(1, 0, a(96, 1, 9), Source::Note),
        Object::new(70, 0, a(96, 3, 10), Source::Relay),
        LOAD_PROFILE,
        text(Obis::new(1, 0, 0, 2, 0, 255), Text::Firmware),
        count(a(96, 7, 21), Quantity::Constant(4), Number::LongUnsigned),
        count(a(96, 14, 0), Quantity::Tariff, Number::Unsigned),
        count(
            a(97, 97, 0),
            Quantity::Constant(0),
            Number::DoubleLongUnsigned,
        ),
        Object::new(1, 0, a(96, 2, 1), Source::Stamp { days_ago: 90 }),
    ]
}

fn counter(suite: u8) -> Object {
    let obis = Obis::new(0, 0, 43, 1, suite, 255);
    Object::new(1, 0, obis, Source::InvocationCounter { suite })
}

fn sums() -> Vec<Object> {
    let mut rows = Vec::new();
    for (c, counted, way) in SUMS {
        for e in 0..=4 {
            let total = Quantity::Energy(counted, way, e);
            let kind = if c == 1 {
                Number::Long64Unsigned
            } else {
                Number::DoubleLongUnsigned
            };
            rows.push(register(
                c,
                8,
                e,
                number(total, 0, energy_unit(counted), kind),
            ));
        }
        let now = Quantity::Power(counted, way, None);
        let source = number(now, -1, power_unit(counted), Number::DoubleLongUnsigned);
        rows.push(register(c, 7, 0, source));
    }
    let power_factor = Quantity::PowerFactor(None);
    rows.push(register(
        13,
        7,
        0,
        number(power_factor, -3, NO_UNIT, Number::LongUnsigned),
    ));
    rows.push(register(
        14,
        7,
        0,
        number(Quantity::Frequency, -2, HERTZ, Number::LongUnsigned),
    ));
    rows
}

fn phases() -> Vec<Object> {
    let mut rows = Vec::new();
    for phase in 0..3u8 {
        let at = usize::from(phase);
        let c = 20 * (phase + 1);
        for (sum, counted, way) in SUMS {
            let now = Quantity::Power(counted, way, Some(at));
            let source = number(now, -1, power_unit(counted), Number::DoubleLongUnsigned);
            rows.push(register(sum + c, 7, 0, source));
            if way == Way::In {
                let total = Quantity::PhaseEnergy(counted, at);
                let unit = energy_unit(counted);
                let source = number(total, 0, unit, Number::DoubleLongUnsigned);
                rows.push(register(sum + c, 8, 0, source));
            }
        }
        for (group, quantity, scaler, unit, kind) in [
            (
                CURRENT,
                Quantity::Current(at),
                -3,
                AMPERE,
                Number::DoubleLongUnsigned,
            ),
            (
                VOLTAGE,
                Quantity::Voltage(at),
                -2,
                VOLT,
                Number::LongUnsigned,
            ),
            (
                POWER_FACTOR,
                Quantity::PowerFactor(Some(at)),
                -3,
                NO_UNIT,
                Number::LongUnsigned,
            ),
        ] {
            rows.push(register(
                group + c,
                7,
                0,
                number(quantity, scaler, unit, kind),
            ));
        }
    }
    for e in [1, 2, 4, 15, 26] {
        let angle = number(Quantity::Angle(e), -1, DEGREE, Number::LongUnsigned);
        rows.push(register(81, 7, e, angle));
    }
    rows
}

fn demand() -> Vec<Object> {
    let maximum = number(
        Quantity::MaximumDemand,
        -1,
        WATT,
        Number::DoubleLongUnsigned,
    );
    let rising = Quantity::RisingDemand(Counted::Active, Way::In);
    let rising = number(rising, -1, WATT, Number::DoubleLongUnsigned);
    vec![
        Object::new(4, 0, Obis::new(1, 0, 1, 6, 0, 255), maximum),
        Object::new(5, 0, Obis::new(1, 0, 1, 4, 0, 255), rising),
    ]
}
