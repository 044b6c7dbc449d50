//! `gavel judge`: what files of evidence prove, and what was ordered, delivered and paid, from files
//! alone. SETTLEMENT, sections "Evidence"; "An auction's payment", step 6; "Physical goods", step 8;
//! "Purchase of digital goods".

mod purchase;

use std::fs::File;
use std::io::{BufReader, Read as _};
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
use settlement::judge::evidence::judge_file;
use settlement::judge::payment::{GivenSecret, PaymentEvidence};
use settlement::sealed_key::OpeningKey;
use settlement::service::CharterParts;

use crate::arguments::AuctionId;
use crate::aside::aside;
use crate::auctions::verify;
use crate::charter;
use crate::evidence;
use crate::exit::Failure;
use crate::goods::key_file;
use crate::journal_place::JournalPlace;
use crate::output::{self, columns};
use crate::progress::Waiting;
use crate::receipt::delivery_key;
use crate::receipt::file::{self, Receipts};
use crate::ruling::RulingView;

const EXAMPLES: &str = "Examples:
  gavel judge left-out.evidence two-heads.evidence
  gavel judge ticket.evidence --journal copy/journal
  gavel judge --transcript sale.transcript --receipt sale.receipt --goods photo.goods \\
      --charter charter.toml
  gavel judge --transcript sale.transcript --receipt sale.receipt --charter charter.toml --json
  gavel judge --offer bought.offer --receipt bought.receipt --goods bought.goods \\
      --charter charter.toml --out delivered

Nobody is asked: from the transcript (with the terms that the seller signed), the receipt, the
encrypted goods and the charter anyone establishes what was offered, ordered, paid and delivered,
or what fails and whose fault it is. What is not brought is said to be not shown: the order stands
in the winner's receipt alone. --delivery-key lets the judge open the sealed key himself; --write
keeps all of it as one file of evidence. Of physical goods the receipt shows what was said and paid
after the sale; what was sent, and whether it came, no file shows. Exit code 0 when nothing fails.

Without --transcript it is a purchase: any of offer, receipt and encrypted goods may be brought, and
the key where the receipt has none. What was delivered is proved, down to the byte; whether it is
what the description says a person must see: --out writes it.

Files of evidence hold all that is needed, but for a ticket without funds, which only the server's
journal settles. Of each file the judge says who is convicted by his own signatures, what else is
proved and what is not. Exit code 0 when nothing is proved against anybody, 1 when somebody is
convicted or a file proves nothing.";

/// Longest file of evidence that is read, in bytes.
const MAX_EVIDENCE_BYTES: u64 = 1 << 30;

/// Arguments of `gavel judge`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Files of evidence.
    #[arg(value_name = "FILE", required_unless_present_any = ["transcript", "receipt", "offer"])]
    files: Vec<PathBuf>,
    /// For evidence of a ticket: the journal of the server, as a backup or its database holds it.
    #[arg(long, value_name = "DIR|URL", requires = "files")]
    journal: Option<JournalPlace>,
    /// The auction's transcript, as 'gavel auction export' wrote it.
    #[arg(long, value_name = "FILE", requires = "receipt", conflicts_with = "files")]
    transcript: Option<PathBuf>,
    /// The receipt, as 'gavel receipt' or 'gavel buy' wrote it.
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    receipt: Option<PathBuf>,
    /// Of a purchase: the offer that the merchant signed.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["transcript", "files"])]
    offer: Option<PathBuf>,
    /// The encrypted goods.
    #[arg(long, value_name = "FILE")]
    goods: Option<PathBuf>,
    /// File with the goods key, from whoever says that it is another one, or where the receipt
    /// of a purchase has none.
    #[arg(long, value_name = "FILE", visible_alias = "key")]
    goods_key: Option<PathBuf>,
    /// File with the winner's delivery secret, as 'gavel receipt --delivery-key' wrote it.
    #[arg(long, value_name = "FILE", requires = "transcript")]
    delivery_key: Option<PathBuf>,
    /// Keep the case as one file of evidence, which 'gavel judge FILE' judges without the others
    /// (the encrypted goods left out).
    #[arg(long, value_name = "FILE", requires = "transcript")]
    write: Option<PathBuf>,
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

