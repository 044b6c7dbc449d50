//! What a server paid out of escrow without right, and what it did not pay: both are found, and
//! both can be mended.

use auction::spec::Time;
use settlement::auctions::Attached;
use settlement::auctions::physical::{Ground, PayoutRecord, Saying, Shares, Stage, Word};
use settlement::audit::{AuditError, AuditReport};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Code, Movement, Request, SignedRequest, Sum, correction_id,
};
use settlement::unwinding::{Fault, WrongCorrection, plan};

use crate::corrupt::{disk_of, inquest, keeper, write_on};
use crate::disk::Disk;
use crate::world::physical::{
    FEE, PRICE, T2, T3, T4, awarded, dispatched, forged, in_stage, paid, shares,
};
use crate::world::*;

/// A payout that the server makes under the ids of the right one, of these parts, whatever it
/// says beside it.
fn paid_as(world: &World, right: &Chain, ground: Ground, says: Shares, does: Shares) -> Chain {
    let first = right.requests()[0].request();
    let mut requests =
        vec![world.signed_until(&postings_key(), first.id.get(), T4 * 2, first.action)];
    let parts = [
        (901, account(&seller()), does.seller),
        (902, account(&house()), does.house),
        (903, account(&account_key(1)), does.winner),
    ];
    for (number, credit, part) in parts {
        if let Some(amount) = Sum::new(part.0) {
            let reference = world.delivery().sale().transcript;
            let movement = Movement { debit: world.escrow(), credit, amount, reference };
            let post = Action::Post(movement);
            requests.push(world.signed_until(&postings_key(), number, T4 * 2, post));
        }
    }
    let record = PayoutRecord { auction: world.auction(), ground, shares: says };
    Chain::new(requests, Some(Attached::Payout(record).to_bytes())).unwrap()
}

/// A journal that goes on under an operator who makes good.
struct Mended<'a> {
    world: &'a World,
    bytes: &'a [u8],
    disk: Disk,
}

impl<'a> Mended<'a> {
    fn of(world: &'a World, bytes: &'a [u8]) -> Self {
        Self { world, bytes, disk: disk_of(world) }
    }

    fn report(&self) -> AuditReport {
        inquest(&self.disk, self.world.auction(), Some(self.bytes)).0
    }

    /// Moves back and pays what can be; answers with the amounts.
    fn unwind(&self, now: u64) -> Vec<u64> {
        let (report, ledger) = inquest(&self.disk, self.world.auction(), Some(self.bytes));
        let planned = plan(&report.wrongs, &ledger);
        let requests = planned.iter().filter_map(|one| one.request(Time(now + 60_000)));
        let requests: Vec<Request> = requests.collect();
        for request in &requests {
            assert_eq!(self.correct(request, now), Code::Done);
        }
        planned.iter().map(|one| one.amount).collect()
    }

    fn correct(&self, request: &Request, now: u64) -> Code {
        let signed = SignedRequest::sign(request, &Signer::new(&operator()), &charter());
        let chain = Chain::from(signed.verify(&charter()).unwrap());
        let mut keeper = keeper(&self.disk);
        let outcomes = keeper.submit(vec![chain], Time(now)).unwrap();
        keeper.flush().unwrap();
        keeper.release(outcomes).unwrap()[0].replies[0].code
    }

    /// What the sale has given seller, house, winner and escrow.
    fn gains(&self) -> [i128; 4] {
        let (_, ledger) = inquest(&self.disk, self.world.auction(), Some(self.bytes));
        let has = |id: AccountId| ledger.account(&id).unwrap().balances.posted();
        let gain = |id: AccountId| has(id) - i128::from(RICH);
        let [seller, house] = [account(&seller()), account(&house())];
        [gain(seller), gain(house), gain(account(&account_key(1))), has(self.world.escrow())]
    }

    /// The journal reaches this moment by somebody's payment into his own account.
    fn wait(&self, until: u64) {
        let action = Action::Deposit {
            owner: account_key(7).public(),
            currency: eur(),
            amount: Sum::new(1).unwrap(),
            reference: auction::layout::Digest::default(),
        };
        let request = self.world.signed_until(&operator(), until.into(), until + 1_000, action);
        write_on(&self.disk, &[(Chain::from(request), until)]);
    }

