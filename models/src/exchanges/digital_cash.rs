//! Off-line anonymous digital cash (Tygar 1998, section 2.2, steps a to g, and section 3.1).
//!
//! The coin's worth is whose it is: the holder's until he spends it, the merchant's once he has
//! taken it. A customer who gets no answer to her coin must choose, and the paper says that both
//! choices are wrong. The bank here is not the ledger: coins are bearer money, which no account
//! knows of.

use crate::goods::Content;
use crate::protocol::{Facts, Liars, Party, Protocol};

/// Off-line digital cash.
#[derive(Debug, Clone)]
pub struct DigitalCash {
    /// What an honest customer does who hears nothing: she takes the coin back to the bank.
    /// Otherwise she writes it off.
    pub takes_back: bool,
}

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// a: the customer asks for a coin.
    Withdrawal,
    /// a: the coin.
    Coin,
    /// c: the coin, made out to the merchant.
    Payment,
    /// e: the goods.
    Goods(Content),
    /// f: the coin comes back to the bank.
    Deposit(Party),
    /// g: the bank accepts it or not.
    Booked(Party, bool),
}

/// What is done unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The customer begins.
    Begin,
    /// The customer takes the coin back to the bank.
    TakeBack,
    /// The customer gives the coin up.
    WriteOff,
    /// The merchant deposits.
    Deposit,
}

/// What all remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    content: Content,
    begun: bool,
    /// The customer's.
    spent: bool,
    goods: Option<Content>,
    taking_back: bool,
    written_off: bool,
    taken_back: Option<bool>,
    /// The merchant's.
    coin: bool,
    booked: Option<bool>,
    /// The bank's.
    issued: bool,
    deposited_by: Option<Party>,
    /// The bank knows a double spender's name and reports her.
    accused: bool,
}

impl Memory {
    /// Whether the customer may take the coin, or the money in its place, for hers.
    fn is_customers(&self) -> bool {
        let under_way = !self.coin && !self.written_off;
        let claimed = self.taking_back && self.taken_back != Some(false);
        !self.spent || claimed || (under_way && self.taken_back.is_none())
    }

    /// Whether the merchant may.
    fn is_merchants(&self) -> bool {
        self.coin && self.booked != Some(false)
    }
}

impl Protocol for DigitalCash {
    type Message = Message;
    type Move = Move;
    type Memory = Memory;

    fn begin(&self, liars: Liars) -> Vec<Memory> {
        let contents: &[Content] = match liars.merchant {
            true => &[Content::Good, Content::Garbage],
            false => &[Content::Good],
        };
        let memory = |content: &Content| Memory {
            content: *content,
            begun: false,
            spent: false,
            goods: None,
            taking_back: false,
            written_off: false,
            taken_back: None,
            coin: false,
            booked: None,
            issued: false,
            deposited_by: None,
            accused: false,
        };
        contents.iter().map(memory).collect()
    }

    fn moves(&self, memory: &Memory, liars: Liars) -> Vec<(Party, Move)> {
        let unanswered = memory.spent && memory.goods.is_none();
        let undecided = !memory.taking_back && !memory.written_off;
        let takes_back = (unanswered && self.takes_back) || (liars.customer && memory.spent);
        let possible = [
            (!memory.begun, Party::Customer, Move::Begin),
            (takes_back && undecided, Party::Customer, Move::TakeBack),
            (unanswered && !self.takes_back && undecided, Party::Customer, Move::WriteOff),
            (memory.coin && memory.booked.is_none(), Party::Merchant, Move::Deposit),
        ];
        possible.into_iter().filter(|(can, ..)| *can).map(|(_, who, what)| (who, what)).collect()
    }

    fn make(&self, memory: &mut Memory, what: Move) -> Vec<Message> {
        match what {
            Move::Begin => {
                memory.begun = true;
                vec![Message::Withdrawal]
            }
            Move::TakeBack => {
                memory.taking_back = true;
                vec![Message::Deposit(Party::Customer)]
            }
            Move::WriteOff => {
                memory.written_off = true;
                vec![]
            }
            Move::Deposit => vec![Message::Deposit(Party::Merchant)],
        }
    }

    fn addressee(&self, message: Message) -> Party {
        match message {
            Message::Withdrawal | Message::Deposit(_) => Party::Server,
            Message::Coin | Message::Goods(_) => Party::Customer,
            Message::Payment => Party::Merchant,
            Message::Booked(party, _) => party,
        }
    }

    fn receive(&self, memory: &mut Memory, message: Message) -> Vec<Message> {
        match message {
            Message::Withdrawal => {
                memory.issued = true;
                vec![Message::Coin]
            }
            Message::Coin => {
                memory.spent = true;
                vec![Message::Payment]
            }
            Message::Payment => {
                // d: a coin that comes again is the one he has.
                memory.coin = true;
                vec![Message::Goods(memory.content)]
            }
            Message::Goods(content) => {
                memory.goods = Some(content);
                vec![]
            }
            Message::Deposit(by) => {
                let first = *memory.deposited_by.get_or_insert(by);
                memory.accused |= first != by;
                vec![Message::Booked(by, first == by)]
            }
            Message::Booked(Party::Merchant, accepted) => {
                memory.booked = Some(accepted);
                vec![]
            }
            Message::Booked(_, accepted) => {
                memory.taken_back = Some(accepted);
                vec![]
            }
        }
    }

    fn questions(&self, _: &Memory, _: Party) -> Vec<Message> {
        // Off line and anonymous: the bank knows nothing that it could answer.
        vec![]
    }

    fn is_done(&self, memory: &Memory, party: Party) -> bool {
        match party {
            Party::Customer => {
                memory.goods.is_some() || memory.written_off || memory.taken_back.is_some()
            }
            Party::Merchant => memory.booked.is_some(),
            Party::Server => true,
        }
    }

    fn facts(&self, memory: &Memory, liars: Liars) -> Facts {
        let (hers, his) = (memory.is_customers(), memory.is_merchants());
        Facts {
            money_made: i64::from(hers) + i64::from(his) - 1,
            charged: i64::from(!hers),
            agreed: i64::from(memory.spent),
            credited: i64::from(his),
            received: memory.goods,
            // Nobody signed anything about the goods.
            accused: memory.accused && !liars.customer,
            ..Facts::default()
        }
    }

    fn tell_beginning(&self, memory: &Memory) -> Vec<String> {
        let garbage = (memory.content == Content::Garbage)
            .then(|| "the merchant will send garbage instead of the goods".to_owned());
        garbage.into_iter().collect()
    }

    fn tell_message(&self, message: Message) -> String {
        match message {
            Message::Withdrawal => "the request for a coin and takes its worth from the account",
            Message::Coin => "the coin and sends it on to the merchant",
            Message::Payment => "the coin and sends the goods",
            Message::Goods(Content::Good) => "the goods",
            Message::Goods(Content::Garbage) => "garbage instead of the goods",
            Message::Deposit(Party::Customer) => "the coin back from the customer",
            Message::Deposit(_) => "the coin from the merchant",
            Message::Booked(_, true) => "the word that the coin is booked",
            Message::Booked(_, false) => "the word that the coin was spent before",
        }
        .to_owned()
    }

    fn tell_move(&self, what: Move) -> String {
        match what {
            Move::Begin => "asks the bank for a coin",
            Move::TakeBack => "hears nothing and takes the coin back to the bank",
            Move::WriteOff => "hears nothing and gives the coin up",
            Move::Deposit => "takes the coin to the bank",
        }
        .to_owned()
    }
}
