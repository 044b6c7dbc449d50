//! A node for the tests: answers with what it was asked.
#![allow(dead_code, reason = "each test file uses a part")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use link::{Endpoint, Grant, Handler, Identity, Limits, LinkError, PeerKey};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

/// Long enough that only a defect reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Longest question of a stranger.
pub(crate) const STRANGER_BYTES: usize = 4096;

pub(crate) const NODE: [u8; 32] = [1; 32];
pub(crate) const FRIEND: [u8; 32] = [2; 32];
pub(crate) const STRANGER: [u8; 32] = [3; 32];
/// Trusted from when the node says so.
pub(crate) const FELLOW: [u8; 32] = [4; 32];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Question {
    Echo(Vec<u8>),
    WhoAmI,
    Zeros(u32),
    Wait,
    Never,
    Panic,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Bytes(Vec<u8>),
    You(PeerKey),
    Waited,
}

#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) waiting: Notify,
    pub(crate) go_on: Notify,
    /// Whether the fellow is trusted.
    pub(crate) trusts: AtomicBool,
}

impl Handler for Echo {
    type Question = Question;
    type Answer = Answer;

    fn limit(&self, peer: PeerKey) -> usize {
        if peer == Identity::from_seed(&FRIEND).public() { usize::MAX } else { STRANGER_BYTES }
    }

    fn grant(&self, peer: PeerKey) -> Option<Grant> {
        let fellow = peer == Identity::from_seed(&FELLOW).public();
        let trusted = fellow && self.trusts.load(Ordering::Relaxed);
        trusted.then_some(Grant { streams: 8, bytes: 1 << 20 })
    }

    async fn answer(&self, peer: PeerKey, question: Question) -> Answer {
        match question {
            Question::Echo(bytes) => Answer::Bytes(bytes),
            Question::WhoAmI => Answer::You(peer),
            Question::Zeros(count) => Answer::Bytes(vec![0; count as usize]),
            Question::Wait => {
                self.waiting.notify_one();
                self.go_on.notified().await;
                Answer::Waited
            }
            Question::Never => std::future::pending().await,
            Question::Panic => panic!("asked to"),
        }
    }
}

pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) addr: SocketAddr,
    pub(crate) key: PeerKey,
    pub(crate) echo: Arc<Echo>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), LinkError>>,
}

impl Node {
    pub(crate) fn start(limits: Limits) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), limits).unwrap()
    }

    pub(crate) fn start_at(addr: SocketAddr, limits: Limits) -> Result<Self, LinkError> {
        let identity = Identity::from_seed(&NODE);
        let endpoint = Endpoint::bind(addr, &identity, limits)?;
        let echo = Arc::new(Echo::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn({
            let (endpoint, echo) = (endpoint.clone(), Arc::clone(&echo));
            async move { endpoint.serve(echo, async { drop(stopped.await) }).await }
        });
        let addr = endpoint.local_addr()?;
        Ok(Self { endpoint, addr, key: identity.public(), echo, stop, serving })
    }

    /// Starts at an address that another node is just giving back.
    pub(crate) async fn restart_at(addr: SocketAddr, limits: Limits) -> Self {
        for _ in 0..200 {
            match Self::start_at(addr, limits.clone()) {
                Ok(node) => return node,
                Err(LinkError::Bind { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{addr} stays taken");
    }

    /// Tells the node to stop; the handle ends when it has.
    pub(crate) fn stop(self) -> JoinHandle<Result<(), LinkError>> {
        self.stop.send(()).unwrap();
        self.serving
    }
}

pub(crate) fn asker(seed: &[u8; 32]) -> Endpoint {
    let limits = Limits { max_question_bytes: 1 << 30, ..Limits::default() };
    Endpoint::client(&Identity::from_seed(seed), limits).unwrap()
}
