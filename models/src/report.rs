//! Everything that is asked, and what was found.

use crate::auction_payment::questions::Question as PaymentQuestion;
use crate::auction_payment::steps::Payment;
use crate::auction_payment::world::{Liars, Weakness as PaymentWeakness};
use crate::check::{Finding, search};
use crate::exchange::{Question, Run, messages};
use crate::exchanges::by_authority::ByAuthority;
use crate::exchanges::by_card::ByCard;
use crate::exchanges::by_escrow::ByEscrow;
use crate::exchanges::by_key::{ByKey, Weakness};
use crate::exchanges::case_1::Case1;
use crate::exchanges::digital_cash::DigitalCash;
use crate::exchanges::first_virtual::FirstVirtual;
use crate::exchanges::purchase::{Purchase, Weakness as PurchaseWeakness};
use crate::protocol::Protocol;
use crate::rounds::questions::Question as RoundsQuestion;
use crate::rounds::steps::{Rounds, Weakness as RoundsWeakness};

/// One protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Where it is described.
    pub source: &'static str,
    /// Messages in its good run; none where there is no good run.
    pub messages: usize,
    /// The findings, each under its column.
    pub findings: Vec<(Column, Finding)>,
}

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Money atomicity.
    Money,
    /// Goods atomicity.
    Goods,
    /// Certified delivery.
    Certified,
    /// Charged only what was agreed.
    Agreed,
    /// The key on record opens the goods.
    KeyFits,
    /// Nobody honest is accused.
    Accused,
    /// Nobody but an accumulator can learn the price and then cancel at no cost.
    NoFreeOption,
}

/// Something asked beside the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Of what.
    pub model: String,
    /// What.
    pub question: &'static str,
    /// What was found.
    pub finding: Finding,
}

/// All findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The protocols.
    pub rows: Vec<Row>,
    /// The shortest run in which an accumulator knows the price and the auction ends void.
    pub accumulator: Finding,
    /// The rounds.
    pub rounds: Vec<Asked>,
    /// Models with a rule left out, each with the question that notices.
    pub weakened: Vec<Asked>,
}

impl Row {
    /// What was found under a column.
    #[must_use]
    pub fn finding(&self, column: Column) -> Option<&Finding> {
        self.findings.iter().find(|(one, _)| *one == column).map(|(_, finding)| finding)
    }

    /// Whether a property was asked and holds.
    #[must_use]
    pub fn holds(&self, column: Column) -> bool {
        self.finding(column).is_some_and(Finding::nothing)
    }
}

