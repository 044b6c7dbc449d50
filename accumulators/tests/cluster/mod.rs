//! Accumulators on loopback with real QUIC and real directories, a clock that the test sets, and
//! somebody who asks them.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use accumulators::{Clock, Node, NodeError};
use auction::bid::Submission;
use auction::join::Auction;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::{Amount, Currency};
use auction::prices::{Level, PriceLadder};
use auction::receipts::Receipt;
use auction::sealing::seal;
use auction::spec::{EarlyClose, Member, Rule, SignedSpec, Spec, Time};
use auction::transcript::{Transcript, Verdict};
use link::service::{Answer, Phase, Question, State};
use link::{Endpoint, Identity, Limits, Peer, PeerKey};
use rand::RngExt as _;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Long enough that only a defect reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until something is so.
pub(crate) async fn eventually(is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

pub(crate) const OPENING: Time = Time(2_000);
pub(crate) const CLOSING: Time = Time(1_000_000);
pub(crate) const LAST: Time = Time(2_000_000);

/// A clock that the test sets.
#[derive(Debug, Default)]
pub(crate) struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

/// A node on a runtime of its own: when that is shut down, every task of the node ends where it
/// stands, as in a kill.
struct Running {
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), NodeError>>,
}

pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) members: Vec<Member>,
    running: Vec<Option<Running>>,
    endpoint: Endpoint,
    pub(crate) peers: Vec<Peer>,
    pub(crate) seller: SecretKey,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for running in self.running.iter_mut().filter_map(Option::take) {
            running.runtime.shutdown_background();
        }
    }
}

/// A bid of the test.
pub(crate) struct Bid {
    pub(crate) key: SecretKey,
    pub(crate) submissions: Vec<Submission>,
}

impl Bid {
    pub(crate) fn digest(&self) -> Digest {
        self.submissions[0].bid.digest()
    }
}

impl Cluster {
    /// Nodes that do not run yet.
    pub(crate) fn new(count: usize) -> Self {
        // Whoever set RUST_LOG wants to see it; the first cluster of a process sets it up.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let folder = tempfile::tempdir().unwrap();
        let endpoint = client(&mut rand::rng());
        let (mut members, mut peers) = (Vec::new(), Vec::new());
        for k in 0..count {
            let addr = free_address();
            let key = accumulators::init(&folder.path().join(k.to_string()), addr).unwrap();
            members.push(Member { key, address: addr.to_string() });
            peers.push(Peer::new(endpoint.clone(), addr.to_string(), PeerKey(key.0)));
        }
        let clock = Arc::new(TestClock::default());
        clock.0.store(1_000, Ordering::SeqCst);
        Self {
            running: members.iter().map(|_| None).collect(),
            seller: SecretKey::generate(&mut rand::rng()),
            folder,
            clock,
            members,
            endpoint,
            peers,
        }
    }

    pub(crate) async fn started(count: usize) -> Self {
        let mut cluster = Self::new(count);
        for k in 0..count {
            cluster.start(k).await;
        }
        cluster
    }

    pub(crate) fn dir(&self, k: usize) -> PathBuf {
        self.folder.path().join(k.to_string())
    }

    pub(crate) fn identity(&self, k: usize) -> SecretKey {
        accumulators::load_identity(&self.dir(k)).unwrap()
    }

    pub(crate) fn append_config(&self, k: usize, line: &str) {
        let path = self.dir(k).join(accumulators::CONFIG_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text + line + "\n").unwrap();
    }

    /// Starts a node, once whatever ran there has given back directory and address.
    pub(crate) async fn start(&mut self, k: usize) {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let (dir, clock) = (self.dir(k), Arc::clone(&self.clock));
        let node = runtime.spawn(async move { open(&dir, &clock).await }).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = runtime.spawn(node.run(async { drop(stopped.await) }));
        self.running[k] = Some(Running { runtime, stop, task });
    }

    /// Ends a node where it stands.
    pub(crate) fn kill(&mut self, k: usize) {
        self.running[k].take().unwrap().runtime.shutdown_background();
    }

    /// Shuts a node down.
    pub(crate) async fn stop(&mut self, k: usize) {
        let running = self.running[k].take().unwrap();
        running.stop.send(()).unwrap();
        running.task.await.unwrap().unwrap();
        running.runtime.shutdown_background();
    }

