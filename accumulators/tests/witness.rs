//! Accumulators as witnesses of a settlement server: they join only what they can follow, go on
//! taking bids when it falls silent, and take none more once its own words convict it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use auction::bid::BondTicket;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::prices::Level;
use auction::receipts::Reason;
use auction::sealing::seal;
use auction::settlement_terms::{Delivery, EscrowReceipt, Goods, Settlement};
use auction::spec::{Rule, SignedSpec, Spec, Time};
use cluster::{Cluster, OPENING, PATIENCE};
use link::service::{Answer, Declined, Phase, Question};
use link::{Endpoint, Handler, Identity, Limits, PeerKey};
use tokio::task::{JoinHandle, JoinSet};
use witness::evidence::{Case, Word};
use witness::layout::Signer;
use witness::service::{
    Answered, Asked, HeadAnswer, HeadQuestion, MAX_HEAD_QUESTION, MAX_WITNESSED, NoOther, Standing,
    Witnessed,
};
use witness::tree::node_hash;
use witness::{Continuation, Head, LedgerKey, ServerEvidence, SignedHead};

const LEDGER: Digest = Digest([9; 32]);

fn server_key() -> SecretKey {
    SecretKey::from_seed(&[77; 32])
}

/// A settlement server's history of at most two entries, which a test writes.
#[derive(Clone, Copy)]
struct History {
    leaves: [[u8; 32]; 2],
    size: u64,
    time: u64,
    /// Whether it answers more than its head.
    answers: bool,
}

impl History {
    fn root(&self, size: u64) -> Digest {
        match size {
            1 => Digest(self.leaves[0]),
            _ => Digest(node_hash(&self.leaves[0], &self.leaves[1])),
        }
    }

    fn head(&self) -> SignedHead {
        let (size, root, time) = (self.size, self.root(self.size), Time(self.time));
        Head { epoch: 0, since: 0, size, root, time }.sign(&Signer::new(&server_key()), LEDGER)
    }

    fn answer(&self, question: HeadQuestion) -> HeadAnswer {
        match question {
            HeadQuestion::Head => HeadAnswer::Head(self.head()),
            HeadQuestion::Continuation(1, 2) if self.answers => {
                let word = Continuation {
                    epoch: 0,
                    since: 0,
                    old_size: 1,
                    old_root: self.root(1),
                    new_size: 2,
                    new_root: self.root(2),
                    path: vec![Digest(self.leaves[1])],
                };
                let signed = word.sign(&Signer::new(&server_key()), LEDGER);
                HeadAnswer::Continuation(Box::new(signed))
            }
            _ => HeadAnswer::Nothing,
        }
    }
}

/// Says of its history what a test makes it say.
struct Service(Arc<Mutex<History>>);

impl Handler for Service {
    type Question = Asked<NoOther>;
    type Answer = Answered<NoOther>;

    fn limit(&self, _: PeerKey) -> usize {
        MAX_HEAD_QUESTION
    }

    async fn answer(&self, _: PeerKey, question: Asked<NoOther>) -> Answered<NoOther> {
        let Asked::Heads(question) = question;
        Answered::Heads(self.0.lock().unwrap().answer(question))
    }
}

struct Fake {
    history: Arc<Mutex<History>>,
    addr: SocketAddr,
    running: Option<JoinHandle<()>>,
}

impl Fake {
    fn started() -> Self {
        let leaves = [[1; 32], [2; 32]];
        let history = History { leaves, size: 1, time: 10, answers: true };
        let history = Arc::new(Mutex::new(history));
        let mut fake = Self { history, addr: "127.0.0.1:0".parse().unwrap(), running: None };
        fake.start();
        fake
    }

    fn start(&mut self) {
        let identity = Identity::from_seed(server_key().seed());
        let endpoint = Endpoint::bind(self.addr, &identity, Limits::default()).unwrap();
        self.addr = endpoint.local_addr().unwrap();
        let service = Arc::new(Service(Arc::clone(&self.history)));
        self.running = Some(tokio::spawn(async move {
            let _ = endpoint.serve(service, std::future::pending()).await;
        }));
    }

    fn kill(&mut self) {
        self.running.take().unwrap().abort();
    }

    fn now(&self, change: impl FnOnce(&mut History)) {
        change(&mut self.history.lock().unwrap());
    }

    fn spec(&self, cluster: &Cluster) -> Spec {
        let spec = cluster.spec(Rule::SecondPrice, 4);
        let (key_hash, checksum) = (Digest([1; 32]), Digest([2; 32]));
        let held = Time(spec.closing.0 + 2 * 3_600_000 + 4 * (spec.last.0 - spec.closing.0));
        let settlement = Settlement {
            server: server_key().public(),
            ledger: LEDGER,
            address: self.addr.to_string(),
            covers: vec![Level(4)],
            held_until: held,
            fee: None,
            delivery: Delivery::Digital(Goods { key_hash, checksum, bytes: 100 }),
        };
        Spec { settlement: Some(settlement), ..spec }
    }

