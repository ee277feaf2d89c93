//! The history against real databases: what it must bring back exactly, what a look may cost, what goes and what stays.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::*;
use crate::cosem::{AttributeRef, Data, Obis, ObjectSpec, ScalerUnit, Unit};
use crate::meter::{Definition, Poll, Reading, ReadingError};
use crate::store::{StoredReading, migrate};

const VOLTAGE: Obis = Obis::new(1, 1, 32, 7, 0, 255);
const ENERGY: Obis = Obis::new(1, 1, 1, 8, 0, 255);
const DAY: i64 = 86_400_000;
/// Midnight, so that steps are whole.
const BEGIN: i64 = 20_000 * DAY;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn reading(obis: Obis, key: &str, ms: i64, scale: (i8, u8), value: Data) -> Reading {
    Reading {
        spec: ObjectSpec::Value(obis),
        key: key.into(),
        attribute: AttributeRef {
            class: 3,
            obis,
            attribute: 2,
        },
        scaler_unit: Some(ScalerUnit {
            scaler: scale.0,
            unit: Unit(scale.1),
        }),
        at: at(ms),
        value: Ok(value),
    }
}

fn volts(ms: i64, raw: i32) -> Reading {
    reading(VOLTAGE, "voltage_l1", ms, (-2, 35), Data::DoubleLong(raw))
}

fn poll(meter: MeterId, readings: Vec<Reading>) -> Poll {
    let at = readings[0].at;
    Poll {
        meter,
        at,
        readings,
    }
}

async fn commit(store: &Store, polls: Vec<Poll>) {
    let lot = polls.into_iter().map(|poll| (Arc::new(poll), None));
    for done in store.commit_polls(lot.collect()).await.unwrap() {
        done.unwrap();
    }
}

async fn with_meter(store: &Store, name: &str) -> MeterId {
    let meter = Definition::new(name, format!("{name}.invalid"), 3333);
    store.save_meter(meter).await.unwrap().id
}

/// Every `every` ms from `from` to `to`: volts that swing, and a register that counts.
async fn fill(store: &Store, meter: MeterId, from: i64, to: i64, every: i64) {
    let mut lot = Vec::new();
    let mut ms = from;
    while ms < to {
        let n = (ms - BEGIN) / every;
        let swing = i32::try_from(n % 100).unwrap();
        lot.push(poll(
            meter,
            vec![
                volts(ms, 13_500 + swing),
                reading(ENERGY, "energy", ms + 300, (0, 30), Data::Long64(n)),
            ],
        ));
        ms += every;
    }
    commit(store, lot).await;
}

fn query(meter: MeterId, key: &str, from: i64, to: i64, points: usize) -> Query {
    Query {
        meter,
        key: key.into(),
        from: at(from),
        to: at(to),
        points,
    }
}

fn count(series: &Series) -> u64 {
    series.points.iter().map(|it| it.count).sum()
}

async fn whole(store: &Store) {
    let verdict: String = (store.worker)
        .run(|connection| Ok(connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?))
        .await
        .unwrap();
    assert_eq!(verdict, "ok");
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }
    fn path(&self) -> PathBuf {
        self.0.path().join("obiscope.db")
    }
}

