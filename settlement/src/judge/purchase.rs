//! The judge of a purchase: from files alone, without asking anybody, what was offered, ordered,
//! paid and delivered, or what fails and whose fault it is. SETTLEMENT, section "Purchase of
//! digital goods".
//!
//! He can say which bytes were delivered for which description. Whether the one is the other a
//! person must see: the judge says so, and what to look at.

use auction::keys::PublicKey;
use auction::settlement_terms::Goods;
use auction::spec::Time;

use super::auction::Found;
use crate::goods::GoodsError;
use crate::ledger::{Charter, Currency, Sum};
use crate::purchases::{
    Delivery, HeldItem, NotAPurchase, Offer, PaidPurchase, PurchaseReceipt, SignedOffer,
};

/// What somebody brings before the judge. What is left out is not judged, and said to be so.
pub struct Case<'a> {
    /// Whose word counts.
    pub charter: &'a Charter,
    /// The offer that the merchant signed.
    pub offer: Option<&'a SignedOffer>,
    /// The receipt, with the goods key or without.
    pub receipt: Option<&'a PurchaseReceipt>,
    /// What was found of the goods.
    pub goods: Brought,
    /// The hash of the goods key, from the receipt or from whoever says that it is another one.
    pub key_hash: Option<auction::layout::Digest>,
    /// What came of opening the goods with that key ([`crate::goods::check_with_key`]).
    pub opened: Option<Result<(), GoodsError>>,
}

/// What was found of the goods that somebody brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// Nothing was brought.
    Nothing,
    /// Encrypted goods ([`crate::goods::measure`]).
    Encrypted(Goods),
    /// An item in the clear ([`crate::goods::checksum_of_item`]).
    Item(HeldItem),
    /// Something that is neither, or not whole.
    Neither,
}

/// One thing that the judge looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// What was found.
    pub found: Found,
    /// In words: what is proved, or what is wrong and whose fault it is.
    pub words: String,
}

/// What a finding is about, in the order in which things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What the merchant offered.
    Offered,
    /// What the customer ordered.
    Ordered,
    /// What was paid.
    Paid,
    /// That the goods are those that both signed for.
    Goods,
    /// That the key is the one that was paid for.
    Key,
    /// What is in the goods.
    Content,
}

/// All findings, in the order of [`Subject`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What the purchase is about, where an offer is proved.
    pub deal: Option<Deal>,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// What an offer says that is proved to be the merchant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    /// What was promised, in the merchant's words.
    pub description: String,
    /// For how much, in minor units.
    pub price: Sum,
    /// In which currency.
    pub currency: Currency,
    /// Who sells.
    pub merchant: PublicKey,
    /// Who buys.
    pub customer: PublicKey,
    /// When it was paid, where that is proved.
    pub paid: Option<Time>,
}

impl Judgement {
    /// Whether nothing fails and whatever was owed was shown; what a person must see is left to
    /// him.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let settled =
            |found: Found| matches!(found, Found::Holds | Found::NotOwed | Found::ToBeSeen);
        self.findings.iter().all(|finding| settled(finding.found))
    }

    /// Whether something was brought that does not hold.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.findings.iter().any(|finding| finding.found == Found::Fails)
    }

    /// What was found about a subject.
    #[must_use]
    pub fn found(&self, subject: Subject) -> Option<Found> {
        let finding = self.findings.iter().find(|finding| finding.subject == subject);
        finding.map(|finding| finding.found)
    }

    fn add(&mut self, subject: Subject, found: Found, words: impl Into<String>) {
        self.findings.push(Finding { subject, found, words: words.into() });
    }
}

/// Judges a case.
#[must_use]
pub fn judge(case: &Case<'_>) -> Judgement {
    let mut judgement = Judgement { deal: None, findings: Vec::new() };
    let paid = judge_payment(case, &mut judgement);
    let signed = judge_offer(case, paid.as_ref(), &mut judgement);
    let offer = paid.as_ref().map(|paid| &paid.offer).or(signed.as_ref());
    if let Some(offer) = offer {
        let terms = offer.terms();
        judgement.deal = Some(Deal {
            description: terms.description.clone(),
            price: terms.price,
            currency: terms.currency,
            merchant: terms.merchant,
            customer: terms.customer,
            paid: paid.as_ref().map(|paid| paid.time),
        });
        judge_delivery(case, offer, &mut judgement);
    }
    judgement.findings.sort_by_key(|finding| finding.subject);
    judgement
}

/// What the receipt proves of order and payment.
fn judge_payment(case: &Case<'_>, judgement: &mut Judgement) -> Option<PaidPurchase> {
    let Some(receipt) = case.receipt else {
        judgement.add(
            Subject::Ordered,
            Found::NotShown,
            "no receipt was brought; the order stands in it",
        );
        judgement.add(
            Subject::Paid,
            Found::NotShown,
            "no receipt was brought; the settlement server gives it to either side, by the \
             order's id",
        );
        return None;
    };
    // Its key is judged by itself.
    match receipt.without_key().verify(case.charter) {
        Ok(paid) => {
            judgement.add(
                Subject::Ordered,
                Found::Holds,
                "the customer signed the order for these goods, having them encrypted, and the \
                 merchant countersigned",
            );
            judgement.add(
                Subject::Paid,
                Found::Holds,
                format!(
                    "the settlement server moved the price from customer to merchant in entry {}, \
                     and kept the goods key with it",
                    paid.entry
                ),
            );
            Some(paid)
        }
        Err(NotAPurchase::Refused(code)) => {
            let words = format!("the order was refused ({code:?}): nothing was paid or is owed");
            judgement.add(Subject::Ordered, Found::NotOwed, "the server refused the order");
            judgement.add(Subject::Paid, Found::NotOwed, words);
            None
        }
        Err(error) => {
            let subject = match error {
                NotAPurchase::Order(_)
                | NotAPurchase::Unsigned(_)
                | NotAPurchase::NotTheMerchant => Subject::Ordered,
                _ => Subject::Paid,
            };
            judgement.add(subject, Found::Fails, error.to_string());
            None
        }
    }
}

