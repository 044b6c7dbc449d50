//! `gavel buy`: from price inquiry to goods, resumable at every step. SETTLEMENT, section
//! "Purchase of digital goods".

pub(crate) mod customer;
mod place;
mod view;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auction::spec::Time;
use clap::Args;
use purchase::customer::{
    Bought, BuyError, Cancelled, Customer, Offered, Ordered, Purchase, Settled, Stage,
};
use settlement::goods::Existing;
use settlement::purchases::Delivery;

use crate::account::directory::{Account, AccountArgument};
use crate::exit::Failure;
use crate::progress::{Counting, Waiting, note};
use crate::time::Span;
use crate::{confirm, output, signals, time};
use customer::{MerchantArgument, with_customer};
use place::Place;
use view::{View, offer_in_words};

const EXAMPLES: &str = "Examples:
  gavel offer list --merchant shop.toml
  gavel buy --account ann --merchant shop.toml --item 3 --out photo.tif
  gavel buy --account ann --merchant shop.toml --item 3 --out photo.tif --yes --json
  gavel buy --account ann --purchase 3b6a27bc-3 --out photo.tif      go on with one
  gavel buy --account ann --purchase 3b6a27bc-3 --cancel

The merchant signs an offer, which is shown with its price; the encrypted goods are downloaded and
checked against it; only then the order is signed, and nothing can be charged but this price for
these goods. The settlement server moves the money and gives the key in one step. The goods appear
under --out when they are what the merchant signed.

The command may be repeated at any point, also after a kill: it goes on where it was, and never
orders twice. When the merchant does not answer, receipt and key come from the settlement server.
--cancel takes an order back that is not paid yet. --again buys once more what is bought already.";

/// How long an order is good unless said otherwise.
const GOOD_FOR: Duration = Duration::from_secs(3600);

/// Arguments of `gavel buy`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountArgument,
    #[command(flatten)]
    merchant: MerchantArgument,
    /// The item's number in the merchant's catalogue.
    #[arg(long, value_name = "N", required_unless_present = "purchase")]
    item: Option<u64>,
    /// Where to write what was bought; without it, it can be done later.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The purchase's name [default: follows from merchant and item].
    #[arg(long, value_name = "NAME")]
    purchase: Option<String>,
    /// Buy once more what is bought already.
    #[arg(long, conflicts_with = "purchase")]
    again: bool,
    /// Take the order back, if it is not paid yet.
    #[arg(long, requires = "purchase", conflicts_with_all = ["out", "again"])]
    cancel: bool,
    /// How long the order is good, at most a day.
    #[arg(long, value_name = "TIME", default_value = "1h")]
    good_for: Span,
    /// How long merchant and settlement server may take to answer.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    patience: Span,
    /// Accept the offer without being asked.
    #[arg(long)]
    yes: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// How a purchase ended for now.
enum End {
    Bought(Bought),
    /// Undecided, and why.
    Open(Ordered, String),
    Cancelled(Offered),
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let account = arguments.account.open()?;
    let dir = &arguments.account.account;
    let place = match (&arguments.purchase, arguments.item) {
        (Some(name), _) => Place::named(dir, name)?,
        (None, item) => {
            let merchant = arguments.merchant.load()?;
            Place::of_item(dir, &merchant, item.unwrap_or_default(), arguments.again)?
        }
    };
    let merchant = place.merchant(&arguments.merchant)?;
    let folder = place.open()?;
    place.keep_merchant(&merchant)?;
    let purchase = Purchase::open(folder, &account.charter.charter);
    let Span(patience) = arguments.patience;
    let end = with_customer(&account, &merchant, patience, async |customer| {
        tokio::select! {
            end = go_on(&arguments, &account, customer, purchase) => end,
            () = signals::interrupted() => Err(Failure::Interrupted),
        }
    });
    let end = end.await?;
    say(&arguments, &account, &place, end)
}

/// Goes on with a purchase as far as it goes.
async fn go_on(
    arguments: &Arguments,
    account: &Account,
    customer: &Customer,
    purchase: Purchase,
) -> Result<End, Failure> {
    let mut stage = purchase.resume(time::now())?;
    if arguments.cancel {
        return cancel(customer, stage).await;
    }
    loop {
        stage = match stage {
            Stage::Fresh(fresh) => {
                let Some(item) = arguments.item else {
                    return Err(Failure::usage(
                        "nothing is offered under this name yet",
                        "add --merchant and --item",
                    ));
                };
                let waiting = Waiting::new("asking the merchant for an offer");
                let offered = fresh.inquire(customer, item, time::now()).await?;
                drop(waiting);
                Stage::Offered(offered)
            }
            Stage::Offered(offered) => {
                accept(arguments, account, &offered)?;
                Stage::Ordered(order(arguments, customer, offered).await?)
            }
            Stage::Ordered(ordered) => match settle(customer, ordered).await? {
                Settled::Bought(bought) => Stage::Bought(bought),
                Settled::Refused(_, code) => return Err(BuyError::Refused(code).into()),
                Settled::Open(ordered, reason) => return Ok(End::Open(ordered, reason)),
            },
            Stage::Bought(bought) => return deliver(arguments, customer, bought).await,
        };
    }
}

