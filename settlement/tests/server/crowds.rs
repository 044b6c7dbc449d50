//! Many at once.

use std::collections::BTreeSet;
use std::time::Duration;

use link::{Endpoint, Identity, Limits, PeerKey};
use settlement::ledger::Code;
use settlement::service::{Answer, Answered, Asked, Question};
use tokio::task::JoinSet;

use crate::bank::*;

#[tokio::test]
async fn small_requests_of_many_clients_share_flushes() {
    let bank = Bank::found();
    let open = bank.open().await;
    let people: Vec<u8> = (1..=40).collect();
    open.fund(&bank, &people, 100).await;
    let clients: Vec<_> = people.iter().map(|seed| open.client(*seed)).collect();
    for client in &clients {
        client.head().await.unwrap();
    }
    // The first request has the writer wait for its clock, the others wait behind it.
    let mut waiting = JoinSet::new();
    let (first, request) = (open.client(1), [bank.post(99, 1, 2, 1)]);
    let hold = bank.hands.hold();
    waiting.spawn(async move { first.submit(&request).await.unwrap() });
    hold.await;
    for (seed, client) in people.iter().zip(clients) {
        for number in 1..=5 {
            let (client, request) = (client.clone(), [bank.post(number, *seed, seed % 40 + 1, 1)]);
            waiting.spawn(async move { client.submit(&request).await.unwrap() });
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    bank.hands.let_go();
    let mut batches = BTreeSet::new();
    let mut done = 0;
    while let Some(decided) = waiting.join_next().await {
        let decided = decided.unwrap();
        assert_eq!(code(&decided), Code::Done);
        batches.insert(decided.receipt.unwrap().receipt().batch);
        done += 1;
    }
    assert_eq!(done, 201);
    assert!(batches.len() <= 50, "{} batches of {done} requests", batches.len());
    open.stop().await.unwrap();
}

#[tokio::test]
async fn when_too_much_waits_the_server_says_so_and_does_nothing() {
    let bank = Bank::found_with("max_waiting_chains = 1\n");
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 10_000).await;
    let limits = Limits { max_answer_bytes: 4 << 20, ..Limits::default() };
    let endpoint = Endpoint::client(&Identity::from_seed(person(1).seed()), limits).unwrap();
    let (server, address) = (PeerKey(bank.charter.server().0), open.file.address.parse().unwrap());
    let patience = Duration::from_secs(20);
    let connection = endpoint.connect(address, server, patience).await.unwrap();
    // Long chains keep the checkers busy, while one waits and others come.
    let mut waiting = JoinSet::new();
    for chain in 0..60u128 {
        let requests: Vec<_> =
            (1..=60).map(|number| bank.post(chain * 100 + number, 1, 2, 1)).collect();
        let bytes = requests.iter().map(|request| request.as_bytes().to_vec()).collect();
        let connection = connection.clone();
        waiting.spawn(async move {
            let answer = connection.request(&Asked::Other(Question::Submit(bytes)), patience).await;
            let Answered::Other(answer) = answer.unwrap() else { panic!("about heads") };
            (requests, answer)
        });
    }
    let (mut done, mut busy) = (0, Vec::new());
    while let Some(answered) = waiting.join_next().await {
        match answered.unwrap() {
            (_, Answer::Submitted(submitted)) => {
                assert!(submitted.results.iter().all(|result| result.code == Code::Done));
                done += 1;
            }
            (requests, Answer::Busy { retry_after }) => {
                assert!(retry_after > 0);
                busy.push(requests);
            }
            (_, other) => panic!("{other:?}"),
        }
    }
    assert!(done > 0 && !busy.is_empty());
    let one = open.client(1);
    let left = 10_000 - 60 * done;
    assert_eq!(one.account(account(1)).await.unwrap().balances.posted(), left);
    // Asked again later, each goes through.
    assert!(one.submit(&busy[0]).await.unwrap().is_done());
    open.stop().await.unwrap();
}
