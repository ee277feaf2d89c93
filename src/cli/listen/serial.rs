//! A serial line, only ever read from. Where speed and parity are not given, the usual ones are tried in turn until
//! something is recognised; what is tried is said.

use super::args::Parity;
use super::heard::{Ears, Heard};
use serial2_tokio::SerialPort;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// The one peer a serial line has.
pub(super) const LINE: u64 = 0;

/// Meters push every 2.5 to 10 seconds.
const LISTEN_AT_EACH: Duration = Duration::from_secs(12);

/// So many octets of nothing: the speed is wrong.
const ENOUGH_NOISE: u64 = 512;

/// Norway and Austria (M-Bus); Kamstrup; meters behind RS-485; P1 and Swedish HAN.
const USUAL: [Settings; 4] = [
    Settings::new(2400, Parity::Even),
    Settings::new(2400, Parity::None),
    Settings::new(9600, Parity::None),
    Settings::new(115_200, Parity::None),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    baud: u32,
    parity: Parity,
}

impl Settings {
    const fn new(baud: u32, parity: Parity) -> Self {
        Self { baud, parity }
    }
}

/// `2400 8E1`
impl std::fmt::Display for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        write!(f, "{} 8{parity}1", self.baud)
    }
}

/// What is still worth a try, given what is fixed.
pub(super) fn candidates(baud: Option<u32>, parity: Option<Parity>) -> Vec<Settings> {
    if let (Some(baud), Some(parity)) = (baud, parity) {
        return vec![Settings::new(baud, parity)];
    }
    let mut left: Vec<_> = USUAL
        .into_iter()
        .filter(|it| baud.is_none_or(|baud| it.baud == baud))
        .filter(|it| parity.is_none_or(|parity| it.parity == parity))
        .collect();
    if let Some(baud) = baud {
        for parity in [Parity::None, Parity::Even] {
            let also = Settings::new(baud, parity);
            if !left.contains(&also) {
                left.push(also);
            }
        }
    }
    if let Some(parity) = parity {
        for baud in [2400, 9600, 115_200] {
            let also = Settings::new(baud, parity);
            if !left.contains(&also) {
                left.push(also);
            }
        }
    }
    left
}

pub(super) struct Line {
    pub path: String,
    port: SerialPort,
    candidates: Vec<Settings>,
    at: usize,
    since: Instant,
    settled: bool,
    chunk: Vec<u8>,
}

impl Line {
    pub(super) fn open(path: &Path, baud: Option<u32>, parity: Option<Parity>) -> io::Result<Self> {
        let candidates = candidates(baud, parity);
        let mut refused = None;
        // A driver may not take each of them.
        for (at, settings) in candidates.iter().enumerate() {
            match SerialPort::open(path, applied(*settings)) {
                Ok(port) => {
                    return Ok(Self {
                        path: path.display().to_string(),
                        port,
                        settled: candidates.len() == 1,
                        candidates,
                        at,
                        since: Instant::now(),
                        chunk: vec![0; 4096],
                    });
                }
                Err(error) => {
                    refused.get_or_insert((*settings, error));
                }
            }
        }
        let (settings, error) = refused.unwrap_or((
            Settings::new(2400, Parity::None),
            io::ErrorKind::InvalidInput.into(),
        ));
        Err(io::Error::new(
            error.kind(),
            format!("{} cannot be opened at {settings}: {error}", path.display()),
        ))
    }

    pub(super) fn says(&self) -> String {
        let settings = self.settings();
        if self.settled {
            format!("{} at {settings}", self.path)
        } else {
            format!(
                "{}: trying {settings}, {} of {}",
                self.path,
                self.at + 1,
                self.candidates.len()
            )
        }
    }

    fn settings(&self) -> Settings {
        self.candidates.get(self.at).copied().unwrap_or(USUAL[0])
    }

    pub(super) async fn next(&mut self) -> Heard {
        match self.port.read(&mut self.chunk).await {
            Ok(0) => Heard::Over(format!("{}: the line is gone", self.path)),
            Ok(count) => Heard::Bytes {
                id: LINE,
                bytes: self.chunk.get(..count).unwrap_or_default().to_vec(),
            },
            Err(error) => Heard::Over(format!("{}: {error}", self.path)),
        }
    }

    /// When to try the next speed.
    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        (!self.settled).then(|| self.since + LISTEN_AT_EACH)
    }

    /// Stays at this speed if something was recognised, goes on to the next if it is time.
    pub(super) fn judge(&mut self, ears: &mut Ears<'_>) -> io::Result<()> {
        if self.settled {
            return Ok(());
        }
        let counts = ears.counts(LINE);
        if counts.frames > 0 {
            self.settled = true;
            ears.show.say(&format!("recognised at {}", self.settings()));
            return Ok(());
        }
        let noisy = counts.noise_octets >= ENOUGH_NOISE || counts.damaged > 2;
        let late = self.gives_up_at().is_some_and(|at| Instant::now() >= at);
        if !noisy && !late {
            return Ok(());
        }
        // Each of them once more than there are: one at least was taken before.
        for _ in 0..self.candidates.len() {
            self.at = (self.at + 1) % self.candidates.len().max(1);
            let settings = self.settings();
            match self.port.set_configuration(&raw(&self.port, settings)?) {
                Ok(()) => break,
                Err(error) => ears
                    .show
                    .say(&format!("{} does not take {settings}: {error}", self.path)),
            }
        }
        self.since = Instant::now();
        ears.begin(LINE, &self.path)?;
        ears.show.say(&self.says());
        Ok(())
    }
}

fn applied(
    settings: Settings,
) -> impl FnOnce(serial2_tokio::Settings) -> io::Result<serial2_tokio::Settings> {
    move |mut to| {
        apply(settings, &mut to)?;
        Ok(to)
    }
}

fn raw(port: &SerialPort, settings: Settings) -> io::Result<serial2_tokio::Settings> {
    let mut to = port.get_configuration()?;
    apply(settings, &mut to)?;
    Ok(to)
}

fn apply(settings: Settings, to: &mut serial2_tokio::Settings) -> io::Result<()> {
    to.set_raw();
    to.set_baud_rate(settings.baud)?;
    to.set_char_size(serial2_tokio::CharSize::Bits8);
    to.set_stop_bits(serial2_tokio::StopBits::One);
    to.set_flow_control(serial2_tokio::FlowControl::None);
    to.set_parity(match settings.parity {
        Parity::None => serial2_tokio::Parity::None,
        Parity::Even => serial2_tokio::Parity::Even,
        Parity::Odd => serial2_tokio::Parity::Odd,
    });
    Ok(())
}
