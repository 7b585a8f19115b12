//! A feed's octets and its detached signature come in; whether the operator's key made it goes out.

use std::borrow::Cow;
use std::fs;

use minisign_verify::{Error, PublicKey, Signature};

use super::config::{Config, ConfigError};
use super::refusal::Refusal;

/// The key of a configuration, if it has one.
pub(super) fn key(config: &Config) -> Result<Option<PublicKey>, ConfigError> {
    let (text, place) = match (&config.public_key, &config.public_key_file) {
        (Some(_), Some(_)) => return Err(ConfigError::TwoKeys),
        (None, None) => return Ok(None),
        (Some(text), None) => (text.clone(), "public_key".to_owned()),
        (None, Some(path)) => {
            let text = fs::read_to_string(path)
                .map_err(|cause| ConfigError::KeyFile { path: path.clone(), cause })?;
            (text, path.display().to_string())
        }
    };
    // The file has a comment before the key; the bare line will do.
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    PublicKey::from_base64(line).map(Some).map_err(|source| ConfigError::Key { place, source })
}

/// Whether `signature` is the key's of these octets. It is the text of a `.minisig` file; where a header can't hold line
/// ends, `\n` stands for them.
pub(super) fn check(
    key: &PublicKey,
    place: &str,
    octets: &[u8],
    signature: Option<&str>,
) -> Result<(), Refusal> {
    let Some(text) = signature else {
        return Err(Refusal::Unsigned { place: place.to_owned() });
    };
    let lines: Cow<'_, str> =
        if text.contains('\n') { text.into() } else { text.replace("\\n", "\n").into() };
    let verified = Signature::decode(&lines).and_then(|sign| key.verify(octets, &sign, false));
    verified.map_err(|error| {
        let cause = match error {
            Error::UnexpectedKeyId => "made with another key",
            Error::InvalidSignature => "not of these octets",
            Error::UnexpectedAlgorithm
            | Error::UnsupportedAlgorithm
            | Error::UnsupportedLegacyMode => {
                "not of the hashed kind, which minisign makes unless told otherwise"
            }
            Error::InvalidEncoding | Error::IoError(_) => "not the text of a .minisig file",
        };
        Refusal::Signature { place: place.to_owned(), cause }
    })
}
