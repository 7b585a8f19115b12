//! Check of minisign signatures.
//!
//! The JSON of a zone doesn't contain the zone's name. The signed, trusted comment has to name it:
//! otherwise somebody who passes zones on could pass on one as another.

use std::borrow::Cow;
use std::fs;

use minisign_verify::{Error, PublicKey, Signature};

use super::config::{GuardConfig, GuardConfigError};
use super::content::ExpectedContent;
use super::refusal::Refusal;

/// The key of a configuration, if it has one.
pub(super) fn key(config: &GuardConfig) -> Result<Option<PublicKey>, GuardConfigError> {
    let (text, place) = match (&config.public_key, &config.public_key_file) {
        (Some(_), Some(_)) => return Err(GuardConfigError::TwoKeys),
        (None, None) => return Ok(None),
        (Some(text), None) => (text.clone(), "public_key".to_owned()),
        (None, Some(path)) => {
            let text = fs::read_to_string(path)
                .map_err(|cause| GuardConfigError::KeyFile { path: path.clone(), cause })?;
            (text, path.display().to_string())
        }
    };
    // The file has a comment before the key; the last line is the key.
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    PublicKey::from_base64(line).map(Some).map_err(|source| GuardConfigError::Key { place, source })
}

/// Whether `signature` is the key's of these octets, and for a zone, of this zone. It is the text
/// of a `.minisig` file; where a header can't hold line ends, `\n` stands for them.
pub(super) fn check(
    key: &PublicKey,
    place: &str,
    (content, octets): (ExpectedContent<'_>, &[u8]),
    signature: Option<&str>,
) -> Result<(), Refusal> {
    let Some(text) = signature else {
        return Err(Refusal::Unsigned { place: place.to_owned() });
    };
    let lines: Cow<'_, str> =
        if text.contains('\n') { text.into() } else { text.replace("\\n", "\n").into() };
    let refuse = |cause| Refusal::Signature { place: place.to_owned(), cause };
    let verified =
        Signature::decode(&lines).and_then(|sign| key.verify(octets, &sign, false).map(|()| sign));
    let sign = verified.map_err(|error| {
        let cause = match error {
            Error::UnexpectedKeyId => "made with another key",
            Error::InvalidSignature => "not of these octets",
            Error::UnexpectedAlgorithm
            | Error::UnsupportedAlgorithm
            | Error::UnsupportedLegacyMode => {
                "not of the hashed kind, which minisign makes by default"
            }
            Error::InvalidEncoding | Error::IoError(_) => "not the text of a .minisig file",
        };
        refuse(cause)
    })?;
    match content {
        ExpectedContent::Zone { apex } if !names(sign.trusted_comment(), apex) => Err(refuse(
            "its trusted comment doesn't name this zone (file:ORIGIN.json, or origin:ORIGIN)",
        )),
        _ => Ok(()),
    }
}

/// Whether a trusted comment names a zone: as minisign writes it for `ORIGIN.json`, or by `-t
/// origin:ORIGIN`.
fn names(comment: &str, apex: &str) -> bool {
    let is_it =
        |name: &str| name.trim_end_matches('.').eq_ignore_ascii_case(apex.trim_end_matches('.'));
    comment.split_ascii_whitespace().any(|word| match word.split_once(':') {
        Some(("origin", name)) => is_it(name),
        Some(("file", name)) => name.strip_suffix(".json").is_some_and(is_it),
        _ => false,
    })
}
