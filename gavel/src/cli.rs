//! The command line as a whole.

use clap::{Parser, Subcommand};

use crate::exit::Failure;
use crate::{
    account, accumulator, auctions, bid, bids, bond, buy, completions, delivery, demo, goods,
    judge, merchant, offer, receipt, settle, settlement_server,
};

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

With payment, where the winner gets the goods if and only if he pays:
  an operator     gavel settlement init, run, show, backup; gavel account deposit
  the seller      gavel goods seal, gavel account open, gavel auction new --settlement
  each bidder     gavel account open, gavel bid --account
  the winner      gavel receipt --out
  everybody       gavel settlement audit, gavel judge

Physical goods, whose price stays in escrow until they have come:
  the seller      gavel auction new --dispatcher --arbiter
  the dispatcher  gavel delivery dispatch
  the winner      gavel delivery confirm, or dispute
  the arbiter     gavel delivery award

Without an auction, where the customer gets the goods if and only if he pays:
  a merchant      gavel account open, gavel merchant init, run, show; gavel offer add
  a customer      gavel account open, gavel offer list, gavel buy
  either side     gavel receipt --purchase, gavel judge --receipt

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
    /// Set money aside for a bid, where a settlement server takes the payment.
    Bond(bond::Arguments),
    /// List your bids and their receipts, and say whether they won.
    Bids(bids::Arguments),
    /// Tell the settlement server that an auction has ended, and wait for the decision.
    Settle(settle::Arguments),
    /// Make, run and show a merchant of digital goods.
    #[command(subcommand)]
    Merchant(merchant::Command),
    /// Say what a merchant sells, or see it.
    #[command(subcommand)]
    Offer(offer::Command),
    /// Buy digital goods from a merchant, and go on with a purchase.
    Buy(Box<buy::Arguments>),
    /// Fetch the receipt of a sale or a purchase, and as the winner the goods.
    Receipt(receipt::Arguments),
    /// Physical goods after the sale: dispatch, confirm, dispute, award, show.
    #[command(subcommand)]
    Delivery(delivery::Command),
    /// Establish from files alone what was ordered, delivered and paid.
    Judge(judge::Arguments),
    /// Make, run, audit and copy a settlement server, which takes the payment of auctions.
    #[command(subcommand)]
    Settlement(settlement_server::Command),
    /// Money at a settlement server: open an account, see and move what is in it.
    #[command(subcommand)]
    Account(account::Command),
    /// Encrypt a file to sell it, check encrypted goods, open them.
    #[command(subcommand)]
    Goods(goods::Command),
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
            Command::Bond(arguments) => bond::run(arguments).await,
            Command::Bids(arguments) => bids::run(arguments).await,
            Command::Settle(arguments) => settle::run(arguments).await,
            Command::Merchant(command) => merchant::run(command).await,
            Command::Offer(command) => offer::run(command).await,
            Command::Buy(arguments) => buy::run(*arguments).await,
            Command::Receipt(arguments) => receipt::run(arguments).await,
            Command::Delivery(command) => delivery::run(command).await,
            Command::Judge(arguments) => judge::run(arguments).await,
            Command::Settlement(command) => settlement_server::run(command).await,
            Command::Account(command) => account::run(command).await,
            Command::Goods(command) => goods::run(command).await,
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
