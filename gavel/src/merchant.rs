//! `gavel merchant`: make, run and show a merchant of digital goods. SETTLEMENT, section "Purchase
//! of digital goods".

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use purchase::merchant::{self, Config, Merchant};
use purchase::merchant_file::MerchantFile;
use serde::Serialize;
use settlement::server::SystemClock;

use crate::account::directory::{Account, AccountArgument};
use crate::exit::Failure;
use crate::node_address::{self, HostPort};
use crate::{log, output, signals};

/// The merchant's directory, in that of his account.
const FOLDER: &str = "merchant";

const INIT_EXAMPLES: &str = "Example:
  gavel account open --account shop --charter charter.toml
  gavel merchant init --account shop --listen 0.0.0.0:7200 --advertise shop.example.org:7200

The merchant is paid into this account, and its owner's key signs his offers. The account's
directory gets a folder 'merchant' with his identity, the secret that his goods keys follow from,
his catalogue and his sales. Whoever has the secret can open everything that he sells: keep it out
of other hands, and keep a copy of it, for it proves what was delivered. Next: 'gavel offer add',
'gavel merchant run', 'gavel merchant show'.";
const RUN_EXAMPLES: &str = "Examples:
  gavel merchant run --account shop
  GAVEL_LOG=debug gavel merchant run --account shop --log-json

It quotes, encrypts, takes orders and brings them to the settlement server by itself. It logs to
standard error and ends in order on Ctrl-C or SIGTERM. Killed at any moment, it goes on where it
was when it is started again: an order is on the disk before it is answered. Customers whose
merchant is away get their receipt and key from the settlement server.";
const SHOW_EXAMPLES: &str = "Examples:
  gavel merchant show --account shop > shop.toml
  gavel merchant show --account shop --advertise shop.example.org:7200

The file says where the merchant is, who answers there and whose account is paid; it holds no
secret. Customers take it from him, in a way that they trust.";

/// What to do with a merchant.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a merchant: a folder in the directory of the account that is paid.
    #[command(after_help = INIT_EXAMPLES)]
    Init(Init),
    /// Sell until it is told to stop.
    #[command(after_help = RUN_EXAMPLES)]
    Run(Run),
    /// Print the file that customers need.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
}

/// Arguments of `gavel merchant init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    account: AccountArgument,
    /// Address and UDP port to listen on; port 0 takes any free one at every start.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:7200")]
    listen: SocketAddr,
    /// Where customers reach it, which 'show' prints.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<HostPort>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gavel merchant run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    account: AccountArgument,
    /// Log JSON, one event a line.
    #[arg(long)]
    log_json: bool,
    /// Once it listens, print one JSON object with key and address.
    #[arg(long)]
    json: bool,
    /// End when standard input ends: for a program that starts merchants.
    #[arg(long, hide = true)]
    while_stdin: bool,
}

/// Arguments of `gavel merchant show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    account: AccountArgument,
    /// Where customers reach it, if not where 'init' was told.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<HostPort>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    /// Who answers.
    key: String,
    address: String,
    /// The owner's key of the account that is paid.
    account: String,
}

/// Runs the command.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init(&arguments),
        Command::Run(arguments) => serve(arguments).await,
        Command::Show(arguments) => show(&arguments),
    }
}

/// The merchant's folder in an account's directory.
pub(crate) fn dir_of(account: &AccountArgument) -> PathBuf {
    account.account.join(FOLDER)
}

/// The account as the merchant's own.
pub(crate) fn paid_account(account: Account) -> merchant::Account {
    let Account { key, charter, currency } = account;
    merchant::Account { key, currency, charter }
}

fn init(arguments: &Init) -> Result<(), Failure> {
    let account = arguments.account.open()?;
    let dir = dir_of(&arguments.account);
    let key = merchant::init(&dir, arguments.listen)?;
    if let Some(address) = &arguments.advertise {
        node_address::keep_public(&dir, address)?;
    }
    let told = arguments.advertise.as_ref().map(|HostPort(address)| address.clone());
    let view = View {
        key: key.to_string(),
        address: told.unwrap_or_else(|| arguments.listen.to_string()),
        account: account.key.public().to_string(),
    };
    output::either(arguments.json, &view, || {
        let shown = arguments.account.account.display();
        let elsewhere = if arguments.advertise.is_some() { "" } else { " --advertise HOST:PORT" };
        format!(
            "Merchant {}, paid into the account of {}\n\n\
             Offer something        gavel offer add FILE --account {shown} --price '1.50 {}' \
             --description TEXT\n\
             Run it                 gavel merchant run --account {shown}\n\
             Give to customers      gavel merchant show --account {shown}{elsewhere}\n\n\
             Keep a copy of {}: it opens, and proves, what was sold.",
            view.key,
            view.account,
            account.currency.code(),
            dir.join(merchant::SECRET_FILE).display(),
        )
    })
}

async fn serve(arguments: Run) -> Result<(), Failure> {
    log::begin(arguments.log_json)?;
    let (account, dir) = (arguments.account.open()?, dir_of(&arguments.account));
    let merchant = Merchant::open(&dir, paid_account(account), Arc::new(SystemClock))?;
    let (file, address) = (merchant.file().clone(), merchant.local_addr()?);
    node_address::keep_bound(&dir, address)?;
    let view = View {
        key: file.identity.to_string(),
        address: address.to_string(),
        account: file.account.to_string(),
    };
    output::either(arguments.json, &view, || {
        format!("merchant {} listens on {address}", view.key)
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
    Ok(merchant.run(stop).await?)
}

fn show(arguments: &Show) -> Result<(), Failure> {
    let (account, dir) = (arguments.account.open()?, dir_of(&arguments.account));
    let identity = merchant::load_identity(&dir)?.public();
    let address = match &arguments.advertise {
        Some(HostPort(address)) => address.clone(),
        None => reachable(&dir)?,
    };
    let file = MerchantFile { address, identity, account: account.key.public() };
    let view = View {
        key: file.identity.to_string(),
        address: file.address.clone(),
        account: file.account.to_string(),
    };
    output::either(arguments.json, &view, || file.to_toml())
}

/// Where customers reach the merchant: where `init` was told, or where he listens.
fn reachable(dir: &Path) -> Result<String, Failure> {
    if let Some(HostPort(address)) = node_address::told(dir)? {
        return Ok(address);
    }
    let listen = Config::load(dir)?.listen;
    let bound = node_address::bound(dir).filter(|_| listen.port() == 0);
    let address = bound.unwrap_or(listen);
    if address.ip().is_unspecified() || address.port() == 0 {
        return Err(Failure::usage(
            format!("{address} says not where customers reach this merchant"),
            "add --advertise HOST:PORT, the name or number under which they reach this machine",
        ));
    }
    Ok(address.to_string())
}
