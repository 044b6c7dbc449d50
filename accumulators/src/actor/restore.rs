//! From the disk to the stage where an auction was when the node stopped, however it stopped.

use std::collections::HashSet;
use std::sync::Arc;

use auction::bid::SealedBid;
use auction::book::{BidBook, Standing};
use auction::checking::verify_bids;
use auction::join::Auction;
use auction::layout::Digest;
use auction::receipts::Receipt;

use super::Stage;
use super::core::Core;
use super::ended::{NEEDED, erase};
use super::engine::Engine;
use super::halted::Halted;
use super::joining::{Joining, open_auction, push_join};
use super::report::Reporter;
use super::rounds::Rounds;
use super::taking::{Kept, Taking, bids_report};
use super::view::missing;
use crate::limits::BATCH;
use crate::store::{End, StorageKey, Store, StoreError, StoredAuction};

/// Why a stored auction cannot go on. Always this node's own trouble.
#[derive(Debug, thiserror::Error)]
enum RestoreError {
    #[error(
        "this accumulator's storage key of the auction is not there: the directory lost it, or \
         was restored from an older copy: {0}"
    )]
    Key(StoreError),
    #[error("this accumulator's store: {0}")]
    Store(#[from] StoreError),
    #[error("this accumulator's store: a stored bid is damaged: {0}")]
    Bid(String),
    #[error("this accumulator's store: the joins make no auction: {0}")]
    Join(#[from] auction::join::JoinError),
    #[error("this accumulator's store: {0}")]
    Party(#[from] auction::party::PartyError),
}

/// The stage where a stored auction goes on.
pub(super) async fn stage(core: &mut Core, mut stored: StoredAuction) -> Stage {
    if let Some(end) = stored.end.take() {
        return ended(core, &end, &stored).await;
    }
    match resume(core, stored).await {
        Ok(stage) => stage,
        Err(error) => Halted::by_own_trouble(&error),
    }
}

async fn ended(core: &mut Core, end: &End, stored: &StoredAuction) -> Stage {
    let keep = match end {
        End::Done(..) => {
            let last = stored.own.keys().next_back().copied().unwrap_or_default();
            last.saturating_sub(NEEDED - 1)
        }
        End::Stopped(..) | End::Void(_) => u16::MAX,
    };
    // A kill may have come between the end and the erasure.
    if !stored.row.secret.is_empty() {
        erase(core, keep).await;
    }
    if matches!(end, End::Done(..)) && core.now() < core.spec().last {
        for (_, message) in stored.own.range(keep..) {
            core.broadcast(message);
        }
    }
    Stage::Ended
}

async fn resume(core: &mut Core, stored: StoredAuction) -> Result<Stage, RestoreError> {
    let key = core.site.vault.find(stored.id).map_err(RestoreError::Key)?;
    let secret = key.open_party(&stored.row.secret)?;
    if !missing(&core.shared.view().joins).is_empty() {
        return Ok(Stage::Joining(Box::new(Joining { key, secret })));
    }
    let auction = open_auction(core).await?;
    push_join(core);
    if let Some(close) = stored.early_close {
        core.pass_on(close);
    }
    let StoredAuction { id, receipts, own, messages, closed, wrong_shares, .. } = stored;
    let (of, key_of) = (Arc::clone(&auction), key.clone());
    let source = Source { auction: of, id, key: key_of, store: core.site.store.clone() };
    let (book, held) = core.site.pool.compute(move || source.book(&receipts)).await?;
    let bids = book.len();
    // At most the spec's most bids.
    core.shared.update(|view| view.state.bids = bids as u32);
    let Some(closed) = closed else {
        tracing::info!(auction = %core.id(), bids, "resumed, taking bids");
        return Ok(Taking::stage(
            core,
            auction,
            key,
            secret,
            book,
            Kept { bytes: held, wrong_shares },
        )
        .await);
    };
    let (me, identity) = (core.me(), Arc::clone(&core.site.identity));
    let reporter = Reporter::new(vec![bids_report(core, closed.at, closed.bytes)]);
    let engine = core
        .site
        .pool
        .compute(move || {
            let mut engine = Engine::new(auction, me, identity, secret, book.close(), None);
            engine.replay(&own, &messages).map(|()| engine)
        })
        .await?;
    let round = engine.referee.round();
    tracing::info!(auction = %core.id(), bids, round, "resumed, closed");
    Ok(Stage::Rounds(Box::new(Rounds::new(core, engine, reporter))))
}

/// What the book of a stored auction is made from.
struct Source {
    auction: Arc<Auction>,
    id: Digest,
    key: StorageKey,
    store: Store,
}

impl Source {
    /// The book of what is stored, and the bytes that its bids and shares take there. They are read
    /// some at a time: a node that starts takes no more memory than it did before it stopped.
    fn book(&self, receipts: &[Vec<Receipt>]) -> Result<(BidBook, u64), RestoreError> {
        let complete: HashSet<Digest> =
            receipts.iter().filter_map(|all| Some(all.first()?.bid)).collect();
        let mut book = BidBook::beside_store(Arc::clone(&self.auction));
        let (mut bytes, mut after, mut others) = (0, None, Vec::new());
        loop {
            let rows = self.store.next_bids(self.id, after)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(*last);
            let mut part = Vec::with_capacity(rows.len());
            for (bidder, row) in rows {
                bytes += row.length();
                let bid = row.sealed()?;
                // A commit that failed may have left bids that were never receipted, too many
                // even: those whose receipts are all here come first.
                if complete.contains(&bid.digest()) {
                    part.push((bid, row.share));
                } else {
                    others.push(bidder);
                }
            }
            self.restore(&mut book, part)?;
        }
        let mut others = &others[..];
        while !others.is_empty() {
            let asked = others.iter().take(BATCH).copied().collect();
            let rows = self.store.find_bids(self.id, asked)?;
            // One that has gone meanwhile is passed over.
            others = others.get(rows.len().max(1)..).unwrap_or_default();
            let part = rows.into_iter().map(|row| Ok((row.sealed()?, row.share)));
            self.restore(&mut book, part.collect::<Result<_, StoreError>>()?)?;
        }
        for all in receipts {
            if let Some(first) = all.first().filter(|first| book.holds(&first.bid)) {
                let completed = book.complete(&first.bid, all);
                completed.map_err(|error| RestoreError::Bid(error.to_string()))?;
            }
        }
        Ok((book, bytes))
    }

    /// Puts stored bids, each with its sealed share, into the book. Proofs are checked once more;
    /// shares opened their commitments when they were sealed, and sealed they have not changed.
    fn restore(
        &self,
        book: &mut BidBook,
        part: Vec<(SealedBid, Vec<u8>)>,
    ) -> Result<(), RestoreError> {
        let (bids, shares): (Vec<_>, Vec<_>) = part.into_iter().unzip();
        let verified = verify_bids(&self.auction, bids, &mut rand::rng());
        for (verified, share) in verified.into_iter().zip(shares) {
            let verified = verified.map_err(|reason| RestoreError::Bid(reason.to_string()))?;
            let digest = verified.digest();
            match book.restore(verified, self.key.open_share(&digest, &share)?) {
                Ok(Standing::New) => {}
                Ok(standing) => {
                    tracing::error!(bid = %digest, ?standing, "a stored bid is left out");
                }
                Err(error) => return Err(RestoreError::Bid(error.to_string())),
            }
        }
        Ok(())
    }
}
