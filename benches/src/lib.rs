//! What the benches measure on: committees and sealed bids of a fixed seed, and `T`, the time of
//! one variable-base scalar multiplication in the same run.

#![expect(clippy::expect_used, reason = "a bench that cannot set itself up should say so and stop")]

pub mod rounds;

use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::bid::Submission;
use auction::book::{BidBook, ClosedBook, Standing};
use auction::checking::BidChecker;
use auction::join::Auction;
use auction::keys::SecretKey;
use auction::money::{Amount, Currency};
use auction::party::{Party, PartySecret};
use auction::prices::{Level, PriceLadder};
use auction::receipts::Receipt;
use auction::referee::Referee;
use auction::sealing::seal;
use auction::spec::{Member, Rule, Spec, Time};
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;

/// The seed of every bench.
pub const SEED: u64 = 20_261_120;

/// A committee with all its secrets, so that one process can play every part.
pub struct Committee {
    /// The auction.
    pub auction: Arc<Auction>,
    identities: Vec<Arc<SecretKey>>,
    secrets: Vec<[u8; 64]>,
}

/// The generator of every bench.
#[must_use]
pub fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(SEED)
}

/// The median time of one variable-base scalar multiplication on this machine now.
#[must_use]
pub fn measure_t() -> Duration {
    let mut rng = rng();
    let mut point = RistrettoPoint::random(&mut rng);
    let mut times: Vec<Duration> = (0..301)
        .map(|_| {
            let scalar = Scalar::random(&mut rng);
            let start = Instant::now();
            point *= scalar;
            start.elapsed()
        })
        .collect();
    std::hint::black_box(point);
    times.sort_unstable();
    times[times.len() / 2]
}

/// The same while every core does it: longer where cores share what they compute with, and it is
/// the slowest one's.
///
/// # Panics
/// When the operating system gives no thread.
#[must_use]
pub fn measure_t_on_all_cores() -> Duration {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let begun: Vec<_> = (0..cores).map(|_| scope.spawn(measure_t)).collect();
        let times = begun.into_iter().map(|thread| thread.join().expect("a measurement"));
        times.max().unwrap_or_default()
    })
}

/// Checks submissions and takes them into the book, sum included: all that an accumulator
/// computes for them but its receipts.
///
/// # Panics
/// When one is refused.
pub fn take(
    checker: &BidChecker,
    book: &mut BidBook,
    submissions: Vec<Submission>,
    rng: &mut ChaCha20Rng,
) {
    let checked = checker.check(submissions, rng);
    assert!(checked.verdicts.iter().all(Result::is_ok), "an honest bid was refused");
    let standings = book.accept(checked.batch).expect("bids checked for this auction");
    assert!(standings.iter().all(|standing| *standing == Standing::New), "a bid was not taken");
}

/// Block size and fan-out for accumulators near each other. A fan-out of 4 computes about as little
/// as one of 2, in two thirds of the rounds.
pub const NEAR: (u16, u16) = (32, 4);

/// What computes least among 1,024 levels: a round more in a stage than a fan-out of 4 takes, and
/// a test less in each.
pub const LEAST: (u16, u16) = (32, 3);

/// The same for 10,000 levels: two stages of 100 parts in place of three of 22 for the price, and
/// one in place of two for the winner among 100 bidders. A stage costs its
/// ciphertexts and its proof, and the tests are as many. (With 1,024 levels the winner's one stage
/// of 100 parts computes more than two of ten, of which the second works on one block.)
pub const NEAR_LONG: (u16, u16) = (128, 4);

/// The same for accumulators far from each other: full fan-out, the fewest rounds.
pub const FAR: (u16, u16) = (32, 32);

/// How a figure says which of these it was measured with.
#[must_use]
pub fn fan_out((block, fan_out): (u16, u16)) -> String {
    match (block, fan_out) {
        (block, fan_out) if block == fan_out => "full fan-out".to_owned(),
        (block, fan_out) => format!("fan-out {fan_out}, blocks of {block}"),
    }
}

impl Committee {
    /// A second-price or first-price auction of `levels` levels among `accumulators`, whose
    /// searches take the fewest rounds.
    ///
    /// # Panics
    /// When the terms are impossible.
    #[must_use]
    pub fn new(rule: Rule, levels: u32, accumulators: usize) -> Self {
        Self::searching(rule, levels, accumulators, FAR)
    }

