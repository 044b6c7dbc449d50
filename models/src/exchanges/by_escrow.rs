//! The fewest messages: the key is with the server before anybody buys, as in an auction's
//! payment (SETTLEMENT), here with one buyer. An answer to the question of Tygar 1998, section 7,
//! how few messages an atomic purchase can do with.

use crate::bank::{Ask, Bank, Holder, Slip};
use crate::goods::{Content, Key, Sealed, provable};
use crate::protocol::{Facts, Liars, Party, Protocol};

const ORDER: u8 = 1;
const UNTIL: u8 = 1;

/// The protocol.
#[derive(Debug, Clone, Default)]
pub struct ByEscrow;

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// 1: the key with the signed offer: price, key hash, checksum of the encrypted goods.
    Deposit(Key, Sealed),
    /// 2: offer and encrypted goods, from the merchant or from anybody.
    Goods(Sealed),
    /// 3: the order with the checksum, signed by the customer.
    Order(Sealed),
    /// 4: the receipt with the key; without it where nothing was paid.
    Receipt(Option<Key>),
    /// The customer asks the server what became of the order.
    Asks,
}

/// What is done unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The merchant begins.
    Begin,
    /// The customer asks the server.
    Ask,
    /// The order's time-out passes.
    TimeOut,
    /// The lying customer spends her money at another shop.
    SpendElsewhere,
    /// The lying merchant deposits a key that opens nothing.
    DepositWrongKey,
    /// The lying merchant sends another file than the offer names.
    SendAnotherFile,
    /// The lying customer orders another file.
    OrderAnotherFile,
}

/// What all remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    content: Content,
    begun: bool,
    /// The customer's.
    file: Option<Sealed>,
    key: Option<Key>,
    told_no: bool,
    /// The server's: the checksum that the merchant signed, once the right key is there.
    offer: Option<Sealed>,
    bank: Bank,
}

/// The committed order: its checksum and its key.
fn on_record(memory: &Memory) -> Option<(Sealed, Key)> {
    let slip = memory.bank.committed(ORDER)?;
    let Ask::Pay { reference, .. } = slip.ask else { return None };
    Some((Sealed::of_number(reference), Key::of_number(slip.attached?)))
}

fn answer(memory: &Memory) -> Vec<Message> {
    match on_record(memory) {
        Some((_, key)) => vec![Message::Receipt(Some(key))],
        None if memory.bank.ruled_out(ORDER, UNTIL) => vec![Message::Receipt(None)],
        None => vec![],
    }
}

/// Money and key in one chain, if the order is for what the merchant offered.
fn settle(memory: &mut Memory, checksum: Sealed) -> Vec<Message> {
    if memory.offer != Some(checksum) {
        return vec![];
    }
    let ask = Ask::Pay {
        signer: Holder::Customer,
        from: Holder::Customer,
        to: Holder::Merchant,
        amount: 1,
        id: ORDER,
        until: UNTIL,
        reference: checksum.number(),
    };
    let _ = memory.bank.apply(Slip { ask, attached: Some(Key::Right.number()) });
    answer(memory)
}

