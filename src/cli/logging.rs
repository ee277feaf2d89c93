//! The log file: rotated daily, a week kept. The screen is never written to by a log line.

use std::path::Path;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{filter::LevelFilter, fmt, registry};

/// Starts logging into `folder`. Lines still waiting are written when the guard is dropped, so it
/// lives to the end of the command. A folder that cannot be written costs the log, not the command.
pub fn start(folder: &Path) -> Option<WorkerGuard> {
    let level = std::env::var("OBISCOPE_LOG")
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("obiscope")
        .filename_suffix("log")
        .max_log_files(7)
        .build(folder)
        .ok()?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    registry().with(lines).with(level).try_init().ok()?;
    Some(guard)
}
