//! The findings as `docs/ATOMICITY.md`. The words around the tables stand in `page.md`.

use std::fmt::Write as _;

use crate::check::Finding;
use crate::report::{Asked, Column, Report, Row};

/// Where the page stands.
pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ATOMICITY.md");
const TEXT: &str = include_str!("page.md");

/// The whole page.
#[must_use]
pub fn render(report: &Report) -> String {
    let parts = [
        ("{{protocols}}", protocols(&report.rows)),
        ("{{counterexamples}}", counterexamples(&report.rows)),
        ("{{beyond}}", beyond(&report.rows)),
        ("{{accumulator}}", told(&report.accumulator)),
        ("{{rounds}}", table(&report.rounds)),
        (
            "{{two outcomes}}",
            report.rounds.last().map(|one| told(&one.finding)).unwrap_or_default(),
        ),
        ("{{weakened}}", weakened(&report.weakened)),
    ];
    parts.iter().fold(TEXT.to_owned(), |page, (place, part)| page.replace(place, part))
}

/// What is to be read under a column.
fn cell(row: &Row, column: Column) -> String {
    match row.finding(column).map(Finding::nothing) {
        Some(true) => "holds".to_owned(),
        Some(false) => "**fails**".to_owned(),
        None => "-".to_owned(),
    }
}

fn protocols(rows: &[Row]) -> String {
    let mut text = String::from(
        "| protocol | source | money atomicity | goods atomicity | certified delivery | charged \
         only what was agreed | messages | states |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let columns = [Column::Money, Column::Goods, Column::Certified, Column::Agreed];
        let [money, goods, certified, agreed] = columns.map(|column| cell(row, column));
        let states = row.findings.iter().map(|(_, finding)| finding.states).max().unwrap_or(0);
        let Row { name, source, messages, .. } = row;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {source} | {money} | {goods} | {certified} | {agreed} | {messages} | \
             {states} |"
        );
    }
    text
}

/// Every failing property's shortest run; properties of one protocol with one run share it.
fn counterexamples(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut runs: Vec<(Vec<&str>, &Finding)> = Vec::new();
        for (column, finding) in row.findings.iter().filter(|(_, finding)| !finding.nothing()) {
            let Some(title) = title(*column) else { continue };
            match runs.iter_mut().find(|(_, known)| known.run == finding.run) {
                Some((titles, _)) => titles.push(title),
                None => runs.push((vec![title], finding)),
            }
        }
        for (titles, finding) in runs {
            let (name, failing) = (row.name, titles.join(", "));
            let _ = write!(text, "**{name}.** Against: {failing}.\n\n{}\n", told(finding));
        }
    }
    text.trim_end().to_owned()
}

/// The columns whose counterexamples stand with the table's.
fn title(column: Column) -> Option<&'static str> {
    match column {
        Column::Money => Some("money atomicity"),
        Column::Goods => Some("goods atomicity"),
        Column::Certified => Some("certified delivery"),
        Column::Agreed => Some("charged only what was agreed"),
        Column::Accused => Some("nobody honest is accused of fraud"),
        Column::NoFreeOption => Some("no free option"),
        Column::KeyFits => None,
    }
}

fn beyond(rows: &[Row]) -> String {
    let mut text = String::from("| protocol | the key on record opens the goods |\n|---|---|\n");
    let keyed = [
        "Case 2, encryption-based",
        "NetBill",
        "Gavel's purchase",
        "Key with the server beforehand",
    ];
    for row in rows.iter().filter(|row| keyed.contains(&row.name)) {
        let _ = writeln!(text, "| {} | {} |", row.name, cell(row, Column::KeyFits));
    }
    let netbill = rows.iter().find(|row| row.name == "NetBill");
    let run = netbill.and_then(|row| row.finding(Column::KeyFits)).map(told).unwrap_or_default();
    let _ = write!(text, "\nThe shortest run in which it fails in NetBill:\n\n{run}");
    text.trim_end().to_owned()
}

fn table(asked: &[Asked]) -> String {
    let mut text = String::from("| model | property | | states |\n|---|---|---|---|\n");
    for Asked { model, question, finding } in asked {
        let result = if finding.nothing() { "holds" } else { "**fails**" };
        let _ = writeln!(text, "| {model} | {question} | {result} | {} |", finding.states);
    }
    text
}

fn weakened(asked: &[Asked]) -> String {
    let mut text = String::from(
        "| what is left out or done wrong | what then fails | length of the shortest run |\n\
         |---|---|---|\n",
    );
    for Asked { model, question, finding } in asked {
        // The last line of a run says how it ends, and is no step.
        let steps = finding.run.as_ref().map(|run| run.len() - 1);
        let steps = steps.map_or_else(|| "**not found**".to_owned(), |steps| steps.to_string());
        let _ = writeln!(text, "| {model} | {question} | {steps} |");
    }
    text
}

/// A run as a numbered list, with its end as a sentence.
fn told(finding: &Finding) -> String {
    let Some((end, steps)) = finding.run.as_deref().and_then(<[String]>::split_last) else {
        return "There is none.\n".to_owned();
    };
    let mut text = String::new();
    for (number, step) in (1..).zip(steps) {
        let _ = writeln!(text, "{number}. {}", sentence(step));
    }
    let _ = writeln!(text, "\n{}", sentence(end));
    text
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
