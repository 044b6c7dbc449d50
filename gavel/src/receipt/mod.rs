//! `gavel receipt`: the receipt of an auction's sale, and for the winner the goods, or that of a
//! purchase. SETTLEMENT, section "An auction's payment", step 5, and "Purchase of digital goods",
//! step h.

mod collect;
pub(crate) mod delivery_key;
pub(crate) mod file;
mod purchase;
mod sale;
mod verified;

use std::path::{Path, PathBuf};

use auction::keys::SecretKey;
use auction::layout::Digest;
use bidder::{BondRecord, Wallet};
use clap::Args;
use serde::Serialize;
use settlement::auctions::physical::Place;
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::sealed_key::{OpeningKey, Purpose};
use settlement::service::auctions::{DecisionView, Stage};

use crate::account::directory::Account;
use crate::account::intent::GivenId;
use crate::arguments::{AuctionId, CommitteeArgument, WalletArgument};
use crate::charter::{CharterArgument, asking, with_server};
use crate::delivery;
use crate::exit::Failure;
use crate::private_file::{check_private, load_key};
use crate::standing::auction_of;
use crate::{output, time};
use file::Receipts;
use purchase::{AccountText, Wanted};
use sale::{Sale, view_of};

const EXAMPLES: &str = "Examples:
  gavel receipt --auction 5d41... --out photo.tif                       the winner
  gavel receipt --auction 5d41... --account ann --out photo.tif         with the order's receipt
  gavel receipt --auction 5d41... --seller-key seller.key               the seller
  gavel receipt --purchase 7f03... --account ann                        who bought
  gavel receipt --purchase 7f03... --account shop --payer 9c11...       who sold

The winner gets the goods as well: those that were fetched before the bond was made, or else they
are downloaded; they are decrypted with the key in the receipt, held against what the seller signed,
and appear under --out when all of that holds. Who won and what is paid is what the transcript
proves, which is verified first. The receipt is kept
as a file (--receipt; of the winner in the wallet), which 'gavel judge' reads; with --account it
also proves the order. May be repeated for as long as the server serves the goods.

Of physical goods it also holds what was said after the sale, and the payout, as far as they have
come; fetch it again when there is more.

Of a purchase either side gets receipt and goods key at any time, by the order's id ('gavel buy' and
'gavel account history --json' show it). --public leaves the key out: that form proves the payment
and may be shown to everybody. Exit code 1 when it is not paid.";

/// Arguments of `gavel receipt`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(long, value_name = "ID", required_unless_present = "purchase")]
    auction: Option<AuctionId>,
    /// The order of a purchase, by its id.
    #[arg(long, value_name = "ID", conflicts_with = "auction")]
    purchase: Option<GivenId>,
    /// As the merchant: the account that paid.
    #[arg(long, value_name = "ACCOUNT", requires = "purchase")]
    payer: Option<AccountText>,
    /// Leave the goods key of a purchase out of the file.
    #[arg(long, requires = "purchase")]
    public: bool,
    #[command(flatten)]
    charter: CharterArgument,
    #[command(flatten)]
    wallet: WalletArgument,
    /// Where to write what was bought; without it only the receipt is fetched.
    #[arg(long, value_name = "FILE", conflicts_with = "seller_key")]
    out: Option<PathBuf>,
    /// Directory in which the encrypted goods lie that were fetched before bonding [default: the
    /// wallet].
    #[arg(long, value_name = "DIR", requires = "out")]
    goods: Option<PathBuf>,
    /// Directory of the account that the bond was taken from: then the receipt has the order. Of a
    /// purchase, your account.
    #[arg(long, value_name = "DIR", env = "GAVEL_ACCOUNT", hide_env_values = true)]
    account: Option<PathBuf>,
    /// As the seller or the house: file with the secret key of the account that was paid.
    #[arg(long, value_name = "FILE")]
    seller_key: Option<PathBuf>,
    /// Where to keep the receipt [default: ID.receipt, of an auction's winner in the wallet].
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Write the winner's delivery secret there, for a judge: it opens the key that the server
    /// sealed in this auction, and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with = "seller_key")]
    delivery_key: Option<PathBuf>,
    #[command(flatten)]
    source: verified::Source,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The receipt as JSON.
