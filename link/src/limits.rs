//! Every bound of the transport, by name.

use std::{sync::Arc, time::Duration};

use quinn::{IdleTimeout, TransportConfig, VarInt, congestion::CubicConfig};

/// What one endpoint puts up with. The defaults suit a node on the open internet; a node that
/// expects many bidders behind one address raises `max_connections_per_ip`.
///
/// Memory is bounded. Of unread bytes a connection holds at most `receive_window`, of bytes not
/// yet acknowledged at most `send_window`; with the defaults and all connections taken these are
/// 1 GiB each. On top come questions and answers that are under way: those of strangers take at
/// most `strangers_bytes`, those of a trusted peer what the handler [grants](crate::Grant). Of each
/// never more than about twice what was really received is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Incoming connections open at a time; from half of it on, addresses must be proven.
    pub max_connections: usize,
    /// The same for one IPv4 address or one IPv6 network of 64 bits.
    pub max_connections_per_ip: usize,
    /// Of these, places for peers that the handler trusts; at most a quarter of all.
    pub reserved_connections: usize,
    /// Time without a question after which an incoming connection is closed.
    pub unused_timeout: Duration,
    /// The same while more than half of the connections are taken, for peers that the handler
    /// does not trust.
    pub crowded_unused_timeout: Duration,
    /// Questions of one connection under way at a time, if the handler grants no more.
    pub max_streams_per_connection: u32,
    /// Refused questions after which a connection is closed.
    pub max_refused_questions: u32,
    /// Longest question sent, and received whatever the handler allows; in bytes.
    pub max_question_bytes: usize,
    /// Longest answer sent and received, in bytes.
    pub max_answer_bytes: usize,
    /// Bytes of a stranger's connection that are under way at a time: of questions from when
    /// their length is known, of answers until the peer has them. One alone always fits.
    pub connection_bytes: usize,
    /// The same of all strangers from one IPv4 address or one IPv6 network of 64 bits.
    pub bytes_per_ip: usize,
    /// The same of all strangers.
    pub strangers_bytes: usize,
    /// Bytes of datagrams that wait at the socket to be read, and as many to be sent, as far as
    /// the operating system allows it (Linux: `net.core.rmem_max` and `wmem_max`). When as many
    /// peers speak at once as its own choice holds packets, some 200, the rest are lost, and each
    /// then waits for its peer's timer.
    pub socket_buffer: usize,
    /// Bytes of one stream a peer may send before they are read.
    pub stream_receive_window: u32,
    /// Bytes of one connection a peer may send before they are read.
    pub receive_window: u32,
    /// Bytes of one connection kept for sending again until they are acknowledged.
    pub send_window: u32,
    /// Bytes that a connection we make sends before any is acknowledged. RFC 9002 recommends
    /// 14,720: what is longer takes round trips more, until the connection has learnt better.
    pub initial_window: u32,
    /// Silence after which a connection is given up.
    pub idle_timeout: Duration,
    /// How often an outgoing connection breaks its silence; shorter than both sides'
    /// `idle_timeout`. Incoming connections are never kept alive from here.
    pub keep_alive: Duration,
    /// Time for a handshake.
    pub handshake_timeout: Duration,
    /// Time from the opening of a stream to the end of its question.
    pub question_timeout: Duration,
    /// Time for the handler to answer.
    pub answer_timeout: Duration,
    /// Time for the peer to take the answer.
    pub send_timeout: Duration,
    /// Time for running answers to finish when the endpoint shuts down.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_connections_per_ip: 256,
            reserved_connections: 64,
            unused_timeout: Duration::from_secs(60),
            crowded_unused_timeout: Duration::from_secs(10),
            max_streams_per_connection: 64,
            max_refused_questions: 8,
            max_question_bytes: 16 << 20,
            max_answer_bytes: 64 << 20,
            connection_bytes: 4 << 20,
            bytes_per_ip: 128 << 20,
            strangers_bytes: 512 << 20,
            socket_buffer: 4 << 20,
            stream_receive_window: 1 << 20,
            receive_window: 1 << 20,
            send_window: 1 << 20,
            initial_window: 14_720,
            idle_timeout: Duration::from_secs(15),
            keep_alive: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
            question_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Round-trip time assumed before one was measured: a first packet lost, or sent to a node that
/// is just starting, is sent again after three times this.
const INITIAL_RTT: Duration = Duration::from_millis(100);

impl Limits {
    /// Of connections we take: the peer may open streams.
    pub(crate) fn incoming_transport(&self) -> Arc<TransportConfig> {
        let mut transport = self.transport();
        transport.max_concurrent_bidi_streams(self.max_streams_per_connection.into());
        Arc::new(transport)
    }

    /// Of connections we make: we alone ask, and keep the connection alive.
    pub(crate) fn outgoing_transport(&self) -> Arc<TransportConfig> {
        let mut transport = self.transport();
        transport.max_concurrent_bidi_streams(0u32.into());
        transport.keep_alive_interval(Some(self.keep_alive));
        let mut congestion = CubicConfig::default();
        congestion.initial_window(self.initial_window.into());
        transport.congestion_controller_factory(Arc::new(congestion));
        Arc::new(transport)
    }

    fn transport(&self) -> TransportConfig {
        let idle = u32::try_from(self.idle_timeout.as_millis()).unwrap_or(u32::MAX);
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_uni_streams(0u32.into())
            .datagram_receive_buffer_size(None)
            .stream_receive_window(self.stream_receive_window.into())
            .receive_window(self.receive_window.into())
            .send_window(self.send_window.into())
            // A timeout of zero milliseconds would mean none at all.
            .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle.max(1)))))
            .initial_rtt(INITIAL_RTT);
        transport
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_timeout_never_turns_into_none() {
        for idle_timeout in [Duration::ZERO, Duration::MAX] {
            let limits = Limits { idle_timeout, ..Limits::default() };
            let printed = format!("{:?}", limits.incoming_transport());
            assert!(!printed.contains("max_idle_timeout: None"));
            assert!(!printed.contains("max_idle_timeout: Some(0)"));
        }
    }

    #[test]
    fn unidirectional_streams_and_datagrams_are_off() {
        let limits = Limits::default();
        for transport in [limits.incoming_transport(), limits.outgoing_transport()] {
            let printed = format!("{transport:?}");
            assert!(printed.contains("max_concurrent_uni_streams: 0"), "{printed}");
            assert!(printed.contains("datagram_receive_buffer_size: None"), "{printed}");
        }
    }
}
