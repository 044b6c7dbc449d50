//! What was moved without right is moved back, once and exactly; and whoever moves back what was
//! rightful is named for it.

use std::collections::BTreeMap;

use auction::layout::Digest;
use proptest::prelude::*;
use settlement::audit::{AuditError, AuditReport, Undone};
use settlement::ledger::{Action, Code, Ledger, Movement, VerifiedRequest, correction_reference};
use settlement::unwinding::{Planned, WrongCorrection, plan};
use witness::tree::leaf_hash;

use crate::disk::Disk;
use crate::kit::*;
use crate::people::*;

/// Moves back what can be moved back now; answers with what was planned.
fn unwind(disk: &Disk, clock: u64) -> Vec<Planned> {
    let (report, ledger) = inquest(disk, &[], &[]);
    let planned = plan(&report.wrongs, &ledger);
    let signed = planned.iter().filter_map(|one| one.request(UNTIL)).map(|request| {
        let signed = settlement::ledger::SignedRequest::sign(&request, &signer(202), &charter());
        signed.verify(&charter()).unwrap()
    });
    let signed: Vec<VerifiedRequest> = signed.collect();
    let codes = submit(&mut keeper(disk), &signed, clock);
    assert!(codes.iter().all(|code| *code == Code::Done), "{codes:?}");
    planned
}

fn found(disk: &Disk) -> AuditReport {
    inquest(disk, &[], &[]).0
}

fn available(ledger: &Ledger, person: u8) -> i128 {
    balances(ledger, person).available()
}

/// Person 1 has lost 60 to person 3, who has 160.
fn robbed() -> Disk {
    let disk = Disk::new();
    submit(&mut keeper(&disk), &[deposit(1, 1, 100), deposit(2, 2, 100), deposit(3, 3, 100)], 1000);
    let mut pages = read(&disk);
    pages.push(page(5000, &theft(10, 1, 3, 60)));
    write(&pages)
}

#[test]
fn a_theft_is_corrected_once_and_the_audit_then_says_so() {
    let disk = robbed();
    let planned = unwind(&disk, 10_000);
    assert_eq!((planned.len(), planned[0].amount, planned[0].rest()), (1, 60, 0));
    let report = found(&disk);
    assert_eq!(report.misdeeds[0].undone(), Undone::Whole);
    assert!(report.holds() && report.astray.is_empty());
    // It is no journal of which nothing was ever wrong.
    assert!(report.strictly().is_err());
    assert!(unwind(&disk, 20_000).is_empty());
    // In the account's history it stands as what it is: by the operator, naming what it corrects.
    let (_, ledger) = inquest(&disk, &[], &[]);
    assert_eq!((available(&ledger, 1), available(&ledger, 3)), (100, 100));
}

#[test]
fn what_was_spent_is_taken_when_it_comes_again_and_no_more_than_was_wrong() {
    let disk = robbed();
    submit(&mut keeper(&disk), &[post(20, 3, 2, 150)], 10_000);
    let planned = unwind(&disk, 20_000);
    assert_eq!((planned[0].amount, planned[0].rest()), (10, 50));
    let report = found(&disk);
    assert_eq!(report.misdeeds[0].undone(), Undone::Left(50));
    assert!(!report.holds());
    let astray: Vec<_> = report.astray.iter().map(|one| one.account).collect();
    assert_eq!(astray.len(), 2, "the one who spent it, and the one who lost it");
    // Nothing there: nothing is planned but what is left.
    let nothing = unwind(&disk, 30_000);
    assert_eq!((nothing[0].amount, nothing[0].rest()), (0, 50));
    submit(&mut keeper(&disk), &[deposit(21, 3, 500)], 40_000);
    let second = unwind(&disk, 50_000);
    assert_eq!((second[0].amount, second[0].part), (50, 1));
    assert!(found(&disk).holds());
}

/// A correction as the operator might make it, of the request in the last entry of a journal.
fn correction(disk: &Disk, from: u8, to: u8, amount: u64, part: u32) -> VerifiedRequest {
    let pages = read(disk);
    let last = pages.last().unwrap();
    let time = auction::spec::Time(last.time);
    let leaf = leaf_hash(pages.len() as u64, time, last.entries.last().unwrap());
    let reference = correction_reference(&leaf, 0);
    correct(from, to, amount, reference, part)
}

fn correct(from: u8, to: u8, amount: u64, reference: Digest, part: u32) -> VerifiedRequest {
    let movement = Movement { reference, ..movement(account(from), account(to), amount) };
    by(&charter(), 202, 0, Action::Correct { currency: eur(), movement, part })
}

