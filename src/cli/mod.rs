//! The command line: one file a subcommand, this one chooses. Results go to stdout, words about
//! failures to stderr, and the exit status says which kind it was.

pub mod alarms;
mod argument;
pub mod bridge;
pub mod broker;
pub mod browse;
pub mod call;
pub mod clock;
pub mod data_dir;
pub mod decode;
pub mod demo;
pub mod exit;
mod finding;
mod findings;
mod given;
pub mod history;
pub mod identify;
pub mod image;
pub mod link_line;
pub mod link_options;
mod link_security;
pub mod lint;
pub mod listen;
pub mod logging;
pub mod meter;
pub mod meter_file;
pub mod meter_show;
pub mod mqtt;
mod notify;
mod object_list;
mod open_files;
pub mod probe;
mod probe_end;
pub mod profile;
mod progress;
pub mod prompt;
pub mod provision;
pub mod read;
pub mod replay;
pub mod saved;
pub mod scan;
pub mod set;
pub mod simulate;
mod step;
pub mod stop;
pub mod table;
pub mod target;
pub mod trace;
pub mod visit;
mod when_free;
pub mod workbench;

use crate::cosem::data::printable;
use crate::meter::transport::Lines;
use crate::store::{Store, StoreError};
use clap::builder::TypedValueParser;
use clap::{Parser, Subcommand};
use data_dir::Places;
use exit::ExitKind;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Why a command ended early: what to say (nothing, where nobody is to be told) and which status to give.
#[derive(Debug)]
pub struct Failure {
    pub kind: ExitKind,
    pub words: String,
}

impl Failure {
    pub fn usage(words: &(impl ToString + ?Sized)) -> Self {
        Self {
            kind: ExitKind::Usage,
            words: words.to_string(),
        }
    }

    /// Standard output does not take what we write. A reader that has enough (`| head`) is no failure.
    fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self {
                kind: ExitKind::Done,
                words: String::new(),
            };
        }
        Self {
            kind: ExitKind::Partly,
            words: format!("standard output cannot be written: {error}"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            kind: ExitKind::Local,
            words: error.to_string(),
        }
    }
}

impl From<saved::Error> for Failure {
    fn from(error: saved::Error) -> Self {
        match error {
            saved::Error::Output(error) => Self::output(&error),
            error => Self {
                kind: error.exit(),
                words: error.to_string(),
            },
        }
    }
}

