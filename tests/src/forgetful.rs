//! A storage that keeps in its process's memory what was not flushed: when the process is killed,
//! exactly that is lost, as by a power failure.
//!
//! A file's bytes reach the disk when the file is flushed, its name when the directory is. Nothing
//! here flushes for the disk itself: that the machine goes on is what the tests rely on.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use settlement::journal::{Directory, Storage};

/// How long a flush of a file takes: there is time to be killed in.
const FLUSH: Duration = Duration::from_millis(2);

/// A handle; those made by [`Storage::another`] share the files.
#[derive(Clone)]
pub struct Forgetful {
    state: Arc<Mutex<State>>,
    /// Its lock is this storage's.
    _directory: Arc<Directory>,
}

struct State {
    place: PathBuf,
    files: Vec<Contents>,
    names: BTreeMap<String, usize>,
    /// What was done to names since the directory was flushed.
    changes: Vec<Change>,
}

/// A file's bytes.
#[derive(Default)]
struct Contents {
    /// As they are read.
    live: Vec<u8>,
    /// As the disk has them, or gets them with the file's first name.
    flushed: Vec<u8>,
    /// What was written since the last flush: from where to where.
    written: Vec<(usize, usize)>,
    /// The name that the disk has it under.
    named: Option<String>,
}

enum Change {
    Create(String, usize),
    Rename(String, String, usize),
    Remove(String, usize),
}

impl Forgetful {
    /// The files in a directory, as the last process left them on the disk.
    ///
    /// # Errors
    /// As [`Directory::open`], and when a file cannot be read.
    pub fn open(place: &Path) -> io::Result<Self> {
        let mut directory = Directory::open(place)?;
        let mut state = State {
            place: place.to_owned(),
            files: Vec::new(),
            names: BTreeMap::new(),
            changes: Vec::new(),
        };
        for name in directory.list()? {
            let bytes = std::fs::read(place.join(&name))?;
            let named = Some(name.clone());
            state.names.insert(name, state.files.len());
            let flushed = bytes.clone();
            state.files.push(Contents { live: bytes, flushed, written: Vec::new(), named });
        }
        Ok(Self { state: Arc::new(Mutex::new(state)), _directory: Arc::new(directory) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn number(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Makes a change of names on the disk, in one step of the operating system's.
    fn make(&mut self, change: Change) -> io::Result<()> {
        match change {
            Change::Create(name, number) => {
                // Beside the directory: a file has all its flushed bytes when its name appears.
                let part = self.place.with_extension("part");
                std::fs::write(&part, &self.files[number].flushed)?;
                std::fs::rename(part, self.place.join(&name))?;
                self.files[number].named = Some(name);
            }
            Change::Rename(from, to, number) => {
                std::fs::rename(self.place.join(from), self.place.join(&to))?;
                self.files[number].named = Some(to);
            }
            Change::Remove(name, number) => {
                std::fs::remove_file(self.place.join(name))?;
                self.files[number] = Contents::default();
            }
        }
        Ok(())
    }
}

impl Contents {
    /// Gives the disk what was written up to now.
    fn flush(&mut self, place: &Path, written: &[(usize, usize)]) -> io::Result<()> {
        let file: Option<File> = match &self.named {
            Some(name) => Some(OpenOptions::new().write(true).open(place.join(name))?),
            None => None,
        };
        for (from, to) in written {
            if self.flushed.len() < *to {
                self.flushed.resize(*to, 0);
            }
            let bytes = &self.live[*from..*to];
            self.flushed[*from..*to].copy_from_slice(bytes);
            if let Some(file) = &file {
                file.write_all_at(bytes, *from as u64)?;
            }
        }
        Ok(())
    }
}

impl Storage for Forgetful {
    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        let state = self.state();
        Ok(state.files[state.number(name)?].live.len() as u64)
    }

    fn read_at(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.state();
        let bytes = &state.files[state.number(name)?].live;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = state.files.len();
        state.files.push(Contents::default());
        state.names.insert(name.to_owned(), number);
        state.changes.push(Change::Create(name.to_owned(), number));
        Ok(())
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        let number = state.number(name)?;
        let contents = &mut state.files[number];
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        if contents.live.len() < to {
            contents.live.resize(to, 0);
        }
        contents.live[from..to].copy_from_slice(bytes);
        contents.written.push((from, to));
        Ok(bytes.len())
    }

    fn flush(&mut self, name: &str) -> io::Result<()> {
        let (number, written) = {
            let mut state = self.state();
            let number = state.number(name)?;
            (number, std::mem::take(&mut state.files[number].written))
        };
        // Others go on writing meanwhile, as they may.
        std::thread::sleep(FLUSH);
        let mut state = self.state();
        let place = state.place.clone();
        state.files[number].flush(&place, &written)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let number = state.number(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), number);
        state.changes.push(Change::Rename(from.to_owned(), to.to_owned(), number));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let number = state.number(name)?;
        state.names.remove(name);
        state.changes.push(Change::Remove(name.to_owned(), number));
        Ok(())
    }

    fn another(&mut self) -> io::Result<Self> {
        Ok(self.clone())
    }

    fn flush_directory(&mut self) -> io::Result<()> {
        let mut state = self.state();
        let changes = std::mem::take(&mut state.changes);
        changes.into_iter().try_for_each(|change| state.make(change))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_flushed_is_not_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("journal");
        let on_disk = |name: &str| std::fs::read(place.join(name)).ok();
        let mut storage = Forgetful::open(&place).unwrap();
        storage.create("a").unwrap();
        storage.write_at("a", 0, b"one").unwrap();
        storage.flush("a").unwrap();
        storage.write_at("a", 3, b"two").unwrap();
        assert_eq!(on_disk("a"), None);
        storage.flush_directory().unwrap();
        assert_eq!(on_disk("a").unwrap(), b"one");
        assert_eq!(storage.length("a").unwrap(), 6);
        let mut other = storage.another().unwrap();
        other.flush("a").unwrap();
        assert_eq!(on_disk("a").unwrap(), b"onetwo");
        storage.rename("a", "b").unwrap();
        storage.write_at("b", 0, b"ONE").unwrap();
        assert_eq!((on_disk("b"), storage.list().unwrap()), (None, vec!["b".to_owned()]));
        storage.flush("b").unwrap();
        assert_eq!(on_disk("a").unwrap(), b"ONEtwo");
        storage.flush_directory().unwrap();
        assert_eq!((on_disk("a"), on_disk("b").unwrap()), (None, b"ONEtwo".to_vec()));
        storage.remove("b").unwrap();
        assert!(on_disk("b").is_some());
        drop((storage, other));
        // As after a kill: the name was not flushed away.
        let mut storage = Forgetful::open(&place).unwrap();
        assert_eq!(storage.length("b").unwrap(), 6);
        storage.remove("b").unwrap();
        storage.flush_directory().unwrap();
        assert_eq!(on_disk("b"), None);
    }
}
