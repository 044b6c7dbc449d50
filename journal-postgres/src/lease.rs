//! The lease: one writer at a time, and a number that fences out all before it.

use std::time::Duration;

use crate::schema;
use crate::session::Session;
use crate::trouble::Trouble;

/// Longest name of a holder, in bytes.
const MAX_HOLDER_BYTES: usize = 255;

/// How the lease is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// Where nobody has it, or the one who had it has not renewed it in time.
    IfFree,
    /// From whoever has it: nothing more that he writes stands.
    FromAnybody,
}

/// A lease that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Higher than that of everybody before.
    pub(crate) fencing: i64,
    /// The last row of the journal.
    pub(crate) last: i64,
}

/// Why it was not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// Another has it.
    Held(String),
    Trouble(Trouble),
}

impl From<tokio_postgres::Error> for NotTaken {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Trouble(error.into())
    }
}

/// Takes the lease for `term`. The row is locked until a transaction of the holder before has
/// ended, so that what this finds as the last row is the last.
pub(crate) async fn take(
    session: &Session,
    holder: &str,
    how: Taking,
    term: Duration,
) -> Result<Lease, NotTaken> {
    let client = &session.client;
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let row = client.query_one(schema::LEASE_LOCKED, &[]).await?;
    let (layout, before, fresh): (i32, String, bool) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(3)?);
    let until: String = row.try_get(4)?;
    if layout != schema::LAYOUT {
        let what = format!("got tables of layout {layout}, expected {}", schema::LAYOUT);
        return Err(NotTaken::Trouble(Trouble::Refused(what)));
    }
    if fresh && how == Taking::IfFree {
        client.batch_execute("ROLLBACK").await?;
        return Err(NotTaken::Held(held(&before, &until)));
    }
    let row = client.query_one(schema::TAKE, &[&holder, &millis(term)]).await?;
    let fencing = row.try_get(0)?;
    // After the lock: a statement of its own sees what was committed before it.
    let last = client.query_one(schema::LAST, &[]).await?.try_get(0)?;
    client.batch_execute("COMMIT").await?;
    if fresh {
        tracing::warn!(holder = before, "the lease was taken from another server");
    }
    Ok(Lease { fencing, last })
}

fn held(holder: &str, until: &str) -> String {
    format!(
        "{holder} has this journal's lease until {until}, by the database's clock, and renews it \
         while it runs: stop it, or wait until then; where it is certainly lost, take the lease \
         with --take-lease"
    )
}

/// Who has it now, for an error.
pub(crate) async fn holder(session: &Session) -> Result<String, Trouble> {
    let row = session.client.query_one(schema::LEASE, &[]).await?;
    let (holder, fencing): (String, i64) = (row.try_get(1)?, row.try_get(2)?);
    Ok(format!("{holder}, fencing number {fencing}"))
}

/// Renews it for `term`: `Fenced` where another has it.
pub(crate) async fn renew(session: &Session, fencing: i64, term: Duration) -> Result<(), Trouble> {
    if session.client.execute(schema::RENEW, &[&fencing, &millis(term)]).await? == 1 {
        return Ok(());
    }
    Err(Trouble::Fenced(holder(session).await?))
}

/// Lets go of it, if it is still this one.
pub(crate) async fn release(session: &Session, fencing: i64) -> Result<(), Trouble> {
    session.client.execute(schema::RELEASE, &[&fencing]).await?;
    Ok(())
}

pub(crate) fn millis(term: Duration) -> i64 {
    i64::try_from(term.as_millis()).unwrap_or(i64::MAX)
}

/// What this process calls itself, for those who find the lease taken.
pub(crate) fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "an unnamed machine" } else { host };
    let name = format!("process {} on {host}", std::process::id());
    name.chars().filter(|letter| !letter.is_control()).take(MAX_HOLDER_BYTES / 4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_it_taken_hears_by_whom_until_when_and_what_to_do() {
        let said = held(&own_name(), "2027-03-01T10:00:00Z");
        for part in [&std::process::id().to_string(), "2027-03-01T10:00:00Z", "--take-lease"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn terms_are_in_milliseconds() {
        assert_eq!(millis(Duration::from_secs(30)), 30_000);
        assert_eq!(millis(Duration::MAX), i64::MAX);
    }
}
