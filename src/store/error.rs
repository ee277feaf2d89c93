//! Why the database said no: every cause a person can do something about has its own name.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi;

/// What a caller of [`super::Store`] can be told. Nothing was changed when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the database {path} is locked by another program; close it there, or wait, and try again"
    )]
    Locked { path: PathBuf },
    #[error(
        "the database {path} cannot be written: it or its folder is read-only or belongs to another user; make both writable, or choose another folder with --data-dir"
    )]
    ReadOnly { path: PathBuf },
    #[error(
        "the database {path} was written by a newer obiscope (schema {found}, this one knows {known}); update obiscope, or choose another folder with --data-dir"
    )]
    Newer {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    #[error(
        "the database {path} is damaged: {detail}; move it away to start afresh, or restore a copy"
    )]
    Corrupt { path: PathBuf, detail: String },
    #[error(
        "{path} is a database of another program; it was left untouched. Choose another folder with --data-dir"
    )]
    NotOurs { path: PathBuf },
    #[error(
        "the disk is full; nothing was changed in {path}. Make room, or choose another folder with --data-dir"
    )]
    Full { path: PathBuf },
    /// Another head-end has it; see [`super::Store::claim`].
    #[error(
        "another obiscope ({by}) already reads the meters of {path}; end it first, or choose another folder with --data-dir"
    )]
    Claimed { path: PathBuf, by: String },
    /// Bringing it up to date would take the tables away from under it.
    #[error(
        "an older obiscope ({by}) runs on the database {path}; end it first: the database is brought up to this version then. Nothing was changed"
    )]
    InUseByOlder { path: PathBuf, by: String },
    #[error(
        "the database {path} cannot be opened: {detail}; choose another folder with --data-dir"
    )]
    Unusable { path: PathBuf, detail: String },
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Duplicate(String),
    /// Something else still needs it; the text says what.
    #[error("{0}")]
    InUse(String),
    /// A setting that would do harm; the text says which.
    #[error("{0}")]
    Unfit(String),
    #[error("database {path}: {detail}")]
    Other { path: PathBuf, detail: String },
    #[error("the database thread has stopped")]
    Stopped,
}

impl StoreError {
    /// True when the request was at fault and not the database: a name that is missing, taken or in use.
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::NotFound(_) | Self::Duplicate(_) | Self::InUse(_) | Self::Unfit(_)
        )
    }

    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly { path }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            kind => Self::Unusable {
                path,
                detail: match kind {
                    io::ErrorKind::IsADirectory => "it is a folder, not a file".to_owned(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                        "a file stands where a folder is needed".to_owned()
                    }
                    _ => error.to_string(),
                },
            },
        }
    }

    pub(super) fn sql(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { path, detail }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path },
            _ if extended(error) == Some(ffi::SQLITE_IOERR_SHMSIZE) => Self::Full { path },
            _ => Self::Other { path, detail },
        }
    }
}

fn extended(error: &rusqlite::Error) -> Option<i32> {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => Some(failure.extended_code),
        _ => None,
    }
}

/// True when a UNIQUE column already holds the value.
pub(super) fn is_duplicate(error: &rusqlite::Error) -> bool {
    extended(error) == Some(ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// What a job on the database thread can fail with; the path is added when it leaves the room.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    /// A row that this program could not have written.
    Row(String),
    Refused(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    pub(super) fn not_found(what: impl Into<String>) -> Self {
        Self::Refused(StoreError::NotFound(what.into()))
    }

    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Sql(error) => StoreError::sql(path, &error),
            Self::Row(detail) => StoreError::Corrupt {
                path: path.to_owned(),
                detail,
            },
            Self::Refused(error) => error,
        }
    }
}
