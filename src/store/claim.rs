//! One head-end a database: the lock file that keeps a second one from reading and publishing the same meters again.
//!
//! The rule: the lock is the kernel's, so it never outlives its process; the file left behind says nothing.
//! Everything else (`meter list`, `broker edit`, …) needs no claim and works meanwhile.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::error::StoreError;

/// Who merely asks holds the lock for a moment; that is waited for.
const ASKED: (u32, Duration) = (5, Duration::from_millis(10));

/// Beside the database.
fn lock_file(database: &Path) -> PathBuf {
    database.with_extension("lock")
}

/// Held until the file is dropped; `None` where the file system knows no locks.
pub(super) fn take(database: &Path) -> Result<Option<File>, StoreError> {
    let path = lock_file(database);
    let failed = |error| StoreError::io(&path, &error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    for attempt in 0..ASKED.0 {
        if attempt > 0 {
            thread::sleep(ASKED.1);
        }
        match file.try_lock() {
            Ok(()) => {
                // Only for people: a full disk must not keep anyone from starting.
                let _ = file.set_len(0).and_then(|()| file.rewind());
                let _ = write!(file, "{}", std::process::id());
                return Ok(Some(file));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
    Err(StoreError::Claimed {
        path: database.to_owned(),
        by: owner(&mut file),
    })
}

/// Who holds it, in words; `None` when nobody does.
pub(super) fn holder(database: &Path) -> Option<String> {
    let mut file = File::open(lock_file(database)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(owner(&mut file)),
        _ => None,
    }
}

fn owner(file: &mut File) -> String {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(20).read_to_string(&mut text));
    match (read, text.parse::<u32>()) {
        (Ok(_), Ok(process)) => format!("process {process}"),
        _ => "another process".to_owned(),
    }
}
