//! Opening the database: a file that is not ours, newer, damaged or locked is refused before anything is written.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::claim;
use super::error::StoreError;
use super::migrate::{self, KNOWN};

/// "OBIS", in the header of every database of ours.
pub(super) const APPLICATION_ID: u32 = 0x4F42_4953;
/// How long another program's write is waited for.
const BUSY: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 2_000 });
/// More than a commit needs, so that none is prepared twice.
const STATEMENTS: usize = 64;
/// Negative: KiB. Room for the pages at which the readings of some thousand meters arrive.
const CACHE_KIB: i64 = -16_000;
/// 16 MiB of log before it goes into the file: pages that many commits touched go once.
const LOG_PAGES: i64 = 4_000;
/// A file beyond this is not read through before a start: the readings, most of it by far, are left out of the check.
const CHECK_BYTES: i64 = if cfg!(test) { 1 << 20 } else { 256 << 20 };
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

pub(super) fn file(path: &Path) -> Result<Connection, StoreError> {
    let created = create(path)?;
    let opened = open_existing(path, created);
    match &opened {
        // Passwords live here; a file someone loosened is tightened again. Not ours to change: no harm.
        Ok(_) => drop(fs::set_permissions(path, Permissions::from_mode(0o600))),
        // What we made and never filled goes again, unless another program filled it meanwhile.
        Err(_) if created && fs::metadata(path).is_ok_and(|found| found.len() == 0) => {
            drop(fs::remove_file(path));
        }
        Err(_) => {}
    }
    opened
}

pub(super) fn in_memory() -> Result<Connection, StoreError> {
    let path = Path::new(":memory:");
    let sql = |error| StoreError::sql(path, &error);
    let mut connection = Connection::open_in_memory().map_err(sql)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    migrate::migrate(&mut connection).map_err(|fault| fault.at(path))?;
    Ok(connection)
}

/// Makes the folder (0700) and an empty file (0600) where there is none; true if the file is new.
fn create(path: &Path) -> Result<bool, StoreError> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| StoreError::io(folder, &error))?;
    }
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // A file in a folder we may not write to gives this too; whether it opens is seen next.
        Err(_) if path.exists() => Ok(false),
        Err(error) => Err(StoreError::io(path, &error)),
    }
}

fn open_existing(path: &Path, created: bool) -> Result<Connection, StoreError> {
    if !created {
        inspect(path)?;
    }
    let sql = |error| StoreError::sql(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection.busy_timeout(BUSY).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Writers queue at their first step instead of failing half-way.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    if connection.is_readonly("main").map_err(sql)? {
        return Err(StoreError::ReadOnly {
            path: path.to_owned(),
        });
    }
    judge(&connection, path)?;
    check(&connection, path)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(sql)?;
    alone_with_older(&connection, path)?;
    migrate::migrate(&mut connection).map_err(|fault| fault.at(path))?;
    // After the schema, so that the header with our mark is in the file itself and not only in the log.
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(sql)?;
    if mode != "wal" {
        return Err(StoreError::Other {
            path: path.to_owned(),
            detail: format!("the file system allows no write-ahead log (journal mode {mode})"),
        });
    }
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(sql)?;
    for (pragma, value) in [("cache_size", CACHE_KIB), ("wal_autocheckpoint", LOG_PAGES)] {
        connection.pragma_update(None, pragma, value).map_err(sql)?;
    }
    Ok(connection)
}

/// A second connection, to a database that is open already: it only reads, and nothing waits for it.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let sql = |error| StoreError::sql(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection.busy_timeout(BUSY).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Looks at the header as plain bytes: SQLite itself would already tidy up another program's log.
fn inspect(path: &Path) -> Result<(), StoreError> {
    let mut header = Vec::with_capacity(100);
    File::open(path)
        .and_then(|file| file.take(100).read_to_end(&mut header))
        .map_err(|error| StoreError::io(path, &error))?;
    if header.is_empty() {
        return Ok(());
    }
    let half_made = {
        let mut journal = path.as_os_str().to_owned();
        journal.push("-journal");
        PathBuf::from(journal).exists()
    };
    let number = |offset: usize| {
        header
            .get(offset..offset + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u32::from_be_bytes)
    };
    if !header.starts_with(MAGIC) || header.len() < 100 {
        if half_made {
            return Ok(());
        }
        let detail = if header.starts_with(MAGIC) {
            "it ends within its first 100 bytes"
        } else {
            "it is not an SQLite database"
        };
        return Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail: detail.to_owned(),
        });
    }
    // Offsets of the SQLite file format, 1.3: user version 60, application id 68.
    match (number(68), number(60)) {
        (APPLICATION_ID, found) if found > KNOWN => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: KNOWN,
        }),
        (APPLICATION_ID, _) => Ok(()),
        _ if half_made => Ok(()),
        _ => Err(StoreError::NotOurs {
            path: path.to_owned(),
        }),
    }
}

/// The same questions again, answered by SQLite, which also sees what is only in the log.
fn judge(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let ask = |question: &str| {
        connection
            .query_row(question, [], |row| row.get::<_, u32>(0))
            .map_err(|error| StoreError::sql(path, &error))
    };
    let found = ask("PRAGMA user_version")?;
    let mark = ask("PRAGMA application_id")?;
    let empty = mark == 0 && found == 0 && ask("SELECT count(*) FROM sqlite_master")? == 0;
    let path = path.to_owned();
    if empty || (mark == APPLICATION_ID && found <= KNOWN) {
        Ok(())
    } else if mark == APPLICATION_ID {
        Err(StoreError::Newer {
            path,
            found,
            known: KNOWN,
        })
    } else {
        Err(StoreError::NotOurs { path })
    }
}

/// Whoever runs on the older schema would not find its tables any more.
fn alone_with_older(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = migrate::version(connection).map_err(|error| StoreError::sql(path, &error))?;
    let runs = (found > 0 && found < KNOWN).then(|| claim::holder(path));
    match runs.flatten() {
        None => Ok(()),
        Some(by) => Err(StoreError::InUseByOlder {
            path: path.to_owned(),
            by,
        }),
    }
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let sql = |error| StoreError::sql(path, &error);
    let ask = |question: &str| connection.query_row(question, [], |row| row.get::<_, i64>(0));
    let pages = ask("PRAGMA page_count").map_err(sql)?;
    let size = ask("PRAGMA page_size").map_err(sql)?;
    if pages.saturating_mul(size) <= CHECK_BYTES {
        return verdict(connection, path, "PRAGMA quick_check(1)");
    }
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'history'")
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
        .map_err(sql)?;
    for table in tables {
        verdict(connection, path, &format!("PRAGMA quick_check({table})"))?;
    }
    Ok(())
}

fn verdict(connection: &Connection, path: &Path, question: &str) -> Result<(), StoreError> {
    let verdict: String = connection
        .query_row(question, [], |row| row.get(0))
        .map_err(|error| StoreError::sql(path, &error))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(StoreError::Corrupt {
            path: path.to_owned(),
            // A headline in stars comes first; what was found, after it.
            detail: verdict
                .lines()
                .last()
                .unwrap_or("quick_check failed")
                .to_owned(),
        })
    }
}
