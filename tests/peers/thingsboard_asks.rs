//! What ThingsBoard asks and tells. A platform on mosquitto, speaking as ThingsBoard's server does, has the same talk twice:
//! with `obiscope bridge` reading a simulated meter, and with ThingsBoard's own client library, which is given what ours
//! answered to answer itself. Compared are how each came to the broker, what each subscribed to, and of every answer, every
//! question and every word of a device that comes or goes the topic, the whole payload, the QoS and the retain flag.

use crate::bridge::Ours;
use crate::broker::mosquitto;
use crate::platform::{Platform, Said, Talker};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Far more than anything here takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(30);
pub const RPC: &str = "v1/gateway/rpc";
/// Seconds the platform holds for the meter before it is asked.
pub const HELD: u32 = 4;

/// What is asked of a device, by number, method and parameters.
fn of_device() -> [(u32, &'static str, Value); 6] {
    [
        (7, "ping", json!({})),
        (8, "read", json!({ "obis": "1-1:32.7.0" })),
        (9, "setValue", json!("on")),
        (
            10,
            "write",
            json!({ "object": "1/0-0:96.1.9/2", "value": 1 }),
        ),
        (11, "set_interval", json!({ "seconds": 3 })),
        (12, "stats", json!(null)),
    ]
}

const OF_GATEWAY: [(u32, &str); 4] = [
    (20, "gateway_ping"),
    (21, "gateway_devices"),
    (22, "gateway_version"),
    (23, "gateway_restart"),
];

/// One talk with a device of its own token; `set` checks what it made of an interval it was told.
fn with_device(platform: &mut Platform, set: &mut dyn FnMut(u32)) -> Vec<Said> {
    let mut said = vec![
        platform.session_begins(),
        platform.on("v1/devices/me/attributes/request/1"),
    ];
    set(HELD);
    for (id, method, params) in of_device() {
        said.push(platform.ask(id, method, &params));
    }
    let command = json!({ "attributes": { "poll_interval": 2 } });
    platform.0.tell(&command);
    set(2);
    let command = json!({ "attributes": { "deleted": ["poll_interval"] } });
    platform.0.tell(&command);
    said.push(platform.ask(13, "ping", &json!({})));
    said
}

/// The same with a gateway, and one device behind it that is renamed and deleted.
fn with_gateway(platform: &mut Platform, set: &mut dyn FnMut(u32)) -> Vec<Said> {
    let mut said = vec![
        platform.session_begins(),
        platform.on("v1/gateway/connect"),
        platform.on("v1/gateway/attributes/request"),
    ];
    set(HELD);
    for (id, method) in OF_GATEWAY {
        said.push(platform.ask(id, method, &json!({})));
    }
    for (id, method, params) in of_device() {
        said.push(platform.ask_behind("M-1", id, method, &params));
    }
    let command = json!({ "gateway_attributes": ["M-1", { "poll_interval": 2 }] });
    platform.0.tell(&command);
    set(2);
    let command = json!({ "gateway_attributes": ["M-1", { "deleted": ["poll_interval"] }] });
    platform.0.tell(&command);
    // The answer and what follows from it may come in any order; they are awaited on topics of their own.
    let renamed = json!({ "rpc": [30, "gateway_device_renamed", { "M-1": "M-7" }] });
    platform.0.tell(&renamed);
    let topics = [
        "v1/devices/me/rpc/response/30",
        "v1/gateway/disconnect",
        "v1/gateway/connect",
    ];
    let mut heard: Vec<Said> = (topics.iter())
        .map(|_| platform.until("rename", |topic, _| topics.contains(&topic)))
        .collect();
    let place = |topic: &str| heard.iter().position(|(it, _)| it == topic);
    assert!(place(topics[1]) < place(topics[2]), "{heard:?}");
    heard.sort_by(|(one, _), (other, _)| one.cmp(other));
    said.extend(heard);
    said.push(platform.ask_behind("M-7", 31, "ping", &json!({})));
    said.push(platform.ask(32, "gateway_device_deleted", &json!("M-7")));
    said
}

/// What the broker's log says of everyone but the platform.
#[derive(Debug, PartialEq)]
struct Logged {
    /// Protocol and user name.
    came: BTreeSet<String>,
    /// QoS and filter.
    subscribed: BTreeSet<String>,
    /// QoS and retain flag, by topic.
    published: BTreeMap<String, String>,
}

fn logged(folder: &Path, topics: &[Said]) -> Logged {
    let log = std::fs::read_to_string(folder.join("mosquitto.log")).unwrap();
    let mut logged = Logged {
        came: BTreeSet::new(),
        subscribed: BTreeSet::new(),
        published: BTreeMap::new(),
    };
    let lines = log.lines().filter_map(|line| line.split_once(": "));
    for (_, line) in lines.filter(|(_, line)| !line.contains("platform")) {
        if let Some(rest) = line.strip_prefix("New client connected from ") {
            let told = rest.split_once('(').unwrap().1.trim_end_matches([')', '.']);
            let told = told.split(", ").filter(|it| it.starts_with(['p', 'u']));
            logged.came.insert(told.collect::<Vec<_>>().join(" "));
        } else if let Some(rest) = line.strip_prefix("Received PUBLISH from ") {
            let told = rest.split_once('(').unwrap().1;
            let topic = told.split('\'').nth(1).unwrap();
            if topics.iter().any(|(it, _)| it == topic) {
                let flags = told.split(", ").filter(|it| it.starts_with(['q', 'r']));
                let flags = flags.collect::<Vec<_>>().join(" ");
                let all = logged.published.entry(topic.to_owned()).or_default();
                if *all != flags {
                    all.push_str(&flags);
                }
            }
        } else if let [_, qos, filter] = line.split(' ').collect::<Vec<_>>()[..]
            && filter.starts_with("v1/")
        {
            logged.subscribed.insert(format!("{qos} {filter}"));
        }
    }
    logged
}

/// What ours answered, by the number of the question, for theirs to say.
fn answers(said: &[Said]) -> String {
    let all: BTreeMap<String, Value> = (said.iter())
        .filter_map(|(topic, payload)| match topic.as_str() {
            RPC => Some((payload["id"].to_string(), payload["data"].clone())),
            topic => {
                let id = topic.strip_prefix("v1/devices/me/rpc/response/")?;
                Some((id.to_owned(), payload.clone()))
            }
        })
        .collect();
    serde_json::to_string(&all).unwrap()
}

fn answer(said: &[Said], id: u32) -> &Value {
    let own = format!("v1/devices/me/rpc/response/{id}");
    let found = said
        .iter()
        .find_map(|(topic, payload)| match topic.as_str() {
            RPC if payload["id"] == id => Some(&payload["data"]),
            topic if topic == own => Some(payload),
            _ => None,
        });
    found.unwrap()
}

/// What the meter's owner had to say to each.
fn is_carried_out(said: &[Said]) {
    assert_eq!(answer(said, 7)["resp"], "pong");
    let voltage = answer(said, 8);
    assert_eq!(voltage["obis"], "1-1:32.7.0.255");
    assert_eq!(voltage["unit"], "V");
    let value: f64 = voltage["value"].as_str().unwrap().parse().unwrap();
    assert!((100.0..300.0).contains(&value), "{voltage}");
    assert_eq!(answer(said, 9)["code"], 404);
    assert_eq!(answer(said, 10)["code"], 403);
    assert_eq!(
        answer(said, 11),
        &json!({ "success": true, "seconds": 3.0 })
    );
    assert_eq!(answer(said, 12)["phase"], "ready");
}

/// Everything it has understood so far, up to the answer of this number.
fn understood(library: &Talker, last: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let next = library.next(last);
        let id = next[1].to_string().replace('"', "");
        let done = next[0] == "rpc" && id == last;
        all.push(next);
        if done {
            return all;
        }
    }
}

