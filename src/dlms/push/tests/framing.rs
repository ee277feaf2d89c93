//! The same messages in every framing, however the stream is chopped, with noise and damage between.
use super::*;
use crate::dlms::hdlc::{Control, frame};
use crate::dlms::push::{Framing, PATIENCE, mbus};

fn apdus(events: &[Event]) -> Vec<&crate::dlms::push::Apdu> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Apdu(apdu) => Some(apdu),
            Event::Note(_) => None,
        })
        .collect()
}

fn hdlc(segmented: bool, information: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let ui = Control::Ui { poll: !segmented };
    frame::build(&[0xCF], &[0x02, 0x23], ui, segmented, information, &mut out).unwrap();
    out
}

fn m_bus(ci: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len() + 5).unwrap();
    let mut out = vec![0x68, length, length, 0x68, 0x53, 0xFF, ci, 0x01, 0x67];
    out.extend_from_slice(payload);
    out.push(mbus::checksum(&out[4..]));
    out.push(0x16);
    out
}

fn block(number: u16, last: bool, data: &[u8]) -> Vec<u8> {
    let mut out = vec![0xE0, if last { 0x80 } else { 0x00 } | 0x40];
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    crate::cosem::data::encode_length(data.len(), &mut out);
    out.extend_from_slice(data);
    out
}

fn with_llc(apdu: &[u8]) -> Vec<u8> {
    [&[0xE6, 0xE7, 0x00], apdu].concat()
}

