//! Where a settlement server's journal is, and opening it there: a directory, or a PostgreSQL
//! database. SETTLEMENT, section "Journal".

use std::convert::Infallible;
use std::fmt;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use journal_postgres::{Database, Taking, Target};
use settlement::config::{CONFIG_FILE, Config};
use settlement::journal::{AnyStorage, Directory};
use settlement::server::JOURNAL_DIRECTORY;

use crate::exit::Failure;

/// The place of a journal, as the command line or a server's settings name it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum JournalPlace {
    /// A directory.
    Directory(PathBuf),
    /// The URL of a database, not parsed yet.
    Database(String),
}

impl FromStr for JournalPlace {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if Target::is_url(text) {
            Self::Database(text.to_owned())
        } else {
            Self::Directory(PathBuf::from(text))
        })
    }
}

impl fmt::Display for JournalPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(out),
            // It may hold a password, which is refused when it is parsed.
            Self::Database(_) => out.write_str("the database"),
        }
    }
}

impl fmt::Debug for JournalPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl JournalPlace {
    /// Of the server in `dir`; of a copy without settings, the directory beside them.
    pub(crate) fn of(dir: &Path) -> Result<Self, Failure> {
        let named = match dir.join(CONFIG_FILE).exists() {
            true => Config::load(dir)?.journal,
            false => None,
        };
        Ok(named.map_or_else(|| Self::Directory(dir.join(JOURNAL_DIRECTORY)), Self::Database))
    }

    /// Opens it to write; nothing, where another process has it.
    pub(crate) fn open(&self, how: Taking) -> Result<Option<AnyStorage>, Failure> {
        match self.try_open(how) {
            Ok(storage) => Ok(Some(storage)),
            Err(Unopened::Failed(error)) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(unopened) => Err(self.failure("open", unopened)),
        }
    }

    /// Opens it to write, where no other process has it.
    pub(crate) fn open_alone(&self, how: Taking) -> Result<AnyStorage, Failure> {
        self.try_open(how).map_err(|unopened| self.failure("open", unopened))
    }

    /// Opens it to read, whoever writes it.
    pub(crate) fn open_to_read(&self) -> Result<AnyStorage, Failure> {
        let opened = match self {
            Self::Directory(path) => Directory::open_to_read(path).map(AnyStorage::new),
            Self::Database(url) => Database::open_to_read(&target(url)?).map(AnyStorage::new),
        };
        opened.map_err(|error| self.failure("read", Unopened::Failed(error)))
    }

    /// Makes an empty journal; in a directory the first opening does.
    pub(crate) fn make(&self) -> Result<(), Failure> {
        let Self::Database(url) = self else { return Ok(()) };
        let made = Database::make(&target(url)?);
        made.map_err(|source| Failure::Database { doing: "make", source })
    }

    /// Writes into the settings of the server in `dir` that its journal is here.
    pub(crate) fn keep_in(&self, dir: &Path) -> Result<(), Failure> {
        let path = dir.join(CONFIG_FILE);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| Failure::file("read", &path, source))?;
        let url = match self {
            Self::Directory(_) => None,
            Self::Database(url) => Some(url.as_str()),
        };
        let text = Config::with_journal(&text, url);
        std::fs::write(&path, text).map_err(|source| Failure::file("write", &path, source))
    }

    fn try_open(&self, how: Taking) -> Result<AnyStorage, Unopened> {
        Ok(match self {
            Self::Directory(path) => AnyStorage::new(Directory::open(path)?),
            Self::Database(url) => {
                AnyStorage::new(Database::open(&target(url).map_err(Unopened::NoTarget)?, how)?)
            }
        })
    }

    fn failure(&self, doing: &'static str, unopened: Unopened) -> Failure {
        match (self, unopened) {
            (_, Unopened::NoTarget(failure)) => failure,
            (Self::Directory(path), Unopened::Failed(error)) => Failure::input(doing, path, error),
            (Self::Database(_), Unopened::Failed(source)) => Failure::Database { doing, source },
        }
    }
}

/// Why a place is not opened.
enum Unopened {
    NoTarget(Failure),
    Failed(Error),
}

impl From<Error> for Unopened {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Which database a URL names.
fn target(url: &str) -> Result<Target, Failure> {
    Target::parse(url).map_err(|error| {
        Failure::usage(
            format!("the journal's database: {error}"),
            "name it as postgres://USER@HOST/DATABASE?sslrootcert=FILE, or on this machine as \
             postgres:///DATABASE?user=USER&host=/run/postgresql",
        )
    })
}

/// The URL of a database, for arguments that take nothing else.
pub(crate) fn database(text: &str) -> Result<JournalPlace, &'static str> {
    match text.parse() {
        Ok(place @ JournalPlace::Database(_)) => Ok(place),
        _ => Err("expected postgres://USER@HOST/DATABASE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_database_and_everything_else_a_directory() {
        let place = |text: &str| text.parse::<JournalPlace>().unwrap();
        assert_eq!(place("copy/journal"), JournalPlace::Directory("copy/journal".into()));
        let database = place("postgres://gavel:hunter2@localhost/gavel");
        assert!(matches!(database, JournalPlace::Database(_)));
        let error = database.open_to_read().err().unwrap();
        assert!(error.to_string().contains("password"), "{error}");
        assert!(!format!("{error} {error:?} {database}").contains("hunter2"));
    }

    #[test]
    fn settings_say_where_it_is() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().join("pay");
        settlement::server::init(&dir, "127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(
            JournalPlace::of(&dir).unwrap(),
            JournalPlace::Directory(dir.join(JOURNAL_DIRECTORY))
        );
        let path = dir.join(CONFIG_FILE);
        let url = "postgres://gavel@db.example/gavel";
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, Config::with_journal(&text, Some(url))).unwrap();
        assert_eq!(JournalPlace::of(&dir).unwrap(), JournalPlace::Database(url.to_owned()));
        // A server that knows only directories does not found another ledger in one.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        let opened = settlement::server::Server::open(&dir, Default::default());
        assert!(opened.err().unwrap().to_string().contains("in a database"));
        assert!(!dir.join(JOURNAL_DIRECTORY).exists());
        // Over a network without TLS nothing is opened.
        let error = JournalPlace::of(&dir).unwrap().open(Taking::IfFree).err().unwrap();
        assert!(error.to_string().contains("TLS"), "{error}");
    }
}
