//! `gavel auction new`: the seller announces an auction. PROTOCOL section 1.

use std::path::PathBuf;

use auction::settlement_terms::Delivery;
use bidder::Patience;
use clap::Args;

use super::escrow;
use super::offer::Offer;
use super::payment::{Payment, Wares};
use crate::arguments::CommitteeArgument;
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::progress::Waiting;
use crate::terms::{TermsView, terms};
use crate::{output, private_file, time};

const EXAMPLES: &str = "Examples:
  gavel auction new --title 'Oil on canvas, 1902' --min 100 --tick 5 --levels 200 --closing 2h
  gavel auction new --title 'Licence 7' --rule first-price --prices prices.txt \\
      --opening 2027-03-01T09:00:00Z --closing 2027-03-01T18:00:00Z

  gavel auction new --title 'Photograph, 8000 x 6000' --min 100 --tick 5 --levels 40 --closing 2h \\
      --settlement charter.toml --goods photo.goods --goods-key photo.key

  gavel auction new --title 'Blue vase' --min 100 --tick 5 --levels 40 --closing 2h \\
      --settlement charter.toml --dispatcher 9f02... --arbiter 71cc... \\
      --dispatch-by 3d --dispute-until 10d --arbitrate-until 30d --else-to winner

With --settlement a settlement server takes the payment: the command first deposits the encrypted
goods and their key with it ('gavel goods seal' makes both), so that nothing is left for the seller
to refuse later; it needs an account of the seller's key. Goods that are sent are registered with
it, and their price stays in escrow until they are dispatched and not disputed ('gavel delivery').
Bids are then taken with a bond alone. Stopped half-way nothing is announced, and the server forgets
what it got.

The accumulators of the committee file join the auction before the command ends. What it prints
is all that bidders need to know: the auction id.";

/// Arguments of `gavel auction new`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    offer: Offer,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// File with the seller's secret key, which alone can close the auction early; made if it
    /// does not exist.
    #[arg(long, value_name = "FILE", default_value = "seller.key")]
    seller_key: PathBuf,
    /// Print one JSON object: the auction id and all terms.
    #[arg(long)]
    json: bool,
    // Last: its headings hold for whatever comes after it.
    #[command(flatten)]
    payment: Payment,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let members = arguments.committee.members()?;
    let seller = private_file::load_or_create_key(&arguments.seller_key)?;
    let mut spec = arguments.offer.spec(seller.public(), members, time::now())?;
    let wares = arguments.payment.wares(spec.closing)?;
    if let Some((charter, wares)) = &wares {
        let delivery = match wares {
            Wares::Digital(files) => Delivery::Digital(files.measure().await?),
            Wares::Physical(terms) => Delivery::Physical(*terms),
        };
        spec.settlement = Some(arguments.payment.terms(&spec, charter, delivery)?);
    }
    let mut signed = spec.sign(&seller);
    signed = match &wares {
        None => signed,
        Some((charter, Wares::Digital(files))) => {
            escrow::deposit(signed, &seller, charter, files).await?
        }
        Some((charter, Wares::Physical(_))) => escrow::register(signed, &seller, charter).await?,
    };
    let waiting = Waiting::new("waiting until all accumulators have joined");
    let auction =
        with_client(Patience::default(), async |client| Ok(client.announce(signed).await?));
    let auction = auction.await?;
    drop(waiting);
    let id = auction.id();
    output::either(arguments.json, &TermsView::of(&id, auction.spec()), || {
        let committee = arguments.committee.shown();
        let key = arguments.seller_key.display();
        let (escrowed, account) = match &wares {
            Some((_, Wares::Digital(_))) => {
                ("The goods and their key are in escrow.\n", " --account DIR")
            }
            Some((_, Wares::Physical(_))) => {
                ("The settlement server has registered it.\n", " --account DIR")
            }
            None => ("", ""),
        };
        format!(
            "{}\n{escrowed}Everybody has joined.\n\n\
             Bid      gavel bid {id}{account} --committee {committee}\n\
             Watch    gavel auction watch {id} --committee {committee}\n\
             Close    gavel auction close {id} --seller-key {key} --committee {committee}\n",
            terms(&id, auction.spec(), time::now())
        )
    })
}
