//! The referee: takes the public messages of an auction, judges each, and knows what comes next.
//!
//! An accumulator's check of its peers and an auditor's check of a transcript are this one state
//! machine. It holds no secret and has no clock; time rules are the node's.

mod counting;
mod fault;
mod judge;
pub mod statements;
mod tally;

use std::collections::HashMap;
use std::sync::Arc;

use curve25519_dalek::RistrettoPoint;
use rand::rngs::ChaCha20Rng;
use rand::{Rng as _, SeedableRng as _};

pub use fault::{Fault, FaultReason, Omission, Refused};
pub use tally::Tally;

use crate::checking::CountedBid;
use crate::elgamal::Ciphertext;
use crate::group::Point;
use crate::join::Auction;
use crate::layout::Digest;
use crate::messages::{Content, RoundMessage, chain_digests};
use crate::outcome::{Outcome, Sale};
use crate::party::OwnMessage;
use crate::prices::Level;
use crate::proofs::masked::ShownVector;
use crate::receipts::Reason;
use crate::search::Interval;
use crate::segments::Segments;
use crate::set::{Lists, Unsettled};
use crate::spec::Rule;
use crate::step::Step;
use counting::{Counting, Progress, Question};
use judge::Judge;

pub(crate) use judge::Said;

/// What became of a message that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// Kept; others are waited for.
    Kept,
    /// It was there already.
    Duplicate,
    /// The round is complete and judged: see [`Referee::step`] for what is due.
    Complete,
}

/// The state machine.
pub struct Referee {
    auction: Arc<Auction>,
    rng: ChaCha20Rng,
    bids: HashMap<Digest, Result<CountedBid, Reason>>,
    round: u16,
    previous: Digest,
    step: Step,
    inbox: Vec<Option<Kept>>,
    /// By accumulator: its message of this round that carried another hash.
    disputed: Vec<Option<RoundMessage>>,
    rounds: Vec<Vec<RoundMessage>>,
    lists: Option<Lists>,
    tally: Option<Tally>,
    omissions: Vec<Omission>,
    counting: Option<Counting>,
    /// By accumulator: the vector that it showed under a mask, for later stages of the search.
    masked: Vec<ShownVector>,
    price: Option<Level>,
    tie: bool,
    outcome: Option<Outcome>,
    fault: Option<Fault>,
}

/// A message of the round that is due.
struct Kept {
    message: RoundMessage,
    /// Of its body.
    digest: Digest,
    /// What it says, where this program made it itself.
    said: Option<Said>,
}

impl Referee {
    /// A referee before the first round. `seed` is fresh randomness of whoever judges: it weighs
    /// the equations of proofs.
    #[must_use]
    pub fn new(auction: Arc<Auction>, seed: [u8; 32]) -> Self {
        let previous = *auction.context();
        let places = auction.accumulators();
        Self {
            auction,
            rng: ChaCha20Rng::from_seed(seed),
            bids: HashMap::new(),
            round: 0,
            previous,
            step: Step::List,
            disputed: vec![None; places],
            inbox: (0..places).map(|_| None).collect(),
            rounds: Vec::new(),
            lists: None,
            tally: None,
            omissions: Vec::new(),
            counting: None,
            masked: Vec::new(),
            price: None,
            tie: false,
            outcome: None,
            fault: None,
        }
    }

    /// Tells the referee of bids, before the lists are complete.
    pub fn supply(&mut self, bids: impl IntoIterator<Item = impl Into<CountedBid>>) {
        let bids = bids.into_iter().map(Into::into);
        self.bids.extend(bids.map(|bid: CountedBid| (bid.digest(), Ok(bid))));
    }

    /// Tells the referee of a bid that is invalid, so that whoever receipted it is named.
    ///
    /// A wrong signature says nothing: the digest leaves it out, so anyone can put a wrong one
    /// to a valid bid. Such a bid stays unknown.
    pub fn supply_invalid(&mut self, bid: Digest, reason: Reason) {
        if reason != Reason::BidSignature {
            self.bids.insert(bid, Err(reason));
        }
    }

