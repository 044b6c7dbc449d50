//! A corrupt server, which writes what it likes into its journal and can sign for nobody else.

use auction::spec::Time;
use settlement::audit::{EntryCheck as _, Rightful};
use settlement::ledger::{Action, Chain, Code, Entry, Movement, Request, Sum, VerifiedRequest};
use settlement::purchases::{
    Purchase, PurchaseHistory, PurchaseMisdeed, PurchaseRecord, PurchaseSummary, Safe,
};
use zeroize::Zeroizing;

use crate::world::*;

fn audit(entries: &[Entry], safe: Option<&Safe>) -> Result<PurchaseSummary, PurchaseMisdeed> {
    let mut history = PurchaseHistory::new(charter(), safe);
    for entry in entries {
        history.check(entry)?;
    }
    Ok(history.summary())
}

fn entry(request: VerifiedRequest, attachment: Option<Vec<u8>>, code: Code) -> Entry {
    Entry { chain: Chain::new(vec![request], attachment).unwrap(), codes: vec![code].into() }
}

fn parts(purchase: &Purchase) -> (VerifiedRequest, Vec<u8>) {
    let chain = purchase.chain();
    (chain.requests()[0].clone(), chain.attachment().unwrap().as_bytes().to_vec())
}

fn convicted(request: VerifiedRequest, attachment: Option<Vec<u8>>) -> PurchaseMisdeed {
    audit(&[entry(request, attachment, Code::Done)], None).unwrap_err()
}

#[test]
fn an_honest_journal_holds_from_outside_and_with_the_safe() {
    let mut world = World::new();
    for number in 1..=3 {
        let sold = sold(number);
        let purchase = purchase(&sold, u128::from(number));
        assert_eq!(world.apply(purchase.into_chain(), NOW), Code::Done);
    }
    let refused = purchase(&sold(4), 4);
    assert_eq!(world.apply(refused.into_chain(), NOW), Code::InsufficientFunds);
    let entries: Vec<Entry> = world.journal.into_iter().map(|(.., entry)| entry).collect();
    let found = audit(&entries, None).unwrap();
    assert_eq!((found.purchases, found.held, found.keys_opened), (3, 0, 0));
    assert_eq!(audit(&entries, Some(&safe())).unwrap().keys_opened, 3);
}

#[test]
fn payment_without_key() {
    let (order, record) = parts(&purchase(&sold(1), 1));
    assert_eq!(convicted(order.clone(), None), PurchaseMisdeed::PaidWithoutKey);
    // Something else in the key's place.
    assert_eq!(convicted(order.clone(), Some(vec![9; 40])), PurchaseMisdeed::PaidWithoutKey);
    let short = record[..record.len() - 48].to_vec();
    assert!(matches!(convicted(order.clone(), Some(short)), PurchaseMisdeed::Record(_)));
    // A key that does not open: who audits with the server's own keys sees it.
    let mut garbage = record.clone();
    *garbage.last_mut().unwrap() ^= 1;
    let entries = [entry(order.clone(), Some(garbage), Code::Done)];
    assert!(audit(&entries, None).is_ok());
    assert_eq!(audit(&entries, Some(&safe())), Err(PurchaseMisdeed::OtherKey));
    let others = Safe::new(vec![Zeroizing::new([1; 32])]).unwrap();
    let entries = [entry(order, Some(record), Code::Done)];
    assert_eq!(audit(&entries, Some(&others)), Err(PurchaseMisdeed::OtherKey));
}

/// A lost vault looks like false keys: the merchants sold rightfully all the same.
#[test]
fn a_key_that_does_not_open_says_nothing_of_what_may_be_moved_back() {
    let (order, record) = parts(&purchase(&sold(1), 1));
    let lost = Safe::new(vec![Zeroizing::new([1; 32])]).unwrap();
    let objected = |attachment, safe| {
        let mut history = PurchaseHistory::new(charter(), safe);
        let entry = entry(order.clone(), attachment, Code::Done);
        history.entry(0, NOW, &entry).unwrap_err()
    };
    let of_vault = objected(Some(record), Some(&lost));
    assert_eq!(of_vault.objection, PurchaseMisdeed::OtherKey);
    assert_eq!(of_vault.rightful, Rightful::Unknown);
    assert_eq!(objected(None, None).rightful, Rightful::Known(vec![]));
}

#[test]
fn key_without_payment() {
    let (order, record) = parts(&purchase(&sold(1), 1));
    for code in [Code::InsufficientFunds, Code::Expired, Code::Cancelled] {
        let refused = audit(&[entry(order.clone(), Some(record.clone()), code)], None);
        assert_eq!(refused, Err(PurchaseMisdeed::KeyWithoutPayment));
    }
    // Beside anything else that was committed.
    let movement = Movement {
        debit: account(CUSTOMER),
        credit: account(MERCHANT),
        amount: Sum::new(1).unwrap(),
        reference: auction::layout::Digest::default(),
    };
    for action in [Action::Post(movement), Action::Cancel { account: account(CUSTOMER) }] {
        let request = Request { id: id(9), until: EXPIRES, action };
        let request = forged(CUSTOMER, None, request).verify(&charter()).unwrap();
        let misdeed = convicted(request, Some(record.clone()));
        assert_eq!(misdeed, PurchaseMisdeed::KeyWithoutPayment);
    }
}

#[test]
fn altered_price_or_goods() {
    let sold = sold(1);
    let (order, record) = parts(&purchase(&sold, 1));
    let record = PurchaseRecord::read_bytes(&record).unwrap().unwrap();
    let altered = |change: &dyn Fn(&mut settlement::purchases::OfferTerms)| {
        let mut terms = record.offer.terms().clone();
        change(&mut terms);
        let offer = settlement::purchases::Offer::new(terms).unwrap();
        let record = PurchaseRecord { offer, ..record.clone() }.to_bytes();
        convicted(order.clone(), Some(record))
    };
    let misdeeds = [
        altered(&|terms| terms.price = Sum::new(1).unwrap()),
        altered(&|terms| terms.description = "another photograph".to_owned()),
        altered(&|terms| terms.expires = Time(EXPIRES.0 + 1)),
        altered(&|terms| terms.merchant = signer(STRANGER).public()),
        altered(&|terms| terms.item += 1),
    ];
    for misdeed in misdeeds {
        assert!(matches!(misdeed, PurchaseMisdeed::Order(_)), "{misdeed:?}");
    }
    let elsewhere = altered(&|terms| terms.ledger = charter_of(9).id());
    assert_eq!(elsewhere, PurchaseMisdeed::Elsewhere);
    // An order that only the server's friend countersigned.
    let request = *order.request();
    let by_friend = forged(CUSTOMER, Some(STRANGER), request).verify(&charter()).unwrap();
    assert_eq!(convicted(by_friend, Some(record.to_bytes())), PurchaseMisdeed::NotTheMerchant);
}
