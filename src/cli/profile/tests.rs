//! Profiles read over lines that break, in virtual time: no row twice, none left out, and never half a file.

use super::*;
use crate::meter::fake::World;
use crate::meter::transport::{ConnectFuture, Connector, Stream};
use crate::meter::{Clock, Definition};
use crate::simulator::profile::Profile;
use crate::simulator::server::{SharedMeter, shared};
use clap::Parser;
use std::future::pending;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    profile: Args,
}

/// Every connection breaks after so many octets from the meter, and only so many are made.
struct Brittle {
    world: World,
    octets: usize,
    connections: AtomicUsize,
}

struct Fraying {
    stream: Box<dyn Stream>,
    left: usize,
}

impl Connector for Brittle {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move {
            let left = self.connections.load(Ordering::Relaxed);
            if left == 0 {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            self.connections.store(left - 1, Ordering::Relaxed);
            let stream = self.world.connect(meter).await?;
            let left = self.octets;
            Ok(Box::new(Fraying { stream, left }) as Box<dyn Stream>)
        })
    }
}

impl AsyncRead for Fraying {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let came = buffer.filled().len() - before;
        self.left = self.left.saturating_sub(came);
        polled
    }
}

impl AsyncWrite for Fraying {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct Bench {
    world: World,
    folder: tempfile::TempDir,
    _meter: SharedMeter,
}

const WHOLE: usize = usize::MAX;

impl Bench {
    fn new() -> Self {
        let clock = Clock::From {
            base: "2025-11-20T12:00:30Z".parse().unwrap(),
            at: tokio::time::Instant::now(),
        };
        let meter = shared(Profile::generic(3), clock.now());
        let world = World::default();
        world.meter("meter", &meter);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "12345678\n").unwrap();
        Self {
            world,
            folder,
            _meter: meter,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    async fn read(
        &self,
        args: &[&str],
        octets: usize,
        connections: usize,
    ) -> (Result<ExitKind, Failure>, String, String) {
        let password = self.path("password");
        let link = [
            "x",
            "meter:1",
            "1-0:99.1.0",
            "--client",
            "1",
            "--server",
            "1/17",
            "--password-file",
            &password,
        ];
        let args = Cli::try_parse_from(link.iter().chain(args))
            .unwrap()
            .profile;
        let connector = Brittle {
            world: self.world.clone(),
            octets,
            connections: AtomicUsize::new(connections),
        };
        let door = Door {
            open_store: &|| Ok(crate::store::Store::in_memory()?),
            connector: &connector,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let done = run(&args, &door, pending(), &mut out, &mut err).await;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done, text(out), text(err))
    }
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

#[tokio::test(start_paused = true)]
async fn a_line_that_breaks_again_and_again_costs_no_row_and_doubles_none() {
    let bench = Bench::new();
    for asked in [
        &["--last", "700"][..],
        &["--from", "2025-11-14", "--to", "2025-11-19T06:00"],
    ] {
        let (whole, broken) = (bench.path("whole.csv"), bench.path("broken.csv"));
        let csv = |path| [asked, &["--csv", path]].concat();
        let (done, _, err) = bench.read(&csv(&whole), WHOLE, 1).await;
        assert_eq!(done.unwrap(), ExitKind::Done, "{err}");
        let (done, _, err) = bench.read(&csv(&broken), 6_000, 99).await;
        assert_eq!(done.unwrap(), ExitKind::Done, "{err}");
        assert!(err.matches("trying again in 2 s").count() > 2, "{err}");
        let text = bench.text("whole.csv");
        assert!(text.lines().count() > 400, "{}", text.lines().count());
        assert_eq!(bench.text("broken.csv"), text);
        assert!(!exists(&bench.path("broken.csv.partial")));
        assert!(!exists(&bench.path("broken.csv.partial.json")));
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_is_kept_under_another_name_and_gone_on_with_hours_later() {
    let bench = Bench::new();
    let (whole, broken) = (bench.path("whole.csv"), bench.path("broken.csv"));
    bench
        .read(&["--last", "700", "--csv", &whole], WHOLE, 1)
        .await
        .0
        .unwrap();
    let asked = ["--last", "700", "--csv", &broken];
    let failure = bench.read(&asked, 9_000, 2).await.0.unwrap_err();
    assert_eq!(failure.kind, ExitKind::Meter);
    assert!(failure.words.contains("--resume"), "{}", failure.words);
    assert!(
        !exists(&broken),
        "half a file must not look like a whole one"
    );
    let kept = bench.text("broken.csv.partial").lines().count();
    assert!((2..700).contains(&kept), "{kept}");

    // Without --resume it is not thrown away, and another question does not go on with it.
    let failure = bench.read(&asked, WHOLE, 1).await.0.unwrap_err();
    assert!(
        failure.words.contains("--resume goes on with it"),
        "{}",
        failure.words
    );
    let other = ["--last", "9", "--csv", &broken, "--resume"];
    let failure = bench.read(&other, WHOLE, 1).await.0.unwrap_err();
    assert!(failure.words.contains("--last 700"), "{}", failure.words);
    assert_eq!(failure.kind, ExitKind::Usage);

    // Half a line more, as a crash leaves it; and the meter drops its oldest rows meanwhile.
    let partial = bench.path("broken.csv.partial");
    let mut text = bench.text("broken.csv.partial");
    text.push_str("2025-11");
    std::fs::write(&partial, text).unwrap();
    tokio::time::advance(Duration::from_hours(5)).await;
    let resume = [&asked[..], &["--resume"]].concat();
    let (done, _, err) = bench.read(&resume, WHOLE, 1).await;
    assert_eq!(done.unwrap(), ExitKind::Done, "{err}");
    assert_eq!(bench.text("broken.csv"), bench.text("whole.csv"));
    assert!(!exists(&partial));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_where_nothing_came_and_json_stays_json() {
    let bench = Bench::new();
    let csv = bench.path("none.csv");
    let failure = bench.read(&["--csv", &csv], 300, 1).await.0.unwrap_err();
    assert!(!failure.words.contains("--resume"), "{}", failure.words);
    for name in ["none.csv", "none.csv.partial", "none.csv.partial.json"] {
        assert!(!exists(&bench.path(name)), "{name}");
    }
    let (done, out, _) = bench.read(&["--last", "700", "--json"], 9_000, 1).await;
    assert_eq!(done.unwrap_err().kind, ExitKind::Meter);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(json["error"].is_string());
    assert!(!json["rows"].as_array().unwrap().is_empty());
    let wrong = ["--from", "2025-11-20", "--to", "2025-11-19"];
    let failure = bench.read(&wrong, WHOLE, 1).await.0.unwrap_err();
    assert_eq!(failure.kind, ExitKind::Usage);
    let late = ["--csv", &csv, "--resume"];
    let failure = bench.read(&late, WHOLE, 1).await.0.unwrap_err();
    assert!(failure.words.contains("nothing to go on with"));
}
