//! Meters, brokers, readings and the outbox: what goes in comes out, in order and counted.

use std::time::{Duration, Instant};

use super::*;
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::dlms::security::{Form, Keys, Protection, Secret, Security, Suite, SystemTitle};
use crate::meter::counters::{CounterName, Counters};
use crate::meter::definition::{Auth, Parity, SerialLine, TransportKind};

/// Five hundred of the largest would be 128 MiB.
#[tokio::test]
async fn a_lot_of_waiting_messages_is_bounded_by_its_octets() {
    const LARGE: usize = 256 * 1024;
    let store = Store::in_memory().unwrap();
    let lab = store.save_broker(broker("lab")).await.unwrap();
    for _ in 0..40 {
        let message = Message::new(Kind::Test, "t", vec![b'x'; LARGE]);
        let at = jiff::Timestamp::UNIX_EPOCH;
        store.enqueue(lab.id, at, vec![message]).await.unwrap();
    }
    let (mut after, mut lots) = (0, Vec::new());
    loop {
        let rows = store.outbox(lab.id, after, 500).await.unwrap();
        let Some(last) = rows.last() else { break };
        after = last.id;
        let octets: usize = rows.iter().map(OutboxRow::octets).sum();
        assert!(octets <= LOT_BYTES + LARGE, "{octets}");
        lots.push(rows.len());
    }
    assert_eq!(lots, [16, 16, 8]);
    // One that is larger than the lot still comes.
    let huge = Message::new(Kind::Test, "t", vec![b'x'; 2 * LOT_BYTES]);
    let at = jiff::Timestamp::UNIX_EPOCH;
    store.enqueue(lab.id, at, vec![huge]).await.unwrap();
    assert_eq!(store.outbox(lab.id, after, 500).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_field_of_a_meter_comes_back_as_it_was() {
    let folder = Folder::new();
    let store = folder.open();
    store.save_broker(broker("lab")).await.unwrap();
    let mut full = meter("feeder-7");
    full.host = "fe80::1".into();
    full.client = ClientAddress::new(32).unwrap();
    full.server = ServerAddress::new(1, Some(1234), Some(4)).unwrap();
    full.auth = Auth::HlsGmac;
    full.transport = TransportKind::Serial(SerialLine {
        baud: 12_345,
        parity: Parity::Odd,
        stop_bits: 2,
        ..SerialLine::new("/dev/ttyUSB0")
    });
    full.mode_e = true;
    full.security = Some(Security {
        suite: Suite::Zero,
        protection: Some(Protection::Both),
        form: Form::Dedicated,
        title: SystemTitle(*b"OBS00001"),
        keys: Keys::parse(
            "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
        )
        .unwrap(),
    });
    full.counter_object = None;
    full.read_only = true;
    full.turn_round = Duration::from_millis(30);
    full.inter_octet = Duration::from_millis(500);
    full.password = Some(Secret::new(vec![0, 0xFF, b'x']));
    full.timeout = Duration::from_millis(1_500);
    full.retries = 9;
    full.poll = Duration::from_mins(1);
    full.inactivity = Duration::ZERO;
    full.max_info = 2030;
    full.window = 7;
    full.publish = Some("lab".into());
    full.device = Some("Zähler 7".into());
    full.enabled = false;
    let full = store.save_meter(full).await.unwrap();
    let plain = store.save_meter(meter("plain")).await.unwrap();
    assert_eq!(store.meter(full.id).await.unwrap().as_ref(), Some(&full));
    assert_eq!(store.meter(MeterId(999)).await.unwrap(), None);
    assert_eq!(store.meters().await.unwrap(), [full.clone(), plain]);

    let mut changed = full.clone();
    changed.name = "feeder-8".into();
    changed.objects.reverse();
    changed.password = None;
    changed.publish = None;
    store.save_meter(changed.clone()).await.unwrap();
    store.close().await;
    let store = folder.open();
    assert_eq!(store.meter_named("feeder-8").await.unwrap(), changed);
    assert!(matches!(
        store.meter_named("feeder-7").await,
        Err(StoreError::NotFound(words)) if words.contains("feeder-7")
    ));
}

#[tokio::test]
async fn one_meter_has_one_name_and_a_line_may_have_several_meters() {
    let store = Store::in_memory().unwrap();
    let at = |name: &str, server: &str| {
        let mut meter = Definition::new(name, "10.0.4.7", 3333);
        meter.server = server.parse().unwrap();
        meter
    };
    let first = store.save_meter(at("first", "1/17")).await.unwrap();
    let second = store.save_meter(at("second", "1/18")).await.unwrap();
    let error = store.save_meter(at("third", "1/17")).await.unwrap_err();
    assert!(error.is_request());
    let words = error.to_string();
    assert!(
        words.contains("first is already saved at 10.0.4.7:3333"),
        "{words}"
    );
    // Nothing half done; and what stays where it is may change otherwise.
    assert_eq!(store.meters().await.unwrap().len(), 2);
    let renamed = Definition {
        name: "again".to_owned(),
        ..first
    };
    let first = store.save_meter(renamed).await.unwrap();
    let moved = Definition {
        server: "1/17".parse().unwrap(),
        ..second.clone()
    };
    assert!(store.save_meter(moved.clone()).await.is_err());
    // Two may change places, at once.
    let away = Definition {
        server: "1/18".parse().unwrap(),
        ..first
    };
    store.save_meters(vec![away, moved]).await.unwrap();
    // A host's name is the same however it is written.
    let mut named = at("named", "1/17");
    named.host = "Feeder.example".to_owned();
    let named = store.save_meter(named).await.unwrap();
    let mut again = at("lower", "1/17");
    again.host = "feeder.example".to_owned();
    let error = store.save_meter(again.clone()).await.unwrap_err();
    assert!(
        error.to_string().contains("named is already saved"),
        "{error}"
    );
    again.id = named.id;
    store.save_meter(again).await.unwrap();
}

#[tokio::test]
async fn brokers_come_back_and_hide_their_secrets() {
    let folder = Folder::new();
    let store = folder.open();
    let mut tls = BrokerDefinition::new("tb", "mqtts://tb.example", Dialect::ThingsBoard).unwrap();
    tls.ca = Some("/etc/ssl/ca.pem".into());
    tls.token = Some(Secret::new("tok-hunter2"));
    tls.client_id = String::new();
    let saved = store.save_broker(tls).await.unwrap();
    assert!(saved.client_id.starts_with("obiscope-"));
    let lab = store.save_broker(broker("lab")).await.unwrap();
    assert_eq!(store.brokers().await.unwrap(), [saved.clone(), lab]);
    let mut renamed = saved.clone();
    renamed.name = "cloud".into();
    store.save_broker(renamed.clone()).await.unwrap();
    assert_eq!(store.broker_named("cloud").await.unwrap(), renamed);
    for shown in [format!("{saved:?}"), format!("{store:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let mut meter = meter("m");
    meter.password = Some(Secret::new("hunter2"));
    assert!(!format!("{meter:?}").contains("hunter2"));
}

#[tokio::test]
async fn names_are_unique_and_errors_say_what_to_do() {
    let store = Store::in_memory().unwrap();
    store.save_meter(meter("a")).await.unwrap();
    store.save_broker(broker("lab")).await.unwrap();
    let error = store.save_meter(meter("a")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Duplicate(words) if words.contains("named \"a\"")));
    assert!(error.is_request());
    let error = store.save_broker(broker("lab")).await.unwrap_err();
    assert!(matches!(error, StoreError::Duplicate(_)));
    let mut lost = meter("b");
    lost.publish = Some("nowhere".into());
    let error = store.save_meter(lost).await.unwrap_err();
    assert!(matches!(&error, StoreError::NotFound(words) if words.contains("nowhere")));
    // All or none.
    let error = store.save_meters(vec![meter("c"), meter("a")]).await;
    assert!(matches!(error, Err(StoreError::Duplicate(_))));
    assert_eq!(store.meters().await.unwrap().len(), 1);
    let mut gone = meter("d");
    gone.id = MeterId(99);
    let error = store.save_meter(gone).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound(_)));
    assert!(store.delete_meter(MeterId(99)).await.is_err());
    assert!(store.delete_broker("nowhere").await.is_err());
}

#[tokio::test]
async fn a_broker_in_use_stays_and_unsent_messages_outlive_their_meter() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    store
        .commit_poll(poll(meter.id, 1, 13540), Some(numbered(lab.id)))
        .await
        .unwrap();
    let error = store.delete_broker("lab").await.unwrap_err();
    assert!(matches!(&error, StoreError::InUse(words) if words.contains("feeder-7")));
    assert_eq!(store.unsent_of(meter.id).await.unwrap(), 1);
    store.delete_meter(meter.id).await.unwrap();
    assert_eq!(store.depth(lab.id).await.unwrap().waiting, 1);
    assert!(
        store
            .readings(meter.id, "voltage_l1", 9)
            .await
            .unwrap()
            .is_empty()
    );
    // The poll that was under way when its meter went.
    let late = store.commit_poll(poll(meter.id, 2, 1), None).await;
    assert!(matches!(late, Err(StoreError::NotFound(_))));
    store.delete_broker("lab").await.unwrap();
    assert_eq!(store.depth(lab.id).await.unwrap(), QueueDepth::default());
}

