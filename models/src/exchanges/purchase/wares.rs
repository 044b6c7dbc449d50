//! The merchant's wares: three files that he may encrypt and offer, his offers of them, and the
//! orders under these.

use auction::settlement_terms::Goods;
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;
use settlement::goods::{CheckedGoods, GoodsKey, check_file, measure, seal, unwatched};
use settlement::layout::Signer;
use settlement::purchases::{
    Delivery, Offer, OfferTerms, Order, QuoteId, SignedOffer, VerifiedOffer,
};

use super::{ORDER, UNTIL};
use crate::bank::{self, Holder};
use crate::goods::{Content, Key, Sealed};

/// What the description promises, and what else there may be in a file.
pub(super) const GOOD: &[u8] = b"a photograph";
const OTHER: &[u8] = b"another photograph";

/// A file that the merchant has encrypted, and its papers.
pub(super) struct Made {
    pub(super) encrypted: Vec<u8>,
    pub(super) goods: Goods,
    /// The file as the customer would find it on her disk, checked by the goods of each offer.
    pub(super) checked: [Option<CheckedGoods>; 3],
    pub(super) offer: VerifiedOffer,
}

pub(super) fn key(which: Key) -> GoodsKey {
    GoodsKey::from_bytes(&[which.number(); 32])
}

pub(super) fn customer() -> Signer {
    bank::signer(Holder::Customer)
}

pub(super) fn merchant() -> Signer {
    bank::signer(Holder::Merchant)
}

pub(super) fn offered(delivery: Delivery, price: u8) -> VerifiedOffer {
    let charter = bank::charter();
    let terms = OfferTerms {
        server: charter.server(),
        ledger: charter.id(),
        merchant: merchant().public(),
        customer: customer().public(),
        currency: bank::currency(),
        price: bank::sum(price),
        expires: bank::time(UNTIL),
        item: 1,
        quote: QuoteId([1; 16]),
        delivery,
        description: "a photograph".to_owned(),
    };
    #[expect(clippy::expect_used, reason = "sound terms, signed by their merchant")]
    let offer = Offer::new(terms).expect("an offer").sign(&merchant()).expect("his own offer");
    // b As the customer receives it.
    #[expect(clippy::expect_used, reason = "signed for this ledger by this merchant")]
    let received = SignedOffer::decode(&offer.signed().to_bytes())
        .expect("an offer")
        .verify(&charter)
        .and_then(|offer| offer.of(&merchant().public()))
        .expect("the merchant's offer");
    received
}

/// The encrypted bytes of a file: a changed one is the good one with another last byte.
fn encrypted(file: Sealed) -> Vec<u8> {
    let content = if file == Sealed::Of(Content::Garbage) { OTHER } else { GOOD };
    let mut bytes = Vec::new();
    let (length, mut rng) = (content.len() as u64, ChaCha20Rng::seed_from_u64(1));
    let sealed = seal(content, length, &mut bytes, &key(Key::Right), &mut rng, &mut unwatched);
    #[expect(clippy::expect_used, reason = "a few bytes from memory to memory")]
    sealed.expect("encrypted");
    if let (Sealed::Altered, Some(last)) = (file, bytes.last_mut()) {
        *last ^= 1;
    }
    bytes
}

#[expect(clippy::expect_used, reason = "a few bytes in a temporary directory")]
pub(super) fn made() -> [Made; 3] {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let files = Sealed::ALL.map(encrypted);
    let goods = files
        .each_ref()
        .map(|bytes| measure(bytes.as_slice(), &mut unwatched).expect("encrypted goods"));
    let mut number = 0;
    files.map(|encrypted| {
        let (path, own) = (dir.path().join(number.to_string()), goods[number]);
        number += 1;
        std::fs::write(&path, &encrypted).expect("written");
        let checked = goods.map(|expected| check_file(&path, &expected, &mut unwatched).ok());
        Made { encrypted, goods: own, checked, offer: offered(Delivery::Encrypted(own), 1) }
    })
}

impl Made {
    /// The order under this offer by goods that were found to be its.
    pub(super) fn order(&self, goods: &CheckedGoods, now: u8) -> Option<Order> {
        let (charter, good_for) = (bank::charter(), bank::time(UNTIL).0 - bank::time(0).0);
        let (id, times) = (bank::request_id(ORDER), (bank::time(now), good_for));
        Order::sign(&self.offer, goods, &customer(), &charter, id, times).ok()
    }

    /// The order that an honest customer signs in time.
    #[expect(clippy::expect_used, reason = "its own goods, in time")]
    pub(super) fn own_order(&self, number: usize) -> Order {
        let goods = self.checked[number].as_ref().expect("its own goods");
        self.order(goods, 0).expect("an order in time")
    }
}
