//! What a witness keeps of one ledger, and what it demands before it believes a head: a state
//! machine that is told what the server said and says what to ask it. SETTLEMENT, section
//! "Witnesses".
//!
//! What it can know: that everything it has accepted is one history, and where a restore, by the
//! server's own word, has cut it. What it cannot know: whether a restore was needed, what others
//! were shown of entries that it never saw, and why a server says nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::continuation::SignedContinuation;
use crate::contradiction::{Beginnings, Claim, compare};
use crate::evidence::{Case, ServerEvidence, Word};
use crate::head::{LedgerKey, SignedHead, Unproven};
use crate::service::HeadQuestion;

/// Most heads that are kept; older ones are thinned out.
pub const MAX_HEADS: usize = 256;
/// So many of the newest are never thinned out.
const NEWEST: usize = 64;
/// Most epochs that a new head may be ahead.
pub const MAX_EPOCHS: u32 = 1024;
/// Most beginnings of epochs unseen that are kept. A server that is restored more often is not
/// followed any further.
const MAX_BEGINNINGS: usize = 1024;
/// Most losses that are remembered.
const MAX_LOSSES: usize = 1024;

/// Entries that a witness had seen and that a restore has lost, by the server's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The epoch that was seen last.
    pub from: u32,
    /// The epoch in which they are missing.
    pub to: u32,
    /// Entries that were kept: the first one lost has this number.
    pub kept: u64,
    /// Entries that had been seen.
    pub seen: u64,
}

/// What is kept of one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    of: LedgerKey,
    /// Accepted heads in order, each a continuation of those before but for losses.
    heads: Vec<SignedHead>,
    /// Heads of epochs that began and ended unseen.
    beginnings: Vec<SignedHead>,
    losses: Vec<Loss>,
    unanswered: Option<Box<[SignedHead; 2]>>,
    convicted: Option<Box<ServerEvidence>>,
}

/// What became of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, made and taken apart")]
pub enum Heard {
    /// It is the newest now: to be stored, then countersigned.
    Accepted,
    /// It was known, or is proved to lie in the same history.
    Known,
    /// It is of an older epoch, whose entries a restore may have lost: nothing follows from it.
    Lost,
    /// The server is to be asked something first.
    Ask(Pending),
    /// The server was asked and has shown nothing: an accusation, which it can clear.
    Unanswered,
    /// The server is convicted, now or earlier: see [`Watch::convicted`].
    Convicted,
}

/// A head that waits for a word of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    head: SignedHead,
    question: HeadQuestion,
    /// Heads of epochs in between that the server has shown so far.
    between: Vec<SignedHead>,
    /// The newest epoch seen that the head's history went through, as far as it is known; none,
    /// where it went through none of them.
    through: Option<u32>,
    /// Whether that is sure.
    sure: bool,
    /// The two heads that are to be proved consistent, the older one first.
    pair: Option<[SignedHead; 2]>,
}

/// What the server said to the question of a [`Pending`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The head with which an epoch began.
    Beginning(SignedHead),
    /// A continuation.
    Continuation(Box<SignedContinuation>),
    /// Nothing that answers it.
    Nothing,
}

impl Pending {
    /// What to ask the server.
    #[must_use]
    pub fn question(&self) -> HeadQuestion {
        self.question
    }
}

impl Watch {
    /// A watch that has seen nothing.
    #[must_use]
    pub fn new(of: LedgerKey) -> Self {
        Self {
            of,
            heads: Vec::new(),
            beginnings: Vec::new(),
            losses: Vec::new(),
            unanswered: None,
            convicted: None,
        }
    }

    /// Whose heads it watches.
    #[must_use]
    pub fn of(&self) -> &LedgerKey {
        &self.of
    }

    /// The newest head that was accepted.
    #[must_use]
    pub fn last(&self) -> Option<&SignedHead> {
        self.heads.last()
    }

    /// All heads that are kept, oldest first.
    #[must_use]
    pub fn heads(&self) -> &[SignedHead] {
        &self.heads
    }