#[tokio::test]
async fn a_poll_is_stored_exactly_and_counted_without_gaps() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    for (time, raw) in [(1_000, 13540), (2_000, 13541)] {
        store
            .commit_poll(poll(meter.id, time, raw), Some(numbered(lab.id)))
            .await
            .unwrap();
    }
    // Nothing said, nothing counted.
    let silent: Render = Arc::new(|_| Vec::new());
    store
        .commit_poll(poll(meter.id, 3_000, 1), Some((lab.id, silent)))
        .await
        .unwrap();
    let stored = store.readings(meter.id, "voltage_l1", 2).await.unwrap();
    assert_eq!(
        stored,
        [
            StoredReading {
                obis: "1-1:32.7.0.255".into(),
                at: at(2_000),
                value: Some("135.41".into()),
                raw: Some("13541".into()),
                unit: Some(35),
                error: None,
            },
            StoredReading {
                obis: "1-1:32.7.0.255".into(),
                at: at(3_000),
                value: Some("0.01".into()),
                raw: Some("1".into()),
                unit: Some(35),
                error: None,
            }
        ]
    );
    let failed = store.readings(meter.id, "voltage_l2", 1).await.unwrap();
    assert!(failed[0].value.is_none() && failed[0].error.as_ref().unwrap().contains("gone"));
    store.close().await;
    assert!(matches!(
        store.depth(lab.id).await,
        Err(StoreError::Stopped)
    ));

    let store = folder.open();
    // Added again under its old name it goes on counting.
    store.delete_meter(meter.id).await.unwrap();
    let mut again = meter;
    again.id = MeterId(0);
    let again = store.save_meter(again).await.unwrap();
    store
        .commit_poll(poll(again.id, 4_000, 1), Some(numbered(lab.id)))
        .await
        .unwrap();
    let rows = store.outbox(lab.id, 0, 100).await.unwrap();
    assert_eq!(payloads(&rows), ["1", "2", "3"]);
    assert_eq!(rows[0].created, at(1_000));
    let depth = store.depth(lab.id).await.unwrap();
    assert_eq!((depth.waiting, depth.oldest), (3, Some(at(1_000))));
}

