//! An accumulator has refused a bid: was it right? PROTOCOL section 3.
//!
//! What can be judged of a bid alone is judged: a refusal that says of a valid bid that it is none
//! convicts its signer. A refusal for a share names the share that it is about, so that the bidder
//! who shows exactly that share can prove that it opens; without it neither word proves the other
//! false. What depends on the time or on other bids is not in the file.

use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use super::share::{Opening, open};
use super::{BadDispute, MAX_BYTES, Setting, check_bid, identity, ruling};
use crate::bid::{SealedBid, ShareDelivery};
use crate::evidence::{Evidence, Kind, Role, Ruling};
use crate::join::Auction;
use crate::layout::Digest;
use crate::receipts::{Reason, Refusal};

/// A refusal, the bid, and where the refusal is for the share, that share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalEvidence {
    /// The auction.
    pub setting: Setting,
    /// The bid.
    pub bid: SealedBid,
    /// The refusal.
    pub refusal: Refusal,
    /// The share as the bidder says that he delivered it, or the accumulator that it came.
    pub delivery: Option<ShareDelivery>,
}

impl Evidence for RefusalEvidence {
    const KIND: Kind = Kind::Refusal;
    const MAX_BYTES: usize = MAX_BYTES;
}

impl RefusalEvidence {
    /// Judges the refusal.
    ///
    /// # Errors
    /// [`BadDispute`] when a word in it is not whose it should be.
    pub fn judge<R: CryptoRng + ?Sized>(self, rng: &mut R) -> Result<Ruling, BadDispute> {
        let auction = self.setting.clone().verify()?;
        let checked = check_bid(&auction, &self.bid, rng)?;
        let digest = self.bid.digest();
        if self.refusal.bid != digest || self.refusal.verify(&auction).is_err() {
            return Err(BadDispute::Refusal);
        }
        let k = usize::from(self.refusal.accumulator);
        let reason = &self.refusal.reason;
        let ruling = ruling(&auction)
            .prove(format!("accumulator {k} refused bid {digest}, saying: {reason}"));
        if let Err(wrong) = checked {
            let deed = format!("signed bid {digest}, which is invalid: {wrong}");
            return Ok(ruling
                .convict(Role::Bidder, self.bid.bidder, deed)
                .prove("the bid had to be refused, whatever the reason given"));
        }
        let falsely = |ruling: Ruling| {
            let deed = format!("refused the valid bid {digest} with a false reason: {reason}");
            Ok(ruling.convict(Role::Accumulator(k), identity(&auction, k), deed))
        };
        match reason {
            Reason::OtherContext
            | Reason::Commitments { .. }
            | Reason::BidSignature
            | Reason::Ticket(_)
            | Reason::NotALevel(_) => falsely(ruling),
            Reason::NotOpen(opening) if *opening != auction.spec().opening => falsely(ruling),
            Reason::ShareDoesNotOpen(share) | Reason::ShareShape { share, .. } => {
                self.judge_share(&auction, *share, ruling)
            }
            Reason::SecondBid(other) => Ok(ruling.leave_open(format!(
                "the bid is valid. The accumulator must show bid {other}, signed by the same key: \
                 then it was right, and without it its word stands alone"
            ))),
            Reason::NotOpen(_)
            | Reason::Closed
            | Reason::Full
            | Reason::ServerConvicted
            | Reason::OtherShare
            | Reason::ShareSignature => Ok(ruling.leave_open(
                "the bid is valid. Whether the reason was true depends on the moment or on what \
                 else had come, of which nothing in the file speaks",
            )),
        }
    }

    /// The refusal is for the share that it names.
    fn judge_share(
        &self,
        auction: &Auction,
        named: Digest,
        ruling: Ruling,
    ) -> Result<Ruling, BadDispute> {
        let k = usize::from(self.refusal.accumulator);
        let Some(delivery) = &self.delivery else {
            return Ok(ruling.leave_open(format!(
                "the public part of the bid is valid. Whoever shows the share {named} with the \
                 bidder's signature settles it: if it opens, accumulator {k} refused falsely, and \
                 if not, the bidder is convicted. The accumulator that refused it must have it"
            )));
        };
        let opening = open(auction, &self.bid, delivery)?;
        if usize::from(delivery.accumulator) != k || delivery.digest(auction.context()) != named {
            return Ok(ruling.leave_open(format!(
                "the share in the file is another than the refused one, {named}: a bidder can sign \
                 several, so it proves nothing against accumulator {k}, which must show the one \
                 that it refused"
            )));
        }
        Ok(match opening {
            Opening::Opens => {
                let deed = format!("refused share {named} as wrong, and it opens its commitment");
                ruling.convict(Role::Accumulator(k), identity(auction, k), deed)
            }
            Opening::Fails(why) => {
                let deed = format!("signed a share for accumulator {k} that {why}");
                ruling
                    .convict(Role::Bidder, self.bid.bidder, deed)
                    .prove(format!("accumulator {k} was right to refuse it"))
            }
        })
    }
}
