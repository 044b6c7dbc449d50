//! Checksums: the tree hash of RFC 9162 section 2.1.1 over header and encrypted chunks of goods,
//! or over the chunks of an item in the clear, made in one pass, and sealed with a label of its
//! own and the length.

use auction::layout::Digest;
use sha2::{Digest as _, Sha256};

use crate::layout::{Label, Statement};

type Node = [u8; 32];

/// A tree that grows on the right and keeps one hash for each complete subtree: 25 at most.
#[derive(Default)]
pub(super) struct Tree {
    leaves: u64,
    /// Roots of complete subtrees, the largest first; their sizes are the bits of `leaves`.
    subtrees: Vec<Node>,
}

impl Tree {
    pub(super) fn push(&mut self, leaf: &[u8]) {
        let mut hash = Sha256::new();
        hash.update([0]);
        hash.update(leaf);
        let mut node: Node = hash.finalize().into();
        let mut leaves = self.leaves;
        while leaves & 1 == 1 {
            // A bit that is set has its subtree.
            let Some(left) = self.subtrees.pop() else { break };
            node = join(&left, &node);
            leaves >>= 1;
        }
        self.subtrees.push(node);
        self.leaves += 1;
    }

    /// The checksum of goods of so many bytes.
    pub(super) fn checksum(self, bytes: u64) -> Digest {
        self.labelled(Label::GoodsChecksum, bytes)
    }

    /// The checksum of an item of so many bytes.
    pub(super) fn checksum_of_item(self, bytes: u64) -> Digest {
        self.labelled(Label::ItemChecksum, bytes)
    }

    fn labelled(self, label: Label, bytes: u64) -> Digest {
        let root = self.subtrees.into_iter().rev().reduce(|right, left| join(&left, &right));
        // Goods always have a header; an item without a byte has no leaf.
        let root = Digest(root.unwrap_or_default());
        Statement::new(label, &root).u64(bytes).hash()
    }
}

fn join(left: &Node, right: &Node) -> Node {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As RFC 9162 writes it down.
    fn recursive(leaves: &[Vec<u8>]) -> Node {
        if let [leaf] = leaves {
            return Sha256::digest([&[0], leaf.as_slice()].concat()).into();
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        Sha256::digest([&[1][..], &recursive(left), &recursive(right)].concat()).into()
    }

    #[test]
    fn the_streamed_tree_is_that_of_the_rfc() {
        for count in 1..70usize {
            let leaves: Vec<Vec<u8>> = (0..count).map(|i| vec![i as u8; i % 5]).collect();
            let mut tree = Tree::default();
            leaves.iter().for_each(|leaf| tree.push(leaf));
            assert!(tree.subtrees.len() <= 7);
            let root = Digest(recursive(&leaves));
            let expected = Statement::new(Label::GoodsChecksum, &root).u64(5).hash();
            assert_eq!(tree.checksum(5), expected, "{count} leaves");
        }
    }
}
