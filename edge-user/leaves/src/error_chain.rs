//! An error with its causes, in one line.

use std::error::Error;

/// The error's text and those of its causes, joined by `: `.
///
/// Some errors repeat the text of their cause, at their end or in the middle. A cause that the line
/// already contains as words of its own is left out.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !contains(&text, &words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

/// Whether `words` stand in `text` between blanks, brackets or punctuation: a part of a longer
/// word, of a path or of a URL is something else.
fn contains(text: &str, words: &str) -> bool {
    let is_border = |c: char| c.is_whitespace() || "()[]\"'`,;:".contains(c);
    text.match_indices(words).any(|(at, found)| {
        let (before, behind) = (text.get(..at), text.get(at + found.len()..));
        before.unwrap_or_default().chars().next_back().is_none_or(is_border)
            && behind.unwrap_or_default().chars().next().is_none_or(is_border)
    })
}

#[cfg(test)]
mod tests {
    use super::error_chain;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Above {
        text: &'static str,
        source: io::Error,
    }

    #[test]
    fn causes_follow_and_none_is_repeated() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let plain = Above { text: "no answer", source: refused() };
        assert_eq!(error_chain(&plain), "no answer: connection refused");
        let repeats = Above { text: "connection refused by a server", source: refused() };
        assert_eq!(error_chain(&repeats), "connection refused by a server");
        let middle = Above { text: "attach (connection refused), twice", source: refused() };
        assert_eq!(error_chain(&middle), "attach (connection refused), twice");
    }

    #[test]
    fn a_cause_that_is_only_a_part_of_a_word_or_a_path_is_told() {
        let timeout = || io::Error::other("timeout");
        for text in ["https://h/timeout/x", "timeouts", "a-timeout"] {
            let above = Above { text, source: timeout() };
            assert_eq!(error_chain(&above), format!("{text}: timeout"));
        }
    }
}
