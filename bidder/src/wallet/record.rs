//! What a wallet keeps of one bid.

use auction::bid::Submission;
use auction::dispute::{RefusalEvidence, Setting};
use auction::join::{Auction, Join, JoinError};
use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::money::Amount;
use auction::prices::Level;
use auction::receipts::{Reason, Receipt, Refusal};
use auction::spec::{Member, SignedSpec, Spec, Time, VerifiedSpec};
use auction::wire::{decode, encode};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::frame;
use crate::prepared::Prepared;

/// First bytes of a bid's file.
const MAGIC: &frame::Magic = b"gavelBD\x01";
/// Longest file of a bid, in bytes: an explicit share of the most levels, a listed ladder, and
/// the bid once for each accumulator, with room to spare.
pub(super) const MAX_BID_BYTES: usize = 4 << 20;
/// Longest file of what accumulators answered, in bytes.
pub(super) const MAX_COLLECTED_BYTES: usize = 64 << 10;

/// A bid as it was sealed, which never changes, with what accumulators answered so far.
///
/// It holds the bidder's secrets: neither printed nor copied, erased when dropped.
pub struct BidRecord {
    made_at: Time,
    level: Level,
    bidder: SecretKey,
    spec: VerifiedSpec,
    joins: Vec<Join>,
    submissions: Vec<Submission>,
    digest: Digest,
    pub(super) collected: Collected,
}

/// What accumulators have answered to a bid, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// Verified receipts.
    pub receipts: Vec<Option<Receipt>>,
    /// Verified refusals, the last of each accumulator that has not given a receipt.
    pub refusals: Vec<Option<Refusal>>,
    /// Who has confirmed that it holds the receipts of all.
    pub left: Vec<bool>,
    /// The last change.
    pub changed_at: Time,
}

impl Collected {
    /// Nothing yet.
    pub(crate) fn none(accumulators: usize, now: Time) -> Self {
        Self {
            receipts: vec![None; accumulators],
            refusals: vec![None; accumulators],
            left: vec![false; accumulators],
            changed_at: now,
        }
    }

    /// The receipts of all accumulators, when there are all.
    #[must_use]
    pub fn all_receipts(&self) -> Option<Vec<Receipt>> {
        self.receipts.iter().copied().collect()
    }

    /// Forgets what does not verify, as after damage to its file.
    pub(crate) fn verified(mut self, auction: &Auction, bid: &Digest) -> Self {
        for (k, receipt) in self.receipts.iter_mut().enumerate() {
            let holds = |receipt: &Receipt| {
                (receipt.bid, usize::from(receipt.accumulator)) == (*bid, k)
                    && receipt.verify(auction).is_ok()
            };
            *receipt = receipt.filter(holds);
        }
        if self.all_receipts().is_none() {
            self.left.fill(false);
        }
        self
    }
}

impl BidRecord {
    /// The digest that names the bid.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The auction id.
    #[must_use]
    pub fn auction_id(&self) -> Digest {
        self.spec.id()
    }

    /// The auction context that the bid was sealed for.
    #[must_use]
    pub fn context(&self) -> Digest {
        // Checked when made and when read: there is one submission for each accumulator.
        self.submissions.first().map_or_else(Digest::default, |first| first.bid.context)
    }

