//! What each side does when a message comes, and unasked.

use super::server::{on_record, proves};
use super::shop::{self, Bought, Brought};
use super::{Memory, Message, Move, Purchase, UNTIL, Weakness};
use crate::bank::Bank;
use crate::goods::{Content, Key, Sealed};
use crate::protocol::{Facts, Liars, Party, Protocol};

impl Protocol for Purchase {
    type Message = Message;
    type Move = Move;
    type Memory = Memory;

    fn begin(&self, liars: Liars) -> Vec<Memory> {
        // A lying merchant may offer another picture, or a file that no key opens.
        let contents: &[Sealed] = match liars.merchant {
            true => &Sealed::ALL,
            false => &[Sealed::Of(Content::Good)],
        };
        let begun = |content: &Sealed| Memory {
            content: *content,
            begun: false,
            offer: None,
            file: None,
            ordered: None,
            key: None,
            told_no: false,
            order: None,
            receipt: None,
            refused: false,
            bank: Bank::default(),
        };
        contents.iter().map(begun).collect()
    }

    fn moves(&self, memory: &Memory, liars: Liars) -> Vec<(Party, Move)> {
        let possible = [
            (!memory.begun, Party::Customer, Move::Begin),
            (liars.customer, Party::Customer, Move::SpendElsewhere),
            (memory.bank.now < UNTIL, Party::Server, Move::TimeOut),
        ];
        possible.into_iter().filter(|(can, ..)| *can).map(|(_, who, what)| (who, what)).collect()
    }