    /// The valid bids that the referee was told of, sorted by digest; none once the set is fixed.
    #[must_use]
    pub fn supplied(&self) -> Vec<&CountedBid> {
        let mut bids: Vec<_> = self.bids.values().filter_map(|bid| bid.as_ref().ok()).collect();
        bids.sort_by_key(|bid| bid.digest());
        bids
    }

    /// The auction.
    #[must_use]
    pub fn auction(&self) -> &Arc<Auction> {
        &self.auction
    }

    /// What every accumulator's next message must say.
    #[must_use]
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// The number of the round that is due.
    #[must_use]
    pub fn round(&self) -> u16 {
        self.round
    }

    /// The hash that messages of this round must carry.
    #[must_use]
    pub fn previous(&self) -> &Digest {
        &self.previous
    }

    /// All complete rounds, each in the order of the accumulators.
    #[must_use]
    pub fn rounds(&self) -> &[Vec<RoundMessage>] {
        &self.rounds
    }

    /// The fixed set, once the lists have settled it.
    #[must_use]
    pub fn tally(&self) -> Option<&Tally> {
        self.tally.as_ref()
    }

    /// Bids that their accumulator receipted and left out. They count all the same.
    #[must_use]
    pub fn omissions(&self) -> &[Omission] {
        &self.omissions
    }

    /// The vector that each accumulator showed under a mask, by accumulator, for the later stages of
    /// the search that it was shown for.
    #[must_use]
    pub fn masked(&self) -> &[ShownVector] {
        &self.masked
    }

    /// The outcome, once the rounds have decided it; it may not be signed by all yet.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The accumulators that signed the outcome, and those that signed something else in its
    /// place. The rounds before decide it, so a false word changes nothing and names its speaker.
    #[must_use]
    pub fn signers(&self) -> (Vec<usize>, Vec<usize>) {
        let Some(outcome) = &self.outcome else { return (Vec::new(), Vec::new()) };
        let last = match self.step {
            Step::Complete => self.rounds.last().map_or(&[][..], Vec::as_slice),
            _ => &[],
        };
        let inbox = self.inbox.iter().flatten().map(|kept| &kept.message);
        let said = last.iter().chain(inbox);
        let place = |message: &RoundMessage| {
            let truly = message.body.content == Content::Outcome(*outcome);
            (truly, usize::from(message.body.accumulator))
        };
        let (truly, falsely): (Vec<_>, Vec<_>) = said.map(place).partition(|(truly, _)| *truly);
        let numbers = |all: Vec<(bool, usize)>| all.into_iter().map(|(_, k)| k).collect();
        (numbers(truly), numbers(falsely))
    }

