//! Answers of the server's own key that are altered, replayed or of something else: the client
//! takes none of them.

use settlement::client::ClientError;
use settlement::journal::{Receipt, Unproven};
use settlement::ledger::{Code, SignedRequest};
use settlement::service::{Answer, Question, RequestResult, Standing, Submitted};

use crate::bank::*;
use crate::liar::{Liar, ask};

/// Answers about these requests: a payment, another one, one that was refused, and a payment of
/// somebody else under the id of the first.
struct True {
    requests: [SignedRequest; 4],
    submitted: Vec<Submitted>,
    standing: Vec<Standing>,
    account: Answer,
    others_account: Answer,
}

async fn told(bank: &Bank, open: &Open) -> True {
    open.fund(bank, &[1, 2], 100).await;
    let requests = [
        bank.post(1, 1, 2, 10),
        bank.post(2, 1, 2, 10),
        bank.post(3, 1, 2, 999),
        bank.post(1, 2, 1, 5),
    ];
    let (mut submitted, mut standing) = (Vec::new(), Vec::new());
    for (request, of) in requests.iter().zip([1, 1, 1, 2]) {
        let question = Question::Submit(vec![request.as_bytes().to_vec()]);
        match ask(open, &person(of), &question).await {
            Answer::Submitted(one) => submitted.push(*one),
            other => panic!("{other:?}"),
        }
        let question = Question::Request(account(of), request.request().id);
        match ask(open, &person(of), &question).await {
            Answer::Request(Some(one)) => standing.push(*one),
            other => panic!("{other:?}"),
        }
    }
    let of_account = async |of| ask(open, &person(of), &Question::Account(account(of))).await;
    let (account, others_account) = (of_account(1).await, of_account(2).await);
    True { requests, submitted, standing, account, others_account }
}

fn wrong<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> bool {
    matches!(answer, Err(ClientError::WrongAnswer(_)))
}

/// A receipt with one thing altered.
fn altered(receipt: &Receipt) -> Vec<Receipt> {
    let changes: [fn(&mut Receipt); 9] = [
        |one| one.number += 1,
        |one| one.batch += 1,
        |one| one.time.0 += 1,
        |one| one.entry[20] ^= 1,
        |one| one.head.head.size += 1,
        |one| one.head.head.epoch += 1,
        |one| one.head.head.root.0[0] ^= 1,
        |one| one.head.signature.0[0] ^= 1,
        |one| one.path.push(auction::layout::Digest::default()),
    ];
    let change = |change: fn(&mut Receipt)| {
        let mut altered = receipt.clone();
        change(&mut altered);
        altered
    };
    changes.into_iter().map(change).collect()
}

#[tokio::test]
async fn no_other_answer_than_the_true_one_is_taken_for_the_result_of_a_payment() {
    let bank = Bank::found();
    let open = bank.open().await;
    let True { requests, submitted, .. } = told(&bank, &open).await;
    open.stop().await.unwrap();
    let liar = Liar::in_place_of(&bank);
    let submit = async |answer: Answer| {
        liar.says(answer);
        liar.client(&person(1)).submit(&requests[..1]).await
    };
    let [truth, other, refused] = [0, 1, 2].map(|place: usize| submitted[place].clone());
    let answer = |submitted: &Submitted| Answer::Submitted(Box::new(submitted.clone()));
    assert!(submit(answer(&truth)).await.unwrap().is_done());
    assert_eq!(refused.results[0].code, Code::InsufficientFunds);

    let result = truth.results[0];
    let with = |results: Vec<RequestResult>| Submitted { results, ..truth.clone() };
    let false_ones = [
        other.clone(),
        refused.clone(),
        with(vec![]),
        with(vec![result, result]),
        with(vec![RequestResult { code: Code::InsufficientFunds, ..result }]),
        with(vec![RequestResult { entry: result.entry.map(|entry| entry + 1), ..result }]),
        Submitted { receipt: None, ..truth.clone() },
        Submitted { receipt: other.receipt, ..truth.clone() },
        Submitted { receipt: refused.receipt, ..truth.clone() },
    ];
    for (place, lie) in false_ones.iter().enumerate() {
        assert!(wrong(submit(answer(lie)).await), "{place}");
    }
    for (place, receipt) in altered(truth.receipt.as_ref().unwrap()).into_iter().enumerate() {
        let lie = Submitted { receipt: Some(Box::new(receipt)), ..truth.clone() };
        let said = submit(answer(&lie)).await;
        assert!(matches!(said, Err(ClientError::Unproven(_))), "{place}: {said:?}");
    }
    assert!(wrong(submit(Answer::Flushed(1)).await));
    assert!(wrong(submit(Answer::Request(None)).await));
}

