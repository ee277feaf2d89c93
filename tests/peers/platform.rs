//! ThingsBoard's side of mosquitto: told what to ask, it tells everything it hears.

use crate::process::{INSTALL, Peer, script};
use crate::thingsboard_asks::{HELD, LONG, RPC};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A process that is told things line by line and says things line by line.
pub struct Talker {
    _peer: Peer,
    input: ChildStdin,
    lines: Receiver<Value>,
}

impl Talker {
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/tb/bin/python");
        let mut child = Command::new(&python)
            .arg(script(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: {INSTALL}", python.display()));
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // Whoever stops listening is done with it.
                let _ = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self {
            input: child.stdin.take().unwrap(),
            _peer: Peer { child },
            lines,
        }
    }

    pub fn tell(&mut self, what: &Value) {
        writeln!(self.input, "{what}").unwrap();
    }

    pub fn next(&self, awaited: &str) -> Value {
        let line = self.lines.recv_timeout(LONG);
        line.unwrap_or_else(|error| panic!("no {awaited}: {error}"))
    }
}

/// Topic and payload.
pub type Said = (String, Value);

/// ThingsBoard, as far as this is about it.
pub struct Platform(pub Talker);

impl Platform {
    pub fn start(port: u16) -> Self {
        let shared = json!({ "poll_interval": HELD }).to_string();
        let talker = Talker::start("thingsboard_platform.py", &[&port.to_string(), &shared]);
        assert_eq!(talker.next("platform"), "ready");
        Self(talker)
    }

    /// The next message of this kind; what comes meanwhile is not looked at.
    pub fn until(&self, what: &str, fits: impl Fn(&str, &Value) -> bool) -> Said {
        let until = Instant::now() + LONG;
        let mut others = Vec::new();
        while Instant::now() < until {
            let Ok(mut heard) = self.0.lines.recv_timeout(Duration::from_millis(200)) else {
                continue;
            };
            let topic = heard["topic"].as_str().unwrap().to_owned();
            if fits(&topic, &heard["payload"]) {
                return (topic, heard["payload"].take());
            }
            others.push(heard.to_string());
        }
        panic!("no {what}, only\n{}", others.join("\n"));
    }

    pub fn on(&self, topic: &str) -> Said {
        self.until(topic, |heard, _| heard == topic)
    }

    /// The question every session begins with, without its number, and without a time limit for it that is the asker's.
    pub fn session_begins(&self) -> Said {
        let (topic, mut asked) = self.until("question for limits", |topic, payload| {
            topic.starts_with("v1/devices/me/rpc/request/")
                && payload["method"] == "getSessionLimits"
        });
        asked["params"].as_object_mut().unwrap().remove("timeout");
        let (topic, number) = topic.rsplit_once('/').unwrap();
        assert!(number.parse::<u32>().is_ok(), "{number}");
        (topic.to_owned(), asked)
    }

    pub fn ask(&mut self, id: u32, method: &str, params: &Value) -> Said {
        self.0.tell(&json!({ "rpc": [id, method, params] }));
        let topic = format!("v1/devices/me/rpc/response/{id}");
        self.on(&topic)
    }

    pub fn ask_behind(&mut self, device: &str, id: u32, method: &str, params: &Value) -> Said {
        let command = json!({ "gateway_rpc": [device, id, method, params] });
        self.0.tell(&command);
        self.until(&format!("answer to {command}"), |topic, payload| {
            topic == RPC && payload["id"] == id
        })
    }
}
