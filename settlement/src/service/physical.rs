//! What the sides of a sale are shown of physical goods. SETTLEMENT, section "Physical goods",
//! step 7.

use auction::keys::PublicKey;
use auction::money::Amount;
use auction::physical_terms::Side;
use auction::spec::Time;
use serde::{Deserialize, Serialize};

use crate::auctions::physical::{Noted, PaidOut};
use crate::ledger::Currency;

/// How a sale of physical goods stands. It names keys and amounts, and no account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// The key that bid and won.
    pub winner: PublicKey,
    /// What the winner paid into escrow.
    pub price: Amount,
    /// What of it goes to the house if the seller gets all of it.
    pub fee: Amount,
    /// What both are counted in.
    pub currency: Currency,
    /// T2: dispatch is proved before this moment.
    pub dispatched_by: Time,
    /// T3: the winner disputes before this moment.
    pub disputed_by: Time,
    /// T4: the arbiter decides before this moment.
    pub awarded_by: Time,
    /// Who gets the price at T4 without the arbiter's word.
    pub otherwise: Side,
    /// The dispatcher's word.
    pub dispatched: Option<Noted>,
    /// The winner's dispute.
    pub disputed: Option<Noted>,
    /// Where the price went.
    pub paid_out: Option<PaidOut>,
    /// Why a payout that is due is not made yet, as far as it is known.
    pub because: Option<String>,
}
