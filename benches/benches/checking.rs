//! Checking bids, everything included: what an accumulator computes while an auction is open,
//! from the decoded submission to the bid in its book and the share in its running sum.

use std::sync::Arc;

use auction::book::BidBook;
use auction::checking::BidChecker;
use auction::spec::Rule;
use benches::{Committee, rng, take};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn check(c: &mut Criterion) {
    let mut rng = rng();
    let committee = Committee::new(Rule::SecondPrice, 1024, 3);
    let bids = committee.seal_many(256, &mut rng);
    let checker = BidChecker::new(Arc::clone(&committee.auction), 0, &mut rng);
    let mut group = c.benchmark_group("check");
    group.sample_size(10);
    for batch in [1, 64, 256] {
        let part: Vec<_> = bids.iter().take(batch).map(|bid| bid[0].clone()).collect();
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::from_parameter(batch), |b| {
            let fresh = || (part.clone(), BidBook::new(Arc::clone(&committee.auction)));
            let check = |(part, mut book)| {
                take(&checker, &mut book, part, &mut rng);
                book
            };
            b.iter_batched(fresh, check, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
