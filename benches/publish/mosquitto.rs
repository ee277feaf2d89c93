//! Debian's broker, and paho-mqtt in a venv of its own, as processes.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const INSTALL: &str =
    "install the peers with .ci/peers (mosquitto by apt, paho-mqtt in target/peers/paho)";

pub struct Mosquitto {
    pub port: u16,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Mosquitto {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let config = folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence false\n\
             max_inflight_messages 200\nset_tcp_nodelay true\n"
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("mosquitto: {error}: {INSTALL}"));
        let started = Self {
            port,
            child,
            _folder: folder,
        };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "mosquitto does not listen on {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        started
    }
}

/// Messages a second.
pub fn paho(port: u16, count: u64, size: usize, mode: &str) -> f64 {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/peers/paho/bin/python");
    let output = Command::new(&python)
        .arg(root.join("benches/publish/beside.py"))
        .args([port.to_string(), count.to_string(), size.to_string()])
        .arg(mode)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}: {INSTALL}", python.display()));
    let told = String::from_utf8_lossy(&output.stdout).trim().parse();
    told.unwrap_or_else(|_| panic!("paho: {}", String::from_utf8_lossy(&output.stderr)))
}