/// What the merchant offered: by his signature, or by his countersignature under the order.
fn judge_offer(
    case: &Case<'_>,
    paid: Option<&PaidPurchase>,
    judgement: &mut Judgement,
) -> Option<Offer> {
    let Some(offer) = case.offer else {
        let (found, words) = if paid.is_some() {
            (
                Found::Holds,
                "the merchant countersigned the order, which names the hash of the offer beside it",
            )
        } else {
            (Found::NotShown, "no offer was brought")
        };
        judgement.add(Subject::Offered, found, words);
        return None;
    };
    match offer.clone().verify(case.charter) {
        Ok(verified) if paid.is_some_and(|paid| paid.offer != *verified.offer()) => {
            let words = "the receipt is of another offer than the one that was brought";
            judgement.add(Subject::Offered, Found::Fails, words);
            None
        }
        Ok(verified) => {
            judgement.add(Subject::Offered, Found::Holds, "the merchant signed the offer");
            Some(verified.offer().clone())
        }
        Err(error) => {
            judgement.add(Subject::Offered, Found::Fails, error.to_string());
            None
        }
    }
}

fn judge_delivery(case: &Case<'_>, offer: &Offer, judgement: &mut Judgement) {
    match offer.terms().delivery {
        Delivery::Held(item) => judge_item(case, offer, &item, judgement),
        Delivery::Encrypted(goods) => {
            let right = judge_goods(case, &goods, judgement);
            let key = judge_key(case, &goods, judgement);
            judge_content(case, offer, right && key, judgement);
        }
    }
}

fn judge_item(case: &Case<'_>, offer: &Offer, expected: &HeldItem, judgement: &mut Judgement) {
    judgement.add(Subject::Key, Found::NotOwed, "the settlement server hands the item over itself");
    match case.goods {
        Brought::Nothing => {
            let words = "no item was brought; the settlement server gives it to either side for a \
                         while";
            judgement.add(Subject::Goods, Found::NotShown, words);
        }
        Brought::Item(item) if item == *expected => {
            judgement.add(Subject::Goods, Found::Holds, "this is the item that both signed for");
            judgement.add(Subject::Content, Found::ToBeSeen, to_be_seen(offer));
        }
        Brought::Item(_) | Brought::Encrypted(_) | Brought::Neither => {
            judgement.add(Subject::Goods, Found::Fails, other_goods());
        }
    }
}

fn judge_goods(case: &Case<'_>, expected: &Goods, judgement: &mut Judgement) -> bool {
    let (found, words) = match case.goods {
        Brought::Nothing => (Found::NotShown, "no goods were brought".to_owned()),
        Brought::Encrypted(goods) if goods == *expected => {
            (Found::Holds, "these are the encrypted goods that both signed for".to_owned())
        }
        Brought::Encrypted(_) | Brought::Item(_) | Brought::Neither => {
            (Found::Fails, other_goods())
        }
    };
    judgement.add(Subject::Goods, found, words);
    found == Found::Holds
}

fn judge_key(case: &Case<'_>, expected: &Goods, judgement: &mut Judgement) -> bool {
    let (found, words) = match case.key_hash {
        None => (
            Found::NotShown,
            "no goods key was brought; who has paid gets it from the settlement server or the \
             merchant, and either of them is at fault who refuses it to the holder of this receipt",
        ),
        Some(hash) if hash == expected.key_hash => {
            (Found::Holds, "this is the goods key that the offer names")
        }
        Some(_) => (
            Found::Fails,
            "this is not the goods key that the offer names: it proves nothing, and a settlement \
             server that gave it is at fault",
        ),
    };
    judgement.add(Subject::Key, found, words);
    found == Found::Holds
}

/// What is in the right goods, by the right key.
fn judge_content(case: &Case<'_>, offer: &Offer, right: bool, judgement: &mut Judgement) {
    let (found, words) = match &case.opened {
        Some(Ok(())) if right => (Found::ToBeSeen, to_be_seen(offer)),
        Some(Err(error)) if right && error.is_fault_of_goods() => (
            Found::Fails,
            format!(
                "the goods do not open with their key ({error}): the merchant sold what he \
                 described as something else, and goods, key and his signature prove it"
            ),
        ),
        Some(Err(error)) if right => {
            (Found::NotShown, format!("the goods could not be opened here: {error}"))
        }
        _ => (
            Found::NotShown,
            "what was delivered shows only with the right goods and the right key".to_owned(),
        ),
    };
    judgement.add(Subject::Content, found, words);
}

fn to_be_seen(offer: &Offer) -> String {
    format!(
        "proved: exactly this was delivered, whole, for the description '{}'. Not proved, and for \
         a person to see: whether the one is what the other says",
        offer.terms().description
    )
}

fn other_goods() -> String {
    "these are not the goods that both signed for: they prove nothing against either side, and \
     whoever says that they were delivered is mistaken or lies"
        .to_owned()
}
