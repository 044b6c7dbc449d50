//! `cargo run --release -p benches -- report`: every figure of the auction and of the ledger in
//! one run, as a table, as JSON, and as `docs/PERFORMANCE.md` with its plots.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a report that cannot set itself up should say so and stop"
)]

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use report::plan::Plan;

/// What the auction and the ledger cost on this machine.
#[derive(Debug, Parser)]
#[command(name = "benches")]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measures everything, prints a table and writes docs/PERFORMANCE.md with its plots. The
    /// first run seals some 130,000 bids and keeps them under target/report.
    Report(Arguments),
    /// Runs one accumulator of a measurement: a process of its own.
    #[command(hide = true)]
    Accumulator {
        /// Its directory.
        dir: PathBuf,
        /// Milliseconds by which its clock is ahead.
        ahead: u64,
    },
}

#[derive(Debug, Args)]
struct Arguments {
    /// Leave out what takes long: 10,000 levels, 100,000 bids, 1,000 auctions, the plots and the
    /// page.
    #[arg(long)]
    quick: bool,
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Measure only the parts whose name holds this word, as in "many", and write no page.
    #[arg(long, value_name = "WORD")]
    part: Option<String>,
    /// Everything at toy sizes, nothing kept or written: to test the report itself.
    #[arg(long, hide = true, conflicts_with = "quick")]
    tiny: bool,
}

fn main() -> ExitCode {
    match Command::parse().what {
        What::Report(Arguments { quick, json, part, tiny }) => {
            let plan = match (quick, tiny) {
                (_, true) => Plan::tiny(),
                (true, _) => Plan::quick(),
                _ => Plan::full(),
            };
            let word = part.as_deref().unwrap_or_default();
            if report::run(&plan, word, json) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        What::Accumulator { dir, ahead } => {
            report::node::serve(&dir, ahead);
            ExitCode::SUCCESS
        }
    }
}
