//! A hostile network of whole messages: it stands between an asker and the one he asks, holds the
//! keys of both, and decides about each message that it reads. For rehearsals: with it the demo
//! cuts a link after each message, and the tests lose, double, delay, alter and replay them. A
//! real network has nobody's keys and sees only that something passes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auction::keys::SecretKey;
use link::{Endpoint, Handler, Identity, Limits, LinkError, Peer, PeerKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use settlement::service::{Answered, Asked, MAX_ANSWER, MAX_QUESTION};
use tokio::task::JoinHandle;

/// After how long a message that was lost looks so to whoever asked: he asks again.
const LOOKS_LOST: Duration = Duration::from_millis(300);

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, as it then is.
    Passes,
    /// It never arrives.
    Lost,
    /// It arrives twice, where it is a question.
    Twice,
}

/// Decides about messages, and may alter them.
pub trait Network<Q, A>: Send + Sync + 'static {
    /// A question is on its way.
    fn question(&self, question: &mut Q) -> Fate;
    /// So is the answer to it.
    fn answer(&self, answer: &mut A) -> Fate;
}

/// A network before a settlement server: it decides about the server's own words, and lets those
/// about its history pass.
pub struct BeforeServer<N>(pub Arc<N>);

impl<Q, A, N: Network<Q, A>> Network<Asked<Q>, Answered<A>> for BeforeServer<N> {
    fn question(&self, question: &mut Asked<Q>) -> Fate {
        match question {
            Asked::Heads(_) => Fate::Passes,
            Asked::Other(question) => self.0.question(question),
        }
    }

    fn answer(&self, answer: &mut Answered<A>) -> Fate {
        match answer {
            Answered::Heads(_) => Fate::Passes,
            Answered::Other(answer) => self.0.answer(answer),
        }
    }
}

/// A relay; it ends when dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

struct Between<Q, A, N> {
    behind: Peer,
    network: Arc<N>,
    patience: Duration,
    _carries: std::marker::PhantomData<fn(Q) -> A>,
}

/// Whom a relay stands for, and before whom.
pub struct Sides<'a> {
    /// The key of him who is asked: the asker pins it.
    pub asked: &'a SecretKey,
    /// Where he is.
    pub at: String,
    /// The key in whose name is asked.
    pub asker: &'a SecretKey,
}

impl Relay {
    /// Listens on a free port of this machine for one asker. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`LinkError`] when there is no socket.
    pub fn start<Q, A, N>(sides: &Sides<'_>, network: Arc<N>) -> Result<Self, LinkError>
    where
        Q: Serialize + DeserializeOwned + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + Sync + 'static,
        N: Network<Q, A>,
    {
        let limits = Limits {
            max_question_bytes: MAX_QUESTION,
            max_answer_bytes: MAX_ANSWER,
            answer_timeout: LOOKS_LOST,
            drain_timeout: Duration::from_millis(100),
            ..Limits::default()
        };
        let behind = Endpoint::client(&Identity::from_seed(sides.asker.seed()), limits.clone())?;
        let key = PeerKey(sides.asked.public().0);
        let between: Between<Q, A, N> = Between {
            behind: Peer::new(behind, sides.at.clone(), key),
            network,
            patience: LOOKS_LOST,
            _carries: std::marker::PhantomData,
        };
        let front = Endpoint::bind(
            ([127, 0, 0, 1], 0).into(),
            &Identity::from_seed(sides.asked.seed()),
            limits,
        )?;
        let address = front.local_addr()?;
        let serving = tokio::spawn(async move {
            if let Err(error) = front.serve(Arc::new(between), std::future::pending()).await {
                tracing::error!(%error, "a relay has ended");
            }
        });
        Ok(Self { address, serving })
    }

    /// Where the asker finds it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl<Q, A, N> Handler for Between<Q, A, N>
where
    Q: Serialize + DeserializeOwned + Send + Sync + 'static,
    A: Serialize + DeserializeOwned + Send + Sync + 'static,
    N: Network<Q, A>,
{
    type Question = Q;
    type Answer = A;

    fn limit(&self, _: PeerKey) -> usize {
        MAX_QUESTION
    }

    async fn answer(&self, _: PeerKey, mut question: Q) -> A {
        match Network::<Q, A>::question(&*self.network, &mut question) {
            Fate::Lost => return std::future::pending().await,
            Fate::Twice => {
                // Its answer is nobody's.
                let _ = self.behind.request::<Q, A>(&question, self.patience).await;
            }
            Fate::Passes => {}
        }
        match self.behind.request::<Q, A>(&question, self.patience).await {
            Ok(mut answer) => match Network::<Q, A>::answer(&*self.network, &mut answer) {
                Fate::Lost => std::future::pending().await,
                Fate::Passes | Fate::Twice => answer,
            },
            Err(error) => {
                tracing::debug!(%error, "nobody answers behind the relay");
                std::future::pending().await
            }
        }
    }
}
