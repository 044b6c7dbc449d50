//! The figures in words: the table on standard output and in the page.

use super::figure::{Amount, Figure, Target};
use super::plots::grouped;

/// A figure's number in its unit.
pub(crate) fn amount(figure: &Figure, t: f64) -> String {
    let Some(value) = figure.value(t) else {
        let Amount::Missing(_, why) = figure.amount else { return String::new() };
        return why.to_owned();
    };
    let mark = if figure.is_disturbed() { " *" } else { "" };
    let unit = figure.unit();
    match figure.amount {
        Amount::Computation(seconds) => {
            format!("{} T ({:.2} ms){mark}", number(value), seconds * 1e3)
        }
        _ => format!("{} {unit}{mark}", number(value)),
    }
}

/// What is asked for.
pub(crate) fn target(figure: &Figure) -> String {
    match figure.target {
        Some(Target::AtMost(most)) => format!("at most {}", number(most)),
        Some(Target::AtLeast(least)) => format!("at least {}", number(least)),
        None => String::new(),
    }
}

/// Whether it is met, and by how much it is missed.
pub(crate) fn verdict(figure: &Figure, t: f64) -> String {
    match (figure.met(t), figure.missed_by(t)) {
        (Some(true), _) => "met".to_owned(),
        (_, Some(beyond)) => format!("missed by {:.0} %", beyond * 100.0),
        _ => String::new(),
    }
}

/// A number with as many digits as mean something.
fn number(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        // Figures are far smaller than 2^63.
        grouped(value.round() as i64)
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// The table for people at a terminal.
pub(crate) fn text(figures: &[Figure], t: f64) -> String {
    let rows: Vec<[String; 5]> = figures
        .iter()
        .map(|figure| {
            let peer = figure.peer.unwrap_or_default().to_owned();
            [figure.name.clone(), amount(figure, t), target(figure), verdict(figure, t), peer]
        })
        .collect();
    let heads = ["figure", "here", "target", "", "others"].map(str::to_owned);
    let all = || std::iter::once(&heads).chain(&rows);
    let width = |column: usize| {
        all().map(|row| row.get(column).map_or(0, |cell| cell.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text: String = all().map(|row| line(row) + "\n").collect();
    for (bound, missed) in bounds(figures, t) {
        text += &format!("\nMissed: {}.\nBound by: {bound}.\n", missed.join("; "));
    }
    if figures.iter().any(Figure::is_disturbed) {
        text += "\n* measured beside other load: other programs had more than 0.15 cores.\n";
    }
    text
}

/// What bounds the figures that miss their targets, each with these figures.
pub(crate) fn bounds(figures: &[Figure], t: f64) -> Vec<(&str, Vec<String>)> {
    let mut bounds: Vec<(&str, Vec<String>)> = Vec::new();
    for figure in figures {
        let Some(beyond) = figure.missed_by(t) else { continue };
        let missed = format!("{}, by {:.0} %", figure.name, beyond * 100.0);
        let bound = figure.bound.as_deref().unwrap_or("not known yet");
        match bounds.iter_mut().find(|(known, _)| *known == bound) {
            Some((_, all)) => all.push(missed),
            None => bounds.push((bound, vec![missed])),
        }
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_says_by_how_much_and_why() {
        let missed = Figure::new("check", Amount::Computation(24e-6)).at_most(20.0).bound("water");
        let left_out = Figure::new("long", Amount::Missing("s", "left out")).at_most(1.0);
        let text = text(&[missed, left_out], 1e-6);
        assert!(text.contains("24 T (0.02 ms)  at most 20  missed by 20 %"), "{text}");
        assert!(text.contains("Missed: check, by 20 %.\nBound by: water."), "{text}");
        assert!(text.contains("left out"), "{text}");
        assert!(!text.contains('*'));
    }

    #[test]
    fn what_was_measured_beside_other_load_is_marked() {
        let mut figure = Figure::new("a", Amount::Count(12_345.6, "bids/s"));
        figure.others = 0.4;
        assert!(text(&[figure], 1.0).contains("12,346 bids/s *"));
    }
}
