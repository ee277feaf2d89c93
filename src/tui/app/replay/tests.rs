//! A trace longer than what is held: played, stepped and sought through, with what a refusal says.
use super::*;
use crate::dlms::hdlc::{Control, frame::build};
use crate::meter::Phase;
use crate::meter::document;
use crate::meter::status::{Rung, RungState};
use crate::meter::tap::{Chunk, Direction};

const SHOWN: Option<MeterId> = Some(MeterId(1));

fn frame(n: usize, control: Control) -> Entry {
    let mut bytes = Vec::new();
    build(&[0x21], &[0x03], control, false, &[], &mut bytes).unwrap();
    let at = Timestamp::from_millisecond(i64::try_from(n).unwrap()).unwrap();
    Entry {
        at,
        meter: "one".to_owned(),
        what: Chunk::Bytes {
            direction: Direction::Received,
            bytes,
        },
        masked: false,
    }
}

/// RR, or every 5000th DM.
fn batch(from: usize, all: usize) -> Batch {
    let to = all.min(from + BATCH);
    Batch {
        entries: (from..to)
            .map(|n| match n % 5000 {
                4999 => frame(n, Control::Dm { poll: true }),
                _ => frame(
                    n,
                    Control::ReceiveReady {
                        receive: 0,
                        poll: true,
                    },
                ),
            })
            .collect(),
        read: Some(f64::from(u32::try_from(to).unwrap()) / f64::from(u32::try_from(all).unwrap())),
        end: (to == all).then_some(End::Whole),
    }
}

#[test]
fn a_long_trace_is_held_in_part_and_played_whole() {
    const ALL: usize = 30_000;
    let now = Instant::now();
    let mut replay = Replay::new(batch(0, ALL), f64::INFINITY, now);
    assert_eq!(replay.pace(), "×max");
    let (mut fed, mut rows) = (BATCH, 0);
    for _ in 0..ALL {
        if replay.over() {
            break;
        }
        if replay.wants() {
            replay.feed(batch(fed, ALL), now);
            fed = (fed + BATCH).min(ALL);
        }
        assert!(replay.ahead.len() <= 2 * BATCH && replay.past.len() <= PAST);
        rows += replay.play(Duration::ZERO, SHOWN, now).rows.len();
    }
    assert!(replay.over());
    assert_eq!((rows, replay.progress()), (ALL, format!("{ALL} of {ALL}")));
    let held = replay.rows_of(MeterId(1));
    assert_eq!(held.len(), PAST);
    assert_eq!(held.last().unwrap().frame, Some(ALL as u64));
}

#[test]
fn the_next_error_is_sought_however_far_it_is() {
    const ALL: usize = 12_000;
    let now = Instant::now();
    let mut replay = Replay::new(batch(0, ALL), 1.0, now);
    let mut fed = BATCH;
    let mut seek = |replay: &mut Replay| {
        replay.seek();
        for _ in 0..ALL {
            if replay.wants() {
                replay.feed(batch(fed, ALL), now);
                fed = (fed + BATCH).min(ALL);
            }
            let turn = replay.play(Duration::ZERO, SHOWN, now);
            if turn.found.is_some() || turn.missed {
                return turn.found;
            }
        }
        panic!("neither found nor over")
    };
    assert_eq!(seek(&mut replay), Some(4999));
    assert!(!replay.playing, "it rests there");
    assert_eq!(seek(&mut replay), Some(9999));
    assert_eq!(seek(&mut replay), None);
}

#[test]
fn a_refused_association_is_no_longer_under_way() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/traces/c_hdlc_gxpy_low_badpw.txt"
    );
    let entries = document::open(std::path::Path::new(path))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let first = Batch {
        entries,
        read: Some(1.0),
        end: Some(End::Whole),
    };
    let now = Instant::now();
    let mut replay = Replay::new(first, f64::INFINITY, now);
    let mut refused = false;
    while !replay.over() {
        replay.step(SHOWN, now);
        let status = &replay.views()[0].status;
        if let RungState::Failed { why } = status.rung(Rung::Aare) {
            refused = true;
            assert!(why.contains("authentication"), "{why}");
            assert!(
                matches!(
                    status.phase,
                    Phase::NeedsPerson | Phase::Releasing | Phase::Stopped
                ),
                "{:?}",
                status.phase
            );
            assert!(status.last_error.is_some());
        }
    }
    assert!(refused);
}

#[test]
fn an_end_that_comes_late_and_empty_is_still_told_once() {
    let now = Instant::now();
    let batch = |entries, end| Batch {
        entries,
        read: None,
        end,
    };
    let ask = frame(0, Control::Snrm { poll: true });
    let mut replay = Replay::new(batch(vec![ask], None), f64::INFINITY, now);
    replay.seek();
    assert!(!replay.play(Duration::ZERO, SHOWN, now).missed);
    replay.feed(batch(Vec::new(), Some(End::Whole)), now);
    let turn = replay.play(Duration::ZERO, SHOWN, now);
    assert!(turn.missed && !replay.seeking);
    assert_eq!(turn.views.len(), 1, "the final silence was told");
    assert!(replay.step(SHOWN, now).views.is_empty(), "and only once");
    assert!(replay.play(Duration::ZERO, SHOWN, now).views.is_empty());
}
