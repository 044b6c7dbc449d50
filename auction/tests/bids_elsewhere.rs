//! A node that keeps the bids as they travel in a store writes the same transcript as one that has
//! them in memory, and no other bid in place of one of the set.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is wrong")]

mod in_memory;

use std::io::ErrorKind;
use std::sync::Arc;

use auction::bid::SealedBid;
use auction::book::{BidBook, Standing};
use auction::checking::{CountedBid, verify_bids};
use auction::prices::Level;
use auction::referee::Referee;
use auction::transcript::{Transcript, TranscriptView};
use in_memory::{Committee, Sealed, Terms, rng, run};
use rand::rngs::ChaCha20Rng;

/// Accumulator `k`'s book of these bids, beside a store.
fn beside_store(
    committee: &Committee,
    k: usize,
    bids: &[Sealed],
    rng: &mut ChaCha20Rng,
) -> BidBook {
    let mut book = BidBook::beside_store(Arc::clone(&committee.auction));
    let sealed = bids.iter().map(|bid| bid.submissions[k].bid.clone()).collect();
    for (bid, verified) in bids.iter().zip(verify_bids(&committee.auction, sealed, rng)) {
        let share = bid.submissions[k].delivery.share.clone();
        assert_eq!(book.restore(verified.unwrap(), share).unwrap(), Standing::New);
    }
    book
}

/// What a referee writes when `find` is asked for the bids.
fn written(
    referee: &Referee,
    find: impl FnMut(&[&CountedBid]) -> std::io::Result<Vec<SealedBid>>,
) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    TranscriptView::of(referee).unwrap().write(&mut bytes, find).map(|()| bytes)
}

#[test]
fn a_transcript_is_written_of_bids_that_are_found_again() {
    let rng = &mut rng(1);
    let committee = Committee::new(Terms::small(), rng);
    let bids: Vec<Sealed> = [3, 9, 7].map(|level| committee.seal(Level(level), rng)).into();
    let mut books = committee.take(&bids, rng);
    books[1] = beside_store(&committee, 1, &bids, rng);
    let mut nodes = committee.close(books, rng);
    let early = TranscriptView::of(&nodes[1].1).is_none();
    assert!(early, "a transcript before there is an outcome");
    run(&mut nodes, rng);
    let find = |wanted: &CountedBid| {
        assert!(wanted.sealed().is_none());
        let of = |bid: &&Sealed| bid.bidder.public() == wanted.bidder();
        bids.iter().find(of).unwrap().submissions[0].bid.clone()
    };
    let all = |wanted: &[&CountedBid]| wanted.iter().map(|bid| find(bid)).collect::<Vec<_>>();
    let (whole, beside) = (&nodes[0].1, &nodes[1].1);
    let expected = Transcript::of(whole).unwrap().to_bytes().unwrap();
    assert!(written(whole, |wanted| panic!("{} bids are here", wanted.len())).unwrap() == expected);
    assert!(written(beside, |wanted| Ok(all(wanted))).unwrap() == expected);
    Transcript::from_bytes(&expected).unwrap().verify(None, rng).unwrap();
    // The referee alone has no transcript, and nothing else is taken for a bid that is missing.
    assert_eq!(Transcript::of(beside), None);
    let reversed = written(beside, |wanted| Ok(all(wanted).into_iter().rev().collect()));
    assert_eq!(reversed.unwrap_err().kind(), ErrorKind::InvalidData);
    let short = written(beside, |wanted| Ok(all(&wanted[1..])));
    assert_eq!(short.unwrap_err().kind(), ErrorKind::InvalidData);
    let failed = written(beside, |_| Err(ErrorKind::StorageFull.into()));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::StorageFull);
}
