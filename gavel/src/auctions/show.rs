//! `gavel auction show`: terms and state.

use bidder::Patience;
use clap::Args;
use serde::Serialize;
use witness::LedgerKey;

use crate::arguments::{AuctionId, CommitteeArgument};
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::progress::asking;
use crate::terms::{StateView, TermsView, terms};
use crate::witnesses::{self, WitnessView};
use crate::{output, time};

const EXAMPLES: &str = "Example:
  gavel auction show 5d41... --committee committee.toml

The terms are checked against the auction id and the seller's signature. How the auction stands is
each accumulator's own word; only the transcript proves an outcome (gavel auction verify).";

/// Arguments of `gavel auction show`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(value_name = "ID")]
    auction: AuctionId,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// Print one JSON object: terms, and state by accumulator.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    #[serde(flatten)]
    terms: TermsView,
    closed_early: bool,
    states: Vec<StateView>,
    /// What the accumulators, as witnesses, say of the auction's settlement server.
    witnesses: Vec<WitnessView>,
    /// Whether some of it convicts the server.
    server_convicted: bool,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let members = arguments.committee.members()?;
    let AuctionId(id) = arguments.auction;
    let asked = with_client(Patience::default(), async |client| {
        let auction = asking(client.auction(&members, &id)).await?;
        let closed_early = asking(client.early_close(&members, &id)).await?.is_some();
        let states = asking(client.states(&auction.spec().accumulators, &id)).await;
        let testimony = match &auction.spec().settlement {
            None => None,
            Some(terms) => {
                let of = LedgerKey { server: terms.server, ledger: terms.ledger };
                let members = &auction.spec().accumulators;
                Some(asking(witnesses::ask(client, members, &of)).await)
            }
        };
        Ok((auction, closed_early, states, testimony))
    });
    let (auction, closed_early, states, testimony) = asked.await?;
    let currency = &auction.spec().currency;
    let view = View {
        terms: TermsView::of(&id, auction.spec()),
        closed_early,
        states: states.iter().map(|state| StateView::of(currency, state)).collect(),
        server_convicted: testimony.as_ref().is_some_and(|heard| heard.evidence.is_some()),
        witnesses: testimony.map_or_else(Vec::new, |heard| heard.views),
    };
    output::either(arguments.json, &view, || {
        let mut text = terms(&id, auction.spec(), time::now());
        if closed_early {
            text.push_str("The seller has closed the auction early.\n");
        }
        text.push('\n');
        for state in &view.states {
            text.push_str(&format!("{}\n", state.line()));
        }
        for (k, said) in view.witnesses.iter().enumerate() {
            text.push_str(&format!("accumulator {k} {}\n", said.line()));
        }
        if view.server_convicted {
            text.push_str("The settlement server is convicted by its own words.\n");
        }
        text
    })
}
