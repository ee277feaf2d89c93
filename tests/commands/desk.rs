//! A desk to type commands at, and a meter of one's own to read. Both are gone with the test.

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub struct Desk {
    folder: TempDir,
}

pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a file; gives its path.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// For secrets: its owner's alone.
    pub fn private_file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.file(name, bytes);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub fn mode(&self, name: &str) -> u32 {
        std::fs::metadata(self.folder().join(name))
            .unwrap()
            .permissions()
            .mode()
    }

    pub fn command(&self, line: &[&str]) -> Command {
        command(self.folder().to_str().unwrap(), line)
    }

    pub fn run(&self, line: &[&str]) -> Ended {
        Self::run_in(self.folder().to_str().unwrap(), line)
    }

    pub fn run_in(data_dir: &str, line: &[&str]) -> Ended {
        ended(
            line,
            &command(data_dir, line)
                .stdin(Stdio::null())
                .output()
                .unwrap(),
        )
    }

    pub fn run_with(&self, line: &[&str], input: &[u8]) -> Ended {
        let mut child = self
            .command(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        ended(line, &child.wait_with_output().unwrap())
    }

    /// Its standard output; nothing may be on the other.
    pub fn ok(&self, line: &[&str]) -> String {
        let ended = self.run(line);
        assert_eq!((ended.status, ended.err.as_str()), (0, ""), "{line:?}");
        ended.out
    }

    pub fn json(&self, line: &[&str]) -> Value {
        serde_json::from_str(&self.ok(line)).unwrap()
    }

    /// Standard error, which must hold `words`; nothing may be on standard output.
    pub fn refused(&self, status: i32, line: &[&str], words: &str) -> String {
        let said = Self::refused_in(self.folder().to_str().unwrap(), status, line);
        assert!(said.contains(words), "{line:?}: {said}");
        said
    }

    pub fn refused_in(data_dir: &str, status: i32, line: &[&str]) -> String {
        let ended = Self::run_in(data_dir, line);
        assert_eq!(
            (ended.status, ended.out.as_str()),
            (status, ""),
            "{line:?}: {}",
            ended.err
        );
        ended.err
    }
}

/// What a command showed in a terminal of its own, answering with `keys` when it asks.
pub fn in_a_terminal(data_dir: &str, line: &[&str], keys: &str) -> (u32, String) {
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_obiscope"));
    command.args(["--data-dir", data_dir]);
    command.args(line);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut writer = pair.master.take_writer().unwrap();
    let (mut shown, mut chunk, mut typed) = (Vec::new(), [0; 1024], keys.is_empty());
    // Reading fails when the last process has left the terminal.
    while let Ok(read @ 1..) = reader.read(&mut chunk) {
        shown.extend_from_slice(&chunk[..read]);
        if !typed && shown.ends_with(b" ") {
            writer.write_all(keys.as_bytes()).unwrap();
            typed = true;
        }
    }
    let status = child.wait().unwrap().exit_code();
    (status, String::from_utf8(shown).unwrap())
}

fn command(data_dir: &str, line: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_obiscope"));
    command.args(["--data-dir", data_dir]).args(line);
    command
}

/// Whatever is said, it holds no secret and drives no terminal.
fn ended(line: &[&str], output: &std::process::Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let ended = Ended {
        status: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err: text(&output.stderr),
    };
    for said in [&ended.out, &ended.err] {
        assert!(!said.contains("hunter2"), "{line:?}: {said}");
        assert!(!said.contains('\u{1b}'), "{line:?}: {said:?}");
    }
    ended
}

/// `obiscope simulate`, one meter.
pub struct Simulator {
    child: Child,
    pub address: String,
}

impl Simulator {
    pub fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_obiscope"))
            .arg("simulate")
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = ready["listening"].as_str().unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
