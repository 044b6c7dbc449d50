//! The report: every figure with its target, the table, the page and the plots.

mod asking;
mod bids;
mod bounds;
mod computation;
mod crowds;
mod curves;
mod figure;
mod hall;
mod ledger;
mod machine;
pub(crate) mod node;
mod nodes;
mod page;
mod payments;
pub(crate) mod plan;
mod plots;
mod processes;
mod relay;
mod stopwatch;
mod table;
mod taking;

use std::fs::File;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use benches::{FAR, NEAR};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use figure::{Amount, Figure, Json};
use hall::{Hall, Terms};
use machine::Watch;
use plan::Plan;
use plots::Plot;
use stopwatch::Unit;

/// What all parts of the report share.
struct Site {
    /// Where sealed bids are kept.
    kept: PathBuf,
    /// Held as long as this run lasts: accumulators have their addresses.
    _lock: File,
    /// Removed at the end, where nothing is kept.
    _passing: Option<TempDir>,
    fingerprint: String,
    /// Of those who ask.
    runtime: Arc<Runtime>,
    unit: Unit,
    figures: Vec<Figure>,
    plots: Vec<Plot>,
}

impl Site {
    fn new(plan: &Plan) -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let passing =
            if plan.kept { None } else { Some(tempfile::tempdir().expect("a directory")) };
        let kept = match &passing {
            Some(dir) => dir.path().to_owned(),
            None => workspace.join("target/report"),
        };
        std::fs::create_dir_all(&kept).expect("a directory for sealed bids");
        let lock = File::create(kept.join("lock")).expect("a directory for sealed bids");
        lock.try_lock().expect("no other report under way on this machine");
        let fingerprint = bids::fingerprint();
        Self {
            kept,
            _lock: lock,
            _passing: passing,
            fingerprint,
            runtime: Arc::new(Runtime::new().expect("a runtime")),
            unit: Unit::new(),
            figures: Vec::new(),
            plots: Vec::new(),
        }
    }

    /// Measures some figures, and what others did with the machine meanwhile.
    fn measure(&mut self, run: impl FnOnce() -> Vec<Figure>) {
        let watch = Watch::start();
        let figures = run();
        let others = watch.others();
        self.unit.look();
        self.add(figures.into_iter().map(|figure| Figure { others, ..figure }).collect());
    }

    fn add(&mut self, figures: Vec<Figure>) {
        self.figures.extend(figures);
    }
}

/// Says on standard error what is being done.
fn tell(what: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// A part of the report.
type Part = fn(&mut Site, &Plan);

/// All parts in their order, by what they measure.
const PARTS: [(&str, Part); 8] = [
    ("computation of the auction", computation::figures),
    ("taking bids over QUIC", |site, plan| taking::figures(site, plan, &usual(site, plan, NEAR))),
    ("three processes on loopback", |site, plan| {
        processes::figures(site, plan, &usual(site, plan, NEAR));
    }),
    ("three processes over links with delay", |site, plan| {
        processes::delays(site, plan, &usual(site, plan, FAR));
    }),
    ("one large auction", crowds::one),
    ("many auctions", crowds::many),
    ("ledger and payments", ledger::figures),
    ("curves", curves::plots),
];

/// The accumulators and the auction of most measurements.
fn usual(site: &Site, plan: &Plan, search: (u16, u16)) -> Hall {
    let most_bids = Plan::full().taken.max(plan.taken).max(plan.bids[1]);
    let name = if search == NEAR { "near" } else { "far" };
    // Plans ask for far fewer bids than 2^32.
    let most_bids = most_bids as u32;
    Hall::open(site, Terms { name, levels: plan.levels, most_bids, auctions: 1, search })
}

/// Measures what the plan says, of all parts whose name holds `word`, and tells it. A part that
/// fails is told as such, and takes no other with it; whether there was none.
pub(crate) fn run(plan: &Plan, word: &str, json: bool) -> bool {
    let parts: Vec<_> = PARTS.into_iter().filter(|(name, _)| name.contains(word)).collect();
    if parts.is_empty() {
        let names = PARTS.map(|(name, _)| name).join(", ");
        tell(&format!("no part has \"{word}\" in its name; there are: {names}"));
        return false;
    }
    let begun = Instant::now();
    let watch = Watch::start();
    let mut site = Site::new(plan);
    let mut whole = true;
    for (name, part) in &parts {
        if catch_unwind(AssertUnwindSafe(|| part(&mut site, plan))).is_err() {
            whole = false;
            tell(&format!("failed: {name}"));
            let failed = Amount::Missing("", "failed in this run");
            site.add(vec![Figure::new(*name, failed)]);
        }
    }
    let (t, others) = (site.unit.seconds(), watch.others());
    tell(&format!("{} report done in {:.0?}", plan.name, begun.elapsed()));
    let said = if json {
        serde_json::to_string(&Json::new(&site.figures, t)).expect("numbers and words") + "\n"
    } else {
        let left_out = if plan.name == "quick" { QUICK } else { "" };
        format!("T = {:.1} us\n\n{}{left_out}", t * 1e6, table::text(&site.figures, t))
    };
    if plan.name == "full" && parts.len() == PARTS.len() {
        write(&site, others);
    }
    std::io::stdout().write_all(said.as_bytes()).expect("somebody who reads the report");
    whole
}

const QUICK: &str = "\nA quick run: 10,000 levels, 100,000 bids and 1,000 auctions are left out, \
    and docs/PERFORMANCE.md and its plots stay as they are.\n";

/// Writes page and plots.
fn write(site: &Site, others: f64) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let plots = docs.join("plots");
    std::fs::create_dir_all(&plots).expect("a directory for plots");
    for plot in &site.plots {
        plot.draw(&plots, site.unit.seconds()).expect("a plot");
    }
    let page = page::page(&site.figures, &site.plots, site.unit, others);
    std::fs::write(docs.join("PERFORMANCE.md"), page).expect("the page");
    tell("docs/PERFORMANCE.md and docs/plots are written");
}
