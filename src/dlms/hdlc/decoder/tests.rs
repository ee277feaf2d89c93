//! The decoder against streams as they come: split, merged, damaged, hostile.

use super::*;
use crate::dlms::hdlc::{Control, Frame, frame::build};
use proptest::prelude::*;

/// SNRM to server 1 from client 16.
const SNRM: [u8; 9] = [0x7E, 0xA0, 0x07, 0x03, 0x21, 0x93, 0x0F, 0x01, 0x7E];
/// Value 13438 = 347E.
const ANSWER: [u8; 23] = [
    0x7E, 0xA0, 0x15, 0x03, 0x03, 0x74, 0xEA, 0x78, 0xE6, 0xE7, 0x00, 0xC4, 0x01, 0x02, 0x00, 0x05,
    0x00, 0x00, 0x34, 0x7E, 0xFF, 0xA7, 0x7E,
];

#[derive(Debug, PartialEq, Eq, Clone)]
enum Got {
    Frame(Vec<u8>, u64),
    Junk(Vec<u8>, u64),
}

fn drain(decoder: &mut Decoder, got: &mut Vec<Got>) {
    while let Some(item) = decoder.next() {
        got.push(match item {
            Item::Frame {
                octets,
                stream_offset,
                header_right,
            } => {
                let frame = Frame::parse(octets);
                assert!(!header_right || frame.is_ok_and(|frame| frame.hcs_ok() == Some(true)));
                Got::Frame(octets.to_vec(), stream_offset)
            }
            Item::Junk {
                octets,
                stream_offset,
            } => Got::Junk(octets.to_vec(), stream_offset),
        });
    }
}

fn decode(chunks: &[&[u8]]) -> Vec<Got> {
    let mut decoder = Decoder::new();
    let mut got = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        drain(&mut decoder, &mut got);
    }
    got
}

fn frame(flagged: &[u8], offset: u64) -> Got {
    Got::Frame(flagged[1..flagged.len() - 1].to_vec(), offset)
}

fn junk(octets: &[u8], offset: u64) -> Got {
    Got::Junk(octets.to_vec(), offset)
}

#[test]
fn a_flag_inside_ends_nothing() {
    assert_eq!(decode(&[&ANSWER]), [frame(&ANSWER, 1)]);
    let one_by_one: Vec<&[u8]> = ANSWER.chunks(1).collect();
    assert_eq!(decode(&one_by_one), [frame(&ANSWER, 1)]);
}

#[test]
fn one_flag_closes_and_opens() {
    let stream = [&SNRM[..8], &ANSWER].concat();
    assert_eq!(decode(&[&stream]), [frame(&SNRM, 1), frame(&ANSWER, 9)]);
}

#[test]
fn flags_fill_the_pauses() {
    let stream = [&[0x7E; 5], &SNRM[..], &[0x7E; 7], &ANSWER].concat();
    assert_eq!(decode(&[&stream]), [frame(&SNRM, 6), frame(&ANSWER, 22)]);
}

#[test]
fn a_right_frame_needs_no_closing_flag() {
    assert_eq!(decode(&[&SNRM[..8]]), [frame(&SNRM, 1)]);
    let stream = [&SNRM[..8], &[0x55, 0x66], &ANSWER].concat();
    assert_eq!(
        decode(&[&stream]),
        [frame(&SNRM, 1), junk(&[0x55, 0x66], 8), frame(&ANSWER, 11)]
    );
}

#[test]
fn junk_has_no_flags_and_knows_its_place() {
    let stream = [&[0xA3, 0xF2, 0x01, 0xB4], &SNRM[..], &[0x11, 0x22]].concat();
    assert_eq!(
        decode(&[&stream]),
        [
            junk(&[0xA3, 0xF2, 0x01, 0xB4], 0),
            frame(&SNRM, 5),
            junk(&[0x11, 0x22], 13)
        ]
    );
}

#[test]
fn false_starts_hold_nothing_up() {
    for garbage in [
        &[0x7E, 0x12, 0x7E, 0x34][..],
        // Headers that promise a lot.
        &[0x7E, 0xA7, 0xFF],
        &[0x7E, 0xA7, 0xFF, 0x03, 0x21, 0x10],
        &[0x7E, 0xA7, 0xFF, 0x03, 0x21, 0x10, 0x00, 0x00, 0x01],
        &[0x7E, 0xA0, 0x44, 0x03],
        &[0x7E, 0xA0],
        &[0x7E, 0xA7, 0xFF, 0x02, 0x02, 0x02, 0x02, 0x02],
        // A frame cut short, its header right.
        &ANSWER[..12],
    ] {
        let stream = [garbage, &SNRM, &ANSWER, &SNRM].concat();
        let mut got = decode(&[&stream]);
        got.retain(|item| matches!(item, Got::Frame(..)));
        let at = garbage.len() as u64;
        let all = [
            frame(&SNRM, at + 1),
            frame(&ANSWER, at + 10),
            frame(&SNRM, at + 33),
        ];
        assert_eq!(got, all, "{garbage:02X?}");
    }
}

