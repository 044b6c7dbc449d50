//! Nobody who kept the rules is ever named: what others can make of an honest accumulator's
//! signed words, or of an honest auction's transcript.

mod in_memory;

use std::sync::Arc;

use auction::bid::SealedBid;
use auction::book::{BidBook, Standing};
use auction::checking::{CheckedBid, VerifiedBid, verify_bids};
use auction::equivocation::{Equivocation, NoEvidence, convict_joins};
use auction::group::{PointBytes, ScalarBytes};
use auction::join::{Auction, Join, JoinError};
use auction::keys::{SecretKey, Signature};
use auction::prices::Level;
use auction::receipts::Reason;
use auction::referee::{FaultReason, Referee, Refused};
use auction::sealing::seal;
use auction::transcript::{Transcript, TranscriptError};
use in_memory::{Committee, Sealed, Terms, rng, run};
use rand::rngs::ChaCha20Rng;

fn whole(levels: &[u32], rng: &mut ChaCha20Rng) -> Transcript {
    let committee = Committee::new(Terms::small(), rng);
    let bids: Vec<_> = levels.iter().map(|level| committee.seal(Level(*level), rng)).collect();
    let books = committee.take_unchecked(&bids, rng);
    let mut nodes = committee.close(books, rng);
    run(&mut nodes, rng);
    Transcript::of(&nodes[0].1).unwrap()
}

/// The bytes of a join's proof, read as another number of first messages and responses.
fn cut_elsewhere(join: &Join) -> Vec<Join> {
    let first = join.proof.first.iter().map(|point| point.0);
    let bytes: Vec<[u8; 32]> =
        first.chain(join.proof.responses.iter().map(|scalar| scalar.0)).collect();
    (0..=bytes.len())
        .filter(|cut| *cut != join.proof.first.len())
        .map(|cut| {
            let mut other = join.clone();
            other.proof.first = bytes[..cut].iter().copied().map(PointBytes).collect();
            other.proof.responses = bytes[cut..].iter().copied().map(ScalarBytes).collect();
            other
        })
        .collect()
}

#[test]
fn a_join_whose_proof_is_cut_elsewhere_is_not_a_second_join() {
    let mut rng = rng(1);
    let committee = Committee::new(Terms::small(), &mut rng);
    let spec = committee.auction.verified_spec();
    for join in committee.auction.joins() {
        for other in cut_elsewhere(join) {
            let evidence = convict_joins(&[join.clone(), other], spec);
            assert!(matches!(evidence, Err(NoEvidence::Join(JoinError::Signature(_)))));
        }
    }
}

#[test]
fn the_context_does_not_depend_on_how_a_join_is_signed() {
    // A signer can make many signatures of one text, and none of them is a second join. If the
    // context hashed them, one accumulator could part the others without being convicted.
    let mut rng = rng(2);
    let committee = Committee::new(Terms::small(), &mut rng);
    let auction = &committee.auction;
    let joins = auction.joins();
    let other_secret = auction::party::PartySecret::generate(&mut rng);
    let other = other_secret.join(auction.id(), 0, &committee.identities[0], &mut rng);
    let convicted = convict_joins(&[joins[0].clone(), other.clone()], auction.verified_spec());
    assert_eq!(convicted, Ok(0), "another join does convict");
    let mut joins = joins.to_vec();
    joins[0] = other;
    let apart = Auction::new(auction.verified_spec().clone(), joins).unwrap();
    assert_ne!(apart.context(), auction.context());
    // Every byte that the context hashes stands under the signature, so what has one content
    // has one context: no second signature is needed to see it, the layout holds none.
    let again = Auction::new(auction.verified_spec().clone(), auction.joins().to_vec()).unwrap();
    assert_eq!(again.context(), auction.context());
}

