//! What proves nothing, was not lost, is too late, or is of a kind that does not come back.

use auction::layout::Digest;
use auction::spec::Time;
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::Receipt;
use settlement::ledger::{
    Action, Chain, Charter, Code, SignedRequest, Window, correction_reference,
};
use settlement::readmission::{Brought, NotReadmitted, NotTakenBack, READMISSION_MS};

use crate::disk::Disk;
use crate::kit::OPTIONS;
use crate::people::*;
use crate::world::*;

#[test]
fn a_receipt_with_any_byte_altered_is_refused() {
    let (_kept, receipt, mut keeper, disk) = one_lost();
    let mut altered = Vec::new();
    for place in 0..receipt.entry.len() {
        let mut other = receipt.clone();
        other.entry[place] ^= 1;
        altered.push(other);
    }
    for node in 0..receipt.path.len() {
        let mut other = receipt.clone();
        other.path[node].0[7] ^= 1;
        altered.push(other);
    }
    let alter = |change: fn(&mut Receipt)| {
        let mut other = receipt.clone();
        change(&mut other);
        other
    };
    altered.extend([
        alter(|receipt| receipt.number -= 1),
        alter(|receipt| receipt.number += 1),
        alter(|receipt| receipt.batch += 1),
        alter(|receipt| receipt.time.0 += 1),
        alter(|receipt| receipt.head.head.epoch += 1),
        alter(|receipt| receipt.head.head.size += 1),
        alter(|receipt| receipt.head.head.time.0 += 1),
        alter(|receipt| receipt.head.head.root.0[0] ^= 1),
        alter(|receipt| receipt.head.signature.0[0] ^= 1),
        alter(|receipt| receipt.path.push(Digest::default())),
        alter(|receipt| receipt.path.clear()),
        alter(|receipt| receipt.entry.push(0)),
        alter(|receipt| receipt.entry.clear()),
        alter(|receipt| receipt.entry.insert(0, 0)),
    ]);
    for receipt in &altered {
        let refused = brought(&mut keeper, receipt, LATER);
        assert!(matches!(refused, Err(NotReadmitted::Unproven(_))), "{receipt:?}: {refused:?}");
    }
    assert_eq!(funds(&keeper), [100, 100]);
    assert_eq!(audited(&disk, &[]).entries, 2);
}

#[test]
fn a_receipt_of_another_server_or_ledger_is_refused() {
    let elsewhere =
        Charter::new(signer(211).public(), signer(202).public(), signer(203).public(), 1000)
            .unwrap();
    let other_ledger = charter_with(7);
    let (_kept, _, mut keeper, _) = one_lost();
    for (charter, key) in [(elsewhere, signer(211)), (other_ledger, server())] {
        let opened = Bookkeeper::open(Disk::new(), charter, key, OPTIONS).unwrap();
        let mut other = opened.serve_confirmed();
        for (seed, number, action) in [
            (202, 1, deposit_action(1, 100)),
            (202, 2, deposit_action(2, 100)),
            (1, 10, Action::Post(movement(account(1), account(2), 30))),
        ] {
            let request = by(&charter, seed, number, action);
            assert_eq!(code_of(&mut other, &request, 2000), Code::Done);
        }
        let receipt = receipt_of(&mut other, &account(1), id(10));
        assert!(Brought::verify(&receipt, &charter).is_ok());
        let refused = brought(&mut keeper, &receipt, LATER);
        assert!(matches!(refused, Err(NotReadmitted::Unproven(_))), "{refused:?}");
    }
}

#[test]
fn what_was_kept_or_is_of_this_epoch_is_not_lost() {
    let (mut kept, receipt, mut keeper, _) = one_lost();
    let deposited = receipt_of(&mut kept.keeper, &operator(), id(1));
    assert_eq!(
        brought(&mut keeper, &deposited, LATER),
        Err(NotReadmitted::Kept { number: 0, kept: 2 })
    );
    let fresh = deposit_later(50, 2);
    assert_eq!(code_of(&mut keeper, &fresh, LATER), Code::Done);
    let new = receipt_of(&mut keeper, &operator(), id(50));
    assert_eq!(brought(&mut keeper, &new, LATER), Err(NotReadmitted::ThisEpoch(1)));
    // At the server that was never restored nothing is lost either.
    assert_eq!(brought(&mut kept.keeper, &receipt, LATER), Err(NotReadmitted::ThisEpoch(0)));
}

#[test]
fn an_epoch_that_is_no_ancestor_is_another_history() {
    let (mut kept, lost, mut keeper, _) = one_lost();
    // Another restore of the same backup, to a later epoch, of which this journal knows nothing.
    let mut other = open(&kept.restored_above(2), Window::default());
    assert_eq!(code_of(&mut other, &deposit_later(60, 1), LATER), Code::Done);
    let receipt = receipt_of(&mut other, &operator(), id(60));
    let refused = NotReadmitted::OtherHistory { epoch: 4, signed: 2, found: None };
    assert_eq!(brought(&mut keeper, &receipt, LATER), Err(refused));
    // In a journal that passed over it, it is one whose commits are lost.
    assert_eq!(code_of(&mut keeper, &deposit_later(61, 1), LATER), Code::Done);
    let in_one = receipt_of(&mut keeper, &operator(), id(61));
    let disk = kept.restored_above(4);
    let mut newest = open(&disk, Window::default());
    for receipt in [&lost, &in_one, &receipt] {
        assert_eq!(brought(&mut newest, receipt, LATER), Ok(Code::Done));
    }
    assert_eq!(audited(&disk, &[lost, in_one, receipt]).readmitted, 3);
    // One that began otherwise than this journal says is another history.
    let mut copy = Disk::new();
    settlement::journal::backup(&mut kept.disk.clone(), &mut copy, &charter(), 3).unwrap();
    kept.copy = copy;
    let mut longer = open(&kept.restored(), Window::default());
    assert_eq!(code_of(&mut longer, &deposit_later(62, 1), LATER), Code::Done);
    let receipt = receipt_of(&mut longer, &operator(), id(62));
    let refused = NotReadmitted::OtherHistory { epoch: 1, signed: 3, found: Some(2) };
    assert_eq!(brought(&mut keeper, &receipt, LATER), Err(refused));
}

