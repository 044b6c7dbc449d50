//! A disk in memory that loses, tears, reorders and flips what was not flushed, and gives errors,
//! short writes and a full disk when told to.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use settlement::journal::Storage;

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The process dies: this call and all later ones do nothing.
    Crash,
    /// The call fails; later ones succeed. A failed flush has lost what it should have kept,
    /// although reading still shows it.
    Error,
}

#[derive(Clone, Default)]
struct File {
    durable: Vec<u8>,
    live: Vec<u8>,
    pending: Vec<(u64, Vec<u8>)>,
}

#[derive(Clone)]
enum NameChange {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone, Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    changes: Vec<NameChange>,
    calls: u64,
    trouble: Option<(u64, Trouble)>,
    dead: bool,
    short_writes: bool,
    capacity: Option<u64>,
}

/// A handle; clones share the disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>, Arc<Gate>);

/// Holds flushes up while it is closed.
#[derive(Default)]
struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Disk {
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls made so far that can go wrong.
    pub fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    /// Lets the call of that number, counted from now, go wrong.
    pub fn trouble_at(&self, call: u64, trouble: Trouble) {
        let mut state = self.0.lock().unwrap();
        let at = state.calls + call;
        state.trouble = Some((at, trouble));
    }

    /// Lets no flush of a segment come to its end until `let_flushes_end`.
    pub fn hold_flushes(&self) {
        *self.1.closed.lock().unwrap() = true;
    }

    pub fn let_flushes_end(&self) {
        *self.1.closed.lock().unwrap() = false;
        self.1.opened.notify_all();
    }

    pub fn write_short(&self) {
        self.0.lock().unwrap().short_writes = true;
    }

    /// Limits the bytes in all files together.
    pub fn limit(&self, bytes: Option<u64>) {
        self.0.lock().unwrap().capacity = bytes;
    }

    pub fn used(&self) -> u64 {
        self.0.lock().unwrap().used()
    }

    /// What is there after a crash in the worst case: nothing but what was flushed.
    pub fn flushed_alone(&self) -> Self {
        self.0.lock().unwrap().after_crash(|_| false, |_, _| None)
    }

    /// What is there after a crash, by chance: some of what was not flushed, in any order, torn
    /// and with flipped bits.
    pub fn crashed(&self, seed: u64) -> Self {
        let rng = std::cell::RefCell::new(StdRng::seed_from_u64(seed));
        let state = self.0.lock().unwrap();
        state.after_crash(
            |_| rng.borrow_mut().random_bool(0.7),
            |_, bytes| {
                let mut rng = rng.borrow_mut();
                match rng.random_range(0..4) {
                    0 => None,
                    1 => {
                        let keep = rng.random_range(0..=bytes.len());
                        Some((0, bytes[..keep].to_vec()))
                    }
                    2 => {
                        let from = rng.random_range(0..=bytes.len());
                        let mut rest = bytes[from..].to_vec();
                        if !rest.is_empty() && rng.random_bool(0.3) {
                            let place = rng.random_range(0..rest.len());
                            rest[place] ^= 1 << rng.random_range(0..8);
                        }
                        Some((from, rest))
                    }
                    _ => Some((0, bytes.to_vec())),
                }
            },
        )
    }

    /// A copy with one bit flipped in a file, flushed or not.
    pub fn flipped(&self, name: &str, bit: usize) -> Self {
        let mut state = self.0.lock().unwrap().clone();
        state.trouble = None;
        let file = state.names[name];
        let file = &mut state.files[file];
        for bytes in [&mut file.live, &mut file.durable] {
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Self::of(state)
    }

    /// A copy without a file.
    pub fn without(&self, name: &str) -> Self {
        let mut state = self.0.lock().unwrap().clone();
        state.names.remove(name);
        state.durable_names.remove(name);
        Self::of(state)
    }

    fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.0.lock().unwrap();
        state.files[state.names[name]].live.clone()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().names.keys().cloned().collect()
    }

    fn call(&self) -> io::Result<std::sync::MutexGuard<'_, State>> {
        let mut state = self.0.lock().unwrap();
        state.count_call()?;
        Ok(state)
    }
}