    pub(crate) fn set_clock(&self, now: Time) {
        self.clock.0.store(now.0, Ordering::SeqCst);
    }

    pub(crate) fn spec(&self, rule: Rule, levels: u32) -> Spec {
        Spec {
            nonce: rand::rng().random(),
            seller: self.seller.public(),
            title: "a painting".to_owned(),
            description: String::new(),
            rule,
            currency: Currency::new("EUR", 2).unwrap(),
            ladder: PriceLadder::Even { min: Amount(1_000), tick: Amount(50), levels },
            opening: OPENING,
            closing: CLOSING,
            last: LAST,
            most_bids: 1_000,
            accumulators: self.members.clone(),
            settlement: None,
            block: 4,
            fan_out: 4,
        }
    }

    pub(crate) fn sign(&self, spec: Spec) -> SignedSpec {
        spec.sign(&self.seller)
    }

    pub(crate) async fn ask(&self, k: usize, question: &Question) -> Answer {
        self.peers[k].request(question, PATIENCE).await.unwrap()
    }

    /// Asks until the node is not busy.
    pub(crate) async fn insist(&self, k: usize, question: &Question) -> Answer {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.ask(k, question).await {
                Answer::Busy { retry_after } if Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(retry_after.into())).await;
                }
                answer => return answer,
            }
        }
    }

    /// Announces an auction to the first node, waits until all joined, opens it.
    pub(crate) async fn open_auction(&self, rule: Rule, levels: u32) -> Arc<Auction> {
        let spec = self.sign(self.spec(rule, levels));
        self.announce(&spec).await
    }

    pub(crate) async fn announce(&self, spec: &SignedSpec) -> Arc<Auction> {
        let id = spec.claimed_id();
        let answer = self.ask(0, &Question::Announce(Box::new(spec.clone()))).await;
        assert!(matches!(answer, Answer::Auction { .. }), "{answer:?}");
        for k in 0..self.peers.len() {
            self.until(k, id, |state| state.phase == Phase::Waiting).await;
        }
        self.set_clock(OPENING);
        for k in 0..self.peers.len() {
            self.until(k, id, |state| state.phase == Phase::Open).await;
        }
        self.auction(0, id).await
    }

    pub(crate) async fn auction(&self, k: usize, id: Digest) -> Arc<Auction> {
        let answer = self.ask(k, &Question::Auction(id)).await;
        let Answer::Auction { spec, joins, .. } = answer else { panic!("{answer:?}") };
        Arc::new(Auction::new(spec.verify().unwrap(), joins).unwrap())
    }

    pub(crate) async fn state(&self, k: usize, id: Digest) -> State {
        match self.ask(k, &Question::State(id)).await {
            Answer::State(state) => *state,
            answer => panic!("{answer:?}"),
        }
    }

    /// Waits until an auction's state at a node is as wanted.
    pub(crate) async fn until(
        &self,
        k: usize,
        id: Digest,
        wanted: impl Fn(&State) -> bool,
    ) -> State {
        let mut last = None;
        for _ in 0..4_000 {
            if let Answer::State(state) = self.ask(k, &Question::State(id)).await {
                if wanted(&state) {
                    return *state;
                }
                last = Some(state);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("accumulator {k} does not get there: {last:?}");
    }

    pub(crate) fn seal(&self, auction: &Auction, level: u32) -> Bid {
        let key = SecretKey::generate(&mut rand::rng());
        self.seal_with(auction, level, key)
    }

    pub(crate) fn seal_with(&self, auction: &Auction, level: u32, key: SecretKey) -> Bid {
        let submissions = seal(auction, Level(level), &key, None, &mut rand::rng()).unwrap();
        Bid { key, submissions }
    }

    pub(crate) async fn submit(&self, k: usize, bid: &Bid, id: Digest) -> Answer {
        let question = Question::Submit(id, Box::new(bid.submissions[k].clone()));
        self.insist(k, &question).await
    }

    /// Submits a bid to all and leaves all receipts with all.
    pub(crate) async fn place(&self, auction: &Auction, bid: &Bid) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        for k in 0..self.peers.len() {
            match self.submit(k, bid, auction.id()).await {
                Answer::Accepted(receipt) => {
                    receipt.verify(auction).unwrap();
                    receipts.push(receipt);
                }
                answer => panic!("{answer:?}"),
            }
        }
        for k in 0..self.peers.len() {
            let question = Question::LeaveReceipts(auction.id(), receipts.clone());
            assert_eq!(self.insist(k, &question).await, Answer::Done);
        }
        receipts
    }

    pub(crate) async fn place_all(&self, auction: &Auction, levels: &[u32]) -> Vec<Bid> {
        let bids: Vec<Bid> = levels.iter().map(|level| self.seal(auction, *level)).collect();
        for bid in &bids {
            self.place(auction, bid).await;
        }
        bids
    }

    pub(crate) fn early_close(&self, id: Digest) -> EarlyClose {
        EarlyClose::sign(id, &self.seller)
    }

    /// Fetches the transcript from a node.
    pub(crate) async fn transcript(&self, k: usize, id: Digest) -> Transcript {
        let mut whole = Vec::new();
        loop {
            let offset = whole.len() as u64;
            let answer = self.ask(k, &Question::Transcript(id, offset)).await;
            let Answer::Transcript { total, bytes } = answer else { panic!("{answer:?}") };
            whole.extend(bytes);
            if whole.len() as u64 == total {
                return Transcript::from_bytes(&whole).unwrap();
            }
        }
    }

    /// Fetches the transcript from a node and verifies it.
    pub(crate) async fn verdict(&self, k: usize, id: Digest) -> Verdict {
        self.transcript(k, id).await.verify(Some(&id), &mut rand::rng()).unwrap()
    }

    /// Waits for the outcome at all nodes, and compares it with the auction in the clear.
    pub(crate) async fn check_outcome(&self, auction: &Auction, bids: &[Bid], levels: &[u32]) {
        let id = auction.id();
        let expected = in_the_clear(auction.spec().rule, levels);
        let mut outcomes = Vec::new();
        for k in 0..self.peers.len() {
            let state = self.until(k, id, |state| state.phase == Phase::Done).await;
            let outcome = state.outcome.unwrap();
            assert_eq!(outcome.bids as usize, levels.len());
            let sale = outcome.sale.map(|sale| {
                let winner = bids.iter().position(|bid| bid.key.public() == sale.winner).unwrap();
                (sale.level.0, winner)
            });
            match (&expected, sale) {
                (None, None) => {}
                (Some((price, winners, tie)), Some((got, winner))) => {
                    assert_eq!((got, outcome.tie), (*price, *tie));
                    assert!(winners.contains(&winner), "{winner} won");
                }
                other => panic!("{other:?}"),
            }
            let verdict = self.verdict(k, id).await;
            assert_eq!(verdict.outcome, outcome);
            assert_eq!(verdict.signed_by.len(), self.peers.len());
            outcomes.push(outcome);
        }
        assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

/// The auction in the clear: level of the price, who may win, whether the top is tied.
pub(crate) fn in_the_clear(rule: Rule, levels: &[u32]) -> Option<(u32, Vec<usize>, bool)> {
    let top = *levels.iter().max()?;
    let winners: Vec<usize> = (0..levels.len()).filter(|i| levels[*i] == top).collect();
    let mut sorted = levels.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    Some(match rule {
        Rule::FirstPrice => (top, winners, false),
        Rule::SecondPrice => {
            let tie = winners.len() > 1;
            (sorted.get(1).copied().unwrap_or(1), winners, tie)
        }
    })
}

pub(crate) fn client(rng: &mut impl rand::CryptoRng) -> Endpoint {
    client_as(&Identity::generate(rng))
}

pub(crate) fn client_as(identity: &Identity) -> Endpoint {
    Endpoint::client(identity, Limits::default()).unwrap()
}

fn free_address() -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

async fn open(dir: &Path, clock: &Arc<TestClock>) -> Node {
    let mut last = None;
    for _ in 0..500 {
        match Node::open_with_clock(dir, Arc::clone(clock) as Arc<dyn Clock>) {
            Ok(node) => return node,
            Err(error @ (NodeError::InUse(_) | NodeError::Link(link::LinkError::Bind { .. }))) => {
                last = Some(error);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{last:?}");
}

/// Whether anything in `dir` holds `needle`.
pub(crate) fn holds(dir: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}
