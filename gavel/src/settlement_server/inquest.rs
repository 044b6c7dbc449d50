//! What an audit looks at, and by whose word: the part that 'audit' and 'unwind' share.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use auction::evidence::{EvidenceFile, Kind};
use auction::layout::Digest;
use auction::spec::Time;
use auction::transcript::MAX_TRANSCRIPT_BYTES;
use clap::Args;
use settlement::auctions::{AuctionSummary, History};
use settlement::audit::{AuditReport, Held, inquire_with};
use settlement::charter_file::{CHARTER_FILE, CharterFile};
use settlement::journal::{Receipt, SignedHead};
use settlement::judge::ticket::TicketEvidence;
use settlement::ledger::Ledger;
use settlement::purchases::{PurchaseHistory, PurchaseSummary, Safe};
use settlement::server::open_safe;

use super::heads_file;
use super::meaning::Meaning;
use crate::charter;
use crate::exit::Failure;
use crate::journal_place::JournalPlace;
use crate::receipt::file;

/// The journal in a server's directory.
pub(super) const JOURNAL: &str = "journal";
/// The transcripts that decided, in a server's directory.
pub(super) const TRANSCRIPTS: &str = "transcripts";
/// Most receipts and tickets that are looked at.
const MAX_HELD: usize = 100_000;
/// Longest file with a ticket, in bytes.
const MAX_TICKET_BYTES: u64 = 8 << 20;

/// Which journal, and what others hold against it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Subject {
    /// The server's directory.
    #[arg(long, value_name = "DIR", required_unless_present = "journal")]
    pub(super) dir: Option<PathBuf>,
    /// The journal's directory or the URL of its database, where that is all there is.
    #[arg(long, value_name = "DIR|URL", conflicts_with = "dir", requires = "charter")]
    journal: Option<JournalPlace>,
    /// Directory of the transcripts that decided auctions [default: beside the journal]. Of an
    /// auction that was void its transcript, if it is there, shows who bid with which ticket.
    #[arg(long, value_name = "DIR")]
    transcripts: Option<PathBuf>,
    /// Whose word counts [default: the charter in --dir]. Your own copy is better.
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// Heads that the server has signed, one a line.
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// Receipts that clients kept: files that 'gavel receipt' or 'gavel account receipts' wrote, or
    /// directories of them.
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    receipts: Vec<PathBuf>,
    /// Tickets that clients kept: files of evidence, or directories of them.
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    tickets: Vec<PathBuf>,
}

/// The same, read.
pub(super) struct Files {
    journal: JournalPlace,
    transcripts: PathBuf,
    pub(super) charter: CharterFile,
    heads: Vec<SignedHead>,
    receipts: Vec<Receipt>,
    tickets: Vec<TicketEvidence>,
    safe: Option<Safe>,
}

/// What was found.
pub(super) struct Inquest {
    pub(super) report: AuditReport,
    pub(super) ledger: Ledger,
    pub(super) summary: AuctionSummary,
    pub(super) purchases: PurchaseSummary,
}

impl Files {
    /// Reads what is named. `with_vault` says whether the keys in the vault of the server's
    /// directory are taken to the purchases too.
    pub(super) fn of(subject: &Subject, with_vault: bool) -> Result<Self, Failure> {
        let (journal, charter) = match (&subject.dir, &subject.journal) {
            (Some(dir), _) => (JournalPlace::of(dir)?, dir.join(CHARTER_FILE)),
            (None, Some(journal)) => (journal.clone(), PathBuf::new()),
            (None, None) => (JournalPlace::Directory(PathBuf::new()), PathBuf::new()),
        };
        let beside = || match (&subject.dir, &journal) {
            (Some(dir), _) => dir.join(TRANSCRIPTS),
            (None, JournalPlace::Directory(path)) => {
                path.parent().unwrap_or(Path::new("")).join(TRANSCRIPTS)
            }
            (None, JournalPlace::Database(_)) => PathBuf::from(TRANSCRIPTS),
        };
        let mut receipts = Vec::new();
        for path in listed(&subject.receipts)? {
            receipts.extend(file::read_all(&path)?);
        }
        let mut tickets = Vec::new();
        for path in listed(&subject.tickets)? {
            tickets.push(ticket(&path)?);
        }
        Ok(Self {
            transcripts: subject.transcripts.clone().unwrap_or_else(beside),
            charter: charter::load(subject.charter.as_ref().unwrap_or(&charter))?,
            heads: match &subject.heads {
                Some(path) => heads_file::read(path)?,
                None => Vec::new(),
            },
            receipts,
            tickets,
            safe: match &subject.dir {
                Some(dir) if with_vault => Some(safe_of(dir)?),
                _ => None,
            },
            journal,
        })
    }

    /// How many heads, receipts and tickets there are.
    pub(super) fn held(&self) -> (usize, usize, usize) {
        (self.heads.len(), self.receipts.len(), self.tickets.len())
    }

    /// Audits, and goes on after misdeeds.
    pub(super) fn inquire(&self) -> Result<Inquest, Failure> {
        let mut storage = self.journal.open_to_read()?;
        let transcripts = |id: &Digest| transcript(&self.transcripts, id);
        let charter = &self.charter.charter;
        let mut history = History::new(*charter, transcripts, rand::rng());
        for evidence in &self.tickets {
            let spec = evidence.spec.clone().verify().map_err(wrong_ticket)?;
            history.hold_ticket(spec, evidence.ticket.clone()).map_err(wrong_ticket)?;
        }
        let purchases = PurchaseHistory::new(*charter, self.safe.as_ref());
        let mut check = Meaning { auctions: history, purchases };
        let held = Held { heads: &self.heads, receipts: &self.receipts };
        let (report, ledger) = inquire_with(&mut storage, charter, &held, &mut check)?;
        let summary = check.auctions.summary(Time(report.time.0));
        Ok(Inquest { report, ledger, summary, purchases: check.purchases.summary() })
    }
}

/// The keys of a server's vault.
fn safe_of(dir: &Path) -> Result<Safe, Failure> {
    open_safe(dir)?.ok_or_else(|| {
        let what = format!("{} has no key that goods keys are sealed under", dir.display());
        Failure::usage(what, "leave --with-vault out: everything else is audited without it")
    })
}

fn wrong_ticket(error: impl std::fmt::Display) -> Failure {
    Failure::usage(
        format!("a ticket is none of this server: {error}"),
        "leave it out: it says nothing of this server",
    )
}

/// Files, and the files in directories, in order.
pub(super) fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| Failure::input("read", path, source);
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)?.take(MAX_HELD) {
            let entry = entry.map_err(unreadable)?.path();
            if entry.is_file() {
                inside.push(entry);
            }
        }
        inside.sort();
        files.extend(inside);
    }
    if files.len() > MAX_HELD {
        let what = format!("got {} files, expected at most {MAX_HELD}", files.len());
        return Err(Failure::usage(what, "name some of them at a time"));
    }
    Ok(files)
}

fn ticket(path: &Path) -> Result<TicketEvidence, Failure> {
    let unreadable = |source| Failure::input("read", path, source);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_TICKET_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    let file = EvidenceFile::open(&bytes)?;
    if file.kind() != Kind::Ticket {
        let what = format!("{} is no evidence of a ticket", path.display());
        return Err(Failure::usage(what, "name files that hold a bond ticket"));
    }
    Ok(file.read()?)
}

/// The transcript of an auction, where there is one that can be read.
fn transcript(dir: &Path, id: &Digest) -> Option<Vec<u8>> {
    let file = std::fs::File::open(dir.join(format!("{id}.transcript"))).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_TRANSCRIPT_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
