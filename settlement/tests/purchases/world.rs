//! A customer, a merchant, a server's safe and a ledger.

use std::io::Write as _;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::settlement_terms::Goods;
use auction::spec::Time;
use settlement::goods::{CheckedGoods, GoodsKey, check_file, seal, unwatched};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Charter, Code, Currency, Entry, Ledger, Request, RequestId,
    SignedRequest, Sum,
};
use settlement::purchases::{
    Delivered, Delivery, HeldItem, Offer, OfferTerms, Order, Purchase, PurchaseRefused, QuoteId,
    Safe, Submission, VerifiedOffer, decide,
};
use zeroize::Zeroizing;

pub const NOW: Time = Time(1_000_000);
pub const EXPIRES: Time = Time(NOW.0 + 3_600_000);
pub const PRICE: u64 = 30;
pub const CUSTOMER: u8 = 4;
pub const MERCHANT: u8 = 5;
pub const STRANGER: u8 = 6;

pub fn signer(seed: u8) -> Signer {
    Signer::new(&SecretKey::from_seed(&[seed; 32]))
}

pub fn charter() -> Charter {
    charter_of(1)
}

pub fn charter_of(server: u8) -> Charter {
    Charter::new(signer(server).public(), signer(2).public(), signer(3).public(), 8).unwrap()
}

pub fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").unwrap()
}

pub fn account(seed: u8) -> AccountId {
    AccountId::of_owner(&signer(seed).public(), eur())
}

pub fn id(number: u128) -> RequestId {
    RequestId::new(number).unwrap()
}

pub fn safe() -> Safe {
    Safe::new(vec![Zeroizing::new([77; 32])]).unwrap()
}

pub fn key(seed: u8) -> GoodsKey {
    GoodsKey::from_bytes(&[seed; 32])
}

/// What is sold, encrypted, on a disk.
pub struct Sold {
    pub key: GoodsKey,
    pub goods: Goods,
    pub checked: CheckedGoods,
    pub encrypted: Vec<u8>,
    _place: tempfile::TempDir,
}

pub fn sold(seed: u8) -> Sold {
    sold_with(seed, b"a photograph")
}

pub fn sold_with(seed: u8, plaintext: &[u8]) -> Sold {
    let key = key(seed);
    let mut encrypted = Vec::new();
    let length = plaintext.len() as u64;
    let goods = seal(plaintext, length, &mut encrypted, &key, &mut rand::rng(), &mut unwatched);
    let goods = goods.unwrap();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("goods");
    std::fs::File::create(&path).unwrap().write_all(&encrypted).unwrap();
    let checked = check_file(&path, &goods, &mut unwatched).unwrap();
    Sold { key, goods, checked, encrypted, _place: place }
}

/// The same after its maker has changed the ciphertext: as if he had sold that from the first.
pub fn resold(sold: Sold) -> Sold {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("goods");
    std::fs::write(&path, &sold.encrypted).unwrap();
    let checked = check_file(&path, &sold.goods, &mut unwatched).unwrap();
    Sold { checked, _place: place, ..sold }
}

pub fn terms(delivery: Delivery) -> OfferTerms {
    OfferTerms {
        server: charter().server(),
        ledger: charter().id(),
        merchant: signer(MERCHANT).public(),
        customer: signer(CUSTOMER).public(),
        currency: eur(),
        price: Sum::new(PRICE).unwrap(),
        expires: EXPIRES,
        item: 7,
        quote: QuoteId([1; 16]),
        delivery,
        description: "a photograph".to_owned(),
    }
}

pub fn offer(sold: &Sold) -> VerifiedOffer {
    signed(terms(Delivery::Encrypted(sold.goods)))
}

pub fn offer_held(item: HeldItem) -> VerifiedOffer {
    signed(terms(Delivery::Held(item)))
}

pub fn signed(terms: OfferTerms) -> VerifiedOffer {
    Offer::new(terms).unwrap().sign(&signer(MERCHANT)).unwrap()
}

pub fn ordered(offer: &VerifiedOffer, sold: &Sold, number: u128) -> Order {
    let by = signer(CUSTOMER);
    Order::sign(offer, &sold.checked, &by, &charter(), id(number), (NOW, 60_000)).unwrap()
}

/// An order with both signatures, as its parties make it.
pub fn countersigned(offer: &VerifiedOffer, order: Order) -> SignedRequest {
    let verified = order.verify(offer, &charter(), NOW).unwrap();
    verified.countersign(&signer(MERCHANT), &charter())
}

/// A request of somebody's own making, with a second signature beside his.
pub fn forged(by: u8, second: Option<u8>, request: Request) -> SignedRequest {
    let signed = SignedRequest::sign(&request, &signer(by), &charter());
    match second {
        Some(second) => signed.countersign(&signer(second), &charter()),
        None => signed,
    }
}

pub fn submission(order: &SignedRequest, offer: &VerifiedOffer) -> Submission {
    Submission { order: order.as_bytes().to_vec(), offer: offer.offer().as_bytes().to_vec() }
}

pub fn decided(
    order: &SignedRequest,
    offer: &VerifiedOffer,
    key: GoodsKey,
) -> Result<Purchase, PurchaseRefused> {
    decide(submission(order, offer), &Delivered::Key(key), &charter(), &safe())
}

/// The whole exchange up to the server's decision.
pub fn purchase(sold: &Sold, number: u128) -> Purchase {
    let offer = offer(sold);
    let order = countersigned(&offer, ordered(&offer, sold, number));
    decided(&order, &offer, GoodsKey::from_bytes(sold.key.expose())).unwrap()
}

/// A ledger in which customer and merchant have 100 each, and what its journal would hold.
pub struct World {
    pub ledger: Ledger,
    pub journal: Vec<(u64, Time, Entry)>,
}

impl World {
    pub fn new() -> Self {
        let mut world = Self { ledger: Ledger::new(charter()), journal: Vec::new() };
        for (number, owner) in [(1, CUSTOMER), (2, MERCHANT)] {
            let action = Action::Deposit {
                owner: signer(owner).public(),
                currency: eur(),
                amount: Sum::new(100).unwrap(),
                reference: Digest::default(),
            };
            let request = Request { id: id(number), until: EXPIRES, action };
            let deposit = SignedRequest::sign(&request, &signer(2), &charter());
            let chain = Chain::from(deposit.verify(&charter()).unwrap());
            assert_eq!(world.apply(chain, NOW), Code::Done);
        }
        world
    }

    /// Applies a chain of one request and answers with its code.
    pub fn apply(&mut self, chain: Chain, now: Time) -> Code {
        let mut applied = self.ledger.apply(std::slice::from_ref(&chain), now);
        self.ledger.check().unwrap();
        let outcome = applied.outcomes.remove(0);
        let codes: Vec<Code> = outcome.replies.iter().map(|reply| reply.code).collect();
        let code = codes[0];
        if let Some(number) = outcome.entry {
            // As the journal keeps it: no attachment of what was refused.
            let committed = codes.iter().all(|code| *code == Code::Done);
            let attached = chain.attachment().filter(|_| committed);
            let attached = attached.map(|one| one.as_bytes().to_vec());
            let chain = Chain::new(chain.requests().to_vec(), attached).unwrap();
            self.journal.push((number, now, Entry { chain, codes: codes.into() }));
        }
        code
    }

    pub fn balance(&self, owner: u8) -> i128 {
        self.ledger.account(&account(owner)).unwrap().balances.available()
    }
}
