//! Commits dropped, histories forked, restores kept secret, times put back: what clients and
//! witnesses kept names each.

use auction::evidence::{Evidence as _, EvidenceFile, Role};
use auction::spec::Time;
use settlement::audit::{AuditError, Instead};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Receipt, SignedHead, backup, restore, restore_above};
use settlement::ledger::Chain;
use witness::evidence::{Case, Word};
use witness::service::HeadQuestion;
use witness::watch::{Heard, Said};
use witness::{Contradiction, ServerEvidence, Watch};

use crate::disk::Disk;
use crate::kit::*;
use crate::people::*;

/// Funds, then payments of one cent by person 1 under these ids.
fn with_payments(numbers: &[u128]) -> Disk {
    let disk = Disk::new();
    let mut keeper = keeper(&disk);
    submit(&mut keeper, &[deposit(1, 1, 100), deposit(2, 2, 100)], 1000);
    let posts: Vec<_> = numbers.iter().map(|number| post(*number, 1, 2, 1)).collect();
    submit(&mut keeper, &posts, 10_000);
    drop(keeper);
    disk
}

/// Shows a witness what a server's journal is, honestly as far as this journal goes.
fn look(keeper: &mut Bookkeeper<Disk>, watch: &mut Watch) -> Heard {
    let mut heard = watch.hear(head(keeper)).unwrap();
    while let Heard::Ask(pending) = heard {
        let said = match pending.question() {
            HeadQuestion::Beginning(epoch) => {
                let head = keeper.beginning(epoch).unwrap();
                keeper.release(head).unwrap().map(Said::Beginning)
            }
            HeadQuestion::Continuation(old, new) => {
                let word = keeper.continuation(old, new).unwrap();
                let word = keeper.release(word).unwrap();
                word.map(|word| Said::Continuation(Box::new(word)))
            }
            HeadQuestion::Head => None,
        };
        heard = watch.answer(pending, said.unwrap_or(Said::Nothing));
    }
    heard
}

fn watch() -> Watch {
    Watch::new(charter().ledger_key())
}

/// Evidence out of a file, as a third party judges it.
fn judged(evidence: &ServerEvidence) -> Contradiction {
    let file = evidence.to_file().unwrap();
    let read: ServerEvidence = EvidenceFile::open(&file).unwrap().read().unwrap();
    let ruling = read.judge().unwrap();
    assert_eq!(ruling.convicted.len(), 1);
    assert_eq!(
        (ruling.convicted[0].role, ruling.convicted[0].key),
        (Role::Server, server().public())
    );
    read.convict().unwrap().unwrap()
}

fn entries(one: &Receipt, other: &Receipt) -> ServerEvidence {
    let words = [one, other].map(|receipt| Word::Entry(Box::new(receipt.inclusion())));
    let case = Case::Words(Box::new(words), Vec::new());
    ServerEvidence { of: charter().ledger_key(), case }
}

#[test]
fn a_dropped_commit_is_named_by_its_receipt_and_by_a_witness() {
    let disk = with_payments(&[10, 11, 12]);
    let mut honest = keeper(&disk);
    let kept = receipt(&mut honest, 1, 11);
    let mut witness = watch();
    assert_eq!(look(&mut honest, &mut witness), Heard::Accepted);
    drop(honest);
    // The payment is taken out, another put in its place or none, and all is made to fit.
    let mut without = read(&disk);
    without.remove(3);
    let mut other = read(&disk);
    other[3] = page(other[3].time, post(99, 2, 1, 1).as_bytes());
    for (pages, found) in [(without, Instead::Another), (other, Instead::Another)] {
        let forged = write(&pages);
        let (report, _) = inquest(&forged, &[], &[]);
        assert!(report.holds(), "nothing in the journal alone shows it");
        let (report, _) = inquest(&forged, &[], std::slice::from_ref(&kept));
        assert_eq!(report.misdeeds[0].wrong, AuditError::Dropped { number: 3, found });
        let (report, _) = inquest(&forged, &[*witness.last().unwrap()], &[]);
        assert!(matches!(report.misdeeds[0].wrong, AuditError::Convicted { size: 5, .. }));
        // The witness needs no journal.
        let mut keeper = keeper(&forged);
        submit(&mut keeper, &[post(50, 1, 2, 1), post(51, 1, 2, 1)], 50_000);
        let mut seen = witness.clone();
        assert_eq!(look(&mut keeper, &mut seen), Heard::Convicted);
        judged(seen.convicted().unwrap());
    }
    // The last commit dropped, and nothing after it.
    let mut cut = read(&disk);
    cut.pop();
    let mut honest = keeper(&disk);
    let last = receipt(&mut honest, 1, 12);
    let (report, _) = inquest(&write(&cut), &[], &[last]);
    let dropped = AuditError::Dropped { number: 4, found: Instead::Nothing };
    assert_eq!(report.misdeeds[0].wrong, dropped);
}

