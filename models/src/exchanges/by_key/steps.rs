//! What each side does when a message comes, and unasked.

use super::{ByKey, Memory, Message, Move, ORDER, UNTIL, Weakness};
use crate::bank::{Ask, Bank, Holder, Slip};
use crate::goods::{Content, Key, Sealed};
use crate::protocol::{Facts, Liars, Party, Protocol};

impl Protocol for ByKey {
    type Message = Message;
    type Move = Move;
    type Memory = Memory;

    fn begin(&self, liars: Liars) -> Vec<Memory> {
        let contents: &[Content] = match liars.merchant {
            true => &[Content::Good, Content::Garbage],
            false => &[Content::Good],
        };
        let signs: &[bool] = if liars.customer { &[false, true] } else { &[false] };
        let both =
            contents.iter().flat_map(|content| signs.iter().map(move |sign| (content, sign)));
        both.map(|(content, signs_altered)| Memory {
            content: *content,
            signs_altered: *signs_altered,
            begun: false,
            file: None,
            ordered: None,
            key: None,
            told_no: false,
            order: None,
            receipt: None,
            refused: false,
            bank: Bank::default(),
            unflushed: None,
        })
        .collect()
    }

    fn moves(&self, memory: &Memory, liars: Liars) -> Vec<(Party, Move)> {
        let beginner = if self.unasked { Party::Merchant } else { Party::Customer };
        let possible = [
            (!memory.begun, beginner, Move::Begin),
            (liars.customer, Party::Customer, Move::SpendElsewhere),
            (memory.bank.now < UNTIL, Party::Server, Move::TimeOut),
        ];
        possible.into_iter().filter(|(can, ..)| *can).map(|(_, who, what)| (who, what)).collect()
    }

    fn at_any_time(&self, memory: &Memory, liars: Liars) -> Vec<Message> {
        let mut messages = self.questions(memory, Party::Customer);
        messages.extend(self.questions(memory, Party::Merchant));
        messages.extend(memory.ordered.map(|_| Message::Cancel));
        if let Some(signed) = memory.order.filter(|_| liars.merchant) {
            messages.extend([Message::Submit(signed, Key::Wrong), Message::Overcharge]);
        }
        messages
    }

    fn make(&self, memory: &mut Memory, what: Move) -> Vec<Message> {
        match what {
            Move::Begin if self.unasked => {
                memory.begun = true;
                vec![Message::Goods(Sealed::Of(memory.content))]
            }
            Move::Begin => {
                memory.begun = true;
                vec![Message::Inquiry]
            }
            Move::TimeOut => {
                memory.bank.now = UNTIL;
                vec![]
            }
            Move::SpendElsewhere => {
                memory.bank.spend_elsewhere();
                vec![]
            }
        }
    }

    fn addressee(&self, message: Message) -> Party {
        match message {
            Message::Offer | Message::Goods(_) | Message::Forward(_) => Party::Customer,
            Message::Inquiry | Message::Accept | Message::Order(_) => Party::Merchant,
            Message::Receipt(party, _) => party,
            Message::Submit(..) | Message::Asks(_) | Message::Cancel | Message::Overcharge => {
                Party::Server
            }
        }
    }

    fn receive(&self, memory: &mut Memory, message: Message) -> Vec<Message> {
        match message {
            Message::Inquiry if self.offer_apart => vec![Message::Offer],
            Message::Offer => vec![Message::Accept],
            Message::Inquiry | Message::Accept => {
                vec![Message::Goods(Sealed::Of(memory.content))]
            }
            Message::Goods(file) => {
                memory.file = Some(file);
                let checksum = if memory.signs_altered { Sealed::Altered } else { file };
                memory.ordered = Some(checksum);
                vec![Message::Order(checksum)]
            }
            Message::Order(checksum) => {
                let own = Sealed::Of(memory.content);
                if checksum != own && !self.lacks(Weakness::UncheckedOrder) {
                    // Not what he sent: he does not countersign it.
                    memory.refused = true;
                    return vec![];
                }
                memory.order = Some(checksum);
                let submit = Message::Submit(checksum, Key::Right);
                if self.lacks(Weakness::KeyBeforePayment) {
                    vec![submit, Message::Forward(Key::Right)]
                } else {
                    vec![submit]
                }
            }
            Message::Submit(signed, key) => self.settle(memory, signed, key),
            Message::Receipt(Party::Merchant, Some(key)) => {
                memory.receipt = Some(key);
                vec![Message::Forward(key)]
            }
            Message::Receipt(Party::Merchant, None) => {
                memory.refused = true;
                vec![]
            }
            Message::Receipt(_, Some(key)) | Message::Forward(key) => {
                memory.key = Some(key);
                vec![]
            }
            Message::Receipt(_, None) => {
                memory.told_no = true;
                vec![]
            }
            Message::Asks(party) => self.answer(memory, party),
            Message::Cancel => {
                let _ = memory.bank.apply(Slip { ask: Ask::Cancel { id: ORDER }, attached: None });
                self.answer(memory, Party::Customer)
            }
            Message::Overcharge => {
                let ask = Ask::Pay {
                    signer: Holder::Merchant,
                    from: Holder::Customer,
                    to: Holder::Merchant,
                    amount: 2,
                    id: ORDER,
                    until: UNTIL,
                    reference: 0,
                };
                let _ = memory.bank.apply(Slip { ask, attached: None });
                vec![]
            }
        }
    }

