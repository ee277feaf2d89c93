//! The log file: rotated daily, a week kept. The screen is never written to by a log line.

use std::path::Path;
use tracing::Subscriber;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{filter::LevelFilter, fmt, registry};

/// Starts logging into `folder`. Lines still waiting are written when the guard is dropped, so it
/// lives to the end of the command. A folder that cannot be written costs the log, not the command.
pub fn start(folder: &Path) -> Option<WorkerGuard> {
    let (lines, guard) = file(folder)?;
    registry().with(lines).with(level()).try_init().ok()?;
    Some(guard)
}

/// The same, and on stderr. Under systemd the journal has the time already.
pub fn start_aloud(folder: &Path) -> Option<WorkerGuard> {
    let (lines, guard) = file(folder).unzip();
    let err = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false);
    let err: Box<dyn Layer<_> + Send + Sync> = if std::env::var_os("JOURNAL_STREAM").is_some() {
        Box::new(err.without_time())
    } else {
        Box::new(err)
    };
    // Only ever refused where a log runs already.
    let _ = registry().with(lines).with(err).with(level()).try_init();
    guard
}

fn level() -> LevelFilter {
    std::env::var("OBISCOPE_LOG")
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO)
}

fn file<S>(folder: &Path) -> Option<(impl Layer<S> + Send + Sync + use<S>, WorkerGuard)>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // The appender would say on stderr that a folder is not there yet.
    std::fs::create_dir_all(folder).ok()?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("obiscope")
        .filename_suffix("log")
        .max_log_files(7)
        .build(folder)
        .ok()?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    Some((lines, guard))
}
