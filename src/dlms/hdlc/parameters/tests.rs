//! Parameter groups as real lines carry them, and groups that lie.

use super::*;
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|octet| u8::from_str_radix(octet, 16).unwrap())
        .collect()
}

fn parameters(sizes: (u16, u16), windows: (u8, u8)) -> Parameters {
    Parameters {
        max_info_transmit: sizes.0,
        max_info_receive: sizes.1,
        window_transmit: windows.0,
        window_receive: windows.1,
    }
}

#[test]
fn forms_seen_on_real_lines() {
    for (text, sizes) in [
        (
            "81 80 14 05 02 00 80 06 02 00 80 07 04 00 00 00 01 08 04 00 00 00 01",
            (128, 128),
        ),
        (
            "81 80 14 05 02 02 11 06 02 02 11 07 04 00 00 00 01 08 04 00 00 00 01",
            (529, 529),
        ),
        (
            "81 80 12 05 01 C8 06 01 8C 07 04 00 00 00 01 08 04 00 00 00 01",
            (200, 140),
        ),
        ("81 80 0C 05 01 80 06 01 80 07 01 01 08 01 01", (128, 128)),
        ("81 80 0C 08 01 01 07 01 01 06 01 40 05 01 80", (128, 64)),
        ("81 80 03 05 01 C8 F0 FF 01 02", (200, 128)),
        ("81 F0 05 05 01 C8", (128, 128)),
        ("81 80 00", (128, 128)),
        ("", (128, 128)),
    ] {
        assert_eq!(
            Parameters::decode(&hex(text)),
            Ok(parameters(sizes, (1, 1))),
            "{text}"
        );
    }
}

#[test]
fn both_encodings_as_on_the_wire() {
    let mut out = Vec::new();
    parameters((128, 128), (1, 1)).encode(&mut out);
    assert_eq!(
        out,
        hex("81 80 14 05 02 00 80 06 02 00 80 07 04 00 00 00 01 08 04 00 00 00 01")
    );
    out.clear();
    parameters((200, 140), (1, 1)).encode_short(&mut out);
    assert_eq!(
        out,
        hex("81 80 12 05 01 C8 06 01 8C 07 04 00 00 00 01 08 04 00 00 00 01")
    );
    out.clear();
    parameters((512, 140), (1, 1)).encode_short(&mut out);
    assert_eq!(out[2], 0x14);
}

#[test]
fn limits_hold_and_show() {
    let field = hex("81 80 10 05 02 FF FF 06 01 01 07 04 00 00 01 00 08 01 00");
    let raw = Parameters::decode_raw(&field).unwrap();
    assert_eq!(
        (raw.max_info_transmit, raw.window_transmit),
        (Some(65535), Some(256))
    );
    assert!(raw.is_clamped());
    assert_eq!(raw.clamp(), parameters((2030, 32), (7, 1)));
    assert!(!RawParameters::default().is_clamped());
}

#[test]
fn wrong_lengths_are_named_and_the_readable_part_serves() {
    let error = |text: &str| Parameters::decode(&hex(text)).unwrap_err().to_string();
    assert_eq!(
        error("82"),
        "link parameters: no format identifier 81 at byte 0"
    );
    assert_eq!(
        error("81 80"),
        "link parameters: a group without a length at byte 2"
    );
    assert_eq!(
        error("81 80 05 05 01 80"),
        "link parameters: a group longer than the field at byte 2"
    );
    assert_eq!(
        error("81 80 01 05"),
        "link parameters: a value without a length at byte 4"
    );
    assert_eq!(
        error("81 80 02 05 00"),
        "link parameters: a value that is not 1 to 4 bytes long at byte 4"
    );
    // The group length of one-byte sizes in front of two-byte sizes: the last window is cut off.
    let field = hex("81 80 12 05 02 00 C8 06 02 00 80 07 04 00 00 00 03 08 04 00 00 00 01");
    assert!(
        Parameters::decode(&field)
            .unwrap_err()
            .what
            .contains("past its group")
    );
    assert_eq!(
        Parameters::decode_readable(&field),
        parameters((200, 128), (3, 1))
    );
}

#[test]
fn each_side_is_capped_by_the_other() {
    let ours = parameters((512, 300), (3, 2));
    let meter = parameters((200, 140), (1, 7));
    assert_eq!(
        Parameters::negotiate(&ours, &meter),
        parameters((140, 200), (3, 1))
    );
    assert_eq!(
        Parameters::negotiate(&meter, &ours),
        parameters((200, 140), (1, 3))
    );
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(256))]

    #[test]
    fn any_field_decodes_or_fails_within_limits(mut field in prop::collection::vec(any::<u8>(), 0..32), plausible: bool) {
        if plausible && field.len() > 2 {
            let length = u8::try_from(field.len() - 3).unwrap();
            field[..3].copy_from_slice(&[0x81, 0x80, length]);
        }
        let held = Parameters::decode(&field).unwrap_or_else(|error| {
            assert!(error.offset <= field.len());
            Parameters::decode_readable(&field)
        });
        prop_assert!((32..=2030).contains(&held.max_info_transmit) && (32..=2030).contains(&held.max_info_receive));
        prop_assert!((1..=7).contains(&held.window_transmit) && (1..=7).contains(&held.window_receive));
    }

    #[test]
    fn round_trip(t in 32u16..=2030, r in 32u16..=2030, wt in 1u8..=7, wr in 1u8..=7) {
        let value = parameters((t, r), (wt, wr));
        let (mut long, mut short) = (Vec::new(), Vec::new());
        value.encode(&mut long);
        value.encode_short(&mut short);
        prop_assert_eq!(Parameters::decode(&long), Ok(value));
        prop_assert_eq!(Parameters::decode(&short), Ok(value));
    }
}
