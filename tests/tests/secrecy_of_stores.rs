//! What the disks of accumulators tell whoever takes them: all but one nothing about a bid, all
//! together the bid until the auction ends, nothing afterwards; logs and plain files never.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use accumulators::store::inspect::held_bids;
use auction::layout::Digest;
use auction::money::Amount;
use auction::prices::{Level, PriceLadder};
use auction::shares::{Share, ShareSum};
use auction::spec::Rule;
use link::service::Phase;
use tests::committee::Committee;
use tests::needles::{Needles, copy, files};
use tests::sale::{Bid, Sale};

const LEVELS: usize = 64;
/// The highest, the price of the second-price auction, and others.
const BIDS: [u32; 4] = [61, 47, 33, 5];
const PRICE: u32 = 47;

/// Prices of many digits: by chance they stand in no file.
fn ladder() -> PriceLadder {
    PriceLadder::Even { min: Amount(7_000_000_019), tick: Amount(999_983), levels: LEVELS as u32 }
}

/// A copy of all directories of nodes that do not run.
fn taken(committee: &Committee, name: &str) -> Vec<PathBuf> {
    let folder = committee.folder().join(name);
    let dirs = committee.dirs().into_iter().enumerate();
    dirs.map(|(k, dir)| {
        let target = folder.join(k.to_string());
        copy(&dir, &target);
        target
    })
    .collect()
}

/// The share of every bid in every directory.
fn shares(dirs: &[PathBuf], id: &Digest, bids: &[Bid]) -> Vec<Vec<Share>> {
    let held: Vec<_> = dirs.iter().map(|dir| held_bids(dir, id).unwrap()).collect();
    let of = |bid: &Bid, k: usize| {
        let one = held[k].iter().find(|held| held.bid.digest() == bid.digest()).unwrap();
        one.share.clone().unwrap()
    };
    bids.iter().map(|bid| (0..dirs.len()).map(|k| of(bid, k)).collect()).collect()
}

/// The sum of shares, and its negative, entry by entry.
fn summed<'a>(shares: impl Iterator<Item = &'a Share>) -> (Vec<[u8; 32]>, Vec<[u8; 32]>) {
    let mut sum = ShareSum::new(LEVELS);
    for share in shares {
        sum.add(&share.expand(LEVELS).unwrap()).unwrap();
    }
    let sum = sum.finish();
    sum.vector.expose().iter().map(|entry| (entry.to_bytes(), (-entry).to_bytes())).unzip()
}

/// The level that a vector says, if it is unary.
fn level_of(vector: &[[u8; 32]]) -> Option<u32> {
    let (mut one, zero) = ([0; 32], [0; 32]);
    one[0] = 1;
    let ones = vector.iter().take_while(|entry| **entry == one).count();
    vector[ones..].iter().all(|entry| *entry == zero).then_some(ones as u32)
}

/// All directories together hold every bid, and all but one none, not even a part of it.
fn check_shares(shares: &[Vec<Share>]) {
    for (of_bid, level) in shares.iter().zip(BIDS) {
        assert_eq!(level_of(&summed(of_bid.iter()).0), Some(level));
        for missing in 0..of_bid.len() {
            let others = of_bid.iter().enumerate().filter(|(k, _)| *k != missing);
            let (known, negatives) = summed(others.map(|(_, share)| share));
            assert_eq!(level_of(&known), None);
            // An entry within 2^64 of nothing, above or below, among these is no chance.
            let is_small = |entry: &[u8; 32]| entry[8..] == [0; 24];
            let small = known.iter().chain(&negatives).filter(|entry| is_small(entry)).count();
            assert_eq!(small, 0, "without accumulator {missing}");
        }
    }
}

/// Everything that stands in no log, and in no file but the ones that are named for it.
fn secrets(sale: &Sale, bids: &[Bid], shares: &[Vec<Share>]) -> Needles {
    let mut needles = Needles::default();
    for (bid, of_bid) in bids.iter().zip(shares) {
        needles.secret("a bidder's key", bid.key.seed());
        for share in of_bid {
            match share {
                Share::Seed(seed) => needles.secret("a share's seed", seed),
                Share::Explicit { entries, blinding } => {
                    needles.secret("a share's blinding", blinding);
                    let entries = entries.as_slice();
                    needles.secret("a share's first entry", &entries[0][..16]);
                    needles.secret("a share's last entry", &entries[LEVELS - 1][..16]);
                }
            }
        }
        if bid.level != PRICE {
            let price = ladder().price(Level(bid.level)).unwrap();
            let currency = &sale.auction.spec().currency;
            needles.text("a bid", &currency.format(price));
            needles.text("a bid in minor units", &price.0.to_string());
            needles.raw("a bid, encoded", &price.0.to_le_bytes());
            needles.raw("a bid, laid out", &price.0.to_be_bytes());
        }
    }
    needles
}

