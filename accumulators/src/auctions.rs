//! The auctions of a running node: those that run, and those that are buried.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, RwLock};
use std::time::Instant;

use auction::layout::Digest;
use auction::settlement_terms::Settlement;
use auction::spec::{Spec, Time, VerifiedSpec};
use link::service::Declined;
use link::{Grant, PeerKey};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;
use witness::LedgerKey;

use crate::actor::{self, Handle};
use crate::alarm::Alarm;
use crate::bucket::Bucket;
use crate::footprint::estimate;
use crate::graveyard::Graveyard;
use crate::limits::{FELLOW_GRACE, SWEEP, WITNESS_INTERVAL};
use crate::need::Need;
use crate::node::Site;
use crate::store::{StoredAuction, TombRow};
use crate::witnessing::{Look, key_of};

const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// The auctions of a running node.
pub(crate) struct Auctions {
    pub(crate) site: Arc<Site>,
    pub(crate) graveyard: Graveyard,
    running: RwLock<HashMap<Digest, Handle>>,
    /// Everybody who is an accumulator in an auction here, with what these auctions need of him.
    fellows: RwLock<HashMap<PeerKey, Need>>,
    announcements: StdMutex<Bucket>,
    /// One at a time: a node joins an auction once.
    joining: Mutex<()>,
    tasks: Mutex<JoinSet<()>>,
    alarm: Alarm,
}

impl Auctions {
    pub(crate) fn new(
        site: Arc<Site>,
        tombs: &BTreeMap<Digest, TombRow>,
        alarm: Alarm,
    ) -> Arc<Self> {
        let a_minute = site.config.max_announcements_per_minute;
        Arc::new(Self {
            graveyard: Graveyard::new(Arc::clone(&site), tombs),
            site,
            running: RwLock::default(),
            fellows: RwLock::default(),
            announcements: StdMutex::new(Bucket::new(a_minute, Instant::now())),
            joining: Mutex::default(),
            tasks: Mutex::default(),
            alarm,
        })
    }

