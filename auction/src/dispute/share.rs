//! A share that does not open its commitment: the bidder's signature convicts him. PROTOCOL
//! section 2, step 4.

use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{BadDispute, MAX_BYTES, Setting, check_bid, ruling};
use crate::bid::{SealedBid, ShareDelivery};
use crate::evidence::{Evidence, Kind, Role, Ruling};
use crate::join::Auction;
use crate::proofs::commitment::commit;
use crate::shares::{Share, ShareSum};

/// A bid and the share that came with it, both signed by the bidder.
///
/// It shows the share to whoever reads it. That says nothing of a bid as long as one accumulator
/// keeps its own to itself; an accumulator keeps this of bids that it has not taken, and of no
/// other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareEvidence {
    /// The auction.
    pub setting: Setting,
    /// The bid.
    pub bid: SealedBid,
    /// The share as it was delivered.
    pub delivery: ShareDelivery,
}

/// What a share turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opening {
    /// It opens its commitment.
    Opens,
    /// It does not, or is not of the form that is due.
    Fails(String),
}

impl Evidence for ShareEvidence {
    const KIND: Kind = Kind::Share;
    const MAX_BYTES: usize = MAX_BYTES;
}

impl ShareEvidence {
    /// Judges the share.
    ///
    /// # Errors
    /// [`BadDispute`] when bid or share are not the bidder's.
    pub fn judge<R: CryptoRng + ?Sized>(self, rng: &mut R) -> Result<Ruling, BadDispute> {
        let Self { setting, bid, delivery } = self;
        let auction = setting.verify()?;
        let checked = check_bid(&auction, &bid, rng)?;
        let opening = open(&auction, &bid, &delivery)?;
        let (k, digest) = (delivery.accumulator, bid.digest());
        let mut ruling = ruling(&auction).prove(format!(
            "the holder of the bidder's key signed bid {digest} and this share of it, for \
             accumulator {k}"
        ));
        if let Err(reason) = checked {
            let deed = format!("signed bid {digest}, which is invalid: {reason}");
            ruling = ruling.convict(Role::Bidder, bid.bidder, deed);
        }
        Ok(match opening {
            Opening::Opens => ruling.leave_open(format!(
                "the share opens its commitment: it proves nothing against the bidder, and \
                 nothing against accumulator {k}, of whom no word is in the file"
            )),
            Opening::Fails(why) => {
                let deed = format!("signed a share of bid {digest} for accumulator {k} that {why}");
                ruling.convict(Role::Bidder, bid.bidder, deed)
            }
        })
    }
}

/// Whether a share that the bidder signed for this bid opens its commitment.
pub(super) fn open(
    auction: &Auction,
    bid: &SealedBid,
    delivery: &ShareDelivery,
) -> Result<Opening, BadDispute> {
    let k = usize::from(delivery.accumulator);
    let bidder = bid.bidder.decode().map_err(|_| BadDispute::Share)?;
    let signed = delivery.verify(auction.context(), &bidder);
    if signed.is_err() || delivery.bid != bid.digest() || k >= auction.accumulators() {
        return Err(BadDispute::Share);
    }
    let fails = |why: &str| Ok(Opening::Fails(why.to_owned()));
    let seed = matches!(delivery.share, Share::Seed(_));
    if seed == (auction.explicit_share_of(&bid.bidder) == k) {
        return fails("is not of the form that is due there");
    }
    let Some(Ok(commitment)) = bid.commitments.get(k).map(crate::group::PointBytes::decode) else {
        return fails("has no commitment to open");
    };
    // What an accumulator asks of a share, a judge asks too.
    if let Err(error) = delivery.share.check_form(auction.levels(), auction.accumulators()) {
        return Ok(Opening::Fails(format!("is malformed ({error})")));
    }
    let mut sum = ShareSum::new(auction.levels());
    let added = match delivery.share.expand(auction.levels()) {
        Ok(share) => sum.add(&share).is_ok(),
        Err(error) => return Ok(Opening::Fails(format!("is malformed ({error})"))),
    };
    let sum = sum.finish();
    let opened = commit(auction.generators(), sum.vector.expose(), sum.blinding.expose());
    if added && *commitment.value() == opened {
        Ok(Opening::Opens)
    } else {
        fails("does not open its commitment")
    }
}