    fn questions(&self, memory: &Memory, party: Party) -> Vec<Message> {
        let asks = match party {
            Party::Customer => memory.ordered.is_some(),
            _ => memory.order.is_some(),
        };
        let can = asks && !self.lacks(Weakness::NoQuestions);
        can.then_some(Message::Asks(party)).into_iter().collect()
    }

    fn is_done(&self, memory: &Memory, party: Party) -> bool {
        match party {
            Party::Customer => memory.key.is_some() || memory.told_no,
            Party::Merchant => memory.receipt.is_some() || memory.refused,
            Party::Server => true,
        }
    }

    fn forget(&self, memory: &mut Memory, party: Party) {
        if party == Party::Server {
            memory.unflushed = None;
        }
    }

    fn facts(&self, memory: &Memory, liars: Liars) -> Facts {
        let (charged, credited) = memory.bank.moved();
        let received = memory.file.zip(memory.key).map(|(file, key)| file.open(key));
        let own = Some(Sealed::Of(memory.content)).filter(|_| !liars.merchant);
        Facts {
            money_made: memory.bank.money_made(),
            charged,
            agreed: i64::from(memory.ordered.is_some()),
            credited,
            received,
            wrong_key: matches!(self.on_record(memory), Some((_, Some(Key::Wrong)))),
            customer_proves: self.proves(memory, memory.file.filter(|_| !liars.customer)),
            merchant_proves: self.proves(memory, own),
            ..Facts::default()
        }
    }

    fn tell_beginning(&self, memory: &Memory) -> Vec<String> {
        let garbage = (memory.content == Content::Garbage)
            .then(|| "the merchant has encrypted garbage instead of the goods".to_owned());
        let altered = memory
            .signs_altered
            .then(|| "the customer will sign the checksum of another file".to_owned());
        garbage.into_iter().chain(altered).collect()
    }

    fn tell_message(&self, message: Message) -> String {
        match message {
            Message::Inquiry => "the price inquiry".to_owned(),
            Message::Offer => "the offer".to_owned(),
            Message::Accept => "the acceptance".to_owned(),
            Message::Goods(_) => "the encrypted goods".to_owned(),
            Message::Order(Sealed::Altered) => "an order over another file's checksum".to_owned(),
            Message::Order(_) => "the signed order".to_owned(),
            Message::Submit(_, Key::Right) => "order and key".to_owned(),
            Message::Submit(_, Key::Wrong) => "the order and a wrong key".to_owned(),
            Message::Receipt(_, Some(_)) => "the server's receipt with the key".to_owned(),
            Message::Receipt(_, None) => "the server's word that nothing was paid".to_owned(),
            Message::Forward(_) => "the key from the merchant".to_owned(),
            Message::Asks(party) => format!("{}'s question what became of it", party.name()),
            Message::Cancel => "the customer's cancellation".to_owned(),
            Message::Overcharge => {
                "an order for twice the price, signed by the merchant".to_owned()
            }
        }
    }

    fn tell_move(&self, what: Move) -> String {
        match what {
            Move::Begin if self.unasked => "sends offer and encrypted goods",
            Move::Begin => "asks for the price",
            Move::TimeOut => "sees the order's time-out pass",
            Move::SpendElsewhere => "spends her money at another shop",
        }
        .to_owned()
    }
}
