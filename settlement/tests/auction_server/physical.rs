//! Physical goods at a real server: words over the network, prices that leave escrow by
//! themselves, a server killed between any two steps, and who is shown what.

use std::time::Duration;

use auction::join::Auction;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::Amount;
use auction::physical_terms::{PhysicalTerms, Side};
use auction::settlement_terms::Delivery;
use auction::spec::{Spec, Time};
use settlement::auctions::physical::{Ground, Place, Saying, Word};
use settlement::client::ClientError;
use settlement::journal::Receipt;
use settlement::judge::auction::{Case, DeliveryReceipts, Found, Judgement, Subject, judge};
use settlement::service::Answer;
use settlement::service::auctions::{AuctionAnswer, AuctionDeclined, DecisionView, Stage};
use settlement::service::physical::DeliveryView;
use std::sync::Arc;

use crate::bank::id;
use crate::cluster::CLOSING;
use crate::hall::{Hall, RICH, T, account, account_key, bidder, house};
use crate::liar::Liar;

const HOUR: u64 = 3_600_000;
const T2: Time = Time(T.0 + HOUR);
const T3: Time = Time(T2.0 + HOUR);
const T4: Time = Time(T3.0 + HOUR);
/// What bidder 1 pays, and what of it the house gets of a whole sale.
const PRICE: u64 = 1_050;
const FEE: u64 = 31;

fn dispatcher() -> SecretKey {
    SecretKey::from_seed(&[231; 32])
}

fn arbiter() -> SecretKey {
    SecretKey::from_seed(&[232; 32])
}

fn dispatched() -> Saying {
    Saying::Dispatched { tracking: "parcel 7".to_owned() }
}

fn disputed() -> Saying {
    Saying::Disputed { reason: "nothing has come".to_owned() }
}

fn awarded(to_seller: u64) -> Saying {
    let (to_seller, to_winner) = (Amount(to_seller), Amount(PRICE - to_seller));
    Saying::Awarded { to_seller, to_winner, reason: "seen".to_owned() }
}

fn speaker(saying: &Saying) -> SecretKey {
    match saying {
        Saying::Dispatched { .. } => dispatcher(),
        Saying::Received | Saying::Disputed { .. } => bidder(1),
        Saying::Awarded { .. } => arbiter(),
    }
}

fn spec(hall: &Hall) -> Spec {
    let mut spec = hall.spec();
    spec.settlement.as_mut().unwrap().delivery = Delivery::Physical(PhysicalTerms {
        dispatcher: dispatcher().public(),
        arbiter: arbiter().public(),
        dispatched_by: T2,
        disputed_by: T3,
        awarded_by: T4,
        otherwise: Side::Winner,
    });
    spec
}

/// A hall in which the goods of an auction were sold to bidder 1.
async fn sold() -> (Hall, Arc<Auction>) {
    let mut hall = Hall::built().await;
    let signed = spec(&hall).sign(&hall.cluster.seller);
    let receipt = hall.client(&hall.seller()).register(&signed).await.unwrap();
    let auction = hall.opened(signed.with_escrow(receipt)).await;
    for (i, level) in [(0, 2), (1, 5)] {
        hall.bid(&auction, i, level).await;
    }
    hall.closed(&auction).await;
    let decision = hall.settled(auction.id()).await;
    let DecisionView::PhysicalSale { winner, price, fee, .. } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!((winner, price, fee), (bidder(1).public(), Amount(PRICE), Amount(FEE)));
    assert_eq!(hall.gains().await, [0, 0, -i128::from(PRICE)]);
    (hall, auction)
}

impl Hall {
    /// What seller, house and winner have gained by the sale so far.
    async fn gains(&self) -> [i128; 3] {
        let mut gains = [0; 3];
        for (gain, owner) in gains.iter_mut().zip([self.seller(), house(), account_key(1)]) {
            let (posted, pending) = self.has(&owner).await;
            assert_eq!(pending, 0);
            *gain = posted - i128::from(RICH);
        }
        gains
    }

