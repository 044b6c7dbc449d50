//! What the demonstration says at its end.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use auction::keys::PublicKey;
use auction::transcript::Verdict;
use serde::Serialize;

use super::payment::Paid;
use super::phases::{InOrder, Phases, Taken};
use crate::output::{bytes, columns};
use crate::terms::prices;

/// The result, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    auction: String,
    rule: String,
    /// Bids counted.
    bids: u32,
    /// The winner's name in the file; null without a sale.
    winner: Option<String>,
    /// A decimal; null without a sale.
    price: Option<String>,
    currency: String,
    /// Whether the top bid of a second-price auction was tied.
    tie: bool,
    /// The level of the price; null without a sale.
    level: Option<u32>,
    accumulators: usize,
    levels: u32,
    phase_seconds: InOrder<f64>,
    phase_bytes: InOrder<u64>,
    transcript: String,
    verified: bool,
    /// Prices of the file below the reserve.
    skipped: usize,
    /// Nothing with `--no-settlement`.
    #[serde(flatten)]
    payment: Option<Paid>,
    #[serde(skip)]
    words: Words,
}

/// What people read and programs compute.
#[derive(Debug)]
struct Words {
    prices: String,
    phases: Vec<Taken>,
    signed_by: usize,
    transcript_bytes: usize,
    total: Duration,
}

/// What happened around the verified outcome.
#[derive(Debug)]
pub(crate) struct Course<'a> {
    pub(crate) phases: &'a Phases,
    pub(crate) total: Duration,
    pub(crate) transcript: &'a Path,
    pub(crate) transcript_bytes: usize,
    pub(crate) skipped: usize,
    pub(crate) names: &'a HashMap<PublicKey, String>,
    pub(crate) payment: Option<Paid>,
}

impl Report {
    /// The report of a verified auction.
    pub(crate) fn new(verdict: &Verdict, course: &Course<'_>) -> Self {
        let (spec, outcome) = (verdict.auction.spec(), &verdict.outcome);
        let sale = outcome.sale.as_ref();
        let name = |key: &PublicKey| course.names.get(key).cloned();
        Self {
            auction: verdict.auction.id().to_string(),
            rule: spec.rule.to_string(),
            bids: outcome.bids,
            // Every bid of the auction was made here, so its key has a name.
            winner: sale.map(|sale| name(&sale.winner).unwrap_or_else(|| sale.winner.to_string())),
            price: sale.map(|sale| spec.currency.format(sale.price)),
            currency: spec.currency.code(),
            tie: outcome.tie,
            level: sale.map(|sale| sale.level.0),
            accumulators: verdict.auction.accumulators(),
            levels: spec.ladder.levels(),
            phase_seconds: course.phases.seconds(course.total),
            phase_bytes: course.phases.bytes(),
            transcript: course.transcript.display().to_string(),
            verified: true,
            skipped: course.skipped,
            payment: course.payment.clone(),
            words: Words {
                prices: prices(&spec.currency, &spec.ladder),
                phases: course.phases.all().to_vec(),
                signed_by: verdict.signed_by.len(),
                transcript_bytes: course.transcript_bytes,
                total: course.total,
            },
        }
    }

    /// The report for people.
    pub(crate) fn in_words(&self) -> String {
        let words = &self.words;
        let mut rows = vec![
            ("Auction", self.auction.clone()),
            ("Rule", self.rule.clone()),
            ("Prices", words.prices.clone()),
            ("Bids", self.bids.to_string()),
        ];
        if self.skipped > 0 {
            rows.push(("Skipped", format!("{} below the reserve price", self.skipped)));
        }
        match (&self.winner, &self.price) {
            (Some(winner), Some(price)) => rows.extend([
                ("Winner", winner.clone()),
                ("Price", format!("{price} {}", self.currency)),
                ("Tie", if self.tie { "yes, at the top" } else { "no" }.to_owned()),
            ]),
            _ => rows.push(("Sale", "none".to_owned())),
        }
        let everybody = self.accumulators;
        let verified = format!(
            "as an outsider, without any secret: everything in the transcript holds, and {} of \
             {everybody} accumulators signed the outcome",
            words.signed_by
        );
        let size = bytes(words.transcript_bytes as u64);
        let mut below =
            vec![("Transcript", format!("{} ({size})", self.transcript)), ("Verified", verified)];
        below.extend(self.payment.iter().flat_map(|paid| paid.rows(&self.currency)));
        format!("{}\n{}\n{}", columns(&rows), table(&words.phases, words.total), columns(&below))
    }
}

