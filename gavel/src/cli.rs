//! The command line as a whole.

use clap::{Parser, Subcommand};

use crate::exit::Failure;
use crate::{accumulator, auctions, bid, bids, completions, demo};

const EXAMPLES: &str = "Examples:
  gavel demo                                  a whole auction on this machine, with made-up bids
  gavel demo --bids my.csv --rule first-price
  gavel auction verify sale.transcript        check an auction without trusting anybody

A real auction, step by step:
  each operator   gavel accumulator init, show, run
  the seller      gavel auction new
  each bidder     gavel bid
  everybody       gavel auction watch, export, verify
  each bidder     gavel bids --check

Exit codes: 0 done; 1 refused, failed or not verified; 2 the command line or a file that it names
is wrong and nothing was done; 130 interrupted. Answers go to standard output, progress and errors
to standard error.";

/// Sealed-bid auctions in which nobody learns a bid and anyone can check the result.
#[derive(Debug, Parser)]
#[command(name = "gavel", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole auction on this machine: accumulators, bids from a file, outcome, verification.
    Demo(Box<demo::Arguments>),
    /// Make, run and show an accumulator.
    #[command(subcommand)]
    Accumulator(accumulator::Command),
    /// Announce, show, close, watch, verify and export auctions.
    #[command(subcommand)]
    Auction(auctions::Command),
    /// Bid in an auction.
    Bid(Box<bid::Arguments>),
    /// List your bids and their receipts, and say whether they won.
    Bids(bids::Arguments),
    /// Print the completion script of a shell.
    Completions(completions::Arguments),
}

impl Cli {
    /// Does what was typed.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Demo(arguments) => demo::run(*arguments).await,
            Command::Accumulator(command) => accumulator::run(command).await,
            Command::Auction(command) => auctions::run(command).await,
            Command::Bid(arguments) => bid::run(*arguments).await,
            Command::Bids(arguments) => bids::run(arguments).await,
            Command::Completions(arguments) => completions::run(&arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
