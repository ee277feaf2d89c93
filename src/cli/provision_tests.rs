//! `broker provision` and `broker claim` as a person types them, against the small ThingsBoard.

use crate::cli::broker::{Command, Error, run};
use crate::cli::exit::ExitKind;
use crate::dlms::security::Secret;
use crate::simulator::broker::thingsboard::{Settings, ThingsBoard};
use crate::simulator::broker::{Options, start_with};
use crate::store::{BrokerDefinition, Dialect, Store};
use clap::Parser;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

async fn typed(store: &Store, line: &[&str]) -> Result<String, Error> {
    let cli = Cli::try_parse_from(std::iter::once(&"broker").chain(line))
        .map_err(|error| Error::Input(error.to_string()))?;
    let mut out = Vec::new();
    let outcome = run(cli.command, store, &mut out, &mut Vec::new()).await;
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    if let Err(error) = &outcome {
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    outcome.map(|()| text)
}

#[tokio::test]
async fn a_gateway_is_made_known_and_a_device_claimed() {
    let platform = ThingsBoard::new(Settings {
        provision: Some(("key".into(), "hunter2".into())),
        ..Settings::default()
    });
    let options = Options {
        platform: Some(platform.clone()),
        ..Options::default()
    };
    let any = "127.0.0.1:0".parse().unwrap();
    let server = start_with(any, options, CancellationToken::new());
    let server = server.await.unwrap();
    let store = Store::in_memory().unwrap();
    let url = format!("mqtt://{}", server.address);
    for (name, dialect) in [
        ("tb", Dialect::ThingsBoardGateway),
        ("one", Dialect::ThingsBoard),
        ("plain", Dialect::Json),
    ] {
        let broker = BrokerDefinition::new(name, &url, dialect).unwrap();
        store.save_broker(broker).await.unwrap();
    }
    let folder = tempfile::TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, secret) = (file("key", "key\n"), file("secret", "hunter2\n"));
    let secrets = [
        "--provision-key-file",
        key.as_str(),
        "--provision-secret-file",
        secret.as_str(),
    ];
    let provision = |name, more: &[&'static str]| {
        let mut line = vec!["provision", name, "--device-name", "roof"];
        line.extend(more);
        line
    };
    for (line, words) in [
        (provision("plain", &[]), "dialect json"),
        (provision("one", &["--gateway"]), "thingsboard-gateway"),
        (provision("tb", &[]), "--provision-key-env VAR"),
        (vec!["claim", "one", "M-1"], "leave DEVICE out"),
        (vec!["claim", "tb"], "--secret-env VAR"),
    ] {
        let error = typed(&store, &line).await.unwrap_err();
        assert!(error.to_string().contains(words), "{line:?}: {error}");
        assert_eq!(error.exit(), ExitKind::Usage);
    }
    let mut line = provision("tb", &["--gateway"]);
    line.extend(secrets);
    let said = typed(&store, &line).await.unwrap();
    assert_eq!(
        said,
        format!("device roof is known to {url} now; its token is saved with broker tb\n")
    );
    let saved = store.broker_named("tb").await.unwrap();
    assert_eq!(saved.token, Some(Secret::new("token-of-roof")));
    let error = typed(&store, &line).await.unwrap_err();
    assert_eq!(error.exit(), ExitKind::Local);
    assert!(error.to_string().contains("FAILURE"), "{error}");

    let claim = [
        "claim",
        "tb",
        "M-1",
        "--secret-file",
        &secret,
        "--duration",
        "2m",
    ];
    let said = typed(&store, &claim).await.unwrap();
    assert_eq!(
        said,
        "M-1 may be claimed within 2m by whoever knows the secret\n"
    );
    assert_eq!(platform.claims()[0].1["durationMs"], 120_000);
}
