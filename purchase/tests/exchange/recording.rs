//! A network that writes down what passes, and can put what another one wrote down in its place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use purchase::relay::{Fate, Network};
use purchase::service as shop;
use settlement::service as bank;

/// What passed, in order.
#[derive(Default)]
pub struct Seen {
    pub shop: Vec<shop::Question>,
    pub shop_answers: Vec<shop::Answer>,
    pub bank: Vec<bank::Question>,
    pub bank_answers: Vec<bank::Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Shop,
    ShopAnswer,
    Bank,
    BankAnswer,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Shop, Self::ShopAnswer, Self::Bank, Self::BankAnswer];
}

/// Writes down what passes.
#[derive(Default)]
pub struct Recording {
    pub seen: Mutex<Seen>,
    /// Which message is replaced by its counterpart in what another one wrote down.
    instead: Option<(Kind, usize, Arc<Recording>)>,
    replaced: AtomicBool,
}

impl Recording {
    /// Puts the message of a kind and a number in the place of the one that is sent now.
    pub fn replaying(kind: Kind, number: usize, earlier: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self { instead: Some((kind, number, Arc::clone(earlier))), ..Self::default() })
    }

    pub fn has_replaced(&self) -> bool {
        self.replaced.load(Ordering::SeqCst)
    }

    pub fn count(&self, kind: Kind) -> usize {
        let seen = self.seen.lock().unwrap();
        match kind {
            Kind::Shop => seen.shop.len(),
            Kind::ShopAnswer => seen.shop_answers.len(),
            Kind::Bank => seen.bank.len(),
            Kind::BankAnswer => seen.bank_answers.len(),
        }
    }

    fn pass<T: Clone>(&self, kind: Kind, message: &mut T, of: fn(&mut Seen) -> &mut Vec<T>) {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            of(&mut seen).push(message.clone());
            of(&mut seen).len() - 1
        };
        if let Some((_, _, earlier)) =
            self.instead.as_ref().filter(|it| (it.0, it.1) == (kind, number))
        {
            *message = of(&mut earlier.seen.lock().unwrap())[number].clone();
            self.replaced.store(true, Ordering::SeqCst);
        }
    }
}

impl Network<shop::Question, shop::Answer> for Recording {
    fn question(&self, question: &mut shop::Question) -> Fate {
        self.pass(Kind::Shop, question, |seen| &mut seen.shop);
        Fate::Passes
    }

    fn answer(&self, answer: &mut shop::Answer) -> Fate {
        self.pass(Kind::ShopAnswer, answer, |seen| &mut seen.shop_answers);
        Fate::Passes
    }
}

impl Network<bank::Question, bank::Answer> for Recording {
    fn question(&self, question: &mut bank::Question) -> Fate {
        self.pass(Kind::Bank, question, |seen| &mut seen.bank);
        Fate::Passes
    }

    fn answer(&self, answer: &mut bank::Answer) -> Fate {
        self.pass(Kind::BankAnswer, answer, |seen| &mut seen.bank_answers);
        Fate::Passes
    }
}
