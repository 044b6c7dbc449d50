//! One look at every figure: seconds instead of criterion's minutes, medians of a few runs.
//!
//! `cargo run --release -p benches --example glance`

use std::time::{Duration, Instant};

use auction::checking::BidChecker;
use auction::spec::Rule;
use auction::step::Step;
use auction::transcript::Transcript;
use benches::{Committee, measure_t, rng};

fn main() {
    let t = measure_t();
    println!("T = {t:?}");
    let show = |name: &str, time: Duration| {
        println!("{name}: {time:.2?} = {:.1} T", time.as_secs_f64() / t.as_secs_f64());
    };
    let mut rng = rng();
    let committee = Committee::new(Rule::SecondPrice, 1024, 3);
    let start = Instant::now();
    for level in 1..=20 {
        committee.seal(level * 50, &mut rng);
    }
    show("seal a bid, K = 1024", start.elapsed() / 20);
    let bid = committee.seal(500, &mut rng);
    println!(
        "public bytes of a bid: {}",
        auction::wire::encode(&bid[0].bid).map_or(0, |b| b.len())
    );

    let count = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    let bids = committee.seal_many(count, &mut rng);
    for batch in [1, 64, 256] {
        let checker = BidChecker::new(std::sync::Arc::clone(&committee.auction), 0, &mut rng);
        let part: Vec<_> = bids.iter().cycle().take(batch).map(|bid| bid[0].clone()).collect();
        let runs: u32 = if batch == 1 { 10 } else { 3 };
        let mut spent = Duration::ZERO;
        for _ in 0..runs {
            let part = part.clone();
            let start = Instant::now();
            assert!(checker.check(part, &mut rng).iter().all(Result::is_ok));
            spent += start.elapsed();
        }
        show(&format!("check a bid in a batch of {batch}"), spent / runs / batch as u32);
    }

    let mut nodes: Vec<_> = (0..3)
        .map(|k| {
            let book = committee.book(k, &bids, &mut rng);
            committee.node(k, book, &mut rng)
        })
        .collect();
    let (mut own, mut judging) = (Duration::ZERO, Duration::ZERO);
    let mut rounds = Vec::new();
    let mut bytes = 0;
    while *nodes[0].1.step() != Step::Complete {
        let name = nodes[0].1.step().name();
        let mut messages = Vec::new();
        let mut own_now = Duration::ZERO;
        for (k, (party, referee)) in nodes.iter_mut().enumerate() {
            let start = Instant::now();
            let message = party.message(referee, &mut rng).expect("a message is due");
            if k == 0 {
                own_now = start.elapsed();
            }
            bytes += 2 * auction::wire::encode(&message).map_or(0, |b| b.len());
            messages.push(message);
        }
        let mut judging_now = Duration::ZERO;
        for (k, (_, referee)) in nodes.iter_mut().enumerate() {
            let start = Instant::now();
            for message in &messages {
                referee.offer(message.clone()).expect("honest messages");
            }
            if k == 0 {
                judging_now = start.elapsed();
            }
        }
        own += own_now;
        judging += judging_now;
        rounds.push(format!("{name} {own_now:.1?}+{judging_now:.1?}"));
    }
    println!("{}", rounds.join(", "));
    show(&format!("closing to outcome, n = {count}, own messages"), own);
    show("closing to outcome, judging", judging);
    show("closing to outcome", own + judging);
    println!("bytes between accumulators: {bytes}; rounds {}", rounds.len());
    let transcript = Transcript::of(&nodes[0].1).expect("an outcome").to_bytes().expect("bytes");
    let start = Instant::now();
    Transcript::from_bytes(&transcript).expect("ours").verify(None, &mut rng).expect("valid");
    show(&format!("verify the transcript ({} bytes)", transcript.len()), start.elapsed());
}
