//! `docs/PERFORMANCE.md`: the figures of a full run between what explains them.

use super::figure::Figure;
use super::machine::{cores, processor};
use super::plots::Plot;
use super::stopwatch::Unit;
use super::table::{amount, bounds, target, verdict};

/// What the figures hold, and where the time goes.
const PROSE: &str = include_str!("prose.md");

/// The page. `others` are the cores that other programs had during the run.
pub(crate) fn page(figures: &[Figure], plots: &[Plot], unit: Unit, others: f64) -> String {
    let t = unit.seconds();
    let mut page = format!(
        "# Performance\n\n\
         Written by `cargo run --release -p benches -- report`, which measures all of it in one \
         run: {} cores ({}), other programs had {others:.1} cores on average. Figures are the \
         fastest of several runs, since other programs only ever make one longer{}. Auctions are \
         second-price among three accumulators.\n\n\
         **T** is one variable-base scalar multiplication of the curve library, measured between \
         the figures of the same run, so that a figure holds on another machine. Here it is \
         {:.1} us, and {:.2} times as long while all cores multiply: processor time of several \
         processes at work together is longer by that than what one computes alone.\n\n\
         | figure | here | target | | others |\n|---|---|---|---|---|\n",
        cores(),
        processor(),
        if figures.iter().any(Figure::is_disturbed) {
            "; those with a star were measured beside noticeable other load"
        } else {
            ""
        },
        t * 1e6,
        unit.crowding(),
    );
    for figure in figures {
        page += &format!(
            "| {} | {} | {} | {} | {} |\n",
            figure.name,
            amount(figure, t).replace('*', "\\*"),
            target(figure),
            verdict(figure, t),
            figure.peer.unwrap_or_default()
        );
    }
    let missed = bounds(figures, t);
    if !missed.is_empty() {
        page += "\n## Targets missed, and what bounds them\n";
        for (bound, figures) in missed {
            page += &format!("- *{}*: {bound}.\n", figures.join("; "));
        }
    }
    page += "\n## What belongs to the figures\n";
    for figure in figures {
        if let Some(note) = &figure.note {
            page += &format!("- *{}*: {note}.\n", figure.name);
        }
    }
    page += "\n## How cost grows\n";
    for plot in plots {
        let (title, file) = (&plot.title, plot.file);
        page += &format!("### {title}\n![{title}](plots/{file}.svg)\n\n{}\n", plot.table(t));
    }
    page + PROSE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::Amount;

    #[test]
    fn the_page_has_figures_misses_notes_and_prose() {
        let figure = Figure::new("close", Amount::Count(3.0, "s")).at_most(2.0).note("all of it");
        let page = page(&[figure.bound("light")], &[], Unit::new(), 0.2);
        for part in [
            "| close | 3 s | at most 2 | missed by 50 % |",
            "- *close, by 50 %*: light.",
            "all of it.",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(page.ends_with(PROSE));
    }
}
