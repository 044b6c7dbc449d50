//! The rows, and how a node finds its auctions again.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use auction::bid::{SealedBid, ShareDelivery};
use auction::equivocation::Equivocation;
use auction::join::Join;
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::messages::RoundMessage;
use auction::outcome::{Outcome, Void};
use auction::receipts::Receipt;
use auction::spec::{EarlyClose, SignedSpec, Time};
use auction::wire::{MAX_ENCODED_BYTES, WireError, decode};
use link::service::PhaseReport;
use redb::{Database, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _, TableError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use witness::Watch;

use super::StoreError;
use super::batch::{AFTER_ALL, Table, key as key_of};
use crate::limits::{BATCH, READ_BYTES};

/// An auction that this node joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuctionRow {
    /// The terms.
    pub(crate) spec: SignedSpec,
    /// This node's number in it.
    pub(crate) me: u8,
    /// The party's secrets, sealed; empty once they are erased.
    pub(crate) secret: Vec<u8>,
}

/// A bid that this node took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BidRow {
    /// The sealed bid, encoded.
    pub(crate) bid: Vec<u8>,
    /// This node's share, sealed.
    pub(crate) share: Vec<u8>,
}

impl BidRow {
    /// The sealed bid.
    ///
    /// # Errors
    /// [`StoreError::Row`] when it is damaged.
    pub(crate) fn sealed(&self) -> Result<SealedBid, StoreError> {
        decoded(Table::Bids, &self.bid)
    }

    /// Bytes that it holds.
    pub(crate) fn length(&self) -> u64 {
        (self.bid.len() + self.share.len()) as u64
    }
}

/// When the book was closed, and what it took until then.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// By the node's clock.
    pub(crate) at: Time,
    /// Bytes of submissions taken since the node was last started.
    pub(crate) bytes: u64,
}

/// A wrong that was found, in words and where there is some with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FindingRow {
    /// In words.
    pub(crate) text: String,
    /// What convinces others.
    pub(crate) evidence: Option<Equivocation>,
}

/// What this node has seen of a settlement server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WatchRow {
    /// What was accepted.
    pub(crate) watch: Watch,
    /// Since when it is watched, by the node's clock.
    pub(crate) since: Time,
    /// When it last answered.
    pub(crate) heard: Option<Time>,
}

/// A share that was refused for itself, as its bidder signed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WrongShareRow {
    /// The bid.
    pub(crate) bid: SealedBid,
    /// The share.
    pub(crate) delivery: ShareDelivery,
}

/// How an auction ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum End {
    /// With an outcome; its transcript is kept.
    Done(Outcome, Vec<PhaseReport>),
    /// Stopped by a fault, in words; and the word that nothing more is sent.
    Stopped(String, Void),
    /// Without an outcome; the word that nothing more is sent.
    Void(Void),
}

/// Everything stored of one auction.
pub(crate) struct StoredAuction {
    pub(crate) id: Digest,
    pub(crate) row: AuctionRow,
    pub(crate) joins: BTreeMap<u8, Join>,
    pub(crate) early_close: Option<EarlyClose>,
    /// How many bids are stored. They are read some at a time, by [`super::Store::next_bids`].
    pub(crate) bids: u32,
    pub(crate) receipts: Vec<Vec<Receipt>>,
    pub(crate) closed: Option<Closed>,
    /// By round.
    pub(crate) own: BTreeMap<u16, RoundMessage>,
    /// Fellows' messages, by round and accumulator.
    pub(crate) messages: BTreeMap<(u16, u8), RoundMessage>,
    pub(crate) findings: Vec<FindingRow>,
    /// Bids of which a share was refused for itself and is kept.
    pub(crate) wrong_shares: HashSet<Digest>,
    pub(crate) end: Option<End>,
}

/// What is kept of an auction that has nothing left to deliver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TombRow {
    /// The spec's last time.
    pub(crate) last: Time,
    /// Bids receipted by this accumulator.
    pub(crate) bids: u32,
    /// How it ended.
    pub(crate) end: TombEnd,
}

/// How a buried auction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TombEnd {
    /// With an outcome.
    Done,
    /// Stopped by a fault, in words.
    Stopped(String),
    /// Without an outcome.
    Void,
}

