//! What a ledger does not keep in memory, found on the disk: ids decided long ago, where each
//! entry lies, the nodes of the tree, how epochs began, every account's movements.
//!
//! SETTLEMENT, section "Journal". It is no authority: every part of it follows from the journal,
//! and whoever deletes it loses a start's time. What counts of it is what its last checkpoint
//! names, and that is of a batch that the journal holds, on the disk, with the same chain.
//!
//! - [`nodes`]: the tree; [`log`]: files of records of one width;
//! - [`runs`] and [`ids`]: sorted runs of sixteen bytes for each id that left the ledger's memory,
//!   each with a [`filter`] of a byte and a half for each, which is in memory;
//! - [`movements`]: the accounts' histories; [`checkpoint`]: what is durable of all that;
//! - [`parts`]: what other threads work with.

mod checkpoint;
mod filter;
mod ids;
mod log;
#[cfg(test)]
pub(crate) mod memory;
mod movements;
mod nodes;
mod parts;
mod runs;
mod told;

use auction::layout::Digest;
use rand::Rng as _;
use witness::tree::{consistent, empty_root, included};

use crate::journal::{Beginning, JournalError, Leaf, Storage, disk, is_full};
use crate::ledger::{HoldKey, Window};
use checkpoint::Checkpoint;
use ids::HashKey;
use log::Log;
use runs::{RunEntry, Runs};

pub(crate) use ids::Located;
pub(crate) use movements::{Line, Movements, What};
pub(crate) use nodes::Nodes;
pub(crate) use parts::{Filters, Moving};
pub(crate) use told::Told;

const PREFIX: &str = "index-";
const ENTRIES: &str = "index-entries";
const MARKED: &str = "index-marked";
const PLACE_BYTES: usize = 16;
/// A marked entry's number, and a CRC over that and its place: a start believes it.
const MARKED_BYTES: usize = 12;

/// Where an entry lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The segment.
    pub(crate) sequence: u64,
    /// Where in it the entry's batch begins.
    pub(crate) batch: u32,
    /// Where in it the entry begins, with its length.
    pub(crate) entry: u32,
}

/// What a batch adds, beside what it moved and its leaves.
pub(crate) struct Addition<'a> {
    /// The batch's number.
    pub(crate) batch: u64,
    /// Where each entry lies.
    pub(crate) places: &'a [Place],
    /// Entries that a start is to see again.
    pub(crate) marked: &'a [u64],
    /// The epoch that it begins, and how.
    pub(crate) begins: Option<(u32, Beginning)>,
}

/// What shows that a tree continues an older one.
pub(crate) struct Continued {
    pub(crate) old_root: Digest,
    pub(crate) new_root: Digest,
    /// The proof (RFC 9162, 2.1.4.1).
    pub(crate) path: Vec<Digest>,
}

/// The index, as far as the batches go that it was given.
pub(crate) struct DiskIndex {
    storage: Box<dyn Storage>,
    ledger: Digest,
    window: Window,
    /// The last batch in it.
    batch: u64,
    nodes: Nodes,
    /// How each epoch began, epoch 0 first.
    epochs: Vec<Beginning>,
    entries: Log<PLACE_BYTES>,
    marked: Log<MARKED_BYTES>,
    movements: Movements,
    runs: Runs,
    hash_key: HashKey,
    /// What the last checkpoint says of batch, chain and runs.
    durable: Option<(u64, Digest)>,
    durable_runs: Vec<RunEntry>,
    /// Why nothing of it is believed any more.
    condemned: Option<JournalError>,
}

impl Addition<'_> {
    /// A batch without entries.
    pub(crate) fn nothing(batch: u64) -> Self {
        Self { batch, places: &[], marked: &[], begins: None }
    }
}

