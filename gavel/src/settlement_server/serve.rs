//! `gavel settlement run`.

use std::path::PathBuf;

use clap::Args;
use journal_postgres::Taking;
use serde::Serialize;
use settlement::server::{self, Server, Start};

use crate::exit::Failure;
use crate::journal_place::JournalPlace;
use crate::{log, node_address, output, signals};

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement run --dir pay
  GAVEL_LOG=debug gavel settlement run --dir pay --log-json

It logs to standard error and ends in order on Ctrl-C or SIGTERM. Killed at any moment, it goes on
where it was when it is started again: what was answered is on the disk. --confirm-clock is for the
one start after the clock was set, or stood before or far after the journal's last time: it says
that the clock is right now.

A journal in a database has one server at a time: it holds a lease, and renews it while it runs.
--take-lease takes that from a server that is certainly lost, without waiting until it runs out;
one that runs all the same is fenced out with its next write, and ends.";

/// Arguments of `gavel settlement run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The server's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The clock is right, although the journal's times say otherwise.
    #[arg(long)]
    confirm_clock: bool,
    /// Take the lease of a journal in a database from whoever has it.
    #[arg(long)]
    take_lease: bool,
    /// Log JSON, one event a line.
    #[arg(long)]
    log_json: bool,
    /// Once it listens, print one JSON object with key and address.
    #[arg(long)]
    json: bool,
    /// End when standard input ends: for a program that starts the server.
    #[arg(long, hide = true)]
    while_stdin: bool,
}

#[derive(Serialize)]
struct View {
    key: String,
    address: String,
}

/// Opens the server where its settings say that its journal is.
fn open(arguments: &Run, start: Start) -> Result<Server, Failure> {
    let dir = &arguments.dir;
    let place = JournalPlace::of(dir)?;
    if let JournalPlace::Directory(_) = place {
        if arguments.take_lease {
            let what = "this journal is in a directory, which has a lock and no lease";
            return Err(Failure::usage(what, "leave --take-lease out"));
        }
        return Ok(Server::open(dir, start)?);
    }
    // The directory's lock first: whoever has it may ask for the lease.
    let index = server::open_index(dir)?;
    let how = if arguments.take_lease { Taking::FromAnybody } else { Taking::IfFree };
    let journal = place.open_alone(how)?;
    Ok(Server::open_on(dir, journal, index, start)?)
}

pub(super) async fn run(arguments: Run) -> Result<(), Failure> {
    log::begin(arguments.log_json)?;
    let start = Start { confirm_clock: arguments.confirm_clock, ..Start::default() };
    let server = open(&arguments, start)?;
    let (key, address) = (server.key(), server.local_addr()?);
    node_address::keep_bound(&arguments.dir, address)?;
    let view = View { key: key.to_string(), address: address.to_string() };
    output::either(arguments.json, &view, || {
        format!("settlement server {key} listens on {address}")
    })?;
    let stop = async move {
        if arguments.while_stdin {
            tokio::select! {
                () = signals::interrupted() => {}
                () = signals::input_ended() => {}
            }
        } else {
            signals::interrupted().await;
        }
        tracing::info!("stopping");
    };
    Ok(server.run(stop).await?)
}
