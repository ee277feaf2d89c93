//! A closer look at one open port: the prober as the public client, then who it says it is. The rule: no secret is known here,
//! so none can go out.

use super::super::identify::identity;
use super::Who;
use crate::meter::probe::{Kept, Options, Prober};
use crate::meter::scan::{Open, PAUSE, Spoken, public};
use crate::meter::session::{Session, SessionError};
use crate::meter::tap::Tap;
use crate::meter::transport::SharedConnector;
use crate::meter::{Clock, Definition, attempts};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// A frame's worth of evidence, not a night's.
const TRACE: usize = 64 * 1024;

/// What the ladder finds is put into `open`.
pub(super) async fn closer(
    at: SocketAddr,
    open: &mut Open,
    connector: &SharedConnector,
    timeout: Duration,
    stop: &CancellationToken,
) -> Who {
    // Nobody there to ask, or nobody who would answer.
    if matches!(open, Open::Ended) {
        return Who::default();
    }
    let spoken = match open {
        Open::Dlms(spoken) => Some(*spoken),
        _ => None,
    };
    let mut meter = public(at.ip(), at.port(), spoken.as_ref(), timeout);
    sleep(PAUSE).await;
    let kept = Kept {
        counters: None,
        attempts: Arc::new(attempts::InMemory::default()),
        known_good: None,
    };
    let (say, _) = unbounded_channel();
    let tap = Tap::new(TRACE);
    let options = Options::default();
    let mut prober = Prober::new(&meter, &**connector, Clock::System, tap, kept, options, say);
    // Whoever stops does not wait for the whole ladder; the meter is let go of all the same.
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = prober.run() => {}
    }
    let report = prober.end().await;
    let mut who = Who {
        findings: report.findings,
        ..Who::default()
    };
    let Some(working) = report.working else {
        return who;
    };
    *open = Open::Dlms(Spoken {
        hdlc: meter.transport.is_hdlc(),
        client: working.client,
        server: working.server,
        welcome: true,
    });
    if working.association && !stop.is_cancelled() {
        (meter.client, meter.server) = (working.client, working.server);
        sleep(PAUSE).await;
        // What it does not say is left out.
        if let Ok(identity) = ask(&meter, connector, stop).await {
            who.identity = identity;
        }
    }
    who
}

async fn ask(
    meter: &Definition,
    connector: &SharedConnector,
    stop: &CancellationToken,
) -> Result<Vec<super::super::identify::Line>, SessionError> {
    let tap = Tap::new(0);
    let mut ignored = |_, _| {};
    let stream = Session::connect(meter, &**connector, Clock::System, &tap, &mut ignored).await?;
    let mut session = Session::new(meter, stream, Clock::System, tap).asking_once();
    let mut found = Vec::new();
    let asked = async {
        session.establish(&mut ignored).await.ok()?;
        identity(&mut session).await.ok()
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        asked = asked => found.extend(asked.into_iter().flat_map(|(lines, _)| lines)),
    }
    session.release().await;
    Ok(found)
}
