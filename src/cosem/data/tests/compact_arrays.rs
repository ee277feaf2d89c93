//! Compact arrays: rows out of one description, and descriptions that cheat.

use super::*;

#[test]
fn rows_of_a_profile() {
    // structure { octet-string, long-unsigned, null, array of 2 unsigned }
    let rows = decode("13 02 04 09 12 00 01 0002 11 0D  02 4142 0102 05 06  01 43 0304 07 08");
    assert_eq!(
        rows.to_text(),
        r#"[{"AB", 258, null, [5, 6]}, {"C", 772, null, [7, 8]}]"#
    );
    assert_eq!(
        rows.to_json(),
        json!([["4142", 258, null, [5, 6]], ["43", 772, null, [7, 8]]])
    );
    let Data::CompactArray(inner) = &rows else {
        panic!()
    };
    assert_eq!(inner.description, hex("02 04 09 12 00 01 0002 11"));
    assert_eq!(inner.contents.len(), 13);
    assert_eq!(decode("13 12 00").elements(), Some(&[][..]));
}

#[test]
fn contents_that_do_not_fit_the_description() {
    let stops = |text| match error(&hex(text)) {
        (offset, DataErrorKind::Malformed(why)) => (offset, why),
        other => panic!("{other:?}"),
    };
    let (offset, why) = stops("02 02 13 12 03 00 01 00 11 07");
    assert_eq!(
        (offset, why),
        (8, "compact-array contents stop inside an element")
    );
    assert!(stops("13 00 01 AA").1.contains("take no bytes"));
    assert!(stops("13 02 00 01 AA").1.contains("take no bytes"));
    assert!(
        stops("13 13 11 01 AA")
            .1
            .contains("inside the type description")
    );
    assert_eq!(
        error(&hex("13 09 03 05 41 42")),
        (3, DataErrorKind::LengthLies(5))
    );
    assert_eq!(
        error(&hex("13 02 02 11 08 00")),
        (4, DataErrorKind::UnknownTag(8))
    );
    assert_eq!(
        error(&hex("13 12 05 00 01")),
        (2, DataErrorKind::LengthLies(5))
    );
}

#[test]
fn descriptions_that_multiply_are_stopped() {
    // array 65535 of array 65535 of array 65535 of structure {}, twenty bytes in all
    let bytes = hex("13 01 FFFF 01 FFFF 01 FFFF 02 00 01 AA");
    assert!(matches!(error(&bytes).1, DataErrorKind::TooMany(n) if n < 1000));
}

#[test]
fn an_array_reads_alone_as_it_reads_among_others() {
    // array 200 of null, and one unsigned: 202 values an element, from seven octets of description and one of contents
    let array = "13 02 02 01 00C8 00 11 01 07";
    let alone = decode(array);
    assert_eq!(alone.to_bytes(), hex(array));
    // The same, its length written in five octets, which do not come back; and with other values around it.
    let long = decode("13 02 02 01 00C8 00 11 84 00 00 00 01 07");
    assert_eq!(decode_again(&long), alone);
    let two = decode(&format!("02 03 11 01 {array} {array}"));
    assert_eq!(decode_again(&two).elements().unwrap()[2], alone);
    // What no octets of its own pay for, no octets around it pay for either.
    let greedy = "13 02 02 01 0200 00 11 01 07";
    let paid = format!("02 02 09 7F {} {greedy}", "55".repeat(127));
    for text in [greedy, paid.as_str()] {
        assert!(matches!(error(&hex(text)).1, DataErrorKind::TooMany(n) if n < 300));
    }
}

fn decode_again(data: &Data) -> Data {
    Data::decode_all(&data.to_bytes()).unwrap()
}
