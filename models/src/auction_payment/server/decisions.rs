//! What the server makes of what is brought to it: the decision functions of `settlement`.

use std::sync::LazyLock;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use settlement::auctions::postings::decision_key;
use settlement::auctions::{
    AcceptableSpec, BondKeys, BondOrder, Decision, Index, Postings, VerifiedBond, VoidDecision,
};
use settlement::goods::GoodsKey;
use settlement::layout::Signer;
use settlement::ledger::{
    Action, Chain, HoldKey, Ledger, Movement, Request, RequestId, SignedRequest, Sum,
};
use settlement::sealed_key::{Purpose, SealedKey};

use super::{Op, state};
use crate::auction_payment::setting::{
    Bidder, Book, COVER, FUNDS, Phase, SETTING, escrow_key, goods_key, postings_key, rng, seller,
    server,
};

/// What the server makes of what is brought to it.
pub(super) fn chains(ledger: &Ledger, index: &Index, now: Time, op: Op) -> Vec<Chain> {
    match op {
        Op::Deposit { right } => deposit(ledger, index, now, right).into_iter().collect(),
        Op::Bond(bidder, number) => bond(index, bidder, number).into_iter().collect(),
        Op::Spend(bidder) => {
            let movement = Movement {
                debit: SETTING.bidders[bidder as usize],
                credit: SETTING.others[2],
                amount: sum(FUNDS),
                reference: Digest::default(),
            };
            vec![signed(&bidder.account_key(), 90, Action::Post(movement))]
        }
        Op::VoidBond(bidder) => {
            let hold = hold_of(bidder);
            let action =
                Action::VoidHold { account: SETTING.escrow, hold, reference: Digest::default() };
            vec![signed(&bidder.account_key(), 91, action)]
        }
        Op::CancelBond(bidder) => {
            let HoldKey { account, id } = hold_of(bidder);
            vec![signed_as(&bidder.account_key(), id, Action::Cancel { account })]
        }
        Op::CancelDecision => {
            let key = state(index).map(|state| decision_key(state.registered()));
            let cancel =
                |HoldKey { account, id }| signed_as(&seller(), id, Action::Cancel { account });
            key.map(cancel).into_iter().collect()
        }
        Op::Transcript(book) => settle(index, now, book).into_iter().collect(),
        Op::Void => void(index, now).into_iter().collect(),
        Op::Release => release(index, now),
        Op::Sweep => vec![],
    }
}

/// SETTLEMENT, "An auction's payment", step 1.
fn deposit(ledger: &Ledger, index: &Index, now: Time, right: bool) -> Option<Chain> {
    if state(index).is_some() {
        return None;
    }
    let unescrowed = SETTING.spec.signed().clone().verify_before_escrow().ok()?;
    let exists = |account: &_| ledger.account(account).is_some();
    let spec = AcceptableSpec::check(unescrowed, &SETTING.charter, exists, now).ok()?;
    let key = if right { goods_key() } else { GoodsKey::from_bytes(&[43; 32]) };
    key.check(&spec.goods().key_hash).ok()?;
    let escrow = escrow_key().sealing_key();
    let sealed = SealedKey::seal(&key, &escrow, Purpose::Escrow, &spec.id(), &mut rng()).ok()?;
    let registration = spec.register(&server(), escrow, sealed);
    let registered = registration.clone().verify(&SETTING.charter).ok()?;
    postings().open(&registered, registration).ok()
}

/// Step 3. One live bond per auction key: a second order is declined, the same is repeated.
fn bond(index: &Index, bidder: Bidder, number: u8) -> Option<Chain> {
    let state = state(index)?;
    let verified = order(bidder, number)?;
    let live = state.bond(&bidder.auction_key().public());
    let other = live.is_some_and(|live| live.bond().content != verified.bond().content);
    if other { None } else { verified.chain().ok() }
}

/// A bidder's order, as the server verifies it. Signed once: it depends on nothing else.
fn order(bidder: Bidder, number: u8) -> Option<VerifiedBond> {
    static ORDERS: LazyLock<[[Option<VerifiedBond>; 2]; 2]> =
        LazyLock::new(|| Bidder::ALL.map(|bidder| [0, 1].map(|number| sign_order(bidder, number))));
    ORDERS[bidder as usize].get(usize::from(number))?.clone()
}

fn sign_order(bidder: Bidder, number: u8) -> Option<VerifiedBond> {
    let delivery = bidder.opening_key().sealing_key();
    let keys = BondKeys {
        account: &bidder.account_key(),
        bidder: &bidder.auction_key(),
        delivery: &delivery,
    };
    let id = id(1 + u128::from(number));
    let order = BondOrder::sign(&SETTING.spec, &SETTING.charter, COVER, keys, id).ok()?;
    order.verify(&SETTING.spec, &SETTING.charter).ok()
}

/// Step 4: what the first complete transcript decides.
fn settle(index: &Index, now: Time, book: Book) -> Option<Chain> {
    let state = state(index)?;
    let registered = state.registered();
    match Decision::of(&SETTING.proven(book), state, now).ok()? {
        Decision::NoSale(no_sale) => Some(postings().no_sale(registered, &no_sale)),
        Decision::Sale(sale) => {
            let auction = SETTING.spec.id();
            let key = registered.key_in_escrow()?.key.clone();
            let key = key.open(&escrow_key(), Purpose::Escrow, &auction).ok()?;
            let to = sale.delivery();
            let sealed = SealedKey::seal(&key, to, Purpose::Delivery, &auction, &mut rng()).ok()?;
            Some(postings().sale(registered, &sale, sealed))
        }
        Decision::PhysicalSale(sale) => Some(postings().physical_sale(registered, sale.record())),
    }
}

/// Step 2: with no transcript the decision at V is void.
fn void(index: &Index, now: Time) -> Option<Chain> {
    let state = state(index)?;
    let decision = VoidDecision::of(state, now).ok()?;
    Some(postings().void(state.registered(), &decision))
}

fn release(index: &Index, now: Time) -> Vec<Chain> {
    let Some(state) = state(index) else { return vec![] };
    let Some(reference) = state.release_reference() else { return vec![] };
    let holds: Vec<HoldKey> = state.holds_left(now).collect();
    postings().release(state.registered(), reference, &holds)
}

#[expect(clippy::expect_used, reason = "the charter's own postings key")]
fn postings() -> Postings {
    Postings::new(&postings_key(), SETTING.charter).expect("the postings key")
}

fn hold_of(bidder: Bidder) -> HoldKey {
    HoldKey { account: SETTING.bidders[bidder as usize], id: id(1) }
}

#[expect(clippy::expect_used, reason = "neither 0 nor all ones")]
fn id(number: u128) -> RequestId {
    RequestId::new(number).expect("an id")
}

#[expect(clippy::expect_used, reason = "no amount here is zero")]
pub(super) fn sum(amount: u64) -> Sum {
    Sum::new(amount).expect("a sum")
}

pub(super) fn signed(by: &SecretKey, number: u128, action: Action) -> Chain {
    signed_as(by, id(number), action)
}

#[expect(clippy::expect_used, reason = "signed here; whom it concerns is the ledger's business")]
fn signed_as(by: &SecretKey, id: RequestId, action: Action) -> Chain {
    let request = Request { id, until: Phase::Over.time(), action };
    let signed = SignedRequest::sign(&request, &Signer::new(by), &SETTING.charter);
    Chain::from(signed.verify(&SETTING.charter).expect("a good signature"))
}
