//! From close to outcome: ladder, price and winner rounds as one accumulator computes them, and
//! an outsider's verification of the whole.

use std::time::Duration;

use auction::spec::Rule;
use benches::rounds::{Closing, close};
use benches::{Committee, rng};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

/// What is picked from the times of a closing.
type Phase = fn(&Closing) -> Duration;

fn closing(c: &mut Criterion) {
    let mut rng = rng();
    let committee = Committee::new(Rule::SecondPrice, 1024, 3);
    let mut group = c.benchmark_group("closing");
    group.sample_size(10);
    for n in [100, 1000] {
        let bids = committee.seal_many(n, &mut rng);
        let phases: [(&str, Phase); 4] = [
            ("ladder", |closing| closing.ladder),
            ("price", |closing| closing.price),
            ("winner", |closing| closing.winner),
            ("total", Closing::total),
        ];
        for (name, phase) in phases {
            group.bench_function(BenchmarkId::new(name, n), |b| {
                let mut run = |_| phase(&close(&committee, &bids, &mut rng).0);
                b.iter_custom(|iterations| (0..iterations).map(&mut run).sum());
            });
        }
        let (_, transcript) = close(&committee, &bids, &mut rng);
        group.bench_function(BenchmarkId::new("verify", n), |b| {
            let verify = |transcript: auction::transcript::Transcript| {
                assert!(transcript.verify(None, &mut rng).is_ok());
            };
            b.iter_batched(|| transcript.clone(), verify, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, closing);
criterion_main!(benches);
