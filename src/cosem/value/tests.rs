//! Values that fit and values that do not.

use super::{Shape, parse, parse_typed};
use crate::cosem::{Data, decode};

#[track_caller]
fn fits(text: &str, before: &Data, wanted: &Data) {
    assert_eq!(parse(text, before, &Shape::Any).as_ref(), Ok(wanted));
}

#[track_caller]
fn refused(text: &str, before: &Data) -> String {
    parse(text, before, &Shape::Any).unwrap_err().to_string()
}

#[test]
fn numbers_keep_the_meter_s_type_and_range() {
    fits(
        "900",
        &Data::DoubleLongUnsigned(1),
        &Data::DoubleLongUnsigned(900),
    );
    fits("-3", &Data::Integer(1), &Data::Integer(-3));
    fits("0x1F", &Data::Unsigned(1), &Data::Unsigned(31));
    fits("unsigned:7", &Data::Unsigned(1), &Data::Unsigned(7));
    fits("42", &Data::Bcd(0), &Data::Bcd(0x42));
    assert!(refused("256", &Data::Unsigned(1)).contains("out of the range"));
    assert!(refused("1.5", &Data::Long(1)).contains("whole number"));
    assert!(refused("long:7", &Data::Unsigned(1)).contains("a unsigned here"));
    assert!(refused("on", &Data::Unsigned(1)).contains("whole number"));
}

#[test]
fn octets_are_read_as_the_meter_shows_them() {
    let text = Data::OctetString(b"note".to_vec());
    fits("hello", &text, &Data::OctetString(b"hello".to_vec()));
    fits("0x00FF", &text, &Data::OctetString(vec![0, 255]));
    let raw = Data::OctetString(vec![0, 1]);
    fits("00 02", &raw, &Data::OctetString(vec![0, 2]));
    fits("\"no\"", &raw, &Data::OctetString(b"no".to_vec()));
    assert!(refused("hello", &raw).contains("hexadecimal"));
    let time = [0x07, 0xEA, 11, 20, 0xFF, 14, 32, 7, 0xFF, 0x80, 0, 0];
    let mut later = time;
    later[7] = 8;
    let time = Data::OctetString(time.to_vec());
    fits(
        "2026-11-20 14:32:08",
        &time,
        &Data::OctetString(later.to_vec()),
    );
    assert!(refused("tomorrow", &time).contains("date-time"));
}

#[test]
fn lists_are_json_typed_by_the_meter() {
    let before = Data::Structure(vec![Data::Integer(-1), Data::Enum(35)]);
    let wanted = Data::Structure(vec![Data::Integer(-2), Data::Enum(30)]);
    fits("[-2, 30]", &before, &wanted);
    assert!(refused("[-2]", &before).contains("2 elements"));
    assert!(refused("[[1], 2]", &before).contains("where the meter holds none"));
    let list = Data::Array(vec![Data::Unsigned(1)]);
    fits(
        "[4, 5]",
        &list,
        &Data::Array(vec![Data::Unsigned(4), Data::Unsigned(5)]),
    );
    assert!(refused("[1]", &Data::Array(Vec::new())).contains("shows no type"));
}

#[test]
fn an_enum_may_be_named() {
    let base = decode::shape(8, 9);
    assert_eq!(parse("GPS", &Data::Enum(1), base), Ok(Data::Enum(4)));
    assert_eq!(parse("2", &Data::Enum(1), base), Ok(Data::Enum(2)));
    assert!(parse("sundial", &Data::Enum(1), base).is_err());
}

#[test]
fn typed_by_name_where_there_is_nothing_to_go_by() {
    assert_eq!(parse_typed("integer:-1"), Ok(Data::Integer(-1)));
    assert_eq!(parse_typed("hex:0F00"), Ok(Data::Integer(0)));
    assert_eq!(
        parse_typed("octet-string:0102"),
        Ok(Data::OctetString(vec![1, 2]))
    );
    assert_eq!(parse_typed("null"), Ok(Data::Null));
    for wrong in [
        "5",
        "unsigned:",
        "unsigned:-1",
        "hex:0F",
        "hex:zz",
        "nothing:1",
        "bit-string:2",
    ] {
        assert!(parse_typed(wrong).is_err(), "{wrong}");
    }
    assert!(parse("5", &Data::Null, &Shape::Any).is_err());
    assert_eq!(parse("enum:5", &Data::Null, &Shape::Any), Ok(Data::Enum(5)));
}
