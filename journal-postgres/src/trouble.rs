//! What the database did instead of what it was asked.

use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why something was not done, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// No connection, or no answer: what became of the last word is unknown.
    #[error("no answer from the database: {0}")]
    Lost(String),
    /// The database took it back because of what went on beside it.
    #[error("the database took the transaction back: {0}")]
    TakenBack(String),
    /// Another server has the lease.
    #[error(
        "another server has taken this journal's lease ({0}): nothing more of this one stands in it"
    )]
    Fenced(String),
    /// The database holds fewer rows than it has acknowledged.
    #[error(
        "the database has lost row {0} of the journal, which it had acknowledged: go on with the \
         database that has it"
    )]
    Forgotten(i64),
    /// The next number is another's.
    #[error(
        "row {0} is there already, and is not this server's: somebody writes without the lease"
    )]
    Taken(i64),
    /// No room.
    #[error("the database has no room: {0}")]
    Full(String),
    /// It takes no writes.
    #[error("the database is read-only, as a standby is: {0}")]
    ReadOnly(String),
    /// The database holds no journal.
    #[error("the database holds no journal: 'gavel settlement init --journal' makes one")]
    NotMade,
    /// Whatever else it said.
    #[error("the database refused: {0}")]
    Refused(String),
}

impl Trouble {
    /// Whether asking again can help.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::TakenBack(_))
    }

    /// The same as a disk would say it.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Lost(_) => io::ErrorKind::ConnectionAborted,
            Self::TakenBack(_) => io::ErrorKind::ResourceBusy,
            Self::Fenced(_) | Self::Taken(_) => io::ErrorKind::PermissionDenied,
            Self::Forgotten(_) => io::ErrorKind::InvalidData,
            Self::Full(_) => io::ErrorKind::StorageFull,
            Self::ReadOnly(_) => io::ErrorKind::ReadOnlyFilesystem,
            Self::NotMade => io::ErrorKind::NotFound,
            Self::Refused(_) => io::ErrorKind::Other,
        }
    }
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> Self {
        Self::new(trouble.kind(), trouble.to_string())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let Some(said) = error.as_db_error() else {
            // Nothing that the database said: the connection, or what came through it.
            return Self::Lost(in_full(&error));
        };
        of(said.code(), format!("{} ({})", said.message(), said.code().code()))
    }
}

/// What a code of the database means for the journal. Its class is its first two letters:
/// PostgreSQL, appendix A.
fn of(code: &SqlState, what: String) -> Trouble {
    if *code == SqlState::DISK_FULL {
        return Trouble::Full(what);
    }
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return Trouble::ReadOnly(what);
    }
    match code.code().get(..2) {
        // Connections; "57P": it is shut down, has crashed, or is still starting.
        Some("08") => Trouble::Lost(what),
        Some("57") if code.code().starts_with("57P") => Trouble::Lost(what),
        // Idle for too long within a transaction: it is cut off.
        Some("25") if *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Trouble::Lost(what),
        // "53300": too many connections, for now.
        Some("53") if *code == SqlState::TOO_MANY_CONNECTIONS => Trouble::Lost(what),
        // Serialization failures and deadlocks; a row of this number that came first; a lock that
        // another transaction does not let go of.
        Some("40") => Trouble::TakenBack(what),
        Some("23") if *code == SqlState::UNIQUE_VIOLATION => Trouble::TakenBack(what),
        Some("55") if *code == SqlState::LOCK_NOT_AVAILABLE => Trouble::TakenBack(what),
        _ => Trouble::Refused(what),
    }
}

/// An error and its causes.
fn in_full(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_can_be_done_about_them() {
        let kinds = [
            ("53100", io::ErrorKind::StorageFull, false),
            ("25006", io::ErrorKind::ReadOnlyFilesystem, false),
            ("08006", io::ErrorKind::ConnectionAborted, true),
            ("57P01", io::ErrorKind::ConnectionAborted, true),
            ("57P03", io::ErrorKind::ConnectionAborted, true),
            ("25P03", io::ErrorKind::ConnectionAborted, true),
            ("40001", io::ErrorKind::ResourceBusy, true),
            ("40P01", io::ErrorKind::ResourceBusy, true),
            ("23505", io::ErrorKind::ResourceBusy, true),
            ("55P03", io::ErrorKind::ResourceBusy, true),
            ("42501", io::ErrorKind::Other, false),
            ("57014", io::ErrorKind::Other, false),
        ];
        for (code, kind, passes) in kinds {
            let trouble = of(&SqlState::from_code(code), "what it said".to_owned());
            assert_eq!((trouble.kind(), trouble.passes()), (kind, passes), "{code}");
            assert!(io::Error::from(trouble).to_string().contains("what it said"));
        }
    }
}
