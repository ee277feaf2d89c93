//! SQLite on one thread: meters, brokers, readings, the outbox. Numbered migrations live in `assets/`.
//!
//! The rule: what was read is committed here before anyone hears of it, and a message leaves the
//! outbox only when the broker has acknowledged it. Every write is one transaction, so that an error
//! (a full disk, a lock) leaves things as they were.

mod alarms;
mod attempts;
mod broker;
mod brokers;
mod claim;
mod commit;
mod counters;
mod dead;
mod error;
mod glance;
mod history;
mod line;
mod message;
mod meters;
mod migrate;
mod object_lists;
mod open;
mod outbox;
#[cfg(test)]
mod tests;
mod worker;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::meter::{Definition, MeterId, Poll};
pub use alarms::{Ack, Alarm, AlarmQuery, CLEARED_FOR, CLEARED_KEPT, Severity};
pub use broker::{BrokerDefinition, CHANGING, Dialect, Limits, Protocol, WINDOW, fit_topic};
pub use error::StoreError;
pub use glance::DeadLetter;
pub use history::{
    Held, Keep, MOST_POINTS, Page, Place, Point, Query, Recorded, Series, Track, Traffic,
};
pub use message::{
    Committed, DeadRow, Kind, Lot, Message, OutboxRow, QueueDepth, Render, StoredReading,
};
pub use meters::{MeterNote, MeterNotes};
pub use object_lists::{KeptList, ListKey};
pub use outbox::LOT_BYTES;
use worker::Worker;

/// Cheap to clone; every call goes to the one database thread. A call that is no longer awaited still
/// runs to its end.
#[derive(Clone, Debug)]
pub struct Store {
    worker: Worker,
    claim: Arc<Mutex<Option<File>>>,
    /// Made when something is looked up in the history first.
    reader: Arc<Mutex<Option<Worker>>>,
    acknowledged: Arc<Mutex<history::Acknowledged>>,
}

