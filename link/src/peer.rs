//! A peer one keeps asking, over as many connections as it takes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{Connection, Endpoint, LinkError, PeerKey, Phase, client::end_of, names};

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;
/// Head start of each address before the next is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);
/// Shortest and longest pause before asking again; the pause doubles in between.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Whom to ask, wherever he is now: connects when needed, shares one connection among requests,
/// connects again after a failure. Clones are the same peer.
#[derive(Debug, Clone)]
pub struct Peer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    addr: String,
    key: PeerKey,
    connection: Mutex<Option<Connection>>,
}

impl Peer {
    /// The holder of `key` at `addr`, a `host:port` that is resolved for every connection.
    pub fn new(endpoint: Endpoint, addr: impl Into<String>, key: PeerKey) -> Self {
        let inner = Inner { endpoint, addr: addr.into(), key, connection: Mutex::new(None) };
        Self { inner: Arc::new(inner) }
    }

    /// The pinned key.
    #[must_use]
    pub fn key(&self) -> PeerKey {
        self.inner.key
    }

    /// The address as given.
    #[must_use]
    pub fn addr(&self) -> &str {
        &self.inner.addr
    }

    /// Asks until there is an answer or `deadline` has passed.
    ///
    /// Failures for which [`LinkError::is_transient`] holds are tried again, after pauses that
    /// grow from 50 ms to 2 s. So the peer may get the question more than once: ask only what
    /// may be asked twice, or use [`Peer::connect`] and [`Connection::request`].
    ///
    /// # Errors
    /// The last failure when the deadline passes, the first one that is not transient before.
    pub async fn request<Q, A>(&self, question: &Q, deadline: Duration) -> Result<A, LinkError>
    where
        Q: Serialize,
        A: Serialize + DeserializeOwned,
    {
        let end = end_of(deadline);
        let mut pause = PAUSE.0;
        let mut last = None;
        loop {
            let error = match self.attempt(question, end, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Why nobody could be reached says more than that the last attempt was cut short.
            let error = match (error, last.take()) {
                (LinkError::TimedOut { phase: Phase::Connecting, .. }, Some(last)) => last,
                (error, _) => error,
            };
            let next = pause.mul_f64(rand::random_range(0.5..=1.0));
            if !error.is_transient() || Instant::now() + next >= end {
                return Err(error);
            }
            tracing::debug!(peer = %self.inner.key, %error, "asking again");
            sleep(next).await;
            pause = (pause * 2).min(PAUSE.1);
            last = Some(error);
        }
    }

    /// The connection there is, or a new one.
    ///
    /// # Errors
    /// As [`Endpoint::connect`], and [`LinkError::Unresolvable`].
    pub async fn connect(&self, deadline: Duration) -> Result<Connection, LinkError> {
        let after = deadline;
        timeout(deadline, self.inner.connection())
            .await
            .unwrap_or(Err(LinkError::TimedOut { phase: Phase::Connecting, after }))
    }

    async fn attempt<Q, A>(
        &self,
        question: &Q,
        end: Instant,
        deadline: Duration,
    ) -> Result<A, LinkError>
    where
        Q: Serialize,
        A: Serialize + DeserializeOwned,
    {
        let connection = timeout_at(end, self.inner.connection())
            .await
            .unwrap_or(Err(LinkError::TimedOut { phase: Phase::Connecting, after: deadline }))?;
        connection.request(question, end.saturating_duration_since(Instant::now())).await
    }
}

impl Inner {
    /// Whoever finds no connection makes one, the others wait for it.
    async fn connection(&self) -> Result<Connection, LinkError> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let connection = self.connect().await?;
        Ok(kept.insert(connection).clone())
    }

    async fn connect(&self) -> Result<Connection, LinkError> {
        let unresolvable = |source| LinkError::Unresolvable { host: self.addr.clone(), source };
        let found = names::lookup(&self.addr).await.map_err(unresolvable)?;
        let mut tries = JoinSet::new();
        for (addr, place) in
            found.into_iter().filter(|addr| self.reachable(addr)).take(MAX_ADDRESSES).zip(0u32..)
        {
            let (endpoint, key) = (self.endpoint.clone(), self.key);
            tries.spawn(async move {
                sleep(HEAD_START * place).await;
                endpoint.connect(addr, key, endpoint.limits.handshake_timeout).await
            });
        }
        let mut failure = unresolvable(std::io::Error::other("no address of a usable kind"));
        while let Some(tried) = tries.join_next().await {
            match tried {
                Ok(Ok(connection)) => return Ok(connection),
                // That a stranger answers somewhere is worth more than that nobody does elsewhere.
                Ok(Err(error)) if failure.is_transient() => failure = error,
                Ok(Err(_)) => {}
                Err(error) => tracing::error!(%error, "a connection attempt panicked"),
            }
        }
        Err(failure)
    }

    fn reachable(&self, addr: &SocketAddr) -> bool {
        addr.is_ipv4() || self.endpoint.local_addr().is_ok_and(|local| local.is_ipv6())
    }
}
