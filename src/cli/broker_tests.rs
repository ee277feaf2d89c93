//! `broker` as a person types it, against a store in memory.

use super::*;
use crate::cli::exit::ExitKind;
use crate::meter::Definition;
use crate::simulator::broker::{Behaviour, start};
use clap::Parser;
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
    let mut out = Vec::new();
    let outcome = run(cli.command, store, &mut out).await;
    let text = String::from_utf8(out).unwrap();
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
            vec![
                "add",
                "a",
                "--url",
                "mqtt://u:hunter2@h:1",
                "--dialect",
                "json",
            ],
            "--password-env",
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
            "json or thingsboard",
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
