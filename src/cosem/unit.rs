//! Unit codes of `scaler_unit` (Blue Book, class 3; IEC 62056-62). An unknown code stays a number, none is guessed.

use super::{Data, Decimal};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit(pub u8);

impl Unit {
    pub const NONE: Self = Self(255);

    /// `V`, `Wh`, …; empty for 255 (no unit) and for codes the table does not name.
    pub fn symbol(self) -> &'static str {
        self.row().map_or("", |(_, symbol, _)| symbol)
    }

    /// `volt`, `watt-hour`, …
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|(_, _, name)| *name)
    }

    fn row(self) -> Option<&'static (u8, &'static str, &'static str)> {
        let index = UNITS.binary_search_by_key(&self.0, |row| row.0).ok()?;
        UNITS.get(index)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScalerUnit {
    pub scaler: i8,
    pub unit: Unit,
}

impl ScalerUnit {
    /// `structure { integer, enum }`; tolerant of other integer types whose value fits.
    pub fn from_data(data: &Data) -> Option<Self> {
        let [scaler, unit] = data.elements()? else {
            return None;
        };
        Some(Self {
            scaler: i8::try_from(scaler.as_integer()?).ok()?,
            unit: Unit(u8::try_from(unit.as_integer()?).ok()?),
        })
    }

    pub fn to_data(self) -> Data {
        Data::Structure(vec![Data::Integer(self.scaler), Data::Enum(self.unit.0)])
    }

    pub fn apply(self, raw: i128) -> Decimal {
        Decimal::new(raw, self.scaler)
    }
}

/// Code, symbol, name; in order of code.
#[rustfmt::skip]
const UNITS: &[(u8, &str, &str)] = &[
    (1, "a", "year"),
    (2, "mo", "month"),
    (3, "wk", "week"),
    (4, "d", "day"),
    (5, "h", "hour"),
    (6, "min", "minute"),
    (7, "s", "second"),
    (8, "°", "degree"),
    (9, "°C", "degree Celsius"),
    (10, "currency", "local currency"),
    (11, "m", "metre"),
    (12, "m/s", "metre per second"),
    (13, "m³", "cubic metre"),
    (14, "m³ corr", "corrected cubic metre"),
    (15, "m³/h", "cubic metre per hour"),
    (16, "m³/h corr", "corrected cubic metre per hour"),
    (17, "m³/d", "cubic metre per day"),
    (18, "m³/d corr", "corrected cubic metre per day"),
    (19, "l", "litre"),
    (20, "kg", "kilogram"),
    (21, "N", "newton"),
    (22, "Nm", "newton metre"),
    (23, "Pa", "pascal"),
    (24, "bar", "bar"),
    (25, "J", "joule"),
    (26, "J/h", "joule per hour"),
    (27, "W", "watt"),
    (28, "VA", "volt-ampere"),
    (29, "var", "var"),
    (30, "Wh", "watt-hour"),
    (31, "VAh", "volt-ampere-hour"),
    (32, "varh", "var-hour"),
    (33, "A", "ampere"),
    (34, "C", "coulomb"),
    (35, "V", "volt"),
    (36, "V/m", "volt per metre"),
    (37, "F", "farad"),
    (38, "Ω", "ohm"),
    (39, "Ωm", "ohm metre"),
    (40, "Wb", "weber"),
    (41, "T", "tesla"),
    (42, "A/m", "ampere per metre"),
    (43, "H", "henry"),
    (44, "Hz", "hertz"),
    (45, "1/Wh", "active energy meter constant (per watt-hour)"),
    (46, "1/varh", "reactive energy meter constant (per var-hour)"),
    (47, "1/VAh", "apparent energy meter constant (per volt-ampere-hour)"),
    (48, "V²h", "volt-squared hour"),
    (49, "A²h", "ampere-squared hour"),
    (50, "kg/s", "kilogram per second"),
    (51, "S", "siemens"),
    (52, "K", "kelvin"),
    (53, "1/(V²h)", "volt-squared hour meter constant"),
    (54, "1/(A²h)", "ampere-squared hour meter constant"),
    (55, "1/m³", "volume meter constant (per cubic metre)"),
    (56, "%", "percent"),
    (57, "Ah", "ampere-hour"),
    (60, "Wh/m³", "watt-hour per cubic metre"),
    (61, "J/m³", "joule per cubic metre (Wobbe)"),
    (62, "mol%", "mole percent"),
    (63, "g/m³", "gram per cubic metre"),
    (64, "Pa·s", "pascal second"),
    (65, "J/kg", "joule per kilogram"),
    (66, "g/cm²", "gram per square centimetre"),
    (67, "atm", "atmosphere"),
    (70, "dBm", "decibel-milliwatt"),
    (71, "dBµV", "decibel-microvolt"),
    (72, "dB", "decibel"),
    (128, "in", "inch"),
    (129, "ft", "foot"),
    (130, "lb", "pound"),
    (131, "°F", "degree Fahrenheit"),
    (132, "°R", "degree Rankine"),
    (133, "in²", "square inch"),
    (134, "ft²", "square foot"),
    (135, "acre", "acre"),
    (136, "in³", "cubic inch"),
    (137, "ft³", "cubic foot"),
    (138, "acre-ft", "acre-foot"),
    (139, "gal(UK)", "imperial gallon"),
    (140, "gal(US)", "US gallon"),
    (141, "lbf", "pound force"),
    (142, "psi", "pound force per square inch"),
    (143, "lb/ft³", "pound per cubic foot"),
    (144, "lb/(ft·s)", "pound per foot second"),
    (145, "ft²/s", "square foot per second"),
    (146, "Btu", "British thermal unit"),
    (147, "thm(EU)", "therm (EU)"),
    (148, "thm(US)", "therm (US)"),
    (149, "Btu/lb", "British thermal unit per pound"),
    (150, "Btu/ft³", "British thermal unit per cubic foot"),
    (151, "ft³", "cubic feet"),
    (152, "ft/s", "foot per second"),
    (153, "ft³/s", "cubic foot per second"),
    (154, "ft³/min", "cubic foot per minute"),
    (155, "ft³/h", "cubic foot per hour"),
    (156, "ft³/d", "cubic foot per day"),
    (157, "acre-ft/s", "acre-foot per second"),
    (158, "acre-ft/min", "acre-foot per minute"),
    (159, "acre-ft/h", "acre-foot per hour"),
    (160, "acre-ft/d", "acre-foot per day"),
    (161, "gal(UK)", "imperial gallon"),
    (162, "gal(UK)/s", "imperial gallon per second"),
    (163, "gal(UK)/min", "imperial gallon per minute"),
    (164, "gal(UK)/h", "imperial gallon per hour"),
    (165, "gal(UK)/d", "imperial gallon per day"),
    (166, "gal(US)", "US gallon"),
    (167, "gal(US)/s", "US gallon per second"),
    (168, "gal(US)/min", "US gallon per minute"),
    (169, "gal(US)/h", "US gallon per hour"),
    (170, "gal(US)/d", "US gallon per day"),
    (171, "Btu/s", "British thermal unit per second"),
    (172, "Btu/min", "British thermal unit per minute"),
    (173, "Btu/h", "British thermal unit per hour"),
    (174, "Btu/d", "British thermal unit per day"),
    (254, "other", "other unit"),
    (255, "", "no unit (count)"),
];

