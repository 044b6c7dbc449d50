//! The demonstration's settlement server, and its operator, who brings everybody's money.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::money::Amount;
use auction::spec::Time;
use rand::RngExt as _;
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Currency, MAX_CHAIN_REQUESTS, Request, RequestId, SignedRequest, Sum,
};
use settlement::server;
use settlement::service::{Movement, MovementKind, Side};

use super::process::{Process, ProcessError};
use crate::exit::Failure;
use crate::time;

/// How long a request of the demonstration is good.
const GOOD_FOR: std::time::Duration = std::time::Duration::from_secs(3600);
/// Chains of deposits under way at a time.
const CONCURRENCY: usize = 8;

/// A running settlement server.
pub(crate) struct Bank {
    process: Process,
    /// Its directory, for the audit.
    pub(crate) dir: PathBuf,
    /// Where it is and whose word counts.
    pub(crate) charter: CharterFile,
    operator: SecretKey,
}

impl Bank {
    /// Starts a settlement server with its state in a directory under `dir`.
    pub(crate) async fn start(dir: &Path) -> Result<Self, Failure> {
        let home = dir.join("settlement");
        let charter = server::init(&home, SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let operator = server::load_key(&home, server::OPERATOR_KEY_FILE)?;
        let mut process = Process::spawn("the settlement server".to_owned(), "settlement", &home)?;
        let listening = process.ready().await?;
        let charter = CharterFile { address: listening.address, ..charter };
        Ok(Self { process, dir: home, charter, operator })
    }

    /// Its process id, for people.
    pub(crate) fn pid(&self) -> String {
        self.process.id().map(|id| id.to_string()).unwrap_or_default()
    }

    /// The operator's key: he may look at every account.
    pub(crate) fn operator(&self) -> &SecretKey {
        &self.operator
    }

    /// Why it does not run any more, if so.
    pub(crate) fn stopped(&mut self) -> Option<ProcessError> {
        self.process.stopped()
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.process.ask_to_end();
        self.process.ended().await;
    }

    /// Pays `amount` into everybody's account, which opens it. `told` gets how many were paid.
    pub(crate) async fn pay_in(
        &self,
        client: &Client,
        owners: &[PublicKey],
        currency: Currency,
        amount: Sum,
        mut told: impl FnMut(u64),
    ) -> Result<(), Failure> {
        let signer = Signer::new(&self.operator);
        let until = time::later(time::now(), GOOD_FOR);
        let mut waiting = owners.chunks(MAX_CHAIN_REQUESTS);
        let mut under_way = tokio::task::JoinSet::new();
        loop {
            while under_way.len() < CONCURRENCY
                && let Some(some) = waiting.next()
            {
                let deposit =
                    |owner: &PublicKey| self.deposit(*owner, currency, amount, until, &signer);
                let chain: Vec<SignedRequest> = some.iter().map(deposit).collect();
                let client = client.clone();
                under_way.spawn(async move { (chain.len() as u64, client.submit(&chain).await) });
            }
            let Some(Ok((count, decided))) = under_way.join_next().await else { return Ok(()) };
            if !decided?.is_done() {
                return Err(Failure::Payment(
                    "the settlement server refused a deposit".to_owned(),
                    "this is a mistake in the program: report it",
                ));
            }
            told(count);
        }
    }

    fn deposit(
        &self,
        owner: PublicKey,
        currency: Currency,
        amount: Sum,
        until: Time,
        signer: &Signer,
    ) -> SignedRequest {
        let reference = Digest::default();
        let action = Action::Deposit { owner, currency, amount, reference };
        SignedRequest::sign(
            &Request { id: fresh_id(), until, action },
            signer,
            &self.charter.charter,
        )
    }

    /// What was in an account before a journal entry, and what is in it now; holds not counted.
    pub(crate) async fn balances_around(
        &self,
        client: &Client,
        owner: &PublicKey,
        currency: Currency,
        entry: u64,
    ) -> Result<(Amount, Amount), Failure> {
        let account = AccountId::of_owner(owner, currency);
        let view = client.account(account).await?;
        let (mut before, mut read) = (0i128, 0);
        loop {
            let page = client.history(account, read).await?;
            for movement in page.movements.iter().filter(|movement| movement.entry < entry) {
                before += moved(movement);
            }
            read += page.movements.len() as u64;
            if page.movements.is_empty() || read >= page.total {
                break;
            }
        }
        // Below zero is the operator's account alone, and nobody has more than there is.
        let amount = |balance: i128| Amount(u64::try_from(balance).unwrap_or_default());
        Ok((amount(before), amount(view.balances.posted())))
    }
}

/// What a movement adds to what is in the account.
fn moved(movement: &Movement) -> i128 {
    let amount = i128::from(movement.amount);
    match (movement.kind, movement.side) {
        (MovementKind::Hold { .. } | MovementKind::VoidHold(_), _) => 0,
        (_, Side::Debit) => -amount,
        (_, Side::Credit) => amount,
    }
}

/// An id that nobody has used.
pub(super) fn fresh_id() -> RequestId {
    loop {
        if let Some(id) = RequestId::new(rand::rng().random()) {
            return id;
        }
    }
}
