//! `[http]`: the address of the HTTP service, and who may ask.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// The HTTP service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where it listens; nowhere if empty in the file.
    #[serde(deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,
    /// Who may ask (RFC 7617); everyone if empty.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// Whether the health check needs the password, too.
    pub protect_health: bool,
    /// Whether queries are counted by label, too.
    pub detailed_metrics: bool,
    /// Servers whose points are among the metrics: those that have most.
    pub server_points: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8053))),
            user: String::new(),
            password: String::new(),
            password_file: None,
            protect_health: false,
            detailed_metrics: false,
            server_points: 20,
        }
    }
}

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_not_one| {
        let hint = "write \"127.0.0.1:8053\", \"[::]:8053\" for every address, or \"\" for none";
        D::Error::custom(format!("{text:?} is not an address and port; {hint}"))
    })
}

impl Http {
    /// Reads the password's file, and looks whether user and password go together.
    pub(super) fn complete(&mut self, base: &Path) -> Result<(), String> {
        if let Some(file) = &mut self.password_file {
            if !self.password.is_empty() {
                return Err("http.password and http.password_file: give one of the two".into());
            }
            *file = base.join(&*file);
            let text = std::fs::read_to_string(&*file)
                .map_err(|error| format!("http.password_file {}: {error}", file.display()))?;
            self.password = text.lines().next().unwrap_or_default().to_owned();
            if self.password.is_empty() {
                return Err(format!(
                    "http.password_file {}: its first line is empty; put the password there",
                    file.display()
                ));
            }
        }
        match (self.user.is_empty(), self.password.is_empty()) {
            (true, false) => Err("http.password without http.user; give both or none".into()),
            (false, true) => Err("http.user without a password; set http.password_file".into()),
            _ if self.user.contains(':') => {
                Err("http.user must not have a colon (RFC 7617 §2)".into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Http;
    use std::path::Path;

    fn complete(text: &str, base: &Path) -> Result<Http, String> {
        let mut http: Http = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        http.complete(base)?;
        Ok(http)
    }

    fn refused(text: &str) -> String {
        complete(text, Path::new("/nowhere")).map(|_| ()).unwrap_err()
    }

    #[test]
    fn an_empty_address_means_nowhere() {
        let nowhere = Path::new("/nowhere");
        assert_eq!(complete("listen = \"\"", nowhere).unwrap().listen, None);
        let everywhere = complete("listen = \"[::]:8053\"", nowhere).unwrap();
        assert_eq!(everywhere.listen, "[::]:8053".parse().ok());
        let error = refused("listen = \":8053\"");
        assert!(error.starts_with("\":8053\" is not an address and port; write"), "{error}");
    }

    #[test]
    fn the_password_may_stand_in_a_file_beside_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "a:b \n").unwrap();
        let http = complete("user = \"u\"\npassword_file = \"secret\"", folder.path()).unwrap();
        assert_eq!(http.password, "a:b ");
        std::fs::write(folder.path().join("secret"), "\n").unwrap();
        let error = complete("user = \"u\"\npassword_file = \"secret\"", folder.path());
        assert!(error.unwrap_err().ends_with("its first line is empty; put the password there"));
    }

    #[test]
    fn user_and_password_go_together() {
        for (text, word) in [
            ("user = \"u\"", "without a password"),
            ("password = \"p\"", "without http.user"),
            ("user = \"u:v\"\npassword = \"p\"", "colon"),
            ("user = \"u\"\npassword = \"p\"\npassword_file = \"f\"", "one of the two"),
            ("user = \"u\"\npassword_file = \"f\"", "/nowhere/f: No such file"),
        ] {
            let error = refused(text);
            assert!(error.contains(word), "{error}");
        }
    }
}
