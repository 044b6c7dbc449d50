//! Case 1 of Su and Tygar 1996, "without atomicity": the server moves the money, and the merchant
//! sends the goods once he has it.

use crate::bank::{Ask, Bank, Holder, Slip};
use crate::goods::Content;
use crate::protocol::{Facts, Liars, Party, Protocol};

const ORDER: u8 = 1;
const UNTIL: u8 = 1;

/// The protocol.
#[derive(Debug, Clone, Default)]
pub struct Case1;

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// 1: the price inquiry.
    Inquiry,
    /// 2: the price.
    Price,
    /// 3: the payment instrument, signed by the customer.
    Instrument,
    /// 4: the instrument, passed on.
    Submit,
    /// 5: the status of the payment.
    Status(Party, bool),
    /// 6: the item.
    Item(Content),
    /// A party asks for the status.
    Asks(Party),
}

/// What is done unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The customer begins.
    Begin,
    /// A party asks for the status.
    Ask(Party),
    /// The instrument's time-out passes.
    TimeOut,
    /// The lying customer spends her money at another shop.
    SpendElsewhere,
}

/// What all remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    content: Content,
    begun: bool,
    /// The customer's.
    signed: bool,
    item: Option<Content>,
    told_no: bool,
    /// The merchant's.
    instrument: bool,
    status: Option<bool>,
    /// The server's.
    bank: Bank,
}

fn status(memory: &Memory, to: Party) -> Vec<Message> {
    if memory.bank.committed(ORDER).is_some() {
        vec![Message::Status(to, true)]
    } else if memory.bank.ruled_out(ORDER, UNTIL) {
        vec![Message::Status(to, false)]
    } else {
        vec![]
    }
}

impl Protocol for Case1 {
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
            signed: false,
            item: None,
            told_no: false,
            instrument: false,
            status: None,
            bank: Bank::default(),
        };
        contents.iter().map(memory).collect()
    }

    fn moves(&self, memory: &Memory, liars: Liars) -> Vec<(Party, Move)> {
        let possible = [
            (!memory.begun, Party::Customer, Move::Begin),
            (memory.signed, Party::Customer, Move::Ask(Party::Customer)),
            (liars.customer, Party::Customer, Move::SpendElsewhere),
            (memory.instrument, Party::Merchant, Move::Ask(Party::Merchant)),
            (memory.bank.now < UNTIL, Party::Server, Move::TimeOut),
        ];
        possible.into_iter().filter(|(can, ..)| *can).map(|(_, who, what)| (who, what)).collect()
    }

    fn make(&self, memory: &mut Memory, what: Move) -> Vec<Message> {
        match what {
            Move::Begin => {
                memory.begun = true;
                return vec![Message::Inquiry];
            }
            Move::Ask(party) => return vec![Message::Asks(party)],
            Move::TimeOut => memory.bank.now = UNTIL,
            Move::SpendElsewhere => memory.bank.spend_elsewhere(),
        }
        vec![]
    }

    fn addressee(&self, message: Message) -> Party {
        match message {
            Message::Price | Message::Item(_) => Party::Customer,
            Message::Inquiry | Message::Instrument => Party::Merchant,
            Message::Status(party, _) => party,
            Message::Submit | Message::Asks(_) => Party::Server,
        }
    }

    fn receive(&self, memory: &mut Memory, message: Message) -> Vec<Message> {
        match message {
            Message::Inquiry => vec![Message::Price],
            Message::Price => {
                memory.signed = true;
                vec![Message::Instrument]
            }
            Message::Instrument => {
                memory.instrument = true;
                vec![Message::Submit]
            }
            Message::Submit => {
                let ask = Ask::Pay {
                    signer: Holder::Customer,
                    from: Holder::Customer,
                    to: Holder::Merchant,
                    amount: 1,
                    id: ORDER,
                    until: UNTIL,
                    reference: 0,
                };
                let _ = memory.bank.apply(Slip { ask, attached: None });
                status(memory, Party::Merchant)
            }
            Message::Status(Party::Merchant, paid) => {
                memory.status = Some(paid);
                if paid { vec![Message::Item(memory.content)] } else { vec![] }
            }
            Message::Status(_, paid) => {
                memory.told_no |= !paid;
                vec![]
            }
            Message::Item(content) => {
                memory.item = Some(content);
                vec![]
            }
            Message::Asks(party) => status(memory, party),
        }
    }

    fn questions(&self, memory: &Memory, party: Party) -> Vec<Message> {
        let asks = match party {
            Party::Customer => memory.signed,
            _ => memory.instrument,
        };
        asks.then_some(Message::Asks(party)).into_iter().collect()
    }

    fn is_done(&self, memory: &Memory, party: Party) -> bool {
        match party {
            Party::Customer => memory.item.is_some() || memory.told_no,
            Party::Merchant => memory.status.is_some(),
            Party::Server => true,
        }
    }

    fn facts(&self, memory: &Memory, _: Liars) -> Facts {
        let (charged, credited) = memory.bank.moved();
        Facts {
            money_made: memory.bank.money_made(),
            charged,
            agreed: i64::from(memory.signed),
            credited,
            received: memory.item,
            // Nobody signed anything about the item.
            ..Facts::default()
        }
    }

    fn tell_beginning(&self, memory: &Memory) -> Vec<String> {
        let garbage = (memory.content == Content::Garbage)
            .then(|| "the merchant will send garbage instead of the item".to_owned());
        garbage.into_iter().collect()
    }

    fn tell_message(&self, message: Message) -> String {
        match message {
            Message::Inquiry => "the price inquiry".to_owned(),
            Message::Price => "the price".to_owned(),
            Message::Instrument => "the signed payment instrument".to_owned(),
            Message::Submit => "the instrument from the merchant".to_owned(),
            Message::Status(_, true) => "the word that it was paid".to_owned(),
            Message::Status(_, false) => "the word that it will not be paid".to_owned(),
            Message::Item(Content::Good) => "the item".to_owned(),
            Message::Item(Content::Garbage) => "garbage instead of the item".to_owned(),
            Message::Asks(party) => format!("{}'s question whether it was paid", party.name()),
        }
    }

    fn tell_move(&self, what: Move) -> String {
        match what {
            Move::Begin => "asks for the price",
            Move::Ask(_) => "asks the server whether it was paid",
            Move::TimeOut => "sees the instrument's time-out pass",
            Move::SpendElsewhere => "spends her money at another shop",
        }
        .to_owned()
    }
}