/// Shows the offer and asks.
fn accept(arguments: &Arguments, account: &Account, offered: &Offered) -> Result<(), Failure> {
    let terms = offered.offer().terms();
    if arguments.yes {
        return Ok(());
    }
    note(&offer_in_words(terms, &account.currency));
    if !confirm::can_ask() {
        let what = "an order may be charged, and nobody is there to confirm it";
        return Err(Failure::usage(what, "add --yes where a program buys"));
    }
    let price = auction::money::Amount(terms.price.get());
    let question = format!("Buy it for {}? [y/N] ", account.currency.display(price));
    if confirm::consents(&question) {
        Ok(())
    } else {
        Err(Failure::Payment("nothing was ordered".to_owned(), "answer y, or add --yes"))
    }
}

/// Downloads, checks, and signs the order.
async fn order(
    arguments: &Arguments,
    customer: &Customer,
    offered: Offered,
) -> Result<Ordered, Failure> {
    let total = match offered.offer().terms().delivery {
        Delivery::Encrypted(goods) => goods.bytes,
        Delivery::Held(_) => 0,
    };
    let bar = Counting::bytes("downloading", total);
    let fetched = offered.fetch(customer, |done| bar.at(done, total)).await;
    bar.finish();
    let Span(good_for) = arguments.good_for;
    let good_for = good_for.min(GOOD_FOR * 24);
    let good_for = u64::try_from(good_for.as_millis()).unwrap_or(u64::MAX);
    Ok(fetched?.order(customer, time::now(), good_for)?)
}

async fn settle(customer: &Customer, ordered: Ordered) -> Result<Settled, Failure> {
    let _waiting = Waiting::new("waiting for the payment");
    Ok(ordered.settle(customer, time::now()).await?)
}

/// Puts the goods in their place.
async fn deliver(
    arguments: &Arguments,
    customer: &Customer,
    bought: Bought,
) -> Result<End, Failure> {
    let Some(out) = &arguments.out else { return Ok(End::Bought(bought)) };
    let total = match bought.paid().offer.terms().delivery {
        Delivery::Encrypted(goods) => goods.bytes,
        Delivery::Held(item) => item.bytes,
    };
    let bar = Counting::bytes("opening", total);
    let stop = Stop(Arc::new(AtomicBool::new(false)));
    let (told, stopped) = (bar.clone(), Arc::clone(&stop.0));
    let progress = move |done| {
        told.at(done, total);
        if stopped.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let delivered = bought.deliver(customer, out, Existing::Keep, progress).await;
    bar.finish();
    Ok(End::Bought(delivered?))
}

/// Ends the work on another thread when this one is interrupted, so that no temporary file with
/// plaintext stays.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn cancel(customer: &Customer, stage: Stage) -> Result<End, Failure> {
    let nothing = || {
        Failure::Payment(
            "nothing is ordered under this name, so there is nothing to take back".to_owned(),
            "an offer that is not ordered binds you to nothing",
        )
    };
    match stage {
        Stage::Fresh(_) | Stage::Offered(_) => Err(nothing()),
        Stage::Bought(_) => Err(too_late()),
        Stage::Ordered(ordered) => match ordered.cancel(customer, time::now()).await? {
            Cancelled::Done(offered) => Ok(End::Cancelled(offered)),
            Cancelled::TooLate(_) => Err(too_late()),
        },
    }
}

fn too_late() -> Failure {
    Failure::Payment(
        "it is too late to cancel: the purchase is paid".to_owned(),
        "the same command with --out and without --cancel writes what was bought",
    )
}

fn say(arguments: &Arguments, account: &Account, place: &Place, end: End) -> Result<(), Failure> {
    let now: Time = time::now();
    match end {
        End::Bought(bought) => {
            let out = arguments.out.as_deref();
            let view = View::bought(place, &account.currency, &bought, out);
            output::either(arguments.json, &view, || view.in_words())
        }
        End::Cancelled(offered) => {
            let view = View::cancelled(place, &account.currency, offered.offer().terms());
            output::either(arguments.json, &view, || view.in_words())
        }
        End::Open(ordered, reason) => {
            let left = time::in_words(time::until(ordered.until(), now));
            let view = View::open(place, &account.currency, &ordered);
            let failure = Failure::Payment(
                format!(
                    "the purchase is not decided: {reason}. It may still be paid within {left}, \
                     and nothing else can be charged"
                ),
                "run the same command again; --cancel takes the order back",
            );
            if arguments.json {
                let said = output::json(&view);
                return Err(failure.after(&said));
            }
            Err(failure)
        }
    }
}
