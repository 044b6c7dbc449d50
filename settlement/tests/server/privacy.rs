//! Who sees what.

use auction::layout::Digest;
use auction::spec::Time;
use settlement::client::ClientError;
use settlement::ledger::{Action, Code, HoldKey};
use settlement::service::Declined;

use crate::bank::*;

fn is_not_his<T>(answer: Result<T, ClientError>) -> bool {
    matches!(answer, Err(ClientError::Declined(Declined::NotYours)))
}

#[tokio::test]
async fn an_account_is_shown_to_its_owner_and_the_operator_alone() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2, 3], 100).await;
    let [one, two, three, stranger] = [1, 2, 3, 9].map(|seed| open.client(seed));
    let operator = open.client_of(&bank.operator);
    assert!(one.submit(&[bank.post(1, 1, 2, 10)]).await.unwrap().is_done());
    for client in [&one, &operator] {
        assert_eq!(client.account(account(1)).await.unwrap().balances.posted(), 90);
        assert_eq!(client.history(account(1), 0).await.unwrap().total, 2);
        assert!(client.status(account(1), id(1)).await.unwrap().is_some());
    }
    for client in [&two, &three, &stranger] {
        assert!(is_not_his(client.account(account(1)).await));
        assert!(is_not_his(client.history(account(1), 0).await));
        assert!(is_not_his(client.status(account(1), id(2)).await));
    }
    // The payee gets the receipt too, others do not.
    let receipt = two.status(account(1), id(1)).await.unwrap().unwrap().receipt;
    assert_eq!(receipt.proven().codes, [Code::Done]);
    assert!(is_not_his(three.status(account(1), id(1)).await));
    assert!(is_not_his(stranger.status(account(1), id(1)).await));
    // Nothing tells an account that is not there from one that is another's.
    assert!(is_not_his(stranger.account(account(77)).await));
    assert!(is_not_his(stranger.account(account(9)).await));
    open.stop().await.unwrap();
}

#[tokio::test]
async fn who_gets_his_hold_back_does_not_see_who_else_does() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2, 3], 100).await;
    let [one, three] = [1, 3].map(|seed| open.client(seed));
    let timeout = Time(BEGIN.0 + 60_000);
    let holds = [bank.hold(1, 1, 3, 10, timeout), bank.hold(1, 2, 3, 10, timeout)];
    for hold in holds {
        assert!(one.submit(&[hold]).await.unwrap().is_done());
    }
    let voids = [1, 2].map(|seed| {
        let hold = HoldKey { account: account(seed), id: id(1) };
        let reference = Digest([3; 32]);
        let action = Action::VoidHold { account: account(3), hold, reference };
        bank.sign(&person(3), u128::from(seed), action)
    });
    assert!(three.submit(&voids).await.unwrap().is_done());
    assert!(three.status(account(3), id(1)).await.unwrap().is_some());
    assert!(is_not_his(one.status(account(3), id(1)).await));
    assert_eq!(one.history(account(1), 2).await.unwrap().movements.len(), 1);
    open.stop().await.unwrap();
}

#[tokio::test]
async fn balances_go_to_the_owner_whoever_brings_the_request() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let request = [bank.post(1, 1, 2, 10)];
    let brought = open.client(2).submit(&request).await.unwrap();
    assert!(brought.is_done() && brought.results[0].balances.is_none());
    let own = open.client(1).submit(&request).await.unwrap();
    assert!(own.results[0].repeated && own.results[0].balances.is_some());
    let operator = open.client_of(&bank.operator).submit(&request).await.unwrap();
    assert!(operator.results[0].balances.is_some());
    open.stop().await.unwrap();
}
