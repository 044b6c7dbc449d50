//! What can fail, whose fault it is and what to do; and the codes one side tells the other.

use std::{fmt, io, net::SocketAddr, time::Duration};

use auction::wire::WireError;
use quinn::{ConnectionError, TransportErrorCode, VarInt};

use crate::{FrameError, PeerKey};

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Ours: the address cannot be bound.
    #[error("cannot bind {addr}: {source}; choose a free address of this machine")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// Ours: TLS or QUIC could not be set up.
    #[error("cannot set up the transport: {reason}; this build or this endpoint is at fault")]
    Setup {
        /// What the library says.
        reason: String,
    },
    /// The host's name leads nowhere.
    #[error("cannot resolve {host}: {source}; check the address and the name server")]
    Unresolvable {
        /// `host:port` as given.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// Nobody answered.
    #[error("no answer from {addr} within {waited:?}; check the address and that the peer runs")]
    Unreachable {
        /// Whom we tried.
        addr: SocketAddr,
        /// How long.
        waited: Duration,
    },
    /// Somebody else answers at the address.
    #[error(
        "wrong identity at {addr}: got {got}, expected {expected}; the peer changed its key or \
         someone stands in its place, ask its operator before going on"
    )]
    WrongIdentity {
        /// Whom we tried.
        addr: SocketAddr,
        /// The key that answered.
        got: PeerKey,
        /// The key that was pinned.
        expected: PeerKey,
    },
    /// Somebody answers at the address, but not in this protocol.
    #[error(
        "handshake with {addr} failed: {reason}; the peer runs another version or another program"
    )]
    Handshake {
        /// Whom we tried.
        addr: SocketAddr,
        /// What TLS or QUIC says.
        reason: String,
    },
    /// The peer takes no more connections.
    #[error("{addr} takes no more connections; try again later")]
    Busy {
        /// Whom we tried.
        addr: SocketAddr,
    },
    /// The connection broke.
    #[error("connection to {addr} lost: {reason}; connect again")]
    Lost {
        /// The peer.
        addr: SocketAddr,
        /// What QUIC says.
        reason: String,
    },
    /// The peer closed the connection.
    #[error("{addr} closed the connection: {code}")]
    PeerClosed {
        /// The peer.
        addr: SocketAddr,
        /// Why.
        code: Code,
    },
    /// The connection or endpoint was closed on this side.
    #[error("closed on this side; connect again")]
    Closed,
    /// The peer refused or gave up one question; the connection stays.
    #[error("{addr} refused the question: {code}")]
    Refused {
        /// The peer.
        addr: SocketAddr,
        /// Why.
        code: Code,
    },
    /// The deadline passed.
    #[error(
        "timed out after {after:?} while {phase}; the peer is down or slow, or the deadline too short"
    )]
    TimedOut {
        /// What was going on.
        phase: Phase,
        /// The deadline.
        after: Duration,
    },
    /// Ours: the question cannot be sent.
    #[error("question cannot be sent: {source}; shorten it")]
    BadQuestion {
        /// What is wrong with it.
        source: WireError,
    },
    /// The peer's fault: its answer is not a frame within the limits.
    #[error("bad answer of {addr}: {source}; the peer is at fault")]
    BadFrame {
        /// The peer.
        addr: SocketAddr,
        /// What is wrong with it.
        source: FrameError,
    },
    /// The peer's fault: its answer is not what the question asks for.
    #[error("bad answer of {addr}: {source}; the peer is at fault or runs another version")]
    BadAnswer {
        /// The peer.
        addr: SocketAddr,
        /// What is wrong with it.
        source: WireError,
    },
}

impl LinkError {
    /// Whether the same question may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unresolvable { .. }
            | Self::Unreachable { .. }
            | Self::Busy { .. }
            | Self::Lost { .. }
            | Self::TimedOut { .. } => true,
            Self::PeerClosed { code, .. } | Self::Refused { code, .. } => match code {
                Code::Done
                | Code::ShuttingDown
                | Code::AnswerTimedOut
                | Code::Cancelled
                | Code::Crowded
                | Code::NoRoom => true,
                Code::Malformed
                | Code::TooLong
                | Code::QuestionTimedOut
                | Code::AnswerTooLong
                | Code::TooManyRefused
                | Code::Unknown(_) => false,
            },
            Self::Bind { .. }
            | Self::Setup { .. }
            | Self::WrongIdentity { .. }
            | Self::Handshake { .. }
            | Self::Closed
            | Self::BadQuestion { .. }
            | Self::BadFrame { .. }
            | Self::BadAnswer { .. } => false,
        }
    }

    /// What the end of a connection to `addr` means. Words of the peer are left out: they are
    /// not ours to print.
    pub(crate) fn of_connection(error: ConnectionError, addr: SocketAddr) -> Self {
        match error {
            ConnectionError::ConnectionClosed(close)
                if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
            {
                Self::Busy { addr }
            }
            ConnectionError::ConnectionClosed(close) if is_tls(close.error_code) => {
                let reason = format!("refused by the peer: {}", close.error_code);
                Self::Handshake { addr, reason }
            }
            ConnectionError::TransportError(error) if is_tls(error.code) => {
                Self::Handshake { addr, reason: error.to_string() }
            }
            ConnectionError::VersionMismatch => {
                Self::Handshake { addr, reason: "no QUIC version in common".to_owned() }
            }
            ConnectionError::ApplicationClosed(close) => {
                Self::PeerClosed { addr, code: close.error_code.into() }
            }
            ConnectionError::LocallyClosed => Self::Closed,
            ConnectionError::ConnectionClosed(close) => {
                Self::Lost { addr, reason: format!("closed by the peer: {}", close.error_code) }
            }
            ConnectionError::TransportError(_)
            | ConnectionError::Reset
            | ConnectionError::TimedOut
            | ConnectionError::CidsExhausted => Self::Lost { addr, reason: error.to_string() },
        }
    }
}

