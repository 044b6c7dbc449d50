//! The links of the demonstration: between its processes stands a relay that reads every message,
//! and cuts all of them after the one that was asked for.

use std::sync::Mutex;
use std::sync::{Arc, MutexGuard, PoisonError};

use purchase::relay::{Fate, Network};
use purchase::service as shop;
use serde::Serialize;
use settlement::service as bank;
use settlement::service::purchases::{PurchaseAnswer, PurchaseQuestion};

/// A message of the exchange, under its letter in Tygar 1998, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
}

impl Step {
    pub(super) const ALL: [Self; 8] =
        [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F, Self::G, Self::H];

    /// Its letter.
    pub(super) fn letter(self) -> &'static str {
        ["a", "b", "c", "d", "e", "f", "g", "h"][self as usize]
    }

    /// What it is.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::A => "the customer asks for the price",
            Self::B => "the merchant's signed offer",
            Self::C => "the customer asks for the goods",
            Self::D => "the encrypted goods",
            Self::E => "the customer's signed order",
            Self::F => "order, offer and key to the server",
            Self::G => "the server's receipt to the merchant",
            Self::H => "receipt and key to the customer",
        }
    }
}

/// Which of the three links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Customer and merchant.
    Shop,
    /// Merchant and settlement server.
    MerchantsBank,
    /// Customer and settlement server.
    CustomersBank,
}

/// What all links know.
#[derive(Debug, Default)]
struct State {
    /// Cut all after this message.
    after: Option<Step>,
    cut: Vec<Link>,
    /// Messages of the exchange that have arrived since it was last looked.
    arrived: Vec<Step>,
}

/// All links.
#[derive(Debug, Clone, Default)]
pub(super) struct Links(Arc<Mutex<State>>);

/// One link's end of it.
pub(super) struct Line {
    links: Links,
    link: Link,
}

impl Links {
    /// One of the links.
    pub(super) fn line(&self, link: Link) -> Arc<Line> {
        Arc::new(Line { links: self.clone(), link })
    }

    /// From now on all messages arrive, until one with this letter has.
    pub(super) fn cut_after(&self, step: Step) {
        *self.state() = State { after: Some(step), ..State::default() };
    }

    /// From now on all messages arrive but those on these links.
    pub(super) fn open_but(&self, cut: Vec<Link>) {
        *self.state() = State { cut, ..State::default() };
    }

    /// Whether the message after which all was to be cut has arrived.
    pub(super) fn is_cut(&self) -> bool {
        self.state().after.is_none()
    }

    /// The messages that have arrived.
    pub(super) fn arrived(&self) -> Vec<Step> {
        self.state().arrived.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Changed in single steps: a panic leaves none half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn fate(&self, step: Option<Step>) -> Fate {
        let mut state = self.links.state();
        if state.cut.contains(&self.link) {
            return Fate::Lost;
        }
        state.arrived.extend(step);
        if step.is_some() && step == state.after {
            state.after = None;
            state.cut = vec![Link::Shop, Link::MerchantsBank, Link::CustomersBank];
        }
        Fate::Passes
    }
}

impl Network<shop::Question, shop::Answer> for Line {
    fn question(&self, question: &mut shop::Question) -> Fate {
        self.fate(match question {
            shop::Question::Inquiry { .. } => Some(Step::A),
            shop::Question::Goods { .. } => Some(Step::C),
            shop::Question::Order { .. } => Some(Step::E),
            shop::Question::Catalogue(_) | shop::Question::Sale(..) => None,
        })
    }

    fn answer(&self, answer: &mut shop::Answer) -> Fate {
        self.fate(match answer {
            shop::Answer::Offer(_) => Some(Step::B),
            shop::Answer::Goods(_) => Some(Step::D),
            shop::Answer::Paid(_) => Some(Step::H),
            _ => None,
        })
    }
}

impl Network<bank::Question, bank::Answer> for Line {
    fn question(&self, question: &mut bank::Question) -> Fate {
        self.fate(match question {
            bank::Question::Purchase(question) => match **question {
                PurchaseQuestion::Buy { .. } => Some(Step::F),
                _ => None,
            },
            _ => None,
        })
    }

    fn answer(&self, answer: &mut bank::Answer) -> Fate {
        self.fate(match answer {
            bank::Answer::Purchase(answer) if self.link == Link::MerchantsBank => {
                matches!(**answer, PurchaseAnswer::Paid(_)).then_some(Step::G)
            }
            _ => None,
        })
    }
}
