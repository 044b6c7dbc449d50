//! What the server signs of its tree and its epochs is the same before and after a start, whether
//! that reads snapshot and index or the whole journal.

use auction::spec::Time;
use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::{JournalError, Options, SignedHead, Storage, backup, restore_above};
use settlement::ledger::Window;
use witness::SignedContinuation;

use crate::disk::Disk;
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 4 << 10 };

fn open(disk: &Disk, index: &Disk) -> Opened<Disk> {
    let (index, window) = (Box::new(index.clone()), Window { least: 4, leave: 2 });
    Bookkeeper::open_with(disk.clone(), index, charter(), server(), OPTIONS, window).unwrap()
}

fn pay(keeper: &mut Bookkeeper<Disk>, payments: std::ops::Range<u128>) {
    for number in payments {
        let payment = post(number, 1, 2, 1).into();
        let _ = keeper.submit(vec![payment], Time(1000 + number as u64)).unwrap();
    }
    keeper.flush().unwrap();
}

fn head(keeper: &Bookkeeper<Disk>) -> SignedHead {
    keeper.release(keeper.head()).unwrap()
}

/// A journal in epoch 6: the first went on to entry 12, its restore to entry 19 in epoch 1, and
/// the restore of that, above epoch 4, passed over four. With the last head of each of the three.
fn restored_twice() -> (Disk, [SignedHead; 3]) {
    let disk = Disk::new();
    let mut keeper = open(&disk, &Disk::new()).serve_confirmed();
    let funds = vec![deposit(1, 1, 900).into(), deposit(2, 2, 900).into()];
    let _ = keeper.submit(funds, Time(1000)).unwrap();
    pay(&mut keeper, 10..20);
    let first = head(&keeper);
    let again = |keeper: Bookkeeper<Disk>, disk: &Disk, epoch| {
        let (mut copy, target) = (Disk::new(), Disk::new());
        backup(&mut disk.clone(), &mut copy, &charter(), keeper.flushed()).unwrap();
        drop(keeper);
        restore_above(&mut copy, target.clone(), &charter(), &server(), OPTIONS, epoch).unwrap();
        assert!(!target.names().iter().any(|name| name.starts_with("index-")));
        target
    };
    let disk = again(keeper, &disk, 0);
    let mut keeper = open(&disk, &Disk::new()).serve_confirmed();
    pay(&mut keeper, 20..27);
    let second = head(&keeper);
    let disk = again(keeper, &disk, 4);
    let mut keeper = open(&disk, &Disk::new()).serve_confirmed();
    pay(&mut keeper, 30..35);
    let third = head(&keeper);
    (disk, [first, second, third])
}

type Words = (SignedHead, Vec<Option<SignedHead>>, Vec<Option<SignedContinuation>>);

/// All that a server can be made to say of its history.
fn words(keeper: &mut Bookkeeper<Disk>) -> Words {
    let mut beginnings = Vec::new();
    for epoch in [0, 1, 2, 3, 4, 5, 6, 7, u32::MAX] {
        let head = keeper.beginning(epoch).unwrap();
        beginnings.push(keeper.release(head).unwrap());
    }
    let mut continuations = Vec::new();
    let size = head(keeper).head.size;
    for old in 0..=size + 1 {
        for new in 0..=size + 1 {
            let word = keeper.continuation(old, new).unwrap();
            continuations.push(keeper.release(word).unwrap());
        }
    }
    (head(keeper), beginnings, continuations)
}

#[test]
fn what_is_signed_of_the_history_is_what_it_was() {
    let (disk, [first, second, third]) = restored_twice();
    let mut keeper = open(&disk, &Disk::new()).serve_confirmed();
    let (last, beginnings, continuations) = words(&mut keeper);
    assert_eq!(last, third);
    assert_eq!([first, second, third].map(|one| one.head.epoch), [0, 1, 6]);
    assert_eq!([first, second, third].map(|one| one.head.since), [0, 12, 19]);
    let began: Vec<_> = beginnings.iter().flatten().map(|one| one.head).collect();
    // Nothing is signed of an epoch that was passed over.
    assert_eq!(began.iter().map(|one| one.epoch).collect::<Vec<_>>(), [0, 1, 6, 6, 6, 6, 6]);
    assert_eq!(began[1..3].iter().map(|one| one.since).collect::<Vec<_>>(), [12, 19]);
    for (began, kept) in began[1..].iter().zip([first, second, second, second, second, second]) {
        assert_eq!(
            (began.size, began.root, began.time),
            (kept.head.size, kept.head.root, kept.head.time)
        );
    }
    let size = last.head.size;
    assert_eq!(size, 24);
    let mut said = continuations.iter();
    for (old, new) in (0..=size + 1).flat_map(|old| (0..=size + 1).map(move |new| (old, new))) {
        let word = said.next().unwrap().as_ref();
        assert_eq!(word.is_some(), old <= new && new <= size, "{old} {new}");
        if let Some(word) = word {
            let word = word.verify(&charter().ledger_key()).unwrap();
            assert!(word.holds(), "{old} {new}");
            assert_eq!((word.epoch, word.since, word.old_size, word.new_size), (6, 19, old, new));
        }
    }
}

