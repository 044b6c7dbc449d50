//! The terms and the state of an auction, in words for people and as JSON for programs.

use auction::layout::Digest;
use auction::money::Currency;
use auction::outcome::Outcome;
use auction::prices::{Level, PriceLadder};
use auction::spec::{Spec, Time};
use bidder::MemberState;
use link::service::{Phase, State};
use serde::Serialize;

use crate::output::{columns, count};
use crate::payment_terms::{self, PaymentView};
use crate::time;

/// Prices of a listed ladder that are shown to people.
const SHOWN_PRICES: usize = 8;

/// The terms as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct TermsView {
    auction: String,
    seller: String,
    title: String,
    description: String,
    rule: String,
    currency: String,
    decimals: u8,
    levels: u32,
    lowest: String,
    highest: String,
    /// Of an even ladder.
    tick: Option<String>,
    /// Of a listed ladder.
    prices: Option<Vec<String>>,
    opening: String,
    closing: String,
    last: String,
    most_bids: u32,
    block: u16,
    fan_out: u16,
    accumulators: Vec<MemberView>,
    /// Where a settlement server takes the payment.
    payment: Option<PaymentView>,
}

#[derive(Debug, Serialize)]
struct MemberView {
    key: String,
    address: String,
}

impl TermsView {
    /// The terms of the auction with this id.
    pub(crate) fn of(id: &Digest, spec: &Spec) -> Self {
        let currency = &spec.currency;
        let (tick, prices) = match &spec.ladder {
            PriceLadder::Even { tick, .. } => (Some(currency.format(*tick)), None),
            PriceLadder::Listed(prices) => {
                (None, Some(prices.iter().map(|price| currency.format(*price)).collect()))
            }
        };
        let member = |member: &auction::spec::Member| MemberView {
            key: member.key.to_string(),
            address: member.address.clone(),
        };
        let (lowest, highest) = ends(currency, &spec.ladder);
        Self {
            auction: id.to_string(),
            seller: spec.seller.to_string(),
            title: spec.title.clone(),
            description: spec.description.clone(),
            rule: spec.rule.to_string(),
            currency: currency.code(),
            decimals: currency.decimals(),
            levels: spec.ladder.levels(),
            lowest,
            highest,
            tick,
            prices,
            opening: time::utc(spec.opening),
            closing: time::utc(spec.closing),
            last: time::utc(spec.last),
            most_bids: spec.most_bids,
            block: spec.block,
            fan_out: spec.fan_out,
            accumulators: spec.accumulators.iter().map(member).collect(),
            payment: PaymentView::of(spec),
        }
    }
}

/// The terms in words.
pub(crate) fn terms(id: &Digest, spec: &Spec, now: Time) -> String {
    let mut rows = vec![("Auction", id.to_string()), ("Title", printable(&spec.title))];
    if !spec.description.is_empty() {
        // His lines stay below the name, so that none of them can pass for one of ours.
        let indented = format!("\n{:13}", "");
        rows.push(("Description", printable(&spec.description).replace('\n', &indented)));
    }
    rows.extend([
        ("Rule", rule(spec)),
        ("Prices", prices(&spec.currency, &spec.ladder)),
        ("Opening", moment(spec.opening, now)),
        ("Closing", moment(spec.closing, now)),
        ("Last", format!("{}; void without an outcome by then", moment(spec.last, now))),
        ("Most bids", spec.most_bids.to_string()),
        ("Seller", spec.seller.to_string()),
    ]);
    rows.extend(payment_terms::rows(spec, now));
    let mut text = columns(&rows);
    for (k, member) in spec.accumulators.iter().enumerate() {
        let address = printable(&member.address);
        text.push_str(&format!("Accumulator {k}  {} at {address}\n", member.key));
    }
    text
}

/// The ladder in words.
pub(crate) fn prices(currency: &Currency, ladder: &PriceLadder) -> String {
    let (lowest, highest) = ends(currency, ladder);
    let (code, levels) = (currency.code(), count(u64::from(ladder.levels()), "level"));
    match ladder {
        PriceLadder::Even { levels: 1, .. } => format!("{lowest} {code} alone"),
        PriceLadder::Even { tick, .. } => {
            format!("{lowest} to {highest} {code} every {}, {levels}", currency.format(*tick))
        }
        PriceLadder::Listed(prices) if prices.len() <= SHOWN_PRICES => {
            let shown: Vec<String> = prices.iter().map(|price| currency.format(*price)).collect();
            format!("{} {code}", shown.join(", "))
        }
        PriceLadder::Listed(_) => format!("{lowest} to {highest} {code} as listed, {levels}"),
    }
}

fn ends(currency: &Currency, ladder: &PriceLadder) -> (String, String) {
    let price = |level: u32| ladder.price(Level(level)).map(|price| currency.format(price));
    (price(1).unwrap_or_default(), price(ladder.levels()).unwrap_or_default())
}

fn rule(spec: &Spec) -> String {
    let pays = match spec.rule {
        auction::spec::Rule::FirstPrice => "the highest bid wins and is paid",
        auction::spec::Rule::SecondPrice => "the highest bid wins and pays the second highest",
    };
    format!("{}: {pays}", spec.rule)
}

/// A moment and how far away it is.
pub(crate) fn moment(moment: Time, now: Time) -> String {
    let utc = time::utc(moment);
    if moment > now {
        format!("{utc} (in {})", time::in_words(time::until(moment, now)))
    } else {
        format!("{utc} ({} ago)", time::in_words(time::until(now, moment)))
    }
}

