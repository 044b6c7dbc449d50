//! What the demonstration sells with `--physical`: the vase itself, which a carrier brings.

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::physical_terms::{PhysicalTerms, Side};
use auction::spec::Time;
use settlement::auctions::physical::{Place, Saying, Word};
use settlement::charter_file::CharterFile;
use settlement::client::{Client, ClientError};
use settlement::ledger::HoldKey;

use super::bonding::Bonded;
use crate::charter::with_server;
use crate::exit::Failure;
use crate::receipt::file::Receipts;
use crate::time;

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Whose words count about the vase, beside the winner's.
pub(crate) struct Vase {
    dispatcher: SecretKey,
    arbiter: SecretKey,
}

impl Vase {
    pub(crate) fn new() -> Self {
        let rng = &mut rand::rng();
        Self { dispatcher: SecretKey::generate(rng), arbiter: SecretKey::generate(rng) }
    }

    /// A week for the dispatch, one for a dispute, two for the arbiter.
    pub(crate) fn terms(&self, held_until: Time) -> PhysicalTerms {
        PhysicalTerms {
            dispatcher: self.dispatcher.public(),
            arbiter: self.arbiter.public(),
            dispatched_by: time::later(held_until, 7 * DAY),
            disputed_by: time::later(held_until, 14 * DAY),
            awarded_by: time::later(held_until, 28 * DAY),
            otherwise: Side::Winner,
        }
    }

    /// The carrier takes the vase, and the winner has it: their words, and the receipts that the
    /// winner then holds beside that of the sale.
    pub(crate) async fn deliver(
        &self,
        winner: &Bonded,
        auction: Digest,
        charter: &CharterFile,
        receipts: &mut Receipts,
    ) -> Result<(), Failure> {
        let tracking = "demo carrier, parcel 1".to_owned();
        say(&self.dispatcher, charter, auction, Saying::Dispatched { tracking }).await?;
        say(&winner.bidder, charter, auction, Saying::Received).await?;
        with_server(&winner.bidder, charter, async |client| {
            for place in [Place::Dispatch, Place::Payout] {
                let receipt = client.delivery_receipt(auction, place).await?;
                let missing = ClientError::WrongAnswer("expected the receipt of a word");
                receipts.keep(place, receipt.ok_or(missing)?.receipt().clone());
            }
            Ok(())
        })
        .await
    }
}

async fn say(
    key: &SecretKey,
    charter: &CharterFile,
    auction: Digest,
    saying: Saying,
) -> Result<(), Failure> {
    let word = Word::sign(&charter.charter.id(), auction, saying, key);
    let word = word.map_err(|error| {
        Failure::Payment(error.to_string(), "this is a mistake in the program: report it")
    })?;
    with_server(key, charter, async |client| Ok(client.say(&word).await?)).await?;
    Ok(())
}

/// The receipt of the winner's order, which is shown to the owner of his account.
pub(crate) async fn order_of(
    client: &Client,
    hold: HoldKey,
) -> Result<Option<settlement::journal::Receipt>, Failure> {
    let order = client.status(hold.account, hold.id).await?;
    Ok(order.map(|status| status.receipt.receipt().clone()))
}