impl From<decode::Error> for Failure {
    fn from(error: decode::Error) -> Self {
        match error {
            decode::Error::Write(error) => Self::output(&error),
            error => Self::usage(&error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            // Like other filters: a reader that has enough is no failure.
            io::ErrorKind::BrokenPipe => ExitKind::Done,
            _ => ExitKind::Partly,
        };
        Self {
            kind,
            words: error.to_string(),
        }
    }
}

#[derive(Debug, Parser)]
#[command(
    name = "obiscope",
    version,
    max_term_width = 80,
    about = "The terminal workbench for DLMS/COSEM electricity meters",
    long_about = "The terminal workbench for DLMS/COSEM electricity meters: commission a meter, watch it live, \
                  see every frame explained, and carry its readings to an MQTT broker.\n\n\
                  Without a command it opens the screen on the saved meters; try `obiscope demo` first.",
    after_help = "Exit status: 0 done; 1 some of it failed; 2 wrong usage or bad input; \
                  3 the meter could not be reached or refused; 4 the local store or broker failed."
)]
struct Arguments {
    /// Keep database, logs and traces in this folder instead of the platform's own [env: OBISCOPE_DATA_DIR]
    #[arg(
        long,
        value_name = "DIR",
        value_parser = clap::builder::NonEmptyStringValueParser::new().map(PathBuf::from),
        global = true,
        display_order = 900
    )]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the screen on simulated meters and an embedded broker; touches no saved data
    Demo(demo::Args),
    /// Add, list, show, edit, remove, import and export meters
    #[command(subcommand)]
    Meter(meter::Command),
    /// Add, list, show, edit, remove and test MQTT brokers
    #[command(subcommand)]
    Broker(broker::Command),
    /// Try, look into, send and clear what waits for MQTT brokers
    #[command(subcommand)]
    Mqtt(mqtt::Command),
    /// Read and publish without a screen, until told to stop
    Bridge(bridge::Args),
    /// Read objects from a meter, print them, release the meter
    Read(read::Args),
    /// Find out why a meter does not answer: walk the session, try the address ladder, name the cause
    Probe(probe::Args),
    /// Find where DLMS answers in a range of addresses, politely and without passwords
    Scan(scan::Args),
    /// List everything a meter shows, with what may be read, written and invoked
    Browse(browse::Args),
    /// Say who a meter is: serial, maker, firmware, clock
    Identify(identify::Args),
    /// Read a profile as a table
    Profile(profile::Args),
    /// Show what was read of a saved meter, and how long it is kept
    History(history::Args),
    /// Show what is wrong with the saved meters and what was, or acknowledge it
    Alarms(alarms::Args),
    /// Write one attribute, after asking
    Set(set::Args),
    /// Invoke one method, after asking
    Call(call::Args),
    /// Send a firmware image, after asking
    Image(image::Args),
    /// Show a meter's clock beside this computer's, or set it
    Clock(clock::Args),
    /// Listen to what meters push, on a serial line, TCP or UDP; sends nothing
    Listen(listen::Args),
    /// Explain bytes field by field
    Decode(decode::Args),
    /// Name what is wrong in a recorded trace or pasted log, and what to do
    Lint(lint::Args),
    /// Convert recorded traces: JSON lines, text, hex, pcapng
    #[command(subcommand)]
    Trace(trace::Command),
    /// Open the screen on a recorded trace and play it again
    Replay(replay::Args),
    /// Run simulated meters for tests and learning
    Simulate(simulate::Args),
}

/// The whole program; what `main` returns.
pub fn main() -> ExitCode {
    // clap ends the process itself with status 2 for wrong usage and 0 for --help.
    let arguments = Arguments::parse();
    let kind = run(arguments)
        .unwrap_or_else(|failure| complain(&mut io::stderr(), failure.kind, &failure.words));
    ExitCode::from(kind.code())
}

fn run(arguments: Arguments) -> Result<ExitKind, Failure> {
    let data_dir = arguments.data_dir.clone();
    let places = || Places::find(data_dir);
    let out = &mut io::stdout();
    if !matches!(
        arguments.command,
        Some(Command::Decode(_) | Command::Lint(_))
    ) {
        open_files::raise();
    }
    match arguments.command {
        None => workbench::run(&places()?),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Decode(args)) => {
            decode::run(&args, out)?;
            Ok(ExitKind::Done)
        }
        Some(Command::Lint(args)) => lint::run(&args, out),
        Some(Command::Replay(args)) => replay::run(&args),
        Some(Command::Trace(command)) => trace::run(&command, out),
        Some(Command::Simulate(args)) => {
            small_runtime()?
                .block_on(simulate::run(args, out))
                .map_err(|error| Failure {
                    kind: error.exit(),
                    words: error.to_string(),
                })?;
            Ok(ExitKind::Done)
        }
        Some(Command::Listen(args)) => small_runtime()?.block_on(async {
            let stop = stop::asked_to_stop();
            match listen::run(args, stop, out, &mut io::stderr()).await {
                Err(failure) if failure.kind == ExitKind::Done => Ok(ExitKind::Done),
                other => other,
            }
        }),
        Some(Command::Meter(command)) => with_store(&places()?, command.changes(), async |store| {
            meter::run(command, store, out).await
        }),
        Some(Command::Broker(command)) => {
            with_store(&places()?, command.changes(), async |store| {
                broker::run(command, store, out, &mut io::stderr()).await
            })
        }
        Some(Command::Alarms(args)) => with_store(&places()?, args.changes(), async |store| {
            alarms::run(&args, store, jiff::Timestamp::now(), out).await
        }),
        Some(Command::History(args)) => small_runtime()?.block_on(async {
            let store = places()?.open_store()?;
            let done = history::run(&args, &store, jiff::Timestamp::now(), out).await;
            store.close().await;
            match done {
                Err(failure) if failure.kind == ExitKind::Done => Ok(ExitKind::Done),
                other => other,
            }
        }),
        Some(Command::Scan(args)) => {
            let store = places()?.open_store()?;
            small_runtime()?.block_on(async {
                let stop = stop::asked_to_stop();
                let err = &mut io::stderr();
                let done = scan::run(&args, &store, Arc::new(Lines), stop, out, err).await;
                store.close().await;
                done
            })
        }
        Some(Command::Bridge(args)) => bridge::run(&args, &places()?),
        Some(Command::Mqtt(command)) => with_store(&places()?, false, async |store| {
            mqtt::run(command, store, out).await
        }),
        Some(
            command @ (Command::Read(_)
            | Command::Probe(_)
            | Command::Browse(_)
            | Command::Identify(_)
            | Command::Profile(_)
            | Command::Set(_)
            | Command::Call(_)
            | Command::Image(_)
            | Command::Clock(_)),
        ) => small_runtime()?.block_on(at_the_meter(&command, arguments.data_dir)),
    }
}