/// What was said of files of evidence.
#[derive(Serialize)]
struct Rulings {
    /// Whether nothing is proved against anybody, and every file is evidence.
    clear: bool,
    rulings: Vec<RulingView>,
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
    /// Whether the server's own signatures prove the wrong against it.
    convicts_server: bool,
    words: String,
}

/// What was brought in files of their own.
struct Brought {
    transcript: Vec<u8>,
    receipts: Receipts,
    goods: Option<PathBuf>,
    key_hash: Option<Digest>,
    delivery: Option<OpeningKey>,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    match (&arguments.transcript, &arguments.receipt) {
        (Some(transcript), Some(receipt)) => {
            let brought = Brought {
                transcript: verify::read(transcript)?,
                receipts: file::read(receipt)?,
                goods: arguments.goods.clone(),
                key_hash: match &arguments.goods_key {
                    Some(path) => Some(key_file::load(path)?.hash()),
                    None => None,
                },
                delivery: arguments.delivery_key.as_deref().map(delivery_key::load).transpose()?,
            };
            judge_case(&arguments, brought).await
        }
        (None, None) if arguments.offer.is_none() => judge_files(&arguments).await,
        _ => {
            let charter = arguments.charter.load()?;
            let Arguments { offer, receipt, goods, goods_key: key, out, .. } = arguments;
            let files = purchase::Files { charter, offer, receipt, goods, key, out };
            purchase::run(files, arguments.json).await
        }
    }
}

/// Judges files of evidence, each by itself.
async fn judge_files(arguments: &Arguments) -> Result<(), Failure> {
    let mut views = Vec::new();
    for path in &arguments.files {
        let bytes = read_evidence(path)?;
        let journal = arguments.journal.as_ref().map(JournalPlace::open_to_read);
        let mut journal = journal.transpose()?;
        let waiting = Waiting::new("judging");
        let judged = aside(move || judge_file(&bytes, journal.as_mut(), rand::rng())).await;
        drop(waiting);
        let name = path.display().to_string();
        views.push(match judged {
            Ok(ruling) => RulingView::of(name, &ruling),
            Err(bad) => RulingView::bad(name, bad.to_string()),
        });
    }
    let rulings = Rulings { clear: views.iter().all(RulingView::is_clear), rulings: views };
    let said = output::either(arguments.json, &rulings, || {
        let parts: Vec<String> = rulings.rulings.iter().map(RulingView::in_words).collect();
        parts.join("\n")
    });
    if rulings.clear { said } else { said.and(Err(Failure::Said)) }
}

fn read_evidence(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |source| Failure::input("read", path, source);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_EVIDENCE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

async fn judge_case(arguments: &Arguments, brought: Brought) -> Result<(), Failure> {
    let charter = arguments.charter.load()?;
    if let Some(path) = &arguments.write {
        let evidence = PaymentEvidence {
            charter: CharterParts::from(&charter.charter),
            transcript: brought.transcript.clone(),
            decision: brought.receipts.decision.clone(),
            order: brought.receipts.order.clone(),
            delivery: brought.delivery.as_ref().map(|key| GivenSecret(*key.to_bytes())),
            dispatch: brought.receipts.delivery().dispatch.cloned(),
            dispute: brought.receipts.delivery().dispute.cloned(),
            payout: brought.receipts.delivery().payout.cloned(),
        };
        evidence::write_to(path, &evidence)?;
    }
    let expected = arguments.auction.map(|AuctionId(id)| id);
    let waiting = Waiting::new("verifying every bid, every round and the payment");
    let judged = aside(move || {
        let goods = brought.goods.as_deref().map(measured).transpose()?;
        let case = Case {
            charter: &charter.charter,
            transcript: &brought.transcript,
            decision: brought.receipts.decision.as_ref(),
            order: brought.receipts.order.as_ref(),
            goods,
            key_hash: brought.key_hash,
            delivery_secret: brought.delivery.as_ref(),
            delivery: brought.receipts.delivery(),
        };
        let judgement = judge(&case, &mut rand::rng());
        Ok::<_, Failure>((judgement, currency_of(&brought.transcript)))
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
            convicts_server: finding.convicts_server,
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
                    convicts_server: false,
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
            let found = if finding.convicts_server { "convicts the server" } else { finding.found };
            (name, format!("{found}: {}", finding.words))
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
        Found::ToBeSeen => "to-be-seen",
    }
}
