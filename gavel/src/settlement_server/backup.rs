//! `gavel settlement backup`: a copy that audits itself. SETTLEMENT, section "Journal".

use std::path::{Path, PathBuf};

use clap::Args;
use journal_postgres::Taking;
use serde::Serialize;
use settlement::bookkeeper::Bookkeeper;
use settlement::charter_file::{CHARTER_FILE, CharterFile};
use settlement::config::{CONFIG_FILE, Config};
use settlement::journal::{Copied, Directory, Options, backup};
use settlement::layout::Signer;
use settlement::ledger::Window;
use settlement::server::{
    INDEX_DIRECTORY, OPERATOR_KEY_FILE, POSTINGS_KEY_FILE, SERVER_KEY_FILE, load_key,
};

use super::copies::{copy_dir, copy_file, make_dir};
use super::init;
use super::inquest::{JOURNAL, TRANSCRIPTS};
use crate::charter::{asking, with_server};
use crate::exit::Failure;
use crate::journal_place::JournalPlace;
use crate::private_file;
use crate::progress::Waiting;
use crate::{output, progress};

/// The encrypted goods, in a server's directory.
pub(super) const GOODS: &str = "goods";
/// The keys that open what is in escrow, in a server's directory.
pub(super) const VAULT: &str = "vault";
/// Sellers' words that closed auctions early, in a server's directory.
pub(super) const CLOSED_EARLY: &str = "closed-early";

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement backup --dir pay --to /backup/2027-03-01
  gavel settlement backup --dir pay --to /backup/2027-03-01 --operator-key /safe/operator.key

While the server runs, it is asked up to which batch its journal is on the disk; only the
operator's key may ask that. A journal in a database is copied into files. The copy holds the journal, the transcripts, the encrypted goods, the
charter and the server's two keys, and is audited from the first byte before the command ends.

It does not hold the vault, unless --with-vault: those keys open the goods keys in escrow and those
of purchases. The ones of auctions are destroyed with each decision, and a copy keeps the goods of
unsold auctions readable. A server restored without them cannot sell in the auctions that are open
now: they end void, and everybody has his money back. It cannot give the goods keys of earlier
purchases either: their customers have them, or get them from the merchants. Nor does the copy hold
the items that the server hands over itself: they are kept for thirty days.";

/// Arguments of `gavel settlement backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The server's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The directory to make.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// File with the operator's secret key [default: operator.key in --dir].
    #[arg(long, value_name = "FILE")]
    operator_key: Option<PathBuf>,
    /// Copy the vault, too.
    #[arg(long)]
    with_vault: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was copied, and that it stood up to its audit.
#[derive(Serialize)]
pub(super) struct View {
    directory: String,
    batch: u64,
    entries: u64,
    root: String,
    transcripts: u64,
    goods: u64,
    vault: u64,
    audited: bool,
}

pub(super) async fn run(arguments: Backup) -> Result<(), Failure> {
    let (dir, to) = (&arguments.dir, &arguments.to);
    let charter = init::load(dir)?;
    if to.symlink_metadata().is_ok() {
        let what = format!("there is already something at {}", to.display());
        return Err(Failure::usage(what, "name a directory that does not exist"));
    }
    let flushed = flushed(&arguments, &charter).await?;
    let waiting = Waiting::new("copying and auditing");
    make_dir(to)?;
    let mut source = JournalPlace::of(dir)?.open_to_read()?;
    let mut target = open(&to.join(JOURNAL))?;
    let copied = backup(&mut source, &mut target, &charter.charter, flushed)?;
    // After the journal: a decision in it has its transcript on the disk already.
    let transcripts = copy_dir(&dir.join(TRANSCRIPTS), &to.join(TRANSCRIPTS), "transcript")?;
    let goods = copy_dir(&dir.join(GOODS), &to.join(GOODS), "goods")?;
    copy_dir(&dir.join(CLOSED_EARLY), &to.join(CLOSED_EARLY), "word")?;
    let vault =
        if arguments.with_vault { copy_dir(&dir.join(VAULT), &to.join(VAULT), "key")? } else { 0 };
    for name in [SERVER_KEY_FILE, POSTINGS_KEY_FILE, CONFIG_FILE, CHARTER_FILE] {
        copy_file(&dir.join(name), &to.join(name))?;
    }
    // A copy is files, wherever the journal is that it was made of.
    JournalPlace::Directory(to.join(JOURNAL)).keep_in(to)?;
    drop(waiting);
    let view = View::of(to, &copied, transcripts, goods, vault);
    output::either(arguments.json, &view, || format!("Copied and audited.\n{}", view.in_words()))
}

/// Up to which batch the journal is on the disk: the running server says so, and of one that
/// does not run its files.
async fn flushed(arguments: &Backup, charter: &CharterFile) -> Result<u64, Failure> {
    match JournalPlace::of(&arguments.dir)?.open(Taking::IfFree)? {
        Some(journal) => {
            let server = Signer::new(&load_key(&arguments.dir, SERVER_KEY_FILE)?);
            let index = Box::new(open(&arguments.dir.join(INDEX_DIRECTORY))?);
            let (options, window) = (options(&arguments.dir)?, Window::default());
            let opened =
                Bookkeeper::open_with(journal, index, charter.charter, server, options, window)
                    .map_err(settlement::server::ServerError::from)?;
            progress::note("the server does not run: its files say what is on the disk");
            Ok(opened.last_batch())
        }
        None => {
            let file = arguments.operator_key.clone();
            let file = file.unwrap_or_else(|| arguments.dir.join(OPERATOR_KEY_FILE));
            let key = private_file::load_key(&file)?;
            private_file::check_private(&file)?;
            let address = init::reachable(&arguments.dir, charter)?;
            let here = CharterFile { address, ..charter.clone() };
            with_server(&key, &here, async |client| Ok(asking(client.flushed()).await?)).await
        }
    }
}

/// The sizes of the journal of the server in `dir`.
pub(super) fn options(dir: &Path) -> Result<Options, Failure> {
    Ok(Options { segment_bytes: u64::from(Config::load(dir)?.segment_mib) << 20 })
}

/// A journal's directory, made and locked.
pub(super) fn open(path: &Path) -> Result<Directory, Failure> {
    Directory::open(path).map_err(|source| Failure::file("create", path, source))
}

impl View {
    pub(super) fn of(to: &Path, copied: &Copied, transcripts: u64, goods: u64, vault: u64) -> Self {
        Self {
            directory: to.display().to_string(),
            batch: copied.batch,
            entries: copied.audit.entries,
            root: copied.audit.root.to_string(),
            transcripts,
            goods,
            vault,
            audited: true,
        }
    }

    pub(super) fn in_words(&self) -> String {
        output::columns(&[
            ("Directory", self.directory.clone()),
            ("Entries", format!("{}, up to batch {}", self.entries, self.batch)),
            ("Root", self.root.clone()),
            ("Transcripts", self.transcripts.to_string()),
            ("Goods", self.goods.to_string()),
            ("Vault keys", self.vault.to_string()),
        ])
    }
}
