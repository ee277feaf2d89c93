//! The compose file: whole, closed to the outside but for TLS, and without a secret. The rule: what is checked is what was
//! parsed, by a reader that refuses what it does not know.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{folder, strings, text, yaml};

fn compose() -> Value {
    yaml::parse(&text("compose.yaml")).unwrap()
}

#[test]
fn the_stack_is_whole() {
    let stack = compose();
    let services = stack["services"].as_object().unwrap();
    let named: Vec<_> = services.keys().map(String::as_str).collect();
    assert_eq!(
        BTreeSet::from_iter(named),
        BTreeSet::from(["postgres", "kafka", "certificates", "thingsboard"])
    );
    for (name, service) in services {
        let image = service["image"].as_str().unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap();
        assert!(
            tag.starts_with(|c: char| c.is_ascii_digit()),
            "{image}: a version, not a moving tag"
        );
        assert!(
            image.starts_with("docker.io/"),
            "{image}: podman wants the registry named"
        );
        let watched = name == "certificates" || !service["healthcheck"]["test"].is_null();
        assert!(watched, "{name} has no healthcheck");
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            let known = source == "./tls/server" || stack["volumes"].get(source).is_some();
            assert!(known, "{volume} is declared nowhere");
        }
        if let Some(needed) = service.get("depends_on") {
            for other in needed.as_object().unwrap().keys() {
                assert!(services.contains_key(other), "{name} waits for {other}");
            }
        }
    }
    assert_eq!(
        services["thingsboard"]["image"], services["certificates"]["image"],
        "the copier must know the server's user"
    );
}

/// Database and queue stay inside; what goes out is encrypted and, until told otherwise, for this machine only.
#[test]
fn only_tls_leaves_the_private_network() {
    let stack = compose();
    for (name, service) in stack["services"].as_object().unwrap() {
        match name.as_str() {
            "thingsboard" => assert_eq!(
                strings(&service["ports"]),
                [
                    "${TB_BIND:-127.0.0.1}:${TB_HTTPS_PORT:-8443}:8080",
                    "${TB_BIND:-127.0.0.1}:${TB_MQTTS_PORT:-8883}:8883"
                ]
            ),
            _ => assert!(service.get("ports").is_none(), "{name} is open"),
        }
    }
    let set = &stack["services"]["thingsboard"]["environment"];
    assert_eq!(
        (&set["SSL_ENABLED"], &set["MQTT_SSL_ENABLED"]),
        (&"true".into(), &"true".into())
    );
    assert_eq!(set["MQTT_SSL_PEM_KEY"], "/tls/server_key.pem");
    let queue = &stack["services"]["kafka"]["environment"];
    assert_eq!(queue["KAFKA_PROCESS_ROLES"], "broker,controller");
    assert!(
        !text("compose.yaml").contains("ZOOKEEPER_"),
        "KRaft needs none"
    );
}

#[test]
fn no_secret_is_committed() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tls") || path.ends_with(".env") {
            continue; // Made by the script, and ignored by git as checked below.
        }
        let content = fs::read_to_string(&path).unwrap();
        assert!(!content.contains("-----BEGIN"), "{path:?} holds a key");
        for line in content.lines().filter(|line| line.contains("PASSWORD")) {
            let value = line.split_once("PASSWORD:").map(|(_, value)| value.trim());
            let asked = value.is_none_or(|it| it.starts_with("\"${TB_DB_PASSWORD:?"));
            assert!(asked, "{path:?}: {line}");
        }
    }
    let ignored = text(".gitignore");
    for name in ["/.env", "/.env.new", "/tls/"] {
        assert!(ignored.lines().any(|line| line == name), "{name}");
    }
}

/// The reader of YAML takes what we write and refuses the rest; a misread file must not look right.
#[test]
fn yaml_beyond_what_we_write_is_refused() {
    let read = yaml::parse("# c\na: \"x: #y\"\nb:\n  - 1\n  - \"two\"\nc:\n  d: e\n").unwrap();
    assert_eq!(
        read,
        serde_json::json!({"a": "x: #y", "b": ["1", "two"], "c": {"d": "e"}})
    );
    for bad in [
        "a: [1]\n",
        "a: {b: c}\n",
        "a: &x 1\n",
        "a: |\n  t\n",
        "\ta: 1\n",
        "a: 1\na: 2\n",
        "a: 1\n  b: 2\n",
        "a: x: y\n",
        "a: \"x\n",
        "a: 'x'\n",
        "a\n",
        "a: 1 # c\n",
        "a:\n",
        "a:\n  - b: c\n",
    ] {
        assert!(yaml::parse(bad).is_err(), "{bad:?}");
    }
}
