//! `read` against a simulated meter on a loopback port: what it prints, how it ends, what it leaves behind.

use super::*;
use crate::cli::complain;
use crate::meter::transport::Tcp;
use crate::simulator::profile::Profile;
use crate::simulator::server::{Running, serve};
use crate::store::Store;
use clap::Parser;
use std::future::{pending, ready};
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    read: Args,
}

struct Ended {
    kind: ExitKind,
    out: String,
    err: String,
}

fn meter() -> (Running, tempfile::NamedTempFile) {
    let listen = "127.0.0.1:0".parse().unwrap();
    let clock = jiff::Timestamp::now();
    let stop = CancellationToken::new();
    let running = serve(Profile::microstar(1), listen, clock, None, &stop).unwrap();
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&password, "22222222\n").unwrap();
    (running, password)
}

async fn read(args: &[&str], stop: impl Future<Output = ()>) -> Ended {
    let args = Cli::try_parse_from(std::iter::once(&"x").chain(args))
        .unwrap()
        .read;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let open_store = || Ok(Store::in_memory()?);
    let door = Door {
        open_store: &open_store,
        connector: &Tcp,
    };
    let kind = match run(&args, &door, stop, &mut out, &mut err).await {
        Ok(kind) => kind,
        Err(failure) => complain(&mut err, failure.kind, &failure.words),
    };
    Ended {
        kind,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

fn released(running: &Running) -> bool {
    let now = std::time::Instant::now();
    !running.meter.lock().unwrap().is_associated(now)
}

#[tokio::test]
async fn values_as_a_table_and_as_json() {
    let (running, password) = meter();
    let target = running.address.to_string();
    let password = password.path().to_str().unwrap();
    let link = ["--client", "1", "--password-file", password];
    let objects = ["1-1:32.7.0", "8/0-0:1.0.0/2"];
    let args = [&[target.as_str()], &objects[..], &link[..]].concat();
    let ended = read(&args, pending()).await;
    assert_eq!(ended.kind, ExitKind::Done, "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 2);
    assert!(
        ended.out.contains("1-1:32.7.0 ") && ended.out.contains(" V "),
        "{}",
        ended.out
    );
    assert!(released(&running));

    let ended = read(&[&args[..], &["--json"]].concat(), pending()).await;
    let json: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json[0]["unit"], "V");
    assert_eq!(json[0]["class"], 3);
    assert_eq!(json[1]["class"], 8);
}

#[tokio::test]
async fn an_absent_object_is_told_on_stderr_and_in_the_status() {
    let (running, password) = meter();
    let target = running.address.to_string();
    let password = password.path().to_str().unwrap();
    let args = [
        &target,
        "1-1:99.7.0",
        "1-1:32.7.0",
        "--client=1",
        "--password-file",
        password,
    ];
    let ended = read(&args, pending()).await;
    assert_eq!(ended.kind, ExitKind::Partly);
    assert!(
        ended.err.contains("1-1:99.7.0") && ended.err.contains("object-undefined"),
        "{}",
        ended.err
    );
    assert_eq!(ended.out.lines().count(), 1);
}

#[tokio::test]
async fn every_repeats_until_the_count_and_until_stopped() {
    let (running, password) = meter();
    let target = running.address.to_string();
    let password = password.path().to_str().unwrap();
    let args = [
        &target,
        "1-1:32.7.0",
        "--client=1",
        "--password-file",
        password,
        "--json",
        "--every=10ms",
    ];
    let ended = read(&[&args[..], &["--count=3"]].concat(), pending()).await;
    assert_eq!((ended.kind, ended.out.lines().count()), (ExitKind::Done, 3));
    let soon = tokio::time::sleep(Duration::from_millis(400));
    let ended = read(&args, soon).await;
    assert_eq!(ended.kind, ExitKind::Done);
    assert!(!ended.out.is_empty());
    assert!(released(&running));
}

#[tokio::test]
async fn refusals_have_their_words_and_numbers() {
    let (running, password) = meter();
    std::fs::write(&password, "wrong\n").unwrap();
    let target = running.address.to_string();
    let password = password.path().to_str().unwrap();
    let ended = read(
        &[
            &target,
            "1-1:32.7.0",
            "--client=1",
            "--password-file",
            password,
        ],
        pending(),
    )
    .await;
    assert_eq!(ended.kind, ExitKind::Meter);
    assert!(
        ended.err.contains("authentication-failure"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("try:"), "{}", ended.err);
    assert!(!ended.err.contains("wrong\n"));

    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ended = read(&[&free.to_string(), "1-1:32.7.0"], pending()).await;
    assert_eq!(ended.kind, ExitKind::Meter);
    assert!(ended.err.contains("connection refused"), "{}", ended.err);

    let ended = read(&["nobody", "1-1:32.7.0"], pending()).await;
    assert_eq!(ended.kind, ExitKind::Usage);
    assert!(ended.err.contains("nobody"), "{}", ended.err);
    assert_eq!(read(&[&target], pending()).await.kind, ExitKind::Usage);
    let ended = read(&[&target, "1-1:32.7.0", "--timeout=0s"], pending()).await;
    assert_eq!(ended.kind, ExitKind::Usage);
    assert!(ended.err.contains("timeout"), "{}", ended.err);
}

#[tokio::test]
async fn being_stopped_before_the_first_value_is_not_done() {
    let (running, _password) = meter();
    let target = running.address.to_string();
    assert_eq!(
        read(&[&target, "0-0:1.0.0"], ready(())).await.kind,
        ExitKind::Partly
    );
    let soon = tokio::time::sleep(Duration::from_millis(50));
    assert_eq!(
        read(&[&target, "0-0:1.0.0"], soon).await.kind,
        ExitKind::Partly
    );
    assert!(released(&running));
}

#[tokio::test]
async fn the_trace_file_has_both_ways_and_no_password() {
    let (running, password) = meter();
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("t.jsonl");
    let target = running.address.to_string();
    let password = password.path().to_str().unwrap();
    let args = [
        "--client=1",
        "--password-file",
        password,
        "--trace",
        trace.to_str().unwrap(),
    ];
    read(
        &[&[target.as_str(), "1-1:32.7.0"], &args[..]].concat(),
        pending(),
    )
    .await;
    let text = std::fs::read_to_string(&trace).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines[0]["note"], "connected");
    assert_eq!(lines.last().unwrap()["note"], "closed");
    assert!(lines.iter().any(|l| l["dir"] == "rx"));
    assert_eq!(lines.iter().filter(|l| l["masked"] == true).count(), 1);
    assert!(!text.contains("3232323232323232"), "{text}");
}
