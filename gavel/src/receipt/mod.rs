//! `gavel receipt`: the receipt of an auction's sale, and for the winner the goods, or that of a
//! purchase. SETTLEMENT, section "An auction's payment", step 5, and "Purchase of digital goods",
//! step h.

mod collect;
pub(crate) mod file;
mod purchase;
mod sale;

use std::path::{Path, PathBuf};

use auction::keys::SecretKey;
use auction::layout::Digest;
use bidder::{BondRecord, Wallet};
use clap::Args;
use serde::Serialize;
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::service::auctions::{DecisionView, Stage};

use crate::account::directory::Account;
use crate::account::intent::GivenId;
use crate::arguments::{AuctionId, CommitteeArgument, WalletArgument};
use crate::charter::{CharterArgument, asking, with_server};
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

The winner gets the goods as well: they are downloaded, decrypted with the key in the receipt, held
against what the seller signed, and appear under --out when all of that holds. The receipt is kept
as a file (--receipt; of the winner in the wallet), which 'gavel judge' reads; with --account it
also proves the order. May be repeated for as long as the server serves the goods.

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
    /// The file that was bought.
    out: Option<String>,
    /// Whether the goods are those that the seller offered.
    goods_match: Option<bool>,
    time: String,
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
    let (sale, decision) =
        with_server(&key, charter, async |client| sale::fetch(client, id).await).await?;
    let path = arguments.receipt.clone().unwrap_or_else(|| format!("{id}.receipt").into());
    file::write(&path, &Receipts { decision: decision.clone(), order: None })?;
    let auction = auction_of(&arguments.committee, id).await;
    let currency = auction.as_ref().map(|auction| &auction.spec().currency);
    let view = View {
        sale: view_of(&sale, currency),
        receipt: path.display().to_string(),
        order: false,
        out: None,
        goods_match: None,
        time: time::utc(decision.time),
    };
    output::either(arguments.json, &view, || view.in_words("Paid to the seller"))
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
    let winner = with_server(&asker, charter, async |client| winner_of(client, id).await).await?;
    let Some(bond) = bonds.iter().find(|bond| bond.bidder() == winner) else {
        return Err(Failure::Payment(
            format!("another key won: {winner}"),
            "your bond is released with the others'; 'gavel account balance' shows it",
        ));
    };
    let (sale, decision) =
        with_server(bond.bidder_secret(), charter, async |client| sale::fetch(client, id).await)
            .await?;
    let order = match &arguments.account {
        None => None,
        Some(dir) => Some(order_of(&Account::open(dir)?, charter, &sale).await?),
    };
    let has_order = order.is_some();
    let path = arguments.receipt.clone();
    let path = path.unwrap_or_else(|| wallet.dir().join(format!("{id}.receipt")));
    // Before the goods: the receipt is what proves the payment.
    file::write(&path, &Receipts { decision: decision.clone(), order })?;
    let key = collect::open_key(&sale, bond)?;
    if let Some(out) = &arguments.out {
        collect::goods(&sale, bond, charter, &key, out).await?;
    }
    let view = View {
        sale: view_of(&sale, Some(&bond.spec().currency)),
        receipt: path.display().to_string(),
        order: has_order,
        out: arguments.out.as_ref().map(|out| out.display().to_string()),
        goods_match: arguments.out.as_ref().map(|_| true),
        time: time::utc(decision.time),
    };
    output::either(arguments.json, &view, || view.in_words("Paid by the winner"))
}

/// Who won, by the server's word: whose receipt to ask for.
async fn winner_of(client: &Client, id: &Digest) -> Result<auction::keys::PublicKey, Failure> {
    match asking(client.payment(*id)).await?.stage {
        Stage::Decided { decision: DecisionView::Sale { winner, .. }, .. } => Ok(winner),
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
        let mut rows = self.sale.rows(paid);
        rows.push(("When", self.time.clone()));
        let order = if self.order { ", with the order" } else { "" };
        rows.push(("Receipt", format!("{}{order}", self.receipt)));
        if let Some(out) = &self.out {
            rows.push(("Goods", format!("{out}, as the seller offered them")));
        }
        output::columns(&rows)
    }
}

/// The bond's goods as the seller signed them.
fn offered(bond: &BondRecord) -> Option<auction::settlement_terms::Goods> {
    let auction::settlement_terms::Delivery::Digital(goods) = bond.terms()?.delivery;
    Some(goods)
}
