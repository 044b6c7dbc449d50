//! How the payment of an auction stands, in words for people and as JSON for programs.

use std::sync::Arc;

use auction::join::Auction;
use auction::layout::Digest;
use auction::money::{Amount, Currency};
use auction::spec::EarlyClose;
use bidder::Patience;
use serde::Serialize;
use settlement::service::auctions::{DecisionView, Stage, Standing};

use crate::arguments::CommitteeArgument;
use crate::farewell::with_client;
use crate::output::{columns, count};
use crate::progress::asking;
use crate::terms::printable;
use crate::time;

/// The state as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct StandingView {
    auction: String,
    /// `open`, `settling`, `sale`, `physical-sale`, `no-sale`, `void` or `unreadable`.
    stage: &'static str,
    /// Why there is no decision yet.
    because: Option<String>,
    winner: Option<String>,
    /// In the currency; in minor units where the terms of the auction are not at hand.
    price: Option<String>,
    fee: Option<String>,
    currency: Option<String>,
    transcript: Option<String>,
    /// The journal entry of the decision.
    entry: Option<u64>,
    /// Bonds that are still to be released.
    holds_left: Option<u64>,
    decided_by: String,
    held_until: String,
}

impl StandingView {
    /// What the server said of this auction.
    pub(crate) fn of(id: &Digest, standing: &Standing, currency: Option<&Currency>) -> Self {
        let mut view = Self {
            auction: id.to_string(),
            stage: "open",
            because: None,
            winner: None,
            price: None,
            fee: None,
            currency: currency.map(Currency::code),
            transcript: None,
            entry: None,
            holds_left: None,
            decided_by: time::utc(standing.decided_by),
            held_until: time::utc(standing.held_until),
        };
        match &standing.stage {
            Stage::Open => {}
            Stage::Settling { because } => {
                view.stage = "settling";
                view.because = because.as_deref().map(printable);
            }
            Stage::Decided { entry, decision, holds_left } => {
                (view.entry, view.holds_left) = (Some(*entry), Some(*holds_left));
                view.decision(decision, currency);
            }
        }
        view
    }

    fn decision(&mut self, decision: &DecisionView, currency: Option<&Currency>) {
        match decision {
            DecisionView::Sale { winner, price, fee, transcript }
            | DecisionView::PhysicalSale { winner, price, fee, transcript } => {
                let digital = matches!(decision, DecisionView::Sale { .. });
                self.stage = if digital { "sale" } else { "physical-sale" };
                self.winner = Some(winner.to_string());
                self.price = Some(plain(*price, currency));
                self.fee = Some(plain(*fee, currency));
                self.transcript = Some(transcript.to_string());
            }
            DecisionView::NoSale { transcript } => {
                self.stage = "no-sale";
                self.transcript = Some(transcript.to_string());
            }
            DecisionView::Void => self.stage = "void",
            DecisionView::Unreadable => self.stage = "unreadable",
        }
    }

    /// The state in words.
    pub(crate) fn in_words(&self) -> String {
        let unit = self.currency.as_deref().unwrap_or("minor units");
        let stage = match self.stage {
            "open" => "open: bonds are taken".to_owned(),
            "settling" => match &self.because {
                Some(because) => format!("not decided yet: {because}"),
                None => "not decided yet".to_owned(),
            },
            "sale" => "sold and paid".to_owned(),
            "physical-sale" => "sold, and the price paid into escrow; 'gavel delivery show' tells \
                                the sides how the goods stand"
                .to_owned(),
            "no-sale" => "nothing was sold".to_owned(),
            "void" => "void: no transcript came in time; everybody has his money back".to_owned(),
            _ => "the server's journal does not say what was decided: it is damaged".to_owned(),
        };
        let mut rows = vec![("Auction", self.auction.clone()), ("Payment", stage)];
        if let (Some(winner), Some(price), Some(fee)) = (&self.winner, &self.price, &self.fee) {
            rows.push(("Winner", winner.clone()));
            rows.push(("Price", format!("{price} {unit}, of which {fee} to the house")));
        }
        if let Some(left) = self.holds_left {
            let left = match left {
                0 => "all released".to_owned(),
                left => format!("{} still to be released", count(left, "bond")),
            };
            rows.push(("Bonds", left));
        } else {
            rows.push(("Decided by", self.decided_by.clone()));
            rows.push(("Held until", self.held_until.clone()));
        }
        columns(&rows)
    }
}

fn plain(amount: Amount, currency: Option<&Currency>) -> String {
    currency.map_or_else(|| amount.0.to_string(), |currency| currency.format(amount))
}

/// The auction, where the committee file is at hand and its accumulators answer: the settlement
/// server does not know how its amounts are written.
pub(crate) async fn auction_of(committee: &CommitteeArgument, id: &Digest) -> Option<Arc<Auction>> {
    let members = committee.members().ok()?;
    let auction = with_client(Patience::default(), async |client| {
        Ok(asking(client.auction(&members, id)).await?)
    });
    auction.await.ok()
}

/// The seller's word that closed the auction before its time, where the committee file is at hand
/// and an accumulator has it: the settlement server needs it to decide before the closing time.
pub(crate) async fn early_close_of(
    committee: &CommitteeArgument,
    id: &Digest,
) -> Option<EarlyClose> {
    let members = committee.members().ok()?;
    let word = with_client(Patience::default(), async |client| {
        Ok(asking(client.early_close(&members, id)).await?)
    });
    word.await.ok().flatten()
}
