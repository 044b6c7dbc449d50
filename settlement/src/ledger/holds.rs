//! Live holds, and the order in which they fall due.

use std::collections::{BTreeMap, BTreeSet};

use auction::spec::Time;

use super::account::AccountIndex;
use super::records::RecordIndex;

/// A hold that was neither posted, voided nor swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LiveHold {
    pub(super) debit: AccountIndex,
    pub(super) credit: AccountIndex,
    pub(super) amount: u64,
    /// Live while `now < timeout`.
    pub(super) timeout: Time,
}

/// All live holds, each under the record that made it.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    live: BTreeMap<RecordIndex, LiveHold>,
    due: BTreeSet<(Time, RecordIndex)>,
}

impl Holds {
    pub(super) fn get(&self, record: RecordIndex) -> Option<LiveHold> {
        self.live.get(&record).copied()
    }

    pub(super) fn begin(&mut self, record: RecordIndex, hold: LiveHold) {
        self.due.insert((hold.timeout, record));
        self.live.insert(record, hold);
    }

    pub(super) fn end(&mut self, record: RecordIndex) -> Option<LiveHold> {
        let hold = self.live.remove(&record)?;
        self.due.remove(&(hold.timeout, record));
        Some(hold)
    }

    /// When the next hold falls due.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(timeout, _)| *timeout)
    }

    /// Takes out the earliest hold that is due at `now`.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<(RecordIndex, LiveHold)> {
        let (timeout, record) = *self.due.first()?;
        if now < timeout {
            return None;
        }
        self.due.pop_first();
        self.live.remove(&record).map(|hold| (record, hold))
    }

    pub(super) fn live(&self) -> impl Iterator<Item = (RecordIndex, &LiveHold)> {
        self.live.iter().map(|(record, hold)| (*record, hold))
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }
}
