//! `gavel demo purchase`: a merchant, a customer and a settlement server, with the links between
//! them cut after each message in turn, and what each side holds then. SETTLEMENT, section
//! "Purchase of digital goods".

mod links;
mod table;
mod town;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::pin::pin;

use clap::Args;
use settlement::charter_file::CHARTER_FILE;
use settlement::purchases::Order;

use super::command::{self, Said};
use super::place::Place;
use crate::exit::Failure;
use crate::output;
use crate::progress::{Counting, note};
use crate::signals;
use links::{Link, Step};
use table::{CustomerHas, Report, Row, word_of, written};
use town::{FUNDS, MerchantHas, PRICE, Town};

/// What is sold.
const PICTURE: &[u8] = include_bytes!("../../../demo/blue-vase.svg");
/// How long the customer waits while the links are cut, and when they are not.
const SHORT: &str = "1s";
const LONG: &str = "60s";
/// How often an attempt is made until the message has arrived after which all is cut: on a busy
/// machine the customer may give up before.
const ATTEMPTS: usize = 30;
/// How long the merchant may take to bring an order once more.
const HEARD_WITHIN: std::time::Duration = std::time::Duration::from_secs(90);

const EXAMPLES: &str = "Examples:
  gavel demo purchase
  gavel demo purchase --json | jq .right
  gavel demo purchase --keep town                 leaves everybody's files

Each process is started as a person starts it; between them stand relays that hold everybody's
keys, read each message and cut all links after the one that is due. Then the customer's command is
given again: once while the merchant stays away, and once with everything there.";

/// Arguments of `gavel demo purchase`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Leave everything in this directory.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Runs the demonstration.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let place = Place::new(arguments.keep.as_deref(), None)?;
    let mut interrupted = pin!(signals::interrupted());
    let town = tokio::select! {
        town = Town::found(place.dir(), PICTURE) => town?,
        () = &mut interrupted => return Err(Failure::Interrupted),
    };
    let (server, merchant) = town.pids();
    note(&format!("the settlement server is process {server}, the merchant process {merchant}"));
    let result = tokio::select! {
        report = perform(&town) => report,
        () = &mut interrupted => Err(Failure::Interrupted),
    };
    let dir = town.bank.dir.clone();
    town.stop().await;
    let report = judged(result?, &dir, place.dir()).await?;
    output::either(arguments.json, &report, || report.in_words())?;
    let holds = report.right && report.audit && report.judge;
    if holds { Ok(()) } else { Err(Failure::Said) }
}

/// One purchase on whole links, and one cut after each message.
async fn perform(town: &Town) -> Result<Report, Failure> {
    let before = town.balance().await?.0;
    town.links.open_but(vec![]);
    let whole = town.buy("whole", LONG).await;
    let messages = town.links.arrived();
    let mut right = whole.is_some_and(|said| said.goods_match == Some(true));
    note("a purchase on whole links is done");
    let bar = Counting::new("cutting", Step::ALL.len() as u64);
    let mut cuts = Vec::new();
    for step in Step::ALL {
        let row = cut_after(town, step).await?;
        right &= row.right;
        cuts.push(row);
        bar.add(1);
    }
    bar.finish();
    let after = town.balance().await?.0;
    let purchases = cuts.len() + 1;
    let price = price_of(town)?;
    right &= before - after == price * purchases as u64;
    let currency = &town.currency;
    Ok(Report {
        price: PRICE.to_owned(),
        currency: currency.code(),
        messages,
        cuts,
        purchases,
        customer_before: FUNDS.to_owned(),
        customer_after: written(currency, after),
        right,
        audit: false,
        judge: false,
    })
}

fn price_of(town: &Town) -> Result<u64, Failure> {
    let wrong = |source| Failure::Money { what: "the demonstration".to_owned(), source };
    Ok(town.currency.parse(PRICE).map_err(wrong)?.0)
}

/// A purchase whose links are cut after one message: what each side has then, what the customer
/// gets without the merchant, and what when all is there again.
async fn cut_after(town: &Town, step: Step) -> Result<Row, Failure> {
    let name = format!("cut-after-{}", step.letter());
    let before = town.balance().await?.0;
    for _ in 0..ATTEMPTS {
        town.links.cut_after(step);
        let _ = town.buy(&name, SHORT).await;
        if town.links.is_cut() {
            break;
        }
    }
    let customer = customer_has(town, &name);
    let (paid, merchant) = match order_of(town, &name) {
        Some(order) => town.told(order.request().id).await?,
        None => (false, MerchantHas::Nothing),
    };
    // The merchant stays away; the customer has the settlement server.
    town.links.open_but(vec![Link::Shop, Link::MerchantsBank]);
    let mut without_merchant = false;
    for _ in 0..if paid { ATTEMPTS } else { 1 } {
        let _ = town.buy(&name, SHORT).await;
        without_merchant = customer_has(town, &name).opened;
        if without_merchant {
            break;
        }
    }
    town.links.open_but(vec![]);
    let said = town.buy(&name, LONG).await;
    let recovered = said.is_some_and(|said| said.state == "bought");
    heard(town, &name).await?;
    let charged = before - town.balance().await?.0;
    let opened = customer_has(town, &name).opened;
    Ok(Row {
        after: step,
        message: step.words(),
        customer,
        merchant: word_of(merchant),
        paid,
        without_merchant,
        recovered,
        charged: written(&town.currency, charged),
        // Without the merchant the goods come exactly if they are paid.
        right: recovered && opened && charged == price_of(town)? && without_merchant == paid,
    })
}

/// Waits until the merchant has heard of a purchase too: his question about it would otherwise pass
/// for one of the next.
async fn heard(town: &Town, name: &str) -> Result<(), Failure> {
    let Some(order) = order_of(town, name) else { return Ok(()) };
    for _ in 0..HEARD_WITHIN.as_secs() * 10 {
        if town.told(order.request().id).await?.1 == MerchantHas::Receipt {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(())
}

/// What is on the customer's disk.
fn customer_has(town: &Town, name: &str) -> CustomerHas {
    let folder = town.folder(name);
    let has = |file: &str| folder.join(file).exists();
    CustomerHas {
        offer: has("offer"),
        goods: has("goods")
            && std::fs::metadata(folder.join("goods")).is_ok_and(|one| one.len() > 0),
        order: has("order-1"),
        receipt: has("receipt"),
        opened: std::fs::read(town.out(name)).is_ok_and(|bytes| bytes == PICTURE),
    }
}

fn order_of(town: &Town, name: &str) -> Option<Order> {
    let bytes = std::fs::read(town.folder(name).join("order-1")).ok()?;
    Order::decode(&bytes).ok()
}

/// Adds what audit and judge say of the files.
async fn judged(
    report: Report,
    server: &std::path::Path,
    dir: &std::path::Path,
) -> Result<Report, Failure> {
    let words: [&OsStr; 5] = [
        "settlement".as_ref(),
        "audit".as_ref(),
        "--dir".as_ref(),
        server.as_os_str(),
        "--with-vault".as_ref(),
    ];
    let audit: Said = command::ask(&words).await?;
    let folder = dir.join("ann").join("purchases").join("whole");
    let mut words: Vec<OsString> = vec!["judge".into(), "--charter".into()];
    words.push(server.join(CHARTER_FILE).into());
    for (option, file) in [("--offer", "offer"), ("--receipt", "receipt"), ("--goods", "goods")] {
        words.extend([option.into(), folder.join(file).into()]);
    }
    let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
    let judge: Said = command::ask(&words).await?;
    Ok(Report { audit: audit.holds, judge: judge.holds && judge.complete, ..report })
}
