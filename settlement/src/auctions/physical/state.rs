//! What the journal holds of one sale of physical goods. SETTLEMENT, section "Physical goods".

use auction::physical_terms::{PhysicalTerms, Side};
use auction::spec::Time;
use serde::{Deserialize, Serialize};

use super::decision::{Heard, InEscrow, Payout, PayoutRecord, Stage, Unheard};
use super::word::{Saying, VerifiedWord, Word};
use crate::auctions::attachment::{Attached, SaleFacts};

/// The times of one sale. All that asks for T2, T3 or T4 after a sale asks here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times(PhysicalTerms);

/// A word that the journal holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The journal entry.
    pub entry: u64,
    /// The entry's time.
    pub time: Time,
    /// The word.
    pub word: Word,
}

/// That the price has left escrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidOut {
    /// The journal entry.
    pub entry: u64,
    /// The entry's time.
    pub time: Time,
    /// To whom and why; nothing where the journal is damaged or forged, and an audit names the
    /// entry.
    pub record: Option<PayoutRecord>,
}

/// A sale of physical goods, as far as the journal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryState {
    sale: SaleFacts,
    times: Times,
    dispatched: Option<Noted>,
    disputed: Option<Noted>,
    paid_out: Option<PaidOut>,
}

/// What stands in the journal once for each sale, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// The dispatcher's word.
    Dispatch,
    /// The winner's dispute.
    Dispute,
    /// The payout, with the word that it rests on.
    Payout,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Dispatch, Self::Dispute, Self::Payout];
}

impl Times {
    /// The times that the terms name.
    #[must_use]
    pub fn of(terms: &PhysicalTerms) -> Self {
        Self(*terms)
    }

    /// T2: dispatch is proved before it.
    #[must_use]
    pub fn dispatched_by(&self) -> Time {
        self.0.dispatched_by
    }

    /// T3: the winner disputes before it.
    #[must_use]
    pub fn disputed_by(&self) -> Time {
        self.0.disputed_by
    }

    /// T4: the arbiter decides before it.
    #[must_use]
    pub fn awarded_by(&self) -> Time {
        self.0.awarded_by
    }

    /// Who gets the price at T4 without the arbiter's word.
    #[must_use]
    pub fn otherwise(&self) -> Side {
        self.0.otherwise
    }
}

impl DeliveryState {
    /// A sale of which nothing has been said yet.
    #[must_use]
    pub fn new(sale: SaleFacts, times: Times) -> Self {
        Self { sale, times, dispatched: None, disputed: None, paid_out: None }
    }

    /// Who pays what, by which transcript.
    #[must_use]
    pub fn sale(&self) -> &SaleFacts {
        &self.sale
    }

    /// The times.
    #[must_use]
    pub fn times(&self) -> Times {
        self.times
    }

    /// The dispatcher's word.
    #[must_use]
    pub fn dispatched(&self) -> Option<&Noted> {
        self.dispatched.as_ref()
    }

    /// The winner's dispute.
    #[must_use]
    pub fn disputed(&self) -> Option<&Noted> {
        self.disputed.as_ref()
    }

    /// Where the price went.
    #[must_use]
    pub fn paid_out(&self) -> Option<&PaidOut> {
        self.paid_out.as_ref()
    }

    /// The price in escrow and what it waits for; nothing once it has left.
    #[must_use]
    pub fn in_escrow(&self) -> Option<InEscrow<'_>> {
        let stage = match (&self.dispatched, &self.disputed) {
            (None, _) => Stage::Sold,
            (Some(_), None) => Stage::Dispatched,
            (Some(_), Some(_)) => Stage::Disputed,
        };
        let held = self.paid_out.is_none();
        held.then_some(InEscrow { sale: &self.sale, times: self.times, stage })
    }

    /// The entry in which the journal holds this word, and its time.
    #[must_use]
    pub fn holds(&self, word: &Word) -> Option<(u64, Time)> {
        let noted = [&self.dispatched, &self.disputed].into_iter().flatten();
        let mut noted = noted.filter(|noted| noted.word.says_the_same(word));
        let paid = || {
            let paid = self.paid_out.as_ref()?;
            let by = paid.record.as_ref()?.ground.word()?;
            by.says_the_same(word).then_some((paid.entry, paid.time))
        };
        noted.next().map(|noted| (noted.entry, noted.time)).or_else(paid)
    }

    /// What a word does at this time.
    ///
    /// # Errors
    /// [`Unheard`].
    pub fn hear(&self, word: &VerifiedWord, now: Time) -> Result<Heard, Unheard> {
        if let Some((entry, time)) = self.holds(word.word()) {
            return Ok(Heard::Again { entry, time });
        }
        self.in_escrow().ok_or(Unheard::PaidOut)?.hear(word, now)
    }

    /// What is due at this time without a word.
    ///
    /// # Errors
    /// [`Unheard`].
    pub fn due(&self, now: Time) -> Result<Payout, Unheard> {
        self.in_escrow().ok_or(Unheard::PaidOut)?.due(now)
    }

    /// Learns from a committed chain that contains the request of this place. The first in each
    /// place stands; a word that cannot be read is as if it were not there.
    pub(crate) fn learn(
        &mut self,
        (entry, time): (u64, Time),
        place: Place,
        attached: Option<&Attached>,
    ) {
        let word = match attached {
            Some(Attached::Word(word)) if word.auction() == self.sale.auction => Some(word),
            _ => None,
        };
        let noted = |word: &Word| Noted { entry, time, word: word.clone() };
        match (place, word.map(|word| (word, word.saying()))) {
            (Place::Dispatch, Some((word, Saying::Dispatched { .. }))) => {
                self.dispatched.get_or_insert(noted(word));
            }
            (Place::Dispute, Some((word, Saying::Disputed { .. }))) => {
                self.disputed.get_or_insert(noted(word));
            }
            (Place::Dispatch | Place::Dispute, _) => {}
            (Place::Payout, _) => {
                let record = match attached {
                    Some(Attached::Payout(record)) if record.auction == self.sale.auction => {
                        Some(record.clone())
                    }
                    _ => None,
                };
                self.paid_out.get_or_insert(PaidOut { entry, time, record });
            }
        }
    }
}