#[tokio::test]
async fn the_outbox_keeps_order_and_never_reuses_an_id() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    for time in 0..10 {
        store
            .commit_poll(poll(meter.id, time, 1), Some(numbered(lab.id)))
            .await
            .unwrap();
    }
    let rows = store.outbox(lab.id, 0, 4).await.unwrap();
    assert_eq!(payloads(&rows), ["1", "2", "3", "4"]);
    let rest = store.outbox(lab.id, rows[3].id, 100).await.unwrap();
    assert_eq!(payloads(&rest), ["5", "6", "7", "8", "9", "10"]);
    assert!(store.outbox(lab.id + 1, 0, 100).await.unwrap().is_empty());
    let ids: Vec<i64> = rows.iter().chain(&rest).map(|row| row.id).collect();
    store.acknowledged(vec![ids[0], ids[2]]).await.unwrap();
    let left = store.outbox(lab.id, 0, 2).await.unwrap();
    assert_eq!(payloads(&left), ["2", "4"]);
    // Twice does no harm.
    store.acknowledged(ids.clone()).await.unwrap();
    store.acknowledged(ids.clone()).await.unwrap();
    store.close().await;
    let store = folder.open();
    store
        .commit_poll(poll(meter.id, 99, 1), Some(numbered(lab.id)))
        .await
        .unwrap();
    let row = store.outbox(lab.id, 0, 1).await.unwrap().remove(0);
    assert!(row.id > ids[9]);
    assert_eq!(payloads(std::slice::from_ref(&row)), ["11"]);

    store.reject(row.id, "too long", at(7)).await.unwrap();
    store.reject(row.id, "gone already", at(8)).await.unwrap();
    let depth = store.depth(lab.id).await.unwrap();
    assert_eq!((depth.rejected, depth.dead, depth.waiting), (1, 1, 0));
}

