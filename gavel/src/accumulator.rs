//! `gavel accumulator`: make, run and show a node.

use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use accumulators::{Config, Node};
use auction::spec::Member;
use bidder::Committee;
use clap::{Args, Subcommand};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::exit::Failure;
use crate::{output, signals};

/// Where `run` writes the address that it listens on, in the node's directory.
const ADDRESS_FILE: &str = "address";
/// Which events are logged, by default and by `GAVEL_LOG`.
const LOG: (&str, &str) = ("GAVEL_LOG", "info");

const INIT_EXAMPLES: &str = "Example:
  gavel accumulator init --dir /var/lib/gavel --listen 0.0.0.0:4433

The directory gets a fresh identity key, which nobody else may ever see, and accumulator.toml with
the settings. Next: 'gavel accumulator show' and 'gavel accumulator run'.";
const RUN_EXAMPLES: &str = "Examples:
  gavel accumulator run --dir /var/lib/gavel
  GAVEL_LOG=debug gavel accumulator run --dir /var/lib/gavel --log-json

It logs to standard error and ends in order on Ctrl-C or SIGTERM. Killed at any moment, it goes on
where it was when it is started again.";
const SHOW_EXAMPLES: &str = "Example:
  gavel accumulator show --dir /var/lib/gavel --address a.example:4433 >> committee.toml

Prints what the others need: the public key and the address.";

/// What to do with an accumulator.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an accumulator: a directory with an identity and settings.
    #[command(after_help = INIT_EXAMPLES)]
    Init(Init),
    /// Run an accumulator until it is told to stop.
    #[command(after_help = RUN_EXAMPLES)]
    Run(Run),
    /// Print the lines that name an accumulator in a committee file.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
}

/// Arguments of `gavel accumulator init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The directory to make.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Address and UDP port to listen on; port 0 takes any free one at every start.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:4433")]
    listen: SocketAddr,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gavel accumulator run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The accumulator's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Log JSON, one event a line.
    #[arg(long)]
    log_json: bool,
    /// Once it listens, print one JSON object with key and address.
    #[arg(long)]
    json: bool,
    /// End when standard input ends: for a program that starts accumulators.
    #[arg(long, hide = true)]
    while_stdin: bool,
}

/// Arguments of `gavel accumulator show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The accumulator's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where others reach it, if not at the address that it listens on.
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    key: String,
    address: String,
}

/// Runs the command.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init(&arguments),
        Command::Run(arguments) => serve(arguments).await,
        Command::Show(arguments) => show(&arguments),
    }
}

fn init(arguments: &Init) -> Result<(), Failure> {
    let key = accumulators::init(&arguments.dir, arguments.listen)?;
    let view = View { key: key.to_string(), address: arguments.listen.to_string() };
    output::either(arguments.json, &view, || {
        let dir = arguments.dir.display();
        format!(
            "Accumulator {key}\n\n\
             Tell the others    gavel accumulator show --dir {dir} --address HOST:PORT\n\
             Run it             gavel accumulator run --dir {dir}"
        )
    })
}

async fn serve(arguments: Run) -> Result<(), Failure> {
    log(arguments.log_json);
    let node = Node::open(&arguments.dir)?;
    let (key, address) = (node.key(), node.local_addr()?);
    let file = arguments.dir.join(ADDRESS_FILE);
    std::fs::write(&file, format!("{address}\n"))
        .map_err(|source| Failure::file("write", &file, source))?;
    let view = View { key: key.to_string(), address: address.to_string() };
    output::either(arguments.json, &view, || format!("accumulator {key} listens on {address}"))?;
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
    Ok(node.run(stop).await?)
}

fn log(json: bool) {
    let (variable, default) = LOG;
    let filter = EnvFilter::try_from_env(variable).unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Set once, here; a second time would be a mistake without consequence.
    let _ = if json { subscriber.json().try_init() } else { subscriber.try_init() };
}

fn show(arguments: &Show) -> Result<(), Failure> {
    let key = accumulators::load_identity(&arguments.dir)?.public();
    let address = match &arguments.address {
        Some(address) => address.clone(),
        None => reachable(&arguments.dir)?,
    };
    let committee = Committee { members: vec![Member { key, address: address.clone() }] };
    let view = View { key: key.to_string(), address };
    output::either(arguments.json, &view, || committee.to_toml())
}

/// The address that the node listens on, where others may reach it.
fn reachable(dir: &Path) -> Result<String, Failure> {
    let Config { listen, .. } = Config::load(dir)?;
    let bound = std::fs::read_to_string(dir.join(ADDRESS_FILE)).unwrap_or_default();
    let bound = bound.trim().parse::<SocketAddr>().ok().filter(|_| listen.port() == 0);
    let address = bound.unwrap_or(listen);
    let everywhere = match address.ip() {
        IpAddr::V4(ip) => ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unspecified(),
    };
    if everywhere || address.port() == 0 {
        return Err(Failure::usage(
            format!("{address} says not where others reach this accumulator"),
            "add --address HOST:PORT, the name or number under which others reach this machine",
        ));
    }
    Ok(address.to_string())
}
