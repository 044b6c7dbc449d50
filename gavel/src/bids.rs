//! `gavel bids`: the bids of a wallet, their receipts and bonds.

use std::path::Path;

use auction::evidence::Role;
use auction::keys::SecretKey;
use auction::settlement_terms::Delivery;
use bidder::{BidRecord, BondRecord, Client, Patience, Wallet};
use clap::Args;
use serde::Serialize;

use crate::arguments::WalletArgument;
use crate::bonds::BondView;
use crate::charter::{CharterArgument, asking, with_server};
use crate::delivery;
use crate::evidence;
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::fate::{self, Fate, Found};
use crate::output::{self, columns};
use crate::progress::note;
use crate::terms::printable;
use crate::time;

const EXAMPLES: &str = "Examples:
  gavel bids
  gavel bids --check
  gavel bids --wallet ~/auctions --json

The prices are shown: they are yours. So are the bonds behind the bids. An outcome names the winner by the key shown here. --check
asks the accumulators of each bid for the transcript, verifies it and says whether the bid won; if
a bid with all receipts was left out, or was refused with a reason that it disproves, it writes what
convicts the accumulators that did it into the wallet's directory, for anybody to judge with 'gavel
judge'. Of physical goods that were won it also asks the settlement server (--charter) how their
delivery stands.";

/// Arguments of `gavel bids`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletArgument,
    /// Ask the accumulators what became of the bids, and verify it.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    charter: CharterArgument,
    /// Print one JSON object with all bids.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    bids: Vec<BidView>,
    /// What stands behind them, where a settlement server takes the payment.
    bonds: Vec<BondView>,
}

#[derive(Serialize)]
struct BidView {
    auction: String,
    title: String,
    bid: String,
    /// The bidder's key in the auction.
    key: String,
    price: Option<String>,
    currency: String,
    level: u32,
    made_at: String,
    closing: String,
    accumulators: usize,
    /// The receipts that the wallet holds: what convicts an accumulator that leaves the bid out.
    receipts: Vec<ReceiptView>,
    /// Accumulators that have confirmed that they hold all receipts.
    left_with: Vec<usize>,
    counted: bool,
    /// What became of it, by the verified transcript; null unless asked for.
    fate: Option<Fate>,
    /// How the delivery stands of physical goods that it won.
    delivery: Option<delivery::View>,
}

#[derive(Serialize)]
struct ReceiptView {
    accumulator: u8,
    signature: String,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let wallet = Wallet::open(&arguments.wallet.dir()?)?;
    let records = wallet.bids()?;
    let mut bids: Vec<BidView> = records.iter().map(BidView::of).collect();
    if arguments.check {
        let fates = with_client(Patience::default(), async |client| {
            check(client, &records, wallet.dir()).await
        });
        for ((bid, record), mut fate) in bids.iter_mut().zip(&records).zip(fates.await?) {
            false_refusals(record, wallet.dir(), &mut fate)?;
            bid.fate = Some(fate);
        }
    }
    let bonds = wallet.bonds()?;
    for (bid, record) in bids.iter_mut().zip(&records) {
        if bid.fate.as_ref().is_some_and(|fate| fate.fate == "won") {
            bid.delivery = delivered(&arguments.charter, record, &bonds).await;
        }
    }
    let bonds = bonds.iter().map(|bond| BondView::of(bond, &records)).collect();
    let view = View { bids, bonds };
    output::either(arguments.json, &view, || {
        let mut parts: Vec<String> = view.bids.iter().map(BidView::in_words).collect();
        if parts.is_empty() {
            parts.push("no bids in this wallet\n".to_owned());
        }
        parts.extend(view.bonds.iter().map(BondView::in_words));
        parts.join("\n")
    })
}

/// Refusals that the bid itself, or the share that they name, proves to be false.
fn false_refusals(record: &BidRecord, dir: &Path, fate: &mut Fate) -> Result<(), Failure> {
    for (k, evidence) in record.refusals() {
        let ruling = evidence.clone().judge(&mut rand::rng());
        let convicts = ruling.is_ok_and(|ruling| {
            ruling.convicted.iter().any(|one| one.role == Role::Accumulator(k))
        });
        if convicts {
            let name = format!("{}.refusal-{k}", record.digest());
            let path = evidence::write(dir, &name, &evidence)?;
            fate.evidence.push(path.display().to_string());
            fate.words.push_str(&format!("; accumulator {k} refused it falsely"));
        }
    }
    Ok(())
}

