//! One small auction with real keys, spec, joins and bonds: two bidders, second price, three
//! levels. A bids level 3 and B level 2, so A wins whenever his bid counts.

use std::sync::{Arc, LazyLock};

use auction::join::{Auction, Join};
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::{self, Amount};
use auction::outcome::{self, Outcome};
use auction::prices::{Level, PriceLadder};
use auction::secret::SecretScalar;
use auction::settlement_terms::{Delivery, EscrowReceipt, Fee, Goods, Settlement};
use auction::spec::{Member, Rule, Spec, Time, VerifiedSpec};
use auction::transcript::Verdict;
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;
use settlement::auctions::Proven;
use settlement::goods::GoodsKey;
use settlement::ledger::{AccountId, Charter, Currency};
use settlement::sealed_key::{OpeningKey, Purpose};

/// What every bidder's account begins with: the bond and no more.
pub const FUNDS: u64 = 30;
/// What the house gets of a sale.
pub const FEE: u64 = 2;
/// The level of the only cover.
pub const COVER: Level = Level(3);
const CLOSING: u64 = 2_000;
const LAST: u64 = 3_000;
const T: u64 = CLOSING + 3_600_000;

/// When things happen: as late in each phase as matters, on the boundary itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Bids and bonds are taken.
    Open,
    /// Closed, before V.
    Closed,
    /// V exactly: no transcript counts any more.
    Void,
    /// T exactly: bonds end by themselves.
    Over,
}

impl Phase {
    /// The phase after it.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Open => Some(Self::Closed),
            Self::Closed => Some(Self::Void),
            Self::Void => Some(Self::Over),
            Self::Over => None,
        }
    }

    /// The server's time in it.
    #[must_use]
    pub fn time(self) -> Time {
        match self {
            Self::Open => Time(CLOSING - 1),
            Self::Closed => Time(LAST + (T - LAST) / 2 - 1),
            Self::Void => Time(LAST + (T - LAST) / 2),
            Self::Over => Time(T),
        }
    }
}

/// A bidder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bidder {
    /// Bids level 3.
    A,
    /// Bids level 2.
    B,
}

impl Bidder {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The key of the account.
    #[must_use]
    pub fn account_key(self) -> SecretKey {
        secret(20 + self as u8)
    }

    /// The key that bids.
    #[must_use]
    pub fn auction_key(self) -> SecretKey {
        secret(30 + self as u8)
    }

    /// The key that the goods key is sealed to.
    #[must_use]
    pub fn opening_key(self) -> OpeningKey {
        OpeningKey::derive(self.auction_key().seed(), Purpose::Delivery)
    }
}

/// The bids that count, by bidder.
pub type Book = [bool; 2];

/// Who wins at which price, in minor units: the second highest level, or the reserve price.
#[must_use]
pub fn outcome_of(book: Book) -> Option<(Bidder, u64)> {
    match book {
        [true, true] => Some((Bidder::A, 20)),
        [true, false] => Some((Bidder::A, 10)),
        [false, true] => Some((Bidder::B, 10)),
        [false, false] => None,
    }
}

/// The auction and its server.
pub struct Setting {
    /// The ledger's authorities.
    pub charter: Charter,
    /// The spec with the server's escrow receipt.
    pub spec: VerifiedSpec,
    auction: Arc<Auction>,
    /// By bidder: his account.
    pub bidders: [AccountId; 2],
    /// The seller's account, the house's, a shop's.
    pub others: [AccountId; 3],
    /// The auction's escrow account.
    pub escrow: AccountId,
}

/// The one setting.
pub static SETTING: LazyLock<Setting> = LazyLock::new(Setting::new);

impl Setting {
    #[expect(clippy::expect_used, reason = "fixed keys and terms, which the tests run through")]
    fn new() -> Self {
        let key = |number| secret(number).public();
        let charter = Charter::new(key(1), key(2), key(3), 1_000).expect("three keys");
        let signed = spec(&charter).sign(&seller());
        let receipt = EscrowReceipt::sign(&signed.claimed_id(), &server());
        let spec = signed.with_escrow(receipt).verify().expect("a spec");
        let mut rng = rng();
        let joins = (0..2)
            .map(|k| {
                let scalar = SecretScalar::random(&mut rng);
                Join::sign(spec.id(), k, &accumulator(k), &scalar, &mut rng)
            })
            .collect();
        let auction = Arc::new(Auction::new(spec.clone(), joins).expect("both joins"));
        let account = |key: SecretKey| AccountId::of_owner(&key.public(), currency());
        let escrow = AccountId::of_escrow(&spec.id(), currency());
        let bidders = Bidder::ALL.map(|bidder| account(bidder.account_key()));
        let others = [seller(), house(), shop()].map(account);
        Self { charter, spec, auction, bidders, others, escrow }
    }

