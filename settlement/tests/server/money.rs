//! What is asked of the ledger through the network.

use auction::layout::Digest;
use auction::spec::Time;
use settlement::client::ClientError;
use settlement::journal::{Directory, backup};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Code, Fate, HoldKey, Movement, Part, Request, SignedRequest, correction_id,
};
use settlement::service::{Declined, MovementKind, Side};

use crate::bank::*;

#[tokio::test]
async fn money_moves_once_and_only_as_far_as_it_goes() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let one = open.client(1);
    let paid = bank.post(1, 1, 2, 60);
    let first = one.submit(std::slice::from_ref(&paid)).await.unwrap();
    assert_eq!((code(&first), first.results[0].repeated), (Code::Done, false));
    assert_eq!(first.results[0].balances.unwrap().available(), 40);
    // The same again is the same, receipt included.
    let again = one.submit(&[paid]).await.unwrap();
    assert_eq!((code(&again), again.results[0].repeated), (Code::Done, true));
    let (first, again) = (first.receipt.unwrap(), again.receipt.unwrap());
    assert_eq!(first.receipt().entry, again.receipt().entry);
    assert_eq!(first.proven(), again.proven());
    // Another content under the same id is not.
    let other = one.submit(&[bank.post(1, 1, 2, 61)]).await.unwrap();
    assert_eq!(code(&other), Code::IdConflict);
    // Nor is more than there is, and that is final.
    let much = bank.post(2, 1, 2, 41);
    assert_eq!(
        code(&one.submit(std::slice::from_ref(&much)).await.unwrap()),
        Code::InsufficientFunds
    );
    open.client(2).submit(&[bank.post(1, 2, 1, 100)]).await.unwrap();
    let refused = one.submit(&[much]).await.unwrap();
    assert_eq!((code(&refused), refused.results[0].repeated), (Code::InsufficientFunds, true));
    assert_eq!(one.account(account(1)).await.unwrap().balances.available(), 140);
    let status = one.status(account(1), id(2)).await.unwrap().unwrap();
    assert_eq!((status.code, status.fate), (Code::InsufficientFunds, Fate::Refused));
    assert!(one.status(account(1), id(3)).await.unwrap().is_none());
    open.stop().await.unwrap();
}

#[tokio::test]
async fn a_chain_commits_whole_or_not_at_all() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2, 3], 100).await;
    // Anybody may bring what others have signed.
    let (stranger, one) = (open.client(9), open.client(1));
    let chain = [bank.post(1, 1, 2, 10), bank.post(1, 2, 3, 500)];
    let refused = stranger.submit(&chain).await.unwrap();
    let codes: Vec<_> = refused.results.iter().map(|result| result.code).collect();
    assert_eq!(codes, [Code::ChainFailed, Code::InsufficientFunds]);
    let chain = [bank.post(2, 1, 2, 10), bank.post(2, 2, 3, 110)];
    let done = stranger.submit(&chain).await.unwrap();
    assert!(done.is_done());
    // He hears what became of it, and nothing of the accounts.
    assert!(done.results.iter().all(|result| result.balances.is_none()));
    assert_eq!(done.receipt.unwrap().proven().requests, chain);
    assert_eq!(one.account(account(1)).await.unwrap().balances.posted(), 90);
    open.stop().await.unwrap();
}

#[tokio::test]
async fn holds_expire_by_themselves_and_history_tells_everything() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let (one, two) = (open.client(1), open.client(2));
    let timeout = Time(BEGIN.0 + 30_000);
    let held = [bank.hold(1, 1, 2, 30, timeout), bank.hold(2, 1, 2, 20, timeout)];
    assert!(one.submit(&held).await.unwrap().is_done());
    let hold = HoldKey { account: account(1), id: id(1) };
    let reference = Digest([9; 32]);
    let part = Part::Amount(25);
    let taking = Action::PostHold { account: account(2), hold, part, reference };
    assert!(two.submit(&[bank.sign(&person(2), 5, taking)]).await.unwrap().is_done());
    assert_eq!(one.account(account(1)).await.unwrap().balances.available(), 55);
    bank.hands.pass(30_000);
    // Nobody asks for anything to be decided: the server sweeps by itself.
    let swept = || async { one.account(account(1)).await.unwrap().balances.available() == 75 };
    let mut left = 4_000;
    while !swept().await {
        left -= 1;
        assert!(left > 0, "nothing was swept");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let status = one.status(account(1), id(2)).await.unwrap().unwrap();
    assert_eq!((status.code, status.fate), (Code::Done, Fate::HoldExpired));

    let page = one.history(account(1), 0).await.unwrap();
    let lines: Vec<_> = page.movements.iter().map(|line| (line.side, line.amount)).collect();
    assert_eq!(
        lines,
        [(Side::Credit, 100), (Side::Debit, 30), (Side::Debit, 20), (Side::Debit, 25)]
    );
    assert_eq!(page.movements[3].kind, MovementKind::PostHold(hold));
    assert_eq!((page.total, page.movements[3].signed_by), (4, account(2)));
    assert_eq!(one.history(account(1), 3).await.unwrap().movements, page.movements[3..]);
    let other = two.history(account(2), 3).await.unwrap().movements;
    assert_eq!((other[0].side, other[0].other, other[0].id), (Side::Credit, account(1), id(5)));
    assert!(one.history(account(1), 99).await.unwrap().movements.is_empty());
    open.stop().await.unwrap();
}

