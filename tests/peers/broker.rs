//! Readings on their way through Debian's broker.
use crate::process::{INSTALL, Peer, simulated_meter};
use obiscope::store::{BrokerDefinition, Dialect};
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Debian's broker on a port that was free a moment ago; another is tried when someone else was faster.
pub fn mosquitto(folder: &Path) -> (Peer, u16) {
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = folder.join("mosquitto.conf");
        std::fs::write(
            &config,
            format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n\
                 log_type all\nlog_dest file {}\n",
                folder.join("mosquitto.log").display()
            ),
        )
        .unwrap();
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("mosquitto: {error}: {INSTALL}"));
        let peer = Peer { child };
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (peer, port);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("mosquitto did not start");
}

#[test]
fn a_reading_reaches_a_subscriber_of_mosquitto_and_leaves_the_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path());
    let subscriber = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1"])
        .args(["-t", "meters/#", "-C", "2", "-W", "30", "-F", "%t %p"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("mosquitto_sub: {error}: {INSTALL}"));
    let (_meter, meter_port) = simulated_meter(&["--profile", "microstar"]);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let store = obiscope::store::Store::open(&folder.path().join("obiscope.db")).unwrap();
    let seen = runtime.block_on(async {
        let broker = store.save_broker(plain_broker(port)).await.unwrap();
        let mut meter =
            obiscope::meter::Definition::microstar("microstar-001", "127.0.0.1", meter_port);
        meter.password = Some(obiscope::dlms::security::Secret::new("22222222"));
        meter.poll = Duration::from_secs(1);
        meter.publish = Some("lab".into());
        store.save_meter(meter).await.unwrap();
        let headend = obiscope::headend::Headend::start(obiscope::headend::Options {
            store: store.clone(),
            connector: std::sync::Arc::new(obiscope::meter::transport::Tcp),
            clock: obiscope::meter::Clock::System,
            seed: 1,
            trace_bytes: 4096,
        })
        .await
        .unwrap();
        let seen = tokio::task::spawn_blocking(|| subscriber.wait_with_output().unwrap())
            .await
            .unwrap();
        // Stop reading, then everything queued has its PUBACK and no row is left.
        let id = headend.meters()[0].definition.id;
        headend
            .command(obiscope::headend::Command::Stop(id))
            .await
            .unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while store.depth(broker.id).await.unwrap().waiting > 0 {
            assert!(Instant::now() < end, "rows stay in the outbox");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        headend.shutdown().await;
        seen
    });
    let text = String::from_utf8(seen.stdout).unwrap();
    let mut sequence = Vec::new();
    for line in text.lines() {
        let (topic, payload) = line.split_once(' ').unwrap();
        assert_eq!(topic, "meters/microstar-001/telemetry");
        let sent = payload;
        let payload: Value = serde_json::from_str(payload).unwrap();
        assert_eq!(payload["device_id"], "microstar-001");
        let voltage = &payload["measurements"]["voltage_l1"];
        assert_eq!(voltage["obis"], "1-1:32.7.0");
        assert_eq!(voltage["unit_code"], 35);
        let raw = voltage["raw_value"].as_i64().unwrap();
        // In the text itself: a parsed number has lost its trailing zero.
        let exact = format!("\"value\":{}.{:02},", raw / 100, raw % 100);
        assert!(sent.contains(&exact), "{exact} in {sent}");
        sequence.push(payload["seq"].as_u64().unwrap());
    }
    assert_eq!(sequence.len(), 2, "{text}");
    assert!(sequence[0] < sequence[1]);
}

fn plain_broker(port: u16) -> BrokerDefinition {
    let url = format!("mqtt://127.0.0.1:{port}");
    BrokerDefinition::new("lab", &url, Dialect::Json).unwrap()
}
