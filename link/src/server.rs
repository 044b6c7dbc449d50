//! The answering side: takes connections, reads questions, hands them to a [`Handler`].

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use auction::wire;
use quinn::{Connecting, Incoming, ReadError, RecvStream, SendStream, ServerConfig};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    Code, Endpoint, FrameError, Limits, LinkError, PeerKey,
    admission::{Admission, Entry, Slot},
    counters::{Totals, Traffic},
    frame::{self, ReadFault},
    room::Budgets,
    standing::Standing,
    tls,
};

/// What a node answers.
pub trait Handler: Send + Sync + 'static {
    /// What is asked.
    type Question: Serialize + DeserializeOwned + Send + 'static;
    /// What is answered.
    type Answer: Serialize + Send + 'static;

    /// Longest question `peer` may ask, in bytes, up to [`Limits::max_question_bytes`]. Peers
    /// are whoever holds the key: give strangers little.
    fn limit(&self, peer: PeerKey) -> usize;

    /// What `peer` is allowed now, if it is trusted: then it may also take a place that is kept
    /// from strangers, and keep it unused. Asked at each question, so trust may come and go while
    /// a connection lasts.
    fn grant(&self, peer: PeerKey) -> Option<Grant> {
        let _ = peer;
        None
    }

    /// Answers one question of `peer`. Many run at a time.
    ///
    /// The future is dropped where it waits when [`Limits::answer_timeout`] passes, the
    /// connection ends or the node shuts down: what must not stop half-way belongs into a task
    /// of its own.
    fn answer(
        &self,
        peer: PeerKey,
        question: Self::Question,
    ) -> impl Future<Output = Self::Answer> + Send;
}

/// What a trusted peer is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Questions of a connection of his that are under way at a time.
    pub streams: u32,
    /// Bytes of all his connections together that are under way at a time: of questions from when
    /// their length is known, of answers until he has them. One alone always fits.
    pub bytes: usize,
}

/// Bytes kept of connections that are not yet decided on, for each and for all.
const UNDECIDED_BYTES: (u64, u64) = (64 << 10, 4 << 20);
/// How often an unused connection is looked at.
const UNUSED_LOOK: Duration = Duration::from_millis(500);
/// Connections not yet decided on; more are refused by QUIC itself.
const MAX_UNDECIDED: usize = 1024;

impl Endpoint {
    /// Takes connections and answers their questions until `shutdown` completes. Then refuses
    /// new connections and questions, lets running answers finish within
    /// [`Limits::drain_timeout`], and closes the endpoint, outgoing connections included.
    ///
    /// # Errors
    /// [`LinkError::Setup`]; once it serves, nothing a peer does ends it.
    pub async fn serve<H: Handler>(
        &self,
        handler: Arc<H>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), LinkError> {
        let mut config = ServerConfig::with_crypto(self.credentials.server()?);
        config
            .transport_config(self.limits.incoming_transport())
            // Connections are counted by address, so they may not wander.
            .migration(false)
            .max_incoming(MAX_UNDECIDED)
            .incoming_buffer_size(UNDECIDED_BYTES.0)
            .incoming_buffer_size_total(UNDECIDED_BYTES.1);
        self.quic.set_server_config(Some(config));
        let _open = Open(&self.quic);

        let admission = Admission::new(&self.limits);
        let (stop, stopping) = watch::channel(false);
        let mut sessions = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = sessions.join_next() => log_panic(ended),
                incoming = self.quic.accept() => {
                    let Some(incoming) = incoming else { break };
                    if let Some((connecting, slot)) = self.admit(incoming, &admission) {
                        let session = Session {
                            handler: Arc::clone(&handler),
                            limits: Arc::clone(&self.limits),
                            totals: Arc::clone(&self.totals),
                        };
                        sessions.spawn(session.run(connecting, slot, stopping.clone()));
                    }
                }
            }
        }

        stop.send_replace(true);
        loop {
            tokio::select! {
                ended = sessions.join_next() => match ended {
                    Some(ended) => log_panic(ended),
                    None => break,
                },
                Some(incoming) = self.quic.accept() => incoming.refuse(),
            }
        }
        self.close().await;
        Ok(())
    }

    fn admit(&self, incoming: Incoming, admission: &Arc<Admission>) -> Option<(Connecting, Slot)> {
        let proven = incoming.remote_address_validated();
        match admission.enter(incoming.remote_address().ip(), proven) {
            Entry::Welcome(slot) => match incoming.accept() {
                Ok(connecting) => Some((connecting, slot)),
                Err(error) => {
                    tracing::debug!(%error, "connection failed at its first packet");
                    None
                }
            },
            Entry::ProveAddress => {
                if incoming.retry().is_err() {
                    tracing::debug!("connection could not be asked to prove its address");
                }
                None
            }
            Entry::Full => {
                self.totals.connections_refused.fetch_add(1, Relaxed);
                tracing::debug!(addr = %incoming.remote_address(), "too many connections");
                incoming.refuse();
                None
            }
        }
    }
}

