//! Every form that carries a secret, in every segmentation, over HDLC and the wrapper: nothing of it is shown, and the
//! form stays.
use super::*;
use crate::dlms::explain::explain;
use crate::dlms::hdlc::{Control, Frame, frame};

const SECRET: &[u8] = b"\xD7SeCrEt-k3y!";

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

/// Hex with `@` for the secret, behind its length.
fn apdu(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, part) in text.split('@').enumerate() {
        if n > 0 {
            out.push(u8::try_from(SECRET.len()).unwrap());
            out.extend(SECRET);
        }
        out.extend(unhex(part));
    }
    out
}

fn shows(shown: &[u8]) -> bool {
    shown
        .windows(3)
        .any(|three| SECRET.windows(3).any(|s| s == three))
}

struct Wire {
    veil: Veil,
    send: [u8; 2],
}

impl Wire {
    fn new() -> Self {
        let veil = Veil::default();
        Self { veil, send: [0; 2] }
    }

    /// The information shown of an APDU in segments of `size`, its chunks cut at `cut`.
    fn hdlc(
        &mut self,
        way: Direction,
        apdu: &[u8],
        size: usize,
        cut: usize,
        caution: Caution,
    ) -> Vec<u8> {
        let (llc, here) = match way {
            Direction::Sent => ([0xE6, 0xE6, 0], 0),
            Direction::Received => ([0xE6, 0xE7, 0], 1),
        };
        let information = [&llc[..], apdu].concat();
        let parts: Vec<_> = information.chunks(size).collect();
        let mut all = Vec::new();
        for (n, part) in parts.iter().enumerate() {
            let control = Control::Information {
                send: self.send[here] % 8,
                receive: 0,
                poll: true,
            };
            let mut sent = Vec::new();
            frame::build(&[3], &[3], control, n + 1 < parts.len(), part, &mut sent).unwrap();
            // Every third goes twice, as after a timeout.
            for _ in 0..=usize::from(self.send[here].is_multiple_of(3)) {
                let mut shown = Vec::new();
                for piece in sent.chunks(cut) {
                    let copy = self.veil.over(way, piece, caution);
                    shown.extend(copy.unwrap_or_else(|| piece.to_vec()));
                }
                assert_eq!(shown.len(), sent.len());
                assert!(!shows(&shown), "{shown:02X?}");
                let parsed = Frame::parse(&shown[1..shown.len() - 1]).unwrap();
                assert!(parsed.fcs_ok() && parsed.hcs_ok() == Some(true));
                if all.len() == n * size {
                    all.extend_from_slice(parsed.information());
                }
            }
            self.send[here] += 1;
        }
        all
    }
}

const SENT: Direction = Direction::Sent;
const RECEIVED: Direction = Direction::Received;
const ASK_SECRET: &str = "C001C1000F0000280000FF0700";

