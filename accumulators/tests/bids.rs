//! What bidders get: receipts, refusals, and silence about their bids.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use accumulators::store::StoreError;
use accumulators::store::inspect::{held_bids, wrong_shares};
use auction::bid::ShareDelivery;
use auction::dispute::ShareEvidence;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::messages::Content;
use auction::receipts::Reason;
use auction::shares::{Share, ShareSum};
use auction::spec::{Rule, Time};
use cluster::{CLOSING, Cluster, OPENING, holds};
use link::service::{Answer, Declined, Phase, Question};
use tokio::task::JoinSet;

fn refused(answer: Answer) -> Reason {
    match answer {
        Answer::Refused(refusal) => refusal.reason,
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_are_refused_with_their_reason() {
    let cluster = Cluster::started(2).await;
    let auction = cluster.open_auction(Rule::SecondPrice, 16).await;
    let id = auction.id();
    let bid = cluster.seal(&auction, 5);
    cluster.set_clock(Time(OPENING.0 - 1));
    assert_eq!(refused(cluster.submit(0, &bid, id).await), Reason::NotOpen(OPENING));
    cluster.set_clock(OPENING);
    let mut wrong = cluster.seal(&auction, 5);
    let share = Share::random_seed(&mut rand::rng());
    let explicit = auction.explicit_share_of(&wrong.key.public());
    let k = 1 - explicit;
    // Signed by the bidder, but not what he committed to.
    wrong.submissions[k].delivery =
        ShareDelivery::sign(auction.context(), wrong.digest(), k as u8, share, &wrong.key);
    let reason = refused(cluster.submit(k, &wrong, id).await);
    let named = wrong.submissions[k].delivery.digest(auction.context());
    assert_eq!(reason, Reason::ShareDoesNotOpen(named));
    let receipts = cluster.place(&auction, &bid).await;
    // Receipts are left for held bids alone, whole and right.
    let stranger = cluster.seal(&auction, 6);
    let Answer::Accepted(other) = cluster.submit(0, &stranger, id).await else { panic!("refused") };
    for wrong in [vec![], receipts[..1].to_vec(), vec![receipts[0], other], vec![receipts[1]; 2]] {
        let answer = cluster.insist(0, &Question::LeaveReceipts(id, wrong)).await;
        assert!(matches!(answer, Answer::Declined(Declined::Wrong(_))), "{answer:?}");
    }
    let answer = cluster.insist(1, &Question::LeaveReceipts(id, vec![other; 2])).await;
    assert!(matches!(answer, Answer::Declined(Declined::Wrong(_))), "{answer:?}");
    cluster.set_clock(CLOSING);
    assert_eq!(refused(cluster.submit(1, &stranger, id).await), Reason::Closed);
    cluster.check_outcome(&auction, &[bid], &[5]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bid_a_key_however_many_come_at_once() {
    let cluster = Cluster::started(2).await;
    let auction = cluster.open_auction(Rule::SecondPrice, 16).await;
    let id = auction.id();
    let seed = [9; 32];
    let mut asked = JoinSet::new();
    for level in 1..=8 {
        let bid = cluster.seal_with(&auction, level, SecretKey::from_seed(&seed));
        // Each twice.
        for _ in 0..2 {
            let question = Question::Submit(id, Box::new(bid.submissions[0].clone()));
            let (peer, digest) = (cluster.peers[0].clone(), bid.digest());
            asked.spawn(async move {
                (digest, peer.request::<_, Answer>(&question, cluster::PATIENCE).await.unwrap())
            });
        }
    }
    let mut accepted = Vec::new();
    let mut known = Vec::new();
    while let Some(answered) = asked.join_next().await {
        match answered.unwrap() {
            (digest, Answer::Accepted(receipt)) => {
                assert_eq!(receipt.bid, digest);
                accepted.push(receipt);
            }
            (_, Answer::Refused(refusal)) => {
                let Reason::SecondBid(bid) = refusal.reason else { panic!("{refusal:?}") };
                known.push(bid);
            }
            (_, answer) => panic!("{answer:?}"),
        }
    }
    assert_eq!((accepted.len(), known.len()), (2, 14));
    assert_eq!(accepted[0], accepted[1]);
    assert!(known.iter().all(|bid| *bid == accepted[0].bid));
    assert_eq!(cluster.state(0, id).await.bids, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_busy_and_takes_the_bids_later() {
    let mut cluster = Cluster::new(2);
    cluster.append_config(0, "max_waiting_bids = 1");
    for k in 0..2 {
        cluster.start(k).await;
    }
    let auction = cluster.open_auction(Rule::SecondPrice, 64).await;
    let id = auction.id();
    let bids: Vec<_> = (1..=24).map(|level| cluster.seal(&auction, level)).collect();
    let mut asked = JoinSet::new();
    for bid in &bids {
        let question = Question::Submit(id, Box::new(bid.submissions[0].clone()));
        let peer = cluster.peers[0].clone();
        asked.spawn(async move {
            peer.request::<_, Answer>(&question, cluster::PATIENCE).await.unwrap()
        });
    }
    let (mut busy, mut accepted) = (0, 0);
    while let Some(answer) = asked.join_next().await {
        match answer.unwrap() {
            Answer::Busy { retry_after } if retry_after > 0 => busy += 1,
            Answer::Accepted(_) => accepted += 1,
            answer => panic!("{answer:?}"),
        }
    }
    assert!(busy > 0 && accepted > 0, "{busy} busy, {accepted} accepted");
    for bid in &bids {
        assert!(matches!(cluster.submit(0, bid, id).await, Answer::Accepted(_)));
    }
    assert_eq!(cluster.state(0, id).await.bids, 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spec_s_most_bids_are_the_most() {
    let cluster = Cluster::started(2).await;
    let mut spec = cluster.spec(Rule::SecondPrice, 8);
    spec.most_bids = 3;
    let auction = cluster.announce(&cluster.sign(spec)).await;
    let id = auction.id();
    let mut asked = JoinSet::new();
    for level in 1..=6 {
        let bid = cluster.seal(&auction, level);
        let question = Question::Submit(id, Box::new(bid.submissions[0].clone()));
        let peer = cluster.peers[0].clone();
        asked.spawn(async move {
            peer.request::<_, Answer>(&question, cluster::PATIENCE).await.unwrap()
        });
    }
    let mut accepted = 0;
    while let Some(answer) = asked.join_next().await {
        match answer.unwrap() {
            Answer::Accepted(_) => accepted += 1,
            Answer::Refused(refusal) => assert_eq!(refusal.reason, Reason::Full),
            answer => panic!("{answer:?}"),
        }
    }
    assert_eq!(accepted, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_closing_every_receipt_is_listed_and_nothing_else_is() {
    let cluster = Arc::new(Cluster::started(2).await);
    let auction = cluster.open_auction(Rule::FirstPrice, 64).await;
    let id = auction.id();
    let first = cluster.seal(&auction, 1);
    cluster.place(&auction, &first).await;
    let bids: Vec<_> = (0..40).map(|i| Arc::new(cluster.seal(&auction, 2 + i))).collect();
    let mut asked = JoinSet::new();
    for (i, bid) in bids.iter().enumerate() {
        for k in 0..2 {
            let (cluster, bid) = (Arc::clone(&cluster), Arc::clone(bid));
            asked.spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(i as u64)).await;
                (k, bid.digest(), cluster.submit(k, &bid, id).await)
            });
        }
    }
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    cluster.set_clock(CLOSING);
    let mut receipted = [BTreeSet::from([first.digest()]), BTreeSet::from([first.digest()])];
    while let Some(answered) = asked.join_next().await {
        match answered.unwrap() {
            (k, digest, Answer::Accepted(_)) => assert!(receipted[k].insert(digest)),
            (_, _, answer) => assert_eq!(refused(answer), Reason::Closed),
        }
    }
    cluster.until(0, id, |state| state.phase == Phase::Done).await;
    let transcript = cluster.transcript(0, id).await;
    for (k, receipted) in receipted.iter().enumerate() {
        let Content::List(list) = &transcript.rounds[0][k].body.content else { panic!("no list") };
        let listed: BTreeSet<_> = list.iter().map(|listed| listed.bid).collect();
        assert_eq!(listed, *receipted, "of accumulator {k}");
    }
}

/// The sum of shares, entry by entry, as bytes.
fn summed(shares: &[&Share], levels: usize) -> Vec<[u8; 32]> {
    let mut sum = ShareSum::new(levels);
    for share in shares {
        sum.add(&share.expand(levels).unwrap()).unwrap();
    }
    sum.finish().vector.expose().iter().map(|entry| entry.to_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directories_of_all_but_one_node_do_not_hold_the_bid() {
    let (levels, level) = (8, 5);
    let mut cluster = Cluster::started(3).await;
    let auction = cluster.open_auction(Rule::FirstPrice, levels as u32).await;
    let id = auction.id();
    let bid = cluster.seal(&auction, level);
    cluster.place(&auction, &bid).await;
    for k in 0..3 {
        cluster.kill(k);
    }
    let mut unary = vec![[0; 32]; levels];
    unary[..level as usize].iter_mut().for_each(|entry| entry[0] = 1);
    let held = held_soon(&cluster, id).await;
    let shares: Vec<&Share> = held.iter().map(|share| share.as_ref().unwrap()).collect();
    assert_eq!(summed(&shares, levels), unary);
    for k in 0..3 {
        let others: Vec<&Share> = (0..3).filter(|j| *j != k).map(|j| shares[j]).collect();
        let known = summed(&others, levels);
        assert!(known.iter().all(|entry| entry[1..] != [0; 31]), "an entry of {k} shows");
        // And what a node holds lies sealed on its disk.
        let secret = match shares[k] {
            Share::Seed(seed) => seed,
            Share::Explicit { blinding, .. } => blinding,
        };
        assert!(!holds(&cluster.dir(k), secret));
    }
    for k in 0..3 {
        cluster.start(k).await;
    }
    cluster.set_clock(CLOSING);
    cluster.check_outcome(&auction, &[bid], &[level]).await;
    // After the outcome not even all directories together hold it.
    for k in 0..3 {
        cluster.until(k, id, |state| state.phase == Phase::Done).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    for k in 0..3 {
        cluster.kill(k);
        assert!(!cluster.dir(k).join("keys").join(format!("{id}.key")).exists());
    }
    assert!(held_soon(&cluster, id).await.is_empty());
}

/// What the nodes hold, once their stores are given back: one bid at most.
async fn held_soon(cluster: &Cluster, id: auction::layout::Digest) -> Vec<Option<Share>> {
    let mut all = Vec::new();
    for k in 0..3 {
        let mut tries = 0;
        let held = loop {
            match held_bids(&cluster.dir(k), &id) {
                Ok(held) => break held,
                Err(error) if tries > 200 => panic!("{error}"),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
            tries += 1;
        };
        assert!(held.len() <= 1);
        all.extend(held.into_iter().map(|held| held.share));
    }
    all
}

/// What convicts a bidder of a wrong share is kept, over a restart, until the bid is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_does_not_open_is_kept_as_evidence_until_the_bid_is_taken() {
    let mut cluster = Cluster::started(2).await;
    let auction = cluster.open_auction(Rule::FirstPrice, 6).await;
    let id = auction.id();
    let bid = cluster.seal(&auction, 3);
    let mut wrong = bid.submissions[0].clone();
    let share = match &wrong.delivery.share {
        Share::Seed(_) => Share::Seed([9; 32]),
        Share::Explicit { entries, .. } => {
            Share::Explicit { entries: entries.clone(), blinding: [0; 32] }
        }
    };
    wrong.delivery = ShareDelivery::sign(auction.context(), bid.digest(), 0, share, &bid.key);
    let answer = cluster.insist(0, &Question::Submit(id, Box::new(wrong.clone()))).await;
    assert!(matches!(refused(answer), Reason::ShareDoesNotOpen(_)));
    cluster.stop(0).await;
    let kept = shares_of_stopped(&cluster, &id).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].delivery, wrong.delivery);
    let ruling = kept[0].clone().judge(&mut rand::rng()).unwrap();
    assert_eq!(ruling.convicted[0].key, bid.key.public());
    cluster.start(0).await;
    cluster.place(&auction, &bid).await;
    cluster.stop(0).await;
    assert!(shares_of_stopped(&cluster, &id).await.is_empty());
}

/// Node 0's evidence, once its writer has let go of the store.
async fn shares_of_stopped(cluster: &Cluster, id: &Digest) -> Vec<ShareEvidence> {
    for _ in 0..4_000 {
        match wrong_shares(&cluster.dir(0), id) {
            Ok(shares) => return shares,
            Err(StoreError::Database(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the store stays in use");
}
