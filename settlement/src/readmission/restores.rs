//! How a journal's epochs began, and whether a commit is one that it has lost.

use auction::spec::Time;

use super::{NotReadmitted, READMISSION_MS};
use crate::journal::Beginning;
use crate::ledger::LostCommit;

/// What a journal says of its restores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restores {
    /// How every epoch began, the first one included.
    beginnings: Vec<Beginning>,
    /// The time of the newest epoch's first entry, once there is one.
    first: Option<Time>,
}

impl Default for Restores {
    /// Of a journal that was never restored.
    fn default() -> Self {
        Self::new(vec![Beginning::FIRST], None)
    }
}

impl Restores {
    pub(crate) fn new(beginnings: Vec<Beginning>, first: Option<Time>) -> Self {
        Self { beginnings, first }
    }

    /// A later epoch begins; those before it that did not are passed over.
    pub(crate) fn begin(&mut self, epoch: u32, beginning: Beginning) {
        self.beginnings.resize(epoch as usize, Beginning::PASSED);
        self.beginnings.push(beginning);
        self.first = None;
    }

    /// The newest epoch has an entry of this time.
    pub(crate) fn has_entry(&mut self, time: Time) {
        self.first.get_or_insert(time);
    }

    /// Until when what was lost is taken back; while the newest epoch has no entry the time does
    /// not run.
    #[must_use]
    pub fn until(&self) -> Option<Time> {
        self.first.map(|first| Time(first.0.saturating_add(READMISSION_MS)))
    }

    /// Whether a commit is one that this journal has lost, by its own word, and may come back now.
    /// `there`: whether the journal has this very entry under its number.
    ///
    /// # Errors
    /// [`NotReadmitted`].
    pub fn check(&self, commit: &LostCommit, there: bool, now: Time) -> Result<(), NotReadmitted> {
        let from = self.lost_from(commit, there)?;
        let (number, head) = (commit.number, &commit.head.head);
        // What a restore lost came after what it kept, and before the head that shows it.
        if commit.time < from || head.time < commit.time {
            let to = head.time;
            return Err(NotReadmitted::Impossible { number, time: commit.time, from, to });
        }
        if now < commit.time {
            return Err(NotReadmitted::Ahead(commit.time));
        }
        match self.until() {
            Some(until) if now >= until => Err(NotReadmitted::Over(until)),
            _ => Ok(()),
        }
    }

