//! Answers wait for the flush that they depend on.

use auction::spec::Time;
use settlement::bookkeeper::{Bookkeeper, Withheld};
use settlement::journal::Options;
use settlement::ledger::Ledger;

use crate::disk::Disk;
use crate::people::*;

#[test]
fn replies_and_queries_open_after_the_flush_and_not_before() {
    let disk = Disk::new();
    let options = Options { segment_bytes: 4096 };
    let mut keeper =
        Bookkeeper::open(disk, charter(), server(), options).unwrap().serve_confirmed();
    // Nothing is unflushed yet: a query is answered at once.
    assert_eq!(keeper.release(keeper.look(Ledger::records)), Ok(0));
    let first = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    let query = keeper.look(Ledger::records);
    let head = keeper.head();
    assert!(matches!(keeper.release(first), Err(Withheld::NotFlushed(1))));
    assert!(matches!(keeper.release(query), Err(Withheld::NotFlushed(1))));
    assert!(matches!(keeper.release(head), Err(Withheld::NotFlushed(1))));
    let first = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    // The repeat was no new batch, but its answer shows the first one.
    keeper.flush().unwrap();
    let outcome = keeper.release(first).unwrap().remove(0);
    assert!(outcome.replies[0].repeated && outcome.entry.is_none());
    assert_eq!(keeper.flushed(), 1);
    // Two batches, one flush.
    let second = keeper.submit(vec![deposit(2, 1, 100).into()], Time(1000)).unwrap();
    let third = keeper.submit(vec![deposit(3, 1, 100).into()], Time(1000)).unwrap();
    keeper.flush().unwrap();
    assert!(keeper.release(second).is_ok() && keeper.release(third).is_ok());
}
