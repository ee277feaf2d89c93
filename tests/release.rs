//! No way out leaves a meter occupied: whoever comes next, as any client, gets in at once.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

#[expect(dead_code, reason = "the other tests of the house use the rest")]
mod line;

use line::{CUT, Faults, Line, SECOND, WELL, World, clock, microstar};
use obiscope::cosem::ObjectSpec;
use obiscope::dlms::hdlc::{ClientAddress, Control, Frame};
use obiscope::dlms::security::Secret;
use obiscope::headend::{Command, Headend, Options};
use obiscope::meter::session::Session;
use obiscope::meter::tap::{Chunk, Tap};
use obiscope::meter::transport::{Connector, Tcp};
use obiscope::meter::{Clock, Definition, PolledObject};
use obiscope::simulator::profile::Profile;
use obiscope::simulator::server::{Running, serve};
use obiscope::store::Store;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Answers take this long, so that a sweep in smaller steps falls into each exchange.
const DELAY: Duration = Duration::from_millis(200);

/// As another client than the one that was there; a meter still held for it would be silent.
async fn another_gets_in(connector: &dyn Connector, host: &Definition) -> bool {
    let mut other = host.clone();
    other.client = ClientAddress::new(17).unwrap();
    other.password = Some(Secret::new("00000000"));
    other.timeout = SECOND;
    other.retries = 0;
    gets_in(connector, &other).await
}

async fn gets_in(connector: &dyn Connector, meter: &Definition) -> bool {
    let opened = Session::open(meter, connector, Clock::System, Tap::new(0), &mut |_, _| {}).await;
    let Ok(session) = opened else { return false };
    session.release().await;
    true
}

struct Site {
    world: World,
    line: Line,
    headend: Headend,
    meter: Definition,
}

/// A slow meter whose first object is a long list: SNRM, AARQ, blocks, then values, then nothing but keep-alive.
async fn site(faults: Faults) -> Site {
    let world = World::default();
    let line = world.line("m", Profile::microstar(7).delayed(DELAY), faults);
    let mut meter = microstar("m", "22222222");
    meter.objects.truncate(2);
    meter.objects.insert(
        0,
        PolledObject::new("15/0-0:40.0.0/2".parse().unwrap(), "list"),
    );
    meter.poll = Duration::from_mins(10);
    let store = Store::in_memory().unwrap();
    let meter = store.save_meter(meter).await.unwrap();
    let headend = Headend::start(Options {
        store,
        connector: Arc::new(world.clone()),
        clock: clock(),
        seed: 1,
        trace_bytes: 64 * 1024,
    })
    .await
    .unwrap();
    Site {
        world,
        line,
        headend,
        meter,
    }
}

/// Moments in drain, SNRM, AARQ, each block and its segments, values, between polls, and in the keep-alives.
fn moments() -> Vec<Duration> {
    let ms = |range: std::ops::Range<u64>, step| range.step_by(step).map(Duration::from_millis);
    ms(0..1500, 37)
        .chain(ms(1500..16_000, 613))
        .chain(ms(60_000..62_000, 170))
        .collect()
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Stop,
    Delete,
    Shutdown,
    /// Another timeout: the link is let go and made anew.
    Edit,
    /// Another place: the old one is let go.
    Move,
    SwitchOff,
    Drop,
}

