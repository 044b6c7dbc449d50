//! Accumulators killed (SIGKILL) in every phase and started again: the outcome is that of the
//! plain auction, and the transcripts of all accumulators prove the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use auction::keys::SecretKey;
use auction::receipts::Reason;
use auction::spec::Rule;
use link::service::{Answer, Phase, Question};
use rand::RngExt as _;
use tests::committee::Committee;
use tests::freezing::{Part, freeze_in};
use tests::sale::{Bid, Sale};
use tests::seeds::seeded;
use tokio::task::JoinSet;

const LEVELS: [u32; 6] = [7, 31, 18, 2, 31, 25];

fn all(bids: &[Bid]) -> Vec<&Bid> {
    bids.iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_joining() {
    let mut committee = Committee::new(3);
    committee.accumulators[0].start();
    committee.accumulators[1].start();
    let signed = committee.terms(Rule::SecondPrice, 32).sign(&committee.seller);
    let announced = Question::Announce(Box::new(signed.clone()));
    let terms = signed.clone().verify().unwrap();
    // The third one lacks: nobody has all joins when the first one is killed.
    let peers = committee.accumulators.iter().map(|one| {
        tests::committee::peer(
            &tests::committee::endpoint(&link::Identity::generate(&mut rand::rng())),
            one.member(),
        )
    });
    let peers: Vec<_> = peers.collect();
    let joins = loop {
        let answer: Answer = peers[0].request(&announced, tests::sale::PATIENCE).await.unwrap();
        let Answer::Auction { joins, .. } = answer else { panic!("{answer:?}") };
        if joins.len() == 2 {
            break joins;
        }
        tokio::time::sleep(tests::committee::PAUSE).await;
    };
    committee.accumulators[0].restart();
    committee.accumulators[2].start();
    let auction = committee.client.announce(signed).await.unwrap();
    assert_eq!(auction.id(), terms.id());
    // A node joins once: what it showed before it was killed stands.
    assert_eq!(auction.joins()[..2], joins[..]);
    let sale = committee.sale(auction);
    for k in 0..3 {
        sale.until(k, "open", |state| state.phase == Phase::Open).await;
    }
    let bids = sale.place_all(&LEVELS).await;
    committee.close(&sale, 0).await;
    sale.check_honest_outcome(&all(&bids)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_bids_come_in_and_right_after_a_receipt() {
    let mut committee = Committee::started(3);
    let sale = committee.announce(committee.terms(Rule::FirstPrice, 32)).await;
    let mut placing = JoinSet::new();
    for level in [4, 9, 30, 12, 30, 3, 17, 22] {
        let sale = sale.clone();
        placing.spawn(async move { sale.place(level).await });
    }
    let mut bids = vec![placing.join_next().await.unwrap().unwrap()];
    committee.accumulators[1].kill();
    tokio::time::sleep(Duration::from_millis(200)).await;
    committee.accumulators[1].start();
    bids.extend(placing.join_all().await);

    // What a receipt promises was on the disk before the receipt was sent.
    let bid = Bid::seal(&sale.auction, 30);
    let receipt = sale.receipt(2, &bid).await;
    committee.accumulators[2].restart();
    let counted = bids.len() as u32 + 1;
    sale.until(2, "open", |state| state.phase == Phase::Open && state.bids == counted).await;
    assert_eq!(sale.receipt(2, &bid).await, receipt);
    let second = Bid::seal_with(&sale.auction, 31, SecretKey::from_seed(bid.key.seed()));
    let Answer::Refused(refusal) = sale.submit(2, &second).await else { panic!("taken") };
    assert_eq!(refusal.reason, Reason::SecondBid(bid.digest()));
    let receipts = sale.receipts(&bid).await;
    sale.leave(2, &receipts).await;
    committee.accumulators[2].restart();
    bids.push(bid);
    committee.close(&sale, 0).await;
    sale.check_honest_outcome(&all(&bids)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_every_part_of_the_rounds() {
    let mut committee = Committee::started(3);
    // One frozen holds the rounds; who is killed is one that waits, the frozen one, or both.
    let parts = [
        (Part::Set, vec![1], Rule::SecondPrice),
        (Part::Price, vec![2], Rule::SecondPrice),
        (Part::Price, vec![0, 1], Rule::FirstPrice),
        (Part::Winner, vec![1, 2], Rule::SecondPrice),
        (Part::Winner, vec![0], Rule::FirstPrice),
        (Part::Outcome, vec![1, 2], Rule::SecondPrice),
        (Part::Outcome, vec![0], Rule::SecondPrice),
    ];
    for (part, killed, rule) in parts {
        let (sale, bids) = held_in(&committee, part, rule).await;
        for k in &killed {
            committee.accumulators[*k].restart();
        }
        if !killed.contains(&2) {
            committee.accumulators[2].thaw();
        }
        sale.check_honest_outcome(&all(&bids)).await;
    }
}

/// An auction whose rounds stand still in this part, accumulator 2 frozen.
async fn held_in(committee: &Committee, part: Part, rule: Rule) -> (Sale, Vec<Bid>) {
    // The part may be over within one slice of time; that often in a row it is not.
    for attempt in 0..12 {
        // Many levels and the smallest fan-out make many rounds.
        let sale = committee.announce(committee.terms(rule, 512)).await;
        let levels: Vec<u32> = LEVELS.iter().map(|level| level * 16).collect();
        let bids = sale.place_all(&levels).await;
        committee.accumulators[2].freeze();
        committee.close(&sale, 0).await;
        if freeze_in(committee, &sale, 2, part).await {
            return (sale, bids);
        }
        eprintln!("{part:?} went by, attempt {attempt}");
        sale.check_honest_outcome(&all(&bids)).await;
    }
    panic!("{part:?} was never hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_after_closing() {
    let mut rng = seeded("killed_at_random_moments_after_closing");
    let mut committee = Committee::started(3);
    for round in 0..10 {
        let rule = if round % 2 == 0 { Rule::SecondPrice } else { Rule::FirstPrice };
        let sale = committee.announce(committee.terms(rule, 64)).await;
        let levels: Vec<u32> =
            (0..rng.random_range(1..=8)).map(|_| rng.random_range(50..=60)).collect();
        let bids = sale.place_all(&levels).await;
        let (told, killed) = (rng.random_range(0..3), rng.random_range(0..3));
        committee.close(&sale, told).await;
        let delay = Duration::from_micros(rng.random_range(0..150_000));
        tokio::time::sleep(delay).await;
        let state = sale.state((killed + 1) % 3).await;
        let part = state.as_ref().map(Part::of);
        eprintln!("auction {round}: {levels:?}, {killed} killed after {delay:?} in {part:?}");
        committee.accumulators[killed].restart();
        sale.check_honest_outcome(&all(&bids)).await;
    }
}
