//! `simulate` as it is typed: its lines, its clients, its faults, and what it refuses.

use super::*;
use clap::Parser;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn args(line: &str) -> Result<Args, clap::Error> {
    let words = std::iter::once("simulate").chain(line.split_whitespace());
    Command::try_parse_from(words).map(|command| command.args)
}

fn lines(line: &str) -> (Vec<Running>, Vec<serde_json::Value>) {
    let mut out = Vec::new();
    let stop = CancellationToken::new();
    let running = start(&args(line).unwrap(), &stop, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let values = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (running, values.collect())
}

#[tokio::test]
async fn one_line_a_meter() {
    let (running, lines) = lines("--meters 3 --profile generic --delay 5ms");
    assert_eq!(lines.len(), 3);
    for (meter, line) in running.iter().zip(&lines) {
        assert_eq!(line["listening"], meter.address.to_string());
        assert_eq!(line["meter"], meter.name);
        assert_eq!(line["transport"], "hdlc-tcp");
        assert!(tokio::net::TcpStream::connect(meter.address).await.is_ok());
    }
    assert_eq!(running[2].name, "generic-003");
    let profile = running[2].meter.lock().unwrap().profile().clone();
    assert_eq!((profile.seed, profile.delay), (3, Duration::from_millis(5)));
}

#[tokio::test]
async fn the_clients_are_listed_with_what_they_need() {
    let mut out = Vec::new();
    let listed = args("--profile generic --list-clients").unwrap();
    run(listed, &mut out).await.unwrap();
    let list: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let of = |sap: u8| {
        let mut rows = list.as_array().unwrap().iter();
        rows.find(|row| row["client"] == sap).unwrap().clone()
    };
    assert_eq!(of(16)["auth"], "none");
    assert_eq!(of(35)["secret"], "12345678");
    assert_eq!(of(64)["required"], "auth-enc");
    let keys = of(66)["keys"].as_str().unwrap().to_owned();
    assert!(
        crate::dlms::security::Keys::parse(&keys)
            .unwrap()
            .signing
            .is_some()
    );
}

#[tokio::test]
async fn options_reach_the_meter() {
    let options =
        "--profile generic --transport wrapper-tcp --rows 5 --objects 500 --general-blocks";
    let (running, lines) = lines(options);
    assert_eq!(lines[0]["transport"], "wrapper-tcp");
    let meter = running[0].meter.lock().unwrap();
    let profile = meter.profile();
    assert_eq!((profile.rows, profile.objects.iter().len()), (5, 500));
    assert!(profile.general_blocks);
}

#[tokio::test]
async fn faults_are_listed_and_reach_the_meter() {
    for (options, json) in [("--list-faults", false), ("--list-faults --json", true)] {
        let mut out = Vec::new();
        run(args(options).unwrap(), &mut out).await.unwrap();
        let text = String::from_utf8(out).unwrap();
        if json {
            let list: serde_json::Value = serde_json::from_str(&text).unwrap();
            let list = list.as_array().unwrap();
            assert_eq!(list.len(), ROWS.len());
            let of = |name: &str| list.iter().find(|row| row["name"] == name).unwrap();
            assert_eq!(of("silent")["example"], serde_json::Value::Null);
            assert_eq!(of("late")["example"], "8s");
            assert_eq!(of("address-size")["finding"], "H1");
            assert!(of("echo")["what"].as_str().unwrap().contains("comes back"));
        } else {
            assert_eq!(text.lines().count(), ROWS.len() + 1);
            assert!(text.contains("aare=1/13 "), "{text}");
        }
    }
    let (running, lines) = lines("--fault echo --fault aare=1/13 --fault wrapper-port");
    assert_eq!(lines[0]["transport"], "wrapper-tcp");
    let meter = running[0].meter.lock().unwrap();
    let faults: Vec<String> = meter
        .profile()
        .faults
        .iter()
        .map(Fault::to_string)
        .collect();
    assert_eq!(faults, ["echo", "aare=1/13", "wrapper-port"]);
    let error = args("--fault adress-size=4").unwrap_err().to_string();
    assert!(error.contains("did you mean address-size"), "{error}");
}

#[tokio::test]
async fn what_is_refused() {
    for (line, code, words) in [
        ("--listen 0.0.0.0:0", 2, "not a loopback address"),
        ("--mode-e --transport wrapper-udp", 2, "before HDLC"),
        ("--fault rnr --transport wrapper-tcp", 2, "needs HDLC"),
        ("--fault rst --transport wrapper-udp", 2, "a TCP connection"),
        (
            "--listen 127.0.0.1:65535 --meters 2",
            2,
            "beyond port 65535",
        ),
    ] {
        let error = run(args(line).unwrap(), &mut Vec::new()).await.unwrap_err();
        assert_eq!(error.exit().code(), code);
        assert!(error.to_string().contains(words), "{error}");
    }
    for line in [
        "--listen nowhere",
        "--meters 0",
        "--delay soon",
        "--profile other",
        "--fault x",
        "--fault silent=3",
        "--fault late=soon",
        "--json",
        "--transport carrier-pigeon",
        "--rows 0",
    ] {
        assert!(args(line).is_err(), "{line}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = run(
        args(&format!("--listen {address}")).unwrap(),
        &mut Vec::new(),
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