/// Name, and what crosses the line.
const FORMS: &[(&str, &[(Direction, &str)])] = &[
    (
        "LLS",
        &[(
            SENT,
            "6035A1090607608574050801018A0207808B0760857405080201AC0E80@BE10040E01000000065F1F0400007E1DFFFF",
        )],
    ),
    (
        "HLS challenges",
        &[
            (
                SENT,
                "6035A1090607608574050801018A0207808B0760857405080205AC0E80@BE10040E01000000065F1F0400007E1DFFFF",
            ),
            (
                RECEIVED,
                "6142A109060760857405080101A203020100A305A10302010E88020780890760857405080205AA0E80@BE10040E0800065F1F040000501F01F40007",
            ),
        ],
    ),
    (
        "a dedicated key",
        &[(
            SENT,
            "6030A109060760857405080101BE1A041801 01 @ 0000065F1F0400007E1DFFFF",
        )],
    ),
    (
        "passes 3 and 4",
        &[
            (SENT, "C301C1000F0000280000FF01 01 09 @"),
            (RECEIVED, "C701C1 00 01 00 09 @"),
        ],
    ),
    (
        "GET of a password",
        &[(SENT, ASK_SECRET), (RECEIVED, "C401C100 09 @")],
    ),
    (
        "GET in blocks",
        &[
            (SENT, ASK_SECRET),
            (RECEIVED, "C402C1 00 00000001 00 07 0202 0907 D753 65"),
            (SENT, "C002C1 00000001"),
            (RECEIVED, "C402C1 01 00000002 00 13 43724574 09 @"),
        ],
    ),
    (
        "GET with list",
        &[
            (SENT, "C003C1 02 00080000010000FF0200 000F0000280000FF0700"),
            (RECEIVED, "C403C1 02 00 12 0102 00 09 @"),
        ],
    ),
    (
        "SET of a password",
        &[(SENT, "C101C1000F0000280000FF0700 09 @")],
    ),
    (
        "SET in blocks",
        &[
            (
                SENT,
                "C102C1000F0000280000FF0700 00 00000001 06 0202 0908 D753",
            ),
            (RECEIVED, "C502C100000001"),
            (SENT, "C103C1 01 00000002 15 654372457400 09 @"),
        ],
    ),
    (
        "SET with list",
        &[(
            SENT,
            "C104C1 02 00080000010000FF0200 000F0000280000FF0700 02 09 @ 09 @",
        )],
    ),
    (
        "keys transferred",
        &[(
            SENT,
            "C301C1004000002B0000FF02 01 0102 0202 1600 09@ 0202 1601 09@",
        )],
    ),
    (
        "key agreement",
        &[
            (SENT, "C301C1004000002B0000FF03 01 0101 0202 1600 09@"),
            (RECEIVED, "C701C1 00 01 00 0101 0202 1600 09@"),
        ],
    ),
    (
        "ACTION in blocks",
        &[
            (SENT, "C304C1000F0000280000FF02 00 00000001 05 090C D75365"),
            (SENT, "C306C1 01 00000002 09 437245742D6B337921"),
        ],
    ),
    ("a token", &[(SENT, "C301C1007300002C0000FF01 01 09@")]),
    (
        "ACCESS",
        &[
            (
                SENT,
                "D940000001 00 02 01 000F0000280000FF07 03 000F0000280000FF02 02 00 09@",
            ),
            (RECEIVED, "DA40000001 00 00 02 09@ 00 02 0100 0300"),
        ],
    ),
    (
        "short names",
        &[
            (SENT, "0501 04 FA58 00 09@"),
            (RECEIVED, "0C01 00 09@"),
            (SENT, "0601 02 FA40 01 09@"),
        ],
    ),
    (
        "a wrapped key",
        &[(SENT, "DD 01AA 0142 0143 00 00 01 01 02 @ 06 30 00000001 AA")],
    ),
    (
        "general block transfer",
        &[
            (
                SENT,
                "E0 00 0001 0000 10 C101C1000F0000280000FF0700 09 0C D7",
            ),
            (SENT, "E0 80 0002 0000 0B 5365437245742D6B337921"),
        ],
    ),
    (
        "authenticated only",
        &[(
            SENT,
            "C9 2B 10 00000001 C101C1000F0000280000FF0700 09@ AABBCCDDEEFF001122334455",
        )],
    ),
    (
        "general-glo, authenticated only",
        &[(
            SENT,
            "DB 08 4D4D4D0000000001 24 10 00000001 C101C1000F0000280000FF0700 09@ AABBCCDD",
        )],
    ),
    (
        "an AARQ whose inner length is wrong",
        &[(
            SENT,
            "6035A1090607608574050801018A0207808B0760857405080201AC0A8008 D753654372457 42D6B337921 BE10040E01000000065F1F0400007E1DFFFF",
        )],
    ),
];

#[test]
fn no_form_shows_a_secret_however_it_is_cut() {
    for (name, talk) in FORMS {
        for size in [1, 5, 16, 120] {
            for cut in [1, 7, 300] {
                let mut wire = Wire::new();
                for (way, text) in *talk {
                    let plain = apdu(text);
                    let shown = wire.hdlc(*way, &plain, size, cut, Caution::Said);
                    assert_eq!(shown.len(), plain.len() + 3, "{name}");
                    assert_eq!(shown[3], plain[0], "{name}");
                }
            }
        }
    }
}

