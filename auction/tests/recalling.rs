//! A party that takes up its rounds again from what is stored, and never meets the randomness of
//! a ciphertext twice. PROTOCOL section 4, "Randomness and restart".
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

mod cheats;
mod in_memory;

use std::collections::HashSet;
use std::sync::Arc;

use auction::book::BidBook;
use auction::messages::{Content, RoundMessage, StageProof};
use auction::party::{Party, PartyError, PartySecret};
use auction::prices::Level;
use auction::referee::Referee;
use auction::step::Step;

use cheats::Table;
use in_memory::{Committee, Sealed, Terms, rng};

/// Who restarts.
const ME: usize = 1;

/// A table, and what accumulator `ME` has on its disk: secrets, and a book for every restart.
fn stored(levels: &[u32], restarts: usize, seed: u64) -> (Table, [u8; 64], Vec<BidBook>) {
    stored_in(Terms::small(), levels, restarts, seed)
}

fn stored_in(
    terms: Terms,
    levels: &[u32],
    restarts: usize,
    seed: u64,
) -> (Table, [u8; 64], Vec<BidBook>) {
    let mut rng = rng(seed);
    let committee = Committee::new(terms, &mut rng);
    let bids: Vec<Sealed> = levels.iter().map(|l| committee.seal(Level(*l), &mut rng)).collect();
    let books =
        (0..restarts).map(|_| committee.take_unchecked(&bids, &mut rng).swap_remove(ME)).collect();
    let secret = *committee.secrets[ME].to_bytes();
    let taken = committee.take_unchecked(&bids, &mut rng);
    let sealed = bids.iter().map(|bid| bid.submissions[0].bid.clone()).collect();
    (Table::with(committee, taken, sealed, rng), secret, books)
}

/// The party made anew, after it went through the rounds that the judge has seen.
fn restarted(table: &mut Table, secret: &[u8; 64], book: BidBook) -> Result<Party, PartyError> {
    let closed = book.close();
    let mut referee = Referee::new(Arc::clone(&table.auction), [9; 32]);
    referee.supply(closed.bids().iter().cloned());
    let identity = Arc::clone(&table.identities[ME]);
    let secret = PartySecret::from_bytes(secret).unwrap();
    let mut party = Party::new(Arc::clone(&table.auction), ME, identity, secret, closed);
    for round in table.judge.rounds() {
        party.recall(&referee, &round[ME])?;
        for message in round {
            referee.offer(message.clone()).unwrap();
        }
    }
    assert_eq!(referee.previous(), table.judge.previous());
    Ok(party)
}

#[test]
fn a_party_that_restarts_before_any_message_goes_on_with_its_own_ciphertexts() {
    let (mut table, secret, mut books) = stored(&[4, 9, 2, 9, 7], 40, 90);
    let mut products = 0;
    while *table.judge.step() != Step::Complete {
        products += usize::from(table.judge.step().name() == "multiply");
        let book = books.pop().unwrap();
        table.parties[ME] = restarted(&mut table, &secret, book).unwrap();
        // Messages that were not made from what was shown would be a fault.
        table.play();
    }
    assert!(products > 1, "products are what needs the randomness again");
    assert_eq!(table.judge.outcome().unwrap().sale.unwrap().level, Level(9));
}

#[test]
fn a_party_that_restarts_before_any_message_opens_what_it_showed_under_a_mask() {
    // Of six bidders in two blocks of three, two tie at the top: the first stage for the winner comes
    // twice, and others follow.
    let terms = Terms { levels: 24, block: 2, ..Terms::small() };
    let (mut table, secret, mut books) = stored_in(terms, &[4, 19, 2, 19, 7, 1], 90, 93);
    let (mut ladders, mut placed, mut later) = (0, 0, 0);
    while *table.judge.step() != Step::Complete {
        let book = books.pop().unwrap();
        table.parties[ME] = restarted(&mut table, &secret, book).unwrap();
        table.play();
        let round = table.judge.rounds().last().unwrap();
        if let Content::Show { entries: Some(part), .. } = &round[ME].body.content {
            match part.proof {
                StageProof::Whole(_) => panic!("all stages are against segments"),
                StageProof::Ladder { .. } => ladders += 1,
                StageProof::Placed { .. } => placed += 1,
                StageProof::Segment(_) => later += usize::from(placed > 0),
            }
        }
    }
    assert_eq!((ladders, placed), (1, 2));
    assert!(later > 0, "a block of three is not the end");
    let outcome = table.judge.outcome().unwrap();
    assert_eq!((outcome.sale.unwrap().level, outcome.tie), (Level(19), true));
}

/// Whatever in a message of a ladder is made from something drawn: first elements of ciphertexts,
/// commitments to masks and first messages, and entries under a mask.
fn shown(message: &RoundMessage) -> Vec<[u8; 32]> {
    let Content::Show { entries: Some(part), .. } = &message.body.content else { panic!() };
    let StageProof::Ladder { sum, proof } = &part.proof else { panic!() };
    let ciphertexts = part.ciphertexts.iter().map(|ciphertext| ciphertext.a.0);
    let points = sum.vector.masks.iter().chain(&proof.first).chain(&proof.joined);
    let entries = sum.vector.entries.iter().map(|entry| entry.0);
    ciphertexts.chain(points.map(|point| point.0)).chain(entries).collect()
}

#[test]
fn no_two_messages_share_the_randomness_of_a_ciphertext() {
    let (mut table, secret, books) = stored(&[4, 9, 2], 3, 91);
    table.until("show", 1);
    // One that was made and lost before it was stored, thrice, and one more of the same party.
    let mut all = vec![shown(&table.messages()[ME])];
    for book in books {
        table.parties[ME] = restarted(&mut table, &secret, book).unwrap();
        all.push(shown(&table.messages()[ME]));
    }
    all.push(shown(&table.messages()[ME]));
    let made: usize = all.iter().map(Vec::len).sum();
    let different: HashSet<_> = all.into_iter().flatten().collect();
    assert_eq!(different.len(), made);
}

#[test]
fn a_message_that_does_not_come_from_the_stored_seed_is_not_gone_on_with() {
    let (mut table, mut secret, mut books) = stored(&[4, 9, 2], 2, 92);
    table.until("multiply", 1);
    assert!(restarted(&mut table, &secret, books.pop().unwrap()).is_ok());
    secret[63] ^= 1;
    let other = restarted(&mut table, &secret, books.pop().unwrap());
    assert!(matches!(other, Err(PartyError::OtherSeed(_))), "{:?}", other.err());
}
