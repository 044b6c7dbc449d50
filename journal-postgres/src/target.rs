//! Which database: a URL without a password, and what is demanded of the way to it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use zeroize::Zeroizing;

use crate::password::{self, Wanted};
use crate::tls;

/// Longest URL, in bytes.
const MAX_URL_BYTES: usize = 2048;
const DEFAULT_PORT: u16 = 5432;

/// Why a URL names no database that a journal can be kept in.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// No URL of a database.
    #[error("expected postgres://USER@HOST/DATABASE: {0}")]
    Malformed(String),
    /// A password in the URL.
    #[error(
        "the URL holds a password, which would stand in settings and logs: put it into a file of \
         mode 600 that passfile= or PGPASSFILE names, or into PGPASSWORD"
    )]
    Password,
    /// Not exactly one host: two databases are two journals.
    #[error("got {0} hosts, expected one: two databases are two journals")]
    Hosts(usize),
    /// A part of the URL that is missing.
    #[error("the URL names no {0}")]
    Missing(&'static str),
    /// An unencrypted connection to another machine.
    #[error(
        "{0} is another machine, and the journal goes there over TLS alone: add \
         sslrootcert=FILE, the certificates (PEM) of whoever signs the database's"
    )]
    Plain(String),
    /// The authorities' certificates.
    #[error("cannot take the certificates in {path}: {reason}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file with passwords.
    #[error("cannot take the password from {path}: {reason}")]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A database, and how it is reached. Printed, it is its URL, which holds no secret.
#[derive(Clone)]
pub struct Target {
    url: String,
    config: Config,
    /// Nothing on a Unix socket or the loopback interface.
    tls: Option<Arc<ClientConfig>>,
    passfile: Option<PathBuf>,
}

impl Target {
    /// Whether a text is meant to be the URL of a database, and no path: then it may hold what
    /// nobody should see, however it is written.
    #[must_use]
    pub fn is_url(text: &str) -> bool {
        text.contains("://")
    }

    /// Reads `postgres://USER@HOST:PORT/DATABASE?sslrootcert=FILE&passfile=FILE`; the other
    /// parameters are those of tokio-postgres. A Unix socket is named by its directory:
    /// `postgres:///DATABASE?user=USER&host=/run/postgresql`.
    ///
    /// # Errors
    /// [`TargetError`], which never repeats the URL.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let ours = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        if !ours || url.len() > MAX_URL_BYTES {
            return Err(TargetError::Malformed("it is not one".to_owned()));
        }
        let (rest, roots) = without(url, "sslrootcert");
        let (rest, passfile) = without(&rest, "passfile");
        let mut config: Config =
            rest.parse().map_err(|error: tokio_postgres::Error| malformed(&error))?;
        if config.get_password().is_some() {
            return Err(TargetError::Password);
        }
        if config.get_user().is_none() {
            return Err(TargetError::Missing("user"));
        }
        if config.get_dbname().is_none() {
            return Err(TargetError::Missing("database"));
        }
        if !config.get_hostaddrs().is_empty() {
            return Err(TargetError::Malformed("name the host, not hostaddr".to_owned()));
        }
        let [host] = config.get_hosts() else {
            return Err(TargetError::Hosts(config.get_hosts().len()));
        };
        let host = host.clone();
        let tls = match roots {
            Some(file) => Some(Arc::new(tls::trusting(&PathBuf::from(file))?)),
            None if is_here(&host) => None,
            None => return Err(TargetError::Plain(name(&host))),
        };
        config
            .application_name("gavel settlement")
            .ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable })
            .target_session_attrs(TargetSessionAttrs::Any);
        Ok(Self { url: url.to_owned(), config, tls, passfile: passfile.map(PathBuf::from) })
    }

    /// The URL that was parsed.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.tls.as_ref()
    }

    /// What to connect with; holds the password until it is dropped.
    pub(crate) fn config(&self) -> Result<Config, TargetError> {
        let mut config = self.config.clone();
        if let Some(password) = self.password()? {
            config.password(password.as_bytes());
        }
        Ok(config)
    }

    fn password(&self) -> Result<Option<Zeroizing<String>>, TargetError> {
        let host = self.config.get_hosts().first().map(name).unwrap_or_default();
        let port = self.config.get_ports().first().copied().unwrap_or(DEFAULT_PORT);
        password::find(
            self.passfile.as_deref(),
            &Wanted {
                host: &host,
                port,
                database: self.config.get_dbname().unwrap_or_default(),
                user: self.config.get_user().unwrap_or_default(),
            },
        )
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Target").field(&self.url).finish()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url)
    }
}

