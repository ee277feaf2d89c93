//! What people and JSON get to see.

use super::*;

#[test]
fn for_people() {
    for (data, wanted) in [
        (Data::Null, "null"),
        (Data::DontCare, "don't care"),
        (Data::Bcd(0x42), "42"),
        (Data::Bcd(0xAB), "0xAB"),
        (Data::Float32(0.1), "0.1"),
        (Data::Float64(f64::NAN), "NaN"),
        (Data::OctetString(vec![]), "\"\""),
        (Data::OctetString(vec![0, 0x1B, 0xFF]), "001BFF"),
        (
            Data::VisibleString(b"a\"b\\\x1b[2J\xff".to_vec()),
            r#""a\"b\\\u{1b}[2J\xff""#,
        ),
        (
            Data::BitString(BitString {
                bits: 3,
                bytes: vec![0b1010_0000],
            }),
            "0b101",
        ),
        (
            Data::BitString(BitString {
                bits: 0,
                bytes: vec![],
            }),
            "0b",
        ),
        (
            Data::OctetString(vec![0xFF; 12]),
            "---------- --:--:-- (deviation -1 min)",
        ),
    ] {
        assert_eq!(data.to_text(), wanted);
    }
}

#[test]
fn for_json() {
    for (data, wanted) in [
        (Data::Null, json!(null)),
        (Data::Boolean(true), json!(true)),
        (Data::DoubleLong(13540), json!(13540)),
        (Data::Long64(i64::MIN), json!(i64::MIN)),
        (Data::Long64Unsigned(u64::MAX), json!(u64::MAX)),
        (Data::Float32(0.1), json!(0.1)),
        (Data::Float32(f32::NAN), json!("NaN")),
        (Data::Float64(f64::NEG_INFINITY), json!("-inf")),
        (Data::OctetString(vec![0, 0xAB]), json!("00AB")),
        (Data::VisibleString(b"AB\x1b".to_vec()), json!("AB\\u{1b}")),
        (
            Data::BitString(BitString {
                bits: 2,
                bytes: vec![0x40],
            }),
            json!("01"),
        ),
        (Data::Time(Time { raw: [1, 2, 3, 4] }), json!("01:02:03.04")),
        (
            Data::Structure(vec![Data::Integer(-1), Data::Enum(35)]),
            json!([-1, 35]),
        ),
    ] {
        assert_eq!(data.to_json(), wanted);
    }
}

#[test]
fn nothing_a_meter_says_reaches_the_terminal_as_a_command() {
    let text = "a\u{1b}]0;x\u{7}\r\n\t\u{7f}\u{9b}31m\u{202e}\u{200b}\u{2028}\u{feff}\u{2066}é漢";
    assert_eq!(
        printable(text),
        r"a\u{1b}]0;x\u{7}\r\n\t\u{7f}\u{9b}31m\u{202e}\u{200b}\u{2028}\u{feff}\u{2066}é漢"
    );
    assert_eq!(printable_bytes(b"ok\x80\xc3\xa9"), "ok\\x80é");
}

#[test]
fn bits_one_by_one() {
    let bits = BitString {
        bits: 10,
        bytes: vec![0b1000_0001, 0b0111_1111],
    };
    assert_eq!(
        (bits.bit(0), bits.bit(1), bits.bit(9), bits.bit(10)),
        (Some(true), Some(false), Some(true), None)
    );
    assert_eq!(bits.iter().filter(|bit| *bit).count(), 3);
    let short = Data::BitString(BitString {
        bits: 10,
        bytes: vec![0xFF],
    });
    assert_eq!(short.to_bytes(), hex("04 0A FF 00"));
}
