//! A full disk: what was begun can be finished, and nothing new begins.

use auction::spec::Time;
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{JournalError, Options};
use settlement::ledger::{Action, Code, Ledger, Part, VerifiedRequest};

use crate::disk::Disk;
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 2048 };

fn one(keeper: &mut Bookkeeper<Disk>, request: VerifiedRequest) -> Result<Code, JournalError> {
    let unflushed = keeper.submit(vec![request.into()], Time(1002))?;
    keeper.flush()?;
    Ok(keeper.release(unflushed).unwrap()[0].replies[0].code)
}

#[test]
fn while_one_spare_remains_only_settlements_and_voids_go_on() {
    let disk = Disk::new();
    let open = || Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS).unwrap();
    let mut keeper = open().serve_confirmed();
    let _ = keeper.submit(vec![deposit(1, 1, 1000).into(), deposit(2, 2, 1).into()], Time(1000));
    for number in 10..24 {
        assert_eq!(one(&mut keeper, hold(number, 1, 2, 10, 9000)), Ok(Code::Done));
    }
    for _ in 0..4 {
        keeper.idle().unwrap();
    }
    disk.limit(Some(disk.used()));
    let mut number = 1000;
    while !keeper.is_scarce() {
        number += 1;
        assert_eq!(one(&mut keeper, post(number, 1, 2, 1)), Ok(Code::Done));
        assert!(number < 1100, "never scarce");
    }
    let before = keeper.release(keeper.look(Ledger::digest)).unwrap();
    let refused = post(2000, 1, 2, 1);
    assert_eq!(one(&mut keeper, refused.clone()), Ok(Code::StorageScarce));
    assert_eq!(one(&mut keeper, deposit(3, 3, 5)), Ok(Code::StorageScarce));
    let cancel = by(&charter(), 1, 2001, Action::Cancel { account: account(1) });
    assert_eq!(one(&mut keeper, cancel), Ok(Code::StorageScarce));
    let void = void_hold(2002, 2, hold_of(1, 999));
    assert_eq!(one(&mut keeper, void), Ok(Code::StorageScarce));
    // Nor do refusals of settlements fill what is left: neither those that would be final, nor those
    // that would tell the time.
    for number in 3000..3100 {
        let above = post_hold(number, 2, hold_of(1, 10), Part::Amount(11));
        assert_eq!(one(&mut keeper, above), Ok(Code::StorageScarce));
        let action = post_hold(number, 2, hold_of(1, 10), Part::Whole).request().action;
        let late = until(&charter(), 2, number, Time(1003), action);
        let answer = keeper.submit(vec![late.into()], Time(1003 + number as u64)).unwrap();
        keeper.flush().unwrap();
        assert_eq!(keeper.release(answer).unwrap()[0].replies[0].code, Code::StorageScarce);
    }
    // A retry of what was decided is still answered.
    assert_eq!(one(&mut keeper, hold(10, 1, 2, 10, 9000)), Ok(Code::Done));
    assert_eq!(keeper.release(keeper.look(Ledger::digest)).unwrap(), before);
    assert_eq!(one(&mut keeper, post_hold(500, 2, hold_of(1, 10), Part::Whole)), Ok(Code::Done));
    // The last spare is used up by them, and then nothing goes on; nothing is lost either.
    let mut resolved = 1;
    let full = loop {
        let key = hold_of(1, 10 + resolved);
        match one(&mut keeper, void_hold(500 + resolved, 2, key)) {
            Ok(code) => assert_eq!(code, Code::Done),
            Err(error) => break error,
        }
        resolved += 1;
        assert!(resolved < 14, "never full");
    };
    assert_eq!(full, JournalError::Full);
    assert!(resolved > 2, "the spare held too little: {resolved}");
    // Room again: it goes on where it was, the refused order included.
    disk.limit(None);
    let key = hold_of(1, 10 + resolved);
    assert_eq!(one(&mut keeper, void_hold(500 + resolved, 2, key)), Ok(Code::Done));
    for _ in 0..4 {
        keeper.idle().unwrap();
    }
    assert!(!keeper.is_scarce());
    assert_eq!(one(&mut keeper, refused), Ok(Code::Done));
    let state = keeper.release(keeper.look(Ledger::to_bytes)).unwrap();
    drop(keeper);
    assert_eq!(open().ledger().to_bytes(), state);
}

#[test]
fn a_batch_that_fits_no_segment_is_refused_and_changes_nothing() {
    let disk = Disk::new();
    let mut keeper =
        Bookkeeper::open(disk, charter(), server(), OPTIONS).unwrap().serve_confirmed();
    let many = (1..20).map(|number| deposit(number, 1, 1).into()).collect();
    let refused = keeper.submit(many, Time(1000)).err().unwrap();
    assert!(matches!(refused, JournalError::BatchTooLarge { .. }));
    assert_eq!(keeper.release(keeper.look(Ledger::records)).unwrap(), 0);
    assert_eq!(one(&mut keeper, deposit(1, 1, 1)), Ok(Code::Done));
}
