//! The demonstration's payment: from the money that comes in to the receipt and what the audit
//! and the judge say of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::join::Auction;
use auction::keys::{PublicKey, SecretKey};
use auction::money::Amount;
use auction::prices::{Level, PriceLadder};
use auction::settlement_terms::{Delivery, Settlement};
use auction::spec::{EarlyClose, SignedSpec, Time, VerifiedSpec};
use auction::transcript::Verdict;
use serde::Serialize;
use settlement::auctions::Attached;
use settlement::charter_file::CHARTER_FILE;
use settlement::client::{Client, ProvenReceipt};
use settlement::ledger::{Currency, Sum};
use settlement::service::auctions::{DecisionView, Stage};

use super::bank::Bank;
use super::bonding::{Bonded, bond_all};
use super::command::{self, Said};
use super::goods::{Lot, collect, sale_of};
use super::phases::Phases;
use super::report::phase_line;
use super::vase::{Vase, order_of};
use crate::charter::with_server;
use crate::exit::Failure;
use crate::progress::{Counting, Waiting, note};
use crate::receipt::file::{self, Receipts};

/// Between two looks at the settlement.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the settlement may take after the outcome.
const PATIENCE: Duration = Duration::from_secs(600);
/// What a bidder has, as a multiple of the highest price.
const WEALTH: u64 = 2;

/// The payment's part of the report, under the names that `--json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Paid {
    /// Whether the settlement server has decided, and released every other bond.
    pub(crate) settled: bool,
    /// What the winner paid; null without a sale.
    pub(crate) paid: Option<String>,
    pub(crate) winner_balance_before: Option<String>,
    pub(crate) winner_balance_after: Option<String>,
    pub(crate) seller_balance_before: String,
    pub(crate) seller_balance_after: String,
    /// Whether the winner decrypted what the seller had encrypted; null without a sale.
    pub(crate) goods_match: Option<bool>,
    /// With `--physical` and a sale: what the delivery came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<&'static str>,
    /// Credits less debits over all accounts and currencies, in minor units.
    pub(crate) ledger_sum: i64,
    /// Whether the audit from the journal's first byte holds.
    pub(crate) audit: bool,
    /// Whether the judge, from the files alone, finds ordered, delivered and paid; without a
    /// sale, that nothing was owed.
    pub(crate) judge: bool,
}

impl Paid {
    /// The payment for people.
    pub(crate) fn rows(&self, currency: &str) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        let paid = self.paid.as_ref().zip(self.winner_balance_before.as_ref());
        if let (Some((paid, before)), Some(after)) = (paid, &self.winner_balance_after) {
            rows.push(("Paid", format!("{paid} {currency}, and every other bond released")));
            rows.push(("Winner has", format!("{before} -> {after} {currency}")));
        } else {
            rows.push(("Paid", "nothing, and every bond released".to_owned()));
        }
        let (before, after) = (&self.seller_balance_before, &self.seller_balance_after);
        rows.push(("Seller has", format!("{before} -> {after} {currency}")));
        if let Some(same) = self.goods_match {
            let what = if same {
                "the winner decrypted them: they are what the seller put in"
            } else {
                "WHAT THE WINNER DECRYPTED IS NOT WHAT THE SELLER PUT IN"
            };
            rows.push(("Goods", what.to_owned()));
        }
        if self.delivery.is_some() {
            let what = "dispatched, and confirmed by the winner: only then the seller was paid";
            rows.push(("Goods", what.to_owned()));
        }
        let holds = |holds: bool, what: &str| {
            if holds { what.to_owned() } else { "DOES NOT HOLD".to_owned() }
        };
        let sum = format!(
            "from the journal's first byte: holds; all accounts add up to {}",
            self.ledger_sum
        );
        rows.push(("Audit", holds(self.audit, &sum)));
        let found = match self.delivery {
            None => "from files alone: offered, ordered, paid, delivered",
            Some(_) => "from files alone: offered, ordered, paid, dispatched, paid out",
        };
        rows.push(("Judge", holds(self.judge, found)));
        rows
    }
}

/// What is sold.
pub(crate) enum Wares {
    /// A picture, encrypted.
    Picture(Lot),
    /// The vase itself.
    Vase(Box<Vase>),
}

/// The settlement server at work for one auction.
pub(crate) struct Payment<'a> {
    bank: &'a Bank,
    client: &'a Client,
    wares: &'a Wares,
    dir: &'a Path,
    currency: Currency,
}

impl<'a> Payment<'a> {
    pub(crate) fn new(
        bank: &'a Bank,
        client: &'a Client,
        wares: &'a Wares,
        dir: &'a Path,
        currency: &auction::money::Currency,
    ) -> Self {
        Self { bank, client, wares, dir, currency: Currency::from(currency) }
    }

