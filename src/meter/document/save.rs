//! Writes a file whole or not at all. The one rule: what stood there before stays until the new one is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("{} exists already: nothing was written", .0.display())]
    Exists(PathBuf),
    #[error("{} cannot be written: {error}; nothing was changed", path.display())]
    Write { path: PathBuf, error: io::Error },
}

/// Readable by its owner alone, beside its place first and then renamed into it. What stands there stays, unless it is
/// to be replaced.
pub fn save(
    path: &Path,
    replace: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), SaveError> {
    let failed = |error| SaveError::Write {
        path: path.to_owned(),
        error,
    };
    if !replace && fs::symlink_metadata(path).is_ok() {
        return Err(SaveError::Exists(path.to_owned()));
    }
    let name = path
        .file_name()
        .ok_or_else(|| failed(io::Error::other("a file name is wanted")))?;
    let beside = path.with_file_name(format!(
        ".{}.{}.part",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written =
        private(OpenOptions::new().truncate(true).create(true), &beside).and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.flush()?;
            out.get_ref().sync_all()?;
            put(&beside, path, replace)
        });
    if written.is_err() {
        // It may never have come to be.
        let _ = fs::remove_file(&beside);
    }
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => SaveError::Exists(path.to_owned()),
        _ => failed(error),
    })
}

/// Someone may have put a file there meanwhile: a link, unlike renaming, does not replace it.
fn put(beside: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        return fs::rename(beside, path);
    }
    match fs::hard_link(beside, path) {
        Ok(()) => fs::remove_file(beside),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Not every file system has links.
        Err(_) => fs::rename(beside, path),
    }
}

fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// Whether both names lead to one file, by whatever links.
pub fn same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let key = |path: &Path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
        key(one).is_some_and(|it| key(other) == Some(it))
    }
    #[cfg(not(unix))]
    {
        let key = |path: &Path| fs::canonicalize(path).ok();
        key(one).is_some_and(|it| key(other) == Some(it))
    }
}

/// What comes once only, kept in a file without a name so that it can be read again.
pub fn spool(from: &mut dyn Read) -> io::Result<File> {
    let path = std::env::temp_dir().join(format!(
        "obiscope-{}-{:016x}",
        std::process::id(),
        std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 0_u8)
    ));
    let mut file = private(OpenOptions::new().read(true).create_new(true), &path)?;
    fs::remove_file(&path)?;
    io::copy(from, &mut file)?;
    Ok(file)
}
