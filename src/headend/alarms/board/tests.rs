//! What stands, what is counted, what is told: as tables over time that is data.

use super::*;

const METER: MeterId = MeterId(1);
const HIGH: What<'static> = What {
    meter: METER,
    key: "v",
    cause: "high",
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap() + Duration::from_secs(seconds)
}

fn said(text: &str) -> impl Fn() -> Said {
    let text = text.to_owned();
    move || Said {
        severity: Severity::Warning,
        text: text.clone(),
        value: None,
    }
}

/// What is told: how many moved, how many lines for the log.
fn told(board: &mut Board) -> (usize, usize) {
    (board.take_moved().len(), board.take_news().len())
}

#[test]
fn one_that_holds_is_one_and_is_told_once_a_minute() {
    let mut board = Board::default();
    board.raise(at(0), "m", HIGH, said("first"));
    assert_eq!(told(&mut board), (1, 1));
    for second in 1..60 {
        board.raise(at(second), "m", HIGH, || unreachable!("nobody is told"));
    }
    assert_eq!(told(&mut board), (0, 0));
    board.raise(at(60), "m", HIGH, said("later"));
    assert_eq!(told(&mut board), (1, 0));
    let [alarm] = &board.all()[..] else {
        unreachable!()
    };
    assert_eq!((alarm.first, alarm.last), (at(0), at(60)));
    assert_eq!((alarm.count, alarm.text.as_str()), (1, "later"));
}

#[test]
fn one_that_flaps_is_one_that_is_counted() {
    let mut board = Board::default();
    let (mut moved, mut lines) = (0, 0);
    // Once a second for an hour, with a look every second.
    for second in 0..3_600 {
        if second % 2 == 0 {
            board.raise(at(second), "m", HIGH, said("up"));
        } else {
            board.clear(at(second), HIGH);
        }
        let (m, l) = told(&mut board);
        (moved, lines) = (moved + m, lines + l);
    }
    let all = board.all();
    assert_eq!((all.len(), all[0].count), (1, 1_800));
    assert_eq!(all[0].cleared, Some(at(3_599)));
    // Each change is shown, the log has a few lines a minute.
    assert_eq!(moved, 3_600);
    assert!(lines <= 3 * 60, "{lines}");
    // Long after it is another.
    board.raise(at(3_598 + 601), "m", HIGH, said("up"));
    let all = board.all();
    assert_eq!((all.len(), all[1].id, all[1].count), (2, 2, 1));
    assert!(all[0].cleared.is_some() && all[1].stands());
}

#[test]
fn each_key_and_cause_is_its_own() {
    let mut board = Board::default();
    let low = What {
        cause: "low",
        ..HIGH
    };
    let other = What { key: "w", ..HIGH };
    let meter = What {
        meter: MeterId(2),
        ..HIGH
    };
    for what in [HIGH, low, other, meter] {
        board.raise(at(0), "m", what, said("x"));
        assert!(board.stands(what));
    }
    assert_eq!(board.standing(), 4);
    board.clear(at(1), low);
    assert!(!board.stands(low) && board.stands(HIGH));
    board.clear_those(at(2), METER, |_| true);
    assert!(!board.has(METER) && board.stands(meter));
    assert_eq!(board.all().iter().filter(|it| it.stands()).count(), 1);
}

#[test]
fn acknowledged_by_who_was_first_and_through_its_return() {
    let mut board = Board::default();
    board.raise(at(0), "m", HIGH, said("x"));
    let ack = |by: &str| Ack::new(by, "", at(1)).unwrap();
    assert!(board.acknowledge(1, &ack("Ana")) && board.acknowledge(1, &ack("Bo")));
    assert!(!board.acknowledge(2, &ack("Bo")));
    board.clear(at(2), HIGH);
    board.raise(at(3), "m", HIGH, said("x"));
    let alarm = &board.all()[0];
    assert_eq!(alarm.acknowledged.as_ref().unwrap().by, "Ana");
}

#[test]
fn what_happened_often_is_counted_while_it_stands() {
    let mut board = Board::default();
    board.happened(at(0), "m", HIGH, 1, said("x"));
    board.happened(at(1), "m", HIGH, 3, said("x"));
    assert_eq!(board.all()[0].count, 4);
    board.clear(at(2), HIGH);
    board.happened(at(3), "m", HIGH, 2, said("x"));
    assert_eq!((board.all().len(), board.all()[0].count), (1, 6));
}

#[test]
fn bounded_whatever_comes_and_nothing_that_stands_is_lost() {
    let mut board = Board::default();
    for n in 0..30_000_u64 {
        let key = n.to_string();
        let what = What { key: &key, ..HIGH };
        board.raise(at(n), "m", what, said("x"));
        board.clear(at(n), what);
    }
    for n in 0..1_000_u64 {
        let key = format!("s{n}");
        board.raise(at(40_000), "m", What { key: &key, ..HIGH }, said("x"));
    }
    assert_eq!(board.standing(), MOST_OF_METER);
    assert_eq!(board.all().len(), OVER + MOST_OF_METER);
    let unsaved = board.take_unsaved(usize::MAX);
    assert!(unsaved.len() <= UNSAVED);
    let standing = unsaved.iter().filter(|it| it.stands()).count();
    assert_eq!(standing, MOST_OF_METER);
}

#[test]
fn gone_on_from_what_was_stored() {
    let mut board = Board::default();
    board.raise(at(0), "m", HIGH, said("x"));
    let stored: Vec<Alarm> = board
        .take_unsaved(9)
        .iter()
        .map(|it| (**it).clone())
        .collect();
    let mut next = Board::default();
    next.load(41, stored);
    assert_eq!(told(&mut next), (1, 0));
    // It still holds: the same once, not again.
    next.raise(at(100), "m", HIGH, said("y"));
    let all = next.all();
    assert_eq!((all.len(), all[0].id, all[0].count), (1, 1, 1));
    let low = What {
        cause: "low",
        ..HIGH
    };
    next.raise(at(100), "m", low, said("y"));
    assert_eq!(next.all()[1].id, 42);
    // What could not be stored comes back, unless it is newer already.
    let lot = next.take_unsaved(9);
    next.clear(at(101), low);
    next.put_back(lot);
    let again = next.take_unsaved(9);
    assert_eq!(again.len(), 2);
    assert_eq!(again[1].cleared, Some(at(101)));
}
