//! Input that claims what is not there: named, placed, and cheap.

use super::*;

#[test]
fn offsets_count_from_the_first_byte_at_any_nesting() {
    assert_eq!(error(&[]), (0, DataErrorKind::Truncated { missing: 1 }));
    assert_eq!(
        error(&hex("05 00 00")),
        (3, DataErrorKind::Truncated { missing: 2 })
    );
    // array of structure of { long, octet-string of 9 where 2 follow }
    assert_eq!(
        error(&hex("01 01 02 02 10 00 01 09 09 AA BB")),
        (8, DataErrorKind::LengthLies(9))
    );
    assert_eq!(
        error(&hex("02 02 02 02 02 01 07")),
        (6, DataErrorKind::UnknownTag(7))
    );
    let left = Data::decode_all(&hex("11 01 00")).unwrap_err();
    assert_eq!(
        (left.offset, left.to_string().contains("left over")),
        (2, true)
    );
    assert_eq!(Data::decode(&hex("11 01 00")), Ok((Data::Unsigned(1), 2)));
}

#[test]
fn a_thousand_deep_is_too_deep() {
    for tag in [1, 2] {
        let bytes: Vec<u8> = [tag, 1].repeat(1000);
        assert_eq!(
            error(&bytes),
            (2 * MAX_DEPTH, DataErrorKind::TooDeep(MAX_DEPTH))
        );
        let mut deepest: Vec<u8> = [tag, 1].repeat(MAX_DEPTH);
        deepest.push(0);
        assert!(Data::decode_all(&deepest).is_ok());
    }
    let mut described = vec![0x13];
    described.extend([2, 1].repeat(1000));
    assert!(matches!(
        error(&described).1,
        DataErrorKind::TooDeep(MAX_DEPTH)
    ));
    let mut arrays = vec![0x13];
    arrays.extend([1, 0, 1].repeat(1000));
    assert!(matches!(
        error(&arrays).1,
        DataErrorKind::TooDeep(MAX_DEPTH)
    ));
}

#[test]
fn counts_beyond_the_input_allocate_nothing() {
    assert_eq!(
        error(&hex("01 84 FF FF FF FF 00")),
        (1, DataErrorKind::LengthLies(0xFFFF_FFFF))
    );
    assert_eq!(
        error(&hex("09 84 FF FF FF FF 00")),
        (1, DataErrorKind::LengthLies(0xFFFF_FFFF))
    );
    assert_eq!(
        error(&hex("04 84 FF FF FF FF 00")),
        (1, DataErrorKind::LengthLies(0xFFFF_FFFF))
    );
    assert_eq!(
        error(&hex("01 85 01 00 00 00 00 00")),
        (1, DataErrorKind::LengthTooLong)
    );
}

#[test]
fn more_values_than_the_cap_are_refused() {
    let mut bytes = vec![1];
    encode_length(MAX_VALUES, &mut bytes);
    bytes.resize(bytes.len() + MAX_VALUES, 0);
    assert_eq!(error(&bytes).1, DataErrorKind::TooMany(MAX_VALUES));
}
