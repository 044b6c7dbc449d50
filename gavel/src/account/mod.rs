//! `gavel account`: money at a settlement server. SETTLEMENT, section "Ledger".

mod balance;
mod deposit;
pub(crate) mod directory;
mod history;
pub(crate) mod intent;
mod once;
mod open;
mod pay;
mod receipts;
pub(crate) mod refusal;
mod withdraw;
mod withdrawal_file;

use std::str::FromStr;

use auction::keys::PublicKey;
use clap::Subcommand;

use crate::exit::Failure;

/// What to do with an account.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an account: a directory with its owner's key.
    Open(open::Arguments),
    /// Let money in, as the operator of the settlement server.
    Deposit(deposit::Arguments),
    /// Let money out: the owner signs, then the operator approves.
    Withdraw(withdraw::Arguments),
    /// Show what is in an account, and what is set aside.
    Balance(balance::Arguments),
    /// List an account's movements.
    History(history::Arguments),
    /// Pay another account of the same currency.
    Pay(pay::Arguments),
    /// Keep the receipts of an account's movements, in case the server is restored from a backup.
    Receipts(receipts::Arguments),
}

/// Runs the command.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Open(arguments) => open::run(&arguments),
        Command::Deposit(arguments) => deposit::run(arguments).await,
        Command::Withdraw(arguments) => withdraw::run(arguments).await,
        Command::Balance(arguments) => balance::run(arguments).await,
        Command::History(arguments) => history::run(arguments).await,
        Command::Pay(arguments) => pay::run(arguments).await,
        Command::Receipts(arguments) => receipts::run(arguments).await,
    }
}

/// An owner's key on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnerKey(pub(crate) PublicKey);

impl FromStr for OwnerKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected =
            "expected an owner's key: the 64 hexadecimal digits that 'account open' printed";
        let key = PublicKey::from_hex(text).ok_or(expected)?;
        if settlement::layout::may_own(&key) { Ok(Self(key)) } else { Err(expected) }
    }
}
