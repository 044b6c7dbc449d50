//! Three accumulators that have joined auctions, and the bids sealed for these: made once, copied
//! for every measurement. The times of the auctions lie in the clocks' own future, so that they
//! stay good.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use accumulators::Clock as _;
use auction::join::{Auction, Join};
use auction::keys::SecretKey;
use auction::money::{Amount, Currency};
use auction::prices::PriceLadder;
use auction::spec::{Member, Rule, SignedSpec, Spec, Time};
use auction::wire::{decode, encode};
use link::Peer;
use link::service::{Answer, Phase, Question};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::asking::{Asker, insist, until};
use super::bids::Bids;
use super::nodes::Nodes;
use super::{Site, tell};

/// When the auctions open, by the nodes' clocks.
const OPENING: Time = Time(2_000_000_000_000);
const DAY: u64 = 24 * 3600 * 1000;
/// When they close.
pub(crate) const CLOSING: Time = Time(OPENING.0 + 300 * DAY);
const LAST: Time = Time(CLOSING.0 + 20 * DAY);
/// When measurements begin.
const BEGIN: Time = Time(OPENING.0 + DAY);
/// Accumulators.
const COUNT: usize = 3;
const PORTS: std::ops::Range<u16> = 10_000..30_000;
const FILE: &str = "hall";
const LONGEST: usize = 256 << 20;
/// Between two looks at an auction that is being joined.
const PAUSE: Duration = Duration::from_millis(20);

/// What is decided before a hall is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) name: &'static str,
    pub(crate) levels: u32,
    pub(crate) most_bids: u32,
    pub(crate) auctions: usize,
    /// Block size and fan-out of the searches.
    pub(crate) search: (u16, u16),
}

/// The hall.
pub(crate) struct Hall {
    dir: PathBuf,
    /// Addresses that the specs name.
    pub(crate) fronts: Vec<SocketAddr>,
    /// Other addresses, for accumulators behind relays.
    pub(crate) backs: Vec<SocketAddr>,
    pub(crate) auctions: Vec<Arc<Auction>>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    ports: Vec<u16>,
    auctions: Vec<(SignedSpec, Vec<Join>)>,
}

/// The seller of all auctions.
pub(crate) fn seller() -> SecretKey {
    SecretKey::from_seed(&[77; 32])
}

/// Milliseconds by which a clock is ahead that now shows `now`.
pub(crate) fn ahead(now: Time) -> u64 {
    now.0.saturating_sub(accumulators::SystemClock.now().0)
}

impl Hall {
    /// The hall of an earlier run, or a new one.
    pub(crate) fn open(site: &Site, terms: Terms) -> Self {
        let prefix = format!("hall-{}-", terms.name);
        let (block, fan_out) = terms.search;
        let dir = site.kept.join(format!(
            "{prefix}{}-{}-{}-{block}-{fan_out}-{}",
            terms.levels, terms.most_bids, terms.auctions, site.fingerprint
        ));
        if !dir.join(FILE).exists() {
            remove_all(&site.kept, &prefix);
            tell(&format!("making hall {}", terms.name));
            build(site, &dir, terms);
        }
        // Copies of a run that was killed.
        remove_all(&dir, ".tmp");
        let bytes = fs::read(dir.join(FILE)).expect("a hall");
        let stored: Stored = decode(&bytes, LONGEST).expect("a hall: remove target/report");
        let auction = |(spec, joins): (SignedSpec, Vec<Join>)| {
            let spec = spec.verify().expect("a spec: remove target/report");
            Arc::new(Auction::new(spec, joins).expect("joins: remove target/report"))
        };
        let (fronts, backs) = addresses(&stored.ports);
        Self { dir, fronts, backs, auctions: stored.auctions.into_iter().map(auction).collect() }
    }

    /// Sealed bids for one of the auctions.
    pub(crate) fn bids(&self, auction: usize, n: usize) -> Bids {
        Bids::of(&self.auctions[auction], n, &self.dir.join("bids"))
    }

    /// Starts copies of accumulators, at the addresses of the specs or behind relays, at a moment
    /// when the auctions are open.
    pub(crate) fn start(&self, count: usize, behind: bool, core: Option<usize>) -> Nodes {
        let listen = if behind { &self.backs } else { &self.fronts };
        Nodes::start_copies(&dirs(&self.dir)[..count], listen, ahead(BEGIN), core)
    }

