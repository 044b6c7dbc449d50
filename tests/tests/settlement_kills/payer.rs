//! The load: people who pay each other, each asking for one thing after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use settlement::client::{Client, ClientError, Decided};
use settlement::journal::SignedHead;
use settlement::ledger::{Code, HoldKey, SignedRequest};
use tests::sale::PATIENCE;
use tokio::sync::Mutex;

use crate::bank::{Bank, PEOPLE, account, id};

/// How long the impatient wait, who then do not know what became of their request.
const SHORT: Duration = Duration::from_millis(150);

/// What all payers have in common.
#[derive(Default)]
pub struct Load {
    answered: AtomicU64,
    ended: AtomicBool,
    /// Holds that were acknowledged and that nobody has tried to take: who may, which, how much.
    open: Mutex<Vec<(u8, HoldKey, u64)>>,
}

/// A request, and what its owner heard of it.
pub struct Asked {
    pub request: SignedRequest,
    pub heard: Option<Heard>,
}

/// An answer.
pub struct Heard {
    pub code: Code,
    /// The journal entry.
    pub entry: u64,
    /// The head that the receipt came with; a repetition may come without.
    pub head: Option<SignedHead>,
}

/// What somebody asked for.
pub struct Payer {
    pub person: u8,
    pub asked: Vec<Asked>,
}

impl Load {
    /// Waits until so many more answers were given.
    pub async fn answers(&self, more: u64) {
        let wanted = self.answered.load(Ordering::SeqCst) + more;
        while self.answered.load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Everybody asks for nothing more.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

/// Asks until the end: a third of the people wait as long as it takes, a third give up soon and
/// send the same bytes until they have an answer, a third never come back to what they gave up.
pub async fn pay(person: u8, seed: u64, bank: Arc<Bank>, load: Arc<Load>) -> Payer {
    let mut rng = StdRng::seed_from_u64(seed);
    let deadline = if person.is_multiple_of(3) { PATIENCE } else { SHORT };
    let client = bank.client(person, deadline);
    let mut asked = Vec::new();
    while !load.ended.load(Ordering::SeqCst) {
        let number = asked.len() as u128 + 1;
        let request = something(person, number, &bank, &load, &mut rng).await;
        let mut heard = submit(&client, &request, &load).await;
        while heard.is_none() && person % 3 == 1 {
            heard = submit(&client, &request, &load).await;
        }
        if let Some(Heard { code: Code::Done, .. }) = heard
            && let settlement::ledger::Action::Hold { movement, .. } = request.request().action
        {
            let creditor = (0..PEOPLE).find(|one| account(*one) == movement.credit).unwrap();
            let hold = HoldKey { account: account(person), id: id(number) };
            load.open.lock().await.push((creditor, hold, movement.amount.get()));
        }
        asked.push(Asked { request, heard });
    }
    Payer { person, asked }
}

/// A payment, a hold, or the taking of one that was made to this person.
async fn something(
    person: u8,
    number: u128,
    bank: &Bank,
    load: &Load,
    rng: &mut StdRng,
) -> SignedRequest {
    let to = (person + rng.random_range(1..PEOPLE)) % PEOPLE;
    match rng.random_range(0..4) {
        0 => return bank.hold(number, person, to, rng.random_range(1..=9)),
        1 => {
            let mut open = load.open.lock().await;
            if let Some(place) = open.iter().position(|(creditor, ..)| *creditor == person) {
                let (_, hold, held) = open.swap_remove(place);
                return bank.take(number, person, hold, rng.random_range(0..=held));
            }
        }
        _ => {}
    }
    bank.post(number, person, to, rng.random_range(1..=BIG))
}

/// Some payments are more than their payer has.
const BIG: u64 = 200;

async fn submit(client: &Client, request: &SignedRequest, load: &Load) -> Option<Heard> {
    match client.submit(std::slice::from_ref(request)).await {
        Ok(Decided { results, receipt }) => {
            load.answered.fetch_add(1, Ordering::SeqCst);
            let head = receipt.map(|receipt| receipt.receipt().head);
            Some(Heard { code: results[0].code, entry: results[0].entry.unwrap(), head })
        }
        Err(ClientError::Link(_) | ClientError::Unknown | ClientError::Busy) => None,
        // That its history is another one, above all.
        Err(error) => panic!("{error}"),
    }
}
