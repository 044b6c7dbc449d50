//! `gavel judge`: what was ordered, delivered and paid, from files alone. SETTLEMENT, section "An
//! auction's payment", step 6, and "Purchase of digital goods".

mod purchase;

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use auction::layout::Digest;
use auction::money::Currency;
use auction::settlement_terms::Goods;
use auction::transcript::Transcript;
use clap::Args;
use serde::Serialize;
use settlement::goods::measure;
use settlement::judge::auction::{Case, Found, Judgement, Subject, judge};

use crate::arguments::AuctionId;
use crate::aside::aside;
use crate::auctions::verify;
use crate::charter;
use crate::exit::Failure;
use crate::goods::key_file;
use crate::output::{self, columns};
use crate::progress::Waiting;
use crate::receipt::file;

const EXAMPLES: &str = "Examples:
  gavel judge --transcript sale.transcript --receipt sale.receipt --goods photo.goods \\
      --charter charter.toml
  gavel judge --transcript sale.transcript --receipt sale.receipt --charter charter.toml --json
  gavel judge --offer bought.offer --receipt bought.receipt --goods bought.goods \\
      --charter charter.toml --out delivered

Nobody is asked: from the transcript (with the terms that the seller signed), the receipt, the
encrypted goods and the charter anyone establishes what was offered, ordered, paid and delivered,
or what fails and whose fault it is. What is not brought is said to be not shown: the order stands
in the winner's receipt alone. Exit code 0 when nothing fails.

Without --transcript it is a purchase: any of offer, receipt and encrypted goods may be brought, and
the key where the receipt has none. What was delivered is proved, down to the byte; whether it is
what the description says a person must see: --out writes it.";

/// Arguments of `gavel judge`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction's transcript, as 'gavel auction export' wrote it.
    #[arg(long, value_name = "FILE", requires = "receipt")]
    transcript: Option<PathBuf>,
    /// The receipt, as 'gavel receipt' or 'gavel buy' wrote it.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["offer"])]
    receipt: Option<PathBuf>,
    /// Of a purchase: the offer that the merchant signed.
    #[arg(long, value_name = "FILE", conflicts_with = "transcript")]
    offer: Option<PathBuf>,
    /// The encrypted goods.
    #[arg(long, value_name = "FILE")]
    goods: Option<PathBuf>,
    /// File with the goods key, from whoever says that it is another one, or where the receipt
    /// of a purchase has none.
    #[arg(long, value_name = "FILE", visible_alias = "key")]
    goods_key: Option<PathBuf>,
    /// Of a purchase: where to write what was delivered, for a person to see.
    #[arg(long, value_name = "FILE", conflicts_with = "transcript")]
    out: Option<PathBuf>,
    #[command(flatten)]
    charter: charter::CharterArgument,
    /// The auction that all of it must be of.
    #[arg(long, value_name = "ID")]
    auction: Option<AuctionId>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    /// Whether nothing fails.
    holds: bool,
    /// Whether everything that was owed was shown, too.
    complete: bool,
    auction: Option<String>,
    winner: Option<String>,
    price: Option<String>,
    currency: Option<String>,
    findings: Vec<FindingView>,
}

#[derive(Serialize)]
struct FindingView {
    /// `offered`, `sold`, `ordered`, `paid`, `goods` or `key`.
    subject: &'static str,
    /// `holds`, `fails`, `not-shown` or `not-owed`.
    found: &'static str,
    words: String,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let charter = arguments.charter.load()?;
    let (transcript, receipt) = match (&arguments.transcript, &arguments.receipt) {
        (Some(transcript), Some(receipt)) => (transcript, receipt),
        _ => {
            let Arguments { offer, receipt, goods, goods_key: key, out, .. } = arguments;
            let files = purchase::Files { charter, offer, receipt, goods, key, out };
            return purchase::run(files, arguments.json).await;
        }
    };
    let receipts = file::read(receipt)?;
    let transcript = verify::read(transcript)?;
    let key_hash = match &arguments.goods_key {
        Some(path) => Some(key_file::load(path)?.hash()),
        None => None,
    };
    let expected = arguments.auction.map(|AuctionId(id)| id);
    let goods_file = arguments.goods.clone();
    let waiting = Waiting::new("verifying every bid, every round and the payment");
    let judged = aside(move || {
        let goods = goods_file.as_deref().map(measured).transpose()?;
        let case = Case {
            charter: &charter.charter,
            transcript: &transcript,
            decision: Some(&receipts.decision),
            order: receipts.order.as_ref(),
            goods,
            key_hash,
        };
        let judgement = judge(&case, &mut rand::rng());
        Ok::<_, Failure>((judgement, currency_of(&transcript)))
    });
    let judged = judged.await;
    drop(waiting);
    let (judgement, currency) = judged?;
    let view = View::of(&judgement, currency.as_ref(), expected.as_ref());
    let said = output::either(arguments.json, &view, || view.in_words());
    if view.holds { said } else { said.and(Err(Failure::Said)) }
}

