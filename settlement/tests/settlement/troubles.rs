//! The troubles that users of ledgers and payment systems report, one test each
//! (FIGURES, end of "Ledgers").

use auction::layout::Digest;
use auction::spec::Time;
use settlement::ledger::{Action, Chain, Code, Fate, HoldKey, Ledger, Part};

use crate::people::*;

#[test]
fn balances_are_in_the_reply_to_a_transfer() {
    let mut ledger = started();
    let reply = apply(&mut ledger, &post(10, 1, 2, 30), 1001);
    assert_eq!(reply.code, Code::Done);
    assert_eq!(reply.balances.unwrap().available(), 70);
    let refused = apply(&mut ledger, &post(11, 1, 2, 71), 1001);
    assert_eq!(refused.code, Code::InsufficientFunds);
    assert_eq!(refused.balances.unwrap().available(), 70);
}

#[test]
fn balance_and_pending_are_read_together() {
    let mut ledger = started();
    let reply = apply(&mut ledger, &hold(10, 1, 2, 30, 5000), 1001).balances.unwrap();
    assert_eq!((reply.posted(), reply.pending(), reply.available()), (100, 30, 70));
    let theirs = balances(&ledger, 2);
    assert_eq!((theirs.posted(), theirs.credits_pending, theirs.available()), (100, 30, 100));
}

#[test]
fn a_hold_voided_twice_is_refused_the_second_time() {
    let mut ledger = started();
    let key = hold_of(1, 10);
    assert_eq!(code(&mut ledger, &hold(10, 1, 2, 30, 5000), 1001), Code::Done);
    assert_eq!(code(&mut ledger, &void_hold(11, 2, key), 1002), Code::Done);
    assert_eq!(code(&mut ledger, &void_hold(12, 2, key), 1003), Code::HoldVoided);
    assert_eq!(balances(&ledger, 1).available(), 100);
    // The very same request is a repeat, not a second void.
    let repeat = apply(&mut ledger, &void_hold(11, 2, key), 1004);
    assert!(repeat.code == Code::Done && repeat.repeated);
}

#[test]
fn nothing_is_committed_after_it_was_refused() {
    let mut ledger = started();
    let payment = post(10, 1, 2, 150);
    assert_eq!(code(&mut ledger, &payment, 1001), Code::InsufficientFunds);
    assert_eq!(code(&mut ledger, &deposit(3, 1, 100), 1002), Code::Done);
    let again = apply(&mut ledger, &payment, 1003);
    assert_eq!((again.code, again.repeated), (Code::InsufficientFunds, true));
    assert_eq!(balances(&ledger, 1).available(), 200);
    // The same intent under a new id is free to go.
    assert_eq!(code(&mut ledger, &post(11, 1, 2, 150), 1004), Code::Done);
}

#[test]
fn a_hold_is_not_captured_above_its_amount() {
    let mut ledger = started();
    let key = hold_of(1, 10);
    assert_eq!(code(&mut ledger, &hold(10, 1, 2, 30, 5000), 1001), Code::Done);
    let above = post_hold(11, 2, key, Part::Amount(31));
    assert_eq!(code(&mut ledger, &above, 1002), Code::AboveHold);
    assert_eq!(ledger.record(&account(1), id(10)).unwrap().fate, Fate::Held);
    assert_eq!(code(&mut ledger, &post_hold(12, 2, key, Part::Amount(30)), 1003), Code::Done);
}

#[test]
fn nothing_is_paid_after_it_was_voided() {
    let mut ledger = started();
    let key = hold_of(1, 10);
    assert_eq!(code(&mut ledger, &hold(10, 1, 2, 30, 5000), 1001), Code::Done);
    assert_eq!(code(&mut ledger, &void_hold(11, 2, key), 1002), Code::Done);
    assert_eq!(code(&mut ledger, &post_hold(12, 2, key, Part::Whole), 1003), Code::HoldVoided);
    assert_eq!(balances(&ledger, 2).available(), 100);
}

#[test]
fn nothing_is_left_over_after_a_partial_capture() {
    for taken in [0, 1, 29, 30] {
        let mut ledger = started();
        let key = hold_of(1, 10);
        assert_eq!(code(&mut ledger, &hold(10, 1, 2, 30, 5000), 1001), Code::Done);
        let part = post_hold(11, 2, key, Part::Amount(taken));
        assert_eq!(code(&mut ledger, &part, 1002), Code::Done);
        let mine = balances(&ledger, 1);
        assert_eq!((mine.pending(), mine.available()), (0, 100 - i128::from(taken)));
        assert_eq!(balances(&ledger, 2).available(), 100 + i128::from(taken));
        assert_eq!(ledger.live_holds(), 0);
        let rest = post_hold(12, 2, key, Part::Amount(0));
        assert_eq!(code(&mut ledger, &rest, 1003), Code::HoldPosted);
    }
}

