//! Sealed bids, kept in a file: sealing is the bidders' work, and 100,000 of them have their own
//! machines.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use auction::bid::{SealedBid, ShareDelivery, Submission};
use auction::join::Auction;
use auction::keys::SecretKey;
use auction::prices::Level;
use auction::sealing::seal;
use auction::spec::Rule;
use auction::wire::{decode, encode};
use benches::{Committee, SEED};
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;

use super::machine::cores;
use super::tell;

/// Longest bid with its shares, in bytes.
const MAX_BID: usize = 4 << 20;
/// How often progress is told.
const TOLD: Duration = Duration::from_secs(10);

/// The bids of one auction.
pub(crate) struct Bids {
    path: PathBuf,
    /// Where each begins, and where the last one ends.
    places: Vec<u64>,
}

/// The level of bid number `i`: spread over the ladder.
pub(crate) fn level_of(i: usize, levels: usize) -> u32 {
    // Levels are at most 16,384.
    (1 + (i * 7919) % levels) as u32
}

/// What the rules of second price give for the first `n` bids: the level of the price.
pub(crate) fn second_price(n: usize, levels: usize) -> u32 {
    let mut all: Vec<u32> = (0..n).map(|i| level_of(i, levels)).collect();
    all.sort_unstable();
    all.iter().rev().nth(1).copied().unwrap_or(1)
}

/// Changes whenever bids are made otherwise: those kept under another name are of no use.
pub(crate) fn fingerprint() -> String {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let committee = Committee::new(Rule::SecondPrice, 1024, 3);
    let mut hasher = DefaultHasher::new();
    hasher.write(&encode(&committee.seal(7, &mut rng)).expect("a bid"));
    format!("{:016x}", hasher.finish())
}

/// Seals bid number `i` of an auction; the same bytes each time.
fn seal_one(auction: &Auction, i: usize) -> Vec<Submission> {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED + 1 + i as u64);
    let bidder = SecretKey::generate(&mut rng);
    let level = Level(level_of(i, auction.levels()));
    seal(auction, level, &bidder, None, &mut rng).expect("a level of the ladder")
}

impl Bids {
    /// The bids kept for this auction in `dir`, and as many more as it takes to have `n`.
    pub(crate) fn of(auction: &Auction, n: usize, dir: &Path) -> Self {
        fs::create_dir_all(dir).expect("a directory for sealed bids");
        let path = dir.join(format!("bids-{}", &auction.context().to_string()[..24]));
        let mut bids = Self { places: places(&path), path };
        bids.grow(auction, n);
        bids
    }

    fn grow(&mut self, auction: &Auction, n: usize) {
        let have = self.places.len() - 1;
        if have >= n {
            return;
        }
        let (begun, mut told) = (Instant::now(), Instant::now());
        let file = File::options().create(true).append(true).open(&self.path);
        let mut file = BufWriter::new(file.expect("a file for sealed bids"));
        let part = 64 * cores();
        for start in (have..n).step_by(part) {
            for bid in seal_side_by_side(auction, start..n.min(start + part)) {
                let deliveries = bid.iter().map(|one| one.delivery.clone()).collect();
                let whole: (SealedBid, Vec<ShareDelivery>) = (bid[0].bid.clone(), deliveries);
                let bytes = encode(&whole).expect("a bid");
                let length = u32::try_from(bytes.len()).expect("a bid is short");
                file.write_all(&length.to_le_bytes()).expect("room for sealed bids");
                file.write_all(&bytes).expect("room for sealed bids");
                let end = self.places.last().copied().unwrap_or(0);
                self.places.push(end + 4 + u64::from(length));
            }
            if told.elapsed() > TOLD {
                told = Instant::now();
                let done = n.min(start + part) - have;
                tell(&format!("sealing, K = {}: {done} of {}", auction.levels(), n - have));
            }
        }
        file.flush().expect("room for sealed bids");
        if begun.elapsed() > TOLD {
            tell(&format!("{} bids sealed in {:.0?}", n - have, begun.elapsed()));
        }
    }

    /// Some of the bids, each with one submission for each accumulator.
    pub(crate) fn load(&self, which: Range<usize>) -> Vec<Vec<Submission>> {
        let mut file = BufReader::new(File::open(&self.path).expect("the sealed bids"));
        file.seek(SeekFrom::Start(self.places[which.start])).expect("the sealed bids");
        let load = |i: usize| {
            // Places are never further apart than a length of 32 bits.
            let mut bytes = vec![0; (self.places[i + 1] - self.places[i]) as usize];
            file.read_exact(&mut bytes).expect("the sealed bids");
            let bid = decode::<(SealedBid, Vec<ShareDelivery>)>(&bytes[4..], MAX_BID);
            let (bid, deliveries) = bid.expect("a bid that was kept: remove target/report");
            let submission = |delivery| Submission { bid: bid.clone(), delivery };
            deliveries.into_iter().map(submission).collect()
        };
        which.map(load).collect()
    }
}

/// Where the bids of a file begin; what is left of one that was not written whole is cut off.
fn places(path: &Path) -> Vec<u64> {
    let mut places = vec![0];
    let Ok(file) = File::options().read(true).write(true).open(path) else { return places };
    let total = file.metadata().expect("the sealed bids").len();
    let mut reader = BufReader::new(&file);
    let (mut end, mut length) = (0, [0; 4]);
    while reader.read_exact(&mut length).is_ok() {
        let bytes = u32::from_le_bytes(length);
        end += 4 + u64::from(bytes);
        if end > total {
            break;
        }
        places.push(end);
        reader.seek_relative(i64::from(bytes)).expect("the sealed bids");
    }
    file.set_len(places.last().copied().unwrap_or(0)).expect("the sealed bids");
    places
}

fn seal_side_by_side(auction: &Auction, which: Range<usize>) -> Vec<Vec<Submission>> {
    let next = AtomicUsize::new(which.start);
    let seal_some = || {
        let mut sealed = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= which.end {
                return sealed;
            }
            sealed.push((i, seal_one(auction, i)));
        }
    };
    let mut all: Vec<(usize, Vec<Submission>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(seal_some)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("sealing")).collect()
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, bid)| bid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bids_are_kept_grown_and_mended() {
        let dir = tempfile::tempdir().unwrap();
        let auction = Committee::new(Rule::SecondPrice, 6, 2).auction;
        let first = Bids::of(&auction, 3, dir.path()).load(0..3);
        let kept = Bids::of(&auction, 5, dir.path());
        assert_eq!(kept.load(0..3), first);
        let length = fs::metadata(&kept.path).unwrap().len();
        File::options().write(true).open(&kept.path).unwrap().set_len(length - 1).unwrap();
        let mended = Bids::of(&auction, 5, dir.path());
        assert_eq!(mended.load(0..5), kept.load(0..5));
        assert_eq!(fs::metadata(&kept.path).unwrap().len(), length);
    }

    #[test]
    fn the_price_is_the_second_level_from_above() {
        let levels: Vec<u32> = (0..4).map(|i| level_of(i, 10)).collect();
        assert_eq!(levels, [1, 10, 9, 8]);
        assert_eq!(second_price(4, 10), 9);
        assert_eq!(second_price(1, 10), 1);
    }
}