/// While it lives, connections are taken.
struct Open<'a>(&'a quinn::Endpoint);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.set_server_config(None);
    }
}

/// One incoming connection.
struct Session<H> {
    handler: Arc<H>,
    limits: Arc<Limits>,
    totals: Arc<Totals>,
}

impl<H: Handler> Session<H> {
    async fn run(self, connecting: Connecting, slot: Slot, mut stopping: watch::Receiver<bool>) {
        let Ok(Ok(quic)) = timeout(self.limits.handshake_timeout, connecting).await else {
            tracing::debug!("handshake failed");
            return;
        };
        let Some(peer) = tls::peer_key(&quic) else {
            tracing::error!("connection without a key: TLS let one in that it must not");
            return;
        };
        let granted = self.handler.grant(peer);
        let Some(mut standing) = Standing::new(peer, slot, granted, &self.limits) else {
            self.totals.connections_refused.fetch_add(1, Relaxed);
            tracing::debug!(%peer, "too many connections of strangers");
            return quic.close(Code::Crowded.into(), &[]);
        };
        self.totals.connections_accepted.fetch_add(1, Relaxed);
        quic.set_max_concurrent_bi_streams(standing.streams(&self.limits).into());

        let session = Arc::new(self);
        let traffic = Traffic::of(&session.totals);
        let mut answers = JoinSet::new();
        let mut refused = 0;
        let mut used = Instant::now();
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(ended) = answers.join_next() => {
                    used = Instant::now();
                    refused += u32::from(matches!(ended, Ok(Outcome::Refused)));
                    log_panic(ended);
                    if refused > session.limits.max_refused_questions {
                        tracing::debug!(%peer, "too many refused questions");
                        return quic.close(Code::TooManyRefused.into(), &[]);
                    }
                }
                () = sleep(UNUSED_LOOK) => {
                    let patience = standing.patience(&session.limits);
                    if answers.is_empty() && used.elapsed() >= patience {
                        return quic.close(Code::Done.into(), &[]);
                    }
                    // One that has no place for a question hears here that it has more.
                    session.look(&mut standing, &quic);
                }
                stream = quic.accept_bi(),
                    if answers.len() < standing.streams(&session.limits) as usize =>
                {
                    let Ok(stream) = stream else { return };
                    let session = Arc::clone(&session);
                    session.look(&mut standing, &quic);
                    let flow = Flow { traffic: Arc::clone(&traffic), budgets: standing.budgets() };
                    answers.spawn(async move { session.answer(peer, stream, &flow).await });
                }
            }
        }

        let drained = async { while answers.join_next().await.is_some() {} };
        if timeout(session.limits.drain_timeout, drained).await.is_err() {
            tracing::warn!(%peer, "answers cut off by the shutdown");
        }
        quic.close(Code::ShuttingDown.into(), &[]);
    }

    /// Looks what the peer is granted now.
    fn look(&self, standing: &mut Standing, quic: &quinn::Connection) {
        if standing.note(self.handler.grant(standing.peer()), &self.limits) {
            quic.set_max_concurrent_bi_streams(standing.streams(&self.limits).into());
        }
    }

    async fn answer(
        &self,
        peer: PeerKey,
        (mut send, mut receive): (SendStream, RecvStream),
        flow: &Flow,
    ) -> Outcome {
        let code = match self.try_answer(peer, &mut send, &mut receive, flow).await {
            Ok(()) => {
                self.totals.questions_answered.fetch_add(1, Relaxed);
                return Outcome::Fine;
            }
            Err(Failure::Gone) => return Outcome::Fine,
            Err(Failure::Refuse(code)) => code,
        };
        self.totals.questions_refused.fetch_add(1, Relaxed);
        tracing::debug!(%peer, ?code, "question refused");
        // Errors say that the stream has ended already, which is what is wanted.
        let _ = receive.stop(code.into());
        let _ = send.reset(code.into());
        match code {
            // These are ours, or come of asking much at a time.
            Code::AnswerTimedOut | Code::AnswerTooLong | Code::NoRoom => Outcome::Fine,
            _ => Outcome::Refused,
        }
    }

    async fn try_answer(
        &self,
        peer: PeerKey,
        send: &mut SendStream,
        receive: &mut RecvStream,
        Flow { traffic, budgets }: &Flow,
    ) -> Result<(), Failure> {
        let limits = &self.limits;
        let limit = self.handler.limit(peer).min(limits.max_question_bytes);
        let reading = frame::read(receive, limit, traffic, |bytes| budgets.take(bytes));
        let (question, room) = timeout(limits.question_timeout, reading)
            .await
            .map_err(|_| Failure::Refuse(Code::QuestionTimedOut))??;
        let question = wire::decode::<H::Question>(&question, limit)
            .map_err(|_| Failure::Refuse(Code::Malformed))?;

        let answer = timeout(limits.answer_timeout, self.handler.answer(peer, question))
            .await
            .map_err(|_| Failure::Refuse(Code::AnswerTimedOut))?;
        let answer = frame::seal(&answer, limits.max_answer_bytes).map_err(|error| {
            tracing::error!(%error, "answer cannot be sent");
            Failure::Refuse(Code::AnswerTooLong)
        })?;

        drop(room);
        let _room = budgets.take(answer.len()).ok_or(Failure::Refuse(Code::NoRoom))?;
        // Until the peer has all of it: a connection closed earlier would cut the answer off.
        let sending = async {
            frame::write(send, &answer).await.map_err(|_| Failure::Gone)?;
            traffic.add_sent(answer.len());
            send.finish().map_err(|_| Failure::Gone)?;
            send.stopped().await.map_err(|_| Failure::Gone)
        };
        timeout(limits.send_timeout, sending)
            .await
            .map_err(|_| Failure::Refuse(Code::AnswerTimedOut))?
            .map(|_stopped_or_read| ())
    }
}

/// What is counted of a connection, and what bounds it.
struct Flow {
    traffic: Arc<Traffic>,
    budgets: Budgets,
}

/// How a stream ended, as far as its connection cares.
enum Outcome {
    Fine,
    Refused,
}

/// Why a question gets no answer.
enum Failure {
    /// The asker gave up or is lost.
    Gone,
    /// We tell him this.
    Refuse(Code),
}

impl From<ReadFault> for Failure {
    fn from(fault: ReadFault) -> Self {
        match fault {
            ReadFault::Frame(FrameError::TooLong { .. }) => Self::Refuse(Code::TooLong),
            ReadFault::Frame(FrameError::Truncated { .. } | FrameError::Trailing { .. }) => {
                Self::Refuse(Code::Malformed)
            }
            ReadFault::NoRoom => Self::Refuse(Code::NoRoom),
            ReadFault::Stream(
                ReadError::Reset(_)
                | ReadError::ConnectionLost(_)
                | ReadError::ClosedStream
                | ReadError::IllegalOrderedRead
                | ReadError::ZeroRttRejected,
            ) => Self::Gone,
        }
    }
}

fn log_panic<T>(ended: Result<T, tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a task of the server panicked");
    }
}
