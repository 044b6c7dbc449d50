//! From the disk to the stage where an auction was when the node stopped, however it stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use auction::bid::SealedBid;
use auction::book::{BidBook, Standing};
use auction::checking::{CheckedBid, verify_bids};
use auction::join::Auction;
use auction::receipts::Receipt;
use auction::wire::{MAX_ENCODED_BYTES, decode};

use super::Stage;
use super::core::{Core, compute};
use super::ended::erase;
use super::engine::Engine;
use super::halted::Halted;
use super::joining::{Joining, open_auction, push_join};
use super::report::Reporter;
use super::rounds::Rounds;
use super::taking::{Taking, bids_report};
use super::view::missing;
use crate::limits::BATCH;
use crate::store::{BidRow, End, StorageKey, StoreError, StoredAuction};

/// Why a stored auction cannot go on. Always this node's own trouble.
#[derive(Debug, thiserror::Error)]
enum RestoreError {
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
        Err(error) => Halted::stage(error.to_string()),
    }
}

async fn ended(core: &mut Core, end: &End, stored: &StoredAuction) -> Stage {
    // A kill may have come between the end and the erasure.
    if !stored.row.secret.is_empty() {
        erase(core).await;
    }
    if matches!(end, End::Done(..)) && core.now() < core.spec().last {
        // Fellows may lack the messages of the last two rounds.
        let skipped = stored.own.len().saturating_sub(2);
        for message in stored.own.values().skip(skipped) {
            core.broadcast(message);
        }
    }
    Stage::Ended
}

async fn resume(core: &mut Core, stored: StoredAuction) -> Result<Stage, RestoreError> {
    let key = core.site.vault.find(stored.id)?;
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
    let StoredAuction { bids, receipts, own, messages, closed, .. } = stored;
    let book = compute(move || restore_book(&of, &under, bids, &receipts)).await?;
    let bids = book.len();
    // At most the spec's most bids.
    core.shared.update(|view| view.state.bids = bids as u32);
    let Some(closed) = closed else {
        tracing::info!(auction = %core.id(), bids, "resumed, taking bids");
        return Ok(Taking::new(core, auction, key, secret, book).await);
    };
    let (me, identity) = (core.me(), Arc::clone(&core.site.identity));
    let reporter = Reporter::new(vec![bids_report(core, closed.at, closed.bytes)]);
    let engine = compute(move || {
        let mut engine = Engine::new(auction, me, identity, secret, book.close(), Vec::new());
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
    let mut book = BidBook::new(Arc::clone(auction));
    let mut rows = rows.into_iter();
    loop {
        let part: Vec<BidRow> = rows.by_ref().take(BATCH).collect();
        if part.is_empty() {
            break;
        }
        let mut bids: Vec<SealedBid> = Vec::new();
        let mut shares = BTreeMap::new();
        for row in part {
            let bid: SealedBid = decode(&row.bid, MAX_ENCODED_BYTES)
                .map_err(|error| RestoreError::Bid(error.to_string()))?;
            let digest = bid.digest();
            shares.insert(digest, key.open_share(&digest, &row.share)?);
            bids.push(bid);
        }
        for verified in verify_bids(auction, bids, &mut rand::rng()) {
            let verified = verified.map_err(|reason| RestoreError::Bid(reason.to_string()))?;
            let Some(share) = shares.remove(&verified.digest()) else { continue };
            match book.accept(CheckedBid { verified, share }) {
                Ok(Standing::New) => {}
                Ok(other) => return Err(RestoreError::Bid(format!("{other:?}"))),
                Err(error) => return Err(RestoreError::Bid(error.to_string())),
            }
        }
    }
    for all in receipts {
        if let Some(first) = all.first().filter(|first| book.holds(&first.bid)) {
            book.complete(&first.bid, all)
                .map_err(|error| RestoreError::Bid(error.to_string()))?;
        }
    }
    Ok(book)
}