    /// Those whom one asks at these addresses, over connections of their own.
    pub(crate) fn peers(&self, asker: &Asker, at: &[SocketAddr]) -> Vec<Peer> {
        let members = &self.auctions[0].spec().accumulators;
        members.iter().zip(at).map(|(member, at)| asker.peer(member.key, *at)).collect()
    }
}

fn dirs(dir: &Path) -> Vec<PathBuf> {
    (0..COUNT).map(|k| dir.join(format!("accumulator-{k}"))).collect()
}

/// Removes what has a name that begins so.
fn remove_all(dir: &Path, prefix: &str) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            // What stays takes room and does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Loopback addresses that nothing else is likely to use.
fn addresses(ports: &[u16]) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let at = |net: u8| {
        let address =
            move |(k, port): (u8, &u16)| SocketAddr::from((Ipv4Addr::new(127, 77, net, k), *port));
        (1u8..).zip(ports).map(address).collect()
    };
    (at(0), at(1))
}

fn free_ports() -> Vec<u16> {
    let mut rng = rand::rng();
    loop {
        let ports: Vec<u16> = (0..COUNT).map(|_| rng.random_range(PORTS)).collect();
        let (fronts, backs) = addresses(&ports);
        if fronts.iter().chain(&backs).all(|address| UdpSocket::bind(address).is_ok()) {
            return ports;
        }
    }
}

fn build(site: &Site, dir: &Path, terms: Terms) {
    fs::create_dir_all(dir).expect("room for a hall");
    let ports = free_ports();
    let (fronts, _) = addresses(&ports);
    let dirs = dirs(dir);
    let member = |(dir, front): (&PathBuf, &SocketAddr)| {
        let key = accumulators::init(dir, *front).expect("a new accumulator");
        Member { key, address: front.to_string() }
    };
    let members: Vec<Member> = dirs.iter().zip(&fronts).map(member).collect();
    let nodes = Nodes::start(&dirs, &fronts, ahead(BEGIN));
    let auctions = site.runtime.block_on(async {
        let asker = Asker::new();
        let peers: Vec<Peer> =
            members.iter().zip(&fronts).map(|(member, at)| asker.peer(member.key, *at)).collect();
        let mut auctions = Vec::with_capacity(terms.auctions);
        for number in 0..terms.auctions {
            let spec = spec(terms, number, members.clone()).sign(&seller());
            auctions.push(join(&peers, spec).await);
        }
        auctions
    });
    nodes.stop();
    let stored = encode(&Stored { ports, auctions }).expect("a hall");
    fs::write(dir.join(FILE), stored).expect("room for a hall");
}

fn spec(terms: Terms, number: usize, accumulators: Vec<Member>) -> Spec {
    let (block, fan_out) = terms.search;
    let mut nonce = [0; 32];
    nonce[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Spec {
        nonce,
        seller: seller().public(),
        title: format!("{} {number}", terms.name),
        description: String::new(),
        rule: Rule::SecondPrice,
        currency: Currency::new("EUR", 2).expect("a currency"),
        ladder: PriceLadder::Even { min: Amount(100), tick: Amount(1), levels: terms.levels },
        opening: OPENING,
        closing: CLOSING,
        last: LAST,
        most_bids: terms.most_bids,
        accumulators,
        settlement: None,
        block,
        fan_out,
    }
}

/// Has an auction joined by all.
async fn join(peers: &[Peer], spec: SignedSpec) -> (SignedSpec, Vec<Join>) {
    let id = spec.claimed_id();
    let announced = insist(&peers[0], &Question::Announce(Box::new(spec))).await;
    assert!(matches!(announced, Answer::Auction { .. }), "not announced: {announced:?}");
    for peer in peers {
        until(peer, id, PAUSE, |state| state.phase == Phase::Open).await;
    }
    match insist(&peers[0], &Question::Auction(id)).await {
        Answer::Auction { spec, joins, .. } => (*spec, joins),
        other => panic!("expected an auction, got {other:?}"),
    }
}
