//! Movements that nobody signed for.

use auction::spec::Time;
use settlement::audit::{AuditError, Undone, audit};
use settlement::ledger::{Action, Part, Sum};

use crate::disk::Disk;
use crate::kit::*;
use crate::people::*;

/// A journal in which persons 1 to 3 have 100 each.
fn funded() -> Disk {
    let disk = Disk::new();
    let mut keeper = keeper(&disk);
    submit(&mut keeper, &[deposit(1, 1, 100), deposit(2, 2, 100), deposit(3, 3, 100)], 1000);
    drop(keeper);
    disk
}

#[test]
fn an_unsigned_debit_is_named_with_what_it_moved_and_the_audit_goes_on() {
    let mut pages = read(&funded());
    pages.push(page(5000, &theft(10, 1, 3, 60)));
    pages.push(page(6000, post(11, 3, 2, 40).as_bytes()));
    pages.push(page(7000, &theft(12, 2, 3, 5)));
    let disk = write(&pages);
    // The server itself serves it as if nothing had happened.
    assert_eq!(head(&keeper(&disk)).head.size, 6);
    let (report, _) = inquest(&disk, &[], &[]);
    let named: Vec<_> = report.misdeeds.iter().map(|one| (one.entry, one.time)).collect();
    assert_eq!(named, [(Some(3), Time(5000)), (Some(5), Time(7000))]);
    let wrong = |one: &AuditError| matches!(one, AuditError::Unsigned { .. });
    assert!(report.misdeeds.iter().all(|one| wrong(&one.wrong)));
    let moved = report.misdeeds[0].movements[0];
    assert_eq!((moved.moved.debit, moved.moved.credit), (account(1), account(3)));
    assert_eq!((moved.wrong, report.misdeeds[0].undone()), (60, Undone::Left(60)));
    assert!(!report.holds());
    // Whoever got it has spent some of it: his account is astray all the same, nobody else's is.
    let mut astray: Vec<_> =
        report.astray.iter().map(|a| (a.account, a.posted, a.rightful)).collect();
    let mut expected = vec![(account(1), 40, 100), (account(2), 135, 140), (account(3), 125, 60)];
    astray.sort();
    expected.sort();
    assert_eq!(astray, expected);
    // The strict audit ends with the first.
    let first = audit(&mut disk.clone(), &charter(), &[]).unwrap_err();
    assert!(matches!(first, AuditError::Unsigned { entry: 3, .. }));
}

#[test]
fn money_made_or_taken_out_without_a_signature_is_named() {
    let made = Action::Deposit {
        owner: signer(3).public(),
        currency: eur(),
        amount: Sum::new(1000).unwrap(),
        reference: auction::layout::Digest([2; 32]),
    };
    // In the operator's name, who did not sign.
    let mut pages = read(&funded());
    pages.push(page(5000, &unsigned(20, 202, made)));
    let (report, _) = inquest(&write(&pages), &[], &[]);
    assert!(matches!(report.misdeeds[0].wrong, AuditError::Unsigned { entry: 3, .. }));
    assert_eq!(report.misdeeds[0].movements[0].moved.debit, operator());
    assert_eq!(report.misdeeds[0].movements[0].wrong, 1000);
}

#[test]
fn what_is_taken_from_an_unsigned_hold_is_not_rightful_whoever_signs_for_it() {
    let mut pages = read(&funded());
    let moved = movement(account(1), account(2), 70);
    let held = unsigned(10, 1, Action::Hold { movement: moved, timeout: UNTIL });
    pages.push(page(5000, &held));
    let part = Part::Amount(50);
    pages.push(page(6000, post_hold(11, 2, hold_of(1, 10), part).as_bytes()));
    let (report, _) = inquest(&write(&pages), &[], &[]);
    let [hold, taken] = &report.misdeeds[..] else { panic!("{:?}", report.misdeeds) };
    assert!(matches!(hold.wrong, AuditError::Unsigned { entry: 3, .. }));
    assert_eq!(hold.undone(), Undone::Nothing);
    assert_eq!(taken.wrong, AuditError::FromUnsigned { entry: 4 });
    assert_eq!(taken.undone(), Undone::Left(50));
}
