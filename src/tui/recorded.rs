//! A recorded trace read ahead of its replay. The rule: the screen never waits for the disk, and no more is read than
//! is played soon.

use super::app::replay::{BATCH, Batch, End};
use crate::meter::document::{self, Entries, ReadError};
use std::path::Path;
use tokio::sync::mpsc;

/// Batches read before they are wanted.
const AHEAD: usize = 2;

pub struct Recorded {
    entries: Entries,
    first: Batch,
}

impl Recorded {
    /// The first batch is read at once: what is no trace at all is told before there is a screen.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let mut entries = document::open(path)?;
        let mut first = Batch::default();
        for entry in entries.by_ref().take(BATCH) {
            match entry {
                Ok(entry) => first.entries.push(entry),
                Err(error) if first.entries.is_empty() => return Err(error),
                Err(error) => first.end = Some(End::Broken(error.to_string())),
            }
        }
        if first.entries.len() < BATCH && first.end.is_none() {
            first.end = Some(End::Whole);
        }
        first.read = entries.share();
        Ok(Self { entries, first })
    }

    pub(super) fn first(&mut self) -> Batch {
        std::mem::take(&mut self.first)
    }

    /// Reads on in a thread of its own, until the end or until nobody listens.
    pub(super) fn read_on(mut self) -> mpsc::Receiver<Batch> {
        let (send, batches) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            loop {
                let batch = next(&mut self.entries);
                let over = batch.end.is_some();
                if send.blocking_send(batch).is_err() || over {
                    break;
                }
            }
        });
        batches
    }
}

fn next(entries: &mut Entries) -> Batch {
    let mut batch = Batch::default();
    while batch.entries.len() < BATCH && batch.end.is_none() {
        match entries.next() {
            Some(Ok(entry)) => batch.entries.push(entry),
            Some(Err(error)) => batch.end = Some(End::Broken(error.to_string())),
            None => batch.end = Some(End::Whole),
        }
    }
    batch.read = entries.share();
    batch
}
