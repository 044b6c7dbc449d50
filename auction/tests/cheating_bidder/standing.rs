//! One bid a key, one auction a bid, and room for as many as the spec says.

use std::sync::Arc;

use auction::book::{BidBook, Standing};
use auction::checking::BidChecker;
use auction::keys::SecretKey;
use auction::prices::Level;
use auction::receipts::{Reason, Receipt, ReceiptsError, Refusal};
use auction::sealing::{SealError, seal};

use crate::forge::sign_again;
use crate::in_memory::{Committee, Terms, rng};
use crate::{committee, refused};

#[test]
fn a_bid_of_another_auction_is_refused() {
    let mut rng = rng(20);
    let here = committee(&mut rng);
    // The same spec, seller and accumulators; other joins, so another context.
    let there = Committee::join(
        here.auction.verified_spec().clone(),
        Arc::clone(&here.seller),
        here.identities.clone(),
        &mut rng,
    );
    assert_eq!(here.auction.id(), there.auction.id());
    let sealed = there.seal(Level(5), &mut rng);
    for k in 0..3 {
        let honest = &sealed.submissions[k];
        assert_eq!(refused(&there, k, honest.clone(), &mut rng), None);
        assert_eq!(refused(&here, k, honest.clone(), &mut rng), Some(Reason::OtherContext));
        // The context put right without the bidder, and with him.
        let mut bad = honest.clone();
        bad.bid.context = *here.auction.context();
        assert_eq!(refused(&here, k, bad.clone(), &mut rng), Some(Reason::BidSignature));
        sign_again(&mut bad, &sealed.bidder);
        let reason = refused(&here, k, bad, &mut rng);
        // The explicit share may be due at another accumulator in this context.
        let proof = matches!(&reason, Some(Reason::NotALevel(_) | Reason::ShareShape { .. }));
        assert!(proof, "{reason:?}");
    }
}

#[test]
fn a_second_bid_of_one_key_is_refused_and_the_first_stays() {
    let mut rng = rng(21);
    let committee = committee(&mut rng);
    let bidder = SecretKey::generate(&mut rng);
    let mut book = BidBook::new(Arc::clone(&committee.auction));
    let checker = BidChecker::new(Arc::clone(&committee.auction), 0, &mut rng);
    let mut digests = Vec::new();
    for level in [3, 11, 3] {
        let sealed = seal(&committee.auction, Level(level), &bidder, None, &mut rng).unwrap();
        let digest = sealed[0].bid.digest();
        let mut take = || {
            let batch = checker.check(vec![sealed[0].clone()], &mut rng).batch;
            book.accept(batch).unwrap().remove(0)
        };
        let (standing, again) = (take(), take());
        match digests.first() {
            None => assert_eq!((standing, again), (Standing::New, Standing::Accepted)),
            Some(first) => {
                let second = Standing::Refused(Reason::SecondBid(*first));
                assert_eq!((standing, again), (second.clone(), second));
            }
        }
        digests.push(digest);
    }
    assert_eq!(book.len(), 1);
    assert!(book.holds(&digests[0]) && !book.holds(&digests[1]) && !book.holds(&digests[2]));
}

#[test]
fn a_full_auction_takes_the_same_bid_again_and_no_other() {
    let mut rng = rng(22);
    let committee = Committee::with(Terms::small(), |spec| spec.most_bids = 2, &mut rng);
    let mut book = BidBook::new(Arc::clone(&committee.auction));
    let checker = BidChecker::new(Arc::clone(&committee.auction), 1, &mut rng);
    let bids: Vec<_> = (1..=3).map(|l| committee.seal(Level(l), &mut rng)).collect();
    let mut accept = |i: usize| {
        let submission = bids[i].submissions[1].clone();
        book.accept(checker.check(vec![submission], &mut rng).batch).unwrap().remove(0)
    };
    assert_eq!([accept(0), accept(1)], [Standing::New, Standing::New]);
    assert_eq!(accept(2), Standing::Refused(Reason::Full));
    assert_eq!(accept(0), Standing::Accepted);
}

#[test]
fn receipts_of_others_or_for_others_do_not_make_a_bid_count() {
    let mut rng = rng(23);
    let committee = committee(&mut rng);
    let bids = [committee.seal(Level(3), &mut rng), committee.seal(Level(4), &mut rng)];
    let mut book = committee.take_unchecked(&bids, &mut rng).remove(0);
    let [bid, other] = [0, 1].map(|i| bids[i].submissions[0].bid.digest());
    let good = committee.receipts(bid);
    let mut wrong: Vec<(Vec<Receipt>, ReceiptsError)> = vec![
        (vec![], ReceiptsError::Incomplete { got: 0, expected: 3 }),
        (good[..2].to_vec(), ReceiptsError::Incomplete { got: 2, expected: 3 }),
        ([&good[..], &good[..1]].concat(), ReceiptsError::Incomplete { got: 4, expected: 3 }),
        (committee.receipts(other), ReceiptsError::Wrong { accumulator: 0 }),
        (vec![good[0], good[2], good[1]], ReceiptsError::Wrong { accumulator: 1 }),
        (vec![good[0], good[1], good[1]], ReceiptsError::Wrong { accumulator: 2 }),
    ];
    for k in 0..3 {
        let mut forged = good.clone();
        forged[k].signature.0[5] ^= 4;
        wrong.push((forged, ReceiptsError::Wrong { accumulator: k }));
        // A receipt signed by a colleague, and one for the other bid under this one's name.
        let mut forged = good.clone();
        let colleague = &committee.identities[(k + 1) % 3];
        forged[k] = Receipt::sign(committee.auction.context(), bid, k as u8, colleague);
        wrong.push((forged, ReceiptsError::Wrong { accumulator: k }));
        let mut forged = good.clone();
        forged[k] = Receipt { bid, ..committee.receipts(other)[k] };
        wrong.push((forged, ReceiptsError::Wrong { accumulator: k }));
    }
    for (receipts, error) in wrong {
        assert_eq!(book.complete(&bid, &receipts), Err(error));
        assert!(!book.is_complete(&bid));
    }
    assert_eq!(book.complete(&bid, &good), Ok(()));
    assert!(book.is_complete(&bid));
}

#[test]
fn a_refusal_is_its_signers_and_says_one_thing() {
    let mut rng = rng(24);
    let committee = committee(&mut rng);
    let bid = committee.seal(Level(3), &mut rng).submissions[0].bid.digest();
    let context = committee.auction.context();
    let sign = |reason| Refusal::sign(context, bid, 1, reason, &committee.identities[1]);
    let refusal = sign(Reason::Full);
    assert_eq!(refusal.verify(&committee.auction), Ok(()));
    for other in [
        Refusal { reason: Reason::Closed, ..refusal.clone() },
        Refusal { accumulator: 0, ..refusal.clone() },
        Refusal { accumulator: 250, ..refusal.clone() },
        Refusal { bid: auction::layout::Digest([0; 32]), ..refusal.clone() },
    ] {
        assert!(other.verify(&committee.auction).is_err());
    }
}

#[test]
fn no_honest_bidder_seals_off_the_ladder() {
    let mut rng = rng(25);
    let committee = committee(&mut rng);
    for level in [0, 13, u32::MAX] {
        let bidder = SecretKey::generate(&mut rng);
        let refused = seal(&committee.auction, Level(level), &bidder, None, &mut rng);
        assert_eq!(refused, Err(SealError::NoSuchLevel { got: level, levels: 12 }));
    }
}
