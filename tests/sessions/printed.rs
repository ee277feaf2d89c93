//! Whether a value of ours is the one their client printed as JSON.

use obiscope::cosem::{Data, DateTime};
use serde_json::Value;

fn hex(octets: &[u8]) -> String {
    octets
        .iter()
        .fold(String::new(), |hex, octet| format!("{hex}{octet:02X}"))
}

/// Raw: octets as hex digits, numbers as numbers, structures as lists.
pub fn same(printed: &Value, data: &Data) -> bool {
    match (printed, data) {
        (Value::Null, Data::Null) => true,
        (Value::Bool(printed), Data::Boolean(ours)) => printed == ours,
        (Value::String(printed), Data::VisibleString(ours) | Data::Utf8String(ours)) => {
            printed.as_bytes() == ours
        }
        (Value::String(printed), Data::OctetString(ours)) => *printed == hex(ours),
        (Value::Array(printed), _) => data.elements().is_some_and(|ours| {
            printed.len() == ours.len() && printed.iter().zip(ours).all(|(p, o)| same(p, o))
        }),
        (Value::Number(printed), _) => {
            let ours = data.as_integer().and_then(|n| i64::try_from(n).ok());
            ours.is_some() && printed.as_i64() == ours
        }
        _ => false,
    }
}

/// As gurux-dlms shows a value to a person: text for printable octets, month first in dates, a scaler as a factor.
pub fn same_shown(class: u16, attribute: i8, printed: &Value, data: &Data) -> bool {
    match (class, attribute) {
        (1, 2) => match (printed, data.as_octets()) {
            (Value::String(text), Some(octets)) => text.as_bytes() == octets,
            _ => same(printed, data),
        },
        (3, 3) => {
            let (Some([printed_scaler, printed_unit]), Some([scaler, unit])) =
                (printed.as_array().map(Vec::as_slice), data.elements())
            else {
                return false;
            };
            let exponent = scaler.as_integer().and_then(|n| i32::try_from(n).ok());
            let factor = exponent.map(|n| 10_f64.powi(n));
            same(printed_unit, unit)
                && factor
                    .zip(printed_scaler.as_f64())
                    .is_some_and(|(ours, theirs)| (ours - theirs).abs() < 1e-12)
        }
        (8, 2) => time(printed, data),
        _ => same(printed, data),
    }
}

/// `11/20/26 17:28:30:200000`: hundredths as microseconds, left out by some versions where they are 0.
fn time(printed: &Value, data: &Data) -> bool {
    let (Some(printed), Some(time)) = (printed.as_str(), data.as_date_time()) else {
        return false;
    };
    let Some(civil) = DateTime::civil(&time) else {
        return false;
    };
    let ours = civil.strftime("%m/%d/%y %H:%M:%S").to_string();
    let hundredths = time.time().hundredths().unwrap_or(0);
    printed == format!("{ours}:{:06}", u32::from(hundredths) * 10_000)
        || (hundredths == 0 && printed == ours)
}

/// A cell of a profile; numbers are multiplied with the scaler of the captured register where the client knew it.
pub fn same_cell(printed: &Value, data: &Data, scaler: Option<i32>) -> bool {
    match (printed, data) {
        (Value::Number(printed), _) => {
            let ours = data.as_integer().and_then(|n| i32::try_from(n).ok());
            let exact = ours.map(|n| f64::from(n) * 10_f64.powi(scaler.unwrap_or(0)));
            exact
                .zip(printed.as_f64())
                .is_some_and(|(ours, theirs)| (ours - theirs).abs() < 1e-9 * ours.abs().max(1.0))
        }
        _ => same(printed, data) || time(printed, data),
    }
}