    pub(crate) fn get(&self, id: &Digest) -> Option<Handle> {
        self.running.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// What a peer may send and ask for at a time, if it is an accumulator in an auction here.
    pub(crate) fn grant(&self, peer: PeerKey) -> Option<Grant> {
        let fellows = self.fellows.read().unwrap_or_else(PoisonError::into_inner);
        fellows.get(&peer).map(Need::grant)
    }

    /// Longest question of a peer that is an accumulator in an auction here, in bytes.
    pub(crate) fn fellow_question(&self, peer: PeerKey) -> Option<usize> {
        let fellows = self.fellows.read().unwrap_or_else(PoisonError::into_inner);
        fellows.get(&peer).map(Need::question)
    }

    /// Whether a new auction may be looked at now.
    pub(crate) fn admits(&self, spec: &Spec) -> bool {
        let mut bucket = self.announcements.lock().unwrap_or_else(PoisonError::into_inner);
        self.site.config.sellers.contains(&spec.seller) || bucket.take(Instant::now())
    }

    /// 1 Joins an auction that is new here, or finds it.
    pub(crate) async fn join(self: Arc<Self>, spec: VerifiedSpec) -> Result<Handle, Declined> {
        if let Some(known) = self.known(&spec.id()) {
            return known;
        }
        let me = self.site.identity.public();
        let number = spec.accumulator(&me).and_then(|k| u8::try_from(k).ok());
        let number = number.ok_or(Declined::NotNamed(me))?;
        // Before the server: one that is asked takes a place among those watched.
        self.check_terms(spec.spec())?;
        self.check_server(spec.spec()).await?;
        let _one = self.joining.lock().await;
        // Meanwhile somebody else may have announced it, and closing may have passed.
        if let Some(known) = self.known(&spec.id()) {
            return known;
        }
        self.check_terms(spec.spec())?;
        if self.running() >= self.site.config.max_auctions {
            return Err(Declined::TooManyAuctions);
        }
        let stored = actor::first_join(&self.site, &spec, number).await.map_err(|error| {
            tracing::error!(auction = %spec.id(), %error, "cannot join");
            Declined::NotNow("this accumulator's disk fails".to_owned())
        })?;
        tracing::info!(auction = %spec.id(), number, "joined");
        Ok(self.start(spec, stored).await)
    }

    /// An auction that is here or was, and is not joined again.
    fn known(&self, id: &Digest) -> Option<Result<Handle, Declined>> {
        let finished = || self.graveyard.ending(id).map(|_| Err(Declined::Finished));
        self.get(id).map(Ok).or_else(finished)
    }

    /// A settlement server whose history is not known to be one is not joined: whoever announces
    /// may come again. SETTLEMENT, section "Witnesses".
    async fn check_server(&self, spec: &Spec) -> Result<(), Declined> {
        let Some(terms) = &spec.settlement else { return Ok(()) };
        let used = self.servers();
        match self.site.witnessing.look(terms, &used).await {
            Look::Followed => Ok(()),
            Look::Silent => {
                let why = "the auction's settlement server does not answer this accumulator, which \
                           must see its head before it joins: announce it again";
                Err(Declined::NotNow(why.to_owned()))
            }
            Look::Unanswered => {
                let why = "the auction's settlement server has not shown that its history continues \
                           the one that this accumulator knows";
                Err(Declined::NotNow(why.to_owned()))
            }
            Look::Convicted => {
                let why = "the auction's settlement server is convicted by its own words";
                Err(Declined::NotAllowed(why.to_owned()))
            }
            Look::Full => {
                let why = "this accumulator watches as many settlement servers as it can";
                Err(Declined::NotNow(why.to_owned()))
            }
        }
    }

    /// The settlement servers of all auctions that run.
    fn servers(&self) -> HashMap<LedgerKey, Settlement> {
        let all = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let terms = all.values().filter(|handle| handle.shared.runs());
        let terms = terms.filter_map(|handle| handle.shared.spec.spec().settlement.clone());
        terms.map(|terms| (key_of(&terms), terms)).collect()
    }

    /// Looks at the settlement servers of running auctions, again and again.
    pub(crate) async fn witness(&self) {
        loop {
            sleep(WITNESS_INTERVAL).await;
            let used = self.servers();
            for terms in used.values() {
                self.site.witnessing.look(terms, &used).await;
            }
        }
    }

    /// What the operator allows.
    fn check_terms(&self, spec: &Spec) -> Result<(), Declined> {
        let config = &self.site.config;
        if !config.sellers.is_empty() && !config.sellers.contains(&spec.seller) {
            let why = "this accumulator's operator has not named the seller";
            return Err(Declined::NotAllowed(why.to_owned()));
        }
        let now = self.site.clock.now();
        if now >= spec.closing {
            return Err(Declined::NotNow("the auction's closing time has passed".to_owned()));
        }
        let longer = |from: Time, to: Time, days: u64| {
            to.0.saturating_sub(from.0) > days.saturating_mul(DAY_MILLIS)
        };
        if longer(now, spec.closing, config.max_closing_days) {
            let days = config.max_closing_days;
            let why = format!("the closing time is more than {days} days away");
            return Err(Declined::NotAllowed(why));
        }
        if longer(spec.closing, spec.last, config.max_last_days) {
            let days = config.max_last_days;
            let why = format!("the last time is more than {days} days after closing");
            return Err(Declined::NotAllowed(why));
        }
        let (bytes, most) = (estimate(spec), config.max_bytes_per_auction);
        if bytes > most {
            let why = format!(
                "so many bids and levels may need {bytes} bytes here, more than the {most} that \
                 this accumulator's operator allows an auction"
            );
            return Err(Declined::NotAllowed(why));
        }
        Ok(())
    }

    /// Starts the task of an auction, new or stored.
    pub(crate) async fn start(
        self: &Arc<Self>,
        spec: VerifiedSpec,
        stored: StoredAuction,
    ) -> Handle {
        let mut tasks = self.tasks.lock().await;
        while tasks.try_join_next().is_some() {}
        {
            let mut fellows = self.fellows.write().unwrap_or_else(PoisonError::into_inner);
            for member in &spec.spec().accumulators {
                fellows.entry(PeerKey(member.key.0)).or_default().add(spec.spec());
            }
        }
        let (id, handle, task) = actor::open(&self.site, spec, stored);
        {
            let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
            running.insert(id, handle.clone());
        }
        // Not the auctions themselves: they own this task, and go when the node is dropped.
        let (auctions, watch) = (Arc::downgrade(self), self.alarm.on_panic("an auction's task"));
        tasks.spawn(async move {
            let _watch = watch;
            task.await;
            let Some(running) = auctions.upgrade() else { return };
            let buried = running.bury(id).await;
            drop(running);
            sleep(FELLOW_GRACE).await;
            if let (Some(running), Some(buried)) = (auctions.upgrade(), buried) {
                running.release(buried.shared.spec.spec());
            }
        });
        handle
    }

    /// Ends all tasks.
    pub(crate) async fn stop(&self) {
        self.tasks.lock().await.shutdown().await;
    }

    /// Forgets what may be forgotten, again and again.
    pub(crate) async fn sweep(&self) {
        loop {
            self.graveyard.sweep(self.site.clock.now()).await;
            sleep(SWEEP).await;
        }
    }

    /// Lets go of an auction that has nothing left to deliver.
    async fn bury(&self, id: Digest) -> Option<Handle> {
        let handle = self.get(&id)?;
        let state = handle.shared.view().state.clone();
        self.graveyard.bury(id, handle.shared.spec.spec().last, &state).await;
        self.running.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Some(handle)
    }

    /// Lets go of the accumulators of a buried auction.
    fn release(&self, spec: &Spec) {
        {
            let mut fellows = self.fellows.write().unwrap_or_else(PoisonError::into_inner);
            for member in &spec.accumulators {
                let key = PeerKey(member.key.0);
                if fellows.get_mut(&key).is_none_or(|need| !need.remove(spec)) {
                    fellows.remove(&key);
                }
            }
        }
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        self.site.fellows.retain(|key, address| {
            running.values().any(|handle| {
                let members = &handle.shared.spec.spec().accumulators;
                members.iter().any(|member| member.key.0 == key.0 && member.address == address)
            })
        });
    }

    fn running(&self) -> usize {
        let all = self.running.read().unwrap_or_else(PoisonError::into_inner);
        all.values().filter(|handle| handle.shared.runs()).count()
    }
}
