//! A crash or an error at every call of a backup and of a restore: the source is as it was, and
//! what was left half done is not taken for something whole.

use auction::spec::Time;
use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::{JournalError, Options, backup, restore};

use crate::disk::{Disk, Trouble};
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 2048 };

fn open(disk: &Disk) -> Result<Opened<Disk>, JournalError> {
    Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS)
}

/// A journal of several segments that is being written, and the last batch that is flushed.
fn journal() -> (Disk, Bookkeeper<Disk>, u64) {
    let disk = Disk::new();
    let mut keeper = open(&disk).unwrap().serve_confirmed();
    let _ = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    let _ = keeper.submit(vec![deposit(2, 2, 100).into()], Time(1000)).unwrap();
    for number in 10..20 {
        let _ = keeper.submit(vec![post(number, 1, 2, 1).into()], Time(1001)).unwrap();
    }
    keeper.flush().unwrap();
    let flushed = keeper.flushed();
    let _ = keeper.submit(vec![post(50, 1, 2, 50).into()], Time(1002)).unwrap();
    (disk, keeper, flushed)
}

/// What may be found where a copy was interrupted: nothing that can be served or copied on, or
/// the whole of it.
fn check_interrupted(target: &Disk, whole: u64, epoch: u32, what: &str) {
    for seed in 0..4 {
        let left = if seed == 0 { target.flushed_alone() } else { target.crashed(seed) };
        if left.names().is_empty() {
            continue;
        }
        match open(&left) {
            Err(error) => {
                assert_eq!(error, JournalError::UnfinishedCopy, "{what}");
                let again = backup(&mut left.clone(), &mut Disk::new(), &charter(), 1);
                assert_eq!(again.unwrap_err(), JournalError::UnfinishedCopy.into(), "{what}");
            }
            Ok(opened) => {
                assert_eq!(opened.last_batch(), whole, "{what}");
                let keeper = opened.serve_confirmed();
                let head = keeper.release(keeper.head()).unwrap();
                assert_eq!(head.head.epoch, epoch, "{what}");
            }
        }
    }
}

#[test]
fn an_interrupted_backup_is_no_backup_and_leaves_the_source_as_it_was() {
    let (disk, keeper, flushed) = journal();
    let calls = {
        let target = Disk::new();
        backup(&mut disk.clone(), &mut target.clone(), &charter(), flushed).unwrap();
        target.calls()
    };
    let before: Vec<_> = disk.names().iter().map(|name| disk.bytes(name)).collect();
    for call in 1..=calls {
        for trouble in [Trouble::Crash, Trouble::Error] {
            let target = Disk::new();
            target.trouble_at(call, trouble);
            let made = backup(&mut disk.clone(), &mut target.clone(), &charter(), flushed);
            let what = format!("{trouble:?} at call {call}");
            assert!(made.is_err(), "{what}");
            check_interrupted(&target, flushed, 0, &what);
        }
    }
    // An error of the source ends a backup too.
    disk.trouble_at(3, Trouble::Error);
    assert!(backup(&mut disk.clone(), &mut Disk::new(), &charter(), flushed).is_err());
    let after: Vec<_> = disk.names().iter().map(|name| disk.bytes(name)).collect();
    assert_eq!(before, after);
    drop(keeper);
    assert_eq!(open(&disk).unwrap().last_batch(), flushed + 1);
}

#[test]
fn an_interrupted_restore_is_never_served_without_its_epoch() {
    let (disk, _keeper, flushed) = journal();
    let mut copy = Disk::new();
    backup(&mut disk.clone(), &mut copy, &charter(), flushed).unwrap();
    let calls = {
        let target = Disk::new();
        restore(&mut copy.clone(), target.clone(), &charter(), &server(), OPTIONS).unwrap();
        target.calls()
    };
    for call in 1..=calls {
        for trouble in [Trouble::Crash, Trouble::Error] {
            let target = Disk::new();
            target.trouble_at(call, trouble);
            let made = restore(&mut copy, target.clone(), &charter(), &server(), OPTIONS);
            let what = format!("{trouble:?} at call {call}");
            assert!(made.is_err(), "{what}");
            // One batch more than was copied: it begins the epoch.
            check_interrupted(&target, flushed + 1, 1, &what);
        }
    }
}

#[test]
fn a_copy_goes_to_an_empty_place_alone() {
    let (disk, _keeper, flushed) = journal();
    let mut target = Disk::new();
    backup(&mut disk.clone(), &mut target, &charter(), flushed).unwrap();
    let again = backup(&mut disk.clone(), &mut target, &charter(), flushed).unwrap_err();
    assert!(matches!(again, settlement::journal::BackupError::Journal(JournalError::NotEmpty(_))));
}
