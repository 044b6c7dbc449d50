//! `gavel accumulator`: make, run and show a node.

use std::net::SocketAddr;
use std::path::PathBuf;

use accumulators::Node;
use accumulators::store::inspect::wrong_shares;
use auction::spec::Member;
use bidder::{Committee, Patience};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::arguments::AuctionId;
use crate::evidence;
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::node_address::{self, HostPort};
use crate::progress::asking;
use crate::witnesses::WitnessView;
use crate::{log, output, signals};

const INIT_EXAMPLES: &str = "Example:
  gavel accumulator init --dir /var/lib/gavel --listen 0.0.0.0:4433 --address a.example:4433

The directory gets a fresh identity key, which nobody else may ever see, and accumulator.toml with
the settings; name there the sellers you serve (sellers = [..]), otherwise anyone may announce
auctions to this node. Next: 'gavel accumulator show' and 'gavel accumulator run'.";
const RUN_EXAMPLES: &str = "Examples:
  gavel accumulator run --dir /var/lib/gavel
  GAVEL_LOG=debug gavel accumulator run --dir /var/lib/gavel --log-json

It logs to standard error and ends in order on Ctrl-C or SIGTERM. Killed at any moment, it goes on
where it was when it is started again. A second Ctrl-C ends it at once, which does no harm.

GAVEL_LOG says how much: error, warn, info (the default), debug or trace, also by part of the
program: GAVEL_LOG=info,link=debug.";
const SHOW_EXAMPLES: &str = "Examples:
  gavel accumulator show --dir /var/lib/gavel >> committee.toml
  gavel accumulator show --dir /var/lib/gavel --address a.example:4433

Prints what the others need: the public key and the address. With --witnessed the running
accumulator also says what it has seen of the settlement servers of its auctions.";

const EVIDENCE_EXAMPLES: &str = "Example:
  gavel accumulator evidence --dir /var/lib/gavel --auction 5d41... --out disputes

For an accumulator that is said to have refused a good share: each file holds a share that its bidder
signed and that does not open, which 'gavel judge' finds. Stop the accumulator first. A file shows
one share of a bid that was never taken: give it to a judge and to nobody else.";

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
    /// Write down the shares that an accumulator refused for themselves, as evidence.
    #[command(after_help = EVIDENCE_EXAMPLES)]
    Evidence(EvidenceArguments),
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
    /// Where others reach it, which 'show' prints for the committee file.
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<HostPort>,
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
    /// Where others reach it, if not where 'init' was told.
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<HostPort>,
    /// Ask the running accumulator, too, what it has seen of settlement servers: comment lines
    /// below.
    #[arg(long)]
    witnessed: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gavel accumulator evidence`.
#[derive(Debug, Args)]
pub(crate) struct EvidenceArguments {
    /// The accumulator's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The auction.
    #[arg(long, value_name = "ID")]
    auction: AuctionId,
    /// Where to write the files.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct EvidenceView {
    files: Vec<String>,
}

#[derive(Serialize)]
struct ShownView {
    #[serde(flatten)]
    view: View,
    /// What it has seen of settlement servers, where it was asked.
    witnessed: Option<Vec<WitnessView>>,
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
        Command::Show(arguments) => show(&arguments).await,
        Command::Evidence(arguments) => write_evidence(&arguments),
    }
}

fn init(arguments: &Init) -> Result<(), Failure> {
    let key = accumulators::init(&arguments.dir, arguments.listen)?;
    if let Some(address) = &arguments.address {
        node_address::keep_public(&arguments.dir, address)?;
    }
    let told = arguments.address.as_ref().map(|HostPort(address)| address.clone());
    let address = told.unwrap_or_else(|| arguments.listen.to_string());
    output::either(arguments.json, &View { key: key.to_string(), address }, || {
        let dir = arguments.dir.display();
        let elsewhere = if arguments.address.is_some() { "" } else { " --address HOST:PORT" };
        let settings = arguments.dir.join(accumulators::CONFIG_FILE);
        format!(
            "Accumulator {key}\n\n\
             Tell the others    gavel accumulator show --dir {dir}{elsewhere}\n\
             Run it             gavel accumulator run --dir {dir}\n\n\
             Name the sellers you serve in {}: sellers = [\"KEY\", ..]\n\
             Otherwise anyone may announce auctions to this node.\n\
             Keep this machine's clock right (NTP), and {}\n\
             out of backups and snapshots: a copy keeps shares of bids readable after the outcome.",
            settings.display(),
            arguments.dir.join("keys").display(),
        )
    })
}

async fn serve(arguments: Run) -> Result<(), Failure> {
    log::begin(arguments.log_json)?;
    let node = Node::open(&arguments.dir)?;
    let (key, address) = (node.key(), node.local_addr()?);
    node_address::keep_bound(&arguments.dir, address)?;
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

async fn show(arguments: &Show) -> Result<(), Failure> {
    let key = accumulators::load_identity(&arguments.dir)?.public();
    let address = match &arguments.address {
        Some(HostPort(address)) => address.clone(),
        None => node_address::public(&arguments.dir)?,
    };
    let member = Member { key, address: address.clone() };
    let witnessed = if arguments.witnessed { Some(witnessed(&member).await?) } else { None };
    let committee = Committee { members: vec![member] };
    let view = ShownView { view: View { key: key.to_string(), address }, witnessed };
    output::either(arguments.json, &view, || {
        let mut text = committee.to_toml();
        for one in view.witnessed.iter().flatten() {
            text.push_str(&format!("# ledger {}: {}\n", one.ledger(), one.line()));
        }
        text
    })
}

async fn witnessed(member: &Member) -> Result<Vec<WitnessView>, Failure> {
    let members = std::slice::from_ref(member);
    let said = with_client(Patience::default(), async |client| {
        Ok(asking(client.witnessed(members)).await.pop())
    });
    let said = said.await?.map_or_else(|| Ok(Vec::new()), |one| one.witnessed);
    let said = said.map_err(|error| {
        let what = format!("the accumulator does not say what it has seen: {error}");
        Failure::Payment(what, "start it with 'gavel accumulator run'")
    })?;
    Ok(said.iter().map(|one| WitnessView::of(0, one, &member.key)).collect())
}

fn write_evidence(arguments: &EvidenceArguments) -> Result<(), Failure> {
    let AuctionId(id) = arguments.auction;
    let shares = wrong_shares(&arguments.dir, &id).map_err(|source| {
        Failure::from(accumulators::NodeError::Store { path: arguments.dir.clone(), source })
    })?;
    std::fs::create_dir_all(&arguments.out)
        .map_err(|source| Failure::file("create", &arguments.out, source))?;
    let mut files = Vec::new();
    for share in shares {
        let name = format!("{}.share-{}", share.delivery.bid, share.delivery.accumulator);
        files.push(evidence::write(&arguments.out, &name, &share)?.display().to_string());
    }
    let view = EvidenceView { files };
    output::either(arguments.json, &view, || match view.files.as_slice() {
        [] => "No share of this auction was refused for itself, or its bid was taken later.".into(),
        files => files.join("\n"),
    })
}
