//! Checking bids, many at a time. PROTOCOL section 3.
//!
//! The membership proofs and the share openings of a batch are one multi-scalar multiplication
//! in which every generator appears once. When a batch fails it is halved until the bad bids
//! stand alone, so that one bad bid costs the others little and blame is exact. Shares are
//! expanded once: what checks their openings also makes the sum that the book takes.

mod checked;
mod counted;
mod halving;
mod screening;

use std::sync::Arc;

use curve25519_dalek::Scalar;
use rand::CryptoRng;

use crate::bid::{SealedBid, ShareDelivery, Submission};
use crate::field::Canonical;
use crate::group::Point;
use crate::join::Auction;
use crate::keys::{Claim, Signature};
use crate::proofs::ProofError;
use crate::proofs::batch::EquationBatch;
use crate::proofs::commitment::commit;
use crate::receipts::Reason;
use crate::secret::{SecretScalar, SecretVector};
use crate::shares::{FormedShare, Share, ShareSum, SummedShare, WeightedShareSum};

pub use checked::{Checked, CheckedBatch, CheckedBid, WrongShare};
pub use counted::CountedBid;
pub use screening::VerifiedBid;

use halving::halve;
use screening::{Screened, append_membership, screen};

/// Checks the public part of bids, as auditors and accumulators do alike.
pub fn verify_bids<R: CryptoRng + ?Sized>(
    auction: &Auction,
    bids: Vec<SealedBid>,
    rng: &mut R,
) -> Vec<Result<VerifiedBid, Reason>> {
    let mut results = screen(auction, bids);
    let halved = halve(&passed(&results), |part| {
        let mut batch = new_batch(auction, rng);
        for &i in part {
            // Only positions of screened bids wait.
            if let Ok(bid) = &results[i] {
                append_membership(auction, bid, &mut batch)?;
            }
        }
        batch.check()
    });
    for (i, error) in halved.failed {
        results[i] = Err(Reason::not_a_level(error));
    }
    results.into_iter().map(|result| result.map(|screened| screened.verified)).collect()
}

/// Checks bids with their shares, for one accumulator.
pub struct BidChecker {
    auction: Arc<Auction>,
    accumulator: usize,
    blind: Blind,
}

/// A secret random vector with its commitment. A fresh multiple of it in every batch blinds the
/// scalars of the batch's multiplication, whose time depends on them: they say nothing of shares.
struct Blind {
    sum: SummedShare,
    commitment: Point,
}

impl BidChecker {
    /// A checker for accumulator number `accumulator`.
    #[must_use]
    pub fn new<R: CryptoRng + ?Sized>(
        auction: Arc<Auction>,
        accumulator: usize,
        rng: &mut R,
    ) -> Self {
        let vector = SecretVector::random(auction.levels(), rng);
        let blinding = SecretScalar::random(rng);
        let commitment = commit(auction.generators(), vector.expose(), blinding.expose()).into();
        let blind = Blind { sum: SummedShare { vector, blinding }, commitment };
        Self { auction, accumulator, blind }
    }

    /// Checks a batch: what is wrong with each submission, and those in which nothing is.
    pub fn check<R: CryptoRng + ?Sized>(
        &self,
        submissions: Vec<Submission>,
        rng: &mut R,
    ) -> Checked {
        let signatures: Vec<Signature> =
            submissions.iter().map(|submission| submission.delivery.signature).collect();
        let mut wrong = Vec::new();
        let mut results = self.screen(submissions, &mut wrong);
        let halved = halve(&passed(&results), |part| self.check_part(part, &results, rng));
        for (i, error) in halved.failed {
            let failed = std::mem::replace(&mut results[i], Err(Reason::OtherShare));
            results[i] = failed.and_then(|(screened, share)| {
                let mut alone = new_batch(&self.auction, rng);
                let proved = append_membership(&self.auction, &screened, &mut alone)
                    .and_then(|()| alone.check());
                if proved.is_err() {
                    return Err(Reason::not_a_level(error));
                }
                let wrong_share = self.wrong_share(screened, share.into_share(), signatures[i]);
                let named = wrong_share.delivery.digest(self.auction.context());
                wrong.push(wrong_share);
                Err(Reason::ShareDoesNotOpen(named))
            });
        }
        let mut verdicts = Vec::with_capacity(results.len());
        let mut bids = Vec::with_capacity(results.len());
        for result in results {
            verdicts.push(result.map(|(screened, share)| {
                bids.push(CheckedBid { verified: screened.verified, share });
            }));
        }
        let batch = CheckedBatch::new(bids, halved.passed, self.auction.levels());
        Checked { verdicts, batch, wrong_shares: wrong }
    }

