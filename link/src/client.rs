//! The asking side of one connection.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use auction::wire;
use quinn::{ReadError, SendStream, WriteError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, timeout_at};

use crate::{
    Code, Limits, LinkError, PeerKey, Phase,
    counters::Traffic,
    frame::{self, ReadFault},
};

/// A connection to a pinned peer. Clones are the same connection; any number of requests may run
/// on it side by side. It closes when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(crate) quic: quinn::Connection,
    pub(crate) addr: SocketAddr,
    pub(crate) peer: PeerKey,
    pub(crate) limits: Arc<Limits>,
    pub(crate) traffic: Arc<Traffic>,
}

impl Connection {
    /// Asks one question and waits for its answer, `deadline` for everything together. Dropping
    /// the future gives the question up; the peer may have acted on it.
    ///
    /// # Errors
    /// [`LinkError`] of any kind that concerns requests and lost connections.
    pub async fn request<Q, A>(&self, question: &Q, deadline: Duration) -> Result<A, LinkError>
    where
        Q: Serialize,
        A: Serialize + DeserializeOwned,
    {
        let question = frame::seal(question, self.limits.max_question_bytes)
            .map_err(|source| LinkError::BadQuestion { source })?;
        let clock = Clock { end: end_of(deadline), deadline };

        let (send, mut receive) = clock
            .bound(Phase::OpeningStream, self.quic.open_bi())
            .await?
            .map_err(|error| LinkError::of_connection(error, self.addr))?;
        let mut send = Asking { stream: send, finished: false };
        clock
            .bound(Phase::SendingQuestion, send.whole(&question))
            .await?
            .map_err(|error| self.of_write(error))?;
        self.traffic.add_sent(question.len());

        let limit = self.limits.max_answer_bytes;
        // Who asks has room for what he asks for.
        let reading = frame::read(&mut receive, limit, &self.traffic, |_| Some(()));
        let (answer, _) = clock
            .bound(Phase::AwaitingAnswer, reading)
            .await?
            .map_err(|fault| self.of_read(fault))?;
        wire::decode(&answer, limit)
            .map_err(|source| LinkError::BadAnswer { addr: self.addr, source })
    }

    /// The key the peer has proven to hold: the one it was pinned to.
    #[must_use]
    pub fn peer(&self) -> PeerKey {
        self.peer
    }

    /// Bytes of frames sent.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.traffic.sent()
    }

    /// Bytes of frames received.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.traffic.received()
    }

    /// Whether the connection is known to have ended, on either side.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.quic.close_reason().is_some()
    }

    /// Closes the connection; requests under way fail with [`LinkError::Closed`].
    pub fn close(&self) {
        self.quic.close(Code::Done.into(), &[]);
    }

    fn of_write(&self, error: WriteError) -> LinkError {
        match error {
            WriteError::Stopped(code) => LinkError::Refused { addr: self.addr, code: code.into() },
            WriteError::ConnectionLost(error) => LinkError::of_connection(error, self.addr),
            WriteError::ClosedStream | WriteError::ZeroRttRejected => LinkError::Closed,
        }
    }

    fn of_read(&self, fault: ReadFault) -> LinkError {
        match fault {
            ReadFault::Frame(source) => LinkError::BadFrame { addr: self.addr, source },
            ReadFault::Stream(ReadError::Reset(code)) => {
                LinkError::Refused { addr: self.addr, code: code.into() }
            }
            ReadFault::Stream(ReadError::ConnectionLost(error)) => {
                LinkError::of_connection(error, self.addr)
            }
            ReadFault::Stream(
                ReadError::ClosedStream
                | ReadError::IllegalOrderedRead
                | ReadError::ZeroRttRejected,
            )
            | ReadFault::NoRoom => LinkError::Closed,
        }
    }
}

/// The sending half of a request. Given up half-way it must not look like a whole, short
/// question: the peer would count that against us.
struct Asking {
    stream: SendStream,
    finished: bool,
}

impl Asking {
    async fn whole(&mut self, question: &[u8]) -> Result<(), WriteError> {
        frame::write(&mut self.stream, question).await?;
        self.stream.finish()?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.finished {
            // An error says that the stream has already ended otherwise, which is as good.
            let _ = self.stream.reset(Code::Cancelled.into());
        }
    }
}

/// When `deadline` is over; in thirty years for one that means never.
pub(crate) fn end_of(deadline: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    Instant::now() + deadline.min(NEVER)
}

/// The one deadline of a request, and what it is spent on.
struct Clock {
    end: Instant,
    deadline: Duration,
}

impl Clock {
    async fn bound<F: Future>(&self, phase: Phase, work: F) -> Result<F::Output, LinkError> {
        timeout_at(self.end, work)
            .await
            .map_err(|_| LinkError::TimedOut { phase, after: self.deadline })
    }
}
