//! The tree over all entries (RFC 9162, section 2.1) with its nodes on the disk: the same roots,
//! paths and proofs as [`crate::journal::Tree`] has in memory.
//!
//! A complete subtree never changes, so its root is written once, after the last of its leaves:
//! after each leaf come the roots of the subtrees that it completes, the smallest first. In memory
//! are the subtrees that make up the tree now, and the nodes written last.

use auction::layout::Digest;
use witness::tree::{empty_root, node_hash};

use super::log::Log;
use crate::journal::{JournalError, Leaf, Storage};
use crate::parallel;

pub(super) const NAME: &str = "index-nodes";

/// The tree.
#[derive(Debug)]
pub(crate) struct Nodes {
    log: Log<32>,
    size: u64,
    /// The complete subtrees that make up the tree, the largest first.
    peaks: Vec<Leaf>,
}

/// Nodes of a tree of so many leaves.
fn nodes_of(size: u64) -> u64 {
    2 * size - u64::from(size.count_ones())
}

/// Bytes of the file of a tree of so many leaves.
pub(super) fn bytes_of(size: u64) -> u64 {
    nodes_of(size) * 32
}

/// Where the root over the `1 << level` leaves that end before leaf `end` lies.
fn place_of(end: u64, level: u32) -> u64 {
    nodes_of(end - 1) + u64::from(level)
}

/// The largest power of two below `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (63 - (width - 1).leading_zeros())
}

impl Nodes {
    /// A tree without leaves.
    pub(crate) fn new() -> Self {
        Self { log: Log::new(NAME, 0), size: 0, peaks: Vec::new() }
    }

