//! How much is measured: everything, what takes two minutes, or toys.

/// Sizes of a run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What the run is called.
    pub(crate) name: &'static str,
    /// Whether sealed bids are kept for the next run, and page and plots are written.
    pub(crate) kept: bool,
    /// How often what is short is measured; the fastest counts.
    pub(crate) repeats: usize,
    /// `K` of most figures.
    pub(crate) levels: u32,
    /// `K` of a long ladder.
    pub(crate) long: Option<u32>,
    /// Numbers of bids.
    pub(crate) bids: [usize; 2],
    /// Bids checked together.
    pub(crate) batches: [usize; 2],
    /// Runs of an auction among processes.
    pub(crate) closings: usize,
    /// Bids that one accumulator takes over QUIC.
    pub(crate) taken: usize,
    /// New connections that one accumulator takes.
    pub(crate) connections: usize,
    /// Bidders waiting at a time.
    pub(crate) clients: Vec<usize>,
    /// Round trips in milliseconds.
    pub(crate) round_trips: Vec<u64>,
    /// The round trip of the target, in milliseconds.
    pub(crate) round_trip: u64,
    /// `n`, `K` and `M` along which cost is plotted.
    pub(crate) curves: Option<Curves>,
    /// Bids of one large auction.
    pub(crate) crowd: Option<usize>,
    /// Auctions side by side.
    pub(crate) many: Option<usize>,
    /// `K` of both.
    pub(crate) crowd_levels: u32,
    /// Transfers through ledger and journal.
    pub(crate) transfers: usize,
    /// Payments of each run through the server.
    pub(crate) payments: usize,
}

/// Where cost is measured for the plots.
#[derive(Debug, Clone)]
pub(crate) struct Curves {
    pub(crate) bids: Vec<usize>,
    pub(crate) levels: Vec<u32>,
    pub(crate) accumulators: Vec<usize>,
}

/// Bids of each of many auctions.
pub(crate) const BIDS_OF_EACH: usize = 20;

impl Plan {
    /// Everything: some 15 minutes with the bids of an earlier run, ten more without.
    pub(crate) fn full() -> Self {
        Self {
            name: "full",
            kept: true,
            repeats: 7,
            levels: 1024,
            long: Some(10_000),
            bids: [100, 1000],
            batches: [64, 256],
            closings: 5,
            taken: 4096,
            connections: 1000,
            clients: vec![1, 4, 16, 64, 256, 1024],
            round_trips: vec![0, 20, 50, 100, 200],
            round_trip: 100,
            curves: Some(Curves {
                bids: vec![10, 32, 100, 316, 1000],
                levels: vec![64, 256, 1024, 4096, 10_000],
                accumulators: vec![2, 3, 5, 8, 12, 16],
            }),
            crowd: Some(100_000),
            many: Some(1000),
            crowd_levels: 256,
            transfers: 1_000_000,
            payments: 60_000,
        }
    }

    /// What two minutes allow.
    pub(crate) fn quick() -> Self {
        Self {
            name: "quick",
            repeats: 3,
            long: None,
            closings: 2,
            taken: 1024,
            connections: 300,
            clients: vec![256],
            round_trips: vec![100],
            curves: None,
            crowd: None,
            many: None,
            transfers: 160_000,
            payments: 20_000,
            ..Self::full()
        }
    }

    /// Every part of the report, at sizes that mean nothing.
    pub(crate) fn tiny() -> Self {
        Self {
            name: "tiny",
            kept: false,
            repeats: 1,
            levels: 12,
            long: Some(20),
            bids: [3, 5],
            batches: [2, 3],
            closings: 1,
            taken: 6,
            connections: 8,
            clients: vec![1, 4],
            round_trips: vec![0, 10],
            round_trip: 10,
            curves: Some(Curves { bids: vec![2, 4], levels: vec![4, 8], accumulators: vec![2, 3] }),
            crowd: Some(30),
            many: Some(2),
            crowd_levels: 8,
            transfers: 100,
            payments: 40,
        }
    }
}
