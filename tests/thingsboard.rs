//! `assets/thingsboard`, checked without a container engine: what is there, that it holds no secret, and that it speaks
//! of the keys that obiscope sends.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use obiscope::cosem::Obis;
use obiscope::meter::Definition;
use serde_json::Value;

#[path = "thingsboard/script.rs"]
mod script;
#[path = "thingsboard/stack.rs"]
mod stack;
#[path = "thingsboard/yaml.rs"]
mod yaml;

/// What meters are announced as, and so the profile's name.
const DEVICE_TYPE: &str = "dlms";

/// What the gateway says of itself once a minute, and the dashboard shows; `meters` holds each meter's read success.
const OF_THE_GATEWAY: [&str; 13] = [
    "devicesTotal",
    "devicesUp",
    "devicesDown",
    "messagesSent",
    "messagesReceived",
    "bytesSent",
    "bytesReceived",
    "queueDepth",
    "oldestUnsentSeconds",
    "deadLetters",
    "dropped",
    "reconnects",
    "meters",
];

/// What ThingsBoard itself keeps of a device.
const OF_THINGSBOARD: [&str; 3] = ["name", "active", "lastActivityTime"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/thingsboard")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    let list = value.as_array().unwrap();
    list.iter().map(|it| it.as_str().unwrap()).collect()
}

// The keys.

/// The page's list of objects, and the keys that the catalogue gives them.
fn keys_of_the_page() -> BTreeSet<String> {
    let page = text("README.md");
    let (_, rest) = page.split_once("keeps it true -->\n").unwrap();
    let (listed, _) = rest.split_once("<!-- /objects -->").unwrap();
    let mut keys = BTreeSet::new();
    for row in listed.lines().skip(2) {
        let mut cells = row.trim_matches('|').split('|');
        let named = cells.next().unwrap().split(", ");
        let named: Vec<_> = named.map(|it| it.trim().trim_matches('`')).collect();
        let codes: Vec<Obis> = cells
            .next()
            .unwrap()
            .split(", ")
            .map(|it| it.trim().parse().unwrap())
            .collect();
        let given: Vec<_> = codes.iter().map(|code| code.key()).collect();
        assert_eq!(named, given, "{row}");
        keys.extend(given);
    }
    keys
}