    /// The cheap checks: those of the bids' public parts, then each share's place, signature and
    /// form. A share of the wrong form is put with the `wrong`.
    fn screen(
        &self,
        submissions: Vec<Submission>,
        wrong: &mut Vec<WrongShare>,
    ) -> Vec<Result<(Screened, FormedShare), Reason>> {
        let (bids, deliveries): (Vec<_>, Vec<_>) =
            submissions.into_iter().map(|submission| (submission.bid, submission.delivery)).unzip();
        let begin = |(screened, delivery): (Result<Screened, Reason>, ShareDelivery)| {
            let screened = screened?;
            let mine = usize::from(delivery.accumulator) == self.accumulator;
            if !mine || delivery.bid != screened.verified.digest() {
                return Err(Reason::OtherShare);
            }
            let claim = delivery.claim(self.auction.context(), &screened.bidder);
            Ok((screened, delivery, claim))
        };
        let screened = screen(&self.auction, bids);
        let begun: Vec<_> = screened.into_iter().zip(deliveries).map(begin).collect();
        let claims: Vec<Claim> = begun.iter().flatten().map(|(.., claim)| *claim).collect();
        let mut held = Claim::hold(&claims).into_iter();
        let finish = |begun: Result<(Screened, ShareDelivery, Claim), Reason>| {
            let (screened, delivery, _) = begun?;
            if held.next() != Some(true) {
                return Err(Reason::ShareSignature);
            }
            if let Err(why) = self.check_form(&screened, &delivery.share) {
                let share = delivery.digest(self.auction.context());
                wrong.push(self.wrong_share(screened, delivery.share, delivery.signature));
                return Err(Reason::ShareShape { share, why });
            }
            Ok((screened, delivery.share.formed(self.auction.levels())))
        };
        begun.into_iter().map(finish).collect()
    }

    /// Whether a share is of the kind that is due here, and of the right form; in words why not.
    fn check_form(&self, screened: &Screened, share: &Share) -> Result<(), String> {
        let bidder = &screened.verified.sealed().bidder;
        let seed = matches!(share, Share::Seed(_));
        if seed == (self.auction.explicit_share_of(bidder) == self.accumulator) {
            let expected = if seed { "an explicit share" } else { "a seed" };
            return Err(format!("expected {expected} for this accumulator"));
        }
        let form = share.check_form(self.auction.levels(), self.auction.accumulators());
        form.map_err(|error| error.to_string())
    }

    fn wrong_share(&self, screened: Screened, share: Share, signature: Signature) -> WrongShare {
        let Screened { verified, .. } = screened;
        // Accumulators are at most 16.
        let (bid, accumulator) = (verified.digest(), self.accumulator as u8);
        let delivery = ShareDelivery { bid, accumulator, share, signature };
        WrongShare { bid: Arc::clone(verified.sealed()), delivery }
    }

    /// Membership and openings of the given bids as one multiplication; the sum of their shares
    /// when all hold.
    fn check_part<R: CryptoRng + ?Sized>(
        &self,
        part: &[usize],
        results: &[Result<(Screened, FormedShare), Reason>],
        rng: &mut R,
    ) -> Result<ShareSum, ProofError> {
        let mut batch = new_batch(&self.auction, rng);
        let mut plain = ShareSum::new(self.auction.levels());
        let mut sum = WeightedShareSum::new(self.auction.levels());
        let wrong_length = |_| ProofError::DoesNotHold;
        for &i in part {
            // Only positions of screened submissions wait.
            let Ok((screened, share)) = &results[i] else { continue };
            append_membership(&self.auction, screened, &mut batch)?;
            // weight * (C^(k) - <x, U> - rho H) = 0
            let weight = random_weight(rng);
            // Screening saw one commitment for each accumulator.
            batch.term(weight.into(), &screened.verified.commitments()[self.accumulator]);
            sum.add_to_both(weight, &share.expand(), &mut plain).map_err(wrong_length)?;
        }
        let weight = Scalar::from(random_weight(rng));
        batch.term(weight, &self.blind.commitment);
        for (weight, sum) in [(Scalar::ONE, &sum.finish()), (weight, &self.blind.sum)] {
            batch.vector(-weight, 0, sum.vector.expose().iter().map(Canonical::from_scalar));
            batch.blinding(-weight * sum.blinding.expose());
        }
        batch.check().map(|()| plain)
    }
}

fn random_weight<R: CryptoRng + ?Sized>(rng: &mut R) -> u128 {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    u128::from_le_bytes(bytes)
}

fn new_batch<R: CryptoRng + ?Sized>(auction: &Auction, rng: &mut R) -> EquationBatch {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    EquationBatch::new(auction.generators(), auction.levels(), seed)
}

fn passed<T>(results: &[Result<T, Reason>]) -> Vec<usize> {
    (0..results.len()).filter(|i| results[*i].is_ok()).collect()
}