#[test]
fn a_start_from_snapshot_and_index_says_of_the_history_what_a_replay_of_it_says() {
    let (disk, _) = restored_twice();
    let index = Disk::new();
    let mut keeper = open(&disk, &index).serve_confirmed();
    let before = words(&mut keeper);
    keeper.snapshot().unwrap();
    assert_eq!(words(&mut keeper), before);
    drop(keeper);
    let opened = open(&disk, &index);
    assert_eq!((opened.report().replayed, opened.report().indexed), (0, opened.report().snapshot));
    assert!(opened.report().snapshot.is_some());
    let mut keeper = opened.serve_confirmed();
    assert_eq!(words(&mut keeper), before);
    // Some more, of which neither snapshot nor index knows.
    pay(&mut keeper, 40..50);
    let later = words(&mut keeper);
    drop(keeper);
    let flushed = (disk.flushed_alone(), index.flushed_alone());
    let opened = open(&flushed.0, &flushed.1);
    assert_eq!((opened.report().replayed, opened.report().indexed), (10, opened.report().snapshot));
    assert_eq!(words(&mut opened.serve_confirmed()), later);
    for index in [Disk::new(), index.crashed(1), index.without("index-nodes")] {
        assert_eq!(words(&mut open(&flushed.0, &index).serve_confirmed()), later);
    }
}

#[test]
fn an_index_of_before_a_restore_learns_how_the_epochs_began() {
    let disk = Disk::new();
    let index = Disk::new();
    let mut keeper = open(&disk, &index).serve_confirmed();
    let _ = keeper.submit(vec![deposit(1, 1, 900).into(), deposit(2, 2, 900).into()], Time(1000));
    pay(&mut keeper, 10..20);
    keeper.snapshot().unwrap();
    let (mut copy, target) = (Disk::new(), Disk::new());
    backup(&mut disk.clone(), &mut copy, &charter(), keeper.flushed()).unwrap();
    drop(keeper);
    restore_above(&mut copy, target.clone(), &charter(), &server(), OPTIONS, 3).unwrap();
    let expected = words(&mut open(&target, &Disk::new()).serve_confirmed());
    assert_eq!(expected.1.iter().flatten().count(), 6);
    assert_eq!(expected.0.head.epoch, 5);
    let opened = open(&target, &index);
    assert!(opened.report().indexed.is_some());
    assert_eq!(words(&mut opened.serve_confirmed()), expected);
    // And once they are in its checkpoint.
    let mut keeper = open(&target, &index).serve_confirmed();
    keeper.snapshot().unwrap();
    drop(keeper);
    let opened = open(&target, &index);
    assert_eq!((opened.report().replayed, opened.report().indexed), (0, opened.report().snapshot));
    assert_eq!(words(&mut opened.serve_confirmed()), expected);
}

#[test]
fn a_root_that_the_index_has_wrong_is_never_signed() {
    let (disk, _) = restored_twice();
    let index = Disk::new();
    let mut keeper = open(&disk, &index).serve_confirmed();
    let expected = words(&mut keeper);
    keeper.snapshot().unwrap();
    drop(keeper);
    let length = index.bytes("index-nodes").len();
    let mut refused = 0;
    for node in 0..length / 32 {
        let mut keeper = open(&disk, &index.clone()).serve_confirmed();
        // Under the server's feet: what it reads at its start was whole.
        let mut under = index.clone();
        let there = under.bytes("index-nodes");
        under.write_at("index-nodes", node as u64 * 32, &[!there[node * 32]]).unwrap();
        for (epoch, expected) in (0..7).zip(&expected.1) {
            match keeper.beginning(epoch) {
                Ok(head) => assert_eq!(keeper.release(head).unwrap(), *expected),
                Err(JournalError::Index { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        drop(keeper);
        under.write_at("index-nodes", node as u64 * 32, &[there[node * 32]]).unwrap();
        under.flush("index-nodes").unwrap();
        // What was distrusted is gone, and made anew.
        let mut keeper = open(&disk, &index).serve_confirmed();
        assert_eq!(words(&mut keeper), expected);
        keeper.snapshot().unwrap();
    }
    assert!(refused > 0, "no node that was damaged was needed");
}
