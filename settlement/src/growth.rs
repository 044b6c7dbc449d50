//! What is in memory hardly grows with the history: counted, after as many entries and after three
//! times as many.

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;

use crate::bookkeeper::{Bookkeeper, Kept};
use crate::index::memory::Memory;
use crate::journal::Options;
use crate::layout::Signer;
use crate::ledger::{
    AccountId, Action, Chain, Charter, Currency, Movement, Request, RequestId, Sum,
    VerifiedRequest, Window,
};

const WINDOW: Window = Window { least: 3000, leave: 1000 };
const BATCH: u128 = 1000;

fn key(seed: u8) -> Signer {
    Signer::new(&SecretKey::from_seed(&[seed; 32]))
}

fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").unwrap()
}

/// A request as a journal has it: the signature is no matter here, and is none.
fn journaled(number: u128, signer: &Signer, action: Action, charter: &Charter) -> Chain {
    let id = RequestId::new(number).unwrap();
    let mut bytes = Vec::new();
    Request { id, until: Time(1_000_000), action }.encode(&mut bytes);
    bytes.extend_from_slice(&signer.public().0);
    bytes.extend_from_slice(&[0; 65]);
    VerifiedRequest::from_journal(&bytes, charter).unwrap().into()
}

#[test]
fn what_is_in_memory_hardly_grows_with_the_history() {
    let [server, operator, postings] = [201, 202, 203].map(key);
    let charter = Charter::new(server.public(), operator.public(), postings.public(), 100).unwrap();
    let (disk, index) = (Memory::default(), Memory::default());
    let options = Options { segment_bytes: 4 << 20 };
    let open = |server| {
        let index = Box::new(index.clone());
        Bookkeeper::open_with(disk.clone(), index, charter, server, options, WINDOW).unwrap()
    };
    let mut keeper = open(server).serve_confirmed();
    let people = [key(1), key(2)];
    let deposits = people.iter().zip(1..).map(|(person, number)| {
        let amount = Sum::new(1 << 50).unwrap();
        let owner = person.public();
        let action = Action::Deposit { owner, currency: eur(), amount, reference: Digest([0; 32]) };
        journaled(number, &operator, action, &charter)
    });
    let _ = keeper.submit(deposits.collect(), Time(1)).unwrap();
    let [one, two] = [0, 1].map(|place: usize| AccountId::of_owner(&people[place].public(), eur()));
    let pay = |keeper: &mut Bookkeeper<Memory>, batch: u128| -> Kept {
        let payments = (batch * BATCH + 10..(batch + 1) * BATCH + 10).map(|number| {
            let amount = Sum::new(1).unwrap();
            let movement = Movement { debit: one, credit: two, amount, reference: Digest([1; 32]) };
            // One in a hundred is a hold, which the next batch finds expired.
            let timeout = Time(3 + batch as u64);
            let action = if number % 100 == 0 {
                Action::Hold { movement, timeout }
            } else {
                Action::Post(movement)
            };
            journaled(number, &people[0], action, &charter)
        });
        let _ = keeper.submit(payments.collect(), Time(2 + batch as u64)).unwrap();
        keeper.flush().unwrap();
        if batch % 20 == 19 {
            keeper.snapshot().unwrap();
        }
        keeper.kept()
    };
    let most = |all: Vec<Kept>| {
        let ids = all.iter().map(|kept| kept.ids).max().unwrap();
        (ids, all.iter().map(|kept| kept.index_bytes).max().unwrap())
    };
    let first = most((0..40).map(|batch| pay(&mut keeper, batch)).collect());
    let later = most((40..120).map(|batch| pay(&mut keeper, batch)).collect());
    assert!(first.0 <= WINDOW.least + WINDOW.leave + BATCH as usize, "{first:?}");
    assert!(later.0 <= first.0, "{first:?}, then {later:?}");
    // A byte and a half for each id, and as much again while its run is merged; the buffers are
    // fuller at one moment than at another. What grew with the rest would be three times as much.
    let more = 2 * 3 * (80 * BATCH as usize) / 2;
    assert!(later.1 <= first.1 * 11 / 10 + more, "{first:?}, then {later:?}");
    drop(keeper);

    // A start from the snapshot reads none of it again, and the oldest are still known.
    let opened = open(key(201));
    assert_eq!((opened.report().replayed, opened.report().indexed), (0, Some(121)));
    let mut keeper = opened.serve_confirmed();
    for number in [10, 100, 5000, 100_000, 119_999] {
        let id = RequestId::new(number).unwrap();
        let record = keeper.record(&one, id).unwrap();
        let entry = keeper.release(record).unwrap().unwrap().entry;
        assert_eq!(u128::from(entry), number - 8);
        let receipt = keeper.receipt(&one, id).unwrap();
        let receipt = keeper.release(receipt).unwrap().unwrap();
        assert_eq!(receipt.verify(&charter).unwrap().requests[0].request().id, id);
    }
    assert!(keeper.kept().index_bytes < 100_000 + 2 * 120 * BATCH as usize, "{:?}", keeper.kept());
}
