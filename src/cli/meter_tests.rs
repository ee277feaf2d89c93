//! `meter` as a person types it, against a store in memory.

use super::*;
use crate::cli::exit::ExitKind;
use crate::store::{BrokerDefinition, Dialect, MeterNote};
use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

struct Desk {
    store: Store,
    folder: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let store = Store::in_memory().unwrap();
        let lab = BrokerDefinition::new("lab", "mqtt://h", Dialect::Json).unwrap();
        store.save_broker(lab).await.unwrap();
        Self {
            store,
            folder: TempDir::new().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn run(&self, line: &[&str]) -> Result<String, Error> {
        let cli = Cli::try_parse_from(std::iter::once(&"meter").chain(line))
            .map_err(|error| Error::Input(error.to_string()))?;
        assert!(!format!("{cli:?}").contains("hunter2"));
        let mut out = Vec::new();
        let outcome = run(cli.command, &self.store, &mut out).await;
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        outcome.map(|()| text)
    }

    async fn ok(&self, line: &[&str]) -> String {
        self.run(line).await.unwrap()
    }

    async fn refused(&self, line: &[&str]) -> String {
        let error = self.run(line).await.unwrap_err();
        assert_eq!(error.exit(), ExitKind::Usage, "{error}");
        error.to_string()
    }
}

#[tokio::test]
async fn add_show_edit_list_remove() {
    let desk = Desk::new().await;
    assert!(desk.ok(&["list"]).await.contains("no meters yet"));
    let secret = desk.file("secret", "hunter2\n");
    let host = ["--host", "10.0.4.7:3333"];
    let mut add = vec!["add", "feeder-7"];
    add.extend(host);
    add.extend(["--preset", "microstar", "--password-file", &secret]);
    add.extend(["--poll", "9s", "--publish", "lab", "--device", "m-7"]);
    add.extend(["--nominal-voltage", "120", "--nominal-frequency", "60"]);
    add.extend(["--object", "1-1:32.7.0", "--object", "8/0-0:1.0.0/2=clock"]);
    assert_eq!(desk.ok(&add).await, "meter feeder-7 added: 10.0.4.7:3333\n");
    let meter = desk.store.meter_named("feeder-7").await.unwrap();
    assert_eq!(meter.password.as_ref().unwrap().expose(), b"hunter2");
    assert_eq!(meter.client.sap(), 1);
    let keys: Vec<_> = meter.objects.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["voltage_l1", "clock"]);
    assert_eq!(meter.device_name(), "m-7");