#[tokio::test]
async fn a_correction_stands_in_both_histories_in_the_operators_name() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let reference = Digest([8; 32]);
    let movement = Movement { debit: account(2), credit: account(1), amount: sum(7), reference };
    let (id, currency) = (correction_id(&reference, 0), eur());
    let action = Action::Correct { currency, movement, part: 0 };
    let request = Request { id, until: UNTIL, action };
    let signed = SignedRequest::sign(&request, &Signer::new(&bank.operator), &bank.charter);
    assert!(open.client(1).submit(&[signed]).await.unwrap().is_done());
    open.stop().await.unwrap();
    // And after a start, from the index.
    let open = bank.open().await;
    let operator = AccountId::of_owner(&bank.operator.public(), currency);
    for (who, side, other) in [(1, Side::Credit, 2), (2, Side::Debit, 1)] {
        let page = open.client(who).history(account(who), 1).await.unwrap();
        let [line] = page.movements[..] else { panic!("{page:?}") };
        assert_eq!((line.kind, line.side, line.amount), (MovementKind::Correct, side, 7));
        assert_eq!((line.other, line.signed_by), (account(other), operator));
        assert_eq!((line.id, line.reference, page.total), (id, reference, 2));
    }
    open.stop().await.unwrap();
}

#[tokio::test]
async fn deposits_and_withdrawals_need_the_operator() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1], 100).await;
    let one = open.client(1);
    let reference = Digest([1; 32]);
    let (owner, currency) = (person(1).public(), eur());
    let gift = Action::Deposit { owner, currency, amount: sum(5), reference };
    let forged = one.submit(&[bank.sign(&person(1), 1, gift)]).await;
    assert!(matches!(forged, Err(ClientError::Declined(Declined::Unsigned { place: 0, .. }))));
    let out = Action::Withdraw { account: account(1), amount: sum(5), reference };
    let alone = bank.sign(&person(1), 2, out);
    let refused = one.submit(std::slice::from_ref(&alone)).await;
    assert!(matches!(refused, Err(ClientError::Declined(Declined::Unsigned { .. }))));
    let both = alone.countersign(&Signer::new(&bank.operator), &bank.charter);
    assert!(one.submit(&[both]).await.unwrap().is_done());
    let last = one.history(account(1), 1).await.unwrap().movements[0];
    assert_eq!((last.kind, last.side, last.amount), (MovementKind::Withdraw, Side::Debit, 5));
    open.stop().await.unwrap();
}

#[tokio::test]
async fn heads_continue_and_a_backup_is_made_while_the_server_runs() {
    let bank = Bank::found();
    let open = bank.open().await;
    let one = open.client(1);
    let empty = one.head().await.unwrap();
    open.fund(&bank, &[1, 2], 1000).await;
    let before = one.continues(&empty).await.unwrap();
    for number in 1..20 {
        assert!(one.submit(&[bank.post(number, 1, 2, 1)]).await.unwrap().is_done());
    }
    let after = one.continues(&before).await.unwrap();
    assert_eq!((before.head.size, after.head.size), (1, 20));
    let hello = one.hello().await.unwrap();
    assert_eq!(hello.head.head, after.head);
    // A head of another history is not continued.
    let mut forged = before;
    forged.head.size = 2;
    assert!(matches!(one.continues(&forged).await, Err(ClientError::Unproven(_))));

    let refused = one.flushed().await;
    assert!(matches!(refused, Err(ClientError::Declined(Declined::OperatorOnly))));
    let flushed = open.client_of(&bank.operator).flushed().await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut source = Directory::open_to_read(&bank.journal()).unwrap();
    let mut target = Directory::open(place.path()).unwrap();
    let copied = backup(&mut source, &mut target, &bank.charter, flushed).unwrap();
    assert_eq!((copied.audit.entries, copied.audit.root), (20, after.head.root));
    open.stop().await.unwrap();
}