    /// What restores have lost of what was seen.
    #[must_use]
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// Two heads of which the server has not shown that the second continues the first.
    #[must_use]
    pub fn unanswered(&self) -> Option<&[SignedHead; 2]> {
        self.unanswered.as_deref()
    }

    /// What convicts the server.
    #[must_use]
    pub fn convicted(&self) -> Option<&ServerEvidence> {
        self.convicted.as_deref()
    }

    /// The accusation, where the server owes an answer.
    #[must_use]
    pub fn accusation(&self) -> Option<ServerEvidence> {
        let heads = self.unanswered.clone()?;
        Some(ServerEvidence { of: self.of, case: Case::Unanswered(heads) })
    }

    /// Takes evidence that somebody else has.
    pub fn hear_evidence(&mut self, evidence: ServerEvidence) -> bool {
        let convicts = evidence.of == self.of && matches!(evidence.convict(), Ok(Some(_)));
        if convicts && self.convicted.is_none() {
            self.convicted = Some(Box::new(evidence));
        }
        convicts
    }

    /// Hears a head, from the server or from anybody who says that it is the server's.
    ///
    /// # Errors
    /// [`Unproven`] when the server did not sign it: it says nothing of the server.
    pub fn hear(&mut self, signed: SignedHead) -> Result<Heard, Unproven> {
        let head = signed.verify(&self.of)?;
        if self.convicted.is_some() {
            return Ok(Heard::Convicted);
        }
        if self.contradicted(&Word::Head(signed), &head.claim(), &[]) {
            return Ok(Heard::Convicted);
        }
        let Some(last) = self.last().copied() else {
            self.heads.push(signed);
            return Ok(Heard::Accepted);
        };
        let (last, next) = (last.head.epoch, last.head.epoch.saturating_add(1));
        let question = HeadQuestion::Beginning(next);
        let (between, through) = (Vec::new(), Some(last));
        let pending = Pending { head: signed, question, between, through, sure: false, pair: None };
        Ok(match head.epoch.saturating_sub(last) {
            0 | 1 => self.demand(pending),
            // What the epochs in between kept has to be known first.
            2..=MAX_EPOCHS => Heard::Ask(pending),
            // Nothing is taken for lost on the word of a number.
            _ => self.without_answer(&pending),
        })
    }

    /// Hears what the server said to the question of a pending head.
    pub fn answer(&mut self, pending: Pending, said: Said) -> Heard {
        if self.convicted.is_some() {
            return Heard::Convicted;
        }
        match (pending.question, said) {
            (HeadQuestion::Beginning(epoch), Said::Beginning(signed)) => {
                self.hear_beginning(pending, epoch, signed)
            }
            (HeadQuestion::Continuation(..), Said::Continuation(word)) => {
                self.hear_continuation(pending, *word)
            }
            _ => self.without_answer(&pending),
        }
    }

    /// The server answers with the head of the next epoch that its journal went through, where it
    /// passed over the one that it was asked about.
    fn hear_beginning(&mut self, mut pending: Pending, asked: u32, signed: SignedHead) -> Heard {
        let Ok(head) = signed.verify(&self.of) else { return self.without_answer(&pending) };
        let mut others = pending.between.clone();
        others.push(pending.head);
        if self.contradicted(&Word::Head(signed), &head.claim(), &others) {
            return Heard::Convicted;
        }
        let newest = pending.head.head.epoch;
        if !(asked..=newest).contains(&head.epoch) || head.size != head.since {
            return self.without_answer(&pending);
        }
        let through = pending.through.unwrap_or(0);
        if asked <= through {
            // It was asked whether it went through this one.
            pending.sure = head.epoch == asked;
            if !pending.sure {
                pending.through = self.epochs().filter(|epoch| *epoch < asked).max();
            }
            return self.ask_what_lies_between(pending);
        }
        // Epochs with following numbers follow each other: a restore that passes over some leaves
        // one out in which nobody signs.
        pending.sure |= head.epoch == through.saturating_add(1);
        if !pending.sure {
            return self.ask_what_lies_between(pending);
        }
        if head.epoch < newest {
            if self.beginnings.len() + pending.between.len() >= MAX_BEGINNINGS {
                return self.without_answer(&pending);
            }
            pending.between.push(signed);
        }
        let next = head.epoch.saturating_add(1);
        if next >= newest {
            return self.demand(pending);
        }
        pending.question = HeadQuestion::Beginning(next);
        Heard::Ask(pending)
    }

