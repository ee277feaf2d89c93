//! `obiscope listen`: the passive ear for what meters push, on a serial line, TCP or UDP. Nothing is ever sent; whatever
//! comes in gives a reading or a named note, and the listener goes on.

mod args;
mod heard;
mod network;
mod serial;
mod show;
#[cfg(test)]
mod tests;

pub use args::Args;

use super::Failure;
use super::exit::ExitKind;
use crate::meter::Clock;
use args::Place;
use heard::{Ears, Heard};
use show::Show;
use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Where octets come from.
enum Source {
    Tcp(network::Tcp),
    Udp(network::Udp),
    Serial(serial::Line),
}

impl Source {
    async fn next(&mut self) -> Heard {
        match self {
            Self::Tcp(tcp) => tcp.next().await,
            Self::Udp(udp) => udp.next().await,
            Self::Serial(line) => line.next().await,
        }
    }
}

/// `stop` resolves when the program is asked to end, which is the usual way for a listener to end.
pub async fn run(
    args: Args,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let reader = args.reader()?;
    let place = args.place()?;
    let show = Show::new(out, err, args.json, args.raw, Clock::System);
    let mut ears = Ears::new(reader, show, args.trace.clone());
    let mut stop = pin!(stop);
    // Watched before anything is said: who reads it may interrupt us at once.
    tokio::select! {
        biased;
        () = &mut stop => return Ok(ExitKind::Done),
        () = std::future::ready(()) => {}
    }
    let mut source = match place {
        Place::Network(address) if args.udp => {
            Source::Udp(network::Udp::bind(&address).await.map_err(cannot)?)
        }
        Place::Network(address) => Source::Tcp(network::Tcp::bind(&address).await.map_err(cannot)?),
        Place::Serial(path) => {
            Source::Serial(serial::Line::open(&path, args.baud, args.parity).map_err(cannot)?)
        }
    };
    match &source {
        Source::Tcp(tcp) => ears.show.listening(&tcp.address, "tcp")?,
        Source::Udp(udp) => ears.show.listening(&udp.address, "udp")?,
        Source::Serial(line) => {
            ears.begin(serial::LINE, &line.path)?;
            ears.show.listening(&line.path, "serial")?;
            ears.show.say(&line.says());
        }
    }
    let ended = listen(&args, &mut source, &mut ears, stop).await;
    ears.end()?;
    ended
}

/// One round a thing heard, a moment passed.
async fn listen(
    args: &Args,
    source: &mut Source,
    ears: &mut Ears<'_>,
    mut stop: impl Future<Output = ()> + Unpin,
) -> Result<ExitKind, Failure> {
    let until = args.duration.map(|duration| Instant::now() + duration);
    loop {
        let timeout = ears.poll_timeout().map(Instant::from_std);
        let retry = match source {
            Source::Serial(line) => line.gives_up_at(),
            _ => None,
        };
        let alarm = [until, timeout, retry].into_iter().flatten().min();
        tokio::select! {
            biased;
            () = &mut stop => return Ok(ExitKind::Done),
            () = async { sleep_until(alarm.unwrap_or_else(Instant::now)).await }, if alarm.is_some() => {
                ears.handle_timeout(Instant::now().into_std())?;
            }
            heard = source.next() => {
                let over = matches!(heard, Heard::Over(_));
                if let Some(deaf) = ears.hear(Instant::now().into_std(), heard)?
                    && let Source::Tcp(tcp) = source
                {
                    tcp.close(deaf);
                }
                if over {
                    return Ok(ExitKind::Partly);
                }
            }
        }
        if let Source::Serial(line) = source {
            line.judge(ears)?;
        }
        if args.count.is_some_and(|count| ears.readings() >= count) {
            return Ok(ExitKind::Done);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Ok(enough(args, ears));
        }
    }
}

/// The time is up: done, unless what was asked for did not come.
fn enough(args: &Args, ears: &Ears<'_>) -> ExitKind {
    if args.count.is_some() || ears.readings() == 0 {
        ExitKind::Partly
    } else {
        ExitKind::Done
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn cannot(error: io::Error) -> Failure {
    Failure {
        kind: ExitKind::Partly,
        words: error.to_string(),
    }
}

/// Times and sizes that bound what a stranger can make us keep.
const MOST_PEERS: usize = 32;
/// A run of noise is told at most so often a peer.
const NOISE_EVERY: Duration = Duration::from_secs(5);
