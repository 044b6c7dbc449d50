//! Bytes of strangers at the settlement server's port: valid questions altered in every way, and
//! more than it can hold. It stays up, nothing is decided that nobody signed, its memory stays
//! bounded and does not grow from round to round, and honest clients are answered meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use auction::keys::{SecretKey, Signature};
use auction::layout::Digest;
use auction::spec::{EarlyClose, Time};
use auction::wire::encode;
use link::{Connection, Endpoint, Identity, Limits, LinkError, PeerKey};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use settlement::auctions::BondOrder;
use settlement::auctions::physical::Place;
use settlement::goods::GoodsKey;
use settlement::journal::Receipt;
use settlement::ledger::{AccountId, RequestId};
use settlement::service::auctions::{
    AuctionAnswer, AuctionQuestion, KeyInTransit, TranscriptPiece,
};
use settlement::service::purchases::PurchaseQuestion;
use settlement::service::{Answer, Answered, Asked, MAX_QUESTION, Question};
use tests::bytes::{Body, mutate, noise};
use tests::committee::now;
use tests::market::{Market, RICH, eur};
use tests::sale::PATIENCE;
use tests::seeds::seeded;
use tokio::task::JoinSet;
use witness::service::HeadQuestion;
use witness::{Head, SignedHead};

const PROGRAM: &str = env!("CARGO_BIN_EXE_settlement_server");
/// Rounds, connections of each at a time, and questions of each connection.
const ROUNDS: usize = 5;
const CONNECTIONS: usize = 24;
const QUESTIONS: usize = 30;
/// The most that the server of these tests may take, in bytes: some 40 MiB at rest, as its journal
/// lies in its memory, too; of each connection the 4 MiB that it may have under way, and that once
/// more decoded.
const MEMORY: u64 = 256 << 20;
/// What a round may add once everything was touched: what allocators keep, not what leaks.
const GROWTH: u64 = 16 << 20;
/// For a question that may well get no answer.
const SHORT: Duration = Duration::from_secs(2);

/// Questions of every kind that there is, all of which were asked before or ask for nothing new.
fn questions(market: &Market, order: &BondOrder) -> Vec<Asked<Question>> {
    let id = market.id();
    let account = AccountId::of_owner(&market.account_key(0).public(), eur());
    let spec = market.auction().verified_spec().signed().clone();
    let piece = |offset| AuctionQuestion::Piece { auction: id, offset, bytes: vec![7; 900] };
    let handed = TranscriptPiece { auction: id, total: 5_000, offset: 0, bytes: vec![8; 900] };
    let about_auctions = [
        AuctionQuestion::Deposit(Box::new(spec.clone())),
        AuctionQuestion::Register(Box::new(spec)),
        piece(0),
        AuctionQuestion::Escrow(id, KeyInTransit::from(&GoodsKey::from_bytes(&[9; 32]))),
        AuctionQuestion::Standing(id),
        AuctionQuestion::Goods(id, 1),
        AuctionQuestion::Bond(Box::new(order.clone())),
        AuctionQuestion::Settle(id, None),
        AuctionQuestion::Settle(id, Some(EarlyClose::sign(id, &market.account_key(0)))),
        AuctionQuestion::Receipt(id),
        AuctionQuestion::HandIn(handed),
        AuctionQuestion::Delivery(id),
        AuctionQuestion::DeliveryReceipt(id, Place::Payout),
    ];
    let decided = market.signed_deposit(1, market.committee.seller.public(), RICH);
    let mut all = vec![
        Question::Hello,
        Question::Submit(vec![decided.as_bytes().to_vec()]),
        Question::Submit(vec![order.hold_bytes().to_vec()]),
        Question::Submit(vec![vec![1; 300]; 64]),
        Question::Account(account),
        Question::History(account, 0, 100),
        Question::Request(account, RequestId::new(1_000).unwrap()),
        Question::Flushed,
        Question::Readmit(Box::new(receipt(order))),
    ];
    all.extend(about_auctions.map(|one| Question::Auction(Box::new(one))));
    let (bytes, offer) = (order.hold_bytes().to_vec(), vec![5; 400]);
    let key = KeyInTransit::from(&GoodsKey::from_bytes(&[9; 32]));
    let about_purchases = [
        PurchaseQuestion::Buy { order: bytes.clone(), offer: offer.clone(), key },
        PurchaseQuestion::Standing(account, RequestId::new(1_000).unwrap()),
        PurchaseQuestion::Deposit { order: bytes.clone(), offer: offer.clone() },
        PurchaseQuestion::Piece { item: id, offset: 0, bytes: vec![6; 900] },
        PurchaseQuestion::BuyHeld { order: bytes, offer },
        PurchaseQuestion::Item(account, RequestId::new(1_000).unwrap(), 0),
    ];
    all.extend(about_purchases.map(|one| Question::Purchase(Box::new(one))));
    let about_heads =
        [HeadQuestion::Head, HeadQuestion::Beginning(0), HeadQuestion::Continuation(1, 3)];
    let all = all.into_iter().map(Asked::Other);
    all.chain(about_heads.map(Asked::Heads)).collect()
}