#[tokio::test(start_paused = true)]
async fn whatever_ends_a_link_at_whatever_moment_the_next_client_gets_in() {
    use Way::{Delete, Drop, Edit, Move, Shutdown, Stop, SwitchOff};
    for way in [Stop, Delete, Shutdown, Edit, Move, SwitchOff, Drop] {
        for after in moments() {
            let Site {
                world,
                line,
                headend,
                meter,
            } = site(WELL).await;
            sleep(after).await;
            let id = meter.id;
            let save = |change: fn(&mut Definition)| {
                let mut changed = meter.clone();
                change(&mut changed);
                Some(Command::Save(Box::new(changed)))
            };
            let command = match way {
                Stop => Some(Command::Stop(id)),
                Delete => Some(Command::Delete(id)),
                Edit => save(|m| m.timeout = 5 * SECOND),
                Move => save(|m| m.host = "nowhere".into()),
                SwitchOff => save(|m| m.enabled = false),
                Shutdown => {
                    headend.shutdown().await;
                    assert!(!line.is_associated(), "{way:?} after {after:?}");
                    None
                }
                Drop => None,
            };
            if let Some(command) = command {
                headend.command(command).await.unwrap();
            }
            if matches!(way, Edit) {
                sleep(30 * SECOND).await;
                let view = &headend.meters()[0];
                assert!(view.status.counters.polls > 0, "{way:?} after {after:?}");
                assert!(line.connects().len() <= 2, "{way:?} after {after:?}");
                headend.shutdown().await;
            } else if matches!(way, Drop) {
                drop(headend);
            }
            // An answer, RLRE and UA at most.
            sleep(3 * DELAY + Duration::from_millis(200)).await;
            assert!(!line.is_associated(), "{way:?} after {after:?}");
            assert!(
                another_gets_in(&world, &meter).await,
                "{way:?} after {after:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_meters_task_lets_the_meter_go_and_says_so() {
    for chunks in 2..40 {
        let faults = Faults {
            panic_after: chunks,
            ..WELL
        };
        let Site {
            world,
            line,
            headend,
            meter,
        } = site(faults).await;
        let broke = async {
            while headend.meters()[0].status.last_error.is_none() {
                headend.changed().await;
                headend.take_changes();
            }
        };
        timeout(SECOND * 100, broke).await.unwrap();
        let error = headend.meters()[0].status.last_error.clone().unwrap();
        assert!(error.what.contains("broke off"), "{error:?}");
        sleep(SECOND).await;
        assert!(!line.is_associated(), "after {chunks} chunks");
        line.set(WELL);
        assert!(another_gets_in(&world, &meter).await);
        let again = headend.command(Command::Start(meter.id)).await;
        assert!(again.unwrap_err().contains("restart"));
        headend.shutdown().await;
    }
}

/// A meter that answers nothing any more costs a bounded time on the way out.
#[tokio::test(start_paused = true)]
async fn a_deaf_meter_holds_nobody_up() {
    for after in [0, 300, 700, 1500, 5000, 61_000] {
        let Site { line, headend, .. } = site(WELL).await;
        sleep(Duration::from_millis(after)).await;
        line.set(CUT);
        let asked = Instant::now();
        headend.shutdown().await;
        assert!(asked.elapsed() < 3 * SECOND, "{:?}", asked.elapsed());
    }
}

/// What `obiscope read` does when it is interrupted: the exchange is dropped where it stands, then released or just dropped.
#[tokio::test(start_paused = true)]
async fn a_read_cut_off_anywhere_lets_the_meter_go() {
    let list: ObjectSpec = "15/0-0:40.0.0/2".parse().unwrap();
    for after in moments().into_iter().filter(|m| *m < 10 * SECOND) {
        for orderly in [true, false] {
            let world = World::default();
            let line = world.line("m", Profile::microstar(7).delayed(DELAY), WELL);
            let meter = microstar("m", "22222222");
            let stream = world.connect(&meter).await.unwrap();
            let mut session = Session::new(&meter, stream, clock(), Tap::new(0));
            let work = async {
                session.establish(&mut |_, _| {}).await.unwrap();
                loop {
                    session.read(list, "list").await.unwrap();
                }
            };
            let _cut_off = timeout(after, work).await;
            if orderly {
                session.release().await;
            } else {
                drop(session);
            }
            sleep(3 * DELAY).await;
            assert!(!line.is_associated(), "after {after:?}, {orderly}");
            assert!(another_gets_in(&world, &meter).await, "after {after:?}");
        }
    }
}

/// Killed with no chance to say anything: the meter holds the link for that client, and that client gets in at once.
#[tokio::test(start_paused = true)]
async fn the_same_client_gets_in_at_once_after_a_death_without_words() {
    let world = World::default();
    let line = world.line("m", Profile::microstar(7), WELL);
    let meter = microstar("m", "22222222");
    let session = Session::open(&meter, &world, clock(), Tap::new(0), &mut |_, _| {})
        .await
        .unwrap();
    line.set(CUT);
    drop(session);
    sleep(SECOND).await;
    line.set(WELL);
    assert!(line.is_associated());
    assert!(
        !another_gets_in(&world, &meter).await,
        "a Microstar is silent to others now"
    );
    let started = Instant::now();
    assert!(gets_in(&world, &meter).await);
    assert!(started.elapsed() < SECOND);
    assert!(!line.is_associated());
    assert!(another_gets_in(&world, &meter).await);
}

/// A meter on a real port.
fn real_meter(runtime: &tokio::runtime::Runtime) -> (Running, Definition, CancellationToken) {
    let stop = CancellationToken::new();
    let _inside = runtime.enter();
    let listen = "127.0.0.1:0".parse().unwrap();
    let profile = Profile::microstar(7).delayed(Duration::from_millis(3));
    let running = serve(profile, listen, jiff::Timestamp::now(), None, &stop).unwrap();
    let mut meter = microstar("m", "22222222");
    meter.host = "127.0.0.1".into();
    meter.port = running.address.port();
    (running, meter, stop)
}

/// `obiscope read --every`, reading the object list without pause; returns when it printed something.
fn reading(meter: &Definition) -> Child {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_obiscope"))
        .args(["read", &meter.endpoint(), "15/0-0:40.0.0/2", "1-1:32.7.0"])
        .args(["--every", "1ms", "--json", "--client", "1", "--auth", "lls"])
        .args(["--password-env", "METER_PASSWORD"])
        .env("METER_PASSWORD", "22222222")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with('['), "{line}");
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    child
}

#[test]
fn signals_end_a_reading_process_and_leave_the_meter_free() {
    use rustix::process::{Pid, Signal, kill_process};
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::KILL] {
        let (running, meter, stop) = real_meter(&runtime);
        let mut child = reading(&meter);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        let mut errors = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        let associated = || {
            let now = std::time::Instant::now();
            running.meter.lock().unwrap().is_associated(now)
        };
        if signal == Signal::KILL {
            assert!(associated());
            assert!(runtime.block_on(free_port(&running)));
            assert!(runtime.block_on(gets_in(&Tcp, &meter)), "the same client");
        } else {
            assert_eq!(status.code(), Some(0), "{signal:?}: {errors}");
        }
        assert!(!associated(), "{signal:?}");
        assert!(runtime.block_on(free_port(&running)));
        assert!(
            runtime.block_on(another_gets_in(&Tcp, &meter)),
            "{signal:?}"
        );
        stop.cancel();
    }
}

/// The simulated converter serves one connection: its end must have been seen before the next comes.
async fn free_port(running: &Running) -> bool {
    for _ in 0..200 {
        if !running.meter.lock().unwrap().is_connected() {
            return true;
        }
        sleep(Duration::from_millis(5)).await;
    }
    false
}

/// The last frames of an orderly end, in order: RLRQ, RLRE, DISC, UA.
#[tokio::test(start_paused = true)]
async fn an_orderly_end_is_rlrq_then_disc_then_closed() {
    let world = World::default();
    let _line = world.line("m", Profile::microstar(7), WELL);
    let meter = microstar("m", "22222222");
    let tap = Tap::new(4096);
    let session = Session::open(&meter, &world, clock(), tap.clone(), &mut |_, _| {})
        .await
        .unwrap();
    let from = tap.next_seq();
    session.release().await;
    let (records, _) = tap.since(from);
    let seen: Vec<String> = (records.iter())
        .map(|r| match &r.what {
            Chunk::Bytes { bytes, .. } => {
                let frame = Frame::parse(&bytes[1..bytes.len() - 1]).unwrap();
                let apdu = frame.information().get(3).copied().unwrap_or(0);
                match frame.control() {
                    Control::Information { .. } => format!("I {apdu:02X}"),
                    other => format!("{other:?}").split(' ').next().unwrap().to_owned(),
                }
            }
            Chunk::Note(note) => format!("{note:?}"),
        })
        .collect();
    assert_eq!(seen, ["I 62", "I 63", "Disc", "Ua", "Closed"]);
}

/// Something that accepts and never answers: the signal is heard all the same, DISC goes out, and the end is FIN.
#[test]
fn a_signal_ends_a_process_that_waits_for_a_silent_meter() {
    use rustix::process::{Pid, Signal, kill_process};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_obiscope"))
        .args(["read", &target, "1-1:32.7.0"])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut snrm = [0; 5];
    stream.read_exact(&mut snrm).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut rest = Vec::new();
    // An RST would be an error here.
    stream.read_to_end(&mut rest).unwrap();
    let disc = rest.rsplitn(3, |b| *b == 0x7E).nth(1).unwrap();
    assert_eq!(disc[4], 0x53, "{rest:02X?}");
    drop(stream);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