#[tokio::test]
async fn notes_stay_through_edits_but_not_what_was_learned_elsewhere() {
    let store = Store::in_memory().unwrap();
    let mut meter = store.save_meter(meter("m")).await.unwrap();
    assert_eq!(
        store.meter_notes(meter.id).await.unwrap(),
        MeterNotes::default()
    );
    for note in [
        MeterNote::Seen(at(1)),
        MeterNote::Error {
            at: at(2),
            what: "no UA".into(),
        },
        MeterNote::Good {
            at: at(3),
            link: "{}".into(),
        },
    ] {
        store.note_meter(meter.id, note).await.unwrap();
    }
    meter.poll = Duration::from_secs(9);
    store.save_meter(meter.clone()).await.unwrap();
    let mut expected = MeterNotes {
        last_seen: Some(at(1)),
        last_error: Some((at(2), "no UA".into())),
        last_good: Some((at(3), "{}".into())),
    };
    assert_eq!(store.meter_notes(meter.id).await.unwrap(), expected);
    meter.port = 4059;
    store.save_meter(meter.clone()).await.unwrap();
    expected.last_good = None;
    assert_eq!(store.meter_notes(meter.id).await.unwrap(), expected);
    let nobody = store.note_meter(MeterId(9), MeterNote::Seen(at(1))).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))));
}

#[tokio::test]
async fn a_thousand_polls_a_second() {
    let store = Store::in_memory().unwrap();
    let lab = store.save_broker(broker("lab")).await.unwrap();
    let meter = store.save_meter(meter("m")).await.unwrap();
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < Duration::from_millis(200) {
        store
            .commit_poll(poll(meter.id, count, 13540), Some(numbered(lab.id)))
            .await
            .unwrap();
        count += 1;
    }
    // Far above 200 even in a debug build on a busy machine.
    assert!(count > 200, "{count} polls in 0.2 s");
}

#[tokio::test]
async fn invocation_counters_are_never_given_out_twice() {
    let folder = Folder::new();
    let store = folder.open();
    let name = CounterName::new(SystemTitle(*b"OBS00001"), &Secret::new("key"));
    let other = CounterName::new(SystemTitle(*b"OBS00002"), &Secret::new("key"));
    assert_eq!(store.reserve(name, 0, 32).await, Ok(0..32));
    // A kill now leaves what was set aside behind.
    drop(store);
    let store = folder.open();
    assert_eq!(store.reserve(name, 0, 32).await, Ok(32..64));
    store.give_back(name, 64, 40).await;
    assert_eq!(store.reserve(name, 0, 32).await, Ok(40..72));
    assert_eq!(store.reserve(name, 1000, 32).await, Ok(1000..1032));
    store.give_back(name, 72, 41).await;
    assert_eq!(store.reserve(name, 0, 32).await, Ok(1032..1064));
    assert_eq!(
        store.reserve(other, u32::MAX - 1, 32).await,
        Ok(u32::MAX - 1..u32::MAX)
    );
    assert!(store.reserve(other, 0, 32).await.is_err());
}

#[tokio::test]
async fn object_lists_go_with_their_meter_and_with_another_firmware() {
    let folder = Folder::new();
    let (store, meter, _) = folder.open_with_meter().await;
    let key = |client| ListKey {
        meter: meter.id,
        client,
        server: "1/17".to_owned(),
        naming: "ln".to_owned(),
    };
    let list = |identity: &str, list: &[u8]| KeptList {
        identity: identity.to_owned(),
        list: list.to_vec(),
        read: at(5),
    };
    assert_eq!(store.object_list(key(1)).await.unwrap(), None);
    for (client, octets) in [(1, b"old"), (1, b"new"), (16, b"few")] {
        let kept = list("A / 1", octets);
        store.keep_object_list(key(client), kept).await.unwrap();
    }
    let found = store.object_list(key(1)).await.unwrap();
    assert_eq!(found, Some(list("A / 1", b"new")));
    assert_eq!(
        store.forget_object_lists(meter.id, "A / 1").await.unwrap(),
        0
    );
    assert_eq!(
        store.forget_object_lists(meter.id, "A / 2").await.unwrap(),
        2
    );
    assert_eq!(store.object_list(key(16)).await.unwrap(), None);
    store
        .keep_object_list(key(1), list("x", b""))
        .await
        .unwrap();
    store.delete_meter(meter.id).await.unwrap();
    assert_eq!(store.object_list(key(1)).await.unwrap(), None);
    let orphan = store.keep_object_list(key(1), list("x", b"")).await;
    assert!(orphan.is_err(), "there is no such meter any more");
}
