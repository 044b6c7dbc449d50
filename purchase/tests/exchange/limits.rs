//! What one customer may ask of a merchant.

use std::time::Duration;

use auction::spec::Time;
use purchase::merchant::{
    ItemDelivery, MAX_OPEN_SALES_OF_A_CUSTOMER, QUOTES_A_MINUTE_OF_A_CUSTOMER,
};
use purchase::service::{Answer, Question};
use settlement::layout::Signer;
use settlement::ledger::{Code, Request, RequestId, SignedRequest};
use settlement::purchases::{SignedOffer, order::action};

use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_of_a_customer_run_out_and_those_of_others_do_not() {
    let town = Town::found(b"short", ItemDelivery::Encrypted).await;
    let inquiry = |number: u32| {
        let mut inquiry = [0; 16];
        inquiry[..4].copy_from_slice(&number.to_le_bytes());
        Question::Inquiry { item: 1, inquiry }
    };
    let first = town.ask_shop(CUSTOMER, &inquiry(0)).await;
    assert!(matches!(first, Some(Answer::Offer(_))));
    let mut refused = 0;
    for number in 1..2 * QUOTES_A_MINUTE_OF_A_CUSTOMER {
        match town.ask_shop(CUSTOMER, &inquiry(number)).await {
            Some(Answer::Offer(_)) => {}
            Some(Answer::Busy { .. }) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 0);
    // What was offered is offered again at no cost, and others have budgets of their own.
    assert_eq!(town.ask_shop(CUSTOMER, &inquiry(0)).await, first);
    let other = town.ask_shop(3, &inquiry(0)).await;
    assert!(matches!(other, Some(Answer::Offer(_))) && other != first);
    let missing = town.ask_shop(3, &Question::Inquiry { item: 9, inquiry: [0; 16] }).await;
    assert!(matches!(missing, Some(Answer::Declined(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_orders_of_a_customer_are_under_way() {
    let mut town = Town::found(b"short", ItemDelivery::Encrypted).await;
    let inquiry = Question::Inquiry { item: 1, inquiry: [7; 16] };
    let Some(Answer::Offer(offer)) = town.ask_shop(CUSTOMER, &inquiry).await else {
        panic!("offer")
    };
    let terms = SignedOffer::decode(&offer).unwrap();
    let order = |number: u128| {
        let request = Request {
            id: RequestId::new(number).unwrap(),
            until: Time(town.now().0 + HOUR_MS),
            action: action(terms.offer()),
        };
        let signer = Signer::new(&person(CUSTOMER));
        let order = SignedRequest::sign(&request, &signer, &town.charter().charter);
        Question::Order { offer: offer.clone(), order: order.as_bytes().to_vec() }
    };
    let questions: Vec<Question> =
        (1..=MAX_OPEN_SALES_OF_A_CUSTOMER as u128 + 8).map(order).collect();
    // The server is away, so that nothing is decided.
    town.kill_server();
    let mut asked = tokio::task::JoinSet::new();
    let (at, key) = (town.shop().address.clone(), town.shop().identity);
    for question in questions.clone() {
        let at = at.clone();
        asked.spawn(async move {
            let identity = link::Identity::from_seed(person(CUSTOMER).seed());
            let limits = link::Limits::default();
            let endpoint = link::Endpoint::client(&identity, limits).unwrap();
            let peer = link::Peer::new(endpoint, at, link::PeerKey(key.0));
            peer.request::<_, Answer>(&question, Duration::from_secs(40)).await.unwrap()
        });
    }
    // The others wait for the server.
    for _ in 0..8 {
        let first = asked.join_next().await.unwrap().unwrap();
        assert!(matches!(first, Answer::Busy { .. }), "{first:?}");
    }
    drop(asked);
    // What was taken is on the disk, and sold once both are back.
    town.start_server().await;
    town.start_merchant(None).await;
    let mut paid = 0;
    for _ in 0..2_000 {
        paid = (FUNDS - town.balance(CUSTOMER).await) / PRICE;
        if paid == MAX_OPEN_SALES_OF_A_CUSTOMER as u64 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(paid, MAX_OPEN_SALES_OF_A_CUSTOMER as u64);
}

/// Keys cost nothing: orders of those without an account are refused at once, and keep no place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_account_takes_no_place_from_others() {
    const NOBODY: u8 = 9;
    for delivery in [ItemDelivery::Encrypted, ItemDelivery::Held] {
        let town = Town::found(b"short", delivery).await;
        let inquiry = Question::Inquiry { item: 1, inquiry: [7; 16] };
        let Some(Answer::Offer(offer)) = town.ask_shop(NOBODY, &inquiry).await else {
            panic!("offer")
        };
        let terms = SignedOffer::decode(&offer).unwrap();
        let order = |number: u128| {
            let id = RequestId::new(number).unwrap();
            let until = Time(town.now().0 + HOUR_MS);
            let request = Request { id, until, action: action(terms.offer()) };
            let signer = Signer::new(&person(NOBODY));
            let order = SignedRequest::sign(&request, &signer, &town.charter().charter);
            Question::Order { offer: offer.clone(), order: order.as_bytes().to_vec() }
        };
        for number in 1..=MAX_OPEN_SALES_OF_A_CUSTOMER as u128 + 1 {
            let answer = town.ask_shop(NOBODY, &order(number)).await;
            let refused = Some(Answer::Refused(Code::UnknownAccount));
            assert_eq!(answer, refused, "{delivery:?} {number}");
        }
        // With an account the same order is as good as any.
        town.fund(&[NOBODY]).await;
        let answer = town.ask_shop(NOBODY, &order(1)).await;
        assert!(matches!(answer, Some(Answer::Paid(_))), "{answer:?}");
    }
}