    /// The tree whose nodes the log holds.
    pub(super) fn open(storage: &mut dyn Storage, size: u64) -> Result<Self, JournalError> {
        let mut nodes = Self { log: Log::new(NAME, nodes_of(size)), size, peaks: Vec::new() };
        let mut end = 0;
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            end += 1 << level;
            let peak = nodes.node(storage, end, level)?;
            nodes.peaks.push(peak);
        }
        Ok(nodes)
    }

    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends leaves: level by level, so that large batches are shared among the cores.
    pub(crate) fn extend(&mut self, leaves: &[Leaf]) {
        let (before, size) = (self.size, self.size + leaves.len() as u64);
        let first = nodes_of(before);
        for _ in first..nodes_of(size) {
            self.log.push(&[0; 32]);
        }
        let mut peaks = std::mem::take(&mut self.peaks);
        let mut kept = Vec::new();
        // The new nodes of a level, and the place of the first of them on that level.
        let (mut fresh, mut start) = (leaves.to_vec(), before);
        for level in 0..u64::BITS {
            for (place, node) in (start..).zip(&fresh) {
                self.put((place + 1) << level, level, node);
            }
            // With an odd number before it, the first is the right one of a pair.
            if start % 2 == 1
                && let Some(left) = peaks.pop()
            {
                fresh.insert(0, left);
                start -= 1;
            }
            if fresh.len() % 2 == 1
                && let Some(peak) = fresh.pop()
            {
                kept.push(peak);
            }
            if fresh.is_empty() && start == 0 {
                break;
            }
            let pairs: Vec<&[Leaf]> = fresh.chunks_exact(2).collect();
            fresh = parallel::map(&pairs, |pair| match pair {
                [left, right] => node_hash(left, right),
                _ => Leaf::default(),
            });
            start /= 2;
        }
        peaks.extend(kept.into_iter().rev());
        self.peaks = peaks;
        self.size = size;
    }

    fn put(&mut self, end: u64, level: u32, node: &Leaf) {
        if let Some(place) = self.log.at_mut(place_of(end, level)) {
            *place = *node;
        }
    }

    /// The root over all leaves.
    pub(crate) fn root(&self) -> Digest {
        let peaks = self.peaks.iter().rev().copied();
        let root = peaks.reduce(|right, left| node_hash(&left, &right));
        root.map_or_else(empty_root, Digest)
    }

    /// The leaf of an entry.
    pub(crate) fn leaf(
        &self,
        storage: &mut dyn Storage,
        index: u64,
    ) -> Result<Option<Leaf>, JournalError> {
        if index >= self.size { Ok(None) } else { self.node(storage, index + 1, 0).map(Some) }
    }

    /// The path from leaf `index` to the root over all leaves (RFC 9162, 2.1.3.1).
    pub(crate) fn inclusion(
        &self,
        storage: &mut dyn Storage,
        index: u64,
    ) -> Result<Option<Vec<Digest>>, JournalError> {
        if index >= self.size {
            return Ok(None);
        }
        let (mut start, mut end) = (0, self.size);
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(Digest(self.range(storage, middle, end)?));
                end = middle;
            } else {
                path.push(Digest(self.range(storage, start, middle)?));
                start = middle;
            }
        }
        path.reverse();
        Ok(Some(path))
    }

    /// The proof that the tree of `size` leaves continues that of `old` (RFC 9162, 2.1.4.1).
    pub(crate) fn consistency(
        &self,
        storage: &mut dyn Storage,
        old: u64,
        size: u64,
    ) -> Result<Option<Vec<Digest>>, JournalError> {
        if old == 0 || old > size || size > self.size {
            return Ok(None);
        }
        let (mut start, mut end) = (0, size);
        let mut whole = true;
        let mut path = Vec::new();
        while old != end {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(Digest(self.range(storage, middle, end)?));
                end = middle;
            } else {
                path.push(Digest(self.range(storage, start, middle)?));
                start = middle;
                whole = false;
            }
        }
        if !whole {
            path.push(Digest(self.range(storage, start, end)?));
        }
        path.reverse();
        Ok(Some(path))
    }

    /// The root over the first `size` leaves, of at least one and no more than there are.
    pub(super) fn root_of(
        &self,
        storage: &mut dyn Storage,
        size: u64,
    ) -> Result<Digest, JournalError> {
        self.range(storage, 0, size).map(Digest)
    }

    /// The root over leaves `start..end`, which is not empty and within the tree.
    fn range(&self, storage: &mut dyn Storage, start: u64, end: u64) -> Result<Leaf, JournalError> {
        let width = end - start;
        if width.is_power_of_two() && start.is_multiple_of(width) {
            return self.node(storage, end, width.trailing_zeros());
        }
        let middle = start + split(width);
        let (left, right) =
            (self.range(storage, start, middle)?, self.range(storage, middle, end)?);
        Ok(node_hash(&left, &right))
    }

    /// The root over the `1 << level` leaves that end before leaf `end`.
    fn node(&self, storage: &mut dyn Storage, end: u64, level: u32) -> Result<Leaf, JournalError> {
        if level < u64::BITS
            && end == self.size >> level << level
            && let Some(peak) = self.peak(level)
        {
            return Ok(peak);
        }
        let missing = || JournalError::Index { name: NAME.to_owned(), what: "a node is missing" };
        self.log.get(storage, place_of(end, level))?.ok_or_else(missing)
    }

    fn peak(&self, level: u32) -> Option<Leaf> {
        let above = (self.size >> level >> 1).count_ones() as usize;
        (self.size >> level & 1 == 1).then(|| self.peaks.get(above).copied()).flatten()
    }

    pub(super) fn kept(&self) -> usize {
        self.log.kept() + self.peaks.len() * 32
    }

    pub(super) fn spill(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        self.log.spill(storage)
    }

    pub(super) fn flush(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        self.log.flush(storage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::memory::Memory;
    use crate::journal::{Tree, leaf_hash};
    use auction::spec::Time;
    use witness::tree::{consistent, included};

    fn leaf(index: u64) -> Leaf {
        leaf_hash(index, Time(index), b"entry")
    }

    #[test]
    fn it_is_the_tree_in_memory_in_pieces_of_any_size_and_read_back() {
        let pieces = [1, 1, 2, 5, 1, 30, 0, 24, 64, 7, 129, 3];
        let mut storage = Memory::default();
        let (mut nodes, mut tree) = (Nodes::new(), Tree::default());
        for (round, piece) in pieces.into_iter().enumerate() {
            let leaves: Vec<Leaf> = (tree.size()..tree.size() + piece).map(leaf).collect();
            nodes.extend(&leaves);
            tree.extend(leaves);
            if round % 3 == 2 {
                nodes.flush(&mut storage).unwrap();
                nodes = Nodes::open(&mut storage, tree.size()).unwrap();
            }
            let size = tree.size();
            assert_eq!((nodes.size(), nodes.root()), (size, tree.root(size)));
            for index in 0..size {
                let path = nodes.inclusion(&mut storage, index).unwrap().unwrap();
                assert_eq!(Some(&path), tree.inclusion(index, size).as_ref());
                let found = nodes.leaf(&mut storage, index).unwrap().unwrap();
                assert_eq!(found, leaf(index));
                assert!(included(found, index, size, &path, nodes.root()));
            }
            for old in 1..=size {
                let proof = nodes.consistency(&mut storage, old, size).unwrap();
                assert_eq!(proof, tree.consistency(old, size));
                assert!(consistent((old, tree.root(old)), (size, nodes.root()), &proof.unwrap()));
            }
            // Between two earlier sizes as well.
            for old in (1..size).step_by(7) {
                let proof = nodes.consistency(&mut storage, old, size - 1).unwrap();
                assert_eq!(proof, tree.consistency(old, size - 1));
            }
        }
        assert!(nodes.inclusion(&mut storage, tree.size()).unwrap().is_none());
        assert!(nodes.leaf(&mut storage, tree.size()).unwrap().is_none());
        assert!(nodes.consistency(&mut storage, 3, tree.size() + 1).unwrap().is_none());
    }
}
