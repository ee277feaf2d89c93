//! Values other people's meters sent.

use super::*;

const SMALL: &str = include_str!("../../../../tests/data/cosem/object_list_13.hex");
const LARGE: &str = include_str!("../../../../tests/data/cosem/object_list_52.hex");

#[test]
fn object_lists() {
    for (text, count) in [(SMALL, 13), (LARGE, 52)] {
        let list = decode(text);
        assert_eq!(list.to_bytes(), hex(text));
        let objects = list.elements().unwrap();
        assert_eq!(objects.len(), count);
        for object in objects {
            let [class, version, name, access] = object.elements().unwrap() else {
                panic!("{object:?}");
            };
            assert!(matches!(class, Data::LongUnsigned(_)));
            assert!(matches!(version, Data::Unsigned(0..=3)));
            assert!(name.as_obis().is_some());
            assert_eq!(access.elements().unwrap().len(), 2);
        }
    }
    let voltage = &decode(SMALL).elements().unwrap()[4].elements().unwrap()[2].clone();
    assert_eq!(voltage.as_obis().unwrap().describe(), "Voltage L1");
}

#[test]
fn profile_rows_and_columns() {
    let columns = decode(include_str!(
        "../../../../tests/data/cosem/capture_objects.hex"
    ));
    assert_eq!(
        columns.to_text(),
        "[{8, 0000010000FF, 2, 0}, {3, 0100200700FF, 2, 0}, {3, 0100010700FF, 2, 0}, {3, 0100010800FF, 2, 0}]"
    );
    let rows = decode(include_str!(
        "../../../../tests/data/cosem/profile_rows_3.hex"
    ));
    assert_eq!(
        rows.to_text(),
        "[{2026-01-01 00:00:00, 2300, 1000, 1200000}, {2026-01-01 00:15:00, 2301, 1001, 1200007}, \
         {2026-01-01 00:30:00, 2302, 1002, 1200014}]"
    );
    let day = decode(include_str!(
        "../../../../tests/data/cosem/profile_rows_96.hex"
    ));
    assert_eq!(day.elements().unwrap().len(), 96);
}

#[test]
fn single_values() {
    for (text, wanted) in [
        (
            "091047525830303030303030313233343536",
            "\"GRX0000000123456\"",
        ),
        ("120901", "2305"),
        ("05000034E4", "13540"),
        ("02020FFF1623", "{-1, 35}"),
        ("090C07EA0B14FF111C1E00000000", "2026-11-20 17:28:30"),
        (
            "090C07E90B1404103 71E00003C00",
            "2025-11-20 16:55:30 (deviation 60 min)",
        ),
        (
            "090C07D20C04030A060BFF007800",
            "2002-12-04 10:06:11 (deviation 120 min)",
        ),
        ("0903414243", "\"ABC\""),
        ("0300", "false"),
    ] {
        assert_eq!(decode(text).to_text(), wanted);
    }
}
