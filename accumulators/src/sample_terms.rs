//! Terms of an auction of two accumulators, for this crate's tests.

use auction::keys::SecretKey;
use auction::money::{Amount, Currency};
use auction::prices::PriceLadder;
use auction::spec::{Member, Rule, Spec, Time};

/// The accumulators' keys, then the seller's.
pub(crate) fn keys() -> [SecretKey; 3] {
    [1, 2, 3].map(|seed| SecretKey::from_seed(&[seed; 32]))
}

/// A second-price auction of 64 levels that takes so many bids.
pub(crate) fn terms([first, second, seller]: &[SecretKey; 3], most_bids: u32) -> Spec {
    let member = |key: &SecretKey| Member { key: key.public(), address: "a:1".to_owned() };
    Spec {
        nonce: [0; 32],
        seller: seller.public(),
        title: "a painting".to_owned(),
        description: String::new(),
        rule: Rule::SecondPrice,
        currency: Currency::new("EUR", 2).unwrap(),
        ladder: PriceLadder::Even { min: Amount(1_000), tick: Amount(50), levels: 64 },
        opening: Time(0),
        closing: Time(600_000),
        last: Time(1_200_000),
        most_bids,
        accumulators: vec![member(first), member(second)],
        settlement: None,
        block: 8,
        fan_out: 4,
    }
}