    /// What the spec says of the payment: the bonds cover the whole ladder.
    pub(crate) fn terms(&self, ladder: &PriceLadder, held_until: Time) -> Settlement {
        Settlement {
            server: self.bank.charter.charter.server(),
            ledger: self.bank.charter.charter.id(),
            address: self.bank.charter.address.clone(),
            covers: vec![Level(ladder.levels())],
            held_until,
            fee: None,
            delivery: match self.wares {
                Wares::Picture(lot) => Delivery::Digital(lot.goods),
                Wares::Vase(vase) => Delivery::Physical(vase.terms(held_until)),
            },
        }
    }

    /// Opens everybody's account by a first deposit; the seller's gets one minor unit.
    pub(crate) async fn open_accounts(
        &self,
        seller: &PublicKey,
        bidders: &[SecretKey],
        top: Amount,
        phases: &mut Phases,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let bar = Counting::new("deposits", bidders.len() as u64 + 1);
        let told = |count| bar.add(count);
        if let (Some(one), Some(wealth)) = (Sum::new(1), Sum::new(top.0.saturating_mul(WEALTH))) {
            self.bank.pay_in(self.client, &[*seller], self.currency, one, told).await?;
            let owners: Vec<PublicKey> = bidders.iter().map(SecretKey::public).collect();
            self.bank.pay_in(self.client, &owners, self.currency, wealth, told).await?;
        }
        bar.finish();
        let taken = phases.add("deposit", begun.elapsed(), None);
        note(&format!("{}: {} accounts opened", phase_line(&taken), bidders.len() + 1));
        Ok(())
    }

    /// Deposits goods and key, or registers the vase, and adds the receipt to the spec.
    pub(crate) async fn escrow(
        &self,
        seller: &SecretKey,
        spec: SignedSpec,
        phases: &mut Phases,
    ) -> Result<SignedSpec, Failure> {
        let begun = Instant::now();
        let receipt = with_server(seller, &self.bank.charter, async |seller| match self.wares {
            Wares::Picture(lot) => lot.escrow(seller, &spec).await,
            Wares::Vase(_) => Ok(seller.register(&spec).await?),
        });
        let receipt = receipt.await?;
        let (sent, said) = match self.wares {
            Wares::Picture(lot) => (Some(lot.goods.bytes), "the key to the goods is in escrow"),
            Wares::Vase(_) => (None, "the settlement server has registered it"),
        };
        let taken = phases.add("escrow", begun.elapsed(), sent);
        note(&format!("{}: {said}", phase_line(&taken)));
        Ok(spec.with_escrow(receipt))
    }

    /// Bonds every bidder.
    pub(crate) async fn bond(
        &self,
        spec: &Arc<VerifiedSpec>,
        bidders: Vec<SecretKey>,
        phases: &mut Phases,
    ) -> Result<Vec<Bonded>, Failure> {
        let begun = Instant::now();
        let bar = Counting::new("bonds", bidders.len() as u64);
        let cover = Level(spec.spec().ladder.levels());
        let bonded = bond_all(self.client, spec, cover, bidders, |count| bar.add(count)).await?;
        bar.finish();
        let taken = phases.add("bond", begun.elapsed(), None);
        note(&format!("{}: every bidder is bonded", phase_line(&taken)));
        Ok(bonded)
    }

    /// Waits until the server has decided, in which journal entry it says, and released all other bonds.
    pub(crate) async fn settle(
        &self,
        auction: &Auction,
        word: EarlyClose,
        phases: &mut Phases,
    ) -> Result<(u64, DecisionView), Failure> {
        let begun = Instant::now();
        let waiting = Waiting::new("settling");
        let mut standing = self.client.settle(auction.id(), Some(word)).await?;
        let decision = loop {
            let why = match standing.stage {
                Stage::Decided { entry, decision, holds_left: 0 } => break (entry, decision),
                Stage::Decided { holds_left, .. } => format!("{holds_left} bonds are held yet"),
                Stage::Settling { because: Some(why) } => why,
                Stage::Open | Stage::Settling { because: None } => "it has just begun".to_owned(),
            };
            if begun.elapsed() > PATIENCE {
                return Err(Failure::Payment(
                    format!("the settlement is not done after ten minutes: {why}"),
                    "--keep DIR leaves the settlement server's log",
                ));
            }
            waiting.say(format!("settling: {why}"));
            tokio::time::sleep(PAUSE).await;
            standing = self.client.payment(auction.id()).await?;
        };
        drop(waiting);
        let taken = phases.add("settle", begun.elapsed(), None);
        note(&format!("{}: decided in the ledger, all other bonds released", phase_line(&taken)));
        Ok(decision)
    }

