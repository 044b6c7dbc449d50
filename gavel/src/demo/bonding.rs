//! The demonstration's bonds: every bidder has an account, a key for the auction and a bond.

use std::sync::Arc;

use auction::bid::BondTicket;
use auction::keys::SecretKey;
use auction::prices::Level;
use auction::spec::VerifiedSpec;
use settlement::auctions::{BondKeys, BondOrder};
use settlement::client::Client;
use settlement::sealed_key::{OpeningKey, Purpose};

use super::bank::fresh_id;
use crate::exit::Failure;

/// Orders under way at a time.
const CONCURRENCY: usize = 64;

/// A bidder's keys, and his ticket once the bond is held.
pub(crate) struct Bonded {
    /// Owns the account.
    pub(crate) account: SecretKey,
    /// Bids.
    pub(crate) bidder: SecretKey,
    pub(crate) ticket: BondTicket,
}

impl Bonded {
    /// What the bid is sealed with.
    pub(crate) fn for_bid(&self) -> (SecretKey, BondTicket) {
        (SecretKey::from_seed(self.bidder.seed()), self.ticket.clone())
    }
}

/// Bonds every account at `cover`, under a key of the auction each; in the accounts' order.
pub(crate) async fn bond_all(
    client: &Client,
    spec: &Arc<VerifiedSpec>,
    cover: Level,
    accounts: Vec<SecretKey>,
    mut told: impl FnMut(u64),
) -> Result<Vec<Bonded>, Failure> {
    let mut bonded: Vec<Option<Bonded>> = accounts.iter().map(|_| None).collect();
    let mut waiting = accounts.into_iter().enumerate();
    let mut under_way = tokio::task::JoinSet::new();
    loop {
        while under_way.len() < CONCURRENCY
            && let Some((place, account)) = waiting.next()
        {
            let (client, spec) = (client.clone(), Arc::clone(spec));
            under_way.spawn(async move { (place, bond(&client, &spec, cover, account).await) });
        }
        let Some(joined) = under_way.join_next().await else {
            return Ok(bonded.into_iter().flatten().collect());
        };
        let (place, one) = match joined {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Nobody aborts these.
                Err(_) => continue,
            },
        };
        if let Some(slot) = bonded.get_mut(place) {
            *slot = Some(one?);
        }
        told(1);
    }
}

async fn bond(
    client: &Client,
    spec: &VerifiedSpec,
    cover: Level,
    account: SecretKey,
) -> Result<Bonded, Failure> {
    let bidder = SecretKey::generate(&mut rand::rng());
    let delivery = OpeningKey::derive(bidder.seed(), Purpose::Delivery).sealing_key();
    let keys = BondKeys { account: &account, bidder: &bidder, delivery: &delivery };
    let order = BondOrder::sign(spec, client.charter(), cover, keys, fresh_id());
    let order = order.map_err(|error| {
        Failure::Payment(error.to_string(), "run the bare auction: gavel demo --no-settlement")
    })?;
    let ticket = client.bond(spec, &order).await?;
    Ok(Bonded { account, bidder, ticket })
}
