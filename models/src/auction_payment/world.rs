//! Everything around the server: seller, two bidders, the accumulators as one, time, messages.

use super::server::{Server, Verdict, View};
use super::setting::{Bidder, Book, FUNDS, Phase, outcome_of};

/// Who does not keep to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Liars {
    /// The seller.
    pub seller: bool,
    /// Bidder A, who wins when his bid counts.
    pub bidder: bool,
    /// One accumulator at least: it sees the price and holds its last message back.
    pub accumulator: bool,
}

impl Liars {
    /// Nobody lies.
    pub const NONE: Self = Self { seller: false, bidder: false, accumulator: false };
    /// Everybody may lie, and need not: all that happens with fewer liars happens here too.
    pub const ALL: Self = Self { seller: true, bidder: true, accumulator: true };
}

/// What can be left out of the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// The seller keeps the goods key until he has seen the price.
    KeyWithSeller,
    /// The server gives tickets without holding anything.
    NoBond,
    /// The server takes the seller's word, before V, that the auction is off.
    SellerMayCancel,
    /// The server gives the key away when the transcript is there, whether or not it is paid.
    KeyOnTranscript,
}

/// What travels. A message that was sent may arrive at any time, again, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// The seller's goods key, to the server.
    Deposit,
    /// The server's escrow receipt, to the seller.
    Receipt,
    /// An order for a bond, to the server.
    Order(Bidder),
    /// The ticket, to the bidder.
    Ticket(Bidder),
    /// The sealed bid with its ticket, to the accumulators.
    Bid(Bidder),
    /// The complete transcript, to the server.
    Transcript,
}

impl Message {
    /// Every message.
    pub const ALL: [Self; 9] = [
        Self::Deposit,
        Self::Receipt,
        Self::Order(Bidder::A),
        Self::Order(Bidder::B),
        Self::Ticket(Bidder::A),
        Self::Ticket(Bidder::B),
        Self::Bid(Bidder::A),
        Self::Bid(Bidder::B),
        Self::Transcript,
    ];

    /// Whom it is for.
    #[must_use]
    pub fn receiver(self) -> Party {
        match self {
            Self::Deposit | Self::Order(_) | Self::Transcript => Party::Server,
            Self::Receipt => Party::Seller,
            Self::Ticket(bidder) => Party::of(bidder),
            Self::Bid(_) => Party::Accumulators,
        }
    }
}

/// Who can stop and come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The seller.
    Seller,
    /// Bidder A.
    A,
    /// Bidder B.
    B,
    /// The settlement server.
    Server,
    /// The accumulators, who are one party here.
    Accumulators,
}

impl Party {
    /// Everybody.
    pub const ALL: [Self; 5] = [Self::Seller, Self::A, Self::B, Self::Server, Self::Accumulators];

    /// The party that a bidder is.
    #[must_use]
    pub fn of(bidder: Bidder) -> Self {
        match bidder {
            Bidder::A => Self::A,
            Bidder::B => Self::B,
        }
    }
}

/// A set of messages, or of parties, a bit each: states are copied and compared by the million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Set(u16);

impl Set {
    pub(super) fn has(self, bit: usize) -> bool {
        self.0 >> bit & 1 == 1
    }

    pub(super) fn put(&mut self, bit: usize, is: bool) {
        self.0 = self.0 & !(1 << bit) | u16::from(is) << bit;
    }
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct World {
    pub(super) liars: Liars,
    pub(super) phase: Phase,
    pub(super) server: Server,
    /// By number in [`Message::ALL`]: what was ever sent.
    sent: Set,
    /// By party: whether it is stopped.
    stopped: Set,
    pub(super) has_receipt: bool,
    pub(super) joined: bool,
    pub(super) ordered: [bool; 2],
    pub(super) ticket: [bool; 2],
    /// By bidder: whether he spent his money elsewhere.
    pub(super) spent: [bool; 2],
    pub(super) has_key: [bool; 2],
    /// The bids that all accumulators receipted.
    pub(super) book: Book,
    /// The accumulators know the price.
    pub(super) computed: bool,
    /// The transcript is complete, and everybody has read it.
    pub(super) out: bool,
    /// The seller has handed the key over: only where he keeps it.
    pub(super) key_handed_over: bool,
}

impl World {
    /// Before anything has happened.
    #[must_use]
    pub fn new(liars: Liars) -> Self {
        Self {
            liars,
            phase: Phase::Open,
            server: Server::default(),
            sent: Set::default(),
            stopped: Set::default(),
            has_receipt: false,
            joined: false,
            ordered: [false; 2],
            ticket: [false; 2],
            spent: [false; 2],
            has_key: [false; 2],
            book: [false; 2],
            computed: false,
            out: false,
            key_handed_over: false,
        }
    }

    /// Every message that was ever sent.
    pub(super) fn sent(&self) -> impl Iterator<Item = Message> {
        let sent = self.sent;
        Message::ALL.into_iter().enumerate().filter(move |(n, _)| sent.has(*n)).map(|(_, m)| m)
    }

    /// Sends a message.
    pub(super) fn send(&mut self, message: Message) {
        for (n, _) in Message::ALL.iter().enumerate().filter(|(_, one)| **one == message) {
            self.sent.put(n, true);
        }
    }

    /// Whether a party is stopped.
    pub(super) fn is_stopped(&self, party: Party) -> bool {
        self.stopped.has(party as usize)
    }

    /// Stops a party, or lets it come back.
    pub(super) fn stop(&mut self, party: Party, is: bool) {
        self.stopped.put(party as usize, is);
    }

    /// What a bidder paid in this auction.
    pub(super) fn charged(&self, view: &View, bidder: Bidder) -> i64 {
        // FUNDS is a few units.
        let funds = FUNDS as i64;
        let i = bidder as usize;
        funds - view.posted[i] - if self.spent[i] { funds } else { 0 }
    }

    /// Whether a decision is the one that the bids give.
    pub(super) fn is_true(&self, verdict: Verdict) -> bool {
        match (verdict, outcome_of(self.book)) {
            (Verdict::Sale { winner, price, .. }, Some((true_winner, true_price))) => {
                winner == true_winner && price.unsigned_abs() == true_price
            }
            (Verdict::NoSale, None) => true,
            _ => false,
        }
    }
}