/// RFC 9001 section 4.8: TLS alerts are the codes 0x100 to 0x1ff.
fn is_tls(code: TransportErrorCode) -> bool {
    (0x100..0x200).contains(&u64::from(code))
}

/// What was going on when time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Resolving the address, shaking hands, or waiting for another request to do so.
    Connecting,
    /// Waiting for the peer to allow one more question.
    OpeningStream,
    /// Sending the question.
    SendingQuestion,
    /// Waiting for the answer and receiving it.
    AwaitingAnswer,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::OpeningStream => "waiting for leave to ask",
            Self::SendingQuestion => "sending the question",
            Self::AwaitingAnswer => "waiting for the answer",
        })
    }
}

/// Why one side ended a stream or a connection, as told to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Nothing is wrong: nobody needs it any more.
    Done,
    /// The question is not of the expected type or form.
    Malformed,
    /// The question is longer than this peer may ask.
    TooLong,
    /// The question did not come in time.
    QuestionTimedOut,
    /// The answer was not ready in time.
    AnswerTimedOut,
    /// The answer is longer than allowed.
    AnswerTooLong,
    /// Too many questions of the connection were refused.
    TooManyRefused,
    /// The node is stopping.
    ShuttingDown,
    /// The asker gave up.
    Cancelled,
    /// Too many strangers are connected.
    Crowded,
    /// Too many bytes of questions and answers are under way.
    NoRoom,
    /// A code of another version.
    Unknown(u64),
}

impl From<Code> for VarInt {
    fn from(code: Code) -> Self {
        match code {
            Code::Done => Self::from_u32(0),
            Code::Malformed => Self::from_u32(1),
            Code::TooLong => Self::from_u32(2),
            Code::QuestionTimedOut => Self::from_u32(3),
            Code::AnswerTimedOut => Self::from_u32(4),
            Code::AnswerTooLong => Self::from_u32(5),
            Code::TooManyRefused => Self::from_u32(6),
            Code::ShuttingDown => Self::from_u32(7),
            Code::Cancelled => Self::from_u32(8),
            Code::Crowded => Self::from_u32(9),
            Code::NoRoom => Self::from_u32(10),
            Code::Unknown(code) => Self::from_u64(code).unwrap_or(Self::MAX),
        }
    }
}

impl From<VarInt> for Code {
    fn from(code: VarInt) -> Self {
        match code.into_inner() {
            0 => Self::Done,
            1 => Self::Malformed,
            2 => Self::TooLong,
            3 => Self::QuestionTimedOut,
            4 => Self::AnswerTimedOut,
            5 => Self::AnswerTooLong,
            6 => Self::TooManyRefused,
            7 => Self::ShuttingDown,
            8 => Self::Cancelled,
            9 => Self::Crowded,
            10 => Self::NoRoom,
            code => Self::Unknown(code),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "it is done with it",
            Self::Malformed => "malformed, the two sides run different versions",
            Self::TooLong => "longer than this identity may ask",
            Self::QuestionTimedOut => "it came too slowly",
            Self::AnswerTimedOut => "no answer was ready in time, ask again",
            Self::AnswerTooLong => "the answer would be too long, ask for less",
            Self::TooManyRefused => "too many questions were refused",
            Self::Crowded => "too many are connected, ask again later",
            Self::NoRoom => "too much is under way, ask for less at a time or again later",
            Self::ShuttingDown => "it is shutting down, ask again later",
            Self::Cancelled => "it gave up",
            Self::Unknown(code) => return write!(f, "unknown code {code}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back() {
        for number in 0..20u32 {
            let code = Code::from(VarInt::from_u32(number));
            assert_eq!(VarInt::from(code), VarInt::from_u32(number));
            assert_eq!(matches!(code, Code::Unknown(_)), number > 10);
        }
    }
}
