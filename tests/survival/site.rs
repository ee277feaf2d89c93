//! A folder with a database, meters and a broker in this process, and the bridge as one of its own. The rule: what is looked
//! at is the file, the meters and the broker; nothing asks the bridge how it did, but for its own words.

use obiscope::dlms::security::Secret;
use obiscope::meter::Definition;
use obiscope::simulator::broker::{self, Behaviour, Received};
use obiscope::simulator::profile::Profile;
use obiscope::simulator::server::{SharedMeter, serve};
use obiscope::store::{BrokerDefinition, Dialect, Store};
use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub const METERS: usize = 3;
/// How long a meter keeps a client that went without a word.
pub const INACTIVITY: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(500);

pub struct Site {
    folder: TempDir,
    meters: Vec<SharedMeter>,
    arrived: Arc<Mutex<Vec<Received>>>,
    stop: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Site {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let stop = CancellationToken::new();
        let arrived = Arc::<Mutex<Vec<Received>>>::default();
        let (tell, told) = mpsc::channel();
        let (until, into) = (stop.clone(), Arc::clone(&arrived));
        let database = folder.path().join("obiscope.db");
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listen = "127.0.0.1:0".parse().unwrap();
                let mut broker = broker::start(listen, Behaviour::default(), until.clone())
                    .await
                    .unwrap();
                let store = Store::open(&database).unwrap();
                let url = format!("mqtt://127.0.0.1:{}", broker.address.port());
                let lab = BrokerDefinition::new("lab", &url, Dialect::Json).unwrap();
                store.save_broker(lab).await.unwrap();
                let mut running = Vec::new();
                for number in 0..METERS {
                    let profile = Profile::microstar(number as u64).inactive_after(INACTIVITY);
                    let meter =
                        serve(profile, listen, jiff::Timestamp::now(), None, &until).unwrap();
                    let mut definition = Definition::microstar(
                        format!("m{number}"),
                        "127.0.0.1",
                        meter.address.port(),
                    );
                    definition.password = Some(Secret::new(&b"22222222"[..]));
                    definition.objects.truncate(1);
                    definition.poll = POLL;
                    definition.inactivity = INACTIVITY;
                    definition.timeout = Duration::from_secs(1);
                    definition.publish = Some("lab".to_owned());
                    store.save_meter(definition).await.unwrap();
                    running.push(meter);
                }
                store.close().await;
                let meters: Vec<_> = running.iter().map(|it| Arc::clone(&it.meter)).collect();
                tell.send(meters).unwrap();
                loop {
                    tokio::select! {
                        () = until.cancelled() => return,
                        Some(it) = broker.received.recv() => into.lock().unwrap().push(it),
                    }
                }
            });
        });
        Self {
            meters: told.recv().unwrap(),
            folder,
            arrived,
            stop,
        }
    }

    pub fn bridge(&self) -> Bridge {
        // Past a limit of its files the kernel sends SIGXFSZ; ignored, as under a supervisor, the write fails instead.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "trap '' XFSZ; exec \"$@\"",
                "sh",
                env!("CARGO_BIN_EXE_obiscope"),
            ])
            .arg("--data-dir")
            .arg(self.folder.path())
            .args(["bridge", "--json", "--status-every", "1s"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, polls) = (
            Arc::<Mutex<String>>::default(),
            Arc::<Mutex<u64>>::default(),
        );
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let into = Arc::clone(&polls);
        let lines = thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let status: Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(polls) = status["polls"].as_u64() {
                    *into.lock().unwrap() = polls;
                }
            }
        });
        let into = Arc::clone(&said);
        let words = thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let mut said = into.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Bridge {
            child,
            said,
            polls,
            readers: vec![lines, words],
        }
    }

    fn open(&self) -> Connection {
        let path = self.folder.path().join("obiscope.db");
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection
    }

    /// What must hold of the file and of what arrived, whoever was killed when.
    pub fn look(&self, when: &str) {
        let connection = self.open();
        let ask = |question: &str| -> String {
            connection
                .query_row(question, [], |row| row.get::<_, rusqlite::types::Value>(0))
                .map_or_else(
                    |error| error.to_string(),
                    |value| match value {
                        rusqlite::types::Value::Integer(number) => number.to_string(),
                        rusqlite::types::Value::Text(text) => text,
                        other => format!("{other:?}"),
                    },
                )
        };
        assert_eq!(ask("PRAGMA integrity_check"), "ok", "{when}");
        assert_eq!(
            ask("SELECT count(*) FROM meter"),
            METERS.to_string(),
            "{when}"
        );
        // Nor two polls of one meter in one moment.
        let again = "SELECT count(*) FROM history WHERE step = 0 AND again > 0";
        assert_eq!(ask(again), "0", "{when}: a poll is stored twice");
        drop(connection);
        assert_eq!(self.twice(), 0, "{when}: a reading is stored twice");
        self.published();
    }

    /// Readings of one object at one time, beyond the first, as whoever asks the store sees them.
    fn twice(&self) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let store = Store::open(&self.folder.path().join("obiscope.db")).unwrap();
            let mut twice = 0;
            for meter in store.meters().await.unwrap() {
                for object in &meter.objects {
                    let all = store.readings(meter.id, &object.key, 1_000_000).await;
                    let mut times: Vec<_> = all.unwrap().iter().map(|it| it.at).collect();
                    times.sort();
                    twice += times.windows(2).filter(|pair| pair[0] == pair[1]).count();
                }
            }
            store.close().await;
            twice
        })
    }

    /// Polls in the store, each of one object.
    pub fn readings(&self) -> usize {
        let connection = self.open();
        let polls = "SELECT count(*) FROM history WHERE step = 0";
        let count = connection.query_row(polls, [], |row| row.get::<_, i64>(0));
        usize::try_from(count.unwrap()).unwrap()
    }

    /// Messages, each counted once, and how many came again; the same number never with other values.
    pub fn published(&self) -> (usize, usize) {
        let mut by_number: BTreeMap<(String, u64), Vec<u8>> = BTreeMap::new();
        let mut twice = 0;
        for it in self.arrived.lock().unwrap().iter() {
            let told: Value = serde_json::from_slice(&it.payload).unwrap_or_default();
            let Some(number) = told["seq"].as_u64() else {
                continue;
            };
            let key = (it.topic.clone(), number);
            if let Some(before) = by_number.insert(key, it.payload.clone()) {
                assert_eq!(
                    before, it.payload,
                    "message {number} of {} came twice and differs",
                    it.topic
                );
                twice += 1;
            }
        }
        (by_number.len(), twice)
    }

    pub fn associated(&self) -> usize {
        let now = Instant::now();
        let meters = self.meters.iter();
        meters
            .filter(|meter| meter.lock().unwrap().is_associated(now))
            .count()
    }
}

pub fn until(within: Duration, fits: impl Fn() -> bool) {
    let limit = Instant::now() + within;
    while !fits() {
        assert!(Instant::now() < limit, "it never came");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Killed with its handle.
pub struct Bridge {
    child: Child,
    said: Arc<Mutex<String>>,
    polls: Arc<Mutex<u64>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Bridge {
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn polls(&self) -> u64 {
        *self.polls.lock().unwrap()
    }

    /// No file of it may grow past this.
    pub fn limit_files(&self, most: Option<u64>) {
        let limit = Rlimit {
            current: most,
            maximum: None,
        };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, limit).unwrap();
    }

    pub fn ended(&mut self, within: Duration) -> Option<i32> {
        let until = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end: {}", self.said());
            thread::sleep(Duration::from_millis(20));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status.code()
    }
}
