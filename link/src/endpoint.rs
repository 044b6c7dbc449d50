//! One UDP socket with an identity, for both directions.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use quinn::{ClientConfig, ConnectError, TokioRuntime};
use socket2::SockRef;

use crate::{
    Code, Connection, Counters, Identity, Limits, LinkError, PeerKey,
    counters::{Totals, Traffic},
    reset,
    tls::Credentials,
};

/// A socket from which connections are made and on which, while [`Endpoint::serve`] runs, they
/// are taken. Clones are the same endpoint.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) quic: quinn::Endpoint,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) totals: Arc<Totals>,
}

impl Endpoint {
    /// Binds `addr`; port 0 takes any free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`LinkError::Bind`] when the address is taken or not ours, [`LinkError::Setup`].
    pub fn bind(addr: SocketAddr, identity: &Identity, limits: Limits) -> Result<Self, LinkError> {
        let bind = |source| LinkError::Bind { addr, source };
        let socket = UdpSocket::bind(addr).map_err(bind)?;
        widen(&socket, limits.socket_buffer);
        let config = reset::endpoint_config(identity)?;
        let quic = quinn::Endpoint::new(config, None, socket, Arc::new(TokioRuntime));
        Ok(Self {
            quic: quic.map_err(bind)?,
            credentials: Arc::new(Credentials::new(identity)),
            limits: Arc::new(limits),
            totals: Arc::default(),
        })
    }

    /// An endpoint that only asks, on any free port, over IPv6 and IPv4 where both exist. Must
    /// be called within a tokio runtime.
    ///
    /// # Errors
    /// As [`Endpoint::bind`].
    pub fn client(identity: &Identity, limits: Limits) -> Result<Self, LinkError> {
        Self::bind((Ipv6Addr::UNSPECIFIED, 0).into(), identity, limits.clone())
            .or_else(|_| Self::bind((Ipv4Addr::UNSPECIFIED, 0).into(), identity, limits))
    }

    /// The address bound.
    ///
    /// # Errors
    /// [`LinkError::Setup`] when the operating system does not tell.
    pub fn local_addr(&self) -> Result<SocketAddr, LinkError> {
        self.quic.local_addr().map_err(|error| LinkError::Setup { reason: error.to_string() })
    }

    /// Connects to `addr`, where the holder of `expected` must answer within `deadline`.
    ///
    /// The peer may still refuse us after this returned: then the first request says why.
    ///
    /// # Errors
    /// [`LinkError`] of any kind that concerns connections.
    pub async fn connect(
        &self,
        addr: SocketAddr,
        expected: PeerKey,
        deadline: Duration,
    ) -> Result<Connection, LinkError> {
        let (tls, pin) = self.credentials.client(expected)?;
        let mut config = ClientConfig::new(tls);
        config.transport_config(self.limits.outgoing_transport());
        let connecting =
            self.quic.connect_with(config, addr, SERVER_NAME).map_err(|error| match error {
                ConnectError::EndpointStopping => LinkError::Closed,
                other => LinkError::Setup { reason: other.to_string() },
            })?;
        let unreachable = || LinkError::Unreachable { addr, waited: deadline };
        match tokio::time::timeout(deadline, connecting).await {
            Err(_) | Ok(Err(quinn::ConnectionError::TimedOut)) => Err(unreachable()),
            Ok(Err(error)) => Err(match pin.stranger() {
                Some(got) => LinkError::WrongIdentity { addr, got, expected },
                None => LinkError::of_connection(error, addr),
            }),
            Ok(Ok(quic)) => Ok(Connection {
                quic,
                addr,
                peer: expected,
                limits: Arc::clone(&self.limits),
                traffic: Traffic::of(&self.totals),
            }),
        }
    }

    /// What was counted since the endpoint was bound.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.totals.snapshot()
    }

    /// Bytes of frames sent over all connections.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.counters().bytes_sent
    }

    /// Bytes of frames received over all connections.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.counters().bytes_received
    }

    /// Closes all connections in both directions and waits, no longer than
    /// [`Limits::drain_timeout`], until the peers were told.
    pub async fn close(&self) {
        self.quic.close(Code::Done.into(), &[]);
        let told = tokio::time::timeout(self.limits.drain_timeout, self.quic.wait_idle()).await;
        if told.is_err() {
            tracing::debug!("some peers could not be told that the endpoint is closed");
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("addr", &self.quic.local_addr()).finish_non_exhaustive()
    }
}

/// Asks for longer queues of datagrams. What comes while the queue is full is lost, and who sent it
/// finds that out only when nothing answers: with many peers who send at once that is seconds. The
/// operating system gives what it allows, which may be less.
fn widen(socket: &UdpSocket, bytes: usize) {
    let socket = SockRef::from(socket);
    for (what, set) in [
        ("receive", socket.set_recv_buffer_size(bytes)),
        ("send", socket.set_send_buffer_size(bytes)),
    ] {
        if let Err(error) = set {
            tracing::debug!(what, %error, "the socket's buffer stays as it is");
        }
    }
}

/// QUIC wants a name; none is sent and none is checked, the key says who it is.
const SERVER_NAME: &str = "gavel";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sockets_queues_become_as_long_as_is_allowed() {
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let length = |socket: &UdpSocket| SockRef::from(socket).recv_buffer_size().unwrap();
        let (plain, wide, widest) = (socket(), socket(), socket());
        widen(&wide, Limits::default().socket_buffer);
        widen(&widest, 1 << 30);
        assert!(length(&wide) > length(&plain));
        // More than the operating system allows is no error.
        assert!(length(&widest) >= length(&wide));
    }
}