#[test]
fn what_is_starred_still_reads_as_it_did() {
    for (name, talk) in FORMS {
        let mut veil = Veil::default();
        let mut hidden = 0;
        for (way, text) in *talk {
            let plain = apdu(text);
            let mut wrapped = vec![0, 1, 0, 1, 0, 1, 0, u8::try_from(plain.len()).unwrap()];
            wrapped.extend(&plain);
            let shown = veil
                .over(*way, &wrapped, Caution::Said)
                .unwrap_or(wrapped.clone());
            assert!(!shows(&shown), "{name}: {shown:02X?}");
            hidden += usize::from(shown != wrapped);
            let wrong = |bytes: &[u8]| {
                let all = explain(bytes);
                all.frames
                    .iter()
                    .map(|f| (f.kind.clone(), f.trouble))
                    .collect::<Vec<_>>()
            };
            assert_eq!(wrong(&shown), wrong(&wrapped), "{name}");
        }
        assert!(hidden > 0, "{name}");
    }
}

#[test]
fn an_answer_that_was_cut_off_hides_the_next_challenge_too() {
    let aare = apdu(
        "6142A109060760857405080101A203020100A305A10302010E88020780890760857405080205AA0E80@BE10040E0800065F1F040000501F01F40007",
    );
    // A value of which the rest never came, and one in blocks.
    for cut_off in [
        "C401C100 09 40 0102030405",
        "C402C1 00 00000001 00 20 0940 01",
    ] {
        for control in [Control::Ua { poll: true }, Control::Dm { poll: true }] {
            let mut wire = Wire::new();
            let mut sent = Vec::new();
            let information = [&[0xE6, 0xE7, 0][..], &apdu(cut_off)].concat();
            // Not the number that the next link begins with: that would pass for the same frame again.
            let segment = Control::Information {
                send: 5,
                receive: 0,
                poll: true,
            };
            frame::build(&[3], &[3], segment, true, &information, &mut sent).unwrap();
            wire.veil.over(RECEIVED, &sent, Caution::Said);
            sent.clear();
            frame::build(&[3], &[3], control, false, &[], &mut sent).unwrap();
            wire.veil.over(RECEIVED, &sent, Caution::Said);
            let shown = wire.hdlc(RECEIVED, &aare, 120, 300, Caution::Said);
            assert_eq!(shown[3], 0x61, "{cut_off}");
        }
    }
}

#[test]
fn readings_are_shown() {
    let mut wire = Wire::new();
    for (way, text) in [
        (
            SENT,
            "601DA109060760857405080101BE10040E01000000065F1F0400007E1DFFFF",
        ),
        (
            RECEIVED,
            "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007",
        ),
        (SENT, "C001C100030100200700FF0200"),
        (RECEIVED, "C401C100 06000034E4"),
        (
            SENT,
            "C101C100080000010000FF0200 09 0C 07EA0B1405102030008000FF",
        ),
        (SENT, "0501 02 0100"),
        (RECEIVED, "0C01 00 06000034E4"),
        (
            SENT,
            "C8 1E 30 00000001 AABBCCDDEEFF00112233445566778899AABBCCDDEEFF001122",
        ),
    ] {
        let plain = apdu(text);
        assert_eq!(
            wire.hdlc(way, &plain, 64, 300, Caution::Said)[3..],
            plain,
            "{text}"
        );
    }
}

#[test]
fn a_wrong_checksum_stays_wrong() {
    let mut sent = Vec::new();
    let control = Control::Information {
        send: 0,
        receive: 0,
        poll: true,
    };
    let information = [&[0xE6, 0xE6, 0][..], &apdu(FORMS[7].1[0].1)].concat();
    frame::build(&[3], &[3], control, false, &information, &mut sent).unwrap();
    let end = sent.len();
    sent[end - 2] ^= 0x55;
    let shown = Veil::default().over(SENT, &sent, Caution::Said).unwrap();
    assert!(!Frame::parse(&shown[1..end - 1]).unwrap().fcs_ok());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_panics_and_lengths_stay(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), lead in 0..4_usize, tag in proptest::prelude::any::<u8>()) {
        let lead: &[u8] = [&[][..], &[0x7E, 0xA1, 0x80, 3, 3, 0x10, 0, 0, 0xE6, 0xE6, 0], &[0, 1, 0, 1, 0, 1, 1, 0], &[0x7E]][lead];
        let all = [lead, &[tag], &bytes].concat();
        for caution in [Caution::Said, Caution::Told, Caution::Leaving] {
            for way in [SENT, RECEIVED] {
                let mut veil = Veil::default();
                if let Some(shown) = veil.over(way, &all, caution) {
                    proptest::prop_assert_eq!(shown.len(), all.len());
                }
            }
        }
    }
}