    fn signed(&self, cluster: &Cluster) -> SignedSpec {
        let signed = self.spec(cluster).sign(&cluster.seller);
        let receipt = EscrowReceipt::sign(&signed.claimed_id(), &server_key());
        signed.with_escrow(receipt)
    }
}

async fn announce(cluster: &Cluster, spec: &SignedSpec) -> Answer {
    cluster.ask(0, &Question::Announce(Box::new(spec.clone()))).await
}

async fn witnessed(cluster: &Cluster) -> Witnessed {
    let Answer::Witnessed(mut all) = cluster.ask(0, &Question::Witnessed).await else {
        panic!("no word of a witness");
    };
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// A bonded bid's submissions.
fn sealed(auction: &auction::join::Auction, seed: u8) -> Vec<auction::bid::Submission> {
    let bidder = SecretKey::from_seed(&[seed; 32]);
    let terms = auction.spec().settlement.clone().unwrap();
    let ticket =
        BondTicket::sign(auction.id(), bidder.public(), Level(4), terms.held_until, &server_key());
    let sealed = seal(auction, Level(2), &bidder, Some(ticket), &mut rand::rng());
    sealed.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_what_it_can_follow_and_a_silent_server_stops_no_bid() {
    let mut cluster = Cluster::started(2).await;
    let mut fake = Fake::started();
    let spec = fake.signed(&cluster);
    // Nobody there: not joined, and said so that it can be announced again.
    fake.kill();
    let refused = announce(&cluster, &spec).await;
    assert!(matches!(refused, Answer::Declined(Declined::NotNow(_))), "{refused:?}");
    fake.start();
    let answer = cluster.insist(0, &Question::Announce(Box::new(spec.clone()))).await;
    assert!(matches!(answer, Answer::Auction { .. }), "{answer:?}");
    let id = spec.claimed_id();
    cluster.set_clock(OPENING);
    for k in 0..2 {
        cluster.until(k, id, |state| state.phase == Phase::Open).await;
    }
    let auction = cluster.auction(0, id).await;
    // What was accepted is countersigned by the node itself, for anybody to see.
    let said = witnessed(&cluster).await;
    assert_eq!(said.standing, Standing::Followed);
    let head = said.head.unwrap();
    assert_eq!(head.by.witness, cluster.identity(0).public());
    assert_eq!(head.verify().unwrap().size, 1);
    assert_eq!(said.of, LedgerKey { server: server_key().public(), ledger: LEDGER });
    // It falls silent, and the node is started anew: the bid waits for it, and is taken.
    fake.kill();
    cluster.kill(0);
    cluster.start(0).await;
    let submission = sealed(&auction, 50).remove(0);
    let answer = cluster.insist(0, &Question::Submit(id, Box::new(submission))).await;
    assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    let said = witnessed(&cluster).await;
    assert_eq!((said.standing, said.head), (Standing::Silent, Some(head)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_convicts_itself_gets_no_join_and_no_bid_and_the_evidence_is_served() {
    let mut cluster = Cluster::started(2).await;
    let fake = Fake::started();
    let spec = fake.signed(&cluster);
    let id = spec.claimed_id();
    let answer = announce(&cluster, &spec).await;
    assert!(matches!(answer, Answer::Auction { .. }), "{answer:?}");
    cluster.set_clock(OPENING);
    for k in 0..2 {
        cluster.until(k, id, |state| state.phase == Phase::Open).await;
    }
    let auction = cluster.auction(0, id).await;
    let first = sealed(&auction, 50).remove(0);
    let taken = cluster.insist(0, &Question::Submit(id, Box::new(first.clone()))).await;
    assert!(matches!(taken, Answer::Accepted(_)), "{taken:?}");
    // It goes on with another first entry, and does not say how that fits: an accusation alone.
    fake.now(|history| {
        history.leaves[0] = [3; 32];
        (history.size, history.time, history.answers) = (2, 20, false);
    });
    let other = fake.signed(&cluster);
    let refused = announce(&cluster, &other).await;
    assert!(matches!(refused, Answer::Declined(Declined::NotNow(_))), "{refused:?}");
    assert!(matches!(witnessed(&cluster).await.standing, Standing::Unanswered(_)));
    let second = sealed(&auction, 51).remove(0);
    let taken = cluster.insist(0, &Question::Submit(id, Box::new(second))).await;
    assert!(matches!(taken, Answer::Accepted(_)), "bids go on: {taken:?}");
    // It answers, and that convicts it: its own word gives another root for the first entry.
    fake.now(|history| history.answers = true);
    let refused = announce(&cluster, &other).await;
    assert!(matches!(refused, Answer::Declined(Declined::NotAllowed(_))), "{refused:?}");
    let third = sealed(&auction, 52).remove(0);
    let refused = cluster.insist(0, &Question::Submit(id, Box::new(third))).await;
    let Answer::Refused(refusal) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.reason, Reason::ServerConvicted);
    // A bid that was taken keeps its receipt.
    let again = cluster.insist(0, &Question::Submit(id, Box::new(first))).await;
    assert!(matches!(again, Answer::Accepted(_)), "{again:?}");
    // The evidence outlives the process, and convinces the other node.
    cluster.kill(0);
    cluster.start(0).await;
    let Standing::Convicted(evidence) = witnessed(&cluster).await.standing else {
        panic!("the evidence is lost");
    };
    assert!(matches!(evidence.convict(), Ok(Some(_))));
    let told = cluster.ask(1, &Question::Accuse(evidence.clone())).await;
    assert_eq!(told, Answer::Done);
    let fourth = sealed(&auction, 53).remove(1);
    let refused = cluster.insist(1, &Question::Submit(id, Box::new(fourth))).await;
    assert!(matches!(refused, Answer::Refused(_)), "{refused:?}");
    // Evidence that proves nothing is not taken.
    let mut wrong = evidence;
    wrong.of.ledger = Digest([1; 32]);
    let refused = cluster.ask(1, &Question::Accuse(wrong)).await;
    assert!(matches!(refused, Answer::Declined(Declined::Wrong(_))), "{refused:?}");
}

/// The terms of an auction whose settlement server has this key, and never answers.
fn unreachable(cluster: &Cluster, fake: &Fake, server: &SecretKey) -> SignedSpec {
    let mut spec = fake.spec(cluster);
    let settlement = spec.settlement.as_mut().unwrap();
    settlement.server = server.public();
    settlement.address = "127.0.0.1:1".to_owned();
    let signed = spec.sign(&cluster.seller);
    let receipt = EscrowReceipt::sign(&signed.claimed_id(), server);
    signed.with_escrow(receipt)
}

/// Two roots over one entry, both signed.
fn two_roots(server: &SecretKey) -> ServerEvidence {
    let head = |leaf| {
        let head = Head { epoch: 0, since: 0, size: 1, root: Digest([leaf; 32]), time: Time(10) };
        head.sign(&Signer::new(server), LEDGER)
    };
    let of = LedgerKey { server: server.public(), ledger: LEDGER };
    let words = Box::new([head(1), head(2)].map(Word::Head));
    ServerEvidence { of, case: Case::Words(words, Vec::new()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_somebody_makes_up_keep_no_place_from_others() {
    let mut cluster = Cluster::new(2);
    for k in 0..2 {
        cluster.append_config(k, "max_announcements_per_minute = 1000");
        cluster.start(k).await;
    }
    let fake = Fake::started();
    // Who does not name this accumulator has it watch nothing.
    let stranger = server_key();
    let mut spec = fake.spec(&cluster);
    spec.accumulators[0].key = stranger.public();
    let signed = spec.sign(&cluster.seller);
    let receipt = EscrowReceipt::sign(&signed.claimed_id(), &server_key());
    let answer = announce(&cluster, &signed.with_escrow(receipt)).await;
    assert!(matches!(answer, Answer::Declined(Declined::NotNamed(_))), "{answer:?}");
    let answer = cluster.ask(0, &Question::Witnessed).await;
    assert_eq!(answer, Answer::Witnessed(Vec::new()));
    // Somebody fills all places with servers that nobody reaches, and convicts them himself.
    let servers: Vec<SecretKey> =
        (0..MAX_WITNESSED as u8).map(|k| SecretKey::from_seed(&[k + 100; 32])).collect();
    let mut announcing = JoinSet::new();
    for server in &servers {
        let question = Question::Announce(Box::new(unreachable(&cluster, &fake, server)));
        let peer = cluster.peers[0].clone();
        announcing.spawn(async move { peer.request(&question, PATIENCE).await.unwrap() });
    }
    while let Some(answer) = announcing.join_next().await {
        let answer: Answer = answer.unwrap();
        assert!(matches!(answer, Answer::Declined(Declined::NotNow(_))), "{answer:?}");
    }
    for server in &servers {
        let told = cluster.ask(0, &Question::Accuse(Box::new(two_roots(server)))).await;
        assert_eq!(told, Answer::Done);
    }
    let spec = fake.signed(&cluster);
    let answer = announce(&cluster, &spec).await;
    assert!(matches!(answer, Answer::Auction { .. }), "{answer:?}");
    let Answer::Witnessed(all) = cluster.ask(0, &Question::Witnessed).await else { panic!() };
    let followed: Vec<_> =
        all.iter().filter(|one| one.standing == Standing::Followed).map(|one| one.of).collect();
    assert_eq!(followed, [LedgerKey { server: server_key().public(), ledger: LEDGER }]);
}
