//! Sets that no honest list could give: all accumulators list, or receipt, what they must not.

use std::sync::Arc;

use auction::bid::SealedBid;
use auction::book::{BidBook, Standing};
use auction::checking::verify_bids;
use auction::layout::Digest;
use auction::messages::Listed;
use auction::prices::Level;
use auction::referee::FaultReason;
use auction::step::Step;
use rand::rngs::ChaCha20Rng;

use crate::cheats::Table;
use crate::in_memory::{Committee, Sealed, Terms, rng};
use crate::lists::list;

/// Everybody lists one more bid.
fn list_everywhere(table: &mut Table, bid: Digest) -> Vec<auction::messages::RoundMessage> {
    let mut messages = table.messages();
    for k in 0..3 {
        table.alter(&mut messages, k, |content| {
            let list = list(content);
            let at = list.partition_point(|entry| entry.bid < bid);
            list.insert(at, Listed { bid, complete: false });
        });
    }
    messages
}

#[test]
fn a_bid_that_nobody_has_seen_convicts_nobody_and_stops_the_auction() {
    let mut table = Table::seated(Terms::small(), &[3, 11], 54);
    let unknown = Digest([0x5a; 32]);
    // One accumulator alone lists it: it is not in the set, and nothing happens.
    let mut messages = table.messages();
    let with_it = list_everywhere(&mut table, unknown);
    messages[1] = with_it[1].clone();
    table.offer(messages).unwrap();
    while *table.judge.step() != Step::Complete {
        table.play();
    }
    assert_eq!(table.judge.outcome().unwrap().bids, 2);
    // All list it.
    let mut table = Table::seated(Terms::small(), &[3, 11], 54);
    let messages = list_everywhere(&mut table, unknown);
    let fault = table.stopped_by(messages);
    assert_eq!((fault.culprits, fault.unknown_bid), (vec![], Some(unknown)));
}

#[test]
fn an_invalid_bid_that_all_list_convicts_all() {
    let mut table = Table::seated(Terms::small(), &[3, 11], 55);
    // A copy of a bid under another key, whose proof is therefore not its own.
    let thief = auction::keys::SecretKey::generate(&mut table.rng);
    let mut invalid = table.bids[0].clone();
    invalid.bidder = thief.public();
    let context = invalid.context;
    let mut layout = auction::layout::Layout::new(auction::layout::Label::BidSignature, &context);
    invalid.signature = thief.sign(layout.digest(&invalid.digest()));
    let digest = invalid.digest();
    let reason =
        verify_bids(&table.auction, vec![invalid.clone()], &mut table.rng).remove(0).err().unwrap();
    table.judge.supply_invalid(digest, reason.clone());
    table.bids.push(invalid);
    table.bids.sort_by_key(SealedBid::digest);
    let messages = list_everywhere(&mut table, digest);
    let fault = table.stopped_by(messages);
    let reason = FaultReason::InvalidBid { bid: digest, reason };
    assert_eq!(fault.culprits, [0, 1, 2].map(|k| (k, reason.clone())));
}

/// Books that take any valid bid, as no honest book does: those named, in each accumulator's.
fn books(
    committee: &Committee,
    bids: &[Sealed],
    held: [&[usize]; 3],
    rng: &mut ChaCha20Rng,
) -> Vec<BidBook> {
    let sealed = bids.iter().map(|bid| bid.submissions[0].bid.clone()).collect();
    let verified: Vec<_> =
        verify_bids(&committee.auction, sealed, rng).into_iter().map(Result::unwrap).collect();
    let book = |(k, held): (usize, &[usize])| {
        let mut book = BidBook::new(Arc::clone(&committee.auction));
        for i in held {
            let share = bids[*i].submissions[k].delivery.share.clone();
            assert_eq!(book.restore(verified[*i].clone(), share).unwrap(), Standing::New);
            let digest = verified[*i].digest();
            book.complete(&digest, &committee.receipts(digest)).unwrap();
        }
        book
    };
    held.into_iter().enumerate().map(book).collect()
}

#[test]
fn one_key_twice_in_all_lists_convicts_all() {
    let mut rng = rng(56);
    let committee = Committee::new(Terms::small(), &mut rng);
    let seed = *auction::keys::SecretKey::generate(&mut rng).seed();
    let bids: Vec<_> = [3, 8]
        .map(|level| {
            let bidder = auction::keys::SecretKey::from_seed(&seed);
            let auction = &committee.auction;
            let submissions =
                auction::sealing::seal(auction, Level(level), &bidder, None, &mut rng).unwrap();
            Sealed { bidder, submissions }
        })
        .into();
    let books = books(&committee, &bids, [&[0], &[0], &[0]], &mut rng);
    let sealed: Vec<SealedBid> = bids.iter().map(|bid| bid.submissions[0].bid.clone()).collect();
    let mut table = Table::with(committee, books, sealed.clone(), rng);
    let known = verify_bids(&table.auction, sealed.clone(), &mut table.rng);
    table.tell(known.into_iter().map(Result::unwrap).collect());
    let messages = list_everywhere(&mut table, sealed[1].digest());
    let fault = table.stopped_by(messages);
    assert_eq!(fault.culprits.iter().map(|(k, _)| *k).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(fault.culprits.iter().all(|(_, why)| matches!(why, FaultReason::OneKeyTwice { .. })));
}

#[test]
fn more_bids_than_the_spec_allows_convict_all_even_when_each_list_is_short() {
    let mut rng = rng(57);
    let committee = Committee::with(Terms::small(), |spec| spec.most_bids = 2, &mut rng);
    let bids: Vec<_> = (1..=3).map(|level| committee.seal(Level(level), &mut rng)).collect();
    let books = books(&committee, &bids, [&[0, 1], &[1, 2], &[0, 2]], &mut rng);
    let sealed: Vec<SealedBid> = bids.iter().map(|bid| bid.submissions[0].bid.clone()).collect();
    let mut table = Table::with(committee, books, sealed.clone(), rng);
    let known = verify_bids(&table.auction, sealed, &mut table.rng);
    table.tell(known.into_iter().map(Result::unwrap).collect());
    table.play();
    assert_eq!(table.judge.step().name(), "receipts");
    let messages = table.messages();
    let fault = table.stopped_by(messages);
    assert_eq!(fault.culprits, [0, 1, 2].map(|k| (k, FaultReason::TooManyBids)));
}
