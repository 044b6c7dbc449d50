//! `gavel bid`: seal a bid, record it, submit it, keep the receipts. PROTOCOL sections 2 and 3.

use std::path::PathBuf;
use std::time::Duration;

use auction::join::Auction;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::prices::{Level, OffLadder};
use auction::spec::{Member, Spec};
use bidder::{
    BidReport, Bond, Client, Leaving, Options, Patience, PlaceError, Progress, Standing, Wallet,
    WalletError,
};
use clap::Args;
use link::service::Phase;
use serde::Serialize;

use crate::account::directory::Account;
use crate::arguments::{AuctionId, CommitteeArgument, WalletArgument};
use crate::bonding;
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::goods_ahead::GoodsArgument;
use crate::price_prompt::{self, PriceArgument};
use crate::price_text::PriceText;
use crate::progress::{Waiting, asking};
use crate::terms::terms;
use crate::time::{self, Span};
use crate::{confirm, output, progress};

const EXAMPLES: &str = "Examples:
  gavel bid 5d41...
  gavel bid 5d41... --price 120.50
  gavel bid 5d41... --price - --yes --json < price
  gavel bid 5d41... --account ann --cover 150
  gavel bid 5d41... --retry

Where a settlement server takes the payment, a bond stands behind every bid: the one that
'gavel bond' has put into the wallet, or with --account one that is made now, once the encrypted
goods are here (see 'gavel help bond').

Without --price the price is asked for on the terminal and not shown. An argument is visible to the
other users of the machine while the command runs, and stays in the shell's history; --price -
reads the price from standard input.

A bid cannot be taken back or changed. It is recorded in the wallet before anything is sent, so
that --retry sends the same bid again wherever it stopped. Exit code 0 when the bid counts.";

/// Arguments of `gavel bid`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction; with --retry also the digest of one of several bids in it.
    #[arg(value_name = "ID")]
    auction: AuctionId,
    /// What you bid, in the auction's currency; one of its prices. Other users of the machine can
    /// see it here: leave it out to be asked, or write - to have it read from standard input.
    #[arg(long)]
    price: Option<PriceArgument>,
    /// Send the bid that the wallet already holds again, to whoever has not confirmed it.
    #[arg(long, conflicts_with_all = ["price", "another"])]
    retry: bool,
    /// Make one more bid, under another key, beside the one that the wallet already holds.
    #[arg(long)]
    another: bool,
    /// Do not ask before sending.
    #[arg(long, short)]
    yes: bool,
    /// How long accumulators that do not answer are asked again.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    patience: Span,
    /// Directory of the account that the bond is taken from, where the auction asks for one and
    /// the wallet holds none yet.
    #[arg(long, value_name = "DIR", env = "GAVEL_ACCOUNT", hide_env_values = true)]
    account: Option<PathBuf>,
    /// The highest price that this bond pays, one of the auction's covers, and public unless it
    /// is the only one. Default: the highest.
    #[arg(long, value_name = "PRICE", requires = "account")]
    cover: Option<PriceText>,
    #[command(flatten)]
    goods: GoodsArgument,
    #[command(flatten)]
    wallet: WalletArgument,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// Print one JSON object: whether the bid counts, and what each accumulator said.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    auction: String,
    bid: String,
    bidder: String,
    /// Whether the bid counts if the accumulators that hold its receipts are honest.
    counted: bool,
    /// Whether it counts if any accumulator is honest.
    secured: bool,
    summary: String,
    accumulators: Vec<MemberView>,
}

#[derive(Serialize)]
struct MemberView {
    accumulator: usize,
    address: String,
    receipt: bool,
    holds_all_receipts: bool,
    trouble: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let dir = arguments.wallet.dir()?;
    let Span(patience) = arguments.patience;
    if !arguments.retry && arguments.price.is_none() && !price_prompt::can_ask() {
        return Err(Failure::usage(
            "there is no --price, and no terminal to ask for it",
            "add --price PRICE, or --price - to have it read from standard input",
        ));
    }
    let sent = with_client(Patience::default(), async |client| {
        if arguments.retry {
            retry(&arguments, client, &dir, patience).await
        } else {
            place(&arguments, client, &dir, patience).await
        }
    });
    let report = sent.await?;
    let view = View::of(&report);
    let words = || format!("Bid {}\nKey {}\nThe bid {}", view.bid, view.bidder, view.summary);
    if !report.is_counted() {
        let help = "the wallet keeps the bid: --retry sends the same bid again";
        if arguments.json {
            // Written or not, the bid does not count, and that is what is said.
            let _ = output::json(&view);
        }
        return Err(Failure::Bid(format!("the bid {}", view.summary), help));
    }
    output::either(arguments.json, &view, words)
}

