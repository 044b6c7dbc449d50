//! Credit cards: the number over SSL (Tygar 1998, section 3.3), and SET (section 3.4).
//!
//! The card company's books are the bank's ledger. Over SSL the merchant learns the number, which
//! is all that a charge needs: he can do what the customer could sign. In SET the customer signs
//! one request at one price, sealed to the bank. Charge-backs by hand are left out of both.

use crate::bank::{Ask, Bank, Holder, Slip};
use crate::goods::Content;
use crate::protocol::{Facts, Liars, Party, Protocol};

const UNTIL: u8 = 1;

/// A purchase by card.
#[derive(Debug, Clone)]
pub struct ByCard {
    /// SET: the customer signs the request. Otherwise the merchant gets the number over SSL.
    pub signed: bool,
}

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// The price inquiry.
    Inquiry,
    /// The price.
    Price,
    /// SSL: the card number. SET: the signed request.
    Payment,
    /// SET: the merchant acknowledges the purchase.
    Acknowledgement,
    /// The merchant asks for a charge, under a number of his own or, in SET, the request's.
    Charge(u8),
    /// The lying merchant of SET asks for a charge over his own signature.
    OwnCharge,
    /// The merchant asks what became of the charge.
    Asks,
    /// The bank approves a charge or not.
    Approval(bool),
    /// The item.
    Item(Content),
}

/// What is done unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The customer begins.
    Begin,
    /// The lying customer spends her money elsewhere.
    SpendElsewhere,
    /// The merchant asks what became of the charge.
    Ask,
    /// The lying merchant charges again.
    ChargeAgain,
}

/// What all remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    content: Content,
    begun: bool,
    /// The customer's.
    agreed: bool,
    acknowledged: bool,
    item: Option<Content>,
    /// The merchant's.
    payment: bool,
    approval: Option<bool>,
    /// The bank's.
    bank: Bank,
}

const SALE: u8 = 1;
const SECOND: u8 = 2;

impl Protocol for ByCard {
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
            agreed: false,
            acknowledged: false,
            item: None,
            payment: false,
            approval: None,
            bank: Bank::default(),
        };
        contents.iter().map(memory).collect()
    }

    fn moves(&self, memory: &Memory, liars: Liars) -> Vec<(Party, Move)> {
        let possible = [
            (!memory.begun, Party::Customer, Move::Begin),
            (liars.customer, Party::Customer, Move::SpendElsewhere),
            (memory.payment, Party::Merchant, Move::Ask),
            (liars.merchant && memory.payment, Party::Merchant, Move::ChargeAgain),
        ];
        possible.into_iter().filter(|(can, ..)| *can).map(|(_, who, what)| (who, what)).collect()
    }

    fn make(&self, memory: &mut Memory, what: Move) -> Vec<Message> {
        match what {
            Move::Begin => {
                memory.begun = true;
                vec![Message::Inquiry]
            }
            Move::SpendElsewhere => {
                memory.bank.spend_elsewhere();
                vec![]
            }
            Move::Ask => vec![Message::Asks],
            Move::ChargeAgain if self.signed => vec![Message::OwnCharge],
            Move::ChargeAgain => vec![Message::Charge(SECOND)],
        }
    }

    fn addressee(&self, message: Message) -> Party {
        match message {
            Message::Price | Message::Acknowledgement | Message::Item(_) => Party::Customer,
            Message::Inquiry | Message::Payment | Message::Approval(_) => Party::Merchant,
            Message::Charge(_) | Message::OwnCharge | Message::Asks => Party::Server,
        }
    }

    fn receive(&self, memory: &mut Memory, message: Message) -> Vec<Message> {
        match message {
            Message::Inquiry => vec![Message::Price],
            Message::Price => {
                memory.agreed = true;
                vec![Message::Payment]
            }
            Message::Payment => {
                memory.payment = true;
                let mut told = vec![Message::Charge(SALE)];
                if self.signed {
                    told.push(Message::Acknowledgement);
                }
                told
            }
            Message::Acknowledgement => {
                memory.acknowledged = true;
                vec![]
            }
            Message::Charge(id) => {
                charge(memory, id, Holder::Customer);
                vec![Message::Approval(memory.bank.committed(id).is_some())]
            }
            Message::Asks if memory.bank.committed(SALE).is_some() => vec![Message::Approval(true)],
            Message::Asks => vec![],
            Message::OwnCharge => {
                charge(memory, SECOND, Holder::Merchant);
                vec![]
            }
            Message::Approval(approved) => {
                memory.approval = Some(approved);
                if approved { vec![Message::Item(memory.content)] } else { vec![] }
            }
            Message::Item(content) => {
                memory.item = Some(content);
                vec![]
            }
        }
    }

    fn questions(&self, memory: &Memory, party: Party) -> Vec<Message> {
        // The customer has nobody to ask for the item.
        let can = party == Party::Merchant && memory.payment;
        can.then_some(Message::Asks).into_iter().collect()
    }

    fn is_done(&self, memory: &Memory, party: Party) -> bool {
        match party {
            Party::Customer => memory.item.is_some() && memory.acknowledged == self.signed,
            Party::Merchant => memory.approval.is_some(),
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
            Message::Inquiry => "the price inquiry",
            Message::Price => "the price",
            Message::Payment if self.signed => {
                "the signed request, its card number sealed to the bank"
            }
            Message::Payment => "the card number",
            Message::Acknowledgement => "the acknowledgement",
            Message::Charge(SALE) if self.signed => "the customer's request from the merchant",
            Message::Charge(SALE) => "the charge",
            Message::Charge(_) => "a second charge that nobody ordered",
            Message::OwnCharge => "a second charge over the merchant's signature, and refuses it",
            Message::Asks => "the merchant's question what became of the charge",
            Message::Approval(true) => "the approval",
            Message::Approval(false) => "the refusal",
            Message::Item(Content::Good) => "the item",
            Message::Item(Content::Garbage) => "garbage instead of the item",
        }
        .to_owned()
    }

    fn tell_move(&self, what: Move) -> String {
        match what {
            Move::Begin => "asks for the price",
            Move::SpendElsewhere => "spends her money at another shop",
            Move::Ask => "asks the bank what became of the charge",
            Move::ChargeAgain => "asks for another charge",
        }
        .to_owned()
    }
}

fn charge(memory: &mut Memory, id: u8, signer: Holder) {
    let ask = Ask::Pay {
        signer,
        from: Holder::Customer,
        to: Holder::Merchant,
        amount: 1,
        id,
        until: UNTIL,
        reference: 0,
    };
    let _ = memory.bank.apply(Slip { ask, attached: None });
}
