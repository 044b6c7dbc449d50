//! Consent to what cannot be taken back.

use std::io::{IsTerminal as _, Write as _};

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks on standard error and reads the answer: whether it is a clear yes.
pub(crate) fn consents(question: &str) -> bool {
    let mut answer = String::new();
    let asked = std::io::stderr().write_all(question.as_bytes());
    // A question that cannot be shown, or an answer that cannot be read, is no consent.
    if asked.and_then(|()| std::io::stdin().read_line(&mut answer)).is_err() {
        answer.clear();
    }
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
