//! Anything at all, chopped anyhow: no panic, bounded memory, the same events.
use super::*;
use proptest::prelude::*;

/// Bytes that look like something more often than chance would have it.
fn stuff() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..40),
        1 => Just(published("kamstrup")),
        1 => Just(published("kaifa-7e")),
        1 => Just(published("evn")),
        1 => Just(recorded().remove(0)),
        1 => Just(recorded().remove(1)),
        1 => Just(published("evn-plain")),
        2 => prop::sample::select(vec![
            vec![0x7E, 0xA7, 0xFF], vec![0x68, 0x20, 0x20, 0x68], vec![0, 1, 0, 1, 0, 1, 0xFF, 0xFF, 0x0F],
            vec![0xDB, 8], vec![0x0F, 0, 0, 0, 0, 0, 1], vec![b'/', b'A', b'B', b'C'], vec![0x10, 0x40],
            vec![0xE0, 0x80, 0, 1, 0, 0], vec![0xE6, 0xE7, 0], vec![0x7E; 3],
        ]),
    ];
    (
        prop::collection::vec(piece, 0..6),
        any::<prop::sample::Index>(),
        any::<u8>(),
    )
        .prop_map(|(pieces, at, flip)| {
            let mut bytes = pieces.concat();
            if flip % 3 == 0 && !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
            bytes
        })
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(200))]

    #[test]
    fn any_chopping_gives_the_same_events(bytes in stuff(), chunk in 1_usize..300) {
        prop_assert_eq!(heard(&bytes, chunk), heard(&bytes, bytes.len().max(1)));
    }

    #[test]
    fn anything_is_read_without_panic(bytes in stuff()) {
        let mut reader = reader(RECORDED_KEYS).unverified_too();
        for event in heard(&bytes, 50) {
            match event {
                Event::Apdu(apdu) => {
                    if let Some(notification) = reader.read(&apdu).notification {
                        for value in notification.values {
                            prop_assert!(!value.text().chars().any(char::is_control));
                        }
                    }
                }
                Event::Note(note) => prop_assert!(!note.to_string().chars().any(char::is_control)),
            }
        }
    }

    #[test]
    fn any_body_is_read_without_panic(body in prop::collection::vec(0_u8..20, 0..60)) {
        let mut octets = vec![0x0F, 0, 0, 0, 1, 0];
        octets.extend(body);
        let _ = crate::dlms::push::Notification::parse(&octets);
    }
}

#[test]
fn an_endless_stream_of_beginnings_stays_small() {
    let now = Instant::now();
    for pattern in [
        vec![0x00, 0x01, 0, 1, 0, 1, 0xFF, 0xFF, 0xDB],
        vec![0x68, 0xFF, 0xFF, 0x68],
        vec![0x7E, 0xA7],
        vec![0x0F, 0, 0, 0, 0, 0, 1, 0x82, 0xFF, 0xFF],
        vec![b'/', b'A', b'B', b'C', b'D'],
        vec![0xDB, 0x08],
        vec![0x55],
    ] {
        let mut stream = Stream::new();
        let bytes = pattern.repeat(200_000 / pattern.len());
        for chunk in bytes.chunks(1500) {
            stream.receive(now, chunk);
            drain(&mut stream);
            assert!(stream.held() < 80_000, "{pattern:02X?}");
        }
        stream.end(now);
        drain(&mut stream);
        assert_eq!(stream.held(), 0, "{pattern:02X?}");
    }
}
