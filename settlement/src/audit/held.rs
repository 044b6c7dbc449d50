//! What others hold of a server's words, compared with its journal.

use witness::SignedHead;

use super::auditor::{Auditor, Moment};
use super::{AuditError, EntryCheck, Instead};
use crate::journal::Receipt;

/// What clients and witnesses kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held<'a> {
    /// Heads.
    pub heads: &'a [SignedHead],
    /// Receipts: each proves an entry, and brings a head.
    pub receipts: &'a [Receipt],
}

/// What came of the comparison.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) wrong: Vec<AuditError>,
    pub(super) lost_heads: Vec<u64>,
    pub(super) lost_entries: Vec<u64>,
}

pub(super) fn compare<C: EntryCheck>(auditor: &Auditor<'_, C>, held: &Held<'_>) -> Compared {
    let mut compared = Compared::default();
    for head in held.heads {
        compared.head(auditor, head);
    }
    for receipt in held.receipts {
        compared.receipt(auditor, receipt);
    }
    compared.returned(auditor, held);
    for lost in [&mut compared.lost_heads, &mut compared.lost_entries] {
        lost.sort_unstable();
        lost.dedup();
    }
    compared
}

impl Compared {
    /// A head that a witness kept, against the tree, the epochs and the times of the journal.
    fn head<C: EntryCheck>(&mut self, auditor: &Auditor<'_, C>, signed: &SignedHead) {
        let size = signed.head.size;
        let head = match signed.verify(&auditor.charter.ledger_key()) {
            Ok(head) => head,
            Err(reason) => return self.wrong.push(AuditError::Head { size, reason }),
        };
        if auditor.passed(head.epoch) {
            return self.lost_heads.push(size);
        }
        let found = auditor.beginning(head.epoch);
        if found != Some(head.since) {
            let (epoch, signed) = (head.epoch, head.since);
            return self.wrong.push(AuditError::Beginning { epoch, signed, found });
        }
        let kept = auditor.kept(head.epoch);
        if kept.is_some_and(|kept| size > kept) {
            return self.lost_heads.push(size);
        }
        let found = (size <= auditor.tree.size()).then(|| auditor.tree.root(size));
        if found != Some(head.root) {
            let signed = head.root;
            return self.wrong.push(AuditError::Convicted { size, signed, found });
        }
        // Heads are signed between batches, and what they say of the time is the journal's. Of
        // the last moment before a restore the journal may lack how long it lasted.
        let open = kept == Some(size);
        let fits = |moment: &Moment| {
            moment.size == size && moment.from <= head.time && (open || head.time <= moment.to)
        };
        if !auditor.moments.iter().any(fits) {
            let signed = head.time;
            let then = auditor.moments.iter().rev().find(|moment| moment.from <= signed);
            let found = then.map(|moment| moment.size).filter(|found| *found != size);
            self.wrong.push(AuditError::Moment { size, signed, found });
        }
    }

    /// What came back after a restore, against what others hold of what was lost.
    fn returned<C: EntryCheck>(&mut self, auditor: &Auditor<'_, C>, held: &Held<'_>) {
        let key = auditor.charter.ledger_key();
        let is_lost = |number: u64, epoch| auditor.kept(epoch).is_some_and(|kept| number >= kept);
        let heads = held.heads.iter().filter_map(|head| head.verify(&key).ok());
        let heads: Vec<_> = heads.filter(|head| is_lost(head.size, head.epoch)).collect();
        let receipts = held.receipts.iter().filter(|receipt| {
            is_lost(receipt.number, receipt.head.head.epoch)
                && receipt.inclusion().verify(&key).is_ok()
        });
        let receipts: Vec<_> = receipts.collect();
        self.wrong.extend(auditor.returned.compare(&heads, &receipts, &auditor.charter));
    }

    /// A receipt: its entry must be in the journal, and its head must be one of it.
    fn receipt<C: EntryCheck>(&mut self, auditor: &Auditor<'_, C>, receipt: &Receipt) {
        let number = receipt.number;
        let inclusion = receipt.inclusion();
        let head = match inclusion.verify(&auditor.charter.ledger_key()) {
            Ok(head) => head,
            Err(reason) => return self.wrong.push(AuditError::Receipt { number, reason }),
        };
        if auditor.kept(head.epoch).is_some_and(|kept| number >= kept) {
            return self.lost_entries.push(number);
        }
        let there = usize::try_from(number).ok().and_then(|at| auditor.tree.leaves().get(at));
        match there {
            Some(leaf) if *leaf == inclusion.leaf => self.head(auditor, &receipt.head),
            Some(_) => self.wrong.push(AuditError::Dropped { number, found: Instead::Another }),
            None => self.wrong.push(AuditError::Dropped { number, found: Instead::Nothing }),
        }
    }
}

impl<C: EntryCheck> Auditor<'_, C> {
    /// Entries that an epoch began with, if the journal knows it.
    fn beginning(&self, epoch: u32) -> Option<u64> {
        if epoch == 0 {
            return Some(0);
        }
        self.restores.iter().find(|restored| restored.epoch == epoch).map(|restored| restored.kept)
    }

    /// Whether the journal passed over an epoch: whoever restored it says that it was another
    /// history's.
    fn passed(&self, epoch: u32) -> bool {
        epoch < self.epoch && self.beginning(epoch).is_none()
    }

    /// How many entries of an epoch that is over are still there, as far as it is known: of one
    /// that was passed over nothing is.
    fn kept(&self, epoch: u32) -> Option<u64> {
        if self.passed(epoch) {
            return Some(0);
        }
        let later = self.restores.iter().filter(|restored| restored.epoch > epoch);
        later.map(|restored| restored.kept).min()
    }
}