/// Runs a command on the database and closes it properly whatever came of it: the write-ahead log goes back into
/// the file.
fn with_store(
    places: &Places,
    changes: bool,
    command: impl AsyncFnOnce(&Store) -> Result<(), saved::Error>,
) -> Result<ExitKind, Failure> {
    let store = places.open_store()?;
    small_runtime()?.block_on(async {
        let ended = command(&store).await;
        if changes
            && ended.is_ok()
            && let Some(by) = store.claimed_by()
        {
            let words = format!("note: the obiscope that runs ({by}) takes it up within seconds");
            complain(&mut io::stderr(), ExitKind::Done, &words);
        }
        store.close().await;
        ended
    })?;
    Ok(ExitKind::Done)
}

/// Says on stderr what failed, line by line; what a file or a meter put into the words drives no terminal.
fn complain(err: &mut dyn Write, kind: ExitKind, words: &str) -> ExitKind {
    for line in words.lines() {
        // Nobody left to tell; the exit status still does.
        let _ = writeln!(err, "obiscope: {}", printable(line));
    }
    kind
}

/// The commands that make one visit to a meter.
async fn at_the_meter(command: &Command, data_dir: Option<PathBuf>) -> Result<ExitKind, Failure> {
    let open_store = || Ok(Places::find(data_dir.clone())?.open_store()?);
    let place = match command {
        Command::Read(args) => &args.place,
        Command::Probe(args) => &args.place,
        Command::Browse(args) => &args.place,
        Command::Identify(args) => &args.place,
        Command::Profile(args) => &args.place,
        Command::Set(args) => &args.place,
        Command::Call(args) => &args.place,
        Command::Image(args) => &args.place,
        Command::Clock(args) => &args.place,
        _ => return Ok(ExitKind::Done),
    };
    let connector = when_free::WhenFree::new(place.when_free);
    let door = visit::Door {
        open_store: &open_store,
        connector: &connector,
    };
    let stop = stop::asked_to_stop();
    let (out, err) = (&mut io::stdout(), &mut io::stderr());
    let done = match command {
        Command::Read(args) => read::run(args, &door, stop, out, err).await,
        Command::Probe(args) => Box::pin(probe::run(args, &door, stop, out, err)).await,
        Command::Browse(args) => browse::run(args, &door, stop, out, err).await,
        Command::Identify(args) => identify::run(args, &door, stop, out, err).await,
        Command::Profile(args) => profile::run(args, &door, stop, out, err).await,
        Command::Set(args) => set::run(args, &door, stop, out, err).await,
        Command::Call(args) => call::run(args, &door, stop, out, err).await,
        Command::Image(args) => image::run(args, &door, stop, out, err).await,
        Command::Clock(args) => clock::run(args, &door, stop, out).await,
        _ => Ok(ExitKind::Done),
    };
    match done {
        Err(failure) if failure.kind == ExitKind::Done => Ok(ExitKind::Done),
        other => other,
    }
}

/// A runtime for a command that talks to one meter or broker.
fn small_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
