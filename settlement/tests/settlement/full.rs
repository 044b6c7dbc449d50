//! A disk that is full at any moment: what was answered is there when there is room again.

use auction::spec::Time;
use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::{JournalError, Options};
use settlement::ledger::{Code, Ledger, VerifiedRequest};

use crate::disk::Disk;
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 2048 };

fn open(disk: &Disk) -> Result<Opened<Disk>, JournalError> {
    Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS)
}

fn requests() -> Vec<VerifiedRequest> {
    let mut requests = vec![deposit(1, 1, 1000), deposit(2, 2, 1000)];
    requests.extend((10..20).map(|number| hold(number, 1, 2, 10, 9000)));
    requests.extend((20..25).map(|number| post(number, 1, 2, 1)));
    requests.extend((30..35).map(|number| void_hold(number, 2, hold_of(1, number - 20))));
    requests
}

/// Sends all requests, with snapshots in between; answers with those that were committed, and
/// the state then, unless the journal could not even be begun.
fn work(disk: &Disk, beside: bool) -> Option<(Vec<VerifiedRequest>, Vec<u8>)> {
    let mut keeper = open(disk).ok()?.serve_confirmed();
    if beside {
        keeper.start_helpers(|| {}).ok()?;
    }
    let mut committed = Vec::new();
    for (place, request) in requests().into_iter().enumerate() {
        let submitted = keeper.submit(vec![request.clone().into()], Time(1000));
        match submitted.and_then(|waiting| keeper.flush().map(|()| waiting)) {
            Ok(waiting) => {
                let code = keeper.release(waiting).unwrap()[0].replies[0].code;
                // Refused for want of room, or because what it resolves was.
                assert!([Code::Done, Code::StorageScarce, Code::HoldUnknown].contains(&code));
                if code == Code::Done {
                    committed.push(request);
                }
            }
            Err(error) => assert_eq!(error, JournalError::Full),
        }
        if place % 4 == 3 {
            let _ = keeper.snapshot();
            keeper.idle().unwrap();
        }
    }
    let state = keeper.release(keeper.look(Ledger::to_bytes)).unwrap();
    Some((committed, state))
}

#[test]
fn whenever_the_disk_is_full_nothing_that_was_answered_is_lost_and_it_goes_on_with_room() {
    let whole = Disk::new();
    assert_eq!(work(&whole, false).unwrap().0.len(), requests().len());
    let mut full = 0;
    for capacity in (0..whole.used() + 512).step_by(256) {
        for beside in [false, true] {
            let disk = Disk::new();
            disk.limit(Some(capacity));
            let done = work(&disk, beside);
            disk.limit(None);
            // What is flushed alone, and what the cache still shows.
            for disk in [disk.flushed_alone(), disk] {
                let opened = open(&disk).unwrap_or_else(|error| panic!("{capacity}: {error}"));
                let Some((committed, state)) = &done else { continue };
                assert_eq!(opened.ledger().to_bytes(), *state, "{capacity}");
                full += usize::from(committed.len() < requests().len());
                drop(opened);
                // With room again the rest goes through, and nothing twice.
                let (all, _) = work(&disk, beside).unwrap();
                assert_eq!(all.len(), requests().len(), "{capacity}");
                let opened = open(&disk).unwrap();
                let account = opened.ledger().account(&account(1)).unwrap();
                assert_eq!(account.balances.available(), 1000 - 5 - 50, "{capacity}");
            }
        }
    }
    assert!(full > 10, "the disk was hardly ever full");
}
