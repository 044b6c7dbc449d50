//! Files that appear whole or not at all, and are on the disk when that is said.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use auction::layout::Digest;

use crate::server::private_file::sync_parent;

/// Writes a file that its owner alone may read, whole or not at all, replacing one of its name.
///
/// # Errors
/// The operating system's, here and below.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = fs::remove_file(&part);
        return Err(error);
    }
    fs::rename(&part, path)?;
    sync_parent(path)
}

/// Reads a file; nothing, where there is none.
///
/// # Errors
/// The operating system's.
pub fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file for good; it need not be there.
///
/// # Errors
/// The operating system's.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Overwrites a file with zeros and removes it. What a disk or file system keeps of old blocks is
/// beyond this.
///
/// # Errors
/// The operating system's.
pub fn erase(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(mut file) => {
            let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
            file.write_all(&vec![0; length.min(1 << 16)])?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    remove(path)
}

/// The ids that have a file with this extension in `dir`: auctions, items.
///
/// # Errors
/// The operating system's.
pub fn ids_in(dir: &Path, extension: &str) -> io::Result<Vec<Digest>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let named = path.extension().is_some_and(|one| one == extension);
        found.extend(stem.filter(|_| named).and_then(Digest::from_hex));
    }
    Ok(found)
}

/// The file of an id in `dir`.
#[must_use]
pub fn of_id(dir: &Path, id: &Digest, extension: &str) -> PathBuf {
    dir.join(format!("{id}.{extension}"))
}

/// Flushes a file and gives it another name, both for good.
///
/// # Errors
/// The operating system's.
pub fn flush_and_rename(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    sync_parent(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_appear_whole_and_go_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let id = Digest([7; 32]);
        let path = of_id(dir.path(), &id, "key");
        assert_eq!(read_if_there(&path).unwrap(), None);
        remove(&path).unwrap();
        erase(&path).unwrap();
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(read_if_there(&path).unwrap().unwrap(), b"two");
        fs::write(dir.path().join("other.key"), b"").unwrap();
        assert_eq!(ids_in(dir.path(), "key").unwrap(), [id]);
        // A second name for the same blocks shows what became of them.
        let shadow = dir.path().join("shadow");
        fs::hard_link(&path, &shadow).unwrap();
        erase(&path).unwrap();
        assert_eq!(read_if_there(&path).unwrap(), None);
        assert_eq!(fs::read(&shadow).unwrap(), [0; 3]);
    }
}