#[derive(Serialize)]
struct View {
    #[serde(flatten)]
    sale: sale::View,
    /// The file of the receipt.
    receipt: String,
    /// Whether it holds the order, too.
    order: bool,
    /// Whether the transcript was verified and gives what the receipt says.
    verified: bool,
    /// The file that was bought.
    out: Option<String>,
    /// Whether the goods are those that the seller offered.
    goods_match: Option<bool>,
    time: String,
    /// How the delivery of physical goods stands.
    delivery: Option<delivery::View>,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let id = match (arguments.purchase, arguments.auction) {
        (None, Some(AuctionId(id))) => id,
        (Some(id), _) => {
            let wanted = Wanted {
                id,
                payer: arguments.payer,
                account: arguments.account.as_deref(),
                receipt: arguments.receipt,
                public: arguments.public,
                json: arguments.json,
            };
            return purchase::run(wanted).await;
        }
        (None, None) => {
            return Err(Failure::usage("which receipt?", "add --auction or --purchase"));
        }
    };
    let charter = arguments.charter.load()?;
    match &arguments.seller_key {
        Some(file) => sellers(&arguments, &id, &charter, file).await,
        None => winners(&arguments, &id, &charter).await,
    }
}

async fn sellers(
    arguments: &Arguments,
    id: &Digest,
    charter: &CharterFile,
    key_file: &Path,
) -> Result<(), Failure> {
    let key = load_key(key_file)?;
    check_private(key_file)?;
    let Fetched { sale, mut receipts, delivery, time } = fetch(&key, charter, id).await?;
    receipts.order = None;
    let path = arguments.receipt.clone().unwrap_or_else(|| format!("{id}.receipt").into());
    file::write(&path, &receipts)?;
    let auction = auction_of(&arguments.committee, id).await;
    let members = auction.as_ref().map_or(&[][..], |auction| &auction.spec().accumulators);
    let outcome = verified::outcome(&arguments.source, members, id).await?;
    let is_verified = outcome.is_some();
    if let Some(outcome) = outcome {
        outcome.check(charter.charter, receipts).await?;
    }
    let currency = auction.as_ref().map(|auction| &auction.spec().currency);
    let view = View {
        sale: view_of(&sale, currency),
        receipt: path.display().to_string(),
        order: false,
        verified: is_verified,
        out: None,
        goods_match: None,
        time: time::utc(time),
        delivery,
    };
    output::either(arguments.json, &view, || view.in_words("Paid to the seller"))
}

/// What the server shows a side of a sale.
struct Fetched {
    sale: Sale,
    receipts: Receipts,
    /// Of physical goods.
    delivery: Option<delivery::View>,
    /// When it was decided.
    time: auction::spec::Time,
}

/// Fetches the receipt of the sale, and of physical goods those of what came after.
async fn fetch(key: &SecretKey, charter: &CharterFile, id: &Digest) -> Result<Fetched, Failure> {
    with_server(key, charter, async |client| {
        let (sale, decision) = sale::fetch(client, id).await?;
        let time = decision.time;
        let mut receipts = Receipts::new(decision, None);
        if sale.digital().is_some() {
            return Ok(Fetched { sale, receipts, delivery: None, time });
        }
        for place in [Place::Dispatch, Place::Dispute, Place::Payout] {
            if let Some(proven) = asking(client.delivery_receipt(*id, place)).await? {
                receipts.keep(place, proven.receipt().clone());
            }
        }
        let delivery = delivery::View::of(id, &asking(client.delivery(*id)).await?)?;
        Ok(Fetched { sale, receipts, delivery: Some(delivery), time })
    })
    .await
}