#[tokio::test]
async fn whatever_a_meter_says_comes_back_as_it_was() {
    let store = Store::in_memory().unwrap();
    let meter = with_meter(&store, "m").await;
    let values = [
        (Data::DoubleLong(-13_540), "-135.40", "-13540"),
        (
            Data::Long64Unsigned(u64::MAX),
            "184467440737095516.15",
            "18446744073709551615",
        ),
        (
            Data::Long64(i64::MIN),
            "-92233720368547758.08",
            "-9223372036854775808",
        ),
        (Data::Float32(0.1), "0.001", "0.1"),
        (Data::VisibleString(b"MS-\"1\"".to_vec()), "", ""),
        (Data::OctetString(vec![1, 0xAB]), "", ""),
        (Data::Boolean(true), "true", "true"),
        (
            Data::Structure(vec![Data::Unsigned(1), Data::Null]),
            "",
            "[1,null]",
        ),
    ];
    for (ms, (data, ..)) in (0..).zip(&values) {
        let one = reading(VOLTAGE, "voltage_l1", BEGIN + ms, (-2, 35), data.clone());
        commit(&store, vec![poll(meter, vec![one])]).await;
    }
    let failed = Reading {
        value: Err(ReadingError::Link("gone".into())),
        ..volts(BEGIN + 50, 0)
    };
    let told = failed.text();
    commit(&store, vec![poll(meter, vec![failed])]).await;
    let kept = store.readings(meter, "voltage_l1", 99).await.unwrap();
    for (it, (data, value, raw)) in kept.iter().zip(&values) {
        let same = reading(VOLTAGE, "", 0, (-2, 35), data.clone());
        assert_eq!(it.value.as_deref(), Some(&*same.text()));
        assert_eq!(it.raw, Some(data.to_json().to_string()));
        assert_eq!(it.unit, Some(35));
        if !value.is_empty() {
            assert_eq!(
                (it.value.as_deref(), it.raw.as_deref()),
                (Some(*value), Some(*raw))
            );
        }
    }
    assert_eq!(kept.len(), values.len() + 1);
    assert_eq!(kept.last().unwrap().error, Some(told));
    // Of these, a chart draws the numbers.
    let chart = store
        .history(query(meter, "voltage_l1", BEGIN, BEGIN + 1_000, 100))
        .await
        .unwrap();
    let last: Vec<_> = chart.points.iter().map(|it| it.last.as_str()).collect();
    assert_eq!(
        last,
        [
            "-135.40",
            "184467440737095516.15",
            "-92233720368547758.08",
            "0.001"
        ]
    );
    assert_eq!(chart.step, Duration::ZERO);
}

#[tokio::test]
async fn a_key_that_was_read_raw_leaves_no_secret() {
    let store = Store::in_memory().unwrap();
    let meter = with_meter(&store, "m").await;
    let place = AttributeRef {
        class: 15,
        obis: Obis::new(0, 0, 40, 0, 1, 255),
        attribute: 7,
    };
    let secret = Reading {
        spec: ObjectSpec::Attribute(place),
        attribute: place,
        scaler_unit: None,
        value: Ok(Data::OctetString(b"12345678".to_vec())),
        ..volts(BEGIN, 0)
    };
    commit(&store, vec![poll(meter, vec![secret])]).await;
    let kept = store.readings(meter, "voltage_l1", 1).await.unwrap();
    let told = format!("{kept:?}");
    assert!(
        !told.contains("12345678") && !told.contains("31 32"),
        "{told}"
    );
}

#[tokio::test]
async fn every_step_stands_for_every_reading() {
    let store = Store::in_memory().unwrap();
    let meter = with_meter(&store, "m").await;
    // Two days and a bit, every 10 s; the newest steps of each width are not over.
    let to = BEGIN + 2 * DAY + 3 * 3_600_000 + 47 * 60_000 + 30_000;
    fill(&store, meter, BEGIN, to, 10_000).await;
    let all = u64::try_from((to - BEGIN) / 10_000).unwrap();
    let mut steps = Vec::new();
    for points in [1, 2, 9, 60, 300, 2_000] {
        let chart = store
            .history(query(meter, "energy", BEGIN, to, points))
            .await
            .unwrap();
        assert_eq!(count(&chart), all, "{points} points");
        assert!(
            chart.points.len() <= points + 1,
            "{points}: {}",
            chart.points.len()
        );
        assert!(chart.points.is_sorted_by_key(|it| it.at));
        let (first, last) = (chart.points.first().unwrap(), chart.points.last().unwrap());
        // A register that counts has gone from the first to the last, exactly.
        assert_eq!(
            (first.first.as_str(), last.last.clone()),
            ("0", (all - 1).to_string())
        );
        assert_eq!(chart.unit, Some(30));
        steps.push(chart.step.as_secs());
    }
    assert_eq!(steps, [259_200, 172_800, 21_600, 3_600, 660, 120]);
    // Steps as asked for, exact.
    let hour = Duration::from_hours(1);
    let hours = store
        .history_steps(meter, "voltage_l1", at(BEGIN), at(to), hour)
        .await
        .unwrap();
    assert_eq!((hours.points.len(), count(&hours)), (52, all));
    let (min, max) = (hours.points[0].min, hours.points[0].max);
    assert_eq!((min, max), (135.0, 135.99));
    // 360 values: three times 0 to 99, and 0 to 59.
    let sum = f64::from(13_500 * 360 + 3 * 4_950 + 1_770);
    assert!((hours.points[0].mean - sum / 360.0 / 100.0).abs() < 1e-9);
    whole(&store).await;
}

