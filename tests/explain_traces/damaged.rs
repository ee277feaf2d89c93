//! Whatever happens to bytes on their way, what is said of them stays sound.
use crate::{assert_sound, traces};
use obiscope::dlms::explain::{Direction, explain, explain_from, summarise_from};
use proptest::prelude::*;

fn samples() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = traces().into_iter().map(|line| line.bytes).collect();
    all.sort();
    all.dedup();
    // One in eight keeps the run short and still holds every kind.
    all.into_iter().step_by(8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens to a frame on its way, the explanation stays sound.
    #[test]
    fn damaged_frames_are_explained_soundly(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
        direction in prop::option::of(prop_oneof![Just(Direction::ToMeter), Just(Direction::FromMeter)]),
    ) {
        static SAMPLES: std::sync::LazyLock<Vec<Vec<u8>>> = std::sync::LazyLock::new(samples);
        let mut input = which.get(&SAMPLES).clone();
        for (at, value, how) in damage {
            if input.is_empty() { break; }
            let at = at.index(input.len());
            match how {
                0 => input[at] = value,
                1 => { input.remove(at); }
                2 => input.insert(at, value),
                _ => input.truncate(at),
            }
        }
        let explanation = explain_from(&input, direction);
        assert_sound(&input, &explanation);
        // The payload alone, unframed: no FCS keeps the damage away from the APDU's reader.
        if let Some(apdu) = input.get(8..) {
            assert_sound(apdu, &explain(apdu));
        }
    }

    #[test]
    fn any_bytes_are_explained_soundly(input in prop::collection::vec(any::<u8>(), 0..200)) {
        assert_sound(&input, &explain(&input));
        summarise_from(&input, None);
    }

    /// Bytes that begin as an APDU does reach every reader.
    #[test]
    fn any_apdu_is_explained_soundly(
        tag in prop::sample::select(vec![
            0x01_u8, 0x05, 0x06, 0x08, 0x0C, 0x0D, 0x0E, 0x0F, 0x21, 0x60, 0x61, 0x62, 0x63, 0xC0, 0xC1, 0xC2, 0xC3,
            0xC4, 0xC5, 0xC7, 0xC8, 0xCC, 0xD4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDF, 0xE0,
        ]),
        form in 0..7_u8,
        rest in prop::collection::vec(prop_oneof![any::<u8>(), 0..5_u8], 0..60),
    ) {
        let mut input = vec![tag, form];
        input.extend(rest);
        let explanation = explain(&input);
        // Low tags are ordinary octets too: taken for an APDU only where all of it fits.
        prop_assert!(tag < 0x60 || explanation.frames.len() == 1);
        assert_sound(&input, &explanation);
    }
}

/// Found by fuzzing: the length of what is signed is none, and took the rest of the octets out of its parent.
#[test]
fn a_signed_content_without_a_length_stays_inside_its_parent() {
    for length in ["E7 03 D0", "84 FF", "80", ""] {
        let octets = crate::bytes(&format!("DF 00 00 00 00 00 {length}"));
        crate::assert_sound(&octets, &obiscope::dlms::explain::explain(&octets));
    }
}
