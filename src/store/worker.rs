//! Where jobs run: one thread owns the connection of a file; an in-memory database runs them in the caller.
//!
//! Inline matters under tokio's paused clock: awaiting another thread there would let the clock jump.

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{Fault, StoreError};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

enum Order {
    Run(Job),
    Close(oneshot::Sender<()>),
}

#[derive(Clone)]
pub(super) struct Worker {
    path: Arc<Path>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Thread(Sender<Order>),
    Inline(Arc<Mutex<Option<Connection>>>),
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Worker").field(&self.path).finish()
    }
}

impl Worker {
    pub(super) fn thread(path: &Path, connection: Connection) -> Result<Self, StoreError> {
        let (orders, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(connection, &inbox))
            .map_err(|error| StoreError::io(path, &error))?;
        Ok(Self {
            path: path.into(),
            place: Place::Thread(orders),
        })
    }

    pub(super) fn inline(connection: Connection) -> Self {
        Self {
            path: Path::new(":memory:").into(),
            place: Place::Inline(Arc::new(Mutex::new(Some(connection)))),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn is_inline(&self) -> bool {
        matches!(self.place, Place::Inline(_))
    }

    /// Runs to its end even if the caller stops waiting.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let outcome = match &self.place {
            Place::Inline(cell) => {
                let mut cell = cell.lock().unwrap_or_else(PoisonError::into_inner);
                job(cell.as_mut().ok_or(StoreError::Stopped)?)
            }
            Place::Thread(orders) => {
                let (answer, answered) = oneshot::channel();
                let job: Job = Box::new(move |connection| drop(answer.send(job(connection))));
                orders
                    .send(Order::Run(job))
                    .map_err(|_| StoreError::Stopped)?;
                answered.await.map_err(|_| StoreError::Stopped)?
            }
        };
        outcome.map_err(|fault| fault.at(&self.path))
    }

    /// After this every call answers `Stopped`.
    pub(super) async fn close(&self) {
        match &self.place {
            Place::Inline(cell) => {
                drop(cell.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
            Place::Thread(orders) => {
                let (done, closed) = oneshot::channel();
                if orders.send(Order::Close(done)).is_ok() {
                    drop(closed.await);
                }
            }
        }
    }
}

/// Ends on `Close` or when the last handle is gone; dropping the connection empties the log either way.
fn serve(mut connection: Connection, inbox: &Receiver<Order>) {
    for order in inbox {
        match order {
            Order::Run(job) => job(&mut connection),
            Order::Close(done) => {
                // Another program may be reading: then the log stays, which is no loss.
                drop(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
                drop(connection);
                // Dropping tells as well as sending.
                drop(done);
                return;
            }
        }
    }
}
