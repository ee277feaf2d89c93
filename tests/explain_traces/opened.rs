//! Recorded ciphered sessions with their keys: every ciphered APDU is opened, verified and explained in place.
use crate::{assert_sound, problems, traces};
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

/// What the ciphertexts of the recorded sessions were told to be.
#[derive(Debug, Default)]
struct Verdicts {
    verified: usize,
    doubted: usize,
    /// Where those stand that were not opened, and what is said to be wrong in their frame.
    closed: Vec<(String, Vec<String>)>,
}

fn verdicts(keys: &str) -> Verdicts {
    let mut session = String::new();
    let mut state = None;
    let mut told = Verdicts::default();
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
                    told.verified += 1;
                } else if field.value.contains("NOT VERIFIED") {
                    told.doubted += 1;
                } else {
                    told.closed
                        .push((line.place.clone(), problems(&explanation)));
                }
            }
            assert!(!format!("{frame:?}").contains("112233445566778899AABBCCDDEEFF"));
        }
    }
    told
}

/// Ciphered APDUs in the recorded sessions that can be opened.
const OPENED: usize = 385;

/// RLREs of the Gurux C server, whose own length is three octets short: what is ciphered in them is cut off by it.
const SHORT: [&str; 2] = ["c_hdlc_gxpy_gmac:158", "c_hdlc_gxpy_gmac_general:24"];

/// Block answers of the Gurux C server to which it adds a second head when the read fails: they are no whole APDUs, and
/// without a right tag nothing else speaks for what was deciphered.
const BROKEN_INSIDE: [&str; 4] = [
    "c_hdlc_gxpy_gmac:104",
    "c_hdlc_gxpy_gmac:118",
    "c_hdlc_gxpy_gmac_general:22",
    "c_hdlc_gxpy_gmac_glo_ded:22",
];

fn assert_short_alone(closed: &[(String, Vec<String>)]) {
    let places: Vec<&str> = closed.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, SHORT);
    for (place, problems) in closed {
        assert!(!problems.is_empty(), "{place}: nothing is said of it");
    }
}

#[test]
fn with_the_keys_everything_is_verified() {
    let told = verdicts(KEYS);
    assert_eq!((told.verified, told.doubted), (OPENED, 0));
    assert_short_alone(&told.closed);
}

#[test]
fn without_the_authentication_key_everything_is_read_and_marked() {
    let told = verdicts(EK);
    assert_eq!((told.verified, told.doubted), (0, OPENED));
    assert_short_alone(&told.closed);
}

#[test]
fn with_a_wrong_authentication_key_everything_is_read_and_marked() {
    let told = verdicts(&KEYS.replace("ak=D0", "ak=FF"));
    assert_eq!(
        (told.verified, told.doubted),
        (0, OPENED - BROKEN_INSIDE.len())
    );
    let mut closed = told.closed;
    closed.retain(|(place, _)| !BROKEN_INSIDE.contains(&place.as_str()));
    assert_short_alone(&closed);
}

#[test]
fn with_a_wrong_key_nothing_is_read() {
    let told = verdicts(&KEYS.replace("ek=00", "ek=FF"));
    assert_eq!((told.verified, told.doubted), (0, 0), "{told:?}");
    // The dedicated keys stay unknown too: their requests travel in the initiate requests that were not opened.
    assert_eq!(told.closed.len(), OPENED + SHORT.len());
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
