//! What a wallet promises: private, durable, one bid an auction, nothing secret on the outside.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod fake;

use std::fs::{Permissions, metadata, read_dir, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use auction::join::Auction;
use auction::prices::Level;
use bidder::{Wallet, WalletError, seal_only};
use fake::Committee;

fn mode(path: &Path) -> u32 {
    metadata(path).unwrap().permissions().mode() & 0o777
}

fn files(wallet: &Wallet, ending: &str) -> Vec<PathBuf> {
    let paths = read_dir(wallet.dir()).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|known| known == ending)).collect()
}

fn with_a_bid(dir: &Path, auction: &Auction) -> (Wallet, PathBuf) {
    let wallet = Wallet::create(&dir.join("a/wallet")).unwrap();
    wallet.record(auction, seal_only(auction, Level(11)).unwrap(), false).unwrap();
    let path = files(&wallet, "bid").remove(0);
    (wallet, path)
}

#[tokio::test]
async fn others_can_read_nothing_and_what_they_could_is_refused() {
    let auction = Committee::open(2).auction();
    let dir = tempfile::tempdir().unwrap();
    let (wallet, bid) = with_a_bid(dir.path(), &auction);
    assert_eq!(mode(wallet.dir()), 0o700);
    for entry in read_dir(wallet.dir()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }

    for open in [0o644, 0o640, 0o604, 0o602] {
        set_permissions(&bid, Permissions::from_mode(open)).unwrap();
        let error = wallet.bids().unwrap_err();
        assert!(matches!(error, WalletError::Open { wanted: 0o600, .. }));
        assert!(
            error.to_string().ends_with(&format!("run 'chmod 600 {}'", bid.display())),
            "{error}"
        );
    }
    set_permissions(&bid, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(wallet.bids().unwrap().len(), 1);

    set_permissions(wallet.dir(), Permissions::from_mode(0o750)).unwrap();
    let error = Wallet::open(wallet.dir()).unwrap_err();
    let advice =
        format!("(mode 750), which holds secrets: run 'chmod 700 {}'", wallet.dir().display());
    assert!(error.to_string().ends_with(&advice), "{error}");
}

#[tokio::test]
async fn a_wallet_is_made_once_and_found_again() {
    let auction = Committee::open(2).auction();
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("a/wallet");
    assert!(matches!(Wallet::open(&place), Err(WalletError::Missing(_))));
    let (wallet, _) = with_a_bid(dir.path(), &auction);
    assert!(matches!(Wallet::create(&place), Err(WalletError::Exists(_))));
    let record = Wallet::open(&place).unwrap().bid(&auction.id()).unwrap();
    assert_eq!(record.spec(), auction.spec());
    assert_eq!(record.members(), auction.spec().accumulators);
    assert_eq!(record.bidder_secret().public(), record.bidder());
    assert_eq!((record.level(), record.context()), (Level(11), *auction.context()));
    assert!(!record.is_counted());
    let unknown = auction::layout::Digest([5; 32]);
    assert!(matches!(wallet.bid(&unknown), Err(WalletError::NoSuchBid(_))));

    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&place, &link).unwrap();
    assert!(matches!(Wallet::open(&link), Err(WalletError::Kind { .. })));
}

#[tokio::test]
async fn one_bid_an_auction_whichever_process_asks() {
    let auction = Committee::open(2).auction();
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = with_a_bid(dir.path(), &auction);
    let second = Wallet::open(first.dir()).unwrap();
    let prepared = || seal_only(&auction, Level(2)).unwrap();
    let refused = second.record(&auction, prepared(), false).unwrap_err();
    assert!(matches!(refused, WalletError::AlreadyBid { .. }));
    second.record(&auction, prepared(), true).unwrap();
    assert_eq!(first.bids().unwrap().len(), 2);

    // Another auction is another matter, and a bid belongs to the one it was sealed for.
    let other = Committee::open(2).auction();
    let refused = first.record(&other, prepared(), false).unwrap_err();
    assert!(matches!(refused, WalletError::OtherContext { .. }));
    first.record(&other, seal_only(&other, Level(2)).unwrap(), false).unwrap();
}

#[tokio::test]
async fn concurrent_runs_record_one_bid() {
    let auction = Committee::open(2).auction();
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("wallet");
    Wallet::create(&place).unwrap();
    let bids: Vec<_> = (1..=8).map(|level| seal_only(&auction, Level(level)).unwrap()).collect();
    let start = std::sync::Barrier::new(bids.len());
    let recorded: Vec<bool> = std::thread::scope(|scope| {
        let record = |bid| {
            let (place, auction, start) = (&place, &auction, &start);
            scope.spawn(move || {
                let wallet = Wallet::open(place).unwrap();
                start.wait();
                wallet.record(auction, bid, false).is_ok()
            })
        };
        let threads: Vec<_> = bids.into_iter().map(record).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(recorded.iter().filter(|recorded| **recorded).count(), 1);
    assert_eq!(Wallet::open(&place).unwrap().bids().unwrap().len(), 1);
}

#[tokio::test]
async fn half_written_files_go_and_damaged_ones_are_named() {
    let auction = Committee::open(2).auction();
    let dir = tempfile::tempdir().unwrap();
    let (wallet, path) = with_a_bid(dir.path(), &auction);
    let unfinished = path.with_extension("0123.tmp");
    std::fs::write(&unfinished, b"half").unwrap();
    let wallet = Wallet::open(wallet.dir()).unwrap();
    assert!(!unfinished.exists());
    assert_eq!(wallet.bids().unwrap().len(), 1);

    let good = std::fs::read(&path).unwrap();
    let refused = |bad: &[u8]| {
        std::fs::write(&path, bad).unwrap();
        let error = wallet.bids().unwrap_err();
        let named = matches!(&error, WalletError::Damaged { path: named, .. } if *named == path);
        assert!(named, "{error}");
    };
    for at in (0..good.len()).step_by(29) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        refused(&bad);
        refused(&good[..at]);
    }
    std::fs::write(&path, vec![0; 5 << 20]).unwrap();
    assert!(wallet.bids().unwrap_err().to_string().contains("expected at most"));
    std::fs::write(&path, &good).unwrap();
    let moved = path.with_file_name(format!("{}.bid", "00".repeat(32)));
    std::fs::rename(&path, &moved).unwrap();
    assert!(wallet.bids().unwrap_err().to_string().contains("it holds bid"));
}

#[tokio::test]
async fn debug_shows_neither_key_nor_price() {
    let auction = Committee::open(2).auction();
    let dir = tempfile::tempdir().unwrap();
    let (wallet, _) = with_a_bid(dir.path(), &auction);
    let record = wallet.bid(&auction.id()).unwrap();
    let prepared = seal_only(&auction, Level(11)).unwrap();
    let shown = format!("{record:?} {record:#?} {prepared:?}");
    assert_eq!(shown.matches("secrets redacted").count(), 3);
    assert!(!shown.contains("level") && !shown.contains("Level"));
    let digests = [record.digest(), record.auction_id(), prepared.digest()];
    let rest = digests.iter().fold(shown, |shown, digest| shown.replace(&digest.to_string(), ""));
    assert!(!rest.contains(|c: char| c.is_ascii_digit()), "{rest}");
}
