//! Attempts in a file: counted before they are sent, whatever happens next.

use super::*;
use crate::dlms::security::Secret;
use crate::meter::attempts::tests::rules;
use crate::meter::attempts::{Attempts, Counted, Credential};
use std::process::{Command, Stdio};

const CHILD: &str = "OBISCOPE_TEST_ATTEMPT_CHILD";

fn who() -> Credential {
    let mut meter = Definition::microstar("m", "10.0.4.7", 3333);
    meter.password = Some(Secret::new("22222222"));
    Credential::of(&meter).unwrap()
}

#[tokio::test]
async fn the_rules_hold_in_the_database() {
    let store = Store::in_memory().unwrap();
    rules(&store).await;
}

/// The child of the test below: counts, says so, and never lives to send.
#[test]
fn child_that_is_killed_between_counting_and_sending() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let store = Store::open(std::path::Path::new(&path)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let counted = runtime.block_on(store.count(who(), false, at(5)));
    assert_eq!(counted, Ok(Counted::Yes));
    // SIGKILL: no destructor runs, nothing is flushed.
    let me = rustix::process::getpid();
    rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_count_survives_kill_9() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("obiscope.db");
    drop(Store::open(&path).unwrap());
    for n in 1..=2 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store::tests::attempts::child_that_is_killed_between_counting_and_sending",
            ])
            .env(CHILD, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ended = child.wait().unwrap();
        assert!(!ended.success(), "it was killed");
        let store = Store::open(&path).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let record = runtime.block_on(store.record(who())).unwrap();
        assert_eq!((record.total, record.open_so), (n, n));
        assert_eq!(
            record.asks(),
            n == 2,
            "killed twice: a person must say go on"
        );
        runtime.block_on(store.close());
    }
}
