//! `gavel settlement head`: what a witness asks for and keeps. SETTLEMENT, section "Journal".

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::heads_file;
use crate::charter::{CharterArgument, asking, with_server_as_anyone};
use crate::exit::Failure;
use crate::{output, time};

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement head --charter charter.toml
  gavel settlement head --charter charter.toml --heads heads.txt

Anyone may be a witness: --heads checks that the server's history continues that of the last head
in the file, and adds the new one. A server that shows two histories is convicted by two heads.
'gavel settlement audit --heads' holds its journal to them.";

/// Arguments of `gavel settlement head`.
#[derive(Debug, Args)]
pub(crate) struct Head {
    #[command(flatten)]
    charter: CharterArgument,
    /// File of the heads seen so far, one a line, to which the new one is added.
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
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
}

pub(super) async fn run(arguments: &Head) -> Result<(), Failure> {
    let charter = arguments.charter.load()?;
    let known = match &arguments.heads {
        Some(path) if path.exists() => heads_file::read(path)?,
        Some(_) | None => Vec::new(),
    };
    let last = known.iter().max_by_key(|signed| (signed.head.epoch, signed.head.size));
    let asked = with_server_as_anyone(&charter, async |client| {
        Ok(match last {
            Some(old) => asking(client.continues(old)).await?,
            None => asking(client.head()).await?,
        })
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
    };
    output::either(arguments.json, &view, || {
        let continues = match view.continues {
            Some(size) => format!("the head over {size} entries, as proved"),
            None => "nothing known".to_owned(),
        };
        output::columns(&[
            ("Entries", view.size.to_string()),
            ("Root", view.root.clone()),
            ("Epoch", view.epoch.to_string()),
            ("Time", view.time.clone()),
            ("Continues", continues),
        ])
    })
}
