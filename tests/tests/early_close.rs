//! The seller's signed word ends the bidding: everywhere, at once, and nobody else's does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use auction::keys::SecretKey;
use auction::receipts::Reason;
use auction::spec::{EarlyClose, Rule};
use link::service::{Answer, Declined, Phase, Question};
use tests::committee::Committee;
use tests::sale::Bid;

#[tokio::test(flavor = "multi_thread")]
async fn the_sellers_word_alone_closes_and_one_accumulator_is_enough_to_hear_it() {
    let mut committee = Committee::started(3);
    let sale = committee.announce(committee.terms(Rule::SecondPrice, 32)).await;
    let other = committee.announce(committee.terms(Rule::SecondPrice, 32)).await;
    let bids = sale.place_all(&[30, 12, 29]).await;

    let stranger = SecretKey::generate(&mut rand::rng());
    let mut elsewhere = EarlyClose::sign(other.id(), &committee.seller);
    elsewhere.auction = sale.id();
    let accumulator = committee.accumulators[1].identity();
    for word in [
        EarlyClose::sign(sale.id(), &stranger),
        EarlyClose::sign(sale.id(), &accumulator),
        elsewhere,
    ] {
        let answer = sale.ask(1, &Question::Close(word)).await;
        assert!(matches!(answer, Answer::Declined(Declined::NotAllowed(_))), "{answer:?}");
    }
    for k in 0..3 {
        assert_eq!(sale.state(k).await.unwrap().phase, Phase::Open);
    }

    // One hears it and is killed at once; another one is down and hears it later.
    committee.accumulators[0].kill();
    committee.close(&sale, 2).await;
    committee.accumulators[2].restart();
    committee.accumulators[0].start();
    sale.check_honest_outcome(&bids.iter().collect::<Vec<_>>()).await;
    // What was said again is taken again.
    committee.close(&sale, 1).await;
    let late = Bid::seal(&sale.auction, 32);
    for k in 0..3 {
        let answer = sale.submit(k, &late).await;
        let closed = match &answer {
            Answer::Refused(refusal) => refusal.reason == Reason::Closed,
            Answer::Declined(declined) => *declined == Declined::Finished,
            _ => false,
        };
        assert!(closed, "accumulator {k}: {answer:?}");
    }
    // The other auction of the same seller goes on.
    for k in 0..3 {
        other.until(k, "open", |state| state.phase == Phase::Open).await;
    }
}