    fn assert_whole(&self) {
        let report = self.report();
        assert!(report.holds(), "{:?}", report.misdeeds);
        assert!(report.astray.is_empty(), "{:?}", report.astray);
        assert!(report.wrongs.iter().all(|wrong| wrong.left() == 0));
    }
}

#[test]
fn what_was_rightly_paid_once_is_not_rightful_twice() {
    let (mut world, bytes) = in_stage(Stage::Disputed);
    // 486 to the seller and 550 to the winner would be right: the seller gets his part twice, the
    // winner nothing.
    let ground = Ground::Awarded(world.word(awarded(500)));
    let right = forged(&world, ground, shares(486, 14, 550));
    let mut requests = right.requests().to_vec();
    let to_seller = requests[1].request().action;
    assert!(matches!(to_seller, Action::Post(one) if one.amount.get() == 486));
    requests[3] = world.signed_until(&postings_key(), 905, T4 * 2, to_seller);
    let record = right.attachment().unwrap().as_bytes().to_vec();
    let chain = Chain::new(requests, Some(record)).unwrap();
    assert_eq!(world.code(chain, 8_000), Code::Done);
    let (report, _) = inquest(&disk_of(&world), world.auction(), Some(&bytes));
    let misdeed = &report.misdeeds[0];
    let wrong: Vec<_> = misdeed.movements.iter().map(|one| (one.moved.credit, one.wrong)).collect();
    assert_eq!(wrong, [(account(&seller()), 486)]);
}

#[test]
fn a_price_paid_to_the_wrong_side_is_taken_back_and_paid_to_the_right_one() {
    let (mut world, bytes) = in_stage(Stage::Disputed);
    let ground = Ground::Awarded(world.word(awarded(500)));
    let right = world.chain_of(&world.word(awarded(500)), 8_000).unwrap().unwrap();
    let (says, does) = (shares(486, 14, 550), shares(PRICE, 0, 0));
    let chain = paid_as(&world, &right, ground, says, does);
    assert_eq!(world.code(chain, 8_000), Code::Done);
    let mended = Mended::of(&world, &bytes);
    let faults: Vec<_> = mended.report().wrongs.iter().map(|one| (one.fault, one.wrong)).collect();
    assert_eq!(faults, [(Fault::Made, 564), (Fault::Withheld, 14), (Fault::Withheld, 550)]);
    assert_eq!(mended.report().astray.len(), 3, "seller, house and winner");
    assert_eq!(mended.unwind(9_000), [564, 14, 550]);
    assert_eq!(mended.gains(), paid(486, 14, 550));
    mended.assert_whole();
    assert!(mended.unwind(10_000).is_empty());
}

#[test]
fn what_was_kept_in_escrow_is_paid_and_no_more_than_that() {
    let (mut world, bytes) = in_stage(Stage::Sold);
    let payout = world.delivery().due(Time(T2)).unwrap();
    let right = world.payout(&payout, T2);
    let (says, does) = (shares(0, 0, PRICE), shares(0, 0, 525));
    let chain = paid_as(&world, &right, Ground::Undispatched, says, does);
    assert_eq!(world.code(chain, T2), Code::Done);
    let mended = Mended::of(&world, &bytes);
    let wrong = mended.report().wrongs[0];
    // To another than who lacks it: a misdeed of its own.
    let movement = Movement {
        debit: world.escrow(),
        credit: account(&seller()),
        amount: Sum::new(5).unwrap(),
        reference: wrong.reference,
    };
    let part = 0;
    let action = Action::Correct { currency: eur(), movement, part };
    let id = correction_id(&wrong.reference, part);
    let request = Request { id, until: Time(T2 + 60_000), action };
    assert_eq!(mended.correct(&request, T2 + 1), Code::Done);
    let entry = wrong.entry;
    let reason = WrongCorrection::OtherAccounts { entry };
    let named = |report: AuditReport| report.misdeeds.into_iter().map(|one| one.wrong);
    let is_named = named(mended.report())
        .any(|one| matches!(one, AuditError::Correction { reason: got, .. } if got == reason));
    assert!(is_named);
    assert_eq!(mended.unwind(T2 + 2), [5, 525]);
    assert_eq!(mended.gains(), paid(0, 0, PRICE));
    mended.assert_whole();
}

