//! Electricity codes (A = 1) by rule: C says what is measured, D how it is processed, E which tariff or harmonic.
//! IEC 62056-61; what the rule does not know it names by number rather than guess.

use super::Obis;

/// A code of medium electricity, taken apart.
pub(super) struct Measurement {
    quantity: Quantity,
    phase: Phase,
    form: Form,
    detail: Detail,
}

#[derive(Clone, Copy)]
enum Quantity {
    /// A power, whose time integral is an energy: noun, direction, key of the direction.
    Power(&'static str, &'static str, &'static str),
    /// Anything else: name and key.
    Other(&'static str, &'static str),
    /// A²h and V²h: an integral by nature.
    Integral(&'static str, &'static str),
}

#[derive(Clone, Copy)]
struct Phase(&'static str, &'static str);

/// How a value came about. `demand` precedes a power, `other` any other quantity.
#[derive(Clone, Copy)]
struct Form {
    demand: &'static str,
    other: &'static str,
    after: &'static str,
    scheme: Option<u8>,
    integral: bool,
    /// `None`: not a measurement anyone keys by name.
    key: Option<&'static str>,
    class: Option<u16>,
}

enum Detail {
    Total,
    Tariff(u8),
    Harmonic(u8),
    Distortion(&'static str, &'static str),
    Angle(Pole, Pole),
    Unknown(u8),
}

#[derive(Clone, Copy)]
struct Pole(&'static str, &'static str);

impl Measurement {
    pub(super) fn of(obis: Obis) -> Option<Self> {
        let [1, _, c, d, e, _] = obis.0 else {
            return None;
        };
        let (quantity, phase) = quantity(c)?;
        Some(Self {
            quantity,
            phase,
            form: form(d)?,
            detail: detail(c, d, e),
        })
    }

    /// `short` leaves out the direction where it is import.
    pub(super) fn name(&self, short: bool) -> String {
        let form = self.form;
        let (what, lead) = match self.quantity {
            Quantity::Power(noun, direction, key) => {
                let direction = if short && key.is_empty() {
                    ""
                } else {
                    direction
                };
                let kind = if form.integral { "energy" } else { "power" };
                (
                    format!("{noun} {kind}{direction}{}", self.phase.0),
                    form.demand,
                )
            }
            Quantity::Other(name, _) if form.integral => {
                (format!("{name}{}, time integral", self.phase.0), form.other)
            }
            Quantity::Other(name, _) | Quantity::Integral(name, _) => {
                (format!("{name}{}", self.phase.0), form.other)
            }
        };
        let what = if lead.is_empty() {
            what
        } else {
            let mut letters = what.chars();
            let first = letters.next().into_iter().flat_map(char::to_lowercase);
            first.chain(letters).collect()
        };
        let (after, detail) = (form.after, self.detail.name());
        let scheme = form
            .scheme
            .map_or(String::new(), |n| format!(", scheme {n}"));
        format!("{lead}{what}{after}{scheme}{detail}")
    }

    /// Snake case; `None` where the code says more than the key could.
    pub(super) fn key(&self) -> Option<String> {
        let form = self.form;
        let form_key = form.key?;
        let key = match self.quantity {
            Quantity::Power(noun, _, direction) => {
                let kind = if form.integral { "energy" } else { "power" };
                format!("{}_{kind}{direction}", noun.to_lowercase())
            }
            Quantity::Integral(..) if !form.integral => return None,
            Quantity::Other(_, key) | Quantity::Integral(_, key) => key.to_owned(),
        };
        let integral = match self.quantity {
            Quantity::Other(..) if form.integral => "_integral",
            _ => "",
        };
        let (phase, detail) = (self.phase.1, self.detail.key()?);
        let scheme = form
            .scheme
            .map_or(String::new(), |n| format!("_scheme_{n}"));
        Some(format!("{key}{phase}{integral}{form_key}{scheme}{detail}"))
    }

