//! The queue's limits, its counts, and what was set aside.

use std::time::Duration;

use super::*;

fn sized(size: usize) -> Render {
    Arc::new(move |_| vec![Message::new(Kind::Telemetry, "t", vec![b'x'; size])])
}

async fn filled(store: &Store, meter: MeterId, broker: i64, count: i64) {
    for time in 0..count {
        let poll = poll(meter, time * 1_000, 1);
        store
            .commit_poll(poll, Some(numbered(broker)))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_oldest_make_way_and_are_counted() {
    let folder = Folder::new();
    let (store, meter, mut lab) = folder.open_with_meter().await;
    lab.limits.rows = 3;
    let lab = store.save_broker(lab).await.unwrap();
    filled(&store, meter.id, lab.id, 5).await;
    let rows = store.outbox(lab.id, 0, 9).await.unwrap();
    assert_eq!(payloads(&rows), ["3", "4", "5"]);
    let depth = store.depth(lab.id).await.unwrap();
    assert_eq!((depth.waiting, depth.bytes, depth.dropped), (3, 6, 2));
    assert_eq!(depth.oldest, Some(at(2_000)));
    let poll = poll(meter.id, 9_000, 1);
    let done = store.commit_poll(poll, Some(numbered(lab.id))).await;
    assert_eq!(
        done.unwrap(),
        Committed {
            messages: 1,
            telemetry: 1,
            dropped: 1
        }
    );
    assert_eq!(store.drop_waiting(lab.id).await.unwrap(), 3);
    let depth = store.depth(lab.id).await.unwrap();
    assert_eq!((depth.waiting, depth.bytes, depth.dropped), (0, 0, 6));
}

#[tokio::test]
async fn bytes_and_age_are_limits_too() {
    let folder = Folder::new();
    let (store, meter, mut lab) = folder.open_with_meter().await;
    lab.limits.bytes = 64 * 1024;
    lab.limits.age = Some(Duration::from_secs(100));
    let lab = store.save_broker(lab).await.unwrap();
    for time in 0..40 {
        let poll = poll(meter.id, time * 1_000, 1);
        store
            .commit_poll(poll, Some((lab.id, sized(4_096))))
            .await
            .unwrap();
    }
    let depth = store.depth(lab.id).await.unwrap();
    assert!(depth.bytes <= 64 * 1024 && depth.waiting > 0, "{depth:?}");
    assert_eq!(depth.waiting + depth.dropped, 40);
    // Larger than all the room there is: it waits alone.
    let poll_at = |time| poll(meter.id, time, 1);
    let vast = Some((lab.id, sized(100_000)));
    store.commit_poll(poll_at(50_000), vast).await.unwrap();
    assert_eq!(store.depth(lab.id).await.unwrap().waiting, 1);
    let late = Some(numbered(lab.id));
    store.commit_poll(poll_at(150_001), late).await.unwrap();
    let rows = store.outbox(lab.id, 0, 9).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].created, at(150_001));
}

#[tokio::test]
async fn what_was_set_aside_is_kept_tried_again_or_thrown_away() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    filled(&store, meter.id, lab.id, 5).await;
    let rows = store.outbox(lab.id, 0, 9).await.unwrap();
    store.attempted(vec![rows[0].id]).await.unwrap();
    for row in &rows[..4] {
        store.reject(row.id, "refused", at(77)).await.unwrap();
    }
    let dead = store.dead(lab.id, 0, 9).await.unwrap();
    assert_eq!(dead.len(), 4);
    assert_eq!((dead[0].reason.as_str(), dead[0].at), ("refused", at(77)));
    assert_eq!((dead[0].row.attempts, dead[1].row.attempts), (1, 0));
    assert_eq!(dead[0].row.payload, b"1");
    assert!(
        store
            .dead(lab.id, dead[3].row.id, 9)
            .await
            .unwrap()
            .is_empty()
    );

    let one = |n: usize| Some(vec![dead[n].row.id]);
    assert_eq!(store.retry_dead(lab.id, one(0)).await.unwrap(), 1);
    assert_eq!(store.retry_dead(lab.id, one(0)).await.unwrap(), 0, "gone");
    assert_eq!(store.empty_dead(lab.id, one(1)).await.unwrap(), 1);
    let waiting = store.outbox(lab.id, 0, 9).await.unwrap();
    assert_eq!(payloads(&waiting), ["5", "1"]);
    assert_eq!((waiting[1].attempts, waiting[1].created), (0, at(0)));
    assert_eq!(store.retry_dead(lab.id, None).await.unwrap(), 2);
    let depth = store.depth(lab.id).await.unwrap();
    assert_eq!((depth.waiting, depth.dead, depth.rejected), (4, 0, 4));
    assert_eq!(store.empty_dead(lab.id, None).await.unwrap(), 0);
}

/// A lot is one transaction, but a meter that is gone takes no other with it.
#[tokio::test]
async fn a_lot_of_polls_has_an_answer_each() {
    let folder = Folder::new();
    let (store, meter, lab) = folder.open_with_meter().await;
    let lot = [meter.id, MeterId(999), meter.id]
        .map(|meter| (Arc::new(poll(meter, 1, 1)), Some(numbered(lab.id))));
    let done = store.commit_polls(lot.into()).await.unwrap();
    assert!(done[0].is_ok() && done[2].is_ok());
    assert!(matches!(&done[1], Err(StoreError::NotFound(_))));
    let rows = store.outbox(lab.id, 0, 9).await.unwrap();
    assert_eq!(payloads(&rows), ["1", "2"]);
}

#[tokio::test]
async fn what_comes_of_no_poll_waits_like_the_rest() {
    let folder = Folder::new();
    let (store, _, lab) = folder.open_with_meter().await;
    let message = Message {
        device: Some("m".into()),
        retain: true,
        ..Message::new(Kind::Discovery, "homeassistant/x/config", "{}")
    };
    store
        .enqueue(lab.id, at(5), vec![message.clone()])
        .await
        .unwrap();
    store.close().await;
    let store = folder.open();
    let row = store.outbox(lab.id, 0, 9).await.unwrap().remove(0);
    assert_eq!(
        (row.kind, row.device, row.retain),
        (message.kind, message.device, true)
    );
}
