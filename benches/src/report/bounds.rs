//! What keeps a figure from its target: said where it misses it. Where the run itself can count
//! or time it, the text is made from that; the rest was sampled with `perf` beside the code that
//! it speaks of: whoever makes a step faster samples again.

use std::time::Duration;

use benches::rounds::Closing;

use super::machine::cores;

pub(crate) const CHECKING: &str = "of a check in a batch of 64, sampled, 29 % are the joint \
    multiplication, most of it the level generators, which a larger batch spreads over more bids, \
    25 % two strict Ed25519 verifications, 16 % decompressing the bid's eight points, 9 % \
    expanding and summing the share";
pub(crate) const SEALING: &str = "counted: two commitments to seed shares, each a constant-time \
    multiplication of K points, and the sums of the membership proof, which multiply 1.2 K points \
    more; the curve library has no faster one in constant time, and none shares its tables";
pub(crate) const VERIFYING: &str = "the rounds' proofs of all three accumulators, as in a closing, \
    and for each bid a signature and its part of the membership batch";
pub(crate) const MEMORY: &str = "counted on the heap at 10,000 bids, of 3.3 KB a bid 44 % are \
    explicit shares, kept until the outcome (17 K + 32 bytes for one bid in M), 18 % decoded \
    commitments of 192 bytes each, the rest keys, receipts and tables, twice for a moment while \
    the set is fixed, and lists; beside them 64 MiB of the store's pages";
pub(crate) const JOURNAL: &str = "two cores lay out, apply and hash every entry and put it into \
    the index on the disk while a helper flushes: measured, 2.0 to 2.7 us of processor time each in \
    all, so that they could do 740,000 to 1,000,000/s if they never waited for each other or for a \
    flush; the state machine alone does 1.4 to 2.9 M/s";
pub(crate) const PAYMENTS: &str = "processor time, the payers' on the same cores included; \
    sampled at 32 and 256 waiting: 46 and 33 % check the signature (all but a twentieth of it one \
    double multiplication; keys are kept decoded and a division is shared), 32 and 45 % are QUIC \
    on both sides (counted: 2.3 and 2.7 datagrams, of which 2 would do), 14 and 18 % the tasks of \
    question and answer on both sides, 4 % the writer with journal, tree and signed head";

/// Of the computation after closing, with `levels` levels.
pub(crate) fn closing(closed: &Closing, levels: usize) -> String {
    let total = closed.total();
    let share = |part: Duration| percent(part, total);
    let rest = total.saturating_sub(closed.stages.total() + closed.tests.total());
    format!(
        "timed by step in the same run: {} are the {} stages ({} making {} ciphertexts and {} \
         proofs, {} judging the fellows', which takes a multiplication of {levels} points and \
         more where whole vectors are proved, once for the price and once for the winner at \
         least), {} the {} tests, {} of them with products ({} making its own, five \
         constant-time multiplications a test and four more a product, {} judging the \
         fellows'), {} set, order and outcome; the multiplications are the curve library's",
        share(closed.stages.total()),
        closed.stages.count,
        share(closed.stages.own),
        closed.ciphertexts,
        closed.stages.count,
        share(closed.stages.judging),
        share(closed.tests.total()),
        closed.tests.count,
        closed.products,
        share(closed.tests.own),
        share(closed.tests.judging),
        share(rest),
    )
}

/// Of the bytes after closing.
pub(crate) fn bytes(closed: &Closing, levels: usize) -> String {
    let kilobytes = |bytes: usize| (bytes as f64 / 1e3).round();
    format!(
        "counted: proofs of the {} stages are {} of the {} KB, and three vectors of {levels} \
         numbers of 32 bytes, from each to each, nearly all of that: the masked sum, the answer \
         for its mask, and the answer for the bids' commitments at the winner level. A vector \
         folded once would be half as long and cost its prover a multiplication of {levels} \
         points, by a tenth of the whole more",
        closed.stages.count,
        kilobytes(closed.proof_bytes),
        kilobytes(closed.bytes),
    )
}

