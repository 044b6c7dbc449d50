//! `gavel settlement init` and `show`: the server's directory, and what its clients are given.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use settlement::charter_file::{CHARTER_FILE, CharterFile};
use settlement::config::CONFIG_FILE;
use settlement::server::{self, OPERATOR_KEY_FILE, POSTINGS_KEY_FILE, SERVER_KEY_FILE};

use crate::charter;
use crate::exit::Failure;
use crate::journal_place::{self, JournalPlace};
use crate::node_address::{self, HostPort};
use crate::output;

pub(super) const INIT_EXAMPLES: &str = "Examples:
  gavel settlement init --dir pay --listen 0.0.0.0:7100 --advertise pay.example.org:7100
  gavel settlement init --dir pay --journal \\
      'postgres://gavel@db.example.org/gavel?sslrootcert=/etc/gavel/db-ca.pem'
  gavel settlement init --dir pay --journal 'postgres:///gavel?user=gavel&host=/run/postgresql'

The directory gets three keys, readable by you alone. operator.key lets money in and out and the
running server does not need it: move it to another machine. Whoever has server.key and
postings.key is the server. The charter cannot be changed later: its hash is the ledger's id, which
is part of everything that is signed. With --journal the journal, which is all that is known of
money, is kept in a PostgreSQL database of its own and outlives this machine; keys, vault and goods
stay in the directory and need copies of their own. The URL holds no password: that comes from the
file of passfile= or PGPASSFILE (mode 600), or from PGPASSWORD. To another machine it goes over TLS,
with a certificate signed by one of sslrootcert=. Next: 'gavel settlement run' and 'gavel settlement show'.";
pub(super) const SHOW_EXAMPLES: &str = "Examples:
  gavel settlement show --dir pay > charter.toml
  gavel settlement show --dir pay --advertise pay.example.org:7100

The file says where the server is and whose word counts; it holds no secret. Whoever uses the
server takes it from you, in a way that he trusts.";

/// Arguments of `gavel settlement init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The directory to make.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Address and UDP port to listen on; port 0 takes any free one at every start.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:7100")]
    listen: SocketAddr,
    /// Where its clients reach it, for the charter file.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<HostPort>,
    /// Keep the journal in this PostgreSQL database [default: in the directory].
    #[arg(long, value_name = "URL", value_parser = journal_place::database)]
    journal: Option<JournalPlace>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gavel settlement show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The server's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where its clients reach it, if not where 'init' was told.
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<HostPort>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    address: String,
    ledger: String,
    server: String,
    operator: String,
    postings: String,
    expiries_per_batch: usize,
}

impl View {
    fn of(file: &CharterFile) -> Self {
        Self {
            address: file.address.clone(),
            ledger: file.charter.id().to_string(),
            server: file.charter.server().to_string(),
            operator: file.charter.operator().to_string(),
            postings: file.charter.postings().to_string(),
            expiries_per_batch: file.charter.expiries_per_batch(),
        }
    }
}

pub(super) fn init(arguments: &Init) -> Result<(), Failure> {
    let dir = &arguments.dir;
    if dir.join(CONFIG_FILE).exists() {
        return Err(server::ServerError::Exists(dir.clone()).into());
    }
    // First, so that a database that cannot be had leaves no server without a journal.
    if let Some(journal) = &arguments.journal {
        journal.make()?;
    }
    let mut file = server::init(dir, arguments.listen)?;
    if let Some(journal) = &arguments.journal {
        journal.keep_in(dir)?;
    }
    if let Some(HostPort(address)) = &arguments.advertise {
        file.address.clone_from(address);
        let path = dir.join(CHARTER_FILE);
        std::fs::write(&path, file.to_toml())
            .map_err(|source| Failure::file("write", &path, source))?;
    }
    let view = View::of(&file);
    output::either(arguments.json, &view, || {
        let shown = dir.display();
        let elsewhere = if arguments.advertise.is_some() { "" } else { " --advertise HOST:PORT" };
        format!(
            "Settlement server {}, ledger {}\n\n\
             Give to everyone    gavel settlement show --dir {shown}{elsewhere}\n\
             Run it              gavel settlement run --dir {shown}\n\n\
             Move {} to another machine: it lets money in and out,\n\
             and the running server does not need it. {} and {}\n\
             are the server: keep a copy of them in a safe place.\n\
             Keep this machine's clock right (NTP): the server stops when it jumps.",
            view.server,
            view.ledger,
            dir.join(OPERATOR_KEY_FILE).display(),
            SERVER_KEY_FILE,
            POSTINGS_KEY_FILE,
        )
    })
}

pub(super) fn show(arguments: &Show) -> Result<(), Failure> {
    let mut file = load(&arguments.dir)?;
    file.address = match &arguments.advertise {
        Some(HostPort(address)) => address.clone(),
        None => reachable(&arguments.dir, &file)?,
    };
    output::either(arguments.json, &View::of(&file), || file.to_toml())
}

/// The charter of the server in `dir`.
pub(super) fn load(dir: &Path) -> Result<CharterFile, Failure> {
    let path = dir.join(CHARTER_FILE);
    if !path.exists() {
        return Err(server::ServerError::NoServer(dir.to_owned()).into());
    }
    charter::load(&path)
}

/// Where clients reach the server: the charter's address, with the port that the server got
/// where it took any free one.
pub(super) fn reachable(dir: &Path, file: &CharterFile) -> Result<String, Failure> {
    let Ok(listen) = file.address.parse::<SocketAddr>() else { return Ok(file.address.clone()) };
    let bound = node_address::bound(dir).filter(|_| listen.port() == 0);
    let address = bound.unwrap_or(listen);
    if address.ip().is_unspecified() || address.port() == 0 {
        return Err(Failure::usage(
            format!("{address} says not where clients reach this server"),
            "add --advertise HOST:PORT, the name or number under which they reach this machine",
        ));
    }
    Ok(address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_one_told_or_the_one_taken() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().join("pay");
        let file = server::init(&dir, "127.0.0.1:0".parse().unwrap()).unwrap();
        assert!(reachable(&dir, &file).is_err());
        node_address::keep_bound(&dir, "127.0.0.1:4711".parse().unwrap()).unwrap();
        assert_eq!(reachable(&dir, &file).unwrap(), "127.0.0.1:4711");
        let told = |address: &str| CharterFile { address: address.to_owned(), ..file.clone() };
        assert_eq!(reachable(&dir, &told("pay.example:7100")).unwrap(), "pay.example:7100");
        assert!(reachable(&dir, &told("0.0.0.0:7100")).is_err());
    }
}
