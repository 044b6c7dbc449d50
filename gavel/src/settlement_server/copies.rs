//! The files of a server beside its journal, copied to and from a backup.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::exit::Failure;

/// Most files that are copied from one directory.
const MAX_FILES: usize = 1 << 20;

/// Makes a directory that only its owner can enter.
pub(super) fn make_dir(dir: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| Failure::file("create", dir, source))
}

/// Copies a file for its owner alone, down to the disk; it must not exist yet.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut source = File::open(from).map_err(|error| Failure::input("read", from, error))?;
    let failed = |error| Failure::file("write", to, error);
    let mut target =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(failed)
}

/// Copies the files of a directory with these endings, where there is such a directory. A file
/// that goes meanwhile is passed over: it is not needed any more. Answers with their number.
pub(super) fn copy_dir(from: &Path, to: &Path, ending: &str) -> Result<u64, Failure> {
    let listed = match std::fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        listed => listed.map_err(|error| Failure::input("read", from, error))?,
    };
    make_dir(to)?;
    let mut copied = 0;
    for entry in listed.take(MAX_FILES) {
        let path = entry.map_err(|error| Failure::input("read", from, error))?.path();
        let Some(name) = path.file_name() else { continue };
        if path.extension().is_none_or(|known| known != ending) {
            continue;
        }
        match copy_file(&path, &to.join(name)) {
            Err(Failure::Input { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            done => {
                done?;
                copied += 1;
            }
        }
    }
    File::open(to)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| Failure::file("write", to, error))?;
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_files_of_the_kind_are_copied_and_none_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        assert_eq!(copy_dir(&from, &to, "key").unwrap(), 0);
        make_dir(&from).unwrap();
        for name in ["a.key", "b.key", "c.key.part", "d"] {
            std::fs::write(from.join(name), name).unwrap();
        }
        assert_eq!(copy_dir(&from, &to, "key").unwrap(), 2);
        assert_eq!(std::fs::read_to_string(to.join("b.key")).unwrap(), "b.key");
        assert!(!to.join("d").exists());
        assert!(copy_dir(&from, &to, "key").is_err());
    }
}
