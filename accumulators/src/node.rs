//! A node: one directory, one address, many auctions.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::spec::VerifiedSpec;
use link::service::{Declined, MAX_PEER_ANSWER, MAX_PEER_QUESTION};
use link::{Endpoint, Identity, Limits, PeerKey};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::actor::{self, Handle};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::error::NodeError;
use crate::fellows::Fellows;
use crate::identity::load_identity;
use crate::limits::STREAMS;
use crate::service::Service;
use crate::store::{Store, StoreError, StoredAuction, Vault};
use crate::transcripts::Transcripts;

/// What all auctions of a node share.
pub(crate) struct Site {
    pub(crate) identity: Arc<SecretKey>,
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) transcripts: Transcripts,
    pub(crate) fellows: Fellows,
}

/// An accumulator, opened and not yet running.
pub struct Node {
    endpoint: Endpoint,
    site: Arc<Site>,
    stored: Vec<(VerifiedSpec, StoredAuction)>,
}

impl Node {
    /// Opens the node that [`crate::init`] made in `dir`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`NodeError`]: what the operator has to mend.
    pub fn open(dir: &Path) -> Result<Self, NodeError> {
        Self::open_with_clock(dir, Arc::new(SystemClock))
    }

    /// The same with another clock.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub fn open_with_clock(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, NodeError> {
        let config = Config::load(dir)?;
        let identity = load_identity(dir)?;
        let (store, auctions) = Store::open(dir)?;
        let damaged = |reason: String| NodeError::Store {
            path: dir.to_owned(),
            source: StoreError::File { path: dir.to_owned(), reason },
        };
        let mut stored = Vec::new();
        for auction in auctions {
            let spec = auction.row.spec.clone().verify();
            let spec =
                spec.map_err(|error| damaged(format!("a stored spec is damaged: {error}")))?;
            stored.push((spec, auction));
        }
        let vault = Vault::open(dir).map_err(NodeError::file("open the keys of", dir))?;
        let known: HashSet<Digest> = stored.iter().map(|(_, auction)| auction.id).collect();
        vault.sweep(|id| known.contains(id)).map_err(NodeError::file("sweep the keys of", dir))?;
        let transcripts =
            Transcripts::open(dir).map_err(NodeError::file("open the transcripts of", dir))?;
        let limits = Limits {
            max_connections: config.max_connections,
            max_connections_per_ip: config.max_connections_per_address,
            max_streams_per_connection: STREAMS,
            max_question_bytes: MAX_PEER_QUESTION,
            max_answer_bytes: MAX_PEER_ANSWER,
            ..Limits::default()
        };
        let endpoint =
            Endpoint::bind(config.listen, &Identity::from_seed(identity.seed()), limits)?;
        let fellows = Fellows::new(endpoint.clone());
        let identity = Arc::new(identity);
        let site = Site { identity, config, clock, store, vault, transcripts, fellows };
        Ok(Self { endpoint, site: Arc::new(site), stored })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`NodeError::Link`] when the operating system does not tell.
    pub fn local_addr(&self) -> Result<SocketAddr, NodeError> {
        Ok(self.endpoint.local_addr()?)
    }

    /// Its identity.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.site.identity.public()
    }

    /// Resumes all auctions and serves until `shutdown` completes. Dropping the future is a
    /// kill: what was promised is on the disk, and another [`Node::open`] goes on from there.
    ///
    /// # Errors
    /// [`NodeError::Link`] when the transport cannot be set up; nothing a peer does ends it.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        let auctions = Arc::new(Auctions {
            site: self.site,
            running: RwLock::default(),
            fellows: RwLock::default(),
            tasks: Mutex::default(),
        });
        let (count, addr) = (self.stored.len(), self.endpoint.local_addr()?);
        for (spec, stored) in self.stored {
            auctions.start(spec, stored).await;
        }
        tracing::info!(key = %auctions.site.identity.public(), %addr, auctions = count, "serving");
        let service = Arc::new(Service::new(Arc::clone(&auctions)));
        let stopping = async move {
            shutdown.await;
            tracing::info!("shutting down");
            // First those who keep others waiting for an answer.
            auctions.tasks.lock().await.shutdown().await;
        };
        self.endpoint.serve(service, stopping).await?;
        Ok(())
    }
}

/// The auctions of a running node.
pub(crate) struct Auctions {
    pub(crate) site: Arc<Site>,
    running: RwLock<HashMap<Digest, Handle>>,
    /// Everybody who is an accumulator in an auction here.
    fellows: RwLock<HashSet<PeerKey>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Auctions {
    pub(crate) fn get(&self, id: &Digest) -> Option<Handle> {
        self.running.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(crate) fn is_fellow(&self, peer: PeerKey) -> bool {
        self.fellows.read().unwrap_or_else(PoisonError::into_inner).contains(&peer)
    }

    /// 1 Joins an auction that is new here, or finds it.
    pub(crate) async fn join(&self, spec: VerifiedSpec) -> Result<Handle, Declined> {
        // One at a time: a node joins an auction once.
        let mut tasks = self.tasks.lock().await;
        if let Some(handle) = self.get(&spec.id()) {
            return Ok(handle);
        }
        let me = self.site.identity.public();
        let number = spec.accumulator(&me).and_then(|k| u8::try_from(k).ok());
        let number = number.ok_or(Declined::NotNamed(me))?;
        let sellers = &self.site.config.sellers;
        if !sellers.is_empty() && !sellers.contains(&spec.spec().seller) {
            let why = "this accumulator's operator has not named the seller";
            return Err(Declined::NotAllowed(why.to_owned()));
        }
        if self.site.clock.now() >= spec.spec().closing {
            return Err(Declined::NotNow("the auction's closing time has passed".to_owned()));
        }
        if self.running() >= self.site.config.max_auctions {
            return Err(Declined::TooManyAuctions);
        }
        let stored = actor::first_join(&self.site, &spec, number).await.map_err(|error| {
            tracing::error!(auction = %spec.id(), %error, "cannot join");
            Declined::NotNow("this accumulator's disk fails".to_owned())
        })?;
        tracing::info!(auction = %spec.id(), number, "joined");
        Ok(self.spawn(&mut tasks, spec, stored))
    }

    async fn start(&self, spec: VerifiedSpec, stored: StoredAuction) {
        let mut tasks = self.tasks.lock().await;
        self.spawn(&mut tasks, spec, stored);
    }

    fn spawn(&self, tasks: &mut JoinSet<()>, spec: VerifiedSpec, stored: StoredAuction) -> Handle {
        let members = spec.spec().accumulators.iter().map(|member| PeerKey(member.key.0));
        self.fellows.write().unwrap_or_else(PoisonError::into_inner).extend(members);
        let (id, handle, task) = actor::open(&self.site, spec, stored);
        tasks.spawn(task);
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        running.insert(id, handle.clone());
        handle
    }

    fn running(&self) -> usize {
        let all = self.running.read().unwrap_or_else(PoisonError::into_inner);
        all.values().filter(|handle| handle.shared.runs()).count()
    }
}