impl DiskIndex {
    /// Opens the index as of its last checkpoint; an empty one where there is none that is whole.
    /// Which ids have left memory depends on the ledger's window, so that an index of another one
    /// is of no use.
    pub(crate) fn open(
        mut storage: Box<dyn Storage>,
        ledger: Digest,
        window: Window,
    ) -> Result<Self, JournalError> {
        let fits = |found: &Checkpoint| found.ledger == ledger && found.window == window;
        let found = Checkpoint::read(&mut *storage)?.filter(fits);
        let Some(found) = found else { return Self::empty(storage, ledger, window) };
        match Self::of(&mut *storage, &found) {
            Ok(parts) => {
                // What was written after it: runs, and files of which it names nothing.
                let empty = [(ENTRIES, found.entries), (MARKED, found.marked)];
                let empty = empty.into_iter().chain([(movements::NAME, found.movements)]);
                let empty: Vec<&str> =
                    empty.filter(|(_, records)| *records == 0).map(|(name, _)| name).collect();
                remove(&mut *storage, |name| {
                    let named = found.runs.iter().any(|run| runs::name(run.number) == name);
                    (runs::is_run(name) && !named)
                        || empty.contains(&name)
                        || (name == nodes::NAME && found.entries == 0)
                })?;
                let (nodes, runs) = parts;
                Ok(Self {
                    storage,
                    ledger,
                    window,
                    batch: found.batch,
                    nodes,
                    epochs: found.epochs,
                    entries: Log::new(ENTRIES, found.entries),
                    marked: Log::new(MARKED, found.marked),
                    movements: Movements::open(found.movements, found.accounts),
                    runs,
                    hash_key: found.hash_key,
                    durable: Some((found.batch, found.chain)),
                    durable_runs: found.runs,
                    condemned: None,
                })
            }
            Err(JournalError::Index { name, what }) => {
                tracing::warn!(name, what, "the index is damaged, and is made anew");
                Self::empty(storage, ledger, window)
            }
            Err(error) => Err(error),
        }
    }

    /// What is read of the files at a start.
    fn of(storage: &mut dyn Storage, found: &Checkpoint) -> Result<(Nodes, Runs), JournalError> {
        for (name, bytes) in [
            (nodes::NAME, nodes::bytes_of(found.entries)),
            (ENTRIES, found.entries * PLACE_BYTES as u64),
            (MARKED, found.marked * MARKED_BYTES as u64),
            (movements::NAME, found.movements * movements::LINE_BYTES as u64),
        ] {
            let there = bytes == 0 || storage.length(name).is_ok_and(|length| length >= bytes);
            if !there {
                return Err(JournalError::Index { name: name.to_owned(), what: "it is cut short" });
            }
        }
        let listed = storage.list().map_err(disk("list", "."))?;
        let missing = found.runs.iter().find(|run| !listed.contains(&runs::name(run.number)));
        if let Some(run) = missing {
            let name = runs::name(run.number);
            return Err(JournalError::Index { name, what: "it is missing" });
        }
        let nodes = Nodes::open(storage, found.entries)?;
        if nodes.root() != found.root {
            let name = nodes::NAME.to_owned();
            return Err(JournalError::Index { name, what: "its root is another" });
        }
        Ok((nodes, Runs::open(storage, &found.runs)?))
    }

    /// An index of nothing, in place of whatever was there.
    fn empty(
        mut storage: Box<dyn Storage>,
        ledger: Digest,
        window: Window,
    ) -> Result<Self, JournalError> {
        // The checkpoint first, for good: it would speak of files that have its files' names.
        remove(&mut *storage, |name| name == checkpoint::NAME)?;
        storage.flush_directory().map_err(disk("flush", "."))?;
        remove(&mut *storage, |name| name.starts_with(PREFIX))?;
        let mut hash_key = HashKey::default();
        rand::rng().fill_bytes(&mut hash_key.0);
        Ok(Self {
            storage,
            ledger,
            window,
            batch: 0,
            nodes: Nodes::new(),
            epochs: vec![Beginning::FIRST],
            entries: Log::new(ENTRIES, 0),
            marked: Log::new(MARKED, 0),
            movements: Movements::new(),
            runs: Runs::default(),
            hash_key,
            durable: None,
            durable_runs: Vec::new(),
            condemned: None,
        })
    }

    /// Begins anew: the journal's history is another than the index's.
    pub(crate) fn start_over(self) -> Result<Self, JournalError> {
        Self::empty(self.storage, self.ledger, self.window)
    }

    /// The last batch in it; what comes up to there is not added again.
    pub(crate) fn batch(&self) -> u64 {
        self.batch
    }