fn table(phases: &[Taken], total: Duration) -> String {
    let all = phases.iter().filter_map(|taken| taken.bytes).sum();
    let row = |name: &str, time: Duration, sent: Option<u64>| {
        let sent = sent.map_or_else(String::new, bytes);
        format!("{name:<9} {:>9.3} s  {sent:>10}\n", time.as_secs_f64())
    };
    let rows: String =
        phases.iter().map(|taken| row(taken.phase, taken.time, taken.bytes)).collect();
    format!(
        "{:<9} {:>11}  {:>10}\n{rows}{}",
        "Phase",
        "time",
        "sent",
        row("total", total, Some(all))
    )
}

/// A phase in a line, as it ends.
pub(crate) fn phase_line(taken: &Taken) -> String {
    let sent = taken.bytes.map_or_else(String::new, |sent| format!(", {} sent", bytes(sent)));
    format!("{:<9} {:.3} s{sent}", taken.phase, taken.time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn report(winner: Option<&str>) -> Report {
        let mut phases = Phases::default();
        phases.add("seal", Duration::from_millis(250), None);
        phases.add("submit", Duration::from_millis(1500), Some(1_250_000));
        let total = Duration::from_secs(2);
        Report {
            auction: "ab".repeat(32),
            rule: "second-price".to_owned(),
            bids: 12,
            winner: winner.map(str::to_owned),
            price: winner.map(|_| "131.50".to_owned()),
            currency: "EUR".to_owned(),
            tie: false,
            level: winner.map(|_| 114),
            accumulators: 3,
            levels: 135,
            phase_seconds: phases.seconds(total),
            phase_bytes: phases.bytes(),
            transcript: "/tmp/t".to_owned(),
            verified: true,
            skipped: 0,
            payment: None,
            words: Words {
                prices: "75.00 to 142.00 EUR every 0.50, 135 levels".to_owned(),
                phases: phases.all().to_vec(),
                signed_by: 3,
                transcript_bytes: 42_000,
                total,
            },
        }
    }

    #[test]
    fn json_has_the_documented_names_and_nothing_else() {
        let json = serde_json::to_value(report(Some("Jonas Keller"))).unwrap();
        let expected = serde_json::json!({
            "auction": "ab".repeat(32), "rule": "second-price", "bids": 12,
            "winner": "Jonas Keller", "price": "131.50", "currency": "EUR", "tie": false,
            "level": 114, "accumulators": 3, "levels": 135,
            "phase_seconds": {"seal": 0.25, "submit": 1.5, "total": 2.0},
            "phase_bytes": {"submit": 1_250_000, "total": 1_250_000},
            "transcript": "/tmp/t", "verified": true, "skipped": 0,
        });
        assert_eq!(json, expected);
        let json = serde_json::to_value(report(None)).unwrap();
        assert_eq!(
            (&json["winner"], &json["price"], &json["level"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
    }

    #[test]
    fn json_and_words_say_what_was_paid() {
        let paid = Paid {
            settled: true,
            paid: Some("131.50".to_owned()),
            winner_balance_before: Some("284.00".to_owned()),
            winner_balance_after: Some("152.50".to_owned()),
            seller_balance_before: "0.01".to_owned(),
            seller_balance_after: "131.51".to_owned(),
            goods_match: Some(true),
            delivery: None,
            ledger_sum: 0,
            audit: true,
            judge: true,
        };
        let report = Report { payment: Some(paid), ..report(Some("Jonas Keller")) };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["settled"], &json["paid"]), (&Value::Bool(true), &"131.50".into()));
        assert_eq!((&json["ledger_sum"], &json["judge"]), (&0.into(), &Value::Bool(true)));
        let said = report.in_words();
        for part in ["131.50 EUR", "284.00 -> 152.50", "0.01 -> 131.51", "decrypted"] {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
    }

    #[test]
    fn words_say_winner_price_and_phases() {
        let said = report(Some("Jonas Keller")).in_words();
        for part in
            ["Jonas Keller", "131.50 EUR", "seal          0.250 s", "1.2 MB", "/tmp/t (42.0 kB)"]
        {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
        assert!(report(None).in_words().contains("Sale     none"));
    }
}
