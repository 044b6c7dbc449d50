//! Whatever comes at the port.

use std::time::Duration;

use auction::layout::Digest;
use link::{Connection, Endpoint, Identity, Limits, LinkError, PeerKey};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use serde::ser::SerializeTuple as _;
use serde::{Serialize, Serializer};
use settlement::client::ClientError;
use settlement::ledger::AccountId;
use settlement::service::{Answer, Declined, Question};
use witness::service::{Answered, Asked, HeadAnswer, HeadQuestion};

use crate::bank::*;

/// Bytes that travel as they are.
struct Raw(Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

struct Attacker {
    endpoint: Endpoint,
    open: std::net::SocketAddr,
    server: PeerKey,
    connection: Option<Connection>,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Attacker {
    fn new(bank: &Bank, open: &Open) -> Self {
        let limits = Limits { max_answer_bytes: 4 << 20, ..Limits::default() };
        let identity = Identity::from_seed(person(66).seed());
        Self {
            endpoint: Endpoint::client(&identity, limits).unwrap(),
            open: open.file.address.parse().unwrap(),
            server: PeerKey(bank.charter.server().0),
            connection: None,
        }
    }

    async fn ask(&mut self, question: &impl Serialize) -> Result<Answered<Answer>, LinkError> {
        if self.connection.as_ref().is_none_or(Connection::is_closed) {
            let connection = self.endpoint.connect(self.open, self.server, PATIENCE).await;
            self.connection = Some(connection.unwrap());
        }
        let connection = self.connection.as_ref().unwrap();
        connection.request(question, PATIENCE).await
    }
}

/// A question that is one, of anything.
fn anything(rng: &mut StdRng, good: &[u8]) -> Asked<Question> {
    let account = AccountId(Digest(rng.random()));
    Asked::Other(match rng.random_range(0..8) {
        0 => Question::Account(account),
        1 => Question::History(account, rng.random(), rng.random()),
        2 => Question::Request(account, id(rng.random_range(1..1000))),
        3 => {
            let (old, new) = (rng.random_range(0..9), rng.random());
            return Asked::Heads(HeadQuestion::Continuation(old, new));
        }
        7 => return Asked::Heads(HeadQuestion::Beginning(rng.random_range(1..=u32::MAX))),
        4 => Question::Flushed,
        5 => {
            let count = rng.random_range(0..70);
            let mut bytes = |_| {
                let mut bytes = vec![0; rng.random_range(0..600)];
                rng.fill_bytes(&mut bytes);
                bytes
            };
            Question::Submit((0..count).map(&mut bytes).collect())
        }
        _ => {
            let mut bytes = good.to_vec();
            let place = rng.random_range(0..bytes.len());
            bytes[place] ^= 1 << rng.random_range(0..8);
            Question::Submit(vec![bytes])
        }
    })
}

#[tokio::test]
async fn random_bytes_and_random_questions_are_refused_and_change_nothing() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let before = open.client(1).head().await.unwrap();
    let good = bank.post(1, 1, 2, 1);
    let mut attacker = Attacker::new(&bank, &open);
    let mut rng = StdRng::seed_from_u64(3);
    for round in 0..400 {
        let mut bytes = vec![0; rng.random_range(0..300)];
        rng.fill_bytes(&mut bytes);
        if round % 2 == 0 && bytes.len() > 4 {
            // The number of a vocabulary that there is.
            bytes[..4].copy_from_slice(&(round / 2 % 2u32).to_le_bytes());
        }
        if round % 2 == 0 && bytes.len() > 8 {
            // And of a question in it.
            bytes[4..8].copy_from_slice(&(round % 9u32).to_le_bytes());
        }
        match attacker.ask(&Raw(bytes)).await {
            Ok(Answered::Other(Answer::Submitted(_))) => panic!("something was decided"),
            Ok(_) | Err(LinkError::Refused { .. } | LinkError::PeerClosed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    for _ in 0..400 {
        match attacker.ask(&anything(&mut rng, good.as_bytes())).await {
            Ok(Answered::Other(Answer::Declined(_)) | Answered::Heads(HeadAnswer::Nothing)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(LinkError::PeerClosed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(open.client(1).head().await.unwrap().head, before.head);
    open.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_for_one_ledger_is_nothing_at_another() {
    let (bank, other) = (Bank::found(), Bank::found());
    let (open, there) = (bank.open().await, other.open().await);
    open.fund(&bank, &[1, 2], 100).await;
    there.fund(&other, &[1, 2], 100).await;
    let refused = there.client(1).submit(&[bank.post(1, 1, 2, 1)]).await;
    let Err(ClientError::Declined(Declined::Unsigned { place: 0, .. })) = refused else {
        panic!("{refused:?}");
    };
    let deposit = there.client(1).submit(&[bank.deposit(9, 1, 5)]).await;
    assert!(matches!(deposit, Err(ClientError::Declined(Declined::Unsigned { .. }))));
    // And a client of one does not take the other for it.
    let mistaken = settlement::charter_file::CharterFile {
        address: there.file.address.clone(),
        ..open.file.clone()
    };
    let client = settlement::client::Client::connect(&person(1), &mistaken).unwrap();
    let error = client.head().await.unwrap_err();
    assert!(matches!(error, ClientError::Link(LinkError::WrongIdentity { .. })), "{error}");
    open.stop().await.unwrap();
    there.stop().await.unwrap();
}
