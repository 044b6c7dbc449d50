//! The running sum, when bids are refused while they are checked, after it, and by the book.
//!
//! A sum that is wrong in one entry or in its blinding proves nothing about the commitments of
//! the set: its owner's first message in the rounds would be refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use auction::bid::Submission;
use auction::book::{BidBook, Standing};
use auction::checking::{BidChecker, verify_bids};
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::prices::Level;
use auction::receipts::Reason;
use auction::sealing::seal;
use auction::transcript::Transcript;
use auction::wire::encode;
use proptest::prelude::*;
use rand::rngs::ChaCha20Rng;

use crate::forge::sign_again;
use crate::in_memory::{Committee, Sealed, Terms, rng, run};

/// One submission to accumulator 0.
#[derive(Debug, Clone, Copy)]
enum Sent {
    Honest,
    /// A share that does not open its commitment.
    BadShare,
    /// A proof that is another bid's.
    BadProof,
    /// An earlier bid once more.
    Again(usize),
    /// Another bid under the key of an earlier one.
    Second(usize),
}

/// What becomes of a case: each submission, whether it is left out after its check, and whether
/// a batch ends with it.
type Case = Vec<(Sent, bool, bool)>;

fn case() -> impl Strategy<Value = Case> {
    let sent = prop_oneof![
        4 => Just(Sent::Honest),
        1 => Just(Sent::BadShare),
        1 => Just(Sent::BadProof),
        1 => (0usize..9).prop_map(Sent::Again),
        1 => (0usize..9).prop_map(Sent::Second),
    ];
    prop::collection::vec((sent, prop::bool::weighted(0.2), prop::bool::weighted(0.3)), 2..10)
}

fn committee(most_bids: u32) -> Committee {
    Committee::with(Terms::small(), |spec| spec.most_bids = most_bids, &mut rng(30))
}

/// The submissions of a case, two honest ones first.
fn submissions(committee: &Committee, case: &Case, rng: &mut ChaCha20Rng) -> Vec<Sealed> {
    let mut all = vec![committee.seal(Level(4), rng), committee.seal(Level(9), rng)];
    for (sent, ..) in case {
        let mut new = committee.seal(Level(1 + all.len() as u32), rng);
        match *sent {
            Sent::Honest => {}
            Sent::BadShare => {
                let other = committee.seal(Level(2), rng);
                let explicit = |sealed: &Sealed| {
                    committee.auction.explicit_share_of(&sealed.bidder.public()) == 0
                };
                // Of another shape it would be refused before the batch.
                if explicit(&other) == explicit(&new) {
                    let share = other.submissions[0].delivery.share.clone();
                    new.submissions[0].delivery.share = share;
                    sign_again(&mut new.submissions[0], &new.bidder);
                }
            }
            Sent::BadProof => {
                let proof = all[0].submissions[0].bid.membership.clone();
                new.submissions[0].bid.membership = proof;
                sign_again(&mut new.submissions[0], &new.bidder);
            }
            Sent::Again(i) => {
                let Sealed { bidder, submissions } = &all[i % all.len()];
                new = Sealed {
                    bidder: SecretKey::from_seed(bidder.seed()),
                    submissions: submissions.clone(),
                };
            }
            Sent::Second(i) => {
                let bidder = SecretKey::from_seed(all[i % all.len()].bidder.seed());
                let submissions = seal(&committee.auction, Level(3), &bidder, None, rng).unwrap();
                new = Sealed { bidder, submissions };
            }
        }
        all.push(new);
    }
    all
}

