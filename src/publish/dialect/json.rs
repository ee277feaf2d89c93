//! `json`: topic `meters/{device}/telemetry`, one object per poll:
//! `{"device_id":…,"ts":ms,"seq":n,"measurements":{KEY:{"obis","value","unit_code","raw_value","description"}}}`,
//! a failed read as `{"obis","error"}`. `unit_code` is null where the object has no unit. Phase voltages and currents
//! are described in the words of the bridge this payload comes from, which receivers may look for.

use super::value::{Members, Value, quoted, topic_level};
use super::{Device, of_device};
use crate::cosem::Obis;
use crate::meter::{Poll, Reading};
use crate::store::{Kind, Message};

pub(super) fn render(device: &Device, seq: u64, poll: &Poll) -> Message {
    let topic = format!("meters/{}/telemetry", topic_level(&device.name));
    of_device(
        Kind::Telemetry,
        device,
        topic,
        payload(&device.name, seq, poll),
    )
}

pub(super) fn payload(device: &str, seq: u64, poll: &Poll) -> String {
    let mut out = format!(
        r#"{{"device_id":{},"ts":{},"seq":{seq},"measurements":{{"#,
        quoted(device),
        poll.at.as_millisecond()
    );
    let mut object = Members::new(&mut out);
    for reading in &poll.readings {
        object.member(&reading.key, &measurement(reading));
    }
    out.push_str("}}");
    out
}

pub(super) fn measurement(reading: &Reading) -> String {
    let obis = quoted(&format!("{:#}", reading.obis()));
    let data = match &reading.value {
        Ok(data) => data,
        Err(error) => {
            let error = quoted(&error.to_string());
            return format!(r#"{{"obis":{obis},"error":{error}}}"#);
        }
    };
    let mut raw = data.to_json().to_string();
    let value = match Value::of(reading, data) {
        Value::Literal(literal) => literal,
        Value::Text(text) => quoted(&text),
        Value::NotANumber => "null".to_owned(),
        Value::Secret => {
            "null".clone_into(&mut raw);
            "null".to_owned()
        }
    };
    let unit = reading
        .scaler_unit
        .map_or_else(|| "null".to_owned(), |it| it.unit.0.to_string());
    format!(
        r#"{{"obis":{obis},"value":{value},"unit_code":{unit},"raw_value":{raw},"description":{}}}"#,
        quoted(&description(reading.obis())),
    )
}

pub(super) fn description(obis: Obis) -> String {
    let (phase, what) = match obis.0 {
        [1, _, 31, 7, 0, _] => ('A', "current"),
        [1, _, 32, 7, 0, _] => ('A', "voltage"),
        [1, _, 51, 7, 0, _] => ('B', "current"),
        [1, _, 52, 7, 0, _] => ('B', "voltage"),
        [1, _, 71, 7, 0, _] => ('C', "current"),
        [1, _, 72, 7, 0, _] => ('C', "voltage"),
        _ => return obis.describe(),
    };
    format!("Phase {phase} instantaneous {what}")
}