#[test]
fn holds_count_in_the_check_of_funds() {
    let mut ledger = started();
    assert_eq!(code(&mut ledger, &hold(10, 1, 2, 60, 5000), 1001), Code::Done);
    assert_eq!(code(&mut ledger, &post(11, 1, 2, 41), 1002), Code::InsufficientFunds);
    assert_eq!(code(&mut ledger, &hold(12, 1, 2, 41, 5000), 1002), Code::InsufficientFunds);
    assert_eq!(code(&mut ledger, &post(13, 1, 2, 40), 1003), Code::Done);
    // What others hold in one's favour is not money yet.
    assert_eq!(code(&mut ledger, &post(14, 2, 1, 141), 1004), Code::InsufficientFunds);
}

#[test]
fn commit_and_void_race_to_one_result() {
    let key = hold_of(1, 10);
    let take = Chain::from(post_hold(11, 2, key, Part::Whole));
    let void = Chain::from(void_hold(12, 2, key));
    for (batch, codes, credit) in [
        ([take.clone(), void.clone()], [Code::Done, Code::HoldPosted], 130),
        ([void, take], [Code::Done, Code::HoldVoided], 100),
    ] {
        let mut ledger = started();
        assert_eq!(code(&mut ledger, &hold(10, 1, 2, 30, 5000), 1001), Code::Done);
        let applied = ledger.apply(&batch, Time(1002));
        let got: Vec<_> = applied.outcomes.iter().map(|one| one.replies[0].code).collect();
        assert_eq!(got, codes);
        assert_eq!(balances(&ledger, 2).available(), credit);
        ledger.check().unwrap();
    }
}

#[test]
fn an_id_reused_by_two_requests_at_once_stands_for_the_first() {
    let mut ledger = started();
    let batch = [post(10, 1, 2, 30), post(10, 1, 2, 31), post(10, 1, 2, 30)].map(Chain::from);
    let applied = ledger.apply(&batch, Time(1001));
    let got: Vec<_> =
        applied.outcomes.iter().map(|one| (one.replies[0].code, one.replies[0].repeated)).collect();
    assert_eq!(got, [(Code::Done, false), (Code::IdConflict, false), (Code::Done, true)]);
    assert_eq!(balances(&ledger, 1).available(), 70);
    // Another account's ids are its own.
    assert_eq!(code(&mut ledger, &post(10, 2, 1, 5), 1002), Code::Done);
}

#[test]
fn ids_do_not_expire_after_a_day() {
    let mut ledger = started();
    let payment = post(10, 1, 2, 30);
    assert_eq!(code(&mut ledger, &payment, 1001), Code::Done);
    let years_later = 10 * 365 * 24 * 3600 * 1000;
    let again = apply(&mut ledger, &payment, years_later);
    assert_eq!((again.code, again.repeated), (Code::Done, true));
    assert_eq!(code(&mut ledger, &post(10, 1, 2, 31), years_later), Code::IdConflict);
    assert_eq!(balances(&ledger, 1).available(), 70);
}

#[test]
fn a_retry_after_an_unknown_result_gets_the_stored_one() {
    use crate::disk::{Disk, Trouble};
    use settlement::bookkeeper::{Bookkeeper, Withheld};
    use settlement::journal::Options;

    let disk = Disk::new();
    let open = |disk: Disk| {
        Bookkeeper::open(disk, charter(), server(), Options { segment_bytes: 4096 }).unwrap()
    };
    let mut bookkeeper = open(disk.clone()).serve_confirmed();
    let funds = vec![Chain::from(deposit(1, 1, 100)), Chain::from(deposit(2, 2, 100))];
    let _ = bookkeeper.submit(funds, Time(1000)).unwrap();
    bookkeeper.flush().unwrap();
    bookkeeper.idle().unwrap();
    let payment = post(10, 1, 2, 30);
    let waiting = bookkeeper.submit(vec![payment.clone().into()], Time(1001)).unwrap();
    disk.trouble_at(1, Trouble::Error);
    assert!(bookkeeper.flush().is_err());
    assert_eq!(bookkeeper.release(waiting), Err(Withheld::Unknown));
    drop(bookkeeper);
    // Whether the payment survived is chance; the retry ends the same either way.
    for disk in [disk.flushed_alone(), disk] {
        let mut bookkeeper = open(disk).serve_confirmed();
        let retry = bookkeeper.submit(vec![payment.clone().into()], Time(1002)).unwrap();
        bookkeeper.flush().unwrap();
        let outcome = bookkeeper.release(retry).unwrap().remove(0);
        assert_eq!(outcome.replies[0].code, Code::Done);
        assert_eq!(outcome.replies[0].balances.unwrap().available(), 70);
    }
}