impl Report {
    /// Looks through all states of all models.
    #[must_use]
    pub fn make() -> Self {
        // The payment's states are about as much work as all the rest.
        std::thread::scope(|scope| {
            let payment = scope.spawn(payment);
            let (rounds, weakened, accumulator) = (rounds(), weakened(), accumulator());
            let mut rows = rows();
            rows.push(payment.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            Self { rows, accumulator, rounds, weakened }
        })
    }
}

fn rows() -> Vec<Row> {
    let by_key = ByKey::default();
    let netbill = ByKey { offer_apart: true, ..ByKey::default() };
    let unasked = ByKey { unasked: true, ..ByKey::default() };
    vec![
        row(
            "Digital cash, off line; the customer takes the coin back",
            "Tygar 2.2, 3.1",
            DigitalCash { takes_back: true },
        ),
        row(
            "Digital cash, off line; the customer writes the coin off",
            "Tygar 2.2, 3.1",
            DigitalCash { takes_back: false },
        ),
        row("First Virtual", "Tygar 3.2", FirstVirtual),
        row("Card number over SSL", "Tygar 3.3", ByCard { signed: false }),
        row("SET", "Tygar 3.4", ByCard { signed: true }),
        row("Case 1, without atomicity", "Su and Tygar 5.1", Case1),
        row("Case 2, encryption-based", "Su and Tygar 5.1", by_key),
        row("Case 3, authority-based", "Su and Tygar 5.1", ByAuthority::default()),
        row("NetBill", "Tygar 4, steps a to h", netbill),
        row("Gavel's purchase", "SETTLEMENT, steps a to h", Purchase::default()),
        row("Case 2, offer and goods sent unasked", "question of Tygar 7", unasked),
        row("Key with the server beforehand", "question of Tygar 7", ByEscrow),
    ]
}

fn row<P: Protocol>(name: &'static str, source: &'static str, protocol: P) -> Row {
    let asked = [
        (Column::Money, Question::MoneyAtomicity),
        (Column::Goods, Question::GoodsAtomicity),
        (Column::Certified, Question::CertifiedDelivery),
        (Column::Agreed, Question::OnlyWhatWasAgreed),
        (Column::KeyFits, Question::KeyFits),
        (Column::Accused, Question::NobodyHonestAccused),
    ];
    let find = |(column, question)| (column, search(Run::new(protocol.clone(), question)));
    let findings = asked.into_iter().map(find).collect();
    let good = search(Run::honest(protocol.clone(), Question::Success));
    let messages = good.run.as_deref().map_or(0, messages);
    Row { name, source, messages, findings }
}

fn payment() -> Row {
    let asked = [
        (Column::Money, PaymentQuestion::MoneyAtomicity),
        (Column::Goods, PaymentQuestion::GoodsAtomicity),
        (Column::Certified, PaymentQuestion::CertifiedDelivery),
        (Column::NoFreeOption, PaymentQuestion::NoFreeOption),
    ];
    let everything = search(Payment::new(PaymentQuestion::Everything));
    let find = |(column, question)| match everything.nothing() {
        true => (column, everything.clone()),
        false => (column, search(Payment::new(question))),
    };
    let findings = asked.into_iter().map(find).collect();
    let honest = Payment { liars: Liars::NONE, ..Payment::new(PaymentQuestion::Success) };
    let messages = search(honest).run.as_deref().map_or(0, messages);
    let source = "SETTLEMENT, \"An auction's payment\"";
    Row { name: "An auction's payment", source, messages, findings }
}

fn accumulator() -> Finding {
    search(Payment::new(PaymentQuestion::AnAccumulatorCan))
}

const ONE_OUTCOME: &str = "no two complete transcripts with different outcomes";
const COUNTS: &str = "a bid with all receipts, held by an honest accumulator, is counted";

fn rounds() -> Vec<Asked> {
    let ask = |accumulators: usize, all: bool, question| {
        let mut rounds = Rounds::new(accumulators, question);
        if all {
            rounds.dishonest = vec![(0..accumulators).collect()];
        }
        let who = if all { "all".to_owned() } else { format!("1 to {}", accumulators - 1) };
        let question = match question {
            RoundsQuestion::ReceiptedCounts => COUNTS,
            _ => ONE_OUTCOME,
        };
        let model = format!("{accumulators} accumulators, {who} of them dishonest");
        Asked { model: model.replace("1 to 1", "1"), question, finding: search(rounds) }
    };
    let questions = [RoundsQuestion::OneOutcome, RoundsQuestion::ReceiptedCounts];
    let some = [2, 3].into_iter().flat_map(|m| questions.map(|question| ask(m, false, question)));
    let all = [2, 3].map(|m| ask(m, true, RoundsQuestion::OneOutcome));
    some.chain(all).collect()
}

fn weakened() -> Vec<Asked> {
    let mut asked: Vec<Asked> = weakened_keys()
        .into_iter()
        .map(|(model, weakness, question, name)| {
            let protocol = ByKey { weakness: Some(weakness), ..ByKey::default() };
            let finding = search(Run::new(protocol, question));
            Asked { model: format!("Case 2: {model}"), question: name, finding }
        })
        .collect();
    let later = Run::new(ByAuthority { keeps_item_later: true }, Question::GoodsAtomicity);
    asked.push(Asked {
        model: "Case 3: the server pays first and flushes the item afterwards".to_owned(),
        question: "goods atomicity",
        finding: search(later),
    });
    asked.extend(weakened_purchases());
    asked.extend(weakened_payments());
    asked.extend(weakened_rounds());
    asked
}

fn weakened_keys() -> [(&'static str, Weakness, Question, &'static str); 6] {
    use Question::{CertifiedDelivery, GoodsAtomicity, OnlyWhatWasAgreed};
    let (goods, certified) = ("goods atomicity", "certified delivery");
    [
        (
            "the merchant hands the key over before it is paid for",
            Weakness::KeyBeforePayment,
            GoodsAtomicity,
            goods,
        ),
        (
            "the server pays first and flushes the key afterwards",
            Weakness::KeepsKeyLater,
            GoodsAtomicity,
            goods,
        ),
        ("nobody can ask the server afterwards", Weakness::NoQuestions, GoodsAtomicity, goods),
        (
            "the server forgets ids, so an order that comes twice is paid twice",
            Weakness::ForgetsIds,
            OnlyWhatWasAgreed,
            "charged only what was agreed",
        ),
        (
            "the merchant does not compare the signed checksum",
            Weakness::UncheckedOrder,
            CertifiedDelivery,
            certified,
        ),
        ("the server keeps no checksum", Weakness::KeepsNoChecksum, CertifiedDelivery, certified),
    ]
}

fn weakened_purchases() -> [Asked; 3] {
    use Question::{CertifiedDelivery, GoodsAtomicity};
    let (goods, certified) = ("goods atomicity", "certified delivery");
    let asked = [
        (
            "order and key can be parted: who brings an order may attach what he likes",
            PurchaseWeakness::AnythingAttached,
            GoodsAtomicity,
            goods,
        ),
        (
            "the customer orders before she holds the goods",
            PurchaseWeakness::OrdersUnseen,
            GoodsAtomicity,
            goods,
        ),
        (
            "the merchant does not compare the order with his offer",
            PurchaseWeakness::UncheckedOrder,
            CertifiedDelivery,
            certified,
        ),
    ];
    asked.map(|(model, weakness, question, name)| {
        let purchase = Purchase { weakness: Some(weakness) };
        let finding = search(Run::new(purchase, question));
        Asked { model: format!("Gavel's purchase: {model}"), question: name, finding }
    })
}

fn weakened_payments() -> Vec<Asked> {
    use PaymentQuestion::{GoodsAtomicity, NoFreeOption};
    let option = "no free option";
    let asked = [
        (
            "the seller keeps the key until he has seen the price",
            PaymentWeakness::KeyWithSeller,
            NoFreeOption,
            option,
        ),
        ("tickets without bonds", PaymentWeakness::NoBond, NoFreeOption, option),
        (
            "the seller may call the auction off before V",
            PaymentWeakness::SellerMayCancel,
            NoFreeOption,
            option,
        ),
        (
            "the server gives the key to whom the transcript names, paid or not",
            PaymentWeakness::KeyOnTranscript,
            GoodsAtomicity,
            "goods atomicity",
        ),
    ];
    let search = |(model, weakness, question, name)| {
        let payment = Payment { weakness: Some(weakness), ..Payment::new(question) };
        Asked { model: format!("Auction: {model}"), question: name, finding: search(payment) }
    };
    asked.map(search).into()
}

fn weakened_rounds() -> Vec<Asked> {
    use RoundsQuestion::{OneOutcome, ReceiptedCounts};
    let asked = [
        (
            "a restarted node has forgotten what it signed",
            RoundsWeakness::ForgetsRounds,
            OneOutcome,
            ONE_OUTCOME,
        ),
        (
            "a transcript is complete without the message that carries sigma",
            RoundsWeakness::WithoutSigma,
            OneOutcome,
            ONE_OUTCOME,
        ),
        (
            "only what all lists hold counts, no receipts are shown",
            RoundsWeakness::NothingShown,
            ReceiptedCounts,
            COUNTS,
        ),
    ];
    let search = |(model, weakness, question, name)| {
        let rounds = Rounds { weakness: Some(weakness), ..Rounds::new(2, question) };
        Asked { model: format!("Rounds: {model}"), question: name, finding: search(rounds) }
    };
    asked.map(search).into()
}
