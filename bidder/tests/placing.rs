//! Placing bids with committees that are honest, silent, refusing, lying, busy and slow.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod fake;

use std::path::Path;
use std::time::Duration;

use auction::layout::Digest;
use auction::money::Amount;
use auction::prices::Level;
use auction::receipts::Reason;
use bidder::{
    BidReport, Leaving, Options, PlaceError, Prepared, Progress, Standing, Wallet, WalletError,
    place, resume, seal_only, submit_many,
};
use fake::{Behaviour, Committee, PATIENCE, client};

fn options() -> Options {
    Options { patience: PATIENCE, ..Options::default() }
}

fn wallet() -> (tempfile::TempDir, Wallet) {
    let dir = tempfile::tempdir().unwrap();
    let wallet = Wallet::create(&dir.path().join("wallet")).unwrap();
    (dir, wallet)
}

async fn bid(committee: &Committee, wallet: &Wallet, level: u32) -> BidReport {
    place(&client(), wallet, &committee.auction(), Level(level), options(), |_| ()).await.unwrap()
}

/// Opens the wallet as a later run does and goes on with its bid.
async fn again(dir: &Path, bid: &Digest) -> BidReport {
    let wallet = Wallet::open(&dir.join("wallet")).unwrap();
    let record = wallet.bid(bid).unwrap();
    resume(&client(), &wallet, record, PATIENCE, |_| ()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_is_taken_by_all_and_its_receipts_are_left_with_all() {
    let committee = Committee::open(3);
    let (_dir, wallet) = wallet();
    let mut steps = Vec::new();
    let report = place(&client(), &wallet, &committee.auction(), Level(5), options(), |progress| {
        steps.push(match progress {
            Progress::Recorded(_) => 'r',
            Progress::Answered { .. } => 'a',
            Progress::Left { .. } => 'l',
        });
    })
    .await
    .unwrap();
    assert_eq!(report.summary(), "counts: all 3 accumulators gave a receipt");
    assert!(report.is_secured() && report.is_counted() && report.misbehaved().is_empty());
    assert_eq!(steps, ['r', 'a', 'a', 'a', 'l', 'l', 'l']);
    for fake in &committee.fakes {
        assert_eq!(fake.holds(&report.digest), (true, true));
    }
    let record = wallet.bid(&committee.id()).unwrap();
    assert_eq!(record.digest(), report.digest);
    assert_eq!((record.level(), record.price()), (Level(5), Some(Amount(1_200))));
    assert!(record.is_counted() && record.bidder() == report.bidder);
    assert_eq!(record.collected().all_receipts().unwrap().len(), 3);
    assert_eq!(record.auction().unwrap().context(), committee.auction().context());

    // Going on with a bid that is done asks nobody.
    let report = resume(&client(), &wallet, record, PATIENCE, |_| ()).await.unwrap();
    assert!(report.is_secured());
    assert!(committee.fakes.iter().all(|fake| fake.received.lock().unwrap().len() == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_bid_needs_an_express_wish() {
    let committee = Committee::open(2);
    let (_dir, wallet) = wallet();
    let first = bid(&committee, &wallet, 3).await;
    let client = client();
    let refused = place(&client, &wallet, &committee.auction(), Level(9), options(), |_| ())
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, PlaceError::Wallet(WalletError::AlreadyBid { bid, .. }) if *bid == first.digest)
    );
    assert!(refused.to_string().contains("resume it"), "{refused}");
    let wish = Options { another: true, ..options() };
    let second =
        place(&client, &wallet, &committee.auction(), Level(9), wish, |_| ()).await.unwrap();
    assert!(second.is_secured());
    assert_ne!((first.digest, first.bidder), (second.digest, second.bidder));
    assert!(
        matches!(wallet.bid(&committee.id()), Err(WalletError::Several { bids, .. }) if bids.len() == 2)
    );
    assert_eq!(wallet.bid(&second.digest).unwrap().level(), Level(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_wallets_make_two_bids() {
    let committee = Committee::open(2);
    let ((_dir, first), (_other, second)) = (wallet(), wallet());
    let (a, b) = tokio::join!(bid(&committee, &first, 3), bid(&committee, &second, 3));
    assert!(a.is_secured() && b.is_secured());
    assert_ne!((a.digest, a.bidder), (b.digest, b.bidder));
    assert!(committee.fakes.iter().all(|fake| fake.holds(&a.digest).1 && fake.holds(&b.digest).1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_accumulator_is_named_and_a_retry_sends_the_same_bid() {
    let committee = Committee::open(3);
    committee.behave(2, Behaviour::Silent);
    let (dir, wallet) = wallet();
    let report = bid(&committee, &wallet, 5).await;
    assert!(!report.is_counted() && !report.is_receipted());
    let said = report.summary();
    let named =
        format!("may not count: accumulator 2 ({}) did not answer", committee.members[2].address);
    assert!(said.starts_with(&named) && said.ends_with("it sends the same bid"), "{said}");
    let kept = wallet.bid(&report.digest).unwrap();
    let receipts: Vec<bool> = kept.collected().receipts.iter().map(Option::is_some).collect();
    assert_eq!(receipts, [true, true, false]);
    assert!(!kept.is_counted());

    committee.behave(2, Behaviour::Honest);
    let retried = again(dir.path(), &committee.id()).await;
    assert_eq!(retried.digest, report.digest);
    assert!(retried.is_secured(), "{}", retried.summary());
    // Those that had given their receipt were not asked for it again.
    for fake in &committee.fakes[..2] {
        assert_eq!(fake.received.lock().unwrap().len(), 1);
    }
    assert!(committee.fakes.iter().all(|fake| fake.holds(&report.digest) == (true, true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_kept_with_its_reason_until_a_receipt_comes() {
    let committee = Committee::open(2);
    committee.behave(1, Behaviour::Refuse(Reason::Full));
    let (dir, wallet) = wallet();
    let report = bid(&committee, &wallet, 5).await;
    assert!(report.summary().contains("refused the bid: the auction has as many bids"));
    let kept = wallet.bid(&report.digest).unwrap();
    assert_eq!(kept.collected().refusals[1].as_ref().unwrap().reason, Reason::Full);
    assert!(kept.collected().refusals[0].is_none());

    committee.behave(1, Behaviour::Honest);
    assert!(again(dir.path(), &report.digest).await.is_secured());
    let kept = wallet.bid(&report.digest).unwrap();
    assert!(kept.collected().refusals.iter().all(Option::is_none) && kept.is_counted());
}

#[tokio::test(flavor = "multi_thread")]
async fn false_answers_are_told_apart_and_never_kept() {
    for (lie, says) in [
        (Behaviour::ForgedReceipt, "its receipt is not signed by it"),
        (Behaviour::OtherReceipt, "its receipt is for another bid"),
        (Behaviour::ReceiptOf(0), "its receipt is for another bid or of another accumulator"),
        (Behaviour::ForgedRefusal, "its refusal is not signed by it"),
        (Behaviour::Done, "got answer 'done', expected 'accepted or refused'"),
    ] {
        let committee = Committee::open(3);
        committee.behave(1, lie);
        let (dir, wallet) = wallet();
        let report = bid(&committee, &wallet, 5).await;
        assert!(report.summary().contains(says), "{}", report.summary());
        assert!(!report.is_counted());
        assert_eq!(report.misbehaved(), [1]);
        let kept = wallet.bid(&report.digest).unwrap();
        let collected = kept.collected();
        assert!(collected.receipts[1].is_none() && collected.refusals[1].is_none());
        assert!(collected.receipts[0].is_some() && collected.receipts[2].is_some());

        committee.behave(1, Behaviour::Honest);
        assert!(again(dir.path(), &report.digest).await.is_secured());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_accumulator_is_asked_again_and_a_slow_one_waited_for() {
    let committee = Committee::open(2);
    committee.behave(0, Behaviour::Busy(4));
    committee.behave(1, Behaviour::Slow(Duration::from_millis(300)));
    let (_dir, wallet) = wallet();
    assert!(bid(&committee, &wallet, 5).await.is_secured());
    let received = committee.fakes[0].received.lock().unwrap();
    assert_eq!(received.len(), 5);
    assert!(received.iter().all(|submission| *submission == received[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_counts_when_one_accumulator_does_not_take_the_receipts() {
    let committee = Committee::open(2);
    committee.behave(0, Behaviour::DropsReceipts);
    let (dir, wallet) = wallet();
    let report = bid(&committee, &wallet, 5).await;
    assert!(report.is_counted() && !report.is_secured());
    assert!(matches!(report.per_accumulator[0].standing, Standing::Receipted(_)));
    assert!(matches!(report.per_accumulator[0].leaving, Leaving::Failed(_)));
    assert!(report.summary().starts_with("counts: "), "{}", report.summary());
    assert!(report.summary().contains("accumulator 0"), "{}", report.summary());
    assert_eq!(wallet.bid(&report.digest).unwrap().collected().left, [false, true]);

    committee.behave(0, Behaviour::Honest);
    assert!(again(dir.path(), &report.digest).await.is_secured());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_sealing_and_submitting_loses_nothing() {
    let committee = Committee::open(2);
    let (dir, wallet) = wallet();
    let auction = committee.auction();
    let prepared = seal_only(&auction, Level(7)).unwrap();
    let digest = prepared.digest();
    drop(wallet.record(&auction, prepared, false).unwrap());
    drop(wallet);
    assert!(committee.fakes.iter().all(|fake| !fake.holds(&digest).0));

    let report = again(dir.path(), &committee.id()).await;
    assert_eq!(report.digest, digest);
    assert!(report.is_secured());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_cut_short_while_it_sends_is_gone_on_with() {
    let committee = Committee::open(2);
    committee.behave(0, Behaviour::Silent);
    committee.behave(1, Behaviour::Silent);
    let (dir, wallet) = wallet();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (client, auction) = (client(), committee.auction());
    let running = tokio::spawn(async move {
        let tell = |progress: Progress<'_>| {
            if let Progress::Recorded(digest) = progress {
                tell.send(digest).unwrap();
            }
        };
        place(&client, &wallet, &auction, Level(7), options(), tell).await
    });
    let digest = told.recv().await.unwrap();
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());

    committee.behave(0, Behaviour::Honest);
    committee.behave(1, Behaviour::Honest);
    let report = again(dir.path(), &committee.id()).await;
    assert_eq!(report.digest, digest);
    assert!(report.is_secured());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_fails_half_way_is_reported_with_what_became_of_the_bid() {
    let committee = Committee::open(2);
    let (dir, wallet) = wallet();
    let gone = dir.path().to_owned();
    let remove = |progress: Progress<'_>| {
        if matches!(progress, Progress::Recorded(_)) {
            std::fs::remove_dir_all(gone.join("wallet")).unwrap();
        }
    };
    let error = place(&client(), &wallet, &committee.auction(), Level(7), options(), remove)
        .await
        .unwrap_err();
    let PlaceError::NotKept { report, .. } = error else { panic!("{error}") };
    assert!(report.is_secured());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_bids_go_side_by_side() {
    let committee = Committee::open(3);
    let auction = committee.auction();
    let bids: Vec<Prepared> =
        (0..40).map(|i| seal_only(&auction, Level(1 + i % 16)).unwrap()).collect();
    let digests: Vec<Digest> = bids.iter().map(Prepared::digest).collect();
    let mut done = Vec::new();
    let reports =
        submit_many(&client(), &auction, bids, 8, Duration::from_secs(60), |n| done.push(n)).await;
    assert_eq!(done, (1..=40).collect::<Vec<_>>());
    assert!(reports.iter().all(BidReport::is_secured));
    assert_eq!(reports.iter().map(|report| report.digest).collect::<Vec<_>>(), digests);
    for fake in &committee.fakes {
        assert!(digests.iter().all(|digest| fake.holds(digest) == (true, true)));
    }
}
