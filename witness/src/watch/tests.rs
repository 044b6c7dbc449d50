use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;

use super::*;
use crate::continuation::Continuation;
use crate::contradiction::Contradiction;
use crate::head::Head;
use crate::layout::Signer;
use crate::tree::{Leaf, empty_root, leaf_hash, node_hash};

mod mishaps;

/// A server with a history that a test writes: its leaves, and how many each epoch began with.
#[derive(Clone)]
struct Server {
    leaves: Vec<Leaf>,
    /// By epoch; none for those passed over.
    since: Vec<Option<u64>>,
    /// By epoch: when it began.
    began: Vec<u64>,
    time: u64,
}

fn signer() -> Signer {
    Signer::new(&SecretKey::from_seed(&[7; 32]))
}

fn of() -> LedgerKey {
    LedgerKey { server: signer().public(), ledger: Digest([9; 32]) }
}

/// MTH of RFC 9162, 2.1.1, as it is written there.
fn root(leaves: &[Leaf]) -> Leaf {
    match leaves {
        [] => empty_root().0,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// SUBPROOF of RFC 9162, 2.1.4.1.
fn proof(old: usize, leaves: &[Leaf], whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![Digest(root(leaves))] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if old <= left.len() {
        let mut path = proof(old, left, whole);
        path.push(Digest(root(right)));
        path
    } else {
        let mut path = proof(old - left.len(), right, false);
        path.push(Digest(root(left)));
        path
    }
}

fn split(width: usize) -> usize {
    width.next_power_of_two() / 2
}

impl Server {
    fn new() -> Self {
        Self { leaves: Vec::new(), since: vec![Some(0)], began: vec![0], time: 1_000 }
    }

    /// Writes entries that nobody else writes.
    fn write(&mut self, what: &str, count: usize) -> &mut Self {
        for _ in 0..count {
            self.time += 10;
            let entry = format!("{what} {}", self.leaves.len());
            self.leaves.push(leaf_hash(1, Time(self.time), entry.as_bytes()));
        }
        self
    }

    /// Loses everything after `kept` entries, and says so.
    fn restore(&mut self, kept: u64) -> &mut Self {
        self.leaves.truncate(kept as usize);
        self.since.push(Some(kept));
        self.began.push(self.time);
        self
    }

    /// Begins again from a backup of an earlier history, above every epoch in which anything was
    /// signed: one more is passed over.
    fn begin_again(&mut self, backup: &Self, above: u32) -> &mut Self {
        self.leaves.clone_from(&backup.leaves);
        self.since.clone_from(&backup.since);
        self.since.resize(above as usize + 2, None);
        self.since.push(Some(self.leaves.len() as u64));
        self.began.clone_from(&backup.began);
        self.began.resize(self.since.len(), self.time);
        self
    }

    fn epoch(&self) -> u32 {
        self.since.len() as u32 - 1
    }

    fn root_at(&self, size: u64) -> Digest {
        Digest(root(&self.leaves[..size as usize]))
    }

    fn head_at(&self, epoch: u32, size: u64, time: u64) -> SignedHead {
        let (since, time) = (self.since[epoch as usize].unwrap(), Time(time));
        let head = Head { epoch, since, size, root: self.root_at(size), time };
        head.sign(&signer(), of().ledger)
    }

    fn head(&self) -> SignedHead {
        self.head_at(self.epoch(), self.leaves.len() as u64, self.time)
    }

    fn continuation(&self, old: u64, new: u64) -> Option<Continuation> {
        if old > new || new > self.leaves.len() as u64 {
            return None;
        }
        let path = match old {
            0 => Vec::new(),
            _ => proof(old as usize, &self.leaves[..new as usize], true),
        };
        Some(Continuation {
            epoch: self.epoch(),
            since: self.since.last().unwrap().unwrap(),
            old_size: old,
            old_root: self.root_at(old),
            new_size: new,
            new_root: self.root_at(new),
            path,
        })
    }

    /// Answers as an honest server does, whatever its history is.
    fn say(&self, question: HeadQuestion) -> Said {
        match question {
            HeadQuestion::Head => Said::Beginning(self.head()),
            HeadQuestion::Beginning(epoch) => {
                let begun = (0..).zip(&self.since).skip(epoch as usize);
                let mut begun = begun.filter(|(_, since)| since.is_some());
                match begun.next() {
                    Some((epoch, _)) => Said::Beginning(began(self, epoch)),
                    None => Said::Nothing,
                }
            }
            HeadQuestion::Continuation(old, new) => match self.continuation(old, new) {
                Some(word) => Said::Continuation(Box::new(word.sign(&signer(), of().ledger))),
                None => Said::Nothing,
            },
        }
    }

    /// Shows a witness a head, and answers what it asks.
    fn show(&self, watch: &mut Watch, head: SignedHead) -> Heard {
        let mut heard = watch.hear(head).unwrap();
        while let Heard::Ask(pending) = heard {
            let said = self.say(pending.question());
            heard = watch.answer(pending, said);
        }
        heard
    }

    fn look(&self, watch: &mut Watch) -> Heard {
        self.show(watch, self.head())
    }
}

fn deed(watch: &Watch) -> Contradiction {
    watch.convicted().unwrap().convict().unwrap().unwrap()
}

#[test]
fn an_honest_server_is_followed_from_any_head_to_any_later_one() {
    for first in 0..20 {
        for more in 0..20 {
            let (mut server, mut watch) = (Server::new(), Watch::new(of()));
            server.write("a", first);
            assert_eq!(server.look(&mut watch), Heard::Accepted);
            let earlier = server.head();
            server.write("b", more);
            let expected = if more == 0 { Heard::Known } else { Heard::Accepted };
            assert_eq!(server.look(&mut watch), expected, "{first} and {more}");
            // What others were shown earlier lies within what is known.
            assert_eq!(server.show(&mut watch, earlier), Heard::Known);
            assert_eq!(watch.last(), Some(&server.head()));
            assert!(watch.convicted().is_none() && watch.unanswered().is_none());
        }
    }
}

#[test]
fn a_head_that_the_server_did_not_sign_says_nothing_of_it() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 3).look(&mut watch);
    let stranger = Signer::new(&SecretKey::from_seed(&[8; 32]));
    let head = Head { root: Digest([1; 32]), ..server.head().head };
    assert!(watch.hear(head.sign(&stranger, of().ledger)).is_err());
    assert!(watch.hear(head.sign(&signer(), Digest([8; 32]))).is_err(), "another ledger");
    let impossible = Head { epoch: 1, since: 9, ..head };
    assert!(watch.hear(impossible.sign(&signer(), of().ledger)).is_err());
    assert!(watch.convicted().is_none());
}