#[test]
fn nobody_is_paid_with_what_others_paid_into_escrow() {
    let (mut world, bytes) = in_stage(Stage::Sold);
    let gift = Movement {
        debit: account(&account_key(4)),
        credit: world.escrow(),
        amount: Sum::new(PRICE).unwrap(),
        reference: auction::layout::Digest::default(),
    };
    let gift = world.signed_until(&account_key(4), 5, T4, Action::Post(gift));
    assert_eq!(world.code(Chain::from(gift), 8_300), Code::Done);
    let payout = world.delivery().due(Time(T2)).unwrap();
    let right = world.payout(&payout, T2);
    let (says, does) = (shares(0, 0, PRICE), shares(PRICE, 0, 0));
    let chain = paid_as(&world, &right, Ground::Undispatched, says, does);
    assert_eq!(world.code(chain, T2), Code::Done);
    // The seller has spent all but 50.
    let spent = Movement {
        debit: account(&seller()),
        credit: account(&account_key(6)),
        amount: Sum::new(RICH + PRICE - 50).unwrap(),
        reference: auction::layout::Digest::default(),
    };
    let spent = world.signed_until(&seller(), 6, T4, Action::Post(spent));
    assert_eq!(world.code(Chain::from(spent), T2), Code::Done);
    let mended = Mended::of(&world, &bytes);
    assert_eq!(mended.unwind(T2 + 1), [50, 50]);
    let [.., winner, escrow] = mended.gains();
    assert_eq!((winner, escrow), (50 - i128::from(PRICE), i128::from(PRICE)));
    assert_eq!(mended.unwind(T2 + 2), [0, 0]);
}

/// Too early nothing is due: it waits in escrow again, and goes where it should when its time has
/// come, by the words that the journal has.
#[test]
fn a_price_paid_too_early_or_on_a_false_word_waits_again_and_is_paid_in_time() {
    let early = |world: &mut World| {
        let payout = world.delivery().due(Time(T3)).unwrap();
        let chain = world.payout(&payout, T3);
        assert_eq!(world.code(chain, T3 - 9), Code::Done);
    };
    let false_word = |world: &mut World| {
        let right = world.chain_of(&world.word(Saying::Received), 8_000).unwrap().unwrap();
        let id = world.auction();
        let word = Word::sign(&charter().id(), id, Saying::Received, &seller()).unwrap();
        let whole = shares(PRICE - FEE, FEE, 0);
        let chain = paid_as(world, &right, Ground::Received(word), whole, whole);
        assert_eq!(world.code(chain, 8_000), Code::Done);
    };
    let bare = |world: &mut World| {
        world.say(dispatched(), 7_000).unwrap();
        let right = world.chain_of(&world.word(Saying::Received), 8_000).unwrap().unwrap();
        let chain = Chain::new(right.requests().to_vec(), None).unwrap();
        assert_eq!(world.code(chain, 8_000), Code::Done);
    };
    type Deed<'a> = &'a dyn Fn(&mut World);
    let to_winner = (vec![PRICE], paid(0, 0, PRICE));
    let to_seller = (vec![PRICE - FEE, FEE], paid(PRICE - FEE, FEE, 0));
    let cases: [(Stage, Deed<'_>, u64, _); 3] = [
        (Stage::Dispatched, &early, T3, to_seller.clone()),
        (Stage::Sold, &false_word, T2, to_winner),
        (Stage::Sold, &bare, T3, to_seller),
    ];
    for (stage, deed, end, (amounts, gains)) in cases {
        let (mut world, bytes) = in_stage(stage);
        deed(&mut world);
        let mended = Mended::of(&world, &bytes);
        assert_eq!(mended.unwind(end - 5).iter().sum::<u64>(), PRICE);
        assert_eq!(mended.gains(), paid(0, 0, 0));
        assert!(mended.unwind(end - 4).is_empty());
        assert!(!mended.report().holds(), "the price is not where it belongs yet");
        mended.wait(end);
        assert_eq!(mended.unwind(end + 1), amounts);
        assert_eq!(mended.gains(), gains);
        mended.assert_whole();
    }
}
