//! `gavel settlement audit`: everything derived again from the first byte. SETTLEMENT, section
//! "Journal".

use std::io::Read as _;
use std::path::{Path, PathBuf};

use auction::layout::Digest;
use auction::spec::Time;
use auction::transcript::MAX_TRANSCRIPT_BYTES;
use clap::Args;
use serde::Serialize;
use settlement::auctions::history::Misdeed;
use settlement::auctions::{AuctionSummary, Evidence, History};
use settlement::audit::{AuditReport, EntryCheck, audit_with};
use settlement::charter_file::{CHARTER_FILE, CharterFile};
use settlement::journal::{Directory, SignedHead};
use settlement::ledger::{Entry, Ledger};
use settlement::purchases::{PurchaseHistory, PurchaseMisdeed, PurchaseSummary, Safe};
use settlement::server::open_safe;

use super::heads_file;
use crate::aside::aside;
use crate::charter;
use crate::exit::Failure;
use crate::money_text::{balance, written};
use crate::output::{self, columns, count};
use crate::progress::Waiting;

/// The journal in a server's directory.
pub(super) const JOURNAL: &str = "journal";
/// The transcripts that decided, in a server's directory.
pub(super) const TRANSCRIPTS: &str = "transcripts";

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement audit --dir pay
  gavel settlement audit --journal copy/journal --transcripts copy/transcripts \\
      --charter charter.toml --heads heads.txt --json

Works on a live server's files or on a copy, and asks nobody: the chain, every signature and every
result, sums zero after every batch, no hold without owner, every decision under a transcript that
verifies, no goods key out without payment, every purchase with its offer, both signatures and its
sealed key; --with-vault opens that key, too. --heads names what a witness kept ('gavel settlement
head'): a journal that contradicts one of them convicts the server. Exit code 0 when everything
holds.";

/// Arguments of `gavel settlement audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The server's directory.
    #[arg(long, value_name = "DIR", required_unless_present = "journal")]
    dir: Option<PathBuf>,
    /// The journal's directory, where that is all there is.
    #[arg(long, value_name = "DIR", conflicts_with = "dir", requires = "charter")]
    journal: Option<PathBuf>,
    /// Directory of the transcripts that decided auctions [default: beside the journal].
    #[arg(long, value_name = "DIR")]
    transcripts: Option<PathBuf>,
    /// Whose word counts [default: the charter in --dir]. Your own copy is better.
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// Heads that the server has signed, one a line.
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// Also open the goods key of every purchase with the keys in the vault of --dir.
    #[arg(long, requires = "dir")]
    with_vault: bool,
    /// Print one JSON object, also when something does not hold.
    #[arg(long)]
    json: bool,
}

/// An audit that found nothing wrong.
#[derive(Serialize)]
pub(super) struct View {
    holds: bool,
    batches: u64,
    entries: u64,
    requests: u64,
    root: String,
    state: String,
    epoch: u32,
    currencies: Vec<CurrencyView>,
    /// How many heads of witnesses it was held to, and which of them a restore has lost.
    heads: usize,
    lost_heads: Vec<u64>,
    /// Whether bytes after the last batch were passed over: an unfinished write.
    tail: bool,
    auctions: AuctionsView,
    purchases: PurchasesView,
}

#[derive(Serialize)]
struct PurchasesView {
    purchases: u64,
    /// Of these, items that the server handed over itself.
    held: u64,
    /// Goods keys that were opened and are those that were paid for; with --with-vault all.
    keys_opened: u64,
}

#[derive(Serialize)]
struct CurrencyView {
    currency: String,
    /// All debits, equal to all credits, posted and pending each.
    posted: String,
    pending: String,
    /// Credits less debits.
    sum: String,
}

#[derive(Serialize)]
struct AuctionsView {
    auctions: u64,
    bonds: u64,
    sales: u64,
    no_sales: u64,
    voids: u64,
    /// Not decided though their time has passed: the server is late.
    late: Vec<String>,
}

