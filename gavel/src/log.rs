//! What an accumulator logs, and how much.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::exit::Failure;

/// The variable that says what is logged.
const VARIABLE: &str = "GAVEL_LOG";
/// What is logged when it says nothing.
const DEFAULT: &str = "info";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Begins to log on standard error.
pub(crate) fn begin(json: bool) -> Result<(), Failure> {
    let filter = match std::env::var(VARIABLE) {
        Err(std::env::VarError::NotPresent) => EnvFilter::new(DEFAULT),
        Err(std::env::VarError::NotUnicode(_)) => return Err(malformed("what is no text")),
        Ok(text) if text.trim().is_empty() => EnvFilter::new(DEFAULT),
        Ok(text) => filter(&text)?,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Set once, here; a second time would be a mistake without consequence.
    let _ = if json { subscriber.json().try_init() } else { subscriber.try_init() };
    Ok(())
}

fn filter(text: &str) -> Result<EnvFilter, Failure> {
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    for directive in &directives {
        // A word that is no level would be taken for a part of the program that logs nothing.
        let level = directive.rsplit_once('=').map_or(*directive, |(_, level)| level);
        if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
            return Err(malformed(&format!("'{directive}'")));
        }
    }
    EnvFilter::try_new(directives.join(",")).map_err(|_| malformed(&format!("'{text}'")))
}

fn malformed(got: &str) -> Failure {
    Failure::usage(
        format!("{VARIABLE}: got {got}, expected a level: {}", LEVELS.join(", ")),
        "or levels of parts of the program, with commas between, such as: \
         info,accumulators=debug,link=warn",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_taken_and_mistyped_ones_refused() {
        for right in ["info", "DEBUG", "off", "info,accumulators=debug", "warn, link=trace"] {
            assert!(filter(right).is_ok(), "{right}");
        }
        for wrong in ["inof", "info,", "accumulators", "accumulators=debgu", "5x", "info;debug"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
    }
}