    /// Asks which of the epochs seen the head's history went through, then how those began that
    /// it went through since. Every history went through the first.
    fn ask_what_lies_between(&mut self, mut pending: Pending) -> Heard {
        let Some(through) = pending.through else { return self.demand(pending) };
        let (newest, next) = (pending.head.head.epoch, through.saturating_add(1));
        pending.sure |= through == 0;
        if pending.sure && next >= newest {
            return self.demand(pending);
        }
        if newest - through > MAX_EPOCHS {
            return self.without_answer(&pending);
        }
        let asked = if pending.sure { next } else { through };
        pending.question = HeadQuestion::Beginning(asked);
        Heard::Ask(pending)
    }

    /// What a head must be shown to be, before it is believed.
    fn demand(&mut self, mut pending: Pending) -> Heard {
        let (signed, head) = (pending.head, pending.head.head);
        // There is one, or the head was the first.
        let Some(last) = self.last().copied() else { return Heard::Known };
        let history = self.history(&pending);
        let pair = if head.place() >= last.head.place() {
            match self.anchor(&pending, &history) {
                Some(anchor) => [anchor, signed],
                // Of all that was seen nothing is left, by the server's own word.
                None => return self.accept(pending),
            }
        } else {
            let kept = match head.epoch == last.head.epoch {
                true => Some(u64::MAX),
                false => history.kept(head.epoch, last.head.epoch),
            };
            let through = self.epochs().any(|epoch| epoch == head.epoch);
            match kept.filter(|_| through) {
                Some(kept) if head.size <= kept => [signed, last],
                _ => return Heard::Lost,
            }
        };
        let [old, new] = pair.map(|signed| signed.head);
        if old.size == 0 || (old.size == new.size && old.root == new.root) {
            return self.proved(pending);
        }
        pending.question = HeadQuestion::Continuation(old.size, new.size);
        pending.pair = Some(pair);
        Heard::Ask(pending)
    }

    fn hear_continuation(&mut self, pending: Pending, signed: SignedContinuation) -> Heard {
        let Some([old, new]) = pending.pair else { return self.without_answer(&pending) };
        let Ok(word) = signed.verify(&self.of).cloned() else {
            return self.without_answer(&pending);
        };
        if word.check().is_err() {
            let case = Case::FalseProof(Box::new(signed));
            self.convicted = Some(Box::new(ServerEvidence { of: self.of, case }));
            return Heard::Convicted;
        }
        let mut heads = pending.between.clone();
        heads.push(pending.head);
        let said = Word::Continuation(Box::new(signed));
        let claims = word.claims();
        if claims.iter().any(|claim| self.contradicted(&said, claim, &heads)) {
            return Heard::Convicted;
        }
        let [of_old, of_new] = [old, new].map(|signed| (signed.head.size, signed.head.root));
        let fits = word.epoch == new.head.epoch
            && (word.old_size, word.old_root) == of_old
            && (word.new_size, word.new_root) == of_new;
        if !fits {
            // Of another epoch, or of other numbers: no answer to this.
            return self.without_answer(&pending);
        }
        self.proved(pending)
    }

    /// A head that continues what was seen, or lies within it.
    fn proved(&mut self, pending: Pending) -> Heard {
        match self.last() {
            Some(last) if pending.head.head.place() < last.head.place() => {
                self.unanswered = None;
                Heard::Known
            }
            Some(last) if pending.head.head == last.head => Heard::Known,
            _ => self.accept(pending),
        }
    }

