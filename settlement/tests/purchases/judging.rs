//! The judge of purchases: what files prove, and to whom.

use auction::layout::Digest;
use settlement::goods::{GoodsError, GoodsKey, check_with_key, measure, unwatched};
use settlement::journal::Receipt;
use settlement::judge::auction::Found;
use settlement::judge::purchase::{Brought, Case, Judgement, Subject, judge};
use settlement::ledger::{Chain, Sum};
use settlement::purchases::{HeldItem, Order, PurchaseReceipt, SignedOffer};

use crate::receipts::{deposit, receipts};
use crate::world::*;

/// What one side of a purchase can bring.
struct Files {
    offer: SignedOffer,
    receipt: Receipt,
    encrypted: Vec<u8>,
    key: GoodsKey,
}

fn files(sold: &Sold) -> Files {
    let chains = vec![deposit(1, CUSTOMER), deposit(2, MERCHANT), purchase(sold, 1).into_chain()];
    Files {
        offer: offer(sold).signed().clone(),
        receipt: receipts(chains, &[(CUSTOMER, 1)]).remove(0),
        encrypted: sold.encrypted.clone(),
        key: GoodsKey::from_bytes(sold.key.expose()),
    }
}

/// Judges what is brought, as the command does it.
fn judged(
    offer: Option<&SignedOffer>,
    receipt: Option<&Receipt>,
    goods: Option<&[u8]>,
    key: Option<&GoodsKey>,
) -> Judgement {
    let receipt = receipt.map(|receipt| PurchaseReceipt::new(receipt.clone(), None));
    let measured = goods.map(|goods| measure(goods, &mut unwatched));
    let opened = match (goods, &measured, key) {
        (Some(goods), Some(Ok(expected)), Some(key)) => {
            Some(check_with_key(goods, key, expected, &mut unwatched))
        }
        _ => None,
    };
    let charter = charter();
    judge(&Case {
        charter: &charter,
        offer,
        receipt: receipt.as_ref(),
        goods: match measured {
            None => Brought::Nothing,
            Some(Ok(goods)) => Brought::Encrypted(goods),
            Some(Err(_)) => Brought::Neither,
        },
        key_hash: key.map(GoodsKey::hash),
        opened,
    })
}

fn found(judgement: &Judgement) -> Vec<Option<Found>> {
    [
        Subject::Offered,
        Subject::Ordered,
        Subject::Paid,
        Subject::Goods,
        Subject::Key,
        Subject::Content,
    ]
    .map(|subject| judgement.found(subject))
    .to_vec()
}

const HOLDS: Option<Found> = Some(Found::Holds);
const FAILS: Option<Found> = Some(Found::Fails);
const NOT_SHOWN: Option<Found> = Some(Found::NotShown);
const TO_BE_SEEN: Option<Found> = Some(Found::ToBeSeen);

#[test]
fn either_side_proves_offer_order_payment_and_what_was_delivered() {
    let sold = sold(1);
    let Files { offer, receipt, encrypted, key } = files(&sold);
    let all = judged(Some(&offer), Some(&receipt), Some(&encrypted), Some(&key));
    assert_eq!(found(&all), [HOLDS, HOLDS, HOLDS, HOLDS, HOLDS, TO_BE_SEEN]);
    assert!(all.is_complete() && !all.fails());
    let deal = all.deal.unwrap();
    assert_eq!((deal.description.as_str(), deal.price.get()), ("a photograph", PRICE));
    assert_eq!(deal.paid, Some(NOW));
    let content = all.findings.last().unwrap();
    assert!(content.words.contains("a photograph") && content.words.contains("person"));
    // The signed offer need not be brought: the merchant countersigned its hash.
    let without = judged(None, Some(&receipt), Some(&encrypted), Some(&key));
    assert_eq!(found(&without), [HOLDS, HOLDS, HOLDS, HOLDS, HOLDS, TO_BE_SEEN]);
    // The public form proves the payment, and shows nothing of the goods.
    let public = judged(None, Some(&receipt), None, None);
    assert_eq!(found(&public), [HOLDS, HOLDS, HOLDS, NOT_SHOWN, NOT_SHOWN, NOT_SHOWN]);
    assert!(!public.is_complete() && !public.fails());
}

#[test]
fn garbage_is_the_merchants_fault_and_proved() {
    // The last byte of the ciphertext is another, and the merchant signed for that.
    let mut garbage = sold(1);
    *garbage.encrypted.last_mut().unwrap() ^= 1;
    garbage.goods = measure(garbage.encrypted.as_slice(), &mut unwatched).unwrap();
    let garbage = resold(garbage);
    let Files { offer, receipt, encrypted, key } = files(&garbage);
    let judgement = judged(Some(&offer), Some(&receipt), Some(&encrypted), Some(&key));
    assert_eq!(found(&judgement), [HOLDS, HOLDS, HOLDS, HOLDS, HOLDS, FAILS]);
    assert!(judgement.findings.last().unwrap().words.contains("the merchant sold"));
}