#[tokio::test]
async fn a_clock_put_back_loses_and_doubles_nothing() {
    let store = Store::in_memory().unwrap();
    let meter = with_meter(&store, "m").await;
    fill(&store, meter, BEGIN, BEGIN + DAY, 60_000).await;
    // An hour again, with other values, some in the same millisecond.
    let again = |ms: i64| poll(meter, vec![volts(ms, 100), volts(ms + 300, 101)]);
    let late: Vec<_> = (0..60)
        .map(|n| again(BEGIN + 12 * 3_600_000 + n * 60_000))
        .collect();
    commit(&store, late.clone()).await;
    // The very same once more, as after an answer that was lost.
    commit(&store, late).await;
    let chart = |points| store.history(query(meter, "voltage_l1", BEGIN, BEGIN + DAY, points));
    for points in [1, 24, 96, 1_440] {
        let chart = chart(points).await.unwrap();
        assert_eq!(count(&chart), 1_440 + 120, "{points}");
        assert!(chart.points.iter().any(|it| (it.min - 1.0).abs() < 1e-9));
    }
    let keys = vec!["voltage_l1".to_owned()];
    let page = store
        .recorded(meter, keys, at(BEGIN), at(BEGIN + DAY), None)
        .await
        .unwrap();
    assert_eq!((page.readings.len(), page.next), (1_560, None));
    whole(&store).await;
}

#[tokio::test]
async fn another_scale_is_another_series_of_the_same_key() {
    let store = Store::in_memory().unwrap();
    let meter = with_meter(&store, "m").await;
    let mut readings = vec![volts(BEGIN, 13_540)];
    readings.push(reading(
        VOLTAGE,
        "voltage_l1",
        BEGIN + 1,
        (-1, 35),
        Data::DoubleLong(1_354),
    ));
    commit(&store, vec![poll(meter, readings)]).await;
    let chart = store
        .history(query(meter, "voltage_l1", BEGIN, BEGIN + 10, 9))
        .await
        .unwrap();
    let told: Vec<_> = chart
        .points
        .iter()
        .map(|it| (it.last.as_str(), it.mean))
        .collect();
    assert_eq!(told, [("135.40", 135.4), ("135.4", 135.4)]);
    assert_eq!(store.tracks(meter).await.unwrap().len(), 1);
}

#[tokio::test]
async fn pages_bring_every_reading_once() {
    let store = Store::in_memory().unwrap();
    let (meter, other) = (with_meter(&store, "m").await, with_meter(&store, "n").await);
    fill(&store, meter, BEGIN, BEGIN + DAY / 2, 5_000).await;
    fill(&store, other, BEGIN, BEGIN + 60_000, 5_000).await;
    let keys = vec!["energy".to_owned()];
    let (from, to) = (BEGIN + 5_301, BEGIN + DAY / 2 - 5_000);
    let (mut after, mut found, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = store
            .recorded(meter, keys.clone(), at(from), at(to), after)
            .await
            .unwrap();
        found.extend(page.readings);
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3);
    let values: Vec<_> = found.iter().map(|it| it.value.clone().unwrap()).collect();
    let wanted: Vec<_> = (2..8_639).map(|n| n.to_string()).collect();
    assert_eq!(values, wanted);
    assert_eq!(
        (found[0].at, found[0].scaler, found[0].unit),
        (at(BEGIN + 10_300), Some(0), Some(30))
    );
}

