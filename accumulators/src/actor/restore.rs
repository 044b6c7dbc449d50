//! From the disk to the stage where an auction was when the node stopped, however it stopped.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use auction::bid::SealedBid;
use auction::book::{BidBook, Standing};
use auction::checking::verify_bids;
use auction::join::Auction;
use auction::layout::Digest;
use auction::receipts::Receipt;
use auction::wire::{MAX_ENCODED_BYTES, decode};

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
use crate::store::{BidRow, End, StorageKey, StoreError, StoredAuction};

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
    let (of, under) = (Arc::clone(&auction), key.clone());
    let StoredAuction { bids, receipts, own, messages, closed, wrong_shares, .. } = stored;
    let held = bids.iter().map(BidRow::length).sum();
    let book = core.site.pool.compute(move || restore_book(&of, &under, bids, &receipts)).await?;
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

/// The book of what is stored. Proofs are checked once more; shares opened their commitments when
/// they were sealed, and sealed they have not changed.
fn restore_book(
    auction: &Arc<Auction>,
    key: &StorageKey,
    rows: Vec<BidRow>,
    receipts: &[Vec<Receipt>],
) -> Result<BidBook, RestoreError> {
    let mut shares = HashMap::new();
    let mut bids = Vec::with_capacity(rows.len());
    for row in rows {
        let bid: SealedBid = decode(&row.bid, MAX_ENCODED_BYTES)
            .map_err(|error| RestoreError::Bid(error.to_string()))?;
        let digest = bid.digest();
        shares.insert(digest, key.open_share(&digest, &row.share)?);
        bids.push((digest, bid));
    }
    // A commit that failed may have left bids that were never receipted, too many even: those
    // whose receipts are all here come first.
    let complete: HashSet<Digest> =
        receipts.iter().filter_map(|all| Some(all.first()?.bid)).collect();
    bids.sort_by_key(|(digest, _)| !complete.contains(digest));
    let mut book = BidBook::new(Arc::clone(auction));
    let mut bids = bids.into_iter().map(|(_, bid)| bid).peekable();
    while bids.peek().is_some() {
        let part: Vec<SealedBid> = bids.by_ref().take(BATCH).collect();
        for verified in verify_bids(auction, part, &mut rand::rng()) {
            let verified = verified.map_err(|reason| RestoreError::Bid(reason.to_string()))?;
            let digest = verified.digest();
            let Some(share) = shares.remove(&digest) else { continue };
            match book.restore(verified, share) {
                Ok(Standing::New) => {}
                Ok(standing) => {
                    tracing::error!(bid = %digest, ?standing, "a stored bid is left out");
                }
                Err(error) => return Err(RestoreError::Bid(error.to_string())),
            }
        }
    }
    for all in receipts {
        if let Some(first) = all.first().filter(|first| book.holds(&first.bid)) {
            book.complete(&first.bid, all).map_err(|error| RestoreError::Bid(error.to_string()))?;
        }
    }
    Ok(book)
}