/// Of the time by the clock of a closing of so many rounds with round trips of `trip`, where the
/// nodes used `used` seconds of processor time and took `wall`.
pub(crate) fn wall(used: f64, wall: Duration, rounds: Option<u32>, trip: Duration) -> String {
    let trips = rounds.filter(|_| !trip.is_zero()).map(|rounds| {
        let waited = (trip * rounds / 2).as_secs_f64();
        format!("{rounds} half round trips are {waited:.2} s of it; ")
    });
    let rounds = rounds.map_or_else(String::new, |rounds| format!("{rounds} "));
    format!(
        "{}measured in the same run: until the outcome was seen the three processes used {:.0} ms \
         of processor time, which takes {} cores {:.0} ms if they share it without a gap, of the \
         {:.0} ms; the rest are {rounds}rounds that each wait for a commit to disk and the \
         slowest message",
        trips.unwrap_or_default(),
        used * 1e3,
        cores(),
        used * 1e3 / cores() as f64,
        wall.as_secs_f64() * 1e3,
    )
}

/// Of an auction with many bids, whose nodes used so many seconds after closing.
pub(crate) fn crowd(used: f64) -> String {
    format!(
        "measured in the same run: the three processes used {used:.1} s of processor time after \
         closing on {} cores; it is work that grows with n on one thread each: comparing lists, \
         the order, and expanding every share once more to fold it into blocks",
        cores()
    )
}

/// Of many auctions, of which each took the nodes `used` seconds together, and takes one accumulator
/// `alone` seconds to compute by itself; what is computed takes `crowding` times as long while all
/// cores are at work.
pub(crate) fn many(used: f64, alone: f64, crowding: f64) -> String {
    let (accumulators, cores) = (3.0, cores());
    let computed = accumulators * alone * crowding;
    format!(
        "measured in the same run: an auction's closing takes the three processes {:.0} ms of \
         processor time together, on {cores} cores. Computing it takes each {:.1} ms alone, and \
         the three {:.0} ms while all cores are at work: so at most {:.0} auctions/s if nothing \
         else were to be done. A search tests nearly as many levels as a large auction's, for few \
         bids; the rest are QUIC, the store and the tasks of its rounds",
        used * 1e3,
        alone * 1e3,
        computed * 1e3,
        cores as f64 / computed,
    )
}

/// Of taking bids, where one takes the node `used` seconds of processor time and its check in a
/// full batch `checking` seconds.
pub(crate) fn taking(used: f64, checking: Option<f64>) -> String {
    let checking = checking.map_or_else(String::new, |seconds| {
        format!(", of which checking in a large batch is {:.0}", seconds * 1e6)
    });
    format!(
        "the node's one core: {:.0} us of processor time a bid in the same run{checking}; the \
         rest is QUIC (one question in three brings an explicit share of 17 bytes a level), \
         decoding, sealing the share for the store, the commit and the receipt's signature",
        used * 1e6
    )
}

/// A part of a whole, for people.
fn percent(part: Duration, whole: Duration) -> String {
    format!("{:.0} %", 100.0 * part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use benches::rounds::Work;

    use super::*;

    #[test]
    fn texts_are_made_from_what_was_counted() {
        let of = |millis| Duration::from_millis(millis);
        let closed = Closing {
            set: of(10),
            price: of(90),
            stages: Work { count: 4, own: of(20), judging: of(40) },
            tests: Work { count: 25, own: of(10), judging: of(20) },
            products: 14,
            ciphertexts: 82,
            bytes: 900_400,
            proof_bytes: 700_000,
            ..Closing::default()
        };
        let text = closing(&closed, 1024);
        for part in ["60 % are the 4 stages", "20 % making 82", "25 tests, 14 of", "10 % set"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(bytes(&closed, 1024).contains("are 700 of the 900 KB"));
        let near = wall(0.1, of(80), Some(31), Duration::ZERO);
        assert!(near.starts_with("measured") && near.contains("used 100 ms"), "{near}");
        let far = wall(0.1, of(900), Some(16), of(100));
        assert!(far.starts_with("16 half round trips are 0.80 s of it"), "{far}");
        let many = many(0.1, 0.02, 1.5);
        assert!(
            many.contains("100 ms") && many.contains("20.0 ms alone, and the three 90 ms"),
            "{many}"
        );
        assert!(taking(4e-4, Some(2e-4)).contains("400 us of processor time a bid in the same"));
    }
}
