//! A whole payment through a real settlement server whose journal is in a database.

use std::sync::Arc;

use auction::layout::Digest;
use auction::spec::Time;
use journal_postgres::{Database, Taking, Target};
use settlement::audit::audit;
use settlement::ledger::{Action, Code, HoldKey, Part};
use settlement::server::{Server, ServerError, open_index};

use crate::bank::*;
use crate::server::Postgres;

#[tokio::test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
async fn money_is_held_and_paid_and_both_sides_have_the_receipt_after_a_kill() {
    let (database, target) = tokio::task::spawn_blocking(|| {
        let database = Postgres::start();
        let (_, target) = database.journal();
        (database, target)
    })
    .await
    .unwrap();
    let mut bank = Bank::found();
    bank.opening = opening(target.clone());
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let (one, two) = (open.client(1), open.client(2));
    let timeout = Time(BEGIN.0 + 30_000);
    assert!(one.submit(&[bank.hold(1, 1, 2, 60, timeout)]).await.unwrap().is_done());
    let hold = HoldKey { account: account(1), id: id(1) };
    let (part, reference) = (Part::Amount(45), Digest([9; 32]));
    let take = Action::PostHold { account: account(2), hold, part, reference };
    let take = bank.sign(&person(2), 1, take);
    let taken = two.submit(std::slice::from_ref(&take)).await.unwrap();
    assert_eq!((code(&taken), taken.results[0].repeated), (Code::Done, false));
    let receipt = taken.receipt.unwrap();
    // Another server is not let in while this one runs.
    assert!(matches!(bank.try_open(false).await, Err(ServerError::InUse(_))));
    open.kill();

    let open = bank.open().await;
    let (one, two) = (open.client(1), open.client(2));
    assert_eq!(one.account(account(1)).await.unwrap().balances.available(), 55);
    assert_eq!(two.account(account(2)).await.unwrap().balances.available(), 145);
    let again = two.submit(&[take]).await.unwrap();
    assert_eq!((code(&again), again.results[0].repeated), (Code::Done, true));
    assert_eq!(again.receipt.unwrap().receipt().entry, receipt.receipt().entry);
    open.stop().await.unwrap();
    // The directory holds no journal: all that is known of money is in the database.
    assert!(!bank.journal().exists());
    let charter = bank.charter;
    let report = tokio::task::spawn_blocking(move || {
        let report = audit(&mut Database::open_to_read(&target).unwrap(), &charter, &[]).unwrap();
        drop(database);
        report
    });
    assert_eq!(report.await.unwrap().requests, 4);
}

/// Opens a server with its journal in a database.
fn opening(target: Target) -> Opening {
    Arc::new(move |dir, start| {
        let index = open_index(dir)?;
        let journal = Database::open(&target, Taking::IfFree).map_err(|error| {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
            ServerError::InUse(dir.to_owned())
        })?;
        Server::open_on(dir, journal, index, start)
    })
}
