//! Accumulators that are silent, say two things, or say something wrong: played by the test with
//! the third node's identity.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;

use std::sync::Arc;

use auction::join::{Auction, Join};
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::messages::{Body, Content, Listed, RoundMessage};
use auction::party::PartySecret;
use auction::spec::{Rule, SignedSpec};
use cluster::{CLOSING, Cluster, LAST, OPENING, PATIENCE, client_as};
use link::service::{Answer, Declined, Phase, Question, State};
use link::{Endpoint, Identity, Peer, PeerKey};

const CHEAT: u8 = 2;

/// The third accumulator, in the hands of the test.
struct Cheat {
    key: SecretKey,
    secret: PartySecret,
    _endpoint: Endpoint,
    peers: Vec<Peer>,
}

impl Cheat {
    fn new(cluster: &Cluster) -> Self {
        let key = cluster.identity(CHEAT.into());
        let endpoint = client_as(&Identity::from_seed(key.seed()));
        let peer = |k: usize| {
            let member = &cluster.members[k];
            Peer::new(endpoint.clone(), &member.address, PeerKey(member.key.0))
        };
        let peers = (0..2).map(peer).collect();
        let secret = PartySecret::generate(&mut rand::rng());
        Self { key, secret, _endpoint: endpoint, peers }
    }

    fn join(&self, id: Digest) -> Join {
        self.secret.join(id, CHEAT, &self.key, &mut rand::rng())
    }

    async fn tell(&self, k: usize, question: Question) -> Answer {
        self.peers[k].request(&question, PATIENCE).await.unwrap()
    }

    async fn tell_join(&self, k: usize, spec: &SignedSpec, join: &Join) -> Answer {
        self.tell(k, Question::Join(Box::new((spec.clone(), join.clone())))).await
    }

    fn message(&self, auction: &Auction, content: Content) -> RoundMessage {
        let context = *auction.context();
        let body = Body { context, round: 0, previous: context, accumulator: CHEAT, content };
        body.sign(&self.key)
    }

    /// Sends a message, without waiting for the acknowledgement that comes with the round's end.
    fn send(&self, k: usize, auction: &Auction, message: &RoundMessage) {
        let question = Question::Round(auction.id(), Box::new(message.clone()));
        let peer = self.peers[k].clone();
        tokio::spawn(async move { peer.request::<_, Answer>(&question, PATIENCE).await });
    }
}

/// Two nodes, and a cheat who has joined like them.
async fn joined() -> (Cluster, Cheat, Arc<Auction>) {
    let mut cluster = Cluster::new(3);
    cluster.start(0).await;
    cluster.start(1).await;
    let cheat = Cheat::new(&cluster);
    let signed = cluster.sign(cluster.spec(Rule::SecondPrice, 8));
    let id = signed.claimed_id();
    let join = cheat.join(id);
    cluster.ask(0, &Question::Announce(Box::new(signed.clone()))).await;
    for k in 0..2 {
        cheat.tell_join(k, &signed, &join).await;
    }
    for k in 0..2 {
        cluster.until(k, id, |state| state.phase == Phase::Waiting).await;
    }
    cluster.set_clock(OPENING);
    let auction = cluster.auction(0, id).await;
    (cluster, cheat, auction)
}

fn finds(text: &str) -> impl Fn(&State) -> bool + '_ {
    move |state| state.findings.iter().any(|finding| finding.contains(text))
}

