//! An id that was decided otherwise since, before the receipt comes and after it.

use auction::spec::Time;
use settlement::ledger::{Action, Code, VerifiedRequest};

use crate::people::*;
use crate::world::*;

fn now(seed: u8, number: u128, action: Action) -> VerifiedRequest {
    until(&charter(), seed, number, Time(LATER + 1_000_000), action)
}

#[test]
fn what_was_decided_first_in_the_new_epoch_stays() {
    let cancel = || now(1, 10, Action::Cancel { account: account(1) });
    let other = || now(1, 10, Action::Post(movement(account(1), account(2), 7)));
    // The other word, its code after the receipt, the receipt's code after it, what then is there.
    for (word, after, before, funded) in [
        (cancel(), Code::TooLateToCancel, Code::Cancelled, [100, 100]),
        (other(), Code::IdConflict, Code::IdConflict, [93, 107]),
    ] {
        let (_kept, receipt, mut keeper, disk) = one_lost();
        assert_eq!(brought(&mut keeper, &receipt, LATER), Ok(Code::Done));
        assert_eq!(code_of(&mut keeper, &word, LATER), after);
        assert_eq!(funds(&keeper), [70, 130]);
        audited(&disk, std::slice::from_ref(&receipt));

        let (_kept, receipt, mut keeper, disk) = one_lost();
        assert_eq!(code_of(&mut keeper, &word, LATER), Code::Done);
        assert_eq!(brought(&mut keeper, &receipt, LATER), Ok(before));
        assert_eq!(funds(&keeper), funded);
        audited(&disk, &[receipt]);
    }
}

#[test]
fn a_request_that_was_sent_again_in_time_is_the_same_one() {
    let (_kept, receipt, mut keeper, disk) = one_lost();
    assert_eq!(code_of(&mut keeper, &post(10, 1, 2, 30), 3000), Code::Done);
    let outcome = bring(&mut keeper, &receipt, LATER).unwrap();
    assert!(outcome.replies[0].repeated && outcome.entry.is_none());
    assert_eq!((outcome.replies[0].code, outcome.replies[0].entry), (Code::Done, Some(2)));
    assert_eq!(funds(&keeper), [70, 130]);
    assert_eq!(audited(&disk, &[receipt]).readmitted, 0);
}

#[test]
fn a_cancellation_that_was_lost_comes_back_too() {
    let mut kept = kept();
    let cancel = by(&charter(), 1, 10, Action::Cancel { account: account(1) });
    let receipt = kept.lose([cancel.into()], 2000).remove(0);
    let disk = kept.restored();
    let mut keeper = open(&disk, settlement::ledger::Window::default());
    assert_eq!(brought(&mut keeper, &receipt, LATER), Ok(Code::Done));
    let again = now(1, 10, Action::Post(movement(account(1), account(2), 7)));
    assert_eq!(code_of(&mut keeper, &again, LATER), Code::Cancelled);
    audited(&disk, &[receipt]);
}