/// The book that accumulator 0 makes of the submissions batch by batch, and what it accepted.
fn batched(
    committee: &Committee,
    sent: &[Sealed],
    case: &Case,
    rng: &mut ChaCha20Rng,
) -> (BidBook, Vec<Digest>) {
    let mut book = BidBook::new(Arc::clone(&committee.auction));
    let checker = BidChecker::new(Arc::clone(&committee.auction), 0, rng);
    let mut accepted = Vec::new();
    let mut waiting: Vec<(Submission, bool)> = Vec::new();
    // The two before the case stay, in whatever batch they are.
    let fates =
        [(false, false); 2].into_iter().chain(case.iter().map(|(_, out, end)| (*out, *end)));
    for (i, (sealed, (out, end))) in sent.iter().zip(fates).enumerate() {
        waiting.push((sealed.submissions[0].clone(), out));
        if !end && i + 1 < sent.len() {
            continue;
        }
        let (batch, outs): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        let checked = checker.check(batch, rng);
        let passed = outs.iter().zip(&checked.verdicts).filter(|(_, verdict)| verdict.is_ok());
        let mut outs = passed.map(|(out, _)| *out);
        let mut batch = checked.batch;
        batch.retain(|_| !outs.next().unwrap());
        let digests: Vec<_> = batch.bids().iter().map(|bid| bid.verified().digest()).collect();
        for (digest, standing) in digests.into_iter().zip(book.accept(batch).unwrap()) {
            match standing {
                Standing::New => accepted.push(digest),
                Standing::Accepted => assert!(accepted.contains(&digest)),
                Standing::Refused(Reason::SecondBid(first)) => assert!(accepted.contains(&first)),
                Standing::Refused(Reason::Full) => {
                    assert_eq!(accepted.len(), committee.auction.spec().most_bids as usize);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    (book, accepted)
}

/// The books of accepted bids, one share after the other, as after a restart.
fn restored(
    committee: &Committee,
    k: usize,
    sent: &[Sealed],
    accepted: &[Digest],
    rng: &mut ChaCha20Rng,
) -> BidBook {
    let mut book = BidBook::new(Arc::clone(&committee.auction));
    let mut left: BTreeSet<Digest> = accepted.iter().copied().collect();
    for sealed in sent {
        let Submission { bid, delivery } = sealed.submissions[k].clone();
        if left.remove(&bid.digest()) {
            let verified = verify_bids(&committee.auction, vec![bid], rng).remove(0).unwrap();
            assert_eq!(book.restore(verified, delivery.share).unwrap(), Standing::New);
        }
    }
    assert_eq!(book.len(), accepted.len());
    book
}

/// Runs the rounds; what an outsider gets to see of them.
fn transcript(committee: Committee, books: Vec<BidBook>) -> Vec<u8> {
    let rng = &mut rng(31);
    let mut nodes = committee.close(books, rng);
    run(&mut nodes, rng);
    encode(&Transcript::of(&nodes[0].1).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_running_sum_is_that_of_the_accepted_bids(
        case in case(),
        seed in any::<u64>(),
        most_bids in prop_oneof![Just(100u32), 2u32..6],
    ) {
        let rng = &mut rng(seed);
        let committees = [(); 2].map(|()| committee(most_bids));
        let sent = submissions(&committees[0], &case, rng);
        let (book, accepted) = batched(&committees[0], &sent, &case, rng);
        let others = |rng: &mut ChaCha20Rng, first: Option<BidBook>| -> Vec<BidBook> {
            let rest = (usize::from(first.is_some())..3)
                .map(|k| restored(&committees[0], k, &sent, &accepted, rng));
            let rest: Vec<_> = rest.collect();
            first.into_iter().chain(rest).collect()
        };
        let (made, plain) = (others(rng, Some(book)), others(rng, None));
        let [here, there] = committees;
        // The same randomness: the same bytes, unless a sum differs.
        prop_assert_eq!(transcript(here, made), transcript(there, plain));
    }
}

#[test]
fn a_batch_of_another_auction_is_not_taken() {
    let mut rng = rng(32);
    let here = committee(100);
    let other = |levels: u32, rng: &mut ChaCha20Rng| {
        let there = Committee::new(Terms { levels, ..Terms::small() }, rng);
        let bid = there.seal(Level(2), rng);
        let checker = BidChecker::new(Arc::clone(&there.auction), 0, rng);
        let checked = checker.check(vec![bid.submissions[0].clone()], rng);
        assert_eq!(checked.verdicts, [Ok(())]);
        checked.batch
    };
    let mut book = BidBook::new(Arc::clone(&here.auction));
    for levels in [12, 13] {
        let standings = book.accept(other(levels, &mut rng));
        assert_eq!(standings, Ok(vec![Standing::Refused(Reason::OtherContext)]));
        assert!(book.is_empty());
    }
}
