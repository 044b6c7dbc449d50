//! The real storage: a directory that one process holds at a time.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::storage::Storage;

const LOCK: &str = "lock";

/// A directory, locked while this or [`Storage::another`] of it lives.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    open: HashMap<String, File>,
    /// Held, never read.
    _lock: Option<File>,
}

/// A file is kept open for each name in use: an index of billions of ids has some forty.
const MAX_OPEN: usize = 64;

impl Directory {
    /// Opens a directory for one journal alone, making it if it is not there: readable by its
    /// owner only, since entries may hold goods keys.
    ///
    /// # Errors
    /// `WouldBlock` when another process holds it; otherwise as the disk gives them.
    pub fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "another process holds this journal",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self { path: path.to_owned(), open: HashMap::new(), _lock: Some(lock) })
    }

    /// Opens a directory that another process may hold, to copy flushed parts from it.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn open_to_read(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path: path.to_owned(), open: HashMap::new(), _lock: None })
    }

    fn file(&mut self, name: &str) -> io::Result<&File> {
        if !self.open.contains_key(name) {
            if self.open.len() >= MAX_OPEN {
                self.open.clear();
            }
            let writes = self._lock.is_some();
            let file = OpenOptions::new().read(true).write(writes).open(self.path.join(name))?;
            self.open.insert(name.to_owned(), file);
        }
        self.open.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Storage for Directory {
    fn list(&mut self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
                && name != LOCK
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        Ok(self.file(name)?.metadata()?.len())
    }

    fn read_at(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file(name)?.read_at(buffer, offset)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path.join(name))?;
        self.open.insert(name.to_owned(), file);
        Ok(())
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.file(name)?.write_at(bytes, offset)
    }

    fn flush(&mut self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))?;
        self.open.remove(to);
        if let Some(file) = self.open.remove(from) {
            self.open.insert(to.to_owned(), file);
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        std::fs::remove_file(self.path.join(name))
    }

    fn another(&mut self) -> io::Result<Self> {
        let lock = self._lock.as_ref().map(File::try_clone).transpose()?;
        Ok(Self { path: self.path.clone(), open: HashMap::new(), _lock: lock })
    }

    fn flush_directory(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_holds_a_directory() {
        let place = tempfile::tempdir().unwrap();
        let first = Directory::open(place.path()).unwrap();
        let second = Directory::open(place.path());
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(Directory::open_to_read(place.path()).is_ok());
        drop(first);
        assert!(Directory::open(place.path()).is_ok());
    }

    #[test]
    fn files_are_written_renamed_and_listed() {
        let place = tempfile::tempdir().unwrap();
        let mut storage = Directory::open(place.path()).unwrap();
        storage.create("a").unwrap();
        assert!(storage.create("a").is_err());
        assert_eq!(storage.write_at("a", 2, b"xyz").unwrap(), 3);
        storage.flush("a").unwrap();
        storage.rename("a", "b").unwrap();
        storage.flush_directory().unwrap();
        assert_eq!(storage.list().unwrap(), ["b"]);
        let mut bytes = [9; 8];
        assert_eq!(storage.read_at("b", 0, &mut bytes).unwrap(), 5);
        assert_eq!(bytes, [0, 0, b'x', b'y', b'z', 9, 9, 9]);
        storage.remove("b").unwrap();
        assert!(storage.length("b").is_err());
    }
}