impl Store {
    /// Creates the file 0600 (and its folder 0700), migrates, checks. Changes nothing on error.
    /// Waits at most about two seconds for another program's lock.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open::file(path)?;
        Ok(Self {
            worker: Worker::thread(path, connection)?,
            claim: Arc::default(),
            reader: Arc::default(),
            acknowledged: Arc::default(),
        })
    }

    /// Nothing on disk, and every call runs in the caller: for the demo and for tests in virtual time.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self {
            worker: Worker::inline(open::in_memory()?),
            claim: Arc::default(),
            reader: Arc::default(),
            acknowledged: Arc::default(),
        })
    }

    /// For whoever reads the meters and drains the outbox: two would publish everything twice and push each other
    /// off the meters. Refused while another process has it; given back by [`Self::close`] or the end of the process.
    pub fn claim(&self) -> Result<(), StoreError> {
        if self.worker.is_inline() {
            return Ok(());
        }
        let mut claim = self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        if claim.is_none() {
            *claim = claim::take(self.path())?;
        }
        Ok(())
    }

    /// Which other process has claimed it, in words.
    pub fn claimed_by(&self) -> Option<String> {
        let ours = self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        if ours.is_some() || self.worker.is_inline() {
            return None;
        }
        claim::holder(self.path())
    }

    /// The file, or `:memory:`.
    pub fn path(&self) -> &Path {
        self.worker.path()
    }

    /// In the order they were added.
    pub async fn meters(&self) -> Result<Vec<Definition>, StoreError> {
        self.worker.run(meters::all).await
    }

    pub async fn meter(&self, id: MeterId) -> Result<Option<Definition>, StoreError> {
        self.worker
            .run(move |connection| meters::one(connection, id))
            .await
    }

    /// By name; an error in words when there is none.
    pub async fn meter_named(&self, name: &str) -> Result<Definition, StoreError> {
        let found = self.meters().await?.into_iter().find(|it| it.name == name);
        found.ok_or_else(|| {
            StoreError::NotFound(format!(
                "there is no meter named {name:?}; `obiscope meter list` shows those there are"
            ))
        })
    }

    /// Insert (id 0) or update. The name is unique; the broker it publishes to must be saved.
    pub async fn save_meter(&self, meter: Definition) -> Result<Definition, StoreError> {
        let mut saved = self.save_meters(vec![meter]).await?;
        saved.pop().ok_or(StoreError::Stopped)
    }

    /// All of them or none.
    pub async fn save_meters(
        &self,
        meters: Vec<Definition>,
    ) -> Result<Vec<Definition>, StoreError> {
        self.worker
            .run(move |connection| meters::save(connection, meters))
            .await
    }

    /// Its readings go with it; its unsent messages stay and are still published.
    pub async fn delete_meter(&self, id: MeterId) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| meters::delete(connection, id))
            .await
    }

    /// How many of its messages still wait.
    pub async fn unsent_of(&self, id: MeterId) -> Result<u64, StoreError> {
        self.worker
            .run(move |connection| outbox::unsent(connection, id))
            .await
    }

    /// In the order they were added.
    pub async fn brokers(&self) -> Result<Vec<BrokerDefinition>, StoreError> {
        self.worker.run(brokers::all).await
    }

    /// By name; an error in words when there is none.
    pub async fn broker_named(&self, name: &str) -> Result<BrokerDefinition, StoreError> {
        let found = self.brokers().await?.into_iter().find(|it| it.name == name);
        found.ok_or_else(|| {
            StoreError::NotFound(format!(
                "there is no broker named {name:?}; `obiscope broker list` shows those there are"
            ))
        })
    }

    /// Insert (id 0) or update. The name is unique; an empty client id is filled in.
    pub async fn save_broker(
        &self,
        broker: BrokerDefinition,
    ) -> Result<BrokerDefinition, StoreError> {
        self.worker
            .run(move |connection| brokers::save(connection, broker))
            .await
    }

    /// Refused while a meter publishes to it. What still waits for it goes with it.
    pub async fn delete_broker(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.worker
            .run(move |connection| brokers::delete(connection, &name))
            .await
    }

    /// One transaction: readings stored, sequence counted, messages queued.
    pub async fn commit_poll(
        &self,
        poll: Poll,
        broker: Option<(i64, Render)>,
    ) -> Result<Committed, StoreError> {
        let mut done = self.commit_polls(vec![(Arc::new(poll), broker)]).await?;
        done.pop().unwrap_or(Err(StoreError::Stopped))
    }

    /// The same for many at once, which waits for the disk only once. Each has its own answer; an error of the whole
    /// means that nothing was done.
    pub async fn commit_polls(
        &self,
        polls: Vec<Lot>,
    ) -> Result<Vec<Result<Committed, StoreError>>, StoreError> {
        self.worker
            .run(move |connection| commit::polls(connection, polls))
            .await
    }

    /// The last `limit` stored values of one key, oldest first.
    pub async fn readings(
        &self,
        meter: MeterId,
        key: &str,
        limit: usize,
    ) -> Result<Vec<StoredReading>, StoreError> {
        let key = key.to_owned();
        self.reader()?
            .run(move |connection| history::readings(connection, meter, &key, limit))
            .await
    }

    /// Oldest first, ids greater than `after`; fewer than `limit` where they come to [`LOT_BYTES`].
    pub async fn outbox(
        &self,
        broker: i64,
        after: i64,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.worker
            .run(move |connection| outbox::rows(connection, broker, after, limit))
            .await
    }

    /// The broker has them: one transaction removes all.
    pub async fn acknowledged(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        let acknowledged = Arc::clone(&self.acknowledged);
        self.worker
            .run(move |connection| {
                let gone = outbox::acknowledged(connection, &ids)?;
                let mut acknowledged = locked(&acknowledged);
                for sent in gone {
                    acknowledged.add(sent.meter, sent.bytes);
                }
                Ok(())
            })
            .await
    }

    /// These were under way when a connection ended.
    pub async fn attempted(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| outbox::attempted(connection, &ids))
            .await
    }

    /// Messages that come of no poll; how many older ones had to go for them.
    pub async fn enqueue(
        &self,
        broker: i64,
        at: Timestamp,
        messages: Vec<Message>,
    ) -> Result<u64, StoreError> {
        self.worker
            .run(move |connection| outbox::enqueue(connection, broker, at, &messages))
            .await
    }

    /// As on a full disk: the database may have so many pages, or as many as it has already. For tests and simulations.
    pub async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| {
                let pragma = format!("PRAGMA max_page_count = {pages}");
                connection.query_row(&pragma, [], |_| Ok(()))?;
                Ok(())
            })
            .await
    }

    /// As on a disk that went read-only: nothing is written until it is taken back. For tests and simulations.
    pub async fn refuse_writes(&self, refuse: bool) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| Ok(connection.pragma_update(None, "query_only", refuse)?))
            .await
    }

    /// All that waits for this broker, unsent; how many.
    pub async fn drop_waiting(&self, broker: i64) -> Result<u64, StoreError> {
        self.worker
            .run(move |connection| outbox::drop_waiting(connection, broker))
            .await
    }

    /// This one can never be sent: out of the queue, counted, and kept with the reason. False where as many as there is
    /// room for are kept already: it stays in the queue.
    pub async fn reject(&self, id: i64, reason: &str, at: Timestamp) -> Result<bool, StoreError> {
        let reason = reason.to_owned();
        self.worker
            .run(move |connection| dead::reject(connection, id, &reason, at))
            .await
    }

    /// Messages given up on, oldest first, ids greater than `after`.
    pub async fn dead(
        &self,
        broker: i64,
        after: i64,
        limit: usize,
    ) -> Result<Vec<DeadRow>, StoreError> {
        self.worker
            .run(move |connection| dead::rows(connection, broker, after, limit))
            .await
    }

    /// Back into the queue; `None`: all of them. How many.
    pub async fn retry_dead(&self, broker: i64, ids: Option<Vec<i64>>) -> Result<u64, StoreError> {
        self.worker
            .run(move |connection| dead::retry(connection, broker, ids.as_deref()))
            .await
    }

    /// Thrown away; `None`: all of them. How many.
    pub async fn empty_dead(&self, broker: i64, ids: Option<Vec<i64>>) -> Result<u64, StoreError> {
        self.worker
            .run(move |connection| dead::empty(connection, broker, ids.as_deref()))
            .await
    }

    /// The newest messages given up on, newest first, without their payloads.
    pub async fn dead_letters(
        &self,
        broker: i64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.worker
            .run(move |connection| glance::dead_letters(connection, broker, limit))
            .await
    }

    /// Another number whenever another process has changed anything; what this one changes does not count. `None` where
    /// no other can.
    pub async fn changed_elsewhere(&self) -> Result<Option<i64>, StoreError> {
        if self.worker.is_inline() {
            return Ok(None);
        }
        self.worker.run(glance::data_version).await.map(Some)
    }

    pub async fn depth(&self, broker: i64) -> Result<QueueDepth, StoreError> {
        self.worker
            .run(move |connection| outbox::depth(connection, broker))
            .await
    }

    /// Last-known-good link parameters, last seen, last error of a meter.
    pub async fn note_meter(&self, id: MeterId, note: MeterNote) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| meters::note(connection, id, &note))
            .await
    }

    /// The same of many, with one wait for the disk; a meter that is gone is passed over.
    pub async fn note_meters(&self, notes: Vec<(MeterId, MeterNote)>) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| meters::note_all(connection, &notes))
            .await
    }

    pub async fn meter_notes(&self, id: MeterId) -> Result<MeterNotes, StoreError> {
        self.worker
            .run(move |connection| meters::notes(connection, id))
            .await
    }

    /// The object list kept for this way of asking.
    pub async fn object_list(&self, key: ListKey) -> Result<Option<KeptList>, StoreError> {
        self.worker
            .run(move |connection| object_lists::get(connection, &key))
            .await
    }

    /// Takes the place of the one before.
    pub async fn keep_object_list(&self, key: ListKey, list: KeptList) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| object_lists::keep(connection, &key, &list))
            .await
    }

    /// The meter is another device or runs another firmware now: what was kept of the one before goes. How many lists.
    pub async fn forget_object_lists(
        &self,
        meter: MeterId,
        identity: &str,
    ) -> Result<usize, StoreError> {
        let identity = identity.to_owned();
        self.worker
            .run(move |connection| object_lists::forget_others(connection, meter, &identity))
            .await
    }

    /// Everything committed, WAL checkpointed, thread ended. Any later call says `Stopped`.
    pub async fn close(&self) {
        // Whoever looks later gets the one that has stopped.
        let reader = locked(&self.reader).replace(self.worker.clone());
        if let Some(reader) = reader {
            reader.close().await;
        }
        self.worker.close().await;
        drop(
            self.claim
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
