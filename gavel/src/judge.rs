//! `gavel judge`: what was ordered, delivered and paid, from files alone. SETTLEMENT, section "An
//! auction's payment", step 6; "Physical goods", step 8.

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

Nobody is asked: from the transcript (with the terms that the seller signed), the receipt, the
encrypted goods and the charter anyone establishes what was offered, ordered, paid and delivered,
or what fails and whose fault it is. What is not brought is said to be not shown: the order stands
in the winner's receipt alone. Of physical goods the receipt shows what was said and paid after the sale;
what was sent, and whether it came, no file shows. Exit code 0 when nothing fails.";

/// Arguments of `gavel judge`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction's transcript, as 'gavel auction export' wrote it.
    #[arg(long, value_name = "FILE")]
    transcript: PathBuf,
    /// The receipt, as 'gavel receipt' wrote it.
    #[arg(long, value_name = "FILE")]
    receipt: PathBuf,
    /// The encrypted goods.
    #[arg(long, value_name = "FILE")]
    goods: Option<PathBuf>,
    /// File with the goods key, from whoever says that it is another one.
    #[arg(long, value_name = "FILE")]
    goods_key: Option<PathBuf>,
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
    /// `offered`, `sold`, `ordered`, `paid`, `goods`, `key`, `dispatched`, `disputed` or
    /// `paid-out`.
    subject: &'static str,
    /// `holds`, `fails`, `not-shown` or `not-owed`.
    found: &'static str,
    words: String,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let charter = arguments.charter.load()?;
    let receipts = file::read(&arguments.receipt)?;
    let transcript = verify::read(&arguments.transcript)?;
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
            decision: receipts.decision.as_ref(),
            order: receipts.order.as_ref(),
            goods,
            key_hash,
            delivery: receipts.delivery(),
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
                "dispatched" => "Dispatched",
                "disputed" => "Disputed",
                "paid-out" => "Paid out",
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
        Subject::Dispatched => "dispatched",
        Subject::Disputed => "disputed",
        Subject::PaidOut => "paid-out",
    }
}

fn found(found: Found) -> &'static str {
    match found {
        Found::Holds => "holds",
        Found::Fails => "fails",
        Found::NotShown => "not-shown",
        Found::NotOwed => "not-owed",
    }
}