    /// The winner gets what he has bought.
    async fn hand_over(
        &self,
        winner: &Bonded,
        verdict: &Verdict,
        phases: &mut Phases,
    ) -> Result<Evidence, Failure> {
        match self.wares {
            Wares::Picture(lot) => self.collect(lot, winner, verdict, phases).await,
            Wares::Vase(vase) => self.deliver(vase, winner, verdict, phases).await,
        }
    }

    /// The carrier says that he has the vase, the winner that it has come, and the price leaves
    /// escrow.
    async fn deliver(
        &self,
        vase: &Vase,
        winner: &Bonded,
        verdict: &Verdict,
        phases: &mut Phases,
    ) -> Result<Evidence, Failure> {
        let begun = Instant::now();
        let charter = &self.bank.charter;
        let receipts = with_server(&winner.account, charter, async |client| {
            let decision = decision(client, verdict).await?;
            let attachment = decision.proven().attachment.as_deref().unwrap_or_default();
            let Ok(Some(Attached::PhysicalSale(sale))) = Attached::read_bytes(attachment) else {
                return Err(no_sale_in_receipt());
            };
            let order = order_of(client, sale.hold).await?;
            Ok(Receipts::new(decision.receipt().clone(), order))
        });
        let mut receipts = receipts.await?;
        vase.deliver(winner, verdict.auction.id(), charter, &mut receipts).await?;
        let receipts = self.keep(&receipts)?;
        let taken = phases.add("deliver", begun.elapsed(), None);
        let said = "dispatched, and confirmed by the winner";
        note(&format!("{}: {said}", phase_line(&taken)));
        Ok(Evidence { receipts, goods: None, goods_match: None, delivery: Some("paid-out") })
    }

    /// The winner asks for his receipt, opens the goods and compares.
    async fn collect(
        &self,
        lot: &Lot,
        winner: &Bonded,
        verdict: &Verdict,
        phases: &mut Phases,
    ) -> Result<Evidence, Failure> {
        let begun = Instant::now();
        let spec = verdict.auction.verified_spec();
        let collected = with_server(&winner.account, &self.bank.charter, async |client| {
            let decision = decision(client, verdict).await?;
            let sale = sale_of(&decision).ok_or_else(no_sale_in_receipt)?;
            let order = order_of(client, sale.hold).await?;
            let got = collect(client, &winner.bidder, spec, &sale, &lot.goods, self.dir).await?;
            let receipts = self.keep(&Receipts::new(decision.receipt().clone(), order))?;
            Ok(Evidence {
                receipts,
                goods: Some(got.encrypted),
                goods_match: Some(got.goods_match),
                delivery: None,
            })
        });
        let evidence = collected.await?;
        let taken = phases.add("collect", begun.elapsed(), Some(lot.goods.bytes));
        let same = evidence.goods_match == Some(true);
        let matched = if same { "they are the seller's" } else { "THEY DIFFER" };
        note(&format!("{}: the winner has decrypted the goods, {matched}", phase_line(&taken)));
        Ok(evidence)
    }

    /// Without a sale there is the decision's receipt alone.
    pub(crate) async fn nothing_sold(&self, verdict: &Verdict) -> Result<Evidence, Failure> {
        let decision = decision(self.client, verdict).await?;
        let receipts = self.keep(&Receipts::new(decision.receipt().clone(), None))?;
        Ok(Evidence { receipts, goods: None, goods_match: None, delivery: None })
    }

    fn keep(&self, receipts: &Receipts) -> Result<PathBuf, Failure> {
        let path = self.dir.join("sale.receipt");
        file::write(&path, receipts)?;
        Ok(path)
    }

    /// What the judge says of the files that the winner holds.
    pub(crate) async fn judge(
        &self,
        evidence: &Evidence,
        transcript: &Path,
        phases: &mut Phases,
    ) -> Result<Said, Failure> {
        let begun = Instant::now();
        let waiting = Waiting::new("judging");
        let charter = self.bank.dir.join(CHARTER_FILE);
        let mut words: Vec<&OsStr> = vec!["judge".as_ref(), "--charter".as_ref()];
        words.extend([charter.as_os_str(), "--transcript".as_ref(), transcript.as_os_str()]);
        words.extend(["--receipt".as_ref(), evidence.receipts.as_os_str()]);
        if let Some(goods) = &evidence.goods {
            words.extend(["--goods".as_ref(), goods.as_os_str()]);
        }
        let said: Said = command::ask(&words).await?;
        drop(waiting);
        let taken = phases.add("judge", begun.elapsed(), None);
        let found = match (said.complete, evidence.delivery) {
            (false, _) => "NOT EVERYTHING HOLDS",
            (true, None) => "ordered, paid and delivered",
            (true, Some(_)) => "ordered, paid, dispatched and paid out",
        };
        note(&format!("{}: {found}", phase_line(&taken)));
        Ok(said)
    }

