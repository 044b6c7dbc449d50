//! Transcripts that are not the auction's, not whole, or end in lies.

use auction::prices::Level;
use auction::transcript::{Transcript, TranscriptError};
use settlement::auctions::{Decided, Decision, Proven, Undecided};
use settlement::ledger::Code;

use crate::world::{Setting, World, bidder, winner_of};
use auction::spec::Time;

fn bonded(nonce: u8) -> World {
    let mut world = World::new(&Setting { nonce, ..Setting::default() });
    world.bond(0, 6);
    world.bond(1, 6);
    world
}

#[test]
fn outcome_signatures_decide_nothing_and_their_lack_prevents_nothing() {
    let mut world = bonded(1);
    let mut transcript = world.transcript(&[(0, 2), (1, 5)], &[], None);
    let whole = transcript.to_bytes().unwrap();
    // The last round holds the signatures alone.
    transcript.rounds.pop();
    let unsigned = transcript.to_bytes().unwrap();
    assert_eq!(world.prove(&whole), world.prove(&unsigned));
    let chain = world.decision(&unsigned, 5_000);
    assert_eq!(world.code(chain, 5_000), Code::Done);
    // Whoever shows the signed one later shows the same.
    world.audit(Some(whole)).unwrap();
    world.audit(Some(unsigned)).unwrap();
}

#[test]
fn all_accumulators_together_cannot_sign_another_winner_or_price() {
    let lies: [fn(&mut auction::outcome::Outcome); 4] = [
        |outcome| outcome.sale = None,
        |outcome| outcome.sale.as_mut().unwrap().winner = bidder(0).public(),
        |outcome| outcome.sale.as_mut().unwrap().price = auction::money::Amount(1),
        |outcome| outcome.sale.as_mut().unwrap().level = Level(6),
    ];
    for lie in lies {
        let mut world = bonded(1);
        let transcript = world.transcript(&[(0, 2), (1, 5)], &[], Some(lie));
        let bytes = transcript.to_bytes().unwrap();
        let (winner, price) = winner_of(&bytes, &mut world.rng).unwrap();
        assert_eq!((winner, price.0), (bidder(1).public(), 1_050));
        let chain = world.decision(&bytes, 5_000);
        assert_eq!(world.code(chain, 5_000), Code::Done);
        let Some(Decided::Sale(record)) = world.state().decided() else { panic!("no sale") };
        assert_eq!((record.winner, record.price.0), (bidder(1).public(), 1_050));
        world.audit(Some(bytes)).unwrap();
    }
}

#[test]
fn with_any_message_missing_nothing_is_proven() {
    let mut world = bonded(1);
    let transcript = world.transcript(&[(0, 2), (1, 5)], &[], None);
    let last = transcript.rounds.len() - 1;
    for round in 0..last {
        for k in 0..2 {
            let mut cut: Transcript = transcript.clone();
            cut.rounds[round].remove(k);
            let bytes = cut.to_bytes().unwrap();
            assert!(Proven::prove(&bytes, &world.auction(), &mut world.rng).is_err());
        }
        let mut ended = transcript.clone();
        ended.rounds.truncate(round);
        let bytes = ended.to_bytes().unwrap();
        let proven = Proven::prove(&bytes, &world.auction(), &mut world.rng);
        assert!(matches!(
            proven,
            Err(TranscriptError::Incomplete { .. } | TranscriptError::Bids { .. })
        ));
    }
    let mut cut = transcript;
    cut.bids.pop();
    let bytes = cut.to_bytes().unwrap();
    assert!(Proven::prove(&bytes, &world.auction(), &mut world.rng).is_err());
}

#[test]
fn a_transcript_of_another_auction_or_committee_decides_nothing() {
    let (mut world, mut other) = (bonded(1), bonded(2));
    let bytes = other.run(&[(0, 2), (1, 5)]);
    let proven = Proven::prove(&bytes, &world.auction(), &mut world.rng);
    assert!(matches!(proven, Err(TranscriptError::OtherAuction { .. })));
    // Proven as what it is, it is still not this auction's.
    let proven = other.prove(&bytes);
    let (got, expected) = (other.auction(), world.auction());
    assert_eq!(
        Decision::of(&proven, world.state(), Time(5_000)),
        Err(Undecided::OtherAuction { got, expected })
    );
    // This auction's spec and bids with another committee's joins and words.
    let ours = world.transcript(&[(0, 2), (1, 5)], &[], None);
    let theirs = Transcript::from_bytes(&bytes).unwrap();
    let mixed = Transcript { spec: ours.spec.clone(), ..theirs };
    let bytes = mixed.to_bytes().unwrap();
    assert!(Proven::prove(&bytes, &world.auction(), &mut world.rng).is_err());
}

#[test]
fn bytes_that_are_no_transcript_prove_nothing() {
    let mut world = bonded(1);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    let auction = world.auction();
    for length in [0, 7, 8, 9, bytes.len() / 2, bytes.len() - 1] {
        assert!(Proven::prove(&bytes[..length], &auction, &mut world.rng).is_err());
    }
}

#[test]
fn a_winner_whose_bond_the_journal_does_not_hold_is_not_settled() {
    // The tickets are the server's own; this journal knows nothing of the bonds, or of one more
    // that was ordered under a lower cover.
    let mut elsewhere = bonded(1);
    let bytes = elsewhere.run(&[(0, 5), (1, 6)]);
    let mut world = World::new(&Setting::default());
    let proven = world.prove(&bytes);
    let decided = Decision::of(&proven, world.state(), Time(5_000));
    assert_eq!(decided, Err(Undecided::NoBond(bidder(1).public())));
    world.bond(1, 4);
    let decided = Decision::of(&proven, world.state(), Time(5_000));
    let price = auction::money::Amount(1_200);
    assert_eq!(decided, Err(Undecided::AboveBond { price, bond: 1_150 }));
}
