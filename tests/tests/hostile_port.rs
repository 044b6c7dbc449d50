//! Bytes of strangers and of fellows at an accumulator's port: it stays up, its memory stays
//! bounded, and the auction under way ends as if nothing had been.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auction::equivocation::Equivocation;
use auction::messages::RoundMessage;
use auction::outcome::Void;
use auction::receipts::Receipt;
use auction::spec::{EarlyClose, Rule};
use auction::transcript::Transcript;
use auction::wire::encode;
use link::service::{Answer, Phase, Question};
use link::{Identity, Peer, PeerKey};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use tests::bytes::{Body, mutate, noise};
use tests::committee::{Committee, endpoint, peer};
use tests::proxy::Proxy;
use tests::sale::{Bid, PATIENCE, Sale};
use tests::seeds::seeded;

/// The most memory that an accumulator of these tests may take, in bytes: some 20 MiB at rest,
/// and of the 64 questions of 1 MiB that the flood has under way at a time the frames, their
/// decoded form and windows. All that the flood sends is several times as much.
const MEMORY: u64 = 256 << 20;
/// The flood: connections, questions of each at a time, and how often they are repeated.
const FLOODERS: usize = 16;
const AT_A_TIME: usize = 4;
const EACH: usize = 15;
/// Longest question of a stranger, as `link::service` has it.
const LONGEST: usize = link::service::MAX_PUBLIC_QUESTION;
/// For a question that may well get no answer.
const SHORT: Duration = Duration::from_millis(500);

fn address(committee: &Committee, k: usize) -> SocketAddr {
    committee.accumulators[k].member().address.parse().unwrap()
}

/// The accumulator runs, takes no more memory than it may, and answers.
async fn is_well(committee: &mut Committee, k: usize, after: &str) {
    assert!(committee.accumulators[k].runs(), "accumulator {k} ended after {after}");
    let memory = committee.accumulators[k].memory().unwrap_or(0);
    eprintln!("accumulator {k} after {after}: {} MiB", memory >> 20);
    assert!(memory <= MEMORY, "accumulator {k} takes {memory} bytes after {after}");
    let member = committee.accumulators[k].member().clone();
    committee.client.hello(&member).await.unwrap();
}

/// Questions of every kind about an open auction, with what another one left.
fn questions(committee: &Committee, sale: &Sale, past: &Transcript, bid: &Bid) -> Vec<Question> {
    let id = sale.id();
    let signed = sale.auction.verified_spec().signed().clone();
    let messages: Vec<RoundMessage> = past.rounds.iter().flatten().cloned().collect();
    let [first, second] = [messages[0].clone(), messages[1].clone()];
    let receipt = Receipt::sign(sale.auction.context(), bid.digest(), 0, &bid.key);
    let mut questions = vec![
        Question::Hello,
        Question::Announce(Box::new(signed.clone())),
        Question::Join(Box::new((signed, sale.auction.joins()[1].clone()))),
        Question::Auction(id),
        Question::Submit(id, Box::new(bid.submissions[0].clone())),
        Question::Submit(id, Box::new(bid.submissions[1].clone())),
        Question::LeaveReceipts(id, vec![receipt; 3]),
        Question::Close(EarlyClose::sign(id, &bid.key)),
        Question::State(id),
        Question::History(id, 0, 1),
        Question::Evidence(id, Box::new(Equivocation::Messages(Box::new([first, second])))),
        Question::Void(
            id,
            Void::sign(sale.auction.context(), 1, &committee.accumulators[1].identity()),
        ),
        Question::Transcript(past.spec.claimed_id(), 0),
    ];
    questions.extend(messages.into_iter().map(|said| Question::Round(id, Box::new(said))));
    questions
}

/// A finished auction's transcript.
async fn past(committee: &Committee) -> Transcript {
    let sale = committee.announce(committee.terms(Rule::SecondPrice, 16)).await;
    let bids = sale.place_all(&[3, 8]).await;
    committee.close(&sale, 0).await;
    sale.check_outcome(&bids.iter().collect::<Vec<_>>()).await;
    Transcript::from_bytes(&sale.transcript(0).await).unwrap()
}

