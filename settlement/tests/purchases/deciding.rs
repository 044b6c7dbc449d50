//! What the server takes of a merchant, and what the ledger then does.

use auction::spec::Time;
use settlement::goods::GoodsKey;
use settlement::ledger::{Action, Chain, Class, Code, Fate, Movement, Request, SignedRequest, Sum};
use settlement::purchases::{
    Delivered, Delivery, HeldItem, PurchaseRecord, PurchaseRefused, decide,
};

use crate::world::*;

#[test]
fn a_purchase_moves_the_money_and_keeps_the_key() {
    let sold = sold(1);
    let purchase = purchase(&sold, 1);
    let (content, name) = (purchase.content(), purchase.key());
    assert_eq!((name.account, name.id), (account(CUSTOMER), id(1)));
    let mut world = World::new();
    assert_eq!(world.apply(purchase.chain().clone(), NOW), Code::Done);
    assert_eq!((world.balance(CUSTOMER), world.balance(MERCHANT)), (70, 130));
    let (.., entry) = world.journal.last().unwrap();
    let record = PurchaseRecord::read(entry.chain.attachment().unwrap()).unwrap().unwrap();
    assert_eq!(record.offer.terms().delivery, Delivery::Encrypted(sold.goods));
    let opened = safe().open(&content, &record.key.unwrap(), &sold.goods.key_hash).unwrap();
    assert!(opened == sold.key);
    // The key itself stands nowhere.
    let bytes = entry.chain.attachment().unwrap().as_bytes();
    assert!(!bytes.windows(32).any(|window| window == sold.key.expose()));
    // Brought again it is the same purchase.
    assert_eq!(world.apply(purchase.into_chain(), NOW), Code::Done);
    assert_eq!(world.balance(CUSTOMER), 70);
}

#[test]
fn an_order_alone_moves_nothing_and_stays_good() {
    let sold = sold(1);
    let offer = offer(&sold);
    let order = countersigned(&offer, ordered(&offer, &sold, 1));
    let mut world = World::new();
    let alone = Chain::from(order.clone().verify(&charter()).unwrap());
    let code = world.apply(alone, NOW);
    assert_eq!((code, code.class()), (Code::WithoutGoods, Class::Again));
    assert_eq!((world.balance(CUSTOMER), world.journal.len()), (100, 2));
    let whole = decided(&order, &offer, key(1)).unwrap();
    assert_eq!(world.apply(whole.into_chain(), NOW), Code::Done);
}

#[test]
fn another_key_is_refused() {
    let sold = sold(1);
    let offer = offer(&sold);
    let order = countersigned(&offer, ordered(&offer, &sold, 1));
    for bit in 0..256 {
        let mut other = *sold.key.expose();
        other[bit / 8] ^= 1 << (bit % 8);
        let refused = decided(&order, &offer, GoodsKey::from_bytes(&other));
        assert_eq!(refused, Err(PurchaseRefused::OtherGoods), "bit {bit}");
    }
}

#[test]
fn key_and_item_are_not_mistaken_for_each_other() {
    let sold = sold(1);
    let item = HeldItem { checksum: sold.goods.checksum, bytes: sold.goods.bytes };
    let offer = offer_held(item);
    let times = (NOW, 1_000);
    let by = signer(CUSTOMER);
    let order = settlement::purchases::Order::sign_for_held(&offer, &by, &charter(), id(1), times);
    let order = countersigned(&offer, order.unwrap());
    assert_eq!(decided(&order, &offer, key(1)), Err(PurchaseRefused::OtherGoods));
    let wanted = settlement::purchases::decide::item_wanted(submission(&order, &offer), &charter());
    assert_eq!(wanted.unwrap().item, item);
    let encrypted = crate::world::offer(&sold);
    let order = countersigned(&encrypted, ordered(&encrypted, &sold, 1));
    let wanted =
        settlement::purchases::decide::item_wanted(submission(&order, &encrypted), &charter());
    assert_eq!(wanted.unwrap_err(), PurchaseRefused::OtherGoods);
}

#[test]
fn both_must_have_signed_and_nobody_else() {
    let sold = sold(1);
    let offer = offer(&sold);
    let good = *ordered(&offer, &sold, 1).request();
    let refused = |order: &SignedRequest| decided(order, &offer, key(1)).unwrap_err();
    let missing = refused(&forged(CUSTOMER, None, good));
    assert!(matches!(missing, PurchaseRefused::Unsigned(_)), "{missing:?}");
    for other in [CUSTOMER, STRANGER, 2, 3] {
        let order = forged(CUSTOMER, Some(other), good);
        assert_eq!(refused(&order), PurchaseRefused::NotTheMerchant, "{other}");
    }
    for other in [MERCHANT, STRANGER, 2, 3] {
        let order = forged(other, Some(MERCHANT), good);
        assert!(matches!(refused(&order), PurchaseRefused::Order(_)), "{other}");
    }
    assert!(decided(&forged(CUSTOMER, Some(MERCHANT), good), &offer, key(1)).is_ok());
}