#[cfg(test)]
mod tests {
    use super::{Data, ScalerUnit, UNITS, Unit};

    #[test]
    fn the_units_of_an_electricity_meter() {
        for (code, symbol) in [
            (27, "W"),
            (28, "VA"),
            (29, "var"),
            (30, "Wh"),
            (31, "VAh"),
            (32, "varh"),
            (33, "A"),
            (35, "V"),
            (44, "Hz"),
            (8, "°"),
            (9, "°C"),
            (56, "%"),
            (255, ""),
            (170, "gal(US)/d"),
        ] {
            assert_eq!(Unit(code).symbol(), symbol, "{code}");
        }
        assert_eq!(Unit(35).name(), Some("volt"));
        assert_eq!(Unit::NONE.name(), Some("no unit (count)"));
    }

    #[test]
    fn unknown_codes_have_no_symbol() {
        for code in [0, 58, 59, 68, 69, 73, 127, 175, 253] {
            assert_eq!(
                (Unit(code).symbol(), Unit(code).name()),
                ("", None),
                "{code}"
            );
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(UNITS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(UNITS.len(), 117);
    }

    #[test]
    fn scaler_unit_as_meters_send_it() {
        let (data, used) = Data::decode(&[0x02, 0x02, 0x0F, 0xFE, 0x16, 0x23]).unwrap();
        let scaler_unit = ScalerUnit::from_data(&data).unwrap();
        assert_eq!(used, 6);
        assert_eq!(
            scaler_unit,
            ScalerUnit {
                scaler: -2,
                unit: Unit(35)
            }
        );
        assert_eq!(scaler_unit.apply(13540).to_string(), "135.40");
        assert_eq!(scaler_unit.to_data(), data);
    }

    #[test]
    fn scaler_unit_in_other_integers_but_not_in_nonsense() {
        let pair = |a, b| ScalerUnit::from_data(&Data::Structure(vec![a, b]));
        assert_eq!(
            pair(Data::Long(-3), Data::Unsigned(33)),
            Some(ScalerUnit {
                scaler: -3,
                unit: Unit(33)
            })
        );
        assert_eq!(pair(Data::Long(300), Data::Enum(33)), None);
        assert_eq!(pair(Data::Integer(0), Data::Integer(-1)), None);
        assert_eq!(pair(Data::Null, Data::Enum(255)), None);
        assert_eq!(
            ScalerUnit::from_data(&Data::Structure(vec![Data::Integer(0)])),
            None
        );
        assert_eq!(ScalerUnit::from_data(&Data::Null), None);
    }
}