    pub(super) fn class(&self) -> Option<u16> {
        self.form.class
    }
}

const IMPORT: &str = " import";
const EXPORT: &str = " export";

/// C from 1 to 20; 21…40 repeat it for L1, 41…60 for L2, 61…80 for L3.
const BASE: [Quantity; 20] = {
    use Quantity::{Other, Power};
    [
        Power("Active", IMPORT, ""),
        Power("Active", EXPORT, "_export"),
        Power("Reactive", IMPORT, ""),
        Power("Reactive", EXPORT, "_export"),
        Power("Reactive", " quadrant I", "_q1"),
        Power("Reactive", " quadrant II", "_q2"),
        Power("Reactive", " quadrant III", "_q3"),
        Power("Reactive", " quadrant IV", "_q4"),
        Power("Apparent", IMPORT, ""),
        Power("Apparent", EXPORT, "_export"),
        Other("Current", "current"),
        Other("Voltage", "voltage"),
        Other("Power factor", "power_factor"),
        Other("Frequency", "frequency"),
        Power("Active", " import plus export", "_sum"),
        Power("Active", " import minus export", "_net"),
        Power("Active", " quadrant I", "_q1"),
        Power("Active", " quadrant II", "_q2"),
        Power("Active", " quadrant III", "_q3"),
        Power("Active", " quadrant IV", "_q4"),
    ]
};

const PHASES: [Phase; 4] = [
    Phase("", ""),
    Phase(" L1", "_l1"),
    Phase(" L2", "_l2"),
    Phase(" L3", "_l3"),
];

fn quantity(c: u8) -> Option<(Quantity, Phase)> {
    use Quantity::{Integral, Other};
    let phase = |index: u8| PHASES.get(usize::from(index)).copied();
    let whole = |quantity| Some((quantity, Phase("", "")));
    match c {
        1..=80 => {
            let place = c.wrapping_sub(1);
            Some((*BASE.get(usize::from(place % 20))?, phase(place / 20)?))
        }
        81 => whole(Other("Phase angle", "phase_angle")),
        82 => whole(Other("Pulse count", "pulse_count")),
        83 => whole(Other("Transformer and line losses", "losses")),
        84..=87 => Some((
            Other("Power factor export", "power_factor_export"),
            phase(c.wrapping_sub(84))?,
        )),
        88 => whole(Integral("Ampere-squared hours", "ampere_squared_hours")),
        89 => whole(Integral("Volt-squared hours", "volt_squared_hours")),
        90 => whole(Other("Current sum", "current_sum")),
        91 => whole(Other("Current neutral", "current_neutral")),
        92 => whole(Other("Voltage neutral", "voltage_neutral")),
        124 => whole(Other("Voltage L1-L2", "voltage_l1_l2")),
        125 => whole(Other("Voltage L2-L3", "voltage_l2_l3")),
        126 => whole(Other("Voltage L3-L1", "voltage_l3_l1")),
        _ => None,
    }
}

fn form(d: u8) -> Option<Form> {
    let averaged = |demand, other, key, class| Form {
        demand,
        other,
        after: "",
        scheme: None,
        integral: false,
        key: Some(key),
        class,
    };
    let integral = |after, key| Form {
        after,
        integral: true,
        ..averaged("", "", key, Some(3))
    };
    let recorded = |form: Form, after, key| Form {
        after,
        key: Some(key),
        class: None,
        ..form
    };
    let watched = |text| Form {
        key: None,
        ..averaged(text, text, "", None)
    };
    let average = averaged("Average demand, ", "Average ", "", None);
    let minimum = averaged("Minimum demand, ", "Minimum ", "_min", Some(4));
    let maximum = averaged("Maximum demand, ", "Maximum ", "_max", Some(4));
    let first = ", recording interval 1";
    let second = ", recording interval 2";
    Some(match d {
        0 => averaged(
            "Billing-period average, ",
            "Billing-period average, ",
            "_billing_average",
            None,
        ),
        1 => averaged(
            "Cumulative minimum demand, ",
            "Cumulative minimum ",
            "_cumulative_min",
            Some(3),
        ),
        2 => averaged(
            "Cumulative maximum demand, ",
            "Cumulative maximum ",
            "_cumulative_max",
            Some(3),
        ),
        3 => minimum,
        4 => averaged(
            "Running average demand, ",
            "Running average ",
            "_running_average",
            Some(5),
        ),
        5 => averaged(
            "Last average demand, ",
            "Last average ",
            "_last_average",
            None,
        ),
        6 => maximum,
        7 => averaged("", "", "", Some(3)),
        8 => integral("", ""),
        9 => integral(", this billing period", "_this_billing_period"),
        10 => integral(", above threshold", "_above_threshold"),
        11..=16 => in_scheme(form(d.wrapping_sub(10))?, 2),
        17 => integral(", time integral 7", "_integral_7"),
        18 => integral(", time integral 8", "_integral_8"),
        19 => integral(", time integral 9", "_integral_9"),
        20 => integral(", time integral 10", "_integral_10"),
        21..=26 => in_scheme(form(d.wrapping_sub(20))?, 3),
        27 => in_scheme(form(4)?, 5),
        28 => in_scheme(form(4)?, 6),
        29 => integral(first, "_interval_1"),
        30 => integral(second, "_interval_2"),
        31..=45 => watched(*WATCHED.get(usize::from(d.wrapping_sub(31)))?),
        46 => averaged(
            "Contracted value, ",
            "Contracted value, ",
            "_contracted",
            Some(3),
        ),
        49 => recorded(average, first, "_average_interval_1"),
        50 => recorded(average, second, "_average_interval_2"),
        51 => recorded(minimum, first, "_min_interval_1"),
        52 => recorded(minimum, second, "_min_interval_2"),
        53 => recorded(maximum, first, "_max_interval_1"),
        54 => recorded(maximum, second, "_max_interval_2"),
        55 => averaged("Test average, ", "Test average, ", "_test_average", None),
        58 => integral(", test", "_test"),
        _ => return None,
    })
}

/// The second and third averaging scheme hold their values in registers of various classes.
fn in_scheme(form: Form, scheme: u8) -> Form {
    Form {
        scheme: Some(scheme),
        class: form.class.filter(|class| *class == 3),
        ..form
    }
}

/// D from 31 to 45.
const WATCHED: [&str; 15] = [
    "Under-limit threshold, ",
    "Under-limit occurrences, ",
    "Under-limit duration, ",
    "Under-limit magnitude, ",
    "Over-limit threshold, ",
    "Over-limit occurrences, ",
    "Over-limit duration, ",
    "Over-limit magnitude, ",
    "Missing threshold, ",
    "Missing occurrences, ",
    "Missing duration, ",
    "Missing magnitude, ",
    "Time threshold for under-limit, ",
    "Time threshold for over-limit, ",
    "Time threshold for missing, ",
];

fn detail(c: u8, d: u8, e: u8) -> Detail {
    let harmonics = matches!(
        c,
        11 | 12 | 31 | 32 | 51 | 52 | 71 | 72 | 90..=92 | 124..=126
    );
    match (d, e) {
        // x = to, y = from: 81.7.xy is the angle from pole y to pole x.
        (7, _) if c == 81 => match (pole(e / 10), pole(e % 10)) {
            (Some(to), Some(from)) => Detail::Angle(from, to),
            _ => Detail::Unknown(e),
        },
        (_, 0) => Detail::Total,
        (7, 1..=120) if harmonics => Detail::Harmonic(e),
        (7, 124) if harmonics => Detail::Distortion(", total harmonic distortion", "_thd"),
        (7, 125) if harmonics => Detail::Distortion(", total demand distortion", "_tdd"),
        (0..=6 | 8..=16 | 21..=23 | 25..=30 | 46 | 49..=54, 1..=63) => Detail::Tariff(e),
        _ => Detail::Unknown(e),
    }
}

fn pole(digit: u8) -> Option<Pole> {
    Some(match digit {
        0 => Pole("U L1", "u1"),
        1 => Pole("U L2", "u2"),
        2 => Pole("U L3", "u3"),
        4 => Pole("I L1", "i1"),
        5 => Pole("I L2", "i2"),
        6 => Pole("I L3", "i3"),
        7 => Pole("I N", "in"),
        _ => return None,
    })
}

impl Detail {
    fn name(&self) -> String {
        match self {
            Self::Total => String::new(),
            Self::Tariff(n) => format!(", tariff {n}"),
            Self::Harmonic(n) => format!(", harmonic {n}"),
            Self::Distortion(name, _) => (*name).to_owned(),
            Self::Angle(from, to) => format!(" from {} to {}", from.0, to.0),
            Self::Unknown(e) => format!(", E={e}"),
        }
    }

    fn key(&self) -> Option<String> {
        Some(match self {
            Self::Total => String::new(),
            Self::Tariff(n) => format!("_t{n}"),
            Self::Harmonic(n) => format!("_h{n}"),
            Self::Distortion(_, key) => (*key).to_owned(),
            Self::Angle(from, to) => format!("_{}_{}", from.1, to.1),
            Self::Unknown(_) => return None,
        })
    }
}
