//! Sorted runs of sixteen-byte keys on the disk: each a file that is written once, in blocks that
//! vouch for themselves. What is looked for is the keys with a given first half.
//!
//! Runs of a level are merged into one of the next, a little with each run that is added, so that
//! nobody ever waits for a merge: a merge of a level is done before as many runs again have come.

use std::collections::VecDeque;

use super::filter::{self, Filter};
use crate::journal::{JournalError, Storage, disk, is_full, read_into, write_all};

const BLOCK_BYTES: usize = 4096;
/// Keys in a block; the rest of it is their number and a CRC.
const BLOCK_KEYS: usize = 255;
/// Runs of one level that are merged.
const MERGED: usize = 4;
/// First halves of blocks' first keys that are kept in memory for a run; in a longer run, of every
/// so-many-th block.
const FENCES: u64 = 1 << 16;
const PREFIX: &str = "index-run-";

/// What a checkpoint says of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunEntry {
    pub(super) number: u64,
    pub(super) level: u8,
    pub(super) keys: u64,
}

/// A run that is whole.
#[derive(Debug)]
struct Run {
    entry: RunEntry,
    /// First halves of the first keys of every `stride`-th block.
    fences: Vec<u64>,
    stride: u64,
    filter: Filter,
}

/// All runs.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    merges: Vec<Merge>,
    /// The number of the next run's file.
    next: u64,
    /// Sorted keys for which the disk had no room.
    unwritten: VecDeque<Vec<u128>>,
    /// Merged runs whose files the last checkpoint still names.
    merged: Vec<u64>,
}

/// Runs of one level on their way into one of the next.
#[derive(Debug)]
struct Merge {
    level: u8,
    inputs: Vec<Input>,
    output: Output,
}

#[derive(Debug)]
struct Input {
    number: u64,
    /// What comes next: the keys of a block, the first one last.
    keys: Vec<u128>,
    block: u64,
    blocks: u64,
}

/// A run being written.
#[derive(Debug)]
struct Output {
    run: Run,
    block: Vec<u128>,
    blocks: u64,
    /// What is to be written next, and where.
    bytes: Vec<u8>,
    written: u64,
}

/// Bytes of a run that are written at once.
const WRITE_BYTES: usize = 64 * BLOCK_BYTES;

pub(super) fn name(number: u64) -> String {
    format!("{PREFIX}{number:016}")
}

/// Whether a file is a run's.
pub(super) fn is_run(name: &str) -> bool {
    name.starts_with(PREFIX)
}

fn damaged(number: u64, what: &'static str) -> JournalError {
    JournalError::Index { name: name(number), what }
}

impl Runs {
    /// The runs that a checkpoint names.
    pub(super) fn open(
        storage: &mut dyn Storage,
        entries: &[RunEntry],
    ) -> Result<Self, JournalError> {
        let mut runs = Self::default();
        for entry in entries {
            runs.runs.push(Run::read(storage, *entry)?);
            runs.next = runs.next.max(entry.number + 1);
        }
        Ok(runs)
    }

    /// What the next checkpoint is to say.
    pub(super) fn entries(&self) -> Vec<RunEntry> {
        self.runs.iter().map(|run| run.entry).collect()
    }

    /// Keys that wait in memory for want of room on the disk.
    pub(super) fn unwritten(&self) -> usize {
        self.unwritten.iter().map(Vec::len).sum()
    }

    /// Adds keys, and goes on merging. The files of merged runs that are not among the `durable`
    /// go at once, the others after the next checkpoint.
    pub(super) fn add(
        &mut self,
        storage: &mut dyn Storage,
        mut keys: Vec<u128>,
        durable: &[RunEntry],
    ) -> Result<(), JournalError> {
        keys.sort_unstable();
        keys.dedup();
        let budget = keys.len() * (MERGED + 1);
        self.unwritten.push_back(keys);
        self.write(storage)?;
        self.merge(storage, budget, durable)
    }

