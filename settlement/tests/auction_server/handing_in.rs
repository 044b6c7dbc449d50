//! Transcripts that somebody hands in, and accumulators that keep the server waiting.

use std::net::UdpSocket;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Member;
use settlement::client::{Client, ClientError};
use settlement::service::auctions::{
    AuctionDeclined, AuctionQuestion, DecisionView, PIECE_BYTES, Stage, TranscriptPiece,
};
use settlement::service::{Answer, Answered, Asked, Question};

use crate::cluster::{CLOSING, PATIENCE};
use crate::hall::{Hall, account_key, bidder};

fn reason(error: ClientError) -> AuctionDeclined {
    match error {
        ClientError::Auction(reason) => reason,
        other => panic!("{other}"),
    }
}

/// An auction with an outcome, its transcript, and a server that cannot fetch it any more.
async fn cut_off() -> (Hall, Digest, Vec<u8>) {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    for (i, level) in [(0, 2), (1, 5)] {
        hall.bid(&auction, i, level).await;
    }
    hall.kill();
    hall.closed(&auction).await;
    let bytes = hall.cluster.transcript(0, auction.id()).await.to_bytes().unwrap();
    hall.cluster.kill(0);
    hall.cluster.kill(1);
    hall.restart().await;
    (hall, auction.id(), bytes)
}

fn stranger(hall: &Hall, n: u8) -> Client {
    hall.client(&SecretKey::from_seed(&[230 + n; 32]))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_hands_in_is_settled_once_it_is_verified() {
    let (mut hall, id, bytes) = cut_off().await;
    let refused = async |n: u8, bytes: &[u8]| {
        reason(stranger(&hall, n).hand_in(id, bytes, |_| {}).await.unwrap_err())
    };
    let mut altered = bytes.clone();
    let place = altered.len() - 40;
    altered[place] ^= 1;
    let no_transcripts: [&[u8]; 4] = [b"no transcript", &bytes[..9], &bytes[..1_000], &altered];
    for (n, wrong) in (0..).zip(no_transcripts) {
        let declined = refused(n, wrong).await;
        assert!(matches!(declined, AuctionDeclined::Transcript(_)), "{declined}");
    }
    // Whoever has handed in one that proves nothing is not listened to again.
    assert!(matches!(refused(0, &bytes).await, AuctionDeclined::Transcript(_)));
    let elsewhere = stranger(&hall, 9).hand_in(Digest([9; 32]), &bytes, |_| {}).await;
    assert_eq!(reason(elsewhere.unwrap_err()), AuctionDeclined::Unknown);
    let standing = hall.client(&bidder(0)).payment(id).await.unwrap();
    assert!(matches!(standing.stage, Stage::Settling { .. }), "{standing:?}");
    assert!(!hall.transcript_file(&id).exists());

    let mut had = Vec::new();
    stranger(&hall, 5).hand_in(id, &bytes, |have| had.push(have)).await.unwrap();
    let DecisionView::Sale { winner, .. } = hall.settled(id).await else { panic!("no sale") };
    assert_eq!(winner, bidder(1).public());
    hall.paid(Some(1), 1_050, &[0, 1]).await;
    // What comes later changes nothing, and nothing is left of what did not count.
    let after = stranger(&hall, 6).hand_in(id, &altered, |_| {}).await.unwrap();
    assert!(matches!(after.stage, Stage::Decided { .. }), "{after:?}");
    assert_eq!(std::fs::read(hall.transcript_file(&id)).unwrap(), bytes);
    let folder = hall.transcript_file(&id);
    assert_eq!(std::fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(hall.audited().await.sales, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_out_of_place_and_transcripts_out_of_time_change_nothing() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    let id = auction.id();
    assert!(piece(&hall, id, 10, 0, &[1]).await.contains("NotClosed"));
    hall.at(CLOSING);
    let ask = async |total, offset, bytes: &[u8]| piece(&hall, id, total, offset, bytes).await;
    assert!(ask(u64::MAX, 0, &[1]).await.contains("TranscriptTooLong"));
    assert!(ask(10, 0, &[]).await.contains("Piece"));
    assert!(ask(10, 10, &[1]).await.contains("Piece"));
    assert!(ask(10, u64::MAX, &[1]).await.contains("Piece"));
    assert!(ask(1 << 20, 0, &[0; PIECE_BYTES + 1]).await.contains("Piece"));
    assert!(ask(10, 3, &[1]).await.contains("Have(0)"));
    assert!(ask(10, 0, &[1; 4]).await.contains("Have(4)"));
    assert!(ask(10, 0, &[2; 4]).await.contains("Have(4)"));
    assert!(ask(10, 2, &[2; 4]).await.contains("Have(4)"));
    // Of another length it is another one, and begins anew.
    assert!(ask(11, 4, &[3; 4]).await.contains("Have(0)"));
    assert!(ask(11, 0, &[3; 11]).await.contains("Transcript("));
}

/// What the server says to a piece, all of one stranger.
async fn piece(hall: &Hall, auction: Digest, total: u64, offset: u64, bytes: &[u8]) -> String {
    let identity = link::Identity::from_seed(&[231; 32]);
    let endpoint = link::Endpoint::client(&identity, link::Limits::default()).unwrap();
    let (file, key) = (&hall.open.as_ref().unwrap().file, hall.bank.charter.server());
    let peer = link::Peer::new(endpoint, file.address.clone(), link::PeerKey(key.0));
    let piece = TranscriptPiece { auction, total, offset, bytes: bytes.to_vec() };
    let asked = Asked::Other(Question::Auction(Box::new(AuctionQuestion::HandIn(piece))));
    let answer: Answered<Answer> = peer.request(&asked, PATIENCE).await.unwrap();
    format!("{answer:?}")
}

/// The accumulators of many auctions of one seller take the server's questions and say nothing.
#[tokio::test(flavor = "multi_thread")]
async fn silent_accumulators_of_one_seller_do_not_keep_others_waiting() {
    let mut hall = Hall::built().await;
    let hole = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = hole.local_addr().unwrap().to_string();
    let owner = account_key(5);
    for _ in 0..20 {
        let mut spec = hall.spec();
        spec.seller = owner.public();
        spec.accumulators = (0..2)
            .map(|_| SecretKey::generate(&mut rand::rng()).public())
            .map(|key| Member { key, address: address.clone() })
            .collect();
        let signed = spec.sign(&owner);
        let mut goods = std::io::Cursor::new(&hall.encrypted);
        hall.client(&owner).escrow(&signed, &mut goods, &hall.key, |_| {}).await.unwrap();
    }
    let auction = hall.announced().await;
    hall.bid(&auction, 0, 2).await;
    hall.bid(&auction, 1, 5).await;
    hall.closed(&auction).await;
    assert!(matches!(hall.settled(auction.id()).await, DecisionView::Sale { .. }));
    hall.paid(Some(1), 1_050, &[0, 1]).await;
}
