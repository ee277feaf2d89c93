//! Against mosquitto: a broker that shares no code with us takes what we send, and says no as the standard says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::*;
use crate::dlms::security::Secret;

/// Ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

struct Mosquitto {
    port: u16,
    folder: TempDir,
    _process: Process,
}

async fn mosquitto(access: &str) -> Mosquitto {
    let folder = TempDir::new().unwrap();
    let port = {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        free.local_addr().unwrap().port()
    };
    let (mosquitto, folder) = start_mosquitto(port, folder, access).await;
    Mosquitto {
        port,
        folder,
        _process: mosquitto,
    }
}

async fn start_mosquitto(port: u16, folder: TempDir, access: &str) -> (Process, TempDir) {
    let passwords = folder.path().join("passwords");
    let made = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&passwords)
        .args(["me", "right"])
        .status()
        .unwrap();
    assert!(made.success());
    let file = folder.path().join("mosquitto.conf");
    let access = access.replace("PASSWORDS", passwords.to_str().unwrap());
    // As root it would change to a user of its own that may not read the folder.
    let text = format!("listener {port} 127.0.0.1\nuser root\n{access}\n");
    fs::write(&file, text).unwrap();
    let mosquitto = Command::new("mosquitto")
        .arg("-c")
        .arg(&file)
        .stderr(Stdio::null())
        .spawn();
    let mosquitto = Process(mosquitto.unwrap());
    for _ in 0..200 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .is_ok()
        {
            return (mosquitto, folder);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("mosquitto does not listen on {port}");
}

const OPEN: &str = "allow_anonymous true";
const CLOSED: &str = "allow_anonymous false\npassword_file PASSWORDS";

#[tokio::test]
async fn what_is_published_reaches_mosquitto_sub() {
    let broker = mosquitto(OPEN).await;
    // Line by line, and with an end of its own, so that reading it can neither lag nor hang.
    let mut subscriber = Command::new("stdbuf")
        .args(["-oL", "mosquitto_sub", "-W", "30", "-C", "200"])
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-d"])
        .args(["-q", "1", "-t", "meters/+/telemetry", "-F", "got %t %p"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(subscriber.stdout.take().unwrap()).lines();
    let _subscriber = Process(subscriber);
    assert!(lines.any(|line| line.unwrap().contains("received SUBACK")));
    let bench = Bench::new(broker.port).await;
    bench.queue(0..200).await;
    let mut handle = bench.spawn();
    until(&mut handle.status, |it| it.acknowledged == 200).await;
    ended(handle).await;
    assert_eq!(bench.waiting().await, 0);
    let got = lines
        .map(Result::unwrap)
        .filter(|line| line.starts_with("got "))
        .take(200);
    for (number, line) in got.enumerate() {
        assert_eq!(line, format!("got meters/m/telemetry {number}"));
    }
}

#[tokio::test]
async fn mosquitto_refuses_and_accepts_as_it_should() {
    let broker = mosquitto(CLOSED).await;
    let mut bench = Bench::new(broker.port).await;
    let error = drain::test(&bench.broker, LIMIT).await.unwrap_err();
    assert!(error.contains("CONNACK 5"), "{error}");
    bench.broker.user = Some("me".into());
    bench.broker.password = Some(Secret::new("wrong"));
    let error = drain::test(&bench.broker, LIMIT).await.unwrap_err();
    assert!(
        error.contains("CONNACK 5") && error.contains("user and password"),
        "{error}"
    );
    bench.broker.password = Some(Secret::new("right"));
    drain::test(&bench.broker, LIMIT).await.unwrap();
    drop(broker.folder);
}

/// Killed outright in mid-stream, started again, three times over: everything arrives, some of it perhaps twice.
#[tokio::test]
async fn mosquitto_killed_again_and_again_loses_nothing() {
    const MESSAGES: u64 = 3_000;
    let Mosquitto {
        port,
        mut folder,
        _process: mut process,
    } = mosquitto(OPEN).await;
    let bench = Bench::new(port).await;
    bench.queue(0..u32::try_from(MESSAGES).unwrap()).await;
    let mut handle = bench.spawn();
    for round in 1..=3 {
        // Child::kill is SIGKILL: no DISCONNECT, no flush, PUBACKs on their way are lost.
        until(&mut handle.status, |it| {
            it.acknowledged >= round * MESSAGES / 8
        })
        .await;
        drop(process);
        (process, folder) = start_mosquitto(port, folder, OPEN).await;
    }
    until(&mut handle.status, |it| it.acknowledged >= MESSAGES).await;
    ended(handle).await;
    assert_eq!(bench.waiting().await, 0);
    drop((process, folder));
}