    /// The batch of the last checkpoint, and the journal's chain there.
    pub(crate) fn durable(&self) -> Option<(u64, Digest)> {
        self.durable
    }

    /// How each epoch began, epoch 0 first, with [`Beginning::PASSED`] for those passed over.
    pub(crate) fn epochs(&self) -> &[Beginning] {
        &self.epochs
    }

    /// The tree.
    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// What takes what the next batch moved, and the tree, which takes its leaves: one beside the
    /// other, before [`DiskIndex::add`].
    pub(crate) fn parts(&mut self) -> (Moving<'_>, &mut Nodes) {
        let Self { storage, movements, runs, hash_key, durable_runs, nodes, .. } = self;
        (Moving { storage: &mut **storage, movements, runs, hash_key, durable_runs }, nodes)
    }

    /// Adds the rest of the next batch.
    pub(crate) fn add(&mut self, addition: &Addition<'_>) -> Result<(), JournalError> {
        let storage = &mut *self.storage;
        if let Some((epoch, begins)) = addition.begins {
            // The walk has seen that it is later than the last, and by how much at most.
            self.epochs.resize(epoch as usize, Beginning::PASSED);
            self.epochs.push(begins);
        }
        for place in addition.places {
            self.entries.push(&place.encode());
        }
        for entry in addition.marked {
            self.marked.push(&encode_marked(self.marked.len(), *entry));
        }
        self.batch = addition.batch;
        unless_full(self.nodes.spill(storage))?;
        unless_full(self.entries.spill(storage))?;
        unless_full(self.marked.spill(storage))
    }

