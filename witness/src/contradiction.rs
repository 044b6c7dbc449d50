//! Words of a server that cannot all be true of one history. SETTLEMENT, section "Witnesses".
//!
//! A restore may lose entries, and then two epochs differ honestly from there on. So words of two
//! epochs contradict each other only in what the later one says was kept: every head states how
//! many entries its epoch began with, and a server that has said so is held to it.

use std::collections::BTreeMap;

use auction::layout::Digest;
use auction::spec::Time;

use crate::continuation::Continuation;
use crate::head::Head;
use crate::inclusion::Inclusion;

/// What cannot be true of one history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Two histories.
    #[error("signed two roots over the first {number} entries")]
    TwoRoots {
        /// How many entries both roots are over.
        number: u64,
    },
    /// One epoch that began twice.
    #[error("signed that epoch {epoch} began with {one} entries and with {other}")]
    TwoBeginnings {
        /// The epoch.
        epoch: u32,
        /// What one word says.
        one: u64,
        /// What the other says.
        other: u64,
    },
    /// A journal that became shorter within an epoch.
    #[error("signed a head over {fewer} entries later than one over {more} of the same epoch")]
    Shrunk {
        /// The later head's number.
        fewer: u64,
        /// The earlier head's.
        more: u64,
    },
    /// Two histories.
    #[error("proved two different entries of number {number}")]
    TwoEntries {
        /// The number.
        number: u64,
    },
    /// A proof that is none, under the server's signature.
    #[error("signed a false proof that its tree of {new} entries continues that of {old}")]
    FalseProof {
        /// The older number.
        old: u64,
        /// The newer.
        new: u64,
    },
}

/// That in an epoch, which began with so many entries, the first `number` entries have this root;
/// where it was a head, at that time nothing came after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    epoch: u32,
    since: u64,
    number: u64,
    root: Digest,
    time: Option<Time>,
}

/// How many entries each epoch began with, as far as it is known from verified heads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beginnings(BTreeMap<u32, u64>);

impl Claim {
    /// The epoch that it is about.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }
}

impl Head {
    /// What the head says.
    #[must_use]
    pub fn claim(&self) -> Claim {
        let Self { epoch, since, size, root, time } = *self;
        Claim { epoch, since, number: size, root, time: Some(time) }
    }
}

impl Continuation {
    /// What the word says of both trees.
    #[must_use]
    pub fn claims(&self) -> [Claim; 2] {
        let Self { epoch, since, .. } = *self;
        let claim = |number, root| Claim { epoch, since, number, root, time: None };
        [claim(self.old_size, self.old_root), claim(self.new_size, self.new_root)]
    }

    /// The wrong of a word whose proof does not hold.
    ///
    /// # Errors
    /// [`Contradiction::FalseProof`].
    pub fn check(&self) -> Result<(), Contradiction> {
        let (old, new) = (self.old_size, self.new_size);
        if self.holds() { Ok(()) } else { Err(Contradiction::FalseProof { old, new }) }
    }
}

impl Beginnings {
    /// Learns from a verified head.
    pub fn learn(&mut self, head: &Head) {
        self.0.insert(head.epoch, head.since);
    }

    /// The same, where all epochs in between that are not known were passed over: that lets more
    /// be demanded of a server, and proves nothing against it.
    #[must_use]
    pub fn without_gaps(mut self) -> Self {
        let ends = self.0.keys().next().copied().zip(self.0.keys().next_back().copied());
        for epoch in ends.into_iter().flat_map(|(first, last)| first..last) {
            self.0.entry(epoch).or_insert(u64::MAX);
        }
        self
    }

    /// How many of the first entries of epoch `from` must be the same in epoch `to`, a later one;
    /// nothing, where it is not known how each epoch in between began.
    #[must_use]
    pub fn kept(&self, from: u32, to: u32) -> Option<u64> {
        let mut kept = u64::MAX;
        for epoch in from.checked_add(1)?..=to {
            kept = kept.min(*self.0.get(&epoch)?);
        }
        Some(kept)
    }
}

