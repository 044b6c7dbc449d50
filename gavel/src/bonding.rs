//! Making sure of a bond: key and order in the wallet first, then the order to the server, then
//! the ticket in the wallet. SETTLEMENT, section "An auction's payment", step 3.

use auction::keys::SecretKey;
use auction::prices::Level;
use auction::settlement_terms::Settlement;
use auction::spec::{Spec, VerifiedSpec};
use auction::wire::{decode, encode};
use bidder::{BondRecord, MAX_ORDER_BYTES, Wallet, WalletError};
use settlement::auctions::{BondKeys, BondOrder, BondRefused};
use settlement::client::ClientError;
use settlement::ledger::Class;
use settlement::sealed_key::{OpeningKey, Purpose};
use settlement::service::auctions::AuctionDeclined;

use crate::account::directory::Account;
use crate::account::intent::fresh_id;
use crate::account::refusal::refused;
use crate::charter::{asking, with_server_as_anyone};
use crate::exit::Failure;
use crate::goods_ahead::GoodsArgument;
use crate::payment_terms::covers_all;
use crate::price_text::PriceText;

/// The payment's terms of an auction that asks for bonds.
pub(crate) fn terms(spec: &Spec) -> Result<&Settlement, Failure> {
    spec.settlement.as_ref().ok_or_else(|| {
        let help = "bid without one: gavel bid ID";
        Failure::Payment("the auction takes bids without a bond".to_owned(), help)
    })
}

/// The level of the cover that was asked for: one of the spec's, or the highest of them.
pub(crate) fn cover(spec: &Spec, asked: Option<&PriceText>) -> Result<Level, Failure> {
    let covers = &terms(spec)?.covers;
    let price = |level: &Level| spec.ladder.price(*level).unwrap_or(auction::money::Amount(0));
    let Some(asked) = asked else {
        // A spec has at least one cover.
        return Ok(covers.last().copied().unwrap_or(Level(spec.ladder.levels())));
    };
    let amount = spec.currency.parse(asked.as_str());
    let amount = amount.map_err(|source| Failure::Money { what: "--cover".to_owned(), source })?;
    covers.iter().find(|level| price(level) == amount).copied().ok_or_else(|| {
        let shown: Vec<String> =
            covers.iter().map(|level| spec.currency.display(price(level))).collect();
        let what = format!("--cover {}: no cover of this auction", asked.as_str());
        Failure::usage(what, format!("it takes bonds of {}", shown.join(", ")))
    })
}

/// What everybody learns from a bond of this cover; nothing where it is the whole ladder and no
/// other is offered.
pub(crate) fn public_part(spec: &Spec, cover: Level) -> Option<String> {
    let terms = spec.settlement.as_ref()?;
    if covers_all(spec, terms) {
        return None;
    }
    let price = spec.ladder.price(cover).map(|price| spec.currency.display(price));
    let price = price.unwrap_or_default();
    Some(if cover.0 == spec.ladder.levels() {
        format!("The cover is public: everyone sees that the bond is {price}, the whole ladder.")
    } else {
        format!("The cover is public: everyone sees that this bid is not above {price}.")
    })
}

/// The bond of the wallet that no bid has used, with its ticket; made if there is none, and
/// ordered again, with the same order, if its ticket never came. The goods are here before.
pub(crate) async fn secure(
    wallet: &Wallet,
    spec: &VerifiedSpec,
    account: &Account,
    cover: Level,
    goods: &GoodsArgument,
) -> Result<BondRecord, Failure> {
    let known = wallet.unused_bond(&spec.id())?;
    if known.as_ref().is_none_or(|bond| bond.ticket().is_none()) {
        goods.secure(wallet.dir(), spec, &account.charter).await?;
    }
    let mut bond = match known {
        Some(bond) => bond,
        None => match order(wallet, spec, account, cover) {
            // Another process has made one meanwhile.
            Err(Failure::Wallet(error @ WalletError::AlreadyBonded { .. })) => {
                wallet.unused_bond(&spec.id())?.ok_or(error)?
            }
            made => made?,
        },
    };
    if bond.cover() != cover {
        let shown = bond.amount().map(|amount| spec.spec().currency.display(amount));
        return Err(Failure::Payment(
            format!("the wallet holds a bond of {} already", shown.unwrap_or_default()),
            "bid with that one first: leave out --cover, or name its price",
        ));
    }
    if bond.ticket().is_none() {
        send(wallet, &mut bond, account).await?;
    }
    Ok(bond)
}

/// Makes the key that will bid and signs the order; when this returns, both are on the disk.
fn order(
    wallet: &Wallet,
    spec: &VerifiedSpec,
    account: &Account,
    cover: Level,
) -> Result<BondRecord, Failure> {
    let bidder = SecretKey::generate(&mut rand::rng());
    let delivery = OpeningKey::derive(bidder.seed(), Purpose::Delivery).sealing_key();
    let keys = BondKeys { account: &account.key, bidder: &bidder, delivery: &delivery };
    let order = BondOrder::sign(spec, &account.charter.charter, cover, keys, fresh_id());
    let order = order.map_err(|error| match error {
        BondRefused::NotHere => Failure::usage(
            "the account is at another settlement server than the auction's payment",
            "name an --account at the server that 'gavel auction show' names",
        ),
        error => Failure::Payment(error.to_string(), "check the account and the auction"),
    })?;
    let bytes = encode(&order).map_err(|error| unreadable(&error.to_string()))?;
    Ok(wallet.record_bond(spec, bidder, cover, bytes)?)
}

/// Sends the recorded order and keeps what is answered.
async fn send(wallet: &Wallet, bond: &mut BondRecord, account: &Account) -> Result<(), Failure> {
    let order: BondOrder =
        decode(bond.order(), MAX_ORDER_BYTES).map_err(|error| unreadable(&error.to_string()))?;
    let spec = bond.verified_spec().clone();
    let answer = with_server_as_anyone(&account.charter, async |client| {
        Ok(asking(client.bond(&spec, &order)).await)
    });
    match answer.await? {
        Ok(ticket) => Ok(wallet.keep_ticket(bond, ticket)?),
        Err(ClientError::Auction(AuctionDeclined::Refused(code))) => {
            let failure = refused("the bond", code);
            if matches!(code.class(), Class::Final | Class::Lasting) {
                wallet.keep_refusal(bond, &failure.to_string())?;
            }
            Err(failure)
        }
        Err(ClientError::Auction(declined @ AuctionDeclined::Order(_))) => {
            wallet.keep_refusal(bond, &declined.to_string())?;
            Err(ClientError::from(declined).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn unreadable(reason: &str) -> Failure {
    let help = "restore the wallet from a copy";
    Failure::Payment(format!("the recorded order cannot be used: {reason}"), help)
}