async fn place(
    arguments: &Arguments,
    client: &Client,
    dir: &std::path::Path,
    patience: Duration,
) -> Result<BidReport, Failure> {
    let members = arguments.committee.members()?;
    let AuctionId(id) = arguments.auction;
    let auction = asking(client.auction(&members, &id)).await?;
    let price = match &arguments.price {
        Some(PriceArgument::Said(price)) => price.clone(),
        Some(PriceArgument::StandardInput) => price_prompt::read()?,
        None => {
            taking_bids(client, &auction.spec().accumulators, &id).await?;
            progress::note(&terms(&id, auction.spec(), time::now()));
            price_prompt::ask(&auction.spec().currency, !arguments.yes).await?
        }
    };
    let level = level_of(auction.spec(), &price)?;
    taking_bids(client, &auction.spec().accumulators, &id).await?;
    confirm(arguments, &auction, level)?;
    let wallet = match dir.symlink_metadata() {
        Ok(_) => Wallet::open(dir)?,
        Err(_) => Wallet::create(dir)?,
    };
    let bond = bond(arguments, &wallet, &auction, level).await?;
    let options = Options { another: arguments.another, bond, patience };
    let waiting = Waiting::new("sealing");
    let told = |step: Progress<'_>| tell(&waiting, &step);
    bidder::place(client, &wallet, &auction, level, options, told).await.map_err(
        |error| match error {
            PlaceError::Wallet(known @ WalletError::AlreadyBid { .. }) => {
                let help = "--retry sends that bid again; --another makes one more beside it";
                Failure::Bid(known.to_string(), help)
            }
            error => error.into(),
        },
    )
}

/// The bond for this bid, where the auction asks for one.
async fn bond(
    arguments: &Arguments,
    wallet: &Wallet,
    auction: &Auction,
    level: Level,
) -> Result<Option<Bond>, Failure> {
    let (id, spec) = (auction.id(), auction.spec());
    if spec.settlement.is_none() {
        return Ok(None);
    }
    // Before any money is set aside.
    if let Some(known) = wallet.bid_in(&id)?.filter(|_| !arguments.another) {
        let known = WalletError::AlreadyBid { auction: id, bid: known.digest() };
        let help = "--retry sends that bid again; --another makes one more beside it";
        return Err(Failure::Bid(known.to_string(), help));
    }
    let known = wallet.unused_bond(&id)?;
    let cover = match (&known, &arguments.cover) {
        (Some(bond), None) => bond.cover(),
        (_, asked) => bonding::cover(spec, asked.as_ref())?,
    };
    if level > cover {
        let price = spec.ladder.price(cover).map(|price| spec.currency.display(price));
        return Err(Failure::usage(
            format!("the bid is above what the bond covers, {}", price.unwrap_or_default()),
            "bid less, or name a higher --cover",
        ));
    }
    if let Some(public) = bonding::public_part(spec, cover) {
        progress::note(&public);
    }
    let held = match (known, &arguments.account) {
        (Some(bond), None) if bond.ticket().is_some() => bond,
        (_, Some(account)) => {
            let account = Account::open(account)?;
            let (spec, goods) = (auction.verified_spec(), &arguments.goods);
            bonding::secure(wallet, spec, &account, cover, goods).await?
        }
        (_, None) => {
            return Err(Failure::Bid(
                "the auction asks for a bond, and the wallet holds none".to_owned(),
                "add --account DIR, the account that it is taken from; or first: gavel bond",
            ));
        }
    };
    let ticket = held.ticket().ok_or_else(|| {
        Failure::Bid("the bond's ticket is missing".to_owned(), "run 'gavel bond' again")
    })?;
    Ok(Some(Bond { bidder: SecretKey::from_seed(held.bidder_secret().seed()), ticket }))
}

async fn retry(
    arguments: &Arguments,
    client: &Client,
    dir: &std::path::Path,
    patience: Duration,
) -> Result<BidReport, Failure> {
    let wallet = Wallet::open(dir)?;
    let record = wallet.bid(&arguments.auction.0)?;
    let waiting = Waiting::new("sending the same bid again");
    let told = |step: Progress<'_>| tell(&waiting, &step);
    Ok(bidder::resume(client, &wallet, record, patience, told).await?)
}