#[derive(Serialize)]
struct Wrong {
    holds: bool,
    reason: String,
}

/// What is audited, and by whose word.
struct Files {
    journal: PathBuf,
    transcripts: PathBuf,
    charter: CharterFile,
    heads: Vec<SignedHead>,
    safe: Option<Safe>,
}

/// Runs the command.
pub(super) async fn run(arguments: Audit) -> Result<(), Failure> {
    let files = Files::of(&arguments)?;
    let waiting = Waiting::new("auditing from the first byte");
    let audited = aside(move || files.audit()).await;
    drop(waiting);
    match audited {
        Ok(view) => output::either(arguments.json, &view, || view.in_words()),
        Err(failure @ Failure::Audit(_)) if arguments.json => {
            let wrong = Wrong { holds: false, reason: failure.to_string() };
            Err(failure.after(&output::json(&wrong)))
        }
        Err(failure) => Err(failure),
    }
}

impl Files {
    fn of(arguments: &Audit) -> Result<Self, Failure> {
        let (journal, charter) = match (&arguments.dir, &arguments.journal) {
            (Some(dir), _) => (dir.join(JOURNAL), dir.join(CHARTER_FILE)),
            (None, journal) => (journal.clone().unwrap_or_default(), PathBuf::new()),
        };
        let beside = || journal.parent().unwrap_or(Path::new("")).join(TRANSCRIPTS);
        Ok(Self {
            transcripts: arguments.transcripts.clone().unwrap_or_else(beside),
            charter: charter::load(arguments.charter.as_ref().unwrap_or(&charter))?,
            heads: match &arguments.heads {
                Some(path) => heads_file::read(path)?,
                None => Vec::new(),
            },
            safe: match &arguments.dir {
                Some(dir) if arguments.with_vault => Some(safe_of(dir)?),
                _ => None,
            },
            journal,
        })
    }

    fn audit(&self) -> Result<View, Failure> {
        let mut storage = Directory::open_to_read(&self.journal)
            .map_err(|source| Failure::input("read", &self.journal, source))?;
        let transcripts = |id: &Digest| transcript(&self.transcripts, id);
        let history = History::new(self.charter.charter, transcripts, rand::rng());
        let purchases = PurchaseHistory::new(self.charter.charter, self.safe.as_ref());
        let mut check = Meaning { auctions: history, purchases, time: Time(0) };
        let report = audit_with(&mut storage, &self.charter.charter, &self.heads, &mut check)?;
        let summary = check.auctions.summary(check.time);
        View::of(&report, &summary, check.purchases.summary(), self.heads.len())
    }
}

/// The keys of a server's vault.
fn safe_of(dir: &Path) -> Result<Safe, Failure> {
    open_safe(dir)?.ok_or_else(|| {
        let what = format!("{} has no key that goods keys are sealed under", dir.display());
        Failure::usage(what, "leave --with-vault out: everything else is audited without it")
    })
}

/// What entries mean: the auctions' part of the audit and the purchases', with the time of the
/// last entry.
struct Meaning<'a, E, R> {
    auctions: History<E, R>,
    purchases: PurchaseHistory<'a>,
    time: Time,
}

