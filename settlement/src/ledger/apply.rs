//! Applying a batch: time, sweeping, chains.

use auction::spec::Time;

use super::account::{AccountIndex, Balances};
use super::chain::Chain;
use super::code::{Class, Code};
use super::few::Few;
use super::ids::{AccountId, RequestId};
use super::readmitted::Readmitted;
use super::records::{Fate, Record};
use super::request::{Action, HoldKey};
use super::signed::{Authority, VerifiedRequest};
use super::{Attached, Ledger};

/// The answer to one request.
///
/// The balances are the signing account's alone: they go to its owner, not to whoever brought
/// the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// What became of the request.
    pub code: Code,
    /// The journal entry that decided it, now or earlier.
    pub entry: Option<u64>,
    /// Whether it was decided by an earlier request of the same content.
    pub repeated: bool,
    /// The signing account's balances after its chain, read together.
    pub balances: Option<Balances>,
}

/// The answer to a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One reply for each request, in order.
    pub replies: Few<Reply>,
    /// The journal entry that this chain must get, where it changed anything.
    pub entry: Option<u64>,
}

/// The answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The batch's time.
    pub now: Time,
    /// Holds that were due and have been swept.
    pub expired: Vec<HoldKey>,
    /// One outcome for each chain, in order.
    pub outcomes: Vec<Outcome>,
    /// Whether anything was decided, time alone included: then the batch must be journaled.
    pub effective: bool,
    /// What the committed requests that ended holds found in them.
    pub(crate) ended: Vec<Ended>,
    /// Decided ids that have left the ledger's memory: whoever keeps it must find them from here
    /// on.
    pub(crate) left: Vec<Left>,
}

/// A hold that a committed request took or gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The entry that ended it.
    pub(crate) entry: u64,
    /// Which.
    pub(crate) hold: HoldKey,
    /// Minor units that it held.
    pub(crate) amount: u64,
}

/// An id that has left the ledger's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    /// The account that it counts among the ids of.
    pub(crate) account: AccountId,
    /// The id.
    pub(crate) id: RequestId,
    /// The entry that decided it.
    pub(crate) entry: u64,
    /// What it stands for, for ever.
    pub(crate) fate: Fate,
}

/// When a chain is applied, and by what time it is judged.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    /// The batch's time.
    pub(super) now: Time,
    /// Of a chain that came back after a restore: when it was committed before.
    pub(super) readmitted: Option<&'a Readmitted>,
    /// While the disk is nearly full.
    scarce: bool,
}

impl Moment<'_> {
    /// What is held against time-outs. SETTLEMENT, section "Readmission".
    pub(super) fn judged(&self) -> Time {
        self.readmitted.map_or(self.now, |readmitted| readmitted.commit().time)
    }
}

/// What a request met: nothing, so that it was applied, or an earlier decision.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) account: AccountIndex,
    pub(super) known: Option<(Code, u64)>,
    /// The hold that it ended, and how much that held.
    pub(super) ended: Option<(HoldKey, u64)>,
}

/// Why a request was refused, and under which account the refusal can be kept.
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) account: Option<AccountIndex>,
}

impl Ledger {
    /// Applies a batch at `max(previous time, clock)`. Due holds are swept first, at most as
    /// many as the charter says; those left over count as expired all the same.
    pub fn apply(&mut self, batch: &[Chain], clock: Time) -> Applied {
        self.apply_new(batch, clock, false)
    }

    /// The same while the disk is nearly full: of a chain that is refused the journal is told
    /// nothing, so that what is left is for what finishes something. Where that would have been
    /// told, it is answered [`Code::StorageScarce`] instead.
    pub(crate) fn apply_while_scarce(&mut self, batch: &[Chain], clock: Time) -> Applied {
        self.apply_new(batch, clock, true)
    }

    fn apply_new(&mut self, batch: &[Chain], clock: Time, scarce: bool) -> Applied {
        let mut applied = self.run(batch.iter(), clock, scarce);
        // A batch that decided nothing leaves no trace, so that replay without it is the same.
        if applied.effective {
            self.time = applied.now;
            applied.left.extend(self.let_go());
        }
        applied
    }

