//! What comes back moves what it moved before, once.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use settlement::journal::{backup, restore};
use settlement::ledger::{Action, Chain, Code, Fate, Part, VerifiedRequest, Window};
use settlement::readmission::NotReadmitted;

use crate::disk::Disk;
use crate::kit::{OPTIONS, inquest};
use crate::oracle::Oracle;
use crate::people::*;
use crate::world::*;

#[test]
fn a_lost_payment_comes_back_after_its_time_out_once() {
    let (_kept, receipt, mut keeper, disk) = one_lost();
    assert_eq!(funds(&keeper), [100, 100]);
    // By itself it is out of time, and that decides nothing.
    assert_eq!(code_of(&mut keeper, &post(10, 1, 2, 30), LATER), Code::Expired);
    let outcome = bring(&mut keeper, &receipt, LATER).unwrap();
    let reply = outcome.replies[0];
    assert_eq!((reply.code, reply.repeated, outcome.entry), (Code::Done, false, Some(2)));
    assert_eq!(funds(&keeper), [70, 130]);
    // A repeat of the receipt, of the request, and of the new receipt changes nothing.
    let new = receipt_of(&mut keeper, &account(1), id(10));
    for receipt in [&receipt, &new] {
        let again = bring(&mut keeper, receipt, LATER + 1).unwrap();
        assert_eq!((again.replies[0].repeated, again.entry), (true, None));
        assert_eq!((again.replies[0].code, again.replies[0].entry), (Code::Done, Some(2)));
    }
    assert_eq!(code_of(&mut keeper, &post(10, 1, 2, 30), LATER + 2), Code::Done);
    assert_eq!(code_of(&mut keeper, &post(10, 1, 2, 31), LATER + 2), Code::IdConflict);
    assert_eq!(funds(&keeper), [70, 130]);
    // The new receipt is of the new epoch, and holds the old one.
    let proven = new.verify(&charter()).unwrap();
    assert_eq!((new.head.head.epoch, receipt.head.head.epoch), (1, 0));
    let before = proven.readmitted.unwrap();
    assert_eq!((before.number, before.time), (receipt.number, receipt.time));
    assert_eq!(new.original(), receipt);
    // A start reads it back, and an audit finds nothing, whoever's receipts it is shown.
    keeper.snapshot().unwrap();
    drop(keeper);
    let mut keeper = open(&disk, Window::default());
    assert_eq!(funds(&keeper), [70, 130]);
    assert_eq!(receipt_of(&mut keeper, &account(1), id(10)).original(), receipt);
    let report = audited(&disk, &[receipt, new]);
    assert_eq!((report.readmitted, report.lost_entries), (1, vec![2]));
}

/// Restored from a newer backup, and then from an older one.
#[test]
fn what_an_epoch_beside_this_history_had_comes_back_too() {
    let mut older = kept();
    let first = older.lose([post(10, 1, 2, 30).into()], 2000).remove(0);
    let (mut newer, flushed) = (Disk::new(), older.keeper.flushed());
    backup(&mut older.disk.clone(), &mut newer, &charter(), flushed).unwrap();
    let beside = Disk::new();
    restore(&mut newer, beside.clone(), &charter(), &server(), OPTIONS).unwrap();
    let mut keeper = open(&beside, Window::default());
    assert_eq!(code_of(&mut keeper, &post(11, 2, 1, 5), 3000), Code::Done);
    let second = receipt_of(&mut keeper, &account(2), id(11));
    drop(keeper);
    let disk = older.restored_above(1);
    let mut keeper = open(&disk, Window::default());
    for receipt in [&first, &second] {
        assert_eq!(brought(&mut keeper, receipt, LATER), Ok(Code::Done));
    }
    assert_eq!(funds(&keeper), [75, 125]);
    let epochs = [&first, &second].map(|receipt| receipt.head.head.epoch);
    assert_eq!((epochs, keeper.release(keeper.head()).unwrap().head.epoch), ([0, 1], 3));
    assert_eq!(audited(&disk, &[first, second]).readmitted, 2);
}

