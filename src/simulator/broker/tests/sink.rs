//! The file survives the process: nothing acknowledged is missing in it.

use super::raw::{CONNECT_4, Raw, publish};
use super::*;
use crate::simulator::broker::{Options, read_sink, start_with};
use std::io::BufRead;
use std::process::{Command, Stdio};

#[tokio::test]
async fn it_is_written_before_the_puback_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sink");
    let options = Options {
        sink: Some(path.clone()),
        behaviour: Behaviour {
            answers: vec![Answer::new(0x87).on("no")],
            ..Behaviour::default()
        },
        ..Options::default()
    };
    let broker = start_with(ANY, options, CancellationToken::new())
        .await
        .unwrap();
    let mut raw = Raw::connected(&broker, CONNECT_4).await;
    for (packet, (topic, payload)) in (1..).zip([("a", "x\n\"é\u{1}"), ("no", ""), ("a", "y")]) {
        raw.send(&publish(false, topic, packet, payload)).await;
        raw.packet().await;
        let last = read_sink(&path).unwrap().pop().unwrap();
        assert_eq!((last.packet, last.client.as_str()), (packet, "c"));
        assert_eq!(
            (last.topic.as_str(), &last.payload[..]),
            (topic, payload.as_bytes())
        );
        assert_eq!(last.taken(), topic == "a");
    }
    // Cut in the middle of a line: that one was not acknowledged.
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 5]).unwrap();
    assert_eq!(read_sink(&path).unwrap().len(), 2);
    std::fs::write(&path, "{}\n").unwrap();
    let error = read_sink(&path).unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
}

/// Not a test but the process that the next one kills.
#[test]
#[ignore = "started by the test below"]
fn a_broker_in_a_process_of_its_own() {
    let Some(path) = std::env::var_os("BROKER_SINK") else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = Options {
            sink: Some(path.into()),
            ..Options::default()
        };
        let broker = start_with(ANY, options, CancellationToken::new())
            .await
            .unwrap();
        println!("port={}=", broker.address.port());
        drop(broker.received);
        broker.task.await.unwrap();
    });
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sink");
    let mut acknowledged = Vec::new();
    for round in 0..3_u16 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg(concat!(
                "simulator::broker::tests::sink::",
                "a_broker_in_a_process_of_its_own"
            ))
            .env("BROKER_SINK", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let port: u16 = lines
            .find_map(|line| line.unwrap().split('=').nth(1)?.parse().ok())
            .unwrap();
        let mut raw = Raw(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        raw.send(CONNECT_4).await;
        raw.packet().await;
        for number in 1..=500 {
            let payload = (1_000 * round + number).to_string();
            raw.send(&publish(false, "t", number, &payload)).await;
        }
        for _ in 0..(137 * (round + 1)) {
            let ack = raw.packet().await;
            let number = u16::from_be_bytes([ack[2], ack[3]]);
            acknowledged.push((1_000 * round + number).to_string());
        }
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let kept: Vec<_> = read_sink(&path).unwrap();
    let kept: std::collections::BTreeSet<_> = kept
        .into_iter()
        .map(|it| String::from_utf8(it.payload).unwrap())
        .collect();
    assert!(acknowledged.len() == 6 * 137 && acknowledged.iter().all(|it| kept.contains(it)));
}