#[test]
fn every_published_frame_has_its_checksums_right() {
    for name in [
        "kaifa-1",
        "kaifa-13",
        "kaifa-18",
        "kaifa-se",
        "kaifa-7e",
        "kamstrup",
        "kamstrup-b",
        "aidon-1",
        "aidon-2",
        "aidon-3",
    ] {
        let bytes = published(name);
        let events = heard(&bytes, bytes.len());
        let [Event::Apdu(apdu)] = events.as_slice() else {
            panic!("{name}: {events:?}")
        };
        assert_eq!((apdu.framing, apdu.frames), (Framing::Hdlc, 1), "{name}");
    }
    let events = heard(&published("evn"), 1000);
    let [Event::Apdu(apdu)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((apdu.framing, apdu.frames), (Framing::Mbus, 2));
    assert_eq!(apdu.link, "53 FF");
}

#[test]
fn chopped_anyhow_it_is_the_same() {
    let noise = [
        0x00, 0x68, 0x7E, 0xA0, 0x55, 0x68, 0x05, 0x05, 0x68, 0x10, 0x0F, 0xDB,
    ];
    let mut stream = Vec::new();
    for name in ["kamstrup", "aidon-3", "kaifa-7e"] {
        stream.extend_from_slice(&noise);
        stream.extend(published(name));
    }
    stream.extend_from_slice(&[0x10, 0x40, 0x01, 0x41, 0x16]);
    stream.extend(published("evn"));
    stream.extend_from_slice(&noise);
    let whole = heard(&stream, stream.len());
    assert_eq!(apdus(&whole).len(), 4, "{whole:?}");
    for chunk in [1, 2, 3, 7, 64, 255, 256] {
        assert_eq!(heard(&stream, chunk), whole, "chunks of {chunk}");
    }
    for bytes in recorded() {
        let whole = heard(&bytes, bytes.len());
        assert_eq!(heard(&bytes, 1), whole);
    }
}

#[test]
fn wrapper_and_nothing_at_all() {
    let events = heard(&recorded()[1], 4);
    let [Event::Apdu(wrapped)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(
        (wrapped.framing, wrapped.link.as_str()),
        (Framing::Wrapper, "1 → 64")
    );
    let twice = wrapped.octets.repeat(2);
    for chunk in [1, 5, 400] {
        let events = heard(&twice, chunk);
        let found = apdus(&events);
        assert_eq!((found.len(), events.len()), (2, 2));
        assert_eq!(
            (found[0].framing, &found[0].octets),
            (Framing::Bare, &wrapped.octets)
        );
    }
    let events = heard(&with_llc(&published("evn-plain")), 9);
    assert_eq!(apdus(&events)[0].octets, published("evn-plain"));
}

#[test]
fn segments_of_hdlc_are_joined() {
    let apdu = published("evn-plain");
    let llc = with_llc(&apdu);
    let marked = [
        hdlc(true, &llc[..100]),
        hdlc(true, &llc[100..200]),
        hdlc(false, &llc[200..]),
    ]
    .concat();
    // Cut without a word: the APDU's own lengths say that more is due.
    let unmarked = [hdlc(false, &llc[..100]), hdlc(false, &llc[100..])].concat();
    for (bytes, frames) in [(marked, 3), (unmarked, 2)] {
        let events = heard(&bytes, 11);
        let [Event::Apdu(found)] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((&found.octets, found.frames), (&apdu, frames));
    }
    let events = heard(
        &[
            hdlc(false, &[1, 2, 3]),
            hdlc(true, &llc[..100]),
            hdlc(false, &llc),
        ]
        .concat(),
        5,
    );
    assert_eq!(
        notes(&events),
        [
            &Note::Headless { octets: 3 },
            &Note::Overtaken { octets: 97 }
        ]
    );
    assert_eq!(apdus(&events).len(), 1);
}

#[test]
fn m_bus_segments_in_order_or_not_at_all() {
    let apdu = published("evn-plain");
    let bytes = [
        m_bus(0x00, &apdu[..90]),
        m_bus(0x01, &apdu[90..180]),
        m_bus(0x12, &apdu[180..]),
    ]
    .concat();
    let events = heard(&bytes, 13);
    assert_eq!(apdus(&events)[0].octets, apdu);
    assert_eq!(apdus(&events)[0].frames, 3);
    let gap = [
        m_bus(0x00, &apdu[..90]),
        m_bus(0x12, &apdu[180..]),
        m_bus(0x13, &apdu[..9]),
        m_bus(0x72, &[1]),
    ]
    .concat();
    let events = heard(&gap, 13);
    assert_eq!(
        notes(&events),
        [
            &Note::LostSegment {
                expected: 1,
                got: 2,
                octets: 90
            },
            &Note::Headless { octets: 9 },
            &Note::MbusOther(0x72),
        ]
    );
    assert!(apdus(&events).is_empty());
}

#[test]
fn general_blocks_seconds_apart() {
    let apdu = published("evn-plain");
    let start = Instant::now();
    let mut stream = Stream::new();
    let mut events = Vec::new();
    let blocks = [
        block(1, false, &apdu[..100]),
        block(2, false, &apdu[100..150]),
        block(2, false, &apdu[100..150]),
        block(3, true, &apdu[150..]),
    ];
    for (after, block) in [0, 3, 3, 6].into_iter().zip(&blocks) {
        stream.receive(
            start + Duration::from_secs(after),
            &hdlc(false, &with_llc(block)),
        );
        events.extend(drain(&mut stream));
    }
    let [Event::Apdu(found)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((&found.octets, found.frames, found.blocks), (&apdu, 3, 3));

    // The second is lost; later the third does not come in time.
    stream.receive(start, &hdlc(false, &with_llc(&blocks[0])));
    stream.receive(start, &hdlc(false, &with_llc(&blocks[3])));
    assert_eq!(
        notes(&drain(&mut stream)),
        [&Note::LostBlock {
            expected: 2,
            got: 3,
            octets: 100
        }]
    );
    stream.receive(start, &hdlc(false, &with_llc(&blocks[0])));
    let deadline = stream.poll_timeout().unwrap();
    assert_eq!(deadline, start + PATIENCE);
    stream.handle_timeout(deadline);
    let words = format!("{:?}", drain(&mut stream));
    assert!(words.contains("general blocks broke off"), "{words}");
    assert_eq!(stream.poll_timeout(), None);
}

#[test]
fn a_frame_that_breaks_off_is_named_and_let_go() {
    let start = Instant::now();
    let bytes = published("kamstrup");
    let mut stream = Stream::new();
    stream.receive(start, &bytes[..100]);
    assert!(drain(&mut stream).is_empty());
    stream.handle_timeout(stream.poll_timeout().unwrap());
    let events = drain(&mut stream);
    assert!(
        matches!(
            notes(&events)[..],
            [Note::Unfinished { octets: 100, .. }, Note::Noise(_)]
        ),
        "{events:?}"
    );
    // Begun anew, cut by a lost octet: the next frame is still found.
    stream.receive(start + PATIENCE, &bytes[..100]);
    stream.receive(start + PATIENCE, &bytes[101..]);
    stream.receive(start + PATIENCE, &bytes);
    stream.receive(start + PATIENCE, &bytes);
    let events = drain(&mut stream);
    assert_eq!(apdus(&events).len(), 2, "{events:?}");
    assert!(notes(&events).contains(&&Note::Damaged("HDLC frame")));
}

#[test]
fn damage_never_becomes_a_reading() {
    let good = published("aidon-2");
    let mut bad = good.clone();
    // A value, not its frame's header.
    bad[70] ^= 0x01;
    let events = heard(&[bad.clone(), good.clone()].concat(), 17);
    assert_eq!(apdus(&events).len(), 1);
    // Even as the first octets ever heard, with a broken header in front of a whole APDU.
    bad[4] ^= 0x10;
    assert_eq!(
        apdus(&heard(&bad, 17)),
        Vec::<&crate::dlms::push::Apdu>::new()
    );
    let mut evn = published("evn");
    evn[40] ^= 1;
    let events = heard(&evn, 17);
    assert!(apdus(&events).is_empty());
    assert!(notes(&events).contains(&&Note::Damaged("M-Bus frame")));
}

#[test]
fn silence_lets_a_bare_apdu_begin_after_noise() {
    let start = Instant::now();
    let mut stream = Stream::new();
    stream.receive(start, &[0x55, 0xAA]);
    stream.receive(start + Duration::from_secs(1), &published("evn-plain"));
    assert_eq!(apdus(&drain(&mut stream)).len(), 1);
    stream.receive(start + Duration::from_secs(1), &[0x55]);
    stream.receive(start + Duration::from_secs(1), &published("evn-plain"));
    assert_eq!(apdus(&drain(&mut stream)).len(), 0);
}

#[test]
fn a_datagram_ends_what_is_in_it() {
    let now = Instant::now();
    let mut stream = Stream::new();
    let wrapped = &recorded()[1];
    stream.datagram(now, &wrapped[..30]);
    stream.datagram(now, wrapped);
    let events = drain(&mut stream);
    assert!(
        matches!(
            events[..],
            [
                Event::Note(Note::Unfinished { octets: 30, .. }),
                Event::Note(Note::Noise(30)),
                Event::Apdu(_)
            ]
        ),
        "{events:?}"
    );
}

#[test]
fn a_p1_telegram_is_named() {
    let events = heard(
        b"/KFM5KAIFA-METER\r\n\r\n1-0:1.8.1(000051.775*kWh)\r\n!\r\n",
        3,
    );
    assert_eq!(
        notes(&events),
        [&Note::Telegram("KFM5KAIFA-METER".to_owned())]
    );
}

#[test]
fn short_frames_are_only_counted() {
    let mut stream = Stream::new();
    stream.receive(Instant::now(), &[0x10, 0x40, 0x01, 0x41, 0x16].repeat(3));
    assert!(drain(&mut stream).is_empty());
    assert_eq!(stream.counts().short_frames, 3);
}
