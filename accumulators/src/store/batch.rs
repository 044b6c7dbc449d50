//! What is stored together or not at all.

use auction::bid::SealedBid;
use auction::checking::WrongShare;
use auction::join::Join;
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::messages::RoundMessage;
use auction::receipts::Receipt;
use auction::spec::EarlyClose;
use auction::wire::encode;
use redb::TableDefinition;
use serde::Serialize;
use witness::LedgerKey;

use super::StoreError;
use super::records::{
    AuctionRow, BidRow, Closed, End, FindingRow, TombEnd, TombRow, WatchRow, WrongShareRow,
};

/// Above everything that a key says after its auction id: that is at most 32 bytes.
pub(super) const AFTER_ALL: [u8; 33] = [0xff; 33];

/// The tables. Every key begins with an auction id, but those of watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// id: spec and sealed secrets. Stays where the auction is done.
    Auctions,
    /// id, accumulator: join.
    Joins,
    /// id: the seller's early close.
    EarlyCloses,
    /// id, bidder's key: sealed bid and sealed share. One bid a key.
    Bids,
    /// id, bid: receipts of all accumulators.
    Receipts,
    /// id: that and when the book was closed.
    Closed,
    /// id, round: own message.
    Own,
    /// id, round, accumulator: a fellow's message.
    Messages,
    /// id, number: finding.
    Findings,
    /// id: how it ended.
    Ends,
    /// id: what is kept of an auction that has ended and has nothing left to deliver.
    Tombs,
    /// Settlement server's key, ledger id: what this node as a witness has seen of it.
    Watches,
    /// id, number: a share that was refused for itself, with its bid, as its bidder signed it.
    WrongShares,
}

impl Table {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auctions => "auctions",
            Self::Joins => "joins",
            Self::EarlyCloses => "early closes",
            Self::Bids => "bids",
            Self::Receipts => "receipts",
            Self::Closed => "closed",
            Self::Own => "own messages",
            Self::Messages => "messages",
            Self::Findings => "findings",
            Self::Ends => "ends",
            Self::Tombs => "tombs",
            Self::Watches => "watches",
            Self::WrongShares => "wrong shares",
        }
    }

    pub(super) fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(self.name())
    }
}

/// One change.
pub(super) enum Operation {
    Put(Table, Vec<u8>, Vec<u8>),
    Delete(Table, Vec<u8>),
    /// All rows from one key on and before another.
    Clear(Table, Vec<u8>, Vec<u8>),
}

/// Changes that are stored together or not at all, in their order.
#[derive(Default)]
pub(crate) struct Batch {
    operations: Vec<Operation>,
    failed: Option<StoreError>,
}

impl Batch {
    /// A new auction, or an old one without its secrets.
    pub(crate) fn auction(&mut self, id: &Digest, row: &AuctionRow) -> &mut Self {
        self.put(Table::Auctions, id.0.to_vec(), row)
    }

    /// An accumulator's join.
    pub(crate) fn join(&mut self, join: &Join) -> &mut Self {
        self.put(Table::Joins, key(&join.auction, &[join.accumulator]), join)
    }

    /// The seller's early close.
    pub(crate) fn early_close(&mut self, close: &EarlyClose) -> &mut Self {
        self.put(Table::EarlyCloses, close.auction.0.to_vec(), close)
    }

    /// A bid that is checked. Replaces what the key bid before, which was never receipted.
    pub(crate) fn bid(&mut self, id: &Digest, bid: &SealedBid, row: &BidRow) -> &mut Self {
        self.put(Table::Bids, key(id, &bid.bidder.0), row)
    }

    /// Takes back a bid that was not receipted.
    pub(crate) fn forget_bid(&mut self, id: &Digest, bidder: &PublicKey) -> &mut Self {
        self.operations.push(Operation::Delete(Table::Bids, key(id, &bidder.0)));
        self
    }

    /// The receipts of all accumulators for a bid.
    pub(crate) fn receipts(&mut self, id: &Digest, bid: &Digest, all: &[Receipt]) -> &mut Self {
        self.put(Table::Receipts, key(id, &bid.0), &all)
    }

    /// The book is closed.
    pub(crate) fn closed(&mut self, id: &Digest, closed: Closed) -> &mut Self {
        self.put(Table::Closed, id.0.to_vec(), &closed)
    }

    /// This node's message of a round.
    pub(crate) fn own(&mut self, id: &Digest, message: &RoundMessage) -> &mut Self {
        self.put(Table::Own, key(id, &message.body.round.to_be_bytes()), message)
    }