/// Restored from an older backup, and then from a newer one.
#[test]
fn what_an_epoch_beside_this_history_had_is_lost_below_what_was_kept_too() {
    let mut kept = kept();
    let first = kept.lose([post(10, 1, 2, 30).into(), post(11, 1, 2, 1).into()], 2000);
    let (mut newer, flushed) = (Disk::new(), kept.keeper.flushed());
    backup(&mut kept.disk.clone(), &mut newer, &charter(), flushed).unwrap();
    let mut keeper = open(&kept.restored(), Window::default());
    assert_eq!(code_of(&mut keeper, &post(12, 2, 1, 5), 3000), Code::Done);
    let beside = receipt_of(&mut keeper, &account(2), id(12));
    let deposited = receipt_of(&mut keeper, &operator(), id(1));
    drop(keeper);
    kept.copy = newer;
    let disk = kept.restored_above(1);
    let mut keeper = open(&disk, Window::default());
    assert_eq!((beside.number, first[0].number), (2, 2));
    assert_eq!(brought(&mut keeper, &beside, LATER), Ok(Code::Done));
    assert_eq!(funds(&keeper), [74, 126]);
    // What both histories have is there.
    for receipt in [&first[0], &first[1], &deposited] {
        let refused = brought(&mut keeper, receipt, LATER);
        assert!(matches!(refused, Err(NotReadmitted::Kept { .. })), "{refused:?}");
    }
    assert_eq!(audited(&disk, &[beside]).readmitted, 1);
}

#[test]
fn accounts_deposits_withdrawals_and_chains_come_back_in_their_order() {
    let mut kept = kept();
    let withdraw = Action::Withdraw {
        account: account(3),
        amount: sum(5),
        reference: auction::layout::Digest([5; 32]),
    };
    let both = Chain::new(vec![post(12, 3, 1, 10), post(13, 1, 2, 100)], None).unwrap();
    let lost = [
        deposit(10, 3, 40).into(),
        by(&charter(), 3, 11, withdraw).into(),
        both,
        by(&charter(), 2, 14, Action::Cancel { account: account(2) }).into(),
    ];
    let receipts = kept.lose(lost, 2000);
    let disk = kept.restored();
    let mut keeper = open(&disk, Window::default());
    // What needs what is not there yet decides nothing, and comes again.
    for (receipt, code) in [(1, Code::UnknownAccount), (2, Code::UnknownAccount)] {
        assert_eq!(brought(&mut keeper, &receipts[receipt], LATER), Ok(code));
    }
    for receipt in &receipts {
        assert_eq!(brought(&mut keeper, receipt, LATER), Ok(Code::Done));
    }
    assert_eq!(funds(&keeper), funds(&kept.keeper));
    assert_eq!(funds(&keeper), [10, 200, 25]);
    let again = by(&charter(), 2, 14, Action::Post(movement(account(2), account(1), 1)));
    assert_eq!(code_of(&mut keeper, &again, LATER), Code::Cancelled);
    assert_eq!(audited(&disk, &receipts).readmitted, 4);
}

#[test]
fn no_refusal_of_what_comes_back_is_final() {
    let mut kept = kept();
    let receipts = kept.lose([post(10, 2, 1, 50).into(), post(11, 1, 2, 150).into()], 2000);
    let disk = kept.restored();
    let mut keeper = open(&disk, Window::default());
    for _ in 0..2 {
        assert_eq!(brought(&mut keeper, &receipts[1], LATER), Ok(Code::InsufficientFunds));
    }
    assert_eq!(brought(&mut keeper, &receipts[0], LATER), Ok(Code::Done));
    assert_eq!(brought(&mut keeper, &receipts[1], LATER), Ok(Code::Done));
    assert_eq!(funds(&keeper), [0, 200]);
    audited(&disk, &receipts);
}