    let what = MeterNote::Error {
        at: jiff::Timestamp::UNIX_EPOCH,
        what: "no UA \u{1b}[2J".into(),
    };
    desk.store.note_meter(meter.id, what).await.unwrap();
    let shown = desk.ok(&["show", "feeder-7"]).await;
    for part in [
        "lls, password set",
        "lab as m-7",
        "every 9s",
        "1-1:32.7.0",
        "120 V, 60 Hz",
        "no UA",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'));
    let json: Value =
        serde_json::from_str(&desk.ok(&["show", "feeder-7", "--json"]).await).unwrap();
    assert_eq!(json["password"], "set");
    assert_eq!(json["server"]["bytes"], 1);
    assert_eq!(json["objects"][1]["key"], "clock");
    assert_eq!(json["poll"], "9s");
    assert_eq!(json["nominal_voltage"], 120.0);
    assert_eq!(json["nominal_frequency"], 60.0);

    desk.ok(&[
        "edit",
        "feeder-7",
        "--rename",
        "feeder-8",
        "--no-publish",
        "--enabled",
        "false",
        "--nominal-voltage",
        "none",
    ])
    .await;
    let meter = desk.store.meter_named("feeder-8").await.unwrap();
    assert_eq!((meter.publish, meter.enabled), (None, false));
    assert!(meter.password.is_some() && meter.objects.len() == 2);
    let nominal = (meter.nominal.voltage, meter.nominal.frequency);
    assert_eq!(nominal, (None, Some(60.0)));

    let json: Value = serde_json::from_str(&desk.ok(&["list", "--json"]).await).unwrap();
    assert_eq!(json[0]["name"], "feeder-8");
    assert!(desk.ok(&["list"]).await.contains("feeder-8"));
    assert_eq!(
        desk.ok(&["remove", "feeder-8", "--yes"]).await,
        "meter feeder-8 removed\n"
    );
    assert!(desk.store.meters().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_saved() {
    let desk = Desk::new().await;
    let place = ["--host", "10.0.4.7:3333"];
    desk.ok(&["add", "a", place[0], place[1]]).await;
    for (line, words) in [
        (vec!["add", "b", "--host", "10.0.4.7"], "HOST:PORT"),
        (
            vec!["add", "b", place[0], place[1], "--preset", "x"],
            "microstar",
        ),
        (
            vec!["add", "b", place[0], place[1], "--object", "1-1:"],
            "object:",
        ),
        (
            vec!["add", "b", place[0], place[1], "--poll", "1ms"],
            "poll",
        ),
        (
            vec!["add", "b", place[0], place[1], "--publish", "gone"],
            "no broker named \"gone\"",
        ),
        (
            vec!["add", "a", place[0], place[1]],
            "already a meter named \"a\"",
        ),
        (
            vec![
                "add",
                "b",
                place[0],
                place[1],
                "--password-file",
                "/no/such",
            ],
            "/no/such",
        ),
        (
            vec!["add", "b", place[0], place[1], "--trace", "x"],
            "--trace",
        ),
        (vec!["show", "z"], "no meter named \"z\""),
        (vec!["edit", "z", "--poll", "9s"], "no meter named \"z\""),
        (vec!["edit", "a", "--window", "9"], "window"),
        (vec!["edit", "a", "--nominal-voltage", "1"], "10 to 500000"),
        (vec!["edit", "a", "--nominal-frequency", "fast"], "none"),
        (vec!["remove", "a"], "--yes"),
        (vec!["import", "/no/such"], "/no/such"),
    ] {
        let error = desk.refused(&line).await;
        assert!(error.contains(words), "{line:?}: {error}");
    }
    assert_eq!(desk.store.meters().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_exported_is_imported_again() {
    let desk = Desk::new().await;
    let secret = desk.file("secret", "hunter2");
    desk.ok(&[
        "add",
        "a",
        "--host",
        "[::1]:4059",
        "--server",
        "1/17",
        "--address-size",
        "4",
        "--password-file",
        &secret,
        "--object",
        "1-1:32.7.0=u",
        "--nominal-voltage",
        "127.5",
        "--publish",
        "lab",
    ])
    .await;
    desk.ok(&["add", "b", "--host", "h:1"]).await;
    let before = desk.store.meters().await.unwrap();
    let text = desk.ok(&["export"]).await;
    let path = desk.folder.path().join("meters.toml");
    let path = path.to_str().unwrap();
    assert_eq!(desk.ok(&["export", path]).await, "");
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);

    // Over themselves: nothing changes, passwords stay.
    assert_eq!(
        desk.ok(&["import", path]).await,
        "0 meters added, 2 replaced\n"
    );
    assert_eq!(desk.store.meters().await.unwrap(), before);

    // Elsewhere the password has to come from somewhere; all or none.
    let other = Desk::new().await;
    let error = other.refused(&["import", path]).await;
    assert!(
        error.contains("meter 1 (a)") && error.contains("password"),
        "{error}"
    );
    assert!(other.store.meters().await.unwrap().is_empty());
    let given = text.replace(
        "auth = \"lls\"\n",
        &format!("auth = \"lls\"\npassword_file = {secret:?}\n"),
    );
    let path = other.file("meters.toml", &given);
    assert_eq!(
        other.ok(&["import", &path]).await,
        "2 meters added, 0 replaced\n"
    );
    let mut expected = before;
    for (expected, found) in expected.iter_mut().zip(other.store.meters().await.unwrap()) {
        expected.id = found.id;
        assert_eq!(*expected, found);
    }
}

#[tokio::test]
async fn a_wrong_file_says_where() {
    let desk = Desk::new().await;
    for (text, words) in [
        (
            "[[meter]]\nname = \"a\"\npassword = \"hunter2\"\n",
            "line 3: unknown field `password`",
        ),
        ("[[meter]]\nname = 5\n", "line 2"),
        ("[[meter]\n", "line 1"),
        ("[[metre]]\n", "unknown field `metre`"),
        ("[[meter]]\nname = \"a\"\n", "meter 1 (a): host"),
        (
            "[[meter]]\nname=\"a\"\nhost=\"h:1\"\n[[meter]]\nname=\"a\"\nhost=\"h:1\"\n",
            "meter 2 (a): the name comes twice",
        ),
        (
            "[[meter]]\nname=\"a\"\nhost=\"h:1\"\npoll=\"soon\"\n[[meter]]\nname=\"b\"\nhost=\"h:1\"\nauth=\"x\"\n",
            "meter 2 (b): auth: \"x\"",
        ),
        (
            "[[meter]]\nname=\"a\"\nhost=\"h:1\"\naddress_size=3\n",
            "server:",
        ),
    ] {
        let path = desk.file("meters.toml", text);
        let error = desk.refused(&["import", &path]).await;
        assert!(error.contains(words), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let sparse = "[[meter]]\nname=\"a\"\nhost=\"h:1\"\npreset=\"microstar\"\nauth=\"none\"\n";
    let path = desk.file("meters.toml", sparse);
    desk.ok(&["import", &path]).await;
    let meter = desk.store.meter_named("a").await.unwrap();
    assert_eq!(meter.objects.len(), 9);
}

#[tokio::test]
async fn unsent_messages_of_a_removed_meter_are_mentioned() {
    let desk = Desk::new().await;
    desk.ok(&["add", "a", "--host", "h:1", "--publish", "lab"])
        .await;
    let meter = desk.store.meter_named("a").await.unwrap();
    let lab = desk.store.broker_named("lab").await.unwrap();
    let poll = crate::meter::Poll {
        meter: meter.id,
        at: jiff::Timestamp::UNIX_EPOCH,
        readings: Vec::new(),
    };
    let render: crate::store::Render = std::sync::Arc::new(|_| {
        vec![crate::store::Message::new(
            crate::store::Kind::Telemetry,
            "t",
            Vec::new(),
        )]
    });
    desk.store
        .commit_poll(poll, Some((lab.id, render)))
        .await
        .unwrap();
    let said = desk.ok(&["remove", "a", "--yes"]).await;
    assert!(said.contains("1 message of it still waits"), "{said}");
}

#[tokio::test]
async fn lines_security_and_read_only_go_in_come_out_and_hide_their_keys() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new().await;
    let ek = "000102030405060708090A0B0C0D0E0F";
    let keys = desk.file(
        "keys",
        &format!("ek={ek} ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF\n"),
    );
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut add = vec![
        "add",
        "a",
        "--host",
        "/dev/ttyUSB0",
        "--baud",
        "2400",
        "--mode-e",
    ];
    add.extend([
        "--auth",
        "hls-gmac",
        "--security",
        "auth-enc",
        "--ciphering",
        "general",
    ]);
    add.extend(["--keys-file", &keys, "--system-title", "4D4D4D0000BC614E"]);
    add.extend(["--read-only", "true", "--turn-round", "30ms"]);
    desk.ok(&add).await;
    let before = desk.store.meters().await.unwrap();
    let shown = desk.ok(&["show", "a"]).await;
    for part in [
        "2400 8N1, mode E",
        "read-only",
        "keys ek ak set",
        "general",
        "30ms before",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let listed = desk.ok(&["list"]).await;
    assert!(listed.contains("read-only"), "{listed}");
    let json: Value = serde_json::from_str(&desk.ok(&["show", "a", "--json"]).await).unwrap();
    assert_eq!(json["line"]["baud"], 2400);
    assert_eq!(
        (&json["read_only"], &json["mode_e"]),
        (&true.into(), &true.into())
    );
    assert_eq!(json["security"]["keys"], "ek ak");
    let text = desk.ok(&["export"]).await;
    for secret in [ek, &ek.to_lowercase()] {
        assert!(
            !text.contains(secret) && !shown.contains(secret) && !json.to_string().contains(secret)
        );
    }
    let path = desk.file("meters.toml", &text);
    desk.ok(&["import", &path]).await;
    assert_eq!(desk.store.meters().await.unwrap(), before);

    desk.ok(&[
        "edit",
        "a",
        "--host",
        "10.0.4.7:4059",
        "--transport",
        "wrapper-tcp",
        "--mode-e=false",
    ])
    .await;
    desk.ok(&["edit", "a", "--read-only", "false"]).await;
    let meter = desk.store.meter_named("a").await.unwrap();
    assert_eq!(meter.transport.name(), "wrapper-tcp");
    assert_eq!(meter.security, before[0].security);
    assert!(!meter.read_only);
    let wrong = desk.refused(&["edit", "a", "--mode-e"]).await;
    assert!(wrong.contains("mode E"), "{wrong}");
    let wrong = desk.refused(&["edit", "a", "--baud", "300"]).await;
    assert!(wrong.contains("serial line"), "{wrong}");
}

#[tokio::test]
async fn report_strategies_are_kept_shown_and_exported() {
    let desk = Desk::new().await;
    let mut add = vec!["add", "a", "--host", "h:1"];
    add.extend(["--object", "1-1:32.7.0", "--object", "1-1:1.8.0=energy"]);
    add.extend([
        "--report",
        "change,1h",
        "--report",
        "voltage_l1=change:0.5,10m",
    ]);
    desk.ok(&add).await;
    let reports = async || -> Vec<String> {
        let meter = desk.store.meter_named("a").await.unwrap();
        let objects = meter.objects.iter();
        objects.map(|object| object.report.to_string()).collect()
    };
    assert_eq!(reports().await, ["change:0.5,10m", "change,1h"]);
    let shown = desk.ok(&["show", "a"]).await;
    assert!(shown.contains("reported change:0.5,10m"), "{shown}");
    let json: Value = serde_json::from_str(&desk.ok(&["show", "a", "--json"]).await).unwrap();
    assert_eq!(json["objects"][1]["report"], "change,1h");
    let text = desk.ok(&["export"]).await;
    let file = desk.file("meters.toml", &text);
    desk.ok(&["edit", "a", "--report", "every"]).await;
    assert_eq!(reports().await, ["every", "every"]);
    desk.ok(&["import", &file]).await;
    assert_eq!(reports().await, ["change:0.5,10m", "change,1h"]);
    // Reading something else leaves what is still read as it was.
    desk.ok(&["edit", "a", "--object", "1-1:1.8.0=energy"])
        .await;
    assert_eq!(reports().await, ["change,1h"]);
    for (report, words) in [
        ("power=change", "there are energy"),
        ("sometimes", "change:0.5"),
        ("energy=change:x", "how far"),
    ] {
        let error = desk.refused(&["edit", "a", "--report", report]).await;
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn limits_are_kept_shown_and_exported() {
    let desk = Desk::new().await;
    let limits = "high:253,low:207,hysteresis:2,delay:10s,rate:50/1m";
    let given = format!("voltage_l1={limits}");
    let mut add = vec!["add", "a", "--host", "h:1", "--overdue", "3"];
    add.extend(["--object", "1-1:32.7.0", "--object", "1-1:1.8.0=energy"]);
    desk.ok(&[&add[..], &["--limit", &given]].concat()).await;
    let kept = async || -> Vec<String> {
        let meter = desk.store.meter_named("a").await.unwrap();
        let objects = meter.objects.iter();
        objects.map(|object| object.limits.to_string()).collect()
    };
    assert_eq!(kept().await, [limits, "none"]);
    let shown = desk.ok(&["show", "a"]).await;
    assert!(shown.contains(&format!("alarm {limits}")), "{shown}");
    let json: Value = serde_json::from_str(&desk.ok(&["show", "a", "--json"]).await).unwrap();
    assert_eq!(json["objects"][0]["limits"], limits);
    assert_eq!(json["objects"][1]["limits"], Value::Null);
    assert_eq!(json["overdue"], 3);
    let text = desk.ok(&["export"]).await;
    let file = desk.file("meters.toml", &text);
    desk.ok(&["edit", "a", "--limit", "none", "--overdue", "0"])
        .await;
    assert_eq!(kept().await, ["none", "none"]);
    desk.ok(&["import", &file]).await;
    assert_eq!(kept().await, [limits, "none"]);
    assert_eq!(desk.store.meter_named("a").await.unwrap().overdue, 3);
    // Reading something else leaves what is still read as it was; a negative bound is one.
    desk.ok(&["edit", "a", "--object", "1-1:32.7.0"]).await;
    assert_eq!(kept().await, [limits]);
    desk.ok(&["edit", "a", "--limit", "low:-5.5"]).await;
    assert_eq!(kept().await, ["low:-5.5"]);
    for (limit, words) in [
        ("power=high:1", "there are voltage_l1"),
        ("high:1,low:2", "low 2 is over high 1"),
        ("hihg:1", "there are high, low, rate"),
        ("high:2,low:1,hysteresis:5", "wider"),
    ] {
        let error = desk.refused(&["edit", "a", "--limit", limit]).await;
        assert!(error.contains(words), "{error}");
    }
    let wrong = text.replace("low:207", "low:300");
    let file = desk.file("wrong.toml", &wrong);
    let error = desk.refused(&["import", &file]).await;
    assert!(error.contains("low 300 is over high 253"), "{error}");
}

#[tokio::test]
async fn recovery_settings_are_kept_shown_and_exported() {
    let desk = Desk::new().await;
    desk.ok(&[
        "add",
        "a",
        "--host",
        "h:1",
        "--recovery",
        "breaker=20,preventive=30m",
    ])
    .await;
    let kept = async || {
        desk.store
            .meter_named("a")
            .await
            .unwrap()
            .recovery
            .to_string()
    };
    assert_eq!(kept().await, "breaker=20,preventive=30m");
    desk.ok(&["edit", "a", "--recovery", "silence=3m"]).await;
    assert_eq!(kept().await, "breaker=20,silence=3m,preventive=30m");
    let shown = desk.ok(&["show", "a"]).await;
    assert!(
        shown.contains("breaker=20, silence=3m, preventive=30m"),
        "{shown}"
    );
    let json: Value = serde_json::from_str(&desk.ok(&["show", "a", "--json"]).await).unwrap();
    assert_eq!(json["recovery"]["breaker"], "20");
    assert_eq!(json["recovery"]["backoff-max"], "1m");
    let text = desk.ok(&["export"]).await;
    let file = desk.file("meters.toml", &text);
    desk.ok(&["edit", "a", "--recovery", "default"]).await;
    assert_eq!(kept().await, "");
    assert!(!desk.ok(&["export"]).await.contains("recovery"));
    desk.ok(&["import", &file]).await;
    assert_eq!(kept().await, "breaker=20,silence=3m,preventive=30m");
    for (recovery, words) in [
        ("brake=1", "there are backoff"),
        ("breaker=0", "1 to 100"),
        ("silence=0s", "1m to 7days"),
        ("backoff=2m", "over backoff-max=1m"),
        ("object-rest=2h", "over object-rest-max=1h"),
    ] {
        let error = desk.refused(&["edit", "a", "--recovery", recovery]).await;
        assert!(error.contains(words), "{error}");
    }
    let wrong = desk.file(
        "w.toml",
        "[[meter]]\nname = \"b\"\nhost = \"h:1\"\nrecovery = [\"brake=1\"]\n",
    );
    let error = desk.refused(&["import", &wrong]).await;
    assert!(
        error.contains("meter 1 (b)") && error.contains("brake"),
        "{error}"
    );
}
