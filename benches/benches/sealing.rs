//! Sealing a bid: what a bidder computes.

use auction::spec::Rule;
use benches::{Committee, rng};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use curve25519_dalek::{RistrettoPoint, Scalar};

fn seal(c: &mut Criterion) {
    let mut rng = rng();
    let mut group = c.benchmark_group("seal");
    group.sample_size(10);
    for levels in [64, 256, 1024, 4096] {
        let committee = Committee::new(Rule::SecondPrice, levels, 3);
        group.bench_function(BenchmarkId::from_parameter(levels), |b| {
            b.iter(|| committee.seal(levels / 2, &mut rng));
        });
    }
    group.finish();
}

/// T, the unit of every figure: one variable-base scalar multiplication.
fn unit(c: &mut Criterion) {
    let mut rng = rng();
    let point = RistrettoPoint::random(&mut rng);
    let scalar = Scalar::random(&mut rng);
    c.bench_function("T", |b| {
        b.iter(|| std::hint::black_box(point) * std::hint::black_box(scalar))
    });
}

criterion_group!(benches, unit, seal);
criterion_main!(benches);
