//! The first stage: every accumulator joins. PROTOCOL section 1.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use auction::book::BidBook;
use auction::join::{Auction, Join, JoinError};
use auction::party::PartySecret;
use auction::spec::{Time, VerifiedSpec};
use link::service::{Answer, Declined, Phase, Question};

use super::core::{Core, answer, declined, not_now};
use super::ended::end_void;
use super::halted::Halted;
use super::taking::{Kept, Taking};
use super::view::missing;
use super::{Command, Reply, Stage};
use crate::fellows::{compare_clocks, insist};
use crate::node::Site;
use crate::store::{AuctionRow, Batch, StorageKey, StoreError, StoredAuction};

const JOINING: &str = "accumulators are still joining";

/// 1 Joins an auction, once for ever: fresh secrets, sealed under a fresh key, and the join, all
/// on the disk before anybody hears of them.
pub(crate) async fn first_join(
    site: &Arc<Site>,
    spec: &VerifiedSpec,
    me: u8,
) -> Result<StoredAuction, StoreError> {
    let id = spec.id();
    let signed = spec.signed().clone();
    let at = Arc::clone(site);
    let (row, join) = site
        .pool
        .compute(move || {
            let rng = &mut rand::rng();
            let (key, secret) = (StorageKey::generate(id), PartySecret::generate(rng));
            let row = AuctionRow { spec: signed, me, secret: key.seal_party(&secret)? };
            // One that an earlier attempt could not remove: there is no join that needs it.
            at.vault.destroy(&id)?;
            at.vault.keep(&key)?;
            Ok::<_, StoreError>((row, secret.join(id, me, &at.identity, rng)))
        })
        .await?;
    let mut batch = Batch::default();
    batch.auction(&id, &row).join(&join);
    if let Err(error) = site.store.write(batch).await {
        // It may be on the disk all the same. Nobody has heard of this join, so another may be
        // made, once store and key agree that there was none.
        let mut batch = Batch::default();
        batch.forget_join(&id);
        site.store.write_surely(batch).await?;
        site.vault.destroy(&id)?;
        return Err(error);
    }
    Ok(StoredAuction {
        id,
        row,
        joins: BTreeMap::from([(me, join)]),
        early_close: None,
        bids: 0,
        receipts: Vec::new(),
        closed: None,
        own: BTreeMap::new(),
        messages: BTreeMap::new(),
        findings: Vec::new(),
        wrong_shares: HashSet::new(),
        end: None,
    })
}

/// Waiting for the joins of all fellows.
pub(super) struct Joining {
    pub(super) key: StorageKey,
    pub(super) secret: PartySecret,
}

impl Joining {
    pub(super) async fn run(self, core: &mut Core) -> Stage {
        push_join(core);
        let patience = core.site.config.max_joining_minutes.saturating_mul(60_000);
        let until = core.spec().closing.min(Time(core.now().0.saturating_add(patience)));
        loop {
            let missing = missing(&core.shared.view().joins);
            if missing.is_empty() {
                return self.complete(core).await;
            }
            core.set_phase(Phase::Joining(missing));
            if core.now() >= until {
                tracing::info!(auction = %core.id(), "void: not all accumulators joined");
                return end_void(core, None).await;
            }
            if let Some(command) = core.next(until).await {
                handle(core, command).await;
            }
        }
    }

    /// 1 The first complete set of joins is the one whose bids are taken.
    async fn complete(self, core: &mut Core) -> Stage {
        match open_auction(core).await {
            Ok(auction) => {
                tracing::info!(auction = %core.id(), "all accumulators joined");
                let book = BidBook::beside_store(Arc::clone(&auction));
                let kept = Kept::default();
                Taking::stage(core, auction, self.key, self.secret, book, kept).await
            }
            Err(error) => Halted::by_fault(format!("the joins make no auction: {error}")),
        }
    }
}

/// The auction that the joins in the view make, shown in the view from now on.
pub(super) async fn open_auction(core: &Core) -> Result<Arc<Auction>, JoinError> {
    let joins: Vec<Join> = core.shared.view().joins.iter().flatten().cloned().collect();
    let spec = core.shared.spec.clone();
    let auction = Arc::new(core.site.pool.compute(move || Auction::new(spec, joins)).await?);
    core.shared.update(|view| view.auction = Some(Arc::clone(&auction)));
    Ok(auction)
}

async fn handle(core: &mut Core, command: Command) {
    match command {
        Command::Join(join, reply) => take_join(core, *join, reply).await,
        Command::Submit(incoming) => not_now(incoming.reply, JOINING),
        Command::LeaveReceipts(_, reply) | Command::Close(_, reply) => not_now(reply, JOINING),
        Command::Round(_, reply) | Command::History(_, _, reply) => not_now(reply, JOINING),
        Command::Evidence(evidence, reply) => core.hear_evidence(*evidence, reply).await,
        Command::Void(void, reply) => core.hear_void(void, reply).await,
        Command::Found(found) => core.find(found, true).await,
    }
}

/// Keeps a fellow's join, the first that verifies.
async fn take_join(core: &mut Core, join: Join, reply: Option<Reply>) {
    let k = usize::from(join.accumulator);
    if core.shared.view().joins.get(k).is_some_and(Option::is_some) {
        return core.hear_late_join(join, reply).await;
    }
    if let Err(error) = join.verify(&core.shared.spec) {
        if let Some(reply) = reply {
            answer(reply, declined(Declined::Wrong(error.to_string())));
        }
        return;
    }
    let mut batch = Batch::default();
    batch.join(&join);
    core.store_surely(batch).await;
    core.shared.update(|view| {
        // Verified: the number names an accumulator.
        if let Some(place) = view.joins.get_mut(k) {
            *place = Some(join);
        }
    });
    if let Some(reply) = reply {
        answer(reply, core.shared.auction_answer());
    }
}

/// Shows this node's join to every fellow until he has it, and learns the joins he knows.
pub(super) fn push_join(core: &mut Core) {
    let own = core.shared.view().joins.get(core.me()).cloned().flatten();
    let Some(own) = own else { return };
    let signed = core.shared.spec.signed().clone();
    let question = Arc::new(Question::Join(Box::new((signed, own))));
    for k in core.fellows() {
        let Some(member) = core.spec().accumulators.get(k) else { continue };
        let (peer, question) = (core.site.fellows.peer(member), Arc::clone(&question));
        let (clock, closing) = (Arc::clone(&core.site.clock), core.spec().closing);
        let Some(commands) = core.commands() else { return };
        core.spawn(compare_clocks(peer.clone(), Arc::clone(&clock)));
        core.spawn(async move {
            let settled = |answer: &Answer| {
                matches!(answer, Answer::Auction { .. } | Answer::Declined(Declined::Finished))
            };
            let answered = insist(&peer, &question, settled, &clock, closing).await;
            let Some(Answer::Auction { joins, .. }) = answered else { return };
            for join in joins {
                // The task that would hear of it is gone when the node stops.
                let _ = commands.send(Command::Join(Box::new(join), None)).await;
            }
        });
    }
}