#[test]
fn what_was_taken_from_a_hold_comes_back_although_the_hold_has_expired() {
    let part = Part::Amount(30);
    for (kept_hold, window) in
        [(true, Window::default()), (true, Window { least: 1, leave: 1 }), (false, Window::ALL)]
    {
        let held = hold(5, 1, 2, 40, 5000);
        let taken = Chain::from(post_hold(6, 2, hold_of(1, 5), part));
        let (mut kept, lost) = if kept_hold {
            (kept_with(&[held]), vec![taken])
        } else {
            (kept(), vec![held.into(), taken])
        };
        let receipts = kept.lose(lost, 2000);
        let disk = kept.restored();
        let mut keeper = open(&disk, window);
        // Swept, and out of memory where that is small.
        for number in 20..26 {
            assert_eq!(code_of(&mut keeper, &until_later(number, 2, 1, 1), LATER), Code::Done);
        }
        if kept_hold {
            let late = post_hold_later(7, 2, 5);
            assert_eq!(code_of(&mut keeper, &late, LATER), Code::HoldExpired);
        }
        for receipt in &receipts {
            assert_eq!(brought(&mut keeper, receipt, LATER), Ok(Code::Done));
        }
        assert_eq!(funds(&keeper), [100 + 6 - 30, 100 - 6 + 30]);
        let fate = |keeper: &mut Keeper| {
            let record = keeper.record(&account(1), id(5)).unwrap();
            keeper.release(record).unwrap().unwrap().fate
        };
        assert_eq!(fate(&mut keeper), Fate::HoldPosted);
        // Once, and for ever, however little of it is in memory.
        for number in 30..36 {
            assert_eq!(code_of(&mut keeper, &until_later(number, 2, 1, 1), LATER), Code::Done);
        }
        let late = post_hold_later(8, 2, 5);
        assert_eq!(code_of(&mut keeper, &late, LATER), Code::HoldPosted);
        assert_eq!(fate(&mut keeper), Fate::HoldPosted);
        drop(keeper);
        let mut keeper = open(&disk, window);
        assert_eq!(fate(&mut keeper), Fate::HoldPosted);
        assert_eq!(brought(&mut keeper, &receipts[receipts.len() - 1], LATER), Ok(Code::Done));
        assert_eq!(funds(&keeper), [100 + 12 - 30, 100 - 12 + 30]);
        audited(&disk, &receipts);
    }
}

/// A start from a snapshot of before, with an index of after: what became of the hold later is not
/// told to what comes before it.
#[test]
fn a_replay_is_not_told_what_became_of_a_hold_later() {
    let mut kept = kept_with(&[hold(5, 1, 2, 40, 5000)]);
    let taken = Chain::from(post_hold(6, 2, hold_of(1, 5), Part::Whole));
    let receipts = kept.lose([taken], 2000);
    let disk = kept.restored();
    let (index, window) = (Disk::new(), Window { least: 1, leave: 1 });
    let open = |disk: &Disk, index: &Disk| {
        let index = Box::new(index.clone());
        let options = crate::kit::OPTIONS;
        settlement::bookkeeper::Bookkeeper::open_with(
            disk.clone(),
            index,
            charter(),
            server(),
            options,
            window,
        )
        .unwrap()
        .serve_confirmed()
    };
    let mut keeper = open(&disk, &index);
    for number in 20..24 {
        assert_eq!(code_of(&mut keeper, &until_later(number, 2, 1, 1), LATER), Code::Done);
    }
    keeper.snapshot().unwrap();
    let snapshots = |disk: &Disk| {
        let mut names = disk.names();
        names.retain(|name| name.starts_with("snapshot"));
        names
    };
    let early = snapshots(&disk);
    assert_eq!(early.len(), 1);
    let late = post_hold_later(7, 2, 5);
    assert_eq!(code_of(&mut keeper, &late, LATER), Code::HoldExpired);
    assert_eq!(brought(&mut keeper, &receipts[0], LATER), Ok(Code::Done));
    for number in 30..36 {
        assert_eq!(code_of(&mut keeper, &until_later(number, 2, 1, 1), LATER), Code::Done);
    }
    keeper.snapshot().unwrap();
    let state = keeper.release(keeper.look(settlement::ledger::Ledger::digest)).unwrap();
    drop(keeper);
    let mut older = disk.clone();
    for name in snapshots(&disk) {
        if !early.contains(&name) {
            settlement::journal::Storage::remove(&mut older, &name).unwrap();
        }
    }
    let keeper = open(&disk, &index);
    assert_eq!(keeper.release(keeper.look(settlement::ledger::Ledger::digest)).unwrap(), state);
}

