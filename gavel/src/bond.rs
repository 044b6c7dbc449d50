//! `gavel bond`: money set aside for one bid. SETTLEMENT, section "An auction's payment", step 3.

use bidder::{Patience, Wallet};
use clap::Args;

use crate::account::directory::AccountArgument;
use crate::arguments::{AuctionId, CommitteeArgument, WalletArgument};
use crate::bonding;
use crate::bonds::BondView;
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::goods_ahead::GoodsArgument;
use crate::output;
use crate::price_text::PriceText;
use crate::progress::{asking, note};

const EXAMPLES: &str = "Examples:
  gavel bond --auction 5d41... --account ann
  gavel bond --auction 5d41... --account ann --cover 150 --json

Sets the cover aside in your account until the auction is decided: the winner pays the price out of
it, everybody else has it back. The key that will bid and the signed order stand in the wallet
before anything is sent, so the command may be repeated: it sends the same order again, and never
makes a second bond while one waits for its bid. 'gavel bid' then uses the bond; 'gavel bid
--account DIR' does both in one go.

Before any money is set aside, the encrypted goods are fetched into the wallet and held against what
the seller signed: nobody can open them yet, but whoever wins has them, whatever becomes of the
server. --goods names another directory for them, --without-goods leaves them where they are.

A bond of the whole ladder says nothing about your bid. Where the auction offers other covers, the
cover is public: everyone sees that the bid is not above it.";

/// Arguments of `gavel bond`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(long, value_name = "ID")]
    auction: AuctionId,
    #[command(flatten)]
    account: AccountArgument,
    #[command(flatten)]
    wallet: WalletArgument,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// The highest price that the bond pays, one of the auction's covers; public unless it is
    /// the only one and the whole ladder. Default: the highest.
    #[arg(long, value_name = "PRICE")]
    cover: Option<PriceText>,
    #[command(flatten)]
    goods: GoodsArgument,
    /// Make one more bond, for one more bid, beside the one that a bid has used.
    #[arg(long)]
    another: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let AuctionId(id) = arguments.auction;
    let account = arguments.account.open()?;
    let dir = arguments.wallet.dir()?;
    let wallet = match dir.symlink_metadata() {
        Ok(_) => Some(Wallet::open(&dir)?),
        Err(_) => None,
    };
    let known = match &wallet {
        Some(wallet) => wallet.unused_bond(&id)?,
        None => None,
    };
    let spec = match &known {
        // One that was ordered: then the accumulators need not be asked.
        Some(bond) => bond.verified_spec().clone(),
        None => {
            if let Some(used) = wallet.as_ref().map_or(Ok(None), |one| one.bid_in(&id))?
                && !arguments.another
            {
                return Err(Failure::Payment(
                    format!("this wallet has bid {} in this auction already", used.digest()),
                    "--another makes one more bond, for one more bid",
                ));
            }
            let members = arguments.committee.members()?;
            let auction = with_client(Patience::default(), async |client| {
                Ok(asking(client.auction(&members, &id)).await?)
            });
            auction.await?.verified_spec().clone()
        }
    };
    let cover = match (&known, &arguments.cover) {
        (Some(bond), None) => bond.cover(),
        (_, asked) => bonding::cover(spec.spec(), asked.as_ref())?,
    };
    if let Some(public) = bonding::public_part(spec.spec(), cover) {
        note(&public);
    }
    let wallet = wallet.map_or_else(|| Wallet::create(&dir), Ok)?;
    let bond = bonding::secure(&wallet, &spec, &account, cover, &arguments.goods).await?;
    let view = BondView::of(&bond, &wallet.bids()?);
    output::either(arguments.json, &view, || view.in_words())
}
