//! The disk gets full in the midst of an auction: what was begun is finished from the spare
//! segment, nothing new begins, and with room again everything goes on.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auction::money::Amount;
use settlement::client::ClientError;
use settlement::journal::Directory;
use settlement::ledger::{Code, MAX_CHAIN_REQUESTS};
use settlement::server::{INDEX_DIRECTORY, JOURNAL_DIRECTORY, Server, ServerError, Start};
use settlement::service::auctions::DecisionView;

use crate::bank::Bank;
use crate::guarded::{Call, Guarded};
use crate::hall::{Hall, account_key, bidder, house};

/// A disk that can be full: then no file grows, and what is there can be written over, as with a
/// real one.
fn narrow(inner: Directory, full: &Arc<AtomicBool>) -> Guarded<Directory> {
    let full = Arc::clone(full);
    Guarded::new(inner, move |call| match call {
        Call::Write { end, length } if end <= length => Ok(()),
        Call::Create | Call::Write { .. } if full.load(Ordering::SeqCst) => {
            Err(io::ErrorKind::StorageFull.into())
        }
        _ => Ok(()),
    })
}

/// A hall whose server's journal and index lie on such a disk, and what makes it full.
async fn hall() -> (Hall, Arc<AtomicBool>) {
    let mut bank = Bank::found();
    let full = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&full);
    bank.opening = Arc::new(move |dir: &Path, start: Start| {
        let open = |name| {
            let path = dir.join(name);
            let in_use = |error: io::Error| match error.kind() {
                io::ErrorKind::WouldBlock => ServerError::InUse(path.clone()),
                _ => panic!("{error}"),
            };
            Directory::open(&path).map_err(in_use)
        };
        let (journal, index) = (open(JOURNAL_DIRECTORY)?, open(INDEX_DIRECTORY)?);
        Server::open_on(dir, narrow(journal, &told), narrow(index, &told), start)
    });
    (Hall::built_in(bank).await, full)
}

/// Lets money in, a chain at a time, until the server takes nothing new; answers with how many
/// chains it took.
async fn fill(hall: &Hall) -> u128 {
    let teller = hall.client(&hall.bank.operator);
    for chain in 0..200 {
        let code = teller.submit(&deposits(hall, chain)).await.unwrap().results[0].code;
        if code == Code::StorageScarce {
            return chain;
        }
        assert_eq!(code, Code::Done);
    }
    panic!("never scarce");
}

fn deposits(hall: &Hall, chain: u128) -> Vec<settlement::ledger::SignedRequest> {
    let numbers = (0..MAX_CHAIN_REQUESTS as u128).map(|one| 10_000 + chain * 100 + one);
    numbers.map(|number| hall.signed_deposit(number, &account_key(5), 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_whose_disk_gets_full_is_settled_and_nothing_new_begins() {
    let (mut hall, full) = hall().await;
    let auction = hall.announced().await;
    for (i, level) in [(0, 2), (1, 5), (2, 1)] {
        hall.bid(&auction, i, level).await;
    }
    full.store(true, Ordering::SeqCst);
    let taken = fill(&hall).await;
    assert!(taken > 10, "it was full before there was anything in it: {taken}");
    // No bond, no payment: neither is taken, and neither is half.
    let spec = auction.verified_spec().clone();
    let order = hall.order(&spec, 3, 4);
    let patient = hall.client(&account_key(3)).with_deadline(Duration::from_millis(300));
    let refused = patient.bond(&spec, &order).await;
    assert!(matches!(refused, Err(ClientError::Busy)), "{refused:?}");
    let before = hall.has(&account_key(3)).await;
    assert_eq!(before.1, 0);

    // The bonds that were taken are settled: one sold, the others released.
    hall.closed(&auction).await;
    let decision = hall.settled(auction.id()).await;
    let DecisionView::Sale { winner, price, fee, .. } = decision else { panic!("{decision:?}") };
    assert_eq!((winner, price, fee), (bidder(1).public(), Amount(1_050), Amount(31)));
    hall.paid(Some(1), 1_050, &[0, 1, 2, 3]).await;
    assert!(hall.client(&bidder(1)).decision(auction.id()).await.unwrap().is_some());
    let teller = hall.client(&hall.bank.operator);
    let still = teller.submit(&deposits(&hall, taken)).await.unwrap();
    assert_eq!(still.results[0].code, Code::StorageScarce);

    // Room again: what was refused is taken, under the same ids.
    full.store(false, Ordering::SeqCst);
    let mut code = Code::StorageScarce;
    for _ in 0..500 {
        code = teller.submit(&deposits(&hall, taken)).await.unwrap().results[0].code;
        if code != Code::StorageScarce {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(code, Code::Done);
    let funded = hall.has(&account_key(5)).await.0;
    let chains = i128::try_from(taken + 1).unwrap();
    assert_eq!(funded, i128::from(crate::hall::RICH) + chains * MAX_CHAIN_REQUESTS as i128);
    // All of it is there after a kill, and stands up to an audit.
    hall.kill();
    hall.restart().await;
    hall.paid(Some(1), 1_050, &[0, 1, 2, 3]).await;
    assert!(hall.has(&house()).await.0 > i128::from(crate::hall::RICH));
    let summary = hall.audited().await;
    assert_eq!((summary.bonds, summary.sales), (3, 1));
}