/// What each accumulator keeps in files of its own and nowhere else.
fn own_secrets(committee: &Committee, taken: &[PathBuf], id: &Digest) -> Needles {
    let mut needles = Needles::default();
    for (accumulator, dir) in committee.accumulators.iter().zip(taken) {
        needles.secret("an identity", accumulator.identity().seed());
        let key = std::fs::read(dir.join("keys").join(format!("{id}.key"))).unwrap();
        needles.secret("a storage key", &key);
    }
    needles
}

/// Where nothing secret may stand, in directories and logs.
fn open_files(dirs: &[PathBuf]) -> Vec<PathBuf> {
    let private =
        |file: &PathBuf| file.ends_with("identity.key") || file.parent().unwrap().ends_with("keys");
    dirs.iter().flat_map(|dir| files(dir)).filter(|file| !private(file)).collect()
}

fn found(needles: &Needles, places: &[PathBuf]) -> Vec<(PathBuf, String)> {
    places.iter().flat_map(|place| needles.found_below(place)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_and_logs_hold_no_secret() {
    let mut committee = Committee::logging(3, "trace");
    committee.start_all();
    let mut terms = committee.terms(Rule::SecondPrice, LEVELS as u32);
    terms.ladder = ladder();
    let sale = committee.announce(terms).await;
    let id = sale.id();
    let mut bids = Vec::new();
    for level in BIDS {
        bids.push(sale.place(level).await);
    }

    committee.kill_all();
    let open = taken(&committee, "open");
    let shares_open = shares(&open, &id, &bids);
    check_shares(&shares_open);

    // Closed and unfinished: one accumulator stays away.
    committee.accumulators[0].start();
    committee.accumulators[1].start();
    committee.close(&sale, 0).await;
    for k in 0..2 {
        sale.until(k, "closed", |state| matches!(state.phase, Phase::Closed { .. })).await;
    }
    committee.accumulators[0].kill();
    committee.accumulators[1].kill();
    let closed = taken(&committee, "closed");
    check_shares(&shares(&closed, &id, &bids));

    committee.start_all();
    sale.check_honest_outcome(&bids.iter().collect::<Vec<_>>()).await;
    until_erased(&committee).await;
    committee.kill_all();
    // From no directory, nor from all, can a share be read any more.
    for dir in taken(&committee, "ended") {
        assert!(held_bids(&dir, &id).unwrap().iter().all(|held| held.share.is_none()));
    }

    let needles = secrets(&sale, &bids, &shares_open);
    let own = own_secrets(&committee, &open, &id);
    let mut places: Vec<PathBuf> =
        committee.accumulators.iter().map(|one| one.log().to_owned()).collect();
    for dirs in [&open, &closed, &committee.dirs()] {
        places.extend(open_files(dirs));
    }
    assert_eq!(found(&needles, &places), []);
    assert_eq!(found(&own, &places), []);
    the_search_has_power(&sale, &bids, &own, &places, &open);
}

async fn until_erased(committee: &Committee) {
    for dir in committee.dirs() {
        let mut looks = 0;
        while !files(&dir.join("keys")).is_empty() {
            looks += 1;
            assert!(looks < 1000, "{} is not erased", dir.display());
            tokio::time::sleep(tests::committee::PAUSE).await;
        }
    }
}

/// What is public is found in logs and stores, and the secrets where they belong.
fn the_search_has_power(
    sale: &Sale,
    bids: &[Bid],
    own: &Needles,
    places: &[PathBuf],
    open: &[PathBuf],
) {
    let mut public = Needles::default();
    public.text("the auction", &sale.id().to_string());
    public.raw("a bidder", &bids[0].key.public().0);
    public.text("the most talkative level", " TRACE ");
    let shown = found(&public, places);
    let is_log = |path: &Path| path.extension().is_some_and(|end| end == "log");
    for what in ["the auction", "the most talkative level"] {
        let logged = |(path, name): &(PathBuf, String)| is_log(path) && name.starts_with(what);
        assert!(shown.iter().any(logged), "{what} is in no log");
    }
    assert!(shown.iter().any(|(path, name)| path.starts_with(&open[1]) && name == "a bidder"));
    let kept = found(own, open);
    assert_eq!(kept.len(), 2 * open.len(), "{kept:?}");
}
