//! `gavel settlement restore`: a server from a backup, which says so. SETTLEMENT, section
//! "Journal".

use std::path::PathBuf;

use clap::Args;
use journal_postgres::Taking;
use settlement::charter_file::CHARTER_FILE;
use settlement::config::CONFIG_FILE;
use settlement::journal::{Directory, restore_with_index};
use settlement::layout::Signer;
use settlement::server::{self, POSTINGS_KEY_FILE, SERVER_KEY_FILE, load_key};

use super::backup::{CLOSED_EARLY, GOODS, VAULT, View, options};
use super::copies::{copy_dir, copy_file, make_dir};
use super::init;
use super::inquest::{JOURNAL, TRANSCRIPTS};
use crate::exit::Failure;
use crate::journal_place::{self, JournalPlace};
use crate::output;
use crate::progress::Waiting;

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement restore --from /backup/2027-03-01 --dir pay
  gavel settlement restore --from /backup/2027-03-01 --dir pay --journal \\
      'postgres://gavel@db.example.org/gavel?sslrootcert=/etc/gavel/db-ca.pem'

The backup is audited, and the new journal begins another epoch, which every later head states:
what was committed after the backup is lost until its receipts come back as requests, for seven days
from the first new entry on: tell everybody who has an account to run 'gavel settlement readmit'.
Deposits come back so too: do not sign new ones for them. Never run the old server again: two
servers with one key show two histories, and that convicts the key.";

/// Arguments of `gavel settlement restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup's directory.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The directory to make.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where this or a newer backup was restored before: the newest epoch that the server has
    /// signed heads in ('gavel settlement head', or its witnesses, say which). The new one begins
    /// above it: two beginnings of one epoch convict the server.
    #[arg(long, value_name = "EPOCH", value_parser = clap::value_parser!(u32).range(1..=1022))]
    above: Option<u32>,
    /// Keep the journal in this PostgreSQL database, which holds none yet [default: in the
    /// directory].
    #[arg(long, value_name = "URL", value_parser = journal_place::database)]
    journal: Option<JournalPlace>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Restore) -> Result<(), Failure> {
    let (from, dir) = (&arguments.from, &arguments.dir);
    let charter = init::load(from)?;
    let server = Signer::new(&load_key(from, SERVER_KEY_FILE)?);
    if dir.symlink_metadata().is_ok() {
        let what = format!("there is already something at {}", dir.display());
        return Err(Failure::usage(
            what,
            "name a directory that does not exist; what a restore left half made can be removed",
        ));
    }
    let waiting = Waiting::new("auditing and copying");
    make_dir(dir)?;
    let mut source = Directory::open_to_read(&from.join(JOURNAL))
        .map_err(|source| Failure::input("read", &from.join(JOURNAL), source))?;
    let directory = JournalPlace::Directory(dir.join(JOURNAL));
    let place = arguments.journal.as_ref().unwrap_or(&directory);
    place.make()?;
    let target = place.open_alone(Taking::IfFree)?;
    let index = Box::new(server::open_index(dir)?);
    let above = arguments.above.unwrap_or_default();
    let (sizes, charter) = (options(from)?, &charter.charter);
    let copied = restore_with_index(&mut source, (target, index), charter, &server, sizes, above)?;
    let transcripts = copy_dir(&from.join(TRANSCRIPTS), &dir.join(TRANSCRIPTS), "transcript")?;
    let goods = copy_dir(&from.join(GOODS), &dir.join(GOODS), "goods")?;
    copy_dir(&from.join(CLOSED_EARLY), &dir.join(CLOSED_EARLY), "word")?;
    let vault = copy_dir(&from.join(VAULT), &dir.join(VAULT), "key")?;
    // The settings last: without them there is no server to run.
    for name in [SERVER_KEY_FILE, POSTINGS_KEY_FILE, CHARTER_FILE, CONFIG_FILE] {
        copy_file(&from.join(name), &dir.join(name))?;
    }
    place.keep_in(dir)?;
    drop(waiting);
    let view = View::of(dir, &copied, transcripts, goods, vault);
    output::either(arguments.json, &view, || {
        let run = format!("gavel settlement run --dir {}", dir.display());
        format!("Restored; a new epoch has begun.\n{}\nNext: {run}\n", view.in_words())
    })
}