#[tokio::test]
async fn a_payment_that_is_said_to_be_made_before_is_proved_too() {
    let bank = Bank::found();
    let open = bank.open().await;
    let True { requests, submitted, standing, .. } = told(&bank, &open).await;
    open.stop().await.unwrap();
    let liar = Liar::in_place_of(&bank);
    let result = RequestResult { repeated: true, ..submitted[0].results[0] };
    let submit = async |result: RequestResult, standing: Option<Standing>| {
        let said = Submitted { results: vec![result], receipt: None };
        let standing = Answer::Request(standing.map(Box::new));
        liar.says_in_turn(vec![Answer::Submitted(Box::new(said)), standing]);
        liar.client(&person(1)).submit(&requests[..1]).await
    };
    assert!(submit(result, Some(standing[0].clone())).await.unwrap().is_done());
    assert!(wrong(submit(result, None).await));
    for (place, lie) in standing.iter().enumerate().skip(1) {
        assert!(wrong(submit(result, Some(lie.clone())).await), "{place}");
    }
    for entry in [None, result.entry.map(|entry| entry + 1)] {
        let result = RequestResult { entry, ..result };
        assert!(wrong(submit(result, Some(standing[0].clone())).await));
    }
}

#[tokio::test]
async fn what_became_of_a_request_is_shown_by_its_own_receipt_alone() {
    let bank = Bank::found();
    let open = bank.open().await;
    let True { requests, standing, account: own, others_account, .. } = told(&bank, &open).await;
    open.stop().await.unwrap();
    let liar = Liar::in_place_of(&bank);
    let status = async |standing: Standing| {
        liar.says(Answer::Request(Some(Box::new(standing))));
        liar.client(&person(1)).status(account(1), requests[0].request().id).await
    };
    assert_eq!(status(standing[0].clone()).await.unwrap().unwrap().code, Code::Done);
    // Another request's, one that was refused, and somebody else's of the same id.
    for (place, lie) in standing.iter().enumerate().skip(1) {
        assert!(wrong(status(lie.clone()).await), "{place}");
    }
    let lie = Standing { code: Code::InsufficientFunds, ..standing[0].clone() };
    assert!(wrong(status(lie).await));
    for receipt in altered(&standing[0].receipt) {
        let said = status(Standing { receipt, ..standing[0].clone() }).await;
        assert!(matches!(said, Err(ClientError::Unproven(_))), "{said:?}");
    }
    for (answer, believed) in [(own, true), (others_account, false)] {
        liar.says(answer);
        let view = liar.client(&person(1)).account(account(1)).await;
        assert_eq!(wrong(view), !believed);
    }
}

/// Two servers of one key go on from one history in two ways.
#[tokio::test]
async fn two_histories_convict_the_server_and_another_ones_word_is_nothing() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let common = open.client(1).head().await.unwrap();
    open.stop().await.unwrap();
    let fork = bank.forked();
    let mut heads = Vec::new();
    for (place, amount) in [(&bank, 10), (&fork, 11)] {
        let open = place.open().await;
        let paid = open.client(1).submit(&[bank.post(1, 1, 2, amount)]).await.unwrap();
        assert!(paid.is_done());
        heads.push(open.client(1).continues(&common).await.unwrap());
        open.stop().await.unwrap();
    }
    let liar = Liar::in_place_of(&bank);
    let client = liar.client(&person(1));
    liar.shows(heads[0]);
    assert_eq!(client.head().await.unwrap(), heads[0]);
    liar.shows(heads[1]);
    for said in [client.head().await, client.continues(&heads[0]).await] {
        let Err(ClientError::Convicted(evidence)) = said else { panic!("{said:?}") };
        assert!(evidence.convict().unwrap().is_some());
    }
    // Who has seen neither cannot know, and who kept one can.
    let later = liar.client(&person(2)).continues(&heads[0]).await;
    assert!(matches!(later, Err(ClientError::Convicted(_))), "{later:?}");

    let elsewhere = Bank::found();
    let open = elsewhere.open().await;
    let head = open.client(1).head().await.unwrap();
    let hello = ask(&open, &person(1), &Question::Hello).await;
    open.stop().await.unwrap();
    liar.shows(head);
    let said = liar.client(&person(1)).head().await;
    assert!(matches!(said, Err(ClientError::Unproven(Unproven::Signature(_)))), "{said:?}");
    liar.says(hello);
    assert!(matches!(liar.client(&person(1)).hello().await, Err(ClientError::WrongCharter)));
}
