//! Memory does not grow with the queue: sending a thousand messages asks as much of the allocator when a thousand wait as
//! when twenty times as many do. Counted on one thread, which runs the publisher and nothing else.

use obiscope::meter::Clock;
use obiscope::publish::{Spawn, drain};
use obiscope::simulator::broker::{Behaviour, start};
use obiscope::store::{BrokerDefinition, Dialect, Kind, Message, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const SENT: u64 = 1_000;

async fn filled(port: u16, rows: u32) -> (Store, BrokerDefinition) {
    let store = Store::in_memory().unwrap();
    let url = format!("mqtt://127.0.0.1:{port}");
    let broker = BrokerDefinition::new("lab", &url, Dialect::Json).unwrap();
    let broker = store.save_broker(broker).await.unwrap();
    let now = jiff::Timestamp::now();
    for lot in 0..rows / 1_000 {
        let message = |number: u32| Message::new(Kind::Telemetry, "t", format!("{number:>190}"));
        let messages = (0..1_000).map(|number| message(lot * 1_000 + number));
        store
            .enqueue(broker.id, now, messages.collect())
            .await
            .unwrap();
    }
    (store, broker)
}

async fn send(store: &Store, broker: &BrokerDefinition) {
    let mut handle = drain::spawn(Spawn {
        broker: broker.clone(),
        store: store.clone(),
        clock: Clock::System,
        flush: Duration::ZERO,
        seed: 1,
        roster: watch::channel(Arc::default()).1,
        requests: None,
    });
    let enough = handle.status.wait_for(|it| it.acknowledged >= SENT);
    drop(
        tokio::time::timeout(Duration::from_mins(1), enough)
            .await
            .unwrap(),
    );
    handle.stop.cancel();
    handle.task.await.unwrap();
}

/// The most that was held at once, in octets.
fn peak(port: u16, rows: u32) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (store, broker) = runtime.block_on(filled(port, rows));
    let sent = allocation_counter::measure(|| runtime.block_on(send(&store, &broker)));
    sent.bytes_max
}

#[test]
fn memory_does_not_grow_with_the_queue() {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let place = "127.0.0.1:0".parse().unwrap();
            let broker = start(place, Behaviour::default(), CancellationToken::new())
                .await
                .unwrap();
            tell.send(broker.address.port()).unwrap();
            drop(broker.received);
            broker.task.await.unwrap();
        });
    });
    let port = told.recv().unwrap();
    let few = peak(port, 1_000);
    let many = peak(port, 20_000);
    println!("{few} octets with 1,000 waiting, {many} with 20,000");
    assert!(many < few + few / 4 + 16 * 1024, "{few} and {many}");
}
