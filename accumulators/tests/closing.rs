//! Who may close, announce and ask what.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;

use auction::keys::SecretKey;
use auction::outcome::Void;
use auction::receipts::Reason;
use auction::spec::{EarlyClose, Rule, Time};
use cluster::{CLOSING, Cluster};
use link::service::{Answer, Declined, Phase, Question};

#[tokio::test(flavor = "multi_thread")]
async fn the_seller_closes_early_and_one_node_tells_the_others() {
    let levels = [6, 2, 9];
    let cluster = Cluster::started(3).await;
    let auction = cluster.open_auction(Rule::SecondPrice, 16).await;
    let id = auction.id();
    let bids = cluster.place_all(&auction, &levels).await;
    let forged = EarlyClose::sign(id, &SecretKey::generate(&mut rand::rng()));
    let answer = cluster.ask(2, &Question::Close(forged)).await;
    assert!(matches!(answer, Answer::Declined(Declined::NotAllowed(_))), "{answer:?}");
    let close = cluster.early_close(id);
    assert_eq!(cluster.ask(2, &Question::Close(close)).await, Answer::Done);
    cluster.check_outcome(&auction, &bids, &levels).await;
    for k in 0..3 {
        let Answer::Auction { early_close, .. } = cluster.ask(k, &Question::Auction(id)).await
        else {
            panic!("unknown");
        };
        assert_eq!(early_close, Some(close));
        // Again is fine; bids are not.
        assert_eq!(cluster.ask(k, &Question::Close(close)).await, Answer::Done);
        let late = cluster.seal(&auction, 1);
        match cluster.submit(k, &late, id).await {
            Answer::Refused(refusal) => {
                refusal.verify(&auction).unwrap();
                assert_eq!(refusal.reason, Reason::Closed);
            }
            // It may have ended meanwhile.
            answer => assert_eq!(answer, Answer::Declined(Declined::Finished)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_close_survives_a_kill_before_it_was_passed_on() {
    let levels = [6, 2];
    let mut cluster = Cluster::started(3).await;
    let auction = cluster.open_auction(Rule::FirstPrice, 16).await;
    let bids = cluster.place_all(&auction, &levels).await;
    cluster.kill(1);
    let close = Question::Close(cluster.early_close(auction.id()));
    assert_eq!(cluster.ask(0, &close).await, Answer::Done);
    cluster.kill(0);
    cluster.start(0).await;
    cluster.start(1).await;
    cluster.check_outcome(&auction, &bids, &levels).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_joined_is_declined_with_the_reason() {
    let mut cluster = Cluster::new(3);
    cluster.append_config(0, "max_auctions = 1");
    let other = SecretKey::generate(&mut rand::rng());
    cluster.append_config(1, &format!("sellers = [\"{}\"]", other.public()));
    for k in 0..2 {
        cluster.start(k).await;
    }
    let spec = cluster.spec(Rule::SecondPrice, 16);
    let id = spec.id();
    for question in [
        Question::Auction(id),
        Question::State(id),
        Question::Transcript(id, 0),
        Question::Close(cluster.early_close(id)),
    ] {
        let answer = cluster.ask(0, &question).await;
        assert_eq!(answer, Answer::Declined(Declined::UnknownAuction));
    }
    let announce = async |k, spec| cluster.ask(k, &Question::Announce(Box::new(spec))).await;
    let signed = cluster.sign(spec.clone());
    let answer = announce(1, signed.clone()).await;
    assert!(matches!(answer, Answer::Declined(Declined::NotAllowed(_))), "{answer:?}");
    let mut without = spec.clone();
    without.accumulators.remove(0);
    let answer = announce(0, cluster.sign(without)).await;
    assert_eq!(answer, Answer::Declined(Declined::NotNamed(cluster.members[0].key)));
    let answer = announce(0, spec.clone().sign(&other)).await;
    assert!(matches!(answer, Answer::Declined(Declined::Spec(_))), "{answer:?}");
    cluster.set_clock(CLOSING);
    let answer = announce(0, signed.clone()).await;
    assert!(matches!(answer, Answer::Declined(Declined::NotNow(_))), "{answer:?}");
    cluster.set_clock(Time(1_000));
    let answer = announce(0, signed.clone()).await;
    assert!(matches!(answer, Answer::Auction { ref joins, .. } if joins.len() == 1), "{answer:?}");
    assert_eq!(announce(0, signed.clone()).await, answer);
    let mut second = spec.clone();
    second.nonce = [7; 32];
    let answer = announce(0, cluster.sign(second.clone())).await;
    assert_eq!(answer, Answer::Declined(Declined::TooManyAuctions));
    // Not all joined at closing: void, the traces erased, and there is room again.
    cluster.set_clock(CLOSING);
    cluster.until(0, id, |state| state.phase == Phase::Void).await;
    cluster.set_clock(Time(1_000));
    assert_eq!(announce(0, signed).await, Answer::Declined(Declined::Finished));
    let answer = announce(0, cluster.sign(second)).await;
    assert!(matches!(answer, Answer::Auction { .. }), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_speak_for_accumulators() {
    let cluster = Cluster::started(2).await;
    let auction = cluster.open_auction(Rule::SecondPrice, 4).await;
    let id = auction.id();
    let void = Void::sign(auction.context(), 1, &SecretKey::generate(&mut rand::rng()));
    for question in [Question::History(id, 0, 0), Question::Void(id, void)] {
        let answer = cluster.ask(0, &question).await;
        assert!(matches!(answer, Answer::Declined(Declined::NotAllowed(_))), "{answer:?}");
    }
    let answer = cluster.ask(0, &Question::Transcript(id, 0)).await;
    assert!(matches!(answer, Answer::Declined(Declined::NotNow(_))), "{answer:?}");
    let Answer::Hello { version, now } = cluster.ask(0, &Question::Hello).await else {
        panic!("no greeting");
    };
    assert_eq!((version.as_str(), now), (env!("CARGO_PKG_VERSION"), cluster::OPENING));
}