/// What looks like the receipt of a lost entry, in another epoch.
fn receipt(order: &BondOrder) -> Receipt {
    let time = Time(now().0 - 1);
    let head = Head { epoch: 0, since: 0, size: 9, root: Digest([4; 32]), time };
    let head = SignedHead { head, signature: Signature([4; 64]) };
    let mut entry = vec![1, 0];
    entry.extend_from_slice(order.hold_bytes());
    Receipt { number: 8, batch: 3, time, entry, head, path: vec![Digest([4; 32]); 4] }
}

/// A question altered beneath its outermost form: it decodes, and is false.
fn altered(rng: &mut StdRng, question: &Asked<Question>) -> Vec<u8> {
    let mut asked = question.clone();
    match &mut asked {
        Asked::Heads(HeadQuestion::Beginning(epoch)) => *epoch = rng.random(),
        Asked::Heads(HeadQuestion::Continuation(old, new)) => {
            (*old, *new) = (rng.random(), rng.random());
        }
        Asked::Heads(HeadQuestion::Head) => {}
        Asked::Other(question) => alter(rng, question),
    }
    encode(&asked).unwrap()
}

fn alter(rng: &mut StdRng, question: &mut Question) {
    match question {
        Question::Submit(requests) => {
            let place = rng.random_range(0..requests.len());
            mutate(rng, &mut requests[place]);
        }
        Question::Account(account) => account.0 = Digest(rng.random()),
        Question::History(_, from, limit) => (*from, *limit) = (rng.random(), rng.random()),
        Question::Request(account, _) => account.0.0[0] ^= 1,
        Question::Auction(about) => match &mut **about {
            AuctionQuestion::Bond(order) => {
                let (mut hold, mut terms) = (order.hold_bytes().to_vec(), order.terms().clone());
                match rng.random_range(0..3) {
                    0 => mutate(rng, &mut hold),
                    1 => terms.auction.0[3] ^= 4,
                    _ => terms.bidder.0[5] ^= 1,
                }
                **order = BondOrder::of_parts(terms, hold, order.countersignature());
            }
            AuctionQuestion::Piece { offset, .. } | AuctionQuestion::Goods(_, offset) => {
                *offset = rng.random();
            }
            AuctionQuestion::HandIn(piece) => {
                (piece.total, piece.offset) = (rng.random(), rng.random());
            }
            AuctionQuestion::Standing(auction) | AuctionQuestion::Receipt(auction) => {
                auction.0[0] ^= 1;
            }
            _ => {}
        },
        Question::Purchase(about) => match &mut **about {
            PurchaseQuestion::Buy { order, offer, .. }
            | PurchaseQuestion::Deposit { order, offer }
            | PurchaseQuestion::BuyHeld { order, offer } => {
                mutate(rng, order);
                mutate(rng, offer);
            }
            PurchaseQuestion::Piece { offset, .. } | PurchaseQuestion::Item(_, _, offset) => {
                *offset = rng.random();
            }
            PurchaseQuestion::Standing(account, _) => account.0.0[0] ^= 1,
        },
        Question::Readmit(receipt) => {
            mutate(rng, &mut receipt.entry);
            receipt.head.head.epoch = rng.random_range(0..3);
            receipt.path.resize(rng.random_range(0..200), Digest([7; 32]));
        }
        Question::Hello | Question::Flushed => {}
    }
}

/// What one of the strangers does in a round: connects, and asks altered questions.
async fn attack(connect: Connect, questions: Arc<Vec<Asked<Question>>>, seed: u64) -> u64 {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut answered = 0;
    let mut connection = connect.connection().await;
    for _ in 0..QUESTIONS {
        let question = &questions[rng.random_range(0..questions.len())];
        let body = match rng.random_range(0..8) {
            0 => noise(&mut rng, 4096),
            1..4 => altered(&mut rng, question),
            4 => encode(question).unwrap(),
            _ => {
                let mut body = encode(question).unwrap();
                mutate(&mut rng, &mut body);
                body
            }
        };
        // Who sends too much nonsense is disconnected and has to begin anew.
        if connection.is_closed() {
            connection = connect.connection().await;
        }
        match connection.request::<_, Answered<Answer>>(&Body(body), SHORT).await {
            Ok(Answered::Other(Answer::Submitted(done))) => {
                assert!(done.results.iter().all(|result| result.repeated), "{done:?}");
            }
            Ok(Answered::Other(Answer::Auction(answer))) => {
                assert!(!matches!(*answer, AuctionAnswer::Escrowed(_)), "{answer:?}");
                answered += 1;
            }
            Ok(_) => answered += 1,
            Err(LinkError::BadAnswer { .. }) => panic!("the server answers what it must not"),
            Err(_) => {}
        }
    }
    answered
}

/// How strangers get at the server.
#[derive(Clone, Copy)]
struct Connect {
    address: std::net::SocketAddr,
    server: PeerKey,
}

impl Connect {
    fn to(market: &Market) -> Self {
        let file = market.server.charter_file();
        Self { address: file.address.parse().unwrap(), server: PeerKey(file.charter.server().0) }
    }

