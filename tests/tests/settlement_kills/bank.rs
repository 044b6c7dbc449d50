//! Whose accounts the server keeps, and what their owners sign.

use std::time::Duration;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Currency, HoldKey, Movement, Part, Request, RequestId, SignedRequest, Sum,
};
use tests::committee::now;
use tests::sale::PATIENCE;
use tests::settlement_server::SettlementServer;

pub const PEOPLE: u8 = 12;
/// What everybody begins with: so little that payments are refused now and then.
pub const BEGUN_WITH: u64 = 1_000;
const HOUR: u64 = 3_600_000;

pub struct Bank {
    pub file: CharterFile,
    operator: SecretKey,
    until: Time,
}

pub fn key(person: u8) -> SecretKey {
    SecretKey::from_seed(&[40 + person; 32])
}

pub fn account(person: u8) -> AccountId {
    AccountId::of_owner(&key(person).public(), eur())
}

fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").unwrap()
}

pub fn id(number: u128) -> RequestId {
    RequestId::new(number).unwrap()
}

impl Bank {
    pub fn of(server: &SettlementServer) -> Self {
        let file = server.charter_file().clone();
        Self { file, operator: server.operator(), until: Time(now().0 + HOUR) }
    }

    pub async fn fund(&self) {
        let deposits: Vec<_> = (0..PEOPLE)
            .map(|person| {
                let action = Action::Deposit {
                    owner: key(person).public(),
                    currency: eur(),
                    amount: Sum::new(BEGUN_WITH).unwrap(),
                    reference: Digest::default(),
                };
                self.sign(&self.operator, u128::from(person) + 1, action)
            })
            .collect();
        let teller = Client::connect(&self.operator, &self.file).unwrap();
        assert!(teller.with_deadline(PATIENCE).submit(&deposits).await.unwrap().is_done());
    }

    pub fn client(&self, person: u8, deadline: Duration) -> Client {
        Client::connect(&key(person), &self.file).unwrap().with_deadline(deadline)
    }

    pub fn post(&self, number: u128, from: u8, to: u8, amount: u64) -> SignedRequest {
        self.sign(&key(from), number, Action::Post(movement(from, to, amount)))
    }

    /// Money is set aside until long after the test.
    pub fn hold(&self, number: u128, from: u8, to: u8, amount: u64) -> SignedRequest {
        let (movement, timeout) = (movement(from, to, amount), self.until);
        self.sign(&key(from), number, Action::Hold { movement, timeout })
    }

    /// The creditor takes a part of a hold.
    pub fn take(&self, number: u128, by: u8, hold: HoldKey, amount: u64) -> SignedRequest {
        let (account, part) = (account(by), Part::Amount(amount));
        let action = Action::PostHold { account, hold, part, reference: Digest([8; 32]) };
        self.sign(&key(by), number, action)
    }

    fn sign(&self, by: &SecretKey, number: u128, action: Action) -> SignedRequest {
        let request = Request { id: id(number), until: self.until, action };
        SignedRequest::sign(&request, &Signer::new(by), &self.file.charter)
    }
}

fn movement(from: u8, to: u8, amount: u64) -> Movement {
    let (debit, credit) = (account(from), account(to));
    Movement { debit, credit, amount: Sum::new(amount).unwrap(), reference: Digest([7; 32]) }
}
