//! The winning bid of a second-price auction changes nothing that anyone sees.

use auction::keys::PublicKey;
use auction::outcome::Sale;
use auction::prices::Level;
use auction::step::{Shown, Step};
use auction::transcript::Transcript;
use auction::wire::encode;

use crate::cheats::Table;
use crate::in_memory::Terms;

/// Everything public about an auction that is not an element that looks random: sizes, counts,
/// kinds, what was asked, what was answered, what came out.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    sale: Option<Sale>,
    tie: bool,
    bids: u32,
    bidders: Vec<PublicKey>,
    rounds: Vec<String>,
    lengths: Vec<Vec<usize>>,
    transcript_length: usize,
}

fn facts(levels: &[u32]) -> Facts {
    // Full fan-out, and fewer bidders than a block holds: no round more or less for where the
    // winner happens to stand in the order, which every seal draws anew.
    facts_in(Terms { levels: 24, block: 8, fan_out: 8, ..Terms::small() }, levels)
}

fn facts_in(terms: Terms, levels: &[u32]) -> Facts {
    let mut table = Table::seated(terms, levels, 7);
    let mut rounds = Vec::new();
    let mut lengths = Vec::new();
    while *table.judge.step() != Step::Complete {
        rounds.push(match table.judge.step() {
            Step::Show { order, shown: Some(Shown::Ladder { levels, against }) } => {
                format!("{order} {levels:?} {against:?}")
            }
            Step::Show { order, shown: Some(Shown::Blocks { level, blocks, against }) } => {
                format!("{order} {level:?} {blocks:?} {against:?}")
            }
            Step::Multiply(due) => format!("multiply {}", due.len()),
            Step::Blind(tests) | Step::Open(tests) => format!("{}", tests.len()),
            step => step.name().to_owned(),
        });
        let messages = table.messages();
        lengths.push(messages.iter().map(|message| encode(message).unwrap().len()).collect());
        table.offer(messages).unwrap();
    }
    let outcome = table.judge.outcome().unwrap();
    let mut bidders: Vec<_> = table.bids.iter().map(|bid| bid.bidder).collect();
    bidders.sort();
    Facts {
        sale: outcome.sale,
        tie: outcome.tie,
        bids: outcome.bids,
        bidders,
        rounds,
        lengths,
        transcript_length: Transcript::of(&table.judge).unwrap().to_bytes().unwrap().len(),
    }
}

#[test]
fn any_winning_bid_above_the_second_price_leaves_the_same_public_facts() {
    let expected = facts(&[3, 24, 10, 9]);
    assert_eq!(expected.sale.unwrap().level, Level(10));
    for winning in 11..24 {
        assert_eq!(facts(&[3, winning, 10, 9]), expected, "winning bid {winning}");
    }
}

#[test]
fn so_it_is_where_bidders_are_shown_under_a_mask() {
    // Four bidders in two blocks of two: wherever the winner stands, one stage and one more.
    let terms = Terms { levels: 24, block: 2, fan_out: 2, ..Terms::small() };
    let expected = facts_in(terms, &[3, 24, 10, 9]);
    assert!(expected.rounds.iter().any(|round| round.contains("opened: Some")));
    let kinds = |facts: &Facts| {
        // Which block is opened follows from the winner's place, which every seal draws anew.
        let unopened = |round: &String| round.split("Some").next().unwrap_or_default().len();
        (facts.lengths.clone(), facts.rounds.iter().map(unopened).max())
    };
    for winning in [11, 17, 23] {
        let other = facts_in(terms, &[3, winning, 10, 9]);
        assert_eq!((other.sale, other.tie), (expected.sale, expected.tie));
        assert_eq!(kinds(&other), kinds(&expected), "winning bid {winning}");
    }
}

#[test]
fn bids_below_the_second_price_leave_the_same_public_facts_too() {
    let expected = facts(&[3, 24, 10, 9]);
    for (low, other) in [(1, 1), (9, 9), (5, 2), (1, 10)] {
        assert_eq!(facts(&[low, 20, 10, other]), expected, "{low} and {other} lost");
    }
}

#[test]
fn the_comparison_sees_another_price_and_a_tie() {
    let expected = facts(&[3, 24, 10, 9]);
    for other in [[3, 24, 11, 9], [3, 10, 10, 9], [3, 9, 10, 24]] {
        assert_ne!(facts(&other), expected, "{other:?}");
    }
}