    async fn connection(self) -> Connection {
        let limits = Limits { max_answer_bytes: 8 << 20, ..Limits::default() };
        let identity = Identity::generate(&mut rand::rng());
        let endpoint = Endpoint::client(&identity, limits).unwrap();
        endpoint.connect(self.address, self.server, PATIENCE).await.unwrap()
    }
}

/// Somebody honest, who lets money into his account again and again.
async fn pay(market: Arc<Market>, stop: Arc<AtomicBool>) -> u64 {
    let mut paid = 0;
    while !stop.load(Ordering::Relaxed) {
        let owner = market.account_key(1).public();
        market.deposit(10_000 + u128::from(paid), owner, 1).await;
        paid += 1;
    }
    paid
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_questions_change_nothing_and_leave_nothing_behind() {
    let mut rng = seeded("altered_questions_change_nothing_and_leave_nothing_behind");
    let mut market = Market::open(PROGRAM, 2).await;
    market.announce().await;
    market.bid(0, 3).await;
    let order = market.order(0);
    let questions = Arc::new(questions(&market, &order));
    let (connect, market) = (Connect::to(&market), Arc::new(market));
    let before = market.anyone().head().await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let payer = tokio::spawn(pay(Arc::clone(&market), Arc::clone(&stop)));
    let (mut answered, mut memory) = (0, Vec::new());
    for _ in 0..ROUNDS {
        let mut strangers = JoinSet::new();
        for _ in 0..CONNECTIONS {
            strangers.spawn(attack(connect, Arc::clone(&questions), rng.random()));
        }
        answered += strangers.join_all().await.iter().sum::<u64>();
        memory.push(market.server.memory().unwrap());
    }
    stop.store(true, Ordering::Relaxed);
    let paid = payer.await.unwrap();
    let asked = (ROUNDS * CONNECTIONS * QUESTIONS) as u64;
    let shown: Vec<u64> = memory.iter().map(|bytes| bytes >> 20).collect();
    eprintln!("{answered} of {asked} answered, {paid} honest ones, MiB after rounds: {shown:?}");
    assert!(answered > 0 && answered < asked && paid > 0);
    assert!(memory.iter().all(|bytes| *bytes < MEMORY), "{shown:?}");
    assert!(memory[ROUNDS - 1] < memory[1] + GROWTH, "{shown:?}");
    // Exactly what the honest one asked for was decided.
    let after = market.anyone().continues(&before).await.unwrap();
    assert_eq!(after.head.size, before.head.size + paid);
    let mut market = Arc::into_inner(market).unwrap();
    market.check_audit(0, 0);
}

/// Each of many connections sends as many of the longest questions side by side as it may, and
/// others ask for much and take none of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_takes_no_more_than_its_share_of_memory() {
    let mut market = Market::open(PROGRAM, 1).await;
    market.announce().await;
    let connect = Connect::to(&market);
    let id = market.id();
    let request = vec![3; 600];
    let long = Question::Submit(vec![request; (MAX_QUESTION - 4096) / 608]);
    let bytes = vec![1; 256 << 10];
    let piece = TranscriptPiece { auction: id, total: 1 << 20, offset: 0, bytes };
    let long_piece = Question::Auction(Box::new(AuctionQuestion::HandIn(piece)));
    let goods = Question::Auction(Box::new(AuctionQuestion::Goods(id, 0)));
    let (sent, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut flood = JoinSet::new();
    for n in 0..CONNECTIONS {
        let question = [&long, &long_piece, &goods][n % 3].clone();
        let length = encode(&question).unwrap().len() as u64;
        let (sent, refused) = (Arc::clone(&sent), Arc::clone(&refused));
        flood.spawn(async move {
            let connection = connect.connection().await;
            let mut asked = JoinSet::new();
            for _ in 0..48 {
                let (connection, question) = (connection.clone(), question.clone());
                asked.spawn(
                    async move { connection.request::<_, Answer>(&question, PATIENCE).await },
                );
            }
            while let Some(answer) = asked.join_next().await {
                match answer.unwrap() {
                    Ok(_) => sent.fetch_add(length, Ordering::Relaxed),
                    Err(_) => refused.fetch_add(1, Ordering::Relaxed),
                };
            }
        });
    }
    let mut most = 0;
    while !flood.is_empty() {
        let _ = tokio::time::timeout(Duration::from_millis(10), flood.join_next()).await;
        most = most.max(market.server.memory().unwrap());
    }
    let (sent, refused) = (sent.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
    eprintln!("{} MiB answered, {refused} refused, {} MiB taken", sent >> 20, most >> 20);
    assert!(most < MEMORY, "{most} bytes");
    // It is as well as before.
    market.deposit(77, market.account_key(0).public(), 5).await;
    let word = EarlyClose::sign(id, &SecretKey::generate(&mut rand::rng()));
    assert!(market.anyone().settle(id, Some(word)).await.is_err());
    assert!(market.anyone().head().await.unwrap().head.time > Time(now().0 - 3_600_000));
    market.check_audit(0, 0);
}
