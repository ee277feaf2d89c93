//! Where things live: the platform's directories, or one folder named by the user.

use super::Failure;
use crate::store::{Store, StoreError};
use std::path::{Path, PathBuf};

/// The folders and files of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    pub database: PathBuf,
    pub logs: PathBuf,
    pub traces: PathBuf,
}

impl Places {
    /// `named` (by `--data-dir`, else by `OBISCOPE_DATA_DIR`) keeps all of it together. A variable that is set to
    /// nothing counts as not set, as service files and scripts have it.
    pub fn find(named: Option<PathBuf>) -> Result<Self, Failure> {
        let variable = || std::env::var_os("OBISCOPE_DATA_DIR").filter(|it| !it.is_empty());
        let named = named.or_else(|| variable().map(PathBuf::from));
        if let Some(folder) = named {
            return Ok(Self::within(&folder, &folder));
        }
        let project = directories::ProjectDirs::from("", "", "obiscope").ok_or_else(|| {
            Failure::usage("no home directory is known here; name a folder with --data-dir DIR")
        })?;
        let data = project.data_local_dir();
        // Only Linux has a state directory of its own.
        Ok(Self::within(data, project.state_dir().unwrap_or(data)))
    }

    fn within(data: &Path, state: &Path) -> Self {
        Self {
            database: data.join("obiscope.db"),
            logs: state.join("logs"),
            traces: state.join("traces"),
        }
    }

    /// Opens (or makes) the database.
    pub fn open_store(&self) -> Result<Store, StoreError> {
        Store::open(&self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_folder_holds_everything() {
        let places = Places::find(Some(PathBuf::from("/srv/o"))).unwrap();
        assert_eq!(places.database, Path::new("/srv/o/obiscope.db"));
        assert_eq!(places.logs, Path::new("/srv/o/logs"));
        assert_eq!(places.traces, Path::new("/srv/o/traces"));
    }
}
