//! The Merkle tree over a journal's entries as its readers check it (RFC 9162 section 2.1).

use auction::layout::Digest;
use auction::spec::Time;
use sha2::{Digest as _, Sha256};

/// A node's hash.
pub type Leaf = [u8; 32];

/// Longest path that proves anything: a tree of 2^64 entries is 64 levels high, and a proof of
/// consistency names one node more.
pub const MAX_PATH: usize = 65;

/// The leaf that commits to an entry, its batch and its time (RFC 9162, 2.1.1: prefix 0).
#[must_use]
pub fn leaf_hash(batch: u64, time: Time, entry: &[u8]) -> Leaf {
    let mut prefix = [0; 17];
    prefix[1..9].copy_from_slice(&batch.to_le_bytes());
    prefix[9..].copy_from_slice(&time.0.to_le_bytes());
    let mut hash = Sha256::new();
    hash.update(prefix);
    hash.update(entry);
    hash.finalize().into()
}

/// The hash of an inner node (RFC 9162, 2.1.1: prefix 1).
#[must_use]
pub fn node_hash(left: &Leaf, right: &Leaf) -> Leaf {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The root of the tree without entries.
#[must_use]
pub fn empty_root() -> Digest {
    Digest(Sha256::digest([]).into())
}

/// Whether `path` leads from leaf number `index` to the root over `size` leaves (RFC 9162,
/// 2.1.3.2).
#[must_use]
pub fn included(leaf: Leaf, index: u64, size: u64, path: &[Digest], root: Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            hash = node_hash(&step.0, &hash);
            while at.is_multiple_of(2) && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, &step.0);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root.0
}

/// Whether `path` proves that the tree `new` (entries, root) continues the tree `old` (RFC 9162,
/// 2.1.4.2). Every tree continues the empty one.
#[must_use]
pub fn consistent(old: (u64, Digest), new: (u64, Digest), path: &[Digest]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 {
        return path.is_empty() && old_root == empty_root();
    }
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return path.is_empty() && old_root == new_root;
    }
    let mut nodes = path.iter().map(|node| node.0);
    let first = if old_size.is_power_of_two() { Some(old_root.0) } else { nodes.next() };
    let Some(first) = first else { return false };
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at % 2 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for node in nodes {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            old_hash = node_hash(&node, &old_hash);
            new_hash = node_hash(&node, &new_hash);
            while at.is_multiple_of(2) && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, &node);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old_root.0 && new_hash == new_root.0
}