/// Every data key in the dashboard: (type, name).
fn data_keys(value: &Value, found: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Array(list) => list.iter().for_each(|it| data_keys(it, found)),
        Value::Object(members) => {
            for (name, member) in members {
                if name == "dataKeys" {
                    for key in member.as_array().unwrap() {
                        let part = |name: &str| key[name].as_str().unwrap().to_owned();
                        found.insert((part("type"), part("name")));
                    }
                } else {
                    data_keys(member, found);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_dashboard_shows_what_obiscope_sends() {
    let mut found = BTreeSet::new();
    data_keys(&json("dashboard.json"), &mut found);
    let mut shown: BTreeSet<String> = found
        .iter()
        .filter(|(kind, _)| kind == "timeseries")
        .map(|(_, name)| name.clone())
        .collect();
    for key in OF_THE_GATEWAY {
        assert!(shown.remove(key), "{key} is not shown");
    }
    assert_eq!(shown, keys_of_the_page());
    for object in Definition::microstar("m", "", 0).objects {
        assert!(shown.contains(&object.key), "{} is not shown", object.key);
    }
    for (kind, name) in found {
        if kind == "attribute" || kind == "entityField" {
            assert!(OF_THINGSBOARD.contains(&name.as_str()), "{name}");
        }
    }
}

/// The head-end puts them together in one place, which is read here as text: it is nobody else's business.
#[test]
fn the_gateway_says_what_the_dashboard_shows() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/headend/statistics.rs");
    let Ok(source) = fs::read_to_string(source) else {
        return;
    };
    for key in OF_THE_GATEWAY {
        assert!(
            source.contains(&format!("\"{key}\":")),
            "nobody sends {key}"
        );
    }
    assert!(source.contains("\"success\":") && source.contains("\"polls\":"));
}

#[test]
fn the_dashboard_holds_together() {
    let dashboard = json("dashboard.json");
    let configuration = &dashboard["configuration"];
    let widgets = configuration["widgets"].as_object().unwrap();
    let aliases = configuration["entityAliases"].as_object().unwrap();
    let mut placed = BTreeSet::new();
    let states = configuration["states"].as_object().unwrap();
    for state in states.values() {
        let mut taken = BTreeSet::new();
        let layout = state["layouts"]["main"]["widgets"].as_object().unwrap();
        for (id, place) in layout {
            assert!(widgets.contains_key(id) && placed.insert(id.clone()));
            let [x, y, width, height] =
                ["col", "row", "sizeX", "sizeY"].map(|it| place[it].as_u64().unwrap());
            assert!(x + width <= 24, "{id} leaves the grid");
            for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{id} lies over another widget");
            }
        }
    }
    assert_eq!(placed.len(), widgets.len(), "each widget has its place");
    for (id, widget) in widgets {
        let config = &widget["config"];
        let source = match widget["type"].as_str().unwrap() {
            "alarm" => &config["alarmSource"],
            _ => &config["datasources"][0],
        };
        let alias = source["entityAliasId"].as_str().unwrap();
        assert!(aliases.contains_key(alias), "{id}");
        let fqn = widget["typeFullFqn"].as_str().unwrap();
        let expected = match fqn {
            "system.time_series_chart" => "timeseries",
            "system.cards.entities_table" => "latest",
            "system.alarm_widgets.alarms_table" => "alarm",
            other => panic!("{other}: is it a widget of ThingsBoard's own?"),
        };
        assert_eq!(widget["type"], expected);
        for action in config["actions"]["rowClick"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let target = action["targetDashboardStateId"].as_str().unwrap();
            assert!(states.contains_key(target), "{target}");
        }
    }
    let meters = aliases.values().find(|it| it["alias"] == "Meters").unwrap();
    assert_eq!(strings(&meters["filter"]["deviceTypes"]), [DEVICE_TYPE]);
}

// Profile and rule chain.

#[test]
fn the_profile_is_the_type_that_meters_are_announced_with() {
    let profile = json("device-profile.json");
    assert_eq!(profile["name"], DEVICE_TYPE);
    for field in ["type", "transportType", "profileData"] {
        assert!(!profile[field].is_null(), "{field}: the import wants it");
    }
    assert_eq!(profile["default"], false);
}

#[test]
fn the_rule_chain_raises_and_clears_each_alarm() {
    let chain = json("rule-chain.json");
    assert_eq!(chain["ruleChain"]["root"], false);
    let page = text("README.md");
    let name = chain["ruleChain"]["name"].as_str().unwrap();
    assert!(page.contains(&format!("default rule chain: `{name}`")));
    let nodes = chain["metadata"]["nodes"].as_array().unwrap();
    let first = chain["metadata"]["firstNodeIndex"].as_u64().unwrap();
    let links = chain["metadata"]["connections"].as_array().unwrap();
    let end = |link: &Value, which: &str| usize::try_from(link[which].as_u64().unwrap()).unwrap();
    let mut reached = BTreeSet::from([usize::try_from(first).unwrap()]);
    for link in links {
        assert!(end(link, "fromIndex") < nodes.len());
        assert!(reached.insert(end(link, "toIndex")), "{link}");
    }
    assert_eq!(reached.len(), nodes.len(), "every node has one way in");

    let alarms = |kind: &str| -> BTreeSet<&str> {
        let of_kind = nodes
            .iter()
            .filter(|node| node["type"].as_str().unwrap().ends_with(kind));
        of_kind
            .map(|node| node["configuration"]["alarmType"].as_str().unwrap())
            .collect()
    };
    let all = BTreeSet::from([
        "Voltage out of band",
        "Clock drift",
        "No data",
        "Meter down",
    ]);
    assert_eq!(alarms("TbCreateAlarmNode"), all);
    assert_eq!(alarms("TbClearAlarmNode"), all);
    for alarm in all {
        assert!(page.contains(&format!("\n| {alarm} | ")), "{alarm}");
    }

    let check = nodes
        .iter()
        .position(|node| node["name"] == "Check readings");
    let check = check.unwrap();
    let script = nodes[check]["configuration"]["jsScript"].as_str().unwrap();
    for link in links.iter().filter(|link| end(link, "fromIndex") == check) {
        let way = link["type"].as_str().unwrap();
        assert!(script.contains(&format!("'{way}'")), "nothing goes {way:?}");
    }
    let known = keys_of_the_page();
    let mut used: Vec<&str> = script
        .split("msg.")
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
                .unwrap()
        })
        .collect();
    used.extend(
        script
            .split('\'')
            .skip(1)
            .step_by(2)
            .filter(|it| it.starts_with("voltage_l")),
    );
    assert!(used.len() >= 5, "{used:?}");
    for key in used {
        assert!(known.contains(key), "obiscope sends no {key:?}");
    }
    let limits = nodes
        .iter()
        .find_map(|node| node["configuration"].get("serverAttributeNames"));
    for limit in strings(limits.unwrap()) {
        assert!(script.contains(&format!("'{limit}'")), "{limit}");
        assert!(page.contains(&format!("`{limit}`")), "{limit}");
    }
}

/// What the clock looks like on its way, which the rule chain takes apart.
#[test]
fn the_clock_is_written_as_the_rule_chain_reads_it() {
    let raw = [7, 0xEA, 11, 20, 5, 13, 0, 10, 0, 0xFF, 0xC4, 0];
    let clock = obiscope::cosem::DateTime { raw }.to_string();
    assert!(clock.starts_with("2026-11-20 13:00:10"), "{clock}");
    assert!(clock.ends_with(" (deviation -60 min)"), "{clock}");
}
