//! Basic authentication (RFC 7617).

use std::fmt;
use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The user and password that are asked for.
pub(super) struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

impl Secret {
    /// `None` if `user` is empty: then everyone is admitted.
    pub(super) fn new(user: &str, password: &str) -> Option<Self> {
        (!user.is_empty()).then(|| Self(format!("{user}:{password}").into_bytes()))
    }

    /// Whether the field's value has them. The time that this takes doesn't depend on them.
    pub(super) fn admits(&self, field: &[u8]) -> bool {
        let Some((scheme, token)) = field.split_at_checked(6) else { return false };
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return false;
        }
        STANDARD.decode(token.trim_ascii()).is_ok_and(|given| same(&given, &self.0))
    }
}

/// Whether two are the same, in a time that depends on the length of `given` only.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let padded = expected.iter().chain(std::iter::repeat(&0));
    let difference = given.iter().zip(padded).fold(0, |all, (one, other)| all | (one ^ other));
    black_box(difference) == 0 && given.len() == expected.len()
}

#[cfg(test)]
mod tests {
    use super::{Secret, same};

    #[test]
    fn only_the_user_with_the_password_is_admitted() {
        let secret = Secret::new("Aladdin", "open sesame").unwrap();
        // RFC 7617 §2.
        assert!(secret.admits(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(secret.admits(b"basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        for field in [
            &b""[..],
            b"Basic",
            b"Basic ",
            b"Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZ",
            b"Basic QWxhZGRpbjpvcGVuIHNlc2Ft",
            b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZSE=",
            b"Basic \xff\xff",
        ] {
            assert!(!secret.admits(field), "{field:?}");
        }
    }

    #[test]
    fn without_a_user_there_is_no_secret() {
        assert!(Secret::new("", "").is_none());
    }

    #[test]
    fn what_differs_anywhere_is_not_the_same() {
        assert!(same(b"abc", b"abc"));
        for given in [&b"abd"[..], b"bbc", b"ab", b"abcd", b"abc\0", b""] {
            assert!(!same(given, b"abc"), "{given:?}");
        }
    }
}
