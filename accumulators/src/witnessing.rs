//! This node as a witness of the settlement servers of its auctions: it asks for their heads, keeps
//! what it accepted, countersigns it and shows it to anybody. What is believed, [`witness::watch`]
//! decides. SETTLEMENT, section "Witnesses".
//!
//! A server that does not answer stops no bid: whoever could keep a server from being reached could
//! otherwise choose who bids. It is not joined, since nobody has bid there yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use auction::keys::SecretKey;
use auction::settlement_terms::Settlement;
use link::{Endpoint, Peer, PeerKey};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use witness::layout::Signer;
use witness::service::{
    Answered, Asked, HeadAnswer, HeadQuestion, MAX_WITNESSED, NoOther, Standing, Witnessed,
};
use witness::watch::{Heard, Said};
use witness::{Countersigned, LedgerKey, ServerEvidence, Watch};

use crate::clock::Clock;
use crate::limits::{WITNESS_AGAIN, WITNESS_INTERVAL, WITNESS_PATIENCE};
use crate::store::{Batch, Store, WatchRow};

/// What came of a look at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Its head continues those before.
    Followed,
    /// It did not answer.
    Silent,
    /// It answered, and did not show that.
    Unanswered,
    /// It is convicted.
    Convicted,
    /// It is new, and there is no room for another.
    Full,
}

/// All servers that are watched.
pub(crate) struct Witnessing {
    endpoint: Endpoint,
    signer: Signer,
    clock: Arc<dyn Clock>,
    store: Store,
    watched: StdMutex<HashMap<LedgerKey, Arc<Watched>>>,
}

/// One server.
struct Watched {
    row: StdMutex<WatchRow>,
    last: StdMutex<Last>,
    /// One look at a time; whoever comes meanwhile waits for it.
    looking: Mutex<()>,
}

/// The last look since the node was started.
#[derive(Clone, Copy)]
struct Last {
    at: Option<Instant>,
    look: Look,
}

/// Whose heads the server of an auction signs.
pub(crate) fn key_of(terms: &Settlement) -> LedgerKey {
    LedgerKey { server: terms.server, ledger: terms.ledger }
}

impl Witnessing {
    pub(crate) fn new(
        endpoint: Endpoint,
        identity: &SecretKey,
        clock: Arc<dyn Clock>,
        store: Store,
        rows: Vec<WatchRow>,
    ) -> Self {
        let watched = rows.into_iter().map(|row| (*row.watch.of(), Arc::new(Watched::new(row))));
        let watched = StdMutex::new(watched.collect());
        Self { endpoint, signer: Signer::new(identity), clock, store, watched }
    }

    /// Whether a server is convicted.
    pub(crate) fn is_convicted(&self, of: &LedgerKey) -> bool {
        self.find(of).is_some_and(|watched| watched.row().watch.convicted().is_some())
    }

    /// Looks at a server now. `used` are those of running auctions, which are never let go of.
    pub(crate) async fn look(
        &self,
        terms: &Settlement,
        used: &HashMap<LedgerKey, Settlement>,
    ) -> Look {
        let Some(watched) = self.place(&key_of(terms), used).await else { return Look::Full };
        let _one = watched.looking.lock().await;
        self.look_at(&watched, &terms.address).await
    }

    /// Looks at a server if that is due, before a bid under its tickets is taken.
    pub(crate) async fn keep_fresh(&self, terms: &Settlement) {
        let Some(watched) = self.find(&key_of(terms)) else { return };
        if watched.is_fresh() {
            return;
        }
        let _one = watched.looking.lock().await;
        // Whoever waited meanwhile has looked.
        if !watched.is_fresh() {
            self.look_at(&watched, &terms.address).await;
        }
    }

    /// Takes evidence against a server that is watched.
    pub(crate) async fn hear_evidence(&self, evidence: ServerEvidence) -> bool {
        let Some(watched) = self.find(&evidence.of) else { return false };
        let _one = watched.looking.lock().await;
        let mut watch = watched.row().watch;
        if !watch.hear_evidence(evidence) {
            return false;
        }
        self.keep(&watched, watch, Look::Convicted).await
    }

    /// What this node as a witness says to anybody.
    pub(crate) fn view(&self) -> Vec<Witnessed> {
        let all: Vec<Arc<Watched>> = self.all().values().cloned().collect();
        let mut shown: Vec<Witnessed> =
            all.iter().map(|watched| watched.view(&self.signer)).collect();
        shown.sort_by_key(|one| one.of);
        shown.truncate(MAX_WITNESSED);
        shown
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<LedgerKey, Arc<Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, of: &LedgerKey) -> Option<Arc<Watched>> {
        self.all().get(of).cloned()
    }

