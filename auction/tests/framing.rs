//! Nobody who kept the rules is ever named: what others can make of an honest accumulator's
//! signed words, or of an honest auction's transcript.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

mod in_memory;

use std::sync::Arc;

use auction::bid::SealedBid;
use auction::book::{BidBook, Standing};
use auction::checking::{VerifiedBid, verify_bids};
use auction::equivocation::{Equivocation, NoEvidence, convict_joins};
use auction::group::{PointBytes, ScalarBytes};
use auction::join::{Auction, Join, JoinError};
use auction::keys::{SecretKey, Signature};
use auction::layout::{Label, Layout};
use auction::prices::Level;
use auction::receipts::Reason;
use auction::referee::{FaultReason, Referee, Refused};
use auction::sealing::seal;
use auction::transcript::{Transcript, TranscriptError};
use curve25519_dalek::scalar::clamp_integer;
use curve25519_dalek::{EdwardsPoint, Scalar};
use in_memory::{Committee, Sealed, Terms, rng, run};
use rand::rngs::ChaCha20Rng;
use sha2::{Digest as _, Sha512};

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

/// A second signature of the same text: only the owner of the key can make it, with another
/// nonce than Ed25519 prescribes.
fn sign_again(identity: &SecretKey, text: &[u8], nonce: u64) -> Signature {
    let wide: [u8; 64] = Sha512::digest(identity.seed()).into();
    let mut clamped = [0; 32];
    clamped.copy_from_slice(&wide[..32]);
    let secret = Scalar::from_bytes_mod_order(clamp_integer(clamped));
    let nonce = Scalar::from(nonce);
    let commitment = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
    let hashed = [&commitment[..], &identity.public().0, text].concat();
    let challenge = Scalar::from_bytes_mod_order_wide(&Sha512::digest(hashed).into());
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&commitment);
    bytes[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
    Signature(bytes)
}

#[test]
fn a_second_signature_of_the_same_join_gives_the_same_context() {
    // A signer can make many signatures of one text, and none of them is a second join. If the
    // context hashed them, one accumulator could part the others without being convicted.
    let mut rng = rng(2);
    let committee = Committee::new(Terms::small(), &mut rng);
    let auction = &committee.auction;
    let mut again = auction.joins()[1].clone();
    let mut layout = Layout::new(Label::Join, &auction.id());
    layout.u8(1).fixed(&again.key.0).count(again.proof.first.len());
    again.proof.first.iter().for_each(|point| _ = layout.fixed(&point.0));
    layout.count(again.proof.responses.len());
    again.proof.responses.iter().for_each(|scalar| _ = layout.fixed(&scalar.0));
    again.signature = sign_again(&committee.identities[1], layout.as_bytes(), 12_345);
    assert_ne!(again.signature, auction.joins()[1].signature);

    let both = [auction.joins()[1].clone(), again.clone()];
    assert_eq!(convict_joins(&both, auction.verified_spec()), Err(NoEvidence::Same));
    let mut joins = auction.joins().to_vec();
    joins[1] = again;
    let resigned = Auction::new(auction.verified_spec().clone(), joins).unwrap();
    assert_eq!(resigned.context(), auction.context());
}

#[test]
fn a_second_join_convicts_and_gives_another_context() {
    let mut rng = rng(7);
    let committee = Committee::new(Terms::small(), &mut rng);
    let auction = &committee.auction;
    let secret = auction::party::PartySecret::generate(&mut rng);
    let other = secret.join(auction.id(), 0, &committee.identities[0], &mut rng);
    let both = [auction.joins()[0].clone(), other.clone()];
    assert_eq!(convict_joins(&both, auction.verified_spec()), Ok(0));
    let mut joins = auction.joins().to_vec();
    joins[0] = other;
    let apart = Auction::new(auction.verified_spec().clone(), joins).unwrap();
    assert_ne!(apart.context(), auction.context());
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
    assert_eq!(book.restore(verified, share).unwrap(), Standing::New);
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
            let message = party.message(&judge, &mut rng).unwrap().into_message();
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
            let message = party.message(&judge, &mut rng).unwrap().into_message();
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
