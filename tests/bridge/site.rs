//! A site for one test: a data folder with a meter and a broker in it, the meter simulated by the program itself, the
//! broker in this process. All of it is gone with the test.

use obiscope::simulator::broker::{self, Behaviour};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const BINARY: &str = env!("CARGO_BIN_EXE_obiscope");

/// A port nobody listens at.
pub fn unused_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

pub struct Site {
    folder: TempDir,
    /// Serves as long as it lives.
    meter: Option<Process>,
}

impl Site {
    pub fn bare() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            meter: None,
        }
    }

    /// One meter, read every second, and the broker it publishes to.
    pub fn new(url: &str) -> Self {
        let mut site = Self::bare();
        let mut command = Command::new(BINARY);
        command.args(["simulate", "--profile", "microstar"]);
        let mut meter: Process = Started::spawn(command);
        let ready: Value = serde_json::from_str(&meter.line()).unwrap();
        let address = ready["listening"].as_str().unwrap().to_owned();
        site.meter = Some(meter);
        let secret = site.folder().join("secret");
        std::fs::write(&secret, "22222222").unwrap();
        site.ok(&["broker", "add", "lab", "--url", url, "--dialect", "json"]);
        let secret = secret.to_str().unwrap();
        site.ok(&[
            "meter",
            "add",
            "house",
            "--host",
            &address,
            "--preset",
            "microstar",
            "--password-file",
            secret,
            "--poll",
            "1s",
            "--publish",
            "lab",
        ]);
        site
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("--data-dir").arg(self.folder()).args(line);
        command
            .env_remove("NOTIFY_SOCKET")
            .env_remove("JOURNAL_STREAM");
        command
    }

    pub fn run(&self, line: &[&str]) -> Ended {
        let output = self.command(line).stdin(Stdio::null()).output().unwrap();
        Ended {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn ok(&self, line: &[&str]) -> String {
        let ended = self.run(line);
        assert_eq!(ended.status, 0, "{line:?}: {}", ended.err);
        ended.out
    }

    pub fn bridge(&self, options: &[&str]) -> Process {
        let mut command = self.command(&["bridge"]);
        command.args(options);
        Started::spawn(command)
    }

    /// What waits for the broker.
    pub fn queue(&self) -> Value {
        let told = self.ok(&["mqtt", "queue", "lab", "--json"]);
        serde_json::from_str::<Value>(&told).unwrap()[0].take()
    }

    /// The log file.
    pub fn log(&self) -> String {
        let folder = std::fs::read_dir(self.folder().join("logs")).unwrap();
        let file = folder.map(|it| it.unwrap().path()).next().unwrap();
        std::fs::read_to_string(file).unwrap()
    }
}

/// A process that is killed with its handle.
pub struct Process {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    err: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
    last: Value,
}

pub trait Started {
    fn spawn(command: Command) -> Self;
}

impl Started for Process {
    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = Arc::new(Mutex::new(String::new()));
        let mut from = BufReader::new(child.stderr.take().unwrap());
        let into = Arc::clone(&err);
        let reader = thread::spawn(move || {
            let mut line = String::new();
            while from.read_line(&mut line).is_ok_and(|read| read > 0) {
                into.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Self {
            child,
            out,
            err,
            reader: Some(reader),
            last: Value::Null,
        }
    }
}

impl Process {
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it ended: {}", self.err.lock().unwrap());
        line
    }

    /// The next status line.
    pub fn status(&mut self) -> Value {
        self.last = serde_json::from_str(&self.line()).unwrap();
        self.last.clone()
    }

    /// The last one it printed; it has ended.
    pub fn last_status(&mut self) -> Value {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        serde_json::from_str(rest.lines().last().unwrap()).unwrap()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn until_said(&self, words: &str, within: Duration) {
        let until = Instant::now() + within;
        while !self.err.lock().unwrap().contains(words) {
            assert!(Instant::now() < until, "{}", self.err.lock().unwrap());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its exit status and all of its standard error.
    pub fn ended(&mut self, within: Duration) -> (Option<i32>, String) {
        let until = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < until,
                "it does not end: {}",
                self.err.lock().unwrap()
            );
            thread::sleep(Duration::from_millis(20));
        };
        self.reader.take().unwrap().join().unwrap();
        let err = self.err.lock().unwrap().clone();
        (status.code(), err)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Message = (String, Vec<u8>);

/// The simulator's broker on a thread of its own; everything it got is kept.
pub struct Broker {
    port: u16,
    got: Arc<(Mutex<Vec<Message>>, Condvar)>,
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

impl Broker {
    pub fn start() -> Self {
        Self::behaving(Behaviour::default())
    }

    /// Takes everything, acknowledges nothing.
    pub fn silent() -> Self {
        Self::behaving(Behaviour {
            never_ack: true,
            ..Behaviour::default()
        })
    }

    fn behaving(behaviour: Behaviour) -> Self {
        let got: Arc<(Mutex<Vec<Message>>, Condvar)> = Arc::default();
        let stop = CancellationToken::new();
        let (tell, told) = std::sync::mpsc::channel();
        let (kept, ending) = (Arc::clone(&got), stop.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listen = "127.0.0.1:0".parse().unwrap();
                let mut broker = broker::start(listen, behaviour, ending.clone())
                    .await
                    .unwrap();
                tell.send(broker.address.port()).unwrap();
                loop {
                    tokio::select! {
                        () = ending.cancelled() => return,
                        Some(it) = broker.received.recv() => {
                            kept.0.lock().unwrap().push((it.topic, it.payload));
                            kept.1.notify_all();
                        }
                    }
                }
            });
        });
        Self {
            port: told.recv().unwrap(),
            got,
            stop,
            thread: Some(thread),
        }
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub fn received(&self) -> Vec<Message> {
        self.got.0.lock().unwrap().clone()
    }

    pub fn wait_for(&self, count: usize, within: Duration) -> Vec<Message> {
        let got = self.got.0.lock().unwrap();
        let (got, waited) = self
            .got
            .1
            .wait_timeout_while(got, within, |got| got.len() < count)
            .unwrap();
        assert!(!waited.timed_out(), "only {} of {count} came", got.len());
        got.clone()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
