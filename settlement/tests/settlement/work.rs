//! Work for a journal, and what must be read back of it.

use auction::spec::Time;
use settlement::bookkeeper::Opened;
use settlement::journal::{JournalError, Storage};
use settlement::ledger::{Chain, Ledger, Part};

use crate::people::*;

/// Batches that open accounts, pay, hold, take, void, expire, are refused and carry attachments.
pub struct Work {
    pub batches: Vec<(Vec<Chain>, u64)>,
    /// The state after each number of batches.
    states: Vec<Ledger>,
}

impl Work {
    pub fn new() -> Self {
        let take = |number, key, part| post_hold(number, 2, key, part);
        let chain = |requests| Chain::new(requests, Some(b"goods key".to_vec())).unwrap();
        let batches: Vec<(Vec<Chain>, u64)> = vec![
            (vec![deposit(1, 1, 100).into(), deposit(2, 2, 100).into()], 1000),
            (vec![post(10, 1, 2, 10).into(), hold(11, 1, 2, 20, 2000).into()], 1001),
            (vec![post(12, 1, 2, 500).into()], 1002),
            (vec![hold(13, 1, 2, 20, 1500).into(), hold(14, 1, 2, 5, 1600).into()], 1003),
            (
                vec![
                    chain(vec![take(15, hold_of(1, 11), Part::Amount(7)), post(16, 2, 1, 3)]),
                    void_hold(17, 2, hold_of(1, 14)).into(),
                ],
                1004,
            ),
            (vec![post(18, 1, 2, 1).into(), post(19, 2, 1, 2).into()], 1005),
            (vec![], 1500),
            (vec![chain(vec![post(20, 1, 2, 1), post(21, 1, 2, 999)])], 1501),
            (vec![deposit(3, 3, 50).into()], 1502),
            (vec![post(22, 3, 1, 9).into(), post(23, 3, 2, 9).into()], 1503),
        ];
        let mut ledger = Ledger::new(charter());
        let mut states = vec![ledger.clone()];
        for (batch, time) in &batches {
            assert!(ledger.apply(batch, Time(*time)).effective);
            states.push(ledger.clone());
        }
        Self { batches, states }
    }

    /// Does the work from where `opened` has come to on; `acknowledged` is the last batch that was,
    /// whose durability is then checked.
    pub fn try_run<S: Storage>(
        &self,
        opened: Opened<S>,
        acknowledged: &mut u64,
        check_durable: impl Fn(u64),
    ) -> Result<(), JournalError> {
        let from = opened.last_batch() as usize;
        *acknowledged = from as u64;
        let mut bookkeeper = opened.serve_confirmed();
        let mut waiting = Vec::new();
        for (place, (batch, time)) in self.batches.iter().enumerate().skip(from) {
            waiting.push(bookkeeper.submit(batch.clone(), Time(*time))?);
            // Every third time two batches wait for one flush.
            if place % 3 == 1 {
                continue;
            }
            bookkeeper.flush()?;
            for unflushed in waiting.drain(..) {
                bookkeeper.release(unflushed).unwrap();
            }
            *acknowledged = place as u64 + 1;
            check_durable(*acknowledged);
            if place % 4 == 0 {
                bookkeeper.idle()?;
            }
            if place == 5 {
                bookkeeper.snapshot()?;
            }
        }
        Ok(())
    }

    /// Does all the work with flushes and spares made by helpers, while the next batch is applied
    /// and written. What comes between what is chance.
    pub fn try_run_beside<S: Storage + 'static>(
        &self,
        opened: Opened<S>,
        acknowledged: &mut u64,
        check_durable: impl Fn(u64),
    ) -> Result<(), JournalError> {
        let mut keeper = opened.serve_confirmed();
        keeper.start_helpers(|| {})?;
        let mut before = None;
        for (place, (batch, time)) in self.batches.iter().enumerate() {
            let unflushed = keeper.submit(batch.clone(), Time(*time))?;
            keeper.begin_flush()?;
            if place == 6 {
                keeper.snapshot()?;
            }
            if let Some(unflushed) = before.replace(unflushed) {
                // The flush after it has begun, so its own has ended.
                keeper.release(unflushed).unwrap();
                *acknowledged = place as u64;
                check_durable(*acknowledged);
            }
        }
        keeper.end_flush()?;
        if let Some(unflushed) = before {
            keeper.release(unflushed).unwrap();
        }
        *acknowledged = self.batches.len() as u64;
        keeper.idle()
    }

    /// What is read back must be a state of the history that holds everything acknowledged.
    pub fn verify<S: Storage>(&self, opened: &Opened<S>, acknowledged: u64, what: &str) {
        let last = opened.last_batch();
        assert!(last >= acknowledged, "{what}: batch {acknowledged} was lost, got {last}");
        let state = &self.states[last as usize];
        assert_eq!(opened.ledger().digest(), state.digest(), "{what}: batch {last}");
    }

    /// And every id that was ever decided has its record and its receipt.
    pub fn verify_ids<S: Storage>(&self, opened: Opened<S>, what: &str) {
        let state = &self.states[opened.last_batch() as usize];
        let mut keeper = opened.serve_confirmed();
        for (owner, number) in (10..24).flat_map(|number| [(1, number), (2, number), (3, number)]) {
            let (owner, number) = (account(owner), id(number));
            let expected = state.record(&owner, number).map(|record| (record.entry, record.fate));
            let found = keeper.record(&owner, number).unwrap();
            let found = keeper.release(found).unwrap().map(|record| (record.entry, record.fate));
            assert_eq!(found, expected, "{what}: {number:?}");
            let receipt = keeper.receipt(&owner, number).unwrap();
            let receipt = keeper.release(receipt).unwrap();
            assert_eq!(receipt.is_some(), expected.is_some(), "{what}: {number:?}");
            assert!(receipt.is_none_or(|receipt| receipt.verify(&charter()).is_ok()));
        }
    }
}
