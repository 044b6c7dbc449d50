//! Spare segments: made full of zeros little by little, ahead of need.

use super::storage::{JournalError, Storage, disk, is_full, write_all};

/// Spare segments that are kept ready. While fewer are and no more can be made, new orders are
/// refused: what is left is for settlements, expiries and voids.
const READY: usize = 2;
/// Zeros written at once.
pub(crate) const STEP: usize = 1 << 20;
/// Zeros flushed at once: a disk that is given a whole segment of them lets the flush of the next
/// batch wait until it has written them all.
const FLUSHED: u64 = 4 * STEP as u64;
const UNFINISHED: &str = ".new";

/// The spare segments of a journal.
#[derive(Debug)]
pub(crate) struct Spares {
    size: u64,
    ready: Vec<String>,
    filling: Option<(String, u64)>,
    /// The last attempt to make a spare met a full disk.
    full: bool,
    next: u64,
}

impl Spares {
    /// Finds the spares that are ready, and removes what an interrupted start or change left.
    pub(crate) fn find(storage: &mut impl Storage, size: u64) -> Result<Self, JournalError> {
        let mut ready = Vec::new();
        let mut next = 1;
        let mut removed = false;
        let mut names = storage.list().map_err(disk("list", "."))?;
        names.sort_unstable();
        for name in names {
            if name.ends_with(UNFINISHED) {
                storage.remove(&name).map_err(disk("remove", &name))?;
                removed = true;
            } else if let Some(number) = name.strip_prefix("spare-") {
                let fits = storage.length(&name).map_err(disk("measure", &name))? == size;
                next = next.max(number.parse::<u64>().map_or(1, |number| number + 1));
                if fits {
                    ready.push(name);
                } else {
                    storage.remove(&name).map_err(disk("remove", &name))?;
                    removed = true;
                }
            }
        }
        if removed {
            storage.flush_directory().map_err(disk("flush", "."))?;
        }
        Ok(Self { size, ready, filling: None, full: false, next })
    }

    /// Whether the last spare is being kept for settlements.
    pub(crate) fn scarce(&self) -> bool {
        self.full && self.ready.len() < READY
    }

    /// Whether the last attempt to make one met a full disk.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether there is anything to be done.
    pub(crate) fn has_work(&self) -> bool {
        self.ready.len() < READY
    }

    /// Takes a ready spare.
    pub(crate) fn take(&mut self) -> Option<String> {
        if self.ready.is_empty() { None } else { Some(self.ready.remove(0)) }
    }

    /// Goes on making spares by up to `bytes` zeros. A full disk is no error here: the attempt
    /// is given up and made again the next time.
    pub(crate) fn advance(
        &mut self,
        storage: &mut impl Storage,
        bytes: usize,
    ) -> Result<(), JournalError> {
        if self.ready.len() >= READY {
            self.full = false;
            return Ok(());
        }
        match self.fill(storage, bytes) {
            Ok(()) => {
                // Full is over only when a whole spare could be made.
                Ok(())
            }
            Err(error) if is_full(&error) => {
                self.full = true;
                if let Some((name, _)) = self.filling.take() {
                    storage.remove(&name).map_err(disk("remove", &name))?;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn fill(&mut self, storage: &mut impl Storage, bytes: usize) -> Result<(), JournalError> {
        let (name, mut offset) = match self.filling.take() {
            Some(filling) => filling,
            None => {
                let name = format!("spare-{:010}", self.next);
                self.next += 1;
                let unfinished = format!("{name}{UNFINISHED}");
                storage.create(&unfinished).map_err(disk("create", &unfinished))?;
                (unfinished, 0)
            }
        };
        // Kept before the write, so that a full disk removes the file.
        self.filling = Some((name.clone(), offset));
        let (start, goal) = (offset, self.size.min(offset + bytes as u64));
        while offset < goal {
            let length = (goal - offset).min(STEP as u64);
            write_all(storage, &name, offset, &ZEROS[..length as usize])?;
            offset += length;
        }
        self.filling = Some((name.clone(), offset));
        if offset < self.size && offset / FLUSHED > start / FLUSHED {
            storage.flush(&name).map_err(disk("flush", &name))?;
        }
        if offset == self.size {
            let ready = name.trim_end_matches(UNFINISHED).to_owned();
            storage.flush(&name).map_err(disk("flush", &name))?;
            storage.rename(&name, &ready).map_err(disk("rename", &name))?;
            storage.flush_directory().map_err(disk("flush", "."))?;
            self.filling = None;
            self.full = false;
            self.ready.push(ready);
        }
        Ok(())
    }
}

static ZEROS: [u8; STEP] = [0; STEP];

/// The name of a file that a start removes again unless it was finished and renamed.
pub(crate) fn unfinished(name: &str) -> String {
    format!("{name}{UNFINISHED}")
}

/// Makes `name` a file of `size` zeros, not flushed.
pub(crate) fn zeroed(
    storage: &mut impl Storage,
    name: &str,
    size: u64,
) -> Result<(), JournalError> {
    storage.create(name).map_err(disk("create", name))?;
    let mut offset = 0;
    while offset < size {
        let length = (size - offset).min(STEP as u64);
        write_all(storage, name, offset, &ZEROS[..length as usize])?;
        offset += length;
    }
    Ok(())
}
