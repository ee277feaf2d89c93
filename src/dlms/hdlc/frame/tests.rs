//! Known frames, what cannot be told apart, and no octets that panic.

use super::*;
use proptest::prelude::*;

fn whole(bytes: &[u8]) -> &[u8] {
    &bytes[1..bytes.len() - 1]
}

#[test]
fn a_get_with_its_checksums() {
    let bytes = [
        0x7E, 0xA0, 0x19, 0x03, 0x21, 0x32, 0x6F, 0xD8, 0xE6, 0xE6, 0x00, 0xC0, 0x01, 0xC1, 0x00,
        0x08, 0x00, 0x00, 0x01, 0x00, 0x00, 0xFF, 0x02, 0x00, 0x60, 0x1A, 0x7E,
    ];
    let frame = Frame::parse(whole(&bytes)).unwrap();
    assert_eq!(
        (frame.destination(), frame.source()),
        (&[3][..], &[0x21][..])
    );
    assert_eq!(frame.control().to_string(), "I N(S)=1 N(R)=1 P/F");
    assert_eq!(
        (frame.hcs_ok(), frame.fcs_ok(), frame.segmented()),
        (Some(true), true, false)
    );
    let mut again = Vec::new();
    build(
        frame.destination(),
        frame.source(),
        frame.control(),
        false,
        frame.information(),
        &mut again,
    )
    .unwrap();
    assert_eq!(again, bytes);
}

#[test]
fn an_illegal_address_of_three_bytes_is_shown() {
    let bytes = [
        0x7E, 0xA0, 0x09, 0x02, 0x3A, 0x71, 0x03, 0x93, 0x37, 0x9C, 0x7E,
    ];
    let frame = Frame::parse(whole(&bytes)).unwrap();
    assert_eq!(frame.destination(), [0x02, 0x3A, 0x71]);
    assert!(frame.fcs_ok());
}

#[test]
fn what_cannot_be_told_apart_is_refused_with_its_place() {
    let error = |bytes: &[u8]| Frame::parse(bytes).unwrap_err().to_string();
    assert_eq!(
        error(&[0xA0]),
        "no whole format field at byte 1 of the frame"
    );
    assert_eq!(
        error(&[0x20, 7, 3, 3, 0x93, 0, 0]),
        "no type-3 frame format (A…) at byte 0 of the frame"
    );
    assert_eq!(
        error(&[0xA0, 8, 3, 3, 0x93, 0, 0]),
        "fewer octets than the length field says at byte 7 of the frame"
    );
    assert_eq!(
        error(&[0xA0, 6, 3, 3, 0x93, 0, 0]),
        "more octets than the length field says at byte 6 of the frame"
    );
    assert_eq!(
        error(&[0xA0, 9, 3, 2, 2, 2, 2, 0, 0]),
        "an address that does not end within four bytes at byte 3 of the frame"
    );
    assert_eq!(
        error(&[0xA0, 6, 3, 2, 2, 2]),
        "an address that does not end at byte 6 of the frame"
    );
    assert_eq!(
        error(&[0xA0, 6, 3, 3, 0x93, 0]),
        "no room for control and FCS at byte 6 of the frame"
    );
    assert_eq!(
        error(&[0xA0, 8, 3, 3, 0x93, 0, 0, 0]),
        "no room for both HCS and FCS at byte 5 of the frame"
    );
}

#[test]
fn the_length_field_ends_at_2047() {
    let mut out = vec![0x55];
    let frame = |size: usize, out: &mut Vec<u8>| {
        build(
            &[3],
            &[0x21],
            Control::decode(0x10),
            true,
            &vec![0; size],
            out,
        )
    };
    assert_eq!(frame(2039, &mut out), Err(TooLong(2048)));
    assert_eq!(out, [0x55]);
    frame(2038, &mut out).unwrap();
    assert_eq!(out[1..4], [0x7E, 0xAF, 0xFF]);
    assert!(Frame::parse(&out[2..out.len() - 1]).unwrap().fcs_ok());
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(256))]

    #[test]
    fn any_bytes_are_viewed_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..64), honest: bool) {
        if let ([high, low, ..], true) = (&mut bytes[..], honest) {
            (*high, *low) = (0xA0, 0);
            bytes[1] = u8::try_from(bytes.len()).unwrap();
        }
        if let Ok(frame) = Frame::parse(&bytes) {
            let _ = (frame.control(), frame.hcs_ok(), frame.fcs_ok(), frame.segmented());
            prop_assert_eq!(frame.destination().len() + frame.source().len() + 3, frame.control_at() + 1);
            let bare = if frame.hcs_ok().is_some() { 2 } else { 0 };
            prop_assert_eq!(frame.control_at() + 1 + bare + frame.information().len() + 2, bytes.len());
        }
    }
}
