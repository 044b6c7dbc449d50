//! `gavel demo`: a whole auction on this machine, from sealed bids to a paid receipt, by the same
//! parts that a real one uses.

mod bank;
mod bidding;
pub(crate) mod bids_file;
mod bonding;
mod command;
mod committee;
mod goods;
pub(crate) mod ladder;
mod payment;
mod phases;
mod place;
pub(crate) mod process;
mod purchase;
mod report;
mod vase;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::join::Auction;
use auction::keys::SecretKey;
use auction::money::Amount;
use auction::prices::Level;
use auction::spec::{ACCUMULATORS, EarlyClose, Member, SignedSpec, Spec};
use bidder::{Client, MemberState, Patience};
use clap::{Args, Subcommand};
use link::service::Phase;
use rand::RngExt as _;

use crate::arguments::RuleArgument;
use crate::auctions::verify;
use crate::charter::with_server;
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::output::{self, count};
use crate::price_text::PriceText;
use crate::progress::{Waiting, asking, note};
use crate::{signals, time};

use bank::Bank;
use bidding::{Wanted, bid_all};
use bonding::Bonded;
use committee::Committee;
use goods::Lot;
use ladder::{Choice, Wishes};
use payment::{Payment, Wares};
use phases::Phases;
use place::Place;
use process::ProcessError;
use report::{Course, Report, phase_line};
use vase::Vase;

/// For how long bids could be made, if the seller did not close the auction.
const BIDDING: Duration = Duration::from_secs(24 * 3600);
/// How long the rounds could last.
const ROUNDS: Duration = Duration::from_secs(24 * 3600);
/// How long bonds could be held after the last time.
const HOLDING: Duration = Duration::from_secs(2 * 24 * 3600);
/// Between two looks at the accumulators.
const PAUSE: Duration = Duration::from_millis(30);
/// Parts of a stage of the search, and parts tested in one round.
const BLOCK: u16 = 32;

const EXAMPLES: &str = "Examples:
  gavel demo
  gavel demo --bids my.csv --rule first-price --accumulators 5
  gavel demo --bids my.csv --min 100 --tick 0.50 --json | jq -r .winner
  gavel demo --no-settlement                       the auction alone, without money
  gavel demo --physical                            the vase itself is sold, and a carrier brings it
  gavel demo purchase                              a purchase, its links cut after each message

The file has a header line 'bidder,price' and one bid a line, such as 'Ann,12.50'. Without --min,
--tick and --levels the auction's prices are chosen so that the file's prices fit; in a real
auction they are fixed before any bid. Only the demonstration, which made all keys, knows the
winner's name: the transcript holds keys alone.";

/// Arguments of `gavel demo`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// CSV file with the columns bidder and price; without it a small one that comes along.
    #[arg(long, value_name = "FILE")]
    bids: Option<PathBuf>,
    /// What the winner pays.
    #[arg(long, value_enum, default_value = "second-price")]
    rule: RuleArgument,
    /// Number of accumulators, each a process of its own: 2 to 16.
    #[arg(long, value_name = "M", default_value_t = 3, value_parser = accumulators)]
    accumulators: usize,
    /// Reserve price; lower prices of the file are skipped [default: the lowest price].
    #[arg(long, value_name = "PRICE")]
    min: Option<PriceText>,
    /// Difference of neighbouring prices [default: the largest that fits all prices].
    #[arg(long, value_name = "PRICE")]
    tick: Option<PriceText>,
    /// Number of prices [default: up to the highest price].
    #[arg(long, value_name = "N")]
    levels: Option<u32>,
    /// The auction alone: no settlement server, no bonds, no payment, no goods.
    #[arg(long)]
    no_settlement: bool,
    /// A thing is sold and sent, in place of a file: the price stays in escrow until the carrier
    /// has dispatched it and the winner says that it has come.
    #[arg(long, conflicts_with = "no_settlement")]
    physical: bool,
    /// Currency of the prices.
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    currency: String,
    /// Digits after the point in this currency [default: as the prices need, at least 2].
    #[arg(long, value_name = "N")]
    decimals: Option<u8>,
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Leave everything in this directory: the servers' state and logs, the transcript, the
    /// receipt and the goods.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Where to write the transcript [default: in the kept directory, else in the system's for
    /// temporary files].
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

/// Another demonstration than that of an auction.
#[derive(Debug, Subcommand)]
enum Other {
    /// Buy a picture from a merchant, with the links cut after each message in turn.
    Purchase(purchase::Arguments),
}