    /// The place of a server; a new one where there is none. Of those that nothing needs, the one
    /// that was watched last makes room, convicted or not: nobody can push out what is long known,
    /// and nobody can take all places for good with servers that he has convicted himself.
    async fn place(
        &self,
        of: &LedgerKey,
        used: &HashMap<LedgerKey, Settlement>,
    ) -> Option<Arc<Watched>> {
        let (watched, gone) = {
            let mut all = self.all();
            if let Some(watched) = all.get(of) {
                return Some(Arc::clone(watched));
            }
            let mut gone = None;
            if all.len() >= MAX_WITNESSED {
                let free = all.iter().filter(|(of, _)| !used.contains_key(of));
                let newest = free.max_by_key(|(_, watched)| watched.row().since);
                gone = Some(*newest?.0);
            }
            gone.inspect(|of| drop(all.remove(of)));
            let row = WatchRow { watch: Watch::new(*of), since: self.clock.now(), heard: None };
            let watched = Arc::new(Watched::new(row));
            all.insert(*of, Arc::clone(&watched));
            (watched, gone)
        };
        if let Some(gone) = gone {
            let mut batch = Batch::default();
            batch.forget_watch(&gone);
            if let Err(error) = self.store.write(batch).await {
                tracing::error!(%error, "a settlement server is not forgotten");
            }
        }
        Some(watched)
    }

    async fn look_at(&self, watched: &Watched, address: &str) -> Look {
        let mut watch = watched.row().watch;
        if watch.convicted().is_some() {
            return Look::Convicted;
        }
        let peer = Peer::new(self.endpoint.clone(), address, PeerKey(watch.of().server.0));
        let look = match ask_all(&peer, &mut watch).await {
            None => Look::Silent,
            Some(Heard::Accepted | Heard::Known | Heard::Lost | Heard::Ask(_)) => Look::Followed,
            Some(Heard::Unanswered) => Look::Unanswered,
            Some(Heard::Convicted) => Look::Convicted,
        };
        if look == Look::Convicted {
            tracing::error!(server = %watch.of().server, "the settlement server is convicted");
        }
        if self.keep(watched, watch, look).await { look } else { Look::Silent }
    }

    /// Keeps what was seen, on the disk before anybody hears of it.
    async fn keep(&self, watched: &Watched, watch: Watch, look: Look) -> bool {
        let mut row = watched.row();
        if row.watch != watch || look == Look::Followed {
            row.watch = watch;
            if look != Look::Silent {
                row.heard = Some(self.clock.now());
            }
            let mut batch = Batch::default();
            batch.watch(&row);
            if let Err(error) = self.store.write(batch).await {
                tracing::error!(%error, "what was seen of a settlement server is not stored");
                return false;
            }
            *watched.row.lock().unwrap_or_else(PoisonError::into_inner) = row;
        }
        let last = Last { at: Some(Instant::now()), look };
        *watched.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        true
    }
}

impl Watched {
    fn new(row: WatchRow) -> Self {
        let last = Last { at: None, look: Look::Silent };
        Self { row: StdMutex::new(row), last: StdMutex::new(last), looking: Mutex::default() }
    }

    fn row(&self) -> WatchRow {
        self.row.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn last(&self) -> Last {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no bid need wait for another look.
    fn is_fresh(&self) -> bool {
        let Last { at, look } = self.last();
        let good_for = if look == Look::Silent { WITNESS_AGAIN } else { WITNESS_INTERVAL };
        at.is_some_and(|at| at.elapsed() < good_for)
    }

    fn view(&self, signer: &Signer) -> Witnessed {
        let (WatchRow { watch, heard, .. }, last) = (self.row(), self.last());
        let of = *watch.of();
        let silent = last.look == Look::Silent
            || last.at.is_none_or(|at| at.elapsed() > 2 * WITNESS_INTERVAL + WITNESS_PATIENCE);
        let standing = match (watch.convicted(), watch.unanswered()) {
            (Some(evidence), _) => Standing::Convicted(Box::new(evidence.clone())),
            (None, Some(heads)) => Standing::Unanswered(Box::new(*heads)),
            (None, None) if silent => Standing::Silent,
            (None, None) => Standing::Followed,
        };
        // What is in the row is on the disk.
        let head = watch.last().map(|head| Countersigned::sign(of, *head, signer));
        Witnessed { of, head, heard, standing, losses: watch.losses().to_vec() }
    }
}

/// Asks a server whatever the watch wants to know; nothing, where it does not answer in time.
async fn ask_all(peer: &Peer, watch: &mut Watch) -> Option<Heard> {
    let end = Instant::now() + WITNESS_PATIENCE;
    let HeadAnswer::Head(head) = ask(peer, HeadQuestion::Head, end).await? else { return None };
    // A head that it did not sign is as good as none.
    let mut heard = watch.hear(head).ok()?;
    while let Heard::Ask(pending) = heard {
        let said = match ask(peer, pending.question(), end).await? {
            HeadAnswer::Head(head) => Said::Beginning(head),
            HeadAnswer::Continuation(word) => Said::Continuation(word),
            HeadAnswer::Nothing | HeadAnswer::Busy { .. } => Said::Nothing,
        };
        heard = watch.answer(pending, said);
    }
    Some(heard)
}

async fn ask(peer: &Peer, question: HeadQuestion, end: Instant) -> Option<HeadAnswer> {
    let asked = Asked::<NoOther>::Heads(question);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let answer = timeout_at(end, peer.request::<_, Answered<NoOther>>(&asked, left)).await;
        let Ok(Ok(Answered::Heads(answer))) = answer else { return None };
        let HeadAnswer::Busy { retry_after } = answer else { return Some(answer) };
        let pause = Duration::from_millis(retry_after.into());
        timeout_at(end, tokio::time::sleep(pause)).await.ok()?;
    }
}