/// A payment that is good after the restore.
fn until_later(number: u128, from: u8, to: u8, amount: u64) -> VerifiedRequest {
    let action = Action::Post(movement(account(from), account(to), amount));
    until(&charter(), from, number, auction::spec::Time(LATER + 1_000_000), action)
}

/// Takes from a hold of person 1, and is good after the restore.
fn post_hold_later(number: u128, to: u8, held: u128) -> VerifiedRequest {
    let reference = auction::layout::Digest([3; 32]);
    let (hold, part) = (hold_of(1, held), Part::Amount(30));
    let action = Action::PostHold { account: account(to), hold, part, reference };
    until(&charter(), to, number, auction::spec::Time(LATER + 1_000_000), action)
}

/// Whatever is lost: once all of it has come back, everybody has what he had.
#[test]
fn all_that_was_lost_and_came_back_is_as_if_it_had_never_been_lost() {
    for seed in 0..12 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut kept = kept();
        let mut oracle = Oracle::new(1000);
        oracle.begin(1000);
        for deposit in [deposit(1, 1, 100), deposit(2, 2, 100)] {
            assert_eq!(oracle.chain(&[(deposit, true)], false), [Code::Done], "seed {seed}");
        }
        let (mut lost, mut now) = (Vec::new(), 2000);
        for number in 10..60 {
            now += rng.random_range(0..400);
            let chain = random(&mut rng, number, now);
            let both: Vec<_> = chain.requests().iter().map(|one| (one.clone(), true)).collect();
            oracle.begin(now);
            let codes = oracle.chain(&both, chain.attachment().is_some());
            let outcome = submit(&mut kept.keeper, chain.clone(), now);
            let got: Vec<_> = outcome.replies.iter().map(|reply| reply.code).collect();
            assert_eq!(got, codes, "seed {seed}, request {number}");
            if codes.iter().all(|code| *code == Code::Done) {
                let first = &chain.requests()[0];
                let account = first.signing_account(&charter());
                lost.push(receipt_of(&mut kept.keeper, &account, first.request().id));
            }
        }
        oracle.begin(LATER);
        let disk = kept.restored();
        let mut keeper = open(&disk, Window { least: 8, leave: 4 });
        // In any order: what cannot be taken yet is brought again.
        let mut waiting: Vec<_> = lost.iter().collect();
        waiting.shuffle(&mut rng);
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|receipt| {
                let code = brought(&mut keeper, receipt, LATER).unwrap();
                code != Code::Done
            });
            assert!(waiting.len() < before, "seed {seed}: each waits for another");
        }
        for account in oracle.accounts() {
            let balances =
                |ledger: &settlement::ledger::Ledger| ledger.account(account).unwrap().balances;
            let got = keeper.release(keeper.look(balances)).unwrap();
            assert_eq!(got, oracle.balances(account), "seed {seed}");
        }
        let report = inquest(&disk, &[], &lost).0.strictly().unwrap();
        assert_eq!(report.readmitted, lost.len() as u64, "seed {seed}");
    }
}

fn random(rng: &mut StdRng, number: u128, now: u64) -> Chain {
    let (from, to) = if rng.random() { (1, 2) } else { (2, 1) };
    let amount = rng.random_range(1..60);
    match rng.random_range(0..6) {
        0 => deposit(number, rng.random_range(1..=3), amount).into(),
        1 => hold(number, from, to, amount, now + rng.random_range(1..3000)).into(),
        2 | 3 => {
            // Of some hold that may be there.
            let held = hold_of(from, rng.random_range(10..60));
            let request = match rng.random_range(0..3) {
                0 => void_hold(number, to, held),
                1 => post_hold(number, to, held, Part::Whole),
                _ => post_hold(number, to, held, Part::Amount(amount)),
            };
            request.into()
        }
        4 => {
            let both = vec![post(number, from, to, amount), post(number + 1000, to, from, 1)];
            Chain::new(both, None).unwrap()
        }
        _ => post(number, from, to, amount).into(),
    }
}
