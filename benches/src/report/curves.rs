//! How the cost of computation grows with `n`, `K` and `M`.

use auction::spec::Rule;
use benches::rounds::Closing;
use benches::{Committee, NEAR, fan_out};

use super::bids::Bids;
use super::computation::{checking, quickest, sealing_time};
use super::plan::Plan;
use super::plots::{Curve, Plot, Scale};
use super::{Site, tell};

/// Bids where `K` or `M` grows.
const FEW: usize = 32;
/// `K` where `M` grows.
const LEVELS: u32 = 256;

/// Measures along all three; nothing where the plan has none.
pub(crate) fn plots(site: &mut Site, plan: &Plan) {
    let Some(curves) = plan.curves.clone() else { return };
    tell("cost against n");
    let committee = Committee::searching(Rule::SecondPrice, plan.levels, 3, NEAR);
    let most = curves.bids.iter().copied().max().unwrap_or(0);
    let bids = Bids::of(&committee.auction, most, &site.kept).load(0..most);
    let closings: Vec<(f64, Closing)> = curves
        .bids
        .iter()
        .map(|n| (*n as f64, quickest(&committee, &bids[..*n], plan.repeats.min(3)).0))
        .collect();
    site.unit.look();
    site.plots.push(Plot {
        file: "cost-against-n",
        title: format!(
            "One accumulator from close to outcome, K = {}, {}",
            plan.levels,
            fan_out(NEAR)
        ),
        across: "bids n",
        up: "T",
        scale: Scale::BothLogarithmic,
        curves: phases(&closings),
        in_t: true,
    });

    tell("cost against K");
    let mut points = Vec::new();
    for levels in curves.levels {
        let committee = Committee::searching(Rule::SecondPrice, levels, 3, NEAR);
        let bids = Bids::of(&committee.auction, FEW, &site.kept).load(0..FEW);
        points.push((f64::from(levels), costs(&committee, &bids, plan.repeats.min(3))));
        site.unit.look();
    }
    let title = format!("Cost against the length of the ladder, n = {FEW}, {}", fan_out(NEAR));
    site.plots.push(by_costs("cost-against-k", title, "levels K", &points));

    tell("cost against M");
    let mut points = Vec::new();
    for accumulators in curves.accumulators {
        let levels = LEVELS.min(plan.levels);
        let committee = Committee::searching(Rule::SecondPrice, levels, accumulators, NEAR);
        let bids = Bids::of(&committee.auction, FEW, &site.kept).load(0..FEW);
        points.push((accumulators as f64, costs(&committee, &bids, plan.repeats.min(3))));
        site.unit.look();
    }
    let title = format!("Cost against the number of accumulators, n = {FEW}, K = {LEVELS}");
    site.plots.push(by_costs("cost-against-m", title, "accumulators M", &points));
}

/// Sealing, checking in a batch of all, closing; in seconds.
struct Costs {
    sealing: f64,
    checking: f64,
    closing: f64,
}

fn costs(committee: &Committee, bids: &[Vec<auction::bid::Submission>], runs: usize) -> Costs {
    Costs {
        sealing: sealing_time(committee, runs.min(2)).as_secs_f64(),
        checking: checking(committee, bids, runs * 3).as_secs_f64(),
        closing: quickest(committee, bids, runs).0.total().as_secs_f64(),
    }
}

fn by_costs(
    file: &'static str,
    title: String,
    across: &'static str,
    points: &[(f64, Costs)],
) -> Plot {
    let curve = |name: &str, of: fn(&Costs) -> f64| {
        Curve::new(name, points.iter().map(|(x, costs)| (*x, of(costs))).collect())
    };
    let checking = format!("check a bid in a batch of {FEW}");
    let curves = vec![
        curve("seal a bid", |costs| costs.sealing),
        curve("close to outcome, one accumulator", |costs| costs.closing),
        curve(&checking, |costs| costs.checking),
    ];
    Plot { file, title, across, up: "T", scale: Scale::BothLogarithmic, curves, in_t: true }
}

fn phases(closings: &[(f64, Closing)]) -> Vec<Curve> {
    let curve = |name: &str, of: fn(&Closing) -> std::time::Duration| {
        Curve::new(
            name,
            closings.iter().map(|(n, closed)| (*n, of(closed).as_secs_f64())).collect(),
        )
    };
    vec![
        curve("total", Closing::total),
        curve("price, ladder included", |closed| closed.ladder + closed.price),
        curve("winner", |closed| closed.winner),
        curve("set", |closed| closed.set),
    ]
}
