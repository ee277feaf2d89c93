//! Recorded ciphered sessions with their keys: every ciphered APDU is opened, verified and explained in place.
use crate::{assert_sound, traces};
use obiscope::dlms::explain::{Direction, Explanation, Opener, explain_with, split};
use obiscope::dlms::security::Keys;
use proptest::prelude::*;

const EK: &str = "ek=000102030405060708090A0B0C0D0E0F";
const KEYS: &str = "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";

#[expect(clippy::unnecessary_wraps, reason = "as explain takes it")]
fn opener(keys: &str) -> Option<Opener> {
    Some(Opener::new(Keys::parse(keys).unwrap(), None, None))
}

fn explained(
    bytes: &[u8],
    direction: Option<Direction>,
    opener: &mut Option<Opener>,
) -> Explanation {
    let pieces: Vec<_> = split(bytes).collect();
    Explanation {
        frames: pieces
            .iter()
            .filter_map(|piece| explain_with(bytes, piece, direction, opener))
            .collect(),
        rest: bytes.len()..bytes.len(),
        ..Explanation::default()
    }
}

/// How often the values of the ciphertexts of recorded sessions say each word.
fn verdicts(keys: &str) -> (usize, usize, usize) {
    let mut session = String::new();
    let mut state = None;
    let (mut verified, mut doubted, mut closed) = (0, 0, 0);
    for line in traces() {
        let name = line.place.split(':').next().unwrap();
        if !(name.contains("gmac") || name.contains("ciph") || name.contains("push")) {
            continue;
        }
        if name != session {
            name.clone_into(&mut session);
            state = opener(keys);
        }
        let explanation = explained(&line.bytes, Some(line.direction), &mut state);
        assert_sound(&line.bytes, &explanation);
        for frame in &explanation.frames {
            for field in frame
                .fields
                .iter()
                .filter(|field| field.name == "ciphertext")
            {
                if field.value.contains("continues in the next segment") {
                    continue;
                }
                if field.value.ends_with(", verified") {
                    verified += 1;
                } else if field.value.contains("NOT VERIFIED") {
                    doubted += 1;
                } else {
                    closed += 1;
                }
            }
            assert!(!format!("{frame:?}").contains("112233445566778899AABBCCDDEEFF"));
        }
    }
    (verified, doubted, closed)
}

#[test]
fn with_the_keys_everything_is_verified() {
    let (verified, doubted, _) = verdicts(KEYS);
    assert!(verified >= 374 && doubted == 0, "{verified} {doubted}");
}

#[test]
fn without_the_authentication_key_everything_is_read_and_marked() {
    let (verified, doubted, _) = verdicts(EK);
    assert!(verified == 0 && doubted >= 374, "{verified} {doubted}");
}

#[test]
fn with_a_wrong_key_nothing_is_read() {
    let wrong = KEYS.replace("ek=00", "ek=FF");
    let (verified, doubted, closed) = verdicts(&wrong);
    assert!(verified == 0 && doubted + closed >= 374);
    // By chance a wrong key gives the first octet that is due, one time in some hundreds.
    assert!(doubted < 30, "{doubted}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage inside an opened session leaves the explanation sound.
    #[test]
    fn damaged_sessions_are_explained_soundly(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..8),
        session in prop::sample::select(vec!["p_hdlc_gxpy_ciph_ded", "c_wrap_u9n_gmac", "p_hdlc_gxpy_ciph_general"]),
    ) {
        static LINES: std::sync::LazyLock<Vec<crate::Line>> = std::sync::LazyLock::new(traces);
        let mut lines: Vec<(Direction, Vec<u8>)> = LINES
            .iter()
            .filter(|line| line.place.starts_with(session))
            .take(40)
            .map(|line| (line.direction, line.bytes.clone()))
            .collect();
        for (which, at, value) in damage {
            let which = which.index(lines.len());
            if let Some((_, line)) = lines.get_mut(which) {
                let at = at.index(line.len());
                line[at] = value;
            }
        }
        let mut state = opener(KEYS);
        for (direction, line) in lines {
            let explanation = explained(&line, Some(direction), &mut state);
            assert_sound(&line, &explanation);
        }
    }
}
