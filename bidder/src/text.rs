//! Text of strangers, made safe to print.

/// Longest text of an accumulator that is shown, in characters.
const MAX_SHOWN: usize = 300;

/// Whether a character of a stranger's text may be printed: control characters could command a
/// terminal, and those that turn the direction of writing, or end a line, could make the text
/// read as something else.
#[must_use]
pub fn is_harmless(c: char) -> bool {
    let turns = matches!(c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let ends_line = matches!(c, '\u{2028}' | '\u{2029}');
    !(c.is_control() || turns || ends_line)
}

/// Text of an accumulator, short and of harmless characters.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| if is_harmless(c) { c } else { '\u{fffd}' };
    let mut shown: String = text.chars().map(shown).take(MAX_SHOWN).collect();
    if text.chars().count() > MAX_SHOWN {
        shown.push_str("..");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_a_terminal_or_turns_the_writing_is_replaced() {
        let hostile = "a\u{1b}[2J\r\n\u{202e}b\u{2066}c\u{200f}\u{2028}";
        let shown = printable(hostile);
        assert_eq!(shown, "a\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}");
        assert_eq!(printable("Öl auf Leinwand, שמן"), "Öl auf Leinwand, שמן");
        assert!(printable(&"x".repeat(5_000)).ends_with(".."));
    }
}
