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
use crate::head::{Head, LedgerKey, SignedHead, Unproven};
use crate::service::HeadQuestion;

/// Most heads that are kept; older ones are thinned out.
pub const MAX_HEADS: usize = 256;
/// So many of the newest are never thinned out.
const NEWEST: usize = 64;
/// Most epochs that a new head may be ahead.
pub const MAX_EPOCHS: u32 = 1024;
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
        let first = last.head.epoch.saturating_add(1);
        if head.epoch > first && head.epoch - first <= MAX_EPOCHS {
            // What the epochs in between kept has to be known first.
            let question = HeadQuestion::Beginning(first);
            return Ok(Heard::Ask(Pending { head: signed, question, between: vec![], pair: None }));
        }
        Ok(self.demand(signed, Vec::new()))
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

    fn hear_beginning(&mut self, mut pending: Pending, epoch: u32, signed: SignedHead) -> Heard {
        let Ok(head) = signed.verify(&self.of) else { return self.without_answer(&pending) };
        if self.contradicted(&Word::Head(signed), &head.claim(), &pending.between) {
            return Heard::Convicted;
        }
        if head.epoch != epoch || head.size != head.since {
            return self.without_answer(&pending);
        }
        pending.between.push(signed);
        let next = epoch.saturating_add(1);
        if next < pending.head.head.epoch {
            pending.question = HeadQuestion::Beginning(next);
            return Heard::Ask(pending);
        }
        let Pending { head, between, .. } = pending;
        self.demand(head, between)
    }

    /// What a head must be shown to be, before it is believed.
    fn demand(&mut self, signed: SignedHead, between: Vec<SignedHead>) -> Heard {
        let (head, known) = (signed.head, self.known(&between, Some(&signed)));
        // There is one, or the head was the first.
        let Some(last) = self.last().copied() else { return Heard::Known };
        let unknown =
            head.epoch > last.head.epoch && known.kept(last.head.epoch, head.epoch).is_none();
        if unknown {
            // More epochs have passed than anybody asks about: nothing is taken for lost on the
            // word of a number.
            self.unanswered = Some(Box::new([last, signed]));
            return Heard::Unanswered;
        }
        let pair = if head.place() >= last.head.place() {
            match self.anchor(&head, &known) {
                Some(anchor) => [anchor, signed],
                // Of all that was seen nothing is left, by the server's own word.
                None => return self.accept(signed, between, &known),
            }
        } else {
            let kept = match head.epoch == last.head.epoch {
                true => Some(u64::MAX),
                false => known.kept(head.epoch, last.head.epoch),
            };
            match kept {
                Some(kept) if head.size <= kept => [signed, last],
                _ => return Heard::Lost,
            }
        };
        let [old, new] = pair.map(|signed| signed.head);
        if old.size == 0 || (old.size == new.size && old.root == new.root) {
            return self.proved(signed, between, &known);
        }
        let question = HeadQuestion::Continuation(old.size, new.size);
        Heard::Ask(Pending { head: signed, question, between, pair: Some(pair) })
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
        let known = self.known(&pending.between, Some(&pending.head));
        self.proved(pending.head, pending.between, &known)
    }

    /// A head that continues what was seen, or lies within it.
    fn proved(
        &mut self,
        signed: SignedHead,
        between: Vec<SignedHead>,
        known: &Beginnings,
    ) -> Heard {
        match self.last() {
            Some(last) if signed.head.place() < last.head.place() => {
                self.unanswered = None;
                Heard::Known
            }
            Some(last) if signed.head == last.head => Heard::Known,
            _ => self.accept(signed, between, known),
        }
    }

    fn accept(
        &mut self,
        signed: SignedHead,
        between: Vec<SignedHead>,
        known: &Beginnings,
    ) -> Heard {
        let head = signed.head;
        if let Some(last) = self.last().map(|last| last.head) {
            let kept = known.kept(last.epoch, head.epoch).unwrap_or(0);
            if last.epoch < head.epoch && kept < last.size && self.losses.len() < MAX_LOSSES {
                let loss = Loss { from: last.epoch, to: head.epoch, kept, seen: last.size };
                self.losses.push(loss);
            }
            // A later look at the same tree takes the place of the earlier one.
            if last.place() == head.place() {
                self.heads.pop();
            }
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
    fn anchor(&self, head: &Head, known: &Beginnings) -> Option<SignedHead> {
        let whole = |old: &&SignedHead| {
            let old = old.head;
            old.epoch == head.epoch
                || known.kept(old.epoch, head.epoch).is_some_and(|kept| old.size <= kept)
        };
        self.heads.iter().rev().find(whole).copied()
    }

    fn known(&self, between: &[SignedHead], head: Option<&SignedHead>) -> Beginnings {
        let mut known = Beginnings::default();
        for signed in self.beginnings.iter().chain(&self.heads).chain(between).chain(head) {
            known.learn(&signed.head);
        }
        known
    }

    /// Whether a word contradicts a head that was accepted, or one of `others`: then that
    /// convicts the server.
    fn contradicted(&mut self, word: &Word, claim: &Claim, others: &[SignedHead]) -> bool {
        let known = self.known(others, None);
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