async fn winners(arguments: &Arguments, id: &Digest, charter: &CharterFile) -> Result<(), Failure> {
    let wallet = Wallet::open(&arguments.wallet.dir()?)?;
    let bonds = wallet.bonds_in(id)?;
    let Some(any) = bonds.first() else {
        return Err(Failure::usage(
            format!("the wallet holds no bond in auction {id}"),
            "name another --wallet, or --seller-key FILE as the seller",
        ));
    };
    let asker = SecretKey::from_seed(any.bidder_secret().seed());
    let told = with_server(&asker, charter, async |client| winner_of(client, id).await).await?;
    let outcome = verified::outcome(&arguments.source, &any.spec().accumulators, id).await?;
    let proved = outcome.as_ref().map(verified::Outcome::winner);
    if proved.is_some_and(|proved| proved != Some(told)) {
        return Err(Failure::Payment(
            "the settlement server names another winner than the transcript proves".to_owned(),
            "keep the transcript ('gavel auction export') and ask the server's operator",
        ));
    }
    let winner = told;
    let Some(bond) = bonds.iter().find(|bond| bond.bidder() == winner) else {
        return Err(Failure::Payment(
            format!("another key won: {winner}"),
            "your bond is released with the others'; 'gavel account balance' shows it",
        ));
    };
    if arguments.out.is_some() && offered(bond).is_none() {
        return Err(Failure::usage(
            "the goods of this auction are no file: they are sent",
            "leave out --out; 'gavel delivery confirm' says that you have them",
        ));
    }
    let Fetched { sale, mut receipts, delivery, time } =
        fetch(bond.bidder_secret(), charter, id).await?;
    let order = match &arguments.account {
        None => None,
        Some(dir) => Some(order_of(&Account::open(dir)?, charter, &sale).await?),
    };
    let has_order = order.is_some();
    receipts.order = order;
    let path = arguments.receipt.clone();
    let path = path.unwrap_or_else(|| wallet.dir().join(format!("{id}.receipt")));
    // Before the goods: the receipt is what proves the payment.
    file::write(&path, &receipts)?;
    let opening = OpeningKey::derive(bond.bidder_secret().seed(), Purpose::Delivery);
    if let Some(path) = &arguments.delivery_key {
        delivery_key::write(path, &opening)?;
    }
    let is_verified = outcome.is_some();
    if let Some(outcome) = outcome {
        outcome.check(charter.charter, receipts).await?;
    }
    if sale.digital().is_some() {
        let key = collect::open_key(&sale, bond, &opening)?;
        if let Some(out) = &arguments.out {
            let ahead = arguments.goods.as_deref().unwrap_or(wallet.dir());
            collect::goods(bond, charter, &key, collect::Places { ahead, out }).await?;
        }
    }
    let view = View {
        sale: view_of(&sale, Some(&bond.spec().currency)),
        receipt: path.display().to_string(),
        order: has_order,
        verified: is_verified,
        out: arguments.out.as_ref().map(|out| out.display().to_string()),
        goods_match: arguments.out.as_ref().map(|_| true),
        time: time::utc(time),
        delivery,
    };
    output::either(arguments.json, &view, || view.in_words("Paid by the winner"))
}

/// Who won, by the server's word: whose receipt to ask for.
async fn winner_of(client: &Client, id: &Digest) -> Result<auction::keys::PublicKey, Failure> {
    match asking(client.payment(*id)).await?.stage {
        Stage::Decided {
            decision: DecisionView::Sale { winner, .. } | DecisionView::PhysicalSale { winner, .. },
            ..
        } => Ok(winner),
        Stage::Decided { decision: DecisionView::NoSale { .. }, .. } => Err(Failure::Payment(
            "nothing was sold".to_owned(),
            "your bond is released; 'gavel account balance' shows it",
        )),
        Stage::Decided { .. } => Err(Failure::Payment(
            "the auction's payment is void".to_owned(),
            "your bond is released; 'gavel account balance' shows it",
        )),
        Stage::Open | Stage::Settling { .. } => Err(Failure::Payment(
            "the payment is not decided yet".to_owned(),
            "'gavel settle' tells the server to go and look",
        )),
    }
}

/// The receipt of the winner's order, which is shown to the account's owner.
async fn order_of(
    account: &Account,
    charter: &CharterFile,
    sale: &Sale,
) -> Result<settlement::journal::Receipt, Failure> {
    let hold = sale.hold();
    if hold.account != account.id() {
        return Err(Failure::usage(
            "--account is not the one that the bond was taken from",
            "name the account that 'gavel bond' was given, or leave it out",
        ));
    }
    let status = with_server(&account.key, charter, async |client| {
        Ok(asking(client.status(hold.account, hold.id)).await?)
    });
    let missing = || {
        let what = "the server does not show the order that the bond was made with";
        Failure::Payment(what.to_owned(), "run again; if it stays so, tell its operator")
    };
    Ok(status.await?.ok_or_else(missing)?.receipt.receipt().clone())
}

impl View {
    fn in_words(&self, paid: &'static str) -> String {
        let paid = if self.delivery.is_some() { "Paid into escrow" } else { paid };
        let mut rows = self.sale.rows(paid);
        rows.push(("When", self.time.clone()));
        let verified = if self.verified {
            "the transcript proves winner and price, and the receipt is what it gives"
        } else {
            "no: by the settlement server's word alone"
        };
        rows.push(("Verified", verified.to_owned()));
        let order = if self.order { ", with the order" } else { "" };
        rows.push(("Receipt", format!("{}{order}", self.receipt)));
        if let Some(out) = &self.out {
            rows.push(("Goods", format!("{out}, as the seller offered them")));
        }
        // Its first two rows, auction and sale, stand here already.
        rows.extend(self.delivery.iter().flat_map(|delivery| delivery.rows().split_off(2)));
        output::columns(&rows)
    }
}

/// The bond's goods as the seller signed them, where they are a file.
fn offered(bond: &BondRecord) -> Option<auction::settlement_terms::Goods> {
    match bond.terms()?.delivery {
        auction::settlement_terms::Delivery::Digital(goods) => Some(goods),
        auction::settlement_terms::Delivery::Physical(_) => None,
    }
}
