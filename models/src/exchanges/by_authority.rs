//! Authority-based atomicity, case 3 of Su and Tygar 1996: the server that keeps the money also
//! keeps the goods, and gives them to the customer when it moves the money.

use crate::bank::{Ask, Bank, Holder, Slip};
use crate::goods::Content;
use crate::protocol::{Facts, Liars, Party, Protocol};

const ORDER: u8 = 1;
const UNTIL: u8 = 1;

/// The protocol.
#[derive(Debug, Clone, Default)]
pub struct ByAuthority {
    /// What was weakened to see whether the checker notices: the server moves the money first
    /// and flushes the item afterwards.
    pub keeps_item_later: bool,
}

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// 1: the price inquiry.
    Inquiry,
    /// 2: the price.
    Price,
    /// 3: the payment instrument with the item's description, signed by the customer.
    Instrument,
    /// 4: instrument and item, from the merchant.
    Submit(Content),
    /// 5: the status of the payment, to the merchant; to the customer only where it is no.
    Status(Party, bool),
    /// 6: the item, from the server.
    Item(Content),
    /// A party asks the server.
    Asks(Party),
}

/// What is done unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The customer begins.
    Begin,
    /// A party asks the server.
    Ask(Party),
    /// The instrument's time-out passes.
    TimeOut,
    /// The lying customer spends her money at another shop.
    SpendElsewhere,
    /// The lying merchant submits garbage with the instrument.
    SubmitGarbage,
}

/// What all remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    begun: bool,
    /// The customer's.
    signed: bool,
    item: Option<Content>,
    told_no: bool,
    /// The merchant's.
    instrument: bool,
    status: Option<bool>,
    /// The server's, all flushed.
    bank: Bank,
    /// The server's, not flushed: only where it keeps the item later.
    unflushed: Option<Content>,
}

fn number(content: Content) -> u8 {
    match content {
        Content::Good => 1,
        Content::Garbage => 2,
    }
}

/// The item that the server has on record beside the payment.
fn on_record(memory: &Memory) -> Option<Content> {
    let slip = memory.bank.committed(ORDER)?;
    let kept = slip.attached.map(|byte| match byte {
        1 => Content::Good,
        _ => Content::Garbage,
    });
    kept.or(memory.unflushed)
}

fn answer(memory: &Memory, to: Party) -> Vec<Message> {
    let paid = memory.bank.committed(ORDER).is_some();
    match (to, on_record(memory)) {
        (Party::Customer, Some(item)) => vec![Message::Item(item)],
        (Party::Merchant, _) if paid => vec![Message::Status(to, true)],
        _ if !paid && memory.bank.ruled_out(ORDER, UNTIL) => vec![Message::Status(to, false)],
        _ => vec![],
    }
}

impl Protocol for ByAuthority {
    type Message = Message;
    type Move = Move;
    type Memory = Memory;

    fn begin(&self, _: Liars) -> Vec<Memory> {
        vec![Memory {
            begun: false,
            signed: false,
            item: None,
            told_no: false,
            instrument: false,
            status: None,
            bank: Bank::default(),
            unflushed: None,
        }]
    }

    fn moves(&self, memory: &Memory, liars: Liars) -> Vec<(Party, Move)> {
        let possible = [
            (!memory.begun, Party::Customer, Move::Begin),
            (memory.signed, Party::Customer, Move::Ask(Party::Customer)),
            (liars.customer, Party::Customer, Move::SpendElsewhere),
            (memory.instrument, Party::Merchant, Move::Ask(Party::Merchant)),
            (liars.merchant && memory.instrument, Party::Merchant, Move::SubmitGarbage),
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
            Move::SubmitGarbage => return vec![Message::Submit(Content::Garbage)],
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
            Message::Submit(_) | Message::Asks(_) => Party::Server,
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
                vec![Message::Submit(Content::Good)]
            }
            Message::Submit(item) => {
                let ask = Ask::Pay {
                    signer: Holder::Customer,
                    from: Holder::Customer,
                    to: Holder::Merchant,
                    amount: 1,
                    id: ORDER,
                    until: UNTIL,
                    reference: 0,
                };
                let attached = (!self.keeps_item_later).then_some(number(item));
                let known = memory.bank.committed(ORDER).is_some();
                let _ = memory.bank.apply(Slip { ask, attached });
                if self.keeps_item_later && !known && memory.bank.committed(ORDER).is_some() {
                    memory.unflushed = Some(item);
                }
                let mut told = answer(memory, Party::Merchant);
                told.extend(answer(memory, Party::Customer));
                told
            }
            Message::Status(Party::Merchant, paid) => {
                memory.status = Some(paid);
                vec![]
            }
            Message::Status(_, paid) => {
                memory.told_no |= !paid;
                vec![]
            }
            Message::Item(content) => {
                memory.item = Some(content);
                vec![]
            }
            Message::Asks(party) => answer(memory, party),
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

    fn forget(&self, memory: &mut Memory, party: Party) {
        if party == Party::Server {
            memory.unflushed = None;
        }
    }

    fn facts(&self, memory: &Memory, _: Liars) -> Facts {
        let (charged, credited) = memory.bank.moved();
        // The judge asks the server for what it gave out: nobody else is believed.
        let proves: Vec<Content> = on_record(memory).into_iter().collect();
        Facts {
            money_made: memory.bank.money_made(),
            charged,
            agreed: i64::from(memory.signed),
            credited,
            received: memory.item,
            customer_proves: proves.clone(),
            merchant_proves: proves,
            ..Facts::default()
        }
    }

    fn tell_beginning(&self, _: &Memory) -> Vec<String> {
        vec![]
    }

    fn tell_message(&self, message: Message) -> String {
        match message {
            Message::Inquiry => "the price inquiry".to_owned(),
            Message::Price => "the price".to_owned(),
            Message::Instrument => "the signed payment instrument".to_owned(),
            Message::Submit(Content::Good) => "instrument and item".to_owned(),
            Message::Submit(Content::Garbage) => "the instrument and garbage".to_owned(),
            Message::Status(_, true) => "the word that it was paid".to_owned(),
            Message::Status(_, false) => "the word that it will not be paid".to_owned(),
            Message::Item(Content::Good) => "the item".to_owned(),
            Message::Item(Content::Garbage) => "garbage instead of the item".to_owned(),
            Message::Asks(party) => format!("{}'s question what became of it", party.name()),
        }
    }

    fn tell_move(&self, what: Move) -> String {
        match what {
            Move::Begin => "asks for the price",
            Move::Ask(_) => "asks the server what became of it",
            Move::TimeOut => "sees the instrument's time-out pass",
            Move::SpendElsewhere => "spends her money at another shop",
            Move::SubmitGarbage => "submits garbage with the instrument",
        }
        .to_owned()
    }
}
