//! Lists and receipts against the rules.

use auction::bid::SealedBid;
use auction::keys::Signature;
use auction::layout::Digest;
use auction::messages::{Content, Listed};
use auction::prices::Level;
use auction::referee::{FaultReason, Omission};
use auction::set::SetError;
use auction::step::Step;
use auction::transcript::Transcript;

use crate::cheats::{Table, caught};
use crate::in_memory::{Committee, Terms, rng};

pub(crate) fn list(content: &mut Content) -> &mut Vec<Listed> {
    let Content::List(list) = content else { panic!() };
    list
}

#[test]
fn a_list_out_of_order_or_with_repeats_is_caught() {
    let alterations: [fn(&mut Vec<Listed>); 3] =
        [|list| list.reverse(), |list| list.insert(0, list[0]), |list| list.swap(0, 1)];
    for (k, alter) in alterations.into_iter().enumerate() {
        let reason = caught(Terms::small(), ("list", 1), k, |content| alter(list(content)));
        assert_eq!(reason, FaultReason::Set(SetError::NotSorted));
    }
}

#[test]
fn a_list_longer_than_the_spec_allows_is_caught() {
    let reason = caught(Terms::small(), ("list", 1), 1, |content| {
        *list(content) = (0..10_001u64)
            .map(|i| {
                let mut bid = [0; 32];
                bid[..8].copy_from_slice(&i.to_be_bytes());
                Listed { bid: Digest(bid), complete: false }
            })
            .collect();
    });
    assert_eq!(reason, FaultReason::Set(SetError::TooMany { got: 10_001, most: 10_000 }));
}

/// A table of three at which the accumulators hold these receipts: by accumulator, the numbers
/// of the bids whose receipts it was left.
fn table_with_receipts(levels: &[u32], receipts: [&[usize]; 3], seed: u64) -> Table {
    let mut rng = rng(seed);
    let committee = Committee::new(Terms::small(), &mut rng);
    let bids: Vec<_> = levels.iter().map(|l| committee.seal(Level(*l), &mut rng)).collect();
    let mut books = committee.take_unchecked(&bids, &mut rng);
    for (book, left) in books.iter_mut().zip(receipts) {
        for i in left {
            let digest = bids[*i].submissions[0].bid.digest();
            book.complete(&digest, &committee.receipts(digest)).unwrap();
        }
    }
    let sealed = bids.iter().map(|bid| bid.submissions[0].bid.clone()).collect();
    Table::with(committee, books, sealed, rng)
}

/// Lets accumulators leave bids out of their lists and finishes the auction.
fn omit(table: &mut Table, omitted: &[(usize, Digest)]) {
    let mut messages = table.messages();
    for (k, bid) in omitted {
        table.alter(&mut messages, *k, |content| list(content).retain(|entry| entry.bid != *bid));
    }
    table.offer(messages).unwrap();
    while *table.judge.step() != Step::Complete {
        table.play();
    }
}

#[test]
fn a_receipted_bid_that_is_left_out_counts_and_whoever_left_it_out_is_named() {
    // One, two, or all but the one that was left the receipts leave the highest bid out.
    let left: [[&[usize]; 3]; 2] = [[&[], &[], &[0, 1, 2]], [&[], &[0, 1, 2], &[0, 1, 2]]];
    let cases = [(&[0][..], left[0]), (&[1], left[0]), (&[0, 1], left[0]), (&[0], left[1])];
    for (culprits, receipts) in cases {
        let mut table = table_with_receipts(&[3, 11, 7], receipts, 50);
        let top = table.bids.iter().map(SealedBid::digest).max().unwrap();
        let omitted: Vec<_> = culprits.iter().map(|k| (*k, top)).collect();
        omit(&mut table, &omitted);
        let named: Vec<_> =
            culprits.iter().map(|k| Omission { accumulator: *k, bid: top }).collect();
        assert_eq!(table.judge.omissions(), named);
        let verdict = Transcript::of(&table.judge).unwrap().verify(None, &mut table.rng).unwrap();
        assert_eq!(verdict.omissions, named);
        assert_eq!(verdict.outcome.bids, 3);
        assert_eq!(verdict.outcome.sale.unwrap().level, Level(7));
    }
}