#[test]
fn a_right_header_waits_for_its_length_and_no_longer() {
    let mut decoder = Decoder::new();
    decoder.push(&ANSWER[..18]);
    assert_eq!(decoder.next(), None);
    assert_eq!(decoder.pending(), &ANSWER[..18]);
    // Only a timeout can tell that the rest was lost: what was swallowed comes out.
    decoder.push(&SNRM[..2]);
    assert_eq!(decoder.next(), None);
    decoder.flush();
    let mut got = Vec::new();
    drain(&mut decoder, &mut got);
    assert_eq!(got, [junk(&[&ANSWER[1..18], &SNRM[..2]].concat(), 1)]);
    assert_eq!(decoder.pending(), b"");

    let mut decoder = Decoder::new();
    decoder.push(&[&ANSWER[..10], &SNRM].concat());
    let mut got = Vec::new();
    drain(&mut decoder, &mut got);
    assert_eq!(got, []);
    decoder.flush();
    drain(&mut decoder, &mut got);
    assert_eq!(got, [junk(&ANSWER[1..10], 1), frame(&SNRM, 11)]);
    decoder.push(&ANSWER);
    drain(&mut decoder, &mut got);
    assert_eq!(got.last(), Some(&frame(&ANSWER, 20)));
}

#[test]
fn damage_is_delivered_for_others_to_judge() {
    for (place, hcs_ok, fcs_ok) in [(17, Some(true), false), (3, Some(false), false)] {
        let mut bytes = ANSWER;
        bytes[place] ^= 0x02;
        let got = decode(&[&bytes, &SNRM]);
        assert_eq!(got, [frame(&bytes, 1), frame(&SNRM, 24)]);
        let parsed = Frame::parse(&bytes[1..22]).unwrap();
        assert_eq!((parsed.hcs_ok(), parsed.fcs_ok()), (hcs_ok, fcs_ok));
    }
    let mut bytes = SNRM;
    bytes[6] ^= 0x01;
    assert_eq!(
        decode(&[&bytes, &ANSWER]),
        [frame(&bytes, 1), frame(&ANSWER, 10)]
    );
}

#[test]
fn a_frame_that_lost_octets_does_not_take_the_next_with_it() {
    let mut short = ANSWER.to_vec();
    short.drain(12..16);
    let stream = [&short[..], &SNRM, &ANSWER].concat();
    let got = decode(&[&stream]);
    assert!(got.contains(&frame(&SNRM, 20)), "{got:02X?}");
    assert!(got.contains(&frame(&ANSWER, 29)), "{got:02X?}");
}

#[test]
fn a_frame_inside_a_frame_is_its_content() {
    let mut outer = Vec::new();
    build(
        &[3],
        &[0x21],
        Control::decode(0x10),
        false,
        &SNRM,
        &mut outer,
    )
    .unwrap();
    assert_eq!(decode(&[&outer]), [frame(&outer, 1)]);
    let one_by_one: Vec<&[u8]> = outer.chunks(1).collect();
    assert_eq!(decode(&one_by_one), [frame(&outer, 1)]);
}

#[test]
fn memory_is_bounded_by_one_frame_and_given_back() {
    let mut decoder = Decoder::new();
    let hostile: Vec<u8> = [0x7E, 0xA7, 0xFF, 0x03].repeat(64);
    for _ in 0..200 {
        decoder.push(&hostile);
        while decoder.next().is_some() {}
        assert!(
            decoder.pending().len() <= 2049,
            "{}",
            decoder.pending().len()
        );
    }
    decoder.push(&vec![0x55; 100_000]);
    while decoder.next().is_some() {}
    decoder.push(&SNRM);
    while decoder.next().is_some() {}
    decoder.push(&SNRM);
    assert!(decoder.backlog.capacity() <= 8 * 1024);
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let server = prop_oneof![
        Just(vec![0x03]),
        Just(vec![0x02, 0x23]),
        Just(vec![0x00, 0x02, 0x12, 0xA5]),
    ];
    let info = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 1..40),
        prop::collection::vec(prop_oneof![Just(0x7E), Just(0xA0), any::<u8>()], 1..300),
    ];
    (server, any::<u8>(), any::<bool>(), any::<bool>(), info).prop_map(
        |(server, control, up, segmented, info)| {
            let mut out = Vec::new();
            let (to, from) = if up {
                (&server[..], &[0x21][..])
            } else {
                (&[0x21][..], &server[..])
            };
            build(
                to,
                from,
                Control::decode(control),
                segmented,
                &info,
                &mut out,
            )
            .unwrap();
            out
        },
    )
}

