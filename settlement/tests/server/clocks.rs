//! Clocks that cannot be believed.

use auction::spec::Time;
use settlement::bookkeeper::ClockDoubt;
use settlement::server::ServerError;
use std::time::Duration;

use crate::bank::*;

#[tokio::test]
async fn a_start_with_a_doubtful_clock_waits_for_the_operators_word() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1], 100).await;
    open.stop().await.unwrap();

    bank.hands.set(Time(BEGIN.0 - 1));
    let refused = bank.try_open(false).await.err().unwrap();
    assert!(matches!(refused, ServerError::Clock(ClockDoubt::Behind(1))), "{refused}");
    bank.hands.set(Time(BEGIN.0 + 3_600_001));
    let refused = bank.try_open(false).await.err().unwrap();
    assert!(matches!(refused, ServerError::Clock(ClockDoubt::FarAhead(_))), "{refused}");

    // Refusing twice has left the directory free, and nothing journaled.
    let open = bank.try_open(true).await.unwrap();
    let one = open.client(1);
    assert_eq!(one.account(account(1)).await.unwrap().time, BEGIN);
    open.stop().await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_set_while_the_server_runs_ends_it_and_is_not_journaled() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    bank.hands.pass(50_000);
    let one = open.client(1).with_deadline(Duration::from_millis(300));
    assert!(one.submit(&[bank.post(1, 1, 2, 1)]).await.unwrap().is_done());
    bank.hands.set(Time(BEGIN.0 + 200_000));
    let lost = one.submit(&[bank.post(2, 1, 2, 1)]).await;
    assert!(lost.is_err());
    let ended = open.end().await.unwrap_err();
    assert!(matches!(ended, ServerError::ClockDrifted(_)), "{ended}");

    bank.hands.set(Time(BEGIN.0 + 50_000));
    let open = bank.open().await;
    let one = open.client(1);
    assert_eq!(one.account(account(1)).await.unwrap().balances.posted(), 99);
    assert!(one.status(account(1), id(2)).await.unwrap().is_none());
    open.stop().await.unwrap();
}
