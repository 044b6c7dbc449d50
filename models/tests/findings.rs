//! All states of all models, once; then the page and what is expected of each protocol.

#![expect(clippy::unwrap_used, reason = "a row that is not there is a failure")]

use std::sync::LazyLock;

use models::page;
use models::report::{Column, Report, Row};

static REPORT: LazyLock<Report> = LazyLock::new(Report::make);

fn row(name: &str) -> &'static Row {
    REPORT.rows.iter().find(|row| row.name.starts_with(name)).unwrap()
}

fn levels(name: &str) -> [bool; 3] {
    [Column::Money, Column::Goods, Column::Certified].map(|column| row(name).holds(column))
}

/// Writes the page too when it says something else, so that the next look at what changed shows
/// what is found now.
#[test]
fn the_page_says_what_is_found() {
    let found = page::render(&REPORT);
    assert!(!found.contains("{{"), "a place in page.md is not filled");
    let written = std::fs::read_to_string(page::PATH).unwrap_or_default();
    if found == written {
        return;
    }
    let differs = found.lines().zip(written.lines()).find(|(found, written)| found != written);
    std::fs::write(page::PATH, &found).unwrap();
    panic!(
        "docs/ATOMICITY.md said something else than what is found, and is written anew: see \
         whether you meant that change; first difference (found, written): {differs:?}"
    );
}

#[test]
fn what_the_papers_find_wanting_is_found_wanting() {
    // Tygar 1998, sections 2.2 and 3.1.
    assert_eq!(levels("Digital cash, off line; the customer takes"), [false; 3]);
    assert_eq!(levels("Digital cash, off line; the customer writes"), [false; 3]);
    // Sections 3.2 to 3.4: money atomicity is kept.
    for name in ["First Virtual", "Card number over SSL", "SET"] {
        assert_eq!(levels(name), [true, false, false], "{name}");
    }
    assert!(!row("Card number over SSL").holds(Column::Agreed));
    assert!(row("SET").holds(Column::Agreed));
    // Su and Tygar 1996, section 5.1.
    assert_eq!(levels("Case 1"), [true, false, false]);
}

#[test]
fn the_others_hold() {
    let names = [
        "Case 2, encryption-based",
        "Case 3",
        "NetBill",
        "Gavel's purchase",
        "Case 2, offer and goods",
        "Key with the server",
    ];
    for name in names {
        assert_eq!(levels(name), [true; 3], "{name}");
        assert!(row(name).holds(Column::Agreed), "{name}");
    }
    assert_eq!(levels("An auction's payment"), [true; 3]);
    assert!(row("An auction's payment").holds(Column::NoFreeOption));
    for (name, fits) in [("NetBill", false), ("Gavel's purchase", true)] {
        assert_eq!(row(name).holds(Column::KeyFits), fits, "{name}");
    }
}

#[test]
fn every_protocol_has_a_good_run() {
    let counted: Vec<usize> = REPORT.rows.iter().map(|row| row.messages).collect();
    assert_eq!(counted, [6, 6, 6, 6, 7, 6, 6, 6, 8, 8, 5, 4, 8]);
}

#[test]
fn an_accumulator_can_cancel_and_the_page_says_so() {
    assert!(!REPORT.accumulator.nothing());
}

#[test]
fn one_honest_accumulator_is_enough_and_none_is_not() {
    for asked in &REPORT.rounds {
        let some_honest = !asked.model.contains("all of them");
        assert_eq!(asked.finding.nothing(), some_honest, "{asked:?}");
    }
}

#[test]
fn the_checker_finds_every_rule_that_is_left_out() {
    assert_eq!(REPORT.weakened.len(), 17);
    for asked in &REPORT.weakened {
        assert!(!asked.finding.nothing(), "{asked:?}");
    }
}