/// Whether two claims contradict each other, going by these beginnings of epochs beside their own.
///
/// # Errors
/// [`Contradiction`].
pub fn compare(one: &Claim, other: &Claim, known: &Beginnings) -> Result<(), Contradiction> {
    let (old, new) = if one.epoch <= other.epoch { (one, other) } else { (other, one) };
    if old.epoch == new.epoch {
        if old.since != new.since {
            let (one, other) = (old.since, new.since);
            return Err(Contradiction::TwoBeginnings { epoch: old.epoch, one, other });
        }
        let shrunk = |a: &Claim, b: &Claim| {
            a.number < b.number && a.time.zip(b.time).is_some_and(|(a, b)| a > b)
        };
        for (fewer, more) in [(old, new), (new, old)] {
            if shrunk(fewer, more) {
                let (fewer, more) = (fewer.number, more.number);
                return Err(Contradiction::Shrunk { fewer, more });
            }
        }
    }
    let differ = old.number == new.number && old.root != new.root;
    if differ && kept_between(old, new, known).is_some_and(|kept| old.number <= kept) {
        return Err(Contradiction::TwoRoots { number: old.number });
    }
    Ok(())
}

/// Whether two verified inclusions prove different entries of one number.
///
/// # Errors
/// [`Contradiction::TwoEntries`].
pub fn compare_entries(
    one: &Inclusion,
    other: &Inclusion,
    known: &Beginnings,
) -> Result<(), Contradiction> {
    let (a, b) = (one.head.head.claim(), other.head.head.claim());
    let (old, new) = if a.epoch <= b.epoch { (a, b) } else { (b, a) };
    let differ = one.number == other.number && one.leaf != other.leaf;
    if differ && kept_between(&old, &new, known).is_some_and(|kept| one.number < kept) {
        return Err(Contradiction::TwoEntries { number: one.number });
    }
    Ok(())
}

/// How many entries are the same in the epochs of both claims, the later one's own word included.
fn kept_between(old: &Claim, new: &Claim, known: &Beginnings) -> Option<u64> {
    if old.epoch == new.epoch {
        return Some(u64::MAX);
    }
    Some(known.kept(old.epoch, new.epoch - 1)?.min(new.since))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(epoch: u32, since: u64, number: u64, root: u8, time: u64) -> Claim {
        Claim { epoch, since, number, root: Digest([root; 32]), time: Some(Time(time)) }
    }

    fn known(beginnings: &[(u32, u64)]) -> Beginnings {
        Beginnings(beginnings.iter().copied().collect())
    }

    #[test]
    fn within_an_epoch_one_number_has_one_root_and_time_goes_with_it() {
        let head = claim(0, 0, 7, 1, 100);
        let none = Beginnings::default();
        for fine in [head, claim(0, 0, 8, 2, 100), claim(0, 0, 6, 2, 100), claim(0, 0, 7, 1, 900)] {
            assert_eq!(compare(&head, &fine, &none), Ok(()));
            assert_eq!(compare(&fine, &head, &none), Ok(()));
        }
        let two_roots = Err(Contradiction::TwoRoots { number: 7 });
        assert_eq!(compare(&head, &claim(0, 0, 7, 2, 100), &none), two_roots);
        let shrunk = Err(Contradiction::Shrunk { fewer: 6, more: 7 });
        assert_eq!(compare(&head, &claim(0, 0, 6, 2, 101), &none), shrunk);
        assert_eq!(compare(&claim(0, 0, 6, 2, 101), &head, &none), shrunk);
        let twice = Err(Contradiction::TwoBeginnings { epoch: 1, one: 5, other: 4 });
        assert_eq!(compare(&claim(1, 5, 9, 1, 1), &claim(1, 4, 12, 2, 2), &none), twice);
        // A continuation says nothing of when its older tree was the whole.
        let old = Claim { time: None, ..claim(0, 0, 6, 2, 0) };
        assert_eq!(compare(&head, &old, &none), Ok(()));
    }

    #[test]
    fn a_later_epoch_is_held_to_what_it_says_it_kept_and_to_no_more() {
        let (old, none) = (claim(0, 0, 7, 1, 900), Beginnings::default());
        // Epoch 1 began with 6 entries: the seventh was lost, and may be another now.
        assert_eq!(compare(&old, &claim(1, 6, 7, 2, 100), &none), Ok(()));
        let two_roots = Err(Contradiction::TwoRoots { number: 7 });
        assert_eq!(compare(&old, &claim(1, 7, 7, 2, 100), &none), two_roots);
        assert_eq!(compare(&claim(1, 8, 7, 2, 100), &old, &none), two_roots);
        // Over two restores: what the one in between kept must be known.
        let newest = claim(2, 9, 7, 2, 100);
        assert_eq!(compare(&old, &newest, &none), Ok(()));
        assert_eq!(compare(&old, &newest, &known(&[(1, 6)])), Ok(()));
        assert_eq!(compare(&old, &newest, &known(&[(1, 7)])), two_roots);
    }
}
