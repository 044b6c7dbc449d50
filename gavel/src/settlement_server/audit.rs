//! `gavel settlement audit`: everything derived again from the first byte. SETTLEMENT, section
//! "Journal".

use clap::Args;
use serde::Serialize;
use settlement::audit::{Misdeed, Undone};
use settlement::ledger::Currency;
use settlement::unwinding::Astray;

use super::inquest::{Files, Inquest, Subject};
use crate::aside::aside;
use crate::exit::Failure;
use crate::money_text::{balance, written};
use crate::output::{self, columns, count, count_of};
use crate::progress::Waiting;
use crate::time;

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement audit --dir pay
  gavel settlement audit --journal copy/journal --transcripts copy/transcripts \\
      --charter charter.toml --heads heads.txt --json
  gavel settlement audit --journal 'postgres:///gavel?user=auditor&host=/run/postgresql' \\
      --transcripts copy/transcripts --charter charter.toml

Works on a live server's files or on a copy, and asks nobody: the chain, every signature and every
result, sums zero after every batch, no hold without owner, every decision under a transcript that
verifies, no goods key out without payment, every purchase with its offer, both signatures and its
sealed key; --with-vault opens that key, too. --heads names what a witness kept ('gavel settlement
head'), --receipts and --tickets what clients kept: a journal that contradicts one of them convicts
the server. After a misdeed the audit goes on: it lists all of them, with the money that each moved
without right and what corrections have moved back ('gavel settlement unwind'). Exit code 0 when
everything holds, or all that was moved without right is moved back.";

/// Arguments of `gavel settlement audit`.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    subject: Subject,
    /// Also open the goods key of every purchase with the keys in the vault of --dir.
    #[arg(long, requires = "dir")]
    with_vault: bool,
    /// Print one JSON object, also when something does not hold.
    #[arg(long)]
    json: bool,
}

/// What an audit found.
#[derive(Serialize)]
pub(super) struct View {
    holds: bool,
    batches: u64,
    entries: u64,
    requests: u64,
    /// Entries that a restore had lost and that came back by their receipts.
    readmitted: u64,
    root: String,
    state: String,
    epoch: u32,
    currencies: Vec<CurrencyView>,
    /// How many heads of witnesses it was held to, and which of them a restore has lost.
    heads: usize,
    lost_heads: Vec<u64>,
    /// How many receipts, and which entries that they prove a restore has lost.
    receipts: usize,
    lost_entries: Vec<u64>,
    tickets: usize,
    /// Whether bytes after the last batch were passed over: an unfinished write.
    tail: bool,
    auctions: AuctionsView,
    purchases: PurchasesView,
    /// What the server did that it must not do.
    misdeeds: Vec<MisdeedView>,
    /// Misdeeds beyond those.
    unlisted: u64,
    /// Accounts that do not hold what they should.
    astray: Vec<AstrayView>,
}

#[derive(Serialize)]
struct MisdeedView {
    entry: Option<u64>,
    time: String,
    what: String,
    /// `nothing-moved`, `corrected` or `not-corrected`.
    state: &'static str,
    /// What is still to be moved back, by currency.
    left: Vec<String>,
}

#[derive(Serialize)]
struct AstrayView {
    account: String,
    holds: String,
    rightful: String,
    currency: String,
}

#[derive(Serialize)]
struct PurchasesView {
    purchases: u64,
    /// Of these, items that the server handed over itself.
    held: u64,
    /// Goods keys that were opened and are those that were paid for; with --with-vault all.
    keys_opened: u64,
}

#[derive(Serialize)]
struct CurrencyView {
    currency: String,
    /// All debits, equal to all credits, posted and pending each.
    posted: String,
    pending: String,
    /// Credits less debits.
    sum: String,
}

#[derive(Serialize)]
struct AuctionsView {
    auctions: u64,
    bonds: u64,
    sales: u64,
    /// Of physical goods: prices that have left escrow, and those that are in it.
    payouts: u64,
    in_escrow: u64,
    no_sales: u64,
    voids: u64,
    /// Not decided, or not paid out, though their time has passed: the server is late.
    late: Vec<String>,
}