/// Noise of the kind that hurts: flags and format octets over-represented.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop_oneof![Just(0x7E), Just(0xA0), Just(0xA7), Just(0x03), any::<u8>()],
        0..24,
    )
}

fn split<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let mut rest = stream;
    for cut in cuts.iter().cycle().take(stream.len()) {
        let (chunk, after) = rest.split_at((*cut).min(rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    chunks.push(rest);
    chunks
}

fn right_frames(got: &[Got]) -> Vec<Vec<u8>> {
    got.iter()
        .filter_map(|item| match item {
            Got::Frame(octets, _) if crate::dlms::hdlc::fcs::ends_right(octets) => {
                Some(octets.clone())
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_damaged_frame_that_ends_in_7e_is_given_up_too() {
    // The header is right, the FCS is not, and there the stream stops.
    let mut stream = ANSWER.to_vec();
    stream.truncate(22);
    stream[19] = 0;
    stream[21] = FLAG;
    let mut decoder = Decoder::new();
    decoder.push(&stream);
    assert_eq!(decoder.next(), None);
    decoder.flush();
    let mut got = Vec::new();
    drain(&mut decoder, &mut got);
    assert_eq!(got, [Got::Frame(stream[1..].to_vec(), 1)]);
    assert!(decoder.pending().is_empty());
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(256))]

    #[test]
    fn any_bytes_in_any_pieces_are_accounted_for(chunks in prop::collection::vec(noise(), 0..20)) {
        let mut decoder = Decoder::new();
        let mut got = Vec::new();
        let stream = chunks.concat();
        for (number, chunk) in chunks.iter().enumerate() {
            decoder.push(chunk);
            drain(&mut decoder, &mut got);
            if number % 7 == 6 {
                decoder.flush();
                drain(&mut decoder, &mut got);
            }
        }
        decoder.flush();
        drain(&mut decoder, &mut got);
        prop_assert_eq!(decoder.pending(), &[] as &[u8]);
        // Every octet that came out was there, in order; what did not come out was a flag.
        let mut at = 0usize;
        for item in &got {
            let (Got::Frame(octets, offset) | Got::Junk(octets, offset)) = item;
            let offset = usize::try_from(*offset).unwrap();
            prop_assert!(offset >= at && stream[at..offset].iter().all(|octet| *octet == FLAG));
            at = offset + octets.len();
            prop_assert_eq!(&stream[offset..at], &octets[..]);
        }
        prop_assert!(stream[at..].iter().all(|octet| *octet == FLAG));
    }

    #[test]
    fn frames_survive_any_split(
        frames in prop::collection::vec((any_frame(), 0usize..4), 1..6),
        cuts in prop::collection::vec(1usize..40, 1..8),
    ) {
        let mut stream = Vec::new();
        for (bytes, fill) in &frames {
            // Fill 0 shares the flag of the frame before.
            if *fill == 0 && !stream.is_empty() {
                stream.pop();
            }
            stream.extend(std::iter::repeat_n(FLAG, fill.saturating_sub(1)));
            stream.extend_from_slice(bytes);
        }
        let expected: Vec<Vec<u8>> = frames.iter().map(|(bytes, _)| bytes[1..bytes.len() - 1].to_vec()).collect();
        let got = decode(&split(&stream, &cuts));
        prop_assert_eq!(got.len(), expected.len());
        prop_assert_eq!(right_frames(&got), expected);
    }

    #[test]
    fn frames_are_found_in_noise_as_soon_as_they_are_there(
        frames in prop::collection::vec((noise(), any_frame()), 1..5),
        cuts in prop::collection::vec(1usize..40, 1..8),
    ) {
        let mut decoder = Decoder::new();
        let mut got = Vec::new();
        let mut expected = Vec::new();
        for (before, bytes) in &frames {
            let stream = [&before[..], bytes].concat();
            for chunk in split(&stream, &cuts) {
                decoder.push(chunk);
                drain(&mut decoder, &mut got);
            }
            expected.push(bytes[1..bytes.len() - 1].to_vec());
            prop_assert_eq!(&right_frames(&got), &expected);
        }
    }
}