#[test]
fn it_comes_back_for_seven_days_from_the_first_new_entry() {
    let mut kept = kept();
    let receipts = kept.lose((10..14).map(|number| post(number, 1, 2, 1).into()), 2000);
    let disk = kept.restored();
    let mut keeper = open(&disk, Window::default());
    let late = NotReadmitted::Ahead(receipts[0].time);
    assert_eq!(brought(&mut keeper, &receipts[0], receipts[0].time.0 - 1), Err(late));
    // A server that takes nothing loses no time.
    let first = LATER + 2 * READMISSION_MS;
    assert_eq!(brought(&mut keeper, &receipts[0], first), Ok(Code::Done));
    let until = first + READMISSION_MS;
    assert_eq!(brought(&mut keeper, &receipts[1], until - 1), Ok(Code::Done));
    // One that was brought in time, and waited too long for its batch.
    let chain = |keeper: &mut Keeper| {
        let brought = Brought::verify(&receipts[2], &charter()).unwrap();
        let chain = keeper.readmit(brought, Time(until - 1)).unwrap();
        keeper.release(chain).unwrap().unwrap()
    };
    let waited = chain(&mut keeper);
    let both = vec![waited, Chain::from(deposit_later(50, 1))];
    let outcomes = keeper.submit(both, Time(until)).unwrap();
    keeper.flush().unwrap();
    let outcomes = keeper.release(outcomes).unwrap();
    let codes: Vec<_> = outcomes.iter().map(|outcome| outcome.replies[0].code).collect();
    assert_eq!(codes, [Code::ReadmissionOver, Code::Done]);
    assert_eq!(outcomes[0].entry, None);
    let over = NotReadmitted::Over(Time(until));
    assert_eq!(brought(&mut keeper, &receipts[3], until), Err(over));
    assert_eq!(audited(&disk, &receipts).readmitted, 2);
}

#[test]
fn a_refusal_a_correction_and_what_concerns_an_auction_do_not_come_back() {
    let mut kept = kept();
    let refused = post(10, 1, 2, 1000);
    assert_eq!(code_of(&mut kept.keeper, &refused, 2000), Code::InsufficientFunds);
    let receipt = receipt_of(&mut kept.keeper, &account(1), id(10));
    let mut restored = open(&kept.restored(), Window::default());
    let of_a_refusal = NotReadmitted::Refused(Code::InsufficientFunds);
    assert_eq!(brought(&mut restored, &receipt, LATER), Err(of_a_refusal));

    let mut back = movement(account(2), account(1), 5);
    back.reference = correction_reference(&[9; 32], 0);
    let correct = Action::Correct { currency: eur(), movement: back, part: 0 };
    let subject = Digest([7; 32]);
    let escrow_opened = Action::OpenEscrow { subject, currency: eur() };
    let into_escrow = Action::Post(movement(account(1), escrow(), 5));
    let bonded = by(&charter(), 1, 13, into_escrow);
    let receipts = kept.lose(
        [
            by(&charter(), 202, 0, correct).into(),
            by(&charter(), 203, 12, escrow_opened).into(),
            Chain::new(vec![bonded.clone()], Some(b"\x02a bond".to_vec())).unwrap(),
        ],
        3000,
    );
    for (receipt, kind) in receipts.iter().zip([
        NotTakenBack::Correction,
        NotTakenBack::Auction,
        NotTakenBack::Auction,
    ]) {
        assert_eq!(brought(&mut restored, receipt, LATER), Err(NotReadmitted::Kind(kind)));
    }
    // Nor into an escrow account that was kept, without a word beside it.
    let subject = by(&charter(), 203, 12, Action::OpenEscrow { subject, currency: eur() });
    let mut kept = kept_with(&[subject]);
    let receipt = kept.lose([bonded.into()], 2000).remove(0);
    let mut restored = open(&kept.restored(), Window::default());
    let auction = NotReadmitted::Kind(NotTakenBack::Auction);
    assert_eq!(brought(&mut restored, &receipt, LATER), Err(auction));
}

/// A corrupt server's own signature does not make a request of what nobody has signed.
#[test]
fn what_nobody_signed_does_not_come_back_under_the_servers_word() {
    let (_kept, mut receipt, mut keeper, _) = one_lost();
    let theft = crate::kit::theft(11, 1, 2, 50);
    assert!(SignedRequest::decode(&theft).is_ok());
    receipt.entry = crate::kit::entry(&theft, Code::Done);
    let receipt = crate::forgeries::signed_as_lost(receipt);
    let refused = brought(&mut keeper, &receipt, LATER);
    assert!(matches!(refused, Err(NotReadmitted::Unsigned(_))), "{refused:?}");
}

/// Money comes in after the restore.
fn deposit_later(number: u128, person: u8) -> settlement::ledger::VerifiedRequest {
    let until_then = Time(LATER + 30 * 24 * 3_600_000);
    until(&charter(), 202, number, until_then, deposit_action(person, 10))
}