#[derive(Serialize)]
struct Wrong {
    holds: bool,
    reason: String,
}

/// Runs the command.
pub(super) async fn run(arguments: Audit) -> Result<(), Failure> {
    let files = Files::of(&arguments.subject, arguments.with_vault)?;
    let held = files.held();
    let waiting = Waiting::new("auditing from the first byte");
    let audited = aside(move || files.inquire()).await;
    drop(waiting);
    match audited {
        Ok(inquest) => {
            let view = View::of(&inquest, held)?;
            let said = output::either(arguments.json, &view, || view.in_words());
            if view.holds { said } else { said.and(Err(Failure::Said)) }
        }
        Err(failure @ Failure::Audit(_)) if arguments.json => {
            let wrong = Wrong { holds: false, reason: failure.to_string() };
            Err(failure.after(&output::json(&wrong)))
        }
        Err(failure) => Err(failure),
    }
}

impl View {
    fn of(
        inquest: &Inquest,
        (heads, receipts, tickets): (usize, usize, usize),
    ) -> Result<Self, Failure> {
        let Inquest { report, summary: auctions, purchases, .. } = inquest;
        let currencies = report.totals.iter().map(|(currency, totals)| {
            let currency = written(*currency)
                .map_err(|source| Failure::Money { what: "the journal".to_owned(), source })?;
            let minor = |sum: u128| i128::try_from(sum).unwrap_or(i128::MAX);
            let amount = |sum: u128| balance(&currency, minor(sum));
            let credits = minor(totals.credits_posted.saturating_add(totals.credits_pending));
            let debits = minor(totals.debits_posted.saturating_add(totals.debits_pending));
            Ok(CurrencyView {
                posted: amount(totals.debits_posted),
                pending: amount(totals.debits_pending),
                sum: balance(&currency, credits - debits),
                currency: currency.code(),
            })
        });
        Ok(Self {
            holds: report.holds(),
            batches: report.batches,
            entries: report.entries,
            requests: report.requests,
            readmitted: report.readmitted,
            root: report.root.to_string(),
            state: report.state.to_string(),
            epoch: report.epoch,
            currencies: currencies.collect::<Result<_, Failure>>()?,
            heads,
            lost_heads: report.lost_heads.clone(),
            receipts,
            lost_entries: report.lost_entries.clone(),
            tickets,
            misdeeds: report.misdeeds.iter().map(misdeed).collect::<Result<_, _>>()?,
            unlisted: report.unlisted,
            astray: report.astray.iter().map(astray).collect::<Result<_, _>>()?,
            tail: report.tail,
            auctions: AuctionsView {
                auctions: auctions.auctions,
                bonds: auctions.bonds,
                sales: auctions.sales,
                payouts: auctions.payouts,
                in_escrow: auctions.in_escrow,
                no_sales: auctions.no_sales,
                voids: auctions.voids,
                late: auctions.late.iter().map(ToString::to_string).collect(),
            },
            purchases: PurchasesView {
                purchases: purchases.purchases,
                held: purchases.held,
                keys_opened: purchases.keys_opened,
            },
        })
    }