#[test]
fn a_conflict_is_not_shown_as_insufficient_funds() {
    let mut ledger = started();
    assert_eq!(code(&mut ledger, &post(10, 1, 2, 100), 1001), Code::Done);
    assert_eq!(code(&mut ledger, &post(10, 1, 2, 50), 1002), Code::IdConflict);
    assert_eq!(code(&mut ledger, &post(10, 1, 2, 100), 1003), Code::Done);
}

#[test]
fn money_is_not_stuck_in_pending() {
    let mut ledger = started();
    let key = hold_of(1, 10);
    assert_eq!(code(&mut ledger, &hold(10, 1, 2, 100, 5000), 1001), Code::Done);
    assert_eq!(ledger.next_due(), Some(Time(5000)));
    // One millisecond before, it is live; exactly then it is not.
    assert_eq!(code(&mut ledger, &post(11, 1, 2, 1), 4999), Code::InsufficientFunds);
    let applied = ledger.apply(&[], Time(5000));
    assert_eq!(applied.expired, [key]);
    assert_eq!(balances(&ledger, 1).available(), 100);
    assert_eq!(code(&mut ledger, &post(12, 1, 2, 100), 5000), Code::Done);
    assert_eq!(code(&mut ledger, &post_hold(13, 2, key, Part::Whole), 5001), Code::HoldExpired);
    // No hold is without a time-out, nor is one accepted that is past or years away.
    let over = hold(14, 2, 1, 1, 5001);
    assert_eq!(code(&mut ledger, &over, 5001), Code::HoldTimeout);
    let far = hold(15, 2, 1, 1, 5002 + settlement::ledger::MAX_AHEAD_MS);
    assert_eq!(code(&mut ledger, &far, 5001), Code::HoldTimeout);
}

#[test]
fn stale_status_does_not_release_money_in_the_middle_of_a_payment() {
    let mut ledger = started();
    let key = hold_of(1, 10);
    assert_eq!(code(&mut ledger, &hold(10, 1, 2, 60, 5000), 1001), Code::Done);
    assert_eq!(code(&mut ledger, &post_hold(11, 2, key, Part::Amount(40)), 4999), Code::Done);
    // The time-out finds nothing to release any more, and an old clock revives nothing.
    assert!(ledger.apply(&[], Time(5000)).expired.is_empty());
    assert_eq!(balances(&ledger, 1).available(), 60);
    assert_eq!(code(&mut ledger, &void_hold(12, 2, key), 1), Code::HoldPosted);
    assert_eq!(ledger.time(), Time(4999));
}

#[test]
fn backups_do_not_stop_the_ledger() {
    use crate::disk::Disk;
    use settlement::bookkeeper::Bookkeeper;
    use settlement::journal::{Options, backup, restore};

    let disk = Disk::new();
    let options = Options { segment_bytes: 2048 };
    let mut bookkeeper =
        Bookkeeper::open(disk.clone(), charter(), server(), options).unwrap().serve_confirmed();
    let _ = bookkeeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    let _ = bookkeeper.submit(vec![deposit(2, 2, 100).into()], Time(1000)).unwrap();
    for number in 10..20 {
        let _ = bookkeeper.submit(vec![post(number, 1, 2, 1).into()], Time(1001)).unwrap();
    }
    bookkeeper.flush().unwrap();
    let flushed = bookkeeper.flushed();
    // It goes on: a batch that is not flushed is not in the copy.
    let _ = bookkeeper.submit(vec![post(50, 1, 2, 50).into()], Time(1002)).unwrap();
    let mut copy = Disk::new();
    let copied = backup(&mut disk.clone(), &mut copy, &charter(), flushed).unwrap();
    assert_eq!((copied.batch, copied.audit.entries), (12, 12));
    bookkeeper.flush().unwrap();
    let lost = bookkeeper.release(bookkeeper.head()).unwrap();

    // A restore begins a new epoch, and the lost commit comes back as a request.
    let target = Disk::new();
    let heads = [lost];
    restore(&mut copy, target.clone(), &charter(), &server(), options).unwrap();
    let mut restored =
        Bookkeeper::open(target.clone(), charter(), server(), options).unwrap().serve_confirmed();
    // The head of the lost commit convicts nobody: the restore was declared.
    let audited = settlement::audit::audit(&mut target.clone(), &charter(), &heads).unwrap();
    assert_eq!((audited.epoch, audited.lost_heads), (1, vec![13]));
    let head = restored.head();
    assert_eq!(restored.release(head).unwrap().head.epoch, 1);
    let unflushed = restored.submit(vec![post(50, 1, 2, 50).into()], Time(1003)).unwrap();
    restored.flush().unwrap();
    assert_eq!(restored.release(unflushed).unwrap()[0].replies[0].code, Code::Done);
}

