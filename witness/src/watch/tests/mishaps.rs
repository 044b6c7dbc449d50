//! Every message of a witness's exchange lost, doubled, delayed, replayed, altered, signed by
//! another and of another ledger: an honest server is never convicted, nothing but its own history
//! is ever believed, and the next undisturbed look follows it again.

use auction::wire::{decode, encode};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::countersignature::Countersigned;

/// What becomes of an answer on its way.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    None,
    Lost,
    /// One of earlier comes in its place: a late one, or one that somebody kept.
    Replayed,
    Altered,
    ByAnother,
    OfAnotherLedger,
}

fn other() -> Signer {
    Signer::new(&SecretKey::from_seed(&[8; 32]))
}

/// The same words under another key, or of another ledger.
fn signed_anew(said: &Said, signer: &Signer, ledger: Digest) -> Said {
    match said {
        Said::Beginning(head) => Said::Beginning(head.head.sign(signer, ledger)),
        Said::Continuation(word) => {
            Said::Continuation(Box::new(word.continuation.clone().sign(signer, ledger)))
        }
        Said::Nothing => Said::Nothing,
    }
}

/// All values that differ from this one in one bit of their encoding and can still be read.
fn altered<T: Serialize + DeserializeOwned>(value: &T) -> Vec<T> {
    let bytes = encode(value).unwrap();
    let flip = |bit: usize| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        decode(&bytes, bytes.len()).ok()
    };
    (0..8 * bytes.len()).filter_map(flip).collect()
}

fn altered_said(said: &Said, rng: &mut ChaCha20Rng) -> Said {
    fn one<T: Serialize + DeserializeOwned>(value: &T, rng: &mut ChaCha20Rng) -> T {
        let mut all = altered(value);
        all.swap_remove(rng.random_range(0..all.len()))
    }
    match said {
        Said::Beginning(head) => Said::Beginning(one(head, rng)),
        Said::Continuation(word) => Said::Continuation(Box::new(one(&**word, rng))),
        Said::Nothing => Said::Nothing,
    }
}

/// A network between an honest server and a witness.
struct Network {
    rng: ChaCha20Rng,
    /// Everything that was ever said.
    said: Vec<Said>,
}

impl Network {
    fn carries(&mut self, said: Said) -> Said {
        let mishap = match self.rng.random_range(0..10) {
            0 => Mishap::Lost,
            1 | 2 => Mishap::Replayed,
            3 => Mishap::Altered,
            4 => Mishap::ByAnother,
            5 => Mishap::OfAnotherLedger,
            _ => Mishap::None,
        };
        self.said.push(said.clone());
        match mishap {
            Mishap::None => said,
            Mishap::Lost => Said::Nothing,
            Mishap::Replayed => self.said[self.rng.random_range(0..self.said.len())].clone(),
            Mishap::Altered => altered_said(&said, &mut self.rng),
            Mishap::ByAnother => signed_anew(&said, &other(), of().ledger),
            Mishap::OfAnotherLedger => signed_anew(&said, &signer(), Digest([1; 32])),
        }
    }

    /// A look over this network; a head that comes twice is heard twice.
    fn look(&mut self, server: &Server, watch: &mut Watch) {
        let Said::Beginning(head) = self.carries(server.say(HeadQuestion::Head)) else { return };
        for _ in 0..self.rng.random_range(1..3) {
            let Ok(mut heard) = watch.hear(head) else { return };
            while let Heard::Ask(pending) = heard {
                let said = self.carries(server.say(pending.question()));
                heard = watch.answer(pending, said);
            }
        }
    }
}