#[test]
fn a_bid_without_all_receipts_that_some_list_lacks_does_not_count_and_convicts_nobody() {
    let mut table = table_with_receipts(&[3, 11, 7], [&[], &[], &[]], 51);
    let out = table.bids[1].digest();
    omit(&mut table, &[(0, out)]);
    assert_eq!(table.judge.omissions(), []);
    let transcript = Transcript::of(&table.judge).unwrap();
    assert!(transcript.bids.iter().all(|bid| bid.digest() != out));
    let verdict = transcript.verify(None, &mut table.rng).unwrap();
    assert_eq!((verdict.outcome.bids, verdict.omissions), (2, vec![]));
}

#[test]
fn a_flag_without_receipts_is_caught() {
    type Show = fn(&mut Vec<Vec<Signature>>, &Table, Digest);
    let shows: [(Show, bool); 8] = [
        // Nothing, too much, or the receipts of too few.
        (|shown, _, _| shown.clear(), false),
        (|shown, _, _| shown.push(Vec::new()), false),
        (|shown, _, _| shown[0].clear(), true),
        // One too few or too many, in another order, made up, or signed by the cheater.
        (|shown, _, _| _ = shown[0].pop(), true),
        (|shown, _, _| shown[0].swap(0, 1), true),
        (|shown, _, _| shown[0][1] = Signature([7; 64]), true),
        (
            |shown, _, _| {
                let again = shown[0][0];
                shown[0].push(again);
            },
            true,
        ),
        (
            |shown, table, bid| {
                let context = *table.auction.context();
                for (k, signature) in (0..).zip(&mut shown[0]) {
                    let mine = &table.identities[2];
                    *signature = auction::receipts::Receipt::sign(&context, bid, k, mine).signature;
                }
            },
            true,
        ),
    ];
    for (show, wrong) in shows {
        let mut table = table_with_receipts(&[3, 11], [&[], &[], &[0]], 52);
        let flagged = table.judge.step().clone();
        assert_eq!(flagged, Step::List);
        let mut messages = table.messages();
        let Content::List(listed) = &messages[2].body.content else { panic!() };
        let bid = listed.iter().find(|entry| entry.complete).unwrap().bid;
        for k in 0..2 {
            table.alter(&mut messages, k, |content| list(content).retain(|entry| entry.bid != bid));
        }
        table.offer(messages).unwrap();
        assert_eq!(table.judge.step().name(), "receipts");
        let mut messages = table.messages();
        let Content::Receipts(mut shown) = messages[2].body.content.clone() else { panic!() };
        show(&mut shown, &table, bid);
        table.alter(&mut messages, 2, |content| *content = Content::Receipts(shown));
        let (culprit, reason) = Table::only_culprit(table.stopped_by(messages));
        assert_eq!(culprit, 2);
        let FaultReason::Set(error) = reason else { panic!("{reason}") };
        assert_eq!(matches!(error, SetError::Receipts(named) if named == bid), wrong, "{error}");
        assert_eq!(matches!(error, SetError::Shown { .. }), !wrong, "{error}");
    }
}

#[test]
fn receipts_that_nobody_asked_for_are_caught() {
    let mut table = table_with_receipts(&[3, 11], [&[], &[], &[0, 1]], 53);
    let out = table.bids[0].digest();
    let mut messages = table.messages();
    table.alter(&mut messages, 0, |content| list(content).retain(|entry| entry.bid != out));
    table.offer(messages).unwrap();
    let mut messages = table.messages();
    let Content::Receipts(shown) = messages[2].body.content.clone() else { panic!() };
    assert_eq!(shown.len(), 1);
    // Accumulator 1 flagged nothing; good receipts are not its to show.
    table.alter(&mut messages, 1, |content| *content = Content::Receipts(shown));
    let (culprit, reason) = Table::only_culprit(table.stopped_by(messages));
    assert_eq!((culprit, reason), (1, FaultReason::Set(SetError::Shown { got: 1, expected: 0 })));
}

#[test]
fn of_several_that_flag_a_bid_the_first_shows_its_receipts_and_no_other_may() {
    let mut table = table_with_receipts(&[3, 11], [&[], &[0, 1], &[0, 1]], 58);
    let out = table.bids[0].digest();
    let mut messages = table.messages();
    table.alter(&mut messages, 0, |content| list(content).retain(|entry| entry.bid != out));
    table.offer(messages).unwrap();
    let mut messages = table.messages();
    let shown = messages[1].body.content.clone();
    assert_eq!(messages[2].body.content, Content::Receipts(Vec::new()));
    table.alter(&mut messages, 2, |content| *content = shown);
    let (culprit, reason) = Table::only_culprit(table.stopped_by(messages));
    assert_eq!((culprit, reason), (2, FaultReason::Set(SetError::Shown { got: 1, expected: 0 })));
}
