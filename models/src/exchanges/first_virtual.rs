//! First Virtual (Tygar 1998, section 3.2): the goods come first, and an unsigned mail asks the
//! customer afterwards whether she wants to pay.

use crate::bank::{Ask, Bank, Holder, Slip};
use crate::goods::Content;
use crate::protocol::{Facts, Liars, Party, Protocol};

const SALE: u8 = 1;
const UNTIL: u8 = 1;

/// The protocol.
#[derive(Debug, Clone, Default)]
pub struct FirstVirtual;

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// The customer asks for the item under her account's name.
    Request,
    /// The item.
    Item(Content),
    /// The merchant reports the sale.
    Report,
    /// The server's mail: do you want to pay?
    Mail,
    /// The answer.
    Answer(bool),
    /// The merchant asks what became of it.
    Asks,
    /// What became of it.
    Status(bool),
}

/// What is done unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The customer begins.
    Begin,
    /// The merchant asks the server what became of the sale.
    Ask,
    /// The lying customer answers no although she has the item.
    DenyWithItem,
    /// The lying merchant answers the mail in her name: it carries no signature.
    AnswerInHerName,
}

/// What all remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    content: Content,
    begun: bool,
    /// The customer's.
    item: Option<Content>,
    agreed: bool,
    answered: bool,
    /// The merchant's.
    requested: bool,
    status: Option<bool>,
    /// The server's.
    reported: bool,
    answer: Option<bool>,
    bank: Bank,
}

impl Protocol for FirstVirtual {
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
            item: None,
            agreed: false,
            answered: false,
            requested: false,
            status: None,
            reported: false,
            answer: None,
            bank: Bank::default(),
        };
        contents.iter().map(memory).collect()
    }

    fn moves(&self, memory: &Memory, liars: Liars) -> Vec<(Party, Move)> {
        let denies = liars.customer && memory.item.is_some();
        let possible = [
            (!memory.begun, Party::Customer, Move::Begin),
            (memory.requested, Party::Merchant, Move::Ask),
            (denies, Party::Customer, Move::DenyWithItem),
            (liars.merchant && memory.requested, Party::Merchant, Move::AnswerInHerName),
        ];
        possible.into_iter().filter(|(can, ..)| *can).map(|(_, who, what)| (who, what)).collect()
    }

    fn make(&self, memory: &mut Memory, what: Move) -> Vec<Message> {
        match what {
            Move::Begin => {
                memory.begun = true;
                vec![Message::Request]
            }
            Move::Ask => vec![Message::Asks],
            Move::DenyWithItem => {
                memory.answered = true;
                vec![Message::Answer(false)]
            }
            Move::AnswerInHerName => vec![Message::Answer(true)],
        }
    }

    fn addressee(&self, message: Message) -> Party {
        match message {
            Message::Item(_) | Message::Mail => Party::Customer,
            Message::Request | Message::Status(_) => Party::Merchant,
            Message::Report | Message::Asks | Message::Answer(_) => Party::Server,
        }
    }

    fn receive(&self, memory: &mut Memory, message: Message) -> Vec<Message> {
        match message {
            Message::Request => {
                memory.requested = true;
                vec![Message::Item(memory.content), Message::Report]
            }
            Message::Item(content) => {
                memory.item = Some(content);
                vec![]
            }
            Message::Report => {
                memory.reported = true;
                match memory.answer {
                    None => vec![Message::Mail],
                    Some(answer) => vec![Message::Status(answer)],
                }
            }
            Message::Asks => memory.answer.map(Message::Status).into_iter().collect(),
            Message::Mail => {
                // She answers once she has seen what she got: she need not pay for garbage.
                let Some(item) = memory.item else { return vec![] };
                memory.answered = true;
                memory.agreed |= item == Content::Good;
                vec![Message::Answer(item == Content::Good)]
            }
            Message::Answer(answer) if memory.reported => {
                let first = *memory.answer.get_or_insert(answer);
                if first {
                    charge(memory);
                }
                vec![Message::Status(first)]
            }
            Message::Answer(_) => vec![],
            Message::Status(paid) => {
                memory.status = Some(paid);
                vec![]
            }
        }
    }

    fn questions(&self, memory: &Memory, party: Party) -> Vec<Message> {
        let can = party == Party::Merchant && memory.requested;
        can.then_some(Message::Asks).into_iter().collect()
    }

    fn is_done(&self, memory: &Memory, party: Party) -> bool {
        match party {
            Party::Customer => memory.item.is_some() && memory.answered,
            Party::Merchant => memory.status.is_some(),
            Party::Server => true,
        }
    }

    fn facts(&self, memory: &Memory, _: Liars) -> Facts {
        let (charged, credited) = memory.bank.moved();
        Facts {
            money_made: memory.bank.money_made(),
            charged,
            agreed: i64::from(memory.agreed),
            credited,
            received: memory.item,
            // Nobody signed anything.
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
            Message::Request => "the customer's request",
            Message::Item(Content::Good) => "the item",
            Message::Item(Content::Garbage) => "garbage instead of the item",
            Message::Report => "the merchant's report of the sale",
            Message::Mail => "the mail that asks whether she pays",
            Message::Asks => "the merchant's question what became of it",
            Message::Answer(true) => "the answer yes",
            Message::Answer(false) => "the answer no",
            Message::Status(true) => "the word that it was paid",
            Message::Status(false) => "the word that it will not be paid",
        }
        .to_owned()
    }

    fn tell_move(&self, what: Move) -> String {
        match what {
            Move::Begin => "asks for the item",
            Move::Ask => "asks the server what became of the sale",
            Move::DenyWithItem => "answers no although she has the item",
            Move::AnswerInHerName => "answers the mail in her name",
        }
        .to_owned()
    }
}

fn charge(memory: &mut Memory) {
    let ask = Ask::Pay {
        // The customer gave First Virtual a standing authority.
        signer: Holder::Customer,
        from: Holder::Customer,
        to: Holder::Merchant,
        amount: 1,
        id: SALE,
        until: UNTIL,
        reference: 0,
    };
    let _ = memory.bank.apply(Slip { ask, attached: None });
}
