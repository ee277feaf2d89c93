//! `obiscope` alone: the screen on the saved meters.

use super::data_dir::Places;
use super::exit::ExitKind;
use super::{Failure, logging, open_files};
use crate::headend::{Headend, Options};
use crate::meter::{Clock, transport::Lines};
use crate::tui::{self, run::Setup};
use futures_util::FutureExt;
use std::io::{IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// Bytes of trace kept in memory for each meter.
const TRACE_BYTES: usize = 256 * 1024;
/// Releasing that takes no longer needs no word.
const WITHOUT_A_WORD: Duration = Duration::from_millis(400);
/// A screen that has not ended this long after it was told to is stuck.
const STUCK: Duration = Duration::from_secs(2);

pub fn run(places: &Places) -> Result<ExitKind, Failure> {
    require_terminal()?;
    let store = places.open_store()?;
    let _log = logging::start(&places.logs);
    runtime()?.block_on(async {
        let headend = Headend::start(Options {
            store: store.clone(),
            connector: Arc::new(Lines),
            clock: Clock::System,
            seed: fastrand::u64(..),
            trace_bytes: TRACE_BYTES,
        })
        .await?;
        open_files::tell(&headend, &store).await;
        drop(store);
        show(Setup {
            headend: Some(headend),
            replay: None,
            clock: Clock::System,
            demo: false,
            about: vec![
                ("database".into(), places.database.display().to_string()),
                ("log".into(), places.logs.display().to_string()),
                ("traces".into(), places.traces.display().to_string()),
            ],
            files: places.traces.clone(),
        })
        .await
    })
}

/// Shows the screen, then leaves every meter free for the next client.
pub async fn show(setup: Setup) -> Result<ExitKind, Failure> {
    let Some(headend) = setup.headend.clone() else {
        tui::run::run(setup).await?;
        return Ok(ExitKind::Done);
    };
    let guard = tokio::spawn(when_stuck(headend.clone()));
    let shown = then_release(tui::run::run(setup), &headend).await;
    guard.abort();
    shown?;
    Ok(ExitKind::Done)
}

/// Whatever ends the screen, a panic of its own too, the meters are released before it is told on.
async fn then_release<T>(screen: impl Future<Output = T>, headend: &Headend) -> T {
    let shown = AssertUnwindSafe(screen).catch_unwind().await;
    release(headend).await;
    shown.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Says what is waited for when a meter takes its time to let go.
async fn release(headend: &Headend) {
    let mut released = std::pin::pin!(headend.shutdown());
    if timeout(WITHOUT_A_WORD, &mut released).await.is_err() {
        // The terminal may be gone, and then nobody needs the word.
        let _ = writeln!(std::io::stderr(), "obiscope: releasing the meters …");
        released.await;
    }
}

/// The screen writes to the terminal, and a terminal that takes nothing (Ctrl-S, a line that
/// stalled) holds it. Asked to end, the program still releases its meters and ends.
async fn when_stuck(headend: Headend) {
    let (Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    tokio::time::sleep(STUCK).await;
    headend.shutdown().await;
    std::process::exit(ExitKind::Partly.code().into());
}

/// The screen needs a terminal at both ends; a pipe gets a hint instead of escape codes.
pub fn require_terminal() -> Result<(), Failure> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage(
        "the screen needs a terminal; in a script use `obiscope read TARGET OBJECT…` (see `obiscope --help`)",
    ))
}

/// A runtime for a screen with meters behind it.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlms::security::Secret;
    use crate::meter::{Definition, Phase};
    use crate::simulator::profile::Profile;
    use crate::simulator::server;
    use crate::store::Store;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn a_panic_of_the_screen_leaves_the_meter_free() {
        let place = "127.0.0.1:0".parse().unwrap();
        let stop = CancellationToken::new();
        let running = server::serve(
            Profile::microstar(1),
            place,
            jiff::Timestamp::now(),
            None,
            &stop,
        )
        .unwrap();
        let mut meter = Definition::microstar("house-1", "127.0.0.1", running.address.port());
        meter.password = Some(Secret::new("22222222"));
        let store = Store::in_memory().unwrap();
        store.save_meter(meter).await.unwrap();
        let headend = Headend::start(Options {
            store,
            connector: Arc::new(Lines),
            clock: Clock::System,
            seed: 1,
            trace_bytes: 1024,
        })
        .await
        .unwrap();
        let associated = || {
            let now = tokio::time::Instant::now().into_std();
            running.meter.lock().unwrap().is_associated(now)
        };
        let screen = headend.clone();
        let ended = tokio::spawn({
            let headend = headend.clone();
            async move {
                let until_ready = async move {
                    while screen.meters()[0].status.phase != Phase::Ready {
                        screen.changed().await;
                        let _ = screen.take_changes();
                    }
                    panic!("as planned");
                };
                then_release(until_ready, &headend).await;
            }
        });
        assert!(ended.await.unwrap_err().is_panic());
        assert!(!associated());
    }
}
