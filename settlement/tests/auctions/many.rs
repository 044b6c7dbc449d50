//! Very many bonds: they are released in bounded batches while other payments go on.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use settlement::auctions::{Index, RELEASES_PER_CHAIN};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Directory, Options};
use settlement::layout::Signer;
use settlement::ledger::{Action, Chain, Code, Entry, Movement, Sum};
use settlement::writer::{Committed, Running, Writer};

use crate::world::{
    RICH, Setting, V, World, account, account_key, charter, code_of, eur, operator, seller, server,
};

/// Chains of releases on their way at a time, as in the server.
const AT_A_TIME: usize = 4;

type Answers = std::sync::mpsc::Receiver<Code>;

/// The way to the journal, by which the index learns.
struct Desk {
    writer: Writer<Directory>,
    index: Arc<Mutex<Index>>,
}

impl Desk {
    fn put(&self, chain: Chain) -> Answers {
        let (told, answer) = channel();
        let (copy, index) = (chain.clone(), Arc::clone(&self.index));
        self.writer.commit(chain, move |committed| {
            let Committed { outcome, proof } = committed.unwrap();
            if let (Some(number), Some(proof)) = (outcome.entry, proof) {
                let codes = outcome.replies.iter().map(|reply| reply.code).collect();
                index.lock().unwrap().learn(number, proof.time, &Entry { chain: copy, codes });
            }
            told.send(code_of(&outcome)).unwrap();
        });
        answer
    }
}

fn bidder(number: u32) -> SecretKey {
    let mut seed = [55; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    SecretKey::from_seed(&seed)
}

/// A journal on disk with an auction in which so many keys are bonded, and which is void.
struct Hall {
    world: World,
    desk: Desk,
    running: Running<Directory>,
    _place: tempfile::TempDir,
}

fn done(answers: Vec<Answers>) {
    answers.into_iter().for_each(|answer| assert_eq!(answer.recv().unwrap(), Code::Done));
}

fn void_with(bonds: u32) -> Hall {
    let place = tempfile::tempdir().unwrap();
    let world = World::new(&Setting::default());
    let storage = Directory::open(place.path()).unwrap();
    let options = Options { segment_bytes: 4 << 20 };
    let opened = Bookkeeper::open(storage, charter(), Signer::new(&server()), options).unwrap();
    let clock = Arc::new(Mutex::new(Time(1_500)));
    let hands = Arc::clone(&clock);
    let running = Running::start(opened.serve_confirmed(), move || *hands.lock().unwrap());
    let index = Arc::new(Mutex::new(Index::new(charter())));
    let desk = Desk { writer: running.writer(), index };
    // What the small world has done so far: everybody's money, and the registration.
    done(world.journal.iter().map(|(_, _, entry)| desk.put(entry.chain.clone())).collect());
    let rich = Action::Deposit {
        owner: account_key(0).public(),
        currency: eur(),
        amount: Sum::new(u64::from(bonds) * 2_000).unwrap(),
        reference: Digest::default(),
    };
    done(vec![desk.put(Chain::from(world.signed(&operator(), 999, rich)))]);
    let numbers: Vec<u32> = (0..bonds).collect();
    for part in numbers.chunks(2_000) {
        let hold = |n: &u32| {
            let order = world.order_with(&account_key(0), &bidder(*n), 4, 10_000 + u128::from(*n));
            desk.put(order.verify(&world.spec, &charter()).unwrap().chain().unwrap())
        };
        done(part.iter().map(hold).collect());
    }
    let held = desk.index.lock().unwrap().auction(&world.auction()).unwrap().bonds();
    assert_eq!(held, bonds as usize);
    *clock.lock().unwrap() = Time(V);
    done(vec![desk.put(world.void(V))]);
    Hall { world, desk, running, _place: place }
}

impl Hall {
    /// The next releases: how many requests, and their answers.
    fn release(&self) -> (usize, Vec<Answers>) {
        let (registered, reference, holds) = {
            let index = self.desk.index.lock().unwrap();
            let state = index.auction(&self.world.auction()).unwrap();
            let left = state.holds_left(Time(V)).take(AT_A_TIME * RELEASES_PER_CHAIN);
            let reference = state.release_reference().unwrap();
            (Arc::clone(state.registered()), reference, left.collect::<Vec<_>>())
        };
        let chains = self.world.postings.release(&registered, reference, &holds);
        (holds.len(), chains.into_iter().map(|chain| self.desk.put(chain)).collect())
    }

    fn pay(&self, number: u64) -> Answers {
        let movement = Movement {
            debit: account(&account_key(1)),
            credit: account(&seller()),
            amount: Sum::new(1).unwrap(),
            reference: Digest::default(),
        };
        let (number, action) = (70_000 + u128::from(number), Action::Post(movement));
        self.desk.put(Chain::from(self.world.signed_until(&account_key(1), number, V + 1, action)))
    }
}

/// Releases so many bonds while somebody pays in every round, and is answered in it.
fn released(bonds: u32) {
    let hall = void_with(bonds);
    let mut rounds = 0;
    loop {
        let (requests, releases) = hall.release();
        assert!(requests <= AT_A_TIME * RELEASES_PER_CHAIN);
        if requests == 0 {
            break;
        }
        done(vec![hall.pay(rounds)]);
        done(releases);
        rounds += 1;
    }
    assert_eq!(rounds, u64::from(bonds).div_ceil((AT_A_TIME * RELEASES_PER_CHAIN) as u64));
    let mut keeper = hall.running.stop().unwrap();
    keeper.flush().unwrap();
    let held = keeper.look(|ledger| (ledger.live_holds(), ledger.check().is_ok()));
    assert_eq!(keeper.release(held), Ok((0, true)));
    let paid = keeper.look(|ledger| ledger.account(&account(&seller())).unwrap().balances.posted());
    assert_eq!(keeper.release(paid), Ok(i128::from(RICH + rounds)));
}

#[test]
fn three_thousand_bonds_are_released_while_payments_go_on() {
    released(3_000);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p settlement --test auctions -- --ignored"]
fn a_hundred_thousand_bonds_are_released_while_payments_go_on() {
    released(100_000);
}