/// The talk with each of them over a broker of its own: what both said, and what theirs understood of it.
fn both(
    dialect: &str,
    role: &str,
    last: &str,
    talk: impl Fn(&mut Platform, &mut dyn FnMut(u32)) -> Vec<Said>,
    more: impl Fn(&mut Platform, &Ours),
) -> (Vec<Said>, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path());
    let mut platform = Platform::start(port);
    let bridge = Ours::start(folder.path(), port, dialect);
    let ours = talk(&mut platform, &mut |seconds| bridge.is_set(seconds));
    more(&mut platform, &bridge);
    let log = bridge.end();
    assert!(
        !log.contains("A1_TEST_TOKEN") && !log.contains("22222222"),
        "{log}"
    );
    let ours_logged = logged(folder.path(), &ours);

    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path());
    let mut platform = Platform::start(port);
    let library = Talker::start(
        "thingsboard_peer.py",
        &[&port.to_string(), role, &answers(&ours)],
    );
    let mut heard = Vec::new();
    let theirs = talk(&mut platform, &mut |seconds| {
        // The first question of all may be overtaken by what is asked next.
        if seconds == HELD {
            heard.push(library.next("answer for its question"));
        }
    });
    heard.extend(understood(&library, last));
    let theirs_logged = logged(folder.path(), &theirs);

    assert_eq!(ours, theirs);
    assert_eq!(ours_logged, theirs_logged);
    // Seven topics at most, or the log was not read.
    assert!(
        (4..=7).contains(&ours_logged.subscribed.len()),
        "{ours_logged:?}"
    );
    assert_eq!(ours_logged.came.len(), 1);
    let all: BTreeSet<&String> = ours.iter().map(|(topic, _)| topic).collect();
    let told = ours_logged.published.keys();
    // The question for the limits has a number of its own.
    assert_eq!(told.count() + 1, all.len(), "{ours_logged:?}");
    (ours, heard)
}

