//! What a node's directory would tell whoever took it: for operators after a disaster, and for
//! the tests that no directory of `m - 1` nodes holds a bid.

use std::path::Path;

use auction::bid::SealedBid;
use auction::dispute::{Setting, ShareEvidence};
use auction::layout::Digest;
use auction::shares::Share;
use redb::Database;

use super::{STORE_FILE, StoreError, Vault, records};

/// One bid as one node holds it.
pub struct HeldBid {
    /// The sealed bid.
    pub bid: SealedBid,
    /// The node's share, as long as the auction's storage key exists.
    pub share: Option<Share>,
}

/// The shares of an auction that this node refused for themselves, each evidence against its
/// bidder where the auction's joins are still there. A share of a bid that was taken after all is
/// not among them.
///
/// # Errors
/// [`StoreError`] when the store cannot be read, or is in use.
pub fn wrong_shares(dir: &Path, auction: &Digest) -> Result<Vec<ShareEvidence>, StoreError> {
    let database = Database::open(dir.join(STORE_FILE)).map_err(StoreError::database)?;
    let kept = records::ended(&database, auction)?;
    let Some(row) = kept.row else { return Ok(Vec::new()) };
    let setting = Setting { spec: row.spec, joins: kept.joins };
    let shares = records::wrong_shares(&database, auction)?;
    let evidence = shares.into_iter().map(|share| ShareEvidence {
        setting: setting.clone(),
        bid: share.bid,
        delivery: share.delivery,
    });
    Ok(evidence.collect())
}

/// Reads the bids of an auction from the directory of a node that is not running.
///
/// # Errors
/// [`StoreError`] when the store cannot be read, or is in use.
pub fn held_bids(dir: &Path, auction: &Digest) -> Result<Vec<HeldBid>, StoreError> {
    let database = Database::open(dir.join(STORE_FILE)).map_err(StoreError::database)?;
    let key = Vault::open(dir)
        .map_err(|error| StoreError::File { path: dir.to_owned(), reason: error.to_string() })?
        .find(*auction)
        .ok();
    let (mut held, mut after) = (Vec::new(), None);
    loop {
        let rows = records::next_bids(&database, auction, after.as_ref())?;
        let Some((last, _)) = rows.last() else { return Ok(held) };
        after = Some(*last);
        for (_, row) in rows {
            let bid = row.sealed()?;
            let share = match &key {
                Some(key) => Some(key.open_share(&bid.digest(), &row.share)?),
                None => None,
            };
            held.push(HeldBid { bid, share });
        }
    }
}
