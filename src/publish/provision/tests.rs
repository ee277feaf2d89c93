//! Provisioning and claiming against the small ThingsBoard, and answers as they may come.

use super::*;
use crate::simulator::broker::thingsboard::{Account, Settings, ThingsBoard};
use crate::simulator::broker::{Broker, Options, start_with};
use crate::store::Dialect;
use tokio_util::sync::CancellationToken;

const WAIT: Duration = Duration::from_secs(10);

async fn platform() -> (Broker, ThingsBoard, BrokerDefinition) {
    let platform = ThingsBoard::new(Settings {
        accounts: vec![Account::gateway("tok-g", "gate")],
        provision: Some(("key".into(), "hunter2".into())),
        ..Settings::default()
    });
    let options = Options {
        platform: Some(platform.clone()),
        ..Options::default()
    };
    let any = "127.0.0.1:0".parse().unwrap();
    let broker = start_with(any, options, CancellationToken::new())
        .await
        .unwrap();
    let url = format!("mqtt://{}", broker.address);
    let definition = BrokerDefinition::new("tb", &url, Dialect::ThingsBoardGateway).unwrap();
    (broker, platform, definition)
}

#[tokio::test]
async fn a_device_makes_itself_known_and_comes_in_with_what_it_got() {
    let (_broker, platform, mut definition) = platform().await;
    let (key, secret) = (Secret::new("key"), Secret::new("hunter2"));
    let wanted = Wanted {
        device: "roof",
        key: &key,
        secret: &secret,
        gateway: true,
    };
    let credentials = provision(&definition, &wanted, WAIT).await.unwrap();
    assert!(!format!("{credentials:?}").contains("token-of"));
    credentials.apply(&mut definition);
    assert_eq!(definition.token, Some(Secret::new("token-of-roof")));
    assert!(platform.devices().contains(&"roof".to_owned()));
    super::super::drain::test(&definition, WAIT).await.unwrap();

    let again = provision(&definition, &wanted, WAIT).await.unwrap_err();
    assert!(
        again.contains("FAILURE") && again.contains("already"),
        "{again}"
    );
    let wrong = Secret::new("hunter3");
    let wanted = Wanted {
        device: "cellar",
        secret: &wrong,
        ..wanted
    };
    let error = provision(&definition, &wanted, WAIT).await.unwrap_err();
    assert!(
        error.contains("NOT_FOUND") && error.contains("device profile"),
        "{error}"
    );
    assert!(!error.contains("hunter"), "{error}");
}

#[tokio::test]
async fn a_device_is_claimed_its_own_or_behind_the_gateway() {
    let (_broker, platform, mut definition) = platform().await;
    definition.token = Some(Secret::new("tok-g"));
    let secret = Secret::new("hunter2");
    let minute = Duration::from_mins(1);
    claim(&definition, Some("M-1"), &secret, minute, WAIT)
        .await
        .unwrap();
    claim(&definition, None, &secret, minute, WAIT)
        .await
        .unwrap();
    let wanted = json!({"secretKey": "hunter2", "durationMs": 60_000});
    let claims = platform.claims();
    assert_eq!(claims[0], ("M-1".to_owned(), wanted));
    assert_eq!(claims.len(), 2);
    definition.token = Some(Secret::new("nobody"));
    let error = claim(&definition, None, &secret, minute, WAIT)
        .await
        .unwrap_err();
    assert!(error.contains("not authorised"), "{error}");
}

#[test]
fn answers_are_read_or_refused_in_words() {
    let basic = r#"{"status":"SUCCESS","credentialsType":"MQTT_BASIC","credentialsValue":"{\"clientId\":\"c\",\"userName\":\"u\",\"password\":\"p\"}"}"#;
    let wanted = Credentials::Basic {
        client_id: Some("c".into()),
        user: Some("u".into()),
        password: Some(Secret::new("p")),
    };
    assert_eq!(read(basic.as_bytes()), Ok(wanted));
    for (answer, words) in [
        ("nonsense", "cannot be read"),
        (r#"{"status":"FAILURE","errorMsg":"\u001b[2J"}"#, "FAILURE"),
        (
            r#"{"status":"SUCCESS","credentialsType":"ACCESS_TOKEN","credentialsValue":""}"#,
            "cannot be read",
        ),
        (
            r#"{"status":"SUCCESS","credentialsType":"X509_CERTIFICATE","credentialsValue":"x"}"#,
            "X509_CERTIFICATE",
        ),
        (r#"{"status":"SUCCESS"}"#, "(none)"),
    ] {
        let error = read(answer.as_bytes()).unwrap_err();
        assert!(
            error.contains(words) && !error.contains('\u{1b}'),
            "{error}"
        );
    }
}