    /// The terms of the auction: title, rule, prices, times.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        self.spec.spec()
    }

    /// The accumulators.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.spec().accumulators
    }

    /// The bidder's key in this auction: what an outcome names when the bid wins.
    #[must_use]
    pub fn bidder(&self) -> PublicKey {
        self.bidder.public()
    }

    /// The secret half of that key. A winner shows with it that he is the winner.
    #[must_use]
    pub fn bidder_secret(&self) -> &SecretKey {
        &self.bidder
    }

    /// The level bid: the bidder's secret.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The price bid: the bidder's secret.
    #[must_use]
    pub fn price(&self) -> Option<Amount> {
        self.spec().ladder.price(self.level)
    }

    /// When the bid was sealed.
    #[must_use]
    pub fn made_at(&self) -> Time {
        self.made_at
    }

    /// What accumulators have answered.
    #[must_use]
    pub fn collected(&self) -> &Collected {
        &self.collected
    }

    /// Whether all receipts are there and somebody besides the bidder holds them all.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.collected.all_receipts().is_some() && self.collected.left.contains(&true)
    }

    /// The auction as it was when the bid was sealed, verified again.
    ///
    /// # Errors
    /// [`JoinError`] when the file was altered.
    pub fn auction(&self) -> Result<Auction, JoinError> {
        let auction = Auction::new(self.spec.clone(), self.joins.clone())?;
        if *auction.context() == self.context() {
            Ok(auction)
        } else {
            Err(JoinError::OtherAuction)
        }
    }

    pub(crate) fn submissions(&self) -> &[Submission] {
        &self.submissions
    }

    /// The refusals that accumulators gave for this bid, each as evidence: with the bid, and where
    /// it is for the share, with the share that was sent. A share says nothing without the others;
    /// show the file to nobody before the auction has ended all the same.
    #[must_use]
    pub fn refusals(&self) -> Vec<(usize, RefusalEvidence)> {
        let setting = Setting { spec: self.spec.signed().clone(), joins: self.joins.clone() };
        let given = self.collected.refusals.iter().enumerate();
        let refused = given.filter_map(|(k, refusal)| Some((k, refusal.clone()?)));
        let evidence = refused.filter_map(|(k, refusal)| {
            let sent = self.submissions.get(k)?;
            let shares =
                matches!(refusal.reason, Reason::ShareDoesNotOpen(_) | Reason::ShareShape { .. });
            let delivery = shares.then(|| sent.delivery.clone());
            let (setting, bid) = (setting.clone(), sent.bid.clone());
            Some((k, RefusalEvidence { setting, bid, refusal, delivery }))
        });
        evidence.collect()
    }

    pub(super) fn new(auction: &Auction, prepared: Prepared, now: Time) -> Self {
        let Prepared { digest, level, bidder, submissions, .. } = prepared;
        Self {
            made_at: now,
            level,
            bidder,
            spec: auction.verified_spec().clone(),
            joins: auction.joins().to_vec(),
            digest,
            collected: Collected::none(submissions.len(), now),
            submissions,
        }
    }

    /// The file of the bid, without what accumulators answered.
    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let stored = Stored {
            made_at: self.made_at,
            level: self.level,
            seed: Seed(*self.bidder.seed()),
            spec: self.spec.signed().clone(),
            joins: self.joins.clone(),
            submissions: self.submissions.clone(),
        };
        let body = Zeroizing::new(encode(&stored).map_err(|error| error.to_string())?);
        Ok(frame::wrap(MAGIC, &body))
    }

    /// Reads the file of a bid; nothing is collected yet.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let body = frame::unwrap(MAGIC, bytes)?;
        let stored: Stored = decode(body, MAX_BID_BYTES).map_err(|error| error.to_string())?;
        let spec = stored.spec.verify().map_err(|error| error.to_string())?;
        let bidder = SecretKey::from_seed(&stored.seed.0);
        let accumulators = spec.spec().accumulators.len();
        let first = stored.submissions.first().ok_or("no submissions")?;
        let digest = first.bid.digest();
        let whole = stored.submissions.len() == accumulators
            && first.bid.bidder == bidder.public()
            && stored.submissions.iter().enumerate().all(|(k, submission)| {
                submission.bid == first.bid
                    && submission.delivery.bid == digest
                    && usize::from(submission.delivery.accumulator) == k
            });
        if !whole {
            return Err("key and submissions do not belong together".to_owned());
        }
        Ok(Self {
            made_at: stored.made_at,
            level: stored.level,
            bidder,
            spec,
            joins: stored.joins,
            digest,
            collected: Collected::none(accumulators, stored.made_at),
            submissions: stored.submissions,
        })
    }
}

impl std::fmt::Debug for BidRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BidRecord({} in {}, secrets redacted)", self.digest, self.auction_id())
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    made_at: Time,
    level: Level,
    seed: Seed,
    spec: SignedSpec,
    joins: Vec<Join>,
    submissions: Vec<Submission>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Seed([u8; 32]);