    /// Applies a journaled batch again: what is in the journal was effective, if only because it
    /// told the time.
    pub(crate) fn replay<'a>(
        &mut self,
        batch: impl ExactSizeIterator<Item = &'a Chain>,
        time: Time,
    ) -> Applied {
        let mut applied = self.run(batch, time, false);
        self.time = applied.now;
        applied.left.extend(self.let_go());
        applied
    }

    fn run<'a>(
        &mut self,
        batch: impl ExactSizeIterator<Item = &'a Chain>,
        clock: Time,
        scarce: bool,
    ) -> Applied {
        let now = self.time.max(clock);
        let expired = self.sweep(now);
        let mut effective = !expired.is_empty();
        let mut outcomes = Vec::with_capacity(batch.len());
        for chain in batch {
            let moment = Moment { now, readmitted: chain.readmitted(), scarce };
            let outcome = self.apply_chain(chain, moment);
            effective |= outcome.entry.is_some()
                || outcome.replies.iter().any(|reply| told_the_time(reply.code));
            outcomes.push(outcome);
        }
        self.forget_recalled();
        let (ended, left) = (std::mem::take(&mut self.ended), std::mem::take(&mut self.retold));
        Applied { now, expired, outcomes, effective, ended, left }
    }

    fn sweep(&mut self, now: Time) -> Vec<HoldKey> {
        let mut expired = Vec::new();
        while expired.len() < self.charter.expiries_per_batch() {
            let Some((record, hold)) = self.holds.pop_due(now) else { break };
            self.release(&hold, 0);
            self.set_fate(record, Fate::HoldExpired);
            let account = self.accounts.at(hold.debit).id;
            expired.push(HoldKey { account, id: self.records.at(record).id });
        }
        self.keep();
        expired
    }

    fn apply_chain(&mut self, chain: &Chain, moment: Moment<'_>) -> Outcome {
        let known = match chain.requests() {
            [_] => 0,
            requests => requests.iter().filter(|request| self.known(request).is_some()).count(),
        };
        if 0 < known && known < chain.requests().len() {
            return self.partly_known(chain);
        }
        let mut steps = std::mem::take(&mut self.steps);
        steps.clear();
        let outcome = self.apply_new_chain(chain, moment, known, &mut steps);
        self.steps = steps;
        outcome
    }

    fn apply_new_chain(
        &mut self,
        chain: &Chain,
        moment: Moment<'_>,
        known: usize,
        steps: &mut Vec<Step>,
    ) -> Outcome {
        let entry = self.entries;
        for (place, request) in chain.requests().iter().enumerate() {
            match self.step(request, moment, entry) {
                Ok(Step { known: Some(_), .. }) if known == 0 && chain.requests().len() > 1 => {
                    // One id twice in a chain.
                    self.roll_back();
                    return self.refuse(chain, place, Code::IdConflict, None);
                }
                Ok(step) => steps.push(step),
                Err(refusal) => {
                    self.roll_back();
                    return self.refuse_for(chain, place, refusal, moment);
                }
            }
        }
        // Last of all: a refusal, which is journaled without the goods, is the same without them
        // when it is replayed.
        if steps.iter().any(|step| step.known.is_none())
            && let Some(place) = chain.misplaced_purchase()
        {
            self.roll_back();
            return self.refuse(chain, place, Code::WithoutGoods, None);
        }
        self.commit_chain(chain, steps)
    }

    fn commit_chain(&mut self, chain: &Chain, steps: &[Step]) -> Outcome {
        let attached = chain.attachment().map(super::Attachment::digest);
        let mut new_entry = None;
        if steps.iter().any(|step| step.known.is_none()) {
            new_entry = Some(self.entries);
            if let Some(digest) = attached {
                // At most MAX_CHAIN_REQUESTS.
                let records = steps.len() as u8;
                self.attachments.insert(self.entries, Attached { digest, records });
            }
            for (hold, amount) in steps.iter().filter_map(|step| step.ended) {
                self.ended.push(Ended { entry: self.entries, hold, amount });
            }
            self.retell(steps);
            self.entries += 1;
        }
        self.keep();
        let replies = steps.iter().map(|step| {
            let balances = Some(self.accounts.at(step.account).balances);
            match step.known {
                None => Reply { code: Code::Done, entry: new_entry, repeated: false, balances },
                Some((code, entry)) => {
                    // A receipt that comes back asks for nothing else than what was decided.
                    let other = chain.readmitted().is_none()
                        && code == Code::Done
                        && self.attachment(entry) != attached;
                    let code = if other { Code::AttachmentConflict } else { code };
                    Reply { code, entry: Some(entry), repeated: true, balances }
                }
            }
        });
        Outcome { replies: replies.collect(), entry: new_entry }
    }

    /// Refuses a chain for one member. A refusal that depends on the state is stored and final
    /// for its id, except in a chain of the postings module. Whoever makes a chain of other
    /// people's requests must not be able to spoil one of them by what he puts before it: what
    /// counts is what the request would have met alone.
    fn refuse_for(
        &mut self,
        chain: &Chain,
        place: usize,
        refusal: Refusal,
        moment: Moment<'_>,
    ) -> Outcome {
        let Refusal { mut code, mut account } = refusal;
        let request = chain.requests().get(place);
        // What came back and cannot be taken now may come again: nothing of it is decided.
        let may_last = !chain.has_postings() && chain.readmitted().is_none();
        if moment.scarce && may_last && (code.class() == Class::Final || told_the_time(code)) {
            return self.refuse(chain, place, Code::StorageScarce, None);
        }
        let lasts = code.class() == Class::Final && may_last;
        let Some(request) = request.filter(|_| lasts) else {
            return self.refuse(chain, place, code, None);
        };
        if place > 0 {
            let alone = self.step(request, moment, self.entries);
            self.roll_back();
            (code, account) = match alone {
                Err(Refusal { code, account }) if code.class() == Class::Final => (code, account),
                _ => (Code::RefusedInChain, None),
            };
        }
        let kept = account.and_then(|account| self.keep_refusal(request, code, account));
        self.refuse(chain, place, code, kept)
    }

    fn keep_refusal(
        &mut self,
        request: &VerifiedRequest,
        code: Code,
        account: AccountIndex,
    ) -> Option<u64> {
        let entry = self.entries;
        self.insert_record(Record {
            id: request.request().id,
            content: request.content(),
            entry,
            code,
            fate: Fate::Refused,
            account,
        });
        self.keep();
        self.entries += 1;
        Some(entry)
    }

    fn refuse(&self, chain: &Chain, place: usize, code: Code, entry: Option<u64>) -> Outcome {
        let replies = chain.requests().iter().enumerate().map(|(index, request)| {
            let culprit = index == place;
            Reply {
                code: if culprit { code } else { Code::ChainFailed },
                entry: if culprit { entry } else { None },
                repeated: false,
                balances: self.balances_of_signer(request),
            }
        });
        Outcome { replies: replies.collect(), entry }
    }

    /// Members decided before keep what they got; the others cannot commit without them.
    fn partly_known(&self, chain: &Chain) -> Outcome {
        let replies = chain.requests().iter().map(|request| {
            let record = self.known(request);
            Reply {
                code: record.map_or(Code::ChainPartlyKnown, |record| record.code),
                entry: record.map(|record| record.entry),
                repeated: record.is_some(),
                balances: self.balances_of_signer(request),
            }
        });
        Outcome { replies: replies.collect(), entry: None }
    }

    fn known(&self, request: &VerifiedRequest) -> Option<&Record> {
        let account = self.accounts.find(&request.signing_account(&self.charter))?;
        if self.accounts.at(account).owner != self.key_of(request.authority()) {
            return None;
        }
        let record = self.records.at(self.records.find(account, request.request().id)?);
        (record.content == request.content()).then_some(record)
    }

    /// Whether a chain only finishes what was begun: it is the postings module's, resolves live
    /// holds, or was decided before. Only this goes on while the disk is nearly full. Nobody can fill
    /// what is left with requests of another kind, nor with refused ones of this kind
    /// (`apply_while_scarce`).
    #[must_use]
    pub fn only_finishes(&self, chain: &Chain) -> bool {
        // A new escrow account begins something, whoever signs it.
        let opens = |request: &VerifiedRequest| {
            matches!(request.request().action, Action::OpenEscrow { .. })
        };
        (chain.has_postings() && !chain.requests().iter().any(opens))
            || chain.requests().iter().all(|request| {
                let resolves = match &request.request().action {
                    Action::PostHold { hold, .. } | Action::VoidHold { hold, .. } => self
                        .record(&hold.account, hold.id)
                        .is_some_and(|record| record.fate == Fate::Held),
                    _ => false,
                };
                resolves || self.known(request).is_some()
            })
    }

    /// The signing account's balances, unless the key that signed does not own it.
    fn balances_of_signer(&self, request: &VerifiedRequest) -> Option<Balances> {
        let account = self.account(&request.signing_account(&self.charter))?;
        (account.owner == self.key_of(request.authority())).then_some(account.balances)
    }

    /// The key behind an authority.
    pub(super) fn key_of(&self, authority: Authority) -> auction::keys::PublicKey {
        match authority {
            Authority::Owner(key)
            | Authority::OwnerAndOperator(key)
            | Authority::OwnerAndPayee { owner: key, .. } => key,
            Authority::Operator => self.charter.operator(),
            Authority::Postings => self.charter.postings(),
        }
    }
}

/// Whether a reply says something of the time that no later time may take back.
fn told_the_time(code: Code) -> bool {
    matches!(code, Code::Expired | Code::HoldExpired | Code::HoldTimeout | Code::Sweeping)
}
