//! How a delivery stands, in words for people and as JSON for programs.

use auction::layout::Digest;
use auction::money::{Amount, Currency};
use auction::physical_terms::Side;
use auction::spec::Time;
use serde::Serialize;
use settlement::auctions::physical::{Ground, Noted, PaidOut, PayoutRecord, Saying, Shares};
use settlement::service::physical::DeliveryView;

use crate::exit::Failure;
use crate::money_text::written;
use crate::output::columns;
use crate::terms::{moment, printable};
use crate::time;

/// The delivery as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    auction: String,
    /// `sold`, `dispatched`, `disputed` or `paid-out`.
    stage: &'static str,
    winner: String,
    price: String,
    /// What the house gets of it if the seller gets all.
    fee: String,
    currency: String,
    /// T2, T3, T4.
    dispatched_by: String,
    disputed_by: String,
    awarded_by: String,
    /// Who gets the price at T4 without the arbiter's word: `seller` or `winner`.
    otherwise: String,
    dispatched: Option<WordView>,
    disputed: Option<WordView>,
    paid_out: Option<PaidOutView>,
    /// Why a payout that is due is not made yet, in the server's words.
    because: Option<String>,
    #[serde(skip)]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct WordView {
    text: String,
    entry: u64,
    time: String,
}

#[derive(Debug, Serialize)]
struct PaidOutView {
    /// `undispatched`, `confirmed`, `undisputed`, `awarded` or `unawarded`; null where the server's
    /// journal does not say it.
    because: Option<&'static str>,
    to_seller: Option<String>,
    to_house: Option<String>,
    to_winner: Option<String>,
    /// The arbiter's reason.
    reason: Option<String>,
    entry: u64,
    time: String,
}

impl View {
    /// What the server shows of the delivery in this auction.
    pub(crate) fn of(id: &Digest, delivery: &DeliveryView) -> Result<Self, Failure> {
        let currency = written(delivery.currency)
            .map_err(|source| Failure::Money { what: "the price".to_owned(), source })?;
        let stage = match delivery {
            DeliveryView { paid_out: Some(_), .. } => "paid-out",
            DeliveryView { disputed: Some(_), .. } => "disputed",
            DeliveryView { dispatched: Some(_), .. } => "dispatched",
            _ => "sold",
        };
        Ok(Self {
            auction: id.to_string(),
            stage,
            winner: delivery.winner.to_string(),
            price: currency.format(delivery.price),
            fee: currency.format(delivery.fee),
            currency: currency.code(),
            dispatched_by: time::utc(delivery.dispatched_by),
            disputed_by: time::utc(delivery.disputed_by),
            awarded_by: time::utc(delivery.awarded_by),
            otherwise: delivery.otherwise.to_string(),
            dispatched: delivery.dispatched.as_ref().map(WordView::of),
            disputed: delivery.disputed.as_ref().map(WordView::of),
            paid_out: delivery.paid_out.as_ref().map(|paid| PaidOutView::of(paid, &currency)),
            because: delivery.because.as_deref().map(printable),
            next: next(stage, delivery, time::now()),
        })
    }

    /// The delivery in words.
    pub(crate) fn in_words(&self) -> String {
        columns(&self.rows())
    }

    /// The same as names and values.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { price, currency, winner, .. } = self;
        let mut rows = vec![
            ("Auction", self.auction.clone()),
            ("Sold", format!("{price} {currency} to {winner}, paid into escrow")),
        ];
        let said = |word: &WordView| format!("{}: {}", word.time, printable(&word.text));
        rows.extend(self.dispatched.iter().map(|word| ("Dispatched", said(word))));
        rows.extend(self.disputed.iter().map(|word| ("Disputed", said(word))));
        rows.extend(self.paid_out.iter().flat_map(|paid| paid.rows(currency)));
        rows.extend(self.because.iter().map(|because| ("Not yet", because.clone())));
        rows.extend(self.next.iter().map(|next| ("Next", next.clone())));
        rows
    }
}

impl WordView {
    fn of(noted: &Noted) -> Self {
        let text = match noted.word.saying() {
            Saying::Dispatched { tracking } => tracking.clone(),
            Saying::Disputed { reason } | Saying::Awarded { reason, .. } => reason.clone(),
            Saying::Received => String::new(),
        };
        Self { text: printable(&text), entry: noted.entry, time: time::utc(noted.time) }
    }
}

impl PaidOutView {
    fn of(paid: &PaidOut, currency: &Currency) -> Self {
        let mut view = Self {
            because: None,
            to_seller: None,
            to_house: None,
            to_winner: None,
            reason: None,
            entry: paid.entry,
            time: time::utc(paid.time),
        };
        if let Some(PayoutRecord { ground, shares, .. }) = &paid.record {
            let Shares { seller, house, winner } = shares;
            let shown = |amount: &Amount| Some(currency.format(*amount));
            view.because = Some(because(ground));
            (view.to_seller, view.to_house, view.to_winner) =
                (shown(seller), shown(house), shown(winner));
            view.reason = match ground.word().map(|word| word.saying()) {
                Some(Saying::Awarded { reason, .. }) => Some(printable(reason)),
                _ => None,
            };
        }
        view
    }

    fn rows(&self, currency: &str) -> Vec<(&'static str, String)> {
        let why = match self.because {
            Some("undispatched") => "dispatch was not proved before T2",
            Some("confirmed") => "the winner has the goods",
            Some("undisputed") => "nobody had disputed by T3",
            Some("awarded") => "by the arbiter's word",
            Some("unawarded") => "the arbiter had said nothing by T4",
            _ => "the server's journal does not say why: it is damaged",
        };
        let mut rows = vec![("Paid out", format!("{}: {why}", self.time))];
        rows.extend(self.reason.iter().map(|reason| ("Award", reason.clone())));
        let parts = [
            ("To seller", &self.to_seller),
            ("To house", &self.to_house),
            ("To winner", &self.to_winner),
        ];
        let shown = parts
            .into_iter()
            .filter_map(|(who, part)| Some((who, format!("{} {currency}", part.as_ref()?))));
        rows.extend(shown);
        rows
    }
}

fn because(ground: &Ground) -> &'static str {
    match ground {
        Ground::Undispatched => "undispatched",
        Ground::Received(_) => "confirmed",
        Ground::Undisputed => "undisputed",
        Ground::Awarded(_) => "awarded",
        Ground::Unawarded => "unawarded",
    }
}

/// What happens next, and when.
fn next(stage: &str, delivery: &DeliveryView, now: Time) -> Option<String> {
    let then = |to: Side| match to {
        Side::Seller => "the price goes to the seller",
        Side::Winner => "the price goes back to the winner",
    };
    Some(match stage {
        "sold" => format!(
            "without a dispatch before {} {}",
            moment(delivery.dispatched_by, now),
            then(Side::Winner)
        ),
        "dispatched" => format!(
            "without a dispute before {} {}",
            moment(delivery.disputed_by, now),
            then(Side::Seller)
        ),
        "disputed" => format!(
            "the arbiter decides before {}; otherwise {}",
            moment(delivery.awarded_by, now),
            then(delivery.otherwise)
        ),
        _ => return None,
    })
}