    /// The same with this block size and fan-out.
    ///
    /// # Panics
    /// When the terms are impossible.
    #[must_use]
    pub fn searching(
        rule: Rule,
        levels: u32,
        accumulators: usize,
        (block, fan_out): (u16, u16),
    ) -> Self {
        let mut rng = rng();
        let seller = SecretKey::generate(&mut rng);
        let identities: Vec<_> =
            (0..accumulators).map(|_| Arc::new(SecretKey::generate(&mut rng))).collect();
        let member = |identity: &Arc<SecretKey>| Member {
            key: identity.public(),
            address: "127.0.0.1:1".to_owned(),
        };
        let spec = Spec {
            nonce: [7; 32],
            seller: seller.public(),
            title: "bench".to_owned(),
            description: String::new(),
            rule,
            currency: Currency::new("EUR", 2).expect("a currency"),
            ladder: PriceLadder::Even { min: Amount(100), tick: Amount(1), levels },
            opening: Time(0),
            closing: Time(1),
            last: Time(2),
            most_bids: 100_000,
            accumulators: identities.iter().map(member).collect(),
            settlement: None,
            block,
            fan_out,
        };
        let spec = spec.sign(&seller).verify().expect("a spec that keeps the rules");
        let secrets: Vec<_> = identities.iter().map(|_| PartySecret::generate(&mut rng)).collect();
        let joins = (0u8..)
            .zip(secrets.iter().zip(&identities))
            .map(|(k, (secret, identity))| secret.join(spec.id(), k, identity, &mut rng))
            .collect();
        let auction = Arc::new(Auction::new(spec, joins).expect("joins that verify"));
        let secrets = secrets.iter().map(|secret| *secret.to_bytes()).collect();
        Self { auction, identities, secrets }
    }

    /// Block size and fan-out of its searches.
    #[must_use]
    pub fn search(&self) -> (u16, u16) {
        (self.auction.spec().block, self.auction.spec().fan_out)
    }

    /// Seals a bid under a fresh key.
    ///
    /// # Panics
    /// When the level is not on the ladder.
    pub fn seal(&self, level: u32, rng: &mut ChaCha20Rng) -> Vec<Submission> {
        let bidder = SecretKey::generate(rng);
        seal(&self.auction, Level(level), &bidder, None, rng).expect("a level of the ladder")
    }

    /// `n` bids spread over the ladder.
    pub fn seal_many(&self, n: usize, rng: &mut ChaCha20Rng) -> Vec<Vec<Submission>> {
        let levels = self.auction.levels();
        (0..n).map(|i| self.seal((1 + (i * 7919) % levels) as u32, rng)).collect()
    }

    /// The closed book of accumulator `k` after it took all bids.
    ///
    /// # Panics
    /// When a bid does not verify.
    pub fn book(&self, k: usize, bids: &[Vec<Submission>], rng: &mut ChaCha20Rng) -> ClosedBook {
        let mut book = BidBook::new(Arc::clone(&self.auction));
        let checker = BidChecker::new(Arc::clone(&self.auction), k, rng);
        for part in bids.chunks(256) {
            let submissions = part.iter().map(|bid| bid[k].clone()).collect();
            take(&checker, &mut book, submissions, rng);
            for digest in part.iter().map(|bid| bid[k].bid.digest()) {
                let receipts: Vec<_> = (0u8..)
                    .zip(&self.identities)
                    .map(|(k, id)| Receipt::sign(self.auction.context(), digest, k, id))
                    .collect();
                book.complete(&digest, &receipts).expect("receipts that verify");
            }
        }
        book.close()
    }

    /// Party and referee of accumulator `k` at closing, with masks made ahead.
    ///
    /// # Panics
    /// Never: the secrets are this committee's.
    pub fn node(&self, k: usize, book: ClosedBook, rng: &mut ChaCha20Rng) -> (Party, Referee) {
        let bids = book.bids().len();
        let mut referee = Referee::new(Arc::clone(&self.auction), [k as u8; 32]);
        referee.supply(book.bids().iter().cloned());
        let secret = PartySecret::from_bytes(&self.secrets[k]).expect("secrets of this committee");
        let identity = Arc::clone(&self.identities[k]);
        let mut party = Party::new(Arc::clone(&self.auction), k, identity, secret, book);
        party.masks_mut().fill(&self.auction, bids, rng);
        (party, referee)
    }
}
