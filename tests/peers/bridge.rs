//! Our side of mosquitto: a simulated meter, and `obiscope bridge` that reads and publishes it.

use crate::process::{Peer, json, obiscope_in, simulated_meter};
use crate::thingsboard_asks::LONG;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Our own side: a simulated meter, and the bridge that reads and publishes it.
pub struct Ours {
    folder: PathBuf,
    bridge: Peer,
    _meter: Peer,
}

impl Ours {
    pub fn start(folder: &Path, port: u16, dialect: &str) -> Self {
        let (meter, meter_port) = simulated_meter(&["--profile", "microstar"]);
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (token, password) = (file("token", "A1_TEST_TOKEN"), file("password", "22222222"));
        let ok = |line: &[&str]| {
            let output = obiscope_in(folder, line);
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line:?}: {err}");
        };
        let url = format!("mqtt://127.0.0.1:{port}");
        ok(&[
            "broker",
            "add",
            "tb",
            "--url",
            &url,
            "--dialect",
            dialect,
            "--token-file",
            &token,
            "--allow",
            "set_interval",
        ]);
        let host = format!("127.0.0.1:{meter_port}");
        ok(&[
            "meter",
            "add",
            "M-1",
            "--host",
            &host,
            "--preset",
            "microstar",
            "--password-file",
            &password,
            "--poll",
            "1s",
            "--publish",
            "tb",
        ]);
        let bridge = Command::new(env!("CARGO_BIN_EXE_obiscope"))
            .arg("bridge")
            .env("OBISCOPE_DATA_DIR", folder)
            .stdin(Stdio::null())
            .stderr(File::create(folder.join("said")).unwrap())
            .spawn()
            .unwrap();
        Self {
            folder: folder.to_owned(),
            bridge: Peer { child: bridge },
            _meter: meter,
        }
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("said")).unwrap()
    }

    /// It reads its meter, and took the interval over.
    pub fn is_set(&self, seconds: u32) {
        let wanted = format!("{seconds}s");
        let until = Instant::now() + LONG;
        loop {
            let shown = json(&obiscope_in(
                &self.folder,
                &["meter", "show", "M-1", "--json"],
            ));
            if shown["poll"] == wanted && self.said().contains("meter M-1: ready") {
                return;
            }
            assert!(Instant::now() < until, "{shown}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn end(mut self) -> String {
        kill_process(Pid::from_child(&self.bridge.child), Signal::TERM).unwrap();
        let until = Instant::now() + LONG;
        while self.bridge.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(self.bridge.child.wait().unwrap().success());
        self.said()
    }
}