#[test]
fn a_customer_who_lies_about_what_came_proves_nothing() {
    let sold = sold(1);
    let Files { offer, receipt, key, .. } = files(&sold);
    // Garbage under the right key, other goods, half of the right ones, no goods at all.
    let mut altered = sold.encrypted.clone();
    *altered.last_mut().unwrap() ^= 1;
    let others = sold_with(1, b"something else").encrypted;
    let half = sold.encrypted[..sold.encrypted.len() / 2].to_vec();
    for lie in [altered, others, half, b"nothing".to_vec()] {
        let judgement = judged(Some(&offer), Some(&receipt), Some(&lie), Some(&key));
        assert_eq!(found(&judgement), [HOLDS, HOLDS, HOLDS, FAILS, HOLDS, NOT_SHOWN]);
        let goods = judgement.findings.iter().find(|one| one.subject == Subject::Goods).unwrap();
        assert!(goods.words.contains("prove nothing against either side"));
    }
}

#[test]
fn another_key_proves_nothing_and_a_missing_one_is_owed() {
    let sold = sold(1);
    let Files { offer, receipt, encrypted, .. } = files(&sold);
    let other = judged(Some(&offer), Some(&receipt), Some(&encrypted), Some(&key(2)));
    assert_eq!(found(&other), [HOLDS, HOLDS, HOLDS, HOLDS, FAILS, NOT_SHOWN]);
    let missing = judged(Some(&offer), Some(&receipt), Some(&encrypted), None);
    assert_eq!(found(&missing), [HOLDS, HOLDS, HOLDS, HOLDS, NOT_SHOWN, NOT_SHOWN]);
    let words = &missing.findings.iter().find(|one| one.subject == Subject::Key).unwrap().words;
    assert!(words.contains("at fault who refuses it"));
}

#[test]
fn forged_or_foreign_files_fail() {
    let sold = sold(1);
    let Files { offer, receipt, encrypted, key } = files(&sold);
    let mut bytes = offer.to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    let unsigned = SignedOffer::decode(&bytes).unwrap();
    let judgement = judged(Some(&unsigned), Some(&receipt), Some(&encrypted), Some(&key));
    assert_eq!(judgement.found(Subject::Offered), FAILS);
    // Another offer of the same merchant beside the receipt.
    let mut other = crate::world::offer(&sold).terms().clone();
    other.price = Sum::new(1).unwrap();
    let other = signed(other);
    let judgement = judged(Some(other.signed()), Some(&receipt), None, None);
    assert_eq!(judgement.found(Subject::Offered), FAILS);
    // A receipt that the server never gave.
    let mut forged = receipt.clone();
    forged.number += 1;
    let judgement = judged(Some(&offer), Some(&forged), None, None);
    assert_eq!(judgement.found(Subject::Paid), FAILS);
    assert_eq!(judgement.found(Subject::Offered), HOLDS);
    // Without a receipt nothing is paid, as far as this shows.
    let judgement = judged(Some(&offer), None, Some(&encrypted), Some(&key));
    let expected = [HOLDS, NOT_SHOWN, NOT_SHOWN, HOLDS, HOLDS, TO_BE_SEEN];
    assert_eq!(found(&judgement), expected);
    // Nothing at all.
    let judgement = judged(None, None, None, None);
    assert!(judgement.deal.is_none() && !judgement.fails() && !judgement.is_complete());
}

#[test]
fn a_refusal_owes_nothing() {
    let sold = sold(1);
    let chains: Vec<Chain> = vec![deposit(2, MERCHANT), deposit(1, CUSTOMER), {
        let mut terms = terms(settlement::purchases::Delivery::Encrypted(sold.goods));
        terms.price = Sum::new(500).unwrap();
        let offer = signed(terms);
        let order = countersigned(&offer, ordered(&offer, &sold, 1));
        decided(&order, &offer, GoodsKey::from_bytes(sold.key.expose())).unwrap().into_chain()
    }];
    let receipt = receipts(chains, &[(CUSTOMER, 1)]).remove(0);
    let judgement = judged(None, Some(&receipt), None, None);
    assert_eq!(judgement.found(Subject::Paid), Some(Found::NotOwed));
    assert!(!judgement.fails());
}

#[test]
fn an_item_that_the_server_held_is_judged_in_the_clear() {
    let content = b"a photograph";
    let (checksum, bytes) =
        settlement::goods::checksum_of_item(content.as_slice(), &mut unwatched).unwrap();
    let item = HeldItem { checksum, bytes };
    let offer = offer_held(item);
    let by = signer(CUSTOMER);
    let order = Order::sign_for_held(&offer, &by, &charter(), id(1), (NOW, 1_000)).unwrap();
    assert!(order.verify(&offer, &charter(), NOW).is_ok());
    let judge_with = |goods| {
        let (charter, signed) = (charter(), offer.signed());
        judge(&Case {
            charter: &charter,
            offer: Some(signed),
            receipt: None,
            goods,
            key_hash: None,
            opened: None::<Result<(), GoodsError>>,
        })
    };
    let right = judge_with(Brought::Item(item));
    assert_eq!(right.found(Subject::Goods), HOLDS);
    assert_eq!(right.found(Subject::Content), TO_BE_SEEN);
    assert_eq!(right.found(Subject::Key), Some(Found::NotOwed));
    let other = HeldItem { checksum: Digest([9; 32]), ..item };
    assert_eq!(judge_with(Brought::Item(other)).found(Subject::Goods), FAILS);
    assert_eq!(judge_with(Brought::Neither).found(Subject::Goods), FAILS);
    assert_eq!(judge_with(Brought::Nothing).found(Subject::Goods), NOT_SHOWN);
}
