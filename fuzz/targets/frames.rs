//! Any stream in any chunks: the frame decoder loses no octet and brings none into disorder, and what it takes for a
//! frame can be built again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooms::dlms::hdlc::{
    Control, Decoder, FLAG, Frame, FrameReject, Item, Parameters, ServerAddress,
    frame::{MAX_LENGTH, build},
};
use rooms::dlms::wrapper;
use rooms::{Script, bounded};

/// The frames of a stream. Flags aside, every octet comes out once and in order, as frame or junk.
fn frames(stream: &[u8], mut size: impl FnMut() -> usize) -> Vec<Vec<u8>> {
    let (mut frames, mut all) = (Vec::new(), Vec::new());
    let mut decoder = Decoder::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(size().clamp(1, rest.len()));
        rest = after;
        decoder.push(chunk);
        take(&mut decoder, &mut frames, &mut all);
        assert!(decoder.pending().len() < 2 * MAX_LENGTH);
    }
    decoder.flush();
    take(&mut decoder, &mut frames, &mut all);
    assert!(decoder.pending().is_empty());
    let data = |octets: &[u8]| -> Vec<u8> {
        let octets = octets.iter().copied();
        octets.filter(|octet| *octet != FLAG).collect()
    };
    assert_eq!(data(&all), data(stream));
    frames
}

fn take(decoder: &mut Decoder, frames: &mut Vec<Vec<u8>>, all: &mut Vec<u8>) {
    while let Some(item) = decoder.next() {
        let (Item::Frame { octets, .. } | Item::Junk { octets, .. }) = item;
        all.extend_from_slice(octets);
        if let Item::Frame { .. } = item {
            frames.push(octets.to_vec());
        }
    }
}

fn look_at(octets: &[u8]) {
    let Ok(frame) = Frame::parse(octets) else {
        return;
    };
    let _ = ServerAddress::decode(frame.source());
    let _ = ServerAddress::decode(frame.destination());
    let _ = Parameters::decode(frame.information());
    let _ = FrameReject::decode(frame.information());
    let control = frame.control();
    assert_eq!(Control::decode(control.encode()), control);
    let mut built = Vec::new();
    let (to, from, information) = (frame.destination(), frame.source(), frame.information());
    build(
        to,
        from,
        control,
        frame.segmented(),
        information,
        &mut built,
    )
    .expect("it fitted before");
    if frame.fcs_ok() && frame.hcs_ok() != Some(false) {
        let inside = &built[1..built.len() - 1];
        let again = Frame::parse(inside).expect("what is built can be read");
        assert_eq!(again.information(), information);
        assert_eq!((again.destination(), again.source()), (to, from));
    }
}

fn pdus(stream: &[u8], size: usize) -> Vec<(u64, Vec<u8>)> {
    let mut decoder = wrapper::Decoder::new();
    let mut found = Vec::new();
    for chunk in stream.chunks(size.max(1)) {
        decoder.push(chunk);
        while let Some(item) = decoder.next() {
            if let wrapper::Item::Pdu {
                apdu,
                stream_offset,
                ..
            } = item
            {
                found.push((stream_offset, apdu.to_vec()));
            }
        }
    }
    found
}

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let cut = script.byte();
    let stream = input.get(1..).unwrap_or_default();
    bounded(|| {
        let mut seed = cut;
        let whole = frames(stream, || stream.len());
        let cut_up = frames(stream, || {
            seed = seed.wrapping_mul(77).wrapping_add(31);
            usize::from(seed % 40)
        });
        whole
            .iter()
            .chain(&cut_up)
            .for_each(|octets| look_at(octets));
        look_at(stream);
        assert_eq!(pdus(stream, stream.len()), pdus(stream, (cut % 40).into()));
    });
});