/// All that is kept of an ended auction.
pub(crate) struct EndedAuction {
    /// How it ended, once it is buried.
    pub(crate) tomb: Option<TombRow>,
    /// The terms, of one that is done.
    pub(crate) row: Option<AuctionRow>,
    pub(crate) joins: Vec<Join>,
    pub(crate) early_close: Option<EarlyClose>,
    pub(crate) findings: Vec<FindingRow>,
    pub(crate) end: Option<End>,
}

/// Everything stored: auctions that go on, and what is left of others.
pub(crate) struct Stored {
    pub(crate) auctions: Vec<StoredAuction>,
    pub(crate) tombs: BTreeMap<Digest, TombRow>,
    /// What was seen of settlement servers.
    pub(crate) watches: Vec<WatchRow>,
}

/// Reads what is kept of one ended auction.
pub(super) fn ended(database: &Database, id: &Digest) -> Result<EndedAuction, StoreError> {
    Ok(EndedAuction {
        tomb: rows_of(database, Table::Tombs, id)?.pop(),
        row: rows_of(database, Table::Auctions, id)?.pop(),
        joins: rows_of(database, Table::Joins, id)?,
        early_close: rows_of(database, Table::EarlyCloses, id)?.pop(),
        findings: rows_of(database, Table::Findings, id)?,
        end: rows_of(database, Table::Ends, id)?.pop(),
    })
}

/// Reads all auctions; of buried ones the tombs alone.
pub(super) fn load(database: &Database) -> Result<Stored, StoreError> {
    let mut tombs = BTreeMap::new();
    for (key, tomb) in rows::<TombRow>(database, Table::Tombs, |_| true)? {
        tombs.extend(id_of(&key).map(|id| (id, tomb)));
    }
    let mut auctions = BTreeMap::new();
    for (key, row) in rows::<AuctionRow>(database, Table::Auctions, |id| !tombs.contains_key(id))? {
        let Some(id) = id_of(&key) else { continue };
        let auction = StoredAuction {
            id,
            row,
            joins: BTreeMap::new(),
            early_close: None,
            bids: 0,
            receipts: Vec::new(),
            closed: None,
            own: BTreeMap::new(),
            messages: BTreeMap::new(),
            findings: Vec::new(),
            wrong_shares: HashSet::new(),
            end: None,
        };
        auctions.insert(id, auction);
    }
    let all = &mut auctions;
    each(database, Table::Joins, all, |auction, join: Join| {
        auction.joins.insert(join.accumulator, join);
    })?;
    each(database, Table::EarlyCloses, all, |auction, row| auction.early_close = Some(row))?;
    count_bids(database, all)?;
    each(database, Table::Receipts, all, |auction, row| auction.receipts.push(row))?;
    each(database, Table::Closed, all, |auction, row| auction.closed = Some(row))?;
    each(database, Table::Own, all, |auction, message: RoundMessage| {
        auction.own.insert(message.body.round, message);
    })?;
    each(database, Table::Messages, all, |auction, message: RoundMessage| {
        let place = (message.body.round, message.body.accumulator);
        auction.messages.insert(place, message);
    })?;
    each(database, Table::Findings, all, |auction, row| auction.findings.push(row))?;
    each(database, Table::WrongShares, all, |auction, row: WrongShareRow| {
        auction.wrong_shares.insert(row.delivery.bid);
    })?;
    each(database, Table::Ends, all, |auction, row| auction.end = Some(row))?;
    let watches = rows(database, Table::Watches, |_| true)?;
    let watches = watches.into_iter().map(|(_, row)| row).collect();
    Ok(Stored { auctions: auctions.into_values().collect(), tombs, watches })
}

/// Counts the bids of all auctions, without decoding them.
fn count_bids(
    database: &Database,
    auctions: &mut BTreeMap<Digest, StoredAuction>,
) -> Result<(), StoreError> {
    let Some(open) = open(database, Table::Bids)? else { return Ok(()) };
    for row in open.iter().map_err(StoreError::database)? {
        let (key, _) = row.map_err(StoreError::database)?;
        if let Some(auction) = id_of(key.value()).and_then(|id| auctions.get_mut(&id)) {
            auction.bids += 1;
        }
    }
    Ok(())
}