#[test]
fn the_owner_cannot_void_his_own_bond_and_a_stranger_cannot_take_it() {
    let mut ledger = started();
    let open = Action::OpenEscrow { subject: Digest([7; 32]), currency: eur() };
    assert_eq!(code(&mut ledger, &by(&charter(), 203, 1, open), 1001), Code::Done);
    let bond = Action::Hold { movement: movement(account(1), escrow(), 60), timeout: Time(5000) };
    assert_eq!(code(&mut ledger, &by(&charter(), 1, 10, bond), 1002), Code::Done);
    let hold: HoldKey = hold_of(1, 10);
    let reference = Digest([3; 32]);
    let void = |account| Action::VoidHold { account, hold, reference };
    for (signer, account, expected) in [
        (1, account(1), Code::HoldElsewhere),
        (1, escrow(), Code::NotOwner),
        (2, account(2), Code::HoldElsewhere),
        (2, escrow(), Code::NotOwner),
        (202, escrow(), Code::NotOwner),
    ] {
        assert_eq!(code(&mut ledger, &by(&charter(), signer, 20, void(account)), 1003), expected);
    }
    let take = Action::PostHold { account: escrow(), hold, part: Part::Amount(40), reference };
    let pay = Action::Post(movement(escrow(), account(2), 40));
    let settle = Chain::new(
        vec![by(&charter(), 203, 30, take), by(&charter(), 203, 31, pay)],
        Some(b"sealed goods key".to_vec()),
    );
    let settle = settle.unwrap();
    let applied = ledger.apply(std::slice::from_ref(&settle), Time(1004));
    assert!(applied.outcomes[0].replies.iter().all(|reply| reply.code == Code::Done));
    let entry = applied.outcomes[0].entry.unwrap();
    assert_eq!(ledger.attachment(entry), Some(settle.attachment().unwrap().digest()));
    assert_eq!(balances(&ledger, 1).available(), 60);
    assert_eq!(balances(&ledger, 2).available(), 140);
    // The same chain again, and with another attachment.
    let again = ledger.apply(std::slice::from_ref(&settle), Time(1005));
    assert!(again.outcomes[0].replies.iter().all(|reply| reply.repeated));
    let other = Chain::new(settle.requests().to_vec(), Some(b"other".to_vec())).unwrap();
    let other = ledger.apply(&[other], Time(1005));
    assert_eq!(other.outcomes[0].replies[0].code, Code::AttachmentConflict);
    assert!(!other.effective);
}

#[test]
fn refusals_of_the_postings_module_are_never_final_and_others_are() {
    let mut ledger = started();
    let open = Action::OpenEscrow { subject: Digest([7; 32]), currency: eur() };
    assert_eq!(code(&mut ledger, &by(&charter(), 203, 1, open), 1001), Code::Done);
    let pay = by(&charter(), 203, 2, Action::Post(movement(escrow(), account(2), 40)));
    assert_eq!(code(&mut ledger, &pay, 1002), Code::InsufficientFunds);
    let fund = by(&charter(), 1, 10, Action::Post(movement(account(1), escrow(), 40)));
    assert_eq!(code(&mut ledger, &fund, 1003), Code::Done);
    assert_eq!(code(&mut ledger, &pay, 1004), Code::Done);
}