    /// What the referee finds in the complete transcript of an auction with these bids. Which
    /// outcome belongs to which bids is the auction's business, and its own tests'.
    #[must_use]
    pub fn proven(&self, book: Book) -> Proven {
        let sale = outcome_of(book).map(|(winner, price)| outcome::Sale {
            winner: winner.auction_key().public(),
            level: Level(if price == 20 { 2 } else { 1 }),
            price: Amount(price),
        });
        let number = u8::from(book[0]) + 2 * u8::from(book[1]);
        let outcome = Outcome {
            set: Digest([number; 32]),
            bids: book.iter().map(|counts| u32::from(*counts)).sum(),
            sale,
            tie: false,
            transcript: Digest([100 + number; 32]),
        };
        let auction = Arc::clone(&self.auction);
        let (signed_by, false_signers, omissions) = (vec![], vec![], vec![]);
        Proven::from(&Verdict { auction, outcome, signed_by, false_signers, omissions })
    }
}

/// A key of its own for each number.
#[must_use]
pub fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// The server's key.
#[must_use]
pub fn server() -> SecretKey {
    secret(1)
}

/// The operator's key.
#[must_use]
pub fn operator() -> SecretKey {
    secret(2)
}

/// The key of the postings module.
#[must_use]
pub fn postings_key() -> SecretKey {
    secret(3)
}

/// The seller's key.
#[must_use]
pub fn seller() -> SecretKey {
    secret(10)
}

/// The house's key.
#[must_use]
pub fn house() -> SecretKey {
    secret(11)
}

/// The key of a shop where money can be spent.
#[must_use]
pub fn shop() -> SecretKey {
    secret(12)
}

/// An accumulator's identity key.
#[must_use]
pub fn accumulator(k: u8) -> SecretKey {
    secret(40 + k)
}

/// The goods key.
#[must_use]
pub fn goods_key() -> GoodsKey {
    GoodsKey::from_bytes(&[42; 32])
}

/// The secret half of the auction's escrow key.
#[must_use]
pub fn escrow_key() -> OpeningKey {
    OpeningKey::from_bytes(&[5; 32])
}

/// The ledger's currency.
#[must_use]
#[expect(clippy::expect_used, reason = "three capital letters and two decimals")]
pub fn currency() -> Currency {
    Currency::from_bytes(*b"EUR\x02").expect("a currency")
}

/// Randomness that is the same in every run: a model's states must be.
#[must_use]
pub fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([8; 32])
}

#[expect(clippy::expect_used, reason = "three capital letters and two decimals")]
fn spec(charter: &Charter) -> Spec {
    let member =
        |k| Member { key: accumulator(k).public(), address: "accumulator.example:7000".to_owned() };
    let goods = Goods { key_hash: goods_key().hash(), checksum: Digest([3; 32]), bytes: 100 };
    let fee = Fee { house: house().public(), flat: Amount(FEE), per_ten_thousand: 0 };
    Spec {
        nonce: [1; 32],
        seller: seller().public(),
        title: "a file".to_owned(),
        description: String::new(),
        rule: Rule::SecondPrice,
        currency: money::Currency::new("EUR", 2).expect("a currency"),
        ladder: PriceLadder::Even { min: Amount(10), tick: Amount(10), levels: 3 },
        opening: Time(1_000),
        closing: Time(CLOSING),
        last: Time(LAST),
        most_bids: 2,
        accumulators: (0..2).map(member).collect(),
        settlement: Some(Settlement {
            server: server().public(),
            ledger: charter.id(),
            address: "settlement.example:7000".to_owned(),
            covers: vec![COVER],
            held_until: Time(T),
            fee: Some(fee),
            delivery: Delivery::Digital(goods),
        }),
        block: 2,
        fan_out: 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_are_the_specs() {
        let terms = SETTING.spec.spec().settlement.clone().unwrap();
        assert_eq!(Phase::Void.time(), terms.decided_by(SETTING.spec.spec().last));
        assert_eq!(Phase::Over.time(), terms.held_until);
        assert!(Phase::Open.time() < SETTING.spec.spec().closing);
        assert!(SETTING.spec.spec().last < Phase::Closed.time());
    }
}