#[test]
fn another_price_account_or_offer_is_refused() {
    let sold = sold(1);
    let offer = offer(&sold);
    let good = *ordered(&offer, &sold, 1).request();
    let Action::Purchase(movement) = good.action else { panic!("a purchase") };
    let dearer = Movement { amount: Sum::new(PRICE + 1).unwrap(), ..movement };
    let elsewhere = Movement { credit: account(STRANGER), ..movement };
    let from_elsewhere = Movement { debit: account(STRANGER), ..movement };
    for altered in [dearer, elsewhere, from_elsewhere] {
        let request = Request { action: Action::Purchase(altered), ..good };
        let order = forged(CUSTOMER, Some(MERCHANT), request);
        let refused = decided(&order, &offer, key(1)).unwrap_err();
        assert!(matches!(refused, PurchaseRefused::Order(_)), "{refused:?}");
    }
    // The order of one offer with another offer of the same goods beside it.
    let cheaper =
        settlement::purchases::OfferTerms { price: Sum::new(1).unwrap(), ..offer.terms().clone() };
    let order = countersigned(&offer, ordered(&offer, &sold, 1));
    let refused = decided(&order, &signed(cheaper), key(1)).unwrap_err();
    assert!(matches!(refused, PurchaseRefused::Order(_)), "{refused:?}");
}

#[test]
fn nothing_is_bought_at_another_server_or_ledger() {
    let sold = sold(1);
    let offer = offer(&sold);
    let order = countersigned(&offer, ordered(&offer, &sold, 1));
    let elsewhere = charter_of(9);
    let delivered = Delivered::Key(key(1));
    let refused = decide(submission(&order, &offer), &delivered, &elsewhere, &safe());
    assert_eq!(refused, Err(PurchaseRefused::Elsewhere));
    // With an offer for that server, the order's signatures are for this one.
    let mut terms = offer.terms().clone();
    (terms.server, terms.ledger) = (elsewhere.server(), elsewhere.id());
    let there = signed(terms);
    let Action::Purchase(movement) = order.request().action else { panic!("a purchase") };
    let reference = there.offer().hash();
    let action = Action::Purchase(Movement { reference, ..movement });
    let order = forged(CUSTOMER, Some(MERCHANT), Request { action, ..*order.request() });
    let refused = decide(submission(&order, &there), &delivered, &elsewhere, &safe());
    assert!(matches!(refused, Err(PurchaseRefused::Unsigned(_))), "{refused:?}");
}

#[test]
fn an_offer_that_expires_at_this_very_moment_is_over() {
    let sold = sold(1);
    let offer = offer(&sold);
    let by = signer(CUSTOMER);
    let times = (NOW, u64::MAX);
    let order =
        settlement::purchases::Order::sign(&offer, &sold.checked, &by, &charter(), id(1), times);
    let order = countersigned(&offer, order.unwrap());
    assert_eq!(order.request().until, EXPIRES);
    let purchase = decided(&order, &offer, key(1)).unwrap();
    let mut world = World::new();
    assert_eq!(world.apply(purchase.chain().clone(), EXPIRES), Code::Expired);
    assert_eq!(world.balance(CUSTOMER), 100);
    let mut world = World::new();
    assert_eq!(world.apply(purchase.into_chain(), Time(EXPIRES.0 - 1)), Code::Done);
}

#[test]
fn more_than_there_is_moves_nothing_and_keeps_no_key() {
    let sold = sold(1);
    let mut terms = terms(Delivery::Encrypted(sold.goods));
    terms.price = Sum::new(101).unwrap();
    let offer = signed(terms);
    let order = countersigned(&offer, ordered(&offer, &sold, 1));
    let purchase = decided(&order, &offer, key(1)).unwrap();
    let mut world = World::new();
    assert_eq!(world.apply(purchase.chain().clone(), NOW), Code::InsufficientFunds);
    assert_eq!(world.balance(CUSTOMER), 100);
    let (.., entry) = world.journal.last().unwrap();
    assert!(entry.chain.attachment().is_none());
    // Final: a merchant cannot wait for the customer to have money some day.
    assert_eq!(world.apply(purchase.into_chain(), NOW), Code::InsufficientFunds);
}

#[test]
fn a_cancelled_order_buys_nothing_and_a_bought_one_is_not_cancelled() {
    let sold = sold(1);
    let cancel = Action::Cancel { account: account(CUSTOMER) };
    let request = Request { id: id(1), until: EXPIRES, action: cancel };
    let cancel = || Chain::from(forged(CUSTOMER, None, request).verify(&charter()).unwrap());
    let mut world = World::new();
    assert_eq!(world.apply(cancel(), NOW), Code::Done);
    assert_eq!(world.apply(purchase(&sold, 1).into_chain(), NOW), Code::Cancelled);
    assert_eq!(world.balance(CUSTOMER), 100);
    let mut world = World::new();
    assert_eq!(world.apply(purchase(&sold, 1).into_chain(), NOW), Code::Done);
    assert_eq!(world.apply(cancel(), NOW), Code::TooLateToCancel);
    let fate = world.ledger.record(&account(CUSTOMER), id(1)).unwrap().fate;
    assert_eq!(fate, Fate::Committed);
}

#[test]
fn two_orders_with_one_id_buy_once() {
    let (one, two) = (sold(1), sold(2));
    let mut world = World::new();
    assert_eq!(world.apply(purchase(&one, 1).into_chain(), NOW), Code::Done);
    assert_eq!(world.apply(purchase(&two, 1).into_chain(), NOW), Code::IdConflict);
    assert_eq!(world.balance(CUSTOMER), 70);
    assert_eq!(world.apply(purchase(&two, 2).into_chain(), NOW), Code::Done);
    assert_eq!(world.balance(CUSTOMER), 40);
}