    /// A fellow's message of a round.
    pub(crate) fn message(&mut self, id: &Digest, message: &RoundMessage) -> &mut Self {
        let [high, low] = message.body.round.to_be_bytes();
        self.put(Table::Messages, key(id, &[high, low, message.body.accumulator]), message)
    }

    /// A wrong that was found.
    pub(crate) fn finding(&mut self, id: &Digest, number: u32, row: &FindingRow) -> &mut Self {
        self.put(Table::Findings, key(id, &number.to_be_bytes()), row)
    }

    /// What was seen of a settlement server.
    pub(crate) fn watch(&mut self, row: &WatchRow) -> &mut Self {
        self.put(Table::Watches, watch_key(row.watch.of()), row)
    }

    /// Forgets what was seen of a settlement server.
    pub(crate) fn forget_watch(&mut self, of: &LedgerKey) -> &mut Self {
        self.operations.push(Operation::Delete(Table::Watches, watch_key(of)));
        self
    }

    /// A share that was refused for itself.
    pub(crate) fn wrong_share(
        &mut self,
        id: &Digest,
        bid: &Digest,
        share: &WrongShare,
    ) -> &mut Self {
        let row = WrongShareRow { bid: (*share.bid).clone(), delivery: share.delivery.clone() };
        self.put(Table::WrongShares, key(id, &bid.0), &row)
    }

    /// The bid was taken after all: the share that was refused before says nothing any more.
    pub(crate) fn forget_wrong_share(&mut self, id: &Digest, bid: &Digest) -> &mut Self {
        self.operations.push(Operation::Delete(Table::WrongShares, key(id, &bid.0)));
        self
    }

    /// How an auction ended.
    pub(crate) fn end(&mut self, id: &Digest, end: &End) -> &mut Self {
        self.put(Table::Ends, id.0.to_vec(), end)
    }

    /// Forgets bids, shares, receipts, fellows' messages, and this node's messages of rounds
    /// before `round`. The tombstone stays.
    pub(crate) fn forget_auction(&mut self, id: &Digest, round: u16) -> &mut Self {
        let (first, next) = (id.0.to_vec(), key(id, &AFTER_ALL));
        for table in [Table::Bids, Table::Receipts, Table::Messages] {
            self.operations.push(Operation::Clear(table, first.clone(), next.clone()));
        }
        let next = key(id, &round.to_be_bytes());
        self.operations.push(Operation::Clear(Table::Own, first, next));
        self
    }

    /// Nothing is left to deliver: a small row tells how the auction ended. Of one that is not
    /// done, findings with their evidence alone stay beside it.
    pub(crate) fn bury(&mut self, id: &Digest, tomb: &TombRow) -> &mut Self {
        self.put(Table::Tombs, id.0.to_vec(), tomb);
        self.clear(id, &[Table::Bids, Table::Receipts, Table::Messages]);
        self.clear(id, &[Table::Own, Table::Closed]);
        if tomb.end != TombEnd::Done {
            self.clear(id, &[Table::Auctions, Table::Joins, Table::EarlyCloses, Table::Ends]);
        }
        self
    }

    /// Forgets that there was such an auction.
    pub(crate) fn forget_tomb(&mut self, id: &Digest) -> &mut Self {
        self.clear(id, &[Table::Tombs, Table::Findings, Table::WrongShares])
    }

    /// Takes back a join of which nobody has heard.
    pub(crate) fn forget_join(&mut self, id: &Digest) -> &mut Self {
        self.clear(id, &[Table::Auctions, Table::Joins])
    }

    fn clear(&mut self, id: &Digest, tables: &[Table]) -> &mut Self {
        let (first, next) = (id.0.to_vec(), key(id, &AFTER_ALL));
        for table in tables {
            self.operations.push(Operation::Clear(*table, first.clone(), next.clone()));
        }
        self
    }

    /// Whether there is anything to store.
    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty() && self.failed.is_none()
    }

    pub(super) fn finish(self) -> Result<Vec<Operation>, StoreError> {
        self.failed.map_or(Ok(self.operations), Err)
    }

    fn put<T: Serialize>(&mut self, table: Table, key: Vec<u8>, value: &T) -> &mut Self {
        match encode(value) {
            Ok(bytes) => self.operations.push(Operation::Put(table, key, bytes)),
            Err(reason) => self.failed = Some(StoreError::Row { table: table.name(), reason }),
        }
        self
    }
}

fn watch_key(of: &LedgerKey) -> Vec<u8> {
    [of.server.0, of.ledger.0].concat()
}

pub(super) fn key(id: &Digest, rest: &[u8]) -> Vec<u8> {
    [&id.0[..], rest].concat()
}