#[test]
fn two_roots_of_one_number_convict_before_anything_is_asked() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 5);
    let mut fork = server.clone();
    assert_eq!(server.write("b", 1).look(&mut watch), Heard::Accepted);
    assert_eq!(fork.write("c", 1).look(&mut watch), Heard::Convicted);
    assert_eq!(deed(&watch), Contradiction::TwoRoots { number: 6 });
    // For ever, whatever comes.
    assert_eq!(server.look(&mut watch), Heard::Convicted);
}

#[test]
fn a_fork_of_another_length_convicts_itself_by_answering_or_owes_an_answer() {
    for (seen, forked) in [(1, 2), (2, 1), (3, 5), (3, 4), (1, 11)] {
        let mut server = Server::new();
        server.write("a", 5);
        let mut fork = server.clone();
        server.write("b", seen);
        fork.write("c", forked);
        fork.time = server.time + 100;
        let mut watch = Watch::new(of());
        assert_eq!(server.look(&mut watch), Heard::Accepted);
        // It answers with what its tree is: two roots of one number, or a journal that shrank.
        assert_eq!(fork.look(&mut watch), Heard::Convicted, "{seen} and {forked}");
        // It says nothing: nothing is proved, and nothing is believed.
        let mut silent = Watch::new(of());
        server.look(&mut silent);
        if let Heard::Ask(pending) = silent.hear(fork.head()).unwrap() {
            assert_eq!(silent.answer(pending, Said::Nothing), Heard::Unanswered);
            assert_eq!(silent.last(), Some(&server.head()));
            let accusation = silent.accusation().unwrap();
            assert_eq!(accusation.convict(), Ok(None));
            assert!(accusation.judge().unwrap().convicted.is_empty());
            // The next proof clears it.
            server.write("b", 1);
            assert_eq!(server.look(&mut silent), Heard::Accepted);
            assert!(silent.accusation().is_none());
        }
    }
}

