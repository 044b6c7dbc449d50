//! `gavel auction`: the seller's and everybody's commands about auctions.

mod announce;
mod close;
mod escrow;
pub(crate) mod export;
mod json_transcript;
mod key;
mod offer;
mod payment;
mod physical;
mod show;
pub(crate) mod verify;
mod watch;

use clap::Subcommand;

use crate::exit::Failure;

/// What to do with an auction.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Announce an auction to its accumulators, as its seller.
    New(Box<announce::Arguments>),
    /// Print the seller's public key, for operators who choose whom they serve.
    Key(key::Arguments),
    /// Show the terms of an auction and how it stands.
    Show(show::Arguments),
    /// Close an auction now, before its closing time, as its seller.
    Close(close::Arguments),
    /// Watch an auction until it ends.
    Watch(watch::Arguments),
    /// Check a transcript without trusting anybody: exit code 0 when everything in it holds.
    Verify(verify::Arguments),
    /// Download the transcript of an auction, or turn a transcript file into JSON.
    Export(export::Arguments),
}

/// Runs the command.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::New(arguments) => announce::run(*arguments).await,
        Command::Key(arguments) => key::run(&arguments),
        Command::Show(arguments) => show::run(arguments).await,
        Command::Close(arguments) => close::run(arguments).await,
        Command::Watch(arguments) => watch::run(arguments).await,
        Command::Verify(arguments) => verify::run(arguments).await,
        Command::Export(arguments) => export::run(arguments).await,
    }
}