    fn in_words(&self) -> String {
        let auctions = &self.auctions;
        let mut rows = vec![
            (
                "Entries",
                format!("{} in {}", self.entries, count_of(self.batches, "batch", "batches")),
            ),
            ("Signatures", output::count(self.requests, "request")),
            ("Root", self.root.clone()),
        ];
        rows.extend(self.currencies.iter().map(|one| {
            let turnover = format!("{} moved, {} set aside", one.posted, one.pending);
            ("Sum", format!("{} ({turnover})", one.sum))
        }));
        let decided = format!(
            "{}; {} sold, {} not sold, {} void",
            count(auctions.bonds, "bond"),
            auctions.sales,
            auctions.no_sales,
            auctions.voids
        );
        rows.push(("Auctions", format!("{}, {decided}", auctions.auctions)));
        if auctions.payouts + auctions.in_escrow > 0 {
            let (paid, held) = (auctions.payouts, auctions.in_escrow);
            rows.push(("Escrow", format!("{paid} paid out, {held} held for physical goods")));
        }
        let late = |id: &String| ("Late", format!("{id} is not decided or not paid out"));
        rows.extend(auctions.late.iter().map(late));
        rows.extend(self.purchases.row());
        if self.heads > 0 {
            let lost = self.lost_heads.len();
            rows.push(("Heads", format!("{} agree, {lost} lost by a restore", self.heads - lost)));
        }
        if self.receipts > 0 {
            let lost = self.lost_entries.len();
            rows.push(("Receipts", format!("{}, {lost} lost by a restore", self.receipts)));
        }
        if self.epoch > 0 {
            let returned = count_of(self.readmitted, "lost entry", "lost entries");
            let restores =
                format!("{}, after restores from backups; {returned} brought back", self.epoch);
            rows.push(("Epoch", restores));
        }
        if self.tail {
            rows.push(("Tail", "an unfinished write after the last batch; no harm".to_owned()));
        }
        for one in &self.misdeeds {
            let left = match one.state {
                "nothing-moved" => "it moved no money".to_owned(),
                "corrected" => "all that it moved is moved back".to_owned(),
                _ => format!("{} moved without right and not moved back", one.left.join(", ")),
            };
            rows.push(("Misdeed", format!("{} ({}; {left})", one.what, one.time)));
        }
        if self.unlisted > 0 {
            rows.push(("Misdeeds", format!("and {} more", self.unlisted)));
        }
        for one in &self.astray {
            let held = format!("holds {}, should hold {}", one.holds, one.rightful);
            rows.push(("Astray", format!("account {} {held}", one.account)));
        }
        let head = match (self.holds, self.misdeeds.is_empty()) {
            (true, true) => "Everything holds, from the first byte.",
            (true, false) => "All that was moved without right is moved back.",
            (false, _) => "Not everything holds: this is the server's fault.",
        };
        format!("{head}\n{}", columns(&rows))
    }
}

impl PurchasesView {
    fn row(&self) -> Option<(&'static str, String)> {
        let Self { purchases, held, keys_opened } = *self;
        let opened = if keys_opened > 0 {
            format!("; {} opened, all those that were paid for", count(keys_opened, "key"))
        } else {
            String::new()
        };
        let line = format!("{purchases} paid with their keys, {held} with the item{opened}");
        (purchases > 0).then_some(("Purchases", line))
    }
}

pub(super) fn money_of(currency: Currency, minor_units: i128) -> Result<String, Failure> {
    let currency = written(currency)
        .map_err(|source| Failure::Money { what: "the journal".to_owned(), source })?;
    Ok(balance(&currency, minor_units))
}

fn misdeed(misdeed: &Misdeed) -> Result<MisdeedView, Failure> {
    let open = misdeed.movements.iter().filter(|wrong| wrong.left() > 0);
    let left = open.map(|wrong| money_of(wrong.moved.currency, wrong.left().into()));
    Ok(MisdeedView {
        entry: misdeed.entry,
        time: time::utc(misdeed.time),
        what: misdeed.wrong.to_string(),
        state: match misdeed.undone() {
            Undone::Nothing => "nothing-moved",
            Undone::Whole => "corrected",
            Undone::Left(_) => "not-corrected",
        },
        left: left.collect::<Result<_, _>>()?,
    })
}

fn astray(astray: &Astray) -> Result<AstrayView, Failure> {
    let currency = written(astray.currency)
        .map_err(|source| Failure::Money { what: "the journal".to_owned(), source })?;
    Ok(AstrayView {
        account: astray.account.to_string(),
        holds: balance(&currency, astray.posted),
        rightful: balance(&currency, astray.rightful),
        currency: currency.code(),
    })
}
