//! The Merkle tree over all journal entries, as RFC 9162 section 2.1 defines it: how it grows, and
//! the paths in it. What its readers check stands in [`witness::tree`].

use auction::layout::Digest;
use witness::tree::{empty_root, node_hash};

pub(crate) use witness::tree::{Leaf, leaf_hash};

use crate::parallel;

/// All leaves and all complete subtrees, in memory: 64 bytes for each entry. For an audit, which
/// asks for the roots of long ago; a server has [`crate::index::Nodes`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    levels: Vec<Vec<Leaf>>,
}

impl Tree {
    /// Appends leaves: level by level, so that large batches are shared among the cores.
    pub(crate) fn extend(&mut self, leaves: Vec<Leaf>) {
        let mut more = leaves;
        for level in 0.. {
            if more.is_empty() {
                return;
            }
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            // Those before are in pairs whose parents are there already, but for the last.
            let first = nodes.len() & !1;
            nodes.append(&mut more);
            let fresh = nodes.get(first..).unwrap_or_default();
            let pairs: Vec<&[Leaf]> = fresh.chunks_exact(2).collect();
            more = parallel::map(&pairs, |pair| match pair {
                [left, right] => node_hash(left, right),
                _ => Leaf::default(),
            });
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.leaves().len() as u64
    }

    pub(crate) fn leaves(&self) -> &[Leaf] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The root over the first `size` leaves, at most as many as there are.
    pub(crate) fn root(&self, size: u64) -> Digest {
        if size == 0 {
            return empty_root();
        }
        Digest(self.range(0, size.min(self.size())))
    }

    /// The path from leaf `index` to the root over `size` leaves (RFC 9162, 2.1.3.1).
    #[cfg(test)]
    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Digest>> {
        if index >= size || size > self.size() {
            return None;
        }
        let (mut start, mut end) = (0, size);
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(Digest(self.range(middle, end)));
                end = middle;
            } else {
                path.push(Digest(self.range(start, middle)));
                start = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The proof that the tree of `size` leaves continues that of `old` (RFC 9162, 2.1.4.1).
    #[cfg(test)]
    pub(crate) fn consistency(&self, old: u64, size: u64) -> Option<Vec<Digest>> {
        if old == 0 || old > size || size > self.size() {
            return None;
        }
        let (mut start, mut end) = (0, size);
        let mut whole = true;
        let mut path = Vec::new();
        while old != end {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(Digest(self.range(middle, end)));
                end = middle;
            } else {
                path.push(Digest(self.range(start, middle)));
                start = middle;
                whole = false;
            }
        }
        if !whole {
            path.push(Digest(self.range(start, end)));
        }
        path.reverse();
        Some(path)
    }

    /// The root over leaves `start..end`, which is not empty and within the tree.
    fn range(&self, start: u64, end: u64) -> Leaf {
        let width = end - start;
        if width.is_power_of_two() && start.is_multiple_of(width) {
            // A complete subtree: kept.
            return self.levels[width.trailing_zeros() as usize][(start / width) as usize];
        }
        let middle = start + split(width);
        node_hash(&self.range(start, middle), &self.range(middle, end))
    }
}

/// The largest power of two below `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (63 - (width - 1).leading_zeros())
}

#[cfg(test)]
mod tests {
    use auction::spec::Time;
    use witness::tree::{consistent, included};

    use super::*;

    /// MTH of RFC 9162, 2.1.1, as it is written there.
    fn slow_root(leaves: &[Leaf]) -> Leaf {
        match leaves {
            [] => empty_root().0,
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                node_hash(&slow_root(left), &slow_root(right))
            }
        }
    }

    #[test]
    fn roots_paths_and_proofs_hold_for_every_size_and_nothing_altered_does() {
        let mut tree = Tree::default();
        for index in 0..40u64 {
            tree.extend(vec![leaf_hash(index, Time(index), b"entry")]);
        }
        for size in 1..=40 {
            let root = tree.root(size);
            assert_eq!(root.0, slow_root(&tree.leaves()[..size as usize]));
            for index in 0..size {
                let path = tree.inclusion(index, size).unwrap();
                let leaf = tree.leaves()[index as usize];
                assert!(included(leaf, index, size, &path, root));
                assert!(!included(leaf, index + 1, size, &path, root));
                assert!(!included([7; 32], index, size, &path, root));
                for place in 0..path.len() {
                    let mut altered = path.clone();
                    altered[place].0[0] ^= 1;
                    assert!(!included(leaf, index, size, &altered, root));
                    assert!(!included(leaf, index, size, &path[..place], root));
                }
            }
            for old in 1..=size {
                let path = tree.consistency(old, size).unwrap();
                assert!(consistent((old, tree.root(old)), (size, root), &path), "{old} {size}");
                let other = Digest([7; 32]);
                assert!(!consistent((old, other), (size, root), &path));
                assert!(!consistent((old, tree.root(old)), (size, other), &path));
                for place in 0..path.len() {
                    let mut altered = path.clone();
                    altered[place].0[0] ^= 1;
                    assert!(!consistent((old, tree.root(old)), (size, root), &altered));
                }
            }
        }
        assert_eq!(tree.root(0).0, slow_root(&[]));
        // Appended in pieces of any size, it is the same tree.
        for pieces in [[1, 1, 38], [7, 1, 32], [0, 40, 0], [5, 30, 5]] {
            let mut other = Tree::default();
            let mut rest = tree.leaves();
            for piece in pieces {
                let (taken, left) = rest.split_at(piece);
                other.extend(taken.to_vec());
                rest = left;
            }
            assert_eq!(other.levels, tree.levels);
        }
        assert!(tree.inclusion(40, 40).is_none());
        assert!(tree.consistency(3, 41).is_none());
    }
}