    fn word(&self, auction: Digest, saying: Saying) -> Word {
        let key = speaker(&saying);
        Word::sign(&self.bank.charter.id(), auction, saying, &key).unwrap()
    }

    /// Brings a word, as anybody may.
    async fn say(&self, auction: Digest, saying: Saying) -> Result<(u64, Time), ClientError> {
        let journaled = self.client(&bidder(9)).say(&self.word(auction, saying)).await?;
        // He is no side, so he is shown no receipt.
        assert!(journaled.receipt.is_none());
        Ok((journaled.entry, journaled.time))
    }

    async fn delivery(&self, auction: Digest) -> DeliveryView {
        self.client(&bidder(1)).delivery(auction).await.unwrap()
    }

    /// Waits until the price has left escrow.
    async fn paid_out(&self, auction: Digest) -> Ground {
        for _ in 0..2_000 {
            if let Some(paid) = self.delivery(auction).await.paid_out {
                return paid.record.unwrap().ground;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the price stays in escrow");
    }
}

fn whole() -> [i128; 3] {
    [i128::from(PRICE - FEE), i128::from(FEE), -i128::from(PRICE)]
}

fn reason(error: ClientError) -> AuctionDeclined {
    match error {
        ClientError::Auction(reason) => reason,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dispatched_and_confirmed_across_kills_it_is_paid_once() {
    let (mut hall, auction) = sold().await;
    let auction_id = auction.id();
    hall.kill();
    hall.restart().await;
    let (entry, time) = hall.say(auction_id, dispatched()).await.unwrap();
    assert_eq!(time, CLOSING);
    hall.kill();
    hall.restart().await;
    // The same again, also after the kill, is the same entry; another text is refused.
    assert_eq!(hall.say(auction_id, dispatched()).await.unwrap(), (entry, time));
    let other = Saying::Dispatched { tracking: "parcel 8".to_owned() };
    let refused = hall.say(auction_id, other).await.unwrap_err();
    assert!(matches!(reason(refused), AuctionDeclined::Word(_)));
    let early = hall.say(auction_id, awarded(1)).await.unwrap_err();
    assert!(matches!(reason(early), AuctionDeclined::Word(_)));
    assert_eq!(hall.gains().await, [0, 0, -i128::from(PRICE)]);
    let paid = hall.say(auction_id, Saying::Received).await.unwrap();
    assert_eq!(hall.gains().await, whole());
    hall.kill();
    hall.restart().await;
    assert_eq!(hall.say(auction_id, Saying::Received).await.unwrap(), paid);
    assert!(hall.say(auction_id, disputed()).await.is_err());
    // Nothing more happens when the times come.
    for time in [T, T2, T3, T4] {
        hall.at(time);
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(hall.gains().await, whole());
    let summary = hall.audited().await;
    assert_eq!((summary.sales, summary.payouts, summary.in_escrow), (1, 1, 0));
    assert!(summary.late.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn undispatched_the_price_goes_back_at_t2_and_not_before() {
    let (mut hall, auction) = sold().await;
    hall.at(Time(T2.0 - 1));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(hall.gains().await, [0, 0, -i128::from(PRICE)]);
    hall.at(T2);
    assert_eq!(hall.paid_out(auction.id()).await, Ground::Undispatched);
    assert_eq!(hall.gains().await, [0; 3]);
    assert!(hall.say(auction.id(), dispatched()).await.is_err());
    assert_eq!(hall.audited().await.payouts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn undisputed_the_price_goes_to_the_seller_though_the_server_was_down_at_t3() {
    let (mut hall, auction) = sold().await;
    hall.at(Time(T2.0 - 1));
    hall.say(auction.id(), dispatched()).await.unwrap();
    hall.at(T2);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(hall.gains().await, [0, 0, -i128::from(PRICE)]);
    hall.kill();
    hall.at(Time(T4.0 + HOUR));
    hall.restart().await;
    assert_eq!(hall.paid_out(auction.id()).await, Ground::Undisputed);
    assert_eq!(hall.gains().await, whole());
    assert_eq!(hall.audited().await.payouts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn disputed_it_waits_for_the_arbiter_and_at_t4_for_nobody() {
    let (mut hall, auction) = sold().await;
    let auction_id = auction.id();
    hall.say(auction_id, dispatched()).await.unwrap();
    hall.at(Time(T3.0 - 1));
    hall.say(auction_id, disputed()).await.unwrap();
    hall.kill();
    hall.restart().await;
    hall.at(Time(T4.0 - 1));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(hall.gains().await, [0, 0, -i128::from(PRICE)]);
    hall.at(T4);
    assert_eq!(hall.paid_out(auction_id).await, Ground::Unawarded);
    assert_eq!(hall.gains().await, [0; 3]);
    assert!(hall.say(auction_id, awarded(500)).await.is_err());
    assert_eq!(hall.audited().await.payouts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_at_t2_it_pays_back_once() {
    let (mut hall, auction) = sold().await;
    hall.at(T2);
    // From before it has looked up to well after all is done.
    for step in 0..9u64 {
        hall.kill();
        hall.restart().await;
        tokio::time::sleep(Duration::from_millis(step * step * 10)).await;
    }
    assert_eq!(hall.paid_out(auction.id()).await, Ground::Undispatched);
    assert_eq!(hall.gains().await, [0; 3]);
    let summary = hall.audited().await;
    assert_eq!((summary.sales, summary.payouts), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_words_at_once_the_journal_takes_what_an_audit_accepts() {
    let (mut hall, auction) = sold().await;
    let auction_id = auction.id();
    let mut tasks = Vec::new();
    let other = Saying::Dispatched { tracking: "parcel 8".to_owned() };
    for saying in [dispatched(), disputed(), Saying::Received, awarded(7), awarded(8), other] {
        for _ in 0..3 {
            let (client, word) = (hall.client(&bidder(9)), hall.word(auction_id, saying.clone()));
            tasks.push(tokio::spawn(async move { client.say(&word).await }));
        }
    }
    let mut heard = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => heard += 1,
            Err(ClientError::Auction(AuctionDeclined::Word(_))) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(heard >= 3, "{heard}");
    // The confirmation is heard in every stage, so the price has left escrow.
    assert!(hall.delivery(auction_id).await.paid_out.is_some());
    assert_eq!(hall.audited().await.payouts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_what_concerns_him_and_no_account() {
    let (mut hall, auction) = sold().await;
    let auction_id = auction.id();
    hall.say(auction_id, dispatched()).await.unwrap();
    hall.say(auction_id, disputed()).await.unwrap();
    hall.say(auction_id, awarded(500)).await.unwrap();
    // 31 * 500 / 1050 is 14 and a bit.
    let gains = [i128::from(500 - 14u64), 14, -500];
    assert_eq!(hall.gains().await, gains);
    let sides = [
        bidder(1),
        account_key(1),
        hall.seller(),
        house(),
        SecretKey::from_seed(hall.bank.operator.seed()),
    ];
    let named = [dispatcher(), arbiter()];
    let strangers = [bidder(0), account_key(0), bidder(9)];
    let expected = hall.delivery(auction_id).await;
    assert_eq!(expected.disputed.as_ref().unwrap().word.saying(), &disputed());
    let winners_account = account(&account_key(1)).0.0;
    for key in sides.iter().chain(&named) {
        let client = hall.client(key);
        let view = client.delivery(auction_id).await.unwrap();
        assert_eq!(view, expected);
        let bytes = auction::wire::encode(&view).unwrap();
        assert!(!bytes.windows(32).any(|window| window == winners_account));
        for place in [Place::Dispatch, Place::Dispute] {
            let receipt = client.delivery_receipt(auction_id, place).await.unwrap().unwrap();
            let entry = &receipt.receipt().entry;
            assert!(!entry.windows(32).any(|window| window == winners_account));
        }
    }
    for key in &sides {
        let payout = hall.client(key).delivery_receipt(auction_id, Place::Payout).await;
        assert!(payout.unwrap().is_some());
    }
    for key in &named {
        let client = hall.client(key);
        let refused = client.delivery_receipt(auction_id, Place::Payout).await.unwrap_err();
        assert_eq!(reason(refused), AuctionDeclined::NotYours);
        assert_eq!(
            reason(client.decision(auction_id).await.unwrap_err()),
            AuctionDeclined::NotYours
        );
    }
    for key in &strangers {
        let client = hall.client(key);
        assert_eq!(
            reason(client.delivery(auction_id).await.unwrap_err()),
            AuctionDeclined::NotYours
        );
        for place in [Place::Dispatch, Place::Dispute, Place::Payout] {
            let refused = client.delivery_receipt(auction_id, place).await.unwrap_err();
            assert_eq!(reason(refused), AuctionDeclined::NotYours);
        }
        // Everybody sees what the transcript shows, and nothing of what came after.
        let stage = client.payment(auction_id).await.unwrap().stage;
        let Stage::Decided { decision, .. } = stage else { panic!("{stage:?}") };
        assert!(matches!(decision, DecisionView::PhysicalSale { .. }));
    }
    the_judge_says_what_is_left_out(&hall, auction_id).await;
    assert_eq!(hall.audited().await.payouts, 1);
}

async fn the_judge_says_what_is_left_out(hall: &Hall, auction_id: Digest) {
    let judgement = judged(hall, auction_id, None).await;
    assert!(judgement.is_complete(), "{judgement:?}");
    for left_out in [Place::Dispatch, Place::Dispute, Place::Payout] {
        let judgement = judged(hall, auction_id, Some(left_out)).await;
        assert!(!judgement.is_complete() && !judgement.fails(), "{judgement:?}");
        let subject = match left_out {
            Place::Dispatch => Subject::Dispatched,
            Place::Dispute => Subject::Disputed,
            Place::Payout => Subject::PaidOut,
        };
        let missing = judgement.findings.iter().filter(|one| one.found == Found::NotShown);
        assert_eq!(missing.map(|one| one.subject).collect::<Vec<_>>(), [subject]);
    }
}

/// What the judge finds from the winner's files, one left out.
async fn judged(hall: &Hall, auction: Digest, left_out: Option<Place>) -> Judgement {
    let winner = hall.client(&bidder(1));
    let sale = winner.decision(auction).await.unwrap().unwrap();
    let order = hall.client(&account_key(1)).status(account(&account_key(1)), id(51)).await;
    let order = order.unwrap().unwrap().receipt;
    let mut receipts = Vec::new();
    for place in [Place::Dispatch, Place::Dispute, Place::Payout] {
        let receipt = winner.delivery_receipt(auction, place).await.unwrap();
        receipts.push(receipt.filter(|_| left_out != Some(place)));
    }
    let receipt = |n: usize| receipts[n].as_ref().map(|proven| proven.receipt());
    let transcript = std::fs::read(hall.transcript_file(&auction)).unwrap();
    let case = Case {
        charter: &hall.bank.charter,
        transcript: &transcript,
        decision: Some(sale.receipt()),
        order: Some(order.receipt()),
        goods: None,
        key_hash: None,
        delivery_secret: None,
        delivery: DeliveryReceipts {
            dispatch: receipt(0),
            dispute: receipt(1),
            payout: receipt(2),
        },
    };
    judge(&case, &mut rand::rng())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_sellers_or_not_sent_is_not_registered() {
    let hall = Hall::built().await;
    let signed = spec(&hall).sign(&hall.cluster.seller);
    let stranger = hall.client(&account_key(0)).register(&signed).await.unwrap_err();
    assert_eq!(reason(stranger), AuctionDeclined::SellerOnly);
    // A file is deposited, a thing is registered, and not the other way round.
    let digital = hall.spec().sign(&hall.cluster.seller);
    let seller = hall.client(&hall.seller());
    let refused = seller.register(&digital).await.unwrap_err();
    assert!(matches!(reason(refused), AuctionDeclined::Spec(_)));
    assert!(matches!(reason(hall.escrow(&signed).await.unwrap_err()), AuctionDeclined::Spec(_)));
    // Twice gives the same receipt; before a sale nothing is heard.
    let receipt = seller.register(&signed).await.unwrap();
    assert_eq!(seller.register(&signed).await.unwrap(), receipt);
    let auction = signed.claimed_id();
    assert_eq!(
        reason(hall.say(auction, dispatched()).await.unwrap_err()),
        AuctionDeclined::NotSold
    );
    let nowhere = hall.say(Digest([3; 32]), dispatched()).await.unwrap_err();
    assert_eq!(reason(nowhere), AuctionDeclined::Unknown);
    assert_eq!(hall.auction_keys(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_counts_as_journaled_where_its_receipt_shows_it() {
    let (mut hall, auction) = sold().await;
    let auction_id = auction.id();
    let (word, disputed) = (hall.word(auction_id, dispatched()), hall.word(auction_id, disputed()));
    let other = Saying::Dispatched { tracking: "parcel 8".to_owned() };
    let other = hall.word(auction_id, other);
    let winner = hall.client(&bidder(1));
    let truth = winner.say(&word).await.unwrap();
    let dispute = winner.say(&disputed).await.unwrap().receipt.unwrap().receipt().clone();
    let receipt = truth.receipt.as_ref().unwrap().receipt().clone();
    hall.kill();
    let liar = Liar::in_place_of(&hall.bank);
    let answer = |said: AuctionAnswer| Answer::Auction(Box::new(said));
    let say = async |word: &Word, (entry, time): (u64, Time), receipt: Option<&Receipt>| {
        let heard = answer(AuctionAnswer::Heard { entry, time });
        let receipt = receipt.map(|receipt| Box::new(receipt.clone()));
        liar.says_in_turn(vec![heard, answer(AuctionAnswer::Receipt(receipt))]);
        liar.client(&bidder(1)).say(word).await
    };
    let at = (truth.entry, truth.time);
    assert_eq!(say(&word, at, Some(&receipt)).await.unwrap(), truth);
    let lies = [
        say(&word, at, None).await,
        say(&word, at, Some(&dispute)).await,
        say(&word, (at.0 + 1, at.1), Some(&receipt)).await,
        say(&word, (at.0, Time(at.1.0 + 1)), Some(&receipt)).await,
        say(&other, at, Some(&receipt)).await,
        say(&disputed, at, Some(&receipt)).await,
    ];
    for (place, lie) in lies.into_iter().enumerate() {
        assert!(matches!(lie, Err(ClientError::WrongAnswer(_))), "{place}: {lie:?}");
    }
    let show = async |auction: Digest, place: Place| {
        liar.says(answer(AuctionAnswer::Receipt(Some(Box::new(receipt.clone())))));
        liar.client(&bidder(1)).delivery_receipt(auction, place).await
    };
    assert!(show(auction_id, Place::Dispatch).await.unwrap().is_some());
    for (auction, place) in [
        (auction_id, Place::Dispute),
        (auction_id, Place::Payout),
        (Digest([9; 32]), Place::Dispatch),
    ] {
        let lie = show(auction, place).await;
        assert!(matches!(lie, Err(ClientError::WrongAnswer(_))), "{place:?}: {lie:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_at_once_take_no_more_places_than_there_are() {
    let hall = Hall::built_with("max_open_auctions_of_seller = 2\n").await;
    let mut registering = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let signed = spec(&hall).sign(&hall.cluster.seller);
        let client = hall.client(&hall.seller());
        registering.spawn(async move { client.register(&signed).await.map_err(reason) });
    }
    let mut registered = 0;
    while let Some(one) = registering.join_next().await {
        match one.unwrap() {
            Ok(_) => registered += 1,
            Err(AuctionDeclined::AuctionsOfSeller(2)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(registered, 2);
}
