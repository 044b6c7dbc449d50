//! Every bound of a node that is not an operator's choice ([`crate::Config`]), by name.

use std::time::Duration;

/// Commands that wait for one auction's task; more are answered with busy.
pub const COMMAND_QUEUE: usize = 1024;
/// Bids checked together.
pub const BATCH: usize = 256;
/// Bytes of submissions that wait for their check, for one auction.
pub const WAITING_BYTES: usize = 128 << 20;
/// Receipts left by bidders that wait for the disk, for one auction.
pub const WAITING_RECEIPTS: usize = 4096;
/// Batches that wait for the writer thread.
pub const STORE_QUEUE: usize = 1024;
/// Batches that one commit takes along.
pub const STORE_GROUP: usize = 512;
/// Bytes of the store that its database keeps in memory. What is not among them is read from the
/// file again, which costs little: bids are written once and seldom read.
pub const STORE_CACHE: usize = 64 << 20;
/// Bytes of bids from which on no more are read in one question to the store, in which nothing else
/// is stored.
pub const READ_BYTES: usize = 4 << 20;
/// Milliseconds without a bid after which masks are made that serve this number of bids alone; so
/// they are in the last ones before closing, whatever comes.
pub const QUIET_MILLIS: u64 = 5000;
/// The last milliseconds before closing.
pub const LAST_MILLIS: u64 = 2000;
/// Bytes of masks in memory, of all auctions, from which on no more are made before closing.
pub const MASK_BYTES: usize = 256 << 20;
/// Findings kept for one auction; later ones are logged alone.
pub const MAX_FINDINGS: usize = 64;
/// Histories compared at one time for one auction.
pub const MAX_INQUIRIES: usize = 16;
/// How long a fellow's message waits for its acknowledgement, which comes when it is durable;
/// after that the fellow is asked to send it again. Less than [`ATTEMPT`]. A round takes this long
/// where many auctions close together, and a message that comes again is work for both.
pub const ACK_PATIENCE: Duration = Duration::from_secs(8);
/// How long one attempt to ask a fellow may take.
pub const ATTEMPT: Duration = Duration::from_secs(10);
/// Shortest and longest pause before a fellow is asked again.
pub const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Longest time between two looks at the clock.
pub const LONGEST_NAP: Duration = Duration::from_millis(200);
/// Pause before a write that failed is tried again.
pub const STORE_PAUSE: Duration = Duration::from_millis(500);
/// After how many milliseconds a bidder who found the queue full should ask again.
pub const BUSY_MILLIS: u32 = 200;
/// How long, in milliseconds, a word that an auction is void is repeated to a silent fellow.
pub const FAREWELL_MILLIS: u64 = 30_000;
/// Questions of one connection under way at a time.
pub const STREAMS: u32 = 256;
/// The same of a fellow in many auctions, at most.
pub const FELLOW_STREAMS: u32 = 8192;
/// Bytes sent to a fellow before any is acknowledged: a stage's proof has 32 a level, a list 33 a
/// bid, and each round waits for the slowest message. Machines that hold auctions have links that
/// take so much at once, and what is sent is paced.
pub const INITIAL_WINDOW: u32 = 128 << 10;
/// Bytes of a fellow's questions and answers under way at a time, at most.
pub const FELLOW_BYTES: usize = 256 << 20;
/// Milliseconds after its last time for which it is remembered that an auction ended without an
/// outcome.
pub const REMEMBER_MILLIS: u64 = 24 * 3600 * 1000;
/// How often the settlement servers of running auctions are asked for their heads; after as long
/// without one the next bid waits for it.
pub const WITNESS_INTERVAL: Duration = Duration::from_secs(60);
/// How long a settlement server has to show its head, and that it continues those before.
pub const WITNESS_PATIENCE: Duration = Duration::from_secs(5);
/// After a settlement server did not answer, no bid waits for it again for so long.
pub const WITNESS_AGAIN: Duration = Duration::from_secs(20);
/// Shares refused for themselves that are kept for one auction.
pub const MAX_WRONG_SHARES: usize = 64;
/// How often it is looked for what may be forgotten.
pub const SWEEP: Duration = Duration::from_secs(60);
/// How often an ended auction looks whether anything is left to deliver.
pub const LINGER_LOOK: Duration = Duration::from_millis(500);
/// How long an ended auction may go on to deliver, when more linger than may run.
pub const CROWDED_LINGER: Duration = Duration::from_secs(30);
/// How long the accumulators of a buried auction may still ask long questions: for messages sent
/// again because their acknowledgement was lost.
pub const FELLOW_GRACE: Duration = Duration::from_secs(30);
/// Difference of clocks, in milliseconds, from which on an operator is warned.
pub const CLOCK_TOLERANCE_MILLIS: u64 = 5_000;