    fn accept(&mut self, pending: Pending) -> Heard {
        let (kept, head) = (self.kept(&pending), pending.head.head);
        let Pending { head: signed, between, through, .. } = pending;
        if let Some(last) = self.last().map(|last| last.head) {
            if last.epoch < head.epoch && kept < last.size && self.losses.len() < MAX_LOSSES {
                let loss = Loss { from: last.epoch, to: head.epoch, kept, seen: last.size };
                self.losses.push(loss);
            }
            // What the server's history did not go through is of no use any more.
            for heads in [&mut self.heads, &mut self.beginnings] {
                heads.retain(|head| Some(head.head.epoch) <= through);
            }
            // A later look at the same tree takes the place of the earlier one.
            self.heads.pop_if(|last| last.head.place() == head.place());
        }
        self.beginnings.extend(between);
        self.heads.push(signed);
        self.unanswered = None;
        if self.heads.len() > MAX_HEADS {
            let newest = self.heads.len() - NEWEST;
            let mut place = 0;
            self.heads.retain(|_| {
                place += 1;
                place > newest || place % 2 == 1
            });
        }
        Heard::Accepted
    }

    fn without_answer(&mut self, pending: &Pending) -> Heard {
        let last = self.last().copied().unwrap_or(pending.head);
        let pair = pending.pair.unwrap_or([last, pending.head]);
        self.unanswered = Some(Box::new(pair));
        Heard::Unanswered
    }

    /// The newest accepted head of which everything was kept.
    fn anchor(&self, pending: &Pending, history: &Beginnings) -> Option<SignedHead> {
        let head = pending.head.head;
        let whole = |old: &&SignedHead| {
            let old = old.head;
            Some(old.epoch) <= pending.through
                && (old.epoch == head.epoch
                    || history.kept(old.epoch, head.epoch).is_some_and(|kept| old.size <= kept))
        };
        self.heads.iter().rev().find(whole).copied()
    }

    /// How many of the entries seen last are kept in a head's history.
    fn kept(&self, pending: &Pending) -> u64 {
        let Some(through) = pending.through else { return 0 };
        let seen = self.heads.iter().chain(&self.beginnings).map(|signed| signed.head);
        // What was seen beside the history parted from it where the first such epoch began.
        let beside =
            seen.filter(|head| head.epoch > through && head.epoch < pending.head.head.epoch);
        let beside = beside.map(|head| head.since).min().unwrap_or(u64::MAX);
        let kept = self.history(pending).kept(through, pending.head.head.epoch);
        kept.unwrap_or(0).min(beside)
    }

    /// How the epochs began that a head's history went through; the others were passed over.
    fn history(&self, pending: &Pending) -> Beginnings {
        let mut history = Beginnings::default();
        let seen = self.beginnings.iter().chain(&self.heads);
        let seen = seen.filter(|head| Some(head.head.epoch) <= pending.through);
        for signed in seen.chain(&pending.between).chain([&pending.head]) {
            history.learn(&signed.head);
        }
        history.without_gaps()
    }

    /// The epochs that the accepted history went through.
    fn epochs(&self) -> impl Iterator<Item = u32> {
        self.heads.iter().chain(&self.beginnings).map(|signed| signed.head.epoch)
    }

    /// Whether a word contradicts a head that was accepted, or one of `others`: then that
    /// convicts the server.
    fn contradicted(&mut self, word: &Word, claim: &Claim, others: &[SignedHead]) -> bool {
        let mut known = Beginnings::default();
        for signed in self.beginnings.iter().chain(&self.heads).chain(others) {
            known.learn(&signed.head);
        }
        let all = self.heads.iter().chain(&self.beginnings).chain(others);
        let wrong = all.clone().find(|head| compare(claim, &head.head.claim(), &known).is_err());
        let Some(wrong) = wrong.copied() else { return false };
        // One head of each epoch in between says what that kept.
        let epochs = wrong.head.epoch.min(claim.epoch())..=wrong.head.epoch.max(claim.epoch());
        let between = all.filter(|signed| epochs.contains(&signed.head.epoch));
        let between: BTreeMap<u32, SignedHead> =
            between.map(|signed| (signed.head.epoch, *signed)).collect();
        let words = Box::new([Word::Head(wrong), word.clone()]);
        let case = Case::Words(words, between.into_values().collect());
        self.convicted = Some(Box::new(ServerEvidence { of: self.of, case }));
        true
    }
}

#[cfg(test)]
mod tests;