/// Words of a stranger: his line ends stay, his other control characters and those that turn the
/// direction of writing do not.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| if c == '\n' || bidder::is_harmless(c) { c } else { '\u{fffd}' };
    text.chars().map(shown).collect()
}

/// How an auction stands at one accumulator, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct StateView {
    accumulator: usize,
    address: String,
    /// `joining`, `waiting`, `open`, `closed`, `done`, `stopped`, `void` or `unknown`.
    phase: &'static str,
    /// More about the phase, or why it is unknown.
    detail: String,
    bids: Option<u32>,
    /// The outcome that it claims, in words; only a transcript proves one.
    claimed: Option<String>,
    findings: Vec<String>,
}

impl StateView {
    /// What one accumulator says.
    pub(crate) fn of(currency: &Currency, member: &MemberState) -> Self {
        let (phase, detail, bids, findings) = match &member.state {
            Ok(state) => (
                phase_name(&state.phase),
                phase_detail(&state.phase),
                Some(state.bids),
                state.findings.clone(),
            ),
            Err(error) => ("unknown", error.to_string(), None, Vec::new()),
        };
        let (accumulator, address) = (member.accumulator, member.address.clone());
        let claimed = member.state.as_ref().ok().and_then(|state| claimed_outcome(currency, state));
        Self { accumulator, address, phase, detail, bids, claimed, findings }
    }

    /// The same as a line for people, with the claimed outcome and findings below.
    pub(crate) fn line(&self) -> String {
        let says = if self.phase == "unknown" { "is" } else { "says" };
        let mut line = format!("accumulator {} {says} {}", self.accumulator, self.phase);
        if !self.detail.is_empty() {
            line.push_str(&format!(", {}", self.detail));
        }
        if let Some(bids) = self.bids {
            line.push_str(&format!("; {}", count(u64::from(bids), "bid")));
        }
        if let Some(claimed) = &self.claimed {
            line.push_str(&format!("\n  claims the outcome: {claimed}"));
        }
        for finding in &self.findings {
            line.push_str(&format!("\n  finding: {finding}"));
        }
        line
    }
}

fn phase_name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Joining(_) => "joining",
        Phase::Waiting => "waiting",
        Phase::Open => "open",
        Phase::Closed { .. } => "closed",
        Phase::Done => "done",
        Phase::Stopped(_) => "stopped",
        Phase::Void => "void",
    }
}

fn phase_detail(phase: &Phase) -> String {
    match phase {
        Phase::Joining(missing) => format!("waiting for accumulators {missing:?}"),
        Phase::Waiting => "all joined, bids are not taken yet".to_owned(),
        Phase::Open => "taking bids".to_owned(),
        Phase::Closed { round, step, waiting_for } if waiting_for.is_empty() => {
            format!("round {round} ({step})")
        }
        Phase::Closed { round, step, waiting_for } => {
            format!("round {round} ({step}), waiting for accumulators {waiting_for:?}")
        }
        Phase::Done => String::new(),
        Phase::Stopped(reason) => reason.clone(),
        Phase::Void => "the last time passed without an outcome".to_owned(),
    }
}

fn claimed_outcome(currency: &Currency, state: &State) -> Option<String> {
    state.outcome.as_ref().map(|outcome| in_words(currency, outcome))
}

/// An outcome in words.
pub(crate) fn in_words(currency: &Currency, outcome: &Outcome) -> String {
    let bids = count(u64::from(outcome.bids), "bid");
    match &outcome.sale {
        None => format!("no sale, {bids}"),
        Some(sale) => {
            let tie = if outcome.tie { ", tied at the top" } else { "" };
            format!("{} wins at {}, {bids}{tie}", sale.winner, currency.display(sale.price))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::money::Amount;

    #[test]
    fn ladders_are_said_in_a_line() {
        let eur = Currency::new("EUR", 2).unwrap();
        let even = |levels| PriceLadder::Even { min: Amount(7500), tick: Amount(50), levels };
        assert_eq!(prices(&eur, &even(135)), "75.00 to 142.00 EUR every 0.50, 135 levels");
        assert_eq!(prices(&eur, &even(1)), "75.00 EUR alone");
        let listed = |count: u64| PriceLadder::Listed((1..=count).map(Amount).collect());
        assert_eq!(prices(&eur, &listed(2)), "0.01, 0.02 EUR");
        assert_eq!(prices(&eur, &listed(20)), "0.01 to 0.20 EUR as listed, 20 levels");
    }

    #[test]
    fn states_are_said_in_a_line() {
        let state = State {
            phase: Phase::Closed { round: 3, step: "blind".to_owned(), waiting_for: vec![1] },
            bids: 1,
            outcome: None,
            findings: vec!["late".to_owned()],
            phases: Vec::new(),
        };
        let member = MemberState { accumulator: 0, address: "a:1".to_owned(), state: Ok(state) };
        assert_eq!(
            StateView::of(&Currency::new("EUR", 2).unwrap(), &member).line(),
            "accumulator 0 says closed, round 3 (blind), waiting for accumulators [1]; 1 bid\n  \
             finding: late"
        );
    }

    #[test]
    fn moments_say_how_far_they_are() {
        assert_eq!(moment(Time(61_000), Time(1_000)), "1970-01-01T00:01:01Z (in 1m)");
        assert_eq!(moment(Time(0), Time(5_000)), "1970-01-01T00:00:00Z (5s ago)");
    }

    #[test]
    fn a_stranger_cannot_command_the_terminal() {
        assert_eq!(printable("a\u{1b}[2J\nb"), "a\u{fffd}[2J\nb");
        assert_eq!(printable("\u{202e}50"), "\u{fffd}50");
    }
}
