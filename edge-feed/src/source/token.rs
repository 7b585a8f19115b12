//! A secret in a file, read for each use and never logged.

use std::fmt;
use std::path::{Path, PathBuf};

use hyper::header::HeaderValue;

use super::SourceError;

/// Octets of the longest secret.
const LIMIT: usize = 8192;

/// A bearer token in a file.
pub(crate) struct Token {
    path: PathBuf,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("path", &self.path).finish()
    }
}

impl Token {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// `Bearer` and the token as it is now. The file is small and requests are rare, so that it is
    /// read for each request.
    pub(crate) async fn header(&self) -> Result<HeaderValue, SourceError> {
        let word = secret(&self.path).await?;
        let bad = |_invalid| {
            // The cause would show the secret's octets.
            SourceError::setting(
                self.path.display(),
                "holds control characters; write the token alone",
            )
        };
        let mut header = HeaderValue::from_str(&format!("Bearer {word}")).map_err(bad)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

/// The secret in a file, without the white space around it.
pub(crate) async fn secret(path: &Path) -> Result<String, SourceError> {
    let octets = tokio::fs::read(path).await.map_err(SourceError::file(path))?;
    let wrong = |cause| Err(SourceError::setting(path.display(), cause));
    if octets.len() > LIMIT {
        return wrong("too long for a secret; write it alone");
    }
    let Ok(text) = String::from_utf8(octets) else {
        return wrong("no text; write the secret alone");
    };
    match text.trim() {
        "" => wrong("empty; write the secret into it"),
        word => Ok(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Token;
    use std::fs;

    #[tokio::test]
    async fn a_token_is_trimmed_and_read_anew_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, " s3cret\n\n").unwrap();
        let token = Token::new(path.clone());
        assert_eq!(token.header().await.unwrap(), "Bearer s3cret");
        assert!(!format!("{token:?} {:?}", token.header().await).contains("s3cret"));
        fs::write(&path, "another").unwrap();
        assert_eq!(token.header().await.unwrap(), "Bearer another");
        for (content, says) in [
            (&b"two\nlines s3cret"[..], "holds control characters"),
            (b" \n", "empty"),
            (b"\xff s3cret", "no text"),
        ] {
            fs::write(&path, content).unwrap();
            let error = token.header().await.unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("/token: "), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        fs::remove_file(&path).unwrap();
        assert!(token.header().await.unwrap_err().to_string().contains("No such file"));
    }
}
