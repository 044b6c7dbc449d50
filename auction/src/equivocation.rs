//! Evidence shown outside a transcript: two words of one signer that cannot both be honest.
//! PROTOCOL section 4. It changes no outcome; it convicts.

use serde::{Deserialize, Serialize};

use crate::join::{Auction, Join, JoinError};
use crate::layout::Digest;
use crate::messages::{Content, RoundMessage, chain};
use crate::receipts::Receipt;
use crate::spec::VerifiedSpec;

/// Two signed messages of one accumulator for one round, two joins of one auction, or a receipt
/// for a bid that its signer's list leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Equivocation {
    /// Two messages for one round.
    Messages(Box<[RoundMessage; 2]>),
    /// Two joins.
    Joins(Box<[Join; 2]>),
    /// A receipt, and the list without the bid. Also where the bid is in no list at all, so that
    /// no round came to speak of it.
    Omission(Box<(Receipt, RoundMessage)>),
}

/// Evidence that convicts nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEvidence {
    /// Both say the same.
    #[error("both messages say the same")]
    Same,
    /// They are of different rounds, auctions or accumulators.
    #[error("the messages are not of one accumulator, auction and round")]
    Different,
    /// A signature is wrong.
    #[error("a signature is wrong")]
    Signature,
    /// A join that its accumulator did not sign.
    #[error(transparent)]
    Join(#[from] JoinError),
}

impl Equivocation {
    /// The accumulator that the evidence convicts.
    ///
    /// # Errors
    /// [`NoEvidence`].
    pub fn convict(&self, auction: &Auction) -> Result<usize, NoEvidence> {
        match self {
            Self::Messages(messages) => {
                let [first, second] = &**messages;
                let (a, b) = (&first.body, &second.body);
                let one =
                    |body: &crate::messages::Body| (body.context, body.round, body.accumulator);
                if one(a) != one(b) || a.context != *auction.context() {
                    return Err(NoEvidence::Different);
                }
                if a == b {
                    return Err(NoEvidence::Same);
                }
                let signed = first.authentic_sender(auction).zip(second.authentic_sender(auction));
                signed.map(|(culprit, _)| culprit).ok_or(NoEvidence::Signature)
            }
            Self::Joins(joins) => convict_joins(joins, auction.verified_spec()),
            Self::Omission(words) => {
                let (receipt, message) = &**words;
                let Content::List(list) = &message.body.content else {
                    return Err(NoEvidence::Different);
                };
                let culprit = message.authentic_sender(auction).ok_or(NoEvidence::Signature)?;
                let one = message.body.context == *auction.context()
                    && usize::from(receipt.accumulator) == culprit;
                if !one {
                    return Err(NoEvidence::Different);
                }
                receipt.verify(auction).map_err(|_| NoEvidence::Signature)?;
                if list.iter().any(|listed| listed.bid == receipt.bid) {
                    return Err(NoEvidence::Same);
                }
                Ok(culprit)
            }
        }
    }
}

/// The accumulator that two joins of one auction convict. Joins carry proofs with fresh masks,
/// so only a second key, or a second proof, makes two of them.
///
/// # Errors
/// [`NoEvidence`].
pub fn convict_joins(joins: &[Join; 2], spec: &VerifiedSpec) -> Result<usize, NoEvidence> {
    let [first, second] = joins;
    if (first.auction, first.accumulator) != (second.auction, second.accumulator) {
        return Err(NoEvidence::Different);
    }
    if (first.key, &first.proof) == (second.key, &second.proof) {
        return Err(NoEvidence::Same);
    }
    first.verify_signature(spec)?;
    second.verify_signature(spec)?;
    Ok(usize::from(first.accumulator))
}

/// What comes of comparing histories with an accumulator whose message carried another hash.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// Somebody signed two messages for the round: the evidence.
    Equivocation(usize, Equivocation),
    /// What it shows does not give the hash that it signed: it is at fault itself.
    FalseClaim,
}

/// Compares the messages that an accumulator shows for its hash with one's own of that round.
#[must_use]
pub fn compare(
    auction: &Auction,
    claimed: &Digest,
    own: &[RoundMessage],
    shown: &[RoundMessage],
) -> Comparison {
    let whole = shown.len() == own.len() && chain(auction.context(), shown) == *claimed;
    let authentic =
        (0..).zip(shown).all(|(k, message)| message.authentic_sender(auction) == Some(k));
    if !whole || !authentic {
        return Comparison::FalseClaim;
    }
    own.iter()
        .zip(shown)
        .find_map(|(own, shown)| {
            let evidence = Equivocation::Messages(Box::new([own.clone(), shown.clone()]));
            evidence
                .convict(auction)
                .ok()
                .map(|culprit| Comparison::Equivocation(culprit, evidence))
        })
        .unwrap_or(Comparison::FalseClaim)
}