async fn void_at_last(cluster: &Cluster, id: Digest) {
    cluster.set_clock(LAST);
    for k in 0..2 {
        let state = cluster.until(k, id, |state| state.phase == Phase::Void).await;
        assert_eq!(state.outcome, None);
        let answer = cluster.ask(k, &Question::Transcript(id, 0)).await;
        assert!(matches!(answer, Answer::Declined(Declined::NotNow(_))), "{answer:?}");
        // The key goes right after the phase is shown.
        let key = cluster.dir(k).join("keys").join(format!("{id}.key"));
        for _ in 0..1000 {
            if !key.exists() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(!key.exists());
    }
    // They tell each other that they send nothing more.
    for k in 0..2 {
        cluster.until(k, id, finds("sends nothing more")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_fellow_is_named_and_the_auction_ends_void() {
    let (mut cluster, _cheat, auction) = joined().await;
    cluster.set_clock(CLOSING);
    let silent = |state: &State| match &state.phase {
        Phase::Closed { round: 0, waiting_for, .. } => *waiting_for == [CHEAT],
        _ => false,
    };
    for k in 0..2 {
        cluster.until(k, auction.id(), silent).await;
    }
    void_at_last(&cluster, auction.id()).await;
    cluster.kill(0);
    cluster.start(0).await;
    let state = cluster.until(0, auction.id(), |state| state.phase == Phase::Void).await;
    assert!(finds("accumulator 1 sends nothing more")(&state));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_messages_to_two_fellows_convict_by_the_histories() {
    let (cluster, cheat, auction) = joined().await;
    cluster.set_clock(CLOSING);
    for k in 0..2 {
        cluster.until(k, auction.id(), |s| matches!(s.phase, Phase::Closed { .. })).await;
    }
    let listed = Listed { bid: Digest([1; 32]), complete: false };
    cheat.send(0, &auction, &cheat.message(&auction, Content::List(vec![])));
    cheat.send(1, &auction, &cheat.message(&auction, Content::List(vec![listed])));
    for k in 0..2 {
        let found = finds("accumulator 2 signed two messages for round 0");
        cluster.until(k, auction.id(), found).await;
    }
    void_at_last(&cluster, auction.id()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_messages_to_one_fellow_convict_everywhere() {
    let (cluster, cheat, auction) = joined().await;
    cluster.set_clock(CLOSING);
    cluster.until(0, auction.id(), |s| matches!(s.phase, Phase::Closed { .. })).await;
    let listed = Listed { bid: Digest([1; 32]), complete: false };
    let (first, second) = (Content::List(vec![]), Content::List(vec![listed]));
    cheat.send(0, &auction, &cheat.message(&auction, first));
    let second = Question::Round(auction.id(), Box::new(cheat.message(&auction, second)));
    // Until the first has come.
    for _ in 0..500 {
        match cheat.tell(0, second.clone()).await {
            Answer::Declined(Declined::Wrong(_)) => break,
            _ => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
    for k in 0..2 {
        let found = finds("accumulator 2 signed two messages for round 0");
        cluster.until(k, auction.id(), found).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_joins_convict_and_the_first_one_stays() {
    let (cluster, cheat, auction) = joined().await;
    let signed = auction.verified_spec().signed();
    let second = cheat.join(auction.id());
    cheat.tell_join(1, signed, &second).await;
    for k in 0..2 {
        cluster.until(k, auction.id(), finds("accumulator 2 signed two joins")).await;
        let now = cluster.auction(k, auction.id()).await;
        assert_eq!(now.context(), auction.context());
    }
    // Evidence that convicts nobody is refused.
    let [first, _] = [auction.joins()[2].clone(), second];
    let same = auction::equivocation::Equivocation::Joins(Box::new([first.clone(), first]));
    let answer = cluster.ask(0, &Question::Evidence(auction.id(), Box::new(same))).await;
    assert!(matches!(answer, Answer::Declined(Declined::Wrong(_))), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_different_join_for_each_fellow_is_found_when_their_contexts_meet() {
    let mut cluster = Cluster::new(3);
    cluster.start(0).await;
    cluster.start(1).await;
    let cheat = Cheat::new(&cluster);
    let signed = cluster.sign(cluster.spec(Rule::SecondPrice, 8));
    let id = signed.claimed_id();
    cluster.ask(0, &Question::Announce(Box::new(signed.clone()))).await;
    for k in 0..2 {
        // They have each other's join already, and will not show each other the third.
        cluster.until(k, id, |state| state.phase == Phase::Joining(vec![CHEAT])).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    for k in 0..2 {
        cheat.tell_join(k, &signed, &cheat.join(id)).await;
        cluster.until(k, id, |state| state.phase == Phase::Waiting).await;
    }
    let contexts = [cluster.auction(0, id).await, cluster.auction(1, id).await];
    assert_ne!(contexts[0].context(), contexts[1].context());
    cluster.set_clock(CLOSING);
    for k in 0..2 {
        cluster.until(k, id, finds("accumulator 2 signed two joins")).await;
        cluster.until(k, id, finds("takes part under other joins")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_message_stops_the_auction_and_names_its_sender() {
    let (mut cluster, cheat, auction) = joined().await;
    let id = auction.id();
    cluster.set_clock(CLOSING);
    // A list that names a bid twice.
    let listed = Listed { bid: Digest([1; 32]), complete: false };
    let wrong = cheat.message(&auction, Content::List(vec![listed, listed]));
    for k in 0..2 {
        cluster.until(k, id, |s| matches!(s.phase, Phase::Closed { .. })).await;
        cheat.send(k, &auction, &wrong);
    }
    let stopped = |state: &State| match &state.phase {
        Phase::Stopped(text) => text.contains("accumulator 2: the list is not sorted"),
        _ => false,
    };
    for k in 0..2 {
        cluster.until(k, id, stopped).await;
    }
    // A restart comes to the same end.
    cluster.kill(0);
    cluster.start(0).await;
    cluster.until(0, id, stopped).await;
    let key = cluster.dir(0).join("keys").join(format!("{id}.key"));
    assert!(key.exists());
    cluster.set_clock(LAST);
    for _ in 0..1000 {
        if !key.exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(!key.exists());
    cluster.until(0, id, stopped).await;
}