fn datagrams(target: SocketAddr, rng: &mut StdRng) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [0, 1, 20, 1200, 1500, 9000, 65_000] {
        let mut bytes = vec![0; length];
        for _ in 0..300 {
            rng.fill_bytes(&mut bytes);
            // What looks like the first packet of a connection is thought about longest.
            if length > 6 && rng.random() {
                bytes[..6].copy_from_slice(&[0xc0 | rng.random_range(0..16), 0, 0, 0, 1, 8]);
            }
            // A queue that is full drops what comes, as any network may.
            let _ = socket.send_to(&bytes, target);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_bytes_harm_nobody() {
    let mut rng = seeded("strangers_bytes_harm_nobody");
    let mut committee = Committee::started(3);
    let past = past(&committee).await;
    let sale = committee.announce(committee.terms(Rule::SecondPrice, 64)).await;
    let bids = sale.place_all(&[40, 41, 12]).await;
    let bid = Bid::seal(&sale.auction, 63);
    let target = address(&committee, 0);

    datagrams(target, &mut rng);
    is_well(&mut committee, 0, "random datagrams").await;

    // A client whose network adds altered copies of every datagram still gets its answers.
    let proxy = Proxy::start(target, StdRng::seed_from_u64(rng.random()));
    let key = PeerKey(committee.accumulators[0].member().key.0);
    for _ in 0..10 {
        let endpoint = endpoint(&Identity::generate(&mut rand::rng()));
        let through = Peer::new(endpoint, proxy.address().to_string(), key);
        let question = Question::Submit(sale.id(), Box::new(bids[0].submissions[0].clone()));
        let answer: Answer = through.request(&question, PATIENCE).await.unwrap();
        assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    }
    assert!(proxy.altered() > 50, "{}", proxy.altered());
    is_well(&mut committee, 0, "altered datagrams").await;

    let stranger = Identity::generate(&mut rand::rng());
    let asked = questions(&committee, &sale, &past, &bid);
    altered_questions(&committee, &stranger, &asked, &mut rng).await;
    is_well(&mut committee, 0, "altered questions").await;
    // Nothing of it was taken for a bid, and the bids that there are count.
    let state = sale.state(0).await.unwrap();
    assert_eq!((state.phase, state.bids as usize), (Phase::Open, bids.len()));
    committee.close(&sale, 0).await;
    sale.check_outcome(&bids.iter().collect::<Vec<_>>()).await;
}

/// Sends questions that were altered, and noise, over proper connections of this identity.
async fn altered_questions(
    committee: &Committee,
    identity: &Identity,
    questions: &[Question],
    rng: &mut StdRng,
) {
    let endpoint = endpoint(identity);
    let peer = peer(&endpoint, committee.accumulators[0].member());
    let (mut sent, mut answered) = (0, 0);
    for round in 0..12 {
        for question in questions {
            let mut body = encode(question).unwrap();
            mutate(rng, &mut body);
            if round == 0 {
                body = noise(rng, 4096);
            }
            // Who sends too much nonsense is disconnected and has to begin anew.
            let connection = peer.connect(PATIENCE).await.unwrap();
            sent += 1;
            let answer = connection.request::<_, Answer>(&Body(body), SHORT).await;
            answered += u32::from(answer.is_ok());
        }
    }
    eprintln!("{answered} of {sent} altered questions were answered");
    assert!(answered > 0 && answered < sent, "{answered} of {sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fellows_bytes_harm_nobody() {
    let mut rng = seeded("a_fellows_bytes_harm_nobody");
    let mut committee = Committee::started(3);
    let past = past(&committee).await;
    let sale = committee.announce(committee.terms(Rule::SecondPrice, 64)).await;
    let bids = sale.place_all(&[40, 41, 12]).await;
    let bid = Bid::seal(&sale.auction, 63);
    // In its place its identity speaks, while the rounds wait for it.
    committee.accumulators[1].kill();
    committee.close(&sale, 0).await;
    sale.until(0, "closed", |state| matches!(state.phase, Phase::Closed { .. })).await;
    let identity = Identity::from_seed(committee.accumulators[1].identity().seed());
    let asked = questions(&committee, &sale, &past, &bid);
    altered_questions(&committee, &identity, &asked, &mut rng).await;
    is_well(&mut committee, 0, "a fellow's altered questions").await;
    committee.accumulators[1].start();
    sale.check_outcome(&bids.iter().collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_takes_no_more_than_its_share_of_memory() {
    let mut committee = Committee::started(2);
    let sale = committee.announce(committee.terms(Rule::FirstPrice, 16)).await;
    let bids = sale.place_all(&[3, 9]).await;
    is_well(&mut committee, 0, "nothing").await;
    // The longest receipts and bids that can be asked about, wrong ones all.
    let context = *sale.auction.context();
    let receipt = Receipt::sign(&context, bids[0].digest(), 0, &bids[0].key);
    let receipts = vec![receipt; (LONGEST - 1024) / 104];
    let leave = Question::LeaveReceipts(sale.id(), receipts);
    let mut long = bids[1].submissions[0].clone();
    long.bid.commitments = vec![long.bid.commitments[0]; (LONGEST - 65_536) / 32];
    let submit = Question::Submit(sale.id(), Box::new(long));
    let length = |question| encode(question).unwrap().len();
    assert!(length(&leave) > LONGEST / 2 && length(&submit) > LONGEST / 2);

    let sent = Arc::new(AtomicU64::new(0));
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..FLOODERS {
        let endpoint = endpoint(&Identity::generate(&mut rand::rng()));
        let peer = peer(&endpoint, committee.accumulators[0].member());
        let connection = peer.connect(PATIENCE).await.unwrap();
        for question in [&leave, &submit].into_iter().cycle().take(AT_A_TIME) {
            let (connection, sent) = (connection.clone(), sent.clone());
            let question = question.clone();
            let bytes = encode(&question).unwrap().len() as u64;
            flood.spawn(async move {
                for _ in 0..EACH {
                    let answer = connection.request::<_, Answer>(&question, PATIENCE).await;
                    sent.fetch_add(if answer.is_ok() { bytes } else { 0 }, Ordering::Relaxed);
                }
            });
        }
    }
    // Connections that say nothing, more than are taken from one address.
    let mut idle = Vec::new();
    for _ in 0..300 {
        let endpoint = endpoint(&Identity::generate(&mut rand::rng()));
        let peer = peer(&endpoint, committee.accumulators[0].member());
        idle.push(peer.clone());
        flood.spawn(async move { drop(peer.connect(SHORT).await) });
    }
    let mut most = 0;
    while !flood.is_empty() {
        let _ = tokio::time::timeout(Duration::from_millis(20), flood.join_next()).await;
        most = most.max(committee.accumulators[0].memory().unwrap_or(0));
    }
    let sent = sent.load(Ordering::Relaxed);
    eprintln!("{} MiB were answered, {} MiB were taken", sent >> 20, most >> 20);
    assert!(sent > 2 * MEMORY, "{sent} bytes are no flood");
    assert!(most <= MEMORY, "{most} bytes");
    drop(idle);
    is_well(&mut committee, 0, "the flood").await;
    committee.close(&sale, 1).await;
    sale.check_outcome(&bids.iter().collect::<Vec<_>>()).await;
}
