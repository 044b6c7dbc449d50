//! `gavel settle`: the server is told that there is a transcript. SETTLEMENT, section "An
//! auction's payment", step 4.

use std::time::Duration;

use clap::Args;
use settlement::service::auctions::{DecisionView, Stage, Standing};
use tokio::time::Instant;

use crate::arguments::{AuctionId, CommitteeArgument};
use crate::charter::{CharterArgument, with_server_as_anyone};
use crate::exit::Failure;
use crate::output;
use crate::progress::Waiting;
use crate::standing::{StandingView, auction_of, early_close_of};
use crate::time::Span;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(300);

const EXAMPLES: &str = "Examples:
  gavel settle --auction 5d41... --charter charter.toml
  gavel settle --auction 5d41... --patience 5m --json

The settlement server fetches the transcript from the auction's accumulators, verifies it itself,
and settles what it proves: the price from the winner's bond to the seller, the goods key to the
winner, the other bonds back; the price of physical goods goes into escrow ('gavel delivery'). It does so by itself after closing; anyone may tell it to go and
look now, as often as he likes. Exit code 0 when the auction was decided by a transcript, 1 when it
is not yet, or void.";

/// Arguments of `gavel settle`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(long, value_name = "ID")]
    auction: AuctionId,
    #[command(flatten)]
    charter: CharterArgument,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// How long the decision is waited for, and that all bonds are released.
    #[arg(long, value_name = "TIME", default_value = "1m")]
    patience: Span,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let AuctionId(id) = arguments.auction;
    let charter = arguments.charter.load()?;
    let Span(patience) = arguments.patience;
    let waiting = Waiting::new("waiting for the decision");
    let word = early_close_of(&arguments.committee, &id).await;
    let settled = with_server_as_anyone(&charter, async |client| {
        let end = Instant::now() + patience;
        let mut standing = client.settle(id, word).await?;
        while !is_over(&standing) && Instant::now() + PAUSE < end {
            tokio::time::sleep(PAUSE).await;
            // Once it is decided there is nothing more to tell it.
            standing = match standing.stage {
                Stage::Decided { .. } => client.payment(id).await?,
                Stage::Open | Stage::Settling { .. } => client.settle(id, word).await?,
            };
        }
        Ok(standing)
    });
    let standing = settled.await?;
    drop(waiting);
    let auction = auction_of(&arguments.committee, &id).await;
    let currency = auction.as_ref().map(|auction| &auction.spec().currency);
    let view = StandingView::of(&id, &standing, currency);
    let failure = match &standing.stage {
        Stage::Decided { decision: DecisionView::Void | DecisionView::Unreadable, .. } => {
            Some(Failure::NoOutcome("its payment is void".to_owned()))
        }
        Stage::Decided { .. } => None,
        Stage::Open | Stage::Settling { .. } => {
            let help = "'gavel auction watch' says how the auction goes; then settle again";
            Some(Failure::Payment("the payment is not decided yet".to_owned(), help))
        }
    };
    let said = output::either(arguments.json, &view, || view.in_words());
    match failure {
        None => said,
        Some(failure) if arguments.json => Err(failure.after(&said)),
        Some(failure) => said.and(Err(failure)),
    }
}

fn is_over(standing: &Standing) -> bool {
    matches!(standing.stage, Stage::Decided { holds_left: 0, .. })
}
