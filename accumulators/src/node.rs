//! A node: one directory, one address, many auctions.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::spec::VerifiedSpec;
use link::service::{MAX_PEER_ANSWER, MAX_PEER_QUESTION};
use link::{Endpoint, Identity, Limits};

use crate::actor::MaskRoom;
use crate::alarm::Alarm;
use crate::auctions::Auctions;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::error::NodeError;
use crate::fellows::Fellows;
use crate::identity::{load_identity, refuse_open_directory};
use crate::limits::{INITIAL_WINDOW, STREAMS};
use crate::pool::Pool;
use crate::service::Service;
use crate::store::{Store, StoreError, Stored, StoredAuction, TombRow, Vault};
use crate::transcripts::Transcripts;
use crate::witnessing::Witnessing;

/// What all auctions of a node share.
pub(crate) struct Site {
    pub(crate) identity: Arc<SecretKey>,
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) transcripts: Transcripts,
    pub(crate) fellows: Fellows,
    pub(crate) pool: Pool,
    pub(crate) masks: MaskRoom,
    pub(crate) lingering: Lingering,
    pub(crate) witnessing: Witnessing,
}

/// An accumulator, opened and not yet running.
pub struct Node {
    endpoint: Endpoint,
    site: Arc<Site>,
    stored: Vec<(VerifiedSpec, StoredAuction)>,
    tombs: BTreeMap<Digest, TombRow>,
    alarm: Alarm,
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
        refuse_open_directory(dir)?;
        let identity = load_identity(dir)?;
        let alarm = Alarm::new();
        let pool = Pool::start(&alarm).map_err(NodeError::file("start the threads of", dir))?;
        let (store, Stored { auctions, tombs, watches }) = Store::open(dir, &alarm)?;
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
            initial_window: INITIAL_WINDOW,
            ..Limits::default()
        };
        let endpoint =
            Endpoint::bind(config.listen, &Identity::from_seed(identity.seed()), limits)?;
        let fellows = Fellows::new(endpoint.clone());
        let identity = Arc::new(identity);
        let lingering = Lingering::default();
        let witnessing = Witnessing::new(
            endpoint.clone(),
            &identity,
            Arc::clone(&clock),
            store.clone(),
            watches,
        );
        let site = Site {
            identity,
            config,
            clock,
            store,
            vault,
            transcripts,
            fellows,
            masks: MaskRoom::new(&pool),
            pool,
            lingering,
            witnessing,
        };
        Ok(Self { endpoint, site: Arc::new(site), stored, tombs, alarm })
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
    /// [`NodeError::Link`] when the transport cannot be set up, [`NodeError::Died`] when a
    /// part of the node died by a defect; nothing a peer does ends it.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        let auctions = Auctions::new(self.site, &self.tombs, self.alarm.clone());
        drop(self.tombs);
        let (count, addr) = (self.stored.len(), self.endpoint.local_addr()?);
        for (spec, stored) in self.stored {
            auctions.start(spec, stored).await;
        }
        let key = auctions.site.identity.public();
        tracing::info!(%key, %addr, auctions = count, "serving");
        let service = Arc::new(Service::new(Arc::clone(&auctions)));
        let alarm = self.alarm;
        let stopping = async {
            tokio::select! {
                () = shutdown => {}
                () = auctions.sweep() => {}
                () = auctions.witness() => {}
            }
            tracing::info!("shutting down");
            // First those who keep others waiting for an answer.
            auctions.stop().await;
        };
        tokio::select! {
            served = self.endpoint.serve(service, stopping) => Ok(served?),
            what = alarm.raised() => {
                self.endpoint.close().await;
                Err(NodeError::Died(what))
            }
        }
    }
}

/// The ended auctions that still deliver.
#[derive(Default)]
pub(crate) struct Lingering(Arc<()>);

impl Lingering {
    /// Counts one more until the place is dropped.
    pub(crate) fn enter(&self) -> Arc<()> {
        Arc::clone(&self.0)
    }

    pub(crate) fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}