#[test]
fn a_device_answers_as_their_library_does() {
    let talk = |platform: &mut Platform, set: &mut dyn FnMut(u32)| with_device(platform, set);
    let (said, understood) = both("thingsboard", "device", "13", talk, |_, _| {});
    is_carried_out(&said);
    // What the platform said is what ThingsBoard says: the library takes it for that.
    let asked =
        of_device().map(|(id, method, params)| json!(["rpc", id.to_string(), method, params]));
    let mut wanted = vec![json!(["response", HELD])];
    wanted.extend(asked);
    wanted.extend([
        json!(["attributes", { "poll_interval": 2 }]),
        json!(["attributes", { "deleted": ["poll_interval"] }]),
        json!(["rpc", "13", "ping", {}]),
    ]);
    assert_eq!(understood, wanted);
}

#[test]
fn a_gateway_and_its_devices_answer_as_their_library_does() {
    let talk = |platform: &mut Platform, set: &mut dyn FnMut(u32)| with_gateway(platform, set);
    let (said, understood) = both(
        "thingsboard-gateway",
        "gateway",
        "32",
        talk,
        |platform, bridge| {
            // Renamed for good: readings go by the new name, and nobody answers to the old one.
            let (_, old) = platform.ask_behind("M-1", 33, "ping", &json!({}));
            assert_eq!(old["data"]["code"], 404, "{old}");
            let (_, telemetry) = platform.on("v1/gateway/telemetry");
            let named: Vec<_> = telemetry.as_object().unwrap().keys().collect();
            assert_eq!(named, ["M-7"]);
            // Deleted there: told to a person, who decides whether it is still published.
            let words = "device M-7 was deleted in the platform";
            assert!(bridge.said().contains(words), "{}", bridge.said());
        },
    );
    is_carried_out(&said);
    assert_eq!(answer(&said, 20)["resp"], "pong");
    assert_eq!(answer(&said, 21)["resp"], json!({ "M-1": "ready" }));
    assert_eq!(answer(&said, 22)["resp"], env!("CARGO_PKG_VERSION"));
    assert_eq!(answer(&said, 23)["code"], 404);
    assert_eq!(answer(&said, 30), &json!({ "success": true }));
    assert_eq!(answer(&said, 31)["resp"], "pong");
    assert_eq!(answer(&said, 32), &json!({ "success": true }));

    let asked = OF_GATEWAY.map(|(id, method)| json!(["rpc", id.to_string(), method, {}]));
    let behind =
        of_device().map(|(id, method, params)| json!(["gateway_rpc", "M-1", id, method, params]));
    let mut wanted = vec![json!(["response", HELD])];
    wanted.extend(asked);
    wanted.extend(behind);
    wanted.extend([
        json!(["gateway_attributes", "M-1", { "poll_interval": 2 }]),
        json!(["gateway_attributes", "M-1", { "deleted": ["poll_interval"] }]),
        json!(["rpc", "30", "gateway_device_renamed", { "M-1": "M-7" }]),
        json!(["gateway_rpc", "M-7", 31, "ping", {}]),
        json!(["rpc", "32", "gateway_device_deleted", "M-7"]),
    ]);
    assert_eq!(understood, wanted);
}
