//! One connection: made, its settings demanded, its questions prepared.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Client, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::schema;
use crate::target::Target;
use crate::trouble::Trouble;

/// The oldest PostgreSQL that this was made for.
const MIN_VERSION: i32 = 130_000;
/// Keepalives on an idle connection, and how long bytes may go unacknowledged.
const SILENCE: Duration = Duration::from_secs(10);

/// What every connection is told. A server that dies within a transaction must not keep the
/// lease's row locked. There is no statement_timeout: cancelled while it waits for a standby, a
/// commit would count as done without it.
const SETTINGS: &str = "
    SET search_path = pg_catalog;
    SET client_min_messages = warning;
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '10s'";

/// What is demanded of the database.
const DEMANDED: &str = "
    SELECT current_setting('server_version_num')::integer,
           current_setting('synchronous_commit'), current_setting('fsync'),
           current_setting('full_page_writes'), pg_is_in_recovery(),
           current_setting('transaction_read_only')";

/// A connection; it ends when the last of its handles is dropped.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) client: Arc<Client>,
}

/// What a writer asks again and again.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) renew: Statement,
    pub(crate) append: Statement,
    pub(crate) pieces: Statement,
}

impl Session {
    /// Connects. `writes` demands a database that keeps what it has acknowledged.
    pub(crate) async fn connect(target: Target, writes: bool) -> Result<Self, Trouble> {
        let mut config = target.config().map_err(|error| Trouble::Refused(error.to_string()))?;
        config.keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
        let client = match target.tls() {
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                tokio::spawn(ended(connection));
                client
            }
            Some(tls) => {
                let tls = MakeRustlsConnect::new(tls.as_ref().clone());
                let (client, connection) = config.connect(tls).await?;
                tokio::spawn(ended(connection));
                client
            }
        };
        client.batch_execute(SETTINGS).await?;
        let session = Self { client: Arc::new(client) };
        if writes {
            session.demand().await?;
        }
        Ok(session)
    }

    async fn demand(&self) -> Result<(), Trouble> {
        let said: String =
            self.client.query_one("SHOW synchronous_commit", &[]).await?.try_get(0)?;
        // What the operator has made stricter stays so.
        if said != "remote_apply" {
            self.client.batch_execute("SET synchronous_commit = on").await?;
        }
        let row = self.client.query_one(DEMANDED, &[]).await?;
        let version: i32 = row.try_get(0)?;
        let (synchronous, fsync, full): (String, String, String) =
            (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let (standby, read_only): (bool, String) = (row.try_get(4)?, row.try_get(5)?);
        if version < MIN_VERSION {
            let what = format!("got version {version}, expected {MIN_VERSION} or later");
            return Err(Trouble::Refused(what));
        }
        if standby || read_only != "off" {
            return Err(Trouble::ReadOnly("go to the primary".to_owned()));
        }
        let durable = (synchronous == "on" || synchronous == "remote_apply") && fsync == "on";
        if !durable || full != "on" {
            let what = format!(
                "got synchronous_commit = {synchronous}, fsync = {fsync}, full_page_writes = \
                 {full}, expected all to be on: what this database acknowledges may be lost"
            );
            return Err(Trouble::Refused(what));
        }
        Ok(())
    }

    pub(crate) async fn prepare(&self) -> Result<Prepared, Trouble> {
        Ok(Prepared {
            renew: self.client.prepare(schema::RENEW).await?,
            append: self.client.prepare(schema::APPEND).await?,
            pieces: self.client.prepare(schema::PIECES).await?,
        })
    }

    /// Whether the tables are there.
    pub(crate) async fn is_made(&self) -> Result<bool, Trouble> {
        Ok(self.client.query_one(schema::IS_MADE, &[]).await?.try_get(0)?)
    }
}

/// Drives a connection until it ends.
async fn ended(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        // Whoever waits for an answer hears of it too.
        tracing::debug!(error = %Trouble::from(error), "a connection to the database has ended");
    }
}
