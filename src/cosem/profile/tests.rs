//! Profiles as meters compress them, and rows that lie.

use super::{CaptureObject, ProfileError, capture_objects, rows, step};
use crate::cosem::{AttributeRef, Data, Obis};

const TIME: [u8; 12] = [0x07, 0xEA, 12, 31, 0xFF, 23, 45, 0, 0xFF, 0xFF, 0xC4, 0x80];

fn columns() -> Vec<CaptureObject> {
    let of = |class, obis| CaptureObject {
        attribute: AttributeRef {
            class,
            obis,
            attribute: 2,
        },
        index: 0,
    };
    vec![
        of(8, Obis::new(0, 0, 1, 0, 0, 255)),
        of(3, Obis::new(1, 0, 1, 8, 0, 255)),
    ]
}

fn row(cells: Vec<Data>) -> Data {
    Data::Structure(cells)
}

fn time() -> Data {
    Data::OctetString(TIME.to_vec())
}

fn shown(rows: &[Vec<Data>]) -> Vec<String> {
    rows.iter()
        .map(|row| row.iter().map(Data::to_text).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn what_was_left_out_is_filled_in() {
    let buffer = Data::Array(vec![
        row(vec![time(), Data::DoubleLongUnsigned(5)]),
        row(vec![Data::Null, Data::Null]),
        row(vec![Data::Null, Data::DeltaUnsigned(7)]),
        row(vec![time(), Data::DoubleLongUnsigned(9)]),
    ]);
    let filled = rows(&buffer, &columns(), 900, None).unwrap();
    let tail = "(deviation -60 min, status 80: DST)";
    assert_eq!(
        shown(&filled),
        [
            format!("2026-12-31 23:45:00 {tail} 5"),
            format!("2027-01-01 00:00:00 {tail} 5"),
            format!("2027-01-01 00:15:00 {tail} 12"),
            format!("2026-12-31 23:45:00 {tail} 9"),
        ]
    );
    // The kind of number is the one the row before had.
    assert_eq!(filled[2][1], Data::DoubleLongUnsigned(12));
    // Unspecified octets stay unspecified.
    let Data::OctetString(octets) = &filled[1][0] else {
        panic!("{filled:?}");
    };
    assert_eq!((octets[4], octets[8]), (0xFF, 0xFF));
}

#[test]
fn the_newest_row_first_counts_back() {
    let period = Data::DoubleLongUnsigned(900);
    assert_eq!(step(&period, Some(&Data::Enum(1))), 900);
    assert_eq!(step(&period, Some(&Data::Enum(2))), -900);
    assert_eq!(step(&period, None), 900);
    let buffer = Data::Array(vec![
        row(vec![time(), Data::Unsigned(1)]),
        row(vec![Data::Null, Data::Null]),
    ]);
    let filled = rows(&buffer, &columns(), -900, None).unwrap();
    assert!(filled[1][0].to_text().starts_with("2026-12-31 23:30:00"));
}

#[test]
fn a_part_goes_on_from_the_row_in_front() {
    let before = [time(), Data::Unsigned(3)];
    let buffer = Data::Array(vec![row(vec![Data::Null, Data::Null])]);
    let filled = rows(&buffer, &columns(), 900, Some(&before)).unwrap();
    assert!(filled[0][0].to_text().starts_with("2027-01-01 00:00:00"));
    assert_eq!(filled[0][1], Data::Unsigned(3));
    // With nothing in front there is nothing to fill in from, and nothing is invented.
    let alone = rows(&buffer, &columns(), 900, None).unwrap();
    assert_eq!(alone, [[Data::Null, Data::Null]]);
}

#[test]
fn rows_that_do_not_match_are_named() {
    let fits = row(vec![time(), Data::Unsigned(1)]);
    let wide = row(vec![time(), Data::Unsigned(1), Data::Unsigned(2)]);
    let failed = |second| {
        rows(
            &Data::Array(vec![fits.clone(), second]),
            &columns(),
            0,
            None,
        )
    };
    assert_eq!(
        failed(wide).unwrap_err().to_string(),
        "row 2 (counted from 1) has 3 value(s), but the profile captures 2 object(s)"
    );
    assert_eq!(
        failed(Data::Unsigned(1)).unwrap_err(),
        ProfileError::NoRow {
            row: 2,
            got: "unsigned"
        }
    );
    let delta = row(vec![time(), Data::DeltaLong(-2)]);
    assert_eq!(
        failed(delta.clone()).unwrap_err(),
        ProfileError::Delta { row: 2, column: 2 }
    );
    assert!(rows(&Data::Array(vec![delta]), &columns(), 0, None).is_err());
    assert_eq!(
        rows(&Data::Null, &columns(), 0, None).unwrap_err(),
        ProfileError::NoArray("null-data")
    );
    assert!(capture_objects(&Data::Array(vec![Data::Null])).is_err());
}
