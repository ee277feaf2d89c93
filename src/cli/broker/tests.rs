//! `broker` as a person types it, against a store in memory.

use super::*;
use crate::cli::exit::ExitKind;
use crate::meter::Definition;
use crate::simulator::broker::{Behaviour, start};
use crate::store::{Dialect, Protocol};
use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

async fn typed(store: &Store, line: &[&str]) -> Result<String, Error> {
    let cli = Cli::try_parse_from(std::iter::once(&"broker").chain(line))
        .map_err(|error| Error::Input(error.to_string()))?;
    assert!(!format!("{cli:?}").contains("hunter2"));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = run(cli.command, store, &mut out, &mut err).await;
    let text = String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    outcome.map(|()| text)
}

#[tokio::test]
async fn add_show_edit_list_remove() {
    let store = Store::in_memory().unwrap();
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("token");
    std::fs::write(&secret, "tok-hunter2\r\n").unwrap();
    let secret = secret.to_str().unwrap();
    assert!(
        typed(&store, &["list"])
            .await
            .unwrap()
            .contains("no brokers yet")
    );
    let password = folder.path().join("password");
    std::fs::write(&password, "hunter2").unwrap();
    let password = password.to_str().unwrap();
    let certified = rcgen::generate_simple_self_signed(vec!["tb".into()]).unwrap();
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), certified.cert.pem()).unwrap();
    let ca = authority.path().to_str().unwrap();
    let url = "mqtt://me@10.0.0.1";
    let line = [
        "add",
        "lab",
        "--url",
        url,
        "--dialect",
        "json",
        "--password-file",
        password,
    ];
    assert_eq!(
        typed(&store, &line).await.unwrap(),
        "broker lab added: mqtt://10.0.0.1:1883\n"
    );
    let lab = store.broker_named("lab").await.unwrap();
    assert_eq!(lab.password.unwrap().expose(), b"hunter2");
    let line = [
        "add",
        "tb",
        "--url",
        "mqtts://tb",
        "--dialect",
        "thingsboard",
    ];
    let said = typed(&store, &line).await.unwrap();
    assert!(said.contains("--token-env"), "{said}");
    let line = [
        "edit",
        "tb",
        "--token-file",
        secret,
        "--ca",
        ca,
        "--rename",
        "cloud",
    ];
    typed(&store, &line).await.unwrap();
    let cloud = store.broker_named("cloud").await.unwrap();
    assert_eq!(cloud.token.as_ref().unwrap().expose(), b"tok-hunter2");
    assert!(cloud.ca.as_ref().unwrap().is_absolute());
    let listed = typed(&store, &["list"]).await.unwrap();
    assert!(listed.contains("me with password") && listed.contains("token"));
    let listed = typed(&store, &["list", "--json"]).await.unwrap();
    let json: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(json[0]["url"], "mqtt://10.0.0.1:1883");
    assert_eq!(json[0]["password"], "set");
    assert_eq!(json[1]["token"], "set");
    assert_eq!(json[1]["waiting"], 0);
    let shown = typed(&store, &["show", "lab"]).await.unwrap();
    assert!(
        shown.contains(&lab.client_id) && shown.contains("nothing"),
        "{shown}"
    );
    typed(&store, &["edit", "lab", "--no-login"]).await.unwrap();
    assert!(store.broker_named("lab").await.unwrap().password.is_none());

    let mut meter = Definition::new("m", "h", 1);
    meter.publish = Some("lab".into());
    store.save_meter(meter).await.unwrap();
    let error = typed(&store, &["remove", "lab", "--yes"])
        .await
        .unwrap_err();
    assert_eq!(error.exit(), ExitKind::Usage);
    assert!(error.to_string().contains("published to by m"), "{error}");
    typed(&store, &["remove", "cloud", "--yes"]).await.unwrap();
    assert_eq!(store.brokers().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let store = Store::in_memory().unwrap();
    for (line, words) in [
        (
            vec!["add", "a", "--url", "u:hunter2@h", "--dialect", "json"],
            "mqtt://HOST",
        ),
        (
            vec!["add", "a", "--url", "mqtt://h:0", "--dialect", "json"],
            "port",
        ),
        (
            vec![
                "add",
                "a",
                "--url",
                "mqtts://h",
                "--dialect",
                "json",
                "--ca",
                "/no/such.pem",
            ],
            "/no/such.pem cannot be read",
        ),
        (
            vec!["add", "a", "--url", "mqtt://h", "--dialect", "xml"],
            "write one of json, thingsboard",
        ),
        (
            vec![
                "add",
                "a",
                "--url",
                "mqtt://h",
                "--dialect",
                "json",
                "--token-env",
                "OBISCOPE_NO_SUCH_VARIABLE",
            ],
            "OBISCOPE_NO_SUCH_VARIABLE is not set",
        ),
        (
            vec![
                "add",
                "a",
                "--url",
                "mqtt://h",
                "--dialect",
                "json",
                "--ca",
                "x",
            ],
            "mqtts://",
        ),
        (vec!["show", "z"], "no broker named \"z\""),
        (vec!["test", "z"], "no broker named \"z\""),
    ] {
        let error = typed(&store, &line).await.unwrap_err();
        assert_eq!(error.exit(), ExitKind::Usage, "{error}");
        assert!(error.to_string().contains(words), "{line:?}: {error}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn test_says_yes_or_why_not() {
    let store = Store::in_memory().unwrap();
    let stop = CancellationToken::new();
    let place = "127.0.0.1:0".parse().unwrap();
    let running = start(place, Behaviour::default(), stop.clone())
        .await
        .unwrap();
    let url = format!("mqtt://{}", running.address);
    let line = ["add", "lab", "--url", &url, "--dialect", "json"];
    typed(&store, &line).await.unwrap();
    let said = typed(&store, &["test", "lab"]).await.unwrap();
    assert!(said.contains("accepted us"), "{said}");
    stop.cancel();
    running.task.await.unwrap();
    let error = typed(&store, &["test", "lab"]).await.unwrap_err();
    assert_eq!(error.exit(), ExitKind::Local);
    assert!(error.to_string().contains("connection refused"), "{error}");
}

const LAB: [&str; 4] = ["add", "lab", "--url", "mqtt://h"];

/// A broker of this dialect with these options.
async fn added(store: &Store, dialect: &str, more: &[&str]) -> Result<String, Error> {
    let line: Vec<&str> = (LAB.iter().copied())
        .chain(["--dialect", dialect])
        .chain(more.iter().copied())
        .collect();
    typed(store, &line).await
}

#[tokio::test]
async fn a_password_in_the_url_is_taken_and_hidden() {
    let store = Store::in_memory().unwrap();
    let url = "mqtt://me:hunter2@10.0.0.1";
    let said = typed(&store, &["add", "lab", "--url", url, "--dialect", "json"]).await;
    let said = said.unwrap();
    assert!(said.contains("added: mqtt://10.0.0.1:1883"), "{said}");
    assert!(
        said.contains("history") && said.contains("--password-env"),
        "{said}"
    );
    let lab = store.broker_named("lab").await.unwrap();
    assert_eq!(lab.password.as_ref().unwrap().expose(), b"hunter2");
    assert_eq!(lab.user.as_deref(), Some("me"));
    assert!(!format!("{lab:?}").contains("hunter2"));
    for line in [
        &["list"][..],
        &["list", "--json"],
        &["show", "lab"],
        &["show", "lab", "--json"],
    ] {
        typed(&store, line).await.unwrap();
    }
    let url = "mqtts://me:hunter22@h";
    let said = typed(&store, &["edit", "lab", "--url", url]).await.unwrap();
    assert!(said.contains("history"), "{said}");
    let said = typed(&store, &["edit", "lab", "--url", "mqtt://h"])
        .await
        .unwrap();
    assert!(!said.contains("history"), "{said}");
}

#[tokio::test]
async fn every_setting_is_kept_and_shown() {
    let store = Store::in_memory().unwrap();
    let more = [
        "--mqtt",
        "5",
        "--keep-alive",
        "30s",
        "--window",
        "50",
        "--max-rows",
        "1000",
        "--max-bytes",
        "64MiB",
        "--max-age",
        "30days",
        "--topic",
        "site/{device}/{key}",
        "--payload",
        r#"{{"value":{value}}}"#,
        "--status-topic",
        "site/status",
        "--device-type",
        "three-phase",
        "--allow",
        "write,clock_sync",
        "--json",
    ];
    let said = added(&store, "template", &more).await.unwrap();
    let json: Value = serde_json::from_str(&said).unwrap();
    for (field, value) in [
        ("mqtt", json!("5")),
        ("keep_alive", json!("30s")),
        ("window", json!(50)),
        ("max_rows", json!(1000)),
        ("max_bytes", json!(64 << 20)),
        ("max_age", json!("30days")),
        ("topic", json!("site/{device}/{key}")),
        ("payload", json!(r#"{{"value":{value}}}"#)),
        ("status_topic", json!("site/status")),
        ("device_type", json!("three-phase")),
        ("allow", json!(["clock_sync", "write"])),
    ] {
        assert_eq!(json[field], value, "{field}");
    }
    let shown = typed(&store, &["show", "lab"]).await.unwrap();
    for words in [
        "5, keep-alive 30s, window 50",
        "site/{device}/{key}",
        "up to 1000 messages, 64 MiB, of the last 30days",
        "clock_sync, write",
        "three-phase",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let back = [
        "edit",
        "lab",
        "--no-max-age",
        "--no-status-topic",
        "--no-device-type",
        "--no-allow",
        "--dialect",
        "thingsboard-gateway",
        "--mqtt",
        "3.1.1",
    ];
    typed(&store, &back).await.unwrap();
    let lab = store.broker_named("lab").await.unwrap();
    assert_eq!(
        (lab.topic, lab.payload, lab.status_topic, lab.device_type),
        (None, None, None, None)
    );
    assert_eq!(
        (lab.limits.age, lab.allow.len(), lab.protocol),
        (None, 0, Protocol::V311)
    );
    let shown = typed(&store, &["show", "lab"]).await.unwrap();
    assert!(
        shown.contains("dlms") && shown.contains("no change"),
        "{shown}"
    );
}

/// The version follows the dialect until it is chosen; Home Assistant has a status topic without being told.
#[tokio::test]
async fn a_dialect_brings_what_is_usual() {
    let store = Store::in_memory().unwrap();
    added(&store, "json", &[]).await.unwrap();
    typed(&store, &["edit", "lab", "--dialect", "thingsboard"])
        .await
        .unwrap();
    let lab = store.broker_named("lab").await.unwrap();
    assert_eq!(
        (lab.dialect, lab.protocol),
        (Dialect::ThingsBoard, Protocol::V5)
    );
    typed(&store, &["edit", "lab", "--dialect", "homeassistant"])
        .await
        .unwrap();
    let lab = store.broker_named("lab").await.unwrap();
    assert_eq!(lab.status_topic, Some(format!("{}/status", lab.client_id)));
    assert_eq!(lab.protocol, Protocol::V311);
}

#[tokio::test]
async fn what_cannot_be_is_refused_at_entry() {
    let store = Store::in_memory().unwrap();
    for (dialect, more, words) in [
        ("json", &["--mqtt", "4"][..], "write 3.1.1 or 5"),
        ("json", &["--window", "0"], "from 1 to 100"),
        ("json", &["--max-bytes", "1KiB"], "64 KiB"),
        ("json", &["--max-bytes", "lots"], "500MiB"),
        ("json", &["--keep-alive", "1s"], "5 s to 65535 s"),
        ("json", &["--status-topic", "a/#"], "for subscribing"),
        ("json", &["--status-topic", "a\0b"], "NUL"),
        ("json", &["--allow", "format_disk"], "choose of write"),
        ("json", &["--device-type", " "], "device-type"),
        ("json", &["--topic", "t"], "--dialect template"),
        ("template", &[], "--topic 'site/{device}/{key}'"),
        (
            "template",
            &["--topic", "t/+", "--payload", "{value}"],
            "for subscribing",
        ),
        (
            "template",
            &["--topic", "t", "--payload", "{volt}"],
            "there are {device}, {meter}",
        ),
        ("json", &["--cert", "x.pem"], "go together"),
    ] {
        let error = added(&store, dialect, more).await.unwrap_err();
        assert_eq!(error.exit(), ExitKind::Usage, "{error}");
        assert!(error.to_string().contains(words), "{more:?}: {error}");
    }
    assert!(store.brokers().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_empty_token_is_refused() {
    let store = Store::in_memory().unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    for empty in ["", "\n", "  \n"] {
        std::fs::write(&file, empty).unwrap();
        let token = ["--token-file", file.to_str().unwrap()];
        let error = added(&store, "thingsboard", &token).await.unwrap_err();
        assert!(error.to_string().contains("token: it is empty"), "{error}");
    }
}

#[tokio::test]
async fn certificate_and_key_must_belong_together() {
    let store = Store::in_memory().unwrap();
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let [ours, other] =
        ["a", "b"].map(|name| rcgen::generate_simple_self_signed(vec![name.into()]).unwrap());
    let cert = file("cert.pem", ours.cert.pem());
    let key = file("key.pem", ours.signing_key.serialize_pem());
    let wrong = file("other.pem", other.signing_key.serialize_pem());
    let line = |key: &str| {
        [
            "add",
            "lab",
            "--url",
            "mqtts://h",
            "--dialect",
            "json",
            "--cert",
            &cert,
            "--key",
            key,
        ]
        .map(str::to_owned)
    };
    let with = async |key: &str| {
        let line = line(key);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        typed(&store, &line).await
    };
    let error = with(&wrong).await.unwrap_err().to_string();
    assert!(error.contains("do not belong together"), "{error}");
    let error = with("/no/such.pem").await.unwrap_err().to_string();
    assert!(error.contains("/no/such.pem cannot be read"), "{error}");
    with(&key).await.unwrap();
    let listed = typed(&store, &["list"]).await.unwrap();
    assert!(listed.contains("certificate"), "{listed}");
    typed(&store, &["edit", "lab", "--no-cert"]).await.unwrap();
    let lab = store.broker_named("lab").await.unwrap();
    assert_eq!((lab.cert, lab.key), (None, None));
}
