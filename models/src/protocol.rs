//! The form in which every exchange of goods for money is written down: two parties, a server
//! that both trust, messages, and what each side does when one comes.

use std::fmt::Debug;
use std::hash::Hash;

use crate::goods::Content;

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Buys.
    Customer,
    /// Sells.
    Merchant,
    /// Keeps the money: payment server, bank, card company. It follows the protocol, but it may
    /// be down, and it always comes back with what it has flushed.
    Server,
}

impl Party {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Merchant, Self::Server];

    /// The word for it, with its article.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "the customer",
            Self::Merchant => "the merchant",
            Self::Server => "the server",
        }
    }
}

/// Who does not keep to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Liars {
    /// The customer lies.
    pub customer: bool,
    /// The merchant lies.
    pub merchant: bool,
}

impl Liars {
    /// Nobody lies.
    pub const NONE: Self = Self { customer: false, merchant: false };
    /// Every combination.
    pub const ALL: [Self; 4] = [
        Self::NONE,
        Self { customer: false, merchant: true },
        Self { customer: true, merchant: false },
        Self { customer: true, merchant: true },
    ];

    /// Whether a party lies.
    #[must_use]
    pub fn includes(self, party: Party) -> bool {
        match party {
            Party::Customer => self.customer,
            Party::Merchant => self.merchant,
            Party::Server => false,
        }
    }
}

/// What is true of an exchange at some moment: all that the properties speak of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// All money, in accounts and as coins that somebody may take for his, less all there was.
    pub money_made: i64,
    /// What the customer was charged for this exchange.
    pub charged: i64,
    /// What she agreed to pay for it.
    pub agreed: i64,
    /// What the merchant got for it.
    pub credited: i64,
    /// What the customer has in the clear.
    pub received: Option<Content>,
    /// The key on record does not open what the merchant encrypted.
    pub wrong_key: bool,
    /// An honest customer is reported as a double spender.
    pub accused: bool,
    /// What the customer can make a judge believe that she received.
    pub customer_proves: Vec<Content>,
    /// What the merchant can make a judge believe that she received.
    pub merchant_proves: Vec<Content>,
}

/// A protocol of exchange.
pub trait Protocol: Clone + Send + Sync + 'static {
    /// A message with its content; it never carries more than its sender knew.
    type Message: Copy + Ord + Hash + Debug + Send + Sync;
    /// What a party does unasked: begin, ask again, change its mind, lie.
    type Move: Copy + Eq + Debug + Send + Sync;
    /// What all parties remember, each in a field of its own.
    type Memory: Clone + Eq + Hash + Debug + Send + Sync;

    /// Every way to begin; a liar's choices that nobody can see yet are made here.
    fn begin(&self, liars: Liars) -> Vec<Self::Memory>;

    /// What the parties may do unasked now.
    fn moves(&self, memory: &Self::Memory, liars: Liars) -> Vec<(Party, Self::Move)>;

    /// A party does it, and sends what it sends.
    fn make(&self, memory: &mut Self::Memory, what: Self::Move) -> Vec<Self::Message>;

    /// Messages that may arrive now though no step sent them: questions and cancellations, which
    /// their senders may send at any time from now on, and what liars can make. To send them would
    /// change nothing of what anybody remembers, so it is no step of its own; a message that could
    /// have been sent, and does not arrive, is one that was lost or never sent.
    fn at_any_time(&self, memory: &Self::Memory, liars: Liars) -> Vec<Self::Message> {
        let _ = (memory, liars);
        vec![]
    }

    /// Whom a message is for.
    fn addressee(&self, message: Self::Message) -> Party;

    /// Its addressee receives a message, and answers. A message that comes again must change
    /// nothing that it should not: that is the protocol's own business.
    fn receive(&self, memory: &mut Self::Memory, message: Self::Message) -> Vec<Self::Message>;

    /// The questions that a party can put to the server at any time, even long afterwards.
    fn questions(&self, memory: &Self::Memory, party: Party) -> Vec<Self::Message>;

    /// Whether a party has nothing left to wait for.
    fn is_done(&self, memory: &Self::Memory, party: Party) -> bool;

    /// A party's process dies: what it had not flushed is gone.
    fn forget(&self, memory: &mut Self::Memory, party: Party) {
        let _ = (memory, party);
    }

    /// What is true now.
    fn facts(&self, memory: &Self::Memory, liars: Liars) -> Facts;

    /// The choices that liars made at the beginning, in words; nothing where there are none.
    fn tell_beginning(&self, memory: &Self::Memory) -> Vec<String>;
    /// A message in words, to follow "receives".
    fn tell_message(&self, message: Self::Message) -> String;
    /// A move in words, to follow its party's name.
    fn tell_move(&self, what: Self::Move) -> String;
}