    /// The fault that stopped the auction.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// The accumulators whose message of this round has not come; nobody once all is said, or
    /// a fault has stopped the auction.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<usize> {
        let silent = |k: &usize| self.inbox.get(*k).is_some_and(Option::is_none);
        let all = 0..self.inbox.len();
        let over = self.step == Step::Complete || self.fault.is_some();
        if over { Vec::new() } else { all.filter(silent).collect() }
    }

    /// The message of this round that has come from accumulator `k`.
    #[must_use]
    pub fn received(&self, k: usize) -> Option<&RoundMessage> {
        self.inbox.get(k).and_then(Option::as_ref).map(|kept| &kept.message)
    }

    /// Takes a message. When it is the last of its round, the round is judged.
    ///
    /// # Errors
    /// [`Refused`]: why the message was not taken, or who stopped the auction.
    pub fn offer(&mut self, message: RoundMessage) -> Result<Offered, Refused> {
        if let Some(fault) = &self.fault {
            return Err(Refused::Fault(fault.clone()));
        }
        if message.body.context != *self.auction.context() {
            return Err(Refused::OtherContext);
        }
        let (k, digest) = message.authentic(&self.auction).ok_or(Refused::NotAuthentic)?;
        self.place(k, Kept { message, digest, said: None })
    }

    /// Takes the message that this program's own party made for the round that is due. It is not
    /// judged: nobody has to prove anything to himself, and peers judge it as any other.
    ///
    /// # Errors
    /// [`Refused`]: why the message was not taken, or who stopped the auction.
    pub fn offer_own(&mut self, own: OwnMessage) -> Result<Offered, Refused> {
        if let Some(fault) = &self.fault {
            return Err(Refused::Fault(fault.clone()));
        }
        let OwnMessage { message, digest, said } = own;
        if message.body.context != *self.auction.context() {
            return Err(Refused::OtherContext);
        }
        let k = usize::from(message.body.accumulator);
        self.place(k, Kept { message, digest, said: Some(said) })
    }

    /// Takes the message of accumulator `k`.
    fn place(&mut self, k: usize, kept: Kept) -> Result<Offered, Refused> {
        let message = &kept.message;
        let known = match self.rounds.get(usize::from(message.body.round)) {
            Some(round) => round.get(k),
            None if message.body.round == self.round => {
                // The disputed messages have a place for each accumulator.
                self.received(k).or(self.disputed[k].as_ref())
            }
            None => {
                let (got, expected) = (message.body.round, self.round);
                return Err(Refused::Early { got, expected });
            }
        };
        if let Some(known) = known.filter(|known| known.body != message.body) {
            return Err(Refused::Equivocation {
                accumulator: k,
                round: message.body.round,
                messages: Box::new([known.clone(), message.clone()]),
            });
        }
        let disputed = message.body.round == self.round && self.disputed[k].is_some();
        if known.is_some() && !disputed {
            return Ok(Offered::Duplicate);
        }
        if self.step == Step::Complete {
            let (got, expected) = (message.body.round, self.round);
            return Err(Refused::Early { got, expected });
        }
        if message.body.previous != self.previous {
            let claimed = message.body.previous;
            self.disputed[k] = Some(kept.message);
            return Err(Refused::OtherHistory { accumulator: k, claimed });
        }
        // The sender is an accumulator, and the inbox has a place for each.
        self.inbox[k] = Some(kept);
        if self.inbox.iter().any(Option::is_none) {
            return Ok(Offered::Kept);
        }
        self.close_round().map_err(|fault| {
            self.fault = Some(fault.clone());
            Refused::Fault(fault)
        })?;
        Ok(Offered::Complete)
    }

    /// Judges a complete round and finds out what comes next.
    fn close_round(&mut self) -> Result<(), Fault> {
        let (mut messages, mut digests, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for Kept { message, digest, said } in self.inbox.iter_mut().filter_map(Option::take) {
            messages.push(message);
            digests.push(digest);
            own.push(said);
        }
        self.disputed.fill(None);
        if let Step::Outcome(_) = self.step {
            // 9 The outcome is decided; see `signers` for who did not say so.
            self.rounds.push(messages);
            self.step = Step::Complete;
            self.round += 1;
            return Ok(());
        }
        let judge = Judge {
            auction: &self.auction,
            tally: self.tally.as_ref(),
            masked: &self.masked,
            step: &self.step,
            round: self.round,
            previous: &self.previous,
        };
        let rng = &mut self.rng;
        let judged = judge.judge(&messages, own, || {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            seed
        });
        let hash = chain_digests(self.auction.context(), &digests);
        self.rounds.push(messages);
        let said = judged?;
        self.previous = hash;
        self.step = self.follow(said)?;
        self.round += 1;
        Ok(())
    }

    /// What a judged round leads to.
    fn follow(&mut self, said: Vec<Said>) -> Result<Step, Fault> {
        let (mut lists, mut sigmas, mut ciphertexts, mut factors, mut masked) =
            (vec![], vec![], vec![], vec![], vec![]);
        for said in said {
            match said {
                Said::List(list) => lists.push(list),
                Said::Show { sigma, entries, vector } => {
                    sigmas.extend(sigma.map(|sigma| *sigma));
                    ciphertexts.push(entries);
                    masked.extend(vector.map(|vector| *vector));
                }
                Said::Multiply(products) => ciphertexts.push(products),
                Said::Blind(blinded) => ciphertexts.push(blinded),
                Said::Open(opened) => factors.push(opened),
                Said::Receipts | Said::Outcome => {}
            }
        }
        if !masked.is_empty() {
            // All have shown one, or nobody was to.
            self.masked = masked;
        }
        match std::mem::replace(&mut self.step, Step::Complete) {
            Step::List => self.settle_lists(Lists::new(lists)),
            Step::Receipts { to_show } => self.fix_set(&to_show),
            Step::Show { order, shown } => {
                if let (true, Some(tally)) = (order, &mut self.tally) {
                    tally.draw_order(self.auction.context(), &sigmas);
                }
                match (&mut self.counting, shown) {
                    (Some(counting), Some(_)) => Ok(counting.receive(&ciphertexts)),
                    _ => self.seek_winner(),
                }
            }
            Step::Multiply(_) => Ok(match &self.counting {
                Some(counting) => counting.multiplied(&ciphertexts),
                None => Step::Complete,
            }),
            Step::Blind(tests) => self.join_blinds(tests.len(), &ciphertexts),
            Step::Open(blinded) => self.read_answers(&blinded, &factors),
            Step::Outcome(_) | Step::Complete => Ok(Step::Complete),
        }
    }

    /// 4 The lists settle the set, or the receipts of what some list lacks are due.
    fn settle_lists(&mut self, lists: Lists) -> Result<Step, Fault> {
        let to_show = lists.to_show();
        self.lists = Some(lists);
        if to_show.iter().all(Vec::is_empty) {
            self.fix_set(&[])
        } else {
            Ok(Step::Receipts { to_show })
        }
    }

    /// 4 Fixes the set, once and for ever.
    fn fix_set(&mut self, shown: &[Vec<Unsettled>]) -> Result<Step, Fault> {
        let Some(lists) = &self.lists else { return Ok(Step::Complete) };
        let set = lists.set(shown);
        // A bid is in the set when each accumulator has listed it or signed a receipt for it, so
        // what is wrong with the set is the fault of all.
        let everyone: Vec<usize> = (0..self.auction.accumulators()).collect();
        let mut bids = Vec::with_capacity(set.len());
        for digest in &set {
            match self.bids.get(digest).cloned() {
                Some(Ok(bid)) => bids.push(bid),
                None => {
                    let unknown_bid = Some(*digest);
                    return Err(Fault { round: self.round, culprits: Vec::new(), unknown_bid });
                }
                Some(Err(reason)) => {
                    let reason = FaultReason::InvalidBid { bid: *digest, reason };
                    return Err(self.blame(&everyone, &reason));
                }
            }
        }
        if set.len() > self.auction.spec().most_bids as usize {
            return Err(self.blame(&everyone, &FaultReason::TooManyBids));
        }
        let tally = Tally::new(self.auction.context(), bids, self.auction.accumulators());
        if let Some((first, second)) = tally.one_key_twice() {
            return Err(self.blame(&everyone, &FaultReason::OneKeyTwice { first, second }));
        }
        let omissions = lists.omissions(&set);
        let omission = |(accumulator, bid)| Omission { accumulator, bid };
        self.omissions = omissions.into_iter().map(omission).collect();
        self.tally = Some(tally);
        self.bids = HashMap::new();
        Ok(self.seek_price())
    }

    /// 7 The price search, where there is something to search. In any case the first message
    /// after the set is fixed carries the contribution to the order.
    fn seek_price(&mut self) -> Step {
        let (n, levels) = (self.count(), self.auction.levels());
        let second = self.auction.spec().rule == Rule::SecondPrice;
        if n > 0 && (levels == 1 || (second && n == 1)) {
            self.price = Some(Level(1));
        } else if n > 0 {
            let question = if second { Question::SecondPrice } else { Question::FirstPrice };
            let range = Interval { low: 1, size: levels };
            let segments = self.auction.segments().clone();
            self.counting = Some(self.count_by(question, range, segments));
        }
        Step::Show { order: true, shown: self.counting.as_ref().map(Counting::shown) }
    }

    /// 8 The winner search, where there is something to search; price and order are known.
    fn seek_winner(&mut self) -> Result<Step, Fault> {
        self.masked = Vec::new();
        let n = self.count();
        let Some(price) = self.price.filter(|_| n > 1) else {
            return Ok(self.conclude((n == 1).then_some(0)));
        };
        let top = price.0 == self.auction.spec().ladder.levels();
        let question = match self.auction.spec().rule {
            Rule::FirstPrice => Question::Winner { level: price, in_doubt: false },
            Rule::SecondPrice if top || self.tie => {
                self.tie = true;
                Question::Winner { level: price, in_doubt: false }
            }
            Rule::SecondPrice => Question::Winner { level: Level(price.0 + 1), in_doubt: true },
        };
        let (block, levels) = (self.auction.spec().block.into(), self.auction.levels());
        let segments = Segments::of_order(n, block, levels, self.auction.accumulators());
        let counting = self.count_by(question, Interval { low: 0, size: n }, segments);
        let shown = counting.shown();
        self.counting = Some(counting);
        Ok(Step::Show { order: false, shown: Some(shown) })
    }

    /// 6 The blinds of all accumulators, summed; their sum must hide, so it must not vanish.
    fn join_blinds(&self, tests: usize, blinded: &[Vec<Ciphertext>]) -> Result<Step, Fault> {
        // The judge saw one blind a test from each accumulator.
        let sum = |i| Ciphertext::sum(blinded.iter().map(|blinded| &blinded[i]));
        let sums: Vec<Ciphertext> = (0..tests).map(sum).collect();
        if sums.iter().any(|sum| sum.a.is_identity()) {
            let everyone: Vec<usize> = (0..self.auction.accumulators()).collect();
            return Err(self.blame(&everyone, &FaultReason::BlindsCancel));
        }
        Ok(Step::Open(sums))
    }

    /// 6 A test's plaintext is zero exactly when all factors add up to `B'`.
    fn read_answers(
        &mut self,
        blinded: &[Ciphertext],
        factors: &[Vec<Point>],
    ) -> Result<Step, Fault> {
        let zero: Vec<bool> = blinded
            .iter()
            .enumerate()
            // The judge saw one factor a test from each accumulator.
            .map(|(i, blind)| {
                let sum: RistrettoPoint = factors.iter().map(|factors| factors[i].value()).sum();
                sum == *blind.b.value()
            })
            .collect();
        let Some(counting) = &mut self.counting else { return Ok(Step::Complete) };
        let Ok(progress) = counting.answer(&zero) else {
            let everyone: Vec<usize> = (0..self.auction.accumulators()).collect();
            return Err(self.blame(&everyone, &FaultReason::Contradiction));
        };
        match (progress, self.price) {
            (Progress::Next(step), _) => Ok(step),
            (Progress::Found(level), None) => {
                // Levels are far below 2^32.
                self.price = Some(Level(level as u32));
                self.seek_winner()
            }
            (Progress::Found(position), Some(_)) => Ok(self.conclude(Some(position))),
            (Progress::Nobody, _) => {
                self.tie = true;
                self.seek_winner()
            }
        }
    }

    /// 9 The outcome.
    fn conclude(&mut self, position: Option<usize>) -> Step {
        let Some(tally) = &self.tally else { return Step::Complete };
        let winner = position
            .and_then(|low| tally.at(Interval { low, size: 1 }).next())
            .map(CountedBid::bidder);
        let price = self.price.and_then(|level| {
            let price = self.auction.spec().ladder.price(level)?;
            Some((level, price))
        });
        let outcome = Outcome {
            set: tally.digest(),
            // At most the spec's most bids.
            bids: tally.bids().len() as u32,
            sale: winner.zip(price).map(|(winner, (level, price))| Sale { winner, level, price }),
            tie: self.tie,
            transcript: self.previous,
        };
        self.outcome = Some(outcome);
        self.counting = None;
        Step::Outcome(outcome)
    }

    fn count(&self) -> usize {
        self.tally.as_ref().map_or(0, |tally| tally.bids().len())
    }

    fn count_by(&self, question: Question, range: Interval, segments: Segments) -> Counting {
        let spec = self.auction.spec();
        let (block, fan_out) = (usize::from(spec.block), usize::from(spec.fan_out));
        Counting::new(question, range, block, fan_out, segments)
    }

    fn blame(&self, culprits: &[usize], reason: &FaultReason) -> Fault {
        let culprits = culprits.iter().map(|k| (*k, reason.clone())).collect();
        Fault { round: self.round, culprits, unknown_bid: None }
    }
}
