//! From a finished poll to the store and the outbox in one transaction, then the publisher is woken. A store that fails
//! becomes a notice; polling goes on.

use super::{Inner, changes::Level, fleet::Outlet, lock};
use crate::meter::Poll;
use crate::publish::dialect;
use crate::store::Render;
use std::sync::Weak;
use tokio::sync::mpsc;

/// Ends when no meter is left that could bring a poll.
pub(super) async fn run(inner: Weak<Inner>, mut polls: mpsc::Receiver<Poll>) {
    while let Some(poll) = polls.recv().await {
        let Some(inner) = inner.upgrade() else { return };
        let outlet = {
            let state = lock(&inner.state);
            // A meter that was deleted meanwhile has no row to hang readings on.
            if !state.has_meter(poll.meter) {
                continue;
            }
            state.outlet(poll.meter)
        };
        let wake = outlet.as_ref().map(|o| std::sync::Arc::clone(&o.wake));
        let render = outlet.map(|outlet| render(outlet, &poll));
        match inner.store.commit_poll(poll, render).await {
            Ok(()) => {
                if let Some(wake) = wake {
                    wake.notify_one();
                }
            }
            Err(error) => inner.notice(Level::Error, format!("readings not stored: {error}")),
        }
    }
}

fn render(outlet: Outlet, poll: &Poll) -> (i64, Render) {
    let Outlet {
        broker,
        dialect,
        device,
        ..
    } = outlet;
    let poll = poll.clone();
    let render = move |seq| dialect::render(dialect, &device, seq, &poll);
    (broker, Box::new(render))
}