#[test]
fn whatever_becomes_of_its_answers_an_honest_server_is_followed_and_never_convicted() {
    for seed in 0..60 {
        let mut network = Network { rng: ChaCha20Rng::seed_from_u64(seed), said: Vec::new() };
        let (mut server, mut watch) = (Server::new(), Watch::new(of()));
        let (mut backups, mut newest) = (vec![server.clone()], 0);
        for step in 0..40 {
            server.write("a", network.rng.random_range(0..4));
            match network.rng.random_range(0..24) {
                0..4 => backups.push(server.clone()),
                // What was lost is written otherwise, and later.
                4 => {
                    let began = server.since.last().unwrap().unwrap();
                    let kept = network.rng.random_range(began..=server.leaves.len() as u64);
                    server.restore(kept).write(&format!("after {step}"), 1);
                }
                5 | 6 => {
                    let backup = &backups[network.rng.random_range(0..backups.len())];
                    server.begin_again(backup, newest).write(&format!("again {step}"), 1);
                }
                _ => {}
            }
            newest = newest.max(server.epoch());
            network.look(&server, &mut watch);
            assert!(watch.convicted().is_none(), "seed {seed}, step {step}");
            if let Some(last) = watch.last() {
                let own = network.said.contains(&Said::Beginning(*last));
                assert!(own, "seed {seed}, step {step}: believes what the server never said");
            }
            // What is accused is cleared by the next answer that comes as it was given.
            if step % 8 == 7 {
                let heard = server.look(&mut watch);
                assert!(
                    matches!(heard, Heard::Accepted | Heard::Known),
                    "seed {seed}, step {step}: {heard:?}"
                );
                assert_eq!(watch.last().unwrap().head.place(), server.head().head.place());
                // Where nothing is new nothing is asked, and what is owed stays owed.
                let owes = watch.unanswered().is_some() && heard == Heard::Accepted;
                assert!(!owes, "seed {seed}, step {step}");
            }
        }
    }
}

/// A watch that has seen six entries and asks how nine continue these, and the server.
fn asked() -> (Server, Watch, Pending) {
    let (mut server, mut watch) = (Server::new(), Watch::new(of()));
    server.write("a", 6).look(&mut watch);
    server.write("a", 3);
    let Heard::Ask(pending) = watch.hear(server.head()).unwrap() else { panic!("not asked") };
    (server, watch, pending)
}

#[test]
fn every_altered_bit_of_a_servers_words_makes_them_nobodys() {
    let (server, watch, pending) = asked();
    for head in altered(&server.head()) {
        assert!(watch.clone().hear(head).is_err(), "{head:?}");
    }
    let Said::Continuation(word) = server.say(pending.question()) else { panic!("no answer") };
    for word in altered(&*word) {
        let mut watch = watch.clone();
        let heard = watch.answer(pending.clone(), Said::Continuation(Box::new(word)));
        assert_eq!(heard, Heard::Unanswered);
        assert!(watch.convicted().is_none());
    }
    // The head with which an epoch began, of which the witness asks where it saw none of it.
    let mut restored = server;
    restored.restore(8).write("b", 2).restore(9).write("c", 2);
    let Heard::Ask(pending) = watch.clone().hear(restored.head()).unwrap() else {
        panic!("not asked")
    };
    let Said::Beginning(head) = restored.say(pending.question()) else { panic!("no answer") };
    for head in altered(&head) {
        let heard = watch.clone().answer(pending.clone(), Said::Beginning(head));
        assert_eq!(heard, Heard::Unanswered);
    }
}

#[test]
fn every_altered_bit_of_a_witnesss_words_makes_them_nobodys() {
    let (server, mut watch, _) = asked();
    let countersigned = Countersigned::sign(of(), server.head(), &other());
    assert!(countersigned.verify().is_ok());
    for word in altered(&countersigned) {
        assert!(word.verify().is_err(), "{word:?}");
    }
    let mut fork = Server::new();
    let words = [server.head(), fork.write("b", 9).head()].map(Word::Head);
    let evidence = ServerEvidence { of: of(), case: Case::Words(Box::new(words), vec![]) };
    for evidence in altered(&evidence) {
        assert!(!watch.hear_evidence(evidence));
    }
    assert!(watch.convicted().is_none());
    assert!(watch.hear_evidence(evidence));
}

#[test]
fn who_has_not_the_servers_key_says_nothing_of_it_nor_does_it_of_another_ledger() {
    let (server, watch, pending) = asked();
    for (signer, ledger) in [(other(), of().ledger), (signer(), Digest([1; 32]))] {
        assert!(watch.clone().hear(server.head().head.sign(&signer, ledger)).is_err());
        let said = signed_anew(&server.say(pending.question()), &signer, ledger);
        assert_eq!(watch.clone().answer(pending.clone(), said), Heard::Unanswered);
        let of = LedgerKey { server: signer.public(), ledger };
        let head = server.head().head.sign(&signer, ledger);
        // True evidence against another server convicts that one.
        let mut fork = Server::new();
        let other = fork.write("b", 9).head().head.sign(&signer, ledger);
        let words = [head, other].map(Word::Head);
        let evidence = ServerEvidence { of, case: Case::Words(Box::new(words), vec![]) };
        assert!(matches!(evidence.convict(), Ok(Some(_))));
        assert!(!watch.clone().hear_evidence(evidence));
    }
}