/// What became of each bid; each auction is asked for once.
async fn check(client: &Client, records: &[BidRecord], dir: &Path) -> Result<Vec<Fate>, Failure> {
    let mut fates: Vec<Option<Fate>> = vec![None; records.len()];
    for (i, record) in records.iter().enumerate() {
        if fates.get(i).is_some_and(Option::is_some) {
            continue;
        }
        let found = fate::fetch(client, record).await;
        for (other, place) in records.iter().zip(&mut fates).skip(i) {
            if other.auction_id() == record.auction_id() {
                *place = Some(match &found {
                    Found::Outcome(transcript, verdict) => {
                        fate::of(other, transcript, verdict, dir)?
                    }
                    Found::Nothing(fate) => fate.clone(),
                });
            }
        }
    }
    Ok(fates.into_iter().flatten().collect())
}

/// How the delivery stands of what a bid won, where it is sent and the server says it.
async fn delivered(
    charter: &CharterArgument,
    record: &BidRecord,
    bonds: &[BondRecord],
) -> Option<delivery::View> {
    let id = record.auction_id();
    let bond = bonds.iter().find(|bond| bond.bidder() == record.bidder())?;
    let Delivery::Physical(_) = bond.terms()?.delivery else { return None };
    let key = SecretKey::from_seed(bond.bidder_secret().seed());
    let asked = async {
        let charter = charter.load()?;
        with_server(&key, &charter, async |client| {
            delivery::View::of(&id, &asking(client.delivery(id)).await?)
        })
        .await
    };
    match asked.await {
        Ok(view) => Some(view),
        Err(error) => {
            note(&format!("note: how the delivery in auction {id} stands is not known: {error}"));
            None
        }
    }
}

impl BidView {
    fn of(record: &BidRecord) -> Self {
        let (spec, collected) = (record.spec(), record.collected());
        let receipts = collected.receipts.iter().flatten().map(|receipt| ReceiptView {
            accumulator: receipt.accumulator,
            signature: hex::encode(receipt.signature.0),
        });
        let left = collected.left.iter().enumerate().filter(|(_, left)| **left);
        Self {
            auction: record.auction_id().to_string(),
            title: spec.title.clone(),
            bid: record.digest().to_string(),
            key: record.bidder().to_string(),
            price: record.price().map(|price| spec.currency.format(price)),
            currency: spec.currency.code(),
            level: record.level().0,
            made_at: time::utc(record.made_at()),
            closing: time::utc(spec.closing),
            accumulators: record.members().len(),
            receipts: receipts.collect(),
            left_with: left.map(|(k, _)| k).collect(),
            counted: record.is_counted(),
            fate: None,
            delivery: None,
        }
    }

    fn in_words(&self) -> String {
        let of = self.accumulators;
        let counts = match (self.counted, self.receipts.len() == of) {
            (true, _) => "counts".to_owned(),
            (false, true) => {
                format!("not left with anybody yet: run gavel bid {} --retry", self.auction)
            }
            (false, false) => format!("may not count: run gavel bid {} --retry", self.auction),
        };
        let price = self.price.as_deref().unwrap_or("?");
        let mut rows = vec![
            ("Auction", self.auction.clone()),
            ("Title", printable(&self.title)),
            ("Price", format!("{price} {}", self.currency)),
            ("Bid", self.bid.clone()),
            ("Key", self.key.clone()),
            ("Made", self.made_at.clone()),
            ("Closing", self.closing.clone()),
            (
                "Receipts",
                format!(
                    "{} of {of}, all held by {} of {of}; {counts}",
                    self.receipts.len(),
                    self.left_with.len()
                ),
            ),
        ];
        if let Some(fate) = &self.fate {
            rows.push(("Result", fate.words.clone()));
            rows.extend(fate.evidence.iter().map(|path| ("Evidence", path.clone())));
        }
        // Its first row, the auction, stands here already.
        rows.extend(self.delivery.iter().flat_map(|delivery| delivery.rows().split_off(1)));
        columns(&rows)
    }
}
