//! Signing a word about physical goods and bringing it to the server, however often.

use std::path::{Path, PathBuf};

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::{Amount, Currency};
use bidder::Wallet;
use settlement::auctions::physical::{Place, Saying, Word};
use settlement::charter_file::CharterFile;
use settlement::client::{Client, ClientError};
use settlement::service::auctions::{AuctionDeclined, DecisionView, Stage};

use super::View;
use crate::arguments::WalletArgument;
use crate::charter::{asking, with_server, with_server_as_anyone};
use crate::exit::Failure;
use crate::money_text::written;
use crate::private_file::{check_private, load_key};
use crate::receipt::file::{self, Receipts};

const LOOK: &str = "'gavel delivery show' says how it stands";

/// Reads the secret key of whoever speaks.
pub(super) fn key_of(path: &Path) -> Result<SecretKey, Failure> {
    let key = load_key(path)?;
    check_private(path)?;
    Ok(key)
}

/// The key that won, out of the winner's wallet.
pub(super) async fn winners_key(
    wallet: &WalletArgument,
    charter: &CharterFile,
    id: &Digest,
) -> Result<SecretKey, Failure> {
    let wallet = Wallet::open(&wallet.dir()?)?;
    let bonds = wallet.bonds_in(id)?;
    if bonds.is_empty() {
        return Err(Failure::usage(
            format!("the wallet holds no bond in auction {id}"),
            "name another --wallet",
        ));
    }
    let standing =
        with_server_as_anyone(charter, async |client| Ok(asking(client.payment(*id)).await?));
    let winner = match standing.await?.stage {
        Stage::Decided { decision: DecisionView::PhysicalSale { winner, .. }, .. } => winner,
        Stage::Decided { .. } => {
            let what = "no physical goods were sold in this auction".to_owned();
            return Err(Failure::Payment(what, "'gavel settle' says what was decided"));
        }
        Stage::Open | Stage::Settling { .. } => {
            let what = "the payment is not decided yet".to_owned();
            return Err(Failure::Payment(what, "'gavel settle' tells the server to go and look"));
        }
    };
    let won = bonds.iter().find(|bond| bond.bidder() == winner);
    let secret = won.map(|bond| SecretKey::from_seed(bond.bidder_secret().seed()));
    secret.ok_or_else(|| {
        let help = "your bond is released with the others'; 'gavel account balance' shows it";
        Failure::Payment(format!("another key won: {winner}"), help)
    })
}

/// How a delivery stands, asked in the name of a key.
pub(super) async fn look(
    key: &SecretKey,
    charter: &CharterFile,
    id: &Digest,
) -> Result<View, Failure> {
    with_server(key, charter, async |client| seen(client, id).await).await
}

/// The price in escrow, and what it is counted in.
pub(super) async fn price_of(
    key: &SecretKey,
    charter: &CharterFile,
    id: &Digest,
) -> Result<(Amount, Currency), Failure> {
    let delivery = with_server(key, charter, async |client| {
        asking(client.delivery(*id)).await.map_err(declined)
    });
    let delivery = delivery.await?;
    let currency = written(delivery.currency)
        .map_err(|source| Failure::Money { what: "the price".to_owned(), source })?;
    Ok((delivery.price, currency))
}

/// What is said, and where its receipt is kept.
pub(super) struct Speech {
    pub(super) saying: Saying,
    /// Where in the journal it will stand.
    pub(super) place: Place,
    pub(super) receipt: Option<PathBuf>,
}

/// Says it, keeps the receipt if that is wanted, and shows how the delivery stands then. Said
/// before, it changes nothing.
pub(super) async fn say(
    key: &SecretKey,
    charter: &CharterFile,
    id: &Digest,
    speech: Speech,
) -> Result<View, Failure> {
    let Speech { saying, place, receipt } = speech;
    let word = Word::sign(&charter.charter.id(), *id, saying, key);
    let word = word.map_err(|error| Failure::usage(error.to_string(), "write it shorter"))?;
    with_server(key, charter, async |client| {
        let journaled = asking(client.say(&word)).await.map_err(declined)?;
        // The arbiter alone is shown no receipt of his word: it names accounts.
        let is_award = matches!(word.saying(), Saying::Awarded { .. });
        if journaled.receipt.is_none() && !is_award {
            return Err(ClientError::WrongAnswer("expected the word's receipt").into());
        }
        if let (Some(path), Some(proven)) = (&receipt, &journaled.receipt) {
            let mut receipts = Receipts::default();
            receipts.keep(place, proven.receipt().clone());
            file::write(path, &receipts)?;
        }
        seen(client, id).await
    })
    .await
}

async fn seen(client: &Client, id: &Digest) -> Result<View, Failure> {
    View::of(id, &asking(client.delivery(*id)).await.map_err(declined)?)
}

/// A word at the wrong time, or about nothing, is no reason to distrust the server.
fn declined(error: ClientError) -> Failure {
    match error {
        ClientError::Auction(declined) => {
            let help = match &declined {
                AuctionDeclined::NotSold | AuctionDeclined::Unknown => {
                    "'gavel settle' says what was decided; check the auction and the charter"
                }
                AuctionDeclined::NotYours => {
                    "ask with the key of the seller, the winner, the house, the dispatcher or the \
                     arbiter"
                }
                _ => LOOK,
            };
            Failure::Payment(declined.to_string(), help)
        }
        error => error.into(),
    }
}
