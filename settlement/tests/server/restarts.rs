//! Stops, kills and disks that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use settlement::client::ClientError;
use settlement::ledger::{Code, Fate};
use settlement::server::ServerError;
use tokio::task::JoinSet;

use crate::bank::*;

#[tokio::test]
async fn a_server_goes_on_where_it_stopped() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let request = [bank.post(1, 1, 2, 10)];
    let before = open.client(1).submit(&request).await.unwrap();
    assert!(matches!(bank.try_open(false).await, Err(ServerError::InUse(_))));
    open.stop().await.unwrap();

    let open = bank.open().await;
    let one = open.client(1);
    let after = one.submit(&request).await.unwrap();
    assert!(after.results[0].repeated);
    assert_eq!(after.receipt.unwrap().proven(), before.receipt.unwrap().proven());
    assert_eq!(one.history(account(1), 0).await.unwrap().total, 2);
    assert_eq!(one.account(account(1)).await.unwrap().balances.posted(), 90);
    open.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    let bank = Bank::found();
    let mut number = 0;
    for round in 0..4 {
        let open = bank.open().await;
        if round == 0 {
            open.fund(&bank, &[1, 2, 3, 4], 100_000).await;
        }
        let killed = Arc::new(AtomicBool::new(false));
        let mut payers = JoinSet::new();
        for payer in 1..=4u8 {
            let client = open.client(payer).with_deadline(Duration::from_millis(300));
            let requests: Vec<_> = (0..300)
                .map(|next| bank.post(number + next + 1, payer, payer % 4 + 1, 1))
                .collect();
            let killed = killed.clone();
            payers.spawn(async move {
                let mut acknowledged = Vec::new();
                for request in requests {
                    if killed.load(Ordering::SeqCst) {
                        break;
                    }
                    if client.submit(std::slice::from_ref(&request)).await.is_ok() {
                        acknowledged.push(request.request().id);
                    }
                }
                (payer, acknowledged)
            });
        }
        number += 300;
        tokio::time::sleep(Duration::from_millis(60 + 30 * round)).await;
        open.kill();
        killed.store(true, Ordering::SeqCst);
        let acknowledged = payers.join_all().await;

        let open = bank.open().await;
        for (payer, ids) in acknowledged {
            let client = open.client(payer);
            for id in ids {
                let status = client.status(account(payer), id).await.unwrap().unwrap();
                assert_eq!((status.code, status.fate), (Code::Done, Fate::Committed));
            }
            let balances = client.account(account(payer)).await.unwrap().balances;
            let page = client.history(account(payer), 0).await.unwrap();
            let debits = u64::try_from(balances.debits_posted).unwrap();
            let credits = u64::try_from(balances.credits_posted).unwrap() - 100_000;
            assert_eq!(page.total, 1 + debits + credits);
        }
        open.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_disk_that_fails_ends_the_server_and_loses_nothing_acknowledged() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 1_000_000).await;
    let client = open.client(1).with_deadline(Duration::from_millis(200));
    let chain = |place: u128| -> Vec<_> {
        (1..=64).map(|number| bank.post(place * 100 + number, 1, 2, 1)).collect()
    };
    assert!(client.submit(&chain(0)).await.unwrap().is_done());
    // Its directory goes away: the next file that it makes there fails.
    let elsewhere = bank.dir.join("elsewhere");
    std::fs::rename(bank.journal(), &elsewhere).unwrap();
    let mut acknowledged = 1;
    let error = loop {
        match client.submit(&chain(acknowledged)).await {
            Ok(decided) => assert!(decided.is_done()),
            Err(error) => break error,
        }
        acknowledged += 1;
    };
    assert!(
        matches!(error, ClientError::Unknown | ClientError::Busy | ClientError::Link(_)),
        "{error}"
    );
    let ended = open.end().await.unwrap_err();
    assert!(matches!(ended, ServerError::Journal(_)), "{ended}");

    std::fs::rename(&elsewhere, bank.journal()).unwrap();
    let open = bank.open().await;
    let client = open.client(1);
    for place in 0..acknowledged {
        let again = client.submit(&chain(place)).await.unwrap();
        assert!(again.is_done() && again.results.iter().all(|result| result.repeated));
    }
    assert!(client.submit(&chain(acknowledged)).await.unwrap().is_done());
    open.stop().await.unwrap();
}

#[tokio::test]
async fn snapshots_are_written_while_the_server_runs_and_a_start_after_a_kill_uses_them() {
    let bank = Bank::found_with("snapshot_every = 10\n");
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let one = open.client(1);
    let pay = async |number| one.submit(&[bank.post(number, 1, 2, 1)]).await.unwrap().is_done();
    for number in 1..=20 {
        assert!(pay(number).await);
    }
    let is_snapshot = |name: &str| name.starts_with("snapshot-") && name.len() == 29;
    let written = || {
        let files = std::fs::read_dir(bank.journal()).unwrap();
        files
            .filter_map(|file| file.ok()?.file_name().into_string().ok())
            .any(|name| is_snapshot(&name))
    };
    while !written() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(pay(21).await);
    open.kill();

    let open = bank.open().await;
    let one = open.client(1);
    assert_eq!(one.account(account(1)).await.unwrap().balances.posted(), 79);
    // What is kept in memory alone is whole, from before the snapshot on.
    assert_eq!(one.history(account(1), 0).await.unwrap().total, 22);
    assert!(one.status(account(1), id(1)).await.unwrap().is_some());
    open.stop().await.unwrap();
}