    fn make(&self, memory: &mut Memory, what: Move) -> Vec<Message> {
        match what {
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

    fn at_any_time(&self, memory: &Memory, liars: Liars) -> Vec<Message> {
        use Party::{Customer, Merchant};
        let mut messages = Vec::new();
        let others = Sealed::ALL.into_iter().filter(|other| *other != memory.content);
        if let Some(order) = memory.ordered {
            messages.extend([Message::Asks(Customer), Message::Cancel]);
            if liars.customer {
                messages.push(Message::Alone(Customer, order));
                // Another order under the same id.
                messages.extend(others.clone().map(Message::Order));
            }
        }
        if let Some(order) = memory.order {
            messages.push(Message::Asks(Merchant));
            if liars.merchant {
                let wrong = Message::Submit(order, Key::Wrong);
                messages.extend([wrong, Message::Overcharge, Message::Alone(Merchant, order)]);
            }
        }
        if liars.merchant && memory.begun {
            messages.extend(others.flat_map(|file| [Message::Offer(file), Message::Goods(file)]));
        }
        messages
    }

    fn addressee(&self, message: Message) -> Party {
        match message {
            Message::Offer(_) | Message::Goods(_) | Message::Forward(_) => Party::Customer,
            Message::Inquiry | Message::GoodsWanted | Message::Order(_) => Party::Merchant,
            Message::Receipt(party, _) => party,
            Message::Submit(..)
            | Message::Asks(_)
            | Message::Cancel
            | Message::Alone(..)
            | Message::Overcharge => Party::Server,
        }
    }

    fn receive(&self, memory: &mut Memory, message: Message) -> Vec<Message> {
        match message {
            Message::Inquiry => vec![Message::Offer(memory.content)],
            Message::Offer(file) => {
                // She keeps the first.
                let file = *memory.offer.get_or_insert(file);
                let mut sent = vec![Message::GoodsWanted];
                if self.lacks(Weakness::OrdersUnseen) {
                    sent.extend(order(memory, file, file));
                }
                sent
            }
            Message::GoodsWanted => vec![Message::Goods(memory.content)],
            Message::Goods(came) => {
                let Some(offered) = memory.offer else { return vec![] };
                if shop::orders(offered, came, 0) {
                    memory.file = Some(came);
                }
                if self.lacks(Weakness::OrdersUnseen) {
                    return vec![];
                }
                order(memory, offered, came)
            }
            Message::Order(order) => self.take(memory, order),
            Message::Submit(order, key) => Self::settle(memory, Brought::Whole(order, key)),
            Message::Overcharge => Self::settle(memory, Brought::Overcharge),
            Message::Alone(by, order) => self.alone(memory, by, order),
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
            Message::Asks(party) => Self::asked(memory, party),
            Message::Cancel => Self::cancel(memory),
        }
    }

    fn questions(&self, memory: &Memory, party: Party) -> Vec<Message> {
        let asks = match party {
            Party::Customer => memory.ordered.is_some(),
            _ => memory.order.is_some(),
        };
        asks.then_some(Message::Asks(party)).into_iter().collect()
    }

    fn is_done(&self, memory: &Memory, party: Party) -> bool {
        match party {
            Party::Customer => memory.key.is_some() || memory.told_no,
            Party::Merchant => memory.receipt.is_some() || memory.refused,
            Party::Server => true,
        }
    }

    fn facts(&self, memory: &Memory, liars: Liars) -> Facts {
        let (charged, credited) = memory.bank.moved();
        let received = memory.file.zip(memory.key).map(|(file, key)| file.open(key));
        let customer = (!liars.customer).then_some((memory.file, memory.key));
        let merchant = (!liars.merchant).then_some((Some(memory.content), Some(Key::Right)));
        Facts {
            money_made: memory.bank.money_made(),
            charged,
            agreed: i64::from(memory.ordered.is_some()),
            credited,
            received,
            wrong_key: matches!(on_record(memory), Some((_, Bought { key: Key::Wrong, .. }))),
            customer_proves: proves(memory, customer),
            merchant_proves: proves(memory, merchant),
            ..Facts::default()
        }
    }

    fn tell_beginning(&self, memory: &Memory) -> Vec<String> {
        let offers = match memory.content {
            Sealed::Of(Content::Good) => None,
            Sealed::Of(Content::Garbage) => Some("the merchant offers another file as the goods"),
            Sealed::Altered => Some("the merchant offers a file that no key opens"),
        };
        offers.into_iter().map(str::to_owned).collect()
    }

    fn tell_message(&self, message: Message) -> String {
        match message {
            Message::Inquiry => "the price inquiry".to_owned(),
            Message::Offer(file) => format!("the signed offer{}", of(file)),
            Message::GoodsWanted => "the request for the goods".to_owned(),
            Message::Goods(file) => format!("the encrypted goods{}", of(file)),
            Message::Order(file) => format!("the signed order{}", of(file)),
            Message::Submit(_, Key::Right) => "order, offer and key".to_owned(),
            Message::Submit(_, Key::Wrong) => "order, offer and a wrong key".to_owned(),
            Message::Receipt(_, Some(_)) => "the server's receipt with the key".to_owned(),
            Message::Receipt(_, None) => "the server's word that nothing was paid".to_owned(),
            Message::Forward(_) => "receipt and key from the merchant".to_owned(),
            Message::Asks(party) => format!("{}'s question what became of it", party.name()),
            Message::Cancel => "the customer's cancellation".to_owned(),
            Message::Alone(..) => "the order without its key".to_owned(),
            Message::Overcharge => {
                "an order for twice the price, signed by the merchant alone".to_owned()
            }
        }
    }

    fn tell_move(&self, what: Move) -> String {
        match what {
            Move::Begin => "asks for the price",
            Move::TimeOut => "sees the order's time-out pass",
            Move::SpendElsewhere => "spends her money at another shop",
        }
        .to_owned()
    }
}

impl Purchase {
    /// f Takes an order, where it fits the offer.
    fn take(&self, memory: &mut Memory, order: Sealed) -> Vec<Message> {
        // f One order under an id: what came first is known, another is refused.
        if let Some(known) = memory.order {
            let again = (known == order).then_some(Message::Submit(order, Key::Right));
            return again.into_iter().collect();
        }
        let fits = shop::accepts(memory.content, order, memory.bank.now);
        if !fits && !self.lacks(Weakness::UncheckedOrder) {
            memory.refused = true;
            return vec![];
        }
        (memory.order, memory.refused) = (Some(order), false);
        vec![Message::Submit(order, Key::Right)]
    }
}

/// e Orders, where what came is what was offered.
fn order(memory: &mut Memory, offered: Sealed, came: Sealed) -> Vec<Message> {
    let now = memory.bank.now;
    if memory.ordered.is_none() && !shop::orders(offered, came, now) {
        // Out of time there is nothing more to wait for.
        memory.told_no |= now >= UNTIL;
        return vec![];
    }
    let order = *memory.ordered.get_or_insert(offered);
    vec![Message::Order(order)]
}

/// Of which file, where it is not the one that the description promises.
fn of(file: Sealed) -> &'static str {
    match file {
        Sealed::Of(Content::Good) => "",
        Sealed::Of(Content::Garbage) => " of another file",
        Sealed::Altered => " of a file that no key opens",
    }
}
