//! `gavel delivery`: physical goods after the sale: dispatched, confirmed, disputed, decided.
//! SETTLEMENT, section "Physical goods".

mod award;
mod confirm;
mod dispatch;
mod dispute;
mod key;
mod show;
mod speaking;
mod view;

use clap::Subcommand;

use crate::exit::Failure;

pub(crate) use view::View;

/// What to do about the delivery of physical goods.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show how the delivery of sold goods stands, and what happens next.
    #[command(after_help = show::EXAMPLES)]
    Show(show::Arguments),
    /// As the dispatcher: say that the goods are on their way.
    #[command(after_help = dispatch::EXAMPLES)]
    Dispatch(dispatch::Arguments),
    /// As the winner: say that you have the goods, and let the price go to the seller.
    #[command(after_help = confirm::EXAMPLES)]
    Confirm(confirm::Arguments),
    /// As the winner: say that the goods have not come, or are not what was offered.
    #[command(after_help = dispute::EXAMPLES)]
    Dispute(dispute::Arguments),
    /// As the arbiter: divide the price of disputed goods.
    #[command(after_help = award::EXAMPLES)]
    Award(award::Arguments),
    /// Print the public key of a dispatcher or an arbiter, for the seller's terms.
    #[command(after_help = key::EXAMPLES)]
    Key(key::Arguments),
}

/// Runs the command.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Show(arguments) => show::run(arguments).await,
        Command::Dispatch(arguments) => dispatch::run(arguments).await,
        Command::Confirm(arguments) => confirm::run(arguments).await,
        Command::Dispute(arguments) => dispute::run(arguments).await,
        Command::Award(arguments) => award::run(arguments).await,
        Command::Key(arguments) => key::run(&arguments),
    }
}
