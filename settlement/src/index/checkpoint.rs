//! What is durable of the index: up to which batch, and which parts of which files.
//!
//! A file of its own, written whole beside the old one and renamed over it. What the other files
//! hold beyond it counts for nothing, so a crash at any moment leaves a whole index, or none.

use auction::layout::Digest;
use auction::spec::Time;
use sha2::{Digest as _, Sha256};

use super::ids::HashKey;
use super::movements::Account;
use super::runs::RunEntry;
use crate::bytes::Reader;
use crate::journal::{Beginning, JournalError, Storage, disk, read_file, unfinished, write_all};
use crate::ledger::Window;

const MAGIC: &[u8; 8] = b"gavelidx";
const VERSION: u32 = 3;
pub(super) const NAME: &str = "index-checkpoint";

/// The index after a flushed batch.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) ledger: Digest,
    /// The ids that left memory are those that left this.
    pub(super) window: Window,
    /// The batch, and the journal's chain there.
    pub(super) batch: u64,
    pub(super) chain: Digest,
    /// Records in the files; the tree's are twice as many or fewer, and its root is this.
    pub(super) entries: u64,
    pub(super) root: Digest,
    pub(super) marked: u64,
    pub(super) movements: u64,
    /// How each epoch began, epoch 0 first.
    pub(super) epochs: Vec<Beginning>,
    pub(super) hash_key: HashKey,
    pub(super) runs: Vec<RunEntry>,
    pub(super) accounts: Vec<Account>,
}

impl Checkpoint {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.accounts.len() * 32 + self.runs.len() * 17);
        let put = |out: &mut Vec<u8>, value: u64| out.extend_from_slice(&value.to_le_bytes());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.ledger.0);
        for count in [self.window.least, self.window.leave] {
            put(&mut out, count as u64);
        }
        put(&mut out, self.batch);
        out.extend_from_slice(&self.chain.0);
        for count in [self.entries, self.marked, self.movements] {
            put(&mut out, count);
        }
        out.extend_from_slice(&self.root.0);
        put(&mut out, self.epochs.len() as u64);
        for Beginning { since, time } in &self.epochs {
            put(&mut out, *since);
            put(&mut out, time.0);
        }
        out.extend_from_slice(&self.hash_key.0);
        put(&mut out, self.runs.len() as u64);
        for RunEntry { number, level, keys } in &self.runs {
            put(&mut out, *number);
            out.push(*level);
            put(&mut out, *keys);
        }
        put(&mut out, self.accounts.len() as u64);
        for Account { count, last, jump, beyond } in &self.accounts {
            for value in [count, last, jump, beyond] {
                put(&mut out, *value);
            }
        }
        let sum: [u8; 32] = Sha256::digest(&out).into();
        out.extend_from_slice(&sum);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<32>()?;
        if <[u8; 32]>::from(Sha256::digest(content)) != *sum {
            return None;
        }
        let mut reader = Reader::new(content);
        if reader.array()? != *MAGIC || reader.u32()? != VERSION {
            return None;
        }
        let ledger = reader.digest()?;
        let mut count = || usize::try_from(reader.u64()?).ok();
        let window = Window { least: count()?, leave: count()? };
        let (batch, chain) = (reader.u64()?, reader.digest()?);
        let (entries, marked, movements) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let root = reader.digest()?;
        let mut epochs = Vec::new();
        for _ in 0..reader.u64()? {
            epochs.push(Beginning { since: reader.u64()?, time: Time(reader.u64()?) });
        }
        let hash_key = HashKey(reader.array()?);
        let mut runs = Vec::new();
        for _ in 0..reader.u64()? {
            let (number, level, keys) = (reader.u64()?, reader.u8()?, reader.u64()?);
            runs.push(RunEntry { number, level, keys });
        }
        let mut accounts = Vec::new();
        for _ in 0..reader.u64()? {
            let (count, last) = (reader.u64()?, reader.u64()?);
            accounts.push(Account { count, last, jump: reader.u64()?, beyond: reader.u64()? });
        }
        reader.is_empty().then_some(Self {
            ledger,
            window,
            batch,
            chain,
            entries,
            root,
            marked,
            movements,
            epochs,
            hash_key,
            runs,
            accounts,
        })
    }

    /// Reads it; nothing where there is none, or a damaged one.
    pub(super) fn read(storage: &mut dyn Storage) -> Result<Option<Self>, JournalError> {
        if !storage.list().map_err(disk("list", "."))?.iter().any(|name| name == NAME) {
            return Ok(None);
        }
        Ok(Self::decode(&read_file(storage, NAME)?))
    }

    /// Writes it, after everything that it names was flushed.
    pub(super) fn write(&self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        let temporary = unfinished(NAME);
        let names = storage.list().map_err(disk("list", "."))?;
        if names.contains(&temporary) {
            storage.remove(&temporary).map_err(disk("remove", &temporary))?;
        }
        storage.create(&temporary).map_err(disk("create", &temporary))?;
        write_all(storage, &temporary, 0, &self.encode())?;
        storage.flush(&temporary).map_err(disk("flush", &temporary))?;
        storage.rename(&temporary, NAME).map_err(disk("rename", &temporary))?;
        storage.flush_directory().map_err(disk("flush", "."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::memory::Memory;

    #[test]
    fn it_reads_back_and_an_altered_one_is_none() {
        let account = Account { count: 9, last: 8, jump: 7, beyond: 6 };
        let checkpoint = Checkpoint {
            ledger: Digest([1; 32]),
            window: Window { least: 10, leave: 11 },
            batch: 2,
            chain: Digest([3; 32]),
            entries: 4,
            root: Digest([9; 32]),
            marked: 5,
            movements: 6,
            epochs: vec![Beginning::FIRST, Beginning { since: 3, time: Time(70) }],
            hash_key: HashKey([7; 16]),
            runs: vec![RunEntry { number: 8, level: 1, keys: 9 }],
            accounts: vec![account; 2],
        };
        let mut storage = Memory::default();
        assert!(Checkpoint::read(&mut storage).unwrap().is_none());
        checkpoint.write(&mut storage).unwrap();
        assert!(Checkpoint::read(&mut storage).unwrap().is_some_and(|read| read == checkpoint));
        let length = storage.files()[NAME].len();
        for bit in 0..length * 8 {
            storage.files().get_mut(NAME).unwrap()[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::read(&mut storage).unwrap().is_none(), "bit {bit}");
            storage.files().get_mut(NAME).unwrap()[bit / 8] ^= 1 << (bit % 8);
        }
        // Over the old one, and over what a crash left of another.
        storage.create(&unfinished(NAME)).unwrap();
        let later = Checkpoint { batch: 3, ..checkpoint };
        later.write(&mut storage).unwrap();
        assert!(Checkpoint::read(&mut storage).unwrap().is_some_and(|read| read == later));
    }
}
