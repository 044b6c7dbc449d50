//! A whole auction in memory: a committee, bidders, and the rounds between them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use auction::bid::Submission;
use auction::book::{BidBook, Standing};
use auction::checking::{BidChecker, verify_bids};
use auction::join::{Auction, Join};
use auction::keys::{PublicKey, SecretKey};
use auction::money::{Amount, Currency};
use auction::party::{Party, PartySecret};
use auction::prices::{Level, PriceLadder};
use auction::receipts::Receipt;
use auction::referee::Referee;
use auction::sealing::seal;
use auction::settlement_terms::{EscrowReceipt, Settlement};
use auction::spec::{Member, Rule, Spec, Time, VerifiedSpec};
use auction::step::Step;
use rand::rngs::ChaCha20Rng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// The terms that tests vary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) rule: Rule,
    pub(crate) levels: u32,
    pub(crate) accumulators: usize,
    pub(crate) block: u16,
    pub(crate) fan_out: u16,
}

impl Terms {
    /// A small second-price auction of three accumulators, for tests that break something.
    pub(crate) fn small() -> Self {
        Self { rule: Rule::SecondPrice, levels: 12, accumulators: 3, block: 4, fan_out: 2 }
    }
}

/// An auction with all its accumulators' secrets.
pub(crate) struct Committee {
    pub(crate) seller: Arc<SecretKey>,
    pub(crate) auction: Arc<Auction>,
    pub(crate) identities: Vec<Arc<SecretKey>>,
    pub(crate) secrets: Vec<PartySecret>,
}

/// A sealed bid of the test with its bidder.
pub(crate) struct Sealed {
    pub(crate) bidder: SecretKey,
    pub(crate) submissions: Vec<Submission>,
}

pub(crate) fn price_of(level: Level) -> Amount {
    Amount(1_000 + 50 * u64::from(level.0 - 1))
}

pub(crate) fn spec(
    terms: Terms,
    seller: &SecretKey,
    identities: &[Arc<SecretKey>],
    rng: &mut ChaCha20Rng,
) -> Spec {
    let member = |identity: &Arc<SecretKey>| Member {
        key: identity.public(),
        address: "127.0.0.1:1".to_owned(),
    };
    Spec {
        nonce: rng.random(),
        seller: seller.public(),
        title: "a painting".to_owned(),
        description: String::new(),
        rule: terms.rule,
        currency: Currency::new("EUR", 2).unwrap(),
        ladder: PriceLadder::Even { min: Amount(1_000), tick: Amount(50), levels: terms.levels },
        opening: Time(1_000),
        closing: Time(2_000),
        last: Time(3_000),
        most_bids: 10_000,
        accumulators: identities.iter().map(member).collect(),
        settlement: None,
        block: terms.block,
        fan_out: terms.fan_out,
    }
}

impl Committee {
    pub(crate) fn new(terms: Terms, rng: &mut ChaCha20Rng) -> Self {
        Self::with(terms, |_| {}, rng)
    }

    /// A committee for an auction whose spec is changed before it is signed.
    pub(crate) fn with(
        terms: Terms,
        change: impl FnOnce(&mut Spec),
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let seller = Arc::new(SecretKey::generate(rng));
        let identities: Vec<_> =
            (0..terms.accumulators).map(|_| Arc::new(SecretKey::generate(rng))).collect();
        let mut terms = spec(terms, &seller, &identities, rng);
        change(&mut terms);
        let verified = terms.sign(&seller).verify().unwrap();
        Self::join(verified, seller, identities, rng)
    }

    /// A committee for an auction whose payment `server` takes on these terms.
    pub(crate) fn bonded(
        terms: Terms,
        settlement: Settlement,
        server: &SecretKey,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let seller = Arc::new(SecretKey::generate(rng));
        let identities: Vec<_> =
            (0..terms.accumulators).map(|_| Arc::new(SecretKey::generate(rng))).collect();
        let terms = Spec { settlement: Some(settlement), ..spec(terms, &seller, &identities, rng) };
        let signed = terms.sign(&seller);
        let receipt = EscrowReceipt::sign(&signed.claimed_id(), server);
        let verified = signed.with_escrow(receipt).verify().unwrap();
        Self::join(verified, seller, identities, rng)
    }

    pub(crate) fn join(
        spec: VerifiedSpec,
        seller: Arc<SecretKey>,
        identities: Vec<Arc<SecretKey>>,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let secrets: Vec<_> = identities.iter().map(|_| PartySecret::generate(rng)).collect();
        let joins: Vec<Join> = (0u8..)
            .zip(&secrets)
            .map(|(k, secret)| secret.join(spec.id(), k, &identities[usize::from(k)], rng))
            .collect();
        let auction = Arc::new(Auction::new(spec, joins).unwrap());
        Self { seller, auction, identities, secrets }
    }

    pub(crate) fn seal(&self, level: Level, rng: &mut ChaCha20Rng) -> Sealed {
        let bidder = SecretKey::generate(rng);
        let submissions = seal(&self.auction, level, &bidder, None, rng).unwrap();
        Sealed { bidder, submissions }
    }