    /// All that comes after the outcome: settled, collected, audited, judged.
    pub(crate) async fn finish(
        &self,
        verdict: &Verdict,
        seller: &SecretKey,
        bonds: &[Bonded],
        transcript: &Path,
        phases: &mut Phases,
    ) -> Result<Paid, Failure> {
        let word = EarlyClose::sign(verdict.auction.id(), seller);
        let (entry, decision) = self.settle(&verdict.auction, word, phases).await?;
        let sold = match decision {
            DecisionView::Sale { winner, price, .. }
            | DecisionView::PhysicalSale { winner, price, .. } => {
                bonds.iter().find(|bond| bond.bidder.public() == winner).map(|bond| (bond, price))
            }
            DecisionView::NoSale { .. } | DecisionView::Void | DecisionView::Unreadable => None,
        };
        let evidence = match sold {
            Some((winner, _)) => self.hand_over(winner, verdict, phases).await?,
            None => self.nothing_sold(verdict).await?,
        };
        let currency = &verdict.auction.spec().currency;
        let around = async |owner: &PublicKey| {
            let balances = self.bank.balances_around(self.client, owner, self.currency, entry);
            let (before, after) = balances.await?;
            Ok::<_, Failure>((currency.format(before), currency.format(after)))
        };
        let (seller_before, seller_after) = around(&seller.public()).await?;
        let winners = match sold {
            Some((winner, _)) => Some(around(&winner.account.public()).await?),
            None => None,
        };
        let audit = self.audit(phases).await?;
        let judgement = self.judge(&evidence, transcript, phases).await?;
        let (winner_before, winner_after) = winners.unzip();
        Ok(Paid {
            settled: !matches!(decision, DecisionView::Unreadable),
            paid: sold.map(|(_, price)| currency.format(price)),
            winner_balance_before: winner_before,
            winner_balance_after: winner_after,
            seller_balance_before: seller_before,
            seller_balance_after: seller_after,
            goods_match: evidence.goods_match,
            delivery: evidence.delivery,
            ledger_sum: ledger_sum(&audit)?,
            audit: audit.holds,
            judge: judgement.holds && judgement.complete,
        })
    }

    /// What the audit says of the server's files, as its operator would ask it.
    pub(crate) async fn audit(&self, phases: &mut Phases) -> Result<Said, Failure> {
        let begun = Instant::now();
        let waiting = Waiting::new("auditing from the first byte");
        let dir = self.bank.dir.as_os_str();
        let words = ["settlement".as_ref(), "audit".as_ref(), "--dir".as_ref(), dir];
        let said: Said = command::ask(&words).await?;
        drop(waiting);
        let taken = phases.add("audit", begun.elapsed(), None);
        note(&format!("{}: {}", phase_line(&taken), if said.holds { "holds" } else { "FAILS" }));
        Ok(said)
    }
}

/// What the winner holds at the end, as files.
pub(crate) struct Evidence {
    receipts: PathBuf,
    goods: Option<PathBuf>,
    /// Whether what he decrypted is what the seller encrypted.
    pub(crate) goods_match: Option<bool>,
    /// What the delivery of the vase came to.
    delivery: Option<&'static str>,
}

/// Credits less debits of all currencies, in minor units.
fn ledger_sum(audit: &Said) -> Result<i64, Failure> {
    audit.currencies.iter().try_fold(0, |sum, currency| {
        // '0.00 EUR': without point and unit it counts minor units.
        let counts = |c: &char| c.is_ascii_digit() || *c == '-';
        let digits: String = currency.sum.chars().filter(counts).collect();
        let minor: i64 = digits.parse().map_err(|_| {
            let what = format!("the audit says that the accounts add up to '{}'", currency.sum);
            Failure::Payment(what, "this is a mistake in the program: report it")
        })?;
        Ok(sum + minor)
    })
}

async fn decision(client: &Client, verdict: &Verdict) -> Result<ProvenReceipt, Failure> {
    client.decision(verdict.auction.id()).await?.ok_or_else(no_sale_in_receipt)
}

fn no_sale_in_receipt() -> Failure {
    Failure::Payment(
        "the receipt does not show the decision".to_owned(),
        "this is a mistake in the program: report it",
    )
}
