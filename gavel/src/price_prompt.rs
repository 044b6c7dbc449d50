//! A price that stands in no command line, where other users of the machine could read it.

use std::io::{IsTerminal as _, Read as _};
use std::str::FromStr;

use auction::money::{Currency, MoneyError};
use console::Term;
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::price_text::PriceText;
use crate::progress::note;
use crate::signals;

/// Longest line that is read as a price, in bytes.
const MAX_LINE: usize = 128;

/// What stands after `--price`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PriceArgument {
    /// The price, for everybody on the machine to see.
    Said(PriceText),
    /// `-`: it comes on standard input.
    StandardInput,
}

impl FromStr for PriceArgument {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        if text == "-" { Ok(Self::StandardInput) } else { text.parse().map(Self::Said) }
    }
}

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Reads the price from standard input: its first line.
pub(crate) fn read() -> Result<PriceText, Failure> {
    // Room for all that is read: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * MAX_LINE));
    let input = std::io::stdin().lock();
    input
        .take(MAX_LINE as u64)
        .read_to_string(&mut text)
        .map_err(|source| Failure::input("read standard input", "".as_ref(), source))?;
    parse(text.lines().next().unwrap_or_default().trim(), "the price on standard input")
}

/// Asks for the price on the terminal, without showing what is typed; twice, when `twice`.
pub(crate) async fn ask(currency: &Currency, twice: bool) -> Result<PriceText, Failure> {
    restore_echo_when_interrupted();
    let first = hidden_line(format!("Your bid in {} (not shown): ", currency.code())).await?;
    let price = parse(first.trim(), "the price")?;
    if twice && hidden_line("The same once more: ".to_owned()).await?.trim() != first.trim() {
        return Err(Failure::usage("the two prices differ; nothing was bid", "type it again"));
    }
    Ok(price)
}

fn parse(text: &str, what: &str) -> Result<PriceText, Failure> {
    text.parse().map_err(|source| Failure::Money { what: what.to_owned(), source })
}

async fn hidden_line(question: String) -> Result<Zeroizing<String>, Failure> {
    let failed = |source| Failure::input("read", "/dev/tty".as_ref(), source);
    let read = move || {
        let term = Term::stderr();
        term.write_str(&question)?;
        term.read_secure_line().map(Zeroizing::new)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(line) => line.map_err(failed),
        Err(error) => Err(failed(std::io::Error::other(error))),
    }
}

/// Ctrl-C at the question must not leave a terminal that shows nothing of what is typed.
fn restore_echo_when_interrupted() {
    tokio::spawn(async {
        signals::interrupted().await;
        // Where there is no such program, the shell's own line editing brings it back.
        let _ = std::process::Command::new("stty").arg("echo").status();
        note("");
        std::process::exit(i32::from(crate::exit::INTERRUPTED));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_standard_input_and_the_rest_a_price() {
        assert_eq!("-".parse(), Ok(PriceArgument::StandardInput));
        assert!(matches!("12.50".parse(), Ok(PriceArgument::Said(_))));
        assert!("-5".parse::<PriceArgument>().is_err());
        assert!("".parse::<PriceArgument>().is_err());
    }
}
