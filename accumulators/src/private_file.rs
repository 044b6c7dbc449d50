//! Files that nobody else may read, and files that are there in whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// A file that is written piece by piece.
pub(crate) type Pieces = BufWriter<File>;

/// Bytes of a file that are written together.
const PIECE: usize = 64 << 10;

/// Makes a directory that its owner alone may enter. One that exists keeps its mode.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a new file that its owner alone may read, down to the disk, directory included.
/// Fails when the file exists.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    create_by(path, |file| file.write_all(content))
}

/// The same, of content that comes piece by piece.
fn create_by(path: &Path, write: impl FnOnce(&mut Pieces) -> io::Result<()>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = BufWriter::with_capacity(PIECE, options.open(path)?);
    let written = write(&mut file).and_then(|()| file.flush());
    let written = written.and_then(|()| file.get_ref().sync_all());
    let written = written.and_then(|()| sync_parent(path));
    if written.is_err() {
        // Half a file would be in the way of the next attempt.
        let _ = erase(path);
        let _ = fs::remove_file(path);
    }
    written
}

/// Makes a file that its owner alone may read, empty, unless there is one; and takes the rights
/// of others from one that there is.
pub(crate) fn keep_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    drop(file);
    Ok(())
}

/// Puts a whole file in its place, down to the disk: what stood there before stays until the
/// new one is complete.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut Pieces) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = path.with_extension("partial");
    if temporary.exists() {
        fs::remove_file(&temporary)?;
    }
    create_by(&temporary, write)?;
    fs::rename(&temporary, path)?;
    sync_parent(path)
}

/// Overwrites a file with zeros, down to the disk, and removes it. One that is gone is fine.
pub(crate) fn erase(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    file.write_all(&vec![0; length])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    sync_parent(path)
}

/// The mode of a file when others than its owner may read or write it.
pub(crate) fn open_to_others(path: &Path) -> io::Result<Option<u32>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path)?.permissions().mode() & 0o777;
        Ok((mode & 0o077 != 0).then_some(mode))
    }
    #[cfg(not(unix))]
    {
        fs::metadata(path).map(|_| None)
    }
}

/// A file's name is durable only when its directory is.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if cfg!(unix) => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_private_and_never_overwritten_by_create() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/key");
        make_dir(path.parent().unwrap()).unwrap();
        create(&path, b"secret").unwrap();
        assert_eq!(open_to_others(&path).unwrap(), None);
        assert_eq!(create(&path, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        replace(&path, |file| file.write_all(b"other")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"other");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn an_erased_file_is_zeros_before_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("key"), dir.path().join("link"));
        create(&path, b"secret").unwrap();
        // A second name shows what became of the content.
        fs::hard_link(&path, &other).unwrap();
        erase(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(&other).unwrap(), [0; 6]);
        erase(&path).unwrap();
    }
}
