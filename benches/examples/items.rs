//! items
use std::time::Instant;
use auction::spec::Rule;
use auction::shares::*;
use benches::{Committee, measure_t, rng};
fn time<T>(name: &str, n: u32, mut f: impl FnMut() -> T) {
    let start = Instant::now();
    for _ in 0..n { std::hint::black_box(f()); }
    println!("{name}: {:?}", start.elapsed() / n);
}
fn main() {
    println!("T {:?}", measure_t());
    let mut rng = rng();
    let c = Committee::new(Rule::SecondPrice, 1024, 3);
    let bid = c.seal(500, &mut rng);
    let b = &bid[0].bid;
    let explicit = (0..3).find(|k| matches!(bid[*k].delivery.share, Share::Explicit{..})).unwrap();
    let seed = (explicit + 1) % 3;
    time("digest", 1000, || b.digest());
    time("clone bid", 1000, || b.clone());
    for (n, k) in [("explicit", explicit), ("seed", seed)] {
        time(&format!("{n} delivery verify"), 1000, || bid[k].delivery.verify(c.auction.context(), &b.bidder.decode().unwrap()));
        time(&format!("{n} expand"), 1000, || bid[k].delivery.share.expand(1024));
        let e = bid[k].delivery.share.expand(1024).unwrap();
        let mut w = WeightedShareSum::new(1024);
        time(&format!("{n} weigh"), 1000, || w.add(u128::MAX, &e));
    }
    let v: Vec<_> = (0..64).map(|_| c.seal(7, &mut rng)[0].bid.clone()).collect();
    time("verify_bids 64", 5, || auction::checking::verify_bids(&c.auction, v.clone(), &mut rng));
    let one = vec![v[0].clone()];
    time("verify_bids 1", 5, || auction::checking::verify_bids(&c.auction, one.clone(), &mut rng));
    time("decode point", 1000, || b.commitments[0].decode());
    let p = b.commitments[0].decode().unwrap();
    time("compress", 1000, || auction::group::Point::from(*p.value()));
    use curve25519_dalek::traits::VartimeMultiscalarMul;
    for n in [190usize, 448, 1024, 1540, 3000] {
        let s: Vec<_> = (0..n).map(|_| curve25519_dalek::Scalar::random(&mut rng)).collect();
        let pts: Vec<_> = (0..n).map(|_| curve25519_dalek::RistrettoPoint::random(&mut rng)).collect();
        time(&format!("msm {n}"), 5, || curve25519_dalek::RistrettoPoint::vartime_multiscalar_mul(&s, &pts));
    }
}
