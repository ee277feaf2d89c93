//! A meter that another obiscope holds, waited for. The rule: it is asked for, never taken; who has it is said once.

use crate::cosem::data::printable;
use crate::meter::tap::Tap;
use crate::meter::transport::{ConnectFuture, Connector, Held, Lines, Stream};
use crate::meter::{Clock, Definition};
use std::io::{self, Write};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Who lets go does so at any moment.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The lines of this computer, for whoever is willing to wait.
pub(super) struct WhenFree {
    /// Zero never waits.
    patience: Duration,
}

impl WhenFree {
    pub fn new(patience: Option<Duration>) -> Self {
        Self {
            patience: patience.unwrap_or_default(),
        }
    }

    async fn waiting<'a>(
        &self,
        open: impl Fn() -> ConnectFuture<'a>,
        meter: &Definition,
    ) -> io::Result<Box<dyn Stream>> {
        let until = Instant::now() + self.patience;
        let mut said = false;
        loop {
            let error = match open().await {
                Err(error) if Held::of(&error).is_some() && Instant::now() < until => error,
                done => return done,
            };
            if let (Some(held), false) = (Held::of(&error), said) {
                said = true;
                let patience = humantime::format_duration(self.patience);
                // Nobody may read it.
                let _ = writeln!(
                    io::stderr(),
                    "obiscope: {} is {}; waiting for up to {patience} until it lets go",
                    printable(&meter.endpoint()),
                    printable(&held.to_string())
                );
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

impl Connector for WhenFree {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(self.waiting(|| Lines.connect(meter), meter))
    }

    fn open<'a>(&'a self, meter: &'a Definition, clock: Clock, tap: &'a Tap) -> ConnectFuture<'a> {
        Box::pin(self.waiting(move || Lines.open(meter, clock, tap), meter))
    }
}
