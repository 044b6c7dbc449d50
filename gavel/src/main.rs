//! The `gavel` command: everything that sellers, bidders, operators and auditors type.

mod account;
mod accumulator;
mod arguments;
mod aside;
mod auctions;
mod bid;
mod bids;
mod bond;
mod bonding;
mod bonds;
mod buy;
mod charter;
mod cli;
mod completions;
mod confirm;
mod delivery;
mod demo;
mod evidence;
mod exit;
mod farewell;
mod fate;
mod goods;
mod goods_ahead;
mod journal_place;
mod judge;
mod log;
mod merchant;
mod money_text;
mod node_address;
mod offer;
mod output;
mod payment_terms;
mod price_prompt;
mod price_text;
mod private_file;
mod progress;
mod receipt;
mod ruling;
mod settle;
mod settlement_server;
mod signals;
mod standing;
mod terms;
mod time;
mod witnesses;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // A command line that is wrong ends here, with code 2.
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::finish(Err(exit::Failure::Runtime(error))),
    };
    let result = runtime.block_on(cli.run());
    // Arithmetic that is still going on is not waited for: nobody needs it any more.
    runtime.shutdown_background();
    exit::finish(result)
}
