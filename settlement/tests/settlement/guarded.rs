//! A storage with somebody before it who may refuse each call that changes anything.

use std::io;
use std::sync::Arc;

use settlement::journal::Storage;

/// What is asked of a storage, as far as refusals go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Writes up to this byte of a file that is so long.
    Write {
        end: u64,
        length: u64,
    },
    Create,
    Flush,
    /// Renames or removes a file, or flushes the directory.
    Names,
}

type Guard = Arc<dyn Fn(Call) -> io::Result<()> + Send + Sync>;

/// The storage and its guard; handles on it share both.
pub struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl<S> Guarded<S> {
    pub fn new(inner: S, guard: impl Fn(Call) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { inner, guard: Arc::new(guard) }
    }
}

impl<S: Storage> Storage for Guarded<S> {
    fn list(&mut self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        self.inner.length(name)
    }

    fn read_at(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(name, offset, buffer)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        (self.guard)(Call::Create)?;
        self.inner.create(name)
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let (end, length) = (offset + bytes.len() as u64, self.inner.length(name)?);
        (self.guard)(Call::Write { end, length })?;
        self.inner.write_at(name, offset, bytes)
    }

    fn flush(&mut self, name: &str) -> io::Result<()> {
        (self.guard)(Call::Flush)?;
        self.inner.flush(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        (self.guard)(Call::Names)?;
        self.inner.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        (self.guard)(Call::Names)?;
        self.inner.remove(name)
    }

    fn another(&mut self) -> io::Result<Self> {
        Ok(Self { inner: self.inner.another()?, guard: Arc::clone(&self.guard) })
    }

    fn flush_directory(&mut self) -> io::Result<()> {
        (self.guard)(Call::Names)?;
        self.inner.flush_directory()
    }

    fn sound(&mut self) -> io::Result<()> {
        self.inner.sound()
    }
}
