//! Private directories and files: nobody else reads them, and what is written stays written.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rand::RngExt as _;
use zeroize::Zeroizing;

use super::WalletError;

/// Ending of files that are being written.
const UNFINISHED: &str = "tmp";

/// Makes a directory that only its owner can enter.
pub(super) fn create_dir(dir: &Path) -> Result<(), WalletError> {
    let dir = std::path::absolute(dir).map_err(failed("find", dir))?;
    let parents: Vec<&Path> = dir.ancestors().skip(1).collect();
    // The new directories' names must last, too: each stands in the one above it.
    let missing = parents.iter().take_while(|parent| !parent.exists()).count();
    if let Some(parent) = parents.first() {
        std::fs::create_dir_all(parent).map_err(failed("create", parent))?;
    }
    DirBuilder::new().mode(0o700).create(&dir).map_err(failed("create", &dir))?;
    for parent in parents.iter().take(missing + 1) {
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed("write", parent))?;
    }
    Ok(())
}

/// Checks that a path is a directory, or a file, of the owner's alone.
pub(super) fn check_private(path: &Path, directory: bool) -> Result<(), WalletError> {
    let metadata = std::fs::symlink_metadata(path).map_err(failed("read", path))?;
    if metadata.is_dir() != directory || metadata.is_symlink() {
        let expected = if directory { "a directory" } else { "a file" };
        return Err(WalletError::Kind { path: path.to_owned(), expected });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let wanted = if directory { 0o700 } else { 0o600 };
        return Err(WalletError::Open { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

/// Reads a private file of at most `limit` bytes; none when there is no such file.
pub(super) fn read(path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, WalletError> {
    match check_private(path, false) {
        Err(WalletError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        other => other?,
    }
    let file = File::open(path).map_err(failed("read", path))?;
    // Room for everything at once: a buffer that grows leaves copies behind.
    let length = file.metadata().map_err(failed("read", path))?.len();
    if length > limit as u64 {
        let reason = format!("got {length} bytes, expected at most {limit}");
        return Err(WalletError::Damaged { path: path.to_owned(), reason });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit.min(length as usize + 1)));
    file.take(length).read_to_end(&mut bytes).map_err(failed("read", path))?;
    Ok(Some(bytes))
}

/// Writes a private file so that, whatever happens, there is the old one or the whole new one.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), WalletError> {
    let number: u64 = rand::rng().random();
    let unfinished = path.with_extension(format!("{number:016x}.{UNFINISHED}"));
    let written = (|| {
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)?;
        // The name, too, must last.
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    })();
    written.map_err(|error| {
        // What is left of it is of no use; if it cannot be removed either, the next run does.
        let _ = std::fs::remove_file(&unfinished);
        failed("write", path)(error)
    })
}

/// Removes what a run that was cut short left half-written. Only under the lock.
pub(super) fn remove_unfinished(dir: &Path) -> Result<(), WalletError> {
    for path in list(dir, UNFINISHED)? {
        std::fs::remove_file(&path).map_err(failed("remove", &path))?;
    }
    Ok(())
}

/// The files of a directory with this ending, sorted.
pub(super) fn list(dir: &Path, ending: &str) -> Result<Vec<PathBuf>, WalletError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed("read", dir))? {
        let path = entry.map_err(failed("read", dir))?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Waits until no other process writes here; the lock ends with the file.
pub(super) fn lock(path: &Path) -> Result<File, WalletError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(failed("lock", path))?;
    file.lock().map_err(failed("lock", path))?;
    Ok(file)
}

fn failed(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> WalletError {
    move |source| WalletError::Io { action, path: path.to_owned(), source }
}