fn accumulators(text: &str) -> Result<usize, String> {
    let range = || format!("expected {} to {}", ACCUMULATORS.start(), ACCUMULATORS.end());
    text.parse().ok().filter(|count| ACCUMULATORS.contains(count)).ok_or_else(range)
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    if let Some(Other::Purchase(arguments)) = arguments.other {
        return purchase::run(arguments).await;
    }
    let rows = bids_file::read(arguments.bids.as_deref())?;
    let wishes = Wishes {
        currency: arguments.currency.clone(),
        decimals: arguments.decimals,
        min: arguments.min.clone(),
        tick: arguments.tick.clone(),
        levels: arguments.levels,
    };
    let choice = ladder::choose(&rows, &wishes)?;
    if choice.listed {
        note(
            "note: an even ladder of these prices would be too long, so the auction lists exactly \
             the prices of the file; a real auction fixes its prices before any bid",
        );
    }
    let place = Place::new(arguments.keep.as_deref(), arguments.transcript.as_deref())?;
    let begun = Instant::now();
    // One for all of it: a Ctrl-C between two waits must not be lost.
    let mut interrupted = pin!(signals::interrupted());
    let mut servers = tokio::select! {
        started = Servers::start(place.dir(), arguments.accumulators, !arguments.no_settlement) => {
            started?
        }
        () = &mut interrupted => return Err(Failure::Interrupted),
    };
    let demonstration = Demonstration {
        rule: arguments.rule,
        physical: arguments.physical,
        rows: &rows,
        choice: &choice,
        place: &place,
        begun,
    };
    let result = tokio::select! {
        done = demonstration.perform_with(&servers.committee.members, servers.bank.as_ref()) => done,
        () = &mut interrupted => Err(Failure::Interrupted),
    };
    // A server that died says more than whoever waited for it.
    let result = match servers.stopped() {
        Some(stopped) => Err(stopped.into()),
        None => result,
    };
    servers.stop().await;
    let report = result?;
    output::either(arguments.json, &report, || report.in_words())
}

/// The processes of the demonstration.
struct Servers {
    committee: Committee,
    bank: Option<Bank>,
}

impl Servers {
    async fn start(dir: &Path, accumulators: usize, settles: bool) -> Result<Self, Failure> {
        let waiting = Waiting::new("starting the servers");
        let committee = Committee::start(dir, accumulators).await?;
        let bank = if settles { Some(Bank::start(dir).await?) } else { None };
        drop(waiting);
        let pids = committee.pids();
        note(&format!("{} run as processes {pids}", count(accumulators as u64, "accumulator")));
        if let Some(bank) = &bank {
            note(&format!("the settlement server runs as process {}", bank.pid()));
        }
        Ok(Self { committee, bank })
    }

    fn stopped(&mut self) -> Option<ProcessError> {
        self.committee.stopped().or_else(|| self.bank.as_mut().and_then(Bank::stopped))
    }

    async fn stop(self) {
        self.committee.stop().await;
        if let Some(bank) = self.bank {
            bank.stop().await;
        }
    }
}

/// All that is decided before the accumulators run.
struct Demonstration<'a> {
    rule: RuleArgument,
    physical: bool,
    rows: &'a [bids_file::Row],
    choice: &'a Choice,
    place: &'a Place,
    begun: Instant,
}