#[test]
fn a_transcript_whose_bid_signature_was_altered_names_no_accumulator() {
    let mut rng = rng(3);
    let transcript = whole(&[3, 9, 5], &mut rng);
    for bid in 0..3 {
        for (byte, mask) in [(0, 1u8), (31, 0x80), (32, 1), (63, 0x10)] {
            let mut altered = transcript.clone();
            altered.bids[bid].signature.0[byte] ^= mask;
            match altered.verify(None, &mut rng) {
                Err(TranscriptError::Fault(fault)) => {
                    assert_eq!(fault.culprits, vec![], "the digest leaves the signature out");
                    assert_eq!(fault.unknown_bid, Some(transcript.bids[bid].digest()));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    // The same bid twice, once with a damaged signature, in either order.
    for damaged_first in [true, false] {
        let mut altered = transcript.clone();
        let mut damaged = altered.bids[0].clone();
        damaged.signature = Signature([0; 64]);
        altered.bids.insert(usize::from(!damaged_first), damaged);
        let verdict = altered.verify(None, &mut rng);
        assert!(matches!(verdict, Err(TranscriptError::Bids { .. })), "{verdict:?}");
    }
}

/// Two valid bids of one key.
fn two_of_one_key(committee: &Committee, rng: &mut ChaCha20Rng) -> [Sealed; 2] {
    let seed = *SecretKey::generate(rng).seed();
    [3, 7].map(|level| {
        let bidder = SecretKey::from_seed(&seed);
        let submissions = seal(&committee.auction, Level(level), &bidder, None, rng).unwrap();
        Sealed { bidder, submissions }
    })
}

fn book_of(committee: &Committee, k: usize, bid: &Sealed, rng: &mut ChaCha20Rng) -> BidBook {
    let mut book = BidBook::new(Arc::clone(&committee.auction));
    let sealed = vec![bid.submissions[k].bid.clone()];
    let verified = verify_bids(&committee.auction, sealed, rng).remove(0).unwrap();
    let digest = verified.digest();
    let share = bid.submissions[k].delivery.share.clone();
    assert_eq!(book.accept(CheckedBid { verified, share }).unwrap(), Standing::New);
    book.complete(&digest, &committee.receipts(digest)).unwrap();
    book
}

fn verified(committee: &Committee, bids: &[Sealed], rng: &mut ChaCha20Rng) -> Vec<VerifiedBid> {
    let sealed: Vec<SealedBid> = bids.iter().map(|bid| bid.submissions[0].bid.clone()).collect();
    verify_bids(&committee.auction, sealed, rng).into_iter().map(Result::unwrap).collect()
}

#[test]
fn two_bids_of_one_key_listed_crosswise_convict_all_that_receipted_them() {
    // Each of two accumulators lists one of two bids of one key and shows the receipts of both
    // accumulators: no list names both bids, yet each accumulator has receipted both.
    let mut rng = rng(4);
    let committee = Committee::new(Terms { accumulators: 2, ..Terms::small() }, &mut rng);
    let bids = two_of_one_key(&committee, &mut rng);
    let known = verified(&committee, &bids, &mut rng);
    let books = (0..2).map(|k| book_of(&committee, k, &bids[k], &mut rng)).collect();
    let mut nodes = committee.close(books, &mut rng);
    let mut judge = Referee::new(Arc::clone(nodes[0].1.auction()), [7; 32]);
    judge.supply(known);
    let mut stopped = None;
    for _ in 0..2 {
        for (party, _) in &mut nodes {
            let message = party.message(&judge, &mut rng).unwrap();
            stopped = judge.offer(message).err();
        }
    }
    let Some(Refused::Fault(fault)) = stopped else { panic!("{stopped:?}") };
    let named: Vec<usize> = fault.culprits.iter().map(|(k, _)| *k).collect();
    assert_eq!(named, [0, 1]);
    assert!(
        fault.culprits.iter().all(|(_, why)| matches!(why, FaultReason::OneKeyTwice { .. })),
        "{fault}"
    );
}

#[test]
fn an_invalid_bid_convicts_those_that_receipted_it_and_did_not_list_it_too() {
    let mut rng = rng(5);
    let committee = Committee::new(Terms { accumulators: 2, ..Terms::small() }, &mut rng);
    let bid = committee.seal(Level(3), &mut rng);
    let digest = bid.submissions[0].bid.digest();
    let listing = book_of(&committee, 0, &bid, &mut rng);
    let silent = BidBook::new(Arc::clone(&committee.auction));
    let mut nodes = committee.close(vec![listing, silent], &mut rng);
    let mut judge = Referee::new(Arc::clone(nodes[0].1.auction()), [7; 32]);
    // What the judge is told of the bid; the cheaters' own books know better.
    judge.supply_invalid(digest, Reason::NotALevel("for the test".into()));
    let mut stopped = None;
    for _ in 0..2 {
        for (party, _) in &mut nodes {
            let message = party.message(&judge, &mut rng).unwrap();
            stopped = judge.offer(message).err();
        }
    }
    let Some(Refused::Fault(fault)) = stopped else { panic!("{stopped:?}") };
    let named: Vec<usize> = fault.culprits.iter().map(|(k, _)| *k).collect();
    assert_eq!(named, [0, 1], "both signed a receipt for it");
}

#[test]
fn messages_of_different_rounds_or_with_the_same_body_convict_nobody() {
    let mut rng = rng(6);
    let committee = Committee::new(Terms::small(), &mut rng);
    let bids = [committee.seal(Level(2), &mut rng), committee.seal(Level(4), &mut rng)];
    let books = committee.take_unchecked(&bids, &mut rng);
    let mut nodes = committee.close(books, &mut rng);
    run(&mut nodes, &mut rng);
    let referee = &nodes[0].1;
    let said: Vec<_> = referee.rounds().iter().flatten().cloned().collect();
    for first in &said {
        for second in &said {
            let evidence = Equivocation::Messages(Box::new([first.clone(), second.clone()]));
            assert!(evidence.convict(referee.auction()).is_err());
        }
    }
}
