//! Two complete transcripts of one auction, which a corrupt accumulator can make: the server decides
//! by the one that it was shown first, and nobody convicts it by the other.

use auction::physical_terms::Side;
use auction::spec::Time;
use settlement::auctions::physical::Stage;
use settlement::auctions::{Attached, Misdeed, NoSaleRecord};
use settlement::judge::payment::PaymentEvidence;
use settlement::ledger::{Chain, Code};

use crate::corrupt::{convicts_server, decision_of, disk_of, evidence, receipt, receipt_of};
use crate::in_memory;
use crate::world::physical::{T3, T4, disputed, in_stage, setting};
use crate::world::*;

/// An auction with bidders 0 to 2 bonded, and what other messages of the same accumulators make of
/// it with these bids.
fn another_run(setting: &Setting, bids: &[(u8, u32)]) -> Vec<u8> {
    let mut world = World::new(setting);
    (0..3).for_each(|i| world.bond(i, 6));
    world.rng = in_memory::rng(999);
    world.run(bids)
}

const BIDS: [(u8, u32); 3] = [(0, 2), (1, 5), (2, 1)];

fn open_words(case: &PaymentEvidence) -> String {
    case.judge(&mut in_memory::rng(5)).unwrap().open.join("; ")
}

#[test]
fn the_run_that_did_not_decide_convicts_nobody() {
    let mut world = World::new(&Setting::default());
    (0..3).for_each(|i| world.bond(i, 6));
    let bytes = world.run(&BIDS);
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let disk = disk_of(&world);
    let decision = decision_of(&world, &disk);
    let first = evidence(&bytes, decision.clone());
    assert_eq!(convicts_server(&first), None);
    // The same result by other messages, another winner, and no bid at all.
    for bids in [&BIDS[..], &BIDS[..1], &[]] {
        let other = another_run(&Setting::default(), bids);
        assert_ne!(world.prove(&other).transcript(), world.prove(&bytes).transcript());
        for order in [None, Some(receipt(&disk, account(&account_key(1)), id(1_001)))] {
            let second = PaymentEvidence { order, ..evidence(&other, decision.clone()) };
            assert_eq!(convicts_server(&second), None, "{bids:?}");
            assert!(open_words(&second).contains("by another run"), "{}", open_words(&second));
        }
        // Who audits with it does not have the transcript that the server named.
        assert_eq!(world.audit(Some(other)), Err(Misdeed::NoTranscript(world.auction())));
    }
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn nothing_sold_by_one_run_is_not_held_against_another() {
    let mut world = World::new(&Setting::default());
    (0..3).for_each(|i| world.bond(i, 6));
    let bytes = world.run(&BIDS);
    // The accumulators have shown the server a run without bids.
    let empty = another_run(&Setting::default(), &[]);
    let none = world.decision(&empty, 5_000);
    assert_eq!(world.code(none, 5_000), Code::Done);
    let case = evidence(&bytes, decision_of(&world, &disk_of(&world)));
    assert_eq!(convicts_server(&case), None);
    assert_eq!(world.audit(Some(bytes)), Err(Misdeed::NoTranscript(world.auction())));
    world.audit(Some(empty)).unwrap();
}

#[test]
fn the_transcript_that_the_decision_names_convicts_as_before() {
    let mut world = World::new(&Setting::default());
    (0..3).for_each(|i| world.bond(i, 6));
    let bytes = world.run(&BIDS);
    let empty = another_run(&Setting::default(), &[]);
    let right = world.decision(&empty, 5_000);
    let transcript = world.prove(&bytes).transcript();
    let record = NoSaleRecord { auction: world.auction(), transcript, early_close: None };
    let attached = Attached::NoSale(record).to_bytes();
    let chain = Chain::new(right.requests().to_vec(), Some(attached)).unwrap();
    assert_eq!(world.code(chain, 5_000), Code::Done);
    let deed = convicts_server(&evidence(&bytes, decision_of(&world, &disk_of(&world))));
    assert!(deed.unwrap().contains("there was a sale"));
    assert_eq!(world.audit(Some(bytes)), Err(Misdeed::NotAsProven("result")));
}

/// With physical goods the transcript also says whose words count.
#[test]
fn words_of_the_winner_are_not_judged_by_a_run_with_another_winner() {
    let (mut world, bytes) = in_stage(Stage::Dispatched);
    let word = world.word(disputed());
    let dispute = world.chain_of(&word, T3 - 1).unwrap().unwrap();
    assert_eq!(world.code(dispute.clone(), T3 - 1), Code::Done);
    let payout = world.delivery().due(Time(T4)).unwrap();
    let payout = world.payout(&payout, T4);
    assert_eq!(world.code(payout.clone(), T4), Code::Done);
    let disk = disk_of(&world);
    let decision = decision_of(&world, &disk);
    for bids in [&BIDS[..1], &BIDS[..]] {
        let other = another_run(&setting(Side::Winner), bids);
        for shown in [Some(decision.clone()), None] {
            let case = PaymentEvidence {
                dispute: Some(receipt_of(&disk, &dispute)),
                payout: Some(receipt_of(&disk, &payout)),
                decision: shown,
                ..evidence(&other, decision.clone())
            };
            assert_eq!(convicts_server(&case), None, "{bids:?}");
        }
    }
    let case = PaymentEvidence {
        dispute: Some(receipt_of(&disk, &dispute)),
        payout: Some(receipt_of(&disk, &payout)),
        ..evidence(&bytes, decision)
    };
    assert_eq!(convicts_server(&case), None);
}