#[tokio::test]
async fn what_is_old_goes_and_its_steps_stay() {
    let store = Store::in_memory().unwrap();
    let meter = with_meter(&store, "m").await;
    let to = BEGIN + 3 * DAY;
    fill(&store, meter, BEGIN, to, 30_000).await;
    let before = store
        .history(query(meter, "energy", BEGIN, to, 72))
        .await
        .unwrap();
    let keep = Keep {
        age: Duration::from_hours(24),
        minute_age: Duration::from_hours(36),
        ..store.keep().await.unwrap()
    };
    store.set_keep(keep).await.unwrap();
    let gone = store.tidy(at(to)).await.unwrap();
    // Two days of cycles, one and a half of minutes.
    assert_eq!(gone, 2 * 2_880 + 2_160);
    assert_eq!(store.tidy(at(to)).await.unwrap(), 0);
    let kept = store.readings(meter, "energy", 99_999).await.unwrap();
    assert_eq!((kept.len(), kept[0].at), (2_880, at(BEGIN + 2 * DAY + 300)));
    let after = store
        .history(query(meter, "energy", BEGIN, to, 72))
        .await
        .unwrap();
    assert_eq!(after, before, "the steps say what they said");
    // Where a chart asks for finer ones than there are, it gets what there is, and all of it.
    for points in [500, 1_000, 2_000] {
        let chart = store
            .history(query(meter, "energy", BEGIN, to, points))
            .await
            .unwrap();
        assert_eq!(count(&chart), 3 * 2_880, "{points}");
    }
    // A late cycle of a time whose cycles are gone does not take the place of its step.
    commit(&store, vec![poll(meter, vec![volts(BEGIN + 100, 1)])]).await;
    let chart = store
        .history(query(meter, "energy", BEGIN, to, 72))
        .await
        .unwrap();
    assert_eq!(chart, before);
    let held = store.held().await.unwrap();
    let counted: (i64, i64) = (store.worker)
        .run(|connection| {
            let sql = "SELECT count(*), sum(length(body) + 28) FROM history";
            Ok(connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
        })
        .await
        .unwrap();
    let (rows, bytes) = (
        held.iter().map(|it| it.rows).sum::<u64>(),
        held.iter().map(|it| it.bytes).sum::<u64>(),
    );
    assert_eq!(
        (rows, bytes),
        (counted.0.unsigned_abs(), counted.1.unsigned_abs())
    );
    whole(&store).await;
}

#[tokio::test]
async fn a_clock_that_is_years_ahead_costs_a_day_at_a_time() {
    let store = Store::in_memory().unwrap();
    let meter = with_meter(&store, "m").await;
    let to = BEGIN + 3 * DAY;
    fill(&store, meter, BEGIN, to, 60_000).await;
    let keep = Keep {
        age: Duration::from_hours(72),
        minute_age: Duration::from_hours(24 * 365),
        ..store.keep().await.unwrap()
    };
    store.set_keep(keep).await.unwrap();
    assert_eq!(store.tidy(at(to)).await.unwrap(), 0);
    let wrong = at(to + 3_650 * DAY);
    assert_eq!(store.tidy(wrong).await.unwrap(), 1_440);
    // Right again: nothing more goes than its age says.
    assert_eq!(store.tidy(at(to)).await.unwrap(), 0);
    assert_eq!(store.tidy(wrong).await.unwrap(), 0);
    // It stays there, and so it is so late.
    assert_eq!(store.tidy(wrong).await.unwrap(), 1_440);
}

#[tokio::test]
async fn what_is_too_much_goes_oldest_first() {
    let store = Store::in_memory().unwrap();
    let (meter, other) = (with_meter(&store, "m").await, with_meter(&store, "n").await);
    let to = BEGIN + 2 * DAY;
    fill(&store, meter, BEGIN, to, 10_000).await;
    fill(&store, other, to - DAY / 4, to, 10_000).await;
    let keep = Keep {
        rows: 12_000,
        ..store.keep().await.unwrap()
    };
    store.set_keep(keep).await.unwrap();
    store.tidy(at(to)).await.unwrap();
    let rows: u64 = store.held().await.unwrap().iter().map(|it| it.rows).sum();
    assert!((6_000..=12_000).contains(&rows), "{rows}");
    // The other is younger: nothing of it was too old.
    assert_eq!(
        store.readings(other, "energy", 99_999).await.unwrap().len(),
        2_160
    );
    let chart = store
        .history(query(meter, "energy", BEGIN, to, 10))
        .await
        .unwrap();
    assert_eq!(count(&chart), 17_280, "its steps stand for all of it");
}

#[tokio::test]
async fn a_deleted_meter_leaves_nothing_in_the_end() {
    let store = Store::in_memory().unwrap();
    let (meter, other) = (with_meter(&store, "m").await, with_meter(&store, "n").await);
    fill(&store, meter, BEGIN, BEGIN + DAY, 10_000).await;
    fill(&store, other, BEGIN, BEGIN + 60_000, 10_000).await;
    store.delete_meter(meter).await.unwrap();
    assert!(store.readings(meter, "energy", 9).await.unwrap().is_empty());
    assert!(store.tidy(at(BEGIN)).await.unwrap() > 8_640);
    let left: Vec<i64> = (store.worker)
        .run(|connection| {
            let mut query = connection.prepare(
                "SELECT DISTINCT meter FROM history UNION SELECT DISTINCT meter FROM series",
            )?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap();
    assert_eq!(left, [other.0]);
}

#[tokio::test]
async fn next_to_nothing_is_refused() {
    let store = Store::in_memory().unwrap();
    let keep = store.keep().await.unwrap();
    for (wrong, word) in [
        (
            Keep {
                age: Duration::ZERO,
                ..keep
            },
            "--age 0s is too short",
        ),
        (
            Keep { rows: 0, ..keep },
            "--rows 0 would keep next to nothing",
        ),
        (Keep { bytes: 0, ..keep }, "--bytes 0"),
        (
            Keep {
                network_age: Duration::ZERO,
                ..keep
            },
            "--network-age",
        ),
    ] {
        let error = store.set_keep(wrong).await.unwrap_err();
        assert!(
            error.is_request() && error.to_string().contains(word),
            "{error}"
        );
    }
    assert_eq!(store.keep().await.unwrap(), keep);
}

/// Counted, not timed: rows of the tree a look steps over.
#[tokio::test]
async fn a_look_touches_few_rows_and_only_its_own() {
    let folder = Folder::new();
    let store = Store::open(&folder.path()).unwrap();
    let (meter, other) = (with_meter(&store, "m").await, with_meter(&store, "n").await);
    let to = BEGIN + 4 * DAY;
    fill(&store, meter, BEGIN, to, 10_000).await;
    fill(&store, other, BEGIN, to, 10_000).await;
    store.close().await;
    let connection = Connection::open(folder.path()).unwrap();
    let plan: Vec<String> = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {}", query::ROWS))
        .unwrap()
        .query_map(params![1, 0, 0, 0], |row| row.get("detail"))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        plan,
        ["SEARCH history USING PRIMARY KEY (meter=? AND step=? AND at_ms>? AND at_ms<?)"]
    );
    for points in [1, 24, 100, 400, 2_000] {
        let before = query::TOUCHED.get();
        let series = query::chart(&connection, &query(meter, "energy", BEGIN, to, points)).unwrap();
        let touched = query::TOUCHED.get() - before;
        assert_eq!(count(&series), 4 * 8_640);
        // At most fifteen of a step make one of the next, and two rows more each way.
        assert!(
            touched <= 15 * (points + 1) + 60,
            "{points} points: {touched} rows"
        );
    }
}

/// Meter, key, time, value, raw, unit and error, as they stood in the table of before.
type OldRow = (
    i64,
    &'static str,
    i64,
    Option<&'static str>,
    Option<&'static str>,
    Option<u8>,
    Option<&'static str>,
);

/// The table before this one, with everything it could hold.
#[test]
fn old_readings_are_taken_over_as_they_were() {
    let mut connection = Connection::open_in_memory().unwrap();
    let before = migrate::MIGRATIONS
        .iter()
        .position(|sql| sql.contains("CREATE TABLE series"))
        .unwrap();
    migrate::migrate_to(&mut connection, u32::try_from(before).unwrap()).unwrap();
    connection
        .execute_batch(
            "INSERT INTO meter (id, name, host, port, transport, client, server_upper, server_size, auth, timeout_ms,
                 retries, poll_ms, inactivity_ms, max_info, window, enabled)
             VALUES (1, 'm', 'h', 1, 'hdlc-tcp', 1, 1, 1, 'none', 1, 1, 1, 1, 128, 1, 1),
                    (2, 'n', 'h', 1, 'hdlc-tcp', 1, 1, 1, 'none', 1, 1, 1, 1, 128, 1, 1);",
        )
        .unwrap();
    let old: &[OldRow] = &[
        (1, "u", 1_000, Some("135.40"), Some("13540"), Some(35), None),
        (1, "e", 1_200, Some("5000"), Some("5"), Some(30), None),
        (2, "u", 1_100, Some("0.00"), Some("0"), Some(35), None),
        (1, "u", 6_000, Some("-0.05"), Some("-5"), Some(35), None),
        (1, "e", 6_200, None, None, Some(30), Some("gone")),
        (1, "t", 6_300, Some("MS-1"), Some("\"MS-1\""), None, None),
        (1, "f", 6_400, Some("2301"), Some("230.1"), Some(35), None),
        (1, "h", 6_500, Some("01 AB"), Some("\"01AB\""), None, None),
        (1, "z", 6_600, Some("0"), Some("0"), Some(255), None),
        (
            1,
            "b",
            6_700,
            Some("18446744073709551615"),
            Some("18446744073709551615"),
            None,
            None,
        ),
        (1, "n", 6_800, Some("007"), Some("7"), None, None),
        // The clock was put back; and a value of the same millisecond.
        (1, "u", 500, Some("135.41"), Some("13541"), Some(35), None),
        (1, "u", 500, Some("135.42"), Some("13542"), Some(35), None),
        (
            1,
            "u",
            700_000,
            Some("1e9"),
            Some("1000000000"),
            Some(35),
            None,
        ),
    ];
    for (meter, key, ms, value, raw, unit, error) in old {
        connection
            .execute(
                "INSERT INTO reading (meter, key, class, obis, attribute, at_ms, value, raw, unit, error)
                 VALUES (?, ?, 3, '1-1:32.7.0.255', 2, ?, ?, ?, ?, ?)",
                params![meter, key, ms, value, raw, unit, error],
            )
            .unwrap();
    }
    migrate::migrate(&mut connection).unwrap();
    for key in ["u", "e", "t", "f", "h", "z", "b", "n"] {
        for meter in [1, 2] {
            let mut wanted: Vec<StoredReading> = old
                .iter()
                .filter(|row| (row.0, row.1) == (meter, key))
                .map(|(_, _, ms, value, raw, unit, error)| StoredReading {
                    obis: "1-1:32.7.0.255".into(),
                    at: at(*ms),
                    value: value.map(str::to_owned),
                    raw: raw.map(str::to_owned),
                    unit: *unit,
                    error: error.map(str::to_owned),
                })
                .collect();
            wanted.sort_by_key(|it| it.at);
            let kept = query::readings(&connection, MeterId(meter), key, 99).unwrap();
            assert_eq!(kept, wanted, "{meter} {key}");
        }
    }
    let step = query::steps(&connection, MeterId(1), "u", (0, 60_000), 60_000).unwrap();
    assert_eq!((step.points[0].count, step.points[0].max), (4, 135.42));
}

#[tokio::test]
async fn what_went_over_the_wire_is_each_meters_own() {
    let store = Store::in_memory().unwrap();
    let (meter, other) = (with_meter(&store, "m").await, with_meter(&store, "n").await);
    let traffic = |ms: i64, requests| Traffic {
        span: Duration::from_mins(1),
        requests,
        bytes_sent: u64::MAX,
        ..Traffic::none(at(ms))
    };
    let rows = vec![
        (meter, traffic(BEGIN, 1)),
        (other, traffic(BEGIN, 7)),
        (meter, traffic(BEGIN + 60_000, 2)),
        (MeterId(99), traffic(BEGIN, 3)),
    ];
    store.keep_network(rows).await.unwrap();
    let found = store
        .network(meter, at(BEGIN), at(BEGIN + DAY), 99)
        .await
        .unwrap();
    assert_eq!(found, [traffic(BEGIN, 1), traffic(BEGIN + 60_000, 2)]);
    let found = store
        .network(other, at(BEGIN), at(BEGIN + DAY), 99)
        .await
        .unwrap();
    assert_eq!(found, [traffic(BEGIN, 7)]);
    let year = Timestamp::from_millisecond(BEGIN + 365 * DAY).unwrap();
    assert_eq!(store.tidy(year).await.unwrap(), 3);
}

#[tokio::test]
async fn looking_waits_for_no_writer() {
    let folder = Folder::new();
    let store = Store::open(&folder.path()).unwrap();
    let meter = with_meter(&store, "m").await;
    fill(&store, meter, BEGIN, BEGIN + 60_000, 5_000).await;
    let other = Connection::open(folder.path()).unwrap();
    other
        .execute_batch("BEGIN IMMEDIATE; DELETE FROM history")
        .unwrap();
    // And the store's own thread is held up by it.
    let held = tokio::spawn({
        let store = store.clone();
        async move { store.set_keep(store.keep().await.unwrap()).await }
    });
    let chart = store
        .history(query(meter, "energy", BEGIN, BEGIN + 60_000, 99))
        .await
        .unwrap();
    assert_eq!(count(&chart), 12);
    other.execute_batch("ROLLBACK").unwrap();
    let _ = held.await.unwrap();
    drop(other);
    store.close().await;
    let stopped = store
        .history(query(meter, "energy", BEGIN, BEGIN + 1, 9))
        .await;
    assert!(matches!(stopped, Err(StoreError::Stopped)));
    let left: Vec<_> = std::fs::read_dir(folder.0.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no log is left: {left:?}");
}
