//! `gavel auction export`: a transcript from the accumulators, or as JSON for other programs.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use auction::transcript::Transcript;
use bidder::{Patience, Proof};
use clap::Args;

use super::json_transcript::json_of;
use super::verify;
use crate::arguments::{AuctionId, CommitteeArgument};
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::output;
use crate::progress::{Counting, note};

const EXAMPLES: &str = "Examples:
  gavel auction export 5d41... --to sale.transcript
  gavel auction export 5d41... --json --to sale.json
  gavel auction export sale.transcript --json | jq .bids[0].bidder

A downloaded transcript is verified before it is written. Of an auction that a fault has stopped it
is the one that convicts whoever broke a rule: 'gavel auction verify' then says who, and exits with
1, as there is no outcome. Verifying reads the file and not the JSON.";

/// Arguments of `gavel auction export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction, whose transcript is downloaded; or a transcript file.
    #[arg(value_name = "ID|FILE")]
    source: Source,
    /// Where to write it; required unless --json, which else goes to standard output.
    #[arg(long, value_name = "FILE", required_unless_present = "json")]
    to: Option<PathBuf>,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// Write JSON in place of the transcript file.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone)]
enum Source {
    Auction(AuctionId),
    File(PathBuf),
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::File(text.into()), Self::Auction))
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let bytes = match &arguments.source {
        Source::Auction(id) => download(*id, &arguments.committee).await?,
        Source::File(path) => verify::read(path)?,
    };
    // What does not decode is not passed on.
    let transcript = Transcript::from_bytes(&bytes).map_err(|source| match &arguments.source {
        Source::Auction(_) => source.into(),
        Source::File(path) => {
            Failure::NoTranscriptFile { path: path.display().to_string(), source }
        }
    })?;
    let bytes = if arguments.json {
        let mut text = json_of(&transcript)?.to_string();
        text.push('\n');
        text.into_bytes()
    } else {
        bytes
    };
    let Some(to) = &arguments.to else {
        return output::text(&String::from_utf8_lossy(&bytes));
    };
    write(to, &bytes)?;
    note(&format!("{} written to {}", output::bytes(bytes.len() as u64), to.display()));
    Ok(())
}

async fn download(id: AuctionId, committee: &CommitteeArgument) -> Result<Vec<u8>, Failure> {
    let AuctionId(id) = id;
    let members = committee.members()?;
    with_client(Patience::default(), async |client| {
        let progress = Counting::new("downloading", 0);
        let told = |done, total| progress.at(done, total);
        let proof = client.proof(&members, &id, told).await;
        progress.finish();
        Ok(match proof? {
            Proof::Outcome { bytes, .. } => bytes,
            Proof::Fault { bytes, fault } => {
                note(&format!(
                    "The auction was stopped: {fault}.\n\
                     The transcript has no outcome; it convicts whoever is named here."
                ));
                bytes
            }
        })
    })
    .await
}

/// Writes a file that is either whole or not there under its name.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |source| Failure::file("write", path, source);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // The failure to write is what counts; a part may not even be there.
        let _ = std::fs::remove_file(&part);
    }
    written.map_err(failed)
}
