//! The secrets of DNS cookies, read from the files `cookies.secrets`.
//!
//! All servers of one anycast address share them. The files may change while the node runs. If a
//! file can't be read any more, the secret that was in it stays.

use std::io;
use std::path::{Path, PathBuf};

use rustix::rand::{GetRandomFlags, getrandom};

use edge_leaves::file_fingerprint::{FileFingerprint, FileVersion};

/// Files at most: the new secret, and the one that is being retired.
pub const MOST: usize = 2;

/// A secret of 16 octets, which the servers of one service share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 16]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("cookies.secrets: read {}: {source}; make it readable or leave it out", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
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

/// The secrets, and the files that have them.
#[derive(Debug)]
pub struct Secrets {
    secrets: Vec<Secret>,
    /// As many as secrets, or none.
    files: Vec<File>,
    error: Option<String>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    seen: Option<FileVersion>,
}

impl Secrets {
    /// The secrets in `paths`, the one that makes cookies first; a random one if there are none.
    ///
    /// # Errors
    /// When a file has no secret, or the system no random numbers.
    pub fn load(paths: &[PathBuf]) -> Result<Self, SecretError> {
        let (mut secrets, mut files) = (Vec::new(), Vec::new());
        for path in paths {
            let stamp = FileFingerprint::read(path).ok().flatten();
            let (secret, text) = read(path)?;
            let seen = stamp.map(|stamp| FileVersion::new(stamp, text.as_bytes()));
            secrets.push(secret);
            files.push(File { path: path.clone(), seen });
        }
        if secrets.is_empty() {
            let mut secret = [0; 16];
            // The kernel never gives less than asked for of so little (getrandom(2)).
            getrandom(&mut secret, GetRandomFlags::empty())
                .map_err(|error| SecretError::Random(error.into()))?;
            secrets.push(Secret(secret));
        }
        Ok(Self { secrets, files, error: None })
    }

    /// The secrets, the one that makes cookies first.
    #[must_use]
    pub fn get(&self) -> &[Secret] {
        &self.secrets
    }

    /// What is wrong with the files now.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Reads the files again that have changed. If one can't be read, its secret stays. Returns
    /// whether a secret or the error has changed.
    pub fn refresh(&mut self) -> bool {
        let (mut has_changed, mut error) = (false, None);
        for (file, secret) in self.files.iter_mut().zip(&mut self.secrets) {
            let stamp = FileFingerprint::read(&file.path).ok().flatten();
            if let (Some(seen), Some(stamp)) = (&file.seen, stamp)
                && seen.is_current(stamp)
            {
                continue;
            }
            match read(&file.path) {
                Ok((new, text)) => {
                    file.seen = stamp.map(|stamp| FileVersion::new(stamp, text.as_bytes()));
                    has_changed |= *secret != new;
                    *secret = new;
                }
                Err(cause) => {
                    file.seen = None;
                    error = Some(format!("{cause}; its former secret stays in use"));
                }
            }
        }
        has_changed |= self.error != error;
        self.error = error;
        has_changed
    }
}

/// A file's secret and its text.
fn read(path: &Path) -> Result<(Secret, String), SecretError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SecretError::Read { path: path.to_path_buf(), source })?;
    let digits = text.trim();
    let is_secret = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match u128::from_str_radix(digits, 16) {
        Ok(secret) if is_secret => Ok((Secret(secret.to_be_bytes()), text)),
        _ => Err(SecretError::Malformed { path: path.to_path_buf() }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Secret, Secrets};

    const ONE: &str = "000102030405060708090a0b0c0d0e0f\n";
    const TWO: &str = "FFffffffffffffffffffffffffffffff";

    fn secret(text: &str) -> Secret {
        Secret(u128::from_str_radix(text.trim(), 16).unwrap().to_be_bytes())
    }

    #[test]
    fn secrets_are_read_in_the_order_of_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        fs::write(&one, ONE).unwrap();
        fs::write(&two, TWO).unwrap();
        let secrets = Secrets::load(&[two, one]).unwrap();
        let counting = std::array::from_fn(|at| u8::try_from(at).unwrap());
        assert_eq!(secrets.get(), [Secret([0xff; 16]), Secret(counting)]);
    }

    #[test]
    fn without_a_file_the_secret_is_another_each_time_and_stays() {
        let mut secrets = Secrets::load(&[]).unwrap();
        let first = secrets.get().to_vec();
        assert_eq!(first.len(), 1);
        assert_ne!(first, Secrets::load(&[]).unwrap().get());
        assert!(!secrets.refresh());
        assert_eq!(secrets.get(), first);
    }

    #[test]
    fn a_file_without_a_secret_is_named_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for text in ["", "0102", "+00102030405060708090a0b0c0d0e0f", &"0".repeat(33)] {
            fs::write(&path, text).unwrap();
            let error = Secrets::load(std::slice::from_ref(&path)).unwrap_err().to_string();
            assert!(error.contains("secret holds no secret; write 32"), "{error}");
        }
        let error = Secrets::load(&["/nowhere/secret".into()]).unwrap_err().to_string();
        assert!(
            error.starts_with("cookies.secrets: read /nowhere/secret: No such file"),
            "{error}"
        );
    }

    #[test]
    fn a_secret_is_rolled_over_by_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&new, ONE).unwrap();
        fs::write(&old, ONE).unwrap();
        let mut secrets = Secrets::load(&[new.clone(), old]).unwrap();
        assert!(!secrets.refresh());
        fs::write(&new, TWO).unwrap();
        assert!(secrets.refresh());
        assert_eq!(secrets.get(), [secret(TWO), secret(ONE)]);
        assert!(!secrets.refresh());
    }

    #[test]
    fn a_file_that_breaks_leaves_its_secret_and_is_told_of_once() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&new, ONE).unwrap();
        fs::write(&old, TWO).unwrap();
        let mut secrets = Secrets::load(&[new.clone(), old.clone()]).unwrap();
        fs::write(&new, "half").unwrap();
        assert!(secrets.refresh());
        let error = secrets.error().unwrap().to_owned();
        assert!(error.contains("new holds no secret"), "{error}");
        assert!(error.ends_with("its former secret stays in use"), "{error}");
        assert!(!secrets.refresh());
        // The other one is followed all the same.
        fs::write(&old, ONE).unwrap();
        assert!(secrets.refresh());
        assert_eq!(secrets.get(), [secret(ONE), secret(ONE)]);
        fs::remove_file(&new).unwrap();
        assert!(secrets.refresh());
        assert!(secrets.error().unwrap().contains("No such file"));
        fs::write(&new, TWO).unwrap();
        assert!(secrets.refresh());
        assert_eq!((secrets.get(), secrets.error()), (&[secret(TWO), secret(ONE)][..], None));
    }
}