    /// Every accumulator takes all bids, and all receipts are left with all.
    pub(crate) fn take(&self, bids: &[Sealed], rng: &mut ChaCha20Rng) -> Vec<BidBook> {
        (0..self.secrets.len()).map(|k| self.take_at(k, bids, rng)).collect()
    }

    pub(crate) fn take_at(&self, k: usize, bids: &[Sealed], rng: &mut ChaCha20Rng) -> BidBook {
        let mut book = BidBook::new(Arc::clone(&self.auction));
        let checker = BidChecker::new(Arc::clone(&self.auction), k, rng);
        let submissions = bids.iter().map(|bid| bid.submissions[k].clone()).collect();
        let batch = checker.check(submissions, rng).batch;
        assert_eq!(book.accept(batch).unwrap(), vec![Standing::New; bids.len()]);
        for digest in bids.iter().map(|bid| bid.submissions[k].bid.digest()) {
            book.complete(&digest, &self.receipts(digest)).unwrap();
        }
        book
    }

    /// The same books, with the public part of each bid checked once for all accumulators and
    /// no share checked: what honest bidders send needs no second look in every test.
    pub(crate) fn take_unchecked(&self, bids: &[Sealed], rng: &mut ChaCha20Rng) -> Vec<BidBook> {
        let sealed = bids.iter().map(|bid| bid.submissions[0].bid.clone()).collect();
        let verified = verify_bids(&self.auction, sealed, rng);
        let mut books: Vec<_> =
            (0..self.secrets.len()).map(|_| BidBook::new(Arc::clone(&self.auction))).collect();
        for (bid, verified) in bids.iter().zip(verified) {
            let verified = verified.unwrap();
            for (book, submission) in books.iter_mut().zip(&bid.submissions) {
                let share = submission.delivery.share.clone();
                assert_eq!(book.restore(verified.clone(), share).unwrap(), Standing::New);
            }
        }
        books
    }

    pub(crate) fn receipts(&self, bid: auction::layout::Digest) -> Vec<Receipt> {
        let context = self.auction.context();
        let sign = |(k, identity): (u8, &Arc<SecretKey>)| Receipt::sign(context, bid, k, identity);
        (0u8..).zip(&self.identities).map(sign).collect()
    }

    /// Closes the books: parties, and a referee at each.
    pub(crate) fn close(self, books: Vec<BidBook>, rng: &mut ChaCha20Rng) -> Vec<(Party, Referee)> {
        let auction = self.auction;
        books
            .into_iter()
            .zip(self.secrets)
            .zip(self.identities)
            .enumerate()
            .map(|(k, ((book, secret), identity))| {
                let closed = book.close();
                let mut seed = [0; 32];
                rng.fill_bytes(&mut seed);
                let mut referee = Referee::new(Arc::clone(&auction), seed);
                referee.supply(closed.bids().iter().cloned());
                (Party::new(Arc::clone(&auction), k, identity, secret, closed), referee)
            })
            .collect()
    }
}

/// Runs honest rounds until the outcome is signed by all; returns how many rounds it took.
pub(crate) fn run(nodes: &mut [(Party, Referee)], rng: &mut ChaCha20Rng) -> usize {
    let mut rounds = 0;
    while *nodes[0].1.step() != Step::Complete {
        let mut messages = Vec::new();
        for (party, referee) in nodes.iter_mut() {
            let own = party.message(referee, rng).unwrap();
            messages.push(own.message().clone());
            // As nodes do: nobody judges himself.
            referee.offer_own(own).unwrap();
        }
        for (k, (_, referee)) in nodes.iter_mut().enumerate() {
            for message in messages.iter().enumerate().filter(|(j, _)| *j != k) {
                referee.offer(message.1.clone()).unwrap();
            }
        }
        rounds += 1;
        assert!(rounds < 1_000, "the rounds do not end");
    }
    rounds
}

/// Runs honest rounds of all parties before one referee; returns how many rounds it took.
pub(crate) fn run_before_one(
    parties: &mut [Party],
    referee: &mut Referee,
    rng: &mut ChaCha20Rng,
) -> usize {
    let mut rounds = 0;
    while *referee.step() != Step::Complete {
        let messages: Vec<_> =
            parties.iter_mut().map(|party| party.message(referee, rng).unwrap()).collect();
        for own in messages {
            referee.offer(own.into_message()).unwrap();
        }
        rounds += 1;
        assert!(rounds < 1_000, "the rounds do not end");
    }
    rounds
}

/// The auction in the clear: level of the price, indices that may win, whether the top is tied.
pub(crate) fn in_the_clear(rule: Rule, levels: &[u32]) -> Option<(u32, Vec<usize>, bool)> {
    let top = *levels.iter().max()?;
    let winners: Vec<usize> = (0..levels.len()).filter(|i| levels[*i] == top).collect();
    let mut sorted = levels.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    Some(match rule {
        Rule::FirstPrice => (top, winners, false),
        Rule::SecondPrice => {
            let tie = winners.len() > 1;
            (sorted.get(1).copied().unwrap_or(1), winners, tie)
        }
    })
}

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn keys(bids: &[Sealed]) -> Vec<PublicKey> {
    bids.iter().map(|bid| bid.bidder.public()).collect()
}
