//! The rows, and how a node finds its auctions again.

use std::collections::BTreeMap;

use auction::equivocation::Equivocation;
use auction::join::Join;
use auction::layout::Digest;
use auction::messages::RoundMessage;
use auction::outcome::{Outcome, Void};
use auction::receipts::Receipt;
use auction::spec::{EarlyClose, SignedSpec, Time};
use auction::wire::{MAX_ENCODED_BYTES, decode};
use link::service::PhaseReport;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::batch::Table;

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
    pub(crate) bids: Vec<BidRow>,
    pub(crate) receipts: Vec<Vec<Receipt>>,
    pub(crate) closed: Option<Closed>,
    /// By round.
    pub(crate) own: BTreeMap<u16, RoundMessage>,
    /// Fellows' messages, by round and accumulator.
    pub(crate) messages: BTreeMap<(u16, u8), RoundMessage>,
    pub(crate) findings: Vec<FindingRow>,
    pub(crate) end: Option<End>,
}

/// Reads all auctions.
pub(super) fn load(database: &Database) -> Result<Vec<StoredAuction>, StoreError> {
    let mut auctions = BTreeMap::new();
    for (key, row) in rows::<AuctionRow>(database, Table::Auctions)? {
        let Some(id) = id_of(&key) else { continue };
        let auction = StoredAuction {
            id,
            row,
            joins: BTreeMap::new(),
            early_close: None,
            bids: Vec::new(),
            receipts: Vec::new(),
            closed: None,
            own: BTreeMap::new(),
            messages: BTreeMap::new(),
            findings: Vec::new(),
            end: None,
        };
        auctions.insert(id, auction);
    }
    let all = &mut auctions;
    each(database, Table::Joins, all, |auction, join: Join| {
        auction.joins.insert(join.accumulator, join);
    })?;
    each(database, Table::EarlyCloses, all, |auction, row| auction.early_close = Some(row))?;
    each(database, Table::Bids, all, |auction, row| auction.bids.push(row))?;
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
    each(database, Table::Ends, all, |auction, row| auction.end = Some(row))?;
    Ok(auctions.into_values().collect())
}

fn each<T: Serialize + DeserializeOwned>(
    database: &Database,
    table: Table,
    auctions: &mut BTreeMap<Digest, StoredAuction>,
    mut take: impl FnMut(&mut StoredAuction, T),
) -> Result<(), StoreError> {
    for (key, row) in rows(database, table)? {
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
) -> Result<Rows<T>, StoreError> {
    let transaction = database.begin_read().map_err(StoreError::database)?;
    let name = table.name();
    let table = match transaction.open_table(table.definition()) {
        // Nothing was ever stored in it.
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        opened => opened.map_err(StoreError::database)?,
    };
    let mut rows = Vec::new();
    for row in table.iter().map_err(StoreError::database)? {
        let (key, value) = row.map_err(StoreError::database)?;
        let value = decode(value.value(), MAX_ENCODED_BYTES)
            .map_err(|reason| StoreError::Row { table: name, reason })?;
        rows.push((key.value().to_vec(), value));
    }
    Ok(rows)
}

fn id_of(key: &[u8]) -> Option<Digest> {
    key.first_chunk().map(|id| Digest(*id))
}
