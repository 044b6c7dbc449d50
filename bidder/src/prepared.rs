//! A sealed bid that was not sent yet. PROTOCOL section 2.

use auction::bid::{BondTicket, Submission};
use auction::join::Auction;
use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::prices::Level;
use auction::sealing::{SealError, seal};

/// A sealed bid with its key. Give it to [`crate::Wallet::record`] before it is sent: sealed
/// again, it would be another bid.
pub struct Prepared {
    pub(crate) context: Digest,
    pub(crate) digest: Digest,
    pub(crate) level: Level,
    pub(crate) bidder: SecretKey,
    pub(crate) submissions: Vec<Submission>,
}

impl Prepared {
    /// Seals a bid under a key made for this auction, with the bond ticket issued for that key
    /// where the auction asks for one. Takes some 10 to 500 ms of arithmetic.
    ///
    /// # Errors
    /// [`SealError`] when level or ticket do not fit the auction.
    pub fn seal(
        auction: &Auction,
        level: Level,
        bidder: SecretKey,
        ticket: Option<BondTicket>,
    ) -> Result<Self, SealError> {
        let submissions = seal(auction, level, &bidder, ticket, &mut rand::rng())?;
        // One submission for each accumulator, of which there are two or more.
        let digest = submissions.first().map(|submission| submission.bid.digest());
        let digest = digest.unwrap_or_default();
        Ok(Self { context: *auction.context(), digest, level, bidder, submissions })
    }

    /// The digest that names the bid.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bidder's key in this auction.
    #[must_use]
    pub fn bidder(&self) -> PublicKey {
        self.bidder.public()
    }

    /// The level bid: the bidder's secret.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({}, secrets redacted)", self.digest)
    }
}

/// Seals a bid under a fresh key and keeps it nowhere: for simulations and load.
///
/// # Errors
/// [`SealError`] when the level does not fit the auction, or the auction asks for a bond.
pub fn seal_only(auction: &Auction, level: Level) -> Result<Prepared, SealError> {
    Prepared::seal(auction, level, SecretKey::generate(&mut rand::rng()), None)
}
