//! What came back after a restore, held against how the journal's epochs began and against all
//! else that the server signed of what it says that it lost. SETTLEMENT, section "Readmission".

use std::collections::BTreeMap;

use auction::spec::Time;
use witness::{Contradiction, Head, Inclusion};

use super::AuditError;
use crate::journal::{Beginning, Leaf, Receipt};
use crate::ledger::{
    Chain, Charter, Class, Code, Entry, HoldKey, Ledger, LostCommit, RawEntry, Readmitted,
    SignedRequest, VerifiedRequest,
};
use crate::readmission::kinds::outside_escrow;
use crate::readmission::{NotReadmitted, Restores, kind_of};

/// Where an entry was before it was lost, and what is wrong with the proof of that; of an entry that
/// was not lost neither.
#[derive(Default)]
pub(super) struct Original {
    inclusion: Option<Inclusion>,
    wrong: Option<NotReadmitted>,
}

/// Reads what an entry says of having been lost, and verifies all of it that needs no journal. A
/// false one is replayed all the same, as the server did, and said to be so.
pub(super) fn verify(
    raw: &RawEntry<'_>,
    chain: Chain,
    charter: &Charter,
) -> Option<(Chain, Original)> {
    let Some(readmitted) = &raw.readmitted else { return Some((chain, Original::default())) };
    let commit = readmitted.commit.clone();
    let inclusion = commit.inclusion(raw.original);
    let mut wrong = inclusion.verify(&charter.ledger_key()).err().map(NotReadmitted::from);
    let refusal = raw.codes.iter().find(|code| **code != Code::Done);
    wrong = wrong.or(refusal.map(|code| NotReadmitted::Refused(*code)));
    wrong = wrong.or(kind_of(&chain).err().map(Into::into));
    let mut holds = Vec::with_capacity(readmitted.holds.len());
    for bytes in &readmitted.holds {
        let verified = SignedRequest::decode(bytes).map_err(NotReadmitted::from);
        let verified = verified.and_then(|signed| Ok(signed.verify(charter)?));
        holds.push(match verified {
            Ok(verified) => verified,
            Err(reason) => {
                wrong.get_or_insert(reason);
                VerifiedRequest::from_journal(bytes, charter)?
            }
        });
    }
    let original = Original { inclusion: Some(inclusion), wrong };
    Some((chain.readmitted_as(Readmitted::new(commit, holds)), original))
}

/// How far a clock may be set back between two epochs, in milliseconds (an hour): a start with
/// one that is further off waits for the operator.
const CLOCK_MS: u64 = 3_600_000;

/// What came back.
struct Back {
    /// The entry that it is now.
    entry: u64,
    /// When it was committed before.
    time: Time,
    /// Its place in what was lost.
    inclusion: Inclusion,
}

/// How the epochs began, as far as the walk has come, and what came back.
#[derive(Default)]
pub(super) struct Returned {
    restores: Restores,
    all: Vec<Back>,
    /// The entry, and the number before, that each id came back under, of each epoch.
    ids: BTreeMap<(u32, HoldKey), (u64, u64)>,
}

impl Returned {
    pub(super) fn epoch_begins(&mut self, epoch: u32, beginning: Beginning) {
        self.restores.begin(epoch, beginning);
    }

    /// Before the entries of a batch that has some.
    pub(super) fn batch(&mut self, time: Time) {
        self.restores.has_entry(time);
    }

    /// Looks at an entry that says that it was lost and came back; answers with what is wrong.
    pub(super) fn entry(
        &mut self,
        number: u64,
        time: Time,
        entry: &Entry,
        original: &Original,
        (ledger, leaves): (&Ledger, &[Leaf]),
    ) -> Option<NotReadmitted> {
        let readmitted = entry.chain.readmitted()?;
        let commit = readmitted.commit();
        if original.wrong.is_some() {
            return original.wrong.clone();
        }
        let there = usize::try_from(commit.number).ok().and_then(|at| leaves.get(at));
        let leaf = original.inclusion.as_ref().map(|inclusion| &inclusion.leaf);
        let checked = self.restores.check(commit, there.is_some() && there == leaf, time);
        let checked = checked.and_then(|()| Ok(outside_escrow(ledger, &entry.chain)?));
        self.remember(number, commit, &entry.chain, ledger.charter());
        let returned = |inclusion| Back { entry: number, time: commit.time, inclusion };
        self.all.extend(original.inclusion.clone().map(returned));
        checked.err()
    }

