//! The server's side: what it brings to its ledger, what it answers, and what a judge makes of its
//! receipts.

use settlement::ledger::{Class, Code};

use super::shop::{self, Bought, Brought};
use super::{Memory, Message, ORDER, Purchase, UNTIL, Weakness};
use crate::bank::{Ask, Slip};
use crate::goods::{Content, Key, Sealed};
use crate::protocol::Party;

impl Purchase {
    pub(super) fn lacks(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    /// g Brings something to the ledger, and tells the merchant what came of it.
    pub(super) fn settle(memory: &mut Memory, brought: Brought) -> Vec<Message> {
        let Some((number, chain)) = shop::chain(brought) else { return vec![] };
        let code = memory.bank.bring(number, ORDER, chain);
        told(memory, Party::Merchant, Some(code))
    }

    /// A party asks what became of the order. Out of time, nobody leaves it at "not decided": the
    /// customer cancels, the merchant brings it once more.
    pub(super) fn asked(memory: &mut Memory, party: Party) -> Vec<Message> {
        if memory.bank.now < UNTIL || on_record(memory).is_some() {
            return told(memory, party, None);
        }
        match (party, memory.order) {
            (Party::Merchant, Some(order)) => {
                Self::settle(memory, Brought::Whole(order, Key::Right))
            }
            _ => Self::cancel(memory),
        }
    }

    /// Cancels, which settles the question one way or the other.
    pub(super) fn cancel(memory: &mut Memory) -> Vec<Message> {
        let _ = memory.bank.apply(Slip { ask: Ask::Cancel { id: ORDER }, attached: None });
        told(memory, Party::Customer, None)
    }

    /// The order brought alone.
    pub(super) fn alone(&self, memory: &mut Memory, by: Party, order: Sealed) -> Vec<Message> {
        let attached = self.lacks(Weakness::AnythingAttached) && by == Party::Merchant;
        let brought = if attached { Brought::Attached(order) } else { Brought::Alone(by, order) };
        Self::settle(memory, brought)
    }
}

/// What the server can say: the key, or that there will be none. `code` is its answer to what was
/// brought just now.
fn told(memory: &Memory, to: Party, code: Option<Code>) -> Vec<Message> {
    let for_good = |code: Code| matches!(code.class(), Class::Final | Class::Lasting);
    let never = memory.bank.refused(ORDER) || code.is_some_and(for_good);
    match on_record(memory) {
        Some((_, Bought { key, .. })) => vec![Message::Receipt(to, Some(key))],
        None if never => vec![Message::Receipt(to, None)],
        None => vec![],
    }
}

/// The committed purchase, with its chain's number.
pub(super) fn on_record(memory: &Memory) -> Option<(u8, Bought)> {
    let number = memory.bank.committed_chain(ORDER)?;
    shop::bought(number).map(|bought| (number, bought))
}

/// What somebody can prove by what he has, or, if he lies, by whatever there is.
pub(super) fn proves(memory: &Memory, own: Option<(Option<Sealed>, Option<Key>)>) -> Vec<Content> {
    let Some((number, _)) = on_record(memory) else { return vec![] };
    let (files, keys) = match own {
        Some((file, key)) => (file.into_iter().collect(), vec![key]),
        None => (Sealed::ALL.to_vec(), vec![None, Some(Key::Right), Some(Key::Wrong)]),
    };
    let shown = files.iter().flat_map(|file| keys.iter().map(move |key| (*file, *key)));
    shown.filter_map(|(file, key)| shop::judged(number, file, key)).collect()
}
