//! What the installation should have, so that values can be judged. The rule: what nobody said is not judged by.

use super::check::Wrong;

/// Nominal values where the meter is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Nominal {
    /// Volts between phase and neutral, as the meter shows them.
    pub voltage: Option<f64>,
    /// Hertz.
    pub frequency: Option<f64>,
}

impl Nominal {
    /// `120 V, 60 Hz`; empty where nothing was given.
    pub fn words(self) -> String {
        let voltage = self.voltage.map(|it| format!("{it} V"));
        let frequency = self.frequency.map(|it| format!("{it} Hz"));
        let given: Vec<_> = voltage.into_iter().chain(frequency).collect();
        given.join(", ")
    }

    pub(super) fn check(self, wrong: &mut Wrong) {
        if let Some(volts) = self.voltage
            && !(10.0..=500_000.0).contains(&volts)
        {
            let problem =
                format!("{volts} is not 10 to 500000 V; between phase and neutral, such as 120");
            wrong.add("nominal-voltage", problem);
        }
        if let Some(hertz) = self.frequency
            && !(10.0..=100.0).contains(&hertz)
        {
            let problem = format!("{hertz} is not 10 to 100 Hz; such as 50 or 60");
            wrong.add("nominal-frequency", problem);
        }
    }
}

/// A number as people write it; nothing, or `none`, takes it away.
pub fn nominal(text: &str) -> Result<Option<f64>, String> {
    let text = text.trim();
    if text.is_empty() || text == "none" {
        return Ok(None);
    }
    text.parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
        .map(Some)
        .ok_or_else(|| format!("{text:?} is not a number; write 120 or 60, or none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Definition;

    #[test]
    fn said_read_and_judged() {
        assert_eq!(nominal(" 127.5"), Ok(Some(127.5)));
        assert_eq!((nominal(""), nominal("none")), (Ok(None), Ok(None)));
        for text in ["1 V", "inf", "NaN", "12O"] {
            assert!(nominal(text).unwrap_err().contains("none"), "{text}");
        }
        let mut meter = Definition::new("m", "h", 1);
        assert_eq!(meter.nominal.words(), "");
        meter.nominal = Nominal {
            voltage: Some(120.0),
            frequency: Some(60.0),
        };
        assert_eq!(meter.nominal.words(), "120 V, 60 Hz");
        assert_eq!(meter.check(), Ok(()));
        meter.nominal.voltage = Some(5.0);
        meter.nominal.frequency = Some(6000.0);
        let wrong = meter.check().unwrap_err();
        let fields: Vec<_> = wrong.iter().map(|it| it.field).collect();
        assert_eq!(fields, ["nominal-voltage", "nominal-frequency"]);
    }
}
