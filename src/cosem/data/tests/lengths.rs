//! The length field in all its forms.

use super::*;

#[test]
fn all_forms() {
    for (text, value, used) in [
        ("00", 0, 1),
        ("7F", 127, 1),
        ("81 80", 128, 2),
        ("82 01 F4", 500, 3),
        ("82 00 05", 5, 3),
        ("83 01 00 00", 65536, 4),
        ("84 FF FF FF FF", 4_294_967_295, 5),
    ] {
        assert_eq!(decode_length(&hex(text)), Ok((value, used)), "{text}");
    }
    let kind = |text: &str| decode_length(&hex(text)).map_err(|e| (e.offset, e.kind));
    assert_eq!(kind(""), Err((0, DataErrorKind::Truncated { missing: 1 })));
    assert_eq!(
        kind("82 01"),
        Err((2, DataErrorKind::Truncated { missing: 1 }))
    );
    assert_eq!(
        kind("85 0000000001"),
        Err((0, DataErrorKind::LengthTooLong))
    );
    assert!(matches!(kind("80"), Err((0, DataErrorKind::Malformed(_)))));
}

proptest! {
    #![proptest_config(crate::cosem::repeatable())]

    #[test]
    fn shortest_form_comes_back(n in prop_oneof![0_usize..300, 0_usize..70_000, 0..=0xFFFF_FFFF_usize]) {
        let mut out = Vec::new();
        encode_length(n, &mut out);
        prop_assert_eq!(decode_length(&out), Ok((n, out.len())));
    }
}
