//! An error with its causes, in one line.

use std::error::Error;

/// The error's text and those of its causes, joined by `: `.
///
/// Some errors repeat the text of their cause. A cause that the line already contains is left out.
#[must_use]
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
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
    }
}
