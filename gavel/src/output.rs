//! What goes to standard output: the answer, as text for people or as JSON for programs.
//! Everything else (progress, notes, errors) goes to standard error.

use std::io::Write as _;

use serde::Serialize;

use crate::exit::Failure;

/// Writes lines for people.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    write(text.trim_end())
}

/// Writes one JSON value on one line.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    write(&serde_json::to_string(value).map_err(Failure::Json)?)
}

/// Writes `value` as JSON where that was asked for, and `lines` otherwise.
pub(crate) fn either<T: Serialize>(
    as_json: bool,
    value: &T,
    lines: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if as_json { json(value) } else { text(&lines()) }
}

fn write(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::Output)
}

/// Name and value in aligned columns.
pub(crate) fn columns(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

/// A count with its noun: `1 bid`, `2 bids`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A count with a noun whose plural is another word.
pub(crate) fn count_of(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 3] = ["kB", "MB", "GB"];
    let mut unit = None;
    // In tenths of the unit, rounded once.
    let mut scale = 1u64;
    for name in UNITS {
        if count < scale.saturating_mul(1000) {
            break;
        }
        scale *= 1000;
        unit = Some(name);
    }
    match unit {
        None => format!("{count} B"),
        Some(name) => {
            let tenths = u128::from(count) * 10 / u128::from(scale);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_at_most_three_digits_before_the_point() {
        for (count, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_999, "999.9 kB"),
            (1_250_000, "1.2 MB"),
            (u64::MAX, "18446744073.7 GB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
    }

    #[test]
    fn columns_line_up() {
        let shown = columns(&[("Bids", "12".to_owned()), ("Winner", "Ann".to_owned())]);
        assert_eq!(shown, "Bids    12\nWinner  Ann\n");
        assert_eq!((count(1, "bid"), count(0, "bid")), ("1 bid".to_owned(), "0 bids".to_owned()));
    }
}
