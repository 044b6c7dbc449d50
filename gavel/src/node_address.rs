//! Where others reach an accumulator or a settlement server: kept in its directory, beside its settings.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

use accumulators::Config;

use crate::exit::Failure;

/// The file in the node's directory that holds the address that `init` was told.
const PUBLIC_FILE: &str = "address.public";
/// The file in which `run` leaves the address that it listens on.
const BOUND_FILE: &str = "address";

/// `HOST:PORT` as others are told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort(pub(crate) String);

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        bidder::check_address(text).map(|()| Self(text.to_owned()))
    }
}

/// Keeps the address that others are told.
pub(crate) fn keep_public(dir: &Path, address: &HostPort) -> Result<(), Failure> {
    write(&dir.join(PUBLIC_FILE), &address.0)
}

/// Keeps the address that the node listens on now.
pub(crate) fn keep_bound(dir: &Path, address: SocketAddr) -> Result<(), Failure> {
    write(&dir.join(BOUND_FILE), &address.to_string())
}

/// The address that the process in `dir` listened on last.
pub(crate) fn bound(dir: &Path) -> Option<SocketAddr> {
    std::fs::read_to_string(dir.join(BOUND_FILE)).ok()?.trim().parse().ok()
}

fn write(path: &Path, address: &str) -> Result<(), Failure> {
    std::fs::write(path, format!("{address}\n"))
        .map_err(|source| Failure::file("write", path, source))
}

/// The address that `init` was told, if it was told one.
pub(crate) fn told(dir: &Path) -> Result<Option<HostPort>, Failure> {
    let path = dir.join(PUBLIC_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|problem| {
            let what = format!("{}: {problem}", path.display());
            Failure::usage(what, "write HOST:PORT into it")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Failure::input("read", &path, source)),
    }
}

/// The address that others are told: the one that `init` was told, or the one that the node
/// listens on where that is one.
pub(crate) fn public(dir: &Path) -> Result<String, Failure> {
    let path = dir.join(PUBLIC_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(|HostPort(address)| address).map_err(|problem| {
            let what = format!("{}: {problem}", path.display());
            Failure::usage(what, "write HOST:PORT into it, or add --address HOST:PORT")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => listening(dir),
        Err(source) => Err(Failure::input("read", &path, source)),
    }
}

fn listening(dir: &Path) -> Result<String, Failure> {
    let Config { listen, .. } = Config::load(dir)?;
    let bound = bound(dir).filter(|_| listen.port() == 0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_told_at_the_beginning_wins_over_the_one_listened_on() {
        let dir = tempfile::tempdir().unwrap();
        let node = dir.path().join("node");
        accumulators::init(&node, "127.0.0.1:4433".parse().unwrap()).unwrap();
        assert_eq!(public(&node).unwrap(), "127.0.0.1:4433");
        keep_public(&node, &"auctions.example.org:7000".parse().unwrap()).unwrap();
        assert_eq!(public(&node).unwrap(), "auctions.example.org:7000");
        std::fs::write(node.join(PUBLIC_FILE), "nonsense").unwrap();
        assert!(public(&node).is_err());
        for wrong in ["", "host", ":7000", "host:0", "ho st:1"] {
            assert!(wrong.parse::<HostPort>().is_err(), "{wrong}");
        }
    }
}