    /// Writes what waits, as far as there is room.
    pub(super) fn write(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        while let Some(keys) = self.unwritten.front() {
            let mut output = Output::new(self.next, 0, keys.len() as u64);
            match output.begin(storage).and_then(|()| output.write_all(storage, keys)) {
                Ok(()) => {}
                Err(error) if is_full(&error) => return output.give_up(storage),
                Err(error) => return Err(error),
            }
            self.next += 1;
            self.runs.push(output.run);
            self.unwritten.pop_front();
        }
        Ok(())
    }

    /// Goes on with the merges under way, `budget` keys of each, and begins those that are due.
    fn merge(
        &mut self,
        storage: &mut dyn Storage,
        budget: usize,
        durable: &[RunEntry],
    ) -> Result<(), JournalError> {
        for level in 0..u8::MAX {
            if !self.runs.iter().any(|run| run.entry.level >= level) {
                break;
            }
            let under_way = self.merges.iter().any(|merge| merge.level == level);
            if !under_way
                && self.runs.iter().filter(|run| run.entry.level == level).count() >= MERGED
            {
                self.begin_merge(storage, level)?;
            }
        }
        for mut merge in std::mem::take(&mut self.merges) {
            match merge.advance(storage, budget) {
                Ok(false) => self.merges.push(merge),
                Ok(true) => {
                    let inputs: Vec<u64> = merge.inputs.iter().map(|input| input.number).collect();
                    self.runs.retain(|run| !inputs.contains(&run.entry.number));
                    self.runs.push(merge.output.run);
                    for number in inputs {
                        if durable.iter().any(|run| run.number == number) {
                            self.merged.push(number);
                        } else {
                            let name = name(number);
                            storage.remove(&name).map_err(disk("remove", &name))?;
                        }
                    }
                }
                // Begun anew when there is room.
                Err(error) if is_full(&error) => merge.output.give_up(storage)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn begin_merge(&mut self, storage: &mut dyn Storage, level: u8) -> Result<(), JournalError> {
        let of_level = self.runs.iter().filter(|run| run.entry.level == level);
        let entries: Vec<RunEntry> = of_level.take(MERGED).map(|run| run.entry).collect();
        let keys = entries.iter().map(|entry| entry.keys).sum();
        let mut output = Output::new(self.next, level + 1, keys);
        match output.begin(storage) {
            Ok(()) => {}
            Err(error) if is_full(&error) => return output.give_up(storage),
            Err(error) => return Err(error),
        }
        self.next += 1;
        let inputs = entries.iter().map(|entry| Input {
            number: entry.number,
            keys: Vec::new(),
            block: 0,
            blocks: entry.blocks(),
        });
        self.merges.push(Merge { level, inputs: inputs.collect(), output });
        Ok(())
    }

    /// Whether a key with this first half may be there: false only where none is.
    pub(super) fn may_hold(&self, first_half: u64) -> bool {
        !self.unwritten.is_empty() || self.runs.iter().any(|run| run.filter.may_hold(first_half))
    }

    /// The second halves of all keys with this first half.
    pub(super) fn find(
        &self,
        storage: &mut dyn Storage,
        first_half: u64,
    ) -> Result<Vec<u64>, JournalError> {
        let mut found = Vec::new();
        for keys in &self.unwritten {
            let from = keys.partition_point(|key| ((key >> 64) as u64) < first_half);
            let of = keys.iter().skip(from).take_while(|key| (*key >> 64) as u64 == first_half);
            found.extend(of.map(|key| *key as u64));
        }
        for run in self.runs.iter().filter(|run| run.filter.may_hold(first_half)) {
            run.find(storage, first_half, &mut found)?;
        }
        Ok(found)
    }

    /// Makes the runs' files durable that were not named by a checkpoint before.
    pub(super) fn flush(
        &mut self,
        storage: &mut dyn Storage,
        before: &[RunEntry],
    ) -> Result<(), JournalError> {
        for run in self.runs.iter().filter(|run| !before.contains(&run.entry)) {
            let name = name(run.entry.number);
            storage.flush(&name).map_err(disk("flush", &name))?;
        }
        Ok(())
    }

    /// Removes the files that no checkpoint names any more.
    pub(super) fn clean(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        for number in self.merged.drain(..) {
            let name = name(number);
            storage.remove(&name).map_err(disk("remove", &name))?;
        }
        Ok(())
    }

    /// Bytes in memory: of every run, of those being merged, and for want of room.
    pub(super) fn kept(&self) -> usize {
        let outputs = self.merges.iter().map(|merge| {
            let inputs: usize = merge.inputs.iter().map(|input| input.keys.len() * 16).sum();
            inputs + merge.output.bytes.len() + merge.output.run.kept()
        });
        let runs = self.runs.iter().map(Run::kept);
        self.unwritten() * 16 + outputs.sum::<usize>() + runs.sum::<usize>()
    }

    /// How many runs a look goes through.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.runs.len()
    }
}

impl RunEntry {
    fn blocks(&self) -> u64 {
        self.keys.div_ceil(BLOCK_KEYS as u64)
    }
}

impl Run {
    fn new(entry: RunEntry) -> Self {
        let stride = entry.blocks().div_ceil(FENCES).max(1);
        Self { entry, fences: Vec::new(), stride, filter: Filter::new(entry.keys) }
    }

    /// Bytes in memory.
    fn kept(&self) -> usize {
        self.fences.len() * 8 + self.filter.bytes() + size_of::<Self>()
    }

    /// Reads what stands after the blocks.
    fn read(storage: &mut dyn Storage, entry: RunEntry) -> Result<Self, JournalError> {
        let name = name(entry.number);
        let blocks = entry.blocks() * BLOCK_BYTES as u64;
        let length = storage.length(&name).map_err(disk("measure", &name))?;
        let most = FENCES * 8 + 20 + filter::MAX_BYTES;
        let rest = length.checked_sub(blocks).filter(|rest| *rest <= most);
        let cut_short = || damaged(entry.number, "it has another length than was written");
        let rest = usize::try_from(rest.ok_or_else(cut_short)?).map_err(|_| cut_short())?;
        let mut bytes = vec![0; rest];
        read_into(storage, &name, blocks, &mut bytes)?;
        let whole = bytes.split_last_chunk::<4>().and_then(|(content, crc)| {
            let (stride, content_left) = content.split_first_chunk::<8>()?;
            let (fences, content_left) = content_left.split_first_chunk::<8>()?;
            let fences = usize::try_from(u64::from_le_bytes(*fences)).ok()?.checked_mul(8)?;
            let (fences, filter) = content_left.split_at_checked(fences)?;
            let sound = crc32fast::hash(content) == u32::from_le_bytes(*crc);
            let stride = u64::from_le_bytes(*stride).max(1);
            sound.then_some((stride, fences.as_chunks::<8>().0, Filter::decode(filter)?))
        });
        let Some((stride, fences, filter)) = whole else {
            return Err(damaged(entry.number, "its end does not match its CRC"));
        };
        let fences = fences.iter().map(|fence| u64::from_le_bytes(*fence)).collect();
        Ok(Self { entry, fences, stride, filter })
    }

    fn find(
        &self,
        storage: &mut dyn Storage,
        first_half: u64,
        found: &mut Vec<u64>,
    ) -> Result<(), JournalError> {
        let RunEntry { number, .. } = self.entry;
        // The last fence below it: the first key that is not less lies from there on.
        let fence = self.fences.partition_point(|first| *first < first_half).saturating_sub(1);
        let mut low = fence as u64 * self.stride;
        let mut high = (low + self.stride).min(self.entry.blocks());
        let key = u128::from(first_half) << 64;
        // The last block of these that begins below it, by halves.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let begins = read_block(storage, number, middle)?.first().copied();
            if begins.is_some_and(|begins| begins < key) { low = middle } else { high = middle }
        }
        for block in low..self.entry.blocks() {
            let keys = read_block(storage, number, block)?;
            let from = keys.partition_point(|one| *one < key);
            let rest = keys.get(from..).unwrap_or_default();
            let of = rest.iter().take_while(|one| (*one >> 64) as u64 == first_half).count();
            found.extend(rest.iter().take(of).map(|one| *one as u64));
            if of < rest.len() {
                break;
            }
        }
        Ok(())
    }
}

fn read_block(
    storage: &mut dyn Storage,
    number: u64,
    block: u64,
) -> Result<Vec<u128>, JournalError> {
    let mut bytes = [0; BLOCK_BYTES];
    let read = read_into(storage, &name(number), block * BLOCK_BYTES as u64, &mut bytes)?;
    let (content, crc) = bytes.split_last_chunk::<4>().unwrap_or((&[], &[0; 4]));
    if read < BLOCK_BYTES || crc32fast::hash(content) != u32::from_le_bytes(*crc) {
        return Err(damaged(number, "a block does not match its CRC"));
    }
    let (keys, rest) = content.as_chunks::<16>();
    let count = rest.first_chunk().map_or(0, |count| u32::from_le_bytes(*count)) as usize;
    Ok(keys.iter().take(count).map(|key| u128::from_le_bytes(*key)).collect())
}

impl Input {
    fn peek(&mut self, storage: &mut dyn Storage) -> Result<Option<u128>, JournalError> {
        if self.keys.is_empty() && self.block < self.blocks {
            self.keys = read_block(storage, self.number, self.block)?;
            self.keys.reverse();
            self.block += 1;
        }
        Ok(self.keys.last().copied())
    }
}

impl Merge {
    /// Goes on by so many keys; answers whether it is done.
    fn advance(&mut self, storage: &mut dyn Storage, budget: usize) -> Result<bool, JournalError> {
        for _ in 0..budget {
            let mut least: Option<(u128, usize)> = None;
            for (place, input) in self.inputs.iter_mut().enumerate() {
                if let Some(key) = input.peek(storage)?
                    && least.is_none_or(|(known, _)| key < known)
                {
                    least = Some((key, place));
                }
            }
            let Some((key, place)) = least else {
                self.output.end(storage)?;
                return Ok(true);
            };
            self.output.push(storage, key)?;
            if let Some(input) = self.inputs.get_mut(place) {
                input.keys.pop();
            }
        }
        Ok(false)
    }
}

impl Output {
    /// A run of at most so many keys.
    fn new(number: u64, level: u8, keys: u64) -> Self {
        let mut run = Run::new(RunEntry { number, level, keys });
        run.entry.keys = 0;
        let (block, bytes) = (Vec::with_capacity(BLOCK_KEYS), Vec::new());
        Self { run, block, blocks: 0, bytes, written: 0 }
    }

