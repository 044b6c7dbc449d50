//! `gavel settle`: the server is told that there is a transcript. SETTLEMENT, section "An
//! auction's payment", step 4.

use std::path::PathBuf;
use std::time::Duration;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::EarlyClose;
use bidder::{Patience, Wallet};
use clap::Args;
use settlement::client::Client;
use settlement::service::auctions::{DecisionView, Stage, Standing};
use tokio::time::Instant;

use crate::arguments::{AuctionId, CommitteeArgument, WalletArgument};
use crate::auctions::verify;
use crate::charter::{CharterArgument, with_server};
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::output;
use crate::progress::{Waiting, note};
use crate::standing::{StandingView, auction_of, early_close_of};
use crate::time::Span;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(300);
/// So long the server is left to fetch the transcript itself before it is handed in.
const LEFT_ALONE: Duration = Duration::from_secs(5);
/// Between two attempts to hand it in.
const AGAIN: Duration = Duration::from_secs(10);

const EXAMPLES: &str = "Examples:
  gavel settle --auction 5d41... --charter charter.toml
  gavel settle --auction 5d41... --patience 5m --json
  gavel settle --auction 5d41... --transcript sale.transcript

The settlement server fetches the transcript from the auction's accumulators, verifies it itself,
and settles what it proves: the price from the winner's bond to the seller, the goods key to the
winner, the other bonds back; the price of physical goods goes into escrow ('gavel delivery'). It
does so by itself after closing; anyone may tell it to go and look now, as often as he likes. Where
it does not get the transcript from them, this command does, and hands it in; with --transcript that
file. With the wallet of a bonded bidder it does so in his auction key's name, for whom the server
keeps a place. Exit code 0 when the auction was decided by a transcript, 1 when it is not yet, or
void.";

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
    #[command(flatten)]
    wallet: WalletArgument,
    /// Hand this transcript file in, at once.
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
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
    let given = arguments.transcript.as_deref().map(verify::read).transpose()?;
    let waiting = Waiting::new("waiting for the decision");
    let word = early_close_of(&arguments.committee, &id).await;
    let asker = asker(&arguments.wallet, &id);
    let settled = with_server(&asker, &charter, async |client| {
        let task = Settling { client, id, word, committee: &arguments.committee };
        task.run(given, Instant::now() + patience).await
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

/// A side of the auction, where the wallet has bonded one; otherwise nobody.
fn asker(wallet: &WalletArgument, id: &Digest) -> SecretKey {
    let wallet = wallet.dir().ok().and_then(|dir| Wallet::open(&dir).ok());
    let bonds = wallet.and_then(|wallet| wallet.bonds_in(id).ok()).unwrap_or_default();
    let bonded = bonds.iter().find(|bond| bond.ticket().is_some());
    bonded.map_or_else(
        || SecretKey::generate(&mut rand::rng()),
        |bond| SecretKey::from_seed(bond.bidder_secret().seed()),
    )
}

/// Waiting for a decision, and helping it along.
struct Settling<'a> {
    client: &'a Client,
    id: Digest,
    word: Option<EarlyClose>,
    committee: &'a CommitteeArgument,
}

impl Settling<'_> {
    async fn run(&self, given: Option<Vec<u8>>, end: Instant) -> Result<Standing, Failure> {
        let mut standing = self.client.settle(self.id, self.word).await?;
        if let Some(transcript) = &given
            && !matches!(standing.stage, Stage::Decided { .. })
        {
            standing = self.client.hand_in(self.id, transcript, |_| {}).await?;
        }
        let mut hand_in = given.is_none().then(|| Instant::now() + LEFT_ALONE);
        while !is_over(&standing) && Instant::now() + PAUSE < end {
            tokio::time::sleep(PAUSE).await;
            let due = hand_in.is_some_and(|due| Instant::now() >= due);
            standing = match standing.stage {
                // Once it is decided there is nothing more to tell it.
                Stage::Decided { .. } => self.client.payment(self.id).await?,
                Stage::Settling { .. } if due => {
                    self.hand_in().await;
                    hand_in = Some(Instant::now() + AGAIN);
                    self.client.settle(self.id, self.word).await?
                }
                Stage::Open | Stage::Settling { .. } => {
                    self.client.settle(self.id, self.word).await?
                }
            };
        }
        Ok(standing)
    }

    /// Hands in the transcript of the accumulators, where they give one.
    async fn hand_in(&self) {
        let Ok(members) = self.committee.members() else { return };
        let transcript = with_client(Patience::default(), async |client| {
            Ok(client.outcome(&members, &self.id, |_, _| {}).await?)
        });
        // Why there is none, the server says of its own attempts.
        let Ok((transcript, _)) = transcript.await else { return };
        if let Err(error) = self.client.hand_in(self.id, &transcript, |_| {}).await {
            note(&format!("the server does not take the transcript: {error}"));
        }
    }
}

fn is_over(standing: &Standing) -> bool {
    matches!(standing.stage, Stage::Decided { holds_left: 0, .. })
}
