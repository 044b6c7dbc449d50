//! `gavel settlement`: the server that keeps the money. SETTLEMENT.

mod audit;
mod backup;
mod copies;
mod head;
mod heads_file;
mod init;
mod inquest;
mod meaning;
mod readmit;
mod restore;
mod serve;
mod unwind;
mod witness;

use clap::Subcommand;

use crate::exit::Failure;

/// What to do with a settlement server.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a settlement server: a directory with keys, settings and the charter.
    #[command(after_help = init::INIT_EXAMPLES)]
    Init(init::Init),
    /// Run a settlement server until it is told to stop.
    #[command(after_help = serve::EXAMPLES)]
    Run(serve::Run),
    /// Print the charter file, which everyone who uses the server is given.
    #[command(after_help = init::SHOW_EXAMPLES)]
    Show(init::Show),
    /// Check a journal from the first byte, trusting nothing but the charter.
    #[command(after_help = audit::EXAMPLES)]
    Audit(audit::Audit),
    /// Copy a server's files, also while it runs, and audit the copy.
    #[command(after_help = backup::EXAMPLES)]
    Backup(backup::Backup),
    /// Make a server from a backup.
    #[command(after_help = restore::EXAMPLES)]
    Restore(restore::Restore),
    /// Bring back, by their receipts, payments and purchases that a restore has lost.
    #[command(after_help = readmit::EXAMPLES)]
    Readmit(readmit::Readmit),
    /// Move back what a corrupt server moved without right: lists it, and with --yes does it.
    #[command(after_help = unwind::EXAMPLES)]
    Unwind(unwind::Unwind),
    /// Watch a server: demand that its history is one, and keep what convicts it.
    #[command(after_help = witness::EXAMPLES)]
    Witness(witness::Arguments),
    /// Show the head of a server's history, and check that it continues those seen before.
    #[command(after_help = head::EXAMPLES)]
    Head(head::Head),
}

/// Runs the command.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init::init(&arguments),
        Command::Run(arguments) => serve::run(arguments).await,
        Command::Show(arguments) => init::show(&arguments),
        Command::Audit(arguments) => audit::run(arguments).await,
        Command::Backup(arguments) => backup::run(arguments).await,
        Command::Restore(arguments) => restore::run(arguments).await,
        Command::Readmit(arguments) => readmit::run(arguments).await,
        Command::Unwind(arguments) => unwind::run(arguments).await,
        Command::Witness(arguments) => witness::run(arguments).await,
        Command::Head(arguments) => head::run(&arguments).await,
    }
}