    fn name(&self) -> String {
        name(self.run.entry.number)
    }

    fn begin(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        let name = self.name();
        storage.create(&name).map_err(disk("create", &name))
    }

    fn write_all(&mut self, storage: &mut dyn Storage, keys: &[u128]) -> Result<(), JournalError> {
        for key in keys {
            self.push(storage, *key)?;
        }
        self.end(storage)
    }

    /// Appends a key, which is not less than the one before; the same again counts once.
    fn push(&mut self, storage: &mut dyn Storage, key: u128) -> Result<(), JournalError> {
        if self.block.last() == Some(&key) {
            return Ok(());
        }
        if self.block.len() == BLOCK_KEYS {
            self.end_block();
            if self.bytes.len() >= WRITE_BYTES {
                self.write(storage)?;
            }
        }
        if self.block.is_empty() && self.blocks.is_multiple_of(self.run.stride) {
            self.run.fences.push((key >> 64) as u64);
        }
        self.run.filter.insert((key >> 64) as u64);
        self.block.push(key);
        self.run.entry.keys += 1;
        Ok(())
    }

    fn end_block(&mut self) {
        let start = self.bytes.len();
        for key in &self.block {
            self.bytes.extend_from_slice(&key.to_le_bytes());
        }
        self.bytes.resize(start + BLOCK_KEYS * 16, 0);
        // At most BLOCK_KEYS.
        self.bytes.extend_from_slice(&(self.block.len() as u32).to_le_bytes());
        self.bytes.resize(start + BLOCK_BYTES - 4, 0);
        let crc = crc32fast::hash(self.bytes.get(start..).unwrap_or_default());
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        self.block.clear();
        self.blocks += 1;
    }