/// What the audit says of corrections that the operator made after this journal.
fn judged(disk: &Disk, corrections: &[VerifiedRequest]) -> (Vec<AuditError>, AuditReport) {
    let codes = submit(&mut keeper(disk), corrections, 60_000);
    assert!(codes.iter().all(|code| *code == Code::Done), "{codes:?}");
    let report = found(disk);
    let corrected = |one: &AuditError| matches!(one, AuditError::Correction { .. });
    let wrong = report.misdeeds.iter().map(|one| one.wrong.clone()).filter(corrected).collect();
    (wrong, report)
}

#[test]
fn a_correction_of_what_was_rightful_is_a_misdeed_and_can_be_corrected() {
    let disk = Disk::new();
    submit(&mut keeper(&disk), &[deposit(1, 1, 100), deposit(2, 2, 100), post(3, 1, 2, 30)], 1000);
    // The operator takes back what person 1 has paid, as if he had not signed for it.
    let (wrong, report) = judged(&disk, &[correction(&disk, 2, 1, 30, 0)]);
    let reason = WrongCorrection::Rightful;
    assert_eq!(wrong, [AuditError::Correction { entry: 3, reason }]);
    assert_eq!(report.misdeeds[0].undone(), Undone::Left(30));
    unwind(&disk, 70_000);
    let report = found(&disk);
    assert!(report.holds() && report.astray.is_empty());
}

#[test]
fn a_correction_between_others_of_too_much_or_twice_is_named_for_the_excess() {
    // Between others.
    let disk = robbed();
    let (wrong, report) = judged(&disk, &[correction(&disk, 2, 1, 60, 0)]);
    let reason = WrongCorrection::OtherAccounts { entry: 3 };
    assert_eq!(wrong, [AuditError::Correction { entry: 4, reason }]);
    assert_eq!(report.wrongs.len(), 2);
    // In the direction of the theft.
    let disk = robbed();
    let (wrong, _) = judged(&disk, &[correction(&disk, 1, 3, 10, 0)]);
    let reason = WrongCorrection::OtherAccounts { entry: 3 };
    assert_eq!(wrong, [AuditError::Correction { entry: 4, reason }]);
    // Too much.
    let disk = robbed();
    let (wrong, report) = judged(&disk, &[correction(&disk, 3, 1, 75, 0)]);
    let reason = WrongCorrection::TooMuch { entry: 3, got: 75, left: 60 };
    assert_eq!(wrong, [AuditError::Correction { entry: 4, reason }]);
    assert_eq!(report.misdeeds[0].undone(), Undone::Whole);
    assert_eq!(report.misdeeds[1].undone(), Undone::Left(15));
    // In parts, the last of which is too much; the ledger itself knows each part once.
    let disk = robbed();
    let parts = [0, 1, 2].map(|part| correction(&disk, 3, 1, 25, part));
    let (wrong, report) = judged(&disk, &parts);
    let reason = WrongCorrection::TooMuch { entry: 3, got: 25, left: 10 };
    assert_eq!(wrong, [AuditError::Correction { entry: 6, reason }]);
    assert_eq!(report.misdeeds[1].undone(), Undone::Left(15));
    assert_eq!(submit(&mut keeper(&disk), &[parts[0].clone()], 90_000), [Code::Done]);
    assert_eq!(found(&disk).entries, report.entries, "a repeat moves nothing");
    // All of it moved back again: whatever was wrong, nobody has lost anything.
    unwind(&disk, 99_000);
    assert!(found(&disk).astray.is_empty());
}

#[test]
fn a_correction_needs_the_operator_the_accounts_and_the_money() {
    let disk = robbed();
    let stolen = correction(&disk, 3, 1, 60, 0);
    let action = stolen.request().action;
    let request = settlement::ledger::Request { ..*stolen.request() };
    for stranger in [1, 3, 201, 203] {
        let signed =
            settlement::ledger::SignedRequest::sign(&request, &signer(stranger), &charter());
        assert!(signed.verify(&charter()).is_err(), "person {stranger}");
    }
    let mut keeper = keeper(&disk);
    let reference = Digest([7; 32]);
    let refused = [
        (correct(77, 1, 1, reference, 0), Code::UnknownDebit),
        (correct(3, 77, 1, reference, 1), Code::UnknownCredit),
        (correct(3, 1, 161, reference, 2), Code::InsufficientFunds),
    ];
    for (request, code) in refused {
        assert_eq!(submit(&mut keeper, &[request], 20_000), [code]);
    }
    assert!(matches!(action, Action::Correct { .. }));
}

