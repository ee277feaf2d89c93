//! Debian's mosquitto_pub and mosquitto_sub, which know nothing of our codec, in both versions.

use super::*;
use std::process::{Command, Stdio};

const INSTALL: &str = "mosquitto_pub and mosquitto_sub are missing: apt install mosquitto-clients";

fn peer(program: &str, broker: &Broker, version: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-h", "127.0.0.1", "-p", &broker.address.port().to_string()])
        .args(["-V", version, "-q", "1"])
        .args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_clients_of_both_versions_meet_at_our_broker() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    broker.handle.publish("kept", "retained", true);
    let mut listeners = Vec::new();
    for version in ["mqttv311", "mqttv5"] {
        let arguments = ["-t", "#", "-C", "21", "-W", "20", "-F", "%t %p %r"];
        let child = peer("mosquitto_sub", &broker, version, &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect(INSTALL);
        listeners.push(child);
    }
    while broker.handle.subscribers("t") < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for version in ["mqttv311", "mqttv5"] {
        for number in 0..10 {
            let (topic, text) = (format!("t/{version}"), number.to_string());
            let said = peer(
                "mosquitto_pub",
                &broker,
                version,
                &["-t", &topic, "-m", &text],
            )
            .status()
            .expect(INSTALL);
            assert!(said.success());
        }
    }
    for child in listeners {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 21, "{text}");
        assert_eq!(lines[0], "kept retained 1");
        assert_eq!(lines[20], "t/mqttv5 9 0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_reads_our_refusals_and_reasons() {
    let (broker, _stop) = broker(Behaviour {
        refuse: Some(5),
        ..Behaviour::default()
    })
    .await;
    let arguments = ["-t", "t", "-m", "x", "-d"];
    for (version, words) in [("mqttv311", "not authorised"), ("mqttv5", "Not authorized")] {
        let output = peer("mosquitto_pub", &broker, version, &arguments)
            .output()
            .expect(INSTALL);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!output.status.success() && text.contains(words), "{text}");
    }
    for (reason, number) in [(0x97, "151"), (0x99, "153"), (0x87, "135")] {
        broker.handle.behave(Behaviour {
            answers: vec![Answer::new(reason)],
            ..Behaviour::default()
        });
        let output = peer("mosquitto_pub", &broker, "mqttv5", &arguments)
            .output()
            .expect(INSTALL);
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(&format!("RC:{number}")), "{text}");
    }
}
