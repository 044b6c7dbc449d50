//! The bonds of a wallet, in words for people and as JSON for programs.

use bidder::{BidRecord, BondAnswer, BondRecord};
use serde::Serialize;

use crate::output::columns;
use crate::payment_terms::covers_all;
use crate::terms::printable;
use crate::time;

/// A bond as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct BondView {
    auction: String,
    title: String,
    /// The key that bids: the one that the ticket names.
    key: String,
    /// What is set aside, and the highest price that can be bid with it.
    amount: Option<String>,
    currency: String,
    /// Whether the cover shows that the bid is not above it.
    public_cover: bool,
    /// `held`, `ordered` (no answer yet) or `refused`.
    state: &'static str,
    /// Why it was refused, in the server's words.
    reason: Option<String>,
    made_at: String,
    held_until: Option<String>,
    /// The bid that uses it.
    bid: Option<String>,
}

impl BondView {
    /// A bond, beside the bids of its wallet.
    pub(crate) fn of(bond: &BondRecord, bids: &[BidRecord]) -> Self {
        let spec = bond.spec();
        let (state, reason) = match bond.answer() {
            Some(BondAnswer::Held(_)) => ("held", None),
            Some(BondAnswer::Refused(why)) => ("refused", Some(printable(why))),
            None => ("ordered", None),
        };
        let bid = bids.iter().find(|bid| bid.bidder() == bond.bidder());
        let level = bond.cover().0;
        Self {
            auction: bond.auction_id().to_string(),
            title: spec.title.clone(),
            key: bond.bidder().to_string(),
            amount: bond.amount().map(|amount| spec.currency.format(amount)),
            currency: spec.currency.code(),
            public_cover: bond.terms().is_some_and(|terms| !covers_all(spec, terms))
                && level < spec.ladder.levels(),
            state,
            reason,
            made_at: time::utc(bond.made_at()),
            held_until: bond.terms().map(|terms| time::utc(terms.held_until)),
            bid: bid.map(|bid| bid.digest().to_string()),
        }
    }

    /// The bond in words.
    pub(crate) fn in_words(&self) -> String {
        let state = match (self.state, &self.reason, &self.bid) {
            (_, Some(reason), _) => format!("refused: {reason}"),
            ("held", None, None) => format!("held; use it: gavel bid {}", self.auction),
            ("held", None, Some(bid)) => format!("held for bid {bid}"),
            _ => {
                let command = format!("gavel bond --auction {}", self.auction);
                format!("ordered, no answer yet: {command} sends the same order again")
            }
        };
        let amount = self.amount.as_deref().unwrap_or("?");
        columns(&[
            ("Bond", format!("{amount} {}", self.currency)),
            ("Auction", self.auction.clone()),
            ("Title", printable(&self.title)),
            ("Key", self.key.clone()),
            ("Made", self.made_at.clone()),
            ("Held until", self.held_until.clone().unwrap_or_default()),
            ("State", state),
        ])
    }
}