/// What the encrypted goods are found to be. Files that are no goods at all are the caller's slip.
fn measured(path: &Path) -> Result<Goods, Failure> {
    let file = File::open(path).map_err(|source| Failure::input("read", path, source))?;
    measure(BufReader::new(file), &mut |_| ControlFlow::Continue(()))
        .map_err(|source| Failure::Goods { path: path.display().to_string(), source })
}

/// How amounts are written, once the judge has verified the terms.
fn currency_of(transcript: &[u8]) -> Option<Currency> {
    let spec = Transcript::from_bytes(transcript).ok()?.spec.verify().ok()?;
    Some(spec.spec().currency.clone())
}

impl View {
    fn of(judgement: &Judgement, currency: Option<&Currency>, expected: Option<&Digest>) -> Self {
        let findings = judgement.findings.iter().map(|finding| FindingView {
            subject: subject(finding.subject),
            found: found(finding.found),
            words: finding.words.clone(),
        });
        let mut findings: Vec<FindingView> = findings.collect();
        let other = expected.filter(|expected| judgement.auction != Some(**expected));
        if let Some(expected) = other {
            findings.insert(
                0,
                FindingView {
                    subject: "offered",
                    found: "fails",
                    words: format!("the transcript is not of auction {expected}"),
                },
            );
        }
        let price = judgement.sale.map(|(_, price)| {
            currency.map_or_else(|| price.0.to_string(), |currency| currency.format(price))
        });
        Self {
            holds: !judgement.fails() && other.is_none(),
            complete: judgement.is_complete() && other.is_none(),
            auction: judgement.auction.map(|id| id.to_string()),
            winner: judgement.sale.map(|(winner, _)| winner.to_string()),
            price,
            currency: currency.map(Currency::code),
            findings,
        }
    }

    fn in_words(&self) -> String {
        let head = match (self.holds, self.complete) {
            (true, true) => "Everything that was owed is proved.",
            (true, false) => "Nothing fails; not everything was shown.",
            (false, _) => "Not everything holds.",
        };
        let mut rows = Vec::new();
        rows.extend(self.auction.iter().map(|id| ("Auction", id.clone())));
        if let (Some(winner), Some(price)) = (&self.winner, &self.price) {
            let unit = self.currency.as_deref().unwrap_or("minor units");
            rows.push(("Sale", format!("{price} {unit} by {winner}")));
        }
        rows.extend(self.findings.iter().map(|finding| {
            let name = match finding.subject {
                "offered" => "Offered",
                "sold" => "Sold",
                "ordered" => "Ordered",
                "paid" => "Paid",
                "goods" => "Goods",
                _ => "Key",
            };
            (name, format!("{}: {}", finding.found, finding.words))
        }));
        format!("{head}\n{}", columns(&rows))
    }
}

fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Offered => "offered",
        Subject::Sold => "sold",
        Subject::Ordered => "ordered",
        Subject::Paid => "paid",
        Subject::Goods => "goods",
        Subject::Key => "key",
    }
}

fn found(found: Found) -> &'static str {
    match found {
        Found::Holds => "holds",
        Found::Fails => "fails",
        Found::NotShown => "not-shown",
        Found::NotOwed => "not-owed",
        Found::ToBeSeen => "to-be-seen",
    }
}
