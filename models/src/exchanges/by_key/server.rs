//! The server's side, and what a judge makes of its records.

use settlement::ledger::Code;

use super::{ByKey, Memory, Message, ORDER, UNTIL, Weakness};
use crate::bank::{Ask, Bank, Holder, Slip};
use crate::goods::{Content, Key, Sealed, provable};
use crate::protocol::Party;

impl ByKey {
    pub(super) fn lacks(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    /// Step g: money and key in one chain, or neither.
    pub(super) fn settle(&self, memory: &mut Memory, signed: Sealed, key: Key) -> Vec<Message> {
        let forgets = self.lacks(Weakness::ForgetsIds);
        let keeps_later = self.lacks(Weakness::KeepsKeyLater);
        let id = if forgets { fresh(&memory.bank) } else { ORDER };
        let ask = Ask::Pay {
            signer: Holder::Customer,
            from: Holder::Customer,
            to: Holder::Merchant,
            amount: 1,
            id,
            until: UNTIL,
            reference: signed.number(),
        };
        let attached = (!keeps_later).then_some(key.number());
        let code = memory.bank.apply(Slip { ask, attached });
        if keeps_later && code == Code::Done {
            memory.unflushed = Some(key);
        }
        self.answer(memory, Party::Merchant)
    }

    /// What the server can say about the order: the key on record, or that there will be none.
    pub(super) fn answer(&self, memory: &Memory, to: Party) -> Vec<Message> {
        match self.on_record(memory) {
            Some((_, Some(key))) => vec![Message::Receipt(to, Some(key))],
            None if memory.bank.ruled_out(ORDER, UNTIL) => vec![Message::Receipt(to, None)],
            _ => vec![],
        }
    }

    /// The committed order: its checksum, and its key.
    pub(super) fn on_record(&self, memory: &Memory) -> Option<(Sealed, Option<Key>)> {
        let slip = [ORDER, FRESH, FRESH + 1].iter().find_map(|id| memory.bank.committed(*id))?;
        let Ask::Pay { reference, .. } = slip.ask else { return None };
        let key = slip.attached.map(Key::of_number).or(memory.unflushed);
        Some((Sealed::of_number(reference), key))
    }

    pub(super) fn proves(&self, memory: &Memory, honest_file: Option<Sealed>) -> Vec<Content> {
        match self.on_record(memory) {
            Some((_, Some(key))) if self.lacks(Weakness::KeepsNoChecksum) => match honest_file {
                Some(file) => vec![file.open(key)],
                None => Sealed::ALL.iter().map(|file| file.open(key)).collect(),
            },
            Some((signed, Some(key))) => provable(signed, key, honest_file),
            _ => vec![],
        }
    }
}

/// First of the ids of a server that forgets them.
const FRESH: u8 = 50;

fn fresh(bank: &Bank) -> u8 {
    if bank.committed(FRESH).is_some() { FRESH + 1 } else { FRESH }
}
