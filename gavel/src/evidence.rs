//! Evidence in a file of its own: it convicts an accumulator before anyone who knows the auction
//! id. PROTOCOL section 4.

use std::path::{Path, PathBuf};

use auction::equivocation::Equivocation;
use auction::join::{Auction, Join};
use auction::layout::Digest;
use auction::messages::{MAX_MESSAGE_BYTES, RoundMessage};
use auction::receipts::Receipt;
use auction::spec::SignedSpec;
use auction::transcript::TranscriptError;
use auction::wire::{decode, encode};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// First bytes of an evidence file, its format version last.
const MAGIC: &[u8; 8] = b"gavelEV\x01";
/// Longest evidence file that is read, in bytes: two round messages, and the auction.
const MAX_BYTES: usize = 2 * MAX_MESSAGE_BYTES + (4 << 20);

/// Evidence with the auction that it is about.
#[derive(Serialize, Deserialize)]
struct File {
    spec: SignedSpec,
    joins: Vec<Join>,
    evidence: Equivocation,
}

/// Whom a file of evidence convicts.
pub(crate) struct Conviction {
    /// The auction.
    pub(crate) auction: Auction,
    /// The number of the accumulator.
    pub(crate) culprit: usize,
    /// What it did.
    pub(crate) wrong: String,
}

/// Whether these are the bytes of a file of evidence.
pub(crate) fn is_evidence(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Checks the bytes of a file of evidence, about this auction where one is meant.
pub(crate) fn check(bytes: &[u8], expected: Option<&Digest>) -> Result<Conviction, Failure> {
    let body = bytes.strip_prefix(MAGIC).ok_or(TranscriptError::NotATranscript)?;
    let file: File = decode(body, MAX_BYTES).map_err(TranscriptError::Wire)?;
    let spec = file.spec.verify().map_err(TranscriptError::Spec)?;
    if let Some(expected) = expected.filter(|expected| **expected != spec.id()) {
        let (got, expected) = (spec.id(), *expected);
        return Err(TranscriptError::OtherAuction { got, expected }.into());
    }
    let auction = Auction::new(spec, file.joins).map_err(TranscriptError::Join)?;
    let culprit = file.evidence.convict(&auction).map_err(Failure::NoEvidence)?;
    Ok(Conviction { auction, culprit, wrong: wrong(&file.evidence) })
}

fn wrong(evidence: &Equivocation) -> String {
    match evidence {
        Equivocation::Messages(messages) => {
            format!("signed two messages for round {}", messages[0].body.round)
        }
        Equivocation::Joins(_) => "signed two joins".to_owned(),
        Equivocation::Omission(words) => {
            format!("gave a receipt for bid {} and left it out of its list", words.0.bid)
        }
    }
}

/// What convicts the accumulators that gave these receipts for a bid and whose lists, the first
/// round of the transcript, leave it out; with the number of each.
pub(crate) fn omissions(
    receipts: &[Option<Receipt>],
    auction: &Auction,
    lists: &[RoundMessage],
) -> Vec<(usize, Equivocation)> {
    let receipt = |k: u8| receipts.get(usize::from(k)).copied().flatten();
    let omitted = lists.iter().filter_map(|list| {
        let words = (receipt(list.body.accumulator)?, list.clone());
        let evidence = Equivocation::Omission(Box::new(words));
        evidence.convict(auction).ok().map(|culprit| (culprit, evidence))
    });
    omitted.collect()
}

/// Writes evidence about an accumulator into `dir`, under a name that says what it is about.
pub(crate) fn write(
    dir: &Path,
    about: &Digest,
    auction: &Auction,
    (culprit, evidence): (usize, Equivocation),
) -> Result<PathBuf, Failure> {
    let path = dir.join(format!("{about}.accumulator-{culprit}.evidence"));
    let spec = auction.verified_spec().signed().clone();
    let file = File { spec, joins: auction.joins().to_vec(), evidence };
    let mut bytes = MAGIC.to_vec();
    bytes.extend(encode(&file).map_err(TranscriptError::Wire)?);
    crate::auctions::export::write(&path, &bytes)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;
    use auction::messages::{Body, Content, Listed};
    use auction::money::{Amount, Currency};
    use auction::party::PartySecret;
    use auction::prices::PriceLadder;
    use auction::spec::{Member, Rule, Spec, Time};

    fn auction(identities: &[SecretKey]) -> Auction {
        let member = |(k, identity): (usize, &SecretKey)| Member {
            key: identity.public(),
            address: format!("127.0.0.1:{}", 4000 + k),
        };
        let seller = SecretKey::from_seed(&[9; 32]);
        let spec = Spec {
            nonce: [1; 32],
            seller: seller.public(),
            title: "a vase".to_owned(),
            description: String::new(),
            rule: Rule::SecondPrice,
            currency: Currency::new("EUR", 2).unwrap(),
            ladder: PriceLadder::Even { min: Amount(1_000), tick: Amount(50), levels: 16 },
            opening: Time(1_000),
            closing: Time(2_000),
            last: Time(3_000),
            most_bids: 1_000,
            accumulators: identities.iter().enumerate().map(member).collect(),
            settlement: None,
            block: 4,
            fan_out: 2,
        };
        let spec = spec.sign(&seller).verify().unwrap();
        let mut rng = rand::rng();
        let joins = (0u8..).zip(identities).map(|(k, identity)| {
            PartySecret::generate(&mut rng).join(spec.id(), k, identity, &mut rand::rng())
        });
        let joins = joins.collect();
        Auction::new(spec, joins).unwrap()
    }

    #[test]
    fn a_broken_receipt_convicts_its_signer_alone_and_the_file_says_so() {
        let identities = [SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32])];
        let auction = auction(&identities);
        let (context, bid) = (*auction.context(), Digest([7; 32]));
        let list = |k: u8, listed: Vec<Listed>| {
            let content = Content::List(listed);
            let body = Body { context, round: 0, previous: context, accumulator: k, content };
            body.sign(&identities[usize::from(k)])
        };
        let lists = [list(0, vec![Listed { bid, complete: true }]), list(1, Vec::new())];
        let receipts: Vec<Option<Receipt>> = (0u8..)
            .zip(&identities)
            .map(|(k, identity)| Some(Receipt::sign(&context, bid, k, identity)))
            .collect();
        let mut found = omissions(&receipts, &auction, &lists);
        assert_eq!(found.len(), 1);
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), &bid, &auction, found.pop().unwrap()).unwrap();
        let bytes = std::fs::read(path).unwrap();
        assert!(is_evidence(&bytes));
        let conviction = check(&bytes, Some(&auction.id())).unwrap();
        assert_eq!(conviction.culprit, 1);
        assert!(conviction.wrong.contains(&bid.to_string()), "{}", conviction.wrong);
        assert!(check(&bytes, Some(&bid)).is_err(), "of another auction");
        for place in [9, bytes.len() / 2, bytes.len() - 1] {
            let mut altered = bytes.clone();
            altered[place] ^= 1;
            assert!(check(&altered, None).is_err(), "byte {place}");
        }
        assert!(omissions(&[None, None], &auction, &lists).is_empty());
    }
}