#[test]
fn a_chain_commits_whole_or_not_at_all() {
    let mut ledger = started();
    let chain = |requests| Chain::new(requests, Some(b"K".to_vec())).unwrap();
    let broken = chain(vec![post(10, 1, 2, 50), hold(11, 1, 2, 20, 5000), post(12, 2, 1, 999)]);
    let before: Vec<_> = ledger.accounts().to_vec();
    let applied = ledger.apply(std::slice::from_ref(&broken), Time(1001));
    let codes: Vec<_> = applied.outcomes[0].replies.iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [Code::ChainFailed, Code::ChainFailed, Code::InsufficientFunds]);
    assert_eq!(ledger.accounts(), before);
    assert_eq!(ledger.live_holds(), 0);
    assert_eq!(ledger.attachment(applied.outcomes[0].entry.unwrap()), None);
    // The refusal is final; the others were not decided and can go another way.
    let again = ledger.apply(&[broken], Time(1002));
    let codes: Vec<_> = again.outcomes[0].replies.iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [Code::ChainPartlyKnown, Code::ChainPartlyKnown, Code::InsufficientFunds]);
    assert_eq!(code(&mut ledger, &post(10, 1, 2, 50), 1003), Code::Done);
    ledger.check().unwrap();
}

#[test]
fn a_failed_chain_gives_back_every_hold_that_it_resolved() {
    for take in [true, false] {
        let mut ledger = started();
        let key = hold_of(1, 10);
        assert_eq!(code(&mut ledger, &hold(10, 1, 2, 60, 5000), 1001), Code::Done);
        let before = (ledger.accounts().to_vec(), ledger.records());
        let resolve = |number| {
            if take { post_hold(number, 2, key, Part::Whole) } else { void_hold(number, 2, key) }
        };
        let failing = by(&charter(), 3, 12, Action::Post(movement(account(3), account(1), 1)));
        let chain = Chain::new(vec![resolve(11), deposit(9, 3, 5), failing], None).unwrap();
        let broken = {
            let mut requests = chain.requests().to_vec();
            requests.push(post(13, 2, 1, 9999));
            Chain::new(requests, None).unwrap()
        };
        let applied = ledger.apply(&[broken], Time(1002));
        assert_eq!(applied.outcomes[0].replies[3].code, Code::InsufficientFunds);
        ledger.check().unwrap();
        // All but the one final refusal is as it was: the opened account is gone again.
        assert_eq!((ledger.accounts().to_vec(), ledger.records() - 1), before);
        assert_eq!(ledger.record(&account(1), id(10)).unwrap().fate, Fate::Held);
        let applied = ledger.apply(&[chain], Time(1003));
        assert!(applied.outcomes[0].replies.iter().all(|reply| reply.code == Code::Done));
        ledger.check().unwrap();
    }
}

#[test]
fn a_due_hold_counts_as_expired_before_it_is_swept() {
    let charter = charter_with(1);
    let mut ledger = Ledger::new(charter);
    let mut now = |requests: Vec<_>, time| {
        let chains: Vec<Chain> = requests.into_iter().map(Chain::from).collect();
        let applied = ledger.apply(&chains, Time(time));
        ledger.check().unwrap();
        let codes = applied.outcomes.iter().map(|one| one.replies[0].code).collect::<Vec<_>>();
        (applied.expired.len(), codes)
    };
    let deposits =
        [1, 2].map(|person| by(&charter, 202, 1 + u128::from(person), deposit_action(person, 100)));
    now(deposits.to_vec(), 1000);
    let hold = |number| {
        let movement = movement(account(1), account(2), 30);
        by(&charter, 1, number, Action::Hold { movement, timeout: Time(5000) })
    };
    assert_eq!(now(vec![hold(10), hold(11), hold(12)], 1001), (0, vec![Code::Done; 3]));
    let reference = Digest([3; 32]);
    let resolve = |number, held, part: Option<Part>| {
        let (account, hold) = (account(2), hold_of(1, held));
        let action = match part {
            Some(part) => Action::PostHold { account, hold, part, reference },
            None => Action::VoidHold { account, hold, reference },
        };
        by(&charter, 2, number, action)
    };
    let pay = |number, amount| {
        by(&charter, 1, number, Action::Post(movement(account(1), account(2), amount)))
    };
    // One is swept, two wait: exactly at the time-out neither can be taken or voided, and no
    // final word is said about funds that they still cover.
    let batch = vec![resolve(20, 11, Some(Part::Whole)), resolve(21, 12, None), pay(30, 100)];
    let expected = vec![Code::HoldExpired, Code::HoldExpired, Code::Sweeping];
    assert_eq!(now(batch, 5000), (1, expected));
    assert_eq!(now(vec![pay(30, 100)], 5000), (1, vec![Code::Sweeping]));
    assert_eq!(now(vec![pay(30, 100)], 5000), (1, vec![Code::Done]));
}