/// Reads the first of the bids of these keys in an auction, in their order: until one is not there,
/// or they are long enough for one question.
pub(super) fn find_bids(
    database: &Database,
    id: &Digest,
    bidders: &[PublicKey],
) -> Result<Vec<BidRow>, StoreError> {
    let Some(open) = open(database, Table::Bids)? else { return Ok(Vec::new()) };
    let (mut bids, mut bytes) = (Vec::new(), 0);
    for bidder in bidders {
        let key = key_of(id, &bidder.0);
        let Some(row) = open.get(&key[..]).map_err(StoreError::database)? else { break };
        bytes += row.value().len();
        bids.push(decoded(Table::Bids, row.value())?);
        if bytes >= READ_BYTES {
            break;
        }
    }
    Ok(bids)
}

/// Reads some bids of an auction, those behind the bid of a key or the first, with their keys.
pub(super) fn next_bids(
    database: &Database,
    id: &Digest,
    after: Option<&PublicKey>,
) -> Result<Vec<(PublicKey, BidRow)>, StoreError> {
    let Some(open) = open(database, Table::Bids)? else { return Ok(Vec::new()) };
    let before = after.map_or_else(|| id.0.to_vec(), |bidder| key_of(id, &bidder.0));
    let end = key_of(id, &AFTER_ALL);
    let range = (Bound::Excluded(&before[..]), Bound::Excluded(&end[..]));
    let (mut bids, mut bytes) = (Vec::new(), 0);
    for row in open.range::<&[u8]>(range).map_err(StoreError::database)?.take(BATCH) {
        if bytes >= READ_BYTES {
            break;
        }
        let (key, value) = row.map_err(StoreError::database)?;
        bytes += value.value().len();
        let bidder = key.value().last_chunk().map(|bidder| PublicKey(*bidder));
        let bidder = bidder.ok_or(StoreError::Row {
            table: Table::Bids.name(),
            reason: WireError::NotCanonical,
        })?;
        bids.push((bidder, decoded(Table::Bids, value.value())?));
    }
    Ok(bids)
}

/// Reads the shares of an auction that were refused for themselves.
pub(super) fn wrong_shares(
    database: &Database,
    id: &Digest,
) -> Result<Vec<WrongShareRow>, StoreError> {
    rows_of(database, Table::WrongShares, id)
}

fn each<T: Serialize + DeserializeOwned>(
    database: &Database,
    table: Table,
    auctions: &mut BTreeMap<Digest, StoredAuction>,
    mut take: impl FnMut(&mut StoredAuction, T),
) -> Result<(), StoreError> {
    for (key, row) in rows(database, table, |id| auctions.contains_key(id))? {
        if let Some(auction) = id_of(&key).and_then(|id| auctions.get_mut(&id)) {
            take(auction, row);
        }
    }
    Ok(())
}

type Rows<T> = Vec<(Vec<u8>, T)>;

fn rows<T: Serialize + DeserializeOwned>(
    database: &Database,
    table: Table,
    wanted: impl Fn(&Digest) -> bool,
) -> Result<Rows<T>, StoreError> {
    let Some(open) = open(database, table)? else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for row in open.iter().map_err(StoreError::database)? {
        let (key, value) = row.map_err(StoreError::database)?;
        if id_of(key.value()).is_some_and(|id| wanted(&id)) {
            rows.push((key.value().to_vec(), decoded(table, value.value())?));
        }
    }
    Ok(rows)
}

fn rows_of<T: Serialize + DeserializeOwned>(
    database: &Database,
    table: Table,
    id: &Digest,
) -> Result<Vec<T>, StoreError> {
    let Some(open) = open(database, table)? else { return Ok(Vec::new()) };
    let (first, next) = (id.0.to_vec(), key_of(id, &AFTER_ALL));
    let mut rows = Vec::new();
    for row in open.range(&first[..]..&next[..]).map_err(StoreError::database)? {
        let (_, value) = row.map_err(StoreError::database)?;
        rows.push(decoded(table, value.value())?);
    }
    Ok(rows)
}

type OpenTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Nothing where nothing was ever stored in it.
fn open(database: &Database, table: Table) -> Result<Option<OpenTable>, StoreError> {
    let transaction = database.begin_read().map_err(StoreError::database)?;
    match transaction.open_table(table.definition()) {
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        opened => opened.map(Some).map_err(StoreError::database),
    }
}

fn decoded<T: Serialize + DeserializeOwned>(table: Table, bytes: &[u8]) -> Result<T, StoreError> {
    decode(bytes, MAX_ENCODED_BYTES)
        .map_err(|reason| StoreError::Row { table: table.name(), reason })
}

fn id_of(key: &[u8]) -> Option<Digest> {
    key.first_chunk().map(|id| Digest(*id))
}
