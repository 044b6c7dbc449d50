//! Files and directories that nobody else may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Makes a directory that its owner alone may enter. One that exists keeps its mode.
///
/// # Errors
/// The operating system's, here and below.
pub fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a new file that its owner alone may read, down to the disk, directory included.
///
/// # Errors
/// Also when the file exists.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let written = written.and_then(|()| sync_parent(path));
    if written.is_err() {
        // Half a file would be in the way of the next attempt.
        let _ = fs::remove_file(path);
    }
    written
}

/// The mode of a file or directory when others than its owner may read or write it.
///
/// # Errors
/// The operating system's.
pub fn open_to_others(path: &Path) -> io::Result<Option<u32>> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// A file's name is durable only when its directory is.
///
/// # Errors
/// The operating system's.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/key");
        make_dir(path.parent().unwrap()).unwrap();
        create(&path, b"secret").unwrap();
        assert_eq!(open_to_others(&path).unwrap(), None);
        assert_eq!(open_to_others(path.parent().unwrap()).unwrap(), None);
        assert_eq!(create(&path, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(open_to_others(&path).unwrap(), Some(0o640));
    }
}
