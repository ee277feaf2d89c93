//! The peers as processes: started on ports the kernel chooses, always stopped, never skipped.
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub const INSTALL: &str =
    "install the peers with .ci/peers (mosquitto by apt, gurux-dlms and dlms-cosem in a venv)";

/// A process that is stopped when the test is over, however it ends.
pub struct Peer {
    pub child: Child,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: {INSTALL}",
        python.display()
    );
    python
}

pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/peers")
        .join(name)
}

/// Starts a peer and gives the first line it prints.
pub fn start(command: &mut Command) -> (Peer, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}: {INSTALL}"));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (Peer { child }, line)
}

/// The gurux meter: one process, its objects reached over both links.
pub struct GuruxMeter {
    _peer: Peer,
    pub hdlc: u16,
    pub wrapper: u16,
}

pub fn gurux_meter() -> GuruxMeter {
    let (peer, line) = start(Command::new(python()).arg(script("gurux_meter.py")));
    let mut ports = line
        .strip_prefix("ready ")
        .unwrap_or_else(|| panic!("the gurux meter did not start: {line:?}"))
        .split_whitespace()
        .map(|port| port.parse().unwrap());
    GuruxMeter {
        _peer: peer,
        hdlc: ports.next().unwrap(),
        wrapper: ports.next().unwrap(),
    }
}

pub fn simulated_meter(arguments: &[&str]) -> (Peer, u16) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_obiscope"));
    let (peer, line) = start(command.args(["simulate", "--seed", "7"]).args(arguments));
    let ready: Value = serde_json::from_str(&line).unwrap();
    let address = ready["listening"].as_str().unwrap();
    (peer, address.rsplit(':').next().unwrap().parse().unwrap())
}

/// Keys and passwords of every peer, in the environment, where a process list does not show them.
const SECRETS: [(&str, &str); 6] = [
    ("PEER_PASSWORD", "12345678"),
    ("PEER_WRONG_PASSWORD", "87654321"),
    (
        "PEER_KEYS",
        "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
    ),
    (
        "PEER_DEDICATED_KEYS",
        "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF \
         dk=00112233445566778899AABBCCDDEEFF",
    ),
    // Ours in private, the meter's in public: RFC 6979, A.2.5.
    (
        "PEER_SIGNING_KEYS",
        "ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF \
         sk=1111111111111111111111111111111111111111111111111111111111111111 \
         pk=60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6\
         7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
    ),
    (
        "PEER_LONG_KEYS",
        "ek=000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F \
         ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF",
    ),
];

/// Our own command; what it remembers goes to `folder`.
pub fn obiscope_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_obiscope"))
        .args(arguments)
        .envs(SECRETS)
        .env("OBISCOPE_DATA_DIR", folder)
        .output()
        .unwrap()
}

pub fn obiscope(arguments: &[&str]) -> Output {
    obiscope_in(tempfile::tempdir().unwrap().path(), arguments)
}

/// What a foreign client printed, one JSON object a line.
pub fn client(name: &str, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let output = Command::new(python())
        .arg(script(name))
        .args(arguments)
        .envs(SECRETS)
        .output()
        .unwrap_or_else(|error| panic!("{error}: {INSTALL}"));
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    // The gurux package prints words of its own between the lines.
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}\nstdout: {}\nstderr: {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