#[test]
fn a_false_proof_under_the_servers_signature_convicts_it() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 6).look(&mut watch);
    let known = server.head().head;
    let mut fork = Server::new();
    fork.write("c", 9);
    fork.time = server.time + 1;
    let Heard::Ask(pending) = watch.hear(fork.head()).unwrap() else { panic!("not asked") };
    // It says what the witness wants to hear, and has no proof of it.
    let lie = Continuation { old_root: known.root, ..fork.continuation(6, 9).unwrap() };
    let said = Said::Continuation(Box::new(lie.clone().sign(&signer(), of().ledger)));
    assert_eq!(watch.answer(pending.clone(), said), Heard::Convicted);
    assert_eq!(deed(&watch), Contradiction::FalseProof { old: 6, new: 9 });
    // Unsigned it is as good as no answer: the server can deny it.
    let mut watch = Watch::new(of());
    server.look(&mut watch);
    let stranger = Signer::new(&SecretKey::from_seed(&[8; 32]));
    let unsigned = Said::Continuation(Box::new(lie.sign(&stranger, of().ledger)));
    let Heard::Ask(pending) = watch.hear(fork.head()).unwrap() else { panic!("not asked") };
    assert_eq!(watch.answer(pending, unsigned), Heard::Unanswered);
}

#[test]
fn a_head_over_fewer_entries_and_later_convicts_an_older_one_does_not() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 6);
    let older = server.head();
    server.write("a", 2).look(&mut watch);
    assert_eq!(server.show(&mut watch, older), Heard::Known);
    let mut cut = server.clone();
    cut.leaves.truncate(7);
    cut.time += 1;
    assert_eq!(cut.look(&mut watch), Heard::Convicted);
    assert_eq!(deed(&watch), Contradiction::Shrunk { fewer: 7, more: 8 });
}

#[test]
fn a_stated_restore_is_followed_and_says_what_was_lost() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    for _ in 0..4 {
        server.write("a", 3).look(&mut watch);
    }
    // Nothing that was seen is lost.
    server.restore(12).write("b", 2);
    assert_eq!(server.look(&mut watch), Heard::Accepted);
    assert!(watch.losses().is_empty());
    // Some is: the last head that it kept whole is continued.
    let lost = server.head();
    server.restore(7).write("c", 9);
    assert_eq!(server.look(&mut watch), Heard::Accepted);
    let loss = Loss { from: 1, to: 2, kept: 7, seen: 14 };
    assert_eq!(watch.losses(), [loss]);
    // What a restore has lost says nothing any more, and convicts nobody.
    assert_eq!(server.show(&mut watch, lost), Heard::Lost);
    assert!(watch.convicted().is_none());
    // Several restores at once, unseen: each beginning is asked for.
    server.write("d", 2).look(&mut watch);
    server.restore(17).write("e", 1).restore(10).restore(8).write("f", 20);
    assert_eq!(server.look(&mut watch), Heard::Accepted);
    assert_eq!(watch.losses().last(), Some(&Loss { from: 2, to: 5, kept: 8, seen: 18 }));
    // All of it.
    server.restore(0).write("g", 1);
    assert_eq!(server.look(&mut watch), Heard::Accepted);
}

/// A server that is restored from a newer backup and then from an older one, by its operator's
/// honest word each time.
#[test]
fn a_restore_from_an_older_backup_convicts_nobody_and_is_followed() {
    let (mut server, mut everything) = (Server::new(), Watch::new(of()));
    let (mut first_alone, mut nothing_between) = (Watch::new(of()), Watch::new(of()));
    server.write("a", 3).look(&mut everything);
    let older = server.clone();
    server.look(&mut nothing_between);
    server.write("a", 9).restore(12).write("b", 5).look(&mut everything);
    server.look(&mut first_alone);
    let restored = server.head();
    server.begin_again(&older, 1).write("c", 4);
    assert_eq!(server.head().head.place(), (3, 7));
    for watch in [&mut everything, &mut first_alone, &mut nothing_between] {
        assert_eq!(server.look(watch), Heard::Accepted);
        assert_eq!(watch.last(), Some(&server.head()));
    }
    let losses = |watch: &Watch| watch.losses().to_vec();
    assert_eq!(losses(&everything), [Loss { from: 1, to: 3, kept: 3, seen: 17 }]);
    assert_eq!(losses(&first_alone), [Loss { from: 1, to: 3, kept: 0, seen: 17 }]);
    assert!(losses(&nothing_between).is_empty());
    // Nobody who compares what they hold finds two beginnings of one epoch, or two histories.
    assert_eq!(server.say(HeadQuestion::Beginning(1)), Said::Beginning(began(&server, 3)));
    for watch in [&mut everything, &mut first_alone, &mut nothing_between] {
        assert_eq!(server.show(watch, restored), Heard::Lost);
        assert!(watch.convicted().is_none());
    }
    // What goes on from here goes on from what was before.
    server.write("c", 1).restore(7).write("d", 2);
    for watch in [&mut everything, &mut nothing_between] {
        assert_eq!(server.look(watch), Heard::Accepted);
    }
    // And what was kept of it cannot be rewritten under cover of it.
    let mut rewritten = Server::new();
    rewritten.write("x", 3);
    rewritten.begin_again(&rewritten.clone(), 1).write("x", 9);
    rewritten.time = server.time + 100;
    let mut watch = Watch::new(of());
    older.look(&mut watch);
    assert_eq!(rewritten.look(&mut watch), Heard::Unanswered);
    assert_eq!(watch.last(), Some(&older.head()));
}