#[test]
fn two_histories_for_two_clients_convict_when_they_compare_what_they_hold() {
    let one = with_payments(&[10, 11, 12]);
    // For the second client person 1 never made the second payment.
    let other = with_payments(&[10, 12, 13, 14]);
    let (mut first, mut second) = (keeper(&one), keeper(&other));
    let theirs = [receipt(&mut first, 1, 11), receipt(&mut second, 1, 12)];
    assert_eq!(theirs[0].number, theirs[1].number);
    let evidence = entries(&theirs[0], &theirs[1]);
    assert_eq!(judged(&evidence), Contradiction::TwoEntries { number: 3 });
    // Receipts of one history convict nobody, nor does one altered.
    let same = receipt(&mut first, 1, 11);
    assert!(entries(&theirs[0], &same).judge().is_err());
    let mut altered = theirs[0].clone();
    altered.entry[5] ^= 1;
    assert!(entries(&altered, &theirs[1]).judge().is_err());
    // A witness between them: whoever comes second is convicted by his own answer.
    let mut witness = watch();
    assert_eq!(look(&mut first, &mut witness), Heard::Accepted);
    assert_eq!(look(&mut second, &mut witness), Heard::Convicted);
    judged(witness.convicted().unwrap());
}

fn restored(disk: &Disk, from: &Disk) -> Disk {
    drop(keeper(disk));
    let target = Disk::new();
    restore(&mut from.clone(), target.clone(), &charter(), &server(), OPTIONS).unwrap();
    target
}