/// What one of them objects to.
#[derive(Debug, thiserror::Error)]
enum Objection {
    #[error(transparent)]
    Auction(#[from] Misdeed),
    #[error(transparent)]
    Purchase(#[from] PurchaseMisdeed),
}

impl<E: Evidence, R: rand::CryptoRng> EntryCheck for Meaning<'_, E, R> {
    type Objection = Objection;

    fn entry(&mut self, number: u64, time: Time, entry: &Entry) -> Result<(), Objection> {
        self.time = time;
        self.purchases.check(entry)?;
        Ok(self.auctions.check(number, time, entry)?)
    }

    fn end(&mut self, ledger: &Ledger) -> Result<(), Objection> {
        Ok(self.auctions.check_end(ledger)?)
    }
}

/// The transcript of an auction, where there is one that can be read.
fn transcript(dir: &Path, id: &Digest) -> Option<Vec<u8>> {
    let file = std::fs::File::open(dir.join(format!("{id}.transcript"))).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_TRANSCRIPT_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

impl View {
    fn of(
        report: &AuditReport,
        auctions: &AuctionSummary,
        purchases: PurchaseSummary,
        heads: usize,
    ) -> Result<Self, Failure> {
        let currencies = report.totals.iter().map(|(currency, totals)| {
            let currency = written(*currency)
                .map_err(|source| Failure::Money { what: "the journal".to_owned(), source })?;
            let minor = |sum: u128| i128::try_from(sum).unwrap_or(i128::MAX);
            let amount = |sum: u128| balance(&currency, minor(sum));
            let credits = minor(totals.credits_posted.saturating_add(totals.credits_pending));
            let debits = minor(totals.debits_posted.saturating_add(totals.debits_pending));
            Ok(CurrencyView {
                posted: amount(totals.debits_posted),
                pending: amount(totals.debits_pending),
                sum: balance(&currency, credits - debits),
                currency: currency.code(),
            })
        });
        Ok(Self {
            holds: true,
            batches: report.batches,
            entries: report.entries,
            requests: report.requests,
            root: report.root.to_string(),
            state: report.state.to_string(),
            epoch: report.epoch,
            currencies: currencies.collect::<Result<_, Failure>>()?,
            heads,
            lost_heads: report.lost_heads.clone(),
            tail: report.tail,
            auctions: AuctionsView {
                auctions: auctions.auctions,
                bonds: auctions.bonds,
                sales: auctions.sales,
                no_sales: auctions.no_sales,
                voids: auctions.voids,
                late: auctions.late.iter().map(ToString::to_string).collect(),
            },
            purchases: PurchasesView {
                purchases: purchases.purchases,
                held: purchases.held,
                keys_opened: purchases.keys_opened,
            },
        })
    }

    fn in_words(&self) -> String {
        let auctions = &self.auctions;
        let mut rows = vec![
            (
                "Entries",
                format!(
                    "{} in {}",
                    self.entries,
                    output::count_of(self.batches, "batch", "batches")
                ),
            ),
            ("Signatures", format!("{} requests, all signed as they must be", self.requests)),
            ("Root", self.root.clone()),
        ];
        rows.extend(self.currencies.iter().map(|one| {
            let turnover = format!("{} moved, {} set aside", one.posted, one.pending);
            ("Sum", format!("{} ({turnover})", one.sum))
        }));
        let decided = format!(
            "{}; {} sold, {} not sold, {} void",
            count(auctions.bonds, "bond"),
            auctions.sales,
            auctions.no_sales,
            auctions.voids
        );
        rows.push(("Auctions", format!("{}, {decided}", auctions.auctions)));
        rows.extend(auctions.late.iter().map(|id| ("Late", format!("{id} is not decided"))));
        let PurchasesView { purchases, held, keys_opened } = self.purchases;
        if purchases > 0 {
            let opened = if self.purchases.keys_opened > 0 {
                format!("; {} opened, all those that were paid for", count(keys_opened, "key"))
            } else {
                String::new()
            };
            let line = format!("{purchases} paid with their keys, {held} with the item{opened}");
            rows.push(("Purchases", line));
        }
        if self.heads > 0 {
            let lost = self.lost_heads.len();
            rows.push(("Heads", format!("{} agree, {lost} lost by a restore", self.heads - lost)));
        }
        if self.epoch > 0 {
            rows.push(("Restores", self.epoch.to_string()));
        }
        if self.tail {
            rows.push(("Tail", "an unfinished write after the last batch; no harm".to_owned()));
        }
        format!("Everything holds, from the first byte.\n{}", columns(&rows))
    }
}