    fn remember(&mut self, number: u64, commit: &LostCommit, chain: &Chain, charter: &Charter) {
        for request in chain.requests() {
            let (account, id) = (request.signing_account(charter), request.request().id);
            let key = (commit.head.head.epoch, HoldKey { account, id });
            self.ids.insert(key, (number, commit.number));
        }
    }

    /// What cannot be true together of what came back and what others hold of the same epochs:
    /// heads, receipts of entries that are said to be lost.
    pub(super) fn compare(
        &self,
        heads: &[Head],
        lost: &[&Receipt],
        charter: &Charter,
    ) -> Vec<AuditError> {
        let mut wrong = self.compare_heads(heads, lost);
        wrong.extend(self.compare_times(heads, lost));
        wrong.extend(self.compare_entries(lost));
        for receipt in lost {
            wrong.extend(self.decided_twice(receipt, charter));
        }
        wrong
    }

    /// All heads of an epoch in the order of their numbers: of one number there is one root, and a
    /// later number has no earlier time.
    fn compare_heads(&self, heads: &[Head], lost: &[&Receipt]) -> Vec<AuditError> {
        let returned = self.all.iter().map(|back| (Some(back.entry), back.inclusion.head.head));
        let held = heads.iter().chain(lost.iter().map(|receipt| &receipt.head.head));
        let mut all: Vec<(Option<u64>, Head)> =
            returned.chain(held.map(|head| (None, *head))).collect();
        all.sort_by_key(|(_, head)| (head.epoch, head.size, head.time));
        let mut wrong = Vec::new();
        for pair in all.windows(2) {
            let [(one, before), (other, after)] = pair else { continue };
            let Some(entry) = one.or(*other) else { continue };
            if before.epoch != after.epoch {
                continue;
            }
            let (number, more) = (before.size, after.size);
            let reason = if number == more && before.root != after.root {
                Contradiction::TwoRoots { number }
            } else if number < more && before.time > after.time {
                Contradiction::Shrunk { fewer: number, more }
            } else {
                continue;
            };
            wrong.push(AuditError::ReadmittedAgainst { entry, reason });
        }
        wrong
    }

    /// An epoch begins when those before it are over: nothing was committed in it before the last
    /// word of one of them.
    fn compare_times(&self, heads: &[Head], lost: &[&Receipt]) -> Vec<AuditError> {
        let held = heads.iter().chain(lost.iter().map(|receipt| &receipt.head.head));
        let held: Vec<&Head> = held.collect();
        let too_early = |back: &Back| {
            let epoch = back.inclusion.head.head.epoch;
            let latest = held.iter().filter(|head| head.epoch < epoch).max_by_key(|head| head.time);
            let earlier = latest.filter(|head| head.time.0 > back.time.0.saturating_add(CLOCK_MS));
            earlier.map(|head| AuditError::ReadmittedTooEarly {
                entry: back.entry,
                epoch,
                time: back.time,
                earlier: head.epoch,
                signed: head.time,
            })
        };
        self.all.iter().filter_map(too_early).collect()
    }

    /// Of one number of an epoch there is one entry.
    fn compare_entries(&self, lost: &[&Receipt]) -> Vec<AuditError> {
        let mut leaves = BTreeMap::new();
        let mut wrong = Vec::new();
        let returned = self.all.iter().map(|back| (Some(back.entry), back.inclusion.clone()));
        let held = lost.iter().map(|receipt| (None, receipt.inclusion()));
        for (entry, Inclusion { number, leaf, head, .. }) in returned.chain(held) {
            let at = (head.head.epoch, number);
            let (first, there) = *leaves.entry(at).or_insert((entry, leaf));
            if there != leaf
                && let Some(entry) = first.or(entry)
            {
                let reason = Contradiction::TwoEntries { number };
                wrong.push(AuditError::ReadmittedAgainst { entry, reason });
            }
        }
        wrong
    }

    /// In one epoch an id is decided once: a receipt that says that it was cancelled, say, and
    /// something under the same id that came back.
    fn decided_twice(&self, receipt: &Receipt, charter: &Charter) -> Option<AuditError> {
        let raw = RawEntry::split(&receipt.entry)?;
        let epoch = receipt.head.head.epoch;
        raw.requests.iter().zip(&raw.codes).find_map(|(bytes, code)| {
            if !matches!(code.class(), Class::Done | Class::Final) {
                return None;
            }
            let request = VerifiedRequest::from_journal(bytes, charter)?;
            let (account, id) = (request.signing_account(charter), request.request().id);
            let (entry, number) = *self.ids.get(&(epoch, HoldKey { account, id }))?;
            let other = receipt.number;
            (number != other).then_some(AuditError::DecidedTwice { entry, number, other })
        })
    }
}