impl State {
    fn count_call(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.trouble.is_some_and(|(at, _)| at == self.calls) {
            let (_, trouble) = self.trouble.take().unwrap();
            self.dead |= trouble == Trouble::Crash;
            return Err(io::Error::other("the disk failed"));
        }
        if self.dead { Err(io::Error::other("the process is dead")) } else { Ok(()) }
    }

    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].live.len() as u64).sum()
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn after_crash(
        &self,
        keep_change: impl Fn(usize) -> bool,
        keep_write: impl Fn(usize, &[u8]) -> Option<(usize, Vec<u8>)>,
    ) -> Disk {
        let mut names = self.durable_names.clone();
        for (place, change) in self.changes.iter().enumerate() {
            // A journaling file system keeps names in order: the first lost ends it.
            if !keep_change(place) {
                break;
            }
            change.make(&mut names);
        }
        let files = self.files.iter().map(|file| {
            let mut bytes = file.durable.clone();
            for (place, (offset, written)) in file.pending.iter().enumerate() {
                if let Some((from, kept)) = keep_write(place, written) {
                    put(&mut bytes, offset + from as u64, &kept);
                }
            }
            File { durable: bytes.clone(), live: bytes, pending: Vec::new() }
        });
        let files = files.collect();
        let durable_names = names.clone();
        Disk::of(State { files, names, durable_names, ..State::default() })
    }
}

impl NameChange {
    fn make(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, written: &[u8]) {
    let offset = offset as usize;
    if bytes.len() < offset + written.len() {
        bytes.resize(offset + written.len(), 0);
    }
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

impl Storage for Disk {
    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.call()?.names.keys().cloned().collect())
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        let state = self.call()?;
        Ok(state.files[state.file(name)?].live.len() as u64)
    }

    fn read_at(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.call()?;
        let bytes = &state.files[state.file(name)?].live;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.call()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(File::default());
        state.names.insert(name.to_owned(), file);
        state.changes.push(NameChange::Create(name.to_owned(), file));
        Ok(())
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.call()?;
        let file = state.file(name)?;
        let length = if state.short_writes { bytes.len().div_ceil(2) } else { bytes.len() };
        let end = offset + length as u64;
        let grows = end.saturating_sub(state.files[file].live.len() as u64);
        if state.capacity.is_some_and(|capacity| state.used() + grows > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = bytes[..length].to_vec();
        put(&mut state.files[file].live, offset, &written);
        state.files[file].pending.push((offset, written));
        Ok(length)
    }

    fn flush(&mut self, name: &str) -> io::Result<()> {
        if name.starts_with("segment-") {
            let closed = self.1.closed.lock().unwrap();
            drop(self.1.opened.wait_while(closed, |closed| *closed).unwrap());
        }
        let mut state = self.0.lock().unwrap();
        let file = state.file(name)?;
        if state.trouble == Some((state.calls + 1, Trouble::Error)) {
            // As Linux does: the pages are marked clean, and what they held may be lost.
            state.files[file].pending.clear();
        }
        state.count_call()?;
        let pending = std::mem::take(&mut state.files[file].pending);
        for (offset, written) in pending {
            put(&mut state.files[file].durable, offset, &written);
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.call()?;
        state.file(from)?;
        let change = NameChange::Rename(from.to_owned(), to.to_owned());
        change.make(&mut state.names);
        state.changes.push(change);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.call()?;
        state.file(name)?;
        let change = NameChange::Remove(name.to_owned());
        change.make(&mut state.names);
        state.changes.push(change);
        Ok(())
    }

    fn another(&mut self) -> io::Result<Self> {
        drop(self.call()?);
        Ok(self.clone())
    }

    fn flush_directory(&mut self) -> io::Result<()> {
        let mut state = self.call()?;
        let changes = std::mem::take(&mut state.changes);
        for change in changes {
            change.make(&mut state.durable_names);
        }
        Ok(())
    }
}