#[test]
fn a_secret_restore_convicts_and_a_stated_one_says_what_it_lost() {
    let disk = with_payments(&[10, 11]);
    let copy = Disk::new();
    let flushed = {
        let mut keeper = keeper(&disk);
        keeper.flush().unwrap();
        keeper.flushed()
    };
    backup(&mut disk.clone(), &mut copy.clone(), &charter(), flushed).unwrap();
    let mut honest = keeper(&disk);
    submit(&mut honest, &[post(12, 1, 2, 1), post(13, 1, 2, 1)], 20_000);
    let (kept, lost) = (receipt(&mut honest, 1, 10), receipt(&mut honest, 1, 13));
    let mut witness = watch();
    assert_eq!(look(&mut honest, &mut witness), Heard::Accepted);
    let seen = *witness.last().unwrap();
    drop(honest);

    // In secret: the old files are served again, and go on in the same epoch.
    let secret = write(&read(&copy));
    let mut keeper_of_secret = keeper(&secret);
    submit(&mut keeper_of_secret, &[post(30, 1, 2, 1)], 30_000);
    assert_eq!(look(&mut keeper_of_secret, &mut witness.clone()), Heard::Convicted);
    submit(&mut keeper_of_secret, &[post(31, 1, 2, 1), post(32, 1, 2, 1)], 31_000);
    assert_eq!(look(&mut keeper_of_secret, &mut witness.clone()), Heard::Convicted);
    drop(keeper_of_secret);
    let (report, _) = inquest(&secret, &[seen], std::slice::from_ref(&lost));
    let named = |report: &settlement::audit::AuditReport| report.misdeeds.len();
    assert_eq!(named(&report), 2, "{:?}", report.misdeeds);

    // As it must be: a new epoch, which says how much it kept.
    let stated = restored(&disk, &copy);
    let mut keeper_of_stated = keeper(&stated);
    submit(&mut keeper_of_stated, &[post(30, 1, 2, 1)], 30_000);
    let mut follows = witness.clone();
    assert_eq!(look(&mut keeper_of_stated, &mut follows), Heard::Accepted);
    assert_eq!((follows.losses()[0].kept, follows.losses()[0].seen), (4, 6));
    let after = head(&keeper_of_stated);
    assert_eq!((after.head.epoch, after.head.since), (1, 4));
    // Also after another start, by which it must know again how each epoch began.
    keeper_of_stated.snapshot().unwrap();
    drop(keeper_of_stated);
    let again = keeper(&stated);
    assert_eq!(head(&again).head.since, 4);
    drop(again);
    let (report, _) = inquest(&stated, &[seen, after], &[kept.clone(), lost.clone()]);
    assert!(report.holds(), "{:?}", report.misdeeds);
    assert_eq!((report.lost_heads, report.lost_entries), (vec![6], vec![5]));

    // Restored once more from the same backup, above the epoch that heads were signed in.
    let target = Disk::new();
    restore_above(&mut copy.clone(), target.clone(), &charter(), &server(), OPTIONS, 1).unwrap();
    let mut keeper_of_second = keeper(&target);
    submit(&mut keeper_of_second, &[post(40, 1, 2, 1), post(41, 1, 2, 2)], 40_000);
    assert_eq!(head(&keeper_of_second).head.place(), (3, 6));
    let (report, _) = inquest(&target, &[after], std::slice::from_ref(&kept));
    assert!(report.holds(), "{:?}", report.misdeeds);
    assert_eq!(report.lost_heads, [5, 6]);
    assert_eq!(look(&mut keeper_of_second, &mut follows), Heard::Accepted);
    assert!(follows.convicted().is_none());

    // Under cover of a restore an entry that it says was kept is another.
    let mut pages = read(&stated);
    pages[2] = page(pages[2].time, post(98, 2, 1, 1).as_bytes());
    let covered = write(&pages);
    let (report, _) = inquest(&covered, &[], std::slice::from_ref(&kept));
    let found = Instead::Another;
    assert_eq!(report.misdeeds[0].wrong, AuditError::Dropped { number: 2, found });
    let mut keeper_of_covered = keeper(&covered);
    let theirs = receipt(&mut keeper_of_covered, 2, 98);
    let evidence = entries(&kept, &theirs);
    assert_eq!(judged(&evidence), Contradiction::TwoEntries { number: 2 });
    // What it says was lost may be another, and convicts nobody.
    let replaced = receipt(&mut keeper_of_covered, 1, 30);
    let earlier = Receipt { ..lost };
    assert!(entries(&earlier, &replaced).judge().is_err());
}

#[test]
fn an_epoch_that_began_twice_or_never_is_named() {
    let disk = with_payments(&[10, 11]);
    let mut pages = read(&disk);
    pages.push(Page { epoch: true, time: pages[3].time, expired: 0, entries: vec![] });
    let stated = write(&pages);
    let signed: SignedHead = head(&keeper(&stated));
    let (report, _) = inquest(&disk, &[signed], &[]);
    let never = AuditError::Beginning { epoch: 1, signed: 4, found: None };
    assert_eq!(report.misdeeds[0].wrong, never);
    pages.remove(3);
    let (report, _) = inquest(&write(&pages), &[signed], &[]);
    let twice = AuditError::Beginning { epoch: 1, signed: 4, found: Some(3) };
    assert_eq!(report.misdeeds[0].wrong, twice);
}

#[test]
fn a_time_put_back_is_named_by_a_head_that_says_how_late_it_was() {
    let disk = with_payments(&[]);
    let mut honest = keeper(&disk);
    // The clock is told by a request that is too late, and nothing is entered.
    let late = until(&charter(), 1, 70, Time(1), post(70, 1, 2, 1).request().action);
    let _ = honest.submit(vec![Chain::from(late)], Time(50_000)).unwrap();
    honest.flush().unwrap();
    let witnessed = head(&honest);
    assert_eq!((witnessed.head.size, witnessed.head.time), (2, Time(50_000)));
    submit(&mut honest, &[post(71, 1, 2, 1)], 60_000);
    drop(honest);
    assert!(inquest(&disk, &[witnessed], &[]).0.holds());
    // The payment is made to have come before that moment.
    let mut pages = read(&disk);
    pages.remove(2);
    pages[2].time = 40_000;
    let (report, _) = inquest(&write(&pages), &[witnessed], &[]);
    let moment = AuditError::Moment { size: 2, signed: Time(50_000), found: Some(3) };
    assert_eq!(report.misdeeds[0].wrong, moment);
}