fn began(server: &Server, epoch: u32) -> SignedHead {
    let place = epoch as usize;
    server.head_at(epoch, server.since[place].unwrap(), server.began[place])
}

#[test]
fn a_restore_hides_nothing_that_it_says_was_kept() {
    // Everything is rewritten, and a restore is said to have kept ten entries.
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 10).look(&mut watch);
    let mut rewritten = Server::new();
    rewritten.write("x", 10).restore(10).write("x", 4);
    rewritten.time = server.time + 100;
    assert_eq!(rewritten.look(&mut watch), Heard::Convicted);
    assert_eq!(deed(&watch), Contradiction::TwoRoots { number: 10 });
    // One epoch that is said to have begun with less only to those who know more.
    let mut watch = Watch::new(of());
    server.look(&mut watch);
    let mut one = server.clone();
    one.restore(9).write("b", 3).look(&mut watch);
    let mut other = server.clone();
    other.restore(8).write("c", 7);
    other.time = one.time + 10;
    assert_eq!(other.look(&mut watch), Heard::Convicted);
    assert_eq!(deed(&watch), Contradiction::TwoBeginnings { epoch: 1, one: 9, other: 8 });
}

#[test]
fn a_leap_over_more_epochs_than_can_be_asked_about_is_not_believed() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 5).look(&mut watch);
    let mut other = Server::new();
    other.write("x", 9);
    let head = Head { epoch: MAX_EPOCHS + 5, since: 0, ..other.head().head };
    let leap = head.sign(&signer(), of().ledger);
    assert_eq!(watch.hear(leap).unwrap(), Heard::Unanswered);
    assert_eq!(watch.last(), Some(&server.head()));
}

#[test]
fn a_server_that_is_restored_for_ever_fills_no_memory() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 1).look(&mut watch);
    for looks in 0..3 {
        for _ in 0..400 {
            server.restore(1);
        }
        let heard = server.write("b", 1).look(&mut watch);
        assert_eq!(heard == Heard::Accepted, looks < 2, "{heard:?}");
    }
    assert!(watch.beginnings.len() <= MAX_BEGINNINGS);
    assert!(watch.convicted().is_none());
}

#[test]
fn many_heads_are_thinned_and_the_newest_stay() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    let mut heads = Vec::new();
    for _ in 0..MAX_HEADS + 40 {
        server.write("a", 1).look(&mut watch);
        heads.push(server.head());
    }
    assert!(watch.heads().len() <= MAX_HEADS);
    let newest = &heads[heads.len() - NEWEST..];
    assert_eq!(&watch.heads()[watch.heads().len() - NEWEST..], newest);
    assert!(watch.heads().is_sorted_by_key(|signed| signed.head.place()));
    // What was thinned out is still known to be the same history.
    assert_eq!(server.show(&mut watch, heads[1]), Heard::Known);
    let stored = auction::wire::encode(&watch).unwrap();
    assert_eq!(auction::wire::decode::<Watch>(&stored, 1 << 20).unwrap(), watch);
}

#[test]
fn evidence_of_others_convicts_if_it_is_of_this_server_and_proves_something() {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 5);
    let mut fork = server.clone();
    let words = [server.write("b", 1).head(), fork.write("c", 1).head()];
    let case = |words: [SignedHead; 2]| Case::Words(Box::new(words.map(Word::Head)), vec![]);
    let of_another = LedgerKey { ledger: Digest([1; 32]), ..of() };
    for (of, case) in [
        (of_another, case(words)),
        (of(), case([words[0], words[0]])),
        (of(), Case::Unanswered(Box::new(words))),
    ] {
        assert!(!watch.hear_evidence(ServerEvidence { of, case }));
        assert!(watch.convicted().is_none());
    }
    assert!(watch.hear_evidence(ServerEvidence { of: of(), case: case(words) }));
    assert_eq!(deed(&watch), Contradiction::TwoRoots { number: 6 });
}
