//! Parts of the index that one thread works with while others work with the rest of a batch.

use super::ids::{HashKey, Located};
use super::movements::{Line, Movements};
use super::runs::{RunEntry, Runs};
use super::unless_full;
use crate::journal::{JournalError, Storage};
use crate::ledger::{HoldKey, Left};

/// What of the index takes what a batch moved, and the ids that left the ledger's memory with it.
pub(crate) struct Moving<'a> {
    pub(super) storage: &'a mut dyn Storage,
    pub(super) movements: &'a mut Movements,
    pub(super) runs: &'a mut Runs,
    pub(super) hash_key: &'a HashKey,
    pub(super) durable_runs: &'a [RunEntry],
}

impl Moving<'_> {
    /// Adds them.
    pub(crate) fn add(&mut self, lines: &[Line], left: &[Left]) -> Result<(), JournalError> {
        let Self { storage, movements, runs, hash_key, durable_runs } = self;
        for line in lines {
            movements.push(*storage, line)?;
        }
        if !left.is_empty() {
            let keys = left.iter().map(|left| {
                let key = HoldKey { account: left.account, id: left.id };
                hash_key.pack(&key, Located { entry: left.entry, fate: left.fate })
            });
            runs.add(*storage, keys.collect(), durable_runs)?;
        }
        unless_full(movements.spill(*storage))
    }
}

/// The part of the index that is in memory of all ids in it.
#[derive(Clone, Copy)]
pub(crate) struct Filters<'a> {
    pub(super) runs: &'a Runs,
    pub(super) hash_key: &'a HashKey,
}

impl Filters<'_> {
    /// Those of the ids that may be in the index.
    pub(crate) fn candidates(&self, mut keys: Vec<HoldKey>) -> Vec<HoldKey> {
        keys.retain(|key| self.runs.may_hold(self.hash_key.hash(key)));
        keys
    }
}