#[test]
fn nobody_spoils_a_request_by_putting_another_before_it() {
    let mut ledger = started();
    let spoiled = Chain::new(vec![post(10, 1, 2, 60), post(11, 1, 2, 60)], None).unwrap();
    let applied = ledger.apply(&[spoiled], Time(1001));
    let codes: Vec<_> = applied.outcomes[0].replies.iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [Code::ChainFailed, Code::RefusedInChain]);
    assert!(!applied.effective);
    assert_eq!(code(&mut ledger, &post(11, 1, 2, 60), 1002), Code::Done);
}

#[test]
fn a_cancelled_order_never_goes_through_and_a_settled_one_is_not_cancelled() {
    let mut ledger = started();
    let cancel = |number| by(&charter(), 1, number, Action::Cancel { account: account(1) });
    assert_eq!(code(&mut ledger, &cancel(10), 1001), Code::Done);
    assert_eq!(code(&mut ledger, &post(10, 1, 2, 30), 1002), Code::Cancelled);
    assert_eq!(code(&mut ledger, &cancel(10), 1003), Code::Done);
    assert_eq!(code(&mut ledger, &post(11, 1, 2, 30), 1004), Code::Done);
    assert_eq!(code(&mut ledger, &cancel(11), 1005), Code::TooLateToCancel);
    assert_eq!(balances(&ledger, 1).available(), 70);
}

#[test]
fn a_request_is_good_until_its_time_out_and_not_at_it() {
    let pay = Action::Post(movement(account(1), account(2), 30));
    for (now, expected) in [(4999, Code::Done), (5000, Code::Expired), (5001, Code::Expired)] {
        let mut ledger = started();
        let request = until(&charter(), 1, 10, Time(5000), pay);
        assert_eq!(code(&mut ledger, &request, now), expected);
        // What was said of the time stands, whatever the clock says next.
        assert_eq!(code(&mut ledger, &request, 1), expected);
    }
    let far = until(&charter(), 1, 10, Time(u64::MAX), pay);
    assert_eq!(code(&mut started(), &far, 1001), Code::UntilTooFar);
}

#[test]
fn withdrawals_go_to_the_operator_and_nothing_else_does() {
    let mut ledger = started();
    let action =
        Action::Withdraw { account: account(1), amount: sum(40), reference: Digest([6; 32]) };
    assert_eq!(code(&mut ledger, &by(&charter(), 1, 10, action), 1001), Code::Done);
    assert_eq!(balances(&ledger, 1).available(), 60);
    assert_eq!(ledger.account(&operator()).unwrap().balances.posted(), -160);
    let gift = Action::Post(movement(account(1), operator(), 1));
    assert_eq!(code(&mut ledger, &by(&charter(), 1, 11, gift), 1002), Code::ToOperator);
    let theft = Action::Post(movement(account(1), account(2), 1));
    assert_eq!(code(&mut ledger, &by(&charter(), 2, 12, theft), 1003), Code::NotOwner);
    let nobody = Action::Post(movement(account(9), account(2), 1));
    assert_eq!(code(&mut ledger, &by(&charter(), 9, 13, nobody), 1004), Code::UnknownAccount);
}

#[test]
fn currencies_do_not_mix() {
    use settlement::ledger::{AccountId, Currency};
    let mut ledger: Ledger = started();
    let yen = Currency::from_bytes(*b"JPY\x00").unwrap();
    let owner = signer(2).public();
    let reference = Digest([2; 32]);
    let deposit = |currency| Action::Deposit { owner, currency, amount: sum(5), reference };
    assert_eq!(code(&mut ledger, &by(&charter(), 202, 3, deposit(yen)), 1001), Code::Done);
    let across = Action::Post(movement(account(1), AccountId::of_owner(&owner, yen), 1));
    assert_eq!(code(&mut ledger, &by(&charter(), 1, 10, across), 1002), Code::OtherCurrency);
    let odd = Currency::from_bytes(*b"EUR\x03").unwrap();
    assert_eq!(code(&mut ledger, &by(&charter(), 202, 4, deposit(odd)), 1003), Code::OtherDecimals);
    assert_eq!(ledger.totals().len(), 2);
}