fn malformed(error: &tokio_postgres::Error) -> TargetError {
    // Its cause names what is wrong, and no value: of an unknown parameter the name alone.
    let cause = std::error::Error::source(error);
    TargetError::Malformed(cause.map_or_else(|| error.to_string(), ToString::to_string))
}

/// A host's name, or a socket's directory.
fn name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(directory) => directory.display().to_string(),
    }
}

/// Whether no network lies between.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// A URL without one of its parameters, and that parameter.
fn without(url: &str, wanted: &str) -> (String, Option<String>) {
    let Some((before, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut found = None;
    let mut kept = Vec::new();
    for parameter in query.split('&') {
        match parameter.split_once('=') {
            Some((name, value)) if name == wanted => found = Some(value.to_owned()),
            _ => kept.push(parameter),
        }
    }
    let mark = if kept.is_empty() { "" } else { "?" };
    (format!("{before}{mark}{}", kept.join("&")), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_loopback_go_without_tls_and_nothing_else_does() {
        for url in [
            "postgres://gavel@localhost/gavel",
            "postgres://gavel@127.0.0.1:5433/gavel",
            "postgresql://gavel@[::1]/gavel",
            "postgres:///gavel?user=gavel&host=/run/postgresql",
            "postgres://gavel@%2Frun%2Fpostgresql/gavel?connect_timeout=3",
        ] {
            let target = Target::parse(url).unwrap();
            assert!(target.tls().is_none(), "{url}");
            assert_eq!(target.config.get_ssl_mode(), SslMode::Disable);
            assert_eq!(target.to_string(), url);
        }
        for url in ["postgres://gavel@db.example/gavel", "postgres://gavel@192.0.2.1/gavel"] {
            let error = Target::parse(url).unwrap_err();
            assert!(matches!(error, TargetError::Plain(_)), "{error}");
            // Asking for less does not help.
            let error = Target::parse(&format!("{url}?sslmode=disable")).unwrap_err();
            assert!(matches!(error, TargetError::Plain(_)), "{error}");
        }
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("roots.pem");
        let url = format!("postgres://gavel@db.example/gavel?sslrootcert={}", file.display());
        assert!(matches!(Target::parse(&url), Err(TargetError::Authorities { .. })));
        std::fs::write(&file, "no certificate").unwrap();
        assert!(matches!(Target::parse(&url), Err(TargetError::Authorities { .. })));
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for url in [
            "postgres://gavel:hunter2@localhost/gavel",
            "postgres://gavel@localhost/gavel?password=hunter2",
            "postgres://gavel:hunter2@localhost/gavel?nonsense=hunter2",
        ] {
            let error = Target::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_names_no_one_database_is_refused() {
        for (url, part) in [
            ("pay/journal", "expected postgres://"),
            ("postgres://localhost/gavel", "user"),
            ("postgres://gavel@localhost", "database"),
            ("postgres:///gavel?user=gavel", "0 hosts"),
            ("postgres://gavel@localhost,127.0.0.1/gavel", "2 hosts"),
            ("postgres://gavel@localhost/gavel?hostaddr=192.0.2.1", "hostaddr"),
            ("postgres://gavel@localhost/gavel?nonsense=1", "nonsense"),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
        let long = format!("postgres://gavel@localhost/{}", "x".repeat(MAX_URL_BYTES));
        assert!(Target::parse(&long).is_err());
    }

    #[test]
    fn parameters_of_our_own_are_taken_out() {
        let (rest, found) = without("postgres://a@b/c?x=1&passfile=/p&y=2", "passfile");
        assert_eq!((rest.as_str(), found.as_deref()), ("postgres://a@b/c?x=1&y=2", Some("/p")));
        let (rest, found) = without("postgres://a@b/c?passfile=/p", "passfile");
        assert_eq!((rest.as_str(), found.as_deref()), ("postgres://a@b/c", Some("/p")));
    }
}