impl Demonstration<'_> {
    /// All of it, with the clients that it needs.
    async fn perform_with(
        &self,
        members: &[Member],
        bank: Option<&Bank>,
    ) -> Result<Report, Failure> {
        let patience = Patience { pause: PAUSE, ..Patience::default() };
        let members = members.to_vec();
        with_client(patience, async |client| match bank {
            None => self.perform(client, members, None).await,
            Some(bank) => {
                let (dir, currency) = (self.place.dir(), &self.choice.currency);
                let wares = if self.physical {
                    Wares::Vase(Box::new(Vase::new()))
                } else {
                    Wares::Picture(Lot::seal(dir)?)
                };
                with_server(bank.operator(), &bank.charter, async |operator| {
                    let payment = Payment::new(bank, operator, &wares, dir, currency);
                    self.perform(client, members, Some(&payment)).await
                })
                .await
            }
        })
        .await
    }

    /// From announcing to judging.
    async fn perform(
        &self,
        client: &Client,
        members: Vec<Member>,
        payment: Option<&Payment<'_>>,
    ) -> Result<Report, Failure> {
        let mut phases = Phases::default();
        let seller = SecretKey::generate(&mut rand::rng());
        let wanted = self.wanted();
        let spec = self.spec(&seller, members, payment);
        let (spec, bonds) = match payment {
            None => (spec.sign(&seller), Vec::new()),
            Some(payment) => self.bonded(payment, &seller, spec, wanted.len(), &mut phases).await?,
        };
        let auction = asking(client.announce(spec)).await?;
        let id = auction.id();
        note(&format!("auction {id} joined by all"));

        let sent = client.traffic().0;
        let bidding = bid_all(client, &auction, &wanted, &bonds).await?;
        let seal = phases.add("seal", bidding.sealing, None);
        let sent = client.traffic().0 - sent;
        let submit = phases.add("submit", bidding.submitting, Some(sent));
        note(&format!("{}: {}", phase_line(&seal), count(wanted.len() as u64, "bid")));
        note(&format!("{}: every bid has all its receipts", phase_line(&submit)));

        asking(client.close(&auction, EarlyClose::sign(id, &seller))).await?;
        self.rounds(client, &auction, &mut phases).await?;
        let bytes = asking(client.transcript(&auction.spec().accumulators, &id, |_, _| ())).await?;
        let path = self.place.transcript(&id);
        crate::auctions::export::write(&path, &bytes)?;

        // From here on like anybody who was given the file and the id.
        let begun = Instant::now();
        let waiting = Waiting::new("verifying as an outsider");
        let verdict = verify::check(verify::read(&path)?, Some(id)).await?;
        drop(waiting);
        let verified = phases.add("verify", begun.elapsed(), None);
        note(&format!("{}: everything in the transcript holds", phase_line(&verified)));
        let paid = match payment {
            None => None,
            Some(payment) => {
                Some(payment.finish(&verdict, &seller, &bonds, &path, &mut phases).await?)
            }
        };
        let course = Course {
            phases: &phases,
            total: self.begun.elapsed(),
            transcript: &path,
            transcript_bytes: bytes.len(),
            skipped: self.rows.len() - wanted.len(),
            names: &bidding.names,
            payment: paid,
        };
        Ok(Report::new(&verdict, &course))
    }

    /// Accounts, goods in escrow, bonds: the spec as it is announced then, and the bonds.
    async fn bonded(
        &self,
        payment: &Payment<'_>,
        seller: &SecretKey,
        spec: Spec,
        bidders: usize,
        phases: &mut Phases,
    ) -> Result<(SignedSpec, Vec<Bonded>), Failure> {
        let accounts: Vec<SecretKey> =
            (0..bidders).map(|_| SecretKey::generate(&mut rand::rng())).collect();
        let ladder = &spec.ladder;
        let top = ladder.price(Level(ladder.levels())).unwrap_or(Amount(0));
        if top == Amount(0) {
            return Err(Failure::usage(
                "no bond can be put behind a price of nothing, and all prices are that",
                "gavel demo --no-settlement runs the auction alone",
            ));
        }
        payment.open_accounts(&seller.public(), &accounts, top, phases).await?;
        let spec = payment.escrow(seller, spec.sign(seller), phases).await?;
        let verified = spec.clone().verify().map_err(|error| {
            Failure::Payment(error.to_string(), "run the bare auction: gavel demo --no-settlement")
        })?;
        let bonds = payment.bond(&Arc::new(verified), accounts, phases).await?;
        Ok((spec, bonds))
    }

    fn wanted(&self) -> Vec<Wanted<'_>> {
        let levels = self.rows.iter().zip(&self.choice.levels);
        levels.filter_map(|(row, level)| Some(Wanted { row, level: (*level)? })).collect()
    }

    fn spec(
        &self,
        seller: &SecretKey,
        accumulators: Vec<Member>,
        payment: Option<&Payment<'_>>,
    ) -> Spec {
        let now = time::now();
        let closing = time::later(now, BIDDING);
        let last = time::later(closing, ROUNDS);
        let held_until = time::later(last, HOLDING);
        let ladder = &self.choice.ladder;
        let bids = u32::try_from(self.wanted().len()).unwrap_or(u32::MAX);
        Spec {
            nonce: rand::rng().random(),
            seller: seller.public(),
            title: "Blue vase".to_owned(),
            description: String::new(),
            rule: self.rule.into(),
            currency: self.choice.currency.clone(),
            ladder: ladder.clone(),
            opening: now,
            closing,
            last,
            most_bids: bids.max(1),
            accumulators,
            settlement: payment.map(|payment| payment.terms(ladder, held_until)),
            block: BLOCK,
            fan_out: BLOCK,
        }
    }

    /// Watches the rounds until every accumulator has the whole transcript.
    async fn rounds(
        &self,
        client: &Client,
        auction: &Arc<Auction>,
        phases: &mut Phases,
    ) -> Result<(), Failure> {
        let waiting = Waiting::new("rounds");
        let see = |states: &[MemberState]| {
            for taken in phases.add_reported(states) {
                waiting.above(&phase_line(&taken));
            }
            let phases = || states.iter().filter_map(|one| Some(&one.state.as_ref().ok()?.phase));
            if let Some(Phase::Closed { round, step, .. }) = phases().next() {
                waiting.say(format!("round {round}: {step}"));
            }
            let stopped = phases().find_map(|phase| match phase {
                Phase::Stopped(reason) => Some(reason.clone()),
                Phase::Void => Some("its last time passed".to_owned()),
                _ => None,
            });
            match stopped {
                Some(reason) => ControlFlow::Break(Err(Failure::NoOutcome(reason))),
                None if phases().filter(|phase| **phase == Phase::Done).count() == states.len() => {
                    ControlFlow::Break(Ok(()))
                }
                None => ControlFlow::Continue(()),
            }
        };
        client.watch(&auction.spec().accumulators, &auction.id(), PAUSE, see).await
    }
}