    /// From when on there was what was lost with a commit.
    fn lost_from(&self, commit: &LostCommit, there: bool) -> Result<Time, NotReadmitted> {
        let (head, number) = (&commit.head.head, commit.number);
        let place = usize::try_from(head.epoch).unwrap_or(usize::MAX);
        let begun = self.beginnings.get(place);
        let later = self.beginnings.get(place.saturating_add(1)..).unwrap_or_default();
        if begun == Some(&Beginning::PASSED) && later.first() == Some(&Beginning::PASSED) {
            // All of it is lost but what this history has too; how it began, its own heads say. In
            // the last number before an epoch that passed over some nobody ever signed.
            if there {
                return Err(NotReadmitted::Kept { number, kept: number.saturating_add(1) });
            }
            let before = self.beginnings.iter().take(place).rev();
            let before = before.copied().find(|beginning| *beginning != Beginning::PASSED);
            return Ok(before.unwrap_or(Beginning::FIRST).time);
        }
        let found = begun.filter(|begun| **begun != Beginning::PASSED).map(|begun| begun.since);
        if found != Some(head.since) {
            let (epoch, signed) = (head.epoch, head.since);
            return Err(NotReadmitted::OtherHistory { epoch, signed, found });
        }
        let Some(lost) = later.iter().find(|beginning| beginning.since <= number) else {
            let kept = later.iter().map(|beginning| beginning.since).min();
            return Err(kept.map_or(NotReadmitted::ThisEpoch(head.epoch), |kept| {
                NotReadmitted::Kept { number, kept }
            }));
        };
        Ok(lost.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::Signature;
    use auction::layout::Digest;
    use witness::{Head, SignedHead};

    const FIRST: Time = Time(5000);

    /// Epoch 1 began with 10 entries at 1000, epoch 2 with 12 at 2000, epoch 3 with 11 at 1500.
    fn restores() -> Restores {
        let begun = [(0, 0), (10, 1000), (12, 2000), (11, 1500)];
        let begun = begun.map(|(since, time)| Beginning { since, time: Time(time) });
        Restores::new(begun.to_vec(), Some(FIRST))
    }

    #[test]
    fn of_an_epoch_that_was_passed_over_everything_past_what_was_kept_is_lost() {
        let mut restores = Restores::default();
        restores.begin(3, Beginning { since: 4, time: Time(400) });
        restores.has_entry(FIRST);
        assert_eq!(restores.beginnings.len(), 4);
        let check = |commit: &LostCommit| restores.check(commit, false, FIRST);
        assert_eq!(check(&commit(1, 9, 12, 700)), Ok(()));
        assert_eq!(check(&commit(0, 0, 12, 700)), Ok(()));
        // Below what was kept too: another history wrote it, unless the journal has it.
        assert_eq!(check(&commit(1, 2, 3, 700)), Ok(()));
        let kept = Err(NotReadmitted::Kept { number: 3, kept: 4 });
        assert_eq!(restores.check(&commit(1, 2, 3, 700), true, FIRST), kept);
        let other = Err(NotReadmitted::OtherHistory { epoch: 2, signed: 9, found: None });
        assert_eq!(check(&commit(2, 9, 12, 700)), other);
    }

    fn commit(epoch: u32, since: u64, number: u64, time: u64) -> LostCommit {
        let time = Time(time);
        let head = Head { epoch, since, size: number + 1, root: Digest::default(), time };
        let head = SignedHead { head, signature: Signature([0; 64]) };
        LostCommit { number, batch: 1, time, head, path: Vec::new() }
    }

    #[test]
    fn what_an_epoch_before_had_and_no_later_one_kept_is_lost() {
        let restores = restores();
        let check = |commit: &LostCommit| restores.check(commit, false, FIRST);
        for lost in [commit(0, 0, 10, 1000), commit(0, 0, 99, 4000), commit(1, 10, 11, 1500)] {
            assert_eq!(check(&lost), Ok(()), "{lost:?}");
        }
        // The tenth and eleventh of epoch 1: the later restores have kept what comes before 11.
        for (epoch, since, number, kept) in [(0, 0, 9, 10), (1, 10, 10, 11), (2, 12, 10, 11)] {
            let kept = Err(NotReadmitted::Kept { number, kept });
            assert_eq!(check(&commit(epoch, since, number, 3000)), kept);
        }
        assert_eq!(check(&commit(3, 11, 40, 3000)), Err(NotReadmitted::ThisEpoch(3)));
        for (epoch, signed, found) in [(0, 1, Some(0)), (1, 11, Some(10)), (4, 11, None)] {
            let other = Err(NotReadmitted::OtherHistory { epoch, signed, found });
            assert_eq!(check(&commit(epoch, signed, 40, 3000)), other);
        }
    }

    #[test]
    fn it_comes_back_between_its_own_time_and_seven_days_after_the_first_new_entry() {
        let lost = commit(0, 0, 10, 1000);
        let until = Time(FIRST.0 + READMISSION_MS);
        assert_eq!(
            restores().check(&lost, false, Time(999)),
            Err(NotReadmitted::Ahead(Time(1000)))
        );
        assert_eq!(restores().check(&lost, false, Time(until.0 - 1)), Ok(()));
        assert_eq!(restores().check(&lost, false, until), Err(NotReadmitted::Over(until)));
        let unbegun = Restores { first: None, ..restores() };
        assert_eq!(unbegun.check(&lost, false, Time(u64::MAX)), Ok(()));
    }

    #[test]
    fn times_that_cannot_be_are_refused() {
        let early = commit(0, 0, 10, 999);
        let late = LostCommit { time: Time(1001), ..commit(0, 0, 10, 1000) };
        for wrong in [early, late] {
            let refused = restores().check(&wrong, false, FIRST);
            assert!(matches!(refused, Err(NotReadmitted::Impossible { .. })), "{refused:?}");
        }
    }
}
