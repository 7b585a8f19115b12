//! A query's cookie and its client's address come in; what the answer's cookie is, and whether it is answered, goes out.
//!
//! Secrets come from files, so that all servers of one anycast address can share them, or are random.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use edge_common::cookie::{Cookie, Ruling, Secret};
use rustix::rand::{GetRandomFlags, getrandom};

/// What is configured of cookies.
#[derive(Clone, Debug)]
pub struct Cookies {
    /// The first makes cookies, all verify them. Without any there are no cookies: the option is ignored.
    pub secrets: Vec<Secret>,
    /// Whether a client that shows a cookie over UDP, but not a good one from us, gets BADCOOKIE (RFC 7873 §5.2.3).
    pub enforce: bool,
    /// Seconds of Unix time, modulo 2³².
    pub clock: fn() -> u32,
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("cookies.secrets: read {}: {source}; make it readable or leave it out", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It doesn't hold a secret.
    #[error(
        "cookies.secrets: {} holds no secret; write 32 hexadecimal digits into it, by \
         `openssl rand -hex 16`",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The system has no random numbers.
    #[error("cookies.secrets: make a secret: {0}; name a file that has one")]
    Random(io::Error),
}

impl Cookies {
    /// No cookies at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { secrets: Vec::new(), enforce: false, clock: now }
    }

    /// With the secrets in `files`, or a random one if there are none.
    ///
    /// # Errors
    /// When a file has no secret, or the system no random numbers.
    pub fn load(files: &[PathBuf], enforce: bool) -> Result<Self, SecretError> {
        let mut secrets = files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        if secrets.is_empty() {
            let mut secret = [0; 16];
            // The kernel never gives less than asked for of so little (getrandom(2)).
            getrandom(&mut secret, GetRandomFlags::empty())
                .map_err(|error| SecretError::Random(error.into()))?;
            secrets.push(Secret(secret));
        }
        Ok(Self { secrets, enforce, clock: now })
    }

    /// Rules on a query's cookie. `None` if there are no cookies.
    pub(super) fn rule(&self, cookie: &Cookie, address: IpAddr) -> Option<Ruling> {
        cookie.rule(&self.secrets, (self.clock)(), address.to_canonical())
    }
}

fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs() & u64::from(u32::MAX)).unwrap_or_default()
}

fn read(path: &Path) -> Result<Secret, SecretError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SecretError::Read { path: path.to_path_buf(), source })?;
    let digits = text.trim();
    let is_secret = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match u128::from_str_radix(digits, 16) {
        Ok(secret) if is_secret => Ok(Secret(secret.to_be_bytes())),
        _ => Err(SecretError::Malformed { path: path.to_path_buf() }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cookies, Secret};

    #[test]
    fn secrets_are_read_in_the_order_of_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        std::fs::write(&one, "000102030405060708090a0b0c0d0e0f\n").unwrap();
        std::fs::write(&two, "FFffffffffffffffffffffffffffffff").unwrap();
        let cookies = Cookies::load(&[two, one], true).unwrap();
        let counting = std::array::from_fn(|at| u8::try_from(at).unwrap());
        assert_eq!(cookies.secrets, [Secret([0xff; 16]), Secret(counting)]);
        assert!(cookies.enforce);
    }

    #[test]
    fn without_a_file_the_secret_is_another_each_time() {
        let secret = || Cookies::load(&[], false).unwrap().secrets;
        assert_eq!(secret().len(), 1);
        assert_ne!(secret(), secret());
    }

    #[test]
    fn a_file_without_a_secret_is_named_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for text in ["", "0102", "+00102030405060708090a0b0c0d0e0f", &"0".repeat(33)] {
            std::fs::write(&path, text).unwrap();
            let error = Cookies::load(std::slice::from_ref(&path), false).unwrap_err().to_string();
            assert!(error.contains("secret holds no secret; write 32"), "{error}");
        }
        let error = Cookies::load(&["/nowhere/secret".into()], false).unwrap_err().to_string();
        assert!(
            error.starts_with("cookies.secrets: read /nowhere/secret: No such file"),
            "{error}"
        );
    }
}
