//! Everything that was said in an auction's payment, said again: at once, by others, before and
//! after the decision, after V, after T, and to another server.

use auction::join::Auction;
use auction::keys::SecretKey;
use auction::layout::Digest;
use link::service::{Phase, Question as NodeQuestion};
use settlement::layout::Signer;
use settlement::ledger::{Action, Movement, Request, SignedRequest, Sum};
use settlement::service::auctions::{
    AuctionAnswer, AuctionQuestion, DecisionView, KeyInTransit, PIECE_BYTES, TranscriptPiece,
};
use settlement::service::{Answer, Question};

use crate::bank::{Bank, Open, eur, id as id_of};
use crate::cluster::CLOSING;
use crate::hall::{Hall, LEVELS, RICH, START, T, V, account, account_key, bidder};
use crate::liar::ask;

/// Who said what.
type Said = Vec<(SecretKey, Question)>;

fn about(question: AuctionQuestion) -> Question {
    Question::Auction(Box::new(question))
}

/// Everything that asks for something, up to the bonds.
fn said_before_closing(hall: &Hall, auction: &Auction) -> Said {
    let (id, spec) = (auction.id(), auction.verified_spec());
    let submit = |bytes: &[u8]| Question::Submit(vec![bytes.to_vec()]);
    let mut said = Vec::new();
    for (number, owner) in (3..).zip([account_key(0), account_key(1)]) {
        let deposit = hall.signed_deposit(number, &owner, RICH);
        said.push((SecretKey::from_seed(hall.bank.operator.seed()), submit(deposit.as_bytes())));
    }
    said.push((account_key(4), submit(payment(hall).as_bytes())));
    said.push((hall.seller(), about(AuctionQuestion::Deposit(Box::new(spec.signed().clone())))));
    for (place, bytes) in (0u64..).zip(hall.encrypted.chunks(PIECE_BYTES)) {
        let (offset, bytes) = (place * PIECE_BYTES as u64, bytes.to_vec());
        said.push((hall.seller(), about(AuctionQuestion::Piece { auction: id, offset, bytes })));
    }
    let key = KeyInTransit::from(&hall.key);
    said.push((hall.seller(), about(AuctionQuestion::Escrow(id, key))));
    for i in 0..2 {
        let order = hall.order(spec, i, LEVELS);
        // The hold without its order, too.
        said.push((account_key(i), submit(order.hold_bytes())));
        said.push((account_key(i), about(AuctionQuestion::Bond(Box::new(order)))));
    }
    said
}

/// Person 4 pays person 5.
fn payment(hall: &Hall) -> SignedRequest {
    let (debit, credit) = (account(&account_key(4)), account(&account_key(5)));
    let (amount, reference) = (Sum::new(7).unwrap(), Digest::default());
    hall.sign(&account_key(4), 9, T, Action::Post(Movement { debit, credit, amount, reference }))
}

fn said_of_the_transcript(id: Digest, transcript: &[u8]) -> Said {
    let total = transcript.len() as u64;
    let pieces = (0u64..).zip(transcript.chunks(PIECE_BYTES)).map(|(place, bytes)| {
        let (offset, bytes) = (place * PIECE_BYTES as u64, bytes.to_vec());
        AuctionQuestion::HandIn(TranscriptPiece { auction: id, total, offset, bytes })
    });
    pieces.map(|piece| (bidder(0), about(piece))).collect()
}

/// Says everything again, twice at once: whoever said it, and a stranger.
async fn repeat(open: &Open, said: &Said) -> Vec<Answer> {
    let stranger = SecretKey::from_seed(&[222; 32]);
    let mut answers = Vec::new();
    for (who, question) in said {
        let (theirs, again, a_strangers) = tokio::join!(
            ask(open, who, question),
            ask(open, who, question),
            ask(open, &stranger, question)
        );
        answers.extend([theirs, again, a_strangers]);
    }
    answers
}