/// Whatever was entered under a correction's ids before, what was stolen can be moved back.
#[test]
fn refused_or_misdirected_corrections_do_not_stand_in_the_way_of_later_ones() {
    let disk = robbed();
    let theirs = |part, from, to, amount| correction(&disk, from, to, amount, part);
    // Refused for good; between other accounts; in parts out of order; a deposit under the id
    // that the next part would have.
    let last = theirs(5, 1, 2, 1);
    let reference = match last.request().action {
        Action::Correct { movement, .. } => movement.reference,
        _ => panic!("no correction"),
    };
    let taken = settlement::ledger::correction_id(&reference, 2).get();
    let before = [
        (theirs(0, 3, 1, 1_000), Code::InsufficientFunds),
        (theirs(1, 2, 1, 1), Code::Done),
        (deposit(taken, 2, 1), Code::Done),
        (theirs(3, 3, 1, 20), Code::Done),
        (last, Code::Done),
    ];
    let (requests, expected): (Vec<_>, Vec<_>) = before.into_iter().unzip();
    assert_eq!(submit(&mut keeper(&disk), &requests, 10_000), expected);
    // Unwinding says that every correction it planned was made.
    let planned = unwind(&disk, 20_000);
    let amounts: Vec<u64> = planned.iter().map(|one| one.amount).collect();
    assert_eq!(amounts, [1, 1, 40]);
    let report = found(&disk);
    assert!(report.holds(), "{:?}", report.misdeeds);
    assert!(report.astray.is_empty());
    assert!(unwind(&disk, 30_000).is_empty());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Deposit(u8, u64),
    Pay(u8, u8, u64),
    Steal(u8, u8, u64),
    Unwind,
}

fn step() -> impl Strategy<Value = Step> {
    let people = (1u8..5, 1u8..5).prop_filter("two people", |(one, other)| one != other);
    let moved = (people, 1u64..80).prop_map(|((from, to), amount)| (from, to, amount));
    prop_oneof![
        2 => (1u8..5, 1u64..100).prop_map(|(person, amount)| Step::Deposit(person, amount)),
        4 => moved.clone().prop_map(|(from, to, amount)| Step::Pay(from, to, amount)),
        3 => moved.prop_map(|(from, to, amount)| Step::Steal(from, to, amount)),
        1 => Just(Step::Unwind),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is paid, stolen, spent and moved back in whatever order: what each account should
    /// hold is what its owner's own movements give, and in the end nothing is left that could
    /// still be moved back.
    #[test]
    fn unwinding_gives_back_all_that_is_there_and_nothing_that_was_rightful(
        steps in proptest::collection::vec(step(), 1..14),
    ) {
        let mut disk = Disk::new();
        let funds: Vec<_> = (1u8..5).map(|one| deposit(u128::from(one), one, 100)).collect();
        submit(&mut keeper(&disk), &funds, 1000);
        let mut rightful: BTreeMap<u8, i128> = (1u8..5).map(|person| (person, 100)).collect();
        let (mut stolen, mut thefts) = (0u64, 0);
        for (number, step) in (100u64..).zip(&steps) {
            let clock = number * 100;
            match *step {
                Step::Deposit(person, amount) => {
                    submit(&mut keeper(&disk), &[deposit(number.into(), person, amount)], clock);
                    *rightful.entry(person).or_default() += i128::from(amount);
                }
                Step::Pay(from, to, amount) => {
                    let payment = post(number.into(), from, to, amount);
                    if submit(&mut keeper(&disk), &[payment], clock) == [Code::Done] {
                        *rightful.entry(from).or_default() -= i128::from(amount);
                        *rightful.entry(to).or_default() += i128::from(amount);
                    }
                }
                Step::Steal(from, to, amount) => {
                    let (_, ledger) = inquest(&disk, &[], &[]);
                    if available(&ledger, from) >= i128::from(amount) {
                        let mut pages = read(&disk);
                        let time = pages.last().unwrap().time.max(clock);
                        pages.push(page(time, &theft(number.into(), from, to, amount)));
                        disk = write(&pages);
                        (stolen, thefts) = (stolen + amount, thefts + 1);
                    }
                }
                Step::Unwind => drop(unwind(&disk, clock)),
            }
        }
        let mut clock = 50_000;
        while unwind(&disk, clock).iter().any(|one| one.amount > 0) {
            clock += 1_000;
        }
        let (report, ledger) = inquest(&disk, &[], &[]);
        prop_assert_eq!(report.misdeeds.len(), thefts);
        prop_assert_eq!(report.wrongs.iter().map(|wrong| wrong.wrong).sum::<u64>(), stolen);
        for wrong in &report.wrongs {
            prop_assert!(wrong.corrected <= wrong.wrong);
            let holder = (1u8..5).find(|person| account(*person) == wrong.moved.credit).unwrap();
            prop_assert!(wrong.left() == 0 || available(&ledger, holder) == 0);
        }
        for (person, expected) in &rightful {
            let astray = report.astray.iter().find(|one| one.account == account(*person));
            let (has, should) = (balances(&ledger, *person).posted(), *expected);
            prop_assert_eq!(astray.map(|one| one.rightful), (has != should).then_some(should));
        }
        let all_back = report.wrongs.iter().all(|wrong| wrong.left() == 0);
        prop_assert_eq!(report.holds(), all_back);
        prop_assert_eq!(report.astray.is_empty(), all_back);
    }
}