impl Protocol for ByEscrow {
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
            file: None,
            key: None,
            told_no: false,
            offer: None,
            bank: Bank::default(),
        };
        contents.iter().map(memory).collect()
    }

    fn moves(&self, memory: &Memory, liars: Liars) -> Vec<(Party, Move)> {
        let possible = [
            (!memory.begun, Party::Merchant, Move::Begin),
            (memory.file.is_some(), Party::Customer, Move::Ask),
            (liars.customer, Party::Customer, Move::SpendElsewhere),
            (liars.customer, Party::Customer, Move::OrderAnotherFile),
            (liars.merchant, Party::Merchant, Move::DepositWrongKey),
            (liars.merchant, Party::Merchant, Move::SendAnotherFile),
            (memory.bank.now < UNTIL, Party::Server, Move::TimeOut),
        ];
        possible.into_iter().filter(|(can, ..)| *can).map(|(_, who, what)| (who, what)).collect()
    }

    fn make(&self, memory: &mut Memory, what: Move) -> Vec<Message> {
        let file = Sealed::Of(memory.content);
        match what {
            Move::Begin => {
                memory.begun = true;
                vec![Message::Deposit(Key::Right, file), Message::Goods(file)]
            }
            Move::Ask => vec![Message::Asks],
            Move::TimeOut => {
                memory.bank.now = UNTIL;
                vec![]
            }
            Move::SpendElsewhere => {
                memory.bank.spend_elsewhere();
                vec![]
            }
            Move::DepositWrongKey => vec![Message::Deposit(Key::Wrong, file)],
            Move::SendAnotherFile => vec![Message::Goods(Sealed::Altered)],
            Move::OrderAnotherFile => vec![Message::Order(Sealed::Altered)],
        }
    }

    fn addressee(&self, message: Message) -> Party {
        match message {
            Message::Goods(_) | Message::Receipt(_) => Party::Customer,
            Message::Deposit(..) | Message::Order(_) | Message::Asks => Party::Server,
        }
    }

    fn receive(&self, memory: &mut Memory, message: Message) -> Vec<Message> {
        match message {
            // The offer names the key's hash: another key is refused, and the first offer stays.
            Message::Deposit(Key::Wrong, _) => vec![],
            Message::Deposit(Key::Right, checksum) => {
                memory.offer.get_or_insert(checksum);
                vec![]
            }
            // She orders by what came first, and only what came as the signed offer says: the
            // server compares.
            Message::Goods(file) => vec![Message::Order(*memory.file.get_or_insert(file))],
            Message::Order(checksum) => settle(memory, checksum),
            Message::Receipt(Some(key)) => {
                memory.key = Some(key);
                vec![]
            }
            Message::Receipt(None) => {
                memory.told_no = true;
                vec![]
            }
            Message::Asks => answer(memory),
        }
    }

    fn questions(&self, memory: &Memory, party: Party) -> Vec<Message> {
        let can = party == Party::Customer && memory.file.is_some();
        can.then_some(Message::Asks).into_iter().collect()
    }

    fn is_done(&self, memory: &Memory, party: Party) -> bool {
        match party {
            Party::Customer => memory.key.is_some() || memory.told_no,
            // He reads his account when he likes.
            Party::Merchant => memory.begun,
            Party::Server => true,
        }
    }

    fn facts(&self, memory: &Memory, liars: Liars) -> Facts {
        let (charged, credited) = memory.bank.moved();
        let proves = |honest_file| match on_record(memory) {
            Some((signed, key)) => provable(signed, key, honest_file),
            None => vec![],
        };
        let own = Some(Sealed::Of(memory.content)).filter(|_| !liars.merchant);
        Facts {
            money_made: memory.bank.money_made(),
            charged,
            agreed: i64::from(memory.file.is_some()),
            credited,
            received: memory.file.zip(memory.key).map(|(file, key)| file.open(key)),
            wrong_key: matches!(on_record(memory), Some((_, Key::Wrong))),
            customer_proves: proves(memory.file.filter(|_| !liars.customer)),
            merchant_proves: proves(own),
            ..Facts::default()
        }
    }

    fn tell_beginning(&self, memory: &Memory) -> Vec<String> {
        let garbage = (memory.content == Content::Garbage)
            .then(|| "the merchant has encrypted garbage instead of the goods".to_owned());
        garbage.into_iter().collect()
    }

    fn tell_message(&self, message: Message) -> String {
        match message {
            Message::Deposit(Key::Right, _) => "offer and key from the merchant",
            Message::Deposit(Key::Wrong, _) => "a key that the offer does not name",
            Message::Goods(Sealed::Altered) => "another file than the offer names",
            Message::Goods(_) => "offer and encrypted goods",
            Message::Order(Sealed::Altered) => "an order over another file's checksum",
            Message::Order(_) => "the signed order",
            Message::Receipt(Some(_)) => "the server's receipt with the key",
            Message::Receipt(None) => "the server's word that nothing was paid",
            Message::Asks => "the customer's question what became of the order",
        }
        .to_owned()
    }

    fn tell_move(&self, what: Move) -> String {
        match what {
            Move::Begin => "sends the key to the server and the encrypted goods to the customer",
            Move::Ask => "asks the server what became of the order",
            Move::TimeOut => "sees the order's time-out pass",
            Move::SpendElsewhere => "spends her money at another shop",
            Move::DepositWrongKey => "deposits a key that opens nothing",
            Move::SendAnotherFile => "sends another file than the offer names",
            Move::OrderAnotherFile => "orders another file",
        }
        .to_owned()
    }
}
