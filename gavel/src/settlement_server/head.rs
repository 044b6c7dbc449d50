//! `gavel settlement head`: what a witness asks for and keeps. SETTLEMENT, section "Journal".

use std::path::PathBuf;

use bidder::{Committee, Patience};
use clap::Args;
use serde::Serialize;
use settlement::client::{Client, ClientError};
use settlement::journal::SignedHead;
use witness::Watch;
use witness::watch::Heard;

use super::heads_file;
use crate::charter::{CharterArgument, asking, with_server_as_anyone};
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::witnesses::{self, Testimony, WitnessView};
use crate::{output, time};

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement head --charter charter.toml
  gavel settlement head --charter charter.toml --heads heads.txt
  gavel settlement head --charter charter.toml --committee committee.toml

Anyone may be a witness: --heads checks that the server's history continues that of the last head
in the file, and adds the new one. --committee asks the accumulators, who are witnesses, which heads
they have countersigned, and demands that each is one history with what you are shown. A server that
shows two histories is convicted by its own words: 'gavel settlement witness' writes them down.
'gavel settlement audit --heads' holds its journal to them.";

/// Arguments of `gavel settlement head`.
#[derive(Debug, Args)]
pub(crate) struct Head {
    #[command(flatten)]
    charter: CharterArgument,
    /// File of the heads seen so far, one a line, to which the new one is added.
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// File that names witnesses: accumulators, or who runs 'gavel settlement witness --listen'.
    #[arg(long, value_name = "FILE")]
    committee: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    epoch: u32,
    size: u64,
    root: String,
    time: String,
    /// The signed head, as a line of a file of heads.
    signed: String,
    /// The size of the head that this one was shown to continue.
    continues: Option<u64>,
    /// What witnesses say.
    witnesses: Vec<WitnessView>,
    /// How many of the heads that they countersigned are proved to be of the same history.
    agreed: usize,
}

pub(super) async fn run(arguments: &Head) -> Result<(), Failure> {
    let charter = arguments.charter.load()?;
    let known = match &arguments.heads {
        Some(path) if path.exists() => heads_file::read(path)?,
        Some(_) | None => Vec::new(),
    };
    let testimony = match &arguments.committee {
        None => Testimony { views: Vec::new(), heads: Vec::new(), evidence: None },
        Some(path) => {
            let members = Committee::load(path)?.members;
            let of = charter.charter.ledger_key();
            with_client(Patience::default(), async |client| {
                Ok(witnesses::ask(client, &members, &of).await)
            })
            .await?
        }
    };
    if let Some(evidence) = testimony.evidence {
        return Err(ClientError::Convicted(Box::new(evidence)).into());
    }
    let last = known.iter().max_by_key(|signed| (signed.head.epoch, signed.head.size));
    let asked = with_server_as_anyone(&charter, async |client| {
        let signed = match last {
            Some(old) => asking(client.continues(old)).await?,
            None => asking(client.head()).await?,
        };
        agree(client, &signed, &testimony.heads).await?;
        Ok(signed)
    });
    let signed = asked.await?;
    if let Some(path) = arguments.heads.as_ref().filter(|_| last != Some(&signed)) {
        heads_file::append(path, &signed)?;
    }
    let head = signed.head;
    let view = View {
        epoch: head.epoch,
        size: head.size,
        root: head.root.to_string(),
        time: time::utc(head.time),
        signed: heads_file::line(&signed)?,
        continues: last.map(|old| old.head.size),
        agreed: testimony.heads.len(),
        witnesses: testimony.views,
    };
    output::either(arguments.json, &view, || {
        let continues = match view.continues {
            Some(size) => format!("the head over {size} entries, as proved"),
            None => "nothing known".to_owned(),
        };
        let mut rows = vec![
            ("Entries", view.size.to_string()),
            ("Root", view.root.clone()),
            ("Epoch", view.epoch.to_string()),
            ("Time", view.time.clone()),
            ("Continues", continues),
        ];
        rows.extend(view.witnesses.iter().map(|one| ("Witness", one.line())));
        output::columns(&rows)
    })
}

/// Demands that heads which witnesses have countersigned are of one history with this one.
async fn agree(client: &Client, signed: &SignedHead, heads: &[SignedHead]) -> Result<(), Failure> {
    let mut watch = Watch::new(client.charter().ledger_key());
    watch.hear(*signed).map_err(ClientError::from)?;
    for head in heads {
        match asking(client.hold(&mut watch, *head)).await? {
            Heard::Convicted => {
                let evidence = watch.convicted().cloned();
                let convicted = evidence.map(|evidence| ClientError::Convicted(Box::new(evidence)));
                return Err(convicted.map_or(Failure::Said, Failure::from));
            }
            Heard::Unanswered => {
                let pair = watch.unanswered().copied().unwrap_or([*head, *signed]);
                return Err(ClientError::Unanswered(Box::new(pair)).into());
            }
            Heard::Accepted | Heard::Known | Heard::Lost | Heard::Ask(_) => {}
        }
    }
    Ok(())
}