    fn write(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        write_all(storage, &self.name(), self.written, &self.bytes)?;
        self.written += self.bytes.len() as u64;
        self.bytes.clear();
        Ok(())
    }

    /// After the blocks come the fences and the filter: a start reads no more of a run.
    fn end(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        if !self.block.is_empty() {
            self.end_block();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&self.run.stride.to_le_bytes());
        self.bytes.extend_from_slice(&(self.run.fences.len() as u64).to_le_bytes());
        for fence in &self.run.fences {
            self.bytes.extend_from_slice(&fence.to_le_bytes());
        }
        self.run.filter.encode(&mut self.bytes);
        let crc = crc32fast::hash(self.bytes.get(start..).unwrap_or_default());
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        self.write(storage)
    }

    /// Takes away what was written of a run for which there is no room.
    fn give_up(&self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        let name = self.name();
        match storage.remove(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(disk("remove", &name)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::memory::Memory;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};
    use std::collections::BTreeSet;

    fn found(runs: &Runs, storage: &mut Memory, first_half: u64) -> Vec<u64> {
        let mut found = runs.find(storage, first_half).unwrap();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn expected(keys: &BTreeSet<u128>, first_half: u64) -> Vec<u64> {
        let from = u128::from(first_half) << 64;
        keys.range(from..=from | u128::from(u64::MAX)).map(|key| *key as u64).collect()
    }

    #[test]
    fn what_was_added_is_found_through_all_merges_and_after_reopening() {
        let mut rng = StdRng::seed_from_u64(5);
        let mut storage = Memory::default();
        let (mut runs, mut all) = (Runs::default(), BTreeSet::new());
        let (mut most, mut durable) = (0, Vec::new());
        for round in 0..150 {
            // First halves that meet often, within and across blocks and runs.
            let keys: Vec<u128> = (0..rng.random_range(1..900))
                .map(|_| {
                    u128::from(rng.random_range(0..3000u64)) << 100 | rng.random::<u32>() as u128
                })
                .collect();
            all.extend(&keys);
            runs.add(&mut storage, keys, &durable).unwrap();
            most = most.max(runs.count());
            // What a crash would leave holds what was durable.
            assert!(Runs::open(&mut storage, &durable).is_ok());
            if round % 10 == 9 {
                runs.flush(&mut storage, &durable).unwrap();
                durable = runs.entries();
                runs.clean(&mut storage).unwrap();
                runs = Runs::open(&mut storage, &durable).unwrap();
                let named: BTreeSet<String> = durable.iter().map(|run| name(run.number)).collect();
                storage.files().retain(|name, _| named.contains(name));
            }
            for _ in 0..40 {
                let first_half = rng.random_range(0..3100u64) << 36;
                let expected = expected(&all, first_half);
                assert_eq!(found(&runs, &mut storage, first_half), expected, "round {round}");
            }
        }
        // Four levels of three, and those that a merge is making one of.
        assert!(most <= 24, "{most} runs at a time");
        assert!(runs.entries().iter().any(|run| run.level >= 3));
    }

    #[test]
    fn a_flipped_bit_is_told_and_never_hides_a_key() {
        let mut storage = Memory::default();
        let mut runs = Runs::default();
        let keys: Vec<u128> = (0..600u128).map(|key| key << 64 | 1).collect();
        runs.add(&mut storage, keys, &[]).unwrap();
        let entries = runs.entries();
        let length = storage.files()[&name(0)].len();
        let mut rng = StdRng::seed_from_u64(9);
        for _ in 0..300 {
            let bit = rng.random_range(0..length * 8);
            storage.files().get_mut(&name(0)).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let told = Runs::open(&mut storage, &entries).and_then(|runs| {
                (0..600).map(|key| runs.find(&mut storage, key)).collect::<Result<Vec<_>, _>>()
            });
            assert!(matches!(told, Err(JournalError::Index { .. })), "bit {bit}");
            storage.files().get_mut(&name(0)).unwrap()[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(Runs::open(&mut storage, &entries).unwrap().entries(), entries);
    }
}
