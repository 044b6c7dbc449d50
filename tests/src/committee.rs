//! A committee of accumulators, each a process of its own, and the seller who has one auction
//! after the other made by them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auction::join::Auction;
use auction::keys::SecretKey;
use auction::money::{Amount, Currency};
use auction::prices::PriceLadder;
use auction::spec::{EarlyClose, Member, Rule, Spec, Time};
use bidder::{Client, Patience};
use link::service::{Phase, Question};
use link::{Endpoint, Identity, Limits, Peer, PeerKey};
use rand::RngExt as _;
use tempfile::TempDir;

use crate::process::Accumulator;
use crate::sale::{PATIENCE, Sale};

/// What is logged unless a test wants more.
const LOG: &str = "info";
const HOUR: u64 = 3_600_000;

/// Accumulators on this machine, and the seller. Everything goes when this is dropped.
pub struct Committee {
    /// The accumulators, in the order of their numbers.
    pub accumulators: Vec<Accumulator>,
    /// The seller's key.
    pub seller: SecretKey,
    /// The seller's client.
    pub client: Client,
    peers: Vec<Peer>,
    folder: TempDir,
}

impl Committee {
    /// Accumulators that do not run yet.
    ///
    /// # Panics
    /// When their directories cannot be made.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self::logging(count, LOG)
    }

    /// The same, logging at `level`.
    ///
    /// # Panics
    /// As [`Committee::new`].
    #[must_use]
    pub fn logging(count: usize, level: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let init = |k| Accumulator::init(folder.path(), &format!("accumulator-{k}"), level);
        let accumulators: Vec<Accumulator> = (0..count).map(init).collect();
        let endpoint = endpoint(&Identity::generate(&mut rand::rng()));
        let peer = |one: &Accumulator| peer(&endpoint, one.member());
        let patience =
            Patience { answer: PATIENCE, join: PATIENCE, pause: PAUSE, ..Patience::default() };
        Self {
            peers: accumulators.iter().map(peer).collect(),
            accumulators,
            seller: SecretKey::generate(&mut rand::rng()),
            client: Client::with_patience(patience).unwrap(),
            folder,
        }
    }

    /// Accumulators that run.
    ///
    /// # Panics
    /// As [`Committee::new`], or when one does not start.
    #[must_use]
    pub fn started(count: usize) -> Self {
        let mut committee = Self::new(count);
        committee.accumulators.iter_mut().for_each(Accumulator::start);
        committee
    }

    /// Where everything of this committee lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The directories of all accumulators.
    #[must_use]
    pub fn dirs(&self) -> Vec<PathBuf> {
        self.accumulators.iter().map(|one| one.dir().to_owned()).collect()
    }

    /// Kills all processes.
    pub fn kill_all(&mut self) {
        self.accumulators.iter_mut().for_each(Accumulator::kill);
    }

    /// Starts all processes.
    pub fn start_all(&mut self) {
        self.accumulators.iter_mut().for_each(Accumulator::start);
    }

    /// The terms of an auction that is open at once and for an hour, with the longest search.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn terms(&self, rule: Rule, levels: u32) -> Spec {
        let now = now();
        Spec {
            nonce: rand::rng().random(),
            seller: self.seller.public(),
            title: "a painting".to_owned(),
            description: String::new(),
            rule,
            currency: Currency::new("EUR", 2).unwrap(),
            ladder: PriceLadder::Even { min: Amount(1_000), tick: Amount(50), levels },
            opening: now,
            closing: Time(now.0 + HOUR),
            last: Time(now.0 + 2 * HOUR),
            most_bids: 1_000,
            accumulators: self.accumulators.iter().map(|one| one.member().clone()).collect(),
            settlement: None,
            block: 4,
            fan_out: 2,
        }
    }

    /// Announces an auction to all, who run, and waits until all take bids.
    ///
    /// # Panics
    /// When they do not.
    pub async fn announce(&self, terms: Spec) -> Sale {
        let auction = self.client.announce(terms.sign(&self.seller)).await.unwrap();
        let sale = self.sale(auction);
        for k in 0..self.accumulators.len() {
            sale.until(k, "open", |state| state.phase == Phase::Open).await;
        }
        sale
    }

    /// What an auction's bidders and watchers do with this committee.
    #[must_use]
    pub fn sale(&self, auction: Arc<Auction>) -> Sale {
        Sale { auction, peers: self.peers.clone() }
    }

    /// Tells one accumulator the seller's word that the auction closes; it passes it on.
    ///
    /// # Panics
    /// When it does not take it.
    pub async fn close(&self, sale: &Sale, k: usize) {
        let word = EarlyClose::sign(sale.id(), &self.seller);
        sale.told(k, &Question::Close(word)).await;
    }
}

/// Between two looks at something that changes.
pub const PAUSE: Duration = Duration::from_millis(10);

/// The clock that the accumulators have too.
///
/// # Panics
/// When it is before 1970.
#[must_use]
pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time(u64::try_from(since.as_millis()).unwrap())
}

/// Somebody who asks, under this identity.
///
/// # Panics
/// When there is no socket.
#[must_use]
pub fn endpoint(identity: &Identity) -> Endpoint {
    let limits = Limits { max_question_bytes: 128 << 20, ..Limits::default() };
    Endpoint::client(identity, limits).unwrap()
}

/// An accumulator to be asked.
#[must_use]
pub fn peer(endpoint: &Endpoint, member: &Member) -> Peer {
    Peer::new(endpoint.clone(), member.address.clone(), PeerKey(member.key.0))
}
