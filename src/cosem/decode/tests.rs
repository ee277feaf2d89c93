//! Values as meters send them, decoded by name; and anything else, shown raw.

use super::{Decoded, decode};
use crate::cosem::Data;
use crate::cosem::data::BitString;
use proptest::prelude::*;
use serde_json::json;

fn octets(bytes: &[u8]) -> Data {
    Data::OctetString(bytes.to_vec())
}

fn text(class: u16, attribute: i8, data: &Data) -> String {
    decode(class, attribute, data).to_text()
}

#[test]
fn enums_and_flags_by_name() {
    assert_eq!(text(8, 9, &Data::Enum(1)), "internal crystal (1)");
    assert_eq!(text(70, 3, &Data::Enum(2)), "ready for reconnection (2)");
    assert_eq!(text(23, 2, &Data::Enum(5)), "9600 baud (5)");
    // A number the table does not name stays one.
    assert_eq!(decode(70, 3, &Data::Enum(9)), Decoded::Raw(Data::Enum(9)));
    let status = text(8, 4, &Data::Unsigned(0x81));
    assert_eq!(status, "invalid value, daylight saving active");
    assert_eq!(text(8, 4, &Data::Unsigned(0)), "none set");
    let credit = Data::BitString(BitString {
        bits: 8,
        bytes: vec![0b1000_0010],
    });
    assert_eq!(text(111, 4, &credit), "in credit, out of credit");
}

#[test]
fn octets_as_what_they_stand_for() {
    assert_eq!(
        text(41, 3, &octets(&[0, 0, 25, 1, 0, 255])),
        "0-0:25.1.0.255"
    );
    assert_eq!(
        text(43, 2, &octets(&[0, 0x1A, 2, 3, 4, 5])),
        "00:1A:02:03:04:05"
    );
    assert_eq!(
        text(42, 3, &Data::DoubleLongUnsigned(0xC0A8_0001)),
        "192.168.0.1"
    );
    assert_eq!(text(45, 2, &octets(b"internet")), "internet");
    let context = octets(&[0x60, 0x85, 0x74, 5, 8, 1, 1]);
    assert_eq!(text(15, 4, &context), "2.16.756.5.8.1.1");
    assert_eq!(text(15, 7, &octets(b"12345678")), "(not shown)");
    assert_eq!(decode(15, 7, &octets(b"12345678")).to_json(), json!(null));
}

#[test]
fn structures_with_their_field_names() {
    let scaler_unit = Data::Structure(vec![Data::Integer(-1), Data::Enum(35)]);
    assert_eq!(text(3, 3, &scaler_unit), "{scaler: -1, unit: V}");
    let day = Data::Structure(vec![
        octets(&[6, 0, 0, 0]),
        octets(&[0, 0, 10, 0, 100, 255]),
        Data::LongUnsigned(1),
    ]);
    let days = Data::Array(vec![Data::Structure(vec![
        Data::Unsigned(1),
        Data::Array(vec![day]),
    ])]);
    assert_eq!(
        decode(20, 5, &days).to_json(),
        json!([{"day": 1, "schedule": [
            {"start": "06:00:00", "script_table": "0-0:10.0.100.255", "selector": 1}]}])
    );
    let sap = Data::Array(vec![Data::Structure(vec![
        Data::LongUnsigned(1),
        octets(b"GRX0000000123456"),
    ])]);
    assert_eq!(
        text(17, 2, &sap),
        "[{sap: 1, logical_device_name: GRX0000000123456}]"
    );
}

/// Field orders and numbers as several independent implementations have them. One (gurux-dlms for Python) counts "no modem
/// connected" as 4; the others, its own siblings among them, as 3.
#[test]
fn the_rarer_classes() {
    assert_eq!(text(28, 2, &Data::Enum(3)), "no modem connected (3)");
    assert!(decode(28, 2, &Data::Enum(4)).is_raw());
    assert_eq!(text(28, 4, &Data::Enum(2)), "locked (2)");
    assert_eq!(text(24, 2, &Data::Enum(1)), "active (1)");
    assert_eq!(text(24, 3, &Data::Enum(5)), "9600 baud (5)");
    let relay = octets(&[0, 0, 96, 3, 10, 255]);
    let cell = Data::Structure(vec![
        Data::LongUnsigned(3),
        octets(&[1, 0, 32, 7, 0, 255]),
        Data::Array(vec![Data::Unsigned(1), Data::Unsigned(2)]),
        Data::Integer(2),
    ]);
    assert_eq!(
        text(61, 3, &cell),
        "{class: 3, object: 1-0:32.7.0.255, group_e: [1, 2], attribute: 2}"
    );
    let script = Data::Structure(vec![
        octets(&[0, 0, 10, 0, 106, 255]),
        Data::LongUnsigned(1),
    ]);
    assert_eq!(
        text(68, 2, &Data::Array(vec![script])),
        "[{script_table: 0-0:10.0.106.255, selector: 1}]"
    );
    let bits = Data::BitString(BitString {
        bits: 2,
        bytes: vec![0x80],
    });
    let status = Data::Structure(vec![Data::Enum(8), bits]);
    assert!(text(115, 6, &status).starts_with("{status: received, not yet processed (8), data: "));
    let active = Data::Structure(vec![octets(b"relay"), Data::Boolean(true)]);
    assert_eq!(
        text(122, 2, &Data::Array(vec![active])),
        "[{function: relay, active: true}]"
    );
    let object = Data::Structure(vec![Data::LongUnsigned(70), relay]);
    let function = Data::Structure(vec![octets(b"relay"), Data::Array(vec![object])]);
    assert_eq!(
        text(122, 3, &Data::Array(vec![function])),
        "[{function: relay, objects: [{class: 70, object: 0-0:96.3.10.255}]}]"
    );
}

#[test]
fn another_shape_is_shown_raw_and_whole() {
    let short = Data::Structure(vec![Data::Integer(1)]);
    for data in [Data::Null, short, octets(&[1, 2, 3])] {
        assert_eq!(decode(3, 3, &data), Decoded::Raw(data.clone()));
        assert_eq!(decode(41, 3, &data), Decoded::Raw(data.clone()));
        assert_eq!(decode(9999, 2, &data), Decoded::Raw(data.clone()));
    }
    let bell = octets(b"a\x07b");
    assert!(decode(45, 2, &bell).is_raw());
}

proptest! {
    #![proptest_config(crate::cosem::repeatable())]

    #[test]
    fn never_panics_and_never_drives_a_terminal(class in 1_u16..130, attribute: i8, bytes: Vec<u8>) {
        if let Ok((data, _)) = Data::decode(&bytes) {
            let decoded = decode(class, attribute, &data);
            prop_assert!(!decoded.to_text().chars().any(char::is_control));
            let _ = decoded.to_json();
        }
    }
}
