//! Each tag once, both ways, whole and cut short.

use super::*;

fn one_of_each() -> Vec<(&'static str, Data)> {
    vec![
        ("00", Data::Null),
        (
            "01 02 11 01 11 02",
            Data::Array(vec![Data::Unsigned(1), Data::Unsigned(2)]),
        ),
        ("02 01 00", Data::Structure(vec![Data::Null])),
        ("03 01", Data::Boolean(true)),
        (
            "04 0A A5 40",
            Data::BitString(BitString {
                bits: 10,
                bytes: vec![0xA5, 0x40],
            }),
        ),
        ("05 FF FF FF FE", Data::DoubleLong(-2)),
        ("06 FF FF FF FE", Data::DoubleLongUnsigned(4_294_967_294)),
        ("09 02 01 FF", Data::OctetString(vec![1, 255])),
        ("0A 02 41 42", Data::VisibleString(b"AB".to_vec())),
        ("0C 02 C3 B1", Data::Utf8String("ñ".into())),
        ("0D 42", Data::Bcd(0x42)),
        ("0F FE", Data::Integer(-2)),
        ("10 FF FE", Data::Long(-2)),
        ("11 FE", Data::Unsigned(254)),
        ("12 FF FE", Data::LongUnsigned(65534)),
        (
            "13 12 04 00 01 00 02",
            Data::CompactArray(Box::new(CompactArray {
                description: vec![0x12],
                contents: vec![0, 1, 0, 2],
                elements: vec![Data::LongUnsigned(1), Data::LongUnsigned(2)],
            })),
        ),
        ("14 FF FF FF FF FF FF FF FE", Data::Long64(-2)),
        (
            "15 FF FF FF FF FF FF FF FE",
            Data::Long64Unsigned(u64::MAX - 1),
        ),
        ("16 23", Data::Enum(35)),
        ("17 3F C0 00 00", Data::Float32(1.5)),
        ("18 BF F8 00 00 00 00 00 00", Data::Float64(-1.5)),
        (
            "19 07 EA 0B 14 05 0E 20 07 00 80 00 00",
            Data::DateTime(DateTime {
                raw: [7, 234, 11, 20, 5, 14, 32, 7, 0, 128, 0, 0],
            }),
        ),
        (
            "1A 07 EA 0B 14 05",
            Data::Date(Date {
                raw: [7, 234, 11, 20, 5],
            }),
        ),
        (
            "1B 0E 20 07 FF",
            Data::Time(Time {
                raw: [14, 32, 7, 255],
            }),
        ),
        ("1C FE", Data::DeltaInteger(-2)),
        ("1D FF FE", Data::DeltaLong(-2)),
        ("1E FF FF FF FE", Data::DeltaDoubleLong(-2)),
        ("1F FE", Data::DeltaUnsigned(254)),
        ("20 FF FE", Data::DeltaLongUnsigned(65534)),
        (
            "21 FF FF FF FE",
            Data::DeltaDoubleLongUnsigned(4_294_967_294),
        ),
        ("FF", Data::DontCare),
    ]
}

#[test]
fn decodes_encodes_and_has_a_name() {
    for (text, value) in one_of_each() {
        assert_eq!(decode(text), value, "{text}");
        assert_eq!(value.to_bytes(), hex(text));
        assert_eq!(value.tag(), hex(text)[0]);
        assert_ne!(value.type_name(), "unknown");
    }
    assert_eq!(one_of_each().len(), 31);
    assert_eq!(Data::DoubleLong(0).type_name(), "double-long");
}

#[test]
fn a_byte_short_is_an_error_at_the_end() {
    for (text, _) in one_of_each() {
        let bytes = hex(text);
        for cut in 0..bytes.len() {
            let (offset, kind) = error(&bytes[..cut]);
            assert!(
                offset <= cut
                    && matches!(
                        kind,
                        DataErrorKind::Truncated { .. } | DataErrorKind::LengthLies(_)
                    ),
                "{text} cut to {cut}: {kind} at {offset}"
            );
        }
    }
}

#[test]
fn other_tags_are_unknown() {
    for tag in (0..=255_u8).filter(|tag| super::super::type_name(*tag).is_none()) {
        assert_eq!(
            error(&[0x02, 0x02, 0x00, tag, 1, 2, 3, 4]),
            (3, DataErrorKind::UnknownTag(tag))
        );
    }
}

#[test]
fn integers_as_one_type() {
    for (text, wanted) in [
        ("0F FE", Some(-2)),
        ("15 FF FF FF FF FF FF FF FF", Some(i128::from(u64::MAX))),
        ("0D 42", Some(42)),
        ("0D 4A", None),
        ("16 23", Some(35)),
        ("1D FF FE", Some(-2)),
        ("03 01", None),
        ("17 3F C0 00 00", None),
        ("00", None),
    ] {
        assert_eq!(decode(text).as_integer(), wanted, "{text}");
    }
}

#[test]
fn values_stay_small() {
    assert!(size_of::<Data>() <= 32, "{}", size_of::<Data>());
}
