//! Very many bonds on one auction: it is sold, and they are released in bounded batches while
//! other payments go on.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::prices::Level;
use auction::spec::Time;
use settlement::auctions::{Attached, BondOrder, BondTerms, Index, RELEASES_PER_CHAIN};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Directory, Options};
use settlement::layout::Signer;
use settlement::ledger::{Action, Chain, Code, Entry, Movement, Sum};
use settlement::sealed_key::SealingKey;
use settlement::writer::{Committed, Running, Writer};

use crate::world::goods::delivery_of;
use crate::world::{
    CLOSING, RICH, Setting, T, World, account, account_key, charter, code_of, eur, house, operator,
    seller, server,
};

/// Chains of releases on their way at a time, as in the server.
const AT_A_TIME: usize = 4;

type Answers = std::sync::mpsc::Receiver<Code>;

/// When the sale is decided.
const DECIDED: Time = Time(5_000);

/// The way to the journal, by which the index learns.
struct Desk {
    writer: Writer<Directory>,
    index: Arc<Mutex<Index>>,
    /// How many requests each batch of the journal holds.
    batches: Arc<Mutex<BTreeMap<u64, usize>>>,
}

impl Desk {
    fn put(&self, chain: Chain) -> Answers {
        let (told, answer) = channel();
        let (copy, index) = (chain.clone(), Arc::clone(&self.index));
        let batches = Arc::clone(&self.batches);
        self.writer.commit(chain, move |committed| {
            let Committed { outcome, proof } = committed.unwrap();
            if let Some(proof) = &proof {
                let mut batches = batches.lock().unwrap();
                *batches.entry(proof.batch).or_default() += copy.requests().len();
            }
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

/// A journal on disk with an auction that is sold, and so many bonds beside those of its bids.
struct Hall {
    world: World,
    desk: Desk,
    running: Running<Directory>,
    _place: tempfile::TempDir,
}

fn done(answers: Vec<Answers>) {
    answers.into_iter().for_each(|answer| assert_eq!(answer.recv().unwrap(), Code::Done));
}

fn sold_with(bonds: u32) -> Hall {
    let place = tempfile::tempdir().unwrap();
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    world.bond(1, 6);
    let storage = Directory::open(place.path()).unwrap();
    let options = Options { segment_bytes: 4 << 20 };
    let opened = Bookkeeper::open(storage, charter(), Signer::new(&server()), options).unwrap();
    let clock = Arc::new(Mutex::new(Time(1_500)));
    let hands = Arc::clone(&clock);
    let running = Running::start(opened.serve_confirmed(), move || *hands.lock().unwrap());
    let index = Arc::new(Mutex::new(Index::new(charter())));
    let desk = Desk { writer: running.writer(), index, batches: Arc::default() };
    // What the small world has done so far: everybody's money, the registration, two bonds.
    done(world.journal.iter().map(|(_, _, entry)| desk.put(entry.chain.clone())).collect());
    let rich = Action::Deposit {
        owner: account_key(2).public(),
        currency: eur(),
        amount: Sum::new(u64::from(bonds) * 2_000).unwrap(),
        reference: Digest::default(),
    };
    done(vec![desk.put(Chain::from(world.signed(&operator(), 999, rich)))]);
    let numbers: Vec<u32> = (0..bonds).collect();
    for part in numbers.chunks(4_000) {
        done(orders(&world, part).into_iter().map(|chain| desk.put(chain)).collect());
    }
    let held = desk.index.lock().unwrap().auction(&world.auction()).unwrap().bonds();
    assert_eq!(held, bonds as usize + 2);
    let transcript = world.run(&[(0, 2), (1, 5)]);
    let sale = world.decision(&transcript, DECIDED.0);
    *clock.lock().unwrap() = DECIDED;
    done(vec![desk.put(sale)]);
    desk.batches.lock().unwrap().clear();
    Hall { world, desk, running, _place: place }
}

/// The chains of orders for bonds, made on all cores. What [`BondOrder::sign`] and the server check
/// of each beside its signatures is checked of the first alone, which is a quarter of the work.
fn orders(world: &World, numbers: &[u32]) -> Vec<Chain> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let delivery = delivery_of(&account_key(2));
    let chain = |n: &u32| order(world, *n, &delivery).1;
    let (first, _) = order(world, numbers[0], &delivery);
    first.verify(&world.spec, &charter()).unwrap();
    std::thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .chunks(numbers.len().div_ceil(threads))
            .map(|part| scope.spawn(move || part.iter().map(chain).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

fn order(world: &World, n: u32, delivery: &SealingKey) -> (BondOrder, Chain) {
    let (auction, key, cover) = (world.auction(), bidder(n), Level(4));
    let terms = BondTerms { auction, bidder: key.public(), cover, delivery: delivery.clone() };
    let movement = Movement {
        debit: account(&account_key(2)),
        credit: world.escrow(),
        amount: Sum::new(1_150).unwrap(),
        reference: terms.reference(),
    };
    let action = Action::Hold { movement, timeout: Time(T) };
    let number = 10_000 + u128::from(n);
    let hold = world.signed_until(&account_key(2), number, CLOSING, action);
    let signature = BondOrder::countersign(&charter(), &terms.reference(), &hold.content(), &key);
    let order = BondOrder::of_parts(terms, hold.as_bytes().to_vec(), signature);
    let attachment = Attached::Bond(order.clone()).to_bytes();
    (order, Chain::new(vec![hold], Some(attachment)).unwrap())
}

impl Hall {
    /// The next releases: how many requests, and their answers.
    fn release(&self) -> (usize, Vec<Answers>) {
        let (registered, reference, holds) = {
            let index = self.desk.index.lock().unwrap();
            let state = index.auction(&self.world.auction()).unwrap();
            let left = state.holds_left(DECIDED).take(AT_A_TIME * RELEASES_PER_CHAIN);
            let reference = state.release_reference().unwrap();
            (Arc::clone(state.registered()), reference, left.collect::<Vec<_>>())
        };
        let chains = self.world.postings.release(&registered, reference, &holds);
        (holds.len(), chains.into_iter().map(|chain| self.desk.put(chain)).collect())
    }

    fn pay(&self, number: u64) -> Answers {
        let movement = Movement {
            debit: account(&account_key(3)),
            credit: account(&house()),
            amount: Sum::new(1).unwrap(),
            reference: Digest::default(),
        };
        let (number, action) = (70_000 + u128::from(number), Action::Post(movement));
        self.desk.put(Chain::from(self.world.signed_until(&account_key(3), number, T, action)))
    }
}

/// Releases so many bonds while somebody pays in every round, and is answered in it.
fn released(bonds: u32) {
    let hall = sold_with(bonds);
    let most = AT_A_TIME * RELEASES_PER_CHAIN;
    let mut rounds = 0;
    loop {
        let (requests, releases) = hall.release();
        assert!(requests <= most);
        if requests == 0 {
            break;
        }
        done(vec![hall.pay(rounds)]);
        done(releases);
        rounds += 1;
    }
    // The losing bid's bond, too.
    assert_eq!(rounds, (u64::from(bonds) + 1).div_ceil(most as u64));
    let batches = hall.desk.batches.lock().unwrap().clone();
    assert!(batches.len() as u64 >= rounds);
    // None holds more than one round's releases and its payment.
    assert!(batches.values().all(|requests| *requests <= most + 1), "{batches:?}");
    let mut keeper = hall.running.stop().unwrap();
    keeper.flush().unwrap();
    let held = keeper.look(|ledger| (ledger.live_holds(), ledger.check().is_ok()));
    assert_eq!(keeper.release(held), Ok((0, true)));
    let has = |owner: SecretKey| {
        let posted = keeper.look(|ledger| {
            let balances = ledger.account(&account(&owner)).unwrap().balances;
            (balances.posted(), balances.pending())
        });
        keeper.release(posted).unwrap()
    };
    let rich = i128::from(RICH);
    // 1,050 at level 2, of which five and a fortieth to the house.
    assert_eq!(has(account_key(1)), (rich - 1_050, 0));
    assert_eq!(has(seller()), (rich + 1_050 - 31, 0));
    assert_eq!(has(house()), (rich + 31 + i128::from(rounds), 0));
    assert_eq!(has(account_key(2)), (rich + i128::from(bonds) * 2_000, 0));
}

#[test]
fn three_thousand_bonds_are_released_while_payments_go_on() {
    released(3_000);
}

#[test]
#[ignore = "takes minutes: cargo test --workspace --test auctions -- --ignored a_hundred_thousand"]
fn a_hundred_thousand_bonds_are_released_while_payments_go_on() {
    released(100_000);
}