    /// Makes it durable as of the last batch, whose chain this is and which the journal holds
    /// flushed; answers whether there was room for that.
    pub(crate) fn checkpoint(&mut self, chain: Digest) -> Result<bool, JournalError> {
        if self.durable == Some((self.batch, chain)) {
            return Ok(true);
        }
        match self.write_checkpoint(chain) {
            Ok(()) => Ok(self.runs.unwritten() == 0),
            Err(error) if is_full(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write_checkpoint(&mut self, chain: Digest) -> Result<(), JournalError> {
        let storage = &mut *self.storage;
        self.runs.write(storage)?;
        if self.runs.unwritten() > 0 {
            return Ok(());
        }
        self.nodes.flush(storage)?;
        self.entries.flush(storage)?;
        self.marked.flush(storage)?;
        self.movements.flush(storage)?;
        self.runs.flush(storage, &self.durable_runs)?;
        let checkpoint = Checkpoint {
            ledger: self.ledger,
            window: self.window,
            batch: self.batch,
            chain,
            entries: self.entries.len(),
            root: self.nodes.root(),
            marked: self.marked.len(),
            movements: self.movements.len(),
            epochs: self.epochs.clone(),
            hash_key: self.hash_key,
            runs: self.runs.entries(),
            accounts: self.movements.accounts().to_vec(),
        };
        checkpoint.write(storage)?;
        self.durable = Some((self.batch, chain));
        self.durable_runs = checkpoint.runs;
        self.runs.clean(storage)
    }

    /// Bytes in memory.
    pub(crate) fn kept(&self) -> usize {
        let logs = self.nodes.kept() + self.entries.kept() + self.marked.kept();
        logs + self.movements.kept() + self.runs.kept()
    }

    /// Believes it no more, for this reason, and makes sure that the next start makes it anew.
    pub(crate) fn condemn(&mut self, why: &JournalError) {
        // What the disk says to that is of no use to anybody.
        let _ = remove(&mut *self.storage, |name| name == checkpoint::NAME);
        let _ = self.storage.flush_directory();
        self.condemned.get_or_insert_with(|| why.clone());
    }

    /// Whether it is still believed.
    pub(crate) fn sound(&self) -> Result<(), JournalError> {
        self.condemned.clone().map_or(Ok(()), Err)
    }

    /// Takes all its files away.
    pub(crate) fn remove(mut self) -> Result<(), JournalError> {
        remove(&mut *self.storage, |name| name.starts_with(PREFIX))?;
        self.storage.flush_directory().map_err(disk("flush", "."))
    }

    /// Says that the entries from `entry` on lie elsewhere.
    pub(crate) fn move_entries(&mut self, entry: u64, places: &[Place]) {
        self.entries.truncate(entry);
        for place in places {
            self.entries.push(&place.encode());
        }
    }

    /// What tells of most ids that they are not in it, without a look at the disk.
    pub(crate) fn filters(&self) -> Filters<'_> {
        Filters { runs: &self.runs, hash_key: &self.hash_key }
    }

    /// Where entries may lie that decided this id, of those before `entries`: one at most is its.
    pub(crate) fn locate(
        &mut self,
        key: &HoldKey,
        entries: u64,
    ) -> Result<Vec<Located>, JournalError> {
        let rests = self.runs.find(&mut *self.storage, self.hash_key.hash(key))?;
        let located = rests.into_iter().filter_map(Located::unpack);
        Ok(located.filter(|located| located.entry < entries).collect())
    }

    /// Where an entry lies.
    pub(crate) fn place(&mut self, entry: u64) -> Result<Option<Place>, JournalError> {
        let bytes = self.entries.get(&mut *self.storage, entry)?;
        Ok(bytes.map(|bytes| Place::decode(&bytes)))
    }

    /// An entry's leaf.
    pub(crate) fn leaf(&mut self, entry: u64) -> Result<Option<Leaf>, JournalError> {
        self.nodes.leaf(&mut *self.storage, entry)
    }

    /// The path from an entry to the root over all.
    pub(crate) fn inclusion(&mut self, entry: u64) -> Result<Option<Vec<Digest>>, JournalError> {
        self.nodes.inclusion(&mut *self.storage, entry)
    }

    /// The same of an entry whose leaf this is, once it was seen to lead from there to the root.
    pub(crate) fn proven(
        &mut self,
        entry: u64,
        leaf: Leaf,
    ) -> Result<Option<Vec<Digest>>, JournalError> {
        let Some(path) = self.inclusion(entry)? else { return Ok(None) };
        if included(leaf, entry, self.nodes.size(), &path, self.nodes.root()) {
            return Ok(Some(path));
        }
        Err(damaged_node())
    }

    /// The root over the first `size` entries, once it was seen that the tree over all goes on from
    /// it: what is on the disk may be damaged, and the root over all is known. Nothing where there
    /// are not so many.
    pub(crate) fn root_of(&mut self, size: u64) -> Result<Option<Digest>, JournalError> {
        if size == 0 {
            return Ok(Some(empty_root()));
        }
        let storage = &mut *self.storage;
        let whole = (self.nodes.size(), self.nodes.root());
        let Some(path) = self.nodes.consistency(storage, size, whole.0)? else { return Ok(None) };
        let root = self.nodes.root_of(storage, size)?;
        if consistent((size, root), whole, &path) { Ok(Some(root)) } else { Err(damaged_node()) }
    }

    /// What shows that the first `new` entries continue the first `old`; nothing where there are
    /// not so many.
    pub(crate) fn continued(
        &mut self,
        old: u64,
        new: u64,
    ) -> Result<Option<Continued>, JournalError> {
        if old > new {
            return Ok(None);
        }
        let Some(new_root) = self.root_of(new)? else { return Ok(None) };
        if old == 0 {
            // The empty tree is continued by every other without a proof.
            return Ok(Some(Continued { old_root: empty_root(), new_root, path: Vec::new() }));
        }
        let storage = &mut *self.storage;
        let Some(path) = self.nodes.consistency(storage, old, new)? else { return Ok(None) };
        let old_root = self.nodes.root_of(storage, old)?;
        if consistent((old, old_root), (new, new_root), &path) {
            Ok(Some(Continued { old_root, new_root, path }))
        } else {
            Err(damaged_node())
        }
    }

    /// How many marked entries there are.
    pub(crate) fn marked(&self) -> u64 {
        self.marked.len()
    }

    /// The marked entry of this place among them.
    pub(crate) fn marked_at(&mut self, place: u64) -> Result<Option<u64>, JournalError> {
        let Some(bytes) = self.marked.get(&mut *self.storage, place)? else { return Ok(None) };
        let entry = bytes.first_chunk().map_or(0, |entry| u64::from_le_bytes(*entry));
        if encode_marked(place, entry) == bytes {
            return Ok(Some(entry));
        }
        Err(JournalError::Index { name: MARKED.to_owned(), what: "a record is damaged" })
    }

    /// How many movements an account has, by its order of opening.
    pub(crate) fn movements(&self, account: u32) -> u64 {
        self.movements.count(account)
    }

    /// Some of an account's movements, from number `from` on.
    pub(crate) fn page(
        &mut self,
        account: u32,
        from: u64,
        most: u64,
    ) -> Result<Vec<Line>, JournalError> {
        self.movements.page(&mut *self.storage, account, from, most)
    }
}

impl Place {
    fn encode(&self) -> [u8; PLACE_BYTES] {
        let mut bytes = [0; PLACE_BYTES];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.batch.to_le_bytes());
        bytes[12..].copy_from_slice(&self.entry.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; PLACE_BYTES]) -> Self {
        let ([sequence, rest], _) = bytes.as_chunks::<8>() else {
            return Self { sequence: 0, batch: 0, entry: 0 };
        };
        let rest = u64::from_le_bytes(*rest);
        Self {
            sequence: u64::from_le_bytes(*sequence),
            batch: rest as u32,
            entry: (rest >> 32) as u32,
        }
    }
}

/// With a full disk, what gathered stays in memory until there is room.
fn unless_full(spilt: Result<(), JournalError>) -> Result<(), JournalError> {
    spilt.or_else(|error| if is_full(&error) { Ok(()) } else { Err(error) })
}

fn damaged_node() -> JournalError {
    JournalError::Index { name: nodes::NAME.to_owned(), what: "a node is damaged" }
}

fn encode_marked(place: u64, entry: u64) -> [u8; MARKED_BYTES] {
    let mut bytes = [0; MARKED_BYTES];
    bytes[..8].copy_from_slice(&entry.to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&place.to_le_bytes());
    crc.update(&bytes[..8]);
    bytes[8..].copy_from_slice(&crc.finalize().to_le_bytes());
    bytes
}

/// Removes the files of the index that are `gone`.
fn remove(storage: &mut dyn Storage, gone: impl Fn(&str) -> bool) -> Result<(), JournalError> {
    for name in storage.list().map_err(disk("list", "."))? {
        if gone(&name) {
            storage.remove(&name).map_err(disk("remove", &name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::memory::Memory;
    use super::*;

    const WINDOW: Window = Window { least: 3, leave: 1 };

    fn open(storage: &Memory) -> DiskIndex {
        DiskIndex::open(Box::new(storage.clone()), Digest([1; 32]), WINDOW).unwrap()
    }

    /// A batch with nothing but marked entries, enough of them that they are written.
    fn marked(index: &mut DiskIndex, batch: u64) {
        let marked: Vec<u64> = (0..20_000).collect();
        index.add(&Addition { marked: &marked, ..Addition::nothing(batch) }).unwrap();
    }

    #[test]
    fn a_file_that_is_newer_than_the_checkpoint_does_not_stand_in_the_way() {
        let storage = Memory::default();
        let mut index = open(&storage);
        index.add(&Addition::nothing(1)).unwrap();
        assert!(index.checkpoint(Digest([2; 32])).unwrap());
        for _ in 0..2 {
            let mut index = open(&storage);
            assert_eq!(index.marked(), 0);
            marked(&mut index, 2);
            assert!(storage.files().contains_key(MARKED));
            assert_eq!(index.marked_at(77).unwrap(), Some(77));
        }
    }

    #[test]
    fn a_marked_entry_is_believed_in_its_own_place_alone() {
        let storage = Memory::default();
        let mut index = open(&storage);
        marked(&mut index, 1);
        assert!(index.checkpoint(Digest([2; 32])).unwrap());
        let mut files = storage.files();
        let file = files.get_mut(MARKED).unwrap();
        // One record over another, and a bit of a third.
        file.copy_within(0..MARKED_BYTES, MARKED_BYTES);
        file[2 * MARKED_BYTES + 3] ^= 1;
        drop(files);
        let mut index = open(&storage);
        assert_eq!(index.marked_at(0).unwrap(), Some(0));
        for place in [1, 2] {
            assert!(matches!(index.marked_at(place), Err(JournalError::Index { .. })));
        }
        assert_eq!(index.marked_at(3).unwrap(), Some(3));
    }
}
