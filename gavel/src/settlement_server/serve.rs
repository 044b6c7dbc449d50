//! `gavel settlement run`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use settlement::server::{Server, Start};

use crate::exit::Failure;
use crate::{log, node_address, output, signals};

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement run --dir pay
  GAVEL_LOG=debug gavel settlement run --dir pay --log-json

It logs to standard error and ends in order on Ctrl-C or SIGTERM. Killed at any moment, it goes on
where it was when it is started again: what was answered is on the disk. --confirm-clock is for the
one start after the clock was set, or stood before or far after the journal's last time: it says
that the clock is right now.";

/// Arguments of `gavel settlement run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The server's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The clock is right, although the journal's times say otherwise.
    #[arg(long)]
    confirm_clock: bool,
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

pub(super) async fn run(arguments: Run) -> Result<(), Failure> {
    log::begin(arguments.log_json)?;
    let start = Start { confirm_clock: arguments.confirm_clock, ..Start::default() };
    let server = Server::open(&arguments.dir, start)?;
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