/// That nothing is decided by saying it again, and that what was decided is what is answered.
async fn check(hall: &Hall, said: &Said, keys: usize) {
    let open = hall.open.as_ref().unwrap();
    let anyone = hall.client(&bidder(9));
    let before = anyone.head().await.unwrap();
    for answer in repeat(open, said).await {
        if let Answer::Submitted(submitted) = &answer {
            assert!(submitted.results.iter().all(|result| result.repeated), "{answer:?}");
        }
    }
    assert_eq!(anyone.continues(&before).await.unwrap().head.size, before.head.size);
    assert_eq!(hall.auction_keys(), keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_said_again_at_whatever_time_changes_nothing() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    let id = auction.id();
    hall.client(&account_key(4)).submit(&[payment(&hall)]).await.unwrap();
    for (i, level) in [(0, 2), (1, 5)] {
        hall.bid(&auction, i, level).await;
    }
    let mut said = said_before_closing(&hall, &auction);
    check(&hall, &said, 1).await;

    // Closed by the seller's word, which is said again, too, as is the transcript.
    let word = hall.cluster.early_close(id);
    for k in 0..2 {
        hall.cluster.insist(k, &NodeQuestion::Close(word)).await;
        hall.cluster.until(k, id, |state| state.phase == Phase::Done).await;
    }
    let told = about(AuctionQuestion::Settle(id, Some(word)));
    said.extend([(hall.seller(), told), (bidder(0), about(AuctionQuestion::Settle(id, None)))]);
    let transcript = hall.cluster.transcript(0, id).await.to_bytes().unwrap();
    said.extend(said_of_the_transcript(id, &transcript));
    repeat(hall.open.as_ref().unwrap(), &said).await;
    assert!(matches!(hall.settled(id).await, DecisionView::Sale { .. }));
    for time in [None, Some(CLOSING), Some(V), Some(T)] {
        if let Some(time) = time {
            hall.at(time);
        }
        check(&hall, &said, 0).await;
        hall.kill();
        hall.restart().await;
        check(&hall, &said, 0).await;
    }
    hall.paid(Some(1), 1_050, &[0, 1]).await;
    let rich = i128::from(RICH);
    assert_eq!(hall.has(&account_key(4)).await, (rich - 7, 0));
    assert_eq!(hall.has(&account_key(5)).await, (rich + 7, 0));
    let summary = hall.audited().await;
    assert_eq!((summary.auctions, summary.bonds, summary.sales), (1, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_said_to_one_server_is_nothing_at_another() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    let id = auction.id();
    let mut said = said_before_closing(&hall, &auction);
    let word = hall.cluster.early_close(id);
    said.push((hall.seller(), about(AuctionQuestion::Settle(id, Some(word)))));
    said.extend(said_of_the_transcript(id, &[7; 900]));

    // Another server, at which the same people have money.
    let other = Bank::found();
    other.hands.set(START);
    let open = other.open().await;
    let people = [hall.seller(), crate::hall::house(), account_key(0), account_key(1)];
    for (number, owner) in (1..).zip(people) {
        let action = Action::Deposit {
            owner: owner.public(),
            currency: eur(),
            amount: Sum::new(RICH).unwrap(),
            reference: Digest::default(),
        };
        let request = Request { id: id_of(number), until: T, action };
        let signer = Signer::new(&other.operator);
        let request = SignedRequest::sign(&request, &signer, &other.charter);
        let operator = open.client_of(&other.operator);
        assert!(operator.submit(&[request]).await.unwrap().is_done());
    }
    let before = open.client(1).head().await.unwrap();
    for answer in repeat(&open, &said).await {
        let declined = match &answer {
            Answer::Declined(_) => true,
            Answer::Auction(answer) => matches!(**answer, AuctionAnswer::Declined(_)),
            _ => false,
        };
        assert!(declined, "{answer:?}");
    }
    assert_eq!(open.client(1).head().await.unwrap().head, before.head);
    for folder in ["vault", "goods", "transcripts", "closed-early"] {
        // The key that purchases' goods keys are sealed under is there from the first start.
        let of_auctions =
            |name: &std::ffi::OsStr| !name.to_string_lossy().starts_with("purchases-");
        let left = std::fs::read_dir(other.dir.join(folder)).map_or(0, |files| {
            files.filter(|file| of_auctions(&file.as_ref().unwrap().file_name())).count()
        });
        assert_eq!(left, 0, "{folder}");
    }
    open.stop().await.unwrap();
}
