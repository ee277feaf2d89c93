//! The wrapper's header and stream: exact octets, any split, and lies told by their evidence.
use super::*;
use proptest::prelude::*;

#[test]
fn an_aarq_from_the_public_client() {
    let mut out = Vec::new();
    build(16, 1, &[0x60, 0x00], &mut out).unwrap();
    assert_eq!(out, [0, 1, 0, 16, 0, 1, 0, 2, 0x60, 0x00]);
    let header = Header::parse(&out).unwrap();
    assert_eq!(
        (header.source, header.destination, header.length),
        (16, 1, 2)
    );
}

#[test]
fn refusals() {
    assert_eq!(Header::parse(&[0; 7]), Err(WrapperError::Short(7)));
    assert_eq!(
        Header::parse(&[0x7E, 0xA0, 7, 3, 3, 0x93, 0x8C, 0x11])
            .unwrap_err()
            .to_string(),
        "wrapper version 0x7ea0 is not 0x0001"
    );
    let mut out = vec![1];
    assert_eq!(
        build(1, 1, &vec![0; 65536], &mut out),
        Err(WrapperError::TooLong(65536))
    );
    assert_eq!(out, [1]);
}

#[test]
fn junk_before_a_header() {
    let mut decoder = Decoder::new();
    decoder.push(&[7, 0, 7, 0]);
    assert_eq!(
        decoder.next(),
        Some(Item::Junk {
            octets: &[7, 0, 7],
            stream_offset: 0
        })
    );
    assert_eq!(decoder.next(), None);
    decoder.push(&[1, 0, 1, 0, 16, 0, 1, 0xD8]);
    let header = Header {
        source: 1,
        destination: 16,
        length: 1,
    };
    assert_eq!(
        decoder.next(),
        Some(Item::Pdu {
            header,
            apdu: &[0xD8],
            stream_offset: 3
        })
    );
    assert_eq!(decoder.next(), None);
    assert_eq!(decoder.pending(), b"");
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(256))]

    #[test]
    fn any_split_gives_the_same(apdus in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5), chunk in 1usize..50) {
        let mut stream = Vec::new();
        for apdu in &apdus {
            build(1, 16, apdu, &mut stream).unwrap();
        }
        let mut decoder = Decoder::new();
        let mut got = Vec::new();
        for bytes in stream.chunks(chunk) {
            decoder.push(bytes);
            while let Some(item) = decoder.next() {
                match item {
                    Item::Pdu { apdu, .. } => got.push(apdu.to_vec()),
                    Item::Junk { .. } => prop_assert!(false, "junk in a clean stream"),
                }
            }
        }
        prop_assert_eq!(got, apdus);
        prop_assert_eq!(decoder.pending().len(), 0);
    }

    #[test]
    fn any_bytes_are_accounted_for(chunks in prop::collection::vec(prop::collection::vec(0u8..4, 0..20), 0..10)) {
        let mut decoder = Decoder::new();
        let mut counted = 0;
        for chunk in &chunks {
            decoder.push(chunk);
            while let Some(item) = decoder.next() {
                counted += match item {
                    Item::Pdu { apdu, .. } => apdu.len() + HEADER_LENGTH,
                    Item::Junk { octets, .. } => octets.len(),
                };
            }
        }
        prop_assert_eq!(counted + decoder.pending().len(), chunks.iter().map(Vec::len).sum::<usize>());
    }
}
