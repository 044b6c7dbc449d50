//! A storage of whatever kind, so that the server is one type on every disk.
//!
//! A call through a table of functions costs nothing beside what the disk does.

use std::io;

use super::storage::Storage;

/// Any [`Storage`].
pub struct AnyStorage(Box<dyn Erased>);

/// A storage that can be asked for another handle of its kind without saying which kind that is.
trait Erased: Storage {
    fn another_erased(&mut self) -> io::Result<Box<dyn Erased>>;
}

impl<S: Storage + 'static> Erased for S {
    fn another_erased(&mut self) -> io::Result<Box<dyn Erased>> {
        Ok(Box::new(self.another()?))
    }
}

impl AnyStorage {
    /// Hides which kind a storage is.
    pub fn new(storage: impl Storage + 'static) -> Self {
        Self(Box::new(storage))
    }
}

impl Storage for AnyStorage {
    fn list(&mut self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        self.0.length(name)
    }

    fn read_at(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(name, offset, buffer)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.0.create(name)
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_at(name, offset, bytes)
    }

    fn flush(&mut self, name: &str) -> io::Result<()> {
        self.0.flush(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn another(&mut self) -> io::Result<Self> {
        Ok(Self(self.0.another_erased()?))
    }

    fn flush_directory(&mut self) -> io::Result<()> {
        self.0.flush_directory()
    }

    fn sound(&mut self) -> io::Result<()> {
        self.0.sound()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Directory;
    use super::*;

    #[test]
    fn it_does_what_the_storage_behind_it_does() {
        let place = tempfile::tempdir().unwrap();
        let mut any = AnyStorage::new(Directory::open(place.path()).unwrap());
        any.create("a").unwrap();
        assert_eq!(any.write_at("a", 1, b"xy").unwrap(), 2);
        any.flush("a").unwrap();
        let mut other = any.another().unwrap();
        other.rename("a", "b").unwrap();
        other.flush_directory().unwrap();
        assert_eq!((any.list().unwrap(), other.length("b").unwrap()), (vec!["b".to_owned()], 3));
        let mut bytes = [9; 3];
        assert_eq!(any.read_at("b", 0, &mut bytes).unwrap(), 3);
        assert_eq!(bytes, *b"\0xy");
        any.remove("b").unwrap();
        assert!(std::fs::read(place.path().join("b")).is_err());
    }
}