/// The level of a price on the auction's ladder.
fn level_of(spec: &Spec, price: &PriceText) -> Result<Level, Failure> {
    let what = "price".to_owned();
    let amount =
        spec.currency.parse(price.as_str()).map_err(|source| Failure::Money { what, source })?;
    spec.ladder.level_of(amount).map_err(|off| {
        let shown = |amount| spec.currency.display(amount);
        let help = match off {
            OffLadder::BelowReserve { reserve } => format!("bid {} or more", shown(reserve)),
            OffLadder::AboveTop { top } => format!("bid at most {}", shown(top)),
            OffLadder::Between { below, above } => {
                format!("the nearest prices are {} and {}", shown(below), shown(above))
            }
        };
        Failure::usage(format!("price {}: {off}", price.as_str()), help)
    })
}

/// Refuses before anything is recorded, where every accumulator that answers says that it would.
async fn taking_bids(client: &Client, members: &[Member], id: &Digest) -> Result<(), Failure> {
    let states = client.states(members, id).await;
    let phases: Vec<&Phase> =
        states.iter().filter_map(|member| Some(&member.state.as_ref().ok()?.phase)).collect();
    let early = |phase: &&Phase| matches!(phase, Phase::Waiting | Phase::Joining(_));
    let open = |phase: &&Phase| matches!(phase, Phase::Open);
    if phases.is_empty() || phases.iter().any(open) {
        return Ok(());
    }
    let help = "'gavel auction show' says when it opens and closes";
    if phases.iter().any(early) {
        return Err(Failure::Bid("the auction is not open yet".to_owned(), help));
    }
    Err(Failure::Bid("the auction is closed: no bid is taken any more".to_owned(), help))
}

/// Shows what is about to be promised and asks.
fn confirm(arguments: &Arguments, auction: &Auction, level: Level) -> Result<(), Failure> {
    if arguments.yes {
        return Ok(());
    }
    if !confirm::can_ask() {
        let what = "a bid cannot be taken back, and nobody is there to confirm it";
        return Err(Failure::usage(what, "add --yes where a program bids"));
    }
    let spec = auction.spec();
    let question = if arguments.price.is_none() {
        // It was typed twice, unseen, and stays so.
        "Send this bid? It cannot be taken back. [y/N] ".to_owned()
    } else {
        progress::note(&terms(&auction.id(), spec, time::now()));
        let price = spec.ladder.price(level).map(|price| spec.currency.display(price));
        format!("Bid {}? It cannot be taken back. [y/N] ", price.unwrap_or_default())
    };
    if confirm::consents(&question) {
        Ok(())
    } else {
        Err(Failure::Bid("nothing was bid".to_owned(), "answer y, or add --yes"))
    }
}

fn tell(waiting: &Waiting, step: &Progress<'_>) {
    waiting.say(match step {
        Progress::Recorded(_) => "recorded in the wallet, sending".to_owned(),
        Progress::Answered { accumulator, standing: Standing::Receipted(_) } => {
            format!("accumulator {accumulator} gave its receipt")
        }
        Progress::Answered { accumulator, .. } => {
            format!("accumulator {accumulator} gave no receipt")
        }
        Progress::Left { accumulator } => format!("accumulator {accumulator} holds all receipts"),
    });
}

impl View {
    fn of(report: &BidReport) -> Self {
        let member = |one: &bidder::AccumulatorReport| MemberView {
            accumulator: one.accumulator,
            address: one.address.clone(),
            receipt: matches!(one.standing, Standing::Receipted(_)),
            holds_all_receipts: matches!(one.leaving, Leaving::Done),
            trouble: match (&one.standing, &one.leaving) {
                (Standing::Refused(refusal), _) => Some(refusal.reason.to_string()),
                (Standing::Failed(error), _) | (_, Leaving::Failed(error)) => {
                    Some(error.to_string())
                }
                (Standing::Receipted(_), Leaving::Done | Leaving::NotYet) => None,
            },
        };
        Self {
            auction: report.auction.to_string(),
            bid: report.digest.to_string(),
            bidder: report.bidder.to_string(),
            counted: report.is_counted(),
            secured: report.is_secured(),
            summary: report.summary(),
            accumulators: report.per_accumulator.iter().map(member).collect(),
        }
    }
}
