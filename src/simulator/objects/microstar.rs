//! The Microstar's catalogue, channel 1 (vendor guide, appendix A.1, A.2, A.4): everything is class 3 there but the serial
//! number, stamps and counters too. Clock and class 4 demand are named in the guide's text; association, SAP assignment,
//! HDLC setup, device name and 96.1.0 are added because no LN meter is without them.

use super::{
    AMPERE, CURRENT, DEGREE, HERTZ, LOAD_PROFILE, NO_UNIT, Number, Object, POWER_FACTOR, Quantity,
    Register, SUMS, Source, Text, VOLT, VOLTAGE, WATT, energy_unit, power_unit,
};
use crate::cosem::Obis;
use crate::simulator::load::Counted;

/// Field meters send every register as double-long.
const fn number(quantity: Quantity, scaler: i8, unit: u8) -> Source {
    Source::Register(Register {
        quantity,
        scaler,
        unit,
        number: Number::DoubleLong,
    })
}

const fn register(obis: Obis, source: Source) -> Object {
    Object::new(3, 0, obis, source)
}

const fn constant(obis: Obis, value: i32) -> Object {
    register(obis, number(Quantity::Constant(value), 0, NO_UNIT))
}

const fn channel(c: u8, d: u8, e: u8) -> Obis {
    Obis::new(1, 1, c, d, e, 255)
}

pub(super) fn objects() -> Vec<Object> {
    let mut all = general();
    all.extend(sums());
    all.extend(phases());
    all.extend(manufacturer());
    all.extend(added());
    all
}

/// A.1.
fn general() -> Vec<Object> {
    let a = |c, d, e| Obis::new(1, 0, c, d, e, 255);
    let b = |c, d, e| Obis::new(0, 0, c, d, e, 255);
    let stamp = |obis, days_ago| register(obis, Source::Stamp { days_ago });
    vec![
        Object::new(1, 0, a(0, 0, 0), Source::Text(Text::Serial)),
        constant(a(0, 1, 0), 22),
        stamp(a(0, 1, 2), 12),
        constant(a(0, 3, 3), 1_600),
        constant(a(0, 3, 4), 1_600),
        constant(a(0, 4, 2), 1),
        constant(a(0, 4, 3), 1),
        constant(a(0, 4, 5), 1),
        constant(a(0, 4, 6), 1),
        constant(b(96, 2, 0), 3),
        stamp(b(96, 2, 1), 211),
        constant(b(96, 3, 0), 0),
        constant(b(96, 3, 3), 1),
        register(b(96, 14, 0), number(Quantity::Tariff, 0, NO_UNIT)),
        constant(b(96, 20, 5), 2),
        stamp(b(96, 20, 6), 211),
        stamp(b(96, 51, 4), 640),
        constant(b(97, 97, 0), 0),
    ]
}

/// A.2, the rows that belong to no phase.
fn sums() -> Vec<Object> {
    let mut rows = Vec::new();
    for (c, counted, way) in SUMS {
        let (power, energy) = (power_unit(counted), energy_unit(counted));
        for e in 0..=4 {
            let cumulative = Quantity::CumulativeDemand(counted, way, e);
            rows.push(register(channel(c, 2, e), number(cumulative, -1, power)));
            let total = Quantity::Energy(counted, way, e);
            rows.push(register(channel(c, 8, e), number(total, 0, energy)));
            let month = Quantity::Month(counted, way, e);
            rows.push(register(channel(c, 9, e), number(month, 0, energy)));
        }
        let now = Quantity::Power(counted, way, None);
        rows.push(register(channel(c, 7, 0), number(now, -1, power)));
        let rising = Quantity::RisingDemand(counted, way);
        rows.push(register(channel(c, 16, 0), number(rising, -1, power)));
    }
    for e in 0..=4 {
        let month = Quantity::MonthPowerFactor(e);
        rows.push(register(channel(13, 0, e), number(month, -3, NO_UNIT)));
    }
    let power_factor = number(Quantity::PowerFactor(None), -3, NO_UNIT);
    rows.push(register(channel(13, 7, 0), power_factor));
    rows.push(register(
        channel(14, 7, 0),
        number(Quantity::Frequency, -2, HERTZ),
    ));
    let sum = Quantity::Power(Counted::Active, super::Way::In, None);
    rows.push(register(channel(15, 7, 0), number(sum, -1, WATT)));
    rows
}

/// A.2, the phases and the angles between them.
fn phases() -> Vec<Object> {
    let mut rows = Vec::new();
    for phase in 0..3u8 {
        let at = usize::from(phase);
        let c = 20 * (phase + 1);
        for (sum, counted, way) in SUMS {
            let now = Quantity::Power(counted, way, Some(at));
            rows.push(register(
                channel(sum + c, 7, 0),
                number(now, -1, power_unit(counted)),
            ));
        }
        for (group, source) in [
            (CURRENT, number(Quantity::Current(at), -3, AMPERE)),
            (VOLTAGE, number(Quantity::Voltage(at), -2, VOLT)),
            (
                POWER_FACTOR,
                number(Quantity::PowerFactor(Some(at)), -3, NO_UNIT),
            ),
        ] {
            rows.push(register(channel(group + c, 7, 0), source));
        }
    }
    for e in [1, 2, 4, 15, 26, 45, 46] {
        rows.push(register(
            channel(81, 7, e),
            number(Quantity::Angle(e), -1, DEGREE),
        ));
    }
    rows
}

/// A.4.
fn manufacturer() -> Vec<Object> {
    let mut rows = vec![constant(Obis::new(0, 0, 10, 138, 103, 255), 1)];
    rows.push(constant(Obis::new(0, 0, 240, 23, 0, 255), 0));
    for e in 0..=4 {
        rows.push(constant(Obis::new(0, 0, 240, 26, e, 255), 0));
    }
    rows
}

fn added() -> Vec<Object> {
    let a = |c, d, e| Obis::new(0, 0, c, d, e, 255);
    vec![
        Object::new(8, 0, a(1, 0, 0), Source::Clock),
        LOAD_PROFILE,
        Object::new(15, 0, a(40, 0, 0), Source::Association),
        Object::new(17, 0, a(41, 0, 0), Source::SapAssignment),
        Object::new(1, 0, a(42, 0, 0), Source::Text(Text::LogicalDeviceName)),
        Object::new(23, 1, a(22, 0, 0), Source::HdlcSetup),
        Object::new(1, 0, a(96, 1, 0), Source::Text(Text::Serial)),
        Object::new(
            1,
            0,
            Obis::new(1, 0, 0, 2, 0, 255),
            Source::Text(Text::Firmware),
        ),
        Object::new(
            4,
            0,
            channel(1, 6, 0),
            number(Quantity::MaximumDemand, -1, WATT),
        ),
    ]
}
